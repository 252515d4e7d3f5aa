"""TensorLevel: a multigrid level of conduction with a tensor in each voxel, trilinear elements.

Coarser levels merge 2 voxels along each axis along which they couple about as strongly as along the
strongest, by the largest conductivity over the square of the spacing. The tensor of a merged voxel
is the mean of its parts, and corrections are trilinear in between.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import nodes
from solvers._kernels import tensor_conduction as kernels
from solvers._ti import ti
from solvers.face_level import merged
from solvers.hexahedron import Spacing
from solvers.multigrid import Level, chebyshev_weights
from solvers.node_grid import NodeGrid, merged_grid
from solvers.runtime import DeviceArray
from solvers.small_system import DeviceSolver, Solver, on_device

DIRECT_NODES = 400  # solved exactly from here down
DEGREE, LOWEST = 3, 0.15  # damps the upper part of the spectrum of D⁻¹A
SINGULAR = 1e-6  # added to a unit diagonal: clusters that nothing holds have constants free
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # order of a tensor's six numbers
# signs of the modes z, y, x, zy, zx, yx, zyx at the eight corners, z slowest, shape (7, 8)
_Z, _Y, _X = (2 * np.indices((2, 2, 2)).reshape(3, 8) - 1).astype(float)
MODES = np.stack([_Z, _Y, _X, _Z * _Y, _Z * _X, _Y * _X, _Z * _Y * _X])


@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    """Conductivity of voxels as kernels want it: six numbers k_ab/(16 h_a h_b), see the kernels.

    ``table`` holds them by class, class 0 first, or by voxel where ``kind`` is STORED.
    ``matrices`` are the classes' tensors, shape (n, 3, 3), without that of class 0.
    """

    table: DeviceArray
    classes: DeviceArray
    kind: int
    matrices: NDArray[np.float64]


def by_class(
    classes: DeviceArray,
    matrices: NDArray[np.float64],
    spacing: Spacing,
    dtype: type[np.floating],
) -> Tensors:
    """Tensors of the voxels of a volume from those of its classes; class 0 insulates."""
    slopes = 0.25 / np.array(spacing)
    rows = [matrices[:, a, b] * slopes[a] * slopes[b] for a, b in PAIRS]
    table = np.concatenate([np.zeros((1, 6)), np.stack(rows, axis=1)])
    return Tensors(runtime.to_device(table.astype(dtype)), classes, kernels.CLASSES, matrices)


class TensorLevel(Level):
    """Right-hand side, solution and tensors of one level, as flat device arrays.

    Along an axis that is not periodic nodes of both outer planes are held at 0 if it is axis 0,
    and free otherwise.
    """

    def __init__(
        self, grid: NodeGrid, spacing: Spacing, tensors: Tensors, dtype: type[np.floating]
    ) -> None:
        self.grid, self.spacing, self.tensors, self.dtype = grid, spacing, tensors, dtype
        self.factors = merged(grid.shape, _reach(spacing, tensors.matrices))
        self.b, self.x, self.spare, self.inverse = (
            runtime.zeros(grid.size, dtype) for _ in range(4)
        )
        self.real = runtime.taichi_type(dtype)
        self.kernels = kernels.smoothing(self.real, runtime.block())
        self.transfers = kernels.transfers(self.real)
        self.kernels.invert_diagonal(self.inverse, *self._where())
        bound = largest_eigenvalue(tensors.matrices, spacing)
        self.weights = chebyshev_weights(DEGREE, LOWEST * bound, bound)
        self.direct: Solver | None = None
        self.paths: _Paths | None = None

    @property
    def is_coarsest(self) -> bool:
        """True if the level is small enough, or too thin, to be coarsened."""
        return int(np.prod(self.grid.nodes)) <= DIRECT_NODES or self.factors == (1, 1, 1)

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation; the same polynomial before and after keeps the cycle symmetric."""
        weights = self.weights
        if from_zero:
            self.kernels.start(self.b, self.x, self.inverse, self.grid.size, weights[0])
            seal(self.x, self.grid)
        for weight in weights[from_zero:]:
            self.kernels.relax(self.x, self.b, self.spare, self.inverse, *self._where(), weight)
            self.x, self.spare = self.spare, self.x
            seal(self.x, self.grid)

    def restrict(self, coarse: "TensorLevel") -> None:
        """Set the right-hand side of ``coarse`` to the transposed interpolation of the residual."""
        self.kernels.residual(self.x, self.b, self.spare, *self._where())
        seal(self.spare, self.grid)
        paths, share = self._paths(), 1.0 / float(np.prod(self.factors))
        sizes = (*coarse.grid.nodes, *self.grid.strides, *coarse.grid.strides)
        down = (paths.centres, paths.left, paths.right)
        self.transfers.restrict(self.spare, coarse.b, *down, share, *sizes)

    def prolong(self, coarse: "TensorLevel") -> None:
        """Add the correction of ``coarse`` at the nodes of this level."""
        paths = self._paths()
        sizes = (*self.grid.nodes, *self.grid.strides, *coarse.grid.strides)
        self.transfers.prolong(coarse.x, self.x, paths.below, paths.above, *sizes)
        seal(self.x, self.grid)

    def solve(self) -> None:
        """Solve exactly, on the host if there is no other device or the level is large but thin."""
        if self.direct is None:
            self.direct = _factorised(self)
        if not runtime.start().is_cpu and math.prod(self.grid.nodes) <= DIRECT_NODES:
            self.exact(self.b, self.x)
        else:
            self._solve_on_host(self.direct)
        seal(self.x, self.grid)

    @cached_property
    def exact(self) -> DeviceSolver:
        """The exact solve on a device of its own."""
        assert self.direct is not None
        numbers = np.arange(self.grid.size).reshape(self.grid.padded)
        return on_device(self.direct, node_values(numbers, self.grid).ravel())

    def _solve_on_host(self, direct: Solver) -> None:
        own = node_values(runtime.to_host(self.b), self.grid).ravel().astype(float)
        host = np.zeros(self.grid.size, self.dtype)
        node_values(host, self.grid)[:] = direct(own).reshape(self.grid.nodes)
        runtime.assign(self.x, host)

    def coarser(self) -> "TensorLevel":
        """The next level."""
        grid = merged_grid(self.grid, self.factors)
        z, y, x = (h * f for h, f in zip(self.spacing, self.factors, strict=True))
        table = runtime.zeros(6 * grid.size, self.dtype)
        own = self.tensors
        sizes = (*grid.shape, *self.grid.shape, *self.factors)
        strides = (*self.grid.strides, *grid.strides)
        where = (own.kind, self.grid.size, grid.size, *sizes, *strides)
        self.transfers.average(own.table, own.classes, table, *where)
        repeat(table, grid, components=6)
        stored = Tensors(table, runtime.zeros(1, np.uint16), kernels.STORED, own.matrices)
        return TensorLevel(grid, (z, y, x), stored, self.dtype)

    def _where(self) -> tuple[object, ...]:
        own, grid = self.tensors, self.grid
        return (own.table, own.classes, own.kind, grid.size, *grid.nodes, *grid.strides)

    def _paths(self) -> "_Paths":
        if self.paths is None:
            self.paths = _paths(self.grid, self.factors, self.dtype)
        return self.paths


def hierarchy(finest: TensorLevel) -> list[TensorLevel]:
    """All levels from ``finest`` down to one that is solved exactly."""
    levels = [finest]
    while not levels[-1].is_coarsest:
        levels.append(levels[-1].coarser())
    return levels


def seal(u: DeviceArray, grid: NodeGrid) -> None:
    """Make node values obey the boundary conditions: planes repeated, or held at 0."""
    hold(u, grid)
    repeat(u, grid, components=1)


def hold(u: DeviceArray, grid: NodeGrid) -> None:
    """Zero the nodes that are held."""
    if not grid.periodic[0]:
        first = _three(1, 0, 0)  # bit of the only component, on planes normal to axis 0
        _nodes(u).hold(u, first, first, grid.size, *grid.shape, *grid.strides)


def repeat(u: DeviceArray, grid: NodeGrid, components: int) -> None:
    """Repeat planes of ``u`` along periodic axes, edges and corners too."""
    if any(grid.periodic):
        axes = _three(*map(int, grid.periodic))
        _nodes(u).repeat(u, components, axes, grid.size, *grid.shape, *grid.strides)


def node_values(u: NDArray[Any], grid: NodeGrid) -> NDArray[Any]:
    """View of flat values at the nodes that are no copies of others."""
    z, y, x = grid.nodes
    return u.reshape(grid.padded)[1 : z + 1, 1 : y + 1, 1 : x + 1]


def largest_eigenvalue(matrices: NDArray[np.float64], spacing: Spacing) -> float:
    """Bound on the eigenvalues of D⁻¹A for any mixture of these tensors, shape (n, 3, 3).

    A and D are sums over voxels, so no quotient of theirs exceeds the largest of a voxel's.
    """
    elements = element_matrices(matrices, spacing)
    scale = 1.0 / np.sqrt(np.einsum("nii->ni", elements))
    elements *= scale[:, :, None] * scale[:, None, :]
    return float(np.linalg.eigvalsh(elements).max())


def element_matrices(matrices: NDArray[np.float64], spacing: Spacing) -> NDArray[np.float64]:
    """Conductance between the corners of a voxel, per volume, shape (n, 8, 8)."""
    slopes = 0.25 / np.array(spacing)
    k = matrices * np.multiply.outer(slopes, slopes)
    modal = np.zeros((len(k), 7, 7))
    modal[:, :3, :3] = k
    # gradients that vary as z, y, x (mean square 1/3) are those of two hourglasses each
    for first, second, a, b in ((3, 4, 1, 2), (3, 5, 0, 2), (4, 5, 0, 1)):
        for (i, p), (j, q) in ((m, n) for m in zip((first, second), (a, b), strict=True)
                               for n in zip((first, second), (a, b), strict=True)):  # fmt: skip
            modal[:, i, j] += k[:, p, q] / 3.0
    modal[:, 6, 6] = np.einsum("naa->n", k) / 9.0
    found: NDArray[np.float64] = MODES.T @ modal @ MODES
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Paths:
    """Where nodes of a level and of the next coarser one lie, by axis: z, then y, then x.

    A fine node lies at the coarse node ``below`` or by the weight ``above`` after it; a coarse one
    stands at the fine node ``centres``, whose neighbours interpolate with ``left`` and ``right``.
    """

    below: DeviceArray
    above: DeviceArray
    centres: DeviceArray
    left: DeviceArray
    right: DeviceArray


def _paths(grid: NodeGrid, factors: tuple[int, int, int], dtype: type[np.floating]) -> _Paths:
    each = [_path(*of) for of in zip(grid.shape, factors, grid.periodic, strict=True)]
    joined = [np.concatenate(parts) for parts in zip(*each, strict=True)]
    places, weights = [joined[0], joined[2]], [joined[1], joined[3], joined[4]]
    below, centres = (runtime.to_device(a.astype(np.int32)) for a in places)
    above, left, right = (runtime.to_device(a.astype(dtype)) for a in weights)
    return _Paths(below, above, centres, left, right)


def _path(n: int, factor: int, periodic: bool) -> tuple[NDArray[Any], ...]:
    """Nodes, counted from 1, and weights of ``_Paths`` along an axis of ``n`` voxels."""
    fine = np.arange(n if periodic else n + 1)
    coarse = np.arange(-(-n // factor) + (not periodic))
    between = (fine % factor == 1) & (fine != n)  # the last node stands on the face
    below = np.where(fine == n, -(-n // factor), fine // factor)
    centres = np.minimum(factor * coarse, n)
    half = 0.5 * np.append(between, False)
    left = half[np.where(centres > 0, centres - 1, n - 1 if periodic else len(fine))]
    right = half[np.minimum(centres + 1, len(fine))]
    return below + 1, 0.5 * between, centres + 1, left, right


def _reach(spacing: Spacing, matrices: NDArray[np.float64]) -> Spacing:
    """Spacing by which axes are coarsened: the more conductive, the closer are voxels."""
    conductivity = np.einsum("naa->na", matrices).max(axis=0)
    z, y, x = np.array(spacing) / np.sqrt(conductivity)
    return float(z), float(y), float(x)


def _factorised(level: TensorLevel) -> Solver:
    """Exact solve of a small level, all but; held and inert nodes stay 0."""
    matrix = _dense(level)
    active = np.flatnonzero(matrix.diagonal() > 0.0)
    matrix = matrix[np.ix_(active, active)]
    scale = 1.0 / np.sqrt(matrix.diagonal())  # a unit diagonal at any contrast
    matrix *= np.outer(scale, scale)
    matrix[np.diag_indices_from(matrix)] += SINGULAR
    factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)

    def solve(rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        solution = np.zeros_like(rhs)
        scaled = scipy.linalg.cho_solve(factor, scale * rhs[active], check_finite=False)
        solution[active] = scale * scaled
        return solution

    return solve


def _dense(level: TensorLevel) -> NDArray[np.float64]:
    """The matrix of a level, with nothing but zeros for nodes that are held."""
    shape, owners, own = level.grid.shape, level.grid.nodes, level.tensors
    corners = np.indices((2, 2, 2)).reshape(3, 8, 1)
    lower = np.indices(shape).reshape(3, 1, -1)
    place = [(c + e) % n for c, e, n in zip(corners, lower, owners, strict=True)]
    number = np.ravel_multi_index(place, owners)
    table = runtime.to_host(own.table).astype(float)
    if own.kind == kernels.CLASSES:
        six = table.reshape(-1, 6)[level.grid.voxels(runtime.to_host(own.classes)).ravel()]
    else:
        six = level.grid.voxels(table).reshape(6, -1).T
    k = np.empty((len(six), 3, 3))
    for c, (a, b) in enumerate(PAIRS):
        k[:, a, b] = k[:, b, a] = six[:, c]
    elements = element_matrices(k, (0.25, 0.25, 0.25))  # slopes are in the table
    matrix = np.zeros((int(np.prod(owners)),) * 2)
    np.add.at(matrix, (number.T[:, :, None], number.T[:, None, :]), elements)
    if not level.grid.periodic[0]:
        plane = owners[1] * owners[2]
        for held in (slice(None, plane), slice(-plane, None)):
            matrix[held], matrix[:, held] = 0.0, 0.0
    return matrix


def _nodes(u: DeviceArray) -> Any:
    return nodes.build(runtime.taichi_type(runtime.dtype_of(u)))


def _three(*bits: int) -> Any:
    return ti.Vector(list(bits), dt=ti.i32)
