"""A value for every unordered group of phases, looked up by names or ids."""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Generic, Protocol, TypeVar

from microstructures.errors import InvalidInputError
from microstructures.phases import find_phase


class Recorded(Protocol):
    """Anything that can be written down as plain numbers and text."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""


Value = TypeVar("Value", bound=Recorded)


@dataclass(frozen=True, eq=False, repr=False)
class ByPhases(Mapping[Any, Value], Generic[Value]):
    """Values by groups of ``size`` phases: ``result["pore", "NMC"]``, ``result[1, 0]``.

    Iterating gives the names of every group, a single name where groups have one phase.
    """

    phases: Mapping[int, str]
    size: int
    values_by_ids: Mapping[tuple[int, ...], Value]

    def __getitem__(self, group: Any) -> Value:
        """Value of a group of phases, in any order.

        Raises:
            UnknownPhaseError: a phase that the volume does not have.
            InvalidInputError: too many or too few phases, or one of them twice.
        """
        given = group if isinstance(group, tuple) else (group,)
        ids = tuple(sorted({find_phase(phase, self.phases) for phase in given}))
        if len(ids) != self.size or len(given) != self.size:
            raise InvalidInputError(
                f"{group!r} names {len(set(ids))} different phases, but each value belongs to "
                f"{self.size}: choose from {self._known()}"
            )
        return self.values_by_ids[ids]

    def __contains__(self, group: object) -> bool:
        try:
            self[group]
        except InvalidInputError:
            return False
        return True

    def __iter__(self) -> Iterator[Any]:
        for ids in self.values_by_ids:
            names = tuple(self.phases[label] for label in ids)
            yield names if self.size > 1 else names[0]

    def __len__(self) -> int:
        return len(self.values_by_ids)

    @property
    def pairs(self) -> tuple[Any, ...]:
        """Names of every group, as iterated."""
        return tuple(self)

    def to_dict(self) -> dict[str, Any]:
        """Every value as plain numbers and text, under names joined by " | "."""
        return {_joined(group): value.to_dict() for group, value in self.items()}

    def __repr__(self) -> str:
        rows = ", ".join(f"{_joined(group)}: {value}" for group, value in self.items())
        return f"<{rows}>"

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td>{html.escape(_joined(group))}</td><td>{html.escape(str(value))}</td></tr>"
            for group, value in self.items()
        )
        return f"<table>{''.join(rows)}</table>"

    def _known(self) -> str:
        return ", ".join(f"{label}={name!r}" for label, name in self.phases.items())


def groups(phases: Mapping[int, str], size: int) -> Iterator[tuple[int, ...]]:
    """Ids of every group of ``size`` phases, in ascending order."""
    return combinations(sorted(phases), size)


def _joined(group: Any) -> str:
    return " | ".join(group) if isinstance(group, tuple) else str(group)
