"""Goals: numbers to be made large or small where constraints hold, and how cases meet them."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.optimise.margins import violation
from studies.optimise.pareto import costs
from studies.store import FINE

if TYPE_CHECKING:
    import pandas as pd

Texts = str | Sequence[str]
Numbers = NDArray[np.float64]
ERRORS = 2.0  # standard errors of a difference that tell two cases apart: 95 % if they are normal
TOLD = ("status", "reason")


@dataclass(frozen=True)
class Goals:
    """What is wanted of a case.

    Args:
        maximise: names of numbers, a text or several; of values or of parameters.
        minimise: likewise.
        constraints: comparisons between values and parameters, see ``studies.constraints``.

    Raises:
        InvalidInputError: no text, none at all, or a number twice.
    """

    maximise: Texts = ()
    minimise: Texts = ()
    constraints: Texts = ()

    def __post_init__(self) -> None:
        for name in ("maximise", "minimise", "constraints"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        if not self.names:
            raise InvalidInputError(
                "there is nothing to optimise: name a value to maximise or to minimise"
            )
        if twice := [name for name in self.names if self.names.count(name) > 1]:
            raise InvalidInputError(f"{twice[0]!r} is an objective twice: keep one of them")

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives: first what is maximised, then what is minimised."""
        return (*self.maximise, *self.minimise)

    @property
    def directions(self) -> tuple[str, ...]:
        """For each of them "maximise" or "minimise", as of ``studies.optimise.pareto``."""
        return ("maximise",) * len(self.maximise) + ("minimise",) * len(self.minimise)

    def judge(self, frame: "pd.DataFrame") -> "Judged":
        """How each case of a frame meets the goals.

        Args:
            frame: of a study, with or without standard errors. What is blocked has a result if all
                its numbers that count are known.

        Raises:
            InvalidInputError: an objective or a constraint names what no case has.
        """
        statuses = frame["status"].to_numpy(dtype=str)
        try:
            return self._judged(frame, np.isin(statuses, FINE))
        except InvalidInputError:
            if "ok" in statuses:
                raise
            return self._judged(frame, np.zeros(len(frame), dtype=bool))  # no values, no names

    def _judged(self, frame: "pd.DataFrame", is_fine: NDArray[np.bool_]) -> "Judged":
        """Likewise, of the cases that may have a result."""
        names = [name for name in frame.columns if name not in TOLD and not name.endswith(" ±")]
        values = np.full((len(frame), len(self.names)), math.nan)
        errors, violations = values.copy(), np.full((len(frame), len(self.constraints)), math.nan)
        if is_fine.any():
            for column, name in enumerate(self.names):
                values[is_fine, column] = _numbers(frame[is_fine], name, names)
                if name not in frame.attrs.get("units", {name: ""}):
                    errors[is_fine, column] = 0.0  # a parameter is what it was set to
                elif f"{name} ±" in frame:
                    errors[is_fine, column] = frame.loc[is_fine, f"{name} ±"]
            tests = [violation(text, names) for text in self.constraints]
            rows = frame.loc[is_fine, names].to_dict("records")
            violations[is_fine] = [[test(row) for test in tests] for row in rows]
        return Judged(self, values, errors, violations)


@dataclass(frozen=True)
class Judged:
    """How cases meet goals, a row each.

    Args:
        goals: those.
        values: of the objectives, NaN without a result; shape (cases, objectives).
        errors: their standard errors, NaN where none is known, 0 of parameters; likewise.
        violations: of the constraints, 0 where one holds and NaN where that is unknown; shape
            (cases, constraints).
    """

    goals: Goals
    values: Numbers
    errors: Numbers
    violations: Numbers

    @property
    def has_result(self) -> NDArray[np.bool_]:
        """Whether all objectives and constraints of a case are known; shape (cases,)."""
        known = np.isfinite(np.hstack([self.values, self.violations]))
        return np.asarray(known.all(axis=1))

    @property
    def is_feasible(self) -> NDArray[np.bool_]:
        """Whether a case has a result and satisfies all constraints; shape (cases,)."""
        return self.has_result & (np.nan_to_num(self.violations, nan=1.0) == 0).all(axis=1)

    @property
    def costs(self) -> Numbers:
        """The values with the sign at which less is better; shape (cases, objectives)."""
        return costs(self.values, self.goals.directions)

    def not_told_apart(self, best: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Feasible cases that no case of ``best`` betters by more than the errors of both.

        Those which would be told apart if errors that are not known were none are not among them,
        see ``of_unknown_error``.

        Args:
            best: shape (cases,).

        Returns:
            Shape (cases,); false for those of ``best``.
        """
        return self.is_feasible & ~best & ~self._bettered(best, np.nan_to_num(self.errors))

    def of_unknown_error(self, best: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Feasible cases worse than one of ``best``, of which no one knows whether by enough.

        They, or that one, state no standard error.

        Args:
            best: shape (cases,).

        Returns:
            Shape (cases,); false for those of ``best``.
        """
        surely = self._bettered(best, np.nan_to_num(self.errors, nan=math.inf))
        return self.is_feasible & ~best & ~surely & ~self.not_told_apart(best)

    def _bettered(self, best: NDArray[np.bool_], errors: Numbers) -> NDArray[np.bool_]:
        """Cases that a case of ``best`` betters by more than these errors of both."""
        costs, found = self.costs, np.zeros(len(best), dtype=bool)
        for row in np.flatnonzero(self.is_feasible):
            margin = ERRORS * np.hypot(errors[row], errors[best])
            excess = costs[row] - costs[best] - margin
            found[row] = ((excess >= 0).all(axis=1) & (excess > 0).any(axis=1)).any()
        return found


def _texts(name: str, given: Texts) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else given
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"{name} is {given!r}: give a text, or a list of them")
    return tuple(texts)


def _numbers(frame: "pd.DataFrame", name: str, names: Sequence[str]) -> Numbers:
    """A column of numbers. Raises InvalidInputError if it is none."""
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
        raise InvalidInputError(f"objective {name!r} is a value of no case: {meant}")
    try:
        found = frame[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise InvalidInputError(f"objective {name!r} is no number") from None
    return np.where(np.isfinite(found), found, math.nan)
