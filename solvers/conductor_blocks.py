"""ConductorBlocks: a multigrid correction for two conductors that hardly exchange current.

Merging voxels by twos mixes both conductors, so that multigrid hardly sees the difference of their
potentials. What it misses is smooth in each of them: one number per conductor in each of at most
ten thousand blocks of voxels, the solution of a small system. Arrays are flat with a halo.
"""

import math
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from solvers.grid import Grid
from solvers.islands import Islands
from solvers.linear import Preconditioner
from solvers.runtime import DeviceArray

MOST_BLOCKS, SMALLEST_EDGE = 10_000, 5  # blocks in a volume, and voxels along the edge of one


class ConductorBlocks:
    """A preconditioner plus the constant correction of each conductor in each block.

    Args:
        preconditioner: what is to be helped.
        grid: layout of the arrays.
        spacing: voxel edges, any unit: blocks are about cubic.
        kind: number of the conductor of each element, 0 for none.
        faces: conductances of the whole network, shape (4, size).
    """

    def __init__(
        self,
        preconditioner: Preconditioner,
        grid: Grid,
        spacing: tuple[float, float, float],
        kind: NDArray[np.uint8],
        faces: NDArray[np.float64],
    ) -> None:
        self.base, self.dtype = preconditioner, preconditioner.dtype
        self.blocks = _blocks(grid, spacing, kind, faces)

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.base.rhs

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.base.solution

    @property
    def lent(self) -> DeviceArray:
        """No vector is lent."""
        return None

    def take(self, r: DeviceArray) -> bool:
        """Right-hand sides must be copied to ``rhs``."""
        return False

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``, symmetric and positive."""
        self.base.precondition()
        self.blocks.correct(self.rhs, self.solution)


def block_shape(
    shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> tuple[int, int, int]:
    """Voxels along each edge of a block."""
    volume = max(math.prod(shape) / MOST_BLOCKS, SMALLEST_EDGE**3)
    edge = math.cbrt(volume * math.prod(spacing))
    z, y, x = (min(max(round(edge / h), 1), n) for h, n in zip(spacing, shape, strict=True))
    return z, y, x


def _blocks(
    grid: Grid,
    spacing: tuple[float, float, float],
    kind: NDArray[np.uint8],
    faces: NDArray[np.float64],
) -> Islands:
    edges = block_shape(grid.shape, spacing)
    z, y, x = (np.arange(n) // edge for n, edge in zip(grid.shape, edges, strict=True))
    number = (z[:, None, None] * (y[-1] + 1) + y[:, None]) * (x[-1] + 1) + x
    place = grid.flat((number * (int(kind.max()) + 1)).astype(np.int32)) + kind
    elements = np.flatnonzero(kind)
    _, own = np.unique(place[elements], return_inverse=True)
    owners = np.zeros(grid.size, np.int32)  # 0 stands for the ground
    owners[elements] = own + 1
    factor, scale = _factorised(grid, owners, faces)
    return Islands(
        elements,
        own.astype(np.int32),
        int(own.max()) + 1,
        lambda sources: scale * factor.solve(scale * sources),
    )


def _factorised(
    grid: Grid, owners: NDArray[np.int32], faces: NDArray[np.float64]
) -> tuple[scipy.sparse.linalg.SuperLU, NDArray[np.float64]]:
    """The network of the blocks, with all its faces, scaled to a unit diagonal."""
    count = int(owners.max()) + 1
    joined = scipy.sparse.csr_array((count, count))
    for along, step in zip(faces, (*grid.strides, 1, 0), strict=True):
        other = np.roll(owners, -step) if step else np.zeros_like(owners)
        p = np.flatnonzero((owners != other) & (along > 0))
        ends = (owners[p], other[p])
        joined = joined + scipy.sparse.coo_array((along[p], ends), joined.shape).tocsr()
    joined = (joined + joined.T)[1:, :]
    matrix: Any = scipy.sparse.diags_array(joined.sum(axis=1)) - joined[:, 1:]
    scale = 1.0 / np.sqrt(matrix.diagonal())
    scaling = scipy.sparse.diags_array(scale)
    matrix = (scaling @ matrix @ scaling).tocsc()
    options = {"SymmetricMode": True}
    return scipy.sparse.linalg.splu(matrix, "MMD_AT_PLUS_A", options=options), scale
