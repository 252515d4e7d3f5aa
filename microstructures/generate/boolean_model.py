"""The Boolean model: bodies placed independently of each other, and what is known of their union.

With bodies i of volume v and surface s placed uniformly in a periodic box of volume V, a point
stays uncovered with probability Π (1 − v_i/V), and the mean surface of the union per volume is
that times Σ s_i / (V − v_i). For many small bodies these are exp(−n v) and n s exp(−n v).
Source: Chiu, Stoyan, Kendall and Mecke, Stochastic Geometry and its Applications (2013),
doi:10.1002/9781118658222  [not opened: verify]
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import Flags, Triple
from microstructures.generate.particles import Floats, Particles
from microstructures.generate.structure import KnownValue

_ROUND_OFF = 1e-13

Bodies: TypeAlias = Callable[[int], Particles]  # as many particles at the origin


def placed_independently(
    bodies: Bodies, mean_volume: float, fraction: float, rng: np.random.Generator
) -> tuple[Particles, dict[str, KnownValue]]:
    """Bodies at independent places that cover ``fraction`` on average, and what is known of them.

    All bodies are scaled by one factor, near 1 if they are many, so that a whole number of them
    covers the fraction. Along axes that are not periodic, bodies from outside reach in.
    """
    one = bodies(1)
    refuse_self_overlap(one)  # before it is scaled to fit
    domain, _ = _domain(one)
    particles = bodies(max(1, round(-math.log1p(-fraction) * domain / mean_volume)))
    scale = 1.0
    for _ in range(50):  # the rim of a box that is not periodic scales with the bodies
        factor = _scale(particles.volumes / _domain(particles)[0], fraction)
        particles, scale = particles.scaled(factor), scale * factor
        if abs(factor - 1) < _ROUND_OFF:
            break
    refuse_self_overlap(particles)
    _, margin = _domain(particles)
    places = rng.random((len(particles), 3)) * (np.array(particles.box) + 2 * margin) - margin
    particles = particles.moved(centres=places)
    known = union_known(particles) | {"size_scale": KnownValue(scale, "1", "exactly")}
    return particles, known


def union_known(particles: Particles) -> dict[str, KnownValue]:
    """Porosity and specific surface of the union of independent bodies, on average over places."""
    domain, _ = _domain(particles)
    porosity = float(np.exp(np.sum(np.log1p(-particles.volumes / domain))))
    surface = porosity * float(np.sum(particles.surface_areas / (domain - particles.volumes)))
    return {
        "porosity": KnownValue(porosity, "1", "on average"),
        "specific_surface": KnownValue(surface, "m²/m³", "on average"),
        "number_density": KnownValue(len(particles) / domain, "1/m³", "exactly"),
    }


def _domain(particles: Particles) -> tuple[float, NDArray[np.float64]]:
    """Volume in which centres lie, and its rim outside the box (zero along periodic axes)."""
    widest = particles.extents.max(axis=0)
    margin = np.where(particles.periodic, 0.0, widest)
    return float(np.prod(np.array(particles.box) + 2 * margin)), margin


def _scale(shares: Floats, fraction: float) -> float:
    """Factor on all lengths with Π (1 − factor³ share) = 1 − fraction."""
    cubed = 1.0
    for _ in range(60):
        if cubed * shares.max() >= 1:
            break
        covered = -float(np.sum(np.log1p(-cubed * shares)))
        cubed *= -math.log1p(-fraction) / covered
    return math.cbrt(min(cubed, 1 / float(shares.max())))


def refuse_self_overlap(particles: Particles) -> None:
    """Raise InvalidInputError if a particle would meet itself across a periodic box."""
    lengths = 2 * particles.extents.max(axis=0)
    if np.any((lengths > np.array(particles.box)) & np.array(particles.periodic)):
        raise InvalidInputError(
            f"particles measure up to {tuple(lengths.tolist())} m but the periodic box only "
            f"{particles.box} m: take more voxels, smaller particles or a coarser spacing"
        )


def box_of(shape: tuple[int, int, int], spacing: Triple) -> Triple:
    """Edge lengths in m of an array of voxels."""
    (nz, ny, nx), (dz, dy, dx) = shape, spacing
    return nz * dz, ny * dy, nx * dx


def empty_at_origin(
    semi_axes: Floats, orientations: Floats | None, box: Triple, periodic: Flags
) -> Particles:
    """Ellipsoids that are still to be placed."""
    return Particles(np.zeros_like(semi_axes), semi_axes, orientations, box=box, periodic=periodic)
