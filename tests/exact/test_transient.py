"""Diffusion in particles over time: slabs, spheres, equilibrium under stress, conservation."""

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import brentq
from scipy.sparse.linalg import spsolve

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError, UnknownPhaseError
from solvers import implicit_stage
from solvers.concentration_history import diffuse
from solvers.face_level import FaceLevel
from solvers.grid import Grid
from solvers.medium import stored_medium
from solvers.particle_surface import particle_surface
from solvers.transient import GAMMA, Drift, TransientDiffusion, second_order
from solvers.voxel_faces import beside

D, LENGTH, START = 1e-14, 1e-6, 1e4  # m²/s, m, mol/m³
GAS = 8.31446261815324
NAMES = {0: "pore", 1: "NMC", 2: "CBD", 3: "LFP"}


def slab(voxels, normal=0):
    """Particle voxels with one layer of pore at the upper end, LENGTH thick."""
    labels = np.ones((voxels + 1, 2, 1), np.uint8)
    labels[-1] = 0
    h = LENGTH / voxels
    labels, spacing = np.moveaxis(labels, 0, normal), np.full(3, 1e-7)
    spacing[normal] = h
    return Volume(labels, tuple(spacing), {0: "pore", 1: "NMC"})


def slab_profile(field, normal=0):
    return np.moveaxis(field, normal, 0)[:-1, 0, 0]


def slab_with_flux(x, t, flux):
    """Crank, section 4.3.4: sheet insulated at x = 0, flux at x = LENGTH."""
    k = np.arange(1, 200)[:, None]
    decay = np.exp(-D * (k * np.pi / LENGTH) ** 2 * t)
    waves = ((-1.0) ** k / k**2 * decay * np.cos(k * np.pi * x / LENGTH)).sum(axis=0)
    steady = D * t / LENGTH**2 + (3 * x**2 - LENGTH**2) / (6 * LENGTH**2)
    return START + flux * LENGTH / D * (steady - 2 / np.pi**2 * waves)


def slab_held(x, t, held):
    """Crank, section 4.3.2: sheet insulated at x = 0, concentration held at x = LENGTH."""
    k = np.arange(300)[:, None]
    odd = (2 * k + 1) * np.pi / 2
    decay = np.exp(-D * (odd / LENGTH) ** 2 * t)
    waves = ((-1.0) ** k / odd * decay * np.cos(odd * x / LENGTH)).sum(axis=0)
    return START + (held - START) * (1 - 2 * waves)


ROOTS = np.array(
    [
        brentq(lambda x: np.sin(x) - x * np.cos(x), k * np.pi + 1e-9, (k + 0.5) * np.pi)
        for k in range(1, 120)
    ]
)


def sphere_with_flux(r, t, flux, radius):
    """Crank, section 6.3.4: flux into a sphere."""
    x, time, roots = np.atleast_1d(r)[:, None] / radius, D * t / radius**2, ROOTS
    waves = np.sin(roots * x) / (roots**2 * np.sin(roots)) * np.exp(-(roots**2) * time) / x
    shape = 3 * time + x[:, 0] ** 2 / 2 - 0.3 - 2 * waves.sum(axis=1)
    return START + flux * radius / D * shape


def sphere_held(r, t, held, radius):
    """Crank, section 6.3.1: concentration held at the surface of a sphere."""
    x, k = np.atleast_1d(r)[:, None] / radius, np.arange(1, 120)
    decay = np.exp(-D * (k * np.pi / radius) ** 2 * t)
    waves = (-1.0) ** k / k * np.sin(k * np.pi * x) * decay / x
    return START + (held - START) * (1 + 2 / np.pi * waves.sum(axis=1))


def ball(voxels):
    """A sphere of LENGTH in pore, ``voxels`` per radius, and each voxel's distance from it."""
    n, h = 2 * voxels + 4, LENGTH / voxels
    r = np.linalg.norm((np.stack(np.indices((n, n, n)), -1) + 0.5 - n / 2) * h, axis=-1)
    return Volume((r <= LENGTH).astype(np.uint8), h, {0: "pore", 1: "NMC"}), r


def grains(seed=0, shape=(14, 13, 12)):
    """Particles of two phases, binder and pore at random, some of them without any pore around."""
    labels = np.random.default_rng(seed).choice(4, shape, p=(0.3, 0.4, 0.15, 0.15))
    return Volume(labels.astype(np.uint8), (3e-7, 1e-7, 2e-7), NAMES)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_slab_with_a_flux_follows_the_series(normal):
    flux, t, n = 1e-6, 20.0, 32
    history = diffuse(
        slab(n, normal), {"NMC": D}, "pore", [0, t], initial=START, flux=flux, substeps=32
    )
    x = (np.arange(n) + 0.5) * LENGTH / n
    error = slab_profile(history.last, normal) - slab_with_flux(x, t, flux)
    rise = flux * LENGTH / D
    assert np.abs(error).max() < 2e-4 * rise  # h²/12 of the curvature, (LENGTH/32)²
    assert history.mean[-1] == pytest.approx(START + flux * t / LENGTH, rel=1e-12)
    surface = slab_with_flux(np.array([LENGTH]), t, flux)[0]
    assert history.surface_mean[-1] == pytest.approx(surface, abs=3e-4 * rise)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_slab_held_at_its_surface_follows_the_series(normal):
    held, t, n = 3e4, 20.0, 32
    history = diffuse(
        slab(n, normal),
        {"NMC": D},
        "pore",
        [0, t],
        initial=START,
        surface_concentration=held,
        substeps=32,
    )
    x = (np.arange(n) + 0.5) * LENGTH / n
    error = slab_profile(history.last, normal) - slab_held(x, t, held)
    assert np.abs(error).max() < 3e-4 * (held - START)
    assert history.surface_mean[-1] == held


@pytest.mark.parametrize(("voxels", "limit"), [(6, 0.02), (12, 0.01), (20, 0.005)])
def test_sphere_with_a_flux_follows_the_series(voxels, limit):
    volume, r = ball(voxels)
    flux, t = 1e-5, 20.0
    history = diffuse(volume, {"NMC": D}, "pore", [0, t], initial=START, flux=flux, substeps=12)
    inside = r <= LENGTH
    error = history.last[inside] - sphere_with_flux(r[inside], t, flux, LENGTH)
    centre, surface = sphere_with_flux(np.array([1e-9, LENGTH]), t, flux, LENGTH)
    assert np.sqrt((error**2).mean()) < limit * (surface - centre)
    assert np.abs(error).max() < 3 * limit * (surface - centre)  # in all directions alike
    assert history.surface_mean[-1] == pytest.approx(surface, abs=limit * (surface - centre))


@pytest.mark.parametrize(("voxels", "limit"), [(6, 0.007), (20, 0.0035)])
def test_sphere_held_at_its_surface_follows_the_series(voxels, limit):
    volume, r = ball(voxels)
    held, t = 3e4, 20.0
    history = diffuse(
        volume,
        {"NMC": D},
        "pore",
        [0, t],
        initial=START,
        surface_concentration=held,
        substeps=12,
    )
    inside = r <= LENGTH
    error = history.last[inside] - sphere_held(r[inside], t, held, LENGTH)
    assert np.sqrt((error**2).mean()) < limit * (held - START)


@pytest.mark.parametrize("voxels", [5, 8, 16])
def test_area_of_a_sphere_is_that_of_the_smooth_one(voxels):
    volume, _ = ball(voxels)
    mask = volume.labels == 1
    exact = 4 * np.pi * LENGTH**2
    smooth = particle_surface(mask, ~mask, volume.spacing)
    assert smooth.area == pytest.approx(exact, rel=0.01)
    assert smooth.faces_area == pytest.approx(1.5 * exact, rel=0.04)
    stairs = particle_surface(mask, ~mask, volume.spacing, "faces")
    assert stairs.area == pytest.approx(stairs.faces_area, rel=1e-12)
    given = particle_surface(mask, ~mask, volume.spacing, exact)
    assert given.area == pytest.approx(exact, rel=1e-12)
    assert given.specific == pytest.approx(smooth.specific * exact / smooth.area)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 2.0, 1.5), (3.0, 1.0, 1.0)])
@pytest.mark.parametrize("slopes", [(2 / 3, 1 / 3), (0.2, 0.0)])
def test_area_of_planes_at_any_angle_is_right(slopes, spacing):
    shape = [int(36 / h) for h in spacing]
    place = (np.stack(np.indices(shape), -1) + 0.5 - np.array(shape) / 2) * spacing
    inner = np.abs(place).max(axis=-1) < 12
    below = place @ (1.0, *slopes) < 0
    area = particle_surface(below, ~below & inner, spacing).area
    edges = np.linspace(-12, 12, 601)[:-1] + 0.02
    y, x = np.meshgrid(edges, edges, indexing="ij")  # of the plane's points, those within the box
    within = np.abs(slopes[0] * y + slopes[1] * x) < 12
    exact = within.sum() * 0.04**2 * np.hypot(1.0, np.hypot(*slopes))
    assert area == pytest.approx(exact, rel=0.03)  # 2 % are due to the staircase edge of the box


def test_flat_surface_has_the_area_of_its_faces():
    particles = TransientDiffusion(slab(4), {"NMC": D}, "pore")
    assert particles.surface.area == pytest.approx(2e-14, rel=1e-6)
    assert particles.surface.faces_area == pytest.approx(2e-14, rel=1e-12)


@pytest.mark.parametrize("steps", [0.01, 1.0, 1e3, 1e8])
def test_solute_is_conserved_whatever_the_step(steps):
    volume = grains()
    particles = TransientDiffusion(volume, {"NMC": D, "LFP": 3e-16}, ("pore", "CBD"))
    c = particles.field(np.random.default_rng(1).random(volume.shape) * 1e4)
    dt, flux = steps * 1e-14 / D, 1e-7
    before, after = particles.mean(c), particles.step(c, dt, flux=flux).concentration
    gain = flux * particles.surface.area * dt / particles.volume
    assert particles.mean(after) == pytest.approx(before + gain, rel=1e-12)
    closed = particles.step(c, dt, tolerance=1e-2).concentration
    for cluster in range(particles.cluster.max() + 1):
        mine = particles.cluster == cluster
        kept = closed[particles.particles][mine].sum()
        assert kept == pytest.approx(c[particles.particles][mine].sum(), rel=1e-10)


def test_particles_without_surface_keep_what_they_have():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[1:3, 1:4, 1:4] = labels[5:8, 5:8, 5:8] = 1
    labels[4, 4:9, 4:9] = labels[8, 4:9, 4:9] = 2
    labels[4:9, 4, 4:9] = labels[4:9, 8, 4:9] = labels[4:9, 4:9, 4] = labels[4:9, 4:9, 8] = 2
    volume = Volume(labels, 1e-7, {0: "pore", 1: "NMC", 2: "CBD"})
    history = diffuse(volume, {"NMC": D}, "pore", [0, 50], initial=START, flux=1e-6)
    assert np.all(history.last[5:8, 5:8, 5:8] == pytest.approx(START, rel=1e-12))
    assert history.last[1:3, 1:4, 1:4].min() > START


def assembled(volume, diffusivity, tau, surface, phi):
    """Backward-Euler matrix in c, and exchange with held surfaces, face by face."""
    d = np.array([diffusivity.get(name, 0.0) for name in volume.phases.values()])[volume.labels]
    around = volume.mask(*surface)
    number = np.arange(d.size).reshape(d.shape)
    matrix, held = scipy.sparse.lil_array((d.size, d.size)), np.zeros(d.shape)
    for axis, h in enumerate(volume.spacing):
        (a, b), (i, j), (p, q) = beside(d, axis), beside(number, axis), beside(phi, axis)
        for x, y, k, m, s, t in zip(*(f.ravel() for f in (a, b, i, j, p, q)), strict=True):
            if x > 0 and y > 0:
                g = tau * 2 * x * y / (x + y) / h**2
                u = t - s  # Scharfetter–Gummel: u/(e^u - 1) of what leaves, and the other way
                out, back = (1.0, 1.0) if u == 0 else (-u / np.expm1(-u), u / np.expm1(u))
                matrix[k, k] += g * out
                matrix[k, m] -= g * back
                matrix[m, m] += g * back
                matrix[m, k] -= g * out
        lower, upper = beside(held, axis)
        (part, other), (near, far) = beside(d, axis), beside(around, axis)
        lower += np.where((part > 0) & far, tau * 2 * part / h**2, 0.0)
        upper += np.where((other > 0) & near, tau * 2 * other / h**2, 0.0)
    return matrix.tocsr() + scipy.sparse.eye_array(d.size), held


@pytest.mark.parametrize("precision", ["mixed", "double"])
@pytest.mark.parametrize("stressed", [False, True])
@pytest.mark.parametrize("tau", [0.5, 200.0])
def test_a_stage_agrees_with_a_sparse_direct_solve(tau, stressed, precision):
    volume, rng = grains(3, (7, 6, 8)), np.random.default_rng(4)
    diffusivity = {"NMC": D, "LFP": 2e-15}
    particles = TransientDiffusion(volume, diffusivity, ["pore"])
    base = particles.field(1e4 * rng.random(volume.shape))
    stress = 3e8 * rng.standard_normal(volume.shape)
    drift = Drift(stress, 4e-6, 310.0) if stressed else None
    phi = 4e-6 * stress / (GAS * 310.0) if stressed else np.zeros(volume.shape)
    matrix, held = assembled(volume, diffusivity, tau, ["pore"], phi)
    solvers.use(precision=precision)
    found, _ = particles.stage(
        base, tau, base, surface_concentration=2e4, drift=drift, tolerance=1e-12
    )
    flux = 1e-7 * rng.random(volume.shape)
    other, _ = particles.stage(base, tau, base, flux=flux, drift=drift, tolerance=1e-12)
    solvers.use(precision="mixed")
    whole = matrix + scipy.sparse.diags_array(held.ravel())
    exact = spsolve(whole.tocsc(), (base + 2e4 * held).ravel()).reshape(volume.shape)
    assert found == pytest.approx(np.where(particles.particles, exact, 0), rel=1e-9)
    source = np.zeros(volume.shape)
    at = particles.surface.voxels
    source.ravel()[at] = tau * flux.ravel()[at] * particles.surface.specific
    exact = spsolve(matrix.tocsc(), (base + source).ravel()).reshape(volume.shape)
    assert other == pytest.approx(np.where(particles.particles, exact, 0), rel=1e-9)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_closed_slab_under_a_stress_gradient_settles_as_boltzmann(normal):
    volume, n = slab(20, normal), 20
    omega, temperature = 4e-6, 298.15
    layers = np.linspace(-2e9, 2e9, n + 1)
    stress = np.moveaxis(np.broadcast_to(layers[:, None, None], (n + 1, 2, 1)), 0, normal)
    particles = TransientDiffusion(volume, {"NMC": D}, "pore")
    c = particles.field(START)
    for _ in range(4):
        c = particles.step(
            c, 1e5, drift=Drift(stress, omega, temperature), tolerance=1e-9
        ).concentration
    weight = np.exp(omega * layers[:-1] / (GAS * temperature))
    assert weight.max() / weight.min() > 400  # far beyond what a linear profile could follow
    expected = START * weight / weight.mean()
    assert slab_profile(c, normal) == pytest.approx(expected, rel=1e-8)


def test_stress_gradient_drives_the_flux_it_should_at_first():
    n, gradient, dt = 40, 1e14, 1e-3  # Pa/m
    x = (np.arange(n + 1) + 0.5) * LENGTH / n
    stress = np.broadcast_to((gradient * x)[:, None, None], (n + 1, 2, 1))
    particles = TransientDiffusion(slab(n), {"NMC": D}, "pore")
    c = particles.step(particles.field(START), dt, drift=Drift(stress, 4e-6)).concentration
    moved = (slab_profile(c)[n // 2 :] - START).sum() * LENGTH / n
    assert moved == pytest.approx(D * 4e-6 * START / (GAS * 298.15) * gradient * dt, rel=1e-3)


def test_diffusivity_may_depend_on_the_concentration():
    from scipy.integrate import solve_ivp

    n, flux, t = 12, 1e-4, 30.0
    h = LENGTH / n

    def diffusivity(c):
        return D * np.exp((c - START) / 4000)

    def rate(_, c):
        d = diffusivity(c)
        inner = 2 * d[1:] * d[:-1] / (d[1:] + d[:-1]) * np.diff(c) / h
        return np.diff(np.concatenate([[0.0], inner, [flux]])) / h

    exact = solve_ivp(rate, (0, t), np.full(n, START), method="BDF", rtol=1e-9, atol=1e-6).y[:, -1]
    history = diffuse(
        slab(n), {"NMC": diffusivity}, "pore", [0, t], initial=START, flux=flux, substeps=60
    )
    plain = diffuse(slab(n), {"NMC": D}, "pore", [0, t], initial=START, flux=flux, substeps=60)
    assert np.ptp(exact) < 0.8 * np.ptp(slab_profile(plain.last))  # so it matters
    assert slab_profile(history.last) == pytest.approx(exact, abs=1e-3 * np.ptp(exact))
    assert history.mean[-1] == pytest.approx(START + flux * t / LENGTH, rel=1e-12)


@pytest.mark.parametrize("area", ["normals", "faces", 3e-11])
def test_c_rate_fills_the_particles_in_its_time(area):
    volume, _ = ball(5)
    particles = TransientDiffusion(volume, {"NMC": D}, "pore", area=area)
    flux = particles.flux_at_c_rate(2.0, 5e4)
    history = diffuse(
        volume, {"NMC": D}, "pore", np.linspace(0, 900, 4), initial=START, flux=flux, area=area
    )
    assert history.mean == pytest.approx(START + 5e4 * np.array([0, 1, 2, 3]) / 6, rel=1e-12)


def test_history_prints_what_it_did():
    history = diffuse(slab(4), {"NMC": D}, "pore", [0, 5, 20], initial=START, flux=1e-6)
    text = str(history)
    assert text == history._repr_html_().split("</b>")[0].removeprefix("<b>")
    assert "1e+04 to 1.002e+04 mol/m³ on average in 20 s" in text
    plain = history.to_dict()
    assert plain["times"] == [0.0, 5.0, 20.0]
    assert plain["mean"] == pytest.approx([START, START + 5, START + 20])
    assert plain["report"]["error_estimate"] <= 1e-6
    assert len(history.reports) == 4


def test_flux_may_change_with_time_and_place():
    volume, _ = ball(5)
    particles = TransientDiffusion(volume, {"NMC": D}, "pore")
    upper = np.zeros(volume.shape)
    upper[volume.shape[0] // 2 :] = 1e-7
    times = [0.0, 5.0, 10.0]
    history = diffuse(
        volume,
        {"NMC": D},
        "pore",
        times,
        initial=START,
        flux=lambda t: (1 + t / 5) * upper,
        fields="all",
    )
    half = 0.5e-7 * particles.surface.area / particles.volume
    gained = half * np.array([0.0, 5 + 2.5, 10 + 10.0])  # the integral of 1 + t/5
    assert history.mean == pytest.approx(START + gained, rel=1e-9)
    assert history.fields.shape == (3, *volume.shape)
    assert history.field_times.tolist() == times
    middle = volume.shape[0] // 2
    halves = (slice(middle, None), slice(None, middle))
    above, below = (history.last[half] - particles.field(START)[half] for half in halves)
    assert above.sum() > 1.5 * below.sum() > 0


def test_steps_of_different_lengths_and_kinds_may_follow_each_other():
    volume, kinds = grains(), [{"flux": 1e-7}, {"surface_concentration": 2e4}]
    used = TransientDiffusion(volume, {"NMC": D}, "pore")
    c = used.field(START)
    for kind in kinds:
        for dt in (1.0, 1.1, 1.1):
            fresh = TransientDiffusion(volume, {"NMC": D}, "pore")
            expected = fresh.step(c, dt, tolerance=1e-10, **kind).concentration
            c = used.step(c, dt, tolerance=1e-10, **kind).concentration
            assert c == pytest.approx(expected, rel=1e-9)


def test_coarse_voxels_hold_what_the_merged_ones_hold():
    shape = (8, 7, 6)
    grid = Grid(shape)
    ground = np.random.default_rng(0).random(shape)
    faces = np.stack([np.zeros(grid.size)] * 3 + [grid.flat(ground)])
    coarse = FaceLevel(stored_medium(grid, faces, np.float64), (1.0,) * 3).coarser()
    held = coarse.grid.voxels(coarse.medium.values.reshape(4, -1)[3])
    padded = np.pad(ground, [(0, 0), (0, 1), (0, 0)])
    assert held == pytest.approx(padded.reshape(4, 2, 4, 2, 3, 2).sum(axis=(1, 3, 5)))


@pytest.mark.parametrize("steps", [3.0, 100.0])
def test_relaxation_and_multigrid_find_the_same(steps, monkeypatch):
    volume = grains(5)
    dt, found = steps * 1e-14 / D / GAMMA, []
    for limit in (0.0, np.inf):
        monkeypatch.setattr(implicit_stage, "LOCAL", limit)
        particles = TransientDiffusion(volume, {"NMC": D}, "pore")
        c = particles.field(np.random.default_rng(0).random(volume.shape))
        found.append(particles.step(c, dt, tolerance=1e-11).concentration)
    assert found[0] == pytest.approx(found[1], abs=1e-10)


def test_iterations_do_not_grow_with_the_step():
    volume, _ = ball(16)
    particles = TransientDiffusion(volume, {"NMC": D}, "pore")
    h = volume.spacing[0]
    for steps in (0.1, 10.0, 1e3, 1e6):
        step = particles.step(particles.field(START), steps * h**2 / D, flux=1e-9)
        assert max(report.iterations for report in step.reports) <= 15


def test_true_error_stays_below_the_tolerance_asked_for():
    volume = grains(6, (20, 19, 18))
    for dt in (1.0, 100.0, 1e5):
        particles = TransientDiffusion(volume, {"NMC": D, "LFP": 3e-16}, "pore")
        c = particles.field(START)
        exact = particles.step(c, dt, flux=1e-7, tolerance=1e-12).concentration
        for tolerance in (1e-3, 1e-6):
            step = particles.step(c, dt, flux=1e-7, tolerance=tolerance)
            error = (step.concentration - exact)[particles.particles]
            size = np.sqrt((exact[particles.particles] ** 2).mean())
            assert np.sqrt((error**2).mean()) <= tolerance * size
            assert all(report.error_estimate <= tolerance for report in step.reports)


def test_unstressed_drift_changes_nothing():
    volume = grains()
    particles = TransientDiffusion(volume, {"NMC": D}, "pore")
    c = particles.field(np.random.default_rng(1).random(volume.shape))
    plain = particles.step(c, 3.0, tolerance=1e-11).concentration
    for stress in (0.0, 7e8):
        even = Drift(np.full(volume.shape, stress), 4e-6)
        moved = particles.step(c, 3.0, drift=even, tolerance=1e-11).concentration
        assert moved == pytest.approx(plain, abs=1e-9)


def test_nothing_in_and_nothing_there_stays_nothing():
    particles = TransientDiffusion(slab(4), {"NMC": D}, "pore")
    step = particles.step(particles.field(0.0), 1.0)
    assert not step.concentration.any()
    assert step.reports[0].iterations == 0
    found, _ = particles.stage(particles.field(0.0), 1.0, particles.field(5.0))
    assert not found.any()


def test_second_order_scheme_solves_the_test_equation_to_its_order():
    errors = []
    for steps in (20, 40):
        c, dt = np.ones(1), 1.0 / steps
        for _ in range(steps):
            c = second_order(c, dt, lambda base, tau, *_: base / (1 + 3 * tau))
        errors.append(abs(float(c[0]) - np.exp(-3)))
    assert errors[0] / errors[1] == pytest.approx(4, abs=0.2)
    stiff = second_order(np.ones(1), 1.0, lambda base, tau, *_: base / (1 + 1e9 * tau))
    assert abs(stiff[0]) < 1e-8  # L-stable


def test_unconverged_step_raises_with_its_report():
    particles = TransientDiffusion(grains(), {"NMC": D, "LFP": 1e-18}, "pore")
    c = particles.field(START)
    with pytest.raises(ConvergenceError, match="loosen the tolerance") as caught:
        particles.step(c, 1e3, flux=1e-7, tolerance=1e-10, max_iterations=2)
    assert caught.value.report.iterations == 2
    assert caught.value.report.error_estimate > caught.value.report.tolerance == 1e-10


@pytest.mark.parametrize("bounds", [(0.0, 1.003e4), (1.001e4, 1e9)])
def test_concentrations_beyond_their_bounds_are_refused(bounds):
    with pytest.raises(InvalidInputError, match="lower the flux, end earlier"):
        diffuse(slab(8), {"NMC": D}, "pore", [0, 20], initial=START, flux=1e-6, bounds=bounds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diffusivity": {}}, "names no particle phase"),
        ({"diffusivity": D}, "names no particle phase"),
        ({"diffusivity": {"NMC": 0.0}}, "a number > 0 in m²/s"),
        ({"diffusivity": {"NMC": "fast"}}, "a number > 0 in m²/s"),
        ({"diffusivity": {"NMC": lambda c: -c}}, "keep it finite and > 0"),
        ({"diffusivity": {"CBD": D}}, "holds no voxel"),
        ({"surface": "CBD"}, "name phases that touch them"),
        ({"surface": "NMC"}, "name phases that touch them"),
        ({"times": [0.0]}, "at least two"),
        ({"times": [0.0, np.nan]}, "at least two"),
        ({"times": [0.0, 2.0, 1.0]}, "do not ascend"),
        ({"substeps": 0}, "whole number of at least 1"),
        ({"area": "crofton"}, "'normals', 'faces', or a number"),
        ({"area": -1.0}, "'normals', 'faces', or a number"),
        ({"initial": np.zeros((3, 3, 3))}, "one number per voxel"),
        ({"initial": np.nan}, "not finite in every particle voxel"),
        ({"flux": np.inf}, "flux is not finite"),
        ({"surface_concentration": np.nan}, "surface concentration is not finite"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    labels = slab(4).labels
    volume = Volume(labels, 1e-7, {0: "pore", 1: "NMC", 2: "CBD"})
    arguments = {"diffusivity": {"NMC": D}, "surface": "pore", "times": [0.0, 1.0]} | changes
    with pytest.raises(InvalidInputError, match=message):
        diffuse(volume, **({"initial": START} | arguments))


def test_unknown_phases_are_refused():
    with pytest.raises(UnknownPhaseError):
        TransientDiffusion(slab(4), {"LFP": D}, "pore")
    with pytest.raises(UnknownPhaseError):
        TransientDiffusion(slab(4), {"NMC": D}, ("pore", "LFP"))


def test_impossible_drifts_and_steps_are_refused():
    particles = TransientDiffusion(slab(4), {"NMC": D}, "pore")
    c, stress = particles.field(START), np.zeros((5, 2, 1))
    with pytest.raises(InvalidInputError, match="temperature"):
        particles.step(c, 1.0, drift=Drift(stress, 4e-6, 0.0))
    steep = np.arange(10.0).reshape(5, 2, 1) * 1e12
    with pytest.raises(InvalidInputError, match="Ω in m³/mol"):
        particles.step(c, 1.0, drift=Drift(steep, 4e-6))
    with pytest.raises(InvalidInputError, match="partial molar volume has shape"):
        particles.step(c, 1.0, drift=Drift(stress, np.full(3, 4e-6)))
    with pytest.raises(InvalidInputError, match="hydrostatic stress has shape"):
        particles.step(c, 1.0, drift=Drift(stress[:2], 4e-6))
    for dt in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInputError, match="a number > 0"):
            particles.step(c, dt)
