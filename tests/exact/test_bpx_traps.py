"""Traps of BPX and PyBaMM: the naive file is read without a word and is wrong; ours is right."""

import copy
import dataclasses
import json
import warnings

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from twin.performance import BpxWarning, Cell, ElectrodeStructure, discharge

RADIUS = 5.22e-6
RATIO = 1.3  # wetted area over that of spheres
GIVEN = ElectrodeStructure(
    thickness=68e-6,
    porosity=0.24,
    active_fraction=0.69,
    macmullin=12.0,
    electronic_conductivity=0.05,
    area=RATIO * 3 * 0.69 / RADIUS,
    particle_radius=RADIUS,
)
CELL = Cell(positive=GIVEN)
AREA = "Surface area per unit volume [m-1]"
EFFICIENCY = "Transport efficiency"
RATE = "Reaction rate constant [mol.m-2.s-1]"


@pytest.fixture(scope="module")
def pybamm():
    """Imported outside of the tests' time, and bpx as well."""
    from twin.performance._bpx import bpx
    from twin.performance._pybamm import pybamm as imported

    bpx()
    return imported()


@pytest.fixture(scope="module")
def content(pybamm):
    return CELL.to_bpx().content


@pytest.fixture(scope="module")
def run(pybamm):
    return discharge(CELL, (2.0,))[0]


def edited(content, numbers, section="Positive electrode"):
    """A naive file: the same with other numbers."""
    naive = json.loads(json.dumps(content))
    part = naive["Parameterisation"][section]
    assert set(numbers) <= set(part)
    part.update(numbers)
    return naive


def read(pybamm, content):
    """By PyBaMM alone; it must not complain, or there would be no trap."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Accessing the 'model_fields'", DeprecationWarning)
        return pybamm.ParameterValues.create_from_bpx_obj(copy.deepcopy(content))


def apart(pybamm, run, content):
    """Largest distance in V from the right voltage, over the first half of the discharge."""
    values = read(pybamm, content)
    values["Current function [A]"] = run.current * values["Electrode area [m2]"]
    simulation = pybamm.Simulation(pybamm.lithium_ion.DFN(), parameter_values=values)
    solution = simulation.solve(np.linspace(0, 1.3 * 1800, 200), initial_soc=1.0)
    time = run.time[: len(run.time) // 2]
    found = np.interp(time, solution.t, solution["Voltage [V]"].entries)
    return np.abs(found - run.voltage[: len(time)]).max()


def test_ours_is_right(pybamm, run, content):
    assert apart(pybamm, run, content) < 1e-6


def test_a_measured_area_would_fill_more_than_the_electrode(pybamm, content):
    naive = edited(content, {AREA: GIVEN.area})
    values = read(pybamm, naive)
    derived = values["Positive electrode active material volume fraction"]
    assert derived == pytest.approx(RATIO * GIVEN.active_fraction)
    assert derived + values["Positive electrode porosity"] > 1.1
    with pytest.raises(InvalidInputError, match=r"add up to 1\.137.*active_fraction"):
        Cell.of_bpx(naive)
    ours = read(pybamm, content)
    name = "Positive electrode active material volume fraction"
    assert ours[name] == pytest.approx(GIVEN.active_fraction, rel=1e-12)


def test_the_wetted_area_is_in_the_rate_constant(pybamm, run, content):
    """Leaving it out costs millivolts, with no word of anybody."""
    plain = content["Parameterisation"]["Positive electrode"][RATE] / RATIO
    assert apart(pybamm, run, edited(content, {RATE: plain})) > 2e-3


def test_with_the_active_fraction_a_measured_area_is_taken_for_what_it_is(pybamm, content):
    own = content["Parameterisation"]["Positive electrode"][RATE] / RATIO
    measured = edited(content, {AREA: GIVEN.area, RATE: own})
    measured["Parameterisation"]["User-defined"] = {}
    cell = Cell.of_bpx(measured, active_fraction={"positive": GIVEN.active_fraction})
    assert cell.positive.to_dict() == pytest.approx(GIVEN.to_dict(), rel=1e-12)
    name = "Positive electrode exchange-current density [A.m-2]"
    at = [pybamm.Scalar(x) for x in (800.0, 30000.0, 63104.0, 298.15)]
    ours, right = (c.parameter_values() for c in (cell, CELL))
    assert ours.evaluate(ours[name](*at)) == pytest.approx(right.evaluate(right[name](*at)))


def test_conductivity_is_not_reduced_twice(pybamm, run, content):
    twice = GIVEN.electronic_conductivity * (1 - GIVEN.porosity) ** 1.5
    assert apart(pybamm, run, edited(content, {"Conductivity [S.m-1]": twice})) > 2e-3
    values = Cell.of_bpx(content).parameter_values()
    factor = values["Positive electrode tortuosity factor (electrode)"]
    effective = values["Positive electrode conductivity [S.m-1]"] * (1 - GIVEN.porosity) / factor
    assert effective == pytest.approx(GIVEN.electronic_conductivity)
    assert read(pybamm, content)["Positive electrode Bruggeman coefficient (electrode)"] == 0


def test_conductivity_of_a_set_is_reduced_once(pybamm):
    """Marquis2019 gives that of the solid and an exponent of 1.5; BPX wants the effective one."""
    positive = Cell("Marquis2019").to_bpx().content["Parameterisation"]["Positive electrode"]
    assert positive["Conductivity [S.m-1]"] == pytest.approx(10.0 * 0.7**1.5)


def test_porosity_counts_nanopores(pybamm, run, content):
    """Without those of a binder the salt runs out sooner, at the same N_M."""
    assert content["Parameterisation"]["Positive electrode"]["Porosity"] == GIVEN.porosity
    assert apart(pybamm, run, edited(content, {"Porosity": GIVEN.porosity - 0.08})) > 2e-3


def test_transport_efficiency_is_no_tortuosity(pybamm, run, content):
    ours = read(pybamm, content)
    porosity = ours["Positive electrode porosity"]
    exponent = ours["Positive electrode Bruggeman coefficient (electrolyte)"]
    assert porosity**exponent == pytest.approx(1 / GIVEN.macmullin)
    naive = edited(content, {EFFICIENCY: 1 / GIVEN.tortuosity})
    assert apart(pybamm, run, naive) > 2e-2
    with pytest.raises(InvalidInputError, match=r"Positive electrode: .* below 1"):
        Cell.of_bpx(naive)
    with pytest.raises(InvalidInputError, match="below 1"):
        Cell.of_bpx(edited(content, {EFFICIENCY: GIVEN.tortuosity}))


def test_nominal_capacity_goes_with_the_thickness(pybamm):
    """Otherwise a rate of 1/h is another one: here half of it."""
    twice = dataclasses.replace(GIVEN, thickness=2 * GIVEN.thickness)
    ours = Cell(positive=twice).to_bpx().content
    right = ours["Parameterisation"]["Cell"]["Nominal cell capacity [A.h]"]
    one = CELL.to_bpx().content["Parameterisation"]["Cell"]["Nominal cell capacity [A.h]"]
    assert right == pytest.approx(2 * one, rel=1e-6)
    naive = edited(ours, {"Nominal cell capacity [A.h]": one}, "Cell")
    assert read(pybamm, naive)["Current function [A]"] == pytest.approx(right / 2)
    with pytest.warns(BpxWarning, match="nominal capacity"):
        again = Cell.of_bpx(naive)
    nominal = again.parameter_values()["Nominal cell capacity [A.h]"]
    assert nominal == pytest.approx(right, rel=1e-6)


def test_functions_are_of_x_and_nothing_else(pybamm, content):
    """Of lithium content in the electrodes, of mol/m³ in the electrolyte."""
    values = read(pybamm, content)
    chen = pybamm.ParameterValues("Chen2020")
    name = "Electrolyte conductivity [S.m-1]"
    salt, kelvin = pybamm.Scalar(1200.0), pybamm.Scalar(298.15)
    found, exact = (v.evaluate(v[name](salt, kelvin)) for v in (values, chen))
    assert found == pytest.approx(exact, rel=1e-12)
    naive = edited(content, {"Conductivity [S.m-1]": "0.1*c_e"}, "Electrolyte")
    with pytest.raises(InvalidInputError, match="Invalid Function"):
        Cell.of_bpx(naive)
