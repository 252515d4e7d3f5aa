"""Standard errors: exact block sums, known variances, and intervals that hold the true value."""

import math

import numpy as np
import pytest
from scipy import fft
from scipy.special import ndtr
from scipy.stats import norm, t

from microstructures import Volume
from solvers.interfaces import specific_surface_areas
from solvers.sampling import block_starts, block_sums, standard_error, standard_error_of_sum
from solvers.triple_phase import triple_phase_boundaries

SEEDS = 50
COVERED = 0.85  # at least this share of the 95 % intervals must hold the true value
WIDEST = 1.5  # mean standard error over true standard deviation, either way


def smooth_field(shape, lengths, rng):
    """Gaussian noise of unit variance, smoothed over ``lengths`` voxels (z, y, x)."""
    sizes = [
        fft.next_fast_len(int(n + 6 * s), real=True) for n, s in zip(shape, lengths, strict=True)
    ]
    spectrum = fft.rfftn(rng.standard_normal(sizes, dtype=np.float32))
    power = 1.0
    for axis, (size, s) in enumerate(zip(sizes, lengths, strict=True)):
        line = np.exp(-2 * (np.pi * fft.fftfreq(size) * s) ** 2)
        power *= (line**2).mean()
        half = line[: spectrum.shape[axis]].astype(np.float32)
        spectrum *= half.reshape([-1 if a == axis else 1 for a in range(3)])
    field = fft.irfftn(spectrum, sizes)[tuple(slice(n) for n in shape)]
    return field / math.sqrt(power)


def overlapping_spheres(shape, radius, fraction, rng):
    """Spheres of one radius at random places (Boolean model) that cover ``fraction``."""
    rim = math.ceil(radius) + 1
    sizes = np.array(shape) + 2 * rim
    density = -math.log(1 - fraction) / (4 / 3 * math.pi * radius**3)
    covered = np.zeros(sizes, bool)
    for centre in rng.uniform(size=(rng.poisson(density * sizes.prod()), 3)) * sizes:
        low = np.clip(centre.astype(int) - rim, 0, None)
        window = tuple(slice(a, a + 2 * rim + 1) for a in low)
        z, y, x = (
            (np.arange(w.start, min(w.stop, n)) + 0.5 - c) ** 2
            for w, n, c in zip(window, sizes, centre, strict=True)
        )
        covered[window] |= z[:, None, None] + y[:, None] + x <= radius**2
    return covered[rim:-rim, rim:-rim, rim:-rim]


def share_and_width(values, errors, truth):
    """Share of intervals that hold the truth, and mean standard error over true deviation."""
    values, errors = np.array(values), np.array(errors)
    covered = np.mean(np.abs(values - truth) <= 1.96 * errors)
    return covered, errors.mean() / np.sqrt(np.mean((values - truth) ** 2))


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, lambda a: a[::2, 1:, ::-1]])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float32])
def test_block_sums_are_the_sums_over_each_block(make, dtype):
    values = make(np.random.default_rng(0).integers(0, 200, (20, 37, 5)).astype(dtype))
    z, y, x = ([*block_starts(n), n] for n in values.shape)
    table = block_sums(values)
    assert table.shape == (len(z) - 1, len(y) - 1, len(x) - 1)
    for i, j, k in np.ndindex(table.shape):
        block = values[z[i] : z[i + 1], y[j] : y[j + 1], x[k] : x[k + 1]]
        assert block.size > 0
        assert table[i, j, k] == block.sum(dtype=float)


def test_an_edge_chooses_the_number_of_blocks():
    assert block_sums(np.ones((20, 10, 3)), edge=5).shape == (4, 2, 1)


def test_independent_blocks_have_the_error_of_their_mean():
    tables = np.random.default_rng(1).normal(size=(40, 12, 12, 12))
    squares = [standard_error(table) ** 2 * table.size for table in tables]
    assert np.mean(squares) == pytest.approx(1, rel=0.1)


def test_correlation_between_blocks_enlarges_the_error():
    edge, rng = 8, np.random.default_rng(2)
    errors = []
    for _ in range(30):
        cubes = np.kron(rng.normal(size=(9, 9, 9)), np.ones((edge,) * 3))
        z, y, x = rng.integers(0, edge, 3)
        errors.append(standard_error_of_sum(block_sums(cubes[z:, y:, x:][:64, :64, :64])))
    # the sum of 8³ independent cubes of 8³ voxels each, moved by less than a cube
    exact = edge**3 * 8**1.5
    assert exact / 1.15 < np.sqrt(np.mean(np.square(errors))) < exact * 1.5


def test_a_constant_has_no_error_and_a_single_block_an_unknown_one():
    assert standard_error(np.full((4, 4, 4), 7.0)) == 0
    assert math.isnan(standard_error(np.ones((1, 1, 1))))
    assert math.isnan(standard_error(np.ones((4, 4, 4)), np.zeros((4, 4, 4))))


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 3, 3), (2, 2, 2), (1, 1, 16), (5, 16, 1)])
def test_tables_with_few_blocks_give_a_finite_error(shape):
    assert 0 < standard_error(np.random.default_rng(3).normal(size=shape)) < math.inf


def test_few_blocks_widen_the_interval_to_that_of_student():
    pair = np.array([1.0, -1.0]).reshape(2, 1, 1)
    # the variance of a sum of two is twice that of one, 2, which they tell with little certainty
    assert standard_error_of_sum(pair) == pytest.approx(2 * t.ppf(0.975, 2) / norm.ppf(0.975))


def test_a_ratio_is_certain_if_its_parts_vary_together():
    parts = np.random.default_rng(4).uniform(1, 2, (6, 6, 6))
    assert standard_error(3 * parts, parts) == pytest.approx(0, abs=1e-12)
    assert standard_error(parts) > 0.01


def test_the_error_has_the_unit_of_the_ratio():
    n, d = np.random.default_rng(5).uniform(1, 2, (2, 6, 6, 6))
    assert standard_error(8 * n, 2 * d) == pytest.approx(4 * standard_error(n, d))


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((64, 64, 64), (3, 3, 3)),
        ((56, 56, 56), (5, 5, 5)),
        pytest.param((80, 80, 80), (7, 7, 7), marks=pytest.mark.slow),
        ((16, 96, 96), (4, 4, 4)),
        ((64, 48, 80), (2, 5, 5)),
        ((40, 40, 160), (4, 4, 4)),
    ],
)
def test_intervals_hold_the_fraction_of_an_infinite_random_field(shape, lengths):
    values, errors = [], []
    for seed in range(SEEDS):
        phase = smooth_field(shape, lengths, np.random.default_rng(seed)) > 0.4
        values.append(phase.mean())
        errors.append(standard_error(block_sums(phase), block_sums(np.ones(shape, bool))))
    covered, width = share_and_width(values, errors, ndtr(-0.4))
    assert covered >= COVERED
    assert 1 / WIDEST < width < WIDEST


@pytest.mark.parametrize(
    ("shape", "radius", "fraction"),
    [
        ((64, 64, 64), 6, 0.4),
        ((72, 72, 72), 9, 0.2),
        ((12, 96, 96), 5, 0.5),
    ],
)
def test_intervals_hold_the_fraction_of_overlapping_spheres(shape, radius, fraction):
    values, errors = [], []
    for seed in range(SEEDS):
        phase = overlapping_spheres(shape, radius, fraction, np.random.default_rng(seed))
        values.append(phase.mean())
        errors.append(standard_error(block_sums(phase)) / block_volume(shape))
    covered, width = share_and_width(values, errors, fraction)
    assert covered >= COVERED
    assert 1 / WIDEST < width < WIDEST


def block_volume(shape):
    return np.prod([n / len(block_starts(n)) for n in shape])


def test_intervals_hold_the_surface_area_of_an_infinite_random_field():
    length, cut = 3, 0.5
    exact = 2 / math.pi * math.sqrt(1 / (2 * length**2)) * math.exp(-(cut**2) / 2)
    areas = []
    for seed in range(SEEDS):
        field = smooth_field((48, 48, 48), (length,) * 3, np.random.default_rng(seed))
        areas.append(specific_surface_areas(Volume(field > cut, 1.0))["phase 1"])
    covered, width = share_and_width(
        [area.value for area in areas], [area.uncertainty for area in areas], exact
    )
    assert covered >= COVERED
    assert 1 / WIDEST < width < WIDEST


@pytest.mark.slow
@pytest.mark.parametrize("length", [3, 5])
def test_intervals_hold_the_mean_length_of_the_triple_line(length):
    lines = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        first, second = (smooth_field((64, 64, 64), (length,) * 3, rng) > 0.2 for _ in "ab")
        volume = Volume(np.where(first, 1, np.where(second, 2, 0)), 1.0)
        lines.append(triple_phase_boundaries(volume)[0, 1, 2].total)
    values = [line.value for line in lines]
    # the two-thirds rule is biased where phases meet at sharp angles: its own mean is the truth
    covered, width = share_and_width(values, [line.uncertainty for line in lines], np.mean(values))
    assert covered >= COVERED
    assert 1 / WIDEST < width < WIDEST
