"""Triple-phase boundaries of wedges, tessellations and combs whose lengths are known."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.triple_phase import triple_phase_boundaries

UNEQUAL = (3e-7, 1e-7, 2e-7)
NAMES = {0: "A", 1: "B", 2: "C"}


def three_wedges(along, shape=(5, 6, 8)):
    """A below, B and C side by side above: one straight line through the volume."""
    labels = np.zeros(shape, np.uint8)
    y, x = np.indices(shape[1:])
    labels[:] = np.where(y < 3, 0, np.where(x < 4, 1, 2))
    return np.moveaxis(labels, 0, along)


def edges_one_by_one(labels, outside, codes):
    """Length of voxel edges per triple and class, edge by edge, and edges seen along each axis."""
    found, seen = {}, np.zeros(3, int)
    for axis in range(3):
        u, v = np.delete(np.eye(3, dtype=int), axis, axis=0)
        for p in np.ndindex(labels.shape):
            corners = [tuple(p + a * u + b * v) for a in (0, 1) for b in (0, 1)]
            if any(i >= n for i, n in zip(corners[3], labels.shape, strict=True)):
                continue
            around = [labels[c] for c in corners]
            if outside in around:
                continue
            seen[axis] += 1
            best = {}
            for corner, label in zip(corners, around, strict=True):
                best[label] = max(best.get(label, 0), codes[corner])
            for triple in combinations(sorted(best), 3):
                key = (*triple, min(best[label] for label in triple))
                found.setdefault(key, np.zeros(3, int))[axis] += 1
    return found, seen


def classes(labels, axis, outside):
    """2 spanning, 1 at an edge of the field of view, 0 isolated; component by component."""
    codes = np.zeros(labels.shape, int)
    rim = np.pad(np.zeros(np.array(labels.shape) - 2, bool), 1, constant_values=True)
    rim |= ndimage.binary_dilation(labels == outside)
    for phase in set(labels[labels != outside].tolist()):
        numbers, count = ndimage.label(labels == phase)
        for number in range(1, count + 1):
            part = numbers == number
            ends = part.take(0, axis).any() and part.take(-1, axis).any()
            codes[part] = 2 if ends else int((part & rim).any())
    return codes


@pytest.mark.parametrize("spacing", [(1e-7, 1e-7, 1e-7), UNEQUAL])
@pytest.mark.parametrize("along", [0, 1, 2])
def test_a_straight_line_along_an_axis_counts_two_thirds(along, spacing):
    volume = Volume(three_wedges(along), spacing, NAMES)
    line = triple_phase_boundaries(volume)["A", "B", "C"]
    across = [axis for axis in range(3) if axis != along]
    seen_area = math.prod((volume.shape[axis] - 1) * spacing[axis] for axis in across)
    assert line.total.value == pytest.approx(2 / 3 / seen_area, rel=1e-12)
    assert line.total.unit == "m/m³"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_lengths_equal_an_edge_by_edge_count(axis):
    rng = np.random.default_rng(axis)
    labels = np.where(rng.random((7, 9, 8)) < 0.6, 4, rng.integers(1, 4, (7, 9, 8)))
    labels[2:4, 3:5, 6:] = 0
    volume = Volume(labels, UNEQUAL, {i: f"p{i}" for i in (1, 2, 3, 4)}, outside=0)
    found, seen = edges_one_by_one(labels, 0, classes(labels, axis, 0))
    areas = np.prod(UNEQUAL) / np.array(UNEQUAL)
    results = triple_phase_boundaries(volume, axis)
    assert len(results) == 4
    for triple, line in results.items():
        ids = tuple(volume.phase_id(name) for name in triple)
        for code, part in enumerate((line.isolated, line.unknown, line.active)):
            edges = found.get((*ids, code), np.zeros(3))
            assert part.value == pytest.approx(2 / 3 * np.sum(edges / seen / areas), rel=1e-12)
        assert line.total.value == line.active.value + line.isolated.value + line.unknown.value


def test_four_phases_around_an_edge_count_for_each_triple():
    labels = np.array([[[0, 1], [2, 3]]] * 5)
    lines = triple_phase_boundaries(Volume(labels, 1.0))
    assert len(lines) == 4
    # one edge along axis 0 per area, none along the others: L_V = 2 P_A on average over the axes
    assert {line.total.value for line in lines.values()} == {2 / 3}


@pytest.mark.parametrize("pattern", [[0, 0, 1, 2], [0, 1, 0, 2], [0, 1, 2, 0], [1, 0, 0, 2]])
def test_an_edge_with_two_like_voxels_counts_once(pattern):
    labels = np.array([np.reshape(pattern, (2, 2))] * 5)
    assert triple_phase_boundaries(Volume(labels, 1.0))[0, 1, 2].total.value == 2 / 3


def test_two_phases_crossing_in_a_checkerboard_have_no_triple_line():
    labels = np.indices((6, 6, 6)).sum(axis=0) % 2
    volume = Volume(labels, 1.0, NAMES)
    assert triple_phase_boundaries(volume)["A", "B", "C"].total.value == 0


def test_nested_shells_have_no_triple_line():
    z, y, x = np.indices((24, 24, 24)) - 11.6
    distance = np.sqrt(z**2 + y**2 + x**2)
    volume = Volume(np.digitize(distance, [5, 10]), 1.0)
    assert triple_phase_boundaries(volume)[0, 1, 2].total.value == 0


def test_random_tessellation_has_the_length_of_poisson_voronoi_edges():
    cell, shares = 9.0, np.array([0.4, 0.35, 0.25])
    values = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sizes = np.array([56, 56, 56]) + 40
        seeds = rng.uniform(size=(rng.poisson(sizes.prod() / cell**3), 3)) * sizes - 20
        points = np.moveaxis(np.indices((56, 56, 56)), 0, -1) + 0.5
        nearest = cKDTree(seeds).query(points.reshape(-1, 3))[1].reshape(56, 56, 56)
        labels = rng.choice(3, size=len(seeds), p=shares)[nearest]
        values.append(triple_phase_boundaries(Volume(labels, 1.0))[0, 1, 2].total.value)
    per_cell = 16 / 15 * 0.75 ** (1 / 3) * math.pi ** (5 / 3) * math.gamma(4 / 3)
    exact = 6 * shares.prod() * per_cell / cell**2
    # three volumes of 240 cells each vary by about 3 %; the estimator is within 2 % here
    assert np.mean(values) == pytest.approx(exact, rel=0.08)


@pytest.fixture
def comb():
    """Walls of A and B that span axis 0, with strips of C in the faces between them.

    Of ten voxels each: a strip of C that spans, one that is broken off inside, and one that
    reaches the low face only.
    """
    labels = np.zeros((10, 12, 6), np.uint8)
    labels[:, :, 3:] = 1
    labels[:, 2, 3] = 2
    labels[3:6, 5, 3] = 2
    labels[:4, 8, 3] = 2
    return labels


def test_active_isolated_and_unknown_lines_are_told_apart(comb):
    line = triple_phase_boundaries(Volume(comb, 1.0, NAMES))["A", "B", "C"]
    along = 2 / 3 / (11 * 5)  # per edge along axis 0, of which 10 x 11 x 5 are seen
    across = 2 / 3 / (9 * 12 * 5) * 10  # an edge along axis 1 at a strip's end, over ten layers
    assert line.active.value == pytest.approx(2 * along)
    assert line.isolated.value == pytest.approx(2 * along * 3 / 10 + 2 * across / 10)
    assert line.unknown.value == pytest.approx(2 * along * 4 / 10 + across / 10)


def test_unknown_lines_may_be_active_or_isolated():
    labels = np.zeros((10, 6, 6), np.uint8)
    labels[:, :, 3:] = 1
    labels[:4, 2, 3] = 2
    line = triple_phase_boundaries(Volume(labels, 1.0, NAMES))["A", "B", "C"]
    assert line.unknown.value == line.total.value > 0
    for part in (line.active, line.isolated):
        assert part.value == 0
        assert part.uncertainty == pytest.approx(line.unknown.value / 2)


def test_a_line_is_active_only_if_all_three_phases_span(comb):
    comb[5, :, 3:][comb[5, :, 3:] == 1] = 0  # cuts B in two
    comb[5, :, :3] = 1  # and A as well
    line = triple_phase_boundaries(Volume(comb, 1.0, NAMES))["A", "B", "C"]
    assert line.active.value == 0
    assert line.total.value > 0


def test_diagonal_contacts_connect_with_26_neighbours():
    labels = np.zeros((4, 6, 8), np.uint8)
    labels[:, :, 4:] = 1
    labels[[0, 1, 2, 3], [1, 2, 3, 4], 4] = 2
    volume = Volume(labels, 1.0, NAMES)
    assert triple_phase_boundaries(volume)["A", "B", "C"].active.value == 0
    linked = triple_phase_boundaries(volume, neighbours=26)["A", "B", "C"]
    assert linked.active.value == linked.total.value > 0


def test_degenerate_volumes_have_no_line_or_an_undefined_one():
    single = triple_phase_boundaries(Volume([[[0]]], 1.0, NAMES))["A", "B", "C"]
    assert math.isnan(single.total.value)
    assert len(triple_phase_boundaries(Volume([[[0, 1]]], 1.0))) == 0
    nothing = Volume(np.full((3, 3, 3), 9), 1.0, NAMES, outside=9)
    assert math.isnan(triple_phase_boundaries(nothing)["A", "B", "C"].total.value)
    absent = Volume(np.zeros((4, 4, 4), np.uint8), 1.0, NAMES)
    assert triple_phase_boundaries(absent)["A", "B", "C"].total.value == 0


def test_triples_are_found_in_any_order_and_written_as_numbers(comb):
    lines = triple_phase_boundaries(Volume(comb, 1.0, NAMES))
    assert lines["C", "A", "B"] == lines[0, 1, 2]
    assert lines.to_dict()["A | B | C"]["active"]["value"] == lines[0, 1, 2].active.value
    assert "active" in str(lines)
    with pytest.raises(InvalidInputError, match="each value belongs to 3"):
        lines["A", "B"]
    with pytest.raises(InvalidInputError, match="6, 18, 26"):
        triple_phase_boundaries(Volume(comb, 1.0, NAMES), neighbours=4)
