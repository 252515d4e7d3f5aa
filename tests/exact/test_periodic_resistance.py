"""Resistances of faces in volumes that repeat themselves, those across the sides included."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import face_level, islands
from solvers.diffusion import Diffusion
from solvers.face_resistance import FaceResistance
from solvers.periodic_components import periodic_labels, winding_components
from solvers.potential import zero_means

UNEQUAL = (1e-7, 1.3e-7, 2e-7)
SIGMA = {0: 1.0, 1: 0.3, 2: 0.05}
ALL, SIDES = (True, True, True), solvers.Electrodes(sides="periodic")
TIGHT = 1e-9

pytestmark = pytest.mark.filterwarnings("ignore::solvers.PeriodicWarning")


def winding_mask(mask, periodic, axis, cuts=None):
    """True for voxels whose component winds around the volume along an axis."""
    labels, winds = winding_components(mask, periodic, cuts)
    return winds[labels, axis]


def sigma(volume):
    return {label: SIGMA[label] for label in volume.phases}


def tensor(volume, resistance):
    return solvers.effective_conductivity_tensor(
        volume, sigma(volume), resistance=resistance, tolerance=TIGHT
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_are_in_series_with_the_faces_across_the_sides(axis):
    layers = np.array([0, 0, 1, 1, 1, 0, 2, 2], np.uint8)  # 0 and 2 touch across the sides, too
    labels = np.moveaxis(np.broadcast_to(layers[:, None, None], (8, 5, 4)), 0, axis)
    volume = Volume(labels, UNEQUAL)
    faces = FaceResistance.of_pairs(volume, {(0, 1): 2e-7, (0, 2): 5e-7}, periodic=True)
    h = volume.spacing[axis]
    in_series = sum(h / SIGMA[label] for label in layers) + 2 * 2e-7 + 2 * 5e-7
    found = tensor(volume, faces)
    assert found.value[axis, axis] == pytest.approx(8 * h / in_series, rel=TIGHT)
    beside = (axis + 1) % 3
    parallel = np.mean([SIGMA[label] for label in layers])
    assert found.value[beside, beside] == pytest.approx(parallel, rel=TIGHT)


PAIRS = {
    "weak": {(0, 1): 1e-7},
    "strong": {(0, 1): 1e-3},
    "every pair": {(0, 1): 1e-3, (1, 2): 1e-3, (0, 2): 1e-3},
    "blocked and strong": {(0, 1): np.inf, (1, 2): 1e-4},
    "all blocked": {(0, 1): np.inf, (1, 2): np.inf, (0, 2): np.inf},
}


@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_where_a_volume_is_cut_out_of_its_repetition_does_not_matter(pairs):
    labels = np.random.default_rng(3).integers(0, 3, (9, 10, 7)).astype(np.uint8)
    found, along, flux = [], [], []
    for shift in ((0, 0, 0), (3, 5, 2), (4, 1, 6)):
        moved = Volume(np.roll(labels, shift, (0, 1, 2)), UNEQUAL)
        faces = FaceResistance.of_pairs(moved, pairs, periodic=True)
        found.append(tensor(moved, faces).value)
        moved = Volume(np.roll(labels, (0, *shift[1:]), (0, 1, 2)), UNEQUAL)
        faces = FaceResistance.of_pairs(moved, pairs, periodic=True)
        how = {"resistance": faces, "boundary": SIDES, "tolerance": TIGHT, "fields": True}
        one = solvers.effective_conductivity(moved, SIGMA, 0, **how)
        along.append(one.value)
        flux.append(np.roll(one.fields.flux, (0, -shift[1], -shift[2]), (0, 1, 2)))
    scale = found[0].trace()
    assert scale > 0.0
    assert along[0] > 0.0
    for value, electrodes, field in zip(found, along, flux, strict=True):
        assert value == pytest.approx(found[0], abs=1e-8 * scale)
        assert electrodes == pytest.approx(along[0], rel=1e-8)
        assert field == pytest.approx(flux[0], abs=2e-3 * float(np.nanmax(flux[0])), nan_ok=True)


def test_a_blocked_side_stops_what_winds_around_it():
    volume = Volume(np.zeros((5, 4, 6), np.uint8), UNEQUAL)
    masks = [np.zeros(volume.shape, bool) for _ in range(3)]
    masks[1][:, -1] = True
    blocked = FaceResistance.from_masks(masks, np.inf, periodic=True)
    assert np.diag(tensor(volume, blocked).value) == pytest.approx([1.0, 0.0, 1.0], abs=TIGHT)
    half = FaceResistance.from_masks(masks, 4 * UNEQUAL[1], periodic=True)
    assert np.diag(tensor(volume, half).value) == pytest.approx([1.0, 0.5, 1.0], rel=TIGHT)


def test_components_end_at_cuts_across_the_sides():
    mask = np.ones((4, 3, 2), bool)
    number = np.arange(mask.size).reshape(mask.shape)
    none = np.zeros(0, np.int64)
    middle, side = number[1].ravel(), number[3].ravel()
    both = (np.concatenate([middle, side]), none, none)
    assert periodic_labels(mask, ALL, both)[1] == 2
    assert periodic_labels(mask, ALL, (side, none, none))[1] == 1
    assert periodic_labels(mask, (False, True, True), (middle, none, none))[1] == 2
    assert not winding_mask(mask, ALL, 0, (side, none, none)).any()
    assert winding_mask(mask, ALL, 1, both).all()
    partly = (side[:5], none, none)
    assert winding_mask(mask, ALL, 0, partly).all()


def slabs(sides):
    """Two slabs of a periodic box that faces of this resistance part; in the operator's units."""
    masks = [np.zeros((6, 5, 4), bool) for _ in range(3)]
    masks[0][[1, 5]] = True  # the second is that across the sides
    faces = FaceResistance.from_masks(masks, sides, periodic=True)
    return Diffusion(np.ones((6, 5, 4), np.uint8), np.ones(1), (1.0, 1.2, 1.5), faces, periodic=ALL)


@pytest.mark.parametrize("shape", [(6, 5, 4), (1, 5, 4), (2, 2, 2), (3, 1, 7)])
def test_matrix_of_the_smallest_level_is_that_of_the_operator(shape):
    rng = np.random.default_rng(0)
    masks = [rng.random(shape) < 0.3 for _ in range(3)]
    values = [rng.choice([0.3, 20.0, np.inf], shape) for _ in range(3)]
    faces = FaceResistance.from_masks(masks, values, periodic=True)
    classes = rng.integers(0, 3, shape).astype(np.uint8)
    sigma, edges = np.array([0.1, 1.0]), (1.0, 1.2, 1.5)
    for periodic in (ALL, (False, True, True)):
        kept = faces.within((slice(None),) * 3, 0, periodic)
        problem = Diffusion(classes, sigma, edges, kept, periodic=periodic)
        operator, grid = problem.operator(np.float64), problem.grid
        columns = []
        for unit in np.eye(classes.size):
            x, out = grid.flat(unit.reshape(shape)), np.zeros(grid.size)
            operator.medium.wrap(x)
            operator.apply(x, out)
            columns.append(grid.voxels(out).ravel())
        matrix = face_level._dense(operator.medium)
        assert matrix == pytest.approx(np.stack(columns), abs=1e-12 * np.abs(matrix).max())


def test_method_of_a_result_names_resistive_faces():
    volume = Volume(np.random.default_rng(0).integers(0, 2, (4, 4, 4)).astype(np.uint8), 1e-7)
    faces = FaceResistance.of_pairs(volume, {(0, 1): 1e-6}, periodic=True)
    values = {0: 1.0, 1: 0.1}
    along = solvers.effective_conductivity(volume, values, 0, resistance=faces, boundary="periodic")
    for found in (along, tensor(volume, faces)):
        assert found.method.endswith("periodic along all axes, resistive faces")


def test_of_each_part_between_blocked_faces_the_mean_residual_is_taken_out():
    problem = slabs(np.inf)
    r = np.random.default_rng(0).random(problem.grid.size)
    project = zero_means(problem)
    project(r)
    inner = problem.grid.voxels(r)
    assert [inner[:2].sum(), inner[2:].sum()] == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("sides", [1e3, np.inf])
def test_rise_of_parts_answers_to_their_sources(sides):
    problem = slabs(sides)
    (found,) = islands.find_islands(problem)
    sources = np.array([1.0, -1.0]) if np.isfinite(sides) else np.zeros(2)
    x, out = np.zeros(problem.grid.size), np.zeros(problem.grid.size)
    x[found.elements] = found.rise(sources)[found.owners]
    operator = problem.operator(np.float64)
    operator.medium.wrap(x)
    operator.apply(x, out)
    of_parts = np.bincount(found.owners, out[found.elements])
    assert found.count == 2
    assert of_parts == pytest.approx(sources, abs=1e-6)  # the rise knows faces in float32
    assert np.isfinite(x).all()


def test_faces_across_closed_sides_do_not_count():
    labels = np.random.default_rng(0).integers(0, 2, (6, 5, 4)).astype(np.uint8)
    volume, pairs = Volume(labels, UNEQUAL), {(0, 1): 3e-7}
    periodic = FaceResistance.of_pairs(volume, pairs, periodic=True)
    plain = FaceResistance.of_pairs(volume, pairs)
    assert periodic.count > plain.count
    for axis in range(3):
        values = [
            solvers.effective_conductivity(volume, sigma(volume), axis, resistance=faces).value
            for faces in (periodic, plain)
        ]
        assert values[0] == values[1]


def test_instances_meet_across_the_sides():
    numbers = np.ones((4, 3, 3), int)
    numbers[2:] = 2
    faces = FaceResistance.of_instances(numbers, 1e-6, periodic=True)
    assert faces.count == 2 * 9
    assert FaceResistance.of_instances(numbers, {(2, 1): 1e-6}, periodic=True).count == 2 * 9
    assert FaceResistance.of_instances(numbers, 1e-6).count == 9


def test_turned_faces_across_the_sides_stay_where_the_part_is_periodic():
    masks = [np.zeros((3, 4, 5), bool) for _ in range(3)]
    masks[2][1, 2, 4] = masks[0][2, 3, 1] = True
    faces = FaceResistance.from_masks(masks, 1.0, periodic=True)
    whole = (slice(None),) * 3
    turned = faces.within(whole, 2, ALL)
    assert turned.shape == (5, 3, 4)
    assert [len(lower) for lower in turned.lower] == [1, 1, 0]
    assert turned.lower[0][0] == np.ravel_multi_index((4, 1, 2), turned.shape)
    assert [len(lower) for lower in faces.within(whole, 2, (False, True, True)).lower] == [0, 1, 0]
    assert faces.within(whole, 2).count == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_tensors_along_the_axes_are_in_series_with_faces(axis):
    layers = np.array([0, 1, 1, 0, 1, 0], np.uint8)
    labels = np.moveaxis(np.broadcast_to(layers[:, None, None], (6, 5, 4)), 0, axis)
    volume, h = Volume(labels, UNEQUAL), UNEQUAL[axis]
    along = {0: (1.0, 0.5, 0.2), 1: (0.1, 3.0, 0.7)}
    values = {label: solvers.Anisotropic(np.diag(of)) for label, of in along.items()}
    bulk = sum(h / along[label][axis] for label in layers)
    periodic = FaceResistance.of_pairs(volume, {(0, 1): 4e-7}, periodic=True)
    found = solvers.effective_conductivity_tensor(
        volume, values, resistance=periodic, tolerance=TIGHT
    )
    assert found.value[axis, axis] == pytest.approx(6 * h / (bulk + 4 * 4e-7), rel=TIGHT)
    electrodes = solvers.effective_conductivity(
        volume, values, axis, resistance=periodic, tolerance=TIGHT
    )
    assert electrodes.value == pytest.approx(6 * h / (bulk + 4 * 4e-7), rel=TIGHT)


def test_rotated_tensors_with_faces_and_faces_of_other_volumes_are_refused():
    volume = Volume(np.random.default_rng(0).integers(0, 2, (4, 4, 4)).astype(np.uint8), 1e-7)
    faces = FaceResistance.of_pairs(volume, {(0, 1): 1e-6}, periodic=True)
    matrix = [[1.0, 0.2, 0.0], [0.2, 1.0, 0.0], [0.0, 0.0, 1.0]]
    rotated = {0: solvers.Anisotropic(matrix), 1: 0.1}
    with pytest.raises(InvalidInputError, match="together with rotated tensors"):
        solvers.effective_conductivity(volume, rotated, 0, resistance=faces)
    with pytest.raises(InvalidInputError, match="together with rotated tensors"):
        solvers.effective_conductivity_tensor(volume, rotated, resistance=faces)
    larger = Volume(np.zeros((5, 4, 4), np.uint8), 1e-7)
    with pytest.raises(InvalidInputError, match="make them for this volume"):
        solvers.effective_conductivity_tensor(larger, {0: 1.0}, resistance=faces)


def test_mixtures_of_periodic_and_other_faces_are_refused():
    volume = Volume(np.random.default_rng(0).integers(0, 2, (4, 4, 4)).astype(np.uint8), 1e-7)
    plain = FaceResistance.of_pairs(volume, {(0, 1): 1e-6})
    periodic = FaceResistance.of_pairs(volume, {(0, 1): 1e-6}, periodic=True)
    with pytest.raises(InvalidInputError, match="both with periodic=True"):
        plain + periodic
    assert (periodic + periodic).periodic
    assert periodic.scaled(2.0).periodic
    with pytest.raises(InvalidInputError, match="make them with periodic=True"):
        solvers.effective_conductivity(volume, sigma(volume), 0, resistance=plain, boundary=SIDES)
    with pytest.raises(InvalidInputError, match=r"\(nz, ny, nx\) each"):
        FaceResistance.from_masks(
            [np.zeros((n, 4, 4), bool) for n in (3, 4, 4)], 1.0, periodic=True
        )
    empty, none = np.zeros(0), np.zeros(0, np.int64)
    with pytest.raises(InvalidInputError, match="periodic=True"):
        FaceResistance((4, 4, 4), (np.array([48]), none, none), (np.ones(1), empty, empty))
