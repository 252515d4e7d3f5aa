"""FaceOperator: A x = Σ g (x - neighbour) on flat device arrays, and the energies it dissipates.

Values of x in the halo count as given: those of electrodes, or of the far side.
"""

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.linear import total
from solvers.medium import Medium
from solvers.runtime import DeviceArray


class FaceOperator:
    """The operator of a medium, in the medium's precision."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.grid, self.size = medium, medium.grid, medium.grid.size
        self.dtype = self.direction = medium.dtype
        self.sums = runtime.zeros(1 if runtime.block() == 1 else medium.segments, np.float64)

    def apply(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to A x and return x · A x."""
        return total(self.product(x, out))

    def product(self, x: DeviceArray, out: DeviceArray) -> DeviceArray:
        """Set ``out`` to A x and return partial sums of x · A x."""
        self.medium.kernels.apply(x, out, self.sums, *self.medium.where)
        return self.sums

    def defect(self, x: DeviceArray, out: DeviceArray, layers: int | None = None) -> None:
        """Set ``out``, of single or double precision, to -A x; in the first ``layers``, or all."""
        kernels = self.medium.kernels
        single = runtime.dtype_of(out) == np.float32
        where = self.medium.where if layers is None else self.medium.within(layers)
        (kernels.defect32 if single else kernels.defect64)(x, out, *where)

    def dissipation(
        self, x: DeviceArray, out: DeviceArray, ends: tuple[float, float] = (0.5, 0.5)
    ) -> float:
        """Set ``out`` to the energy of each voxel, half of each of its faces, and return the sum.

        Of the outermost faces along axis 0, it is the shares ``ends`` instead of half.
        """
        self.medium.kernels.dissipation(x, out, *ends, self.sums, *self.medium.where)
        return total(self.sums)

    def mutual(self, x: DeviceArray, y: DeviceArray) -> float:
        """Σ g (drop of x) (drop of y) over the upper faces of all voxels."""
        self.medium.kernels.mutual(x, y, self.sums, *self.medium.where)
        return total(self.sums)

    def end_energy(self, x: DeviceArray) -> float:
        """Σ g (drop of x)² over the faces below the first layer along axis 0."""
        layer, row = self.grid.strides
        kernels, weight = self.medium.kernels, self.medium.weights[0]
        sums = runtime.zeros(self.grid.padded[1], np.float64)
        kernels.end_energy(x, sums, *self.medium.source, weight, layer, row, self.grid.shape[2])
        return total(sums)

    def layers(
        self, x: DeviceArray, axis: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Conductance and flow between successive layers normal to ``axis``, halo included."""
        layers, steps = self.grid.shape[axis] + 1, (*self.grid.strides, 1)
        a, b = (other for other in range(3) if other != axis)
        rows, voxels = self.grid.shape[a], self.grid.shape[b]
        sums = [runtime.zeros(layers * rows, np.float64) for _ in range(2)]
        where = (self.medium.weights[axis], steps[axis], steps[a], steps[b], rows, voxels)
        self.medium.kernels.layers(x, *sums, axis, *self.medium.source, *where)
        conductance, flow = (runtime.to_host(s).reshape(layers, rows).sum(axis=1) for s in sums)
        return conductance, flow
