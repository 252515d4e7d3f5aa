"""The first moment of a cell under current against the porous electrode of Newman and Tobias.

While concentrations are uniform and the current is small, reaction is linear in its overpotential
and the DFN is the porous electrode of J. Newman and C. W. Tobias, J. Electrochem. Soc. 109 (1962)
1183, doi:10.1149/1.2425269 [not opened: verify]: its resistance is derived below.
"""

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from twin.performance import Cell, ElectrodeStructure, TransmissionLine
from twin.performance.cell import area
from twin.performance.structure import StructureWarning

pybamm = pytest.importorskip("pybamm", reason="extra cell")

GAS, FARADAY, KELVIN = 8.314462618, 96485.33212, 298.15
RADIUS, LENGTH = 4e-6, 80e-6
KAPPA = 0.2  # S/m, of the free electrolyte at all concentrations
LITHIUM = 20.0  # A/m², exchange current of the metal
RATE = 1e-3  # 1/h: overpotentials of some 0.1 mV, where kinetics are linear


def cell(exchange, macmullin=8.0, sigma=0.05):
    values = pybamm.ParameterValues("Xu2019")
    values.update(
        {
            "Positive electrode exchange-current density [A.m-2]": exchange,
            "Electrolyte conductivity [S.m-1]": KAPPA,
            # surfaces are half a shell from the nearest node: they must not lag behind it
            "Positive particle diffusivity [m2.s-1]": 1e-6,
            "Electrolyte diffusivity [m2.s-1]": 1e-4,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
        }
    )
    values.update(
        {"Exchange-current density for lithium metal electrode [A.m-2]": LITHIUM},
        check_already_exists=False,
    )
    structure = ElectrodeStructure(LENGTH, 0.3, 0.6, macmullin, sigma, 2 * 3 * 0.6 / RADIUS, RADIUS)
    return Cell(values, structure, separator_macmullin=5.0, kind="half")


def newman_tobias(exchange, macmullin, sigma):
    """Resistance in Ω m²: i₂' = a j₀F/RT (φ₁ - φ₂), i₁ = -σ φ₁', i₂ = -κ φ₂', i₁ + i₂ = i."""
    kappa = KAPPA / macmullin
    surface = 2 * 3 * 0.6 / RADIUS
    nu = LENGTH * np.sqrt(surface * exchange * FARADAY / (GAS * KELVIN) * (1 / kappa + 1 / sigma))
    ratio = sigma / kappa + kappa / sigma
    crowded = (2 + ratio * np.cosh(nu)) / (nu * np.sinh(nu))
    return LENGTH / (kappa + sigma) * (1 + crowded)


def measured(given, points):
    """Resistance of the cell at the first moment, without separator and lithium, in Ω m²."""
    values = given.parameter_values()
    # cells of one size, since PyBaMM's mean at the interface of the layers is for such
    cells = round(points * values["Separator thickness [m]"] / LENGTH)
    mesh = {"x_n": 5, "x_s": cells, "x_p": points, "r_n": 5, "r_p": 5}
    simulation = pybamm.Simulation(
        given.model(), parameter_values=values, C_rate=RATE, var_pts=mesh,
        solver=pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-8, root_tol=1e-10),
    )  # fmt: skip
    solution = simulation.solve([0.0, 1.0], initial_soc=0.5)
    drop = solution["Battery open-circuit voltage [V]"].entries - solution["Voltage [V]"].entries
    current = RATE * values["Nominal cell capacity [A.h]"] / area(values)
    separator = values["Separator thickness [m]"] * 5.0 / KAPPA
    metal = GAS * KELVIN / (FARADAY * LITHIUM)
    return drop[0] / current - separator - metal


@pytest.mark.parametrize(
    ("exchange", "macmullin", "sigma"),
    [(0.05, 8.0, 0.05), (5.0, 8.0, 0.05), (2.0, 12.0, 5.0), (0.05, 4.0, 0.005)],
    ids=["uniform", "at both ends", "at the separator", "at the collector"],
)
def test_it_is_that_of_newman_and_tobias(exchange, macmullin, sigma):
    given = cell(exchange, macmullin, sigma)
    coarse, fine = (measured(given, points) for points in (80, 160))
    limit = 2 * fine - coarse  # the error of PyBaMM at the ends is of first order
    assert limit == pytest.approx(newman_tobias(exchange, macmullin, sigma), rel=1e-3)


@pytest.mark.parametrize("exchange", [1e-3, 0.3, 30.0])
def test_so_is_the_transmission_line(exchange):
    line = TransmissionLine.of(
        LENGTH, 8.0, KAPPA, 0.05, 2 * 3 * 0.6 / RADIUS,
        charge_transfer=GAS * KELVIN / (FARADAY * exchange),
    )  # fmt: skip
    assert line.resistance == pytest.approx(newman_tobias(exchange, 8.0, 0.05), rel=1e-9)


def test_a_structure_that_spheres_cannot_have_is_doubted():
    with pytest.warns(StructureWarning, match="area"):
        ElectrodeStructure(LENGTH, 0.3, 0.6, 8.0, 1.0, 5 * 3 * 0.6 / RADIUS, RADIUS)
    with pytest.raises(InvalidInputError, match="macmullin"):
        ElectrodeStructure(LENGTH, 0.3, 0.6, 2.0, 1.0, 3 * 0.6 / RADIUS, RADIUS)
