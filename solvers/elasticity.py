"""Elasticity: div C:(E + grad u - eigenstrain) = 0 on the voxels of a volume.

Moduli are in units of the largest and lengths in units of the smallest voxel edge; forces are per
volume. A vector holds the fluctuation u at the nodes and, at its end, the mean strain E.
"""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError
from solvers import runtime
from solvers._kernels import elasticity as kernels
from solvers._kernels import nodes
from solvers._ti import ti
from solvers.constraint import Constraint
from solvers.elastic_level import ElasticLevel, hierarchy
from solvers.hexahedron import Spacing
from solvers.linear import conjugate_gradients, total
from solvers.multigrid import Multigrid
from solvers.node_grid import VOIGT, NodeGrid
from solvers.results import SolveReport
from solvers.runtime import DeviceArray
from solvers.stiffness import Moduli

BYTES_PER_VOXEL = {"single": 90, "mixed": 126, "double": 178}  # peak of a solve, halo apart
MARGIN = 40.0  # slender hinges relax late: with 3, as in transport, errors reached 5 tolerances
TYPES: dict[str, tuple[type[np.floating], type[np.floating]]] = {
    "single": (np.float32, np.float32),
    "mixed": (np.float64, np.float32),
    "double": (np.float64, np.float64),
}


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A displacement and how it was found.

    ``vector`` is on the device, in units of the smallest voxel edge; ``energy`` is twice what is
    stored per volume, in units of the largest modulus, from the solve's own account of it.
    """

    vector: DeviceArray
    strain: NDArray[np.float64]
    report: SolveReport


class Elasticity:
    """The operator A = -div C:grad on flat vectors.

    Args:
        moduli: stiffness of the voxels in units of the largest.
        spacing: voxel edges (h0, h1, h2); the smallest is 1.
        constraint: the boundary conditions.
        parameters: of the element, see ``hexahedron.element_parameters``.
    """

    def __init__(
        self,
        moduli: Moduli,
        spacing: Spacing,
        constraint: Constraint,
        parameters: list[float],
    ) -> None:
        n0, n1, n2 = moduli.lam.shape
        self.grid = NodeGrid((n0, n1, n2), constraint.periodic).checked()
        self.spacing, self.constraint, self.parameters = spacing, constraint, parameters
        self.dtype, self.direction = TYPES[runtime.precision()]
        self.size = self.grid.length
        self.lam, self.mu = (self._voxels(m, self.direction) for m in (moduli.lam, moduli.mu))
        self.kind = kernels.ISOTROPIC
        self.table = runtime.zeros(1, self.dtype)
        self.classes = runtime.zeros(1, np.uint16)
        self.normal = runtime.zeros(1, self.direction)
        if moduli.table is not None and moduli.classes is not None:
            self.kind = kernels.TABLE
            upper = np.triu_indices(VOIGT)
            self.table = runtime.to_device(moduli.table[:, *upper].astype(self.dtype))
            self.classes = self._voxels(moduli.classes, np.uint16)
        outer, inner = (runtime.taichi_type(t) for t in (self.dtype, self.direction))
        self.kernels = kernels.build(outer, inner, ti.u16, runtime.block())
        self.ends = nodes.ends(outer, inner)
        self.element = ti.Vector(parameters)
        mz, my, _ = self.grid.nodes
        self.sums = runtime.zeros(mz * my, np.float64)
        self.voxel_sums = runtime.zeros(VOIGT * n0 * n1, np.float64)
        self.free = runtime.to_device(constraint.free.astype(float))

    def apply(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to A x and return x · A x."""
        own = runtime.dtype_of(x) == self.dtype
        apply = self.kernels.apply if own else self.kernels.apply_inner
        mean = self.kernels.mean_stress if own else self.kernels.mean_stress_inner
        apply(x, out, *self._material(), self.sums, self.kind, *self._nodes())
        self.constraint.hold(out, self.grid)
        product = total(self.sums)
        if not self.constraint.free.any():
            return product
        mean(x, *self._material(), self.voxel_sums, self.kind, *self._voxel_rows())
        rows = self.grid.shape[0] * self.grid.shape[1]
        self.ends.close(self.voxel_sums, self.free, out, self.grid.size, rows)
        return product + float(self.end(x) @ self.end(out))

    def under(self, constraint: Constraint) -> "Elasticity":
        """The same operator with another mean strain or stress; what is held stays."""
        other = copy.copy(self)
        other.constraint = constraint
        other.free = runtime.to_device(constraint.free.astype(float))
        return other

    def softened(self, normal: DeviceArray) -> "Elasticity":
        """The tangent of voxels that flow: 19 numbers each, see the kernels' SOFTENED."""
        other = copy.copy(self)
        other.kind = kernels.SOFTENED_TABLE if self.kind == kernels.TABLE else kernels.SOFTENED
        other.normal = normal
        return other

    def given(self, stress: DeviceArray, rest: DeviceArray) -> "Elasticity":
        """What makes of x the forces of given stresses and hourglasses, see the kernels' GIVEN."""
        other = copy.copy(self)
        other.kind, other.table, other.normal = kernels.GIVEN, stress, rest
        return other

    def end(self, x: DeviceArray) -> NDArray[np.float64]:
        """The six macroscopic components of a vector, on the host."""
        return runtime.to_host(x)[-VOIGT:].astype(float)

    def set_end(self, x: DeviceArray, values: NDArray[np.float64]) -> None:
        """Replace the six macroscopic components of a vector."""
        host = runtime.to_host(x)
        host[-VOIGT:] = values
        if host is not x:
            runtime.assign(x, host)

    def strain(self, x: DeviceArray) -> NDArray[np.floating]:
        """Strain at the centre of every voxel, shape (6, nz, ny, nx)."""
        out = runtime.zeros(VOIGT * self.grid.size, self.dtype)
        self.kernels.strain(x, out, *self._voxel_rows())
        return self.grid.voxels(runtime.to_host(out))

    def mean_stress(self, x: DeviceArray) -> NDArray[np.float64]:
        """Elastic stress of a vector, the mean over all voxels, without any eigenstrain."""
        where = (*self._material(), self.voxel_sums, self.kind, *self._voxel_rows())
        self.kernels.mean_stress(x, *where)
        sums = runtime.to_host(self.voxel_sums).reshape(-1, VOIGT).sum(axis=0)
        return sums / np.prod(self.grid.shape)

    def hourglass_energy(self, x: DeviceArray) -> float:
        """Twice the energy in hourglasses, summed over the voxels."""
        sums = runtime.zeros(self.grid.shape[0] * self.grid.shape[1], np.float64)
        self.kernels.hourglass_energy(x, self.lam, self.mu, sums, *self._voxel_rows())
        return total(sums)

    def forces(self, stress: NDArray[np.floating], out: DeviceArray) -> None:
        """Set ``out`` to the forces of a stress field, shape (6, nz, ny, nx), and its sum."""
        field = runtime.to_device(self.grid.flat(stress, self.direction))
        self.kernels.divergence(field, out, *self._nodes())
        self.constraint.hold(out, self.grid)
        sums = stress.sum(axis=(1, 2, 3), dtype=np.float64)
        self.set_end(out, np.where(self.constraint.free, sums, 0.0))

    def preconditioner(self) -> "ElasticMultigrid":
        """Multigrid for the isotropic part of the moduli, and a scale for the mean strain."""
        level = ElasticLevel(
            self.grid,
            self.spacing,
            (self.lam, self.mu),
            self.parameters,
            self.constraint,
            self.direction,
        )
        level.take(runtime.zeros(1, self.dtype))
        return ElasticMultigrid(Multigrid(hierarchy(level), visits=VISITS), self.end_scale())

    def end_scale(self) -> DeviceArray:
        """Inverse stiffness of each free component of the mean strain, if all voxels share it."""
        lam, mu = (float(self._sum(m)) for m in (self.lam, self.mu))
        diagonal = np.array([lam + 2 * mu] * 3 + [mu] * 3)
        return runtime.to_device(np.where(self.constraint.free, 1.0 / diagonal, 0.0))

    def _sum(self, modulus: DeviceArray) -> float:
        return float(self.grid.voxels(runtime.to_host(modulus)).sum(dtype=np.float64))

    def _voxels(self, values: NDArray[np.generic], dtype: type[np.generic]) -> DeviceArray:
        return runtime.to_device(self.grid.flat(values, dtype))

    def _material(self) -> tuple[DeviceArray, ...]:
        return self.lam, self.mu, self.table, self.classes, self.normal

    def _nodes(self) -> tuple[object, ...]:
        grid = self.grid
        return (grid.size, *grid.nodes, *grid.strides, self.element)

    def _voxel_rows(self) -> tuple[object, ...]:
        grid = self.grid
        return (grid.size, *grid.shape, *grid.strides, self.element)


VISITS = 1


class ElasticMultigrid:
    """Multigrid on the nodes, and a diagonal on the mean strain where that is free.

    Without ``cycles`` it is the relaxation of the finest level alone.
    """

    def __init__(
        self, multigrid: Multigrid, end_scale: DeviceArray, *, cycles: bool = True
    ) -> None:
        self.multigrid, self.end_scale, self.cycles = multigrid, end_scale, cycles
        self.dtype = multigrid.dtype
        self.finest: ElasticLevel = multigrid.levels[0]  # type: ignore[assignment]

    @property
    def rhs(self) -> DeviceArray:
        """The right-hand side that was taken."""
        return self.finest.b

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.finest.x

    def with_ends(self, operator: Elasticity) -> "ElasticMultigrid":
        """The same multigrid for an operator whose mean strain is free in other components."""
        return ElasticMultigrid(self.multigrid, operator.end_scale())

    def relaxation(self) -> "ElasticMultigrid":
        """Slower, but positive definite whatever coarse levels make of the moduli."""
        return ElasticMultigrid(self.multigrid, self.end_scale, cycles=False)

    @property
    def lent(self) -> DeviceArray:
        """No vector is lent."""
        return None

    def take(self, r: DeviceArray) -> bool:
        """Read right-hand sides from ``r`` itself from now on."""
        self.finest.take(r)
        outer = runtime.taichi_type(runtime.dtype_of(r))
        self.ends = nodes.ends(outer, runtime.taichi_type(self.dtype))
        return True

    def release(self) -> None:
        """Let go of the right-hand side, which need not outlive its solve."""
        self.finest.b = None

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        if self.cycles:
            self.multigrid.precondition()
        else:
            self.finest.smooth(from_zero=True)
        self.ends.scale(self.rhs, self.end_scale, self.solution, self.finest.grid.size)


def solve(
    operator: Elasticity,
    preconditioner: ElasticMultigrid,
    eigenstress: Callable[[], NDArray[np.floating] | None],
    *,
    energy: float,
    scale: float,
    tolerance: float,
    max_iterations: int,
    task: str,
    guess: DeviceArray | None = None,
) -> Solution:
    """The displacement that balances a prescribed mean strain, stress and an eigenstress field.

    If the iteration fails it is started again, with relaxation in the place of multigrid.

    Args:
        operator: A.
        preconditioner: of A.
        eigenstress: makes C:eigenstrain, shape (6, nz, ny, nx), in the operator's units; a field
            that was kept would cost as much memory as the iteration.
        energy: twice the energy without any fluctuation, over all voxels.
        scale: energy that errors are relative to where it is larger.
        tolerance: estimated relative error of the energy.
        max_iterations: iterations after which ConvergenceError is raised.
        task: name under which progress is reported.
        guess: vector to start from; without one, from no fluctuation.

    Raises:
        ConvergenceError: the tolerance was not met.
    """

    def attempt(preconditioner: ElasticMultigrid) -> Solution:
        return _solve(
            operator,
            preconditioner,
            eigenstress(),
            guess,
            energy=energy,
            scale=scale,
            tolerance=tolerance,
            max_iterations=max_iterations,
            task=task,
        )

    try:
        return attempt(preconditioner)
    except ConvergenceError as error:
        failed = error.with_traceback(None)  # which would keep the vectors
    finally:
        preconditioner.release()
    with suppress(ConvergenceError):
        return attempt(preconditioner.relaxation())
    raise failed


def _solve(
    operator: Elasticity,
    preconditioner: ElasticMultigrid,
    eigenstress: NDArray[np.floating] | None,
    guess: DeviceArray | None,
    *,
    energy: float,
    **options: Any,
) -> Solution:
    constraint = operator.constraint
    x, r = (runtime.zeros(operator.size, operator.dtype) for _ in range(2))
    operator.set_end(x, np.where(constraint.free, 0.0, constraint.strain))
    load = _load(operator, eigenstress)
    del eigenstress
    operator.apply(x, r)
    host = runtime.to_host(r)
    runtime.assign(r, np.subtract(runtime.to_host(load), host, out=host))
    norm = float(np.linalg.norm(runtime.to_host(r)))
    if guess is not None:
        energy += _start(operator, guess, load, x, r)
    del load
    report = conjugate_gradients(
        operator,
        preconditioner,
        x,
        r,
        energy=energy,
        rhs_norm=norm or 1.0,
        margin=MARGIN,
        **options,
    )
    return Solution(x, operator.end(x), report)


def _start(
    operator: Elasticity, guess: DeviceArray, load: DeviceArray, x: DeviceArray, r: DeviceArray
) -> float:
    """Move x, and its residual r, to the guess; the change of twice the energy."""
    before, first = runtime.to_host(x).astype(float), runtime.to_host(r).astype(float)
    free, held = operator.constraint.free, operator.end(x)
    runtime.assign(x, runtime.to_host(guess))
    operator.constraint.repeat(x, operator.grid, components=3)
    operator.set_end(x, np.where(free, operator.end(x), held))
    operator.apply(x, r)
    after = runtime.to_host(load) - runtime.to_host(r)
    runtime.assign(r, after)
    # with A (x - x0) = r0 - r the energy changes by (x - x0)·A (x - x0) - 2 (x - x0)·r0
    return -float((runtime.to_host(x) - before) @ (first + after))


def _load(operator: Elasticity, eigenstress: NDArray[np.floating] | None) -> DeviceArray:
    load = runtime.zeros(operator.size, operator.dtype)
    if eigenstress is not None:
        operator.forces(eigenstress, load)
    voxels = float(np.prod(operator.grid.shape))
    constraint = operator.constraint
    target = np.where(constraint.free, voxels * constraint.stress, 0.0)
    operator.set_end(load, operator.end(load) + target)
    return load
