"""Cross-validation: how well a Gaussian process predicts values that it has not seen."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.surrogate.gaussian_process import fitted

Numbers = NDArray[np.float64]
NOTHING = 0.2  # Q² below which the parameters tell nothing worth having
RARE = 0.01  # probability below which too few values in their intervals are no accident
LEVELS = (0.68, 0.95)


@dataclass(frozen=True)
class CrossValidation:
    """Values beside their predictions by processes that were fitted without them.

    Args:
        values: as computed, in their unit.
        predicted: the same by the process of the other folds, hyperparameters and all.
        deviation: standard deviation that it claims, noise and standard errors included.
        folds: how many processes were fitted.
    """

    values: Numbers
    predicted: Numbers
    deviation: Numbers
    folds: int

    @property
    def rmse(self) -> float:
        """Root mean square of the errors, in the unit."""
        return float(np.sqrt(np.mean((self.values - self.predicted) ** 2)))

    @property
    def q2(self) -> float:
        """1 less the mean square of the errors over the variance; 0 is no better than the mean."""
        return 1 - self.rmse**2 / float(self.values.var())

    @property
    def residuals(self) -> Numbers:
        """Errors over the standard deviations claimed; normal ones if the claims are right."""
        found: Numbers = (self.values - self.predicted) / self.deviation
        return found

    def coverage(self, level: float) -> float:
        """Share of values within the central interval that claims to hold ``level`` of them."""
        from scipy.stats import norm

        return float(np.mean(np.abs(self.residuals) <= norm.ppf((1 + level) / 2)))

    @property
    def is_too_sure(self) -> bool:
        """Whether fewer values lie in their intervals than an accident would explain."""
        from scipy.stats import binom

        count = len(self.values)
        inside = [(round(self.coverage(level) * count), level) for level in LEVELS]
        return any(binom.cdf(n, count, level) < RARE for n, level in inside)

    @property
    def is_too_unsure(self) -> bool:
        """Whether far more values lie in their intervals than an accident would explain."""
        from scipy.stats import binom

        count, level = len(self.values), LEVELS[0]
        inside = round(self.coverage(level) * count)
        return bool(binom.sf(inside - 1, count, level) < RARE)

    @property
    def is_nothing(self) -> bool:
        """Whether the prediction is hardly better than the mean of all values."""
        return self.q2 < NOTHING

    def __str__(self) -> str:
        inside = " and ".join(f"{self.coverage(v):.0%} of the {v:.0%}" for v in LEVELS)
        return (
            f"Q² {self.q2:.3f}, RMSE {self.rmse:.3g}; {inside} intervals hold their value "
            f"({len(self.values)} values in {self.folds} folds, each predicted without its own)"
        )


def cross_validated(
    shares: Numbers, values: Numbers, errors: Numbers, folds: int
) -> CrossValidation:
    """Each value predicted by a process which is fitted anew without its fold.

    Values at one and the same point are in one fold, since otherwise the process has seen it.

    Args:
        shares: points in the unit cube, of shape (points, parameters).
        values: at the points.
        errors: their standard errors, 0 where unknown.
        folds: how many; as many as there are points leaves out one at a time.
    """
    _, place = np.unique(shares.round(9), axis=0, return_inverse=True)
    places = int(place.max()) + 1
    parts = np.array_split(np.random.default_rng(0).permutation(places), min(folds, places))
    predicted, deviation = np.empty_like(values), np.empty_like(values)
    for part in parts:
        out = np.isin(place, part)
        process = fitted(shares[~out], values[~out], errors[~out])
        predicted[out], doubt = process.predict(shares[out])
        deviation[out] = np.sqrt(doubt**2 + process.noise**2 + errors[out] ** 2)
    floor = 1e-9 * math.sqrt(values.var())  # a deviation of 0 would make infinite residuals
    return CrossValidation(values, predicted, np.maximum(deviation, floor), len(parts))
