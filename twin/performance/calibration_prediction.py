"""Predictions with calibrated unknowns, and how uncertain these leave them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance.calibration_data import Values
from twin.performance.calibration_fit import Fit, Model, shown
from twin.performance.calibration_intervals import quantile, refitted, several, surviving

PredictionMethod: TypeAlias = Literal["linear", "sampling", "bootstrap"]
METHODS = ("linear", "sampling", "bootstrap")
PROBE = 0.05  # in u, along what the data do not see
UNMOVED = 1e-3  # change per e-fold, relative, from which on a prediction depends on it
SPARE = 50  # draws for each that is wanted inside of the bounds


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a calibrated model says, and the interval that the uncertainty of its unknowns leaves.

    Arrays of the shape of the prediction, () of a single number. The noise of a new measurement
    is not in it, nor what the model lacks. Where the prediction depends on what the data do not
    determine, the interval is infinite and ``note`` says so.
    """

    value: Values
    standard_error: Values
    lower: Values
    upper: Values
    level: float
    method: str
    note: str = ""

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        if self.value.ndim:
            return f"prediction of shape {self.value.shape}, {self.level:.0%}{note}"
        return f"{self.value:.4g} in {self.lower:.4g} … {self.upper:.4g}{note}"


def predicted(
    fit: Fit,
    function: Callable[[Any], ArrayLike],
    model: Model,
    level: float,
    method: PredictionMethod,
    draws: int,
    rng: int | np.random.Generator | None,
) -> Prediction:
    """See ``Calibration.predict``."""

    def of(u: Values) -> Values:
        values = fit.problem.values(u)
        found = function(model(values))
        if np.iscomplexobj(found):
            raise InvalidInputError("the prediction is complex: return real and imaginary parts")
        numbers = np.asarray(found, dtype=float)
        if not np.all(np.isfinite(numbers)):
            raise ConvergenceError(f"the prediction is not finite with {shown(values)}", numbers)
        return numbers

    if method not in METHODS:
        raise InvalidInputError(f"method {method!r} is unknown: choose one of {METHODS}")
    value, half = of(fit.point), quantile(fit, level)
    # refits go where the data are merely weak; a straight line cannot
    alone = fit.at_bound if method == "bootstrap" else fit.at_bound | fit.weak()
    blind = _depends(fit, of, value, alone)
    covariance = np.where(np.outer(~alone, ~alone), fit.analysis()[0], 0.0)
    if method == "linear":
        error = _propagated(fit, of, covariance, value)
        low, high = value - half * error, value + half * error
    else:
        points = _points(fit, covariance, method, draws, rng)
        found = surviving(of, points, method)
        error = found.std(axis=0, ddof=1)
        low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    ends = (
        np.where(blind, np.inf, error),
        np.where(blind, -np.inf, low),
        np.where(blind, np.inf, high),
    )
    note = "it depends on what the data do not determine" if np.any(blind) else ""
    return Prediction(value, *ends, level, method, note)


def _propagated(
    fit: Fit, of: Callable[[Values], Values], covariance: Values, value: Values
) -> Values:
    """Standard error by differences over one standard error along each principal axis."""
    variances, axes = np.linalg.eigh(covariance)
    total = np.zeros_like(value)
    for variance, axis in zip(variances, axes.T, strict=True):
        if variance > 0:
            total += _slope(fit, of, math.sqrt(variance) * axis) ** 2
    return np.sqrt(total)


def _slope(fit: Fit, of: Callable[[Values], Values], way: Values) -> Values:
    """Central difference over ± ``way``, shortened where a bound is in it."""
    forth, back = (_room(fit, sign * way) for sign in (1, -1))
    return (of(fit.point + forth * way) - of(fit.point - back * way)) / (forth + back)


def _room(fit: Fit, way: Values) -> float:
    """The share of a way that stays inside of the bounds, at most 1."""
    problem = fit.problem
    room = np.where(way > 0, problem.upper - fit.point, fit.point - problem.lower)
    moving = way != 0
    return float(np.min(room[moving] / np.abs(way[moving]), initial=1.0))


def _depends(
    fit: Fit, of: Callable[[Values], Values], value: Values, alone: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where a prediction changes with what the data do not determine, jointly or ``alone``."""
    unseen = fit.analysis()[1]
    found = np.zeros(value.shape, bool)
    for way in (*unseen.T, *np.eye(len(fit.point))[alone]):
        found |= np.abs(_slope(fit, of, PROBE * way)) > PROBE * UNMOVED * np.abs(value)
    return found


def _points(
    fit: Fit,
    covariance: Values,
    method: PredictionMethod,
    draws: int,
    rng: int | np.random.Generator | None,
) -> Values:
    """Unknowns u that may be, shape (m, p)."""
    if method == "bootstrap":
        return refitted(fit, draws, rng)
    count, generator = several(draws), np.random.default_rng(rng)
    moves = generator.standard_normal((SPARE * count, len(fit.point))) @ _root(covariance).T
    if not fit.has_errors:  # Student's distribution: the size of the errors is uncertain too
        free = fit.degrees_of_freedom
        moves *= np.sqrt(free / generator.chisquare(free, (len(moves), 1)))
    points = fit.point + moves
    inside = np.all((points >= fit.problem.lower) & (points <= fit.problem.upper), axis=1)
    if inside.sum() < count:
        raise ConvergenceError("bounds cut off nearly all draws: use method='bootstrap'", None)
    return points[inside][:count]


def _root(covariance: Values) -> Values:
    variances, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(variances, 0.0))
