"""Random fibres and platelets: overlapping round bodies with a distribution of their axes."""

from typing import Literal, TypeAlias

import numpy as np

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Flags,
    Seed,
    Shape3,
    Triple,
    checked_fraction,
    checked_generator,
    checked_length,
    checked_periodic,
    checked_shape,
)
from microstructures.generate.boolean_model import box_of, placed_independently
from microstructures.generate.orientation import Orientation, axes_of, frames
from microstructures.generate.particles import Body, Particles
from microstructures.generate.structure import KnownValue, Phases, Structure, filled, made_volume
from microstructures.volume import checked_spacing

Ends: TypeAlias = Literal["round", "flat"]


def random_fibres(
    shape: Shape3,
    spacing: float | Triple,
    length: float,
    diameter: float,
    fraction: float,
    *,
    ends: Ends = "round",
    orientation: Orientation = "isotropic",
    periodic: bool | Flags = True,
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Straight fibres at independent random places, overlapping: the Boolean model.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        length: of a fibre in m, its ends included, at least the diameter if they are round; less
            than the box along periodic axes.
        diameter: in m; the fraction stays exact below two voxels, but the fibres fall apart.
        fraction: volume fraction of the fibres, 0…1, open, exact to a voxel: all surfaces are
            moved by one distance (``known["surface_shift"]``).
        ends: "round" (capsules) or "flat" (cylinders).
        orientation: of the fibres: "isotropic", "planar" (normal to axis 0), "aligned" (along
            axis 0), ``Watson(direction, concentration)`` or ``AngularGaussian(tensor)``.
        periodic: for each axis or all; otherwise fibres from outside reach in.
        phases: names of 0 and 1, by default "pore" and "fibre".
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        The volume; particles, whose first axes are the fibres' (``orientation_tensor`` of them is
        what was drawn); instances; known: porosity, specific_surface, number_density,
        size_scale, orientation_zz, …_yy, …_xx (of the distribution), surface_shift.

    Raises:
        InvalidInputError: an argument is out of range, or fibres exceed a periodic box.
    """
    if ends not in ("round", "flat"):
        raise InvalidInputError(f"ends {ends!r} are neither 'round' nor 'flat': choose one")
    half, radius = checked_length(length, "length") / 2, checked_length(diameter, "diameter") / 2
    names = phases or {0: "pore", 1: "fibre"}
    body: Body = "capsule" if ends == "round" else "cylinder"
    call = f"random_fibres({length=:g}, {diameter=:g}, {fraction=:g})"
    return _scattered(
        shape, spacing, (half, radius), body, fraction, orientation, periodic, names, call, rng
    )


def random_platelets(
    shape: Shape3,
    spacing: float | Triple,
    diameter: float,
    thickness: float,
    fraction: float,
    *,
    orientation: Orientation = "isotropic",
    periodic: bool | Flags = True,
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Round flat discs at independent random places, overlapping: the Boolean model.

    ``orientation`` is that of the discs' normals: "aligned" discs lie flat in the electrode.
    ``diameter`` and ``thickness`` are in m; the solid is called "platelet" by default. Everything
    else is as in ``random_fibres``.
    """
    half, radius = (
        checked_length(thickness, "thickness") / 2,
        checked_length(diameter, "diameter") / 2,
    )
    names = phases or {0: "pore", 1: "platelet"}
    call = f"random_platelets({diameter=:g}, {thickness=:g}, {fraction=:g})"
    return _scattered(
        shape,
        spacing,
        (half, radius),
        "cylinder",
        fraction,
        orientation,
        periodic,
        names,
        call,
        rng,
    )


def _scattered(
    shape: Shape3,
    spacing: float | Triple,
    size: tuple[float, float],
    body: Body,
    fraction: float,
    kind: Orientation,
    periodic: bool | Flags,
    phases: Phases,
    call: str,
    rng: Seed,
) -> Structure:
    shape, steps = checked_shape(shape), checked_spacing(spacing)
    fraction, flags = checked_fraction(fraction), checked_periodic(periodic)
    generator, axes = checked_generator(rng, "rng"), axes_of(kind)
    semi_axes = np.array([[size[0], size[1], size[1]]])
    box = box_of(shape, steps)

    def bodies(n: int) -> Particles:
        turned = frames(axes.drawn(n, generator))
        rows = np.repeat(semi_axes, n, axis=0)
        return Particles(np.zeros((n, 3)), rows, turned, box=box, periodic=flags, body=body)

    mean = float(bodies(1).volumes[0])
    particles, known = placed_independently(bodies, mean, fraction, generator)
    for name, value in zip("zyx", np.diag(axes.tensor), strict=True):
        known[f"orientation_{name}{name}"] = KnownValue(float(value), "1", "on average")
    labels, instances, known["surface_shift"] = filled(particles, steps, shape, fraction)
    volume = made_volume(labels, steps, phases, call, rng)
    return Structure(volume, known, particles, instances)
