"""Intervals of calibrated unknowns: linear, by profile likelihood, and by bootstrap."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from microstructures.errors import ConvergenceError, InvalidInputError, TwinError
from solvers import progress
from twin.performance.calibration_data import Values
from twin.performance.calibration_fit import FARTHEST, Fit, Unknown, minimised, shown

IntervalMethod: TypeAlias = Literal["linear", "profile", "bootstrap"]
FAR = 1e4  # standard errors that a profile is followed, of what is not on a log scale
FIRST = 0.1  # step in u of a profile without a standard error
FOUND = 1e-3  # of the half-width: where the end of a profile is known well enough
BEYOND = 1.03  # of the distance at which an end is expected, so that it is passed
SLOWEST = 0.3  # rise, from which on an end is expected anywhere
BETTER = 0.05  # of the threshold, by which a profile may fall below the minimum
FEWEST = 20  # draws that have percentiles
LOST = 0.05  # share of draws that may fail


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a number probably is; ``lower`` and ``upper`` in its unit.

    An open end is -inf or inf, or 0 below what is positive; then ``note`` says why.
    """

    value: float
    lower: float
    upper: float
    level: float
    method: str
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the data set no limit on one side, or on both."""
        return bool(self.note)

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.value:.4g} in {self.lower:.4g} … {self.upper:.4g}{note}"


def quantile(fit: Fit, level: float) -> float:
    """Half-width of an interval in standard errors: of the normal, or Student's distribution.

    Student's, if the residuals told the size of the errors. Raises InvalidInputError.
    """
    from scipy import stats

    if not 0 < level < 1:
        raise InvalidInputError(f"level is {level!r}: give a probability, 0.95 for 95 %")
    tail = 0.5 + level / 2
    found = stats.norm.ppf(tail) if fit.has_errors else stats.t.ppf(tail, fit.degrees_of_freedom)
    return float(found)


def linear(fit: Fit, level: float) -> list[Interval]:
    """Symmetric in u: of what is on a log scale, a factor. Exact for linear models."""
    half = quantile(fit, level) * fit.errors()
    open_ended = ~np.isfinite(half) | fit.weak()
    ends = [(-math.inf, math.inf) if o else (-h, h) for o, h in zip(open_ended, half, strict=True)]
    notes = ["not determined by the data" if o else "" for o in open_ended]
    return [
        _interval(fit, i, (fit.point[i] + low, fit.point[i] + high), level, "linear", notes[i])
        for i, (low, high) in enumerate(ends)
    ]


def profile(fit: Fit, level: float) -> list[Interval]:
    """Where χ², least over all other unknowns, has risen by the square of the quantile.

    Raises:
        ConvergenceError: a better minimum turned up.
        InvalidInputError: the residuals are to tell the errors, but there are none.
    """
    if fit.is_exact:
        raise InvalidInputError(
            "the model meets the data exactly, so that the residuals tell no error: give errors"
        )
    threshold = (quantile(fit, level) * fit.scale) ** 2
    found = []
    for index, error in enumerate(fit.errors()):
        progress.report("profile", index / len(fit.point))
        guess = math.sqrt(threshold) / fit.scale * error if 0 < error < math.inf else FIRST
        ends = [_end(fit, index, sign * guess, threshold) for sign in (-1, 1)]
        note = "; ".join(why for _, why in ends if why)
        found.append(_interval(fit, index, (ends[0][0], ends[1][0]), level, "profile", note))
    progress.report("profile", 1.0)
    return found


def bootstrap(fit: Fit, level: float, draws: Values) -> list[Interval]:
    """Percentiles of fits to new draws of the noise, shape (m, p)."""
    quantile(fit, level)
    tails = [0.5 - level / 2, 0.5 + level / 2]
    blind = fit.analysis()[2] | fit.at_bound
    found = []
    for i, is_blind in enumerate(blind):
        low, high = (-math.inf, math.inf) if is_blind else np.quantile(draws[:, i], tails)
        note = "not determined by the data" if is_blind else ""
        found.append(_interval(fit, i, (low, high), level, "bootstrap", note))
    return found


def refitted(fit: Fit, count: int, rng: int | np.random.Generator | None) -> Values:
    """Unknowns u fitted to what the model gives with new noise, shape (m, p), m ≤ count.

    Normal noise of the known errors, or of the size that the residuals have; priors are drawn
    anew too.

    Raises:
        ConvergenceError: more than a twentieth of the fits failed.
    """
    generator = np.random.default_rng(rng)
    noise = fit.scale * generator.standard_normal((several(count), len(fit.residuals)))

    def one(offset: Values) -> Values:
        return minimised(fit.problem, fit.point, offset=fit.residuals + offset)[0]

    return surviving(one, noise, "bootstrap")


def several(draws: int) -> int:
    """``draws``. Raises InvalidInputError if they are too few for percentiles."""
    if not isinstance(draws, int | np.integer) or draws < FEWEST:
        raise InvalidInputError(f"draws is {draws!r}: give a whole number from {FEWEST}")
    return int(draws)


def surviving(run: Callable[[Values], Values], rows: Values, task: str) -> Values:
    """Results of runs over rows, without those that fail. Raises ConvergenceError."""
    found, failures = [], []
    for number, row in enumerate(rows):
        progress.report(task, number / len(rows))
        try:
            found.append(run(row))
        except TwinError as error:
            failures.append(str(error))
    progress.report(task, 1.0)
    if len(failures) > LOST * len(rows):
        raise ConvergenceError(
            f"{len(failures)} of {len(rows)} draws of the {task} failed, so that an interval would "
            f"leave them out; the last: {failures[-1]}",
            failures,
        )
    return np.array(found)


def _end(fit: Fit, index: int, step: float, threshold: float) -> tuple[float, str]:
    """Coordinate of one end of a profile; infinite, and why, if it is open."""
    from scipy.optimize import brentq

    problem, unknown = fit.problem, fit.problem.unknowns[index]
    best, side = fit.point[index], "below" if step < 0 else "above"
    limit = problem.lower[index] if step < 0 else problem.upper[index]
    far = math.inf if unknown.log else FAR * abs(step)
    ridge = [_along(fit, index)]  # how the others go with this one, per unit of its coordinate

    @functools.cache
    def rise(distance: float) -> float:
        """Root of the rise of χ² in units of the threshold's, less one."""
        if distance == 0.0:
            return -1.0
        moved = math.copysign(distance, step)
        start = np.clip(fit.point + moved * ridge[-1], problem.lower, problem.upper)
        start[index] = best + moved
        point, chi2 = minimised(problem, start, held=index)
        gain = (chi2 - fit.chi2) / threshold
        if gain < -BETTER:
            raise _BetterMinimum(problem.values(point), chi2)
        ridge.append((point - fit.point) / moved)
        return math.sqrt(max(gain, 0.0)) - 1.0

    room = abs(limit - best)
    inner, outer = 0.0, min(BEYOND * abs(step), room)
    try:
        while (short := rise(outer)) < 0:
            if outer >= min(room, far):
                return math.copysign(math.inf, step), _why(unknown, side, outer >= room)
            # a root of χ² is nearly straight
            inner, outer = outer, min(outer * BEYOND / max(1 + short, SLOWEST), room)
        root = brentq(rise, inner, outer, xtol=problem.step**2, rtol=FOUND)
    except _BetterMinimum as error:
        raise ConvergenceError(
            f"a better fit was found at {shown(error.values)}, χ² {error.chi2:.6g} instead of "
            f"{fit.chi2:.6g}: start there, or calibrate with more starts",
            error.values,
        ) from None
    except TwinError as error:
        return math.copysign(math.inf, step), f"open {side}: {error}"
    return best + math.copysign(float(root), step), ""


def _along(fit: Fit, index: int) -> Values:
    """How far all unknowns go with one of them where χ² rises least, to first order."""
    covariance = fit.analysis()[0]
    variance = covariance[index, index]
    return covariance[index] / variance if variance > 0 else np.eye(len(fit.point))[index]


class _BetterMinimum(Exception):
    """The profile fell below what was taken to be the minimum."""

    def __init__(self, values: dict[str, float], chi2: float) -> None:
        super().__init__(values, chi2)
        self.values, self.chi2 = values, chi2


def _why(unknown: Unknown, side: str, is_last: bool) -> str:
    """Why a profile ended without an end; bounds of a logarithm may be none."""
    bound = unknown.limits[side == "above"]
    is_bound = is_last and not (unknown.log and abs(bound) >= FARTHEST)
    return f"open {side}: " + ("the bound is reached first" if is_bound else "no end in sight")


def _interval(
    fit: Fit, index: int, ends: tuple[float, float], level: float, method: str, note: str
) -> Interval:
    unknown = fit.problem.unknowns[index]
    low, high = (unknown.value(float(u)) for u in ends)
    return Interval(unknown.value(float(fit.point[index])), low, high, level, method, note)
