"""Scatter: how the spread of an average falls with the volume it is taken over. Volumes in m³.

The average of a stationary structure without long memory over a volume V varies by
Var = D² A₃ / V once V is much larger than A₃, the integral range; D² is the variance at a point,
φ (1 − φ) of a volume fraction φ. What is fitted is K = D² A₃, which any quantity has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError

Floats = NDArray[np.float64]
DOUBT = 0.05  # probability below which volumes are too small for the law
FEWEST = 4  # values of a size, from which a spread can be had


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Averages over volumes of several sizes, from small to large, and the law of their spread.

    ``counts``, ``means``, ``deviations`` and ``deviation_errors`` have an entry for each size.
    ``strength`` is K of Var = K / V with its standard error, from the sizes ``first`` and above;
    the smaller ones do not follow the law. ``exponent`` is that of deviation ~ V^exponent over all
    sizes, −1/2 by the law, with its standard error.
    """

    volumes: Floats
    counts: Floats
    means: Floats
    deviations: Floats
    deviation_errors: Floats
    strength: float
    strength_error: float
    first: int
    exponent: float
    exponent_error: float
    probability: float

    @property
    def is_asymptotic(self) -> bool:
        """Whether two sizes at least follow the law; one alone is always on some such line."""
        return self.first < len(self.volumes) - 1

    def deviation_at(self, volume: ArrayLike) -> Floats:
        """Standard deviation of the average over a volume, by the law."""
        return np.sqrt(self.strength / np.asarray(volume, dtype=float))

    def volume_for(self, error: float, count: int = 1) -> tuple[float, float]:
        """Volume of each of ``count`` samples whose mean has that standard error, and its error."""
        return self.strength / (count * error**2), self.strength_error / (count * error**2)


def fit_scatter(volumes: Sequence[float], values: Sequence[ArrayLike]) -> Scatter:
    """The law of the spread of averages.

    Args:
        volumes: m³, of each size.
        values: averages over independent volumes of each size, four of them at least.

    Returns:
        K pooled over the sizes that agree on it: the smallest sizes are left out until Bartlett's
        test no longer tells the variances of the others apart once they are multiplied by V.

    Raises:
        InvalidInputError: fewer than two sizes, too few values, or values without spread.

    Accuracy: standard errors are those of normal averages that are independent; cubes of different
        size from one volume overlap, so that those of K are somewhat too small.
    Source: Kanit et al., Int. J. Solids Struct. 40 (2003) 3647 [abstract read], has the integral
        range for this purpose; the estimators are ours.
    """
    order = np.argsort(volumes)
    sizes = np.asarray(volumes, dtype=float)[order]
    samples = [np.asarray(values[i], dtype=float) for i in order]
    _check(sizes, samples)
    counts = np.array([len(sample) for sample in samples], dtype=float)
    variances = np.array([sample.var(ddof=1) for sample in samples])
    first, probability = _first(sizes, samples)
    freedoms = counts[first:] - 1
    strength = float(np.sum(freedoms * variances[first:] * sizes[first:]) / freedoms.sum())
    exponent, exponent_error = _exponent(sizes, variances, counts - 1)
    deviations = np.sqrt(variances)
    return Scatter(
        sizes,
        counts,
        np.array([sample.mean() for sample in samples]),
        deviations,
        deviations / np.sqrt(2 * (counts - 1)),
        strength,
        strength * math.sqrt(2 / freedoms.sum()),
        first,
        exponent,
        exponent_error,
        probability,
    )


def drift(found: Scatter) -> tuple[float, float, float]:
    """Slope of the mean over 1/edge, its standard error, and the mean of an endless volume.

    A face spoils what is within some distance of it, so that the mean of small volumes is off by
    the share of that layer, which is as 1/edge. More small volumes do not change it.
    """
    inverse = found.volumes ** (-1 / 3)
    follows = np.arange(len(inverse)) >= found.first
    spread = np.where(follows, found.deviation_at(found.volumes), found.deviations)
    weights = found.counts / spread**2
    design = np.stack([np.ones_like(inverse), inverse], axis=1)
    normal = design.T @ (weights[:, None] * design)
    covariance = np.linalg.inv(normal)
    endless, slope = covariance @ (design.T @ (weights * found.means))
    return float(slope), float(math.sqrt(covariance[1, 1])), float(endless)


def _first(sizes: Floats, samples: list[Floats]) -> tuple[int, float]:
    """The smallest size from which on all follow the law, and how likely their spread then is."""
    from scipy.stats import bartlett

    probability = math.nan
    for first in range(len(sizes) - 1):
        scaled = [samples[i] * math.sqrt(sizes[i]) for i in range(first, len(sizes))]
        probability = float(bartlett(*scaled).pvalue)
        if probability > DOUBT:
            return first, probability
    return len(sizes) - 1, probability


def _exponent(sizes: Floats, variances: Floats, freedoms: Floats) -> tuple[float, float]:
    """Slope of ln deviation over ln V: ln s² is ln σ² + ln χ²/ν, whose mean and width are known."""
    from scipy.special import digamma, polygamma

    x = np.log(sizes)
    y = 0.5 * (np.log(variances) - digamma(freedoms / 2) + np.log(freedoms / 2))
    weights = 4 / polygamma(1, freedoms / 2)
    x = x - np.average(x, weights=weights)
    spread = np.sum(weights * x**2)
    return float(np.sum(weights * x * y) / spread), float(1 / math.sqrt(spread))


def _check(sizes: Floats, samples: list[Floats]) -> None:
    if len(sizes) < 2 or len(np.unique(sizes)) < len(sizes):
        raise InvalidInputError(
            f"{len(np.unique(sizes))} sizes show no law: give cubes of two sizes at least, better "
            "three or four"
        )
    fewest = min(len(sample) for sample in samples)
    if fewest < FEWEST:
        raise InvalidInputError(
            f"a size has {fewest} values only: {FEWEST} at least show a spread, so take a larger "
            "volume, smaller cubes or more places"
        )
    if any(np.ptp(sample) == 0 for sample in samples):
        raise InvalidInputError("all values of a size are equal: they have no spread to follow")
