"""Turn: the same voxels laid out with another axis first, which is that of the flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.grid import Grid


@dataclass(frozen=True, slots=True)
class Turn:
    """``order`` names the old axis that comes first, second and third afterwards."""

    order: tuple[int, int, int]

    def of(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Values by axis in the new order."""
        first, second, third = (values[axis] for axis in self.order)
        return first, second, third

    def grid(self, grid: Grid) -> Grid:
        """Layout of the turned voxels."""
        return Grid(self.of(grid.shape))

    def places(self, places: NDArray[np.integer], grid: Grid) -> NDArray[np.int32]:
        """Where elements of a flat array on ``grid`` lie after turning."""
        where = self.of(np.unravel_index(places, grid.padded))
        return np.ravel_multi_index(where, self.grid(grid).padded).astype(np.int32)


def flow_first(axis: int) -> Turn:
    """From the axes of a volume to that of the flow, then the others in their order."""
    first, second, third = (axis, *(a for a in range(3) if a != axis))
    return Turn((first, second, third))


def between(before: int, after: int) -> Turn:
    """From voxels with the flow along the volume's axis ``before`` to those with ``after``."""
    old = flow_first(before).order
    first, second, third = (old.index(axis) for axis in flow_first(after).order)
    return Turn((first, second, third))
