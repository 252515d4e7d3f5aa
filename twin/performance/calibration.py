"""Calibration: unknown inputs of a model from measurements, how well known, and what follows.

Any model that a function makes of named numbers: a ``TransmissionLine``, a ``Cell``, a formula.
"""

import functools
import math
import warnings as python_warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from microstructures.errors import ConvergenceError, InvalidInputError, TwinError
from solvers import progress
from twin.performance import calibration_intervals as of_intervals
from twin.performance.calibration_cell import adjusted_cell, check_names
from twin.performance.calibration_data import CalibrationWarning, Measurement, Values
from twin.performance.calibration_doubts import Minimum, ambiguous, doubts
from twin.performance.calibration_fit import Fit, Model, Problem, Unknown, fitted, with_values
from twin.performance.calibration_intervals import Interval, IntervalMethod
from twin.performance.calibration_prediction import Prediction, PredictionMethod, predicted
from twin.performance.cell import Cell

if TYPE_CHECKING:
    import pandas as pd

APART = math.log(10.0)  # in u, how far other starts are from the given one; and if not ``log``
APART_LINEAR = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Unknowns found, their uncertainty, and predictions with them.

    ``fit`` has the residuals (n,) and the Jacobian, ``minima`` the values and χ² at which each
    start ended, ``failures`` why others did not, ``warnings`` what to know before using a number.
    """

    fit: Fit
    minima: tuple[Minimum, ...]
    failures: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def values(self) -> dict[str, float]:
        """The unknowns by name, in their units."""
        return self.fit.problem.values(self.fit.point)

    @property
    def standard_errors(self) -> dict[str, float]:
        """By name, in their units, of the linearised model; inf of what is not identifiable."""
        errors = np.where(self.fit.weak(), np.inf, self.fit.errors())
        slopes = [abs(u.slope(self.values[u.name])) for u in self.fit.problem.unknowns]
        return dict(zip(self.values, map(float, errors * slopes), strict=True))

    @property
    def identifiable(self) -> dict[str, bool]:
        """Whether the data determine each unknown, none of the others being given.

        Not, if its effect can be undone by others, its interval of 95 % is a factor of 100 to
        both sides (if not ``log``: 10 000 times the start), it ended at a bound, or different
        starts found different values as good.
        """
        sure = np.isfinite(self.fit.errors()) & ~self.fit.weak() & ~ambiguous(self.fit, self.minima)
        return dict(zip(self.values, map(bool, sure), strict=True))

    @property
    def correlation(self) -> Values:
        """Of the unknowns (of the logarithms where ``log``), shape (p, p); NaN where not known."""
        covariance, errors = self.fit.analysis()[0], self.fit.errors()
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.where(np.isfinite(errors), 1.0, np.nan)
            root = np.sqrt(np.diag(covariance)) * known
            return covariance / np.outer(root, root)

    @property
    def chi2(self) -> float:
        """Sum of the squares of the weighted residuals, those of priors among them."""
        return self.fit.chi2

    @property
    def reduced_chi2(self) -> float:
        """χ² per degree of freedom, about 1 if model and errors are right; NaN if there is none.

        If the data came without errors, it is the square of the noise relative to the weights.
        """
        freedom = self.fit.degrees_of_freedom
        return self.chi2 / freedom if freedom > 0 else math.nan

    @property
    def residuals(self) -> Values:
        """(Model - data)/σ in the order of the data, then (u - prior)/σ; shape (n,)."""
        return self.fit.residuals

    def intervals(
        self,
        level: float = 0.95,
        method: IntervalMethod = "profile",
        *,
        draws: int = 200,
        rng: int | np.random.Generator | None = 0,
    ) -> dict[str, Interval]:
        """Confidence intervals by name.

        Args:
            level: probability with which the true value is inside, 0…1, of each by itself.
            method: "profile": where χ², least over the other unknowns, has risen by the quantile;
                some ten fits for each unknown. "bootstrap": fits to ``draws`` new draws of the
                noise. "linear": from the Jacobian, at no cost; good for small errors only.
            draws: at least 20; percentiles of 95 % want hundreds.
            rng: of the bootstrap.

        Returns:
            An end is infinite (0 below a positive number), with a ``note``, where the data set no
            limit or a bound came first.

        Raises:
            ConvergenceError: a better minimum turned up, or a twentieth of the draws failed.
            InvalidInputError: an argument is out of range.

        Warns:
            CalibrationWarning: an interval is open.

        Source: A. Raue et al., Bioinformatics 25 (2009) 1923, doi:10.1093/bioinformatics/btp358
            [not opened: verify], for profiles and what is not identifiable.
        """
        of_intervals.quantile(self.fit, level)
        if method == "bootstrap":
            points = of_intervals.refitted(self.fit, draws, rng)
            found = of_intervals.bootstrap(self.fit, level, points)
        elif method in ("linear", "profile"):
            found = getattr(of_intervals, method)(self.fit, level)
        else:
            raise InvalidInputError(
                f"method {method!r} is unknown: choose 'profile', 'bootstrap' or 'linear'"
            )
        named = dict(zip(self.values, found, strict=True))
        for name, interval in named.items():
            if interval.is_open:
                _warn(f"the interval of {name} is {interval.note}")
        return named

    def predict(
        self,
        function: Callable[[Any], ArrayLike],
        *,
        model: Model | None = None,
        level: float = 0.95,
        method: PredictionMethod = "linear",
        draws: int = 200,
        rng: int | np.random.Generator | None = 0,
    ) -> Prediction:
        """A number, or an array of them, with the interval that the unknowns leave.

        Args:
            function: from what the model returns (a ``Cell``, if that was calibrated) to numbers.
            model: from the values to the argument of ``function``; by default the calibrated one.
                ``dict`` for the values themselves, or another model that has use for them.
            level: probability, 0…1.
            method: "linear": two runs for each unknown, along the axes of the covariance.
                "sampling": ``draws`` runs with unknowns drawn from it. "bootstrap": with unknowns
                fitted to new draws of the noise, the safest and the most expensive.
            draws: at least 20.
            rng: of sampling and bootstrap.

        Returns:
            Infinite ends where the prediction changes with what the data do not determine. A sum
            that the data determine has a finite interval even if its parts have none.

        Raises:
            ConvergenceError: a run failed (more than a twentieth of many).
            InvalidInputError: an argument is out of range, or the prediction complex.

        Warns:
            CalibrationWarning: the interval is infinite.
        """
        chosen = self.fit.problem.model if model is None else model
        found = predicted(self.fit, function, chosen, level, method, draws, rng)
        if found.note:
            _warn(f"the interval of the prediction is infinite: {found.note}")
        return found

    def to_frame(self, intervals: Mapping[str, Interval] | None = None) -> "pd.DataFrame":
        """One row for each unknown: value, standard error, interval, identifiable.

        ``intervals`` are by default the linear ones of 95 %.
        """
        import pandas as pd

        if intervals is None:
            intervals = dict(zip(self.values, of_intervals.linear(self.fit, 0.95), strict=True))
        rows = [
            {
                "unknown": name,
                "value": value,
                "standard_error": self.standard_errors[name],
                "lower": intervals[name].lower,
                "upper": intervals[name].upper,
                "level": intervals[name].level,
                "identifiable": self.identifiable[name],
            }
            for name, value in self.values.items()
        ]
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        errors = self.standard_errors
        rows = [
            f"{name} = {value:.4g} ± {errors[name]:.2g}"
            if self.identifiable[name]
            else f"{name} = {value:.4g}, not determined"
            for name, value in self.values.items()
        ]
        free = self.fit.degrees_of_freedom
        rows += [f"χ² per degree of freedom {self.reduced_chi2:.3g}"] if free > 0 else []
        return "\n".join([*rows, *(f"Warning: {text}" for text in self.warnings)])


def calibrate(
    model: Cell | Model,
    unknowns: Unknown | Sequence[Unknown],
    data: Measurement | Sequence[Measurement],
    *,
    starts: int = 3,
    step: float | None = None,
    rng: int | np.random.Generator | None = 0,
) -> Calibration:
    """Unknown numbers of a model, such that it describes measurements best.

    Least is the sum of squares of (model - data)/σ, and of (u - prior)/σ for unknowns with a
    prior, by ``scipy.optimize.least_squares`` in logarithms of what is positive. Errors given are
    taken at their word; where none are given, the residuals tell their size.

    Args:
        model: a ``Cell``, whose quantities are named as in ``adjustable(cell)``; or a function of
            the values by name, such as ``lambda p: TransmissionLine(p["ionic"], …)``. It may
            return whatever the data know how to read.
        unknowns: see ``Unknown``; a dozen at most.
        data: one measurement or several: ``MeasuredSpectrum``, ``MeasuredRates``,
            ``MeasuredDischarge``, ``Measured``.
        starts: minimisations, the first from the given start and the others up to a factor of ten
            (if not ``log``: three times its size) from it, to find other minima.
        step: of differences, in e-folds; by default 1e-4, or 2e-2 where cells are discharged.
        rng: of the other starts.

    Raises:
        InvalidInputError: an argument is out of range, the model has no such quantity, or there
            are fewer data than unknowns.
        ConvergenceError: no start ended in a minimum, or a run at the first start failed.

    Warns:
        CalibrationWarning: the data do not determine an unknown, it ended at a bound, minima are
            several, or the model does not describe the data within their errors.

    Accuracy: that of the minimum is ``step²``, far below the standard errors. Standard errors are
        those of the linearised model and of independent normal noise; what the model lacks is in
        none of them.
    """
    problem = _problem(model, unknowns, data, step)
    has_errors = _has_errors(problem)
    _check_counts(problem, has_errors)
    fits, failures = [], []
    for number, start in enumerate(_starts(problem, starts, np.random.default_rng(rng))):
        progress.report("calibrate", number / starts)
        try:
            fits.append(fitted(problem, start, has_errors))
        except TwinError as error:
            failures.append(str(error))
    progress.report("calibrate", 1.0)
    if not fits:
        raise ConvergenceError(f"no start ended in a minimum: {failures[0]}", failures)
    best = min(fits, key=lambda fit: fit.chi2)
    minima = tuple((problem.values(fit.point), fit.chi2) for fit in fits)
    said = tuple(doubts(best, minima))
    for text in said:
        _warn(text)
    return Calibration(best, minima, tuple(failures), said)


def _problem(
    model: Cell | Model,
    unknowns: Unknown | Sequence[Unknown],
    data: Measurement | Sequence[Measurement],
    step: float | None,
) -> Problem:
    several = (unknowns,) if isinstance(unknowns, Unknown) else tuple(unknowns)
    measured = tuple(data) if isinstance(data, Sequence) else (data,)
    names = [unknown.name for unknown in several]
    if not several or len(set(names)) < len(names):
        raise InvalidInputError(f"unknowns are {names}: give at least one, and each once")
    if not measured or not all(hasattr(each, "residuals") for each in measured):
        raise InvalidInputError(f"data are {data!r}: give measurements such as MeasuredSpectrum")
    if isinstance(model, Cell):
        check_names(model, dict.fromkeys(names))
        make: Model = functools.partial(adjusted_cell, model)
    elif callable(model):
        make = model
    else:
        raise InvalidInputError(f"model {model!r} is neither a Cell nor a function of the values")
    thing = _first(make, {unknown.name: unknown.start for unknown in several})
    chosen = max(each.step(thing) for each in measured) if step is None else step
    if not 0 < chosen < 1:
        raise InvalidInputError(f"step is {step!r}: give a small number of e-folds, such as 1e-3")
    return Problem(make, several, measured, float(chosen))


def _first(make: Model, values: dict[str, float]) -> Any:
    try:
        return make(values)
    except KeyError as error:
        raise InvalidInputError(
            f"the model asks for {error}, but the unknowns are {list(values)}: name them alike"
        ) from error
    except ConvergenceError as error:
        raise with_values(error, values) from error


def _has_errors(problem: Problem) -> bool:
    known = [data.has_errors for data in problem.data]
    if all(known):
        return True
    if len(known) > 1 or any(unknown.prior is not None for unknown in problem.unknowns):
        raise InvalidInputError(
            "data without errors cannot be weighed against other data or a prior: give errors"
        )
    return False


def _check_counts(problem: Problem, has_errors: bool) -> None:
    """Also the first run, so that a model that does not fit the data is told at once."""
    count, free = len(problem.residuals(np.zeros(len(problem.unknowns)))), len(problem.unknowns)
    needed = free if has_errors else free + 1
    if count < needed:
        raise InvalidInputError(
            f"{free} unknowns and {count} numbers to find them by: give at least {needed}, fewer "
            "unknowns, or priors"
        )


def _starts(problem: Problem, starts: int, generator: np.random.Generator) -> list[Values]:
    if not isinstance(starts, int | np.integer) or starts < 1:
        raise InvalidInputError(f"starts is {starts!r}: give a whole number from 1")
    reach = np.array([APART if unknown.log else APART_LINEAR for unknown in problem.unknowns])
    low, high = np.maximum(problem.lower, -reach), np.minimum(problem.upper, reach)
    others = [generator.uniform(low, high) for _ in range(starts - 1)]
    return [np.zeros(len(reach)), *others]


def _warn(text: str) -> None:
    python_warnings.warn(text, CalibrationWarning, stacklevel=3)
