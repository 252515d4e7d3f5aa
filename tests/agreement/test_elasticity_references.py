"""Elasticity against independent codes: assembled sparse finite elements, and an FFT solver."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers.body import Body
from solvers.boundary import Boundary, Clamped, Free, Periodic, Symmetry
from tests.conftest import benchmark

PHASES = {0: "pore", 1: "hard", 2: "soft"}
SOLIDS = {"hard": solvers.Isotropic(100e9, 0.25), "soft": solvers.Isotropic(1e9, 0.35)}
MATRICES = {1: SOLIDS["hard"].matrix, 2: SOLIDS["soft"].matrix}
SPACING = (1e-7, 1.5e-7, 0.8e-7)
SAME = 1e-7  # of the largest value; the energy is solved to 1e-17, fields to its root
LOAD = np.array([0.01, -0.004, 0.002, 0.003, -0.005, 0.001])
CONDITIONS = {"periodic": Periodic(), "symmetry": Symmetry(), "clamped": Clamped(), "free": Free()}


@pytest.fixture(autouse=True)
def double_precision():
    """Agreement to rounding wants float64 throughout."""
    before = solvers.use(precision=None).precision
    solvers.use(precision="double")
    yield
    solvers.use(precision=before)


def three_phases(shape, seed=0):
    labels = np.random.default_rng(seed).choice(3, shape, p=[0.3, 0.4, 0.3]).astype(np.uint8)
    return Volume(labels, SPACING, PHASES)


def agree(volume, conditions, element, stabilization=0.05, crystal=None):
    reference = benchmark("elasticity_reference")
    stiffness, matrices = dict(SOLIDS), dict(MATRICES)
    if crystal is not None:
        stiffness["hard"], matrices[1] = crystal, crystal.matrix
    own = {1: [0.01, 0.01, 0.01, 0, 0, 0], 2: [0.0, 0.002, -0.004, 0.001, 0.003, 0]}
    expected = reference.solve(
        volume.labels,
        matrices,
        strain=LOAD,
        eigenstrain={k: np.array(v) for k, v in own.items()},
        spacing=SPACING,
        element=element,
        stabilization=stabilization,
        boundary=conditions,
    )
    boundary = Boundary(*(CONDITIONS[name] for name in conditions))
    body = Body.of(volume, stiffness, boundary, element=element, stabilisation=stabilization)
    field = solvers.eigenstrain_field(volume, {"hard": own[1], "soft": own[2]}, dtype=np.float64)
    deformation = body.respond(strain=LOAD, eigenstrain=field, tolerance=1e-17)
    stress = body.stress(deformation, field)
    assert stress == pytest.approx(expected.stress, abs=SAME * np.abs(expected.stress).max())
    mean = body.mean_stress(deformation, field)
    assert mean == pytest.approx(expected.mean_stress, abs=SAME * np.abs(expected.stress).max())


@pytest.mark.parametrize("element", ["stabilized", "full", "bbar"])
@pytest.mark.parametrize(
    "conditions",
    [
        ("periodic", "periodic", "periodic"),
        ("symmetry", "clamped", "free"),
        ("free", "periodic", "symmetry"),
    ],
    ids="-".join,
)
def test_stress_is_that_of_assembled_finite_elements(conditions, element):
    agree(three_phases((6, 5, 7)), conditions, element)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crystal_among_voids_is_that_of_assembled_finite_elements(seed):
    """Without stabilisation nothing in the element knows of the isotropic average."""
    labels = np.random.default_rng(seed).choice([1, 2], (5, 7, 5)).astype(np.uint8)
    crystal = solvers.TransverselyIsotropic(200e9, 90e9, 50e9, 0.2, 0.3)
    agree(Volume(labels, SPACING, PHASES), ("periodic",) * 3, "stabilized", 0.0, crystal)


@pytest.mark.parametrize("element", ["stabilized", "full", "bbar"])
def test_effective_stiffness_is_that_of_an_fft_solver(element):
    volume = three_phases((8, 8, 8), seed=5)
    fft = benchmark("fft_elasticity")
    ours = solvers.effective_stiffness(volume, SOLIDS, tolerance=1e-12, element=element)
    for c in (0, 4):
        theirs = fft.solve(
            volume.labels,
            MATRICES,
            strain=np.eye(6)[c],
            spacing=SPACING,
            element=element,
            tolerance=1e-12,
        )
        assert ours.value[:, c] == pytest.approx(
            theirs.mean_stress, abs=1e-5 * np.abs(ours.value).max()
        )
