"""Connectivity of structures whose components are known."""

import math

import numpy as np
import pytest

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.components import connectivity, spanning_mask

SOLID, PORE, CLAY, FOIL = 0, 1, 2, 3


@pytest.fixture
def comb():
    """Ten spanning voxels, four from the low end, two at a side, one alone."""
    labels = np.zeros((10, 9, 9), np.uint8)
    labels[:, 2, 2] = PORE
    labels[:4, 6, 6] = PORE
    labels[5, 4, 7:9] = PORE
    labels[7, 6, 2] = PORE
    return labels


def test_the_three_shares_of_a_comb_are_its_voxel_counts(comb):
    result = connectivity(Volume(comb, 1e-6), PORE)
    assert result.percolating == result.value == 10 / 17
    assert result.unknown == 6 / 17
    assert result.isolated == 1 / 17
    assert result.percolates
    assert (result.phase, result.axis, result.neighbours) == ("phase 1", 0, 6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_counts_its_own_faces(comb, axis):
    turned = Volume(np.moveaxis(comb, 0, axis), 1e-6)
    for along in range(3):
        result = connectivity(turned, PORE, axis=along)
        assert result.percolating == (10 / 17 if along == axis else 0)
        assert result.isolated == 1 / 17


def test_parts_connected_to_one_face_are_named_by_end_and_by_electrode(comb):
    result = connectivity(Volume(comb, 1e-6, collector="low"), PORE)
    assert result.connected_to("low") == result.connected_to("collector") == 14 / 17
    assert result.connected_to("high") == result.connected_to("separator") == 10 / 17
    flipped = connectivity(Volume(comb, 1e-6, collector="low").flipped(0), PORE)
    assert flipped.connected_to("high") == flipped.connected_to("collector") == 14 / 17


@pytest.mark.parametrize(("neighbours", "spans"), [(6, (0, 0)), (18, (1, 0)), (26, (1, 1))])
def test_neighbours_decide_whether_edges_and_corners_connect(neighbours, spans):
    steps, diagonal = np.zeros((2, 3, 3, 3), np.uint8)
    for i in range(3):
        steps[i, i, 0] = diagonal[i, i, i] = PORE
    found = [
        connectivity(Volume(labels, 1e-6), PORE, neighbours=neighbours).percolating
        for labels in (steps, diagonal)
    ]
    assert found == list(spans)


def test_several_phases_are_taken_as_one():
    labels = np.zeros((6, 3, 3), np.uint8)
    labels[:3, 1, 1], labels[3:, 1, 1] = PORE, CLAY
    volume = Volume(labels, 1e-6, {0: "solid", 1: "pore", 2: "clay"})
    assert connectivity(volume, "pore").percolating == 0
    both = connectivity(volume, ("pore", "clay"))
    assert both.percolating == 1
    assert both.phase == "pore + clay"


def test_a_component_beside_voxels_outside_is_unknown_not_isolated():
    labels = np.zeros((7, 7, 7), np.uint8)
    labels[3, 3, 3] = PORE
    volume = Volume(labels, 1e-6, {0: "solid", 1: "pore"}, outside=FOIL)
    assert connectivity(volume, "pore").isolated == 1
    for place in [(2, 3, 3), (4, 3, 3), (3, 2, 3), (3, 4, 3), (3, 3, 2), (3, 3, 4)]:
        masked = labels.copy()
        masked[place] = FOIL
        volume = Volume(masked, 1e-6, {0: "solid", 1: "pore"}, outside=FOIL)
        assert connectivity(volume, "pore").unknown == 1


def test_a_full_volume_percolates_and_a_missing_phase_does_not():
    volume = Volume(np.zeros((4, 5, 6), np.uint8), 1e-6, {0: "solid", 1: "pore"})
    full, none = connectivity(volume, "solid"), connectivity(volume, "pore")
    assert (full.percolating, full.isolated, full.unknown, full.uncertainty) == (1, 0, 0, 0)
    assert (none.percolating, none.isolated, none.unknown) == (0, 0, 0)
    assert not none.percolates
    assert math.isnan(none.uncertainty)


def test_what_leaves_the_field_of_view_makes_the_result_uncertain_by_half_of_it():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4, 2:5, 3] = PORE
    result = connectivity(Volume(labels, 1e-6), PORE)
    assert (result.percolating, result.unknown) == (0, 1)
    assert result.uncertainty == 0.5


def test_spanning_mask_keeps_the_spanning_component_only(comb):
    kept = spanning_mask(comb == PORE, axis=0)
    assert kept.dtype == bool
    assert np.array_equal(np.argwhere(kept), [(i, 2, 2) for i in range(10)])


def test_a_result_is_written_as_numbers_and_text(comb):
    record = connectivity(Volume(comb, 1e-6), PORE).to_dict()
    assert record["value"] == 10 / 17
    assert record["unit"] == "1"
    assert record["isolated"] == 1 / 17
    assert "58.82 %" in str(connectivity(Volume(comb, 1e-6), PORE))


def test_wrong_arguments_are_refused_with_the_choices(comb):
    volume = Volume(comb, 1e-6)
    with pytest.raises(InvalidInputError, match="6, 18, 26"):
        connectivity(volume, PORE, neighbours=8)
    with pytest.raises(UnknownPhaseError, match="phase 1"):
        connectivity(volume, "pores")
    with pytest.raises(InvalidInputError, match="'low' or 'high'"):
        connectivity(volume, PORE, axis=1).connected_to("collector")
    with pytest.raises(InvalidInputError, match="'low' or 'high'"):
        connectivity(volume, PORE).connected_to("top")
