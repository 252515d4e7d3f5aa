"""Identities that hold for any microstructure, on corners of a real cathode."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers.body import Body
from solvers.voigt import IDENTITY

HARD, SOFT = solvers.Isotropic(140e9, 0.25), solvers.Isotropic(2e9, 0.35)
SOLIDS = {"NMC": HARD, "CBD": SOFT}


@pytest.fixture(autouse=True)
def double_precision():
    before = solvers.use().precision
    solvers.use(precision="double")
    yield
    solvers.use(precision=before)


@pytest.fixture(scope="module")
def corner(nrel_volume):
    """Pores, active material and binder; sizes are odd, as Bitter–Crum wants."""
    found = nrel_volume.cropped((60, 73), (100, 111), (150, 159))
    assert min(found.fraction(phase) for phase in ("pore", "NMC", "CBD")) > 0.15
    return found


@pytest.fixture(scope="module")
def filled(corner):
    """The same with two phases: active material, and all else."""
    labels = np.where(corner.labels == corner.phase_id("NMC"), 1, 2).astype(np.uint8)
    return Volume(labels, corner.spacing, {1: "NMC", 2: "CBD"})


def test_bitter_crum(filled):
    body = Body.of(filled, {"NMC": HARD, "CBD": HARD}, stabilisation=0.0)
    inside = filled.labels == 1
    field = IDENTITY[:, None, None, None] * 0.01 * inside
    found = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-20)
    change = body.strain(found)[:3].sum(axis=0)
    exact = (1 + HARD.nu) / (1 - HARD.nu) * 0.01 * (inside - inside.mean())
    assert change == pytest.approx(exact, abs=1e-10 * 0.01)


def test_levin(filled):
    own = (-0.005, 0.002)
    stiffness = solvers.effective_stiffness(filled, SOLIDS, tolerance=1e-12).value
    pattern = {"both": dict(zip(SOLIDS, own, strict=True))}
    response = solvers.superpose(filled, SOLIDS, pattern, tolerance=1e-12)
    k1, k2 = (s.E / (3 * (1 - 2 * s.nu)) for s in SOLIDS.values())
    strain = (k1 * own[0] - k2 * own[1]) / (k1 - k2)
    stress = 3 * k1 * (strain - own[0])
    exact = strain * IDENTITY - np.linalg.solve(stiffness, stress * IDENTITY)
    assert response.effective_swelling("both") == pytest.approx(exact, abs=1e-6 * abs(own[0]))


def test_free_swelling_of_all_solids_causes_no_stress(corner):
    swelling = {"NMC": 0.01, "CBD": 0.01}
    state = solvers.swelling_stress(
        corner, SOLIDS, swelling, solvers.Periodic(pressure=0.0), tolerance=1e-7
    )
    assert state.strain == pytest.approx(0.01 * IDENTITY, abs=1e-9)
    assert np.abs(state.stress).max() < 1e-6 * 0.01 * HARD.E


def test_betti_and_the_work_of_the_mean_stress(corner):
    """Of the unit strains' stiffness, and of a swelling's push against each of them."""
    body = Body.of(corner, SOLIDS)
    field = IDENTITY[:, None, None, None] * 0.01 * (corner.labels == corner.phase_id("NMC"))
    swollen = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-12)
    back = body.mean_stress(swollen, field)
    pushed, stiffness = body.moduli.stress(field), np.zeros((6, 6))
    for c in range(6):
        unit = body.respond(strain=np.eye(6)[c], tolerance=1e-12)
        strain = body.strain(unit)
        stiffness[c] = body.mean_stress(unit)
        stored = np.mean(np.sum(body.moduli.stress(strain) * strain, axis=0))
        stored += body.hourglass_energy(unit)
        assert stored == pytest.approx(stiffness[c, c], rel=1e-6)
        work = np.sum(pushed * strain, axis=0).mean()
        assert back[c] == pytest.approx(-work, abs=1e-6 * np.abs(back).max())
    assert stiffness == pytest.approx(stiffness.T, abs=1e-6 * stiffness.max())
    voigt = sum(corner.fraction(phase) * solid.matrix for phase, solid in SOLIDS.items())
    assert np.linalg.eigvalsh(stiffness)[0] > 0
    assert np.linalg.eigvalsh(voigt - stiffness)[0] > 0
