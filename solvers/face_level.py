"""FaceLevel: a multigrid level of the seven-point operator.

Coarser levels merge 2 voxels along each axis whose spacing is not much larger than the smallest.
Their faces conduct as the merged fine faces do in parallel, over twice the distance; corrections
are constant over the merged voxels. Conductances to the ground, if there are any, add up.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import transfers as moves
from solvers._kernels import visits
from solvers.grid import Grid
from solvers.medium import Medium
from solvers.multigrid import Level, Multigrid, chebyshev_weights
from solvers.runtime import DeviceArray
from solvers.seam_level import SeamLevel, seam
from solvers.small_system import DeviceSolver, Solver, lower_upper, on_device, pseudo_inverse
from solvers.turn import Turn

DIRECT_VOXELS = 700  # solved exactly from here down
WORTH_TWO = 12_000  # voxels from which on a level is visited twice in a cycle
DEGREE, LOWEST = 4, 0.15  # damps the upper part of the spectrum of D⁻¹A, which ends at 2
SMALL = 150_000  # elements up to which a visit is one launch down and one up, for one thread
SEAM = 2  # depth from which on a graph costs little
WORTH_GRAPH = 100_000  # voxels at that depth from which on it is sooner done
SIMILAR = 1.5  # axes whose spacing is within this factor of the smallest are coarsened together


Coarse: TypeAlias = "FaceLevel | SeamLevel"


class FaceLevel(Level):
    """Right-hand side, solution and faces of one level, as flat device arrays.

    Args:
        medium: what the faces conduct.
        spacing: voxel edges, any unit.
        b: right-hand side, if it lives elsewhere already.
        spare: an array of the same size that may be overwritten, likewise.
    """

    def __init__(
        self,
        medium: Medium,
        spacing: tuple[float, float, float],
        b: DeviceArray = None,
        spare: DeviceArray = None,
    ) -> None:
        self.medium, self.grid, self.spacing = medium, medium.grid, spacing
        self.dtype = medium.dtype
        self.factors = merged(self.grid.shape, spacing)
        new = [
            v if v is not None else runtime.zeros(self.grid.size, self.dtype) for v in (b, spare)
        ]
        self.b, self.spare = new
        self.x = runtime.zeros(self.grid.size, self.dtype)
        self.kernels = medium.kernels
        self.transfers = moves.transfers(runtime.taichi_type(self.dtype), runtime.block())
        self.weights = chebyshev_weights(DEGREE, LOWEST, 2.0)
        self.direct: Solver | None = None

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.grid.shape))

    @property
    def is_coarsest(self) -> bool:
        """True if the level is small enough, or too thin, to be coarsened."""
        return self.voxels <= DIRECT_VOXELS

    @cached_property
    def visit(self) -> Any:
        """Kernels for a visit in one launch, if the level is small; else None."""
        if self.grid.size > SMALL or any(self.medium.periodic):
            return None
        real, medium = runtime.taichi_type(self.dtype), self.medium
        of_values = runtime.taichi_type(runtime.dtype_of(medium.values))
        form = (medium.kind, of_values, medium.grounded)
        return visits.build(real, runtime.block(), self.weights, *form)

    @cached_property
    def inverse(self) -> DeviceSolver:
        """The exact solve on a device of its own."""
        assert self.direct is not None
        places = np.flatnonzero(self.grid.flat(np.ones(self.grid.shape, bool)))
        return on_device(self.direct, places)

    def descend(self, coarse: Coarse, from_zero: bool) -> None:
        """Smooth, and hand the residual to ``coarse``."""
        if self.visit is None:
            return super().descend(coarse, from_zero)
        kept = 0 if from_zero else 1
        levels = (*coarse.grid.shape, *self.factors, *coarse.grid.strides)
        vectors = (self.x, self.b, self.spare, coarse.b)
        self.visit.descend(*vectors, kept, *levels, *self._place())

    def ascend(self, coarse: Coarse) -> None:
        """Take the correction from ``coarse``, and smooth."""
        if self.visit is None:
            return super().ascend(coarse)
        levels = (*self.grid.shape, *self.factors, *coarse.grid.strides)
        self.visit.ascend(coarse.x, self.x, self.b, self.spare, *levels, *self._place())

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation; the same polynomial before and after keeps the cycle symmetric."""
        weights, where = self.weights, self.medium.where
        if from_zero:
            self.kernels.start(self.b, self.x, weights[0], *where)
            self.medium.wrap(self.x)
        for weight in weights[from_zero:]:
            self.kernels.relax(self.x, self.b, self.spare, weight, *where)
            self.x, self.spare = self.spare, self.x
            self.medium.wrap(self.x)

    def restrict(self, coarse: Coarse) -> None:
        """Sum the residual of the voxels that ``coarse`` merges into its right-hand side."""
        self.kernels.residual(self.x, self.b, self.spare, *self.medium.where)
        self.medium.clear_odd(self.spare)
        self.transfers.restrict(self.spare, coarse.b, *coarse.grid.shape, *self._pair(coarse))

    def prolong(self, coarse: Coarse) -> None:
        """Add the correction of ``coarse`` to all voxels that it merges."""
        self.transfers.prolong(coarse.x, self.x, *self.grid.shape, *self._pair(coarse))
        self.medium.wrap(self.x)

    def solve(self) -> None:
        """Solve exactly, on the host if there is no other device."""
        if self.direct is None:
            self.direct = _factorised(self.medium)
        if runtime.start().is_cpu:
            solution = self.direct(self.grid.voxels(self.b).ravel().astype(float))
            self.grid.voxels(self.x)[...] = solution.reshape(self.grid.shape)
        else:
            self.inverse(self.b, self.x)
        self.medium.wrap(self.x)

    def coarser(self) -> "FaceLevel":
        """The next level."""
        h0, h1, h2 = (h * f for h, f in zip(self.spacing, self.factors, strict=True))
        return FaceLevel(_coarsened(self.medium, self.factors), (h0, h1, h2))

    def turn(self, turn: Turn, medium: Medium) -> None:
        """Go on with ``medium``, which has another axis first."""
        self.medium, self.grid = medium, medium.grid
        self.spacing, self.factors = turn.of(self.spacing), turn.of(self.factors)
        for vector in (self.b, self.x, self.spare):  # nothing may be left in the halo
            vector.fill(0)
        self.direct = None
        vars(self).pop("inverse", None)

    def _place(self) -> tuple[Any, ...]:
        return (*self.medium.source, *self.medium.weights, *self.grid.span)

    def _pair(self, coarse: Coarse) -> tuple[int, ...]:
        return (*self.factors, *self.grid.strides, *coarse.grid.strides)


class FaceMultigrid(Multigrid):
    """Multigrid on faces.

    Args:
        levels: finest first.
        shares: the iteration is of the same precision, so that the finest level reads right-hand
            sides in place and lends its spare vector.
    """

    def __init__(self, levels: Sequence[FaceLevel], *, shares: bool = False) -> None:
        super().__init__(levels)
        self.shares = shares
        self.grids = tuple(levels)  # those of ``strengthen`` are for one axis first only

    def turn(self, turn: Turn, medium: Medium) -> None:
        """Go on with ``medium``, the faces of the same voxels with another axis first."""
        self.levels = self.grids
        self.grids[0].turn(turn, medium)
        for fine, coarse in pairwise(self.grids):
            coarse.turn(turn, _turned(fine.medium, coarse.medium, fine.factors, turn))

    def visits_of(self, depth: int) -> int:
        """Once for small levels, where a second visit costs more launches than it saves work."""
        level = self.levels[depth]
        small = isinstance(level, FaceLevel) and level.voxels < WORTH_TWO
        return 1 if small else super().visits_of(depth)

    def strengthen(self) -> bool:
        """Go on with a graph where levels get coarse; False if it would not be worth its time."""
        for level in self.levels[SEAM : SEAM + 1]:
            if isinstance(level, FaceLevel) and level.voxels >= WORTH_GRAPH:
                self.levels = (*self.levels[:SEAM], *seam(level.medium))
                return True
        return False

    @property
    def medium(self) -> Medium:
        """What the faces of the finest level conduct."""
        finest: FaceLevel = self.levels[0]  # type: ignore[assignment]
        return finest.medium

    @property
    def lent(self) -> DeviceArray:
        """A vector free between two cycles, with nothing in its halo; None if not shared."""
        if not self.shares:
            return None
        spare = self.levels[0].spare  # type: ignore[attr-defined]
        self.medium.clear(spare)
        return spare

    def take(self, r: DeviceArray) -> bool:
        """Read right-hand sides from ``r`` itself, if vectors are shared."""
        if self.shares:
            self.levels[0].b = r
        return self.shares


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


def _coarsened(fine: Medium, factors: tuple[int, int, int]) -> Medium:
    """Faces of the merged voxels."""
    nz, ny, nx = (-(-n // f) for n, f in zip(fine.grid.shape, factors, strict=True))
    grid, kinds = Grid((nz, ny, nx)), 4 if fine.grounded else 3
    values = runtime.zeros(kinds * grid.size, fine.dtype)
    periodic, grounded = fine.periodic, fine.grounded
    coarse = Medium(grid, "stored", values, fine.dtype, periodic=periodic, grounded=grounded)
    for axis in range(kinds):
        _merge(fine, coarse, factors, axis, layers=nz + (axis == 0), every=1)
    return coarse


def _turned(fine: Medium, coarse: Medium, factors: tuple[int, int, int], turn: Turn) -> Medium:
    """Faces of the merged voxels, from those before a turn; ``fine`` and ``factors`` are turned."""
    coarse = coarse.turned(turn)
    if not coarse.periodic[0]:
        _merge(fine, coarse, factors, 0, layers=2, every=coarse.grid.shape[0])
    return coarse


def _merge(
    fine: Medium, coarse: Medium, factors: tuple[int, int, int], axis: int, layers: int, every: int
) -> None:
    """Set coarse faces normal to ``axis`` in some layers along axis 0 to what fine ones add to."""
    along, shapes = fine.grid.shape[axis % 3], (*coarse.grid.shape, *factors, *fine.grid.shape)
    sizes = (coarse.grid.size, layers, every, along, *shapes)
    strides = (*fine.grid.strides, *coarse.grid.strides)
    weight = fine.weights[axis % 3]
    fine.kernels.coarsen(coarse.values, axis, weight, *fine.source, *sizes, *strides)


def _factorised(medium: Medium) -> Solver:
    """Exact solve of a small level; voxels without conducting faces stay 0."""
    matrix = _dense(medium)
    active = np.flatnonzero(matrix.diagonal() > 0.0)
    matrix = matrix[np.ix_(active, active)]
    scale = 1.0 / np.sqrt(matrix.diagonal())  # a unit diagonal at any contrast of the phases
    matrix *= np.outer(scale, scale)
    inner = pseudo_inverse(matrix) if any(medium.periodic) else lower_upper(matrix)

    def solve(rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        solution = np.zeros_like(rhs)
        solution[active] = scale * inner(scale * rhs[active])
        return solution

    return solve


def _dense(medium: Medium) -> NDArray[np.float64]:
    grid, shape = medium.grid, medium.grid.shape
    matrix = np.zeros((int(np.prod(shape)),) * 2)
    number = _numbers(medium)
    faces = runtime.to_host(medium.stored().values).astype(float).reshape(-1, grid.size)
    if medium.grounded:
        matrix[np.diag_indices_from(matrix)] += grid.voxels(faces[3]).ravel()
    for axis, step in enumerate((*grid.strides, 1)):
        # a halo beyond a periodic axis repeats faces; below others are those of the electrodes
        low = int(medium.periodic[axis])
        own = np.zeros(grid.padded, bool)
        own[tuple(slice(low if b == axis else 1, -1) for b in range(3))] = True
        p = np.flatnonzero((faces[axis] > 0) & own.ravel())
        a, b, g = number[p] - 1, number[p + step] - 1, faces[axis][p]
        np.add.at(matrix, (a[a >= 0], a[a >= 0]), g[a >= 0])
        np.add.at(matrix, (b[b >= 0], b[b >= 0]), g[b >= 0])
        both = (a >= 0) & (b >= 0)
        np.add.at(matrix, (a[both], b[both]), -g[both])
        np.add.at(matrix, (b[both], a[both]), -g[both])
    return matrix


def _numbers(medium: Medium) -> NDArray[np.int64]:
    """Number 1, 2, … of each voxel in a flat array; in the halo 0, or that of the far side."""
    inner = np.arange(1, int(np.prod(medium.grid.shape)) + 1).reshape(medium.grid.shape)
    for axis, periodic in enumerate(medium.periodic):
        widths = [(int(a == axis), int(a == axis)) for a in range(3)]
        inner = np.pad(inner, widths, mode="wrap" if periodic else "constant")
    return inner.ravel()
