"""Stated uncertainties of transport against the scatter over fifty independent volumes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume

SEEDS = 50
COVERED = 0.85  # at least this share of 95 % intervals holds the large-volume value
HALF_WIDTH = 1.96


def blobs(seed, edge, size=3.0):
    """Half of space, where a Gaussian random field is positive; cut from a larger field."""
    rim = int(6 * size)
    noise = np.random.default_rng(seed).standard_normal((edge + 2 * rim,) * 3).astype(np.float32)
    field = gaussian_filter(noise, size)[rim:-rim, rim:-rim, rim:-rim]
    return Volume((field > 0).astype(np.uint8), 1e-7)


@pytest.mark.slow
def test_intervals_of_transport_cover_the_large_volume_value():
    large = solvers.tortuosity_factor(blobs(1000, 200), 1)
    found = [solvers.tortuosity_factor(blobs(seed, 64), 1) for seed in range(SEEDS)]
    for expected, results in (
        (large.value, found),
        (large.relative_diffusivity, [result.diffusivity for result in found]),
    ):
        values = np.array([result.value for result in results])
        errors = np.array([float(result.uncertainty) for result in results])
        assert np.mean(np.abs(values - expected) <= HALF_WIDTH * errors) >= COVERED
        assert 0.8 < errors.mean() / values.std() < 2.0  # neither blind nor vacuous
