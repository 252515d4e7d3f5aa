"""Walls move by what another threshold moves them, and cubes of a volume lie beside each other."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from microstructures import Volume, flat_wall_shift, generate, rethresholded, segmented
from microstructures.errors import InvalidInputError
from twin.manufacturing import Process, coarsen, places, rethreshold, sub_volume

EDGE = 1e-7


def layers(*thickness, through=0):
    """Phases 0, 1, 2, … in layers of so many voxels."""
    line = np.repeat(np.arange(len(thickness)), thickness).astype(np.uint8)
    block = np.broadcast_to(line[:, None, None], (len(line), 6, 6))
    return Volume(np.moveaxis(block, 0, through).copy(), EDGE)


def ball(radius, size):
    """A ball of ``radius`` voxels in the middle of a cube."""
    z, y, x = np.indices((size,) * 3) - (size - 1) / 2
    inside = z**2 + y**2 + x**2 <= radius**2
    return Volume(inside.astype(np.uint8), EDGE, {0: "pore", 1: "solid"})


@pytest.mark.parametrize("through", [0, 1, 2])
@pytest.mark.parametrize("width", [1.0, 2.0, 3.0])
def test_half_leaves_flat_walls_where_they_are(through, width):
    volume = layers(12, 14, 16, through=through)
    same = rethresholded(volume, 1, resolution=width * EDGE)
    assert np.array_equal(same.labels, volume.labels)


@pytest.mark.parametrize("layer", [-4, -3, -2, -1, 1, 2, 3, 4])
def test_a_flat_wall_moves_by_the_normal_quantile_of_the_level(layer):
    """A wall between half a voxel less and half a voxel more comes out as so many layers."""
    width, volume = 3.0, layers(24, 24)
    for part in (-0.45, 0.0, 0.45):
        level = float(ndtr(-(layer + part) / width))
        moved = rethresholded(volume, 0, resolution=width * EDGE, level=level)
        assert flat_wall_shift(width * EDGE, level) == pytest.approx((layer + part) * EDGE)
        assert np.count_nonzero(moved.profile(0) == 1.0) == 24 + layer


@pytest.mark.parametrize("level", [0.2, 0.35, 0.65, 0.8])
def test_a_ball_grows_by_the_shift_beside_what_its_curvature_does(level):
    """The level set of a blurred ball, its profile in closed form, found by bisection."""
    from scipy.optimize import brentq

    radius, width = 14.0, 2.0
    moved = rethresholded(ball(radius, 48), "solid", resolution=width * EDGE, level=level)
    found = (3 * moved.voxels("solid") / (4 * math.pi)) ** (1 / 3)

    def image(r):
        """A ball of radius R convolved with a Gaussian of three dimensions, at r."""
        inner, outer = (radius - r) / width, (radius + r) / width
        edge = math.exp(-(inner**2) / 2) - math.exp(-(outer**2) / 2)
        return ndtr(inner) + ndtr(outer) - 1 - width / (r * math.sqrt(2 * math.pi)) * edge

    exact = brentq(lambda r: image(r) - level, 5, 25)
    assert found == pytest.approx(exact, abs=0.04)  # the ball itself is so rough on voxels
    assert found - radius == pytest.approx(flat_wall_shift(width, level), abs=0.35)


def test_what_a_phase_loses_goes_to_the_nearest_other_one():
    volume = layers(10, 12, 10)
    shrunk = rethresholded(volume, 1, resolution=2 * EDGE, level=0.85)
    assert shrunk.labels[:, 0, 0].tolist() == [0] * 12 + [1] * 8 + [2] * 12
    grown = rethresholded(volume, 1, resolution=2 * EDGE, level=0.15)
    assert [grown.voxels(p) // 36 for p in (0, 1, 2)] == [8, 16, 8]


def test_walls_between_other_phases_stay():
    volume = layers(10, 12, 10)
    moved = rethresholded(volume, 0, resolution=2 * EDGE, level=0.15)
    assert [moved.voxels(p) // 36 for p in (0, 1, 2)] == [12, 10, 10]


def test_voxels_outside_are_no_part_of_the_image():
    """A foil beside the phase neither takes from it nor dims it."""
    bare = layers(12, 12)
    labels = np.concatenate([np.full((5, 6, 6), 9, np.uint8), bare.labels])
    masked = Volume(labels, EDGE, {0: "a", 1: "b"}, outside=9)
    for level in (0.2, 0.5, 0.8):
        moved = rethresholded(masked, "a", resolution=2 * EDGE, level=level)
        alone = rethresholded(bare, 0, resolution=2 * EDGE, level=level)
        assert np.array_equal(moved.labels[5:], alone.labels)
        assert np.all(moved.labels[:5] == 9)


def test_unequal_voxel_edges_are_heeded():
    labels = layers(24, 24).labels
    volume = Volume(labels, (EDGE / 3, EDGE, EDGE))
    level = float(ndtr(-2.0))  # two thirds of what three voxels are along z
    moved = rethresholded(volume, 0, resolution=EDGE, level=level)
    assert np.count_nonzero(moved.profile(0) == 1.0) == 24 + 6


def test_the_step_reports_by_how_much_the_walls_moved():
    volume = ball(14.0, 48)
    middle, still = rethreshold(volume, phase="solid", resolution=1.5 * EDGE)
    assert still.figures["flat_wall_shift"] == pytest.approx(0.0, abs=1e-12 * EDGE)
    assert still.figures["mean_shift"] == 0.0
    for level in (0.3, 0.7):
        after, report = rethreshold(volume, phase="solid", resolution=1.5 * EDGE, level=level)
        radii = [(3 * v.voxels("solid") / (4 * math.pi)) ** (1 / 3) for v in (after, middle)]
        exact = (radii[0] - radii[1]) * EDGE
        assert report.figures["mean_shift"] == pytest.approx(exact, rel=0.08)
        assert report.figures["voxel_edge"] == pytest.approx(EDGE)
        assert report.after["solid"] == after.fraction("solid")


def test_grey_values_become_phases_from_dark_to_bright():
    grey = np.array([[[0, 89, 90, 139, 140, 255]]], np.uint8)
    volume = segmented(grey, EDGE, {"pore": 90, "CBD": 140}, "NMC")
    assert volume.labels.ravel().tolist() == [0, 0, 1, 1, 2, 2]
    assert dict(volume.phases) == {0: "pore", 1: "CBD", 2: "NMC"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 0.0}, "standard deviation of the blur"),
        ({"resolution": math.nan}, "standard deviation of the blur"),
        ({"level": 1.0}, "not inside 0…1"),
        ({"level": 0.0}, "not inside 0…1"),
        ({"phase": 2}, "no walls"),
    ],
)
def test_what_moves_no_wall_is_refused(change, message):
    given = {"phase": 0, "resolution": EDGE, "level": 0.5} | change
    volume = Volume(layers(4, 4).labels, EDGE, {0: "a", 1: "b", 2: "c"})
    with pytest.raises(InvalidInputError, match=message):
        rethresholded(volume, given.pop("phase"), **given)


@pytest.mark.parametrize(
    ("grey", "below", "message"),
    [
        (np.zeros((2, 2)), {"a": 1}, "shape"),
        (np.zeros((2, 2, 2), complex), {"a": 1}, "grey values"),
        (np.zeros((2, 2, 2)), {"a": 2, "b": 1}, "do not rise"),
        (np.zeros((2, 2, 2)), {"a": 2, "b": 2}, "do not rise"),
        (np.zeros((2, 2, 2)), {}, "do not rise"),
        (np.zeros((2, 2, 2)), {"a": math.nan}, "do not rise"),
    ],
)
def test_images_and_thresholds_that_give_no_phases_are_refused(grey, below, message):
    with pytest.raises(InvalidInputError, match=message):
        segmented(grey, EDGE, below, "rest")


@pytest.mark.parametrize("size", [3, 5, 7, 11])
def test_cubes_of_one_size_share_no_voxel_and_are_all_there(size):
    shape = (10, 12, 15)
    volume = Volume(np.arange(10 * 12 * 15).reshape(shape), EDGE)
    count = places(shape, size)
    assert count == math.prod(max(n // size, 1) for n in shape)
    seen = [sub_volume(volume, size=size, place=k)[0].labels.ravel() for k in range(count)]
    assert {cube.size for cube in seen} == {math.prod(min(size, n) for n in shape)}
    assert len(np.unique(np.concatenate(seen))) == sum(cube.size for cube in seen)


def test_a_cube_that_is_not_there_is_refused():
    volume = layers(8, 8)
    with pytest.raises(InvalidInputError, match=r"choose 0…1"):
        sub_volume(volume, size=6, place=2)
    with pytest.raises(InvalidInputError, match="does not fit"):
        sub_volume(volume, size=17)
    _, report = sub_volume(volume, size=8, place=1)
    assert report.figures["edge"] == pytest.approx((8 * 6 * 6) ** (1 / 3) * EDGE)


def test_imaging_is_a_chain_of_steps():
    volume = generate.sample_cathode(0, shape=(24, 24, 24))
    steps = [
        ("sub_volume", {"size": 12, "place": 7}),
        ("rethreshold", {"phase": "pore", "resolution": 398e-9, "level": 0.4}),
        ("coarsen", {"factor": 2}),
    ]
    run = Process(steps).run(volume)
    assert run.volume.shape == (6, 6, 6)
    assert coarsen(volume, factor=1)[0].fractions() == volume.fractions()
