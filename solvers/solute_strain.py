"""SoluteStrain: by how much particles swell, free of stress, with the solute that they take up.

Fields have shape (nz, ny, nx); concentrations in mol/m³; linear strains. The work against stress
of a mole that enters is -Ω σ_h with Ω three times the slope of the strain.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.body import Body
from solvers.eigenstrain import SMALL, LargeStrainWarning
from solvers.transient import Field, TransientDiffusion

STEP = 1e-4  # of a concentration, over the largest, by which a strain is differentiated

Swelling = float | Callable[[Field], Field]


@dataclass(frozen=True, slots=True, eq=False)
class SoluteStrain:
    """What a concentration does to the stress-free shape of every voxel."""

    laws: dict[int, Swelling]
    masks: dict[int, NDArray[np.bool_]]
    reference: Field

    @classmethod
    def of(
        cls,
        body: Body,
        particles: TransientDiffusion,
        volumes: Mapping[Phase, float],
        strains: Mapping[Phase, Callable[[Field], Field]],
        reference: Field,
    ) -> "SoluteStrain":
        """The strain that ``lithiate`` was given. Raises InvalidInputError."""
        laws: dict[int, Swelling] = {}
        given: list[tuple[Phase, Any]] = [*volumes.items(), *strains.items()]
        for phase, law in given:
            label = body.volume.phase_id(phase)
            _check_law(body, particles, phase, law, twice=label in laws)
            laws[label] = law if callable(law) else float(law)
        masks = {label: body.volume.labels == label for label in laws}
        return cls(laws, masks, reference)

    @property
    def acts(self) -> bool:
        """False if no phase swells."""
        return any(callable(law) or law != 0.0 for law in self.laws.values())

    def strain(self, c: Field) -> Field:
        """Linear strain of every voxel."""
        out = np.zeros(c.shape)
        for label, law in self.laws.items():
            mine = self.masks[label]
            inside = c[mine]
            out[mine] = law(inside) if callable(law) else law * (inside - self.reference[mine]) / 3
        if not np.isfinite(out).all() or out.min(initial=0.0) <= -1.0:
            raise InvalidInputError(
                f"the strain of concentrations {c.min():.4g} to {c.max():.4g} mol/m³ is not finite "
                "or shrinks a phase to nothing: give linear strains such as 0.01, and Ω in m³/mol"
            )
        return out

    def molar_volume(self, c: Field) -> Field:
        """Ω of every voxel."""
        out = np.zeros(c.shape)
        for label, law in self.laws.items():
            mine = self.masks[label]
            out[mine] = _slope(law, c[mine]) * 3 if callable(law) else law
        return out

    def eigenstrain(self, c: Field) -> Field:
        """Strain of every voxel, shape (6, nz, ny, nx)."""
        out = np.zeros((6, *c.shape))
        out[:3] = self.strain(c)
        return out


def _slope(law: Callable[[Field], Field], c: Field) -> Field:
    step = STEP * max(float(np.abs(c).max(initial=0.0)), 1e-300)
    slope: Field = (law(c + step) - law(c - step)) / (2 * step)
    return slope


def warn_of_large_strain(strain: Field) -> None:
    """Warn of strains beyond small-strain theory."""
    largest = float(np.abs(strain).max(initial=0.0))
    if largest > SMALL:
        warnings.warn(
            f"the largest swelling is {largest:.1%}, linear: small-strain elasticity is good to "
            "about 5 %, beyond it take stresses as an indication only",
            LargeStrainWarning,
            stacklevel=4,
        )


def _check_law(
    body: Body, particles: TransientDiffusion, phase: Phase, law: Any, *, twice: bool
) -> None:
    mine = body.volume.labels == body.volume.phase_id(phase)
    if twice:
        raise InvalidInputError(
            f"{phase!r} swells twice: give a partial_molar_volume or a strain, not both"
        )
    if not (particles.particles[mine].all() and body.moduli.solid[mine].all()):
        raise InvalidInputError(
            f"{phase!r} swells, but has no diffusivity or no stiffness: give it both"
        )
    if not callable(law) and not math.isfinite(law):
        raise InvalidInputError(
            f"the partial molar volume of {phase!r} is {law!r}: give m³/mol, such as 2e-6"
        )
