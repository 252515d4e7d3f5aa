"""Repacking: the same particles at other places, only whole ones, as many of each as before."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.manufacturing import Population, generate_electrode, repack
from twin.manufacturing.repacking import _chance, _whole

PHASES = {0: "pore", 1: "NMC"}


@pytest.fixture(scope="module")
def given():
    """Some fifty balls of two sizes, in voxels of unequal edges."""
    return generate_electrode((48, 48, 48), 2e-7, {"NMC": Population(0.35, 1.2e-6)}, rng=3)[0]


def test_fraction_and_particles_are_those_of_the_volume(given):
    made, report = repack(given, rng=0)
    assert made.voxels("NMC") == given.voxels("NMC")
    assert made.phases == given.phases
    assert report.figures["largest_overlap"] < 0.01
    assert report.moved["flattened_fraction"] < 0.02
    found = solvers.particle_instances(made, "NMC", periodic=(True,) * 3)
    sizes = np.bincount(found.ravel())[1:]
    ball = 4 / 3 * np.pi * 6**3
    assert np.median(sizes) == pytest.approx(ball, rel=0.1)
    assert found.max() == pytest.approx(
        report.figures["particles"], rel=0.25
    )  # rough ones may look like two


def test_the_same_seed_packs_in_the_same_way_and_another_in_another(given):
    one, two, other = (repack(given, rng=seed)[0] for seed in (1, 1, 2))
    assert one.sha256 == two.sha256 != other.sha256


def test_shape_and_fraction_may_be_others(given):
    made, report = repack(given, shape=(30, 40, 50), fraction=0.3, rng=0)
    assert made.shape == (30, 40, 50)
    assert made.voxels("NMC") == round(0.3 * 30 * 40 * 50)
    assert report.parameters["shape"] == [30, 40, 50]
    assert repack(given, **report.parameters)[0].sha256 == made.sha256


def plates(axis):
    """Thin plates normal to the thickness, far from each other."""
    labels = np.zeros((40, 40, 40), np.uint8)
    for z, y, x in ((6, 4, 6), (6, 24, 22), (20, 14, 4), (32, 5, 24), (32, 26, 8)):
        labels[z : z + 3, y : y + 10, x : x + 10] = 1
    return Volume(np.moveaxis(labels, 0, axis).copy(), 1e-7, PHASES, through_axis=axis)


@pytest.mark.parametrize("axis", [0, 2])
def test_particles_keep_their_direction_to_the_thickness(axis):
    """Sparse plates hardly meet, so that they turn about the thickness only."""
    made, _ = repack(plates(axis), fraction=0.02, rng=0)
    numbers = solvers.particle_instances(made, "NMC", periodic=(True,) * 3)
    through = np.moveaxis(numbers, axis, 0)
    for number in range(1, numbers.max() + 1):
        layers = np.flatnonzero((through == number).any(axis=(1, 2)))
        assert len(layers) <= 5 or np.ptp(layers) == 39  # a face may cut it


def test_only_whole_particles_are_drawn_and_rare_ones_more_often():
    """A face cuts a long body more often: what is left counts for those that were cut."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:8, 2:8, 2:8] = labels[12:16, 1:19, 4:8] = labels[12:20, 12:14, 12:16] = 1
    bodies, chances = _whole(Volume(labels, 1e-7, PHASES), 1, 0.5)
    assert len(bodies) == 2  # the third touches a face
    assert sorted(chances) == pytest.approx(sorted([15**3 / 20**3, 17 * 3 * 17 / 20**3]), rel=1e-12)
    assert _chance(bodies[0], (100, 100, 100)) > 0.8


def test_few_particles_are_told():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:12, 5:12, 5:12] = 1
    _, report = repack(Volume(labels, 1e-7, PHASES), rng=0)
    assert any("only 1 particles lie wholly inside" in text for text in report.warnings)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fraction": 1.2}, "not in 0…1"),
        ({"shape": (10, 10)}, "three numbers"),
        ({"rng": -1}, "no seed"),
        ({"particles": "pore"}, "has no voxel"),
    ],
)
def test_mistakes_are_told(given, arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        repack(given, **arguments)


def test_a_volume_without_a_whole_particle_is_refused():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:, 2:6, 2:6] = 1
    with pytest.raises(InvalidInputError, match="no particle lies wholly inside"):
        repack(Volume(labels, 1e-7, PHASES))
