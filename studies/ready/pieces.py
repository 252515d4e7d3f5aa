"""Pieces: an electrode is judged by several volumes of it, and the scatter between them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from microstructures.wording import AXES
from studies.case import canonical
from studies.ready._results import known_parameters, rows_with

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

OF_PIECE = ("volume.seed", "volume.crop", "volume.file", "generate_electrode.rng")
"""Parameters that choose a piece of one and the same electrode."""

Crop = list[list[int]]


def crops(shape: Sequence[int], size: int | Sequence[int], count: int) -> list[Crop]:
    """Pieces of a volume that do not overlap, spread over it: values of "volume.crop".

    Args:
        shape: of the volume, voxels (nz, ny, nx).
        size: voxels of a piece, one number for a cube or three.
        count: of the pieces, > 0.

    Returns:
        [[first, end], …] for each axis of each piece.

    Raises:
        InvalidInputError: so many do not fit.
    """
    sizes = [size] * 3 if isinstance(size, int) else list(size)
    if len(shape) != 3 or len(sizes) != 3 or min(*sizes, count) < 1:
        raise InvalidInputError(
            f"shape {shape!r}, size {size!r}, count {count!r}: give three numbers of voxels, one "
            "or three of a piece, and how many pieces"
        )
    fits = [n // s for n, s in zip(shape, sizes, strict=True)]
    places = list(np.ndindex(*fits))
    if len(places) < count:
        raise InvalidInputError(
            f"{count} pieces of {sizes} do not fit into {list(shape)} without overlapping: "
            f"{len(places)} do, so make them smaller or fewer"
        )
    chosen = [places[(2 * i + 1) * len(places) // (2 * count)] for i in range(count)]
    return [
        [_share(n, s, fit, at) for n, s, fit, at in zip(shape, sizes, fits, place, strict=True)]
        for place in chosen
    ]


def _share(length: int, size: int, fit: int, place: int) -> list[int]:
    """First and end of a piece in the middle of its share of an axis."""
    first = (2 * place + 1) * length // (2 * fit) - size // 2
    first = min(max(first, 0), length - size)
    return [first, first + size]


@dataclass(frozen=True, slots=True)
class Results:
    """What a question can use: the rows that are ok, and what is said of the others.

    ``units`` are those of the columns; ``parameters`` those of the design; ``main`` are the phases
    that a question is about where it names none: active material and electrolyte.
    """

    rows: "pd.DataFrame"
    units: Mapping[str, str]
    parameters: tuple[str, ...]
    left_out: tuple[str, ...]
    main: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        """Whether any row has a number there."""
        return column in self.rows and bool(self.rows[column].notna().any())

    def named(self, quantity: str) -> str | None:
        """The column of a quantity: of those with numbers that of the main phases, along z."""
        own = [
            str(column)
            for column in self.rows
            if str(column).startswith(f"{quantity}.") and not str(column).endswith(" ±")
        ]
        return min(filter(self.has, own), key=self._rank, default=None)

    def _rank(self, column: str) -> tuple[bool, int]:
        """Through the thickness before other directions, and main phases before others."""
        _, *where = column.split(".")
        others = [p for p in re.split("–| \\+ ", where[0] if where else "") if p not in self.main]
        return not column.endswith(f".{AXES[0]}"), len(others)

    def others(self, *apart: str) -> tuple[str, ...]:
        """Parameters that are neither these nor choose a piece."""
        return tuple(name for name in self.parameters if name not in (*apart, *OF_PIECE))

    def by(self, names: Sequence[str]) -> "dict[str, pd.DataFrame]":
        """Rows of each combination of parameters, by that as text; all if there are none."""
        if not names:
            return {"": self.rows}
        keys = [canonical([row[name] for name in names]) for row in self.rows.to_dict("records")]
        return {str(key): rows for key, rows in self.rows.groupby(keys, sort=False)}

    def pieces(self) -> "dict[str, pd.DataFrame]":
        """Rows of each piece."""
        return self.by([name for name in self.parameters if name in OF_PIECE])


def results(
    study: "Study", needed: Sequence[str], where: Mapping[str, Any] | None = None
) -> Results:
    """The results of a study that have certain numbers.

    Args:
        study: run or not.
        needed: columns without whose number a row is left out.
        where: values of parameters to look at, by name.

    Raises:
        InvalidInputError: no such parameter or column, or nothing is left.
    """
    frame = study.frame(uncertainty=True)
    known_parameters(study, where or ())
    for name, value in (where or {}).items():
        frame = frame[[canonical(given) == canonical(value) for given in frame[name]]]
    if frame.empty:
        raise InvalidInputError(f"no case has {dict(where or {})}: take values of the design")
    if not (frame["status"] == "ok").any():
        raise InvalidInputError(f"no case is ok ({study.status()}): run the study first")
    units = dict(frame.attrs["units"])
    left_out: list[str] = []
    for column in needed:
        frame, told = rows_with(study, column, frame)
        left_out += told
    return Results(frame, units, study.design.names, tuple(left_out), _main_phases(study))


def _main_phases(study: "Study") -> tuple[str, ...]:
    """Phases of active materials and electrolytes, if the recipe says what they are made of."""
    import twin

    made_of = study.cases()[0].recipe.get("materials")
    if not isinstance(made_of, Mapping):
        return ()
    roles = {name: twin.material(made).role for name, made in made_of.items()}
    return tuple(name for name, role in roles.items() if role in ("active", "electrolyte"))
