"""Distribution of particle radii, as PyBaMM wants it: weighted by area. Lengths in m."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from twin.performance._pybamm import pybamm

if TYPE_CHECKING:
    from twin.performance.structure import ElectrodeStructure

WIDE = 5.0  # standard deviations from the mean, beyond which there are no particles
LEAST = 0.01  # of the mean: the smallest radius


def size_parameters(side: str, structure: "ElectrodeStructure") -> dict[str, Any]:
    """The distribution and its ends; empty for particles of one size."""
    mean, relative = structure.particle_radius, structure.radius_deviation
    if not relative:
        return {}
    name = f"{side} area-weighted particle-size distribution [m-1]"
    return {
        name: partial(lognormal, mean, relative),
        f"{side} minimum particle radius [m]": mean * max(LEAST, 1 - WIDE * relative),
        f"{side} maximum particle radius [m]": mean * (1 + WIDE * relative),
    }


def lognormal(mean: float, relative: float, radius: Any) -> Any:
    """Share of the area per radius, 1/m, of a mean and a standard deviation relative to it."""
    module = pybamm()
    variance = math.log1p(relative**2)
    off = module.log(radius) - (math.log(mean) - variance / 2)
    return module.exp(-(off**2) / (2 * variance)) / (radius * math.sqrt(2 * math.pi * variance))
