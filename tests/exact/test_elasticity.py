"""Linear elasticity against what is known exactly: patches, laminates, and identities."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.body import Body
from solvers.boundary import Boundary, Clamped, Free, Periodic, Platen, Symmetry
from solvers.elastic_level import ElasticLevel
from solvers.elasticity import ElasticMultigrid
from solvers.voigt import IDENTITY, rotated_stiffness

PHASES = {0: "pore", 1: "hard", 2: "soft"}
HARD, SOFT = solvers.Isotropic(100e9, 0.25), solvers.Isotropic(2e9, 0.35)
EXACT = 1e-8


@pytest.fixture(autouse=True)
def double_precision():
    """Exact identities want float64 throughout."""
    before = solvers.use(precision=None).precision
    solvers.use(precision="double")
    yield
    solvers.use(precision=before)


def random_volume(shape, share=0.5, seed=0, labels=(1, 2)):
    drawn = np.random.default_rng(seed).random(shape) < share
    return Volume(np.where(drawn, *labels).astype(np.uint8), (1e-7, 2e-7, 1.5e-7), PHASES)


def laminate(normal, thicknesses=(3, 5)):
    layers = np.repeat([1, 2], thicknesses).astype(np.uint8)
    shape = [4, 4, 4]
    shape[normal] = len(layers)
    ordered = np.expand_dims(layers, tuple(a for a in range(3) if a != normal))
    return Volume(np.broadcast_to(ordered, shape).copy(), (1e-7, 2e-7, 1.5e-7), PHASES)


def laminate_stiffness(matrices, shares, normal):
    """Exact: strains within the layers and stresses across them are continuous (Backus)."""
    across = {0: [0, 4, 5], 1: [1, 3, 5], 2: [2, 3, 4]}[normal]
    within = [c for c in range(6) if c not in across]
    nn, nt, tt = [], [], []
    for c in matrices:
        inverse = np.linalg.inv(c[np.ix_(across, across)])
        nn.append(inverse)
        nt.append(inverse @ c[np.ix_(across, within)])
        off = c[np.ix_(within, across)]
        tt.append(c[np.ix_(within, within)] - off @ inverse @ off.T)
    mean = [sum(s * m for s, m in zip(shares, part, strict=True)) for part in (nn, nt, tt)]
    inverse = np.linalg.inv(mean[0])
    out = np.zeros((6, 6))
    out[np.ix_(across, across)] = inverse
    out[np.ix_(across, within)] = inverse @ mean[1]
    out[np.ix_(within, across)] = mean[1].T @ inverse
    out[np.ix_(within, within)] = mean[2] + mean[1].T @ inverse @ mean[1]
    return out


@pytest.mark.parametrize("element", ["stabilized", "full", "bbar"])
@pytest.mark.parametrize("boundary", ["periodic", "symmetry", "clamped"])
def test_a_uniform_block_has_the_stiffness_of_its_phase(element, boundary):
    volume = Volume(np.ones((3, 4, 5), np.uint8), (1e-7, 2e-7, 3e-7), PHASES)
    found = solvers.effective_stiffness(volume, {"hard": HARD}, boundary, element=element)
    assert found.value == pytest.approx(HARD.matrix, abs=1e-9 * 100e9)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_laminates_are_exact_in_all_six_loads(normal):
    found = solvers.effective_stiffness(
        laminate(normal), {"hard": HARD, "soft": SOFT}, tolerance=1e-13
    )
    exact = laminate_stiffness([HARD.matrix, SOFT.matrix], (3 / 8, 5 / 8), normal)
    assert found.value == pytest.approx(exact, rel=EXACT, abs=EXACT * 100e9)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed", "double", "single"])
@pytest.mark.parametrize("layers", [8, 12, 16])
def test_an_iteration_that_is_exact_at_once_stops_there(layers, precision):
    """Layers one voxel thick: further steps would only follow the rounding of a singular system."""
    solvers.use(precision=precision)
    labels = np.broadcast_to(1 + np.arange(layers)[:, None, None] % 2, (layers, 4, 4))
    volume = Volume(labels.astype(np.uint8), 1e-7, PHASES)
    for soft in (2e9, 20e9, 70e9):
        solids = {"hard": HARD, "soft": solvers.Isotropic(soft, 0.35)}
        state = solvers.swelling_stress(volume, solids, {"hard": -0.003})
        assert state.imbalance < 1e-3
        assert np.ptp(state.stress[0]) < 1e-3 * np.abs(state.stress[0]).max()
        assert state.report.error_estimate <= state.report.tolerance


def test_a_laminate_of_turned_crystals_is_exact():
    crystal = solvers.TransverselyIsotropic(200e9, 100e9, 60e9, 0.2, 0.3)
    angle = 0.7
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    volume = laminate(0)
    grains = (volume.labels == 2).astype(int)
    one = Volume(np.ones(volume.shape, np.uint8), volume.spacing, PHASES)
    solid = solvers.Oriented(crystal, grains, [np.eye(3), turn])
    found = solvers.effective_stiffness(one, {"hard": solid}, tolerance=1e-13)
    layers = [crystal.matrix, rotated_stiffness(crystal.matrix, turn)]
    exact = laminate_stiffness(layers, (3 / 8, 5 / 8), 0)
    assert found.value == pytest.approx(exact, rel=EXACT, abs=EXACT * 200e9)


def test_a_turned_crystal_pulled_along_its_own_axes_answers_as_before():
    crystal = solvers.Cubic(250e9, 100e9, 80e9).matrix
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], float)
    assert rotated_stiffness(crystal, quarter) == pytest.approx(crystal)
    skew = solvers.TransverselyIsotropic(200e9, 100e9, 60e9, 0.2, 0.3).matrix
    turned = rotated_stiffness(skew, quarter)  # axis 0 has become axis 1
    assert turned[1, 1] == pytest.approx(skew[0, 0])
    assert turned[5, 5] == pytest.approx(skew[5, 5])
    assert turned[3, 3] == pytest.approx(skew[4, 4])


def test_a_transversely_isotropic_solid_answers_pulls_as_its_constants_say():
    compliance = np.linalg.inv(solvers.TransverselyIsotropic(200e9, 100e9, 60e9, 0.2, 0.3).matrix)
    assert compliance[:3, 0] * 200e9 == pytest.approx([1, -0.2, -0.2])
    assert compliance[:3, 1] * 100e9 == pytest.approx([-0.1, 1, -0.3])  # 0.2 of the stiffer axis
    assert np.diag(compliance)[3:] == pytest.approx([2 * 1.3 / 100e9, 1 / 60e9, 1 / 60e9])


@pytest.mark.parametrize("order", [(1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("mirrored", [(), (0,), (0, 2)])
def test_a_turned_or_mirrored_volume_has_the_turned_stiffness(order, mirrored):
    volume = random_volume((6, 5, 4), 0.6)
    solids = {"hard": HARD, "soft": SOFT}
    labels = np.flip(volume.labels, mirrored).transpose(order)
    turned = Volume(labels.copy(), tuple(volume.spacing[a] for a in order), PHASES)
    rotation = np.diag([-1.0 if a in mirrored else 1.0 for a in range(3)])[list(order)]
    before, after = (
        solvers.effective_stiffness(v, solids, tolerance=1e-10).value for v in (volume, turned)
    )
    exact = rotated_stiffness(before, rotation)
    assert np.abs(exact - before).max() > 0.01 * before.max()  # it is not isotropic
    assert after == pytest.approx(exact, abs=1e-6 * before.max())


@pytest.mark.parametrize("seed", [0, 1])
def test_bitter_crum_holds_in_every_voxel_of_the_one_point_element(seed):
    """Uniform moduli, no mean strain: the volume change is local, whatever the shapes.

    Sizes are odd: on even ones hourglasses of the full wave number take no part in any strain.
    """
    volume = random_volume((9, 11, 7), 0.4, seed)
    body = Body.of(volume, {"hard": HARD, "soft": HARD}, stabilisation=0.0)
    swelling = 0.01
    inside = volume.labels == 1
    field = IDENTITY[:, None, None, None] * swelling * inside
    deformation = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-20)
    change = body.strain(deformation)[:3].sum(axis=0)
    exact = (1 + HARD.nu) / (1 - HARD.nu) * swelling * (inside - inside.mean())
    assert change == pytest.approx(exact, abs=1e-10 * swelling)


def test_bitter_crum_is_met_within_a_band_by_the_default_element():
    z, y, x = np.indices((17,) * 3) - 8
    volume = Volume(np.where(z**2 + y**2 + x**2 < 16, 1, 2).astype(np.uint8), 1e-7, PHASES)
    field = IDENTITY[:, None, None, None] * 0.01 * (volume.labels == 1)
    inside = volume.labels == 1
    exact = (1 + HARD.nu) / (1 - HARD.nu) * 0.01 * (1 - inside.mean())
    error = {}
    for element in ("stabilized", "full"):
        body = Body.of(volume, {"hard": HARD, "soft": HARD}, element=element)
        deformation = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-14)
        error[element] = body.strain(deformation)[:3].sum(axis=0)[inside].mean() / exact - 1
    # what hourglass stiffness costs on a sphere of four voxels in radius; it halves at eight
    assert abs(error["stabilized"]) < 0.015
    assert abs(error["full"]) > 3 * abs(error["stabilized"])


def test_levin_links_swelling_to_the_stiffness():
    """A stress s and a strain e, both uniform, suit both phases: e I = swelling + C⁻¹ s I."""
    volume, own = random_volume((6, 5, 6)), (0.01, -0.004)
    solids = {"hard": HARD, "soft": SOFT}
    stiffness = solvers.effective_stiffness(volume, solids, tolerance=1e-13).value
    pattern = {"hard": own[0], "soft": own[1]}
    response = solvers.superpose(volume, solids, {"both": pattern}, tolerance=1e-13)
    k1, k2 = (s.E / (3 * (1 - 2 * s.nu)) for s in (HARD, SOFT))
    strain = (k1 * own[0] - k2 * own[1]) / (k1 - k2)
    stress = 3 * k1 * (strain - own[0])
    exact = strain * IDENTITY - np.linalg.solve(stiffness, stress * IDENTITY)
    assert response.effective_swelling("both") == pytest.approx(exact, abs=1e-7 * own[0])


@pytest.mark.parametrize("boundary", ["periodic pressure", "free", "platen"])
def test_a_porous_solid_that_swells_freely_has_no_stress(boundary):
    volume = random_volume((9, 8, 7), 0.6, labels=(1, 0))
    free = Periodic(pressure=0.0)
    cases = {
        "periodic pressure": Boundary(free, free, free),
        "free": solvers.fully_free(),
        "platen": Boundary(Platen(pressure=0.0), Platen(pressure=0.0), Platen(pressure=0.0)),
    }
    state = solvers.swelling_stress(
        volume, {"hard": HARD}, {"hard": 0.01}, cases[boundary], tolerance=1e-7
    )
    confined = HARD.E / (1 - 2 * HARD.nu) * 0.01
    assert np.abs(state.stress).max() < 1e-5 * confined
    if boundary != "free":
        assert state.strain == pytest.approx(0.01 * IDENTITY, abs=1e-8)


def test_work_of_the_mean_stress_is_the_energy():
    volume = random_volume((8, 7, 6), labels=(1, 0))
    found = solvers.effective_stiffness(volume, {"hard": HARD}, tolerance=1e-13)
    first_order = 1e-13**0.5  # the energy is right to 1e-13, mean stresses to its root
    assert found.energy_mismatch < first_order
    assert found.asymmetry < 3 * first_order


def test_betti_swelling_pushes_as_the_unit_strains_would():
    """Mean stress of a swelling at no mean strain = -<strain of a unit load : C : eigenstrain>."""
    volume = random_volume((5, 6, 4), labels=(1, 0))
    body = Body.of(volume, {"hard": HARD})
    field = np.random.default_rng(3).normal(size=(6, *volume.shape)) * (volume.labels == 1)
    swollen = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-20)
    back = body.mean_stress(swollen, field)
    for c in range(6):
        unit = body.respond(strain=np.eye(6)[c], tolerance=1e-20)
        work = np.sum(body.moduli.stress(field) * body.strain(unit), axis=0).mean()
        assert back[c] == pytest.approx(-work, abs=1e-7 * np.abs(back).max())


def test_stiffness_lies_between_reuss_and_voigt():
    volume = random_volume((8, 8, 8), 0.4)
    found = solvers.effective_stiffness(volume, {"hard": HARD, "soft": SOFT}).value
    f = volume.fraction("hard")
    voigt = f * HARD.matrix + (1 - f) * SOFT.matrix
    reuss = np.linalg.inv(f * np.linalg.inv(HARD.matrix) + (1 - f) * np.linalg.inv(SOFT.matrix))
    assert np.linalg.eigvalsh(voigt - found)[0] > 0
    assert np.linalg.eigvalsh(found - reuss)[0] > 0


def test_a_superposition_is_what_a_solve_of_its_own_finds():
    volume = random_volume((8, 9, 7), 0.7, labels=(1, 0))
    press = solvers.stack_pressure(3e6)
    response = solvers.superpose(volume, {"hard": HARD}, ["hard"], press, tolerance=1e-15)
    state = response.at({"hard": 0.004})
    direct = solvers.swelling_stress(volume, {"hard": HARD}, {"hard": 0.004}, press, tolerance=1e-7)
    scale = np.abs(direct.stress).max()
    assert state.stress() == pytest.approx(direct.stress, abs=1e-5 * scale)
    assert state.pressures == pytest.approx(direct.pressures, rel=1e-6)
    assert state.pressures[0] == pytest.approx(3e6, rel=1e-7)
    gap = response.at({"hard": 0.004}, solvers.fixed_gap())
    assert gap.pressures[0] == pytest.approx(response.back_pressure({"hard": 0.004}), rel=1e-9)
    sample = response.sampled("hard", voxels=10**6)
    found = sample.percentiles(state)[1]
    assert direct.statistics("hard").percentiles[50] == pytest.approx(found, rel=1e-5)


def test_a_fixed_gap_and_the_pressure_it_builds_up_agree():
    volume = random_volume((8, 6, 6), 0.8, labels=(1, 0))
    solid, own = {"hard": HARD}, {"hard": 0.01}
    held = solvers.swelling_stress(volume, solid, own, solvers.fixed_gap(), tolerance=1e-7)
    pressed = solvers.swelling_stress(
        volume, solid, own, solvers.stack_pressure(float(held.pressures[0])), tolerance=1e-7
    )
    assert pressed.strain == pytest.approx(np.zeros(6), abs=1e-7)
    assert held.pressures[0] > 0


def test_a_platen_pushes_by_what_it_was_told():
    volume = Volume(np.ones((4, 3, 3), np.uint8), 1e-7, PHASES)
    boundary = Boundary(Platen(displacement=-4e-10), Free(), Free())
    state = solvers.swelling_stress(volume, {"hard": HARD}, None, boundary, tolerance=1e-7)
    assert state.mean_stress[0] == pytest.approx(-HARD.E * 1e-3, rel=1e-6)  # 1 nm of 400 nm = 0.1 %
    stuck = Boundary(Platen(displacement=-4e-10, bonded=True), Free(), Free())
    stiffer = solvers.swelling_stress(volume, {"hard": HARD}, None, stuck, tolerance=1e-7)
    assert stiffer.mean_stress[0] < 1.01 * state.mean_stress[0]


@pytest.mark.slow
def test_mirrored_sides_are_a_periodic_volume_and_its_mirror_image():
    volume = random_volume((6, 5, 4), 0.8, labels=(1, 0))
    labels = volume.labels
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis)
    whole = Volume(labels, volume.spacing, PHASES)
    mirrored = solvers.effective_stiffness(volume, {"hard": HARD}, "symmetry", tolerance=1e-11)
    periodic = solvers.effective_stiffness(whole, {"hard": HARD}, "periodic", tolerance=1e-11)
    assert mirrored.value == pytest.approx(periodic.value, abs=1e-7 * periodic.value.max())


def test_rollers_take_as_many_iterations_as_the_mirrored_volume():
    """Only where held components are taken out of the diagonal blocks does their bound hold."""
    volume = random_volume((16, 8, 8), 0.6, labels=(1, 0))
    mirrored = np.concatenate([volume.labels, volume.labels[::-1]])
    whole = Volume(mirrored, volume.spacing, PHASES)
    load = {"strain": [1, 0, 0, 0, 0, 0], "tolerance": 1e-8}
    half = Body.of(volume, {"hard": HARD}, Boundary(z=Symmetry())).respond(**load)
    both = Body.of(whole, {"hard": HARD}, Boundary()).respond(**load)
    assert half.report.iterations <= both.report.iterations + 3


def test_clusters_that_nothing_carries_are_reported_across_periodic_faces():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:, 2, 2] = 1  # a column that closes on itself
    labels[0, 6, 6] = labels[-1, 6, 6] = 1  # one cluster through the periodic face
    labels[4, 5, 6] = 1
    volume = Volume(labels, 1e-7, PHASES)
    found = Body.of(volume, {"hard": HARD}).clusters
    assert found.count == 2
    assert found.fraction == pytest.approx(3 / 11)
    assert found.floating[0, 6, 6]
    assert not found.floating[0, 2, 2]
    clamped = Body.of(volume, {"hard": HARD}, Clamped()).clusters
    assert clamped.count == 1


def test_where_faces_are_held_an_island_floats():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[3:6, 3:6, 3:6] = 1
    volume = Volume(labels, 1e-7, PHASES)
    for boundary, share in ((solvers.fixed_gap(), 1.0), (Periodic(), 0.0)):
        assert Body.of(volume, {"hard": HARD}, boundary).clusters.fraction == share


def test_swelling_of_a_body_with_free_faces_is_no_mean_strain():
    found = solvers.superpose(
        laminate(0), {"hard": HARD, "soft": SOFT}, ["hard"], solvers.plane_stress()
    )
    with pytest.raises(InvalidInputError, match="free faces"):
        found.effective_swelling("hard")


def test_floating_clusters_do_not_stop_a_solve():
    volume = random_volume((9, 9, 9), 0.35, labels=(1, 0))
    body = Body.of(volume, {"hard": HARD})
    assert body.clusters.count > 10
    found = solvers.effective_stiffness(volume, {"hard": HARD}, tolerance=1e-3)
    assert np.linalg.eigvalsh(found.value)[0] >= 0


def test_moduli_may_vary_from_voxel_to_voxel():
    volume = Volume(np.ones((6, 4, 4), np.uint8), 1e-7, PHASES)
    E = np.where(np.arange(6) < 2, 10e9, 40e9)[:, None, None] * np.ones(volume.shape)
    found = solvers.effective_stiffness(
        volume, {"hard": solvers.Isotropic(E, 0.0)}, tolerance=1e-13
    )
    assert found.youngs_modulus(0) == pytest.approx(1 / (1 / 30e9 + 2 / 120e9), rel=1e-8)
    assert found.youngs_modulus(1) == pytest.approx(30e9, rel=1e-8)


def test_axial_swelling_turns_with_its_grain():
    volume = Volume(np.ones((4, 4, 4), np.uint8), 1e-7, PHASES)
    axis = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    free = Periodic(pressure=0.0)
    own = {"hard": solvers.Axial(0.02, -0.01, axis)}
    state = solvers.swelling_stress(volume, {"hard": HARD}, own, free, tolerance=1e-7)
    assert state.strain == pytest.approx([0.005, 0.005, -0.01, 0, 0, 0.03], abs=1e-9)


def test_too_few_iterations_raise_and_give_no_number():
    volume = random_volume((9, 9, 9), labels=(1, 0))
    with pytest.raises(ConvergenceError) as caught:
        solvers.effective_stiffness(volume, {"hard": HARD}, max_iterations=2)
    assert caught.value.report.iterations == 2


def test_relaxation_takes_over_where_multigrid_fails(monkeypatch):
    volume = random_volume((8, 7, 8), 0.8, labels=(1, 0))
    load = {"strain": np.eye(6)[0], "tolerance": 1e-8, "max_iterations": 60}
    body = Body.of(volume, {"hard": HARD})
    whole = body.respond(**load)
    prolong = ElasticLevel.prolong

    def astray(self, coarse):
        coarse.x *= -100.0
        prolong(self, coarse)

    monkeypatch.setattr(ElasticLevel, "prolong", astray)
    found = body.respond(**load)
    monkeypatch.setattr(ElasticMultigrid, "relaxation", lambda self: self)
    with pytest.raises(ConvergenceError):
        body.respond(**load)
    assert body.mean_stress(found)[0] == pytest.approx(body.mean_stress(whole)[0], rel=1e-7)


def test_free_faces_carry_no_traction():
    volume = random_volume((8, 8, 8), 0.8, labels=(1, 0))
    state = solvers.swelling_stress(
        volume, {"hard": HARD}, {"hard": 0.01}, solvers.plane_stress(), tolerance=1e-7
    )
    assert abs(state.mean_stress[0]) < 1e-6 * abs(state.mean_stress[1])
    assert state.mean_stress[1] < 0


def test_a_free_block_expands_as_it_swells_and_a_pulled_one_as_hooke_says():
    volume = Volume(np.ones((4, 5, 6), np.uint8), (1e-7, 2e-7, 1.5e-7), PHASES)
    free = solvers.swelling_stress(volume, {"hard": HARD}, {"hard": 0.01}, "free", tolerance=1e-7)
    assert free.expansion == pytest.approx([0.01] * 3, rel=1e-6)
    pressed = Boundary(Platen(pressure=1e9), Free(), Periodic())
    state = solvers.swelling_stress(volume, {"hard": HARD}, None, pressed, tolerance=1e-7)
    plane = (1 - 0.25**2) / 100e9 * 1e9, 0.25 * (1 + 0.25) / 100e9 * 1e9
    assert state.expansion == pytest.approx([-plane[0], plane[1], 0.0], rel=1e-6, abs=1e-12)
    response = solvers.superpose(volume, {"hard": HARD}, ["hard"], "free", tolerance=1e-13)
    assert response.at({"hard": 0.01}).expansion == pytest.approx([0.01] * 3, rel=1e-6)


def test_a_free_face_without_solid_has_no_expansion():
    labels = np.ones((4, 4, 4), np.uint8)
    labels[0] = 0
    volume = Volume(labels, 1e-7, PHASES)
    state = solvers.swelling_stress(volume, {"hard": HARD}, {"hard": 0.01}, "free")
    assert np.isnan(state.expansion[0])
    assert state.to_dict()["expansion"][0] is None


@pytest.mark.parametrize("precision", ["single", "mixed"])
def test_a_small_pressure_is_met_beside_a_large_swelling(precision):
    solvers.use(precision=precision)
    drawn = np.random.default_rng(3).choice([0, 1, 2], (24, 24, 24), p=[0.2, 0.6, 0.2])
    volume, solids = Volume(drawn.astype(np.uint8), 1e-7, PHASES), {"hard": HARD, "soft": SOFT}
    pressed = solvers.stack_pressure(1e4)
    state = solvers.swelling_stress(volume, solids, {"hard": 0.02}, pressed)
    assert state.pressures[0] == pytest.approx(1e4, rel=0.02)
    assert state.pressures[1] > 1e8


def test_symmetry_needs_no_mean_strain_to_hold():
    volume = random_volume((6, 6, 6), 0.8, labels=(1, 0))
    held = solvers.swelling_stress(
        volume, {"hard": HARD}, {"hard": 0.01}, Symmetry(), tolerance=1e-7
    )
    gap = solvers.swelling_stress(
        volume, {"hard": HARD}, {"hard": 0.01}, solvers.fixed_gap(), tolerance=1e-7
    )
    assert held.mean_stress == pytest.approx(gap.mean_stress, rel=1e-6)
