"""Conductivities voxel by voxel, tensors, warm starts, and how exact a potential is kept."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import potential

UNEQUAL = (3e-7, 1e-7, 2e-7)
TIGHT = 1e-10


def random_volume(seed=0, shape=(14, 13, 11), phases=3):
    labels = np.random.default_rng(seed).integers(0, phases, shape, dtype=np.uint8)
    return Volume(labels, UNEQUAL, {0: "pore", 1: "NMC", 2: "CBD"})


SIGMA = {0: 1.0, 1: 0.02, 2: 0.3}


def field_for(volume):
    return np.array([SIGMA[label] for label in range(3)])[volume.labels]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("precision", ["mixed", "double"])
def test_a_field_equals_the_phases_it_repeats(axis, precision):
    volume = random_volume()
    solvers.use(precision=precision)
    phases = solvers.effective_conductivity(volume, SIGMA, axis, tolerance=TIGHT)
    field = solvers.effective_conductivity(volume, field_for(volume), axis, tolerance=TIGHT)
    solvers.use(precision="mixed")
    assert field.value == pytest.approx(phases.value, rel=1e-9)


def test_fields_of_some_phases_and_numbers_of_others():
    volume = random_volume()
    mixed = {"pore": field_for(volume), "NMC": 0.02, 2: np.full(volume.shape, 0.3)}
    expected = solvers.effective_conductivity(volume, SIGMA, 0, tolerance=TIGHT).value
    result = solvers.effective_conductivity(volume, mixed, 0, tolerance=TIGHT)
    assert result.value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("boundary", ["electrodes", "periodic"])
def test_graded_layers_conduct_in_series_and_in_parallel(boundary):
    sigma = np.linspace(0.1, 5.0, 12)
    field = np.broadcast_to(sigma[:, None, None], (12, 5, 4)).copy()
    volume = Volume(np.zeros(field.shape, np.uint8), UNEQUAL)
    for axis, expected in ((0, 1 / (1 / sigma).mean()), (1, sigma.mean())):
        result = solvers.effective_conductivity(volume, field, axis, boundary=boundary)
        assert result.value == pytest.approx(expected, rel=1e-9)


def test_field_that_insulates_somewhere():
    volume = random_volume()
    field = field_for(volume)
    field[volume.labels == 1] = 0.0
    expected = solvers.effective_conductivity(volume, SIGMA | {1: 0.0}, 0, tolerance=TIGHT)
    result = solvers.effective_conductivity(volume, field, 0, tolerance=TIGHT, fields=True)
    assert result.value == pytest.approx(expected.value, rel=1e-9)
    assert result.conducting_fraction == expected.conducting_fraction


def test_islands_are_found_in_fields_too():
    """Good conductors apart from each other in a bad one, at a contrast of 1e6."""
    rng = np.random.default_rng(1)
    labels = (rng.random((24, 22, 20)) < 0.25).astype(np.uint8)
    volume = Volume(labels, 1e-7)
    spread = 1.0 + 0.5 * rng.random(labels.shape)
    field = np.where(labels == 1, spread, 1e-6 * spread)
    result = solvers.effective_conductivity(volume, field, 0)
    exact = solvers.effective_conductivity(volume, field, 0, tolerance=1e-12)
    assert result.value == pytest.approx(exact.value, rel=1e-5)
    assert result.report.iterations <= 40


@pytest.mark.parametrize(
    ("field", "match"),
    [
        (np.ones((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.ones((14, 13, 11), complex), "one number per voxel"),
        (-np.ones((14, 13, 11)), "finite numbers ≥ 0"),
        (np.full((14, 13, 11), np.nan), "finite numbers ≥ 0"),
    ],
)
def test_fields_that_make_no_sense_are_refused(field, match):
    for values in (field, {"pore": field, "NMC": 1.0, "CBD": 0.0}):
        with pytest.raises(InvalidInputError, match=match):
            solvers.effective_conductivity(random_volume(), values, 0)


def test_tensors_along_the_axes_need_no_elements():
    volume = random_volume()
    along = solvers.Anisotropic([3.0, 1.0, 0.5])
    for axis, own in enumerate([3.0, 1.0, 0.5]):
        only = solvers.effective_conductivity(
            volume, {0: along, 1: 0.0, 2: 0.0}, axis, tolerance=TIGHT
        )
        assert "finite volumes" in only.method
        # stretched to where it is isotropic: h_a' = h_a / sqrt(k_a), D' = D / k_axis
        stretched = tuple(h / np.sqrt(k) for h, k in zip(UNEQUAL, (3.0, 1.0, 0.5), strict=True))
        same = solvers.effective_conductivity(
            Volume(volume.labels, stretched), {0: 1.0, 1: 0.0, 2: 0.0}, axis, tolerance=TIGHT
        )
        assert only.value == pytest.approx(own * same.value, rel=1e-8)


def test_tensors_refuse_what_they_cannot_be_combined_with():
    volume = random_volume()
    turned = solvers.Anisotropic([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    values = {0: turned, 1: 0.1, 2: 0.1}
    with pytest.raises(InvalidInputError, match="rotated tensors"):
        solvers.effective_conductivity(
            volume, values, 0, boundary=solvers.Electrodes(contact_low=1.0)
        )
    with pytest.raises(InvalidInputError, match="face resistances"):
        solvers.effective_conductivity(
            volume, values, 0, resistance=solvers.FaceResistance.of_pairs(volume, {(0, 1): 1.0})
        )
    with pytest.raises(InvalidInputError, match="fields of others"):
        solvers.effective_conductivity(volume, values | {1: np.ones(volume.shape)}, 0)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-9])
def test_a_sweep_starts_where_the_last_solve_ended(tolerance):
    volume = random_volume(shape=(30, 28, 26))
    before = solvers.effective_conductivity(volume, SIGMA, 0, tolerance=1e-9, fields=True)
    next_one = SIGMA | {1: 0.021}
    cold = solvers.effective_conductivity(volume, next_one, 0, tolerance=tolerance)
    warm = solvers.effective_conductivity(
        volume, next_one, 0, tolerance=tolerance, start=before.fields
    )
    assert warm.value == pytest.approx(cold.value, rel=2 * tolerance)
    assert warm.report.iterations < cold.report.iterations + (tolerance > 1e-6)
    with pytest.raises(InvalidInputError, match="fields to start from"):
        solvers.effective_conductivity(random_volume(), SIGMA, 0, start=before.fields)


@pytest.mark.parametrize("contrast", [0.0, 1e-2, 1e-6])
def test_single_precision_is_refined_to_any_tolerance(contrast, monkeypatch):
    volume = random_volume(5, (26, 24, 22), phases=2)
    sigma = {0: 1.0, 1: contrast}
    solvers.use(precision="double")
    exact = solvers.effective_conductivity(volume, sigma, 0, tolerance=1e-13).value
    solvers.use(precision="mixed")
    monkeypatch.setattr(potential, "LARGE", 0)  # single precision, as for large volumes
    for tolerance in (1e-3, 1e-5, 1e-7, 1e-9, 1e-12):
        result = solvers.effective_conductivity(volume, sigma, 0, tolerance=tolerance)
        assert abs(result.value / exact - 1) <= tolerance


def test_small_volumes_are_exact_to_double_precision_at_once():
    labels = np.ones((20, 10, 10), np.uint8)
    labels[:, 3:6, 2:9] = 0
    result = solvers.effective_conductivity(Volume(labels, UNEQUAL), {0: 1.0, 1: 0.0}, 0)
    assert result.value == pytest.approx(0.21, rel=1e-14)


def test_the_size_of_the_voxels_can_be_judged_in_the_same_call():
    z, y, x = (np.indices((32, 32, 32)) - 15.5) / 32
    labels = (z**2 + y**2 + x**2 < 0.16).astype(np.uint8)
    volume = Volume(labels, 1e-7, {0: "pore", 1: "solid"})
    result = solvers.tortuosity_factor(volume, "pore", discretisation=True)
    coarse = solvers.tortuosity_factor(volume.coarsened(2), "pore")
    assert result.discretisation_error == pytest.approx(abs(result.value - coarse.value), rel=1e-6)
    assert result.to_dict()["discretisation_error"] == result.discretisation_error
    assert solvers.tortuosity_factor(volume, "pore").discretisation_error is None
    sigma = {0: 1.0, 1: 0.1}
    other = solvers.effective_conductivity(volume, sigma, 0, discretisation=True)
    assert other.discretisation_error > 10 * other.report.tolerance * other.value
    with pytest.raises(InvalidInputError, match="merges voxels"):
        solvers.effective_conductivity(volume, np.ones(volume.shape), 0, discretisation=True)


def test_grains_resist_where_they_touch():
    """Layers of grains across the flow: their boundaries are in series with them."""
    instances = np.repeat(np.arange(1, 5), 3)[:, None, None] * np.ones((1, 4, 5), int)
    volume = Volume(np.zeros(instances.shape, np.uint8), 1e-7)
    boundary = solvers.FaceResistance.of_instances(instances, 2e-7)
    assert boundary.count == 3 * 20
    result = solvers.effective_conductivity(volume, {0: 1.0}, 0, resistance=boundary)
    length = 12e-7
    assert result.value == pytest.approx(length / (length + 3 * 2e-7), rel=1e-9)
    chosen = solvers.FaceResistance.of_instances(instances, {(2, 1): 5e-7, (1, 4): 1.0})
    result = solvers.effective_conductivity(volume, {0: 1.0}, 0, resistance=chosen)
    assert result.value == pytest.approx(length / (length + 5e-7), rel=1e-9)
    none = solvers.FaceResistance.of_instances(np.where(instances == 2, 0, instances), 1.0)
    assert none.count == 20  # 3 touches 4; 0 is no grain


@pytest.mark.parametrize(
    ("instances", "resistance"),
    [
        (np.zeros((2, 2, 2)), 1.0),
        (np.zeros((2, 2), int), 1.0),
        (-np.ones((2, 2, 2), int), 1.0),
        (np.ones((2, 2, 2), int), -1.0),
        (np.ones((2, 2, 2), int), {(1, 1): 1.0}),
        (np.ones((2, 2, 2), int), {(0, 1): 1.0}),
        (np.ones((2, 2, 2), int), {"ab": 1.0}),
    ],
)
def test_instances_that_make_no_sense_are_refused(instances, resistance):
    with pytest.raises(InvalidInputError):
        solvers.FaceResistance.of_instances(instances, resistance)
