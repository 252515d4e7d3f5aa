"""NodeGrid: voxels of shape (nz, ny, nx) and the nodes at their corners, in one flat layout.

Both are counted from 1 along each axis, the lower node of a voxel having its number. Voxel 0 and
the voxel after the last are halo; an axis has a node more than voxels, or as many if periodic.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime

VOIGT = 6


@dataclass(frozen=True, slots=True)
class NodeGrid:
    """Layout of flat arrays over the voxels or the nodes of a volume."""

    shape: tuple[int, int, int]
    periodic: tuple[bool, bool, bool]

    @property
    def padded(self) -> tuple[int, int, int]:
        """Shape with the halo."""
        nz, ny, nx = self.shape
        return nz + 3, ny + 3, nx + 3

    @property
    def strides(self) -> tuple[int, int]:
        """Elements from one layer to the next, and from one row to the next."""
        _, ny, nx = self.padded
        return ny * nx, nx

    @property
    def size(self) -> int:
        """Elements of one component."""
        nz, ny, nx = self.padded
        return nz * ny * nx

    @property
    def length(self) -> int:
        """Elements of a vector: three components and the six macroscopic strains."""
        return 3 * self.size + VOIGT

    @property
    def nodes(self) -> tuple[int, int, int]:
        """Nodes with displacements of their own along each axis."""
        z, y, x = (n + (not p) for n, p in zip(self.shape, self.periodic, strict=True))
        return z, y, x

    def checked(self) -> "NodeGrid":
        """The same grid, if a field of tensors on it can be indexed. Raises InvalidInputError."""
        runtime.check_elements(VOIGT * self.size, f"a field of stresses of {self.shape} voxels")
        return self

    def voxels(self, flat: NDArray[Any]) -> NDArray[Any]:
        """View of flat voxel values, any leading components first, without the halo."""
        nz, ny, nx = self.shape
        whole = flat.reshape(-1, *self.padded)[:, 1 : nz + 1, 1 : ny + 1, 1 : nx + 1]
        return whole[0] if len(whole) == 1 else whole

    def displacement(self, vector: NDArray[Any]) -> NDArray[Any]:
        """View of a vector's components on all nodes, shape (3, nz + 1, ny + 1, nx + 1)."""
        whole = vector[: 3 * self.size].reshape(3, *self.padded)
        nz, ny, nx = self.shape
        return whole[:, 1 : nz + 2, 1 : ny + 2, 1 : nx + 2]

    def flat(self, values: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """Voxel values of shape (…, nz, ny, nx), flat; periodic axes continue in the halo.

        Of what ``voxels`` returned, the flat array itself.
        """
        if (own := self._owner(values)) is not None and own.dtype == dtype:
            return own
        components = values.reshape(-1, *self.shape)
        padded = np.zeros((len(components), *self.padded), dtype)
        nz, ny, nx = self.shape
        padded[:, 1 : nz + 1, 1 : ny + 1, 1 : nx + 1] = components
        for axis, (n, is_periodic) in enumerate(zip(self.shape, self.periodic, strict=True)):
            if is_periodic:
                planes = np.moveaxis(padded, axis + 1, 0)
                planes[0], planes[n + 1] = planes[n], planes[1]
        return padded.ravel()

    def _owner(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """The flat array of which ``values`` are the voxels of one component, if they are."""
        own = values.base
        if own is None or values.shape != self.shape or own.size != self.size:
            return None
        flat = own.reshape(-1)
        same = self.voxels(flat).__array_interface__ == values.__array_interface__
        return flat if same else None


def merged_grid(grid: NodeGrid, factors: tuple[int, int, int]) -> NodeGrid:
    """The grid with ``factors`` voxels merged along each axis, an odd last one alone."""
    z, y, x = (-(-n // f) for n, f in zip(grid.shape, factors, strict=True))
    return NodeGrid((z, y, x), grid.periodic)
