import numpy as np
import pytest
from scipy import ndimage

from microstructures.errors import InvalidInputError
from microstructures.generate import sample_cathode

SMALL = (48, 48, 48)


@pytest.mark.parametrize(
    "shape", [(48, 48, 48), (20, 64, 40), (64, 16, 16), (1, 50, 60), (7, 9, 11), (100, 1, 1)]
)
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_fractions_are_exact_to_a_voxel(shape, seed):
    volume = sample_cathode(seed, shape=shape)
    for phase, fraction in {"pore": 0.4, "NMC": 0.5, "CBD": 0.1}.items():
        assert abs(volume.voxels(phase) - fraction * volume.labels.size) <= 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (3, 2, 1)])
def test_a_handful_of_voxels_is_still_a_volume(shape):
    assert sample_cathode(0, shape=shape).shape == shape


def test_phases_and_orientation_are_those_of_a_cathode():
    volume = sample_cathode(shape=SMALL)
    assert dict(volume.phases) == {0: "pore", 1: "NMC", 2: "CBD"}
    assert (volume.spacing, volume.through_axis) == ((398e-9,) * 3, 0)
    assert volume.labels.dtype == np.uint8
    assert "sample_cathode(seed=0" in volume.provenance.source


def test_the_same_seed_gives_the_same_volume_and_others_differ():
    hashes = [sample_cathode(seed, shape=SMALL).sha256 for seed in (3, 3, 4, 5)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_generator_stands_for_its_seed_and_moves_on():
    rng = np.random.default_rng(3)
    first, second = (sample_cathode(rng, shape=SMALL).sha256 for _ in range(2))
    assert first == sample_cathode(3, shape=SMALL).sha256
    assert second != first


def test_a_numpy_integer_is_a_seed():
    assert sample_cathode(np.int64(3), shape=SMALL).sha256 == sample_cathode(3, shape=SMALL).sha256


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_lump_of_binder_floats_in_the_pores(seed):
    labels = sample_cathode(seed, shape=(64, 64, 64)).labels
    lumps, count = ndimage.label(labels == 2)
    sizes = np.bincount(lumps.ravel(), minlength=count + 1)
    beside_nmc = ndimage.binary_dilation(labels == 1) & (labels == 2)
    floating = np.setdiff1d(np.arange(1, count + 1), lumps[beside_nmc])
    several_voxels = 8
    assert not np.any(sizes[floating] > several_voxels)


def test_binder_sits_in_the_necks_of_the_pores():
    """More of the binder than of the whole void lies where a ball of 1.5 µm cannot pass."""
    volume = sample_cathode(0, shape=(64, 64, 64))
    void = volume.labels != 1
    depth = ndimage.distance_transform_edt(void, sampling=volume.spacing)
    swept = ndimage.distance_transform_edt(depth < 1.5e-6, sampling=volume.spacing) < 1.5e-6
    neck = void & ~swept
    share_of_binder = neck[volume.labels == 2].mean()
    assert share_of_binder > 2 * neck[void].mean()


def test_particles_are_flattened_through_the_thickness():
    labels = sample_cathode(0, shape=(96, 96, 96)).labels
    solid = labels == 1
    crossings = [np.count_nonzero(np.diff(solid, axis=axis)) for axis in range(3)]
    assert crossings[0] > 1.15 * max(crossings[1:])
    # in-plane directions are equivalent
    assert crossings[1] == pytest.approx(crossings[2], rel=0.1)


def test_particles_keep_their_size_in_metres_when_the_voxels_shrink():
    def mean_chord(shape, spacing):
        solid = sample_cathode(1, shape=shape, spacing=spacing).labels == 1
        crossings = np.count_nonzero(np.diff(solid, axis=2))
        return 2 * np.count_nonzero(solid) * spacing / crossings

    coarse = mean_chord((48, 48, 48), 796e-9)
    assert mean_chord((96, 96, 96), 398e-9) == pytest.approx(coarse, rel=0.1)


def test_anisotropic_spacing_is_accepted():
    volume = sample_cathode(0, shape=(20, 40, 40), spacing=(8e-7, 4e-7, 4e-7))
    assert volume.spacing == (8e-7, 4e-7, 4e-7)


@pytest.mark.parametrize(
    "shape", [(0, 4, 4), (4, 4), (4, 4, 4, 4), 48, (4.0, 4, 4), (-1, 4, 4), "big", (True, 4, 4)]
)
def test_an_impossible_shape_is_refused(shape):
    with pytest.raises(InvalidInputError, match="three numbers of voxels"):
        sample_cathode(0, shape=shape)


@pytest.mark.parametrize("seed", [-1, 1.5, None, True, "0"])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(InvalidInputError, match="seed"):
        sample_cathode(seed, shape=SMALL)


@pytest.mark.parametrize("spacing", [0.0, -1e-6, (1e-6, 1e-6), float("nan")])
def test_an_impossible_spacing_is_refused(spacing):
    with pytest.raises(InvalidInputError, match="voxel size"):
        sample_cathode(0, shape=SMALL, spacing=spacing)
