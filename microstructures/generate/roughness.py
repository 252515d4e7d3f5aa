"""Rough particles: bodies whose surface is moved in and out by a smooth random field."""

import math

import numpy as np

from microstructures.generate._inputs import (
    Seed,
    Triple,
    checked_fraction,
    checked_generator,
    checked_length,
)
from microstructures.generate.particles import Particles
from microstructures.generate.random_fields import Spectrum, gaussian_field
from microstructures.generate.raster import exact_fraction, exact_level_set, level_set
from microstructures.generate.structure import KnownValue, Phases, Structure, made_volume
from microstructures.volume import checked_spacing

_DEVIATIONS = 6.0  # the field never goes that far: once in 1e9 voxels


def rough_particles(
    particles: Particles,
    spacing: float | Triple,
    amplitude: float,
    length: float,
    *,
    fraction: float | None = None,
    spectrum: Spectrum = "gaussian",
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """A volume of particles with rough surfaces: distance to them + amplitude × Gaussian field < 0.

    Args:
        particles: whose box whole voxels fill.
        spacing: voxel edge in m, or (dz, dy, dx).
        amplitude: standard deviation of the surface's displacement in m, >= 0; keep it below a
            third of ``length``, or crumbs come off.
        length: correlation length of the field in m.
        fraction: volume fraction of the solid, met to a voxel by moving all surfaces by one
            distance; None leaves them where they are.
        spectrum: as in ``gaussian_field``.
        phases: names of 0 and 1, by default "pore" and "solid".
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        The volume; instances, each voxel with the particle whose smooth surface is nearest; known:
        surface_shift in m.

    Raises:
        InvalidInputError: an argument is out of range, or voxels do not fill the periodic box.
    """
    steps, generator = checked_spacing(spacing), checked_generator(rng, "rng")
    amplitude = checked_length(amplitude, "amplitude", or_zero=True)
    reach = _DEVIATIONS * amplitude + 2 * max(steps)
    level = level_set(particles, steps, reach=reach)
    nz, ny, nx = level.distance.shape
    shape = nz, ny, nx
    if fraction is not None:  # far enough for what the field may take away
        count = math.ceil(checked_fraction(fraction) * level.distance.size)
        wide = exact_level_set(particles, steps, shape, count)
        level = level_set(particles, steps, reach=wide.reach + reach)
    field = gaussian_field(shape, steps, length, spectrum=spectrum, rng=generator)
    score = level.distance + amplitude * field
    score[level.nearest == 0] = math.inf
    is_solid = score < 0 if fraction is None else exact_fraction(score, fraction)
    shift = 0.0 if fraction is None or not is_solid.any() else float(score[is_solid].max())
    call = f"rough_particles({amplitude=:g}, {length=:g}, {fraction=})"
    volume = made_volume(is_solid.astype(np.uint8), steps, phases, call, rng)
    instances = np.where(is_solid, level.nearest, np.int32(0))
    return Structure(
        volume, {"surface_shift": KnownValue(shift, "m", "exactly")}, particles, instances
    )
