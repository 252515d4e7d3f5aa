"""Volumes that solvers trip over: no failure, and the true error within the tolerance asked for.

All are small enough for a sparse direct solve.
"""

import functools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume, generate
from solvers import Electrodes
from tests.agreement.test_direct_solve import direct_conductivity

EVEN = (1e-7, 1e-7, 1e-7)
SIDE = (13, 12, 11)
PHASES = {"0 in the solid": (1.0, 0.0), "1e-2": (1.0, 1e-2), "1e-8": (1.0, 1e-8), "1e8": (1.0, 1e8)}


def noise(shape, share, seed=0):
    """1 at random sites, the share of them."""
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


def blobs(porosity):
    made = generate.excursion_volume(SIDE, 1e-7, 1.5e-7, 1 - porosity, rng=3)
    return made.volume.labels


def spheres():
    return generate.overlapping_spheres(SIDE, 1e-7, 3e-7, 0.6, rng=1).volume.labels


def fibres():
    return generate.random_fibres(SIDE, 1e-7, 1e-6, 2e-7, 0.3, rng=1).volume.labels


def checkerboard(n):
    return (sum(np.indices(SIDE) // n) % 2).astype(np.uint8)


def screw(n=4, turns=45):
    """A wire one voxel thick that winds up a square shaft."""
    ring = [(0, k) for k in range(n)] + [(k, n - 1) for k in range(1, n)]
    ring += [(n - 1, k) for k in range(n - 2, -1, -1)] + [(k, 0) for k in range(n - 2, 0, -1)]
    labels = np.ones((turns, n, n), np.uint8)
    place = 0
    for layer in range(0, turns, 2):
        for _ in range(5):
            labels[layer, *ring[place % len(ring)]] = 0
            place += 1
        if layer + 1 < turns:
            labels[layer + 1, *ring[(place - 1) % len(ring)]] = 0
        place -= 1
    return labels


def bottleneck():
    """Two wide halves joined by one voxel."""
    labels = np.zeros((13, 9, 9), np.uint8)
    labels[7] = 1
    labels[7, 4, 4] = 0
    return labels


def sheets():
    """Walls one voxel thick with a hole each, at alternate corners."""
    labels = np.zeros((13, 9, 8), np.uint8)
    labels[2::3] = 1
    labels[2::6, 0, 0] = labels[5::6, -1, -1] = 0
    return labels


ZOO = {
    **{f"blobs, porosity {p}": functools.partial(blobs, p)
       for p in (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)},
    "spheres": spheres,
    "fibres": fibres,
    "checkerboard of voxels": functools.partial(checkerboard, 1),
    "checkerboard of cubes": functools.partial(checkerboard, 3),
    "screw": screw,
    "bottleneck": bottleneck,
    "sheets": sheets,
    **{f"sites, {p} open": functools.partial(noise, (14, 14, 14), 1 - p, 4)
       for p in (0.29, 0.3116, 0.33, 0.4)},
}  # fmt: skip


def within(labels, sigma, axis=0, spacing=EVEN):
    """That the answer is the direct one to the default tolerance."""
    expected = direct_conductivity(np.array(sigma)[labels], spacing, axis)
    volume = Volume(labels, spacing, {i: f"phase {i}" for i in range(len(sigma))})
    result = solvers.effective_conductivity(volume, dict(enumerate(sigma)), axis)
    assert result.percolates == (expected > 0.0)
    if expected == 0.0:
        assert result.value == 0.0
    else:
        assert abs(result.value / expected - 1) <= result.report.tolerance


@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("animal", ZOO)
def test_zoo_agrees_with_a_direct_solve(animal, phases):
    within(ZOO[animal](), PHASES[phases])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (1, 1, 50), (50, 1, 1), (1, 37, 1), (200, 3, 2), (3, 2, 200), (2, 2, 2),
     (1, 23, 31), (2, 41, 3), (17, 19, 11)],
)  # fmt: skip
def test_extreme_and_odd_shapes_agree_with_a_direct_solve(shape, axis):
    labels = np.random.default_rng(6).integers(0, 3, shape, dtype=np.uint8)
    within(labels, (1.0, 1e-4, 20.0), axis)


@pytest.mark.parametrize("shape", [(1, 1, 50), (200, 3, 2), (1, 23, 31)])
def test_extreme_shapes_of_open_sites_agree_with_a_direct_solve(shape):
    for axis, share in ((0, 0.0), (int(np.argmax(shape)), 0.02), (2, 0.2)):
        within(noise(shape, share), (1.0, 0.0), axis)


@pytest.mark.parametrize("longest", [0, 1, 2])
@pytest.mark.parametrize("factor", [5.0, 0.2, 20.0])
@pytest.mark.parametrize("sigma", [(1.0, 0.0), (1.0, 1e-4)])
def test_flat_and_long_voxels_agree_with_a_direct_solve(longest, factor, sigma):
    spacing = tuple(1e-7 * factor ** (a == longest) for a in range(3))
    within(blobs(0.5), sigma, 1, spacing)


# voxels that flat, or crystals that anisotropic, part the volume into sheets and needles that merge
# with their neighbours on coarser grids: the error is underestimated there


def test_voxels_of_300_to_1_agree_with_a_direct_solve():
    labels = generate.excursion_volume((15, 14, 13), 1e-7, 1.5e-7, 0.5, rng=4).volume.labels
    within(labels, (1.0, 0.0), 1, (1e-7, 3e-5, 1e-7))


def test_crystals_of_10000_to_1_agree_with_a_direct_solve():
    labels = generate.excursion_volume((15, 14, 13), 1e-7, 1.5e-7, 0.5, rng=2).volume.labels
    stretched = (1e-7, 1e-7, 1e-5)  # where the crystal is isotropic
    expected = direct_conductivity(np.array([1.0, 0.0])[labels], stretched, 1)
    sigma = {0: solvers.Anisotropic([1.0, 1.0, 1e-4]), 1: 0.0}
    result = solvers.effective_conductivity(Volume(labels, EVEN), sigma, 1)
    assert abs(result.value / expected - 1) <= result.report.tolerance


@pytest.mark.parametrize("size", [0.0, 1.5])
@pytest.mark.parametrize("decades", [4, 8])
def test_fields_over_many_decades_without_a_gap_agree_with_a_direct_solve(decades, size):
    wild = gaussian_filter(np.random.default_rng(0).standard_normal(SIDE), size, mode="wrap")
    rank = wild.ravel().argsort().argsort().reshape(SIDE) / wild.size
    field = 10.0 ** (-decades * rank)
    expected = direct_conductivity(field, EVEN, 0)
    result = solvers.effective_conductivity(Volume(np.zeros(SIDE, np.uint8), EVEN), field, 0)
    assert abs(result.value / expected - 1) <= result.report.tolerance


@pytest.mark.parametrize("seed", range(4))
def test_many_phases_over_all_of_the_range_agree_with_a_direct_solve(seed):
    labels = np.random.default_rng(seed).integers(0, 9, (13, 12, 11), dtype=np.uint8)
    within(labels, (0.0, *10.0 ** np.arange(-8, 0)))


BOUNDARIES = [
    "periodic",
    Electrodes(sides="periodic"),
    Electrodes(contact_low=1e-7, contact_high=1e-3),
    Electrodes(uniform_flux="high"),
]


@pytest.mark.parametrize("sigma", [(1.0, 0.0), (1.0, 1e-8)])
@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
@pytest.mark.parametrize("animal", ["sites, 0.4 open", "bottleneck"])
def test_precisions_agree_between_other_electrodes(animal, boundary, sigma):
    volume, table = Volume(ZOO[animal](), EVEN), dict(enumerate(sigma))
    solvers.use(precision="double")
    exact = solvers.effective_conductivity(
        volume, table, 0, boundary=boundary, tolerance=1e-11
    ).value
    solvers.use(precision="mixed")
    result = solvers.effective_conductivity(volume, table, 0, boundary=boundary)
    assert abs(result.value - exact) <= result.report.tolerance * exact


def check_tensor(animal, contrast):
    """Of a volume that repeats itself: positive, reciprocal, and that of double precision."""
    volume, sigma = Volume(ZOO[animal](), EVEN), {0: 1.0, 1: contrast}
    found = solvers.effective_conductivity_tensor(volume, sigma, max_iterations=200)
    assert found.principal_values.min() > 0.0
    assert found.asymmetry < 1e-2
    solvers.use(precision="double")
    exact = solvers.effective_conductivity_tensor(volume, sigma, tolerance=1e-10).value
    solvers.use(precision="mixed")
    assert np.diag(found.value) == pytest.approx(np.diag(exact), rel=1e-5)


@pytest.mark.parametrize("contrast", [1e-4, 1e4])
@pytest.mark.parametrize("animal", ["blobs, porosity 0.3", "sites, 0.29 open", "fibres"])
def test_tensors_of_repeated_zoo_volumes(animal, contrast):
    check_tensor(animal, contrast)


@pytest.mark.parametrize(
    ("animal", "contrast"),
    [("blobs, porosity 0.3", 1e-8), ("sites, 0.29 open", 1e-8), ("fibres", 1e6)],
)
def test_tensors_of_repeated_zoo_volumes_of_high_contrast(animal, contrast):
    check_tensor(animal, contrast)
