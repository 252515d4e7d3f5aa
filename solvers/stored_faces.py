"""StoredFaces: a seven-point operator with one stored conductance per face, in float64.

Arrays are flat with a halo of one voxel; a grounded operator has a conductance from each voxel to 0
besides: a surface held at a value, or what a voxel stores in a time step.
"""

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import faces as kernels
from solvers._kernels import vectors
from solvers._ti import ti
from solvers.grid import Grid
from solvers.linear import total
from solvers.runtime import DeviceArray


class StoredFaces:
    """The operator A x = Σ g (x - neighbour), plus the ground's conductance times x if grounded.

    Args:
        grid: layout of the arrays.
        faces: conductances to the upper neighbour along each axis, shape (3, size), or with those
            to the ground (4, size).
    """

    dtype: type[np.floating] = np.float64
    direction: type[np.floating] = np.float64

    def __init__(self, grid: Grid, faces: NDArray[np.float64]) -> None:
        self.grid, self.size, self.grounded = grid, grid.size, len(faces) == 4
        self.faces = runtime.to_device(faces)
        self.kernels = kernels.build(ti.f64, runtime.block(), self.grounded)
        lo, hi, *_ = grid.span
        self.sums = runtime.zeros(vectors.chunks(hi - lo), np.float64)

    def apply(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to A x and return x · A x; values of ``x`` in the halo count as given."""
        self.kernels.apply(x, out, self.faces, self.sums, self.size, *self.grid.span)
        return total(self.sums)

    def dissipation(self, x: DeviceArray, out: DeviceArray) -> None:
        """Set ``out`` to the energy dissipated in each voxel."""
        kernels.dissipation(x, out, self.faces, self.size, *self.grid.span)

    def layers(self, x: DeviceArray, conductance: DeviceArray, flow: DeviceArray) -> None:
        """Set conductance and flow between successive layers, halo included."""
        kernels.layers(x, self.faces, conductance, flow, self.grid.strides[0])

    def faces_in(self, dtype: type[np.floating]) -> DeviceArray:
        """The conductances in the precision of a preconditioner; not to be changed."""
        if dtype is np.float64:
            return self.faces
        return runtime.to_device(runtime.to_host(self.faces).astype(dtype))
