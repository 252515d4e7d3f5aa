"""Packing: pairs and walls with known answers, dense packings, and what cannot be packed."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import solvers
from microstructures import Particles
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.clumps import Clumps, clumps_of
from solvers.neighbours import find_neighbours
from solvers.packing import relax_clumps

BOX = (1e-4, 1e-4, 1e-4)
RADIUS = 5e-6
HERE = np.array([5e-5, 5e-5, 5e-5])


def spheres(centres, radii=RADIUS, **options):
    return Particles.spheres(centres, radii, **({"box": BOX} | options))


def random_spheres(count, solid, seed=0):
    edge = (count * 4 / 3 * np.pi * RADIUS**3 / solid) ** (1 / 3)
    centres = np.random.default_rng(seed).random((count, 3)) * edge
    return spheres(centres, box=(edge,) * 3)


def gaps(particles):
    """Distances between surfaces of all pairs of spheres, over a radius, in a periodic box."""
    apart = particles.centres[:, None] - particles.centres
    apart -= np.round(apart / particles.box) * particles.box
    pairs = np.triu_indices(len(particles), 1)
    return np.linalg.norm(apart, axis=-1)[pairs] / RADIUS - 2


def test_two_spheres_part_along_their_line_about_their_centre():
    along = np.array([2.0, 1.0, -2.0]) / 3
    before = np.stack([HERE, HERE + 1.2 * RADIUS * along])
    packed = solvers.relax(spheres(before), tolerance=1e-4)
    apart = packed.particles.centres[1] - packed.particles.centres[0]
    assert 2 - 1e-4 < np.linalg.norm(apart) / RADIUS < 2.4  # they coast for a while
    assert apart / np.linalg.norm(apart) == pytest.approx(along, abs=1e-9)
    assert packed.particles.centres.mean(axis=0) == pytest.approx(before.mean(axis=0), abs=1e-15)


def test_spheres_touch_across_a_periodic_face_and_not_through_a_wall():
    low, high = np.array([1e-6, 5e-5, 5e-5]), np.array([9.9e-5, 5e-5, 5e-5])
    around = solvers.relax(spheres([low, high]), tolerance=1e-4).particles.centres
    assert 2 - 1e-4 < (around[0, 0] - around[1, 0]) % 1e-4 / RADIUS < 2.4
    walls = spheres([low, high], periodic=(False, True, True))
    inside = solvers.relax(walls, tolerance=1e-4).particles.centres
    assert 1 - 1e-4 < inside[0, 0] / RADIUS < 1.2
    assert 1 - 1e-4 < (1e-4 - inside[1, 0]) / RADIUS < 1.2


def test_centres_come_back_into_a_periodic_box():
    packed = solvers.relax(spheres([HERE - [6e-5, 0.0, 0.0]])).particles
    assert packed.centres[0] == pytest.approx([9e-5, 5e-5, 5e-5], rel=1e-12)


def test_a_sphere_in_too_narrow_a_gap_is_jammed_soon():
    """Between walls 0.8 diameters apart it comes to rest in the middle, a fifth too large."""
    gap = 1.6 * RADIUS
    given = spheres([[0.6 * gap, 5e-5, 5e-5]], box=(gap, 1e-4, 1e-4), periodic=(False, True, True))
    packed = solvers.relax(given, allow_overlap=True)
    assert packed.report.jammed
    assert packed.report.iterations < 1000
    assert packed.report.overlap == pytest.approx(0.2, abs=1e-3)
    assert packed.particles.centres[0, 0] == pytest.approx(gap / 2, rel=1e-3)


def test_what_still_moves_is_not_jammed():
    report = solvers.relax(random_spheres(60, 0.6), max_iterations=3, allow_overlap=True).report
    assert report.overlap > report.tolerance
    assert not report.jammed


def test_no_sphere_leaps():
    """Sixty at nearly one place push with all their might, and go a fifth of a radius each."""
    crowd = HERE + 1e-7 * np.random.default_rng(0).random((60, 3))
    moved = solvers.relax(spheres(crowd), max_iterations=1, allow_overlap=True).particles.centres
    assert np.abs(moved - crowd).max() == pytest.approx(0.2 * RADIUS, rel=1e-9)


def test_centres_at_one_place_part_too():
    packed = solvers.relax(spheres([HERE, HERE]), tolerance=1e-4)
    assert -1e-3 <= gaps(packed.particles)[0] < 0.4


def test_what_does_not_overlap_stays():
    given = spheres([HERE, HERE + 2.01 * RADIUS])
    packed = solvers.relax(given)
    assert np.array_equal(packed.particles.centres, given.centres)
    assert packed.report.iterations == 0


def test_a_capsule_between_walls_turns_until_it_fits():
    """Longer than the gap is high, and askew: it can only lie down."""
    tilt = Rotation.from_rotvec([0.0, 0.6, 0.0]).as_matrix()[None]
    given = Particles(
        [[6e-6, 5e-5, 5e-5]],
        [[2e-5, RADIUS, RADIUS]],
        tilt,
        box=(1.2e-5, 1e-4, 1e-4),
        periodic=(False, True, True),
        body="capsule",
    )
    packed = solvers.relax(given, tolerance=1e-3).particles
    ends = packed.centres[0, 0] + np.array([-1, 1]) * 1.5e-5 * packed.orientations[0, 0, 0]
    assert ends.min() > RADIUS * (1 - 2e-3)
    assert ends.max() < 1.2e-5 - RADIUS * (1 - 2e-3)


@pytest.mark.parametrize("solid", [0.5, 0.6])
def test_dense_packings_of_equal_spheres_do_not_overlap(solid):
    packed = solvers.relax(random_spheres(300, solid))
    assert gaps(packed.particles).min() > -1.01e-3
    edge = np.prod(packed.particles.box)
    assert packed.particles.volumes.sum() / edge == pytest.approx(solid, rel=1e-12)


def test_the_same_particles_pack_in_the_same_way():
    one, two = (solvers.relax(random_spheres(100, 0.58)).particles for _ in range(2))
    assert np.array_equal(one.centres, two.centres)


def test_more_than_fits_is_refused_with_what_was_reached():
    """Random packings of equal spheres end at 64 %, crystals at 74 %."""
    with pytest.raises(ConvergenceError, match="overlaps") as caught:
        solvers.relax(random_spheres(150, 0.72), max_iterations=4000)
    assert caught.value.report.overlap > 0.01
    jammed = solvers.relax(random_spheres(150, 0.72), max_iterations=4000, allow_overlap=True)
    assert jammed.report.overlap == caught.value.report.overlap
    assert 6 < jammed.report.contacts < 12


@pytest.mark.parametrize(
    "axes",
    [
        (3.0, 2.0, 1.0),
        (1.0, 3.0, 2.0),
        (2.0, 2.0, 1.0),
        (1.0, 1.0, 3.0),
        (3.0, 1.0, 1.0),
        (1.0,) * 3,
    ],
)
def test_balls_lie_within_their_ellipsoid_and_nearly_fill_it(axes):
    clumps = clumps_of(Particles([[0.0] * 3], [axes], box=(9.0,) * 3))
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    surface = clumps.offsets[:, None] + clumps.radii[:, None, None] * directions
    assert np.sum((surface / axes) ** 2, axis=-1).max() < 1 + 1e-9
    points = rng.normal(size=(20_000, 3))
    points *= (rng.random(20_000) ** (1 / 3) / np.linalg.norm(points, axis=1))[:, None]
    points = points * axes  # even in the ellipsoid
    apart = np.linalg.norm(points[:, None] - clumps.offsets, axis=-1)
    assert np.mean((apart < clumps.radii).any(axis=1)) > 0.96


@pytest.mark.parametrize("body", ["capsule", "cylinder"])
@pytest.mark.parametrize("half", [0.4, 1.0, 3.0])
def test_balls_reach_to_the_ends_of_round_bodies_and_no_further(body, half):
    radius = min(half, 1.0) if body == "capsule" else 1.0
    clumps = clumps_of(Particles([[0.0] * 3], [[half, radius, radius]], box=(9.0,) * 3, body=body))
    along = np.abs(clumps.offsets[:, 0]) + clumps.radii
    across = np.linalg.norm(clumps.offsets[:, 1:], axis=1) + clumps.radii
    assert along.max() == pytest.approx(half, rel=1e-9)
    assert across.max() == pytest.approx(radius, rel=1e-9)


def test_the_lever_of_a_turn_is_the_radius_of_gyration():
    """Of a solid ellipsoid, (a² + b² + c²)/5, from its moments of inertia."""
    clumps = clumps_of(Particles([[0.0] * 3], [[3.0, 2.0, 1.0]], box=(9.0,) * 3))
    assert clumps.gyration == pytest.approx(np.sqrt(14 / 5))


def test_ellipsoids_pack_denser_than_spheres_can():
    """Known for axes of about 1 : 1.3 : 1.7, which jam beyond 70 %."""
    rng = np.random.default_rng(1)
    axes, count = RADIUS * np.array([1.25, 1.0, 0.8]), 100
    edge = (count * 4 / 3 * np.pi * np.prod(axes) / 0.66) ** (1 / 3)
    given = Particles(
        rng.random((count, 3)) * edge,
        np.tile(axes, (count, 1)),
        Rotation.random(count, rng).as_matrix(),
        box=(edge,) * 3,
    )
    report = solvers.relax(given, tolerance=5e-3, max_iterations=4000).report
    assert report.overlap <= 5e-3


@pytest.mark.parametrize("short", [1.0, 0.22])  # in the latter spheres meet images of images
def test_neighbours_are_all_images_that_are_near(short):
    rng = np.random.default_rng(3)
    box, periodic = np.array([short, 1.0, 1.0]), (True, False, True)
    places, radii = 3 * rng.random((60, 3)) - 1, rng.uniform(0.02, 0.08, 60)
    body = np.repeat(np.arange(30, dtype=np.int32), 2)
    near = find_neighbours(places, radii, body, box, periodic, 0.05)
    steps = np.arange(-20, 21)
    wanted = set()
    for shift in np.stack(np.meshgrid(steps, [0], steps, indexing="ij"), axis=-1).reshape(-1, 3):
        ways = places[:, None] - places - shift * box
        found = np.linalg.norm(ways, axis=-1) < radii[:, None] + radii + 0.05
        found &= body[:, None] != body
        wanted |= {(i, j, *shift.tolist()) for i, j in np.argwhere(found).tolist()}
    i, j = near.pairs
    listed = list(zip(i.tolist(), j.tolist(), *near.shift.T.tolist(), strict=True))
    assert set(listed) == wanted
    assert len(listed) == len(wanted)
    ways = places[i] - places[j] - near.shift * box
    assert np.allclose(near.ways(places, box), ways, rtol=1e-12)


def test_images_two_boxes_away_are_neighbours_if_they_are_near():
    """In a box of 17, spheres 1.6 wide and 5 apart at most see each other at 1, 16 and 18."""
    places = np.array([[0.5, 50.0, 50.0], [16.5, 50.0, 50.0]])
    box, body = np.array([17.0, 100.0, 100.0]), np.arange(2, dtype=np.int32)
    near = find_neighbours(places, np.full(2, 8.0), body, box, (True, True, True), 5.0)
    assert near.pairs[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(near.shift[:3, 0].tolist()) == [-2, -1, 0]
    assert sorted(near.shift[3:, 0].tolist()) == [0, 1, 2]
    apart = np.linalg.norm(near.ways(places, box), axis=1)
    assert sorted(apart) == pytest.approx([1.0, 1.0, 16.0, 16.0, 18.0, 18.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: solvers.relax(spheres(np.zeros((0, 3)))), "at least one"),
        (lambda: solvers.relax(spheres([HERE]), tolerance=0.0), "1e-3 is the default"),
        (lambda: solvers.relax(spheres([HERE, HERE], 6e-5)), "larger box"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_in_a_small_box_a_sphere_meets_another_on_both_sides():
    """Two spheres in a box less than four radii long, which the nearest image alone would miss."""
    box = np.array([3.0, 8.0, 8.0]) * RADIUS
    before = np.array([[0.6, 4.0, 4.0], [2.1, 4.5, 4.0]]) * RADIUS
    packed = solvers.relax(spheres(before, box=tuple(box)), tolerance=1e-4).particles
    images = np.array([[s, 0, 0] for s in (-1, 0, 1)]) * box
    apart = packed.centres[1] - packed.centres[0] + images
    apart[:, 1:] -= np.round(apart[:, 1:] / box[1:]) * box[1:]
    near, other, _ = np.sort(np.linalg.norm(apart, axis=1)) / RADIUS
    assert near == pytest.approx(other, abs=1e-3)  # it lies in between
    assert 2.0 - 3e-4 < near < 2.2


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_a_plane_holds_slides_along_it_and_turns_about_its_normal(axis):
    """A rod across the plane is pushed off centre from the side, and a ball from above."""
    rod = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 4.0, 0.0]])  # its balls, in radii
    centres = np.array([[0.0, 0.0, 0.0], [0.5, 4.0, 1.5], [1.8, 0.0, 0.0]])
    order = np.roll([0, 1, 2], axis)
    given = Clumps(
        (centres[:, order] + 10.0) * RADIUS,
        np.tile(np.eye(3), (3, 1, 1)),
        np.array([0, 0, 0, 1, 2], np.int32),
        np.concatenate([rod, np.zeros((2, 3))])[:, order] * RADIUS,
        np.full(5, RADIUS),
        np.full(3, RADIUS),
    )
    held = np.zeros((3, 3), bool)
    held[0, axis] = True
    found, report = relax_clumps(
        given, np.full(3, 40 * RADIUS), (False,) * 3, tolerance=1e-3, max_iterations=4000, held=held
    )
    assert report.overlap <= 1e-3
    moved = (found.centres[0] - given.centres[0]) / RADIUS
    assert moved[axis] == 0.0
    assert np.linalg.norm(moved) > 0.05
    turn = Rotation.from_matrix(found.orientations[0]).as_rotvec()
    assert abs(turn[axis]) > 0.02
    assert np.delete(turn, axis) == pytest.approx([0.0, 0.0], abs=1e-12)


def test_what_two_planes_hold_does_not_turn_and_no_wall_stops_it():
    """It reaches out of the box across the planes that hold it, and goes where it is pushed."""
    centres = np.array([[0.5, 0.2, 10.0], [0.9, 0.9, 11.0]]) * RADIUS
    given = Clumps(
        centres,
        np.tile(np.eye(3), (2, 1, 1)),
        np.array([0, 0, 1], np.int32),
        np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]) * RADIUS,
        np.full(3, RADIUS),
        np.full(2, RADIUS),
    )
    held = np.array([[True, True, False], [True, True, True]])
    found, report = relax_clumps(
        given, np.full(3, 40 * RADIUS), (False,) * 3, tolerance=1e-3, max_iterations=4000, held=held
    )
    assert report.overlap <= 1e-3
    assert np.array_equal(found.centres[1], centres[1])
    assert np.array_equal(found.centres[0, :2], centres[0, :2])
    assert found.centres[0, 2] < centres[0, 2] - RADIUS
    assert np.array_equal(found.orientations, given.orientations)
