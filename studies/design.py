"""Design: which points of the parameters a study visits. Values are in the units of their names.

A parameter is called by a path into the recipe, such as "calender.porosity"; a unit at its end,
"cell.thickness_um", is turned into SI before the recipe sees it.
"""

import contextlib
import csv
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from microstructures.errors import InvalidInputError
from studies.case import canonical

Point = dict[str, Any]
MOST = 1_000_000  # points; more is a slip


class Design(Protocol):
    """Anything that gives points; the same ones whenever it is asked."""

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        ...

    def points(self) -> list[Point]:
        """The points, each a value by path."""
        ...


@dataclass(frozen=True)
class Single:
    """The recipe as it stands: one point without parameters."""

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def points(self) -> list[Point]:
        """One point."""
        return [{}]


@dataclass(frozen=True)
class Grid:
    """Every combination of the values of each parameter, the last one running fastest.

    Args:
        levels: values by path.

    Raises:
        InvalidInputError: a parameter without values or with one twice, or too many points.
    """

    levels: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        _check_levels(self.levels)
        count = math.prod(len(values) for values in self.levels.values())
        if count > MOST:
            raise InvalidInputError(f"the grid has {count} points: {MOST} at most")

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        return tuple(self.levels)

    def points(self) -> list[Point]:
        """All combinations."""
        rows = itertools.product(*self.levels.values())
        return [dict(zip(self.levels, row, strict=True)) for row in rows]


@dataclass(frozen=True)
class Zipped:
    """The first values of all parameters, then the second ones, and so on.

    Args:
        levels: values by path, as many of each.

    Raises:
        InvalidInputError: no values, or not as many of each.
    """

    levels: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        _check_levels(self.levels, repeated=True)
        counts = {name: len(values) for name, values in self.levels.items()}
        if len(set(counts.values())) > 1:
            raise InvalidInputError(f"zipped parameters want as many values each: {counts}")

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        return tuple(self.levels)

    def points(self) -> list[Point]:
        """As many as each parameter has values."""
        rows = zip(*self.levels.values(), strict=True)
        return [dict(zip(self.levels, row, strict=True)) for row in rows]


@dataclass(frozen=True)
class Range:
    """From where to where a parameter is sampled: low < high, in logarithms if ``log``.

    Raises:
        InvalidInputError: the ends are not in order, or not above zero if ``log``.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (_is_number(self.low) and _is_number(self.high) and self.low < self.high):
            raise InvalidInputError(
                f"from {self.low!r} to {self.high!r} is no range: give low < high"
            )
        if self.log and self.low <= 0:
            raise InvalidInputError(f"a range in logarithms begins above 0, not at {self.low!r}")

    def at(self, share: float) -> float:
        """The value at a share of the way, 0…1."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return float(self.low + share * (self.high - self.low))


@dataclass(frozen=True)
class Sampled:
    """Points spread evenly over ranges: a Latin hypercube, or a sequence of Sobol.

    Args:
        ranges: by path.
        count: of the points; of a Sobol sequence a power of two.
        seed: the same points for the same one.
        method: "latin_hypercube" or "sobol".

    Raises:
        InvalidInputError: no range, or a count that cannot be.

    Source: scipy.stats.qmc, scrambled.
    """

    ranges: Mapping[str, Range]
    count: int
    seed: int = 0
    method: str = "latin_hypercube"

    def __post_init__(self) -> None:
        if self.method not in ("latin_hypercube", "sobol"):
            raise InvalidInputError(
                f"method {self.method!r} is unknown: choose 'latin_hypercube' or 'sobol'"
            )
        if not self.ranges:
            raise InvalidInputError("a sampled design wants at least one parameter with a range")
        if not (isinstance(self.count, int) and 1 <= self.count <= MOST):
            raise InvalidInputError(f"count is {self.count!r}: give a whole number, 1…{MOST}")
        if not (isinstance(self.seed, int) and self.seed >= 0):
            raise InvalidInputError(f"seed is {self.seed!r}: give a whole number, 0 or more")
        if self.method == "sobol" and self.count & (self.count - 1):
            raise InvalidInputError(
                f"count is {self.count}: a Sobol sequence is balanced at powers of two, such as "
                f"{1 << (self.count - 1).bit_length()}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        return tuple(self.ranges)

    def points(self) -> list[Point]:
        """``count`` points."""
        from scipy.stats import qmc

        kind = qmc.Sobol if self.method == "sobol" else qmc.LatinHypercube
        rows = kind(len(self.ranges), rng=np.random.default_rng(self.seed)).random(self.count)
        ranges = self.ranges.items()
        return [
            {name: span.at(share) for (name, span), share in zip(ranges, row, strict=True)}
            for row in rows.tolist()
        ]


@dataclass(frozen=True)
class Table:
    """Points of a table of the user's, a row each; the names of its columns are paths.

    Args:
        rows: the points.
        source: where they are from.

    Raises:
        InvalidInputError: no row, or rows with other columns.
    """

    rows: tuple[Mapping[str, Any], ...]
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidInputError(f"the table {self.source} has no row")
        for number, row in enumerate(self.rows, start=1):
            if list(row) != list(self.rows[0]) or not all(map(_is_value, row.values())):
                raise InvalidInputError(
                    f"row {number} of {self.source} has not a value in each column: {dict(row)}"
                )

    @classmethod
    def read(cls, path: str | Path) -> "Table":
        """A CSV or Parquet file. Raises InvalidInputError if it cannot be read."""
        path = Path(path)
        try:
            rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
        except ImportError as error:
            raise InvalidInputError(
                f"the table {path} cannot be read ({error}): install pyarrow, or save it as CSV"
            ) from None
        except (OSError, ValueError, csv.Error) as error:
            raise InvalidInputError(f"the table {path} cannot be read: {error}") from None
        return cls(tuple(rows), str(path))

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters: the names of the columns."""
        return tuple(self.rows[0])

    def points(self) -> list[Point]:
        """One for each row."""
        return [dict(row) for row in self.rows]


def _check_levels(levels: Mapping[str, Sequence[Any]], repeated: bool = False) -> None:
    if not levels:
        raise InvalidInputError("the design has no parameter: give each a list of values")
    for name, values in levels.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise InvalidInputError(f"parameter {name!r} is {values!r}: give a list of values")
        if not values:
            raise InvalidInputError(f"parameter {name!r} has no value: give at least one")
        if not repeated and len({_hashable(value) for value in values}) < len(values):
            raise InvalidInputError(f"parameter {name!r} has a value twice: {list(values)}")


def _hashable(value: Any) -> Any:
    """Equal for equal numbers, and for tables and lists that look alike."""
    return canonical(value) if isinstance(value, Mapping | list | tuple) else value


def _csv(path: Path) -> list[Point]:
    """Rows of a file whose first line names the columns; empty lines do not count."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        names, *rows = [row for row in csv.reader(file) if row] or [[]]
    names = [name.strip() for name in names]
    if len(set(names)) < len(names):
        raise ValueError(f"two columns have one name: {', '.join(names)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} values for {len(names)} columns")
    return [dict(zip(names, map(_value, row), strict=True)) for row in rows]


def _value(text: str) -> Any:
    """A number where it is one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text.replace("_", "no number"))
    return text.strip()


def _is_value(value: Any) -> bool:
    """Neither empty nor infinite."""
    return value not in ("", None) and (not isinstance(value, float) or math.isfinite(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parquet(path: Path) -> list[Point]:
    import pandas as pd

    return [{str(k): v for k, v in row.items()} for row in pd.read_parquet(path).to_dict("records")]
