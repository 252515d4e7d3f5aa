"""Diffusion and stress together: slabs and spheres of known effective diffusivity, equilibrium."""

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.body import Body
from solvers.concentration_history import diffuse
from solvers.eigenstrain import LargeStrainWarning
from solvers.lithiation import lithiate
from tests.exact.analytic_elasticity import quasi_steady_stress, stress_coupling

D, LENGTH, START, T = 1e-14, 1e-6, 2e4, 298.15  # m²/s, m, mol/m³, K
SOLID = (1e11, 0.3)
NMC, MID, SILICON = 2e-6, 4e-6, 9e-6  # m³/mol: theta c of 1, 4 and 21
GAS = 8.31446261815324
STRETCH = solvers.Boundary(solvers.Free(), solvers.Periodic(), solvers.Periodic())


def slab(voxels):
    """Particle voxels under a layer of pore, LENGTH thick."""
    labels = np.ones((voxels + 1, 2, 2), np.uint8)
    labels[-1] = 0
    return Volume(labels, (LENGTH / voxels, 1e-7, 1e-7), {0: "pore", 1: "NMC"})


def ball(across):
    """A sphere of radius LENGTH in pore, and each voxel's distance from its centre."""
    n, h = across + 4, 2 * LENGTH / across
    r = np.linalg.norm((np.stack(np.indices((n, n, n)), -1) + 0.5 - n / 2) * h, axis=-1)
    return Volume((r <= LENGTH).astype(np.uint8), h, {0: "pore", 1: "NMC"}), r


def run(volume, times, omega=MID, boundary="free", **options):
    options = {"initial": START, "partial_molar_volume": {"NMC": omega}} | options
    stiffness = {"NMC": solvers.Isotropic(*SOLID)}
    return lithiate(volume, stiffness, {"NMC": D}, "pore", times, boundary=boundary, **options)


def coupling(omega):
    return stress_coupling(SOLID, omega, T)


def hydrostatic(history):
    return history.stress[-1][:3].mean(axis=0)


@pytest.mark.parametrize(
    ("omega", "acting", "limit"),
    [
        (MID, {"flux": 1e-4}, 1e-3),
        (MID, {"flux": lambda t: 1e-4 * t}, 1e-3),
        (SILICON, {"surface_concentration": 2.4e4}, 1e-2),
    ],
    ids=["flux", "rising flux", "held, silicon"],
)
def test_slab_diffuses_as_fast_as_its_own_stress_makes_it(omega, acting, limit):
    """In a plate that cannot widen the stress is local, and D (1 + theta c) exact."""
    volume, theta = slab(8), coupling(omega)
    history = run(volume, [0, 2], omega, STRETCH, substeps=2, tolerance=2e-6, **acting)

    def faster(c):
        return D * (1 + theta * c)

    exact = diffuse(
        volume, {"NMC": faster}, "pore", [0, 2], initial=START, substeps=2, tolerance=1e-9, **acting
    )
    assert max(history.sweeps) <= 8  # also at theta c = 21
    inside = volume.labels == 1
    spread = np.ptp(exact.last[inside])
    # faces average D (1 + theta c) in two ways, which differ with the square of their jump
    assert np.abs(history.concentration[-1] - exact.last)[inside].max() < limit * spread
    assert history.surface_mean[-1] == pytest.approx(exact.surface_mean[-1], abs=limit * spread)
    local = -theta * (history.concentration[-1] - START) * GAS * T / omega
    assert hydrostatic(history)[inside] == pytest.approx(local[inside], rel=1e-4)


def test_the_plain_iteration_diverges_and_says_so():
    with pytest.raises(ConvergenceError, match="still changes the result") as raised:
        run(slab(8), [0, 20], SILICON, STRETCH, flux=1e-6, depth=0)
    residuals = raised.value.report.residuals
    assert residuals[-1] > 10 * residuals[0]
    run(slab(8), [0, 20], SILICON, STRETCH, flux=1e-6)


def test_a_held_potential_ends_at_the_concentration_that_stress_allows():
    """c exp(theta (c - c_ref)) is that of the electrolyte."""
    held = {"surface_concentration": START, "holds": "potential"}
    history = run(slab(4), [0, 2e3], MID, STRETCH, initial=1e4, substeps=3, **held)
    exact = brentq(lambda c: np.log(c / START) + coupling(MID) * (c - 1e4), 1e4, START)
    assert history.concentration[-1][:-1] == pytest.approx(exact, rel=1e-4)
    free = run(slab(4), [0, 2e3], MID, STRETCH, initial=1e4, substeps=9, coupled=False, **held)
    assert free.concentration[-1][:-1] == pytest.approx(START, rel=1e-4)


@pytest.mark.parametrize(
    ("across", "limit"), [(10, 0.05), pytest.param(20, 0.025, marks=pytest.mark.slow)]
)
def test_sphere_under_a_flux_has_the_quasi_steady_stress(across, limit):
    """Within 0.6 R, since the staircase disturbs the layer at the surface at any resolution."""
    volume, r = ball(across)
    flux = 1e-6
    history = run(volume, [0, 60], NMC, flux=flux, coupled=False, substeps=6)
    core = r < 0.6 * LENGTH
    _, _, exact = quasi_steady_stress(r[core], LENGTH, D, flux, SOLID, NMC)
    whole = -5 / 3 * quasi_steady_stress(0.0, LENGTH, D, flux, SOLID, NMC)[2]
    assert abs((hydrostatic(history)[core] - exact).mean()) < limit * abs(whole)
    assert history.reports == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("omega", "across", "limit"),
    [(NMC, 10, 0.03), pytest.param(MID, 16, 0.05, marks=pytest.mark.slow)],
)
def test_sphere_is_flatter_by_the_effective_diffusivity(omega, across, limit):
    """The curvature within 0.8 R, of two runs on the same voxels."""
    volume, r = ball(across)
    core, curvature = r < 0.8 * LENGTH, {}
    start = {"initial": START + 200 * ((r / LENGTH) ** 2 / 2 - 0.3), "reference": START}
    for coupled in (False, True):
        history = run(volume, [0, 400], omega, flux=2e-6, coupled=coupled, substeps=2, **start)
        c = history.concentration[-1]
        curvature[coupled] = np.polyfit(r[core] ** 2, c[core], 1)[0]
    expected = 1 / (1 + coupling(omega) * history.mean[-1])
    assert curvature[True] / curvature[False] == pytest.approx(expected, rel=limit)


def test_no_solute_is_lost():
    volume, _ = ball(10)
    flux = 1e-6
    history = run(volume, [0, 10, 20], NMC, flux=flux, tolerance=1e-3)  # however loose
    area = solvers.TransientDiffusion(volume, {"NMC": D}, "pore").surface.area
    size = volume.voxels("NMC") * volume.voxel_volume
    rise = flux * area * np.array([0, 10, 20]) / size
    assert history.mean == pytest.approx(START + rise, rel=1e-12)


def test_a_closed_particle_goes_to_one_potential():
    """In a body that is stiff on one side only, so that c is far from uniform at equilibrium."""
    labels = np.zeros((6, 6, 7), np.uint8)
    labels[1:5, 1:5, 1:5] = 1
    labels[1:5, 1:5, 5:6] = 2
    volume = Volume(labels, 2e-7, {0: "pore", 1: "NMC", 2: "LLZO"})
    stiffness = {"NMC": solvers.Isotropic(*SOLID), "LLZO": solvers.Isotropic(2e11, 0.2)}
    start = START * (1 + 0.1 * np.indices(labels.shape)[0] / 6)
    history = lithiate(
        volume,
        stiffness,
        {"NMC": D},
        "pore",
        [0, 2e3],
        partial_molar_volume={"NMC": NMC},
        initial=start,
        reference=1e4,
        boundary="free",
        substeps=2,
    )
    inside = labels == 1
    c, phi = history.concentration[-1][inside], NMC * hydrostatic(history)[inside] / (GAS * T)
    assert np.ptp(np.log(c)) > 1e-2
    assert np.ptp(np.log(c) - phi) < 3e-3 * np.ptp(np.log(c))
    assert c.mean() == pytest.approx(start[inside].mean(), rel=1e-12)


def test_without_swelling_the_solute_diffuses_as_if_alone():
    volume, _ = ball(8)
    kept = {"substeps": 2, "fields": "all"}
    history = run(volume, [0, 5, 10], 0.0, flux=1e-6, **kept)
    alone = diffuse(
        volume, {"NMC": D}, "pore", [0, 5, 10], initial=START, flux=1e-6, tolerance=1e-6, **kept
    )
    assert (history.concentration == alone.fields).all()
    assert (history.surface_mean == alone.surface_mean).all()
    assert not history.stress.any()
    assert not history.coupled
    nearly = run(volume, [0, 5, 10], 1e-12, flux=1e-6, **kept)
    assert nearly.coupled
    assert nearly.concentration == pytest.approx(alone.fields, rel=1e-5)


def test_a_tabulated_strain_with_a_straight_line_is_a_molar_volume():
    given = {"flux": 1e-4, "reference": 1e4, "substeps": 2}
    line = {"NMC": lambda c: MID * (c - 1e4) / 3}
    by_table = run(
        slab(6), [0, 10], boundary=STRETCH, partial_molar_volume=None, strain=line, **given
    )
    by_number = run(slab(6), [0, 10], MID, STRETCH, **given)
    difference = np.abs(by_table.concentration - by_number.concentration).max()
    assert difference < 1e-4 * np.ptp(by_number.concentration[0, :-1])
    assert by_table.stress == pytest.approx(by_number.stress, rel=1e-3, abs=1e3)


def test_steps_are_of_second_order():
    volume, theta = slab(4), coupling(MID)
    faster = {"NMC": lambda c: D * (1 + theta * c)}
    given = {"initial": START, "flux": 1e-4}
    fine = diffuse(volume, faster, "pore", [0, 4], substeps=64, tolerance=1e-9, **given).last

    def error(steps):
        found = run(volume, [0, 4], MID, STRETCH, substeps=steps, tolerance=1e-7, **given)
        return np.abs(found.concentration[-1] - fine).max()

    assert error(4) / error(8) == pytest.approx(4, rel=0.3)


def test_a_history_tells_what_happened():
    history = run(slab(4), [0, 1, 2], MID, STRETCH, flux=1e-6, fields="all")
    assert history.concentration.shape == (3, 5, 2, 2)
    assert history.stress.shape == (3, 6, 5, 2, 2)
    assert len(history.sweeps) == 4  # two steps of two stages
    assert max(history.sweeps) < 8
    plain = history.to_dict()
    assert plain["sweeps"] == list(history.sweeps)
    assert [row["measure"] for row in plain["statistics"][-1]] == [
        "von_mises",
        "hydrostatic",
        "max_principal",
    ]
    assert "NMC: von_mises median" in str(history)
    assert history.strain[0] == pytest.approx(np.zeros(6))
    last = run(slab(4), [0, 1, 2], MID, STRETCH, flux=1e-6)
    assert last.field_times.tolist() == [2.0]
    assert (last.concentration[0] == history.concentration[-1]).all()


def test_a_large_swelling_warns():
    with pytest.warns(LargeStrainWarning, match=r"the largest swelling is"):
        run(slab(4), [0, 1], MID + 3e4, STRETCH, reference=0.0, coupled=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partial_molar_volume": {"pore": NMC}}, "no diffusivity or no stiffness"),
        ({"strain": {"NMC": np.zeros_like}}, "swells twice"),
        ({"partial_molar_volume": {"NMC": np.nan}}, "such as 2e-6"),
        ({"temperature": 0.0}, "no temperature"),
        ({"tolerance": 1.0}, "1e-8…1e-2"),
        ({"holds": "c"}, "'concentration' or 'potential'"),
        ({"reference": 1e9}, "shrinks a phase to nothing"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        run(slab(4), [0, 1], **change)


@pytest.mark.parametrize(
    "boundary",
    ["free", "periodic", "clamped", solvers.stack_pressure(1e7), solvers.Periodic(pressure=1e6)],
)
def test_a_guess_changes_the_iterations_but_not_the_stress(boundary):
    volume, r = ball(8)
    body = Body.of(
        volume, {"NMC": solvers.Isotropic(*SOLID), "pore": solvers.Isotropic(1e9, 0.3)}, boundary
    )
    field = np.zeros((6, *volume.shape))
    field[:3] = 0.01 * (r <= LENGTH) * (1 + r / LENGTH)
    cold = body.respond(eigenstrain=field, tolerance=1e-10)
    near = body.respond(eigenstrain=0.999 * field, tolerance=1e-10)
    warm = body.respond(eigenstrain=field, tolerance=1e-10, guess=near)
    assert warm.report.iterations < cold.report.iterations
    stress = body.stress(cold, field)
    assert body.stress(warm, field) == pytest.approx(stress, abs=1e-4 * np.abs(stress).max())
    assert warm.strain == pytest.approx(cold.strain, abs=1e-7)
