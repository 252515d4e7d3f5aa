"""Grid: voxels of shape (nz, ny, nx) laid out flat with a halo of one voxel all round."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime


@dataclass(frozen=True, slots=True)
class Grid:
    """Layout of a flat array: voxel (i, j, k), counted from 1, lies at i sz + j sy + k."""

    shape: tuple[int, int, int]

    @property
    def padded(self) -> tuple[int, int, int]:
        """Shape with the halo."""
        nz, ny, nx = self.shape
        return nz + 2, ny + 2, nx + 2

    @property
    def strides(self) -> tuple[int, int]:
        """Elements from one layer to the next, and from one row to the next."""
        _, ny, nx = self.padded
        return ny * nx, nx

    @property
    def size(self) -> int:
        """Elements of a flat array."""
        nz, ny, nx = self.padded
        return nz * ny * nx

    @property
    def span(self) -> tuple[int, int, int, int]:
        """First element of the first layer, one past the last layer, and both strides."""
        layer, row = self.strides
        return layer, layer * (self.shape[0] + 1), layer, row

    def checked(self) -> "Grid":
        """The same grid, if its face array can be indexed. Raises InvalidInputError."""
        runtime.check_elements(3 * self.size, f"the face array of {self.shape} voxels")
        return self

    def flat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Voxel values as a flat array with a zero halo."""
        padded = np.zeros(self.padded, values.dtype)
        padded[1:-1, 1:-1, 1:-1] = values
        return padded.ravel()

    def voxels(self, flat: NDArray[Any]) -> NDArray[Any]:
        """View of a flat array without its halo."""
        return flat.reshape(self.padded)[1:-1, 1:-1, 1:-1]

    def repeat(self, flat: NDArray[Any], periodic: tuple[bool, bool, bool]) -> None:
        """Fill the halo beyond periodic axes with the far side."""
        padded = flat.reshape(self.padded)
        for axis in (a for a in range(3) if periodic[a]):
            along = np.moveaxis(padded, axis, 0)
            along[0], along[-1] = along[-2], along[1]
