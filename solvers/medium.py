"""Medium: what the faces of a grid conduct, kept in the smallest form that says it.

Arrays are flat with a halo of one voxel. The forms are explained in ``_kernels/faces.py``.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import faces as kernels
from solvers._kernels import transfers as moves
from solvers.grid import Grid
from solvers.runtime import DeviceArray
from solvers.turn import Turn
from solvers.voxel_faces import CLOSED, Sides

Kind: TypeAlias = Literal["mask", "resistivity", "classes", "stored"]
Triple: TypeAlias = tuple[float, float, float]

ELECTRODE, CONDUCTS = 2, 1  # in a mask


@dataclass(frozen=True, eq=False)
class Medium:
    """Conductances of all faces of a grid.

    Args:
        grid: layout of the arrays.
        kind: form of ``values``.
        values: flat device array.
        dtype: of conductances and potentials.
        weights: 1/h² of each axis; stored faces hold them already.
        table: resistivity of each class, for the kind "classes".
        periodic: axes along which the last voxel is joined to the first.
        grounded: stored faces have conductances to 0 besides.
    """

    grid: Grid
    kind: Kind
    values: DeviceArray
    dtype: type[np.floating]
    weights: Triple = (1.0, 1.0, 1.0)
    table: DeviceArray = None
    periodic: Sides = CLOSED
    grounded: bool = False

    @cached_property
    def kernels(self) -> Any:
        """The kernels for this form."""
        real = runtime.taichi_type(self.dtype)
        of_values = runtime.taichi_type(runtime.dtype_of(self.values))
        rows = any(self.periodic)
        return kernels.build(real, runtime.block(), self.kind, of_values, self.grounded, rows)

    @cached_property
    def source(self) -> tuple[Any, ...]:
        """First arguments of every kernel: where conductances come from."""
        table = runtime.zeros(1, self.dtype) if self.table is None else self.table
        size = self.grid.size if self.kind == "stored" else 0
        return self.values, table, size

    @cached_property
    def where(self) -> tuple[Any, ...]:
        """All arguments of a kernel that goes through the grid."""
        return self.within(self.grid.shape[0])

    def within(self, layers: int) -> tuple[Any, ...]:
        """The same of one that goes through the first layers only."""
        _, ny, nx = self.grid.shape
        layer, row = self.grid.strides
        span = (layer, layer * (layers + 1), layer, row)
        return (*self.source, *self.weights, self._segments(layers), *span, ny, nx)

    @property
    def segments(self) -> int:
        """Stretches into which loops and sums are divided."""
        return self._segments(self.grid.shape[0])

    def _segments(self, layers: int) -> int:
        if any(self.periodic):
            return layers * self.grid.shape[1]
        return -(-layers * self.grid.strides[0] // kernels.SEGMENT)

    def stored(self, dtype: type[np.floating] | None = None) -> "Medium":
        """The same conductances, one per face, in another precision if asked for."""
        dtype = dtype or self.dtype
        if self.kind == "stored":
            return self if dtype is self.dtype else self._cast(dtype)
        size, out = self.grid.size, runtime.zeros(3 * self.grid.size, self.dtype)
        for axis, step in enumerate((*self.grid.strides, 1)):
            self.kernels.store(out, axis, step, self.weights[axis], *self.source, size)
        made = Medium(self.grid, "stored", out, self.dtype, periodic=self.periodic)
        return made.stored(dtype)

    def turned(self, turn: Turn) -> "Medium":
        """The same stored faces with another axis first, without those of the electrodes."""
        grid, old = turn.grid(self.grid), (*self.grid.strides, 1)
        values = runtime.empty(self.values.shape[0], self.dtype)
        kernel = moves.turns(runtime.taichi_type(self.dtype)).turn
        for kind in range(4 if self.grounded else 3):
            source = turn.order[kind] if kind < 3 else kind
            starts = (source * self.grid.size, kind * grid.size)
            kernel(self.values, values, *starts, *grid.padded, *turn.of(old))
        made = replace(self, grid=grid, values=values, periodic=turn.of(self.periodic))
        if not self.periodic[0]:
            made._close(turn.order.index(0))
        return made

    def _close(self, axis: int) -> None:
        """Nothing lies beyond the ends of an axis."""
        *layer, step = _layers(self.grid)[axis]
        kernel = moves.wraps(runtime.taichi_type(self.dtype)).clear
        for place in (0, step * self.grid.shape[axis]):
            kernel(self.values, *layer, axis * self.grid.size + place)

    def _cast(self, dtype: type[np.floating]) -> "Medium":
        values = runtime.to_device(runtime.to_host(self.values).astype(dtype))
        grounded, periodic = self.grounded, self.periodic
        return Medium(self.grid, "stored", values, dtype, periodic=periodic, grounded=grounded)

    def wrap(self, x: DeviceArray, jump: Triple = (0.0, 0.0, 0.0)) -> None:
        """Fill the halo of periodic axes; along each ``x`` falls by ``jump`` from end to end."""
        if any(self.periodic):
            kernel = moves.wraps(runtime.taichi_type(runtime.dtype_of(x))).wrap
            for axis, layer in enumerate(_layers(self.grid)):
                if self.periodic[axis]:
                    kernel(x, *layer, self.grid.shape[axis], jump[axis])

    def clear(self, x: DeviceArray) -> None:
        """0 in the halo beyond periodic axes."""
        if any(self.periodic):
            kernel = moves.wraps(runtime.taichi_type(runtime.dtype_of(x))).clear
            for axis, (*layer, step) in enumerate(_layers(self.grid)):
                if self.periodic[axis]:
                    kernel(x, *layer, 0)
                    kernel(x, *layer, step * (self.grid.shape[axis] + 1))

    def clear_odd(self, x: DeviceArray) -> None:
        """0 beyond the last voxel of periodic axes with an odd number of them."""
        for axis, (*layer, step) in enumerate(_layers(self.grid)):
            if self.periodic[axis] and self.grid.shape[axis] % 2:
                kernel = moves.wraps(runtime.taichi_type(runtime.dtype_of(x))).clear
                kernel(x, *layer, step * (self.grid.shape[axis] + 1))


def _layers(grid: Grid) -> list[tuple[int, int, int, int, int]]:
    """Extents and strides of a layer normal to each axis, and the step to the next."""
    nz, ny, nx = grid.padded
    sz, sy = grid.strides
    return [(ny, nx, sy, 1, sz), (nz, nx, sz, 1, sy), (nz, ny, sz, sy, 1)]


def stored_medium(
    grid: Grid, faces: NDArray[np.floating], dtype: type[np.floating], periodic: Sides = CLOSED
) -> Medium:
    """A medium of given faces, shape (3, size), or (4, size) with conductances to 0."""
    values = runtime.to_device(np.asarray(faces).astype(dtype, copy=False))
    return Medium(grid, "stored", values, dtype, periodic=periodic, grounded=len(faces) == 4)
