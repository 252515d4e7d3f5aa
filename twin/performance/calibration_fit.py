"""Weighted least squares in coordinates u: logarithms of what is positive, and zero at the start.

Residuals are (model - data)/σ, and (u - prior)/σ for unknowns with a prior; shape (n,). For p
unknowns, u has shape (p,) and the Jacobian (n, p).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError, TwinError
from twin.performance.calibration_data import Measurement, Values

Model: TypeAlias = Callable[[Mapping[str, float]], Any]
MOST_RUNS = 200  # steps of one minimisation
MOST_KNOWN = 1000  # runs whose residuals are kept
RANK = 1e-6  # of the largest singular value of a Jacobian with columns of length one
INVOLVED = 1e-3  # share of an unknown in a direction that the data do not see
WEAK = math.log(100.0) / 1.96  # standard error of a logarithm; the interval of 95 % is ×100
WEAK_LINEAR = 1e4  # and of what is not on a log scale, in sizes of its start
NEAR = 0.05  # standard errors from a bound
FARTHEST = math.log(1e12)  # from the start
MISSING = 0.1  # of χ², still to be gained where runs began to fail


@dataclass(frozen=True, slots=True)
class Unknown:
    """A number to be found.

    Args:
        name: by which the model asks for it.
        start: a first guess, inside of the bounds, > 0 if ``log``; within a factor of ten or so.
        bounds: lowest and highest value that can be; by default 0 and inf, or none if not ``log``.
            A logarithm is searched no further than a factor of 1e12 from the start.
        log: search on a logarithmic scale, as is right for what is positive.
        prior: what was known before the data, in the unit of the number, or None.
        uncertainty: its standard uncertainty in the same unit; if ``log``, the prior is log-normal
            and ``uncertainty / prior`` the standard deviation of the logarithm.

    Raises:
        InvalidInputError: a number is out of range.
    """

    name: str
    start: float
    bounds: tuple[float, float] | None = None
    log: bool = True
    prior: float | None = None
    uncertainty: float | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise InvalidInputError(f"name is {self.name!r}: give the name of a number")
        lower, upper = self._bounds()
        object.__setattr__(self, "bounds", (lower, upper))
        if not (math.isfinite(self.start) and lower < self.start < upper):
            raise InvalidInputError(
                f"{self.name} starts at {self.start!r}: give a finite number between its bounds, "
                f"{lower:g} and {upper:g}"
            )
        self._check_prior()

    def value(self, u: float) -> float:
        """The number at a coordinate."""
        return self.start * math.exp(u) if self.log else self.start + u * self.scale

    def coordinate(self, value: float) -> float:
        """The coordinate of a number; -inf of zero if ``log``."""
        if not self.log:
            return (value - self.start) / self.scale
        with np.errstate(divide="ignore"):
            return float(np.log(value / self.start))

    def slope(self, value: float) -> float:
        """By how much the number changes with its coordinate."""
        return value if self.log else self.scale

    @property
    def scale(self) -> float:
        """Of the coordinate if not ``log``."""
        lower, upper = self._bounds()
        return abs(self.start) or (upper - lower if math.isfinite(upper - lower) else 1.0)

    @property
    def limits(self) -> tuple[float, float]:
        """The bounds as coordinates; on a log scale no further than a factor of 1e12."""
        lower, upper = map(self.coordinate, self._bounds())
        return (max(lower, -FARTHEST), min(upper, FARTHEST)) if self.log else (lower, upper)

    @property
    def prior_coordinate(self) -> tuple[float, float] | None:
        """The prior as a coordinate, and its standard deviation."""
        if self.prior is None or self.uncertainty is None:
            return None
        spread = self.uncertainty / (self.prior if self.log else self.scale)
        return self.coordinate(self.prior), spread

    def _bounds(self) -> tuple[float, float]:
        lower, upper = self.bounds or (0.0 if self.log else -math.inf, math.inf)
        if not lower < upper or (self.log and lower < 0):
            raise InvalidInputError(
                f"bounds of {self.name} are {lower!r} and {upper!r}: give the lower one first, "
                "and none below 0, or log=False"
            )
        return float(lower), float(upper)

    def _check_prior(self) -> None:
        if (self.prior is None) != (self.uncertainty is None):
            raise InvalidInputError(f"{self.name} needs both a prior and its uncertainty, or none")
        if self.prior is None or self.uncertainty is None:
            return
        if not (math.isfinite(self.prior) and 0 < self.uncertainty < math.inf):
            raise InvalidInputError(f"uncertainty of {self.name} is {self.uncertainty!r}: give > 0")
        if self.log and not self.prior > 0:
            raise InvalidInputError(
                f"prior of {self.name} is {self.prior!r}: give > 0, or log=False"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A model, its unknowns, and the data; ``step`` is that of differences, in u."""

    model: Model
    unknowns: tuple[Unknown, ...]
    data: tuple[Measurement, ...]
    step: float
    known: dict[bytes, Values] = field(default_factory=dict)  # residuals of runs so far

    @property
    def lower(self) -> Values:
        """Lower bounds of u."""
        return np.array([unknown.limits[0] for unknown in self.unknowns])

    @property
    def upper(self) -> Values:
        """Upper bounds of u."""
        return np.array([unknown.limits[1] for unknown in self.unknowns])

    def values(self, u: Values) -> dict[str, float]:
        """The numbers by name."""
        return {k.name: k.value(float(x)) for k, x in zip(self.unknowns, u, strict=True)}

    def residuals(self, u: Values) -> Values:
        """Weighted residuals, of data and then of priors.

        Raises:
            ConvergenceError: a run failed; the values are in the message.
            InvalidInputError: the model cannot have such values, or gives another shape.
        """
        key = u.tobytes()
        if key not in self.known:
            found = self._run(u)
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[key] = found
        return self.known[key]

    def _run(self, u: Values) -> Values:
        values = self.values(u)
        try:
            thing = self.model(values)
            parts = [data.residuals(thing) for data in self.data]
        except ConvergenceError as error:
            raise with_values(error, values) from error
        return np.concatenate([*parts, self._priors(u)])

    def _priors(self, u: Values) -> Values:
        pairs = zip(u, (unknown.prior_coordinate for unknown in self.unknowns), strict=True)
        return np.array([(x - prior[0]) / prior[1] for x, prior in pairs if prior is not None])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A minimum of χ², with what the Jacobian says about it.

    ``scale`` is that of the errors: 1 if they are known, else the root of χ² per degree of freedom.
    """

    problem: Problem
    point: Values
    residuals: Values
    jacobian: Values
    at_bound: NDArray[np.bool_]
    has_errors: bool

    @property
    def chi2(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residuals @ self.residuals)

    @property
    def degrees_of_freedom(self) -> int:
        """Residuals, those of priors among them, less unknowns."""
        return len(self.residuals) - len(self.point)

    @property
    def scale(self) -> float:
        """Of the errors."""
        return 1.0 if self.has_errors else math.sqrt(self.chi2 / self.degrees_of_freedom)

    @property
    def is_exact(self) -> bool:
        """Whether residuals that should tell the errors are but the tolerance of the fit."""
        reached = self.problem.step**2 * np.linalg.norm(self.jacobian)
        return not self.has_errors and self.chi2 <= float(reached) ** 2

    def analysis(self) -> tuple[Values, Values, NDArray[np.bool_]]:
        """Covariance of u, directions the data do not see, and the unknowns in these.

        Shapes (p, p), (p, k), (p,). In unseen directions the covariance is zero, which is not what
        it is. Unknowns at a bound are held there: their rows are zero too.
        """
        free = np.flatnonzero(~self.at_bound)
        jacobian = self.jacobian[:, free]
        lengths = np.linalg.norm(jacobian, axis=0)
        lengths[lengths == 0] = 1.0
        triangle = np.linalg.qr(jacobian / lengths, mode="r")
        _, singular, rows = np.linalg.svd(triangle)  # all right vectors, if rows are too few
        singular = np.append(singular, np.zeros(len(rows) - len(singular)))
        seen = singular > RANK * max(singular.max(initial=0.0), np.finfo(float).tiny)
        axes = rows.T / lengths[:, None]
        half = axes[:, seen] * self.scale / singular[seen]
        p = len(self.point)
        covariance, unseen, blind = np.zeros((p, p)), np.zeros((p, sum(~seen))), np.zeros(p, bool)
        covariance[np.ix_(free, free)] = half @ half.T
        unseen[free] = axes[:, ~seen] / np.abs(axes[:, ~seen]).max(axis=0, initial=0.0)
        blind[free] = np.any(np.abs(rows.T[:, ~seen]) > INVOLVED, axis=1)
        return covariance, unseen, blind

    def errors(self) -> Values:
        """Standard errors of u; inf of what is not determined or at a bound. Shape (p,)."""
        covariance, _, blind = self.analysis()
        return np.where(blind | self.at_bound, np.inf, np.sqrt(np.diag(covariance)))

    def weak(self) -> NDArray[np.bool_]:
        """Unknowns whose uncertainty, though finite, is beyond all use. Shape (p,)."""
        most = np.array([WEAK if u.log else WEAK_LINEAR for u in self.problem.unknowns])
        return (self.errors() > most) & np.isfinite(self.errors())


def minimised(
    problem: Problem, start: Values, *, offset: Values | float = 0.0, held: int | None = None
) -> tuple[Values, float]:
    """Where |residuals - offset|² is least, and how large it is there.

    Args:
        problem: see ``Problem``.
        start: u, shape (p,).
        offset: of the residuals, as another draw of the noise would have it.
        held: index of an unknown that keeps its value.

    Raises:
        ConvergenceError: no minimum was found, or runs failed on the way to it.
    """
    from scipy.optimize import least_squares

    search = _Search(problem, start, np.arange(len(start)) != held, offset)
    if not search.free.any():
        left = search.residuals(np.zeros(0))
        return start, float(left @ left)
    lower, upper = search.coordinates(problem.lower), search.coordinates(problem.upper)
    first = np.clip(
        search.coordinates(start), np.nextafter(lower, np.inf), np.nextafter(upper, -np.inf)
    )
    search.residuals(first)
    tolerance = problem.step**2
    try:
        found = least_squares(
            search.tried,
            first,
            search.jacobian,
            bounds=(lower, upper),
            x_scale="jac",
            ftol=tolerance,
            xtol=tolerance,
            max_nfev=MOST_RUNS,
        )
    except TwinError as error:  # beside a point where a run did not fail
        raise _blocked(str(error), None) from error
    if found.status == 0:
        raise ConvergenceError(f"no minimum after {MOST_RUNS} steps: start nearer to it", found)
    if search.failures:
        _check_end(found, lower, upper, search.failures[-1])
    return search.point(found.x), float(2 * found.cost)


def fitted(problem: Problem, start: Values, has_errors: bool) -> Fit:
    """The minimum that is reached from ``start``, with its Jacobian. Raises ConvergenceError."""
    point, _ = minimised(problem, start)
    jacobian = _central(problem, point)
    nowhere = np.zeros(len(point), bool)
    free = Fit(problem, point, problem.residuals(point), jacobian, nowhere, has_errors)
    error = np.where(np.isfinite(free.errors()), free.errors(), 0.0)
    distance = np.minimum(point - problem.lower, problem.upper - point)
    return replace(free, at_bound=distance <= np.maximum(NEAR * error, problem.step))


def shown(values: Mapping[str, float]) -> str:
    """Numbers by name, in one line."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in values.items())


def with_values(error: ConvergenceError, values: Mapping[str, float]) -> ConvergenceError:
    """The same error, with the values of the run in its message."""
    return ConvergenceError(f"{error}, with {shown(values)}", error.report)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A problem as ``least_squares`` sees it: x = 1 + u - start, of the unknowns that are free.

    One, since the first trust region is as large as x: an e-fold.
    """

    problem: Problem
    start: Values
    free: NDArray[np.bool_]
    offset: Values | float
    failures: list[str] = field(default_factory=list)

    def coordinates(self, u: Values) -> Values:
        return 1.0 + (u - self.start)[self.free]

    def point(self, x: Values) -> Values:
        found = self.start.copy()
        found[self.free] += x - 1.0
        return np.clip(found, self.problem.lower, self.problem.upper)

    def residuals(self, x: Values) -> Values:
        return self.problem.residuals(self.point(x)) - self.offset

    def tried(self, x: Values) -> Values:
        try:
            return self.residuals(x)
        except TwinError as error:
            self.failures.append(str(error))
            return np.full(len(next(iter(self.problem.known.values()))), np.inf)  # step back

    def jacobian(self, x: Values) -> Values:
        from scipy.optimize import approx_fprime

        step = self.problem.step
        upper = self.coordinates(self.problem.upper)
        return np.atleast_2d(
            approx_fprime(x, self.residuals, np.where(x + step > upper, -step, step))
        )


def _central(problem: Problem, point: Values) -> Values:
    """Central differences, one-sided at a bound."""
    columns = []
    for i, at in enumerate(point):
        ends = []
        for sign in (-1.0, 1.0):
            moved = point.copy()
            moved[i] = min(max(at + sign * problem.step, problem.lower[i]), problem.upper[i])
            ends.append((moved[i], problem.residuals(moved)))
        columns.append((ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0]))
    return np.stack(columns, axis=1)


def _check_end(found: Any, lower: Values, upper: Values, failure: str) -> None:
    """Raises ConvergenceError if a step along the Jacobian would still gain much."""
    free = (found.x - lower > 1e-6) & (upper - found.x > 1e-6)
    left, singular, _ = np.linalg.svd(found.jac[:, free], full_matrices=False)
    seen = left[:, singular > RANK * singular.max(initial=0.0)]
    gain = float(np.sum((seen.T @ found.fun) ** 2))
    if gain > MISSING + 1e-3 * 2 * found.cost:
        raise _blocked(failure, found)


def _blocked(failure: str, found: Any) -> ConvergenceError:
    return ConvergenceError(
        f"runs fail on the way to the minimum ({failure}): set bounds that keep the unknowns where "
        "the model has a solution, or start elsewhere",
        found,
    )
