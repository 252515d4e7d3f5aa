"""Spheres on voxels against closed forms: the staircase costs first order in the voxel edge."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from tests.exact import analytic_elasticity as analytic

CORE, SHELL = (50e9, 0.2), (120e9, 0.3)
OWN = 0.01
PHASES = {0: "pore", 1: "core", 2: "shell"}
FIRST_ORDER = 0.35  # of the fitted slope around 1: staircases of spheres scatter about the trend


def distance(voxels):
    """Distance of voxel centres from the middle of a cube, in radii of a sphere that just fits."""
    centre = (np.arange(voxels) + 0.5) / voxels * 2 - 1
    z, y, x = np.meshgrid(centre, centre, centre, indexing="ij")
    return np.sqrt(z**2 + y**2 + x**2)


def slope(sizes, errors):
    return -np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def swollen(voxels, phases, own, hollow=0.0):
    """Stress of a coated sphere whose core reaches to half its radius, free of any load."""
    r = distance(voxels)
    labels = np.where(r < 1, np.where(r < 0.5, 1, 2), 0)
    labels[r < hollow] = 0
    volume = Volume(labels.astype(np.uint8), 1e-7, PHASES)
    solid = {name: solvers.Isotropic(*phases[name]) for name in phases}
    state = solvers.swelling_stress(volume, solid, own, "free", tolerance=1e-4)
    return volume, r, state


def coated_errors(voxels, hollow=0.0):
    """Relative errors of the mean pressure in the core and of stresses inside the shell."""
    volume, r, state = swollen(voxels, {"core": CORE, "shell": SHELL}, {"core": OWN}, hollow)
    E, nu = zip(CORE, SHELL, strict=True)
    fields = analytic.layered_sphere([hollow, 0.5, 1.0], E, nu, [OWN, 0.0])
    at = np.clip(r, 1e-9, 1.0)
    _, radial, tangential = fields(at.ravel())
    pressure = -(radial + 2 * tangential).reshape(r.shape) / 3
    found = -state.stress[:3].mean(axis=0)
    core = volume.labels == 1
    band = (r > 0.65) & (r < 0.85)
    von_mises = solvers.stress_distribution.von_mises(state.stress)[band]
    exact = np.abs(radial - tangential).reshape(r.shape)[band]
    return (
        abs(found[core].mean() / pressure[core].mean() - 1),
        abs(von_mises.mean() / exact.mean() - 1),
    )


@pytest.mark.parametrize("hollow", [0.0, 0.25], ids=["coated", "hollow"])
def test_a_core_that_swells_in_a_shell_is_right_within_percents(hollow):
    core, shell = coated_errors(24, hollow)
    assert core < 0.05
    assert shell < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hollow", "sizes"),
    [(0.0, (12, 20, 32, 52, 80)), (0.25, (24, 40, 64, 90))],  # the hollow needs voxels too
    ids=["coated", "hollow"],
)
def test_a_core_that_swells_in_a_shell_converges_at_first_order(hollow, sizes):
    errors = np.array([coated_errors(n, hollow)[0] for n in sizes])
    assert slope(sizes, errors) == pytest.approx(1.0, abs=FIRST_ORDER)


def particle_error(voxels):
    """Relative rms error of the hydrostatic stress of a particle a voxel below its surface."""
    r = distance(voxels)
    volume = Volume((r < 1).astype(np.uint8), 1e-7, {0: "pore", 1: "core"})
    state = solvers.swelling_stress(
        volume, {"core": solvers.Isotropic(*CORE)}, {"core": OWN * r**2}, "free", tolerance=1e-4
    )
    # strain = Omega c / 3, so that c = 3 r² OWN for a molar volume of 1
    inside = r < 0.9
    grid = np.linspace(1e-6, 0.9, 200)
    _, _, exact = analytic.sphere_stress(grid, lambda x: 3 * OWN * x**2, 1.0, CORE, 1.0)
    wanted = np.interp(r[inside], grid, exact)
    error = state.stress[:3].mean(axis=0)[inside] - wanted
    return float(np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(wanted**2)))


def test_a_concentration_profile_stresses_a_free_particle_as_prussin_found():
    assert particle_error(24) < 0.12


@pytest.mark.slow
def test_stress_of_a_concentration_profile_converges_at_first_order_at_least():
    sizes = (10, 16, 26, 42, 64)
    errors = [particle_error(n) for n in sizes]
    assert slope(sizes, errors) > 1.0 - FIRST_ORDER


def void_bulk_modulus(voxels, element="stabilized"):
    """Bulk modulus of a simple cubic array of voids relative to the solid's, 20 % porosity."""
    radius = 2 * (0.2046 * 3 / (4 * np.pi)) ** (1 / 3)
    labels = (distance(voxels) > radius).astype(np.uint8)
    volume = Volume(labels, 1e-7, {0: "pore", 1: "core"})
    solid = solvers.Isotropic(100e9, 0.3)
    found = solvers.effective_stiffness(volume, {"core": solid}, tolerance=1e-4, element=element)
    share = 1 - volume.fraction("pore")
    return found.bulk_modulus / analytic.bulk(100e9, 0.3), share


def test_a_simple_cubic_array_of_voids_is_softer_than_the_bound_and_near_it():
    found, solid = void_bulk_modulus(20)
    K, G = analytic.bulk(100e9, 0.3), analytic.shear(100e9, 0.3)
    bound = 4 * G * solid / (4 * G + 3 * K * (1 - solid))  # Hashin and Shtrikman, voids
    assert 0.94 * bound < found < bound
