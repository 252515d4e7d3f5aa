"""Gaussian process: a smooth function through values at points of the unit cube, with its doubt.

Points have shape (points, parameters); a constant mean, a Matérn kernel 5/2 with a length for each
parameter, and noise.
"""

import contextlib
import importlib
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError

Numbers = NDArray[np.float64]
MOST_FITTED = 200  # values that the hyperparameters are fitted to; more change them little
STARTS = ((0.5, 1e-3), (2.0, 0.3))  # length and noise: rough and exact, smooth and noisy
JITTER = 1e-8  # variance of rounding, over that of all values
VARIANCES = (1e-2, 1e4)  # bounds of the variance of the function, over that of all values
LENGTHS = (0.05, 30.0)  # bounds of the length scales, in shares of a range
NOISES = (1e-8, 2.0)  # bounds of the variance of the noise, over that of all values
ANCHORS = 512  # points at which a function is drawn, before the rest follows from them


@dataclass(frozen=True)
class Process:
    """A Gaussian process fitted to values.

    Args:
        shares: the points, in the unit cube.
        known: the values, less ``mean`` and over ``scale``.
        errors: their standard errors over ``scale``, 0 where unknown.
        mean: of the values, in their unit.
        scale: their standard deviation, in their unit.
        regressor: of scikit-learn; its kernel is "variance · Matérn + noise".
    """

    shares: Numbers
    known: Numbers
    errors: Numbers
    mean: float
    scale: float
    regressor: Any

    @property
    def noise(self) -> float:
        """Standard deviation of values about the function beyond their own standard errors."""
        return self.scale * math.sqrt(self._noise)

    @property
    def lengths(self) -> Numbers:
        """Length scale of each parameter, in shares of its range."""
        found: Numbers = np.atleast_1d(self.regressor.kernel_.k1.k2.length_scale)
        return found

    @property
    def _noise(self) -> float:
        return float(self.regressor.kernel_.k2.noise_level)

    def predict(self, shares: Numbers) -> tuple[Numbers, Numbers]:
        """The function and its standard deviation, in the unit of the values."""
        with _calm():
            mean, deviation = self.regressor.predict(shares, return_std=True)
        variance = np.maximum(deviation**2 - self._noise, 0.0)
        return self.mean + self.scale * mean, self.scale * np.sqrt(variance)

    def averaged(self, shares: Numbers) -> tuple[float, float]:
        """Mean of the function over these points and its standard deviation, in the unit."""
        mean, covariance = self._joint(shares)
        variance = max(float(covariance.mean()), 0.0)
        return self.mean + self.scale * float(mean.mean()), self.scale * math.sqrt(variance)

    def drawn(self, shares: Numbers, count: int, seed: int) -> Numbers:
        """Functions that may be, of shape (count, points), in the unit of the values.

        They are drawn together at 512 points of a Sobol sequence, and follow elsewhere from these
        as the mean of the process does.
        """
        from scipy.stats import qmc

        rng = np.random.default_rng(seed)
        anchors = qmc.Sobol(shares.shape[1], rng=rng).random(ANCHORS)
        mean, covariance = self._joint(anchors)
        normal = rng.normal(size=(count, ANCHORS))
        variances = np.concatenate(
            [_variances(self.errors) + self._noise, np.full(ANCHORS, JITTER)]
        )
        with _calm():
            values, vectors = np.linalg.eigh(covariance)
            at_anchors = mean + normal * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
            known = np.hstack([np.tile(self.known, (count, 1)), at_anchors])
            through = _regressor(self.regressor.kernel_.k1, variances)
            through.fit(np.vstack([self.shares, anchors]), known.T)
            found: Numbers = self.mean + self.scale * through.predict(shares).T
        return found

    def _joint(self, shares: Numbers) -> tuple[Numbers, Numbers]:
        """Mean and covariance of the function at points, over the scale."""
        with _calm():
            mean, covariance = self.regressor.predict(shares, return_cov=True)
        return mean, covariance - self._noise * np.eye(len(mean))


def fitted(shares: Numbers, values: Numbers, errors: Numbers) -> Process:
    """A process whose hyperparameters make the values most likely.

    Args:
        shares: points in the unit cube, of shape (points, parameters).
        values: at the points, not all the same.
        errors: their standard errors, 0 where unknown.

    Raises:
        InvalidInputError: scikit-learn is not installed.

    Source: sklearn.gaussian_process.
    """
    mean, scale = float(values.mean()), float(values.std())
    known, relative = (values - mean) / scale, errors / scale
    some = np.random.default_rng(0).permutation(len(known))[:MOST_FITTED]
    kernel = _most_likely(shares[some], known[some], _variances(relative[some]))
    with _calm():
        regressor = _regressor(kernel, _variances(relative)).fit(shares, known)
    return Process(shares, known, relative, mean, scale, regressor)


def _most_likely(shares: Numbers, known: Numbers, variances: Numbers) -> Any:
    """The kernel that makes the values most likely, the better of two searches."""
    kernels = _sklearn("sklearn.gaussian_process.kernels")
    found = []
    with _calm():
        for length, noise in STARTS:
            matern = kernels.Matern(np.full(shares.shape[1], length), LENGTHS, nu=2.5)
            kernel = kernels.ConstantKernel(1.0, VARIANCES) * matern
            kernel += kernels.WhiteKernel(noise, NOISES)
            found.append(_regressor(kernel, variances, is_fitted=True).fit(shares, known))
    return max(found, key=lambda one: one.log_marginal_likelihood_value_).kernel_


def _variances(errors: Numbers) -> Numbers:
    found: Numbers = errors**2 + JITTER
    return found


def _regressor(kernel: Any, variances: Numbers, *, is_fitted: bool = False) -> Any:
    """A regressor whose kernel is fitted, or left as it is."""
    return _sklearn("sklearn.gaussian_process").GaussianProcessRegressor(
        kernel, alpha=variances, optimizer="fmin_l_bfgs_b" if is_fitted else None
    )


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """Without warnings, and in one thread: of small matrices, threads only wait for each other."""
    with warnings.catch_warnings(), _threads().limit(limits=1):
        warnings.simplefilter("ignore")  # lengths at a bound, variances below zero by rounding
        yield


@lru_cache(maxsize=1)
def _threads() -> Any:
    _sklearn("sklearn.gaussian_process")  # whose libraries are to be found
    return _sklearn("threadpoolctl").ThreadpoolController()


def _sklearn(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidInputError(
            f"a surrogate wants scikit-learn ({error}): pip install 'electrode-twin[optimize]'"
        ) from None
