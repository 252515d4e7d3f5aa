"""Swelling stress: what eigenstrains, pressures and plates do to every voxel. Pa.

Fields of tensors have shape (6, nz, ny, nx) in Voigt order; stress is positive in tension,
pressure in compression.
"""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from microstructures.phases import Phase
from solvers.body import Body, Deformation
from solvers.clusters import Clusters
from solvers.eigenstrain import swelling_field
from solvers.hexahedron import STABILISATION
from solvers.results import SolveReport, finite
from solvers.stiffness import Stiffness
from solvers.stress_distribution import (
    Measure,
    StressStatistics,
    stress_statistics,
    volume_above,
)

PRESSED = 0.01  # relative error of a mean pressure, however little of the energy is its own
TRIES = 4
METHOD = "voxel finite elements, linear elastic, small strain"


@dataclass(frozen=True, eq=False)
class StressState:
    """Stress of a volume and how it was found.

    ``stress`` in Pa, zero in voids; ``strain`` the mean strain, ``mean_stress`` the mean stress
    over the whole volume, voids included. ``expansion`` is the relative change of the length along
    each axis, between faces; where they are free, of the solid on them. ``imbalance`` is the
    largest difference between the traction through a layer of voxels and the mean, relative to the
    root mean square stress; ``hourglass`` the share of the energy in hourglasses: above a tenth,
    refine the volume. ``solid`` names the phases that are no voids.
    """

    volume: Volume
    stress: NDArray[np.floating]
    deformation: Deformation
    mean_stress: NDArray[np.float64]
    expansion: NDArray[np.float64]
    clusters: Clusters
    imbalance: float
    hourglass: float
    solid: tuple[str, ...]
    method: str
    unit: str = "Pa"

    @property
    def strain(self) -> NDArray[np.float64]:
        """Mean strain, six components; zero along axes that no solid spans and along free faces.

        There it has no meaning: for free faces see ``expansion``.
        """
        return self.deformation.strain

    @property
    def report(self) -> SolveReport:
        """How the solve ended."""
        return self.deformation.report

    @property
    def pressures(self) -> NDArray[np.float64]:
        """Mean pressure along each axis, Pa, positive in compression."""
        return -self.mean_stress[:3]

    def statistics(
        self, phase: Phase, measure: Measure = "von_mises", *, interior: bool = False
    ) -> StressStatistics:
        """Percentiles of a measure of stress over a phase, see ``stress_statistics``."""
        return stress_statistics(self.stress, self.volume, phase, measure, interior=interior)

    def volume_above(
        self,
        phase: Phase,
        threshold: float,
        measure: Measure = "von_mises",
        *,
        interior: bool = False,
    ) -> float:
        """Share of a phase's voxels in which a measure of stress exceeds ``threshold`` (Pa)."""
        return volume_above(self.stress, self.volume, phase, threshold, measure, interior=interior)

    @cached_property
    def table(self) -> tuple[StressStatistics, ...]:
        """Von Mises, hydrostatic and largest principal stress of every solid phase."""
        measures: tuple[Measure, ...] = ("von_mises", "hydrostatic", "max_principal")
        return tuple(self.statistics(p, m) for p in self.solid for m in measures)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; no fields."""
        return {
            "mean_stress": self.mean_stress.tolist(),
            "mean_strain": self.strain.tolist(),
            "expansion": [finite(e) for e in self.expansion],
            "unit": self.unit,
            "method": self.method,
            "report": self.report.to_dict(),
            "imbalance": self.imbalance,
            "hourglass": self.hourglass,
            "floating_clusters": self.clusters.count,
            "floating_fraction": self.clusters.fraction,
            "statistics": [row.to_dict() for row in self.table],
        }

    def __str__(self) -> str:
        lines = [
            f"{row.phase}: {row.measure} median {row.percentiles[50] / 1e6:.4g} MPa, "
            f"95 % below {row.percentiles[95] / 1e6:.4g} MPa"
            for row in self.table
        ]
        pressures = ", ".join(f"{p / 1e6:.4g}" for p in self.pressures)
        return "\n".join([f"mean pressure along axes 0, 1, 2: {pressures} MPa", *lines])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def swelling_stress(
    volume: Volume,
    stiffness: Mapping[Phase, Stiffness],
    eigenstrain: Mapping[Phase, Any] | None = None,
    boundary: Any = "periodic",
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 500,
    element: str = "stabilized",
    stabilisation: float = STABILISATION,
    allow_large_strain: bool = False,
) -> StressState:
    """Stress that swelling and the boundary's strains and pressures cause in every voxel.

    Solves div C:(E + grad u - eigenstrain) = 0; phases that are not named are true voids.

    Args:
        volume: the segmented volume.
        stiffness: of each solid phase.
        eigenstrain: by phase: a linear strain (a third of the volume change), six components, a
            field, or ``Axial``; see ``eigenstrain_field``. None for pressures and strains alone.
        boundary: a name ("periodic", "symmetry", "clamped", "free"), a ``Boundary``, or a named
            case such as ``stack_pressure(1e6)`` or ``fixed_gap()``.
        tolerance: estimated relative error of the stress in the energy norm, relative to the
            stress if nothing gave way. 1e-3 is far below the error of the voxels. Mean pressures
            are met to 1 % at least.
        max_iterations: iterations after which ConvergenceError is raised.
        element: "stabilized", "full" or "bbar".
        stabilisation: share of full integration in the stabilized element, 0…1.
        allow_large_strain: whether linear eigenstrains above 30 % are accepted.

    Raises:
        InvalidInputError: nothing loads the volume, a void is to swell, or a bad stiffness,
            eigenstrain or boundary.
        NotPercolatingError: no solid connects two faces on which the boundary presses.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Warns:
        LargeStrainWarning: an eigenstrain above 5 %, where small-strain theory is a poor guide.

    Accuracy: exact for laminates along the axes; a staircase interface costs O(h) in means and
        percentiles, and the stress next to it does not converge. See ``resolution_error`` and
        docs/explanation/mechanics.md.
    """
    if not (isinstance(tolerance, float | int) and 1e-7 <= tolerance <= 0.1):
        raise InvalidInputError(f"tolerance {tolerance!r} is not in 1e-7…0.1: the default is 1e-3")
    body = Body.of(volume, stiffness, boundary, element=element, stabilisation=stabilisation)
    field = None
    if eigenstrain:
        field = swelling_field(
            volume,
            eigenstrain,
            stiffness,
            body.moduli.lam.dtype.type,
            allow_large_strain=allow_large_strain,
        )
    if (field is None or not field.any()) and not _is_loaded(body):
        raise InvalidInputError(
            "nothing loads the volume: give an eigenstrain, or a boundary with a strain, a "
            "displacement or a pressure"
        )
    deformation = _pressed(body, field, tolerance, max_iterations)
    return _state(body, deformation, field, tuple(volume.phase_name(p) for p in stiffness))


def _pressed(
    body: Body, field: NDArray[np.floating] | None, tolerance: float, max_iterations: int
) -> Deformation:
    """The deformation, with a tolerance that is tightened until mean pressures are met.

    Beside a large swelling, a pressure may be lost in the error of the energy.
    """
    target = body.definite(body.constraint)
    pressed = np.flatnonzero(target.free & (target.stress != 0.0))
    guess: Deformation | None = None
    energy = tolerance**2
    for _ in range(TRIES):
        guess = body.respond(
            eigenstrain=field,
            tolerance=energy,
            max_iterations=max_iterations,
            task="swelling stress",
            guess=guess,
        )
        if not pressed.size:
            return guess
        stress = body.mean_stress(guess, field)
        missed = float(np.abs(stress[pressed] / target.stress[pressed] - 1.0).max())
        if missed <= PRESSED:
            return guess
        energy *= max((PRESSED / missed) ** 2, 1e-4) / 4
    raise ConvergenceError(
        f"a pressure is missed by {100 * missed:.3g} %, being too small beside the stress of "
        "swelling: use precision='double', or superpose the two",
        guess.report if guess else None,
    )


def _state(
    body: Body,
    deformation: Deformation,
    field: NDArray[np.floating] | None,
    solid: tuple[str, ...],
) -> StressState:
    stress = body.stress(deformation, field)
    strain = body.strain(deformation)
    elastic = strain if field is None else strain - field
    stored = float(np.einsum("czyx,czyx->", elastic, stress, dtype=np.float64))
    hourglass = body.hourglass_energy(deformation) * math.prod(body.volume.shape)
    return StressState(
        volume=body.volume,
        stress=stress,
        deformation=deformation,
        mean_stress=stress.mean(axis=(1, 2, 3), dtype=np.float64),
        expansion=body.expansion(deformation),
        clusters=body.clusters,
        imbalance=_imbalance(stress),
        hourglass=hourglass / max(stored + hourglass, 1e-300),
        solid=tuple(p for p in solid if body.volume.voxels(p)),
        method=METHOD,
    )


def _imbalance(stress: NDArray[np.floating]) -> float:
    """Largest difference between the traction through a layer and the mean, over the rms stress."""
    rms = math.sqrt(float(np.mean(np.square(stress), dtype=np.float64)) * 6)
    if rms == 0.0:
        return 0.0
    worst = 0.0
    for axis, rows in enumerate(((0, 5, 4), (5, 1, 3), (4, 3, 2))):
        others = tuple(a for a in (0, 1, 2) if a != axis)
        for row in rows:
            layers = stress[row].mean(axis=others, dtype=np.float64)
            worst = max(worst, float(np.abs(layers - layers.mean()).max()))
    return worst / rms


def _is_loaded(body: Body) -> bool:
    return bool(np.any(body.constraint.strain) or np.any(body.constraint.stress))
