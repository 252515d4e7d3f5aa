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
