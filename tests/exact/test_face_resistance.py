"""Area-specific resistance of faces between voxels: planes, pairs, blocked faces, direct solves."""

import math

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers import islands, steady_state
from solvers.cut_components import cut_labels
from solvers.diffusion import Diffusion
from solvers.face_resistance import FaceResistance
from solvers.voxel_faces import beside

UNEQUAL = (3e-7, 1e-7, 2.3e-7)
SIGMA = {"pore": 0.5, "NMC": 3.0, "CBD": 20.0}
NAMES = {0: "pore", 1: "NMC", 2: "CBD"}
EXACT = 1e-9
AGREEMENT = 1e-8  # both solves to 1e-12, through differences of potentials


@pytest.fixture(params=["mixed", "double"])
def precision(request):
    solvers.use(precision=request.param)
    yield request.param
    solvers.use(precision="mixed")


def laminate(normal, spacing=UNEQUAL):
    layers = np.array([1, 1, 0, 2, 2, 2, 0, 1], np.uint8)
    labels = np.broadcast_to(layers[:, None, None], (8, 5, 6))
    return Volume(np.moveaxis(labels, 0, normal), spacing, NAMES)


def no_masks(shape):
    return [np.zeros([n - (a == axis) for a, n in enumerate(shape)], bool) for axis in range(3)]


def plane(shape, axis, below, resistance):
    """All faces normal to ``axis`` above layer ``below``."""
    masks = no_masks(shape)
    np.moveaxis(masks[axis], axis, 0)[below] = True
    return FaceResistance.from_masks(masks, resistance)


def series(volume, axis, added):
    layers = np.moveaxis(volume.labels, axis, 0)[:, 0, 0]
    h = volume.spacing[axis]
    resistance = sum(h / SIGMA[NAMES[label]] for label in layers) + added
    return len(layers) * h / resistance


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_resistive_plane_is_in_series_with_the_layers(axis, precision):
    volume, added = laminate(axis), 4e-7
    resistance = plane(volume.shape, axis, 3, added)
    result = solvers.effective_conductivity(
        volume, SIGMA, axis, resistance=resistance, tolerance=1e-12
    )
    assert result.value == pytest.approx(series(volume, axis, added), rel=EXACT)
    assert result.imbalance < EXACT
    assert result.percolates
    assert "resistive faces" in result.method


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_resistance_between_two_phases_counts_every_contact_and_no_other(axis, precision):
    volume = laminate(axis)
    pairs = {("CBD", "pore"): 3e-7, (1, 0): 1e-7, ("NMC", "CBD"): 5.0}
    resistance = FaceResistance.of_pairs(volume, pairs)
    assert resistance.count == 4 * 30  # four contacts, none NMC|CBD
    result = solvers.effective_conductivity(
        volume, SIGMA, axis, resistance=resistance, tolerance=1e-12
    )
    assert result.value == pytest.approx(series(volume, axis, 2 * 3e-7 + 2 * 1e-7), rel=EXACT)


def test_plane_across_the_flow_does_not_matter():
    volume = laminate(0)
    resistance = plane(volume.shape, 1, 2, np.inf)
    result = solvers.effective_conductivity(volume, SIGMA, 0, resistance=resistance)
    assert result.value == pytest.approx(series(volume, 0, 0.0), rel=1e-6)  # float32 cycle


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_blocked_plane_passes_exactly_nothing(axis):
    volume = Volume(np.zeros((6, 7, 8), np.uint8), UNEQUAL, {0: "pore"})
    resistance = plane(volume.shape, axis, 2, np.inf)
    for other in range(3):
        result = solvers.effective_conductivity(volume, {0: 1.7}, other, resistance=resistance)
        if other == axis:
            assert result.value == 0.0
            assert not result.percolates
            assert result.report.iterations == 0
        else:
            assert result.value == pytest.approx(1.7, rel=EXACT)


def test_diffusivity_takes_resistances_in_seconds_per_metre():
    volume = laminate(0)
    diffusivity = {name: 1e-10 * s for name, s in SIGMA.items()}
    resistance = plane(volume.shape, 0, 3, 4e-7 / 1e-10)
    result = solvers.effective_diffusivity(volume, diffusivity, 0, resistance=resistance)
    assert result.value == pytest.approx(1e-10 * series(volume, 0, 4e-7), rel=1e-6)


def test_vanishing_resistance_gives_the_plain_value():
    labels = np.random.default_rng(0).integers(0, 3, (11, 9, 10), dtype=np.uint8)
    volume = Volume(labels, UNEQUAL, NAMES)
    plain = solvers.effective_conductivity(volume, SIGMA, 0)
    none = FaceResistance.of_pairs(volume, {("pore", "NMC"): 0.0})
    assert solvers.effective_conductivity(volume, SIGMA, 0, resistance=none).value == plain.value
    tiny = FaceResistance.of_pairs(volume, {("pore", "NMC"): 1e-20})
    value = solvers.effective_conductivity(volume, SIGMA, 0, resistance=tiny).value
    assert value == pytest.approx(plain.value, rel=1e-10)
    larger = FaceResistance.of_pairs(volume, {("pore", "NMC"): 1e-7})
    assert solvers.effective_conductivity(volume, SIGMA, 0, resistance=larger).value < value


def face_field(resistance, axis):
    """Resistance of every face normal to an axis."""
    field = np.zeros(resistance.shape)
    field.reshape(-1)[resistance.lower[axis]] = resistance.values[axis]
    return beside(field, axis)[0]


def direct_conductivity(sigma, spacing, axis, resistance):
    """Assembled sparse matrix over all faces, solved directly; current at the outlet."""
    cell, number = math.prod(spacing), np.arange(sigma.size).reshape(sigma.shape)
    rows, columns, conductances = [], [], []
    for a, h in enumerate(spacing):
        (s, t), (i, j) = beside(sigma, a), beside(number, a)
        with np.errstate(divide="ignore"):
            g = 1 / (h / (2 * s) + h / (2 * t) + face_field(resistance, a)) * cell / h
        rows.append(i[g > 0])
        columns.append(j[g > 0])
        conductances.append(g[g > 0])
    i, j, g = map(np.concatenate, (rows, columns, conductances))
    h, n = spacing[axis], sigma.size
    inlet, outlet = np.zeros(n), np.zeros(n)
    for held, end in ((inlet, 0), (outlet, -1)):
        place = np.take(number, end, axis)
        held[place] = 2 * np.take(sigma, end, axis) / h * cell / h
    upper = scipy.sparse.coo_array((-g, (i, j)), (n, n))
    off = (upper + upper.T).tocsr()
    _, cluster = connected_components(off, directed=False)
    keep = np.flatnonzero((np.bincount(cluster, inlet + outlet) > 0)[cluster])
    matrix = (scipy.sparse.diags_array(inlet + outlet - off.sum(axis=1)) + off).tocsr()
    potential = np.zeros(n)
    potential[keep] = spsolve(matrix[keep][:, keep].tocsc(), inlet[keep])
    length = sigma.shape[axis] * h
    return float(outlet @ potential) * length / (cell * n / length)


def partly_blocked(shape):
    """A plane blocked but for a window, and faces at random: blocked, resistive or neither."""
    rng = np.random.default_rng(5)
    masks, values = no_masks(shape), []
    for axis, mask in enumerate(masks):
        mask[rng.random(mask.shape) < 0.3] = True
        if axis == 0:
            mask[5] = True
            mask[5, 3:6, 2:9] = False
        values.append(np.where(rng.random(mask.shape) < 0.5, np.inf, 2e-6))
    values[0][5] = np.inf
    return FaceResistance.from_masks(masks, values)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_partly_blocked_plane_agrees_with_a_sparse_direct_solve(axis, precision):
    labels = np.random.default_rng(2).choice(4, (12, 10, 11), p=(0.4, 0.3, 0.2, 0.1))
    volume = Volume(labels.astype(np.uint8), UNEQUAL)
    sigma = {0: 1.0, 1: 0.3, 2: 15.0, 3: 0.0}
    resistance = partly_blocked(volume.shape)
    field = np.array(list(sigma.values()))[volume.labels]
    expected = direct_conductivity(field, UNEQUAL, axis, resistance)
    result = solvers.effective_conductivity(
        volume, sigma, axis, resistance=resistance, tolerance=1e-12
    )
    assert 0 < result.value == pytest.approx(expected, rel=AGREEMENT)
    assert result.imbalance < 1e-5  # of a potential right to 1e-6
    assert result.uncertainty > 0


def grains(shape, count):
    """Number of the nearest of some points: grains that touch along oblique planes."""
    from scipy.spatial import cKDTree

    points = np.random.default_rng(1).random((count, 3)) * shape
    centres = np.stack(np.indices(shape), -1).reshape(-1, 3) + 0.5
    return cKDTree(points).query(centres)[1].reshape(shape)


@pytest.mark.parametrize("relative", [1e2, 1e5])
def test_grains_that_only_a_resistance_parts_do_not_hide_the_error(relative):
    volume = Volume(np.zeros((18, 17, 16), np.uint8), 1e-7)
    number = grains(volume.shape, 40)
    masks = [below != above for below, above in (beside(number, axis) for axis in range(3))]
    resistance = FaceResistance.from_masks(masks, relative * 1e-7)
    expected = direct_conductivity(np.ones(volume.shape), volume.spacing, 0, resistance)
    result = solvers.effective_conductivity(volume, {0: 1.0}, 0, resistance=resistance)
    assert abs(result.value / expected - 1) <= result.report.tolerance
    assert result.report.iterations <= 40  # without their own correction the grains take over 60


def test_islands_are_parted_by_resistive_faces():
    volume = Volume(np.zeros((9, 4, 4), np.uint8), 1e-7)
    both = plane(volume.shape, 0, 2, 1e-3) + plane(volume.shape, 0, 5, 1e-3)
    problem = Diffusion(1 + volume.labels, np.ones(1), (1.0,) * 3, both.scaled(1e7))
    (found,) = islands.find_islands(problem)
    assert found.count == 1  # the middle one; electrodes hold the others
    assert len(found.elements) == 3 * 16
    assert found.rise(np.ones(1))[0] == pytest.approx(1e4 / 32, rel=1e-3)


def test_sparse_labels_agree_with_a_graph_of_all_faces():
    rng = np.random.default_rng(3)
    mask = rng.random((9, 8, 7)) < 0.7
    steps, number = (56, 7, 1), np.arange(mask.size).reshape(mask.shape)
    every = [beside(number, axis)[0].ravel() for axis in range(3)]
    cuts = tuple(faces[rng.random(len(faces)) < 0.45] for faces in every)
    labels, count = cut_labels(mask, cuts)
    joined = [np.setdiff1d(faces, cut) for faces, cut in zip(every, cuts, strict=True)]
    i = np.concatenate(joined)
    j = np.concatenate([p + step for p, step in zip(joined, steps, strict=True)])
    both = mask.ravel()[i] & mask.ravel()[j]
    graph = scipy.sparse.coo_array((np.ones(both.sum()), (i[both], j[both])), (mask.size,) * 2)
    _, expected = connected_components(graph, directed=False)
    pairs = np.unique(np.stack([labels[mask], expected[mask.ravel()]]), axis=1)
    assert np.all(labels[~mask] == 0)
    assert count == labels.max() == len(np.unique(expected[mask.ravel()])) == pairs.shape[1]


def test_flux_within_voxels_does_not_count_what_their_faces_lose():
    volume = Volume(np.zeros((6, 4, 3), np.uint8), UNEQUAL)
    result = solvers.effective_conductivity(
        volume, {0: 2.0}, 0, resistance=plane(volume.shape, 0, 1, 1e-6), fields=True
    )
    assert result.fields.flux == pytest.approx(1.0, rel=1e-6)
    assert result.shares.sum() == pytest.approx(1.0, rel=1e-12)


def test_cylinder_with_outside_keeps_its_resistance():
    y, x = np.mgrid[:15, :15] - 7
    labels = np.where(y**2 + x**2 <= 49, 0, 9)[None].repeat(12, axis=0)
    padded = np.concatenate([np.full((3, 15, 15), 9), labels])  # a foil, which is cut away
    volume = Volume(padded, UNEQUAL, {0: "pore"}, outside=9)
    resistance = plane(volume.shape, 0, 7, 5e-6)
    value = solvers.effective_conductivity(volume, {0: 2.5}, 0, resistance=resistance).value
    length = 12 * UNEQUAL[0]
    assert value == pytest.approx(length / (length / 2.5 + 5e-6), rel=EXACT)


def test_resistances_in_series_add_up():
    volume = laminate(0)
    a = plane(volume.shape, 0, 3, 1e-7)
    b = plane(volume.shape, 0, 3, 3e-7) + plane(volume.shape, 2, 1, np.inf)
    both = a + b
    assert both.values[0] == pytest.approx(4e-7)
    assert both.count == a.count + plane(volume.shape, 2, 1, 1.0).count
    assert len(both.blocked[2]) == 8 * 5
    assert len(both.blocked[0]) == 0


def test_turned_window_names_the_same_faces():
    shape, rng = (5, 6, 7), np.random.default_rng(0)
    masks = [rng.random(mask.shape) < 0.5 for mask in no_masks(shape)]
    whole = FaceResistance.from_masks(masks, 2.0)
    part = whole.within((slice(1, 5), slice(None), slice(2, 6)), 2)
    cut = [masks[0][1:4, :, 2:6], masks[1][1:5, :, 2:6], masks[2][1:5, :, 2:5]]
    expected = FaceResistance.from_masks([np.moveaxis(cut[a], 2, 0) for a in (2, 0, 1)], 2.0)
    assert part.shape == expected.shape == (4, 4, 6)
    for axis in range(3):
        assert np.array_equal(np.sort(part.lower[axis]), expected.lower[axis])


def test_estimated_memory_counts_the_resistive_faces():
    plain, few, many = (steady_state.estimated_bytes((50, 50, 50), 1, n) for n in (0, 1, 100000))
    assert few - plain >= 24 * 50**3  # all faces are stored then
    assert many - few > 100 * 99999


def test_wrong_masks_are_refused():
    masks = no_masks((4, 5, 6))
    with pytest.raises(InvalidInputError, match=r"\(nz-1, ny, nx\)"):
        FaceResistance.from_masks([masks[0], masks[1], np.zeros((4, 5, 6), bool)], 1.0)
    with pytest.raises(InvalidInputError, match=r"\(nz-1, ny, nx\)"):
        FaceResistance.from_masks([mask.astype(float) for mask in masks], 1.0)
    with pytest.raises(InvalidInputError, match="whose mask has shape"):
        FaceResistance.from_masks(masks, [np.zeros((4, 5, 6))] * 3)
    with pytest.raises(InvalidInputError, match="one per axis"):
        FaceResistance.from_masks(masks, [1.0, 2.0])


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_a_resistance_is_a_number_above_zero(value):
    with pytest.raises(InvalidInputError, match=r"np\.inf for a blocked face"):
        plane((4, 5, 6), 1, 2, value)
    with pytest.raises(InvalidInputError, match=r"np\.inf to block it"):
        FaceResistance.of_pairs(laminate(0), {("pore", "NMC"): value})


def test_faces_must_exist_and_be_named_once():
    none, empty = np.zeros(0, int), np.zeros(0)
    for faces in ([119], [-1], [120]):
        with pytest.raises(InvalidInputError, match="by the flat index of the voxel below"):
            FaceResistance((4, 5, 6), (none, none, faces), (empty, empty, [1.0]))
    with pytest.raises(InvalidInputError, match="named twice"):
        FaceResistance((4, 5, 6), (none, none, [3, 3]), (empty, empty, [1.0, 2.0]))
    with pytest.raises(InvalidInputError, match="one whole number and one resistance per face"):
        FaceResistance((4, 5, 6), (none, none, [3]), (empty, empty, empty))
    with pytest.raises(InvalidInputError, match="one per axis"):
        FaceResistance((4, 5, 6), (none, none), (empty, empty, empty))


def test_pairs_must_be_two_different_phases():
    volume = laminate(0)
    for pair in (("pore", "pore"), ("pore",), "pore"):
        with pytest.raises(InvalidInputError, match="two different phases"):
            FaceResistance.of_pairs(volume, {pair: 1.0})
    with pytest.raises(InvalidInputError, match="twice"):
        FaceResistance.of_pairs(volume, {("pore", "NMC"): 1.0, (1, 0): 2.0})
    with pytest.raises(UnknownPhaseError):
        FaceResistance.of_pairs(volume, {("pore", "LFP"): 1.0})
    for nothing in ({}, None, 1e-4):
        with pytest.raises(InvalidInputError, match="names no pair"):
            FaceResistance.of_pairs(volume, nothing)


def test_resistances_belong_to_one_volume():
    volume = laminate(0)
    with pytest.raises(InvalidInputError, match="make them for this volume"):
        solvers.effective_conductivity(volume, SIGMA, resistance=plane((4, 5, 6), 0, 1, 1.0))
    with pytest.raises(InvalidInputError, match="FaceResistance is wanted"):
        solvers.effective_conductivity(volume, SIGMA, resistance=1e-4)
    with pytest.raises(InvalidInputError, match="cannot be added"):
        plane((4, 5, 6), 0, 1, 1.0) + plane((4, 5, 7), 0, 1, 1.0)
