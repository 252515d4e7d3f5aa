"""Volumes that repeat themselves: winding, tensors, mirror images."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.periodic_components import joined, winding_components

UNEQUAL = (1e-7, 2e-7, 1.5e-7)
ALL = (True, True, True)


def winding_mask(mask, periodic, axis, cuts=None):
    """True for voxels whose component winds around the volume along an axis."""
    labels, winds = winding_components(mask, periodic, cuts)
    return winds[labels, axis]


TIGHT = 1e-9


def blobs(shape=(18, 16, 14), fraction=0.5, seed=3):
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2, mode="wrap")
    return (field < np.quantile(field, fraction)).astype(np.uint8)


@pytest.fixture(scope="module")
def volume():
    return Volume(blobs(), UNEQUAL, {0: "pore", 1: "solid"})


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_laminate_conducts_in_series_and_in_parallel(normal):
    layers = np.array([0, 1, 1, 2, 0, 0], np.uint8)
    labels = np.moveaxis(np.broadcast_to(layers[:, None, None], (6, 5, 4)), 0, normal)
    sigma = {0: 0.5, 1: 3.0, 2: 20.0}
    tensor = solvers.effective_conductivity_tensor(Volume(labels, UNEQUAL), sigma).value
    each = np.array([sigma[label] for label in layers])
    expected = np.full(3, each.mean())
    expected[normal] = 1 / (1 / each).mean()
    assert np.diag(tensor) == pytest.approx(expected, rel=1e-9)
    assert np.abs(tensor - np.diag(np.diag(tensor))).max() < 1e-9 * each.mean()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 2), (7, 1, 3), (12, 9, 5)])
def test_uniform_material_keeps_its_conductivity(shape):
    uniform = Volume(np.zeros(shape, np.uint8), UNEQUAL)
    tensor = solvers.effective_conductivity_tensor(uniform, {0: 1.7})
    assert tensor.value == pytest.approx(1.7 * np.eye(3), abs=1e-10)
    assert tensor.asymmetry < 1e-10


@pytest.mark.parametrize("steps", [1, 2])
def test_inclined_stripes_have_the_tensor_of_a_staircase_walk(steps):
    """Walls one voxel thick let a current flow along a diagonal only: rank one, exactly known."""
    n = 6
    i, j = np.indices((n, n))
    channel = ((i - j) % n < 2).astype(np.uint8)  # a staircase: one step down, one aside, …
    labels = np.repeat(channel[:, :, None], steps, axis=2)
    tensor = solvers.effective_conductivity_tensor(
        Volume(1 - labels, 1e-7), {0: 1.0, 1: 0.0}, tolerance=1e-12
    ).value
    # 2n faces in a row share the drop along both axes; each layer along z conducts for itself
    expected = np.zeros((3, 3))
    expected[:2, :2] = 1 / (2 * n)
    expected[2, 2] = 2 / n
    assert tensor == pytest.approx(expected, abs=1e-10)


def test_periodic_tensor_of_the_mirrored_volume_is_that_between_electrodes(volume):
    labels = volume.labels
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis)
    sigma = {0: 1.0, 1: 0.03}
    whole = Volume(labels, UNEQUAL)
    tensor = solvers.effective_conductivity_tensor(whole, sigma, tolerance=TIGHT).value
    mirrored = solvers.effective_conductivity_tensor(
        Volume(volume.labels, UNEQUAL), sigma, boundary="mirrored", tolerance=TIGHT
    )
    assert tensor == pytest.approx(mirrored.value, abs=1e-8 * tensor.max())
    assert mirrored.through_plane == mirrored.value[0, 0]
    assert mirrored.in_plane == pytest.approx((mirrored.value[1, 1] + mirrored.value[2, 2]) / 2)


def test_tensor_is_that_of_any_other_cut_through_the_same_medium(volume):
    sigma = {"pore": 1.0, "solid": 0.0}
    moved = Volume(np.roll(volume.labels, (5, 3, 8), (0, 1, 2)), UNEQUAL, dict(volume.phases))
    a, b = (
        solvers.effective_conductivity_tensor(v, sigma, tolerance=TIGHT) for v in (volume, moved)
    )
    assert a.value == pytest.approx(b.value, abs=1e-8)
    assert a.asymmetry < 1e-4
    assert np.array_equal(a.value, a.value.T)
    assert np.linalg.eigvalsh(a.value).min() > 0


def test_single_axis_is_the_diagonal_of_the_tensor(volume):
    sigma = {0: 1.0, 1: 0.01}
    tensor = solvers.effective_conductivity_tensor(volume, sigma, tolerance=TIGHT)
    for axis in range(3):
        one = solvers.effective_conductivity(
            volume, sigma, axis, boundary="periodic", tolerance=TIGHT
        )
        assert one.value == pytest.approx(tensor.value[axis, axis], rel=1e-7)
        assert one.imbalance < 1e-3


def test_reversing_an_axis_reverses_its_mixed_components(volume):
    sigma = {0: 1.0, 1: 0.01}
    tensor = solvers.effective_conductivity_tensor(volume, sigma, tolerance=TIGHT).value
    flipped = Volume(volume.labels[:, ::-1], UNEQUAL)
    other = solvers.effective_conductivity_tensor(flipped, sigma, tolerance=TIGHT).value
    signs = np.array([1, -1, 1])
    assert other == pytest.approx(tensor * np.outer(signs, signs), abs=1e-8)


def helix(n=6):
    """A wire that climbs one period along axis 0 while it goes once round axis 2."""
    mask = np.zeros((n, n, n), bool)
    for k in range(n):
        mask[k, 0, k] = mask[(k + 1) % n, 0, k] = True
    return mask


def test_winding_tells_a_wire_from_a_ring():
    mask = helix()
    for axis, winds in ((0, True), (1, False), (2, True)):
        assert winding_mask(mask, ALL, axis).any() == winds
    ring = np.zeros((6, 6, 6), bool)  # leaves and returns through the same side
    ring[[0, -1], 1, 1] = ring[[0, -1], 1, 2] = True
    assert not any(winding_mask(ring, ALL, axis).any() for axis in range(3))
    line = np.zeros((6, 6, 6), bool)
    line[:, 2, 2] = True
    assert np.array_equal(winding_mask(line, ALL, 0), line)
    assert not winding_mask(line, (False, True, True), 0).any()


def test_a_wire_that_needs_two_periods_to_close_still_carries():
    mask = np.zeros((4, 4, 1), bool)
    mask[:2, 0, 0] = mask[2:, 2, 0] = True
    mask[1:3, 0:3, 0] |= False
    mask[1, 0:3, 0] = mask[3, [2, 3, 0], 0] = True  # sideways by two at half height, twice
    assert winding_mask(mask, ALL, 0).any()


def test_tensor_of_a_helix_has_rank_one():
    tensor = solvers.effective_conductivity_tensor(
        Volume((~helix()).astype(np.uint8), 1e-7), {0: 1.0, 1: 0.0}, tolerance=1e-10
    )
    values = tensor.principal_values
    assert values[2] > 1e-3
    assert abs(values[1]) < 1e-9 * values[2]
    assert tensor.percolates == (True, False, True)
    assert tensor.reports[1].iterations == 0


def test_blocked_volume_conducts_exactly_nothing():
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[2] = labels[:, 2] = labels[:, :, 1] = 1
    tensor = solvers.effective_conductivity_tensor(Volume(labels, 1e-7), {0: 1.0, 1: 0.0})
    assert not tensor.value.any()
    assert "no conducting path" in tensor.method


def test_components_that_touch_across_a_side_are_one():
    labels = np.zeros((4, 3, 3), np.int32)
    labels[0, 1, 1], labels[-1, 1, 1], labels[2, 0, 0] = 1, 2, 3
    merged, count = joined(labels, 3, (True, False, False))
    assert count == 2
    assert merged[0, 1, 1] == merged[-1, 1, 1] != merged[2, 0, 0]


def test_a_real_volume_is_not_taken_for_periodic_without_a_word():
    rng = np.random.default_rng(0)
    field = gaussian_filter(rng.standard_normal((20, 20, 20)), 2)
    cut = Volume((field < 0).astype(np.uint8), 1e-7)
    with pytest.warns(solvers.PeriodicWarning, match="boundary='mirrored'"):
        solvers.effective_conductivity_tensor(cut, {0: 1.0, 1: 0.1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solvers.effective_conductivity_tensor(Volume(blobs(), 1e-7), {0: 1.0, 1: 0.1})


def test_what_periodic_volumes_cannot_have_is_refused(volume):
    some = solvers.FaceResistance.of_pairs(volume, {(0, 1): 1e-6})
    with pytest.raises(InvalidInputError, match=r"periodic=True.*boundary='mirrored'"):
        solvers.effective_conductivity_tensor(volume, {0: 1.0, 1: 1.0}, resistance=some)
    cylinder = volume.labels.copy()
    cylinder[:, 0, 0] = 9
    with pytest.raises(InvalidInputError, match="crop it to a box"):
        solvers.effective_conductivity_tensor(
            Volume(cylinder, UNEQUAL, outside=9), {0: 1.0, 1: 1.0}
        )
    with pytest.raises(InvalidInputError, match="'periodic', 'mirrored'"):
        solvers.effective_conductivity_tensor(volume, {0: 1.0, 1: 1.0}, boundary="open")
    with pytest.raises(InvalidInputError, match="boundary 'open' is unknown"):
        solvers.effective_conductivity(volume, {0: 1.0, 1: 1.0}, boundary="open")


def test_tensor_is_written_down_as_plain_numbers(volume):
    tensor = solvers.effective_conductivity_tensor(volume, {0: 1.0, 1: 0.01})
    plain = tensor.to_dict()
    assert plain["value"] == tensor.value.tolist()
    assert plain["standard_errors"][0][1] is None
    assert "S/m" in str(tensor)
    assert "<table>" in tensor._repr_html_()
