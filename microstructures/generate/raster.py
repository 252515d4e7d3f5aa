"""Particles on voxels: instance labels and signed distances. Arrays have shape (nz, ny, nx).

A voxel belongs to a particle if its centre ((i + ½) dz, …) lies inside. Each particle visits only
the voxels of its bounding box and reach, and those of its periodic images.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import Shape3, Triple, checked_length, checked_shape
from microstructures.generate.fields import lowest
from microstructures.generate.particles import Floats, Particles
from microstructures.volume import checked_spacing

Instances: TypeAlias = NDArray[np.int32]
Offsets: TypeAlias = tuple[Floats, Floats, Floats]

_ROUND_OFF = 1e-6  # part of a voxel by which a periodic box may miss the array


@dataclass(frozen=True, slots=True, eq=False)
class LevelSet:
    """Distance to the nearest surface and whose it is.

    ``distance`` is in m, negative inside, at most ``reach``. ``nearest`` is i + 1 where particle i
    is the nearest, or the one that a voxel lies deepest in; 0 where all are beyond reach.
    """

    distance: Floats
    nearest: Instances
    reach: float


def rasterise(
    particles: Particles,
    spacing: float | tuple[float, float, float],
    shape: tuple[int, int, int] | None = None,
) -> Instances:
    """Instance labels, int32 of shape (nz, ny, nx): 0 outside, i + 1 in particle i.

    Where particles overlap, a voxel goes to the one whose surface is further away.

    Args:
        particles: with their box.
        spacing: voxel edge in m, or (dz, dy, dx).
        shape: number of voxels; by default as many as fill the box. Along periodic axes they must
            fill it exactly; along others the array may end before or after the box.

    Raises:
        InvalidInputError: voxels do not fit the box along a periodic axis.

    Accuracy: the volume of a body misses by chance, with a standard deviation of
        second order in the voxel size: 1.0 % for a sphere of 5 voxels radius, 0.25 % of 10.
    """
    level = level_set(particles, spacing, shape, reach=0.0)
    return level.nearest


def level_set(
    particles: Particles,
    spacing: float | tuple[float, float, float],
    shape: tuple[int, int, int] | None = None,
    *,
    reach: float,
) -> LevelSet:
    """Signed distance in m to the union of the particles, cut off at ``reach`` >= 0.

    Exact outside spheres, cylinders and capsules. For other ellipsoids it is exact on the surface
    and on the axes, and of first order beside it: k₁ (k₁ − 1) / k₂, k₁ = |x/s|, k₂ = |x/s²|.

    Arguments and errors are those of ``rasterise``.
    """
    reach = checked_length(reach, "reach", or_zero=True)
    steps = checked_spacing(spacing)
    shape = _checked_grid(particles, steps, shape)
    distance, nearest = np.full(shape, reach), np.zeros(shape, np.int32)
    halves = particles.extents + reach
    for i in range(len(particles)):
        axes = [
            list(_pieces(particles.centres[i, a], halves[i, a], shape[a], steps[a], periodic))
            for a, periodic in enumerate(particles.periodic)
        ]
        for (z, dz), (y, dy), (x, dx) in itertools.product(*axes):
            found = _distance(particles, i, (dz, dy, dx))
            window = z, y, x
            is_closer = found < distance[window]
            distance[window][is_closer] = found[is_closer]
            nearest[window][is_closer] = i + 1
    return LevelSet(distance, nearest, reach)


def exact_fraction(score: Floats, fraction: float) -> NDArray[np.bool_]:
    """True at the lowest values of ``score``, as many as make up ``fraction`` (0…1) to a voxel."""
    return lowest(score, round(fraction * score.size))


def exact_level_set(particles: Particles, spacing: Triple, shape: Shape3, count: int) -> LevelSet:
    """A level set that reaches just far enough to choose ``count`` voxels by their distance.

    Raises InvalidInputError where there is no particle to grow from.
    """
    if not len(particles):
        raise InvalidInputError("there is no particle to fill voxels with: pass at least one")
    reach = 2.0 * max(spacing)
    while True:
        level = level_set(particles, spacing, shape, reach=reach)
        if np.count_nonzero(level.distance < reach) >= count:
            return level
        reach *= 2.0


def _checked_grid(particles: Particles, spacing: Triple, shape: Shape3 | None) -> Shape3:
    voxels = [edge / h for edge, h in zip(particles.box, spacing, strict=True)]
    whole = shape if shape is not None else tuple(max(1, round(n)) for n in voxels)
    counts = checked_shape(whole)
    for axis, is_periodic in enumerate(particles.periodic):
        if is_periodic and abs(counts[axis] - voxels[axis]) > _ROUND_OFF:
            raise InvalidInputError(
                f"the periodic box of {particles.box[axis]:g} m is {voxels[axis]:.6g} voxels of "
                f"{spacing[axis]:g} m along axis {axis}, not {counts[axis]}: make the spacing "
                "box / number of voxels, or the axis not periodic"
            )
    return counts


def _pieces(
    centre: float, half: float, n: int, h: float, is_periodic: bool
) -> Iterator[tuple[slice, Floats]]:
    """Voxels within ``half`` of a centre and their offsets from it, piece by periodic piece."""
    low, high = math.ceil((centre - half) / h - 0.5), math.floor((centre + half) / h - 0.5) + 1
    if not is_periodic:
        low, high = max(low, 0), min(high, n)
    for start in range(low // n * n, high, n):
        first, last = max(low, start), min(high, start + n)
        if first < last:
            at = np.arange(first, last, dtype=np.float64)
            yield slice(first - start, last - start), (at + 0.5) * h - centre


def _distance(particles: Particles, i: int, offsets: Offsets) -> Floats:
    """Signed distance to particle i on the grid of three offsets from its centre."""
    z, y, x = offsets[0][:, None, None], offsets[1][:, None], offsets[2]
    a, b, c = particles.semi_axes[i]
    if particles.body == "ellipsoid" and a == b == c:
        return np.sqrt(z**2 + (y**2 + x**2)) - a
    turned = particles.orientations[i]
    u, v, w = (turned[0, j] * z + (turned[1, j] * y + turned[2, j] * x) for j in range(3))
    if particles.body == "ellipsoid":
        return _from_ellipsoid((u, v, w), particles.semi_axes[i])
    across = np.sqrt(v**2 + w**2)
    if particles.body == "capsule":
        return np.hypot(np.maximum(np.abs(u) - (a - b), 0.0), across) - b
    return _from_corner(np.abs(u) - a, across - b)


def _from_ellipsoid(at: Offsets, semi_axes: Floats) -> Floats:
    scaled = [x / s for x, s in zip(at, semi_axes, strict=True)]
    k1 = np.sqrt(sum(x**2 for x in scaled))
    k2 = np.sqrt(sum((x / s) ** 2 for x, s in zip(scaled, semi_axes, strict=True)))
    deepest = np.full(k1.shape, -float(semi_axes.min()))
    return np.divide(k1 * (k1 - 1), k2, out=deepest, where=k2 > 0)


def _from_corner(p: Floats, q: Floats) -> Floats:
    """Distance to the quadrant p < 0, q < 0."""
    outside = np.hypot(np.maximum(p, 0.0), np.maximum(q, 0.0))
    return outside + np.minimum(np.maximum(p, q), 0.0)
