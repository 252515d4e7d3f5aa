"""Constraint: boundary conditions as the solver sees them, on the nodes and the mean strain."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import nodes
from solvers._ti import ti
from solvers.node_grid import NodeGrid
from solvers.runtime import DeviceArray

ALL = 7  # bits of the components z, y, x


@dataclass(frozen=True, slots=True, eq=False)
class Constraint:
    """What holds the displacement E·x + u of a volume.

    ``low`` and ``high`` have a bit for each component of u that is zero on the lower and the upper
    face normal to each axis. Components of the mean strain E are prescribed (``strain``), or free
    to reach a mean stress (``stress``, Pa) where ``free``; Voigt order, engineering shears.
    ``ratios`` bounds lam/mu of the solids.
    """

    periodic: tuple[bool, bool, bool]
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    free: NDArray[np.bool_]
    strain: NDArray[np.float64]
    stress: NDArray[np.float64]
    ratios: tuple[float, float] = (0.0, 10.0)

    def seal(self, u: DeviceArray, grid: NodeGrid) -> None:
        """Repeat planes of ``u`` along periodic axes and zero what is held along others."""
        self.hold(u, grid)
        self.repeat(u, grid, components=3)

    def hold(self, u: DeviceArray, grid: NodeGrid) -> None:
        """Zero the components that are held."""
        if any(self.low) or any(self.high):
            bits = (_three(self.low), _three(self.high))
            _kernels(u).hold(u, *bits, grid.size, *grid.shape, *grid.strides)

    def repeat(self, u: DeviceArray, grid: NodeGrid, components: int) -> None:
        """Repeat planes of ``u`` along periodic axes, edges and corners too."""
        if any(self.periodic):
            axes = _three(self.periodic)
            _kernels(u).repeat(u, components, axes, grid.size, *grid.shape, *grid.strides)


def _kernels(u: DeviceArray) -> Any:
    return nodes.build(runtime.taichi_type(runtime.dtype_of(u)))


@lru_cache(maxsize=64)
def _three(numbers: tuple[int, int, int]) -> Any:
    return ti.Vector([int(n) for n in numbers], dt=ti.i32)
