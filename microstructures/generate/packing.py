"""Random packing of spheres. Centres have shape (n, 3) in (z, y, x) order, lengths in m."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SIGMAS = 2.0  # radii further out in the log-normal distribution are left out
_TRIES = 32  # positions drawn for each sphere


@dataclass(frozen=True, slots=True)
class Spheres:
    """Centres (n, 3) and radii (n,) in m."""

    centres: Floats
    radii: Floats


def lognormal_radii(median: float, sigma: float, volume: float) -> Floats:
    """Evenly spaced quantiles of a log-normal distribution cut at two sigma, largest first.

    Args:
        median: median radius in m.
        sigma: standard deviation of the logarithm of the radius.
        volume: total volume of the spheres in m³, met as closely as a whole number of them can.
    """
    many = _quantiles(4096, median, sigma)
    mean = 4 / 3 * np.pi * np.mean(many**3)
    return _quantiles(max(1, round(volume / mean)), median, sigma)


def _quantiles(n: int, median: float, sigma: float) -> Floats:
    from scipy.special import ndtr, ndtri

    rank = (np.arange(n, 0, -1) - 0.5) / n
    tail = ndtr(-_SIGMAS)
    return median * np.exp(sigma * ndtri(tail + rank * (1 - 2 * tail)))


def pack(
    radii: Floats, low: Floats, high: Floats, closest: float, rng: np.random.Generator
) -> Spheres:
    """Spheres placed one after another at random in the box from ``low`` to ``high``.

    Each takes the first of a few random positions at which no centre is nearer than ``closest``
    times the sum of the two radii, or the roomiest of them where none is free.
    """
    centres = np.empty((len(radii), 3))
    for i, radius in enumerate(radii):
        tries = low + rng.random((_TRIES, 3)) * (high - low)
        centres[i] = tries[_pick(_room(tries, radius, centres[:i], radii[:i]), closest)]
    return Spheres(centres, radii)


def _room(tries: Floats, radius: float, centres: Floats, radii: Floats) -> Floats:
    """Smallest distance to a placed centre, in sums of the two radii."""
    if not len(centres):
        return np.full(len(tries), np.inf)
    squares = sum((tries[:, None, a] - centres[None, :, a]) ** 2 for a in range(3))
    return np.sqrt(np.min(squares / (radii + radius) ** 2, axis=1))


def _pick(room: Floats, closest: float) -> int:
    return int(np.argmax(np.minimum(room, closest)))  # argmax takes the first that is free
