"""Sizes: how many particles have which radius. Radii are in m, of the sphere of equal volume."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Seed,
    checked_fraction,
    checked_generator,
    checked_length,
    checked_number,
    is_number,
)

Floats: TypeAlias = NDArray[np.float64]
Weight: TypeAlias = Literal["number", "volume"]

_POINTS = 513  # of a table: its second and third moment then miss the law's by < 1e-4
_SIGMAS = 3.0  # normal and log-normal laws are cut there


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """A distribution by number, as a quantile function that is linear between its points.

    Args:
        ranks: shares of the particles, ascending from 0 to 1, shape (m,).
        radii: the radius in m that each share stays below, > 0, never falling.

    Raises:
        InvalidInputError: tables that are no quantile function.
    """

    ranks: Floats
    radii: Floats

    def __init__(self, ranks: ArrayLike, radii: ArrayLike) -> None:
        p, r = np.array(ranks, dtype=float), np.array(radii, dtype=float)
        _check_table(p, r)
        p.flags.writeable = r.flags.writeable = False
        object.__setattr__(self, "ranks", p)
        object.__setattr__(self, "radii", r)

    def quantile(self, rank: ArrayLike) -> Floats:
        """Radius in m that a share of the particles stays below."""
        return np.asarray(np.interp(np.asarray(rank, dtype=float), self.ranks, self.radii))

    def moment(self, order: int) -> float:
        """Mean of radiusᵒʳᵈᵉʳ over the particles, order 0…7, exact for the table."""
        nodes, weights = np.polynomial.legendre.leggauss(4)
        low, high = self.radii[:-1, None], self.radii[1:, None]
        inside = low + (high - low) * (nodes + 1) / 2
        return float(np.diff(self.ranks) @ (inside**order @ (weights / 2)))

    @property
    def mean_volume(self) -> float:
        """Mean volume of a particle in m³."""
        return 4 / 3 * np.pi * self.moment(3)

    def number(self, volume: float) -> int:
        """How many particles, at least one, have most nearly this total volume in m³."""
        return max(1, round(checked_length(volume, "volume") / self.mean_volume))

    def spread(self, n: int) -> Floats:
        """Radii (n,) that represent the law without noise: even quantiles, the largest first."""
        ranks = (np.arange(checked_number(n, "n"), 0, -1) - 0.5) / n
        return self.quantile(ranks)

    def drawn(self, n: int, rng: Seed = 0) -> Floats:
        """Radii (n,) drawn at random."""
        return self.quantile(checked_generator(rng, "rng").random(checked_number(n, "n")))


def equal_sizes(radius: float) -> Sizes:
    """All particles have one radius in m."""
    radius = checked_length(radius, "radius")
    return Sizes([0.0, 1.0], [radius, radius])


def normal_sizes(mean: float, deviation: float) -> Sizes:
    """Radii of a normal law cut at three standard deviations.

    Raises InvalidInputError where that reaches zero, so ``deviation`` must be < ``mean`` / 3.
    """
    mean, deviation = checked_length(mean, "mean"), checked_length(deviation, "deviation")
    if deviation * _SIGMAS >= mean:
        raise InvalidInputError(
            f"deviation {deviation:g} m is more than a third of the mean {mean:g} m, so that "
            "radii would reach zero: use lognormal_sizes"
        )
    ranks, scores = _normal_scores()
    return Sizes(ranks, mean + deviation * scores)


def lognormal_sizes(median: float, sigma: float, *, by: Weight = "number") -> Sizes:
    """Radii of a log-normal law cut at three sigma.

    Args:
        median: median radius in m.
        sigma: standard deviation of the logarithm of the radius, > 0.
        by: what the law counts: particles, or their volume, as laser diffraction does.
    """
    if not is_number(sigma) or not 0 < sigma <= 3:
        raise InvalidInputError(f"sigma {sigma!r} does not lie in 0…3: pass for example 0.3")
    ranks, scores = _normal_scores()
    return _weighted(ranks, checked_length(median, "median") * np.exp(sigma * scores), by)


def quantile_sizes(radii: Mapping[float, float], *, by: Weight = "volume") -> Sizes:
    """Radii through measured quantiles: ``{0.1: 2e-6, 0.5: 4e-6, 0.9: 7e-6}``, half of each d10….

    Between them the logarithm of the radius is linear in the normal score of the rank, and so it
    goes on beyond them to 0.1 and 99.9 %.

    Args:
        radii: radius in m of at least two shares within 0.001…0.999, ascending.
        by: what the shares count, "volume" as laser diffraction does, or "number".
    """
    from scipy.special import ndtri

    shares = sorted(radii)
    if len(shares) < 2 or not all(is_number(p) and 0.001 <= p <= 0.999 for p in shares):
        raise InvalidInputError(
            f"quantiles at {shares} are not two or more shares within 0.001…0.999: "
            "pass for example {0.1: 2e-6, 0.5: 4e-6, 0.9: 7e-6}"
        )
    logs = np.log([checked_length(radii[p], f"radius at {p:g}") for p in shares])
    if np.any(np.diff(logs) <= 0):
        raise InvalidInputError(f"radii {dict(radii)} do not rise with their shares: sort them")
    ranks, scores = _normal_scores()
    return _weighted(ranks, np.exp(_extended(scores, ndtri(shares), logs)), by)


def bimodal_sizes(first: Sizes, second: Sizes, volume_share: float) -> Sizes:
    """A mixture in which ``first`` has the given share (0…1, open) of the volume."""
    share = checked_fraction(volume_share, "volume_share")
    counts = np.array([share / first.mean_volume, (1 - share) / second.mean_volume])
    weights = counts / counts.sum()
    radii = np.repeat(np.unique(np.concatenate([first.radii, second.radii])), 2)
    ranks = np.zeros(len(radii))
    for sizes, weight in zip((first, second), weights, strict=True):
        ranks[0::2] += weight * _share_below(sizes, radii[0::2], "left")
        ranks[1::2] += weight * _share_below(sizes, radii[1::2], "right")
    ranks[-1] = 1.0  # the weights may sum to one bit less
    return Sizes(ranks, radii)


def _share_below(sizes: Sizes, radii: Floats, side: Literal["left", "right"]) -> Floats:
    """Share of the particles below (left) or up to (right) each radius."""
    after = np.searchsorted(sizes.radii, radii, side)
    i = np.clip(after, 1, len(sizes.radii) - 1)
    low, high = sizes.radii[i - 1], sizes.radii[i]
    part = np.divide(radii - low, high - low, out=np.zeros(len(radii)), where=high > low)
    inside = sizes.ranks[i - 1] + part * (sizes.ranks[i] - sizes.ranks[i - 1])
    return np.where(after == 0, 0.0, np.where(after == len(sizes.radii), 1.0, inside))


def _normal_scores() -> tuple[Floats, Floats]:
    """Ranks from 0 to 1 and normal scores of a law cut on both sides."""
    from scipy.special import ndtr

    scores = np.linspace(-_SIGMAS, _SIGMAS, _POINTS)
    tail = ndtr(-_SIGMAS)
    ranks = (ndtr(scores) - tail) / (1 - 2 * tail)
    ranks[[0, -1]] = 0.0, 1.0
    return ranks, scores


def _extended(at: Floats, x: Floats, y: Floats) -> Floats:
    """Linear interpolation that goes on beyond its ends."""
    i = np.clip(np.searchsorted(x, at), 1, len(x) - 1)
    return y[i - 1] + (at - x[i - 1]) * (y[i] - y[i - 1]) / (x[i] - x[i - 1])


def _weighted(ranks: Floats, radii: Floats, by: str) -> Sizes:
    if by not in ("number", "volume"):
        raise InvalidInputError(f"by {by!r} is neither 'number' nor 'volume': choose one")
    if by == "number":
        return Sizes(ranks, radii)
    low, high = radii[:-1], radii[1:]
    particles = np.diff(ranks) * (low + high) / (2 * low**2 * high**2)  # ∫ dV / r³
    counts = np.concatenate([[0.0], np.cumsum(particles)])
    return Sizes(counts / counts[-1], radii)


def _check_table(ranks: Floats, radii: Floats) -> None:
    is_table = ranks.ndim == 1 and ranks.shape == radii.shape and len(ranks) > 1
    if not is_table or ranks[0] != 0 or ranks[-1] != 1 or np.any(np.diff(ranks) < 0):
        raise InvalidInputError(
            "ranks are not a table that ascends from 0 to 1 beside as many radii: "
            "pass for example Sizes([0, 0.5, 1], [2e-6, 4e-6, 7e-6])"
        )
    if not np.all(np.isfinite(radii) & (radii > 0)) or np.any(np.diff(radii) < 0):
        raise InvalidInputError("radii must be > 0 m and never fall with their rank: sort them")
