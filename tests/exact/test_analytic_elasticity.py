"""The closed forms of elasticity satisfy their equations and conditions, and contain each other."""

import numpy as np
import pytest

from tests.exact import analytic_composites as composites
from tests.exact import analytic_elasticity as exact

SOLID, MATRIX, OMEGA = (140e9, 0.25), (5e9, 0.4), 3.5e-6
STEP = 1e-4  # of the radius, of derivatives by central differences
DIFFERENCES = 1e-6  # error of such a derivative against the largest term
R, D, INFLUX = 5e-6, 1e-14, 2e-6
ROUNDING = 1e-12


def slope(function, r):
    h = STEP * r
    return (function(r + h) - function(r - h)) / (2 * h)


def imbalance(fields, r):
    """Divergence of the stress against its terms, d sigma_r / dr + 2 (sigma_r - sigma_t) / r."""
    _, radial, tangential = fields(r)
    hoop = 2 * (radial - tangential) / r
    return np.abs(slope(lambda s: fields(s)[1], r) + hoop).max() / np.abs(hoop).max()


def misfit(fields, r, solid, eigenstrain=0.0):
    """Strains of the displacement against those of the stress, by Hooke's law."""
    E, nu = solid
    u, radial, tangential = fields(r)
    across = (radial - 2 * nu * tangential) / E + eigenstrain
    along = ((1 - nu) * tangential - nu * radial) / E + eigenstrain
    size = np.abs([across, along]).max()
    return max(
        np.abs(slope(lambda s: fields(s)[0], r) - across).max() / size,
        np.abs(u / r - along).max() / size,
    )


def test_layered_sphere_is_in_equilibrium_and_follows_hooke():
    radii, own = [1.0, 1.5, 2.2, 3.0], [0.01, -0.02, 0.005]
    solids = [SOLID, MATRIX, (60e9, 0.1)]
    fields = exact.layered_sphere(
        radii, *np.transpose(solids), own, inner_pressure=2e8, outer_pressure=-1e8
    )
    for i, solid in enumerate(solids):
        r = np.linspace(radii[i] + 0.01, radii[i + 1] - 0.01, 20)
        assert imbalance(fields, r) < DIFFERENCES
        assert misfit(fields, r, solid, own[i]) < DIFFERENCES
    for surface in radii[1:-1]:
        inside, outside = (fields(np.array([surface * (1 + s)])) for s in (-1e-12, 1e-12))
        assert inside[0] == pytest.approx(outside[0], rel=1e-9)
        assert inside[1] == pytest.approx(outside[1], rel=1e-9)
    ends = fields(np.array([radii[0] * (1 + 1e-14), radii[-1]]))[1]
    assert ends == pytest.approx([-2e8, 1e8], rel=1e-9)


def test_eshelby_sphere_is_a_layered_sphere_in_a_large_shell():
    r = np.array([0.3, 0.99, 1.01, 1.5, 4.0])
    own = [0.01, 0.0]
    shells = exact.layered_sphere([0.0, 1.0, 1e5], *np.transpose([SOLID, MATRIX]), own)
    for expected, found in zip(
        shells(r), exact.eshelby_sphere(r, 1.0, SOLID, MATRIX, 0.01), strict=True
    ):
        assert found == pytest.approx(expected, rel=1e-9)


def test_swelling_sphere_in_its_own_material_obeys_bitter_and_crum():
    u, _, _ = exact.eshelby_sphere(np.array([0.5]), 1.0, SOLID, SOLID, 0.01)
    nu = SOLID[1]
    assert 3 * u[0] / 0.5 == pytest.approx((1 + nu) / (1 - nu) * 0.01, rel=ROUNDING)


def test_hollow_sphere_is_a_layered_sphere():
    r = np.linspace(1.0, 2.0, 7)[1:]
    shell = exact.layered_sphere([1.0, 2.0], [SOLID[0]], [SOLID[1]], [0.0], inner_pressure=1e8)
    for expected, found in zip(shell(r), exact.hollow_sphere(r, 1.0, 2.0, 1e8, SOLID), strict=True):
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-4)


def test_coated_sphere_shrinks_like_its_effective_medium():
    core, shell = (
        (exact.bulk(*SOLID), exact.shear(*SOLID)),
        (exact.bulk(*MATRIX), exact.shear(*MATRIX)),
    )
    sphere = exact.layered_sphere(
        [0.0, 0.7, 1.0], *np.transpose([SOLID, MATRIX]), [0.0, 0.0], outer_pressure=1e8
    )
    K = exact.coated_sphere_bulk(core[0], *shell, 0.7**3)
    assert sphere(np.array([1.0]))[0][0] == pytest.approx(-1e8 / (3 * K), rel=1e-10)
    bounds, _ = composites.hashin_shtrikman(*np.transpose([core, shell]), [0.7**3, 1 - 0.7**3])
    assert bounds[0] == pytest.approx(K, rel=ROUNDING)


@pytest.mark.parametrize("front", [1.0, 1.2, 1.7, 2.0])
def test_plastic_shell_is_in_equilibrium_and_yields_up_to_its_front(front):
    a, b, Y = 1.0, 2.0, 3e8
    pressure = exact.plastic_pressure(front, a, b, Y) + (1.0 if front == a else 0.0)
    assert exact.plastic_front(pressure, a, b, Y) == pytest.approx(front, rel=1e-7)

    def fields(r):
        return exact.plastic_hollow_sphere(r, a, b, pressure, Y, SOLID)

    r = np.linspace(a, b, 41)[1:-1]
    r = r[np.abs(r - front) > 0.02]
    assert imbalance(fields, r) < DIFFERENCES
    _, radial, tangential = fields(r)
    assert tangential - radial == pytest.approx(
        np.where(r < front, Y, Y * (front / r) ** 3), rel=1e-7
    )
    assert fields(np.array([a, b]))[1] == pytest.approx([-pressure, 0.0], rel=1e-7, abs=1.0)
    if front < b:
        assert misfit(fields, r[r > front], SOLID) < DIFFERENCES
    # plastic flow keeps the volume, everywhere
    E, nu = SOLID
    dilatation = slope(lambda s: fields(s)[0], r) + 2 * fields(r)[0] / r
    assert dilatation == pytest.approx(
        (1 - 2 * nu) * (radial + 2 * tangential) / E, rel=1e-5, abs=1e-9
    )


def test_plastic_shell_below_first_yield_is_elastic():
    pressure = 0.9 * exact.plastic_pressure(1.0, 1.0, 2.0, 3e8)
    r = np.linspace(1.0, 2.0, 5)
    elastic = exact.hollow_sphere(r, 1.0, 2.0, pressure, SOLID)
    for expected, found in zip(
        elastic, exact.plastic_hollow_sphere(r, 1.0, 2.0, pressure, 3e8, SOLID), strict=True
    ):
        assert np.array_equal(expected, found)
    assert (elastic[2] - elastic[1])[0] == pytest.approx(0.9 * 3e8, rel=ROUNDING)


@pytest.mark.parametrize("hollow", [0.0, 0.4 * R])
def test_diffusion_stress_is_in_equilibrium_and_leaves_the_surfaces_free(hollow):
    def concentration(r):
        return 2e4 + 1e4 * np.sin(3 * r / R) + 5e3 * (r / R) ** 4

    def stresses(r):
        return exact.sphere_stress(r, concentration, R, SOLID, OMEGA, hollow)

    r = np.linspace(max(hollow, 0.1 * R) * 1.01, 0.99 * R, 15)
    radial, tangential, hydrostatic = stresses(r)
    assert imbalance(lambda s: (0.0, *stresses(s)[:2]), r) < 1e-5
    assert hydrostatic == pytest.approx((radial + 2 * tangential) / 3, rel=1e-9)
    ends = [R] if hollow == 0 else [hollow, R]
    assert np.abs(stresses(np.array(ends))[0]).max() < 1e-9 * np.abs(tangential).max()
    # compatibility: u / r = hoop strain, so that d(r hoop strain) / dr is the radial strain
    E, nu = SOLID

    def across(s):
        sr, st, _ = stresses(s)
        return (sr - 2 * nu * st) / E + OMEGA * concentration(s) / 3

    def hoop(s):
        sr, st, _ = stresses(s)
        return ((1 - nu) * st - nu * sr) / E + OMEGA * concentration(s) / 3

    assert slope(lambda s: s * hoop(s), r) == pytest.approx(across(r), rel=1e-5)


def test_quasi_steady_stress_is_that_of_its_profile():
    r = np.linspace(0.05, 1.0, 9) * R
    by_profile = exact.sphere_stress(
        r, lambda s: exact.quasi_steady_profile(s, R, D, INFLUX, 2e4), R, SOLID, OMEGA
    )
    closed = exact.quasi_steady_stress(r, R, D, INFLUX, SOLID, OMEGA)
    for expected, found in zip(by_profile, closed, strict=True):
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-8 * np.abs(closed).max())
    surface = exact.quasi_steady_profile(R, R, D, INFLUX, 2e4)
    assert surface - 2e4 == pytest.approx(INFLUX * R / (5 * D), rel=ROUNDING)


def residual_of_diffusion(profile, r, time):
    """dc/dt - D (c'' + 2 c' / r), against the largest term."""
    h, tau = 1e-3 * R, 1e-4 * time
    c, low, high = profile(r, time), profile(r - h, time), profile(r + h, time)
    rate = (profile(r, time + tau) - profile(r, time - tau)) / (2 * tau)
    spread = D * ((high - 2 * c + low) / h**2 + (high - low) / (h * r))
    return np.abs(rate - spread).max() / np.abs(rate).max()


@pytest.mark.parametrize("share", [0.02, 0.2, 2.0])
def test_constant_flux_profile_solves_the_diffusion_equation(share):
    time, r = share * R**2 / D, np.linspace(0.1, 0.95, 9) * R

    def profile(s, t):
        return exact.constant_flux_profile(s, t, R, D, INFLUX, 2e4)

    assert residual_of_diffusion(profile, r, time) < 1e-4
    h = 1e-4 * R
    # one-sided, second order, at the surface
    ends = profile(np.array([R, R - h, R - 2 * h]), time)
    gradient = (3 * ends[0] - 4 * ends[1] + ends[2]) / (2 * h)
    assert D * gradient == pytest.approx(INFLUX, rel=1e-5)
    x, w = np.polynomial.legendre.leggauss(60)
    radii = (x + 1) / 2 * R
    mean = 3 / R**3 * np.sum(w / 2 * R * radii**2 * profile(radii, time))
    assert mean == pytest.approx(2e4 + 3 * INFLUX * time / R, rel=1e-9)


def test_constant_flux_profile_starts_at_its_initial_value_and_ends_quasi_steady():
    r = np.linspace(0.1, 0.5, 5) * R
    early = exact.constant_flux_profile(r, 1e-3 * R**2 / D, R, D, INFLUX, 2e4)
    assert early == pytest.approx(2e4, rel=1e-9)
    late = exact.constant_flux_profile(r, 5 * R**2 / D, R, D, INFLUX, 2e4)
    mean = 2e4 + 15 * INFLUX * R / D
    assert late == pytest.approx(exact.quasi_steady_profile(r, R, D, INFLUX, mean), rel=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_constant_surface_profile_solves_the_diffusion_equation(share):
    time, r = share * R**2 / D, np.linspace(0.2, 0.95, 9) * R

    def profile(s, t):
        return exact.constant_surface_profile(s, t, R, D, 2e4, 1e4)

    assert residual_of_diffusion(profile, r, time) < 1e-4
    assert profile(np.array([R]), time)[0] == pytest.approx(1e4, rel=1e-9)
    assert profile(np.array([1e-3 * R]), 1e-3 * R**2 / D)[0] == pytest.approx(2e4, rel=1e-9)


def test_coupling_follows_from_the_chemical_potential():
    theta = exact.stress_coupling(SOLID, OMEGA, 300.0)

    def concentration(r):
        return 2e4 + 1e4 * (r / R) ** 3

    def potential(r):
        hydrostatic = exact.sphere_stress(r, concentration, R, SOLID, OMEGA)[2]
        return np.log(concentration(r)) - OMEGA * hydrostatic / (exact.GAS_CONSTANT * 300.0)

    r = np.linspace(0.2, 0.9, 8) * R
    c = concentration(r)
    flux = c * slope(potential, r)
    assert flux == pytest.approx((1 + theta * c) * slope(concentration, r), rel=1e-6)


@pytest.mark.parametrize("theta", [0.0, 5e-5])
def test_coupled_steady_profile_carries_the_same_flow_through_every_sphere(theta):
    def profile(r):
        return exact.coupled_steady_profile(r, (0.4 * R, 1e4), (R, 3e4), theta)

    assert profile(np.array([0.4 * R, R])) == pytest.approx([1e4, 3e4], rel=ROUNDING)
    r = np.linspace(0.45, 0.95, 6) * R
    flow = r**2 * (1 + theta * profile(r)) * slope(profile, r)
    assert flow == pytest.approx(flow.mean(), rel=1e-6)


def test_bounds_enclose_each_other():
    moduli = [(exact.bulk(*s), exact.shear(*s)) for s in (SOLID, MATRIX, (60e9, 0.1))]
    fractions = [0.5, 0.2, 0.3]
    bulk, shear = composites.hashin_shtrikman(*np.transpose(moduli), fractions)
    for i, bounds in enumerate((bulk, shear)):
        values = np.array([pair[i] for pair in moduli])
        reuss, voigt = 1 / np.sum(fractions / values), np.sum(fractions * values)
        assert reuss < bounds[0] < bounds[1] < voigt
    porous = composites.hashin_shtrikman([moduli[0][0], 0], [moduli[0][1], 0], [0.8, 0.2])
    assert porous[0][0] == porous[1][0] == 0
    assert 0 < porous[0][1] < moduli[0][0]


def test_few_voids_soften_like_the_upper_bound():
    K, G, f = exact.bulk(*SOLID), exact.shear(*SOLID), 1e-5
    bulk, shear = composites.hashin_shtrikman([K, 0], [G, 0], [1 - f, f])
    few = composites.dilute_voids(K, G, f)
    assert 1 - few[0] / K == pytest.approx(1 - bulk[1] / K, rel=1e-4)
    assert 1 - few[1] / G == pytest.approx(1 - shear[1] / G, rel=1e-4)


def test_phases_of_equal_shear_modulus_meet_both_bounds():
    K, f = [1e9, 20e9, 5e9], [0.3, 0.5, 0.2]
    bulk, shear = composites.hashin_shtrikman(K, [4e9] * 3, f)
    expected = composites.equal_shear_bulk(K, 4e9, f)
    assert bulk == pytest.approx((expected, expected), rel=ROUNDING)
    assert shear == pytest.approx((4e9, 4e9), rel=ROUNDING)


def test_laminate_of_one_solid_is_that_solid():
    C = exact.isotropic(*SOLID)
    assert composites.laminate_stiffness([C, C], [0.3, 0.7], 1) == pytest.approx(
        C, rel=1e-10, abs=1e-2
    )


def test_isotropic_laminate_obeys_the_formulas_of_backus():
    (E1, n1), (E2, n2), f = SOLID, MATRIX, 0.3
    lame = np.array([exact.isotropic(E, nu)[0, 1] for E, nu in ((E1, n1), (E2, n2))])
    mu = np.array([exact.shear(E1, n1), exact.shear(E2, n2)])
    w = np.array([f, 1 - f])
    C = composites.laminate_stiffness([exact.isotropic(*SOLID), exact.isotropic(*MATRIX)], w, 0)
    across = 1 / (w @ (1 / (lame + 2 * mu)))
    assert C[0, 0] == pytest.approx(across, rel=ROUNDING)
    assert C[0, 1] == pytest.approx(across * (w @ (lame / (lame + 2 * mu))), rel=ROUNDING)
    assert C[3, 3] == pytest.approx(w @ mu, rel=ROUNDING)
    assert C[4, 4] == pytest.approx(1 / (w @ (1 / mu)), rel=ROUNDING)
    inplane = w @ (4 * mu * (lame + mu) / (lame + 2 * mu))
    inplane += across * (w @ (lame / (lame + 2 * mu))) ** 2
    assert C[1, 1] == pytest.approx(inplane, rel=ROUNDING)


def test_levin_of_a_laminate_is_its_free_strain():
    stiffness = [exact.isotropic(*SOLID), exact.isotropic(*MATRIX)]
    own, w = np.array([[0.01] * 3 + [0] * 3, [-0.002] * 3 + [0] * 3]), [0.4, 0.6]
    effective = composites.laminate_stiffness(stiffness, w, 2)
    free = composites.levin(stiffness, own, w, effective)
    stress, _, _ = composites.laminate(stiffness, w, 2, free, own)
    assert np.abs(stress).max() < 1e-9 * np.abs(effective).max() * 0.01


def test_bitter_crum_energy_is_the_work_of_the_misfit():
    E, nu = SOLID
    swelling = 0.01 * np.random.default_rng(0).integers(0, 2, 1000)
    swelling = swelling - swelling.mean()  # no macroscopic stress and strain at once
    K = exact.bulk(E, nu)
    pressure = -K * (composites.bitter_crum(swelling, nu) - 3 * swelling)
    energy = 3 / 2 * np.mean(pressure * swelling)
    assert composites.bitter_crum_energy(swelling, E, nu) == pytest.approx(energy, rel=ROUNDING)
