"""Areas, lines and connectivity do not depend on how a volume is turned, named or scaled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microstructures import Volume
from solvers.components import connectivity
from solvers.interfaces import interface_areas, specific_surface_areas
from solvers.triple_phase import triple_phase_boundaries

UNEQUAL = (3e-7, 1e-7, 2e-7)
NAMES = {0: "A", 1: "B", 2: "C"}
OUTSIDE = 3
PAIRS = (("A", "B"), ("A", "C"), ("B", "C"))
PARTS = ("total", "active", "isolated", "unknown")

volumes = hnp.arrays(
    np.uint8, st.tuples(*[st.integers(2, 6)] * 3), elements=st.sampled_from([0, 1, 2, OUTSIDE])
).map(lambda labels: Volume(labels, UNEQUAL, NAMES, outside=OUTSIDE))
few = settings(max_examples=25, deadline=None, derandomize=True)


def numbers(volume):
    """Every area and length of a volume, in the order of its phases' names."""
    areas = [interface_areas(volume, method) for method in ("crofton", "faces")]
    line = triple_phase_boundaries(volume)["A", "B", "C"]
    values = [table[pair].value for table in areas for pair in PAIRS]
    return np.array(values), np.array([getattr(line, part).value for part in PARTS])


def assert_same(volume, other, *, area=1.0, length=1.0):
    for expected, found, factor in zip(
        numbers(volume), numbers(other), (area, length), strict=True
    ):
        assert found == pytest.approx(factor * expected, rel=1e-9, nan_ok=True)


@few
@given(volumes, st.permutations([0, 1, 2]))
def test_turning_the_axes_changes_nothing(volume, order):
    assert_same(volume, volume.transposed(*order))


@few
@given(volumes, st.integers(0, 2))
def test_mirroring_changes_nothing(volume, axis):
    assert_same(volume, volume.flipped(axis))


@few
@given(volumes)
def test_exchanging_ids_changes_nothing(volume):
    mixed = np.array([7, 0, 5, 300], np.uint16)[volume.labels]
    other = Volume(mixed, UNEQUAL, {7: "A", 0: "B", 5: "C"}, outside=300)
    assert_same(volume, other)


@few
@given(volumes, st.floats(1e-3, 1e3))
def test_larger_voxels_have_less_area_and_length_per_volume(volume, scale):
    other = Volume(volume.labels, tuple(scale * h for h in UNEQUAL), NAMES, outside=OUTSIDE)
    assert_same(volume, other, area=1 / scale, length=1 / scale**2)


@few
@given(volumes, st.sampled_from(["crofton", "faces"]))
def test_surfaces_add_up_to_twice_the_interfaces(volume, method):
    surfaces = specific_surface_areas(volume, method)
    areas = interface_areas(volume, method)
    total = sum(area.value for area in areas.values())
    assert sum(s.value for s in surfaces.values()) == pytest.approx(2 * total, nan_ok=True)


@few
@given(volumes, st.integers(0, 2))
def test_shares_of_a_phase_add_up_and_grow_with_the_neighbours(volume, axis):
    spanning = 0.0
    for neighbours in (6, 18, 26):
        result = connectivity(volume, "A", axis, neighbours)
        shares = result.percolating + result.isolated + result.unknown
        assert shares == pytest.approx(1.0 if volume.voxels("A") else 0.0)
        assert spanning <= result.percolating <= min(result.low, result.high)
        spanning = result.percolating


@few
@given(volumes, st.integers(0, 2))
def test_mirroring_exchanges_the_ends(volume, axis):
    here, there = (connectivity(v, "B", axis) for v in (volume, volume.flipped(axis)))
    assert (here.low, here.high) == (there.high, there.low)
    assert here.percolating == there.percolating
