"""BpxFile: a cell in the exchange format BPX, and how far that form is from the cell. SI units."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpx import BPX


class BpxWarning(UserWarning):
    """Numbers of a BPX file that hardly belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class BpxFile:
    """A cell in the words of BPX 1.1, checked by the ``bpx`` package.

    Args:
        content: sections by name, as in the JSON file.
        deviations: largest error of what BPX cannot express, by parameter: relative, but in V
            for open-circuit potentials; only those that are not 0.
        bpx: the parsed object of the ``bpx`` package.
    """

    content: Mapping[str, Any]
    deviations: Mapping[str, float]
    bpx: "BPX"

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """The path of the file, complete or not written at all.

        Raises:
            InvalidInputError: the place cannot be written to.
        """
        from twin._card_files import write_json

        return write_json(self.content, path)

    def __str__(self) -> str:
        lines = [f"  {name}: off by {size:.2g}" for name, size in self.deviations.items()]
        title = self.content["Header"]["Title"]
        return "\n".join((f"{title}: {'as follows' if lines else 'exact'}", *lines))
