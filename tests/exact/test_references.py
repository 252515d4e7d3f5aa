"""The independent solutions of voxel elasticity agree with each other and with exact statements."""

import numpy as np
import pytest

from tests.conftest import benchmark
from tests.exact import analytic_composites as exact

reference = benchmark("elasticity_reference")
fft = benchmark("fft_elasticity")

SOLVED, ROUNDING, BITTER_CRUM = 1e-8, 1e-11, 1e-10
STOP = 1e-11  # residual of the conjugate gradients, well below what is compared
UNEQUAL = (1.0, 1.5, 0.7)
ELEMENTS = ("one-point", "full", "bbar", "stabilized")
STRAIN = np.array([0.01, -0.004, 0.002, 0.003, -0.006, 0.005])
STIFF, SOFT = reference.isotropic(100.0, 0.3), reference.isotropic(4.0, 0.42)
SWELLING = {1: (0.01, 0.01, 0.02, 0.0, 0.004, 0.0)}


def random_labels(shape, phases, seed=0):
    return np.random.default_rng(seed).integers(0, phases, shape)


def positive_definite(rng):
    root = rng.normal(size=(6, 6))
    return root @ root.T + 4 * np.eye(6)


def spread(error, size):
    return np.abs(error).max() / np.abs(size).max()


@pytest.mark.parametrize("preconditioner", ["green", "green-jacobi"])
@pytest.mark.parametrize(
    ("element", "voids"),
    # one-point elements beside voids have mechanisms
    [*((element, False) for element in ELEMENTS), *((element, True) for element in ELEMENTS[1:])],
)
def test_assembled_and_fourier_solutions_agree(element, voids, preconditioner):
    stiffness = {1: STIFF, 2: SOFT} | ({} if voids else {0: reference.isotropic(20.0, 0.1)})
    case = {
        "spacing": UNEQUAL,
        "element": element,
        "strain": STRAIN,
        "eigenstrain": SWELLING,
    }
    labels = random_labels((8, 8, 8), 3)
    direct = reference.solve(labels, stiffness, **case)
    iterated = fft.solve(
        labels, stiffness, **case, preconditioner=preconditioner, tolerance=STOP, stop="residual"
    )
    assert spread(iterated.stress - direct.stress, direct.stress) < SOLVED
    difference = (iterated.strain - direct.strain)[:, np.isin(labels, list(stiffness))]
    assert spread(difference, direct.strain) < SOLVED
    assert iterated.mean_stress == pytest.approx(direct.mean_stress, rel=SOLVED)
    assert iterated.energy == pytest.approx(direct.energy, rel=SOLVED)


def test_fourier_solution_is_the_same_on_odd_sizes_and_with_one_worker():
    labels, strain = random_labels((7, 5, 9), 3), STRAIN
    stiffness = {0: STIFF, 1: SOFT}
    direct = reference.solve(labels, stiffness, strain=strain)
    for workers in (1, 2, 3):
        found = fft.solve(
            labels, stiffness, strain=strain, tolerance=STOP, stop="residual", workers=workers
        )
        assert spread(found.stress - direct.stress, direct.stress) < SOLVED


@pytest.mark.parametrize("element", ELEMENTS)
def test_fourier_operator_is_the_assembled_matrix(element):
    labels, rng = random_labels((4, 5, 6), 3), np.random.default_rng(1)
    stiffness = {0: STIFF, 2: SOFT}
    system = reference.assemble(labels, stiffness, spacing=UNEQUAL, element=element)
    u = rng.normal(size=(3, *labels.shape))
    flat = np.moveaxis(u, 0, -1).ravel()[system.kept]
    expected = np.zeros(3 * labels.size)
    u_kept = np.zeros(3 * labels.size)
    u_kept[system.kept] = flat
    expected[system.kept] = system.matrix @ flat
    body = fft.medium(labels, stiffness, UNEQUAL, element, 0.05, 2)
    u_kept = np.ascontiguousarray(np.moveaxis(u_kept.reshape(*labels.shape, 3), -1, 0))
    found = fft.apply(body, u_kept, np.empty_like(u_kept))
    found *= np.prod(UNEQUAL) / (4 * UNEQUAL[0]) ** 2
    expected = np.moveaxis(expected.reshape(*labels.shape, 3), -1, 0)
    assert spread(found - expected, expected) < ROUNDING
    diagonal = np.zeros(3 * labels.size)
    diagonal[system.kept] = system.matrix.diagonal()
    root = np.moveaxis(fft.root_diagonal(body), 0, -1).ravel()
    ones = root**2 * diagonal * (4 * UNEQUAL[0]) ** 2 / np.prod(UNEQUAL)
    assert ones[system.kept] == pytest.approx(1, rel=ROUNDING)


@pytest.mark.parametrize("element", ELEMENTS)
def test_green_operator_inverts_the_operator_of_a_uniform_medium(element):
    labels = np.zeros((6, 5, 4), int)
    body = fft.medium(labels, {0: STIFF}, UNEQUAL, element, 0.05, 2)
    rng = np.random.default_rng(2)
    force = fft.apply(body, rng.normal(size=(3, *labels.shape)), np.empty((3, *labels.shape)))
    u = fft.precondition(body, fft.green(body), None, force)
    assert spread(fft.apply(body, u, np.empty_like(u)) - force, force) < ROUNDING


def test_energy_history_tells_the_true_error():
    labels = random_labels((8, 8, 8), 3)
    case = {"stiffness": {1: STIFF, 2: SOFT}, "strain": STRAIN}
    tight = fft.solve(labels, **case, tolerance=STOP, stop="residual")
    for error in (1e-1, 1e-4):
        steps, seconds = tight.reached(error)
        early = fft.solve(labels, **case, tolerance=0.0, max_iterations=steps)
        before = fft.solve(labels, **case, tolerance=0.0, max_iterations=steps - 1)
        assert early.energy <= (1 + error) * tight.energy < before.energy
        assert 0 < seconds <= tight.seconds
    assert not early.converged
    assert tight.converged


def test_estimated_error_of_the_energy_is_above_the_true_one_and_near():
    labels = random_labels((8, 8, 8), 3)
    case = {"stiffness": {1: STIFF, 2: SOFT}, "strain": STRAIN}
    tight = fft.solve(labels, **case, tolerance=STOP, stop="residual")
    stopped = fft.solve(labels, **case, tolerance=1e-4)
    assert 0 < stopped.energy / tight.energy - 1 < stopped.error <= 1e-4
    steps, _ = tight.reached(1e-4)
    assert steps <= stopped.iterations <= steps + fft.DELAY


def test_fourier_solution_refuses_what_is_not_isotropic():
    stiffness = positive_definite(np.random.default_rng(0))
    with pytest.raises(ValueError, match="label 0 is not isotropic"):
        fft.solve(np.zeros((2, 2, 2), int), {0: stiffness}, strain=STRAIN)


@pytest.mark.parametrize("element", ELEMENTS)
def test_element_stores_the_energy_of_uniform_strain_and_none_of_rotation(element):
    C = positive_definite(np.random.default_rng(3))
    matrix = reference.element_matrix(C, UNEQUAL, element)
    points = reference.CORNERS * UNEQUAL
    gradient = np.random.default_rng(4).normal(size=(3, 3))
    strain = np.array([gradient[i, j] + (i != j) * gradient[j, i] for i, j in reference.PAIRS])
    u = (points @ gradient.T).ravel()
    assert u @ matrix @ u == pytest.approx(np.prod(UNEQUAL) * strain @ C @ strain, rel=ROUNDING)
    turned = (points @ (gradient - gradient.T)).ravel()
    assert np.abs(matrix @ turned).max() < ROUNDING * np.abs(matrix).max()


def test_full_element_integrates_exactly():
    C, rng = positive_definite(np.random.default_rng(5)), np.random.default_rng(6)
    u = rng.normal(size=24)
    points, weights = np.polynomial.legendre.leggauss(4)
    energy = 0.0
    for i, j, k in np.ndindex(4, 4, 4):
        at = (points[[i, j, k]] + 1) / 2
        strain = reference.strain_matrix(at, np.array(UNEQUAL)) @ u
        energy += np.prod(weights[[i, j, k]]) / 8 * np.prod(UNEQUAL) * strain @ C @ strain
    full = reference.element_matrix(C, UNEQUAL, "full")
    assert u @ full @ u == pytest.approx(energy, rel=ROUNDING)


def test_mean_dilatation_element_stores_only_its_mean_dilatation():
    bulk_only = np.outer(exact.DILATATION, exact.DILATATION)
    bbar = reference.element_matrix(bulk_only, UNEQUAL, "bbar")
    one_point = reference.element_matrix(bulk_only, UNEQUAL, "one-point")
    assert spread(bbar - one_point, one_point) < ROUNDING


@pytest.mark.parametrize("kind", ["periodic", "symmetry", "clamped", "free"])
@pytest.mark.parametrize("element", ELEMENTS)
def test_uniform_medium_strains_uniformly_between_any_faces(element, kind):
    C = positive_definite(np.random.default_rng(7)) if kind in ("periodic", "clamped") else STIFF
    strain = STRAIN * np.array([1, 1, 1, 0, 0, 0]) if kind == "symmetry" else STRAIN
    found = reference.solve(
        np.zeros((3, 4, 2), int),
        {0: C},
        strain=strain,
        spacing=UNEQUAL,
        element=element,
        boundary=(kind, kind, kind),
    )
    expected = 0 * strain if kind == "free" else C @ strain
    error = np.abs(found.stress.reshape(6, -1).T - expected).max()
    assert error < ROUNDING * np.abs(C @ strain).max()


def test_bar_between_rollers_with_free_sides_is_in_uniaxial_stress():
    found = reference.solve(
        np.zeros((4, 3, 3), int),
        {0: STIFF},
        strain=[0.01, 0, 0, 0, 0, 0],
        boundary=("symmetry", "free", "free"),
    )
    assert found.mean_stress[0] == pytest.approx(100.0 * 0.01, rel=ROUNDING)
    assert found.strain[1] == pytest.approx(-0.3 * 0.01, rel=ROUNDING)
    assert np.abs(found.stress[1:]).max() < ROUNDING


def test_symmetry_is_the_periodic_volume_of_mirror_images():
    labels, strain = random_labels((4, 3, 4), 3), STRAIN * np.array([1, 1, 1, 0, 0, 0])
    mirrored = labels
    for axis in range(3):
        mirrored = np.concatenate([mirrored, np.flip(mirrored, axis)], axis)
    case = {
        "stiffness": {0: STIFF, 1: SOFT},
        "strain": strain,
        "eigenstrain": {1: [0.01] * 3 + [0] * 3},
    }
    half = reference.solve(labels, **case, boundary=("symmetry",) * 3)
    whole = reference.solve(mirrored, **case)
    corner = whole.stress[:, :4, :3, :4]
    assert spread(corner - half.stress, half.stress) < SOLVED


def test_faces_that_hold_more_store_more_energy():
    labels, strain = random_labels((5, 5, 5), 3), STRAIN * np.array([1, 1, 1, 0, 0, 0])
    energy = {
        kind: reference.solve(
            labels, {0: STIFF, 1: SOFT}, strain=strain, boundary=(kind, "clamped", "clamped")
        ).energy
        for kind in ("free", "periodic", "symmetry", "clamped")
    }
    assert 0 < energy["free"] < energy["periodic"] < energy["clamped"]
    assert energy["free"] < energy["symmetry"] < energy["clamped"]


def test_unknown_boundary_is_refused():
    with pytest.raises(ValueError, match="boundary 'open': give periodic"):
        reference.solve(np.zeros((2, 2, 2), int), {0: STIFF}, boundary=("open",) * 3)


@pytest.mark.parametrize("normal", [0, 1, 2])
@pytest.mark.parametrize("element", ELEMENTS)
def test_laminate_of_anisotropic_layers_is_exact(element, normal):
    rng = np.random.default_rng(8)
    layers = np.array([0, 2, 1, 1, 2])
    stiffness = [positive_definite(rng) for _ in range(3)]
    own = [rng.normal(size=6) * 0.01 for _ in range(3)]
    shape = np.ones(3, int)
    shape[normal] = len(layers)
    labels = np.tile(layers.reshape(shape), np.where(shape == 1, 3, 1))
    fractions = [np.mean(layers == label) for label in range(3)]
    case = {"spacing": UNEQUAL, "element": element}
    effective = reference.effective_stiffness(labels, dict(enumerate(stiffness)), **case)
    expected = exact.laminate_stiffness(stiffness, fractions, normal)
    assert spread(effective - expected, expected) < ROUNDING
    found = reference.solve(
        labels, dict(enumerate(stiffness)), strain=STRAIN, eigenstrain=dict(enumerate(own)), **case
    )
    mean, strains, stresses = exact.laminate(stiffness, fractions, normal, STRAIN, own)
    assert spread(found.mean_stress - mean, mean) < ROUNDING
    for label in range(3):
        here = labels == label
        assert spread(found.strain[:, here].T - strains[label], strains) < ROUNDING
        assert spread(found.stress[:, here].T - stresses[label], stresses) < ROUNDING


def test_uniform_moduli_obey_bitter_and_crum():
    # of odd size: one-point elements have no stiffness where two axes alternate voxel by voxel
    labels, E, nu, e = random_labels((7, 7, 7), 2), 100.0, 0.3, 0.01
    case = {"eigenstrain": {1: [e, e, e, 0, 0, 0]}, "element": "one-point", "spacing": UNEQUAL}
    dilatation = exact.bitter_crum(e * labels, nu)
    mean_energy = 9 / 2 * E / (3 * (1 - 2 * nu)) * (e * labels.mean()) ** 2
    for found in (
        reference.solve(labels, {0: STIFF, 1: STIFF}, **case),
        fft.solve(labels, {0: STIFF, 1: STIFF}, **case, tolerance=STOP, stop="residual"),
    ):
        assert spread(found.strain[:3].sum(axis=0) - dilatation, dilatation) < BITTER_CRUM
        energy = exact.bitter_crum_energy(e * labels, E, nu) + mean_energy
        assert found.energy == pytest.approx(energy, rel=BITTER_CRUM)


def test_alternating_voxels_break_bitter_and_crum():
    labels = np.indices((4, 4, 3)).sum(axis=0) % 2
    case = {"eigenstrain": {1: [1, 1, 1, 0, 0, 0]}, "element": "one-point"}
    found = reference.solve(labels, {0: STIFF, 1: STIFF}, **case)
    assert np.abs(found.strain).max() < ROUNDING  # the voxels cannot follow at all


def test_phases_of_equal_shear_modulus_obey_hill():
    labels, G, bulk = random_labels((7, 7, 5), 2), 3.0, (2.0, 30.0)
    stiffness = {
        label: (K - 2 / 3 * G) * np.outer(exact.DILATATION, exact.DILATATION)
        + G * np.diag([2.0, 2, 2, 1, 1, 1])
        for label, K in enumerate(bulk)
    }
    fractions = [np.mean(labels == label) for label in range(2)]
    effective = reference.effective_stiffness(labels, stiffness, element="one-point")
    K = exact.equal_shear_bulk(bulk, G, fractions)
    expected = (K - 2 / 3 * G) * np.outer(exact.DILATATION, exact.DILATATION)
    expected += G * np.diag([2.0, 2, 2, 1, 1, 1])
    assert spread(effective - expected, expected) < BITTER_CRUM


@pytest.mark.parametrize("element", ELEMENTS)
def test_two_solids_obey_levin(element):
    rng = np.random.default_rng(9)
    labels = random_labels((6, 5, 6), 2)
    stiffness = {0: positive_definite(rng), 1: positive_definite(rng)}
    own = rng.normal(size=(2, 6)) * 0.01
    fractions = [np.mean(labels == label) for label in range(2)]
    effective = reference.effective_stiffness(labels, stiffness, element=element)
    expected = exact.levin(list(stiffness.values()), own, fractions, effective)
    held = reference.solve(labels, stiffness, eigenstrain=dict(enumerate(own)), element=element)
    free = -np.linalg.solve(effective, held.mean_stress)
    assert spread(free - expected, expected) < BITTER_CRUM


def test_effective_stiffness_is_symmetric_and_within_the_bounds():
    labels = random_labels((6, 6, 5), 3)
    stiffness = [STIFF, SOFT, np.zeros((6, 6))]
    fractions = [np.mean(labels == label) for label in range(3)]
    effective = reference.effective_stiffness(labels, {0: STIFF, 1: SOFT})
    assert spread(effective - effective.T, effective) < ROUNDING
    assert np.linalg.eigvalsh(exact.voigt(stiffness, fractions) - effective).min() > 0
    solids = reference.effective_stiffness(labels % 2, {0: STIFF, 1: SOFT})
    fractions = [np.mean(labels % 2 == label) for label in range(2)]
    assert np.linalg.eigvalsh(solids - exact.reuss([STIFF, SOFT], fractions)).min() > 0


def test_work_of_the_mean_fields_is_the_stored_energy():
    labels = random_labels((6, 5, 6), 3)
    found = reference.solve(labels, {1: STIFF, 2: SOFT}, strain=STRAIN)
    assert found.energy == pytest.approx(found.mean_stress @ STRAIN / 2, rel=ROUNDING)


def test_mean_stress_of_swelling_follows_from_six_unit_strains():
    labels = random_labels((5, 6, 5), 3)
    stiffness = {1: STIFF, 2: SOFT}
    system = reference.assemble(labels, stiffness)
    held = reference.solve_system(system, eigenstrain=SWELLING).mean_stress
    blocked = np.zeros((6, *labels.shape))
    blocked[:, labels == 1] = (STIFF @ SWELLING[1])[:, None]
    betti = [
        -np.mean((reference.solve_system(system, strain=unit).strain * blocked).sum(axis=0))
        for unit in np.eye(6)
    ]
    assert held == pytest.approx(np.array(betti), rel=SOLVED)


def test_porous_solid_swells_freely_without_stress():
    labels = random_labels((6, 6, 6), 2)
    own = np.array([0.01, 0.02, 0.005, 0.001, 0.002, -0.003])
    case = {"strain": own, "eigenstrain": {1: own}}
    for found in (
        reference.solve(labels, {1: STIFF}, **case),
        fft.solve(labels, {1: STIFF}, **case),
    ):
        assert np.abs(found.stress).max() < ROUNDING
        assert np.abs(found.energy) < ROUNDING
    free = reference.solve(labels, {1: STIFF}, eigenstrain={1: own}, boundary=("free",) * 3)
    assert np.abs(free.stress).max() < ROUNDING * np.abs(STIFF).max()


def test_eigenstrain_field_equals_that_of_its_labels():
    labels = random_labels((5, 4, 6), 3)
    field = np.zeros((6, *labels.shape))
    field[:, labels == 1] = np.reshape(SWELLING[1], (6, 1))
    for solve in (reference.solve, fft.solve):
        by_label = solve(labels, {0: STIFF, 1: SOFT}, eigenstrain=SWELLING)
        by_voxel = solve(labels, {0: STIFF, 1: SOFT}, eigenstrain=field)
        assert spread(by_label.stress - by_voxel.stress, by_voxel.stress) < ROUNDING


def test_a_floating_voxel_carries_no_stress():
    labels = np.ones((8, 6, 6), int)
    labels[4:] = 0
    labels[6, 3, 3] = 1
    found = reference.solve(labels, {1: STIFF}, strain=STRAIN)
    slab = labels.copy()
    slab[6] = 0
    alone = reference.solve(slab, {1: STIFF}, strain=STRAIN)
    assert np.abs(found.stress[:, 6, 3, 3]).max() < ROUNDING * np.abs(found.stress).max()
    assert found.mean_stress == pytest.approx(alone.mean_stress, rel=SOLVED, abs=ROUNDING)


def test_one_point_elements_beside_voids_are_never_solved_wrongly():
    labels = random_labels((6, 7, 5), 3)
    stiffness = {1: reference.isotropic(1e4, 0.3), 2: reference.isotropic(1.0, 0.48)}
    with pytest.raises(ArithmeticError, match="give them some stabilization"):
        reference.solve(labels, stiffness, strain=STRAIN, element="one-point")
