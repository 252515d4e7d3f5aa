"""Tasks of the tests: electrodes by formulas, with the names of values that real ones have."""

import numpy as np

from microstructures.errors import NotPercolatingError
from studies import Outcome, number, task

SOLID = 4200.0  # kg/m³ of an electrode without pores
BEST = 3000.0  # kg/m³ at which the mean of all pieces does best at 1/h


@task(version=1)
def pressed(recipe):
    """An electrode that does best at BEST, give or take what its piece is like."""
    if recipe.get("blocked", 0.0) > recipe["calender"]["porosity"]:
        raise NotPercolatingError("pore does not percolate")
    density = SOLID * (1 - recipe["calender"]["porosity"])
    rng = np.random.default_rng(recipe["volume"]["seed"])
    own = recipe.get("spread", 50.0) * rng.normal()
    noise = recipe.get("noise", 0.0) * np.random.default_rng([int(density), 7]).normal()
    best = recipe.get("best", BEST)
    energy = 900.0 - 4e-4 * (density - best - own) ** 2 + noise + 20 * rng.normal()
    porosity = recipe["calender"]["porosity"]
    return Outcome(
        {
            "electrode_density": number(density, "kg/m³"),
            "total_porosity": number(porosity),
            "ionic_tortuosity_factor.pore + CBD.z": number(porosity**-0.5),
            "cell.energy_density.0.2": number(700.0 + 0.1 * density, "Wh/L"),
            "cell.energy_density.1": number(energy, "Wh/L", recipe.get("error", 1.0)),
        }
    )


@task(version=1)
def bound(recipe):
    """Packed particles whose electrons have exp(100 (x - x₀)) times the conductivity of ions."""
    placed, seed = recipe["place_binder"], recipe["generate_electrode"]["rng"]
    least = recipe.get("least", 0.1) + 0.01 * (seed - 1) + 0.05 * placed["preference"]
    sigma = 10 * np.exp(100 * (placed["fraction"] - least))
    return Outcome(
        {
            "effective_electronic_conductivity.NMC + CBD.z": number(sigma, "S/m"),
            "effective_ionic_conductivity.pore + CBD.z": number(1.0, "S/m"),
            "ionic_macmullin_number.pore + CBD.z": number(2 + 10 * placed["fraction"]),
            "place_binder.coverage": number(placed["fraction"]),
        }
    )


@task(version=1)
def discharged(recipe):
    """Thick electrodes hold more and give less: energy 10 L - L² P / 1000 at power P."""
    cell, values = recipe["cell"], {}
    for rate, power in ((0.5, 100.0), (1, 200.0), (2, 400.0)):
        energy = 10 * cell["thickness"] - cell["thickness"] ** 2 * power / 1000
        energy = energy if energy > 0 else None
        values[f"cell.energy_density.{rate:g}"] = number(energy, "Wh/L")
        values[f"cell.power_density.{rate:g}"] = number(energy and power, "W/L")
    return Outcome(values)


@task(version=1)
def charged(recipe):
    """Contact that falls as lithium goes, and that pressure saves."""
    x, pressure = recipe["mechanics"]["lithiation"][1], recipe["mechanics"]["pressure"]
    contact = x * (1 - np.exp(-pressure / 1e6)) + 0.02 * (recipe["volume"]["seed"] - 0.5)
    return Outcome(
        {
            "contact_area_fraction.NMC–CBD": number(contact, "1", 0.1),
            "stack_pressure": number(pressure, "Pa"),
            "lithium_content.NMC": number(x),
            "von_mises_stress_p95.NMC": number(1e9 * (1 - x), "Pa"),
            "volume_above_yield_stress.CBD": number(1 - x),
        }
    )
