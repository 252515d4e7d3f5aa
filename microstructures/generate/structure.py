"""Structure: a generated volume with what is known of it without measuring it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.generate._inputs import Seed, Shape3, Triple, seed_name
from microstructures.generate.particles import Particles
from microstructures.generate.raster import Instances, exact_fraction, exact_level_set
from microstructures.volume import Provenance, Volume

Holds: TypeAlias = Literal["exactly", "on average", "as a lower bound"]
Phases: TypeAlias = Mapping[int, str]

PORE_SOLID: Phases = MappingProxyType({0: "pore", 1: "solid"})


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A number from a formula.

    ``holds`` says of what: "exactly" of the model before it was cut into voxels, "on average" over
    volumes with other seeds, "as a lower bound" of that average.
    """

    value: float
    unit: str
    holds: Holds


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A generated volume.

    ``known`` maps names such as "specific_surface" (m²/m³) to values from formulas. ``particles``
    are the bodies it was made of, ``instances`` their labels (0 none, i + 1 particle or grain i),
    int32 of the volume's shape; None where there are none.
    """

    volume: Volume
    known: Mapping[str, KnownValue]
    particles: Particles | None = None
    instances: Instances | None = None


def made_volume(
    labels: NDArray[Any], spacing: Triple, phases: Phases | None, call: str, rng: Seed | None
) -> Volume:
    """Labels as a volume that says which call made it; rng None where nothing was drawn."""
    seed = "" if rng is None else f", rng={seed_name(rng)}"
    source = f"generate.{call[:-1]}{seed})"
    return Volume(labels, spacing, phases or PORE_SOLID, provenance=Provenance(source=source))


def filled(
    particles: Particles, spacing: Triple, shape: Shape3, fraction: float
) -> tuple[NDArray[np.uint8], Instances, KnownValue]:
    """Labels of which ``fraction`` is solid to a voxel, instances, and the shift of the surface.

    All surfaces are moved by one distance, which makes good what chance and voxels have done.
    """
    count = round(fraction * int(np.prod(shape)))
    level = exact_level_set(particles, spacing, shape, count)
    is_solid = exact_fraction(level.distance, fraction)
    shift = float(level.distance[is_solid].max()) if count else 0.0
    instances = np.where(is_solid, level.nearest, np.int32(0))
    return is_solid.astype(np.uint8), instances, KnownValue(shift, "m", "exactly")
