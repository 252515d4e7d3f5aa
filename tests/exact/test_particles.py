"""Particles, their sizes, and what they are on voxels: volumes, images, distances."""

import pickle

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import lognorm

import microstructures
from microstructures import generate
from microstructures.errors import InvalidInputError
from microstructures.generate import Particles, level_set, rasterise

BOX = (3.2e-6, 4.0e-6, 4.8e-6)
H = 1e-7
TURNED = Rotation.from_euler("zyx", [0.4, 1.1, -0.7]).as_matrix()


def some(body="ellipsoid", semi_axes=(0.9e-6, 0.5e-6, 0.5e-6), n=6, box=BOX, **more):
    rng = np.random.default_rng(5)
    turned = Rotation.from_quat(rng.normal(size=(n, 4))).as_matrix()
    centres = rng.random((n, 3)) * box
    return Particles(centres, np.tile(semi_axes, (n, 1)), turned, box=box, body=body, **more)


def brute_force(particles, points):
    """Inside or not, and by how much, of every point for particle 0 without images."""
    local = (points - particles.centres[0]) @ particles.orientations[0]
    a, b, _ = particles.semi_axes[0]
    along, across = np.abs(local[:, 0]), np.hypot(local[:, 1], local[:, 2])
    if particles.body == "ellipsoid":
        return np.sum((local / particles.semi_axes[0]) ** 2, axis=1) < 1
    if particles.body == "cylinder":
        return (along < a) & (across < b)
    return np.hypot(np.maximum(along - (a - b), 0), across) < b


def voxel_centres(shape):
    return (np.stack(np.indices(shape), axis=-1).reshape(-1, 3) + 0.5) * H


BODIES = [
    ("ellipsoid", (0.9e-6, 0.5e-6, 0.4e-6)),
    ("ellipsoid", (0.6e-6, 0.6e-6, 0.6e-6)),
    ("cylinder", (0.15e-6, 0.9e-6, 0.9e-6)),
    ("cylinder", (1.0e-6, 0.3e-6, 0.3e-6)),
    ("capsule", (1.0e-6, 0.3e-6, 0.3e-6)),
]


@pytest.mark.parametrize(("body", "semi_axes"), BODIES)
def test_a_body_is_where_its_equation_says(body, semi_axes):
    box = np.array([2.9e-6, 3.1e-6, 3.3e-6])
    particles = Particles([box / 2 + 3e-8], [semi_axes], [TURNED], box=box, body=body)
    labels = rasterise(particles, H)
    assert labels.dtype == np.int32
    expected = brute_force(particles, voxel_centres(labels.shape)).reshape(labels.shape)
    assert np.array_equal(labels == 1, expected)
    reaches = np.array([np.ptp(np.nonzero(expected)[a]) for a in range(3)]) * H
    assert np.all(reaches <= 2 * particles.extents[0])  # the bounding box holds the body
    assert np.all(reaches >= 2 * particles.extents[0] - 4 * H)  # and is tight, up to thin tips
    assert np.all(particles.extents[0] <= particles.bounding_radii[0] * (1 + 1e-12))


@pytest.mark.parametrize(("body", "semi_axes"), BODIES)
def test_volume_and_surface_agree_with_a_fine_point_count(body, semi_axes):
    """Volume by counting voxels, surface by the volume between two offset bodies."""
    particles = some(body, semi_axes, n=1, box=(3e-6,) * 3)
    distance = level_set(particles, 2.5e-8, reach=6e-8).distance
    voxel = 2.5e-8**3
    volume = np.count_nonzero(distance < 0) * voxel
    assert volume / particles.volumes[0] == pytest.approx(1, rel=0.005)
    shell = np.count_nonzero(np.abs(distance) < 5e-8) * voxel
    # edges of a flat cylinder round off outside: 2nd order in the shell's width
    assert shell / 1e-7 / particles.surface_areas[0] == pytest.approx(1, rel=0.02)


def test_distance_from_an_ellipsoid_is_exact_on_its_axes():
    semi_axes = np.array([1.2e-6, 0.8e-6, 0.5e-6])
    at = np.full(3, 2.05e-6)  # the centre of a voxel
    body = Particles([at], [semi_axes], box=(4.1e-6,) * 3)
    distance = level_set(body, H, reach=5e-7).distance
    for axis, half in enumerate(semi_axes):
        line = np.moveaxis(distance, axis, 0)[:, 20, 20]
        r = np.abs(np.arange(41) - 20) * H
        beyond = r > 0
        assert line[beyond] == pytest.approx(np.minimum(r[beyond] - half, 5e-7), abs=1e-15)
    assert distance[20, 20, 20] == pytest.approx(-5e-7)  # the shortest way out


def test_distance_is_exact_outside_round_bodies():
    for body, semi_axes in BODIES[1:]:
        particles = Particles(
            [np.full(3, 2e-6)], [semi_axes], [TURNED], box=(4e-6,) * 3, periodic=False, body=body
        )
        level = level_set(particles, H, reach=4e-7)
        inside = rasterise(particles, H / 4) > 0
        surface = np.stack(np.nonzero(inside), axis=1) * H / 4 + H / 8
        rows = np.stack(np.nonzero((level.distance > 1e-7) & (level.distance < 3e-7)), axis=1)
        for row in rows[:: len(rows) // 20]:
            nearest = np.sqrt(((surface - (row + 0.5) * H) ** 2).sum(axis=1).min())
            # the nearest fine voxel inside lies at most half a fine diagonal off the surface
            assert nearest - np.sqrt(3) * H / 4 <= level.distance[tuple(row)] <= nearest + 1e-15


@pytest.mark.parametrize("semi_axes", [(5.0, 5.0, 5.0), (7.0, 5.0, 4.0)])
def test_volume_converges_in_second_order(semi_axes):
    """A smooth body of radius R misses its volume by R⁻² at random (Kendall 1948).

    With 100 places each root mean square is known to 7 %, so the slope over a factor of 4 to 0.07;
    the band is three of these, and wide enough for the slow beat of its variance with R.
    """
    rng = np.random.default_rng(0)
    sizes, misses = np.array([1.0, 2.0, 4.0]), []
    for size in sizes:
        errors = []
        for turned in Rotation.random(100, random_state=1).as_matrix():
            box = np.ceil(16 * size) * np.ones(3)
            body = Particles(
                rng.random((1, 3)) * box, [size * np.array(semi_axes)], [turned], box=box
            )
            errors.append(np.count_nonzero(rasterise(body, 1.0)) / body.volumes[0] - 1)
        misses.append(np.sqrt(np.mean(np.square(errors))))
    slope = np.polyfit(np.log(sizes), np.log(misses), 1)[0]
    assert slope == pytest.approx(-2, abs=0.21)


@pytest.mark.parametrize(("body", "semi_axes"), BODIES)
def test_moving_all_particles_by_half_a_box_rolls_the_labels(body, semi_axes):
    particles = some(body, semi_axes)
    shift = np.array([16, 20, 24])
    moved = particles.moved(centres=particles.centres + shift * H)
    rolled = np.roll(rasterise(particles, H), shift, axis=(0, 1, 2))
    assert np.array_equal(rasterise(moved, H), rolled)
    assert np.array_equal(rasterise(moved.wrapped(), H), rolled)
    assert np.all((moved.wrapped().centres >= 0) & (moved.wrapped().centres < BOX))


def test_a_particle_longer_than_the_box_meets_its_images():
    box = (1e-6, 1e-6, 1e-6)
    rod = Particles([[2e-7, 5e-7, 5e-7]], [[2.3e-6, 2e-7, 2e-7]], box=box, body="cylinder")
    labels = rasterise(rod, H)
    assert np.all(labels == labels[:1])  # it runs through from end to end
    assert 0 < np.count_nonzero(labels[0]) < labels[0].size


def test_an_axis_that_is_not_periodic_cuts_particles_off():
    particles = some(periodic=(False, True, True))
    whole = rasterise(some(), H)
    cut = rasterise(particles, H)
    low, high = 2 * H + 9e-7, BOX[0] - 2 * H - 9e-7
    layers = slice(int(low / H), int(high / H))
    assert np.array_equal(cut[layers], whole[layers])
    assert np.count_nonzero(cut) < np.count_nonzero(whole)
    taller = rasterise(particles, H, (50, 40, 48))  # the bed under a lid that came down
    assert np.array_equal(taller[:32], cut)


def test_an_overlap_goes_to_the_particle_it_lies_deeper_in():
    centres = [[1e-6, 1e-6, 0.8e-6], [1e-6, 1e-6, 1.3e-6]]
    labels = rasterise(Particles.spheres(centres, [6e-7, 3e-7], box=(2e-6,) * 3), H)
    distances = [
        np.sqrt(((voxel_centres(labels.shape) - c) ** 2).sum(axis=1)) - r
        for c, r in zip(centres, (6e-7, 3e-7), strict=True)
    ]
    both = np.maximum(*distances).reshape(labels.shape) < 0
    first = (distances[0] < distances[1]).reshape(labels.shape)
    assert np.count_nonzero(both) > 20
    assert np.array_equal(labels[both] == 1, first[both])


def test_the_cost_follows_the_particles_and_not_the_box():
    """A window per particle: the distances computed are a small part of voxels × particles."""
    from microstructures.generate import raster

    particles = some(n=40, box=(8e-6,) * 3)
    visited = []
    original = raster._distance

    def counting(*args):
        found = original(*args)
        visited.append(found.size)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raster, "_distance", counting)
        rasterise(particles, H)
    boxes = np.prod(2 * particles.extents / H + 1, axis=1).sum()
    assert sum(visited) <= boxes


def test_exact_fraction_takes_the_lowest():
    score = np.arange(24.0)[::-1].reshape(2, 3, 4)
    assert np.array_equal(generate.exact_fraction(score, 0.25), score < 6)


def test_particles_survive_pickling_and_are_the_public_name():
    particles = pickle.loads(pickle.dumps(some()))
    assert microstructures.Particles is Particles
    assert np.array_equal(particles.centres, some().centres)
    assert len(particles) == 6
    with pytest.raises(ValueError, match="read-only"):
        some().centres[0] = 0


def test_no_particles_are_a_fine_set():
    empty = Particles.spheres(np.empty((0, 3)), np.empty(0), box=BOX)
    assert not rasterise(empty, H).any()
    assert empty.volumes.sum() == empty.surface_areas.sum() == 0


MIRROR = np.diag([1.0, 1.0, -1.0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"centres": [[0.0, 0.0]]}, r"centres have shape \(1, 2\)"),
        ({"centres": [[0.0, np.nan, 0.0]]}, "finite"),
        ({"semi_axes": [[1e-6, 0.0, 1e-6]]}, "must be > 0"),
        ({"semi_axes": [[1e-6] * 3] * 2}, "one row per particle"),
        ({"orientations": [MIRROR]}, "no rotation"),
        ({"orientations": [1.1 * np.eye(3)]}, "no rotation"),
        ({"box": (1e-6, 1e-6)}, "three edge lengths"),
        ({"box": (1e-6, -1e-6, 1e-6)}, "three edge lengths"),
        ({"periodic": (True, False)}, "three of them"),
        ({"body": "cube"}, "choose one of"),
        ({"body": "capsule", "semi_axes": [[1e-7, 2e-7, 2e-7]]}, "at least the radius"),
        ({"body": "cylinder", "semi_axes": [[1e-7, 2e-7, 3e-7]]}, "is round"),
    ],
)
def test_particles_that_cannot_be_are_refused(change, match):
    good = {"centres": [[0.0, 0.0, 0.0]], "semi_axes": [[1e-6, 1e-6, 1e-6]], "box": BOX}
    with pytest.raises(InvalidInputError, match=match):
        Particles(**(good | change))


def test_voxels_that_do_not_fit_a_periodic_box_are_refused():
    with pytest.raises(InvalidInputError, match=r"periodic box of 3\.2e-06 m is 35\.5556 voxels"):
        rasterise(some(), 9e-8)
    with pytest.raises(InvalidInputError, match="along axis 1"):
        rasterise(some(), H, (32, 39, 48))


def test_moments_of_a_law_are_those_of_its_quantiles():
    sizes = generate.lognormal_sizes(2e-6, 0.4)
    # the law is cut at three sigma, so compare with the law cut likewise
    p = (np.arange(200_000) + 0.5) / 200_000
    tail = lognorm.cdf(2e-6 * np.exp(-1.2), 0.4, scale=2e-6)
    exact = lognorm.ppf(tail + p * (1 - 2 * tail), 0.4, scale=2e-6)
    for order in (1, 2, 3):
        assert sizes.moment(order) / np.mean(exact**order) == pytest.approx(1, rel=1e-4)
    assert sizes.quantile(0.5) == pytest.approx(2e-6, rel=1e-6)


def test_a_law_by_volume_has_its_median_by_volume():
    """Of a log-normal law the median by number is exp(−3σ²) times that by volume (Hatch-Choate)."""
    sizes = generate.lognormal_sizes(5e-6, 0.2, by="volume")
    radii = sizes.spread(100_000)
    half = radii[np.searchsorted(np.cumsum(radii**3), (radii**3).sum() / 2)]
    assert half == pytest.approx(5e-6, rel=1e-3)
    # three sigma cut off by volume take more of the small: a shift of less than 1 %
    assert sizes.quantile(0.5) == pytest.approx(5e-6 * np.exp(-3 * 0.2**2), rel=0.01)


def test_measured_quantiles_by_volume_come_back():
    wanted = {0.1: 2e-6, 0.5: 4e-6, 0.9: 7e-6}
    radii = generate.quantile_sizes(wanted).spread(200_000)[::-1]
    share = np.cumsum(radii**3) / np.sum(radii**3)
    # the law ends at 0.1 and 99.9 %: ranks move by up to that much, radii by less than 1 %
    assert np.interp(list(wanted), share, radii) == pytest.approx(list(wanted.values()), rel=0.01)


def test_a_mixture_has_the_share_of_volume_asked_for():
    small, large = generate.equal_sizes(1e-6), generate.normal_sizes(5e-6, 5e-7)
    mixed = generate.bimodal_sizes(small, large, 0.25)
    n = np.array([0.25 / small.mean_volume, 0.75 / large.mean_volume])
    n /= n.sum()
    for order in (1, 2, 3):
        exact = n @ [small.moment(order), large.moment(order)]
        assert mixed.moment(order) / exact == pytest.approx(1, rel=1e-9)
    assert mixed.quantile(n[0] / 2) == 1e-6
    assert mixed.quantile(1 - n[1] / 2) == pytest.approx(5e-6, rel=1e-6)


def test_number_for_a_volume_and_drawing():
    sizes = generate.lognormal_sizes(1e-6, 0.3)
    n = sizes.number(1000 * sizes.mean_volume)
    assert n == 1000
    radii = sizes.spread(n)
    assert np.all(np.diff(radii) <= 0)
    # midpoint rule over ranks: the tails' share is off by less than a particle in a thousand
    mean = 4 / 3 * np.pi * np.mean(radii**3)
    assert mean / sizes.mean_volume == pytest.approx(1, rel=1e-3)
    assert np.array_equal(sizes.drawn(5, 3), sizes.drawn(5, np.random.default_rng(3)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: generate.normal_sizes(1e-6, 5e-7),
        lambda: generate.lognormal_sizes(-1e-6, 0.3),
        lambda: generate.lognormal_sizes(1e-6, 0.0),
        lambda: generate.lognormal_sizes(1e-6, 0.3, by="mass"),
        lambda: generate.quantile_sizes({0.5: 1e-6}),
        lambda: generate.quantile_sizes({0.1: 2e-6, 0.9: 1e-6}),
        lambda: generate.quantile_sizes({0.0: 1e-6, 0.9: 2e-6}),
        lambda: generate.Sizes([0, 0.5], [1e-6, 2e-6]),
        lambda: generate.Sizes([0, 1], [2e-6, 1e-6]),
        lambda: generate.equal_sizes(0.0),
        lambda: generate.equal_sizes(1e-6).spread(0),
    ],
)
def test_sizes_that_cannot_be_are_refused(call):
    with pytest.raises(InvalidInputError, match=r"pass|choose|sort|use"):
        call()
