"""Blocks: results of a sensitivity design, whole trajectories or blocks of which can be used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.sensitivity.designs import Morris, Saltelli
from studies.values import Values, keys_of, values_of

if TYPE_CHECKING:
    from studies.study import Study

Wanted = TypeVar("Wanted", Morris, Saltelli)
WORDS = {Morris: "trajectories", Saltelli: "blocks"}


@dataclass(frozen=True)
class Blocks:
    """Results of whole trajectories or blocks.

    Args:
        values: of all cases.
        kept: numbers of the blocks that are used, in the order of the design.
        count: of all blocks.
        results: of those that are used, of shape (used, points of a block).
        errors: their standard errors, of the same shape, 0 where none is stated.
        words: what the blocks are called.
    """

    values: Values
    kept: NDArray[np.intp]
    count: int
    results: NDArray[np.float64]
    errors: NDArray[np.float64]
    words: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """That blocks were left out, if any was."""
        if (left := self.count - len(self.kept)) == 0:
            return ()
        return (
            f"{left} of {self.count} {self.words} are left out, whole, because a case of each has "
            f"no {self.values.name} ({self.values.told}): if such cases are not spread evenly, "
            "the numbers hold for the rest of the ranges only",
        )

    @property
    def noise(self) -> float:
        """Root mean square of the stated standard errors, in the unit of the values."""
        return float(np.sqrt(np.mean(self.errors**2)))


def blocks_of(study: "Study", of: str, kind: type[Wanted], least: int) -> tuple[Wanted, Blocks]:
    """The design, and what came of its blocks.

    Raises:
        InvalidInputError: another design, points left out by constraints, fewer than ``least``
            whole blocks, or one value everywhere.
    """
    if not isinstance(design := study.design, kind):
        raise InvalidInputError(
            f"the design is {type(design).__name__}, and this question wants {kind.__name__}: "
            f"make the study with studies.{kind.__name__}, or ask another one"
        )
    keys, values = keys_of(study), values_of(study, of)
    results = values.at(keys).reshape(-1, design.block)
    errors = values.error(keys).reshape(-1, design.block)
    kept = np.flatnonzero(np.isfinite(results).all(axis=1))
    found = Blocks(values, kept, len(results), results[kept], errors[kept], WORDS[kind])
    if len(kept) < least:
        raise InvalidInputError(
            f"{len(kept)} of {len(results)} {found.words} have {of!r} at all their points "
            f"({values.told or 'none is missing'}), and {least} are wanted: run what is missing, "
            "or make a study with more of them"
        )
    if np.ptp(found.results) <= 1e-12 * np.abs(found.results).max():
        raise InvalidInputError(
            f"{of!r} is {found.results[0, 0]:g} in all cases: none of the parameters has an effect"
        )
    return design, found
