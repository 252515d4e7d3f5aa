"""Standing: how the cases of a study meet goals, in words, tables and numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.optimise.goals import Goals, Judged, Numbers
from studies.optimise.pareto import SIGNS, front
from studies.tasks import number
from studies.values import is_of_piece
from twin.report.wording import shown

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

EDGE = 0.02  # of the span of a parameter: so near to its end the best may lie beyond
DECADES = 30.0  # largest over smallest value from which a span is one of logarithms
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Standing:
    """How the cases of a study meet goals.

    Args:
        frame: of the study, with standard errors.
        parameters: names of its parameters.
        judged: how each row meets the goals.

    Raises:
        InvalidInputError: no case is feasible.
    """

    frame: "pd.DataFrame"
    parameters: tuple[str, ...]
    judged: Judged

    def __post_init__(self) -> None:
        if not self.is_feasible.any():
            raise InvalidInputError(f"there is no best case. {self.counted}")

    @classmethod
    def of(cls, study: "Study", goals: Goals) -> "Standing":
        """That of a study. Raises InvalidInputError, see ``Goals.judge``; or none is feasible."""
        frame = study.frame(uncertainty=True)
        return cls(frame, tuple(study.design.names), goals.judge(frame))

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives."""
        return self.judged.goals.names

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Their units; a parameter has none but what its name says."""
        known = self.frame.attrs["units"]
        return tuple(known.get(name, "") for name in self.names)

    @cached_property
    def costs(self) -> Numbers:
        """Their values with the sign at which less is better, NaN where a case is not feasible."""
        return np.where(self.is_feasible[:, None], self.judged.costs, np.nan)

    @property
    def is_feasible(self) -> Mask:
        """See ``Judged``."""
        return self.judged.is_feasible

    @cached_property
    def is_front(self) -> Mask:
        """Whether no other feasible case betters it; of one objective the best, and its equals."""
        return front(self.costs, ["minimise"] * len(self.names))

    @cached_property
    def is_rival(self) -> Mask:
        """Whether it is not told apart from those, by the errors of both."""
        return self.judged.not_told_apart(self.is_front)

    @cached_property
    def is_unknown(self) -> Mask:
        """Whether it is worse than those, but for want of an error no one knows if by enough."""
        return self.judged.of_unknown_error(self.is_front)

    @property
    def has_errors(self) -> bool:
        """Whether any standard error of a feasible case is known."""
        errors = self.judged.errors[self.is_feasible]
        return bool((np.isfinite(errors) & (errors > 0)).any())

    @property
    def counted(self) -> str:
        """How many cases are feasible, and why the others are not."""
        feasible, known = self.is_feasible, self.judged.has_result
        claim = "satisfy the constraints" if self.judged.goals.constraints else "have a result"
        told = [f"{feasible.sum()} of {len(feasible)} cases {claim}"]
        if violated := int((known & ~feasible).sum()):
            told.append(f"{violated} do not")
        ends = ["no number" if end == "ok" else end for end in self.frame["status"][~known]]
        told += [f"{count} {reason}" for reason, count in Counter(ends).most_common()]
        return f"{', '.join(told)}."

    def order(self, mask: Mask, column: int = 0) -> Places:
        """The cases of a mask, the best of an objective first."""
        places = np.flatnonzero(mask)
        return places[np.argsort(self.costs[places, column], kind="stable")]

    def number(self, place: int, column: int) -> dict[str, Any]:
        """The value of a case, made by ``studies.number``."""
        error = float(self.judged.errors[place, column])
        return number(float(self.judged.values[place, column]), self.units[column] or "1", error)

    def told(self, place: int, column: int) -> str:
        """The same in words."""
        error = float(np.nan_to_num(self.judged.errors[place, column]))
        value = float(self.judged.values[place, column])
        return str(shown(value, error, self.units[column] or "1"))

    def where(self, place: int) -> str:
        """The number of a case and its parameters, in words."""
        row = self.frame.iloc[place]
        told = ", ".join(f"{name} = {_short(row[name])}" for name in self.parameters)
        return f"of case {place + 1}: {told}"

    def rivals(self) -> str:
        """In words, how many cases are not told apart from the best ones."""
        if not self.has_errors:
            return "No standard errors are known, so that every difference counts."
        error = "twice the standard error of the difference, if their errors are independent"
        others = int((self.is_feasible & ~self.is_front).sum())
        near, unknown = int(self.is_rival.sum()), int(self.is_unknown.sum())
        told = []
        if near:
            which = f"{near} other cases are" if near != 1 else "One other case is"
            told.append(f"{which} not told apart, being worse by less than {error}.")
        if unknown:
            which = f"{unknown} other cases are" if unknown != 1 else "one other case is"
            told.append(
                f"Whether {which} told apart is not known: of these, or of what is better, some "
                "state no standard error."
            )
        if others and not told:
            told.append(f"All other cases are worse by more than {error}.")
        return " ".join(told)

    def ends(self, place: int) -> Iterator[str]:
        """Warnings that a case lies at the end of what was tried, beyond which may be better."""
        for name in self.parameters:
            tried = self.frame[name]
            if is_of_piece(name) and tried.map(str).nunique() > 1:
                yield (
                    f"{name} tells pieces of one electrode apart, and is no choice: the best case "
                    "is also the luckiest of them. Compare means over pieces."
                )
                continue
            if tried.dtype.kind not in "iuf" or tried.min() == tried.max():
                continue
            is_wide = tried.min() > 0 and tried.max() / tried.min() >= DECADES
            values = np.log(tried.to_numpy()) if is_wide else tried.to_numpy(dtype=float)
            share = (values[place] - values.min()) / (values.max() - values.min())
            if not EDGE < share < 1 - EDGE:
                end = "smallest" if share < 0.5 else "largest"
                yield f"{name} is at the {end} value that was tried: better ones may lie beyond."

    def corner(self, reference: Mapping[str, float] | None) -> Numbers:
        """The costs of a reference; by default the worst of each objective of a feasible case.

        Raises:
            InvalidInputError: it names not exactly the objectives.
        """
        if reference is None:
            worst: Numbers = np.nanmax(self.costs, axis=0)
            return worst
        if set(reference) != set(self.names):
            raise InvalidInputError(
                f"reference names {', '.join(reference)}: give a value of each objective, which "
                f"are {', '.join(self.names)}"
            )
        signs = [SIGNS[direction] for direction in self.judged.goals.directions]
        given = np.array([float(reference[name]) for name in self.names])
        return np.asarray(given * signs)

    def point(self, corner: Numbers) -> str:
        """A point of costs in words."""
        signs = [SIGNS[direction] for direction in self.judged.goals.directions]
        told = [shown(v, 0.0, u or "1") for v, u in zip(corner * signs, self.units, strict=True)]
        return ", ".join(f"{name} = {one}" for name, one in zip(self.names, told, strict=True))

    def table(self, places: Sequence[int] | Places, best: str) -> "pd.DataFrame":
        """A row for each of these cases, by their number: parameters, objectives, standing."""
        import pandas as pd

        places = np.asarray(places, dtype=int)
        found: dict[str, Any] = {n: self.frame[n].to_numpy()[places] for n in self.parameters}
        for column, (name, unit) in enumerate(zip(self.names, self.units, strict=True)):
            if name in found:
                continue
            title = f"{name} [{unit}]" if unit not in ("", "1") else name
            found[title] = self.judged.values[places, column]
            if np.isfinite(errors := self.judged.errors[places, column]).any():
                found[f"{title} ±"] = errors
        masks = [self.is_front, self.is_rival, self.is_unknown & self.has_errors]
        words = np.select(masks, [best, "not told apart", "worse, error unknown"], "worse")
        return pd.DataFrame({**found, "standing": words[places]}, pd.Index(places + 1, name="case"))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
