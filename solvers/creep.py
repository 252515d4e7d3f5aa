"""Creep: flow at a rate that depends on the stress. SI units."""

import math
from dataclasses import dataclass

from microstructures.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class PowerLawCreep:
    """Power-law (Norton) creep: d(eps)/dt = ``rate`` (sigma / ``stress``)^``exponent``.

    sigma is the von Mises stress and eps the equivalent strain; volume is kept.

    Args:
        rate: 1/s, reference rate > 0.
        stress: Pa, the stress at which the rate is the reference rate, > 0.
        exponent: 1…20; 1 is linear viscosity, lithium has about 6.6.
    """

    rate: float
    stress: float
    exponent: float

    def __post_init__(self) -> None:
        for name in ("rate", "stress"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidInputError(
                    f"the {name} of creep is {value!r}: give a reference rate (1/s) and a stress "
                    "(Pa), both > 0; leave the phase out if it does not creep"
                )
        if not 1.0 <= self.exponent <= 20.0:
            raise InvalidInputError(
                f"the exponent of creep is {self.exponent!r}, not in 1…20: below 1 a solid would "
                "weaken at rest; above 20 give a Yield stress instead"
            )
