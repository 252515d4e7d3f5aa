"""Pieces: an electrode is judged by several volumes of it, and the scatter between them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from microstructures.wording import AXES
from studies.case import canonical
from studies.values import is_of_piece, left_out, rows_with

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

"""Parameters that choose a piece of one and the same electrode, and ends of their names."""

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
    """What a question can use: the rows that have a result, and what is said of the others.

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
        return tuple(n for n in self.parameters if n not in apart and not is_of_piece(n))

    def by(self, names: Sequence[str]) -> "dict[str, pd.DataFrame]":
        """Rows of each combination of parameters, by that as text; all if there are none."""
        if not names:
            return {"": self.rows}
        keys = [canonical([row[name] for name in names]) for row in self.rows.to_dict("records")]
        return {str(key): rows for key, rows in self.rows.groupby(keys, sort=False)}

    def pieces(self) -> "dict[str, pd.DataFrame]":
        """Rows of each piece."""
        return self.by([name for name in self.parameters if is_of_piece(name)])


def results(
    study: "Study", needed: Sequence[str], where: Mapping[str, Any] | None = None
) -> Results:
    """The results of a study that have certain numbers.

    Args:
        study: run or not.
        needed: columns without whose number a row is left out, first the one that is asked for.
        where: values of parameters to look at, by name.

    Raises:
        InvalidInputError: no such parameter or column, or nothing is left.
    """
    rows, missing = rows_with(study, needed, where)
    told = left_out(needed[:1], missing, len(rows) + len(missing))
    units = dict(rows.attrs["units"])
    return Results(rows, units, study.design.names, told, _main_phases(study))


def refuse_others(found: Results, allowed: Sequence[str]) -> None:
    """Raises InvalidInputError if more varies than a question is about, pieces excepted.

    A mean over whatever else varies is that of nothing, and its scatter no uncertainty.

    Args:
        found: that the question is put to.
        allowed: parameters that it tells apart.
    """
    for name in found.others(*allowed):
        if len(values := dict.fromkeys(map(str, found.rows[name]))) > 1:
            raise InvalidInputError(
                f"{name!r} has the values {', '.join(values)}: choose one, where={{{name!r}: …}}"
            )


def _main_phases(study: "Study") -> tuple[str, ...]:
    """Phases of active materials and electrolytes, if the recipe says what they are made of."""
    import twin

    made_of = study.cases()[0].recipe.get("materials")
    if not isinstance(made_of, Mapping):
        return ()
    roles = {name: twin.material(made).role for name, made in made_of.items()}
    return tuple(name for name, role in roles.items() if role in ("active", "electrolyte"))
