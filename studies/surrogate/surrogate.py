"""Surrogate: one value of a study as a smooth function of its parameters, with its doubt.

A parameter is its share of the way through its range, of the logarithm if the range says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.design import Point, Range
from studies.surrogate.gaussian_process import Process, fitted
from studies.surrogate.validation import CrossValidation, cross_validated
from studies.values import Values, values_of

if TYPE_CHECKING:
    from studies.study import Study

Numbers = NDArray[np.float64]
LEAST, MOST = 8, 5000  # cases
PER_PARAMETER = 3  # cases
ROUNDING = 1e-9  # shares of a range beyond its ends that are still in it


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process through one value of a study; ``Surrogate.of`` makes it.

    Args:
        name: of the value.
        unit: its own.
        ranges: of the parameters that the value is a function of, by path.
        shares: of the cases, in the unit cube, of shape (cases, parameters).
        values: of the cases.
        errors: their standard errors, 0 where none is stated.
        missing: how many cases lack the value and why, in words.
        folds: of the cross-validation.
    """

    name: str
    unit: str
    ranges: Mapping[str, Range]
    shares: Numbers = field(repr=False)
    values: Numbers = field(repr=False)
    errors: Numbers = field(repr=False)
    missing: str = ""
    folds: int = 10

    @classmethod
    def of(
        cls,
        study: "Study",
        name: str,
        *,
        parameters: Sequence[str] | None = None,
        log: Sequence[str] = (),
        folds: int = 10,
    ) -> "Surrogate":
        """The surrogate of a value of a study.

        Args:
            study: as far as it has been run, of any design.
            name: of the value.
            parameters: of which it is a function, by path; all that vary by default. What others
                do is noise: leave out seeds, so that cases that differ by them are repetitions.
            log: parameters to be taken in logarithms; those of ranges in logarithms are anyway.
            folds: of the cross-validation, 2 or more; as many as there are cases leaves out one at
                a time.

        Raises:
            InvalidInputError: no such value or parameter, one that is no number, one value
                everywhere, too few cases, or scikit-learn is not installed.
        """
        values = values_of(study, name)
        ranges = _ranges(study, values, parameters, log)
        numbers = np.array(list(values.numbers.values()))
        errors = np.array([values.errors.get(key, 0.0) for key in values.numbers])
        shares = np.array([_shares(ranges, point) for point in values.parameters])
        _check(values, numbers, shares, folds)
        return cls(name, values.unit, ranges, shares, numbers, errors, values.told, folds)

    @cached_property
    def process(self) -> Process:
        """The Gaussian process through all cases."""
        return fitted(self.shares, self.values, self.errors)

    @cached_property
    def cross_validation(self) -> CrossValidation:
        """What it predicts for cases that it has not seen; a fit for each fold."""
        return cross_validated(self.shares, self.values, self.errors, self.folds)

    @property
    def noise(self) -> float:
        """Standard deviation of cases about the function beyond their own standard errors."""
        return self.process.noise

    def predict(self, points: Sequence[Mapping[str, Any]]) -> tuple[Numbers, Numbers]:
        """The function at points, and its standard deviation, in the unit of the value.

        A further case lies about it by ``noise`` and its own standard error besides.

        Args:
            points: values by path, of all parameters of the surrogate; others are not looked at.

        Raises:
            InvalidInputError: a parameter is missing, or outside the range that was visited.
        """
        shares = np.array([_shares(self.ranges, point) for point in points])
        outside = (shares < -ROUNDING) | (shares > 1 + ROUNDING)
        for row, column in np.argwhere(outside)[:1]:
            path = list(self.ranges)[column]
            span = self.ranges[path]
            raise InvalidInputError(
                f"{path} is {points[row][path]!r}, and the surrogate knows {span.low:g}…"
                f"{span.high:g} only: ask within, or run cases out there"
            )
        return self.process.predict(shares)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes its predictions doubtful."""
        found = []
        if self.missing:
            found.append(f"cases without {self.name} are left out: {self.missing}")
        if self.cross_validation.is_nothing:
            found.append(f"the surrogate has learnt nothing: {self.cross_validation}")
        if self.cross_validation.is_too_sure:
            found.append(f"the surrogate is too sure of itself: {self.cross_validation}")
        if self.errors.any() and self.cross_validation.is_too_unsure:
            found.append(
                "cases scatter less than the standard errors which they state, or these are not "
                f"independent: {self.cross_validation}"
            )
        if set(self.errors) != {0.0} and not self.errors.all():
            found.append("some cases state no standard error, which counts as none")
        return tuple(found)

    def __str__(self) -> str:
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return (
            f"{self.name} of {len(self.values)} cases by {', '.join(self.ranges)}: "
            f"{self.cross_validation}; noise {self.noise:.3g}{unit}"
        )


def _ranges(
    study: "Study", values: Values, parameters: Sequence[str] | None, log: Sequence[str]
) -> dict[str, Range]:
    """Ranges of the parameters that vary: those of the design, or from least to most."""
    given = getattr(study.design, "ranges", {})
    for path in [*(parameters or ()), *log]:
        if path not in study.design.names:
            raise InvalidInputError(
                f"{path!r} is no parameter of the study: there are {', '.join(study.design.names)}"
            )
    found = {}
    for path in study.design.names if parameters is None else parameters:
        visited = [point[path] for point in values.parameters]
        if all(one == visited[0] for one in visited):
            continue
        if not all(map(_is_number, visited)):
            named = ", ".join(sorted({str(one) for one in visited if not _is_number(one)})[:4])
            raise InvalidInputError(
                f"parameter {path!r} is {named}, and a surrogate wants numbers: name the others "
                "as parameters=…, or make a study for each of these"
            )
        span = given.get(path) or Range(min(visited), max(visited))
        found[path] = Range(span.low, span.high, span.log or path in log)
    if not found:
        raise InvalidInputError("no parameter varies among the cases that have a result")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shares(ranges: Mapping[str, Range], point: Point | Mapping[str, Any]) -> list[float]:
    """A point in the unit cube."""
    found = []
    for path, span in ranges.items():
        value: Any = point.get(path)
        if not _is_number(value):
            raise InvalidInputError(f"{path} is {value!r}: give a number for {', '.join(ranges)}")
        if span.log:
            share = math.log(value / span.low) / math.log(span.high / span.low) if value > 0 else -1
        else:
            share = (value - span.low) / (span.high - span.low)
        found.append(share)
    return found


def _check(values: Values, numbers: Numbers, shares: Numbers, folds: int) -> None:
    places = len(np.unique(shares.round(9), axis=0))
    wanted = max(LEAST, PER_PARAMETER * shares.shape[1])
    told = f" ({values.told})" if values.told else ""
    if places < wanted:
        raise InvalidInputError(
            f"{values.name!r} is known at {places} points{told}, and a surrogate of "
            f"{shares.shape[1]} parameters wants {wanted}: run more"
        )
    if len(numbers) > MOST:
        raise InvalidInputError(
            f"{len(numbers)} cases are too many for a Gaussian process, {MOST} at most: make a "
            "smaller study"
        )
    if np.ptp(numbers) <= 1e-12 * np.abs(numbers).max():
        raise InvalidInputError(
            f"{values.name!r} is {numbers[0]:g} in all cases: there is nothing to learn"
        )
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise InvalidInputError(f"folds is {folds!r}: give a whole number, 2 or more")
