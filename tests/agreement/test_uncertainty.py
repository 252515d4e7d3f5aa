"""Stated uncertainties against the scatter over fifty independent volumes of one kind.

The value that the intervals should hold is that of a volume over thirty times larger.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume

SEEDS = 50
COVERED = 0.85  # at least this share of 95 % intervals holds the large-volume value
HALF_WIDTH = 1.96


def field(seed, edge, size):
    """A Gaussian random field, cut from a larger one so that nothing repeats or ends at a face."""
    rim = int(6 * size)
    noise = np.random.default_rng(seed).standard_normal((edge + 2 * rim,) * 3).astype(np.float32)
    return gaussian_filter(noise, size)[rim:-rim, rim:-rim, rim:-rim]


def blobs(seed, edge):
    """Half of space, where one field is positive."""
    return Volume((field(seed, edge, 3.0) > 0).astype(np.uint8), 1e-7)


def three_phases(seed, edge):
    """A where one field is positive; elsewhere B or C, by the sign of another field."""
    first, second = field(2 * seed, edge, 2.5), field(2 * seed + 1, edge, 2.5)
    labels = np.where(first > 0, 0, np.where(second > 0, 1, 2))
    return Volume(labels, 1e-7, {0: "A", 1: "B", 2: "C"})


def covered(expected, results):
    """Share of the results whose 95 % interval holds the expected value."""
    values = np.array([result.value for result in results])
    errors = np.array([float(result.uncertainty) for result in results])
    return np.mean(np.abs(values - expected) <= HALF_WIDTH * errors)


@pytest.mark.slow
def test_intervals_of_transport_cover_the_large_volume_value():
    large = solvers.tortuosity_factor(blobs(1000, 200), 1)
    found = [solvers.tortuosity_factor(blobs(seed, 64), 1) for seed in range(SEEDS)]
    for expected, results in (
        (large.value, found),
        (large.relative_diffusivity, [result.diffusivity for result in found]),
    ):
        assert covered(expected, results) >= COVERED
        scatter = np.std([result.value for result in results])
        stated = np.mean([float(result.uncertainty) for result in results])
        assert 0.8 < stated / scatter < 2.0  # neither blind nor vacuous


def metrics(volume):
    """Everything that is counted on a volume, by name."""
    lines = solvers.triple_phase_boundaries(volume)["A", "B", "C"]
    areas = {f"area {pair}": area for pair, area in solvers.interface_areas(volume).items()}
    shares = {f"percolating {name}": solvers.connectivity(volume, name) for name in "ABC"}
    return areas | shares | {"TPB": lines.total, "active TPB": lines.active}


@pytest.mark.slow
def test_intervals_of_areas_lines_and_connectivity_cover_the_large_volume_value():
    large = metrics(three_phases(9999, 220))
    found = [metrics(three_phases(seed, 64)) for seed in range(SEEDS)]
    shares = {name: covered(large[name].value, [f[name] for f in found]) for name in large}
    assert {name: share for name, share in shares.items() if share < COVERED} == {}
