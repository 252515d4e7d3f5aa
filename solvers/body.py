"""Body: a volume with stiffness and boundary conditions, ready to be loaded. SI units.

Fields of tensors have shape (6, nz, ny, nx) in Voigt order with engineering shear strains.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError, NotPercolatingError
from microstructures.phases import Phase
from solvers import elasticity, runtime
from solvers.boundary import Boundary, Free, checked_boundary
from solvers.checks import checked_volume
from solvers.clusters import Clusters, clusters
from solvers.constraint import Constraint
from solvers.elasticity import Elasticity, ElasticMultigrid
from solvers.hexahedron import STABILISATION, checked_element, element_parameters
from solvers.node_grid import NodeGrid
from solvers.results import SolveReport
from solvers.stiffness import Moduli, Stiffness, moduli
from solvers.voigt import PAIRS

Field = NDArray[np.floating[Any]]

LEAST = 1e-6  # of the energy if nothing gave way: where the true one is less, errors refer to it


@dataclass(frozen=True, slots=True, eq=False)
class Deformation:
    """Displacement of a body.

    ``fluctuation`` is the displacement less that of the mean strain, in m, shape
    (3, nz + 1, ny + 1, nx + 1) at the corners of the voxels; ``strain`` the mean strain, six
    components; ``report.error_estimate`` the relative error of the energy.
    """

    fluctuation: Field
    strain: NDArray[np.float64]
    report: SolveReport


@dataclass(frozen=True, eq=False)
class Body:
    """A volume, the stiffness of its voxels, and what holds it.

    ``unit`` is the largest modulus (Pa) and ``edge`` the smallest voxel edge (m): the units of
    ``operator``. ``solids`` are the phases with stiffness, as they were given.
    """

    volume: Volume
    moduli: Moduli
    boundary: Boundary
    constraint: Constraint
    parameters: list[float]
    edge: float
    solids: tuple[Phase, ...]

    @classmethod
    def of(
        cls,
        volume: Volume,
        stiffness: Mapping[Phase, Stiffness],
        boundary: Any = "periodic",
        *,
        element: str = "stabilized",
        stabilisation: float = STABILISATION,
    ) -> "Body":
        """The body of a volume whose phases without stiffness are voids.

        Raises:
            InvalidInputError: no solid phase, an unknown element or boundary, bad moduli.
            MemoryBudgetError: a solve would not fit; nothing was allocated.
        """
        checked_volume(volume)
        checked = checked_boundary(boundary)
        kind = checked_element(element, stabilisation)
        runtime.reserve(estimated_bytes(volume.shape), f"a solve on {volume.shape} voxels")
        made = moduli(volume, stiffness, elasticity.TYPES[runtime.precision()][1]).scaled()
        solid = made.solid
        ratio = made.lam[solid] / made.mu[solid]
        bounds = (float(ratio.min()), float(ratio.max()))
        edge = min(volume.spacing)
        h0, h1, h2 = (h / edge for h in volume.spacing)
        constraint = replace(checked.constraint(volume), ratios=bounds)
        n0, n1, n2 = volume.shape
        return cls(
            volume,
            made.padded(NodeGrid((n0, n1, n2), constraint.periodic)),
            checked,
            constraint,
            element_parameters((h0, h1, h2), kind, stabilisation),
            edge,
            tuple(stiffness),
        )

    @property
    def unit(self) -> float:
        """Largest modulus λ + 2μ of the volume, in Pa."""
        return self.moduli.unit

    @cached_property
    def operator(self) -> Elasticity:
        """The operator, in units of ``unit`` and ``edge``."""
        h0, h1, h2 = (h / self.edge for h in self.volume.spacing)
        constraint = replace(self.constraint, stress=self.constraint.stress / self.unit)
        return Elasticity(self.moduli, (h0, h1, h2), constraint, self.parameters)

    @cached_property
    def preconditioner(self) -> ElasticMultigrid:
        """Multigrid for the operator."""
        return self.operator.preconditioner()

    @cached_property
    def clusters(self) -> Clusters:
        """The connected solids, and which of them nothing carries."""
        return clusters(self.moduli.solid, self.boundary)

    @property
    def spanned(self) -> NDArray[np.bool_]:
        """Components of the mean strain along whose axes some solid spans the volume."""
        spans = self.clusters.spans
        return np.array([spans[a] and spans[b] for a, b in PAIRS])

    def respond(
        self,
        *,
        strain: ArrayLike | None = None,
        eigenstrain: Field | None = None,
        tolerance: float = 1e-6,
        max_iterations: int = 500,
        task: str = "stress",
        guess: Deformation | None = None,
    ) -> Deformation:
        """Deformation under a mean strain, an eigenstrain field, and the boundary's pressures.

        Args:
            strain: mean strain, six components, instead of the boundary's; nothing is then free.
            eigenstrain: stress-free strain of every voxel, shape (6, nz, ny, nx).
            tolerance: estimated relative error of the energy. Where eigenstrains or pressures
                act it is relative to the energy that they store if nothing gives way, since the
                true one may be zero; under a strain alone, to a millionth of that at least. The
                stress is right to its square root in the energy norm.
            max_iterations: iterations after which ConvergenceError is raised.
            task: name under which progress is reported.
            guess: deformation to start from, such as that under nearly the same load.

        Raises:
            NotPercolatingError: no solid connects two faces on which the boundary presses.
            ConvergenceError: the tolerance was not met; carries the report.
        """
        if strain is None:
            held = self.definite(self.constraint)
            operator = self.operator.under(replace(held, stress=held.stress / self.unit))
        else:
            held = self._strained(checked_strain(strain))
            operator = self.operator.under(held)
        energy, scale = self._energies(held, eigenstrain)
        solution = elasticity.solve(
            operator,
            self._preconditioner_of(operator),
            lambda: self._eigenstress(eigenstrain),
            energy=energy,
            scale=scale,
            tolerance=tolerance,
            max_iterations=max_iterations,
            task=task,
            # nothing but rounding would stop a solve whose answer is zero
            guess=None if guess is None or energy + scale == 0.0 else self.vector(guess),
        )
        vector = runtime.to_host(solution.vector)
        fluctuation = operator.grid.displacement(vector) * self.edge
        return Deformation(fluctuation.astype(operator.direction), solution.strain, solution.report)

    def definite(self, constraint: Constraint) -> Constraint:
        """A constraint whose mean strain is zero in components in which nothing would resist.

        Raises:
            NotPercolatingError: nothing carries a pressure to its other side.
        """
        if not constraint.free.any():
            return constraint
        pressed = [axis for axis in range(3) if constraint.free[axis] and constraint.stress[axis]]
        if open_axes := [axis for axis in pressed if not self.clusters.spans[axis]]:
            raise NotPercolatingError(
                f"the boundary presses along axes {open_axes}, but no solid connects the faces "
                "there, so that nothing carries the pressure: hold these faces (fixed_gap, "
                "symmetry), name the phase that carries, or use a larger volume"
            )
        return replace(constraint, free=constraint.free & self.spanned)

    def strain(self, deformation: Deformation) -> Field:
        """Strain at the centre of every voxel, voids included."""
        return self.operator.strain(self.vector(deformation))

    def stress(self, deformation: Deformation, eigenstrain: Field | None = None) -> Field:
        """Stress at the centre of every voxel in Pa; zero in voids."""
        strain = self.strain(deformation)
        return self.moduli.stress(strain if eigenstrain is None else strain - eigenstrain)

    def expansion(self, deformation: Deformation) -> NDArray[np.float64]:
        """Relative change of length along each axis, shape (3,), between the solid on its faces.

        The mean strain but along free faces, whose mean displacement counts; NaN where a free face
        has no solid.
        """
        grown = deformation.strain[:3].copy()
        for axis, condition in enumerate(self.boundary.axes):
            if isinstance(condition, Free):
                apart = self._face(deformation, axis, -1) - self._face(deformation, axis, 0)
                grown[axis] += apart / self.volume.size[axis]
        return grown

    def _face(self, deformation: Deformation, axis: int, end: int) -> float:
        """Mean normal displacement, m, of the solid on a face."""
        solid = np.take(self.moduli.solid, end, axis=axis)
        if not solid.any():
            return math.nan
        u = np.take(deformation.fluctuation[axis], end, axis=axis)
        centres = (u[:-1, :-1] + u[1:, :-1] + u[:-1, 1:] + u[1:, 1:]) / 4
        return float(centres[solid].mean(dtype=np.float64))

    def mean_stress(
        self, deformation: Deformation, eigenstrain: Field | None = None
    ) -> NDArray[np.float64]:
        """Mean stress of the volume, voids included, six components in Pa."""
        mean = self.operator.mean_stress(self.vector(deformation)) * self.unit
        if eigenstrain is None:
            return mean
        own = np.zeros(6)
        for layer in range(self.volume.shape[0]):
            part = self.moduli.layer(layer).stress(eigenstrain[:, layer : layer + 1])
            own += part.sum(axis=(1, 2, 3), dtype=np.float64)
        return mean - own / math.prod(self.volume.shape)

    def hourglass_energy(self, deformation: Deformation) -> float:
        """Twice the energy density that hourglasses store, the mean over the volume, J/m³."""
        total = self.operator.hourglass_energy(self.vector(deformation))
        return total * self.unit / math.prod(self.volume.shape)

    def vector(self, deformation: Deformation) -> Any:
        """A deformation as the operator's vector, on the device."""
        grid = self.operator.grid
        host = np.zeros(grid.length, self.operator.dtype)
        grid.displacement(host)[:] = deformation.fluctuation / self.edge
        host[-6:] = deformation.strain
        return runtime.to_device(host)

    def _eigenstress(self, eigenstrain: Field | None) -> Field | None:
        if eigenstrain is None:
            return None
        stress = self.moduli.stress(eigenstrain)
        stress /= self.unit
        return stress

    def _strained(self, strain: NDArray[np.float64]) -> Constraint:
        free = np.zeros(6, dtype=bool)
        return replace(self.constraint, free=free, strain=strain, stress=np.zeros(6))

    def _preconditioner_of(self, operator: Elasticity) -> ElasticMultigrid:
        return self.preconditioner.with_ends(operator)

    def _energies(self, constraint: Constraint, eigenstrain: Field | None) -> tuple[float, float]:
        """Twice the energy without any fluctuation, and the energy that errors refer to."""
        uniform = np.where(constraint.free, 0.0, constraint.strain)
        stored = self._mean_energy(uniform, eigenstrain)
        pushed = self._pressure_energy(constraint)
        only_strain = eigenstrain is None and pushed == 0.0
        return stored, LEAST * stored if only_strain else stored + pushed

    def _mean_energy(self, uniform: NDArray[np.float64], eigenstrain: Field | None) -> float:
        total = 0.0
        for layer in range(self.volume.shape[0]):  # a layer at a time, to need no field of strains
            part = self.moduli.layer(layer)
            strain = np.broadcast_to(uniform[:, None, None, None], (6, *part.lam.shape))
            if eigenstrain is not None:
                strain = strain - eigenstrain[:, layer : layer + 1]
            total += float(np.sum(part.stress(strain) * strain, dtype=np.float64))
        return total / self.unit

    def _pressure_energy(self, constraint: Constraint) -> float:
        if not np.any(constraint.stress):
            return 0.0
        lam, mu = (float(m.mean(dtype=np.float64)) for m in (self.moduli.lam, self.moduli.mu))
        lam, mu = lam * self.unit, mu * self.unit
        stiffness = np.diag([2 * mu] * 3 + [mu] * 3)
        stiffness[:3, :3] += lam
        work = constraint.stress @ np.linalg.solve(stiffness, constraint.stress)
        return float(work) * math.prod(self.volume.shape) / self.unit


def checked_strain(strain: ArrayLike) -> NDArray[np.float64]:
    """A mean strain as six numbers. Raises InvalidInputError."""
    try:
        given = np.asarray(strain, dtype=float)
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.shape != (6,) or not np.isfinite(given).all():
        raise InvalidInputError(
            f"the mean strain {strain!r} is not six finite numbers in the order 00 11 22 12 02 01, "
            "shear strains doubled"
        )
    return given


def estimated_bytes(shape: tuple[int, ...]) -> int:
    """Memory that a solve of this many voxels takes at its peak, in the precision in force."""
    nodes = math.prod(n + 3 for n in shape)
    return 96 * 2**20 + nodes * elasticity.BYTES_PER_VOXEL[runtime.precision()]
