"""Interface areas of planes, spheres and random structures whose areas are known."""

import functools
import math

import numpy as np
import pytest

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.interfaces import direction_weights, interface_areas, specific_surface_areas

UNEQUAL = (3e-7, 1e-7, 2e-7)
# half the weight of a direction, Legland, Kiêu, Devaux (2007)
PUBLISHED = {1: 0.0457779, 2: 0.0369806, 3: 0.0351956}


def slabs(normal, spacing, outside=None):
    """Layers A A B B B A B B, stacked along ``normal``: three interfaces."""
    layers = np.array([0, 0, 1, 1, 1, 0, 1, 1], np.uint8)
    labels = np.broadcast_to(layers[:, None, None], (8, 6, 7)).copy()
    if outside is not None:
        labels[:, 2:4] = outside
    labels = np.moveaxis(labels, 0, normal)
    return Volume(labels, spacing, {0: "A", 1: "B"}, outside=outside)


def sphere(radius, shape, spacing):
    centre = np.array(shape) * spacing / 2 + np.array([0.21, -0.13, 0.37]) * spacing
    z, y, x = (
        ((np.arange(n) + 0.5) * h - c) ** 2 for n, h, c in zip(shape, spacing, centre, strict=True)
    )
    return Volume(z[:, None, None] + y[:, None] + x <= radius**2, tuple(spacing))


def steps():
    """One of each two opposite neighbours of a voxel, found independently of the code."""
    every = [tuple(np.array(s) - 1) for s in np.ndindex(3, 3, 3)]
    return [s for s in every if s > (0, 0, 0)]


def shifted(labels, step):
    """Labels of voxels that have a neighbour at ``step``, and of those neighbours."""
    here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, labels.shape, strict=True))
    there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, labels.shape, strict=True))
    return labels[here], labels[there]


def crofton_by_slices(labels, spacing, weights, a, b, outside):
    total = 0.0
    for step in steps():
        first, second = shifted(labels, step)
        seen = (first != outside) & (second != outside)
        crossed = ((first == a) & (second == b)) | ((first == b) & (second == a))
        length = np.linalg.norm(np.array(step) * spacing)
        total += 2 * weights[step] * np.sum(crossed) / np.sum(seen) / length
    return total


@functools.cache
def nearest_step_weights(spacing, points=100_000):
    """Share of evenly spread directions nearest to each step: an independent Voronoi area."""
    i = np.arange(points) + 0.5
    height, angle = 1 - 2 * i / points, i * math.pi * (1 + math.sqrt(5))
    radius = np.sqrt(1 - height**2)
    directions = np.stack([height, radius * np.sin(angle), radius * np.cos(angle)])
    vectors = np.array(steps()) * spacing
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = np.abs(units @ directions).argmax(axis=0)
    shares = np.bincount(nearest, minlength=13) / points
    return dict(zip(steps(), shares, strict=True))


def test_weights_of_cubic_voxels_are_the_published_ones():
    weights = direction_weights((1.0, 1.0, 1.0))
    expected = [PUBLISHED[1]] * 3 + [PUBLISHED[2]] * 6 + [PUBLISHED[3]] * 4
    assert weights / 2 == pytest.approx(expected, abs=5e-8)


def test_weights_do_not_depend_on_the_unit_of_length():
    assert direction_weights((3e-7, 1e-7, 2e-7)) == pytest.approx(direction_weights((3, 1, 2)))


@pytest.mark.parametrize("spacing", [(1e-7, 1e-7, 1e-7), UNEQUAL, (1e-7, 4e-7, 1e-7)])
def test_crofton_areas_equal_the_formula_evaluated_by_slicing(spacing):
    labels = np.random.default_rng(0).integers(0, 4, (9, 20, 11)).astype(np.uint8)
    volume = Volume(labels, spacing, {0: "a", 1: "b", 2: "c"}, outside=3)
    areas, weights = interface_areas(volume), nearest_step_weights(spacing)
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        expected = crofton_by_slices(labels, spacing, weights, a, b, outside=3)
        assert areas[a, b].value == pytest.approx(expected, rel=1e-3)  # spread of the points


@pytest.mark.parametrize("spacing", [(1e-7, 1e-7, 1e-7), UNEQUAL])
@pytest.mark.parametrize("normal", [0, 1, 2])
def test_faces_give_planes_along_the_grid_exactly(normal, spacing):
    area = interface_areas(slabs(normal, spacing), method="faces")["A", "B"]
    assert area.value == pytest.approx(3 / (8 * spacing[normal]), rel=1e-12)
    assert area.unit == "m²/m³"


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_crofton_is_7_percent_low_for_planes_along_the_grid(normal):
    area = interface_areas(slabs(normal, 1e-7))["A", "B"].value
    # three of the seven layer boundaries are interfaces; 4 of the 13 directions run along them
    crossing = PUBLISHED[1] + 4 * PUBLISHED[2] / math.sqrt(2) + 4 * PUBLISHED[3] / math.sqrt(3)
    assert area == pytest.approx(3 / (7 * 1e-7) * 4 * crossing, rel=1e-5)
    assert 4 * crossing == pytest.approx(1 - 0.073, abs=1e-3)


@pytest.mark.parametrize("method", ["crofton", "faces"])
@pytest.mark.parametrize("normal", [0, 1, 2])
def test_voxels_outside_are_no_interface_and_no_volume(normal, method):
    whole = interface_areas(slabs(normal, UNEQUAL), method)
    masked = interface_areas(slabs(normal, UNEQUAL, outside=9), method)
    assert masked.pairs == (("A", "B"),)
    assert masked["A", "B"].value == pytest.approx(whole["A", "B"].value, rel=1e-12)


def test_an_irregular_mask_does_not_make_a_regular_structure_uncertain():
    labels = np.indices((32, 32, 32))[0] % 2
    labels[np.random.default_rng(2).random((32, 32, 32)) < np.linspace(0, 0.9, 32)] = 9
    area = interface_areas(Volume(labels, 1e-7, {0: "A", 1: "B"}, outside=9))["A", "B"]
    assert area.value > 0
    assert area.uncertainty < 1e-12 * area.value


@pytest.mark.parametrize(
    ("radius", "spacing", "error"),
    [(3, (1, 1, 1), 0.03), (9, (1, 1, 1), 0.01), (12, (2, 1, 1), 0.02), (14, (1, 3, 1), 0.03)],
)
def test_crofton_area_of_a_sphere(radius, spacing, error):
    shape = np.array([2 * math.ceil(radius / h) + 6 for h in spacing])
    area = interface_areas(sphere(radius, shape, np.array(spacing)))["phase 0", "phase 1"].value
    # each direction sees the pairs of voxels within the volume
    weights = nearest_step_weights(spacing)
    per_volume = sum(weights[s] / (np.prod(shape - np.abs(s)) * np.prod(spacing)) for s in steps())
    assert area == pytest.approx(4 * math.pi * radius**2 * per_volume, rel=error)


def test_faces_of_a_sphere_are_half_as_much_again():
    volume = sphere(12, (30, 30, 30), np.ones(3))
    exact = 4 * math.pi * 12**2 / 30**3
    area = interface_areas(volume, "faces")["phase 0", "phase 1"].value
    assert area == pytest.approx(1.5 * exact, rel=0.02)


@pytest.mark.parametrize("method", ["crofton", "faces"])
def test_specific_surface_is_the_sum_of_the_phase_s_interfaces(method):
    labels = np.random.default_rng(1).integers(0, 4, (10, 11, 12))
    areas = interface_areas(Volume(labels, UNEQUAL), method)
    surfaces = specific_surface_areas(Volume(labels, UNEQUAL), method)
    for phase in range(4):
        parts = sum(areas[phase, other].value for other in range(4) if other != phase)
        assert surfaces[phase].value == pytest.approx(parts, rel=1e-12)
        assert surfaces[phase].uncertainty > 0


def test_many_phases_are_counted_exactly():
    labels = np.arange(260, dtype=np.uint16).reshape(2, 10, 13)
    areas = interface_areas(Volume(labels, 1.0), "faces")
    assert areas[0, 1].value == pytest.approx(1 / 260)
    assert areas[0, 259].value == 0
    assert areas[255, 256].value == pytest.approx(1 / 260)


def test_pairs_are_found_by_name_or_id_in_any_order():
    areas = interface_areas(slabs(0, 1e-7))
    assert areas["A", "B"] == areas["B", "A"] == areas[0, 1] == areas["B", np.int64(0)]
    assert [names for names, _ in areas.items()] == [("A", "B")]
    assert ("A", "B") in areas
    assert ("A", "C") not in areas
    assert len(areas) == 1
    assert areas.to_dict()["A | B"]["value"] == areas["A", "B"].value


def test_degenerate_volumes_have_no_area_or_an_undefined_one():
    single = Volume(np.zeros((1, 1, 1), np.uint8), 1e-7, {0: "A", 1: "B"})
    assert math.isnan(interface_areas(single)["A", "B"].value)
    assert interface_areas(single, "faces")["A", "B"].value == 0
    full = Volume(np.zeros((5, 4, 3), np.uint8), 1e-7, {0: "A", 1: "B"})
    assert interface_areas(full)["A", "B"].value == 0
    nothing = Volume(np.full((3, 3, 3), 9), 1e-7, {0: "A", 1: "B"}, outside=9)
    for method in ("crofton", "faces"):
        assert math.isnan(specific_surface_areas(nothing, method)["A"].value)


@pytest.mark.parametrize("shape", [(1, 12, 12), (12, 1, 12), (12, 12, 1), (1, 1, 12)])
def test_a_single_layer_is_rated_by_the_directions_it_has(shape):
    labels = np.indices(shape).sum(axis=0) // 3 % 2
    assert 0 < interface_areas(Volume(labels, 1.0))[0, 1].value < math.inf


def test_wrong_arguments_are_refused_with_the_choices():
    with pytest.raises(InvalidInputError, match="'crofton' or 'faces'"):
        interface_areas(slabs(0, 1e-7), method="marching")
    areas = interface_areas(slabs(0, 1e-7))
    with pytest.raises(UnknownPhaseError, match="0='A', 1='B'"):
        areas["A", "C"]
    for wrong in ["A", ("A", "A"), ("A", "B", "A")]:
        with pytest.raises(InvalidInputError, match="each value belongs to 2"):
            areas[wrong]


def test_too_many_phases_are_refused_with_a_remedy():
    labels = np.arange(16**3, dtype=np.uint16).reshape(16, 16, 16)
    with pytest.raises(InvalidInputError, match="merge phases"):
        interface_areas(Volume(labels, 1.0))
