"""Effective conductivity where it is known exactly: laminates, channels, empty and odd volumes."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume

ROUNDING = {"mixed": 1e-6, "double": 1e-12}
LAYERS = (1, 1, 0, 2, 2, 2, 0)
SIGMA = {0: 0.5, 1: 3.0, 2: 20.0}
UNEQUAL = (3e-7, 1e-7, 2.3e-7)


@pytest.fixture(params=["mixed", "double"])
def precision(request):
    solvers.use(precision=request.param)
    yield request.param
    solvers.use(precision="mixed")


def laminate(normal, spacing):
    """Layers of unequal thickness, stacked along ``normal``, on an odd number of voxels."""
    layers = np.array(LAYERS, np.uint8)
    labels = np.broadcast_to(layers[:, None, None], (7, 5, 9))
    return Volume(np.moveaxis(labels, 0, normal), spacing)


@pytest.mark.parametrize("spacing", [1e-7, UNEQUAL])
@pytest.mark.parametrize("normal", [0, 1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_laminate_conducts_in_series_and_in_parallel(normal, axis, spacing, precision):
    result = solvers.effective_conductivity(laminate(normal, spacing), SIGMA, axis)
    layers = np.array([SIGMA[label] for label in LAYERS])
    exact = 1 / (1 / layers).mean() if axis == normal else layers.mean()
    assert result.value == pytest.approx(exact, rel=ROUNDING[precision])


@pytest.mark.parametrize("contrast", [1e-6, 1e6])
@pytest.mark.parametrize("normal", [0, 1, 2])
def test_laminate_is_exact_at_high_contrast(normal, contrast, precision):
    volume = laminate(normal, 1e-7)
    sigma = {0: 1.0, 1: contrast, 2: math.sqrt(contrast)}
    layers = np.array([sigma[label] for label in LAYERS])
    series = solvers.effective_conductivity(volume, sigma, normal).value
    parallel = solvers.effective_conductivity(volume, sigma, (normal + 1) % 3).value
    assert series == pytest.approx(1 / (1 / layers).mean(), rel=ROUNDING[precision])
    assert parallel == pytest.approx(layers.mean(), rel=ROUNDING[precision])


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 5), (6, 1, 1), (13, 1, 4), (40, 33, 27)])
def test_full_volume_has_its_own_conductivity(shape, precision):
    volume = Volume(np.zeros(shape, np.uint8), UNEQUAL, {0: "pore"})
    for axis in range(3):
        result = solvers.effective_conductivity(volume, {"pore": 1.3}, axis)
        assert result.value == pytest.approx(1.3, rel=ROUNDING[precision])
        assert result.percolates


def test_straight_channel_has_tortuosity_factor_one():
    labels = np.ones((20, 10, 10), np.uint8)
    labels[:, 3:6, 2:9] = 0
    result = solvers.tortuosity_factor(Volume(labels, UNEQUAL), 0, axis=0)
    assert result.tortuosity_factor == pytest.approx(1.0, rel=1e-12)
    assert result.relative_diffusivity == pytest.approx(0.21, rel=1e-12)
    assert result.macmullin_number == pytest.approx(1 / 0.21, rel=1e-12)


def test_tortuosity_is_one_at_a_single_voxel():
    result = solvers.tortuosity_factor(Volume(np.zeros((1, 1, 1), np.uint8), 1e-7), 0)
    assert result.tortuosity_factor == pytest.approx(1.0, rel=1e-12)


def test_square_offset_channel_equals_the_resistor_network():
    # two straight runs of 4 voxels joined by one sideways step: 4 + 1 + 4 conductances in a row
    labels = np.ones((8, 1, 2), np.uint8)
    labels[:4, 0, 0] = labels[4:, 0, 1] = 0
    labels[3, 0, 1] = 0
    result = solvers.effective_conductivity(Volume(labels, 1e-7), {0: 1.0, 1: 0.0}, 0)
    # half a voxel, 3 steps, 1 sideways step, 1 step past the corner voxel, 3 steps, half a voxel
    resistance = 0.5 + 3 + 1 + 1 + 3 + 0.5
    assert result.value == pytest.approx(8 / resistance / 2, rel=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_blocked_phase_conducts_exactly_nothing(axis):
    labels = np.zeros((6, 7, 8), np.uint8)
    labels[(slice(None),) * axis + (3,)] = 1
    volume = Volume(labels, 1e-7, {0: "pore", 1: "wall"})
    result = solvers.tortuosity_factor(volume, "pore", axis)
    assert result.relative_diffusivity == 0.0
    assert result.tortuosity_factor == math.inf
    assert result.macmullin_number == math.inf
    assert not result.percolates
    assert result.to_dict()["value"] is None
    assert result.to_dict()["status"] == "does not percolate"
    assert result.report.iterations == 0
    assert solvers.effective_conductivity(volume, {"pore": 2.0, "wall": 0.0}, axis).value == 0.0


def test_diagonal_neighbours_do_not_conduct():
    labels = np.ones((2, 2, 1), np.uint8)
    labels[0, 0] = labels[1, 1] = 0
    assert not solvers.tortuosity_factor(Volume(labels, 1e-7), 0, axis=0).percolates


def test_absent_phase_conducts_nothing():
    volume = Volume(np.zeros((3, 3, 3), np.uint8), 1e-7, {0: "pore", 1: "NMC"})
    result = solvers.tortuosity_factor(volume, "NMC")
    assert result.relative_diffusivity == 0.0
    assert not result.percolates


def test_volume_that_is_all_outside_conducts_nothing():
    volume = Volume(np.full((4, 4, 4), 9, np.uint8), 1e-7, {0: "pore"}, outside=9)
    result = solvers.tortuosity_factor(volume, "pore")
    assert result.tortuosity_factor == math.inf
    assert result.relative_diffusivity == 0.0


def test_foil_outside_does_not_count_as_length():
    labels = np.zeros((10, 6, 6), np.uint8)
    labels[7:] = 9
    volume = Volume(labels, 1e-7, {0: "pore"}, outside=9)
    for axis in range(3):
        assert solvers.tortuosity_factor(volume, "pore", axis).value == pytest.approx(
            1.0, rel=1e-12
        )


def test_cylinder_cut_from_a_box_conducts_as_its_material():
    y, x = np.mgrid[:15, :15] - 7
    labels = np.where(y**2 + x**2 <= 49, 0, 9)[None].repeat(12, axis=0)
    volume = Volume(labels, 1e-7, {0: "pore"}, outside=9)
    assert solvers.effective_conductivity(volume, {0: 2.5}, 0).value == pytest.approx(2.5, rel=1e-9)


def test_cropped_corner_of_uniform_material_still_has_its_conductivity():
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:5, :5, :5] = 9
    volume = Volume(labels, UNEQUAL, {0: "pore"}, outside=9)
    for axis in range(3):
        value = solvers.effective_conductivity(volume, {0: 2.5}, axis).value
        assert value == pytest.approx(2.5, rel=1e-9)


def test_potential_falls_linearly_and_flux_is_one_in_uniform_material():
    volume = Volume(np.zeros((5, 4, 3), np.uint8), UNEQUAL)
    fields = solvers.effective_conductivity(volume, {0: 2.0}, 1, fields=True).fields
    expected = 1 - (np.arange(4) + 0.5) / 4
    assert fields.potential == pytest.approx(np.broadcast_to(expected[:, None], (5, 4, 3)))
    assert fields.flux == pytest.approx(np.ones((5, 4, 3)))


def test_flux_in_parallel_channels_is_their_share_of_the_mean():
    labels = np.zeros((6, 6, 4), np.uint8)
    labels[:, 3:] = 1
    fields = solvers.effective_conductivity(Volume(labels, 1e-7), {0: 1.0, 1: 3.0}, 0, fields=True)
    assert fields.fields.flux[:, :3] == pytest.approx(0.5, rel=1e-6)
    assert fields.fields.flux[:, 3:] == pytest.approx(1.5, rel=1e-6)


def test_fields_are_undefined_where_nothing_flows():
    labels = np.zeros((6, 6, 4), np.uint8)
    labels[2, 3:, 1] = 1
    result = solvers.tortuosity_factor(Volume(labels, 1e-7), 0, fields=True)
    assert np.array_equal(np.isnan(result.fields.potential), labels == 1)


def test_more_distinct_conductivities_than_one_byte_holds():
    labels = np.arange(600, dtype=np.uint16).reshape(600, 1, 1)
    sigma = {i: 1.0 + i for i in range(600)}
    value = solvers.effective_conductivity(Volume(labels, 1e-7), sigma, 0).value
    assert value == pytest.approx(600 / sum(1 / s for s in sigma.values()), rel=1e-9)


def test_through_plane_axis_is_the_default():
    volume = laminate(2, 1e-7)
    turned = Volume(volume.labels, 1e-7, through_axis=2)
    assert solvers.effective_conductivity(turned, SIGMA).axis == 2


def test_diffusivity_is_the_same_number_in_other_units():
    volume = laminate(0, 1e-7)
    result = solvers.effective_diffusivity(volume, {k: 1e-10 * s for k, s in SIGMA.items()}, 0)
    conductivity = solvers.effective_conductivity(volume, SIGMA, 0)
    assert result.value == pytest.approx(1e-10 * conductivity.value, rel=1e-12)
    assert result.unit == "m²/s"


def test_uniform_material_has_no_sampling_error():
    volume = Volume(np.zeros((7, 6, 5), np.uint8), UNEQUAL)
    result = solvers.tortuosity_factor(volume, 0)
    assert float(result.uncertainty) == float(result.diffusivity.uncertainty) == 0.0
    assert result.diffusivity.unit == "1"
