"""Random spheres and ellipsoids: overlapping (the Boolean model) and hard (random addition)."""

import math
from typing import TypeAlias

import numpy as np

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Flags,
    Seed,
    Shape3,
    Triple,
    checked_fraction,
    checked_generator,
    checked_periodic,
    checked_shape,
    is_number,
)
from microstructures.generate.boolean_model import (
    box_of,
    empty_at_origin,
    placed_independently,
    refuse_self_overlap,
)
from microstructures.generate.orientation import Orientation, axes_of, frames, random_rotations
from microstructures.generate.particles import Floats, Particles
from microstructures.generate.random_addition import added_at_random
from microstructures.generate.sizes import Sizes, equal_sizes
from microstructures.generate.structure import KnownValue, Phases, Structure, filled, made_volume
from microstructures.volume import checked_spacing

Radii: TypeAlias = float | Sizes

_SATURATION = 0.384  # Zhang and Torquato, Phys. Rev. E 88 (2013) 053312  [not opened: verify]


def overlapping_spheres(
    shape: Shape3,
    spacing: float | Triple,
    radius: Radii,
    fraction: float,
    *,
    aspect: Triple = (1.0, 1.0, 1.0),
    orientation: Orientation = "isotropic",
    periodic: bool | Flags = True,
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Spheres or ellipsoids at independent random places: the Boolean model.

    The solid fraction is exact to a voxel: all surfaces are moved by one distance
    (``known["surface_shift"]``) to make good what chance has done, and radii are scaled by one
    factor (``known["size_scale"]``) to suit a whole number of particles.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        radius: in m, or a distribution such as ``lognormal_sizes``; of the sphere of equal volume.
        fraction: volume fraction of the solid, 0…1, open.
        aspect: ratios of the three axes of an ellipsoid, > 0, of any scale.
        orientation: of the first axis of an ellipsoid: "isotropic", "planar" (normal to axis 0),
            "aligned" (along axis 0), ``Watson`` or ``AngularGaussian``.
        periodic: for each axis or all; otherwise particles from outside reach in.
        phases: names of 0 and 1, by default "pore" and "solid".
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        The volume; particles and instances; known: porosity, specific_surface, number_density,
        size_scale, surface_shift, and a bound of the pores' tortuosity_factor (Weissberg; spheres).

    Raises:
        InvalidInputError: an argument is out of range, or particles exceed a periodic box.

    Source: bound τ >= 1 − ½ ln ε: H. L. Weissberg, J. Appl. Phys. 34 (1963) 2636,
        doi:10.1063/1.1729783  [not opened: verify]
    """
    shape, steps, periodic = (
        checked_shape(shape),
        checked_spacing(spacing),
        checked_periodic(periodic),
    )
    fraction, generator = checked_fraction(fraction), checked_generator(rng, "rng")
    sizes, ratios = _sizes(radius), _ratios(aspect)

    def bodies(n: int) -> Particles:
        return _ellipsoids(
            sizes.spread(n), ratios, orientation, box_of(shape, steps), periodic, generator
        )

    particles, known = placed_independently(bodies, sizes.mean_volume, fraction, generator)
    if particles.are_spheres:
        known["tortuosity_factor"] = KnownValue(
            1 - math.log1p(-fraction) / 2, "1", "as a lower bound"
        )
    call = f"overlapping_spheres(shape={shape}, spacing={steps}, fraction={fraction:g})"
    return _structure(particles, known, shape, steps, fraction, phases, call, rng)


def hard_spheres(
    shape: Shape3,
    spacing: float | Triple,
    radius: Radii,
    fraction: float,
    *,
    aspect: Triple = (1.0, 1.0, 1.0),
    orientation: Orientation = "isotropic",
    periodic: bool | Flags = True,
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Spheres or ellipsoids that do not overlap, added one after the other at random places.

    The largest come first. Equal spheres reach a solid fraction of about 0.34, at endless
    patience 0.384; a wide distribution reaches more. Arguments are those of
    ``overlapping_spheres``; along axes that are not periodic, particles stay inside.

    Returns:
        The volume; particles and instances; known: porosity and specific_surface of the bodies,
        number_density, size_scale, surface_shift (here only what voxels do).

    Raises:
        InvalidInputError: an argument is out of range, the fraction cannot be reached, or
            particles are wider than the box (ellipsoids: half of it).
    """
    shape, steps, periodic = (
        checked_shape(shape),
        checked_spacing(spacing),
        checked_periodic(periodic),
    )
    fraction, generator = checked_fraction(fraction), checked_generator(rng, "rng")
    sizes, ratios, box = _sizes(radius), _ratios(aspect), box_of(shape, steps)
    solid = fraction * math.prod(box)
    bodies = _ellipsoids(
        sizes.spread(sizes.number(solid)), ratios, orientation, box, periodic, generator
    )
    refuse_self_overlap(bodies)  # before they are scaled to fit
    scale = math.cbrt(solid / float(bodies.volumes.sum()))
    particles = bodies.scaled(scale)
    _refuse_jammed(particles, fraction)
    centres = added_at_random(
        particles.semi_axes, particles.orientations, np.array(box), periodic, generator
    )
    particles = particles.moved(centres=centres)
    known = {
        "porosity": KnownValue(1 - fraction, "1", "exactly"),
        "specific_surface": KnownValue(
            float(particles.surface_areas.sum()) / math.prod(box), "m²/m³", "exactly"
        ),
        "number_density": KnownValue(len(particles) / math.prod(box), "1/m³", "exactly"),
        "size_scale": KnownValue(scale, "1", "exactly"),
    }
    call = f"hard_spheres(shape={shape}, spacing={steps}, fraction={fraction:g})"
    return _structure(particles, known, shape, steps, fraction, phases, call, rng)


def _structure(
    particles: Particles,
    known: dict[str, KnownValue],
    shape: Shape3,
    spacing: Triple,
    fraction: float,
    phases: Phases | None,
    call: str,
    rng: Seed,
) -> Structure:
    labels, instances, known["surface_shift"] = filled(particles, spacing, shape, fraction)
    return Structure(made_volume(labels, spacing, phases, call, rng), known, particles, instances)


def _ellipsoids(
    radii: Floats,
    ratios: Floats,
    kind: Orientation,
    box: Triple,
    periodic: Flags,
    rng: np.random.Generator,
) -> Particles:
    if np.all(ratios == 1):
        return empty_at_origin(radii[:, None] * ratios, None, box, periodic)
    if kind == "isotropic":
        turned = random_rotations(len(radii), rng)
    else:
        turned = frames(axes_of(kind).drawn(len(radii), rng))
    return empty_at_origin(radii[:, None] * ratios, turned, box, periodic)


def _sizes(radius: Radii) -> Sizes:
    return radius if isinstance(radius, Sizes) else equal_sizes(radius)


def _ratios(aspect: Triple) -> Floats:
    if np.shape(aspect) != (3,) or not all(is_number(a) and a > 0 for a in aspect):
        raise InvalidInputError(
            f"aspect {aspect!r} is not three ratios > 0: pass for example (0.7, 1, 1)"
        )
    ratios = np.array(aspect, dtype=float)
    return np.ones(3) if np.ptp(ratios) == 0 else ratios / np.cbrt(ratios.prod())


def _refuse_jammed(particles: Particles, fraction: float) -> None:
    is_equal = particles.are_spheres and np.ptp(particles.semi_axes) == 0
    if is_equal and fraction > _SATURATION and len(particles) > 1:
        raise InvalidInputError(
            f"fraction {fraction:g} of equal spheres is above {_SATURATION}, where random addition "
            "ends: ask for less, or use solvers.relax on the particles of overlapping_spheres"
        )
