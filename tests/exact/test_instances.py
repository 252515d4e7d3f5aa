"""Instances: particles told apart at their necks, and who touches whom."""

import numpy as np
import pytest

import solvers
from microstructures import Particles, Volume, generate
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.instances import _beyond, _continued, _joined

PHASES = {0: "pore", 1: "NMC"}


def two_spheres(radius, apart, shape=(40, 40, 60)):
    """Equal spheres whose centres are ``apart`` radii from each other, as voxels."""
    grid = np.indices(shape) + 0.5 - np.array(shape)[:, None, None, None] / 2
    inside = np.zeros(shape, bool)
    for side in (-0.5, 0.5):
        offset = grid.copy()
        offset[2] -= side * apart * radius
        inside |= np.sum(offset**2, axis=0) < radius**2
    return Volume(inside.astype(np.uint8), 1e-7, PHASES)


@pytest.mark.parametrize("radius", [4, 8, 12])
def test_spheres_that_touch_or_overlap_a_little_are_two(radius):
    volume = two_spheres(radius, 1.8)
    found = solvers.particle_instances(volume, "NMC")
    assert found.max() == 2
    assert np.array_equal(found > 0, volume.labels == 1)
    sizes = np.bincount(found.ravel())[1:]
    assert abs(sizes[0] - sizes[1]) < 0.05 * sizes.sum()
    assert list(solvers.coordination(found)) == [1, 1]


def test_spheres_that_overlap_much_are_one():
    """Their neck is 0.87 of the radius at a distance of one radius."""
    assert solvers.particle_instances(two_spheres(10, 1.0), "NMC").max() == 1
    assert solvers.particle_instances(two_spheres(10, 1.0), "NMC", neck=0.95).max() == 2


def test_particles_that_do_not_touch_are_told_apart_whatever_the_neck():
    for neck in (0.05, 0.8):
        found = solvers.particle_instances(two_spheres(6, 2.6), "NMC", neck=neck)
        assert found.max() == 2
        assert list(solvers.coordination(found)) == [0, 0]


def test_a_packing_is_found_again():
    """Hard spheres: as many instances as particles, each mostly of one of them."""
    edge, radius = 64, 7.0
    given = np.random.default_rng(0).random((60, 3)) * edge
    packed = solvers.relax(Particles.spheres(given, radius, box=(edge,) * 3, periodic=False))
    truth = generate.rasterise(packed.particles, 1.0, (edge,) * 3)
    volume = Volume((truth > 0).astype(np.uint8), 1e-7, PHASES)
    found = solvers.particle_instances(volume, "NMC")
    assert found.max() == 60
    both = np.zeros((61, 61))
    np.add.at(both, (truth.ravel(), found.ravel()), 1)
    assert both[1:, 1:].max(axis=0).sum() > 0.98 * (truth > 0).sum()


PERIODIC = (True, False, True)


@pytest.mark.parametrize("by", [(0, 0, 0), (20, 0, 0), (20, 0, 22), (-13, 0, 30)])
def test_two_spheres_are_two_wherever_periodic_faces_cut_them(by):
    """Their middles lie in the box, in a face, or in an edge."""
    volume = two_spheres(8, 1.8)
    here = solvers.particle_instances(volume, "NMC", periodic=PERIODIC)
    rolled = volume.with_labels(np.roll(volume.labels, by, (0, 1, 2)), "rolled")
    found = solvers.particle_instances(rolled, "NMC", periodic=PERIODIC)
    assert found.max() == 2
    assert found.shape == volume.shape
    pairs = np.unique(np.stack([np.roll(here, by, (0, 1, 2)).ravel(), found.ravel()]), axis=1)
    assert pairs.shape[1] == 3  # pores, one, the other: the same voxels
    assert list(solvers.coordination(found, PERIODIC)) == [1, 1]
    if by[2] == 22:
        assert solvers.particle_instances(rolled, "NMC").max() > 2


def test_a_periodic_packing_is_found_again_wherever_it_is_cut():
    edge, radius = 48, 7.0
    given = np.random.default_rng(0).random((30, 3)) * edge
    packed = solvers.relax(Particles.spheres(given, radius, box=(edge,) * 3)).particles
    truth = generate.rasterise(packed, 1.0, (edge,) * 3)
    for by in ((0, 0, 0), (11, 17, 31)):
        seen = np.roll(truth, by, (0, 1, 2))
        volume = Volume((seen > 0).astype(np.uint8), 1e-7, PHASES)
        found = solvers.particle_instances(volume, "NMC", periodic=(True, True, True))
        assert found.max() == 30
        both = np.zeros((31, 31))
        np.add.at(both, (seen.ravel(), found.ravel()), 1)
        assert both[1:, 1:].max(axis=0).sum() > 0.98 * (seen > 0).sum()


def test_what_fills_a_periodic_box_is_one_particle():
    full = Volume(np.ones((6, 6, 6), np.uint8), 1e-7, PHASES)
    found = solvers.particle_instances(full, "NMC", periodic=(True, True, True))
    assert np.unique(found).tolist() == [1]


def test_the_widest_particle_is_seen_whole_beyond_a_periodic_face():
    """A ball 12 shortest edges wide, half as many of twice the edge, and four voxels at most."""
    grid = np.indices((20, 20, 20)) + 0.5 - 10
    grid[1] *= 2
    seen = _beyond(np.sum(grid**2, axis=0) < 36, (1e-7, 2e-7, 1e-7), (True, True, False))
    assert 12 <= seen[0] <= 12 + 4
    assert 6 <= seen[1] <= 6 + 4
    assert seen[2] == 0


def test_a_particle_goes_on_as_what_has_most_of_it():
    outside = np.array([[1, 1, 1, 2, 2, 3, 0]], np.int32)
    image = np.array([[5, 5, 6, 5, 7, 0, 6]], np.int32)
    assert _continued(outside, image).tolist() == [[1], [5]]  # 2 is shared evenly, 3 ends


@pytest.mark.parametrize("side", [1, -1])
def test_what_is_one_seen_from_either_side_of_a_periodic_face_is_one(side):
    """Two parts end at one face; past the other they are seen as one, but not the other way."""
    found = np.zeros((6, 1, 2), np.int32)  # one layer is looked at past each face
    found[0], found[1] = 3, 3
    found[4] = found[5] = [[1, 2]]
    assert _joined(found[::side], (1, 0, 0)).max() == 1


def test_contacts_through_a_periodic_face_count_there_only():
    labels = np.zeros((4, 3, 3), np.int32)
    labels[0], labels[3] = 1, 2
    assert list(solvers.coordination(labels)) == [0, 0]
    assert list(solvers.coordination(labels, (True, False, False))) == [1, 1]


def test_specks_are_particles_too():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[2, 2, 2] = labels[6, 6, 6] = 1
    assert solvers.particle_instances(Volume(labels, 1e-7, PHASES), "NMC").max() == 2


def test_mistakes_are_told():
    volume = two_spheres(6, 2.6)
    with pytest.raises(InvalidInputError, match=r"0\.8 is the default"):
        solvers.particle_instances(volume, "NMC", neck=1.0)
    with pytest.raises(UnknownPhaseError, match="LCO"):
        solvers.particle_instances(volume, "LCO")
    empty = Volume(np.zeros((4, 4, 4), np.uint8), 1e-7, PHASES)
    with pytest.raises(InvalidInputError, match="no voxel"):
        solvers.particle_instances(empty, "NMC")
