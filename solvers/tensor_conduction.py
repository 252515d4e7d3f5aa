"""Conduction with a tensor in each voxel: div(k grad phi) = 0 by trilinear elements on voxels.

Potentials are those of the corners of voxels. Either the planes of nodes at both ends of axis 0 are
electrodes and the sides are insulated, or the volume repeats in all directions and a mean field is
applied. The solver's own units are the largest conductivity and the smallest voxel edge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError, NotPercolatingError
from solvers import runtime
from solvers._kernels import tensor_conduction as kernels
from solvers._kernels import vectors
from solvers._ti import ti
from solvers.hexahedron import Spacing
from solvers.linear import conjugate_gradients, total
from solvers.multigrid import Multigrid
from solvers.node_grid import NodeGrid
from solvers.results import SolveReport
from solvers.runtime import DeviceArray
from solvers.tensor_islands import TensorMultigrid, find_islands
from solvers.tensor_level import TensorLevel, Tensors, by_class, hierarchy, hold

Field = NDArray[np.float64]

BYTES_PER_VOXEL = {"single": 74, "mixed": 74, "double": 80}  # peak of a solve, halo apart
LEAST = 1e-6  # of the energy of the first guess: where the true one is less, errors refer to it
ROUNDING = 1e-14  # of the mean force on nodes
TYPES: dict[str, tuple[type[np.floating], type[np.floating]]] = {
    "single": (np.float64, np.float32),
    "mixed": (np.float64, np.float32),
    "double": (np.float64, np.float64),
}


@dataclass(frozen=True, slots=True, eq=False)
class TensorSolution:
    """Potentials of a volume with a tensor in each voxel, one for each applied field.

    With electrodes there is one field: the potential is 1 V at the low and 0 V at the high end of
    axis 0. Of a periodic volume each field is 1 V/m along an axis, the potential falling along it.

    ``matrix``, shape (n, n), is the mean current density along the n applied fields over the mean
    field, in S/m: from the energies of all pairs of potentials, symmetric, and with errors of
    second order; with n = 1 an upper bound of the value of these elements. ``conductance`` is that
    of the first field's block, in S. ``potential``, shape (n, n0 + 1, n1 + 1, n2 + 1), is given at
    the corners of voxels: with electrodes whole, in V; of a periodic volume what it deviates from
    the mean field's, in V. ``flux``, shape (n, 3, n0, n1, n2), is the mean current density of each
    voxel in A/m², ``mean_flux``, shape (n, 3), its mean; errors of both are of first order.
    ``imbalance`` is, of each potential, the largest relative difference between the current through
    a layer of voxels normal to the field and the mean current.
    """

    matrix: Field
    conductance: float
    potential: Field
    flux: NDArray[np.float32] | None
    mean_flux: Field
    imbalance: tuple[float, ...]
    reports: tuple[SolveReport, ...]


class TensorConduction:
    """The operator A = -div(k grad) on flat node values, nodes of both electrodes at 0.

    Args:
        classes: class of each voxel, uint16 of shape (n0, n1, n2); 0 insulates.
        matrices: tensors of class 1, 2, …, shape (n, 3, 3); the largest entry is 1.
        spacing: voxel edges (h0, h1, h2); the smallest is 1.
        periodic: the volume repeats along all axes; else the ends of axis 0 are electrodes.
    """

    def __init__(
        self,
        classes: NDArray[np.uint16],
        matrices: Field,
        spacing: Spacing,
        periodic: bool,
    ) -> None:
        n0, n1, n2 = classes.shape
        self.grid = NodeGrid((n0, n1, n2), (periodic,) * 3)
        runtime.check_elements(3 * self.grid.size, f"the flux in {classes.shape} voxels")
        self.size, self.spacing, self.periodic = self.grid.size, spacing, periodic
        self.dtype, self.direction = TYPES[runtime.precision()]
        held = runtime.to_device(self.grid.flat(classes, np.uint16))
        self.tensors = by_class(held, matrices, spacing, self.dtype)
        inner, outer = (runtime.taichi_type(t) for t in (self.direction, self.dtype))
        self.kernels = kernels.build(outer, inner, runtime.block())
        self.still = ti.Vector([0.0, 0.0, 0.0])
        self.sums = runtime.zeros(math.prod(self.grid.nodes[:2]), np.float64)
        self.whole = runtime.zeros(1, np.float64)
        self.voxel_sums = runtime.zeros(n0 * n1, np.float64)

    def apply(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to A x and return x · A x."""
        self._apply(x, out, self.still)
        return total(self.sums)

    def product(self, x: DeviceArray, out: DeviceArray) -> DeviceArray:
        """Set ``out`` to A x and return x · A x, on the device."""
        self._apply(x, out, self.still)
        vectors.add_up(self.sums, self.whole)
        return self.whole

    def residual(self, x: DeviceArray, field: Field, out: DeviceArray) -> None:
        """Set ``out`` to the currents into the nodes by ``x`` and a mean field."""
        self._apply(x, out, self._mean(field))
        runtime.assign(out, -runtime.to_host(out))

    def energy(self, x: DeviceArray, y: DeviceArray, field_x: Field, field_y: Field) -> float:
        """Sum over voxels of grad x · k grad y, each with its mean field."""
        means = (self._mean(field_x), self._mean(field_y))
        where = (self.tensors.table, self.tensors.classes, self.voxel_sums, self.size)
        self.kernels.energy(x, y, *means, *where, *self.grid.shape, *self.grid.strides)
        return total(self.voxel_sums)

    def flux(self, x: DeviceArray, field: Field) -> Field:
        """Mean of -k grad x over each voxel, shape (3, n0, n1, n2)."""
        out = runtime.zeros(3 * self.size, self.dtype)
        slopes = ti.Vector([0.25 / h for h in self.spacing])
        where = (self.tensors.table, self.tensors.classes, self._mean(field), slopes, self.size)
        self.kernels.flux(x, out, *where, *self.grid.shape, *self.grid.strides)
        return self.grid.voxels(runtime.to_host(out))

    def preconditioner(self) -> TensorMultigrid:
        """A multigrid V-cycle in the precision that is in force, with islands corrected if any."""
        dtype, own = self.direction, self.tensors
        inner = own
        if dtype != self.dtype:
            table = runtime.to_device(runtime.to_host(own.table).astype(dtype))
            inner = Tensors(table, own.classes, own.kind, own.matrices)
        finest = TensorLevel(self.grid, self.spacing, inner, dtype)
        classes = self.grid.voxels(runtime.to_host(own.classes))
        islands = find_islands(classes, own.matrices, self.spacing, self.grid)
        return TensorMultigrid(Multigrid(hierarchy(finest), visits=1), self.grid, islands)

    def layered_potential(self) -> Field:
        """The best potential that depends on depth only, flat, 1 and 0 at the electrodes."""
        along = np.append(0.0, self.tensors.matrices[:, 0, 0])
        classes = self.grid.voxels(runtime.to_host(self.tensors.classes))
        conductance = np.array([along[layer].sum() for layer in classes])
        if not conductance.all():
            raise NotPercolatingError(
                f"layer {int(np.argmin(conductance))} along axis 0 conducts nowhere: find out "
                "first whether anything connects the electrodes"
            )
        drops = np.cumsum(1.0 / conductance)
        flat = np.zeros(self.grid.padded)
        levels = 1.0 - np.append(0.0, drops[:-1]) / drops[-1]
        flat[1 : len(drops) + 1, 1:-1, 1:-1] = levels[:, None, None]
        return flat.ravel()

    def _apply(self, x: DeviceArray, out: DeviceArray, mean: object) -> None:
        own = runtime.dtype_of(x) == self.dtype
        apply = self.kernels.apply if own else self.kernels.apply_inner
        where = (self.tensors.table, self.tensors.classes, self.sums, mean, self.size)
        apply(x, out, *where, *self.grid.nodes, *self.grid.strides)
        hold(out, self.grid)

    def _mean(self, field: Field) -> object:
        """A mean field as what it adds to the gradient modes of every voxel."""
        return ti.Vector([-4.0 * h * float(e) for h, e in zip(self.spacing, field, strict=True)])


def solve_tensors(
    classes: NDArray[np.uint16],
    tensors: Field,
    spacing: Spacing,
    *,
    periodic: bool,
    gradients: Sequence[int] = (0, 1, 2),
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    flux: bool = True,
    task: str = "conduction with tensors",
) -> TensorSolution:
    """Potentials and effective conductivity of voxels that conduct differently by direction.

    Solves div(k grad phi) = 0 by trilinear elements, fully integrated: rotated tensors need no
    special treatment, and the energy is never below that of the exact potential.

    Args:
        classes: class of each voxel, shape (n0, n1, n2); 0 insulates. What does not percolate
            should have been removed; nodes that touch no conducting voxel take no part.
        tensors: conductivity in S/m of class 1, 2, …, symmetric positive definite, shape (n, 3, 3).
        spacing: voxel edges (h0, h1, h2) in m.
        periodic: the volume repeats along all axes and is under a mean field; otherwise potentials
            1 V and 0 V hold at the low and the high end of axis 0, and the sides are insulated.
        gradients: axes along which a mean field is applied, if periodic.
        tolerance: estimated relative error of the diagonal of ``matrix``.
        max_iterations: iterations after which ConvergenceError is raised.
        flux: also return the flux field.
        task: name under which progress is reported.

    Raises:
        InvalidInputError: arrays do not fit each other, or gradients are no axes.
        NotPercolatingError: with electrodes, a layer that conducts nowhere.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: exact for uniform material and laminates under periodicity; O(h²) where conductivity
        is smooth; a staircase interface costs O(h). Voxels that share only an edge conduct.
    """
    _check(classes, tensors, gradients)
    axes = tuple(gradients) if periodic else (0,)
    required = estimated_bytes(classes.shape, len(axes))
    runtime.reserve(required, f"a solve on {classes.shape} voxels")
    largest, smallest = float(np.abs(tensors).max()), min(spacing)
    h0, h1, h2 = (h / smallest for h in spacing)
    operator = TensorConduction(classes, tensors / largest, (h0, h1, h2), periodic)
    preconditioner = operator.preconditioner()
    potentials = []
    for axis in axes:
        name = f"{task}, axis {axis}" if periodic else task
        options = {"tolerance": tolerance, "max_iterations": max_iterations, "task": name}
        potentials.append(_solve(operator, preconditioner, axis, **options))
    del preconditioner
    return _solution(operator, potentials, largest, smallest, keep_flux=flux)


@dataclass(frozen=True, slots=True, eq=False)
class _Potential:
    """Node values on the device, the mean field beside them, and how they were found."""

    axis: int
    field: Field
    x: DeviceArray
    report: SolveReport


def _solve(
    operator: TensorConduction, preconditioner: TensorMultigrid, axis: int, **options: Any
) -> _Potential:
    """The potential between electrodes, or for a mean field along an axis."""
    if operator.periodic:
        field, start = np.eye(3)[axis], np.zeros(operator.size)
    else:
        field, start = np.zeros(3), operator.layered_potential()
    x, r = runtime.to_device(start), runtime.zeros(operator.size, operator.dtype)
    operator.residual(x, field, r)
    energy = operator.energy(x, x, field, field)
    _drop_rounding(r, math.sqrt(energy / math.prod(operator.grid.shape)))
    report = conjugate_gradients(
        operator,
        preconditioner,
        x,
        r,
        energy=energy,
        scale=LEAST * energy,
        rhs_norm=float(np.linalg.norm(runtime.to_host(r))) or 1.0,
        **options,
    )
    return _Potential(axis, field, x, report)


def _drop_rounding(r: DeviceArray, size: float) -> None:
    """Zero a residual that is nothing but rounding of forces of this size: the start is exact."""
    if np.abs(runtime.to_host(r)).max() <= ROUNDING * size:
        runtime.assign(r, np.zeros(runtime.to_host(r).shape))


def _solution(
    operator: TensorConduction,
    found: list[_Potential],
    largest: float,
    smallest: float,
    *,
    keep_flux: bool,
) -> TensorSolution:
    """Results in SI units, from those of the largest conductivity and the smallest edge."""
    grid, periodic = operator.grid, operator.periodic
    lengths = [n * h for n, h in zip(grid.shape, operator.spacing, strict=True)]
    # at a drop of 1 over the length the energy per volume is that of a field of 1/length
    per_field = 1.0 if periodic else lengths[0] ** 2
    matrix = largest * per_field * _energies(operator, found) / math.prod(grid.shape)
    along = found[0].axis
    section = math.prod(lengths) / lengths[along]
    unit = largest if periodic else largest / smallest
    volts = smallest if periodic else 1.0
    corners = tuple(n + 1 for n in grid.shape)
    values = np.empty((len(found), *corners))
    kept = np.empty((len(found), 3, *grid.shape), np.float32) if keep_flux else None
    means, spreads = np.empty((len(found), 3)), []
    for i, potential in enumerate(found):
        np.multiply(_corners(runtime.to_host(potential.x), grid), volts, out=values[i])
        flux = operator.flux(potential.x, potential.field)
        flux *= unit
        means[i] = flux.mean(axis=(1, 2, 3))
        spreads.append(_imbalance(flux[potential.axis], potential.axis))
        if kept is not None:
            kept[i] = flux
        del flux
    return TensorSolution(
        matrix=matrix,
        conductance=float(matrix[0, 0]) * section / lengths[along] * smallest,
        potential=values,
        flux=kept,
        mean_flux=means,
        imbalance=tuple(spreads),
        reports=tuple(p.report for p in found),
    )


def _energies(operator: TensorConduction, found: list[_Potential]) -> Field:
    """Energy of every pair of potentials, summed over the voxels."""
    energies = np.empty((len(found), len(found)))
    for i, a in enumerate(found):
        for j, b in enumerate(found[: i + 1]):
            energies[i, j] = energies[j, i] = operator.energy(a.x, b.x, a.field, b.field)
    return energies


def _imbalance(flux: Field, axis: int) -> float:
    """Largest relative difference of the mean flux through a layer from that of all."""
    layers = flux.mean(axis=tuple(a for a in range(3) if a != axis))
    mean = float(layers.mean())
    return float(np.abs(layers / mean - 1.0).max()) if mean else 0.0


def estimated_bytes(shape: tuple[int, ...], fields: int = 1) -> int:
    """Memory that a solve of this many voxels takes at its peak, in the precision in force."""
    voxels = math.prod(n + 3 for n in shape)
    # each further field keeps its potential, and both its potential and its flux are returned
    return 64 * 2**20 + voxels * (BYTES_PER_VOXEL[runtime.precision()] + 28 * (fields - 1))


def _corners(flat: Field, grid: NodeGrid) -> Field:
    """Values at all corners of voxels, shape (n0 + 1, n1 + 1, n2 + 1)."""
    n0, n1, n2 = grid.shape
    return flat.reshape(grid.padded)[1 : n0 + 2, 1 : n1 + 2, 1 : n2 + 2]


def _check(classes: NDArray[np.uint16], tensors: Field, gradients: Sequence[int]) -> None:
    if classes.ndim != 3 or tensors.ndim != 3 or tensors.shape[1:] != (3, 3) or not len(tensors):
        raise InvalidInputError(
            f"classes of shape {classes.shape} and tensors of shape {tensors.shape} were given: "
            "a volume of classes and tensors of shape (n, 3, 3) are wanted"
        )
    if not gradients or not all(axis in (0, 1, 2) for axis in gradients):
        raise InvalidInputError(f"gradients {gradients!r} are no axes: name some of 0, 1, 2")
    if (most := int(classes.max(initial=0))) > len(tensors):
        raise InvalidInputError(
            f"classes go up to {most}, but only {len(tensors)} tensors are given: one for each "
            "class but 0"
        )
