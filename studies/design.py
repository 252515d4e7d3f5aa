"""Design: which points of the parameters a study visits. Values are in the units of their names.

A parameter is called by a path into the recipe, such as "calender.porosity"; a unit at its end,
"cell.thickness_um", is turned into SI before the recipe sees it.
"""

import csv
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

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
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
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
        if not 1 <= self.count <= MOST:
            raise InvalidInputError(f"count is {self.count!r}: give 1…{MOST}")
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
        names = zip(*[self._column(n, rows[:, i]) for i, n in enumerate(self.ranges)], strict=True)
        return [dict(zip(self.ranges, row, strict=True)) for row in names]

    def _column(self, name: str, shares: Any) -> list[float]:
        return [self.ranges[name].at(float(share)) for share in shares]


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
            if list(row) != list(self.rows[0]) or any(v in ("", None) for v in row.values()):
                raise InvalidInputError(
                    f"row {number} of {self.source} has not a value in each column"
                )

    @classmethod
    def read(cls, path: str | Path) -> "Table":
        """A CSV or Parquet file. Raises InvalidInputError if it cannot be read."""
        path = Path(path)
        try:
            rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
        except (OSError, ValueError, csv.Error, ImportError) as error:
            raise InvalidInputError(f"the table {path} cannot be read: {error}") from None
        return cls(tuple(rows), str(path))

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters: the names of the columns."""
        return tuple(self.rows[0])

    def points(self) -> list[Point]:
        """One for each row."""
        return [dict(row) for row in self.rows]


def constrained(points: Sequence[Point], constraints: Sequence[str]) -> list[Point]:
    """The points at which all constraints hold.

    Args:
        points: of a design.
        constraints: comparisons such as "calender.porosity + binder.fraction < 0.6", in the units
            of the names; + - * / ** and parentheses.

    Raises:
        InvalidInputError: a constraint that is none, or that names another parameter; or no point
            is left.
    """
    import pandas as pd

    frame = pd.DataFrame(points)
    holds = np.ones(len(points), bool)
    for text in constraints:
        holds &= _held(frame, text)
    left = [point for point, held in zip(points, holds, strict=True) if held]
    if not left:
        raise InvalidInputError(
            f"no point of the design satisfies {list(constraints)}: loosen one, or move the ranges"
        )
    return left


def _held(frame: "pd.DataFrame", text: str) -> NDArray[np.bool_]:
    """Where a constraint holds; columns may have names with dots."""
    import pandas as pd

    names = sorted(map(str, frame.columns), key=len, reverse=True)
    codes = {name: f"p{number}_" for number, name in enumerate(names)}
    coded = text
    for name, code in codes.items():
        coded = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", code, coded)
    try:
        held = frame.rename(columns=codes).eval(coded, engine="python")
    except Exception as error:  # whatever the parser makes of it
        raise InvalidInputError(
            f"constraint {text!r} cannot be read ({error}): write a comparison of parameters, "
            f"which are {', '.join(reversed(names)) or 'none'}"
        ) from None
    if not (isinstance(held, pd.Series) and held.dtype == bool):
        raise InvalidInputError(f"constraint {text!r} is no comparison: write 'p < 0.4' or so")
    return np.asarray(held)


def _check_levels(levels: Mapping[str, Sequence[Any]], repeated: bool = False) -> None:
    if not levels:
        raise InvalidInputError("the design has no parameter: give each a list of values")
    for name, values in levels.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise InvalidInputError(f"parameter {name!r} is {values!r}: give a list of values")
        if not values:
            raise InvalidInputError(f"parameter {name!r} has no value: give at least one")
        if not repeated and any(a == b for a, b in itertools.combinations(values, 2)):
            raise InvalidInputError(f"parameter {name!r} has a value twice: {list(values)}")


def _csv(path: Path) -> Iterator[Point]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {str(name).strip(): _value(text) for name, text in row.items()}


def _value(text: Any) -> Any:
    """A number where it is one."""
    if not isinstance(text, str):
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text.strip()


def _parquet(path: Path) -> list[Point]:
    import pandas as pd

    return [{str(k): v for k, v in row.items()} for row in pd.read_parquet(path).to_dict("records")]
