"""Profiles of a solve: known by hand for channels and laminates, and adding up for any volume."""

import math
from dataclasses import replace

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.layer_profile import flux_vectors, transport_profile, write_fields

UNEQUAL = (3e-7, 1e-7, 2e-7)
PHASES = {0: "pore", 1: "solid", 2: "binder"}
SINGLE = 1e-5  # potentials are kept in single precision


def random_volume(shape=(9, 8, 10), spacing=UNEQUAL, seed=0):
    labels = np.random.default_rng(seed).choice(3, shape, p=[0.55, 0.25, 0.2])
    return Volume(labels.astype(np.uint8), spacing, PHASES)


def bent_channel():
    """Two straight runs, joined by one sideways step in layer 3."""
    labels = np.ones((8, 1, 2), np.uint8)
    labels[:4, 0, 0] = labels[3:, 0, 1] = 0
    return Volume(labels, 1e-7, {0: "pore", 1: "solid"})


def means(profile):
    """Effective value that the layers have in series."""
    return 1 / np.mean(1 / profile.conductivity)


def test_bent_channel_by_hand():
    # in layer 3 half of the flux along the axis is in either voxel, that is in two half cells of
    # four: <J_z²> = ½ (J/2)²·4 and <J_z> = J/2; the step sideways dissipates as much again
    volume = bent_channel()
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    found = transport_profile(volume, result)
    step = np.arange(8) == 3
    assert found.constriction == pytest.approx(np.where(step, 2.0, 1.0), rel=SINGLE)
    assert found.path == pytest.approx(np.where(step, 2.0, 1.0), rel=SINGLE)
    assert found.tortuosity_factor == pytest.approx(np.where(step, 4.0, 1.0), rel=SINGLE)
    assert found.conductivity == pytest.approx(np.where(step, 0.25, 0.5), rel=SINGLE)
    # nine voxel lengths in all, of which the mean of layer 3 is in the middle
    passed = np.array([0.5, 1.5, 2.5, 4.0, 5.5, 6.5, 7.5, 8.5])
    assert found.potential == pytest.approx(1 - passed / 9, abs=SINGLE)
    assert found.depth == pytest.approx((np.arange(8) + 0.5) * 1e-7, rel=1e-12)
    assert found.volume_fraction.tolist() == np.where(step, 1.0, 0.5).tolist()


def test_straight_channel_has_no_detour_and_dead_ends_carry_nothing():
    labels = np.ones((6, 5, 7), np.uint8)
    labels[:, 1:3, 1:5] = 0
    labels[:3, 4, 2:] = 0
    volume = Volume(labels, UNEQUAL, {0: "pore", 1: "solid"})
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    found = transport_profile(volume, result)
    for factor in (found.tortuosity_factor, found.constriction, found.path):
        assert factor == pytest.approx(1.0, rel=SINGLE)
    assert found.conducting_fraction == pytest.approx(8 / 35, rel=1e-12)
    assert found.volume_fraction == pytest.approx(np.repeat([13, 8], 3) / 35, rel=1e-12)
    vectors = flux_vectors(volume, result)
    assert vectors[0, :, 1:3, 1:5] == pytest.approx(35 / 8, rel=SINGLE)
    assert not vectors[:, labels == 1].any()
    assert not vectors[:, :, 4].any()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_in_series_have_their_own_conductivity(axis):
    layers = np.array([0, 0, 2, 1, 1, 2, 0], np.uint8)
    labels = np.moveaxis(np.broadcast_to(layers[:, None, None], (7, 3, 4)), 0, axis)
    values = {"pore": 0.5, "solid": 3.0, "binder": 20.0}
    volume = Volume(labels, UNEQUAL, PHASES)
    result = solvers.effective_conductivity(volume, values, axis, fields=True)
    found = transport_profile(volume, result, values)
    assert found.conductivity == pytest.approx(np.array([0.5, 3.0, 20.0])[layers], rel=1e-4)
    assert found.constriction == pytest.approx(1.0, rel=1e-4)
    assert found.path == pytest.approx(1.0, rel=1e-4)
    assert found.unit == "S/m"
    assert found.axis == axis


def test_layers_side_by_side_are_no_constriction():
    labels = np.broadcast_to(np.array([0, 1, 2, 0], np.uint8), (5, 3, 4))
    values = {"pore": 0.5, "solid": 3.0, "binder": 0.0}
    volume = Volume(labels, 1e-7, PHASES)
    found = transport_profile(
        volume, solvers.effective_conductivity(volume, values, 0, fields=True), values
    )
    assert found.conductivity == pytest.approx(1.0, rel=SINGLE)
    assert found.tortuosity_factor == pytest.approx(1.0, rel=SINGLE)
    assert found.volume_fraction == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_add_up_to_the_tortuosity_factor(axis):
    volume = random_volume()
    result = solvers.tortuosity_factor(volume, "pore", axis, fields=True)
    found = transport_profile(volume, result)
    mean = np.mean(found.tortuosity_factor / found.conducting_fraction)
    assert result.volume_fraction * mean == pytest.approx(result.value, rel=3e-5)
    assert means(found) == pytest.approx(result.relative_diffusivity, rel=3e-5)
    share = volume.profile("pore", axis)
    assert found.volume_fraction == pytest.approx(share, rel=1e-12)
    assert found.conducting_fraction.mean() == pytest.approx(result.percolating_fraction)
    for factor in (found.constriction, found.path):
        assert (factor >= 1 - result.diffusivity.imbalance).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("contrast", [0.3, 1e-4])
def test_layers_of_several_phases_add_up(axis, contrast):
    volume, values = random_volume(), {"pore": 2.0, "solid": 2 * contrast, "binder": 0.0}
    result = solvers.effective_conductivity(volume, values, axis, fields=True)
    found = transport_profile(volume, result, values)
    assert means(found) == pytest.approx(result.value, rel=3e-5)
    assert (found.constriction >= 1 - 2 * result.imbalance).all()


def test_values_by_voxel_add_up():
    volume = random_volume()
    field = np.random.default_rng(1).uniform(0.1, 2.0, volume.shape)
    values = {"pore": field, "solid": 0.0, "binder": 0.3}
    result = solvers.effective_conductivity(volume, values, fields=True)
    assert means(transport_profile(volume, result, values)) == pytest.approx(result.value, rel=3e-5)


@pytest.mark.parametrize("between", [2e-7, math.inf])
def test_resistive_faces_add_up(between):
    volume, values = random_volume(), {"pore": 1.0, "solid": 3.0, "binder": 0.2}
    faces = solvers.FaceResistance.of_pairs(volume, {("pore", "solid"): between})
    result = solvers.effective_conductivity(volume, values, 1, resistance=faces, fields=True)
    found = transport_profile(volume, result, values, resistance=faces)
    assert means(found) == pytest.approx(result.value, rel=3e-5)
    with pytest.raises(InvalidInputError, match="resistance"):
        transport_profile(volume, result, values)


def test_resistance_is_lost_half_in_either_layer():
    labels = np.zeros((4, 2, 2), np.uint8)
    labels[2:] = 1
    volume = Volume(labels, 1.0, {0: "pore", 1: "solid"})
    faces = solvers.FaceResistance.of_pairs(volume, {("pore", "solid"): 3.0})
    values = {"pore": 1.0, "solid": 0.5}
    result = solvers.effective_conductivity(volume, values, 0, resistance=faces, fields=True)
    found = transport_profile(volume, result, values, resistance=faces)
    assert 1 / found.conductivity == pytest.approx([1.0, 2.5, 3.5, 2.0], rel=SINGLE)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vectors_carry_the_mean_flux_through_every_layer(axis):
    volume = random_volume()
    result = solvers.tortuosity_factor(volume, "pore", axis, tolerance=1e-8, fields=True)
    along = np.moveaxis(flux_vectors(volume, result)[axis], axis, 0)
    assert along.mean(axis=(1, 2)) == pytest.approx(1.0, rel=1e-3)
    assert along.mean() == pytest.approx(1.0, rel=1e-4)


def test_vectors_turn_at_a_step():
    volume = bent_channel()
    vectors = flux_vectors(volume, solvers.tortuosity_factor(volume, "pore", 0, fields=True))
    # two voxels wide, all flux in one: 2; half of it has turned at the step
    along = np.array([[2, 2, 2, 1, 0, 0, 0, 0], [0, 0, 0, 1, 2, 2, 2, 2]])
    found = vectors[0, :, 0].T
    assert found == pytest.approx(along, abs=SINGLE)
    assert vectors[2, 3, 0] == pytest.approx(np.array([1, 1]), abs=SINGLE)
    assert vectors[1] == pytest.approx(0.0, abs=SINGLE)


def test_depth_counts_from_the_face_of_the_volume():
    labels = np.full((9, 4, 4), 9, np.uint8)
    labels[3:] = 0
    labels[5, 1] = 1
    volume = Volume(labels, 1e-7, {0: "pore", 1: "solid"}, outside=9)
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    found = transport_profile(volume, result)
    assert found.depth == pytest.approx((np.arange(3, 9) + 0.5) * 1e-7)
    assert means(found) == pytest.approx(result.relative_diffusivity, rel=3e-5)
    sideways = transport_profile(volume, solvers.tortuosity_factor(volume, 0, 1, fields=True))
    assert len(sideways.depth) == 4


def test_section_that_changes_is_each_layers_own():
    labels = np.zeros((6, 4, 6), np.uint8)
    labels[3:, :, 3:] = 9
    volume = Volume(labels, 1e-7, {0: "pore"}, outside=9)
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    found = transport_profile(volume, result)
    assert found.conducting_fraction == pytest.approx(1.0)
    assert (found.tortuosity_factor >= 1 - 1e-3).all()
    assert found.tortuosity_factor[-1] == pytest.approx(1.0, abs=0.01)


def test_blocked_volume_has_no_finite_factor(tmp_path):
    labels = np.zeros((5, 3, 3), np.uint8)
    labels[2] = 1
    volume = Volume(labels, 1e-7, {0: "pore", 1: "solid"})
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    found = transport_profile(volume, result)
    assert (found.tortuosity_factor == math.inf).all()
    assert not found.conductivity.any()
    assert found.volume_fraction.tolist() == [1, 1, 0, 1, 1]
    assert found.to_dict()["path"] == [None] * 5
    assert not flux_vectors(volume, result).any()
    with pytest.raises(InvalidInputError, match="nothing conducts"):
        write_fields(tmp_path / "fields.vti", volume, result)


def test_profile_as_data():
    volume = bent_channel()
    found = transport_profile(volume, solvers.tortuosity_factor(volume, "pore", 0, fields=True))
    frame = found.to_frame()
    assert list(frame) == [
        "depth", "volume_fraction", "conducting_fraction", "tortuosity_factor", "constriction",
        "path", "potential", "conductivity",
    ]  # fmt: skip
    assert len(frame) == 8
    assert frame["path"].tolist() == found.path.tolist() == found.to_dict()["path"]
    assert found.to_dict()["axis"] == 0
    assert str(found) == "8 layers along axis 0; the least conductive, at 3.5e-07 m, has 0.25"


def test_fields_as_vti(tmp_path):
    import pyvista

    volume = random_volume()
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True)
    write_fields(tmp_path / "fields.vti", volume, result)
    cells = pyvista.read(tmp_path / "fields.vti").cell_data
    conducts = np.isfinite(result.fields.potential)
    for name in ("potential", "flux"):
        stored = cells[name].reshape(volume.shape)
        assert np.array_equal(stored[conducts], getattr(result.fields, name)[conducts])
        assert not stored[~conducts].any()
    assert np.array_equal(cells["conducts"].reshape(volume.shape), conducts)
    vectors = flux_vectors(volume, result)
    assert np.array_equal(cells["flux_vector"][:, 2].reshape(volume.shape), vectors[0])
    assert cells["phase"].reshape(volume.shape).tolist() == volume.labels.tolist()
    values = {"pore": 1.0, "solid": 0.0, "binder": 0.5}
    result = solvers.effective_conductivity(volume, values, fields=True)
    write_fields(tmp_path / "fields.vti", volume, result)
    assert "flux_vector" not in pyvista.read(tmp_path / "fields.vti").cell_data


def test_what_does_not_belong_together_is_refused():
    volume, values = random_volume(), {"pore": 1.0, "solid": 0.0, "binder": 0.5}
    result = solvers.effective_conductivity(volume, values, fields=True)
    with pytest.raises(InvalidInputError, match="fields=True"):
        transport_profile(volume, solvers.tortuosity_factor(volume, "pore"))
    with pytest.raises(InvalidInputError, match="values are missing"):
        transport_profile(volume, result)
    with pytest.raises(InvalidInputError, match="these values"):
        transport_profile(volume, result, values | {"pore": 2.0})
    with pytest.raises(InvalidInputError, match="was solved"):
        transport_profile(random_volume((4, 4, 4)), result, values)
    with pytest.raises(InvalidInputError, match="result of a solve"):
        transport_profile(volume, 3.0, values)
    with pytest.raises(InvalidInputError, match="Volume is wanted"):
        transport_profile(volume.labels, result, values)


def test_other_boundaries_are_refused():
    volume = bent_channel()
    result = solvers.tortuosity_factor(volume, "pore", 0, fields=True).diffusivity
    turned = replace(result, method="finite volumes, harmonic faces, periodic along all axes")
    with pytest.raises(InvalidInputError, match="plain electrodes"):
        transport_profile(volume, turned, {"pore": 1.0, "solid": 0.0})
