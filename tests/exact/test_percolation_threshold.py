"""The widest sphere that passes, where known: channels with necks, and by trying all radii."""

import itertools
import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.percolation_diameter import percolation_threshold
from solvers.pore_size import wall_distance

SINGLE = 1e-6  # distances are kept in single precision
UNEQUAL = (3e-7, 1e-7, 2e-7)


def tube(widths, walls=9, spacing=1e-7):
    """A square channel along axis 0 with one side length per layer, against one corner."""
    labels = np.ones((len(widths), walls, walls), np.uint8)
    for layer, width in zip(labels, widths, strict=True):
        layer[1 : 1 + width, 1 : 1 + width] = 0
    return Volume(labels, spacing, {0: "pore", 1: "solid"})


@pytest.mark.parametrize(("n", "m", "points"), [(3, 3, 1), (4, 4, 1), (3, 5, 5), (1, 4, 7)])
def test_straight_channel_passes_its_narrower_side(n, m, points):
    labels = np.ones((6, 8, 8), np.uint8)
    labels[:, 2 : 2 + n, 1 : 1 + m] = 0
    found = percolation_threshold(Volume(labels, 1e-7), 0, 0)
    assert found.diameter == found.value == pytest.approx(min(n, m) * 1e-7, rel=SINGLE)
    # centres of spheres: points of a quarter voxel in every section
    assert found.phase_fraction == pytest.approx(points / 4 / (n * m), rel=1e-12)
    assert found.volume_fraction == pytest.approx(points / 4 / 64, rel=1e-12)
    assert found.percolates
    assert found.status == "ok"


@pytest.mark.parametrize("neck", [1, 2, 3, 4])
def test_neck_decides(neck):
    found = percolation_threshold(tube([6, 6, 6, neck, neck, neck, 6, 6, 6]), "pore", 0)
    assert found.value == pytest.approx(neck * 1e-7, rel=SINGLE)


def left_by_trying(volume, diameter):
    """Voxels' worth of points around which a sphere fits, by distances to all voxels of walls."""
    edges = np.array(volume.spacing)
    walls = (np.argwhere(volume.labels == 1) + 0.5) * edges
    total = 0.0
    for point in itertools.product(*(range(2 * n + 1) for n in volume.shape)):
        gaps = np.maximum(np.abs(walls - np.array(point) / 2 * edges) - edges / 2, 0.0)
        if (gaps**2).sum(axis=1).min() >= (diameter / 2) ** 2 * (1 - 1e-6):
            on_faces = sum(i in (0, 2 * n) for i, n in zip(point, volume.shape, strict=True))
            total += 0.5**on_faces / 8
    return total


@pytest.mark.parametrize("spacing", [1.0, (1.0, 1.5, 1.2)])
def test_what_is_left_when_a_neck_just_passes(spacing):
    volume = tube([4] * 5 + [2] * 3, walls=6, spacing=spacing)
    found = percolation_threshold(volume, "pore", 0)
    neck = 2 * min(volume.spacing[1:])
    left = left_by_trying(volume, neck)
    assert found.value == pytest.approx(neck, rel=SINGLE)
    assert found.phase_fraction == pytest.approx(left / volume.voxels("pore"), rel=1e-12)
    assert found.volume_fraction == pytest.approx(left / volume.labels.size, rel=1e-12)


def test_wider_of_two_ways_counts():
    labels = np.ones((7, 5, 12), np.uint8)
    labels[:, 1:4, 1:4] = 0
    labels[3, 1:3, 1:4] = 1  # one voxel is left of this way
    labels[:, 1:4, 5:8] = 0
    labels[3, 1, 5:8] = 1  # and two of that
    assert percolation_threshold(Volume(labels, 1e-7), 0, 0).value == pytest.approx(2e-7)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_unequal_edges(axis):
    labels = np.ones((8, 8, 8), np.uint8)
    inner = [slice(1, 4), slice(1, 4), slice(1, 4)]
    inner[axis] = slice(None)
    labels[tuple(inner)] = 0
    narrow = 3 * min(h for a, h in enumerate(UNEQUAL) if a != axis)
    found = percolation_threshold(Volume(labels, UNEQUAL), 0, axis)
    assert found.value == pytest.approx(narrow, rel=SINGLE)
    assert found.axis == axis


@pytest.mark.parametrize(("seed", "solid"), [(0, 0.2), (1, 0.05), (5, 0.05), (12, 0.12)])
def test_every_radius_tried_in_turn_gives_the_same(seed, solid):
    # in all but the first, steps across edges of the lattice would find a wider way
    labels = (np.random.default_rng(seed).random((9, 8, 10)) < solid).astype(np.uint8)
    volume = Volume(labels, 1.0)
    radius = wall_distance(labels == 0, labels == 1, volume.spacing)
    spanning = [r for r in np.unique(radius[radius > 0]) if spans(radius >= r)]
    assert percolation_threshold(volume, 0, 0).value == pytest.approx(max(spanning), rel=SINGLE)


def spans(points):
    from scipy.ndimage import label

    numbers = label(points)[0]
    return bool((set(numbers[0].ravel()) & set(numbers[-1].ravel())) - {0})


@pytest.mark.parametrize("seed", range(8))
def test_passes_where_voxels_span(seed):
    labels = (np.random.default_rng(seed).random((8, 8, 8)) < 0.68).astype(np.uint8)
    volume = Volume(labels, 1e-7)
    found = percolation_threshold(volume, 0, 1)
    assert found.percolates == solvers.connectivity(volume, 0, 1).percolates
    assert (found.value > 0) == found.percolates


def test_blocked_phase_passes_nothing():
    found = percolation_threshold(tube([3, 3, 0, 3, 3]), "pore", 0)
    assert found.value == 0.0
    assert not found.percolates
    assert math.isnan(found.phase_fraction)
    assert found.to_dict()["phase_fraction"] is None
    assert found.to_dict()["status"] == "does not percolate"
    assert "does not span" in str(found)
    solid = Volume(np.ones((3, 3, 3), np.uint8), 1.0, {0: "pore", 1: "solid"})
    assert percolation_threshold(solid, "pore").value == 0.0


def test_diagonal_neighbours_pass_nothing():
    labels = np.ones((2, 2, 1), np.uint8)
    labels[0, 0] = labels[1, 1] = 0
    assert percolation_threshold(Volume(labels, 1.0), 0, 0).value == 0.0


def test_diagonal_neighbours_pass_nothing_between_voxels_outside():
    labels = np.full((4, 4, 2), 9, np.uint8)
    labels[:2, :2] = labels[2:, 2:] = 0
    for wall in (False, True):
        labels[0, 0] = 1 if wall else 0
        volume = Volume(labels, 1.0, {0: "pore", 1: "solid"}, outside=9)
        assert not percolation_threshold(volume, "pore", 0).percolates


def test_no_wall_limits_nothing():
    found = percolation_threshold(Volume(np.zeros((3, 4, 5), np.uint8), 1.0, {0: "pore"}), "pore")
    assert found.value == math.inf
    assert found.phase_fraction == found.volume_fraction == 1.0
    assert found.to_dict()["value"] is None


def test_says_what_it_is():
    found = percolation_threshold(tube([3] * 4), "pore")
    assert found.to_dict()["unit"] == "m"
    assert found.to_dict()["uncertainty"] is None
    assert str(found) == "3e-07 m, at which 2.8 % of pore still spans along axis 0"
    assert "3e-07 m" in found._repr_html_()


def test_strangers_are_refused():
    with pytest.raises(UnknownPhaseError):
        percolation_threshold(tube([3] * 3), "air")
    with pytest.raises(InvalidInputError, match="axis 3"):
        percolation_threshold(tube([3] * 3), "pore", 3)
    with pytest.raises(InvalidInputError, match="Volume is wanted"):
        percolation_threshold(np.zeros((3, 3, 3)), 0)
