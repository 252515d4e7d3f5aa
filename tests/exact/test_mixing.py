"""Mixing: volumes whose variation between windows is known, and the moments of random ones."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy.stats import norm

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from microstructures.generate import sample_cathode
from twin.manufacturing.binder import place_binder
from twin.manufacturing.mixing import depth_profile, mixing_index, random_moments

H = 1e-7
NAMES = {0: "pore", 1: "CBD"}
UNLIKELY = norm.isf(1e-5)  # standard deviations that a true law exceeds once in 50 000 times


def dealt(shape, count, seed, grain=1):
    """``count`` grains of ``grain``³ voxels of binder, placed at random."""
    labels = np.zeros(math.prod(shape), np.uint8)
    labels[:count] = 1
    labels = np.random.default_rng(seed).permutation(labels).reshape(shape)
    for axis in range(3):
        labels = labels.repeat(grain, axis)
    return Volume(labels, H, NAMES)


def test_a_checkerboard_is_more_even_than_random():
    """Windows of an even edge hold the same, so s² = 0 and the index is s_0² / (s_0² - s_r²)."""
    labels = (np.indices((16, 16, 16)).sum(axis=0) % 2).astype(np.uint8)
    index = mixing_index(Volume(labels, H, NAMES), "CBD")
    assert index.edges == pytest.approx((2 * H, 4 * H, 8 * H))
    assert index.windows == (512, 64, 8)
    assert index.variation == (0, 0, 0)
    for windows, lacey in zip(index.windows, index.lacey, strict=True):
        assert lacey == pytest.approx(1 / (1 - (windows - 1) / (16**3 - 1)), rel=1e-12)
    assert index.lacey_error == (0, 0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_are_segregated(axis):
    """Where each window has all or nothing, the index is 0 and the variation that of its limit."""
    labels = np.zeros((16, 16, 16), np.uint8)
    np.moveaxis(labels, axis, 0)[:4] = 1
    index = mixing_index(Volume(labels, H, NAMES), "CBD", windows=[2 * H, 4 * H])
    assert index.lacey == pytest.approx((0, 0), abs=1e-12)
    assert index.variation == pytest.approx([index.segregated] * 2)
    assert index.segregated == pytest.approx(math.sqrt(3))  # √((1 - p) / p) at p = 1/4


def test_windows_grow_as_long_as_eight_fit():
    volume = dealt((48, 48, 48), 5000, 0)
    assert mixing_index(volume, "CBD").windows == (24**3, 12**3, 6**3, 3**3)


def test_slabs_that_cut_a_window_in_half():
    """The local fractions are 1, 1/2, 0 and 0 along the axis."""
    labels = np.zeros((32, 16, 16), np.uint8)
    labels[:12] = 1
    index = mixing_index(Volume(labels, H, NAMES), "CBD", windows=[8 * H])
    p, spread = 3 / 8, np.var([1, 0.5, 0, 0])
    assert index.windows == (16,)
    assert index.variation[0] == pytest.approx(math.sqrt(spread) / p)
    chance = p * (1 - p) * 15 / (32 * 16 * 16 - 1)
    assert index.random[0] == pytest.approx(math.sqrt(chance) / p)
    assert index.lacey[0] == pytest.approx((p * (1 - p) - spread) / (p * (1 - p) - chance))


def test_moments_are_those_of_all_dealings():
    """Mean and deviation of s² by enumeration, for windows of unequal size."""
    for sizes, count in (((3, 3, 4), 4), ((2, 2, 2, 2, 2), 3), ((1, 4, 5, 3), 6), ((4, 4, 4), 6)):
        total = sum(sizes)
        starts, p = np.cumsum((0, *sizes[:-1])), count / total
        found = []
        for chosen in itertools.combinations(range(total), count):
            flags = np.zeros(total)
            flags[list(chosen)] = 1
            shares = np.add.reduceat(flags, starts) / sizes
            found.append(np.sum(sizes * (shares - p) ** 2) / total)
        mean, deviation = random_moments(np.array(sizes, float), p)
        assert mean == pytest.approx(np.mean(found), rel=1e-12)
        assert deviation == pytest.approx(np.std(found), rel=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_random_voxels_have_an_index_of_one(share):
    """Each within its own deviation, and the mean over seeds within that of the mean."""
    shape, seeds = (24, 20, 22), 20
    scores = []
    for seed in range(seeds):
        index = mixing_index(dealt(shape, round(share * math.prod(shape)), seed), "CBD")
        scores.append((np.array(index.lacey) - 1) / index.lacey_random_error)
    scores = np.array(scores)
    assert scores.shape == (seeds, 3)
    assert np.abs(scores[:, :2]).max() < UNLIKELY  # of 18 windows, s² is far from normal
    assert np.abs(scores.mean(axis=0)).max() < UNLIKELY / math.sqrt(seeds)
    # the deviation itself is right: the variance of 20 normal scores is 1 ± √(2 / 19)
    assert np.abs(scores[:, :2].var(axis=0) - 1).max() < UNLIKELY * math.sqrt(2 / 19)


def test_random_grains_are_less_mixed_than_random_voxels():
    """Grains of 2³ voxels in windows of 4³: s² is that of 8 units in a window, not of 64."""
    shape, count, lacey = (8, 8, 8), 100, []
    p = count / math.prod(shape)
    mean, deviation = random_moments(np.full(64, 8.0), p)
    fine, _ = random_moments(np.full(64, 64.0), p)
    for seed in range(30):
        index = mixing_index(dealt(shape, count, seed, grain=2), "CBD", windows=[4 * H])
        lacey.append(index.lacey[0])
    expected = (p * (1 - p) - mean) / (p * (1 - p) - fine)
    error = deviation / (p * (1 - p) - fine) / math.sqrt(30)
    assert abs(np.mean(lacey) - expected) < UNLIKELY * error
    assert expected < 0.9


def test_windows_that_do_not_fit_leave_no_voxel_out():
    """Blocks differ by a voxel; s² weighs each by its voxels."""
    volume = dealt((11, 9, 10), 200, 0)
    index = mixing_index(volume, "CBD", windows=[4 * H])
    cuts = [[0, 3, 7], [0, 4], [0, 5]]
    sums, sizes = np.asarray(volume.labels, int), np.ones(volume.shape, int)
    for axis, starts in enumerate(cuts):
        sums, sizes = (np.add.reduceat(a, starts, axis=axis) for a in (sums, sizes))
    p = 200 / 990
    spread = np.sum((sums - p * sizes) ** 2 / sizes) / 990
    assert index.windows == (sums.size,)
    assert index.variation[0] == pytest.approx(math.sqrt(spread) / p)


def test_voxels_outside_and_other_phases_can_be_left_out():
    """Binder in the space that particles leave: windows weigh what they have of it."""
    volume = sample_cathode(0, shape=(24, 24, 24))
    padded = volume.padded((0, 0, (0, 8)))  # outside, of whole windows
    plain, same = (mixing_index(v, "CBD", windows=[4 * 398e-9]) for v in (volume, padded))
    assert same.windows == plain.windows
    assert same.lacey == pytest.approx(plain.lacey, rel=1e-12)
    index = mixing_index(volume, "CBD", windows=[4 * 398e-9], within=("CBD", "pore"))
    assert index.fraction == pytest.approx(0.1 / 0.5, rel=1e-3)
    binder, free = volume.mask("CBD"), ~volume.mask("NMC")
    cells = [
        (binder[w].sum(), free[w].sum())
        for w in (
            tuple(slice(4 * i, 4 * i + 4) for i in corner)
            for corner in itertools.product(range(6), repeat=3)
        )
    ]
    held, sizes = np.array([cell for cell in cells if cell[1]]).T
    p = held.sum() / sizes.sum()
    spread = np.sum((held - p * sizes) ** 2 / sizes) / sizes.sum()
    assert index.variation[0] == pytest.approx(math.sqrt(spread) / p)
    assert index.windows == (len(sizes),)


def test_windows_are_cubes_in_metres():
    volume = Volume(dealt((8, 16, 32), 400, 0).labels, (4e-7, 2e-7, 1e-7), NAMES)
    index = mixing_index(volume, "CBD", windows=[8e-7])
    assert index.windows == (4 * 4 * 4,)


def test_clusters_are_mixed_worse_than_a_film():
    bare = sample_cathode(0, shape=(40, 40, 40)).relabelled(
        {"CBD": "pore"}, phases={0: "pore", 1: "NMC"}
    )
    film, clusters = (
        mixing_index(place_binder(bare, fraction=0.1, preference=w, rng=0)[0], "CBD")
        for w in (0.0, 1.0)
    )
    for a, b in list(zip(film.lacey, clusters.lacey, strict=True))[:3]:
        assert a > b + 0.02


@pytest.mark.parametrize("collector", ["low", "high"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_depth_runs_from_the_collector_to_the_surface(axis, collector):
    labels = np.zeros((10, 10, 10), np.uint8)
    for layer in range(10):
        np.moveaxis(labels, axis, 0)[layer, :layer] = 1  # fraction = layer / 10
    volume = Volume(labels, (1e-7, 2e-7, 3e-7), NAMES, through_axis=axis, collector=collector)
    profile = depth_profile(volume, "CBD")
    rising = np.arange(10) / 10
    assert profile.fraction == pytest.approx(rising if collector == "low" else rising[::-1])
    assert profile.depth == pytest.approx((np.arange(10) + 0.5) * volume.spacing[axis])
    across = depth_profile(volume, "CBD", axis=(axis + 1) % 3)
    assert across.fraction == pytest.approx(volume.profile("CBD", (axis + 1) % 3))


def test_errors_of_a_profile_are_those_of_random_voxels():
    """Of n voxels at random, √(p (1 - p) / n); of layers that are all alike, 0."""
    profile = depth_profile(dealt((30, 64, 64), 12288, 3), "CBD")
    exact = math.sqrt(0.1 * 0.9 / 64**2)
    off = (np.array(profile.fraction) - 0.1) / exact
    assert np.abs(off).max() < UNLIKELY
    # blocks of 16 × 16 estimate a variance to √(2 / 256), and its correlations to several times it
    assert np.mean(profile.standard_error) == pytest.approx(exact, rel=0.1)
    columns = np.zeros((5, 16, 16), np.uint8)
    columns[:, ::2] = 1
    even = depth_profile(Volume(columns[:, :, :], H, NAMES), "CBD", axis=2)
    assert even.fraction == pytest.approx([0.5] * 16)
    edge = depth_profile(Volume(columns, H, NAMES).padded((1, 0, 0)), "CBD")
    assert math.isnan(edge.fraction[0])
    assert edge.to_dict()["fraction"][0] is None


def test_results_can_be_stored_and_shown():
    index = mixing_index(sample_cathode(0, shape=(16, 16, 16)), "CBD", within=["CBD", "pore"])
    plain = json.loads(json.dumps(index.to_dict()))
    assert plain["lacey"] == list(index.lacey)
    assert plain["within"] == ["CBD", "pore"]
    assert "CBD + pore" in index._repr_html_()
    assert str(index).count("\n") == len(index.edges)
    profile = depth_profile(sample_cathode(0, shape=(8, 8, 8)), "CBD")
    assert json.loads(json.dumps(profile.to_dict()))["axis"] == 0
    assert "8 layers" in profile._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"windows": [H / 2]}, "two voxels"),
        ({"windows": [12 * H]}, "at least 8 windows"),
        ({"windows": [0.0]}, "no edge"),
        ({"windows": [float("nan")]}, "no edge"),
        ({"windows": ["2e-6"]}, "'2e-6' is no edge"),
        ({"windows": "2e-6"}, "'2e-6' is no edge"),
        ({"windows": []}, "empty"),
        ({"within": ["pore"]}, "lacks"),
        ({"within": ["CBD"]}, "mixed with"),
    ],
)
def test_what_cannot_be_measured_is_refused(wrong, says):
    with pytest.raises(InvalidInputError, match=says):
        mixing_index(dealt((12, 12, 12), 300, 0), "CBD", **wrong)


def test_one_window_need_not_be_in_a_list():
    volume = dealt((12, 12, 12), 300, 0)
    one, listed = (mixing_index(volume, "CBD", windows=edges) for edges in (3 * H, [3 * H]))
    assert one == listed


def test_volumes_without_two_phases_or_windows_are_refused():
    with pytest.raises(InvalidInputError, match="fills 0 %"):
        mixing_index(Volume(np.zeros((8, 8, 8), np.uint8), H, NAMES), "CBD")
    with pytest.raises(InvalidInputError, match="too small"):
        mixing_index(dealt((2, 2, 2), 3, 0), "CBD")
    with pytest.raises(UnknownPhaseError):
        depth_profile(dealt((4, 4, 4), 9, 0), "carbon")
