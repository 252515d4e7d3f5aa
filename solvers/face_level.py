"""FaceLevel: a multigrid level of the seven-point operator, with one conductance per face.

Coarser levels merge 2 voxels along each axis whose spacing is not much larger than the smallest.
Their faces conduct as the merged fine faces do in parallel, over twice the distance; corrections
are constant over the merged voxels. Conductances to the ground, if there are any, add up.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import faces as kernels
from solvers._ti import ti
from solvers.grid import Grid
from solvers.multigrid import chebyshev_weights
from solvers.runtime import DeviceArray

DIRECT_VOXELS = 700  # solved exactly from here down
DEGREE, LOWEST = 4, 0.15  # damps the upper part of the spectrum of D⁻¹A, which ends at 2
SIMILAR = 1.5  # axes whose spacing is within this factor of the smallest are coarsened together


class FaceLevel:
    """Right-hand side, solution and faces of one level, as flat device arrays.

    ``faces`` holds three conductances per element, or four if the level is ``grounded``.
    """

    def __init__(
        self,
        grid: Grid,
        spacing: tuple[float, float, float],
        faces: DeviceArray,
        dtype: type[np.floating],
        grounded: bool = False,
    ) -> None:
        self.grid, self.spacing, self.faces, self.dtype = grid, spacing, faces, dtype
        self.grounded = grounded
        self.factors = merged(grid.shape, spacing)
        self.b, self.x, self.spare = (runtime.zeros(grid.size, dtype) for _ in range(3))
        real = ti.f32 if dtype is np.float32 else ti.f64
        self.kernels = kernels.build(real, runtime.block(), grounded)
        self.transfers = kernels.transfers(real, runtime.block())
        self.weights = chebyshev_weights(DEGREE, LOWEST, 2.0)
        self.direct: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None

    @property
    def is_coarsest(self) -> bool:
        """True if the level is small enough, or too thin, to be coarsened."""
        return int(np.prod(self.grid.shape)) <= DIRECT_VOXELS

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation; the same polynomial before and after keeps the cycle symmetric."""
        weights, where = self.weights, (self.faces, self.grid.size, *self.grid.span)
        if from_zero:
            self.kernels.start(self.b, self.x, *where, weights[0])
        for weight in weights[from_zero:]:
            self.kernels.relax(self.x, self.b, self.spare, *where, weight)
            self.x, self.spare = self.spare, self.x

    def restrict(self, coarse: "FaceLevel") -> None:
        """Sum the residual of the voxels that ``coarse`` merges into its right-hand side."""
        where = (self.faces, self.grid.size, *self.grid.span)
        self.kernels.residual(self.x, self.b, self.spare, *where)
        self.transfers.restrict(self.spare, coarse.b, *coarse.grid.shape, *self._pair(coarse))

    def prolong(self, coarse: "FaceLevel") -> None:
        """Add the correction of ``coarse`` to all voxels that it merges."""
        self.transfers.prolong(coarse.x, self.x, *self.grid.shape, *self._pair(coarse))

    def solve(self) -> None:
        """Solve exactly on the host."""
        if self.direct is None:
            self.direct = _factorised(self)
        solution = self.direct(self.grid.voxels(runtime.to_host(self.b)).ravel().astype(float))
        self._set(solution.reshape(self.grid.shape))

    def coarser(self) -> "FaceLevel":
        """The next level."""
        shape = tuple(-(-n // f) for n, f in zip(self.grid.shape, self.factors, strict=True))
        grid = Grid(shape)  # type: ignore[arg-type]
        spacing = tuple(h * f for h, f in zip(self.spacing, self.factors, strict=True))
        kinds = 4 if self.grounded else 3
        faces = runtime.zeros(kinds * grid.size, self.dtype)
        coarse = FaceLevel(grid, spacing, faces, self.dtype, self.grounded)  # type: ignore[arg-type]
        for axis in range(kinds):
            fine_voxels = self.grid.shape[axis % 3]
            sizes = (self.grid.size, grid.size, fine_voxels, *grid.shape)
            self.transfers.coarsen(self.faces, faces, axis, *sizes, *self._pair(coarse))
        return coarse

    def _pair(self, coarse: "FaceLevel") -> tuple[int, ...]:
        return (*self.factors, *self.grid.strides, *coarse.grid.strides)

    def _set(self, values: NDArray[np.float64]) -> None:
        flat = self.grid.flat(values.astype(self.dtype))
        if isinstance(self.x, np.ndarray):
            self.x[:] = flat
        else:
            self.x.from_numpy(flat)


def hierarchy(finest: FaceLevel) -> list[FaceLevel]:
    """All levels from ``finest`` down to one that is solved exactly."""
    levels = [finest]
    while not levels[-1].is_coarsest:
        levels.append(levels[-1].coarser())
    return levels


def merged(
    shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> tuple[int, int, int]:
    """Voxels merged along each axis, 1 or 2: only axes along which voxels couple strongly."""
    able = [h for n, h in zip(shape, spacing, strict=True) if n > 1]
    reach = SIMILAR * min(able, default=0.0)
    z, y, x = (2 if n > 1 and h <= reach else 1 for n, h in zip(shape, spacing, strict=True))
    return z, y, x


def _factorised(level: FaceLevel) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Exact solve of a small level; voxels without conducting faces stay 0."""
    matrix = _dense(level)
    active = np.flatnonzero(matrix.diagonal() > 0.0)
    matrix = matrix[np.ix_(active, active)]
    scale = 1.0 / np.sqrt(matrix.diagonal())  # a unit diagonal at any contrast of the phases
    matrix *= np.outer(scale, scale)
    matrix[np.diag_indices_from(matrix)] += 1e-12  # rounding may have made it semidefinite
    factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)

    def solve(rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        solution = np.zeros_like(rhs)
        scaled = scipy.linalg.cho_solve(factor, scale * rhs[active], check_finite=False)
        solution[active] = scale * scaled
        return solution

    return solve


def _dense(level: FaceLevel) -> NDArray[np.float64]:
    shape = level.grid.shape
    matrix = np.zeros((int(np.prod(shape)),) * 2)
    number = level.grid.flat(np.arange(1, matrix.shape[0] + 1).reshape(shape))
    faces = runtime.to_host(level.faces).astype(float).reshape(-1, level.grid.size)
    if level.grounded:
        matrix[np.diag_indices_from(matrix)] += level.grid.voxels(faces[3]).ravel()
    steps = (*level.grid.strides, 1)
    for axis, step in enumerate(steps):
        p = np.flatnonzero(faces[axis])
        a, b, g = number[p] - 1, number[p + step] - 1, faces[axis][p]
        np.add.at(matrix, (a[a >= 0], a[a >= 0]), g[a >= 0])
        np.add.at(matrix, (b[b >= 0], b[b >= 0]), g[b >= 0])
        both = (a >= 0) & (b >= 0)
        np.add.at(matrix, (a[both], b[both]), -g[both])
        np.add.at(matrix, (b[both], a[both]), -g[both])
    return matrix
