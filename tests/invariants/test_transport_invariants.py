"""What must hold for effective transport on any voxels whatever."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvers
from microstructures import Volume

TIGHT = 1e-11  # tolerance of the solves, so that what is compared is exact but for rounding
SAME = 1e-8


@st.composite
def composites(draw, insulator=True):
    """A random volume of three phases with anisotropic voxels, and their conductivities."""
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    labels = np.random.default_rng(draw(st.integers(0, 10**6))).integers(0, 3, shape, np.uint8)
    spacing = draw(st.tuples(*[st.sampled_from([1e-7, 1.3e-7, 4e-7])] * 3))
    sizes = [1e-3, 0.1, 1.0, 7.0] + ([0.0] if insulator else [])
    sigma = draw(st.lists(st.sampled_from(sizes), min_size=3, max_size=3))
    return Volume(labels, spacing, dict(enumerate("abc"))), dict(enumerate(sigma))


def solve(volume, sigma, axis):
    return solvers.effective_conductivity(volume, sigma, axis, tolerance=TIGHT).value


@settings(max_examples=40)
@given(composites(), st.integers(0, 2))
def test_wiener_bounds_hold(case, axis):
    volume, sigma = case
    field = np.array([sigma[i] for i in range(3)])[volume.labels]
    upper = field.mean()
    lower = 0.0 if (field == 0).any() else 1 / (1 / field).mean()
    assert lower * (1 - SAME) <= solve(volume, sigma, axis) <= upper * (1 + SAME)


@settings(max_examples=25)
@given(composites(), st.integers(0, 2), st.permutations([0, 1, 2]))
def test_turning_the_volume_turns_the_axis(case, axis, order):
    volume, sigma = case
    turned = volume.transposed(*order)
    expected = solve(volume, sigma, order[axis])
    assert solve(turned, sigma, axis) == pytest.approx(expected, rel=SAME)


@settings(max_examples=25)
@given(composites(), st.integers(0, 2), st.integers(0, 2))
def test_a_mirror_image_conducts_the_same(case, axis, mirror):
    volume, sigma = case
    expected = solve(volume, sigma, axis)
    assert solve(volume.flipped(mirror), sigma, axis) == pytest.approx(expected, rel=SAME)


@settings(max_examples=20)
@given(composites(), st.integers(0, 2))
def test_relabelling_changes_nothing(case, axis):
    volume, sigma = case
    moved = volume.relabelled({0: 40, 1: 7, 2: 300})
    renamed = {"a": sigma[0], "b": sigma[1], "c": sigma[2]}
    assert solve(moved, renamed, axis) == pytest.approx(solve(volume, sigma, axis), rel=SAME)


@settings(max_examples=20)
@given(composites(), st.integers(0, 2), st.sampled_from([1e-9, 1e-3, 1e12]))
def test_conductivity_scales_with_that_of_the_phases(case, axis, factor):
    volume, sigma = case
    scaled = {i: factor * s for i, s in sigma.items()}
    expected = factor * solve(volume, sigma, axis)
    assert solve(volume, scaled, axis) == pytest.approx(expected, rel=SAME)


@settings(max_examples=20)
@given(composites(), st.integers(0, 2), st.sampled_from([1e-3, 1e3]))
def test_voxel_size_does_not_matter(case, axis, factor):
    volume, sigma = case
    larger = Volume(volume.labels, tuple(factor * h for h in volume.spacing), volume.phases)
    assert solve(larger, sigma, axis) == pytest.approx(solve(volume, sigma, axis), rel=SAME)


@settings(max_examples=20)
@given(composites(), st.integers(0, 2))
def test_raising_one_conductivity_never_lowers_the_whole(case, axis):
    volume, sigma = case
    more = sigma | {1: 2 * sigma[1] + 0.5}
    assert solve(volume, more, axis) >= solve(volume, sigma, axis) * (1 - SAME)


@settings(max_examples=15)
@given(composites(), st.integers(0, 2))
def test_two_mirror_images_side_by_side_conduct_as_one(case, axis):
    volume, sigma = case
    side = (axis + 1) % 3
    both = np.concatenate([volume.labels, np.flip(volume.labels, side)], axis=side)
    doubled = Volume(both, volume.spacing, volume.phases)
    assert solve(doubled, sigma, axis) == pytest.approx(solve(volume, sigma, axis), rel=SAME)


@settings(max_examples=15)
@given(composites(insulator=False))
def test_splitting_every_voxel_in_depth_changes_only_within_the_bounds_of_refinement(case):
    """Laminates are exact, so doubling each layer can only let current spread more finely."""
    volume, sigma = case
    dz, dy, dx = volume.spacing
    finer = Volume(volume.labels.repeat(2, axis=0), (dz / 2, dy, dx), volume.phases)
    assert solve(finer, sigma, 0) >= solve(volume, sigma, 0) * (1 - SAME)


def spheres(seed, size=40, radius=6.0, count=40):
    """Overlapping spheres, periodic: isotropic on average."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 3, indexing="ij"))
    labels = np.zeros((size,) * 3, np.uint8)
    for centre in rng.uniform(0, size, (count, 3)):
        offset = np.abs(grid - centre[:, None, None, None])
        offset = np.minimum(offset, size - offset)
        labels[(offset**2).sum(axis=0) <= radius**2] = 1
    return Volume(labels, 1e-7, {0: "matrix", 1: "spheres"})


@pytest.mark.parametrize("contrast", [0.05, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_isotropic_composite_lies_within_hashin_shtrikman_bounds(seed, contrast):
    volume = spheres(seed)
    low, high = sorted([1.0, contrast])
    share = volume.fraction("matrix" if contrast < 1 else "spheres")  # of the better conductor
    lower = low + share / (1 / (high - low) + (1 - share) / (3 * low))
    upper = high + (1 - share) / (1 / (low - high) + share / (3 * high))
    sigma = {"matrix": 1.0, "spheres": contrast}
    mean = np.mean([solvers.effective_conductivity(volume, sigma, a).value for a in range(3)])
    assert lower <= mean <= upper
