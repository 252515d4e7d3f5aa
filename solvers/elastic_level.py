"""ElasticLevel: a multigrid level of linear elasticity, with two moduli per voxel.

Coarser levels merge 2 voxels along each axis whose spacing is not much larger than the smallest;
the moduli of a merged voxel are the mean of its parts, and corrections are trilinear in between.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import hexahedra as kernels
from solvers._kernels import nodes
from solvers._ti import ti
from solvers.constraint import Constraint
from solvers.face_level import merged
from solvers.hexahedron import Spacing, element_stiffness, largest_eigenvalue
from solvers.multigrid import Level, chebyshev_weights
from solvers.node_grid import NodeGrid, merged_grid
from solvers.runtime import DeviceArray

DIRECT_NODES = 220  # solved exactly from here down
DEGREE, LOWEST = 2, 0.15  # damps the upper part of the spectrum of D⁻¹A
SINGULAR = 1e-6  # stiffnesses below this share of the largest belong to rigid motions


class ElasticLevel(Level):
    """Right-hand side, solution and moduli of one level, as flat device arrays."""

    def __init__(
        self,
        grid: NodeGrid,
        spacing: Spacing,
        moduli: tuple[DeviceArray, DeviceArray],
        parameters: list[float],
        constraint: Constraint,
        dtype: type[np.floating],
    ) -> None:
        self.grid, self.spacing, self.moduli, self.dtype = grid, spacing, moduli, dtype
        self.parameters, self.constraint = parameters, constraint
        self.factors = merged(grid.shape, spacing)
        self.x, self.spare = (runtime.zeros(grid.length, dtype) for _ in range(2))
        self.b: DeviceArray = None
        self.real = runtime.taichi_type(dtype)
        self.transfers = nodes.transfers(self.real)
        self.element = ti.Vector(parameters)
        self.held = ti.Vector([*constraint.low, *constraint.high], dt=ti.i32)
        bound = largest_eigenvalue(parameters, constraint.ratios)
        self.weights = chebyshev_weights(DEGREE, LOWEST * bound, bound)
        self.direct: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None

    def take(self, b: DeviceArray) -> None:
        """Use ``b``, in its own precision, as the right-hand side from now on."""
        self.b = b
        given = runtime.taichi_type(runtime.dtype_of(b))
        self.kernels = kernels.build(self.real, given, runtime.block())

    @property
    def is_coarsest(self) -> bool:
        """True if the level is small enough, or too thin, to be coarsened."""
        return int(np.prod(self.grid.nodes)) <= DIRECT_NODES or self.factors == (1, 1, 1)

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation; the same polynomial before and after keeps the cycle symmetric."""
        weights, where = self.weights, self._where()
        if from_zero:
            self.kernels.start(self.b, self.x, *where, weights[0])
            self.seal(self.x)
        for weight in weights[from_zero:]:
            self.kernels.relax(self.x, self.b, self.spare, *where, weight)
            self.x, self.spare = self.spare, self.x
            self.seal(self.x)

    def restrict(self, coarse: "ElasticLevel") -> None:
        """Set the right-hand side of ``coarse`` to the transposed interpolation of the residual."""
        self.kernels.residual(self.x, self.b, self.spare, *self._where())
        self.seal(self.spare)
        periodic = [int(p) for p in self.grid.periodic]
        sizes = (self.grid.size, coarse.grid.size, *coarse.grid.nodes, *self.grid.shape)
        strides = (*self.grid.strides, *coarse.grid.strides)
        self.transfers.restrict(self.spare, coarse.b, *sizes, *self.factors, *periodic, *strides)

    def prolong(self, coarse: "ElasticLevel") -> None:
        """Add the correction of ``coarse`` at the nodes of this level."""
        sizes = (coarse.grid.size, self.grid.size, *self.grid.nodes, *self.grid.shape)
        strides = (*self.grid.strides, *coarse.grid.strides)
        self.transfers.prolong(coarse.x, self.x, *sizes, *self.factors, *strides)
        self.seal(self.x)

    def solve(self) -> None:
        """Solve exactly on the host."""
        if self.direct is None:
            self.prepare()
        assert self.direct is not None
        self.set_nodes(self.direct(self.get_nodes(self.b)))

    def prepare(self) -> None:
        """Invert the matrix of this level, which must be a small one."""
        self.direct = _pseudo_inverse(self)

    def seal(self, u: DeviceArray) -> None:
        """Make ``u`` obey the boundary conditions: planes repeated, components held."""
        self.constraint.seal(u, self.grid)

    def coarser(self) -> "ElasticLevel":
        """The next level."""
        grid = merged_grid(self.grid, self.factors)
        h0, h1, h2 = (h * f for h, f in zip(self.spacing, self.factors, strict=True))
        gradients = [1.0 / (4.0 * h) for h in (h0, h1, h2)]
        lam, mu = (self._averaged(modulus, grid) for modulus in self.moduli)
        coarse = ElasticLevel(
            grid,
            (h0, h1, h2),
            (lam, mu),
            [*gradients, *self.parameters[3:]],
            self.constraint,
            self.dtype,
        )
        coarse.take(runtime.zeros(grid.length, self.dtype))
        return coarse

    def get_nodes(self, u: DeviceArray) -> NDArray[np.float64]:
        """Values at the nodes with displacements of their own, flat, on the host."""
        return self._own(runtime.to_host(u)).ravel().astype(float)

    def set_nodes(self, values: NDArray[np.float64]) -> None:
        """Replace the solution by values at the nodes."""
        host = np.zeros(self.grid.length, self.dtype)
        self._own(host)[:] = values.reshape(3, *self.grid.nodes)
        runtime.assign(self.x, host)
        self.seal(self.x)

    def _own(self, u: NDArray[np.floating]) -> NDArray[np.floating]:
        mz, my, mx = self.grid.nodes
        whole = u[: 3 * self.grid.size].reshape(3, *self.grid.padded)
        return whole[:, 1 : mz + 1, 1 : my + 1, 1 : mx + 1]

    def _where(self) -> tuple[object, ...]:
        grid = self.grid
        sizes = (grid.size, *grid.nodes, *grid.strides)
        return (*self.moduli, *sizes, self.element, self.held)

    def _averaged(self, modulus: DeviceArray, grid: NodeGrid) -> DeviceArray:
        coarse = runtime.zeros(grid.size, self.dtype)
        sizes = (*grid.shape, *self.grid.shape, *self.factors)
        self.transfers.average(modulus, coarse, *sizes, *self.grid.strides, *grid.strides)
        self.constraint.repeat(coarse, grid, components=1)
        return coarse


def hierarchy(finest: ElasticLevel) -> list[ElasticLevel]:
    """All levels from ``finest`` down to one that is solved exactly."""
    levels = [finest]
    while not levels[-1].is_coarsest:
        levels.append(levels[-1].coarser())
    levels[-1].prepare()  # before a solve needs memory of its own
    return levels


def _pseudo_inverse(level: ElasticLevel) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Exact solve of a small level; rigid motions and nodes that nothing holds stay 0."""
    matrix = _dense(level)
    diagonal = matrix.diagonal()
    scale = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0)), 0.0)
    values, vectors = scipy.linalg.eigh(matrix * np.outer(scale, scale))
    stiff = values > SINGULAR * values[-1]
    basis = scale[:, None] * vectors[:, stiff]
    inverse = (basis / values[stiff]) @ basis.T
    return lambda rhs: inverse @ rhs


def _dense(level: ElasticLevel) -> NDArray[np.float64]:
    """The matrix of a level, with nothing but zeros for components that are held."""
    nodes_, shape = level.grid.nodes, level.grid.shape
    corners = np.indices((2, 2, 2)).reshape(3, 8, 1)
    lower = np.indices(shape).reshape(3, 1, -1)
    place = [(c + e) % n for c, e, n in zip(corners, lower, nodes_, strict=True)]
    number = np.ravel_multi_index(place, nodes_)
    count = int(np.prod(nodes_))
    unknowns = (number[:, None] + count * np.arange(3)[:, None]).reshape(24, -1)
    matrix = np.zeros((3 * count, 3 * count))
    for modulus, unit in zip(level.moduli, ((1.0, 0.0), (0.0, 1.0)), strict=True):
        own = level.grid.voxels(runtime.to_host(modulus)).reshape(-1).astype(float)
        of_voxel = element_stiffness(level.parameters, *unit)[:, :, None] * own
        np.add.at(matrix, (unknowns[:, None], unknowns[None, :]), of_voxel)
    moves = _moves(level).ravel()
    matrix[~moves] = 0.0
    matrix[:, ~moves] = 0.0
    return matrix


def _moves(level: ElasticLevel) -> NDArray[np.bool_]:
    """Components of nodes that nothing holds, shape (3, mz, my, mx)."""
    moves = np.ones((3, *level.grid.nodes), dtype=bool)
    for axis in range(3):
        planes = np.moveaxis(moves, axis + 1, 1)
        for component in range(3):
            for plane, bits in ((0, level.constraint.low), (-1, level.constraint.high)):
                if bits[axis] >> component & 1:
                    planes[component, plane] = False
    return moves
