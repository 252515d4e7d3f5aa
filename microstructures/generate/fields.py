"""Scalar fields at voxel centres. Arrays have shape (nz, ny, nx); lengths are in m."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from microstructures.generate.packing import Floats, Spheres


def two_nearest(
    axes: Sequence[Floats], spheres: Spheres, flattening: float, reach: float
) -> tuple[Floats, Floats]:
    """Signed distances to the surfaces of the nearest and the second nearest particle.

    A particle is a sphere pressed flat along axis 0. Its distance is exact on the surface and of
    first order beside it: (ρ - R) / |∇ρ|, with ρ the radius in coordinates in which it is a sphere.

    Args:
        axes: coordinates of the voxel centres along each axis.
        spheres: the particles before they are pressed, axis 0 longer by 1 / flattening.
        flattening: thickness of a particle over its width, at most 1.
        reach: distances are cut off here, negative inside particles.
    """
    first = np.full([len(axis) for axis in axes], reach)
    second = first.copy()
    stretched = [axes[0] / flattening, axes[1], axes[2]]
    for centre, radius in zip(spheres.centres, spheres.radii, strict=True):
        offsets = [x - c for x, c in zip(stretched, centre, strict=True)]
        ranges = [np.flatnonzero(np.abs(x) < radius + reach) for x in offsets]
        if all(map(len, ranges)):
            window = tuple(slice(r[0], r[-1] + 1) for r in ranges)
            zyx = [x[r] for x, r in zip(offsets, window, strict=True)]
            _insert(_distance(zyx, radius, flattening), first[window], second[window])
    return first, second


def _distance(offsets: Sequence[Floats], radius: float, flattening: float) -> Floats:
    z, y, x = (offset**2 for offset in offsets)
    square = z[:, None, None] + (y[:, None] + x)
    rho = np.sqrt(square)
    square += (flattening**-2 - 1) * z[:, None, None]  # now (ρ |∇ρ|)²
    slope = np.sqrt(square, out=square)
    return np.divide((rho - radius) * rho, slope, out=rho, where=slope > 0)


def _insert(distance: Floats, first: Floats, second: Floats) -> None:
    np.minimum(second, np.maximum(first, distance), out=second)
    np.minimum(first, distance, out=first)


def smooth_union(first: Floats, second: Floats, width: float) -> Floats:
    """Distance to the union of two bodies whose joint is rounded off over ``width``."""
    overlap = np.maximum(width - (second - first), 0.0)
    return first - overlap**2 / (4 * width)


def smooth_noise(
    shape: tuple[int, ...], length: float, spacing: Sequence[float], rng: np.random.Generator
) -> Floats:
    """Gaussian noise of unit variance, correlated over about ``length``."""
    from scipy.ndimage import gaussian_filter

    white = rng.standard_normal(shape)
    noise = gaussian_filter(white, [length / h for h in spacing], mode="wrap", truncate=3.0)
    return noise / max(float(noise.std()), 1e-300)  # a single voxel has no variance


def distance_from_ball_centres(void: Floats, radius: float, spacing: Sequence[float]) -> Floats:
    """Distance to the nearest point that the centre of a ball can reach in the voids.

    The ball sweeps exactly the points nearer than its radius; the others are a closing of the
    solid: the necks, cracks and corners. Zero everywhere if the ball fits nowhere.

    Args:
        void: distance to the solid.
        radius: radius of the ball in m.
        spacing: voxel edges in m.
    """
    from scipy.ndimage import distance_transform_edt

    is_blocked = void < radius
    if is_blocked.all():  # no place for the ball anywhere
        return np.zeros(void.shape)
    return np.asarray(distance_transform_edt(is_blocked, sampling=spacing))


def lowest(score: Floats, count: int) -> NDArray[np.bool_]:
    """True at exactly ``count`` lowest values; among equals the first in memory order."""
    if count <= 0:
        return np.zeros(score.shape, bool)
    limit = np.partition(score, count - 1, axis=None)[count - 1]
    chosen = score < limit
    ties = np.flatnonzero(score == limit)
    chosen.flat[ties[: count - np.count_nonzero(chosen)]] = True
    return chosen
