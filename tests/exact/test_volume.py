"""Volume: what it holds, what its methods return, what it refuses."""

import copy
import pickle

import numpy as np
import pytest

from microstructures import Provenance, Volume
from microstructures.errors import InvalidInputError, InvalidVolumeError, UnknownPhaseError

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}


def labels(shape=(3, 4, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)


def volume(**changes):
    given = {"spacing": (3e-9, 2e-9, 1e-9), "phases": PHASES}
    return Volume(changes.pop("labels", labels()), **(given | changes))


def test_labels_cannot_be_changed_through_the_volume_or_the_array_it_was_made_from():
    array = labels()
    built = volume(labels=array)
    before = built.labels[0, 0, 0]
    array[0, 0, 0] = 9
    assert built.labels[0, 0, 0] == before
    with pytest.raises(ValueError, match="read-only"):
        built.labels[0, 0, 0] = 1


def test_labels_are_copied_when_a_read_only_view_shows_a_writeable_array():
    array = labels()
    view = array[:]
    view.flags.writeable = False
    built = volume(labels=view)
    array[:] = 0
    assert built.labels.any()


def test_frozen_labels_are_shared_not_copied():
    built = volume()
    assert np.shares_memory(volume(labels=built.labels).labels, built.labels)


@pytest.mark.parametrize("name", ["labels", "spacing", "phases", "collector"])
def test_attributes_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(volume(), name, None)


def test_phase_table_cannot_be_changed():
    with pytest.raises(TypeError):
        volume().phases[0] = "void"


def test_identity_does_not_depend_on_storage_or_provenance():
    wide = volume(labels=labels().astype(np.uint16), provenance=Provenance("other.tif"))
    fortran = volume(labels=np.asfortranarray(labels()))
    assert volume().sha256 == wide.sha256 == fortran.sha256


@pytest.mark.parametrize(
    "change",
    [
        {"labels": labels(seed=1)},
        {"labels": labels().reshape(3, 5, 4)},
        {"spacing": 1e-9},
        {"phases": PHASES | {2: "binder"}},
        {"through_axis": 1},
        {"collector": "low"},
        {"outside": 9},
    ],
)
def test_identity_depends_on_everything_that_changes_a_result(change):
    assert volume(**change).sha256 != volume().sha256


def test_two_volumes_are_equal_only_if_they_are_the_same_object():
    a, b = volume(), volume()
    assert a != b
    assert len({a, b}) == 2


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_copies_and_pickles_are_the_same_volume_and_stay_immutable(copied):
    original = volume(outside=9, through_axis=2, collector="low").cropped(z=(0, 2))
    twin = copied(original)
    assert twin.sha256 == original.sha256
    assert twin.provenance == original.provenance
    assert not twin.labels.flags.writeable


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, ">u2", ">i4", np.uint64])
def test_small_labels_of_any_integer_type_become_unsigned_bytes(dtype):
    stored = Volume(labels().astype(bool).astype(dtype), 1e-9).labels
    assert stored.dtype == np.uint8
    assert np.array_equal(stored, labels().astype(bool))


def test_labels_above_255_become_unsigned_16_bit():
    assert Volume(labels().astype(np.int32) + 65533, 1e-9).labels.dtype == np.uint16


def test_phases_are_named_after_their_labels_by_default():
    built = Volume(labels() * 85, 1e-9)
    assert dict(built.phases) == {0: "phase 0", 85: "phase 85", 170: "phase 170"}


def test_size_and_voxel_volume_are_in_metres():
    assert volume().size == pytest.approx((9e-9, 8e-9, 5e-9))
    assert volume().voxel_volume == pytest.approx(6e-27)


def test_fractions_count_voxels():
    built = Volume(np.repeat([0, 0, 0, 1], 2).reshape(2, 2, 2), 1e-9, {0: "pore", 1: "NMC"})
    assert built.fraction("pore") == built.fraction(0) == built.fraction(np.int64(0)) == 0.75
    assert built.fractions() == {"pore": 0.75, "NMC": 0.25}


def test_fractions_leave_out_what_is_outside():
    array = np.array([0, 0, 1, 9, 9, 9, 9, 9]).reshape(2, 2, 2)
    built = Volume(array, 1e-9, {0: "pore", 1: "NMC"}, outside=9)
    assert built.fraction("pore") == pytest.approx(2 / 3)
    assert built.inside_voxels == 3
    assert built.profile("pore") == pytest.approx([2 / 3, np.nan], nan_ok=True)


def test_a_volume_wholly_outside_has_no_fraction_of_anything():
    built = Volume(np.full((2, 2, 2), 9), 1e-9, {0: "pore"}, outside=9)
    assert built.fractions() == {"pore": 0.0}
    assert np.isnan(built.profile("pore")).all()


def test_a_phase_that_does_not_occur_has_fraction_zero():
    assert volume(phases=PHASES | {7: "salt"}).fraction("salt") == 0


def test_profile_follows_the_layers_of_the_axis():
    array = np.zeros((2, 3, 4), dtype=np.uint8)
    array[:, :, 3] = 1
    built = Volume(array, 1e-9, through_axis=2)
    assert built.profile(1) == pytest.approx([0, 0, 0, 1])
    assert built.profile(1, axis=0) == pytest.approx([0.25, 0.25])


def test_mask_is_true_on_the_named_phases():
    built = volume()
    assert np.array_equal(built.mask("NMC", 2), built.labels > 0)
    assert not built.mask().any()


def test_crop_takes_slices_and_pairs_and_keeps_the_rest():
    built = volume(outside=9, through_axis=1).cropped(z=(1, 3), x=slice(2, None))
    assert np.array_equal(built.labels, labels()[1:3, :, 2:])
    assert (built.spacing, built.through_axis, built.outside) == (volume().spacing, 1, 9)
    assert built.provenance.history == ("cropped to [1:3, 0:4, 2:5]",)


def test_flipping_the_through_axis_moves_the_collector_and_other_axes_do_not():
    assert volume().flipped(0).collector == "low"
    assert volume().flipped(-1).collector == "high"
    assert np.array_equal(volume().flipped(1).labels, labels()[:, ::-1])


def test_transposing_moves_spacing_and_through_axis_along():
    built = volume(through_axis=2).transposed(2, 0, 1)
    assert np.array_equal(built.labels, labels().transpose(2, 0, 1))
    assert built.spacing == (1e-9, 3e-9, 2e-9)
    assert built.through_axis == 0
    assert volume().transposed().shape == (5, 4, 3)
    assert volume().transposed((1, 0, 2)).shape == (4, 3, 5)


def test_coarsening_takes_the_majority_and_drops_incomplete_blocks():
    array = np.zeros((2, 2, 5), dtype=np.uint8)
    array[:, :, 2:] = 1
    array[0, 0, 2] = 2
    built = Volume(array, (1e-9, 2e-9, 3e-9)).coarsened(2)
    assert built.labels.tolist() == [[[0, 1]]]
    assert built.spacing == (2e-9, 4e-9, 6e-9)


def test_coarsening_ties_do_not_drift():
    checkers = np.indices((16, 16, 16)).sum(axis=0) % 2
    assert Volume(checkers, 1e-9).coarsened(2).fraction(0) == 0.5


def test_relabelling_moves_names_with_their_phases():
    swapped = volume().relabelled({0: 1, 1: 0})
    assert dict(swapped.phases) == {0: "NMC", 1: "pore", 2: "CBD"}
    assert swapped.fractions() == volume().fractions()


def test_relabelling_merges_phases_and_keeps_the_name_of_the_one_that_stays():
    merged = volume().relabelled({"CBD": "NMC"})
    assert dict(merged.phases) == {0: "pore", 1: "NMC"}
    assert merged.fraction("NMC") == pytest.approx(1 - volume().fraction("pore"))


def test_relabelling_to_large_ids_widens_the_labels():
    assert volume().relabelled({"CBD": 300}).phase_id("CBD") == 300


def test_a_phase_can_be_declared_outside_and_come_back():
    built = volume(outside=9).relabelled({"CBD": 9})
    assert "CBD" not in built.fractions()
    back = built.relabelled({9: 2}, phases=PHASES)
    assert np.array_equal(back.labels, labels())


def test_padding_is_outside_by_default_and_changes_no_fraction():
    built = volume().padded(2)
    assert built.shape == (7, 8, 9)
    assert built.outside == 255
    assert built.fractions() == volume().fractions()


def test_padding_with_a_phase_per_axis_and_side():
    built = volume().padded(((1, 0), 0, (0, 2)), "pore")
    assert built.shape == (4, 4, 7)
    assert not built.labels[0].any()
    assert built.outside is None


def test_padding_avoids_a_label_that_is_a_phase():
    built = volume(labels=labels() + 253, phases={253: "a", 254: "b", 255: "c"}).padded(1)
    assert built.outside == 256
    assert built.fractions() == pytest.approx({"a": 0.25, "b": 0.4, "c": 0.35}, abs=0.2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": labels()[0]}, "three axes"),
        ({"labels": labels()[None]}, "three axes"),
        ({"labels": np.zeros((0, 3, 3), int)}, "no voxel"),
        ({"labels": labels().astype(float)}, "dtype float64"),
        ({"labels": labels().astype(str)}, "dtype <U"),
        ({"labels": labels().astype(int) - 1}, "from -1 to 1"),
        ({"labels": labels().astype(int) + 65535}, "65535"),
        ({"labels": np.ma.masked_equal(labels(), 2)}, "masked"),
        ({"spacing": 0}, "398e-9"),
        ({"spacing": -1e-9}, "metres"),
        ({"spacing": float("nan")}, "metres"),
        ({"spacing": (1e-9, 1e-9)}, "metres"),
        ({"spacing": "398 nm"}, "metres"),
        ({"spacing": None}, "metres"),
        ({"spacing": True}, "metres"),
        ({"spacing": (1e-9, np.True_, 1e-9)}, "metres"),
        ({"phases": {0: "pore", 1: "NMC"}}, "outside=label"),
        ({"phases": {0: "pore", 1: "NMC", 2: "pore"}}, "unique"),
        ({"phases": {0: "pore", 1: "NMC", 2: " "}}, "name"),
        ({"phases": {"0": "pore", "1": "NMC", "2": "CBD"}}, "integer"),
        ({"phases": PHASES | {-1: "x"}}, "0…65535"),
        ({"outside": 0}, "both"),
        ({"outside": -1}, "0…65535"),
        ({"outside": 65536}, "0…65535"),
        ({"outside": "foil"}, "integer"),
        ({"outside": 1.5}, "integer"),
        ({"collector": "left"}, "'low' nor 'high'"),
    ],
)
def test_what_is_no_volume_is_refused_with_a_reason(change, says):
    with pytest.raises(InvalidVolumeError, match=says):
        volume(**change)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda v: v.cropped(z=(2, 2)),
        lambda v: v.cropped(z=(0, 4)),
        lambda v: v.cropped(z=(-9, 2)),
        lambda v: v.cropped(z=(0, 3, 2)),
        lambda v: v.cropped(z=5),
        lambda v: v.cropped(z=(0.5, 2)),
        lambda v: v.cropped(z="all"),
        lambda v: v.flipped(3),
        lambda v: v.flipped(True),
        lambda v: v.transposed(0, 1),
        lambda v: v.transposed(0, 0, 1),
        lambda v: v.transposed(0, "y", 1),
        lambda v: v.coarsened(0),
        lambda v: v.coarsened(2.5),
        lambda v: v.coarsened(4),
        lambda v: v.coarsened((1, 1)),
        lambda v: v.coarsened("two"),
        lambda v: v.relabelled({}),
        lambda v: v.relabelled({0: -1}),
        lambda v: v.relabelled({0: 65536}),
        lambda v: v.relabelled({0: True}),
        lambda v: v.relabelled({"pore": 1, 0: 2}),
        lambda v: v.padded(-1),
        lambda v: v.padded((1, 2)),
        lambda v: v.padded("much"),
        lambda v: v.padded(0.5),
        lambda v: v.profile("pore", axis=3),
    ],
)
def test_arguments_that_fit_no_volume_raise_one_kind_of_exception(attempt):
    with pytest.raises(InvalidInputError):
        attempt(volume())


@pytest.mark.parametrize("phase", ["nmc", 7, "", -1, True, None, 1.0])
def test_an_unknown_phase_is_refused_and_the_known_ones_are_listed(phase):
    with pytest.raises(UnknownPhaseError, match="1='NMC'"):
        volume().fraction(phase)


def test_a_misspelt_phase_brings_a_suggestion():
    with pytest.raises(UnknownPhaseError, match="did you mean 'pore'"):
        volume().fraction("pores")


def test_grey_values_given_as_labels_are_recognised():
    grey = np.arange(4 * 8 * 8).reshape(4, 8, 8)
    with pytest.raises(InvalidVolumeError, match="grey-scale"):
        Volume(grey, 1e-9, {0: "pore"})


def test_text_and_html_name_phases_fractions_and_size():
    built = volume(phases={0: "pore", 1: "NMC", 2: "<CBD>"})
    for text in (repr(built), built._repr_html_()):
        assert "pore" in text
        assert "3 × 4 × 5" in text
        assert f"{100 * built.fraction('pore'):.2f} %" in text
    assert "<CBD>" not in built._repr_html_()
