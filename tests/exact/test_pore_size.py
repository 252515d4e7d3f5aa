"""Local pore diameters where known: slits, channels, spheres, and by trying all spheres."""

import itertools
import math

import numpy as np
import pytest
import scipy.ndimage

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers import pore_size
from solvers.pore_size import local_diameter

SINGLE = 1e-6  # distances are kept in single precision
UNEQUAL = (3e-7, 1e-7, 2e-7)


def slit(voxels, axis, spacing):
    labels = np.ones((voxels + 3, 5, 4), np.uint8)
    labels[1 : voxels + 1] = 0
    return Volume(np.moveaxis(labels, 0, axis), spacing)


def channel(n, m, length=4, walls=2):
    labels = np.ones((length, n + walls, m + walls), np.uint8)
    labels[:, 1 : n + 1, 1 : m + 1] = 0
    return Volume(labels, 1e-7)


def distances_from_middle(count, dims):
    middle = (count - 1) / 2
    return np.sqrt(((np.indices((count,) * dims) - middle) ** 2).sum(axis=0))


def random_volume(seed, solid, spacing=1e-7, shape=(6, 5, 7)):
    labels = np.random.default_rng(seed).random(shape) < solid
    return Volume(labels.astype(np.uint8), spacing)


def tried(volume):
    """Every sphere around every point of the half-voxel lattice, by distances to all walls."""
    edges, shape = np.array(volume.spacing), volume.shape
    walls = (np.argwhere(volume.labels == 1) + 0.5) * edges
    voxels = (np.argwhere(volume.labels == 0) + 0.5) * edges
    widest = np.zeros(len(voxels))
    for point in itertools.product(*(range(2 * n + 1) for n in shape)):
        centre = np.array(point) / 2 * edges
        gaps = np.maximum(np.abs(walls - centre) - edges / 2, 0.0)
        radius = np.sqrt((gaps**2).sum(axis=1)).min()
        reach = np.sqrt(((walls - centre) ** 2).sum(axis=1)).min()
        away = np.sqrt(((voxels - centre) ** 2).sum(axis=1))
        covered = away < reach * (1 - 1e-5)  # ties do not count
        widest[covered] = np.maximum(widest[covered], 2 * radius)
    found = np.zeros(shape)
    found[volume.labels == 0] = widest
    return found


@pytest.mark.parametrize("spacing", [1e-7, UNEQUAL])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("voxels", [1, 2, 3, 4, 7])
def test_slit_is_as_wide_as_its_voxels(voxels, axis, spacing):
    volume = slit(voxels, axis, spacing)
    found = local_diameter(volume, 0)
    assert found[volume.labels == 0] == pytest.approx(voxels * volume.spacing[axis], rel=SINGLE)
    assert not found[volume.labels == 1].any()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_small_square_channel_has_one_width(n):
    volume = channel(n, n)
    assert local_diameter(volume, 0)[volume.labels == 0] == pytest.approx(n * 1e-7, rel=SINGLE)


def test_wide_square_channel_is_narrower_in_its_corners_alone():
    found = local_diameter(channel(8, 8), 0)[:, 1:-1, 1:-1]
    corner = np.zeros((8, 8), bool)
    corner[np.ix_([0, -1], [0, -1])] = True
    assert found[:, ~corner] == pytest.approx(8e-7, rel=SINGLE)
    assert (found[:, corner] < 8e-7 * (1 - SINGLE)).all()


@pytest.mark.parametrize("radius", [2.0, 3.3, 5.0, 7.5])
@pytest.mark.parametrize("dims", [2, 3])
def test_cylinder_and_sphere_have_one_width_within_a_voxel_diagonal(radius, dims):
    # walls have centres beyond the radius, and reach in by half a diagonal at most
    solid = (distances_from_middle(int(2 * radius) + 4, dims) > radius).astype(np.uint8)
    volume = Volume(solid if dims == 3 else solid[None].repeat(3, axis=0), 1.0)
    found = local_diameter(volume, 0)[volume.labels == 0]
    assert found == pytest.approx(found[0], rel=SINGLE)
    assert 2 * radius - math.sqrt(dims) <= found[0] <= 2 * radius


@pytest.mark.parametrize("spacing", [1.0, (1.3, 1.0, 2.1)])
@pytest.mark.parametrize("solid", [0.02, 0.1, 0.4])
def test_no_sphere_was_overlooked(solid, spacing):
    volume = random_volume(3, solid, spacing)
    assert local_diameter(volume, 0) == pytest.approx(tried(volume), rel=1e-5)


@pytest.mark.parametrize(("first", "keys"), [(0.01, 65534), (1e9, 65534), (0.1, 20)])
def test_order_of_work_changes_nothing(first, keys, monkeypatch):
    volume = random_volume(5, 0.05, UNEQUAL, (14, 16, 12))
    whole = local_diameter(volume, 0)
    monkeypatch.setattr(pore_size, "FIRST", first)
    monkeypatch.setattr(pore_size, "KEYS", keys)
    assert np.array_equal(local_diameter(volume, 0), whole)


@pytest.mark.parametrize("ratio", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.3)])
def test_distances_are_those_of_a_transform_made_for_them(ratio):
    free = np.random.default_rng(0).random((19, 70, 150)) < 0.999
    free[:, :30] = True
    expected = scipy.ndimage.distance_transform_edt(free, ratio)
    assert pore_size._distance(free, ratio) == pytest.approx(expected, rel=1e-6)


def test_faces_of_the_volume_are_mirrors():
    volume = random_volume(7, 0.05, UNEQUAL, (9, 8, 7))
    labels = volume.labels
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis=axis)
    doubled = local_diameter(Volume(labels, UNEQUAL), 0)
    assert local_diameter(volume, 0) == pytest.approx(doubled[:9, :8, :7], rel=SINGLE)


def test_scales_and_turns_with_the_volume():
    volume = random_volume(9, 0.2, UNEQUAL)
    found = local_diameter(volume, 0)
    turned = local_diameter(volume.transposed(2, 0, 1), 0)
    larger = local_diameter(Volume(volume.labels, tuple(1e3 * h for h in UNEQUAL)), 0)
    assert turned == pytest.approx(found.transpose(2, 0, 1), rel=SINGLE)
    assert larger == pytest.approx(1e3 * found, rel=SINGLE)


def test_without_walls_there_is_no_width():
    volume = Volume(np.zeros((3, 4, 5), np.uint8), 1e-7, {0: "pore", 1: "solid"})
    assert (local_diameter(volume, "pore") == np.inf).all()
    assert not local_diameter(volume, "solid").any()


def test_voxels_outside_are_no_walls():
    labels = np.full((8, 6, 5), 9, np.uint8)
    labels[:, :4] = 0
    labels[:, 0] = 1
    labels[0, 5] = 1  # the window keeps what is outside before it
    volume = Volume(labels, 1e-7, {0: "pore", 1: "solid"}, outside=9)
    found = local_diameter(volume, "pore")
    # the highest centres of spheres are those of voxels, 2.5 above the wall
    assert found[6:, 1:4] == pytest.approx(5e-7, rel=SINGLE)
    assert not found[labels == 9].any()


def test_strangers_are_refused():
    with pytest.raises(UnknownPhaseError):
        local_diameter(channel(2, 2), "pore")
    with pytest.raises(InvalidInputError, match="Volume is wanted"):
        local_diameter(np.zeros((3, 3, 3)), 0)
