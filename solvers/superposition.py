"""Superposition: the stress of a linear body at any mean strain, pressure and state of charge.

One solve for each component of the mean strain and one for each pattern of swelling are enough:
everything else is a linear combination. Stress in Pa, fields of shape (6, nz, ny, nx).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError, NotPercolatingError
from microstructures.phases import Phase
from solvers.body import Body, Deformation
from solvers.boundary import Boundary, Free, Periodic, checked_boundary
from solvers.eigenstrain import (
    LargeStrainWarning,
    check_size,
    check_solid,
    eigenstrain_field,
)
from solvers.hexahedron import STABILISATION
from solvers.results import SolveReport
from solvers.stiffness import Stiffness
from solvers.stress_distribution import Measure, measured, phase_voxels
from solvers.voigt import NO_STIFFNESS, SHEARS

CARRIES = 1e-6  # of the largest modulus of a volume: less is the error of the solves

SAMPLE = 20_000  # voxels of a phase whose stresses stand for all of them in quick percentiles


@dataclass(frozen=True, eq=False)
class Superposition:
    """Responses of a body to unit loads.

    ``components`` are the components of the mean strain that its boundary can have, and
    ``patterns`` the swelling patterns by name; ``strains`` and ``swellings`` their responses, the
    latter at zero mean strain. ``stiffness``, shape (6, 6) in Pa, and ``back_stress``, six
    components in Pa for unit swelling, are the mean stresses. ``sizes`` are the largest linear
    strains of a unit of each pattern.
    """

    body: Body
    components: tuple[int, ...]
    strains: tuple[Deformation, ...]
    patterns: Mapping[str, Mapping[Phase, Any]]
    swellings: Mapping[str, Deformation]
    stiffness: NDArray[np.float64]
    back_stress: Mapping[str, NDArray[np.float64]]
    sizes: Mapping[str, float]

    @cached_property
    def carrying(self) -> tuple[int, ...]:
        """Components of the mean strain that some solid resists through the whole volume.

        Solids that only share edges or corners of voxels do not count, whatever their stiffness.
        """
        least = CARRIES * float(self.stiffness.diagonal().max())
        spanned = self.body.spanned
        return tuple(c for c in self.components if spanned[c] and self.stiffness[c, c] > least)

    @property
    def reports(self) -> tuple[SolveReport, ...]:
        """How each solve ended."""
        return tuple(d.report for d in (*self.strains, *self.swellings.values()))

    def at(
        self,
        swelling: Mapping[str, float] | None = None,
        boundary: Any = None,
        *,
        allow_large_strain: bool = False,
    ) -> "LinearState":
        """The state at given amounts of each swelling pattern.

        Args:
            swelling: amount of each pattern, such as a linear strain; others are zero.
            boundary: mean strains and pressures; the faces must be held as the body's are. By
                default the body's own.
            allow_large_strain: whether linear strains above 30 % are accepted.

        Raises:
            InvalidInputError: an unknown pattern, an amount that is no number or beyond 30 %, or
                faces held otherwise.
            NotPercolatingError: a pressure that no solid carries through the volume.
        """
        amounts = dict.fromkeys(self.patterns, 0.0)
        for given, amount in (swelling or {}).items():
            amounts[self._known(given)] = self._amount(given, amount)
        largest = max((abs(a) * self.sizes[name] for name, a in amounts.items()), default=0.0)
        check_size(largest, allow_large_strain)
        strain = self._mean_strain(amounts, self._constraint(boundary))
        return LinearState(self, amounts, strain)

    def _amount(self, name: Any, amount: Any) -> float:
        if not isinstance(amount, float | int | np.number) or not np.isfinite(amount):
            raise InvalidInputError(
                f"the swelling of {name!r} is {amount!r}: give a finite amount such as 0.01"
            )
        return float(amount)

    def _known(self, given: Any) -> str:
        """The name of a pattern, which may be given as the id of a phase."""
        phases = self.body.volume.phases
        name = str(given) if isinstance(given, str) else phases.get(given, str(given))
        if name not in self.patterns:
            raise InvalidInputError(
                f"swelling {name!r} is unknown: the superposition has {list(self.patterns)}"
            )
        return name

    def effective_swelling(self, name: str) -> NDArray[np.float64]:
        """Mean strain, six components, that a unit of a pattern causes if nothing holds it.

        Raises:
            InvalidInputError: an unknown pattern, or a boundary that cannot strain in all
                directions.
            NotPercolatingError: no solid connects the faces of an axis, which then has no strain.
        """
        name = self._known(name)
        if not {0, 1, 2} <= set(self.components):
            raise InvalidInputError(
                "the body has free faces, whose strain is no mean strain: use periodic axes, "
                "symmetry or platens"
            )
        if open_axes := sorted({0, 1, 2} - set(self.carrying)):
            raise NotPercolatingError(
                f"no solid connects the faces along axes {open_axes}, so that parts swell apart "
                "from each other and the volume has no strain there: use a larger volume"
            )
        index, strain = list(self.carrying), np.zeros(6)
        strain[index] = self._strain_under(-self.back_stress[name][index], index)
        return strain

    def back_pressure(self, swelling: Mapping[str, float], axis: int = 0) -> float:
        """Pressure (Pa) on plates at a fixed gap along ``axis``, nothing straining.

        Raises:
            InvalidInputError: an unknown pattern or axis.
        """
        if axis not in (0, 1, 2):
            raise InvalidInputError(f"axis {axis!r} is none of 0, 1, 2: choose one of them")
        stress = np.zeros(6)
        for name, amount in swelling.items():
            stress += self._amount(name, amount) * self.back_stress[self._known(name)]
        return -float(stress[axis])

    def sampled(self, phase: Phase, *, interior: bool = False, voxels: int = SAMPLE) -> "Sample":
        """Stresses of evenly drawn voxels of a phase, from which any state follows at once."""
        where = np.flatnonzero(phase_voxels(self.body.volume, phase, interior))
        if len(where) == 0:
            raise InvalidInputError(f"{phase!r} has no such voxel: choose another phase")
        rng = np.random.default_rng(0)
        drawn = np.sort(rng.choice(where, min(voxels, len(where)), replace=False))
        cases = [
            self.body.stress(deformation, self._pattern_field(name))
            for name, deformation in self._cases()
        ]
        stresses = np.stack([case.reshape(6, -1)[:, drawn] for case in cases])
        return Sample(self, self.body.volume.phase_name(phase), stresses)

    def coefficients(
        self, amounts: Mapping[str, float], strain: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Amount of each unit response: of the strains, then of the swellings."""
        return np.array(
            [*strain[list(self.components)], *(amounts[name] for name in self.patterns)]
        )

    def _cases(self) -> list[tuple[str | None, Deformation]]:
        return [*((None, d) for d in self.strains), *self.swellings.items()]

    def _pattern_field(self, name: str | None) -> NDArray[np.floating] | None:
        if name is None:
            return None
        kind = self.body.operator.direction
        return _unit_field(self.body.volume, self.patterns[name], kind)

    def _constraint(self, boundary: Any) -> Any:
        if boundary is None:
            return self.body.constraint
        wanted = checked_boundary(boundary).constraint(self.body.volume)
        mine = self.body.constraint
        if (wanted.periodic, wanted.low, wanted.high) != (mine.periodic, mine.low, mine.high):
            raise InvalidInputError(
                f"the boundary {boundary} holds faces that the superposition of "
                f"{self.body.boundary} leaves free, or the reverse: make another superposition"
            )
        return wanted

    def _mean_strain(self, amounts: Mapping[str, float], constraint: Any) -> NDArray[np.float64]:
        """Mean strain at which every component has the strain or the stress that is wanted.

        Shears that are free and that nothing resists stay zero: nothing follows them. What is
        pressed is never left out, however soft.
        """
        constraint = self.body.definite(constraint)
        strain = np.where(constraint.free, 0.0, constraint.strain)
        followed = (c for c in self.components if c < 3 or c in self.carrying)
        free = [c for c in followed if constraint.free[c]]
        if not free:
            return strain
        stress = self.stiffness @ strain
        for name, amount in amounts.items():
            stress = stress + amount * self.back_stress[name]
        strain[free] = self._strain_under(constraint.stress[free] - stress[free], free)
        return strain

    def _strain_under(self, stress: NDArray[np.float64], components: list[int]) -> Any:
        """Components of the mean strain under a mean stress, the others being held."""
        matrix = self.stiffness[np.ix_(components, components)]
        if np.linalg.cond(matrix) > 1.0 / NO_STIFFNESS:
            raise NotPercolatingError(
                f"nothing resists some mean strain of the components {components} (00 11 22 12 02 "
                "01): what carries is a mechanism; hold more faces or use a larger volume"
            )
        return np.linalg.solve(matrix, stress)


@dataclass(frozen=True, eq=False)
class LinearState:
    """One state of a superposition: amounts of swelling and the mean strain they lead to.

    It is linear: valid until the first debonding or yield, beyond it for screening only.
    """

    source: Superposition
    swelling: Mapping[str, float]
    strain: NDArray[np.float64]

    @property
    def mean_stress(self) -> NDArray[np.float64]:
        """Mean stress of the volume, six components, Pa."""
        stress = self.source.stiffness @ self.strain
        for name, amount in self.swelling.items():
            stress = stress + amount * self.source.back_stress[name]
        return stress

    @property
    def pressures(self) -> NDArray[np.float64]:
        """Mean pressure along each axis, Pa, positive in compression."""
        return -self.mean_stress[:3]

    @property
    def expansion(self) -> NDArray[np.float64]:
        """Relative change of the length along each axis, shape (3,), see ``Body.expansion``."""
        return self.source.body.expansion(self.deformation)

    @cached_property
    def deformation(self) -> Deformation:
        """The displacement, combined from the unit responses."""
        cases = self.source._cases()
        shares = self.source.coefficients(self.swelling, self.strain)
        total = np.zeros_like(cases[0][1].fluctuation)
        for share, (_, deformation) in zip(shares, cases, strict=True):
            if share != 0.0:
                total += total.dtype.type(share) * deformation.fluctuation
        worst = max(self.source.reports, key=lambda report: report.error_estimate)
        return Deformation(total, self.strain, worst)

    @property
    def eigenstrain(self) -> NDArray[np.floating]:
        """Eigenstrain of every voxel."""
        body = self.source.body
        total = np.zeros((6, *body.volume.shape), body.operator.direction)
        for name, amount in self.swelling.items():
            if amount != 0.0:
                field = self.source._pattern_field(name)
                assert field is not None
                total += total.dtype.type(amount) * field
        return total

    def stress(self) -> NDArray[np.floating]:
        """Stress of every voxel in Pa; zero in voids."""
        return self.source.body.stress(self.deformation, self.eigenstrain)


@dataclass(frozen=True, eq=False)
class Sample:
    """Stresses of drawn voxels of a phase under every unit load, shape (cases, 6, voxels)."""

    source: Superposition
    phase: str
    stresses: NDArray[np.floating]

    def stress(self, state: LinearState) -> NDArray[np.floating]:
        """Stress of the drawn voxels in a state, shape (6, voxels), Pa."""
        shares = self.source.coefficients(state.swelling, state.strain)
        return np.tensordot(shares.astype(self.stresses.dtype), self.stresses, axes=1)

    def percentiles(
        self,
        state: LinearState,
        measure: Measure = "von_mises",
        levels: Sequence[float] = (5, 50, 95),
    ) -> NDArray[np.float64]:
        """Percentiles of a measure of stress over the phase in a state, Pa.

        Accuracy: a percentile p scatters by sqrt(p (100 - p) / voxels), in percent.
        """
        return np.percentile(measured(self.stress(state), measure), levels)


def superpose(
    volume: Volume,
    stiffness: Mapping[Phase, Stiffness],
    swelling: Sequence[Phase] | Mapping[str, Mapping[Phase, Any]] = (),
    boundary: Any = "periodic",
    *,
    tolerance: float = 1e-5,
    max_iterations: int = 500,
    element: str = "stabilized",
    stabilisation: float = STABILISATION,
) -> Superposition:
    """Unit responses of a volume: to each component of the mean strain and each swelling pattern.

    Args:
        volume: the segmented volume.
        stiffness: of each solid phase; phases that are not named are voids.
        swelling: phases that swell alike in all directions, a unit being a linear strain of 1; or
            patterns by name, each an eigenstrain by phase as ``eigenstrain_field`` takes it.
        boundary: what holds the faces. Mean strains and pressures may be changed afterwards.
        tolerance: estimated relative error of the energy of each solve.
        max_iterations: iterations after which ConvergenceError is raised.
        element: "stabilized", "full" or "bbar".
        stabilisation: share of full integration in the stabilized element.

    Raises:
        InvalidInputError: no solid phase, unknown phases, bad moduli or patterns.
        ConvergenceError: a solve did not meet the tolerance.
        MemoryBudgetError: it would not fit; nothing was allocated.
    """
    body = Body.of(volume, stiffness, boundary, element=element, stabilisation=stabilisation)
    patterns = _patterns(volume, swelling)
    for pattern in patterns.values():
        check_solid(volume, pattern, stiffness)
    components = strain_components(body.boundary)
    options: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    strains, columns = [], np.zeros((6, 6))
    for c in components:
        unit = np.eye(6)[c]
        strains.append(body.respond(strain=unit, task=f"unit strain {c}", **options))
        columns[:, c] = body.mean_stress(strains[-1])
    swellings, back, sizes = {}, {}, {}
    for name, pattern in patterns.items():
        field = _unit_field(volume, pattern, body.operator.direction)
        swellings[name] = body.respond(
            strain=np.zeros(6), eigenstrain=field, task=f"swelling of {name}", **options
        )
        back[name] = body.mean_stress(swellings[name], field)
        sizes[name] = float(np.abs(field[:3]).max())
    return Superposition(
        body, components, tuple(strains), patterns, swellings, columns, back, sizes
    )


def strain_components(boundary: Boundary) -> tuple[int, ...]:
    """Components of the mean strain that a boundary can have: shears only if both axes repeat."""
    normal = [axis for axis in range(3) if not isinstance(boundary.axes[axis], Free)]
    repeats = [isinstance(condition, Periodic) for condition in boundary.axes]
    shears = [3 + i for i, (a, b) in enumerate(SHEARS) if repeats[a] and repeats[b]]
    return (*normal, *shears)


def _patterns(volume: Volume, swelling: Any) -> dict[str, Mapping[Phase, Any]]:
    if isinstance(swelling, Mapping):
        return {str(name): pattern for name, pattern in swelling.items()}
    if isinstance(swelling, str):
        swelling = (swelling,)
    return {volume.phase_name(phase): {phase: 1.0} for phase in swelling}


def _unit_field(
    volume: Volume, pattern: Mapping[Phase, Any], dtype: type[np.floating]
) -> NDArray[np.floating]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LargeStrainWarning)  # a unit, not an amount
        return eigenstrain_field(volume, pattern, dtype, allow_large_strain=True)
