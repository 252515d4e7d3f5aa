"""Plasticity: von Mises yield with isotropic hardening. SI units."""

import math
from dataclasses import dataclass

import numpy as np

from microstructures.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Yield:
    """Von Mises plasticity: the stress that a phase carries after an accumulated strain p.

    ``stress`` + ``hardening`` p + ``rise`` (1 - exp(-``decay`` p)): linear hardening, and Voce's
    towards a saturation.

    Args:
        stress: Pa, at first yield, > 0.
        hardening: Pa, slope without end, ≥ 0.
        rise: Pa, by which the stress saturates above the first yield, ≥ 0.
        decay: how fast it does, per strain, ≥ 0.

    Source: Simo, Hughes, Computational Inelasticity (1998), section 3.3 [not opened: verify].
    """

    stress: float
    hardening: float = 0.0
    rise: float = 0.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        known = isinstance(self.stress, float | int | np.number)
        if not (known and math.isfinite(self.stress) and self.stress > 0.0):
            raise InvalidInputError(
                f"the yield stress is {self.stress!r}: give Pa > 0, or leave the phase out if it "
                "stays elastic"
            )
        for name in ("hardening", "rise", "decay"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidInputError(
                    f"the {name} of a yield stress is {value!r}, not ≥ 0: softening concentrates "
                    "in one layer of voxels and has no answer that survives refinement"
                )

    def at(self, accumulated: float) -> float:
        """Yield stress in Pa after an accumulated plastic strain."""
        saturated = -math.expm1(-self.decay * accumulated)
        return self.stress + self.hardening * accumulated + self.rise * saturated
