"""Cells made of materials: beside an independent parameter set, and what is missing is told."""

import dataclasses
import math

import numpy as np
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin.performance import Cell, ElectrodeStructure, Separator, discharge, spectrum
from twin.performance._material_laws import exchange_current, potential, with_temperature
from twin.temperature import Arrhenius

KELVIN = 298.15
# the sizes of Chen2020, whose materials the library holds
POSITIVE = ElectrodeStructure(
    thickness=75.6e-6,
    porosity=0.335,
    active_fraction=0.665,
    macmullin=0.335**-1.5,
    electronic_conductivity=0.18,
    area=3 * 0.665 / 5.22e-6,
    particle_radius=5.22e-6,
)
NEGATIVE = ElectrodeStructure(
    thickness=85.2e-6,
    porosity=0.25,
    active_fraction=0.75,
    macmullin=0.25**-1.5,
    electronic_conductivity=215.0,
    area=3 * 0.75 / 5.86e-6,
    particle_radius=5.86e-6,
)
SEPARATOR = Separator(thickness=12e-6, porosity=0.47, macmullin=0.47**-1.5)
CONTENTS = (0.85, 0.03)
SOLID = Separator(thickness=30e-6, porosity=1.0, macmullin=1.0)


def made(positive="NMC811", negative="graphite-SiOx", electrolyte="LP30", **more):
    settings = {"limits": (2.5, 4.2), "contents": CONTENTS, "thermodynamic_factor": 1.4} | more
    other = None if negative is None else (negative, NEGATIVE)
    separator, limits = settings.pop("separator", SEPARATOR), settings.pop("limits")
    return Cell.of_materials(
        (positive, POSITIVE), other, electrolyte, separator, limits, **settings
    )


@pytest.fixture(scope="module")
def pybamm():
    """Imported outside of the tests' time."""
    from twin.performance._pybamm import pybamm as imported

    return imported()


def independent(pybamm, rate, nominal):
    """Chen2020 with the library's electrolyte and kinetics by hand, per m²."""
    values = pybamm.ParameterValues("Chen2020")
    sides = (("Negative", 0.339, 35000.0, 0.03), ("Positive", 3.41, 17800.0, 0.85))
    for side, middle, energy, content in sides:
        most = values[f"Maximum concentration in {side.lower()} electrode [mol.m-3]"]

        def exchange(salt, lithium, most, temperature, middle=middle, energy=energy):
            warm = pybamm.exp(energy / 8.31446261815324 * (1 / KELVIN - 1 / temperature))
            rate = middle / (1000**0.5 * most / 2)  # as sets of PyBaMM write it
            return rate * warm * salt**0.5 * lithium**0.5 * (most - lithium) ** 0.5

        values.update(
            {
                f"{side} electrode exchange-current density [A.m-2]": exchange,
                f"Initial concentration in {side.lower()} electrode [mol.m-3]": content * most,
            }
        )
    values.update(
        {
            "Electrolyte conductivity [S.m-1]": 1.18,
            "Electrolyte diffusivity [m2.s-1]": 2.905e-10,
            "Cation transference number": 0.325,
            "Thermodynamic factor": 1.4,
            "Current function [A]": rate * nominal,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
        }
    )
    simulation = pybamm.Simulation(pybamm.lithium_ion.DFN(), parameter_values=values)
    solution = simulation.solve(np.linspace(0, 1.3 * 3600 / rate, 200), initial_soc=1.0)
    return solution.t, solution["Voltage [V]"].entries


def test_a_cell_of_the_library_is_the_one_made_by_hand(pybamm):
    cell = made()
    nominal = cell.parameter_values()["Nominal cell capacity [A.h]"]
    (run,) = discharge(cell, (1.0,))
    time, voltage = independent(pybamm, 1.0, nominal)
    again = np.interp(run.time[:-1], time, voltage)
    assert run.status == "ok"
    assert again == pytest.approx(run.voltage[:-1], abs=1e-6)
    assert time[-1] == pytest.approx(run.time[-1], rel=1e-6)


@pytest.mark.parametrize("name", [n for n, m in twin.library().items() if m.open_circuit])
def test_potentials_of_the_library_are_those_of_the_model(pybamm, name):
    """Formulas and tables to rounding, potentials of sites by a fine table."""
    curve = twin.material(name).open_circuit
    x = np.linspace(curve.lower, curve.upper, 301)
    found = potential(curve)(pybamm.Vector(x)).evaluate()[:, 0]
    assert found == pytest.approx(curve(x), abs=1e-5 if name == "NMC622" else 1e-11)


def test_numbers_move_with_temperature_as_materials_do(pybamm):
    given = twin.material("graphite")
    for over in (False, True):
        law = dataclasses.replace(given.solid_diffusivity.temperature, over_temperature=over)
        value = dataclasses.replace(given.solid_diffusivity, temperature=law)
        found = with_temperature(value)(pybamm.Scalar(0.5), pybamm.Scalar(310.0)).evaluate()
        assert found == pytest.approx(value.at(310.0).value, rel=1e-12)
    plain = dataclasses.replace(given.solid_diffusivity, temperature=None)
    assert with_temperature(plain) == given.solid_diffusivity.value


def test_exchange_currents_hold_where_the_library_says(pybamm):
    value = dataclasses.replace(
        twin.material("NMC811").exchange_current_density,
        temperature=Arrhenius(20e3, KELVIN, 280.0, 320.0),
    )
    function = exchange_current(value)

    def at(salt, x, kelvin):
        arguments = (salt, 5e4 * x, 5e4, kelvin)
        return function(*(pybamm.Scalar(a) for a in arguments)).evaluate()

    assert at(1000.0, 0.5, KELVIN) == pytest.approx(3.41)
    assert at(250.0, 0.1, KELVIN) == pytest.approx(3.41 * math.sqrt(0.25 * 4 * 0.09))
    warm = math.exp(20e3 / 8.31446261815324 * (1 / KELVIN - 1 / 310.0))
    assert at(1000.0, 0.5, 310.0) == pytest.approx(3.41 * warm)


def test_lithium_counts_by_the_concentration_that_its_potential_means():
    """The x of a fit to a cell belongs to its own maximum, not to that of the crystal."""
    values = made("NMC532", limits=(3.0, 4.2), contents=(0.85, 0.02)).parameter_values()
    assert values["Maximum concentration in positive electrode [mol.m-3]"] == 35380.0
    assert values["Initial concentration in positive electrode [mol.m-3]"] == 0.85 * 35380.0
    assert values["Maximum concentration in negative electrode [mol.m-3]"] == 33133.0


def test_in_a_solid_electrolyte_only_lithium_moves(pybamm):
    """No salt gradient, and the ohmic loss of the separator is i L/κ."""
    cell = made("NMC532", electrolyte="LPSCl", separator=SOLID, limits=(3.0, 4.2), contents=None)
    values = cell.parameter_values()
    simulation = pybamm.Simulation(cell.model(), parameter_values=values)
    solution = simulation.solve([0, 600], initial_soc=1.0)
    salt = solution["Electrolyte concentration [mol.m-3]"].entries
    assert np.ptp(salt) < 1e-6
    potentials = solution["Separator electrolyte potential [V]"].entries[:, -1]
    x = solution["x_s [m]"].entries[:, -1]
    slope = (potentials[-1] - potentials[0]) / (x[-1] - x[0])
    current = values["Current function [A]"]
    assert slope == pytest.approx(-current / 0.2, rel=1e-6)


def test_a_half_cell_has_lithium_for_its_other_electrode(pybamm):
    limits = tuple(float(twin.material("NMC532").open_circuit(x)) for x in (0.88, 0.2))
    cell = made("NMC532", negative=None, limits=limits, contents=None)
    (run,) = discharge(cell, (0.2,))
    assert run.status == "ok"
    stored = 0.665 * 75.6e-6 * 35380.0 * 96485.33212 / 3600
    nominal = cell.parameter_values()["Nominal cell capacity [A.h]"]
    assert nominal == pytest.approx((0.88 - 0.2) * stored, rel=1e-6)


def test_spectra_need_a_double_layer_and_a_wetted_area(pybamm):
    cell = made(double_layer=0.2)
    assert spectrum(cell, [1.0]).impedance.real > 0
    more = dataclasses.replace(cell, positive=dataclasses.replace(POSITIVE, area=2e5))
    name = "Positive electrode double-layer capacity [F.m-2]"
    ratio = 2e5 / POSITIVE.area
    assert more.parameter_values()[name] == pytest.approx(0.2 * ratio)


def test_a_cell_of_materials_becomes_a_file_and_comes_back(pybamm):
    cell = made(double_layer=0.2)
    file = cell.to_bpx(title="of materials")
    assert file.deviations == {}
    again = Cell.of_bpx(file)
    runs = [discharge(c, (1.0,))[0] for c in (cell, again)]
    assert runs[1].voltage[:-1] == pytest.approx(runs[0].voltage[:-1], abs=1e-6)


def test_what_the_library_lacks_is_listed_at_once():
    with pytest.raises(InvalidInputError) as told:
        made("LTO", negative="silicon", electrolyte=twin.Material("bare", "electrolyte"))
    for words in (
        "LTO has no exchange_current_density, solid_diffusivity",
        "silicon has no exchange_current_density, solid_diffusivity",
        "bare has no ionic_conductivity, transference_number, salt_diffusivity, concentration",
        "dataclasses.replace",
    ):
        assert words in str(told.value)


def test_what_is_given_completes_the_library(pybamm):
    lto = dataclasses.replace(
        twin.material("LTO"), exchange_current_density=1.0, solid_diffusivity=1e-15
    )
    cell = made("NMC811", negative=lto, limits=(1.6, 2.6), contents=(0.9, 0.05))
    assert discharge(cell, (0.5,))[0].status == "ok"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thermodynamic_factor": None}, "give thermodynamic_factor"),
        ({"limits": (4.2, 2.5)}, "lower voltage first"),
        ({"limits": 4.2}, "give lower and upper voltage"),
        ({"limits": (2500, 4200)}, "give volts"),
        ({"thermodynamic_factor": -1.0}, "thermodynamic_factor is -1.0"),
        ({"thermodynamic_factor": "1.4"}, "thermodynamic_factor is '1.4'"),
        ({"limits": (2.5, 4.6)}, "potential is known from"),
        ({"contents": (0.99, 0.03)}, "contents has 0.99 for NMC811"),
        ({"contents": (0.85,)}, "positive and negative"),
        ({"electrolyte": None}, "electrolyte is None"),
        ({"separator": None}, "separator None"),
        ({"positive": "NMC811X"}, "not in the library"),
        ({"double_layer": 0.0}, "double_layer"),
    ],
)
def test_mistakes_are_told(pybamm, change, words):
    with pytest.raises(InvalidInputError, match=words):
        made(**change)


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.9, 0.26, r"x = 0\.2[0-5]"), (0.919, 0.3, r"to 0\.9[2-9]")]
)
def test_limits_beyond_either_end_of_a_potential_are_refused(pybamm, low, high, words):
    """30 mV beyond one of them; the range is 0.26 to 0.92."""
    curve = twin.material("NMC811").open_circuit
    ends = (float(curve(low)) - 0.03 * (low > 0.91), float(curve(high)) + 0.03 * (high < 0.3))
    with pytest.raises(InvalidInputError, match=words):
        made(negative=None, limits=ends, contents=None)


def test_a_material_without_any_maximum_concentration_lacks_it():
    bare = dataclasses.replace(twin.material("graphite-SiOx"), maximum_concentration=None)
    with pytest.raises(InvalidInputError, match="graphite-SiOx has no maximum_concentration"):
        made(negative=bare)


@pytest.mark.parametrize("given", ["NMC811", ("NMC811",), (POSITIVE, "NMC811"), None])
def test_an_electrode_is_a_material_and_its_structure(given):
    with pytest.raises(InvalidInputError, match="give its active material and"):
        Cell.of_materials(given, ("graphite", NEGATIVE), "LP30", SEPARATOR, (2.5, 4.2))


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.0, 0.5, 3.0), "thickness"),
        ((12.0, 0.5, 3.0), "in metres"),
        ((1e-5, 1.2, 3.0), "at most 1"),
        ((1e-5, 0.5, 1.5), "at least 1"),
    ],
)
def test_a_separator_that_cannot_be_is_refused(numbers, words):
    with pytest.raises(InvalidInputError, match=words):
        Separator(*numbers)
