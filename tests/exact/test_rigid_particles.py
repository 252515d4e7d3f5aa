"""Rigid particles: how they are cut out, held, pressed and drawn again."""

from types import SimpleNamespace

import numpy as np
import pytest

import twin
from microstructures import Volume
from solvers.clumps import Clumps
from solvers.packing import PackingReport
from twin.manufacturing import _lid, _redrawn, calendering
from twin.manufacturing._balls import clumps_of_rigid, unpressed
from twin.manufacturing._placed import carried, placed
from twin.manufacturing._rigid import rigid_particles

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
H = 1e-7
WALLS, CUBE = (False, False, False), np.full(3, H)


def balls(centres, radius, shape):
    grid = np.indices(shape) + 0.5
    labels = np.zeros(shape, np.uint8)
    for centre in centres:
        offset = grid - np.array(centre, float)[:, None, None, None]
        labels[np.sum(offset**2, axis=0) < radius**2] = 1
    return Volume(labels, H, PHASES)


def test_what_lid_and_floor_cut_keeps_its_middle_in_the_middle():
    """One that nothing cuts, one at the floor, one at the lid, and one at both, 40 to 30 layers."""
    walls = [(-np.inf, np.inf), (-4.0, np.inf), (-np.inf, 5.0), (-20.0, 20.0)]
    bodies = [SimpleNamespace(walls=np.array([w, w, w])) for w in walls]
    centres = np.array([[10.0, 1.0, 1.0], [4.0, 2.0, 2.0], [35.0, 3.0, 3.0], [20.0, 4.0, 4.0]])
    eyes, ones = np.tile(np.eye(3), (4, 1, 1)), np.ones(4)
    start = Clumps(centres, eyes, np.arange(4, dtype=np.int32), np.zeros((4, 3)), ones, ones)
    moved = _lid.squeezed(start, bodies, 40.0, 30.0).centres
    assert moved[:, 0] == pytest.approx([7.5, 4.0, 25.0, 15.0])
    assert np.array_equal(moved[:, 1:], centres[:, 1:])


def test_what_overlaps_parts_until_it_touches_and_goes_no_further():
    """From 1.2 radii apart to 2, where contacts of half a percent are left."""
    centres = np.array([[10.0, 10.0, 9.4], [10.0, 10.0, 10.6]])
    eyes, ones = np.tile(np.eye(3), (2, 1, 1)), np.ones(2)
    start = Clumps(centres, eyes, np.arange(2, dtype=np.int32), np.zeros((2, 3)), ones, ones)
    setting = SimpleNamespace(box=np.full(3, 20.0), wrap=WALLS)
    found, _ = _lid._relaxed(start, np.zeros((2, 3), bool), setting, 20.0, 500)
    assert 2.0 - 5e-3 <= np.ptp(found.centres[:, 2]) <= 2.0


def test_the_mean_turn_is_an_angle(monkeypatch):
    """One ball of two turned by 60°, as far as anyone can tell."""

    def turned(start, bodies, setting):
        turn = np.array([[0.0, np.pi / 3, 0.0], [0.0, 0.0, 0.0]])
        report = PackingReport(0, 0.0, 0.0, False, 5e-3, 0.0, "cpu")
        return start.moved(np.zeros((2, 3)), turn), report

    monkeypatch.setattr(calendering, "pressed_by_lid", turned)
    volume = balls([(8, 8, 8), (24, 8, 8)], 6, (32, 16, 16))
    _, report = twin.calender(volume, thickness=32 * H)
    assert report.moved["mean_turn_degrees"] == pytest.approx(30.0)
    assert report.moved["mean_displacement_from_affine_m"] == pytest.approx(0.0, abs=1e-9 * H)


def test_a_swallowed_particle_takes_no_last_voxel_of_another():
    """Nor one of another phase, however near."""
    owners, labels = np.array([[[1, 2, 2, 0, 2]]], np.int32), np.array([[[1, 1, 1, 0, 1]]])
    centres = np.array([[0.5] * 3, [0.5, 0.5, 3.0], [0.5] * 3])
    assert _redrawn._restore(owners, np.ones(3, int), labels, centres) == 1
    assert owners.tolist() == [[[1, 3, 2, 0, 2]]]
    other, kinds = np.array([[[1, 2, 2, 0, 2]]], np.int32), np.array([1, 1, 2])
    assert _redrawn._restore(other, kinds, np.array([[[1, 1, 1, 0, 2]]]), centres) == 1


def test_swallowed_particles_are_looked_for_where_they_have_gone(monkeypatch):
    seen = []
    monkeypatch.setattr(_redrawn, "_restore", lambda *arguments: seen.append(arguments[3]) or 0)
    twin.calender(balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24)), thickness=40 * H)
    assert seen[0] == pytest.approx(np.array([[8.0, 12.0, 12.0], [32.0, 12.0, 12.0]]), abs=0.1)


def rigid(labels, spacing=CUBE, periodic=WALLS):
    """Particles cut out of a field of numbers."""
    return rigid_particles(np.asarray(labels, np.int32), spacing, periodic)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_particle_is_the_same_wherever_a_periodic_face_cuts_it(axis):
    labels, spacing = balls([(9, 11, 10)], 5, (18, 22, 20)).labels, H * np.array([1.0, 2.0, 1.5])
    by = labels.shape[axis] // 2
    (whole,) = rigid(labels, spacing, (True,) * 3)
    (parted,) = rigid(np.roll(labels, by, axis), spacing, (True,) * 3)
    assert np.array_equal(parted.body, whole.body)
    box = spacing * labels.shape
    radii = [
        unpressed(clumps_of_rigid([one], spacing), [one], box, (True,) * 3).radii
        for one in (whole, parted)
    ]
    assert radii[1] == pytest.approx(radii[0], rel=1e-9)
    assert not parted.cut.any()
    boxes = ((parted.centre - whole.centre) / spacing - by * np.eye(3)[axis]) / labels.shape
    assert boxes == pytest.approx(np.round(boxes), abs=1e-9)


@pytest.mark.parametrize("middle", [0, -4])
@pytest.mark.parametrize("end", ["floor", "lid"])
def test_behind_a_wall_lies_the_mirror_image_of_what_it_cuts(end, middle):
    """Half a ball of radius 6, or a cap two layers thick."""
    labels = balls([(middle, 9, 9)], 6, (14, 18, 18)).labels
    (cut,) = rigid(labels if end == "floor" else labels[::-1])
    first = cut.start[0] if end == "floor" else 14 - cut.start[0] - len(cut.body)
    assert first == -2  # voxels behind the wall
    body = cut.body if end == "floor" else cut.body[::-1]
    assert body[:2] == pytest.approx(body[3:1:-1], abs=1e-6 * H)
    walls = (cut.centre[0] + cut.walls[0]) / H
    assert walls == pytest.approx([0.0, np.inf] if end == "floor" else [-np.inf, 14.0])


def test_the_centre_of_a_particle_is_that_of_what_lies_in_the_volume():
    """Of half a ball it is 3/8 of the radius away from the wall."""
    (half,) = rigid(balls([(0, 9, 9)], 6, (14, 18, 18)).labels)
    assert half.centre / H == pytest.approx([6 * 3 / 8, 9.0, 9.0], abs=0.1)


def test_a_neck_that_stays_together_has_no_seam():
    """A round rod of two particles is as wide where they meet as anywhere."""
    disc = balls([(0.5, 8, 8)], 6, (1, 16, 16)).labels.astype(np.int32)
    labels = np.concatenate([disc] * 12 + [2 * disc] * 12)
    bodies = rigid(labels)
    clumps = clumps_of_rigid(bodies, CUBE)
    solid = placed(bodies, clumps, labels.shape, CUBE, CUBE, WALLS).distance < 0
    areas = solid.sum(axis=(1, 2))
    assert areas[6] > 0.9 * disc.sum()
    assert areas[11] == areas[12] == areas[6]


@pytest.mark.parametrize("middle", [-2.0, 0.0, 0.5])
def test_balls_of_what_a_wall_cuts_have_their_centres_before_it(middle):
    labels = balls([(middle, 9, 9)], 6, (14, 18, 18)).labels
    for given in (labels, labels[::-1]):
        places = clumps_of_rigid(rigid(given), CUBE).places
        assert places[:, 0].min() >= -1e-9 * H
        assert places[:, 0].max() <= (14 + 1e-9) * H


@pytest.mark.parametrize("end", ["floor", "lid"])
def test_a_wall_cuts_what_is_wide_at_it_and_touches_what_is_not(end):
    """Half a voxel in, the section of a ball that touches is (1 - 5.5²/6²) of its largest: 16 %."""
    touching, cut = (balls([(z, 8, 8)], 6, (20, 16, 16)).labels for z in (6, 3))
    step = 1 if end == "floor" else -1
    (one,), (other,) = rigid(touching[::step]), rigid(cut[::step])
    assert not one.cut.any()
    assert np.array_equal(one.distance, one.body)  # nothing is drawn along
    assert other.cut.tolist() == [True, False, False]
    assert np.isfinite(other.walls[0]).tolist() == [end == "floor", end == "lid"]


def test_particles_and_what_they_carry_turn_the_same_way_as_their_balls():
    """A rod along axis 1, turned about axis 0 by 30° towards axis 2."""
    labels = np.zeros((14, 28, 28), np.int32)
    labels[5:9, 4:24, 12:16] = 1
    bodies = rigid(labels)
    clumps = clumps_of_rigid(bodies, CUBE)
    turned = clumps.moved(np.zeros((1, 3)), np.array([[np.pi / 6, 0.0, 0.0]]))
    along = np.array([0.0, np.cos(np.pi / 6), np.sin(np.pi / 6)])
    balls_lie = np.linalg.svd(turned.places - turned.places.mean(axis=0))[2][0]
    assert abs(balls_lie @ along) == pytest.approx(1.0, abs=1e-2)
    drawn = placed(bodies, turned, labels.shape, CUBE, CUBE, WALLS)
    solid = np.argwhere(drawn.distance < 0)
    rod_lies = np.linalg.svd(solid - solid.mean(axis=0), full_matrices=False)[2][0]
    assert abs(rod_lies @ along) == pytest.approx(1.0, abs=1e-3)
    tip = turned.centres + np.array([0.0, 8 * H, 0.0])
    (moved,) = carried(tip, np.array([1]), bodies, turned, H * np.array(labels.shape), WALLS)
    assert moved == pytest.approx(turned.centres + 8 * H * along, abs=1e-9 * H)


def test_where_particles_overlap_a_voxel_belongs_to_the_one_it_is_deeper_in():
    """Balls of 6 at a distance of 8: a lens, π (4 R + d) (2 R - d)²/12, lies in both."""
    labels = balls([(8, 10, 10)], 6, (32, 20, 20)).labels + 2 * balls(
        [(24, 10, 10)], 6, (32, 20, 20)
    ).labels.astype(np.int32)
    bodies, spacing = rigid(labels), CUBE
    clumps = clumps_of_rigid(bodies, spacing)
    closer = clumps.moved(H * np.array([[4.0, 0.0, 0.0], [-4.0, 0.0, 0.0]]), np.zeros((2, 3)))
    found = placed(bodies, closer, labels.shape, spacing, spacing, WALLS)
    assert set(np.unique(found.owner[:16])) == {0, 1}
    assert set(np.unique(found.owner[16:])) == {0, 2}
    lens, ball = np.pi * 32 * 16 / 12, 4 / 3 * np.pi * 6**3
    assert found.overlap == pytest.approx(lens / (2 * ball), rel=0.1)
