"""StoredFaces: a seven-point operator with one stored conductance per face, in float64.

Arrays are flat with a halo of one voxel; a grounded operator has a conductance from each voxel to 0
besides: a surface held at a value, or what a voxel stores in a time step.
"""

import numpy as np
from numpy.typing import NDArray

from solvers.face_operator import FaceOperator
from solvers.grid import Grid
from solvers.medium import stored_medium
from solvers.runtime import DeviceArray


class StoredFaces(FaceOperator):
    """The operator A x = Σ g (x - neighbour), plus the ground's conductance times x if grounded.

    Args:
        grid: layout of the arrays.
        faces: conductances to the upper neighbour along each axis, shape (3, size), or with those
            to the ground (4, size).
    """

    def __init__(self, grid: Grid, faces: NDArray[np.float64]) -> None:
        super().__init__(stored_medium(grid, faces, np.float64))

    @property
    def faces(self) -> DeviceArray:
        """The conductances, flat."""
        return self.medium.values
