"""Narrow places of a pore space. Arrays have shape (nz, ny, nx), lengths are in m.

A point is as wide as the largest ball that lies in the pores and holds it. Balls of growing radius
are tried: a voxel gets its rank at the first that cannot hold it.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing._binder_growth import Counts, Mask, Periodic, lowest

Floats = NDArray[np.float64]

_STEP = 0.5  # by which radii grow, in voxel edges; and by at least this part of themselves:
_GROWTH = 0.08


def fill_narrowest(
    pore: Mask,
    spacing: Sequence[float],
    quotas: Counts,
    periodic: Periodic,
    rng: np.random.Generator,
) -> Mask:
    """Exactly ``quotas[k]`` pore voxels of the k-th part along axis 0, narrow places first."""
    ranks = _ranks(pore, spacing, quotas, periodic, rng).reshape(len(quotas), -1)
    chosen = np.zeros(ranks.shape, bool)
    for part in np.flatnonzero(quotas):
        chosen[part, lowest(ranks[part], quotas[part])] = True
    return chosen.reshape(pore.shape)


def _ranks(
    pore: Mask,
    spacing: Sequence[float],
    quotas: Counts,
    periodic: Periodic,
    rng: np.random.Generator,
) -> Floats:
    """Number of the first ball that does not hold a voxel, inf where none was needed.

    The fraction orders the voxels of one number: those farthest from the balls first, and equals
    at random.
    """
    if pore.all() and quotas.any():
        raise InvalidInputError(
            "there is nothing but pore, so no place is narrow: place binder beside a solid"
        )
    ranks = np.full(pore.shape, np.inf)
    reach = 0.0
    for number, radius in enumerate(_radii(min(spacing))):
        if np.all(_ranked(ranks, len(quotas)) >= quotas):
            break
        if radius > reach:
            reach = 1.6 * radius
            void, inner = _void(pore, spacing, periodic, reach)
        left = pore & np.isinf(ranks)
        if not np.any(void[inner] >= radius):  # only balls from beyond the faces are that large
            ranks[left] = number + _shuffled(_relative(void[inner][left]), rng)
            break
        gap = _distance_to(void >= radius, spacing)[inner]
        new = np.flatnonzero(left & (gap >= radius))
        ranks.ravel()[new] = number + _shuffled(radius / gap.ravel()[new], rng)
    return ranks


def _radii(edge: float) -> Iterator[float]:
    radius = edge  # a pore voxel holds the ball of one edge around its centre
    while True:
        radius += max(_STEP * edge, _GROWTH * radius)
        yield radius


def _ranked(ranks: Floats, parts: int) -> Counts:
    return np.count_nonzero(np.isfinite(ranks.reshape(parts, -1)), axis=1)


def _shuffled(depth: Floats, rng: np.random.Generator) -> Floats:
    """Numbers from 0 to 1, equals put in a random order, still below 1."""
    return (1 - 1e-5) * depth + 1e-6 * rng.random(len(depth))


def _relative(void: Floats) -> Floats:
    """In the widest places, the voxels nearest to the solid come first."""
    return void / void.max(initial=1e-300)


def _void(
    pore: Mask, spacing: Sequence[float], periodic: Periodic, reach: float
) -> tuple[Floats, tuple[slice, ...]]:
    """Distance to the solid in a volume with a rim, right up to ``reach``, and where the rim ends.

    The rim is wide enough for balls of that radius whose centre lies beyond a face and which hold
    voxels inside; beyond a periodic face, also for the solid that such a ball may touch.
    """
    rims = [
        math.ceil(reach / h) * (2 if wraps else 1)
        for h, wraps in zip(spacing, periodic, strict=True)
    ]
    wide = pore
    for axis, rim in enumerate(rims):
        width = [(rim, rim) if a == axis else (0, 0) for a in range(3)]
        # a mirror would make a neck of every particle that is cut: the last layer goes on instead
        wide = np.pad(wide, width, mode="wrap" if periodic[axis] else "edge")
    inner = tuple(slice(rim, rim + n) for rim, n in zip(rims, pore.shape, strict=True))
    return _distance_to(~wide, spacing), inner


def _distance_to(mask: Mask, spacing: Sequence[float]) -> Floats:
    """Distance of every voxel centre to the nearest in ``mask``; inf where there is none."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any():
        return np.full(mask.shape, np.inf)
    return np.asarray(distance_transform_edt(~mask, sampling=spacing), dtype=np.float64)
