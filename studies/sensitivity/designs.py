"""Sensitivity designs: points from which elementary effects and Sobol indices can be told.

Both are drawn in the unit cube, in which a parameter is its share of the way through its range,
and of its logarithm where the range says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.design import MOST, Point, Range

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Morris:
    """Trajectories on a grid, each changing one parameter after the other, half a range at least.

    Args:
        ranges: by path.
        trajectories: how many; each has a point more than there are parameters.
        levels: of the grid, even; the step is levels / (2 (levels - 1)) of a range.
        seed: the same points for the same one.

    Raises:
        InvalidInputError: no range, or a number that cannot be.

    Source: SALib.sample.morris, without optimisation of the trajectories.
    """

    ranges: Mapping[str, Range]
    trajectories: int
    levels: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        _check_ranges(self.ranges)
        check_whole("trajectories", self.trajectories, 2)
        check_whole("levels", self.levels, 2)
        check_whole("seed", self.seed, 0)
        if self.levels % 2:
            raise InvalidInputError(
                f"levels is {self.levels}: give an even number, such as 4, so that all levels of "
                "the grid are as likely"
            )
        _check_count(self.trajectories * self.block)

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        return tuple(self.ranges)

    @property
    def block(self) -> int:
        """Points of a trajectory."""
        return len(self.ranges) + 1

    def shares(self) -> Shares:
        """The points in the unit cube, of shape (trajectories · block, parameters)."""
        sample = salib("SALib.sample.morris").sample
        drawn: Shares = sample(
            problem(self.ranges), self.trajectories, num_levels=self.levels, seed=self.seed
        )
        return drawn

    def points(self) -> list[Point]:
        """One trajectory after the other."""
        return _points(self.ranges, self.shares())


@dataclass(frozen=True)
class Saltelli:
    """Blocks of a point A, the same with each parameter in turn taken from a point B, and B.

    Args:
        ranges: by path.
        count: of the blocks, a power of two; each has two points more than there are parameters.
        seed: the same points for the same one.
        second_order: also B with each parameter in turn taken from A, so that the share of each
            pair of parameters can be told; nearly twice as many points.

    Raises:
        InvalidInputError: no range, or a number that cannot be.

    Source: SALib.sample.sobol, a scrambled sequence of Sobol.
    """

    ranges: Mapping[str, Range]
    count: int
    seed: int = 0
    second_order: bool = False

    def __post_init__(self) -> None:
        _check_ranges(self.ranges)
        check_whole("count", self.count, 2)
        check_whole("seed", self.seed, 0)
        if not isinstance(self.second_order, bool):
            raise InvalidInputError(f"second_order is {self.second_order!r}: give true or false")
        if self.count & (self.count - 1):
            raise InvalidInputError(
                f"count is {self.count}: a Sobol sequence is balanced at powers of two, such as "
                f"{1 << (self.count - 1).bit_length()}"
            )
        _check_count(self.count * self.block)

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the parameters."""
        return tuple(self.ranges)

    @property
    def block(self) -> int:
        """Points of a block."""
        return (2 if self.second_order else 1) * len(self.ranges) + 2

    def shares(self) -> Shares:
        """The points in the unit cube, of shape (count · block, parameters)."""
        sample = salib("SALib.sample.sobol").sample
        drawn: Shares = sample(
            problem(self.ranges), self.count, calc_second_order=self.second_order, seed=self.seed
        )
        return drawn

    def points(self) -> list[Point]:
        """One block after the other."""
        return _points(self.ranges, self.shares())


def problem(names: Mapping[str, Any]) -> dict[str, Any]:
    """The unit cube of these parameters, as SALib wants it."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _points(ranges: Mapping[str, Range], shares: Shares) -> list[Point]:
    return [
        {name: span.at(share) for (name, span), share in zip(ranges.items(), row, strict=True)}
        for row in shares.tolist()
    ]


def salib(module: str) -> Any:
    """A module of SALib. Raises InvalidInputError where that is not installed."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidInputError(
            f"sensitivities want SALib ({error}): pip install 'electrode-twin[optimize]'"
        ) from None


def _check_ranges(ranges: Mapping[str, Range]) -> None:
    if not ranges:
        raise InvalidInputError("a sensitivity wants at least one parameter with a range")
    for name, span in ranges.items():
        if not isinstance(span, Range):
            raise InvalidInputError(f"parameter {name!r} is {span!r}: give a studies.Range")


def check_whole(name: str, value: Any, least: int) -> None:
    """Raises InvalidInputError for what is no whole number, or too small a one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(f"{name} is {value!r}: give a whole number, {least} or more")


def _check_count(count: int) -> None:
    if count > MOST:
        raise InvalidInputError(f"the design has {count} points: {MOST} at most")
