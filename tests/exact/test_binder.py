"""Placing binder: exact amounts, probabilities by enumeration, films, necks, profiles, guards."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import chi2, hypergeom

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from microstructures.generate import sample_cathode
from twin.manufacturing._binder_growth import grow, neighbour_counts
from twin.manufacturing._binder_profile import largest_remainder
from twin.manufacturing._binder_shape import contact_area, floating_share
from twin.manufacturing.binder import place_binder

H = 1e-7
NAMES = {0: "pore", 1: "NMC"}
MIRRORED = (False, False, False)
PERIODIC = (True, True, True)
UNLIKELY = 1e-5  # probability that a true law fails a statistical test here


def bare_cathode(n=32, seed=0):
    """The sample cathode with its binder taken out."""
    return sample_cathode(seed, shape=(n, n, n)).relabelled({"CBD": "pore"}, phases=NAMES)


SMALL = bare_cathode(14)
TINY = bare_cathode(9)


def sphere(n=25, radius=7.3):
    offset = np.indices((n, n, n)) - (n - 1) / 2
    return Volume(((offset**2).sum(axis=0) < radius**2).astype(np.uint8), H, NAMES)


def placed(volume, count, **more):
    """Where binder went if so many voxels were asked for."""
    after, report = place_binder(volume, fraction=count / volume.inside_voxels, rng=0, **more)
    assert after.voxels("CBD") == count
    return after.mask("CBD"), report


# amounts


@settings(max_examples=60)
@given(
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    preference=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)),
    placement=st.sampled_from(["film-to-cluster", "bridges"]),
    boundary=st.sampled_from(["mirrored", "periodic", ("periodic", "mirrored", "mirrored")]),
    batches=st.integers(1, 30),
)
def test_every_fraction_is_met_to_a_voxel(share, seed, **options):
    fraction = share * TINY.fraction("pore")
    after, report = place_binder(TINY, fraction=fraction, rng=seed, **options)
    count = round(fraction * TINY.labels.size)
    assert after.voxels("CBD") == count
    assert after.voxels("pore") == TINY.voxels("pore") - count
    assert np.array_equal(after.mask("NMC"), TINY.mask("NMC"))
    assert report.moved["pore_to_binder_voxels"] == count
    assert report.largest_loss == 0


@pytest.mark.parametrize("placement", ["film-to-cluster", "bridges"])
@pytest.mark.parametrize("profile", [None, {"linear": 1.5}])
def test_the_seed_decides_everything(placement, profile):
    def run(rng):
        return place_binder(SMALL, fraction=0.1, placement=placement, profile=profile, rng=rng)

    first, report = run(5)
    again, second = run(5)
    assert first.sha256 == again.sha256
    assert report.to_dict() == second.to_dict()
    assert run(np.random.default_rng(5))[0].sha256 == first.sha256
    if placement == "film-to-cluster":  # bridges draw only among equals
        assert run(6)[0].sha256 != first.sha256


def test_a_report_replays_the_step_even_without_a_seed():
    after, report = place_binder(SMALL, fraction=0.08, profile=[3, 4], boundary="periodic")
    plain = json.loads(json.dumps(report.to_dict()))
    assert isinstance(plain["parameters"]["rng"], int)
    assert place_binder(SMALL, **plain["parameters"])[0].sha256 == after.sha256


def test_binder_that_is_there_counts_and_stays():
    before = sample_cathode(0, shape=(20, 20, 20))
    after, report = place_binder(before, fraction=0.15, rng=0)
    assert after.voxels("CBD") == 1200
    assert report.moved["pore_to_binder_voxels"] == 400
    assert np.all(after.mask("CBD")[before.mask("CBD")])


def test_nanopores_are_in_the_labelled_fraction_and_in_the_total_porosity():
    whole, report = place_binder(SMALL, fraction=0.10, nanoporosity=0.47, rng=0)
    solid, same = place_binder(SMALL, solid_fraction=0.053, nanoporosity=0.47, rng=0)
    assert whole.sha256 == solid.sha256
    figures = report.figures
    assert figures == pytest.approx(same.figures)
    assert figures["binder_fraction"] == whole.fraction("CBD")
    assert figures["binder_solid_fraction"] == pytest.approx(0.53 * whole.fraction("CBD"))
    assert figures["porosity"] == whole.fraction("pore")
    pores = whole.fraction("pore") + 0.47 * whole.fraction("CBD")
    assert figures["total_porosity"] == pytest.approx(pores)
    solids = whole.fraction("NMC") + figures["binder_solid_fraction"]
    assert figures["total_porosity"] + solids == pytest.approx(1)
    dense = place_binder(SMALL, fraction=0.1, rng=0)[1]
    assert "nanoporosity is 0" in dense.warnings[0]
    assert not report.warnings


def test_voxels_outside_do_not_count_and_never_change():
    volume = SMALL.padded(3)
    after, report = place_binder(volume, fraction=0.1, profile={"linear": 2.0}, rng=0)
    assert after.voxels("CBD") == round(0.1 * SMALL.labels.size)
    assert np.array_equal(after.labels == after.outside, volume.labels == volume.outside)
    assert report.after["CBD"] == after.fraction("CBD")


def test_a_new_phase_gets_a_free_label_and_an_old_one_keeps_its_own():
    labels = np.where(SMALL.mask("NMC"), 2, 0)
    volume = Volume(labels, H, {0: "pore", 2: "NMC"}, outside=1)
    after, _ = place_binder(volume, fraction=0.1, phase="carbon", rng=0)
    assert after.phases == {0: "pore", 2: "NMC", 3: "carbon"}
    crowded = Volume(labels, H, {n: {0: "pore", 2: "NMC"}.get(n, f"p{n}") for n in range(256)})
    assert place_binder(crowded, fraction=0.1, rng=0)[0].voxels(256) == round(0.1 * labels.size)


def test_a_solid_fraction_that_swells_beyond_the_volume_names_both():
    with pytest.raises(
        InvalidInputError, match=r"solid_fraction 0\.4 with nanoporosity 0\.9 is 4 "
    ):
        place_binder(SMALL, solid_fraction=0.4, nanoporosity=0.9)
    with pytest.raises(
        InvalidInputError, match=r"solid_fraction 0\.3, nanoporosity 0\.5.*room for"
    ):
        place_binder(SMALL, solid_fraction=0.3, nanoporosity=0.5)
    with pytest.raises(InvalidInputError, match=r"solid_fraction 1\.5 is no"):
        place_binder(SMALL, solid_fraction=1.5)


def test_binder_named_as_what_particles_are_made_of_is_doubted():
    """It is most of the solids, or more than the pores; binder is neither."""

    def told(counts, fraction, **more):
        labels = np.repeat(list(counts), list(counts.values())).reshape(10, 10, 10)
        volume = Volume(labels, H, {0: "pore", 1: "NMC", 2: "CBD"})
        _, report = place_binder(volume, fraction=fraction, nanoporosity=0.5, rng=0, **more)
        return any("made of" in warning for warning in report.warnings)

    assert told({0: 600, 1: 300, 2: 100}, 0.35, phase="NMC")  # most of the solids
    assert told({0: 200, 1: 300, 2: 500}, 0.35, phase="NMC")  # more than the pores
    assert not told({0: 600, 1: 300, 2: 100}, 0.2)
    assert not told({0: 600, 1: 300, 2: 100}, 0.1)
    assert not told({0: 600, 1: 300, 2: 100}, 0.3, phase="NMC")  # nothing has grown
    assert not told({0: 600, 1: 300, 2: 100}, 0.5, phase="C65")  # new


# probabilities


def brute_counts(mask, periodic):
    """Neighbours by padding, one axis at a time: other code for the same thing."""
    total = np.zeros(mask.shape, int)
    for axis in range(3):
        width = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        wide = np.pad(mask.astype(int), width, mode="wrap" if periodic[axis] else "reflect")
        for start in (0, 2):
            total += np.take(wide, range(start, start + mask.shape[axis]), axis)
    return total


@pytest.mark.parametrize("periodic", list(itertools.product([True, False], repeat=3)))
@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 2, 7), (3, 1, 1)])
def test_neighbours_across_every_kind_of_face(shape, periodic):
    mask = np.random.default_rng(1).random(shape) < 0.4
    assert np.array_equal(neighbour_counts(mask, periodic), brute_counts(mask, periodic))


def tiny():
    """Few pores, with all kinds of neighbours, most of them at a face."""
    labels = np.random.default_rng(3).choice(3, size=(3, 3, 2), p=[0.45, 0.35, 0.2])
    return labels == 0, labels == 1, labels == 2


def energies(pore, solid, binder, w):
    """E of every voxel, 0 where there is no pore."""
    near_binder, near_solid = brute_counts(binder, MIRRORED), brute_counts(solid, MIRRORED)
    return np.where(pore, (w * near_binder + (1 - w) * near_solid) / 6, 0).ravel()


def pair_probabilities(masks, w, is_sequential):
    """Probability of each pair of voxels to be drawn, by enumeration of both orders."""
    pore, solid, binder = masks
    first = energies(*masks, w)
    out = {}
    for i in np.flatnonzero(first):
        rest = first.copy()
        if is_sequential:  # the neighbours are counted anew after the first draw
            grown, left = binder.copy(), pore.copy()
            grown.flat[i], left.flat[i] = True, False
            rest = energies(left, solid, grown, w)
        rest[i] = 0
        for j in np.flatnonzero(rest):
            pair = (min(i, j), max(i, j))
            probability = first[i] / first.sum() * rest[j] / rest.sum()
            out[pair] = out.get(pair, 0) + probability
    return out


@pytest.mark.parametrize("batches", [1, 2])
def test_pairs_are_drawn_as_often_as_enumeration_says(batches):
    masks, w, draws = tiny(), 0.3, 6000
    expected = pair_probabilities(masks, w, is_sequential=batches == 2)
    assert sum(expected.values()) == pytest.approx(1)
    rng, seen = np.random.default_rng(0), dict.fromkeys(expected, 0)
    for _ in range(draws):
        drawn = grow(*masks, np.array([2]), w, batches, MIRRORED, rng)
        seen[tuple(np.flatnonzero(drawn))] += 1
    statistic = sum((seen[k] - draws * p) ** 2 / (draws * p) for k, p in expected.items())
    assert statistic < chi2.ppf(1 - UNLIKELY, len(expected) - 1)


@pytest.mark.parametrize("periodic", [MIRRORED, PERIODIC])
def test_voxels_at_faces_are_drawn_as_often_as_others(periodic):
    """On a plane all are alike: the number at the rim is hypergeometric."""
    labels = np.zeros((6, 50, 50), bool)
    labels[:3] = True
    drawn = grow(
        ~labels, labels, labels & False, np.array([800]), 0.0, 1, periodic, np.random.default_rng(0)
    )
    layers = np.count_nonzero(drawn, axis=(1, 2))
    film = drawn[3] if periodic == MIRRORED else drawn[3] | drawn[5]
    assert layers[4] == 0
    if periodic == MIRRORED:
        rim = np.count_nonzero(film) - np.count_nonzero(film[1:-1, 1:-1])
        assert hypergeom.ppf(UNLIKELY, 2500, 196, 800) <= rim
        assert rim <= hypergeom.ppf(1 - UNLIKELY, 2500, 196, 800)
    else:  # the last layer touches the first
        low, high = hypergeom.ppf([UNLIKELY, 1 - UNLIKELY], 5000, 2500, 800)
        assert low <= layers[5] <= high


def test_a_face_through_a_random_solid_has_no_less_binder():
    """Without neighbours beyond it, a face would get a sixth less."""
    rng, n = np.random.default_rng(0), 40
    solid = rng.random((n, n, n)) < 0.5
    at_face = np.ones((n, n, n), bool)
    at_face[1:-1, 1:-1, 1:-1] = False
    drawn = np.zeros((n, n, n), int)
    for _ in range(40):
        drawn += grow(~solid, solid, solid & False, np.array([600]), 0.0, 1, MIRRORED, rng)
    pores = np.count_nonzero(~solid & at_face)
    expected = drawn.sum() * pores / np.count_nonzero(~solid)
    # draws scatter by sqrt(n); the mean of E ~ 3 ± 1.5 over the pores by another part
    scatter = np.hypot(expected**-0.5, 0.6 * pores**-0.5)
    assert abs(drawn[at_face].sum() / expected - 1) < 4 * scatter < 0.1


def test_neighbours_across_periodic_faces_attract():
    labels = np.zeros((5, 1, 1), np.uint8)
    labels[0] = 1
    volume = Volume(labels, H, NAMES)
    where = {"mirrored": set(), "periodic": set()}
    for boundary, rng in itertools.product(where, range(20)):
        after, _ = place_binder(volume, fraction=0.2, boundary=boundary, rng=rng)
        where[boundary].add(int(np.flatnonzero(after.mask("CBD"))[0]))
    assert where == {"mirrored": {1}, "periodic": {1, 4}}


# film to cluster


def shells(solid, number):
    """The voxels within so many face steps of the solid."""
    return ndimage.binary_dilation(solid, iterations=number) & ~solid


def test_no_preference_for_binder_makes_a_film():
    """On a sphere the film is exactly its dilation, and complete before binder holds binder."""
    volume = sphere()
    film = ndimage.binary_dilation(volume.mask("NMC")) & ~volume.mask("NMC")
    full = np.count_nonzero(film)
    for count in (50, full - 1, full, full + 100):
        binder, report = placed(volume, count, preference=0.0)
        assert np.count_nonzero(binder & film) == min(count, full)
        assert (report.figures["coverage"] == 1.0) == (count >= full)


def test_a_plane_is_covered_evenly():
    labels = np.zeros((8, 12, 13), np.uint8)
    labels[:3] = 1
    volume = Volume(labels, (3 * H, H, H), NAMES)
    binder, report = placed(volume, 12 * 13, preference=0.0)
    assert np.flatnonzero(binder.any(axis=(1, 2))).tolist() == [3]
    assert report.figures["mean_thickness_m"] == pytest.approx(3 * H)


def test_clusters_are_thicker_and_cover_less_than_a_film():
    volume = sphere()
    distance = ndimage.distance_transform_edt(~volume.mask("NMC"))
    count = np.count_nonzero(distance == 1)
    film, report = placed(volume, count, preference=0.0)
    clusters, other = placed(volume, count, preference=1.0)
    assert distance[film].max() == 1
    assert distance[clusters].max() > 3
    assert other.figures["coverage"] < 0.5
    assert other.figures["mean_thickness_m"] > 2 * report.figures["mean_thickness_m"]
    pieces = ndimage.label(clusters)[1]
    assert pieces <= round(count / 100) + 1  # no more than the first of 100 batches started


def test_one_seed_grows_one_cluster():
    """With one voxel a batch, clusters alone leave a single piece, however it began."""
    binder, _ = placed(bare_cathode(16), 300, preference=1.0, batches=300)
    assert ndimage.label(binder)[1] == 1


def test_coverage_falls_with_preference():
    volume = bare_cathode(48)
    coverage = [
        place_binder(volume, fraction=0.08, preference=w, rng=0)[1].figures["coverage"]
        for w in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
    ]
    assert np.all(np.diff(coverage) < -0.03)  # 0.2 % is the scatter between seeds


def test_binder_sticks_only_to_the_solids_named():
    labels = np.zeros((9, 6, 6), np.uint8)
    labels[0], labels[-1] = 1, 2
    volume = Volume(labels, H, NAMES | {2: "foil"})
    binder, _ = placed(volume, 36, preference=0.0, solid="NMC")
    assert np.flatnonzero(binder.any(axis=(1, 2))).tolist() == [1]
    both, _ = placed(volume, 72, preference=0.0)
    assert np.flatnonzero(both.any(axis=(1, 2))).tolist() == [1, 7]


# bridges


def slits(*widths):
    """Gaps of pore between plates of solid, along the last axis."""
    line = [1, 1]
    for width in widths:
        line += [0] * width + [1, 1]
    return Volume(np.tile(np.array(line, np.uint8), (7, 9, 1)), H, NAMES)


def test_narrow_slits_are_filled_before_wide_ones():
    volume = slits(8, 2, 5)
    binder, _ = placed(volume, 63 * 2, placement="bridges")
    assert np.flatnonzero(binder.any(axis=(0, 1))).tolist() == [12, 13]
    more, _ = placed(volume, 63 * 7, placement="bridges")
    assert np.flatnonzero(more.all(axis=(0, 1))).tolist() == [12, 13, 16, 17, 18, 19, 20]
    part, _ = placed(volume, 63 * 4, placement="bridges")
    assert np.flatnonzero(part.all(axis=(0, 1))).tolist()[:2] == [12, 13]
    assert not part[:, :, :12].any()


def test_more_binder_keeps_the_places_of_less():
    volume = bare_cathode(24)
    less, more = (placed(volume, n, placement="bridges")[0] for n in (500, 1500))
    assert np.all(more[less])


def two_spheres(radius=10, shift=0):
    """Spheres that touch in the middle of the first axis, rolled along it by ``shift``."""
    n, m = 4 * radius + 10, 2 * radius + 6
    z, y, x = (
        index - (k - 1) / 2 for index, k in zip(np.indices((n, m, m)), (n, m, m), strict=True)
    )
    spheres = (np.abs(z) - radius) ** 2 + y**2 + x**2 < radius**2
    return Volume(np.roll(spheres.astype(np.uint8), shift, axis=0), H, NAMES)


def off_neck(binder):
    """Distances of voxels from the point between two spheres: along the axis, and across it."""
    z, y, x = (
        index - (n - 1) / 2 for index, n in zip(np.nonzero(binder), binder.shape, strict=True)
    )
    return z, np.hypot(y, x)


def test_bridges_begin_where_two_spheres_meet():
    """The neck is filled as far as a ball that rolls in it cannot go, and evenly on both sides.

    A ball of radius r that touches both spheres of radius R has its centre √(2 R r + r²) off the
    axis; 220 voxels fill less than what a ball of two voxels leaves.
    """
    binder, report = placed(two_spheres(), 220, placement="bridges")
    along, across = off_neck(binder)
    assert across.max() < np.sqrt(2 * 10 * 2 + 2**2)
    assert np.abs(along).max() < 3
    assert abs(along.mean()) < 0.3
    assert report.figures["floating_share"] == 0
    first, then = (placed(two_spheres(), n, placement="bridges")[0] for n in (20, 60))
    assert off_neck(first)[1].mean() < off_neck(then & ~first)[1].mean()
    film, _ = placed(two_spheres(), 220, preference=0.0)
    assert np.abs(off_neck(film)[0]).max() > 15


def test_bridges_form_across_periodic_faces():
    n = two_spheres().shape[0]
    cut, report = placed(two_spheres(shift=n // 2), 220, placement="bridges", boundary="periodic")
    along, across = off_neck(np.roll(cut, n // 2, axis=0))
    assert across.max() < np.sqrt(2 * 10 * 2 + 2**2)
    assert np.abs(along).max() < 3
    assert report.figures["floating_share"] == 0
    ends = np.flatnonzero(cut.any(axis=(1, 2)))
    assert {0, n - 1} <= set(ends)


def test_particles_cut_by_a_face_make_no_neck_there():
    """A mirror would: of a sphere cut beyond its middle, it makes two that meet at the face."""
    volume = two_spheres().cropped(y=(0, 19))
    binder, _ = placed(volume, 150, placement="bridges")
    assert np.abs(np.nonzero(binder)[0] - 24.5).max() < 3
    assert np.nonzero(binder)[1].min() > 5


def test_an_open_surface_is_filled_last_and_from_the_solid():
    """Above a plane a ball of any size fits; what is left goes to the voxels nearest to solid."""
    labels = np.zeros((9, 8, 8), np.uint8)
    labels[:4], labels[1] = 1, 0  # a slit below the surface
    binder, _ = placed(Volume(labels, H, NAMES), 64 * 3, placement="bridges")
    assert np.flatnonzero(binder.all(axis=(1, 2))).tolist() == [1, 4, 5]


# profiles


def by_layer(volume, axis=0):
    others = tuple(a for a in range(3) if a != axis)
    return np.count_nonzero(volume.mask("CBD"), axis=others)


@pytest.mark.parametrize("placement", ["film-to-cluster", "bridges"])
@pytest.mark.parametrize("collector", ["low", "high"])
@pytest.mark.parametrize(
    ("profile", "shape"),
    [
        ({"linear": 2.5}, lambda s: 1 + 1.5 * s),
        ({"linear": 0.5}, lambda s: 1 - 0.5 * s),
        ({"exponential": 3.0}, lambda s: 3.0**s),
        ([1.0, 3.0, 2.0], lambda s: np.interp(s, [0, 0.5, 1], [1, 3, 2])),
        (np.linspace(2, 1, 24), lambda s: 2 - s),
    ],
)
def test_layers_hold_what_the_profile_says(placement, collector, profile, shape):
    bare = bare_cathode(24)
    volume = Volume(bare.labels, bare.spacing, NAMES, collector=collector)
    after, _ = place_binder(
        volume, fraction=0.1, profile=profile, placement=placement, batches=10, rng=0
    )
    weights = shape(np.arange(24) / 23)
    if collector == "high":  # layer 0 is then the free surface
        weights = weights[::-1]
    counts = by_layer(after)
    assert counts.sum() == round(0.1 * 24**3)
    assert np.abs(counts - counts.sum() * weights / weights.sum()).max() < 1


def test_layers_that_are_partly_outside_get_less():
    """Of the voxels inside, each layer holds the same share."""
    bare = bare_cathode(20)
    labels = bare.labels.copy()
    labels[:10, :, 12:] = 9
    volume = Volume(labels, H, NAMES, outside=9)
    after, _ = place_binder(volume, fraction=0.1, profile=[1, 1], rng=0)
    inside = np.count_nonzero(labels != 9, axis=(1, 2))
    assert np.abs(by_layer(after) - 0.1 * inside).max() < 1
    assert np.array_equal(after.labels == 9, labels == 9)


def test_layers_follow_the_through_axis():
    volume = bare_cathode(20)
    turned = volume.transposed(1, 0, 2)
    options = {"fraction": 0.1, "profile": {"linear": 3.0}, "rng": 0}
    after, same = (place_binder(v, **options)[0] for v in (volume, turned))
    assert np.array_equal(same.transposed(1, 0, 2).labels, after.labels)
    assert by_layer(same, axis=1)[0] > 2 * by_layer(same, axis=1)[-1]


@settings(max_examples=200)
@given(
    weights=st.lists(st.floats(0, 1e3), min_size=1, max_size=40).filter(lambda w: sum(w) > 1e-6),
    total=st.integers(0, 10**7),
)
def test_largest_remainder_adds_up_and_misses_each_share_by_less_than_one(weights, total):
    weights = np.array(weights)
    counts = largest_remainder(weights, total)
    assert counts.sum() == total
    assert np.all(np.abs(counts - total * weights / weights.sum()) < 1 + 1e-6)
    assert np.all(counts >= 0)


def test_the_largest_remainders_gain_a_voxel():
    shares = np.array([2.6, 1.3, 0.7, 3.4, 0.0])
    assert largest_remainder(shares / 8, 8).tolist() == [3, 1, 1, 3, 0]


def test_layers_with_too_little_pore_are_refused():
    labels = np.ones((4, 10, 10), np.uint8)
    labels[:, :2] = 0  # 20 % of pore everywhere
    volume = Volume(labels, H, NAMES, collector="low")
    place_binder(volume, fraction=0.1, profile={"linear": 3.0}, rng=0)
    with pytest.raises(InvalidInputError, match=r"layer 3 for 23 %.*room for 20 %"):
        place_binder(volume, fraction=0.14, profile={"linear": 5.0}, rng=0)
    full = place_binder(volume, fraction=0.1, profile=[0, 0, 1, 1], rng=0)[0]
    with pytest.raises(InvalidInputError, match="holds 20 voxels of binder"):
        place_binder(full, fraction=0.15, profile=[1, 1, 1, 0], rng=0)


# guards


def test_binder_that_hangs_on_nothing_is_reported():
    solid = np.zeros((12, 20, 20), bool)
    solid[0] = True
    binder = np.zeros_like(solid)
    binder[1, :2] = True  # 40 voxels on the solid
    binder[5, 5, 5:15] = True  # 10 in mid air
    assert floating_share(binder, solid, MIRRORED) == pytest.approx(10 / 50)
    binder[-1] = True  # 400 more, which touch the solid across the periodic face
    assert floating_share(binder, solid, MIRRORED) == pytest.approx(410 / 450)
    assert floating_share(binder, solid, PERIODIC) == pytest.approx(10 / 450)
    assert floating_share(binder & False, solid, PERIODIC) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_contact_area_counts_faces_by_their_size(axis):
    a = np.zeros((2, 2, 2), bool)
    np.moveaxis(a, axis, 0)[0] = True
    face = 2.0 * 3.0 * 5.0 / (2.0, 3.0, 5.0)[axis]
    assert contact_area(a, ~a, (2.0, 3.0, 5.0), MIRRORED) == pytest.approx(4 * face)
    assert contact_area(~a, a, (2.0, 3.0, 5.0), PERIODIC) == pytest.approx(8 * face)


def test_pores_that_close_are_reported():
    """A cavity behind a narrow channel, which is the first place that bridges fill."""
    labels = np.ones((16, 14, 14), np.uint8)
    labels[5:, 2:12, 2:12] = 0
    labels[-3:] = 1
    labels[:5, 6:8, 6:8] = 0
    volume = Volume(labels, H, NAMES)
    _, report = placed(volume, 4 * 4, placement="bridges", nanoporosity=0.5)
    assert report.figures["closed_pores_before"] == 0
    assert report.figures["closed_pores_after"] > 0.98
    assert len(report.warnings) == 1
    assert "closed now" in report.warnings[0]


def test_pores_that_no_longer_span_are_reported():
    labels = np.ones((10, 9, 9), np.uint8)
    labels[:, 4:6, 4:6] = 0
    volume = Volume(labels, H, NAMES)
    _, report = placed(volume, 4 * 8, profile=[1, 1, 1, 0], nanoporosity=0.5)
    assert any("no longer span" in text for text in report.warnings)


def test_pores_without_a_surface_are_refused():
    labels = np.zeros((8, 5, 5), np.uint8)
    labels[0] = 1
    volume = Volume(labels, H, NAMES, collector="low")
    with pytest.raises(InvalidInputError, match="no pore voxel beside solid or binder"):
        place_binder(volume, fraction=0.1, profile=[0, 0, 0, 0, 0, 0, 0, 1], rng=0)
    empty = Volume(labels * 0, H, NAMES)
    for placement in ("film-to-cluster", "bridges"):
        with pytest.raises(InvalidInputError, match="pore"):
            place_binder(empty, fraction=0.1, placement=placement, rng=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"fraction": 0.6}, "room for 50"),
        ({"fraction": 1.5}, "0 to 1"),
        ({"fraction": float("nan")}, "0 to 1"),
        ({"fraction": None}, "give one of them"),
        ({"solid_fraction": 0.1}, "give one of them"),
        ({"nanoporosity": 1.0}, "nanoporosity 1.0"),
        ({"preference": 1.1}, "preference 1.1"),
        ({"placement": "film"}, "none of"),
        ({"batches": 0}, "batches 0"),
        ({"profile": {"cubic": 2}}, "profile"),
        ({"profile": {"linear": 0}}, "above 0"),
        ({"profile": [1]}, "two finite numbers"),
        ({"profile": [0, 0]}, "0 at every layer"),
        ({"profile": "linear"}, "profile"),
        ({"boundary": "open"}, "boundary"),
        ({"boundary": ["periodic"]}, "boundary"),
        ({"rng": -1}, "rng -1"),
        ({"rng": True}, "rng True"),
        ({"phase": "pore"}, "two different phases"),
        ({"solid": ["pore"]}, "stick to"),
        ({"solid": []}, "stick to"),
    ],
)
def test_what_cannot_be_done_is_refused(wrong, says):
    with pytest.raises(InvalidInputError, match=says):
        place_binder(SMALL, **({"fraction": 0.1, "rng": 0} | wrong))


def test_unknown_phases_are_refused():
    for wrong in ({"pore": "void"}, {"phase": 7}, {"solid": "LFP"}):
        with pytest.raises(UnknownPhaseError):
            place_binder(SMALL, fraction=0.1, **wrong)


def test_the_real_cathode_gets_its_binder_back(nrel_volume):
    real = nrel_volume.cropped(z=(20, 60), y=(40, 80), x=(40, 80))
    bare = real.relabelled({"CBD": "pore"}, phases=NAMES)
    share, coverage = real.fraction("CBD"), []
    for options in ({"preference": 0.0}, {"preference": 1.0}, {"placement": "bridges"}):
        after, report = place_binder(bare, fraction=share, nanoporosity=0.47, rng=0, **options)
        assert after.fractions() == pytest.approx(real.fractions(), abs=0)
        assert np.array_equal(after.mask("NMC"), real.mask("NMC"))
        assert report.figures["floating_share"] < 0.002
        coverage.append(report.figures["coverage"])
    assert coverage[0] == 1 > coverage[2] > coverage[1]
