"""Cells of PyBaMM: what is injected, beside independent parameters, and traps it avoids."""

import dataclasses

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from twin.performance import Cell, CellLayers, ElectrodeStructure, discharge
from twin.performance.cell import area, capacity
from twin.performance.discharges import to_frame

RADIUS = 5.22e-6  # of Chen2020
GIVEN = ElectrodeStructure(
    thickness=68e-6,
    porosity=0.24,
    active_fraction=0.69,
    macmullin=12.0,
    electronic_conductivity=2.5,
    area=3 * 0.69 / RADIUS,
    particle_radius=RADIUS,
)


@pytest.fixture(scope="module")
def pybamm():
    """Imported outside of the tests' time."""
    from twin.performance._pybamm import pybamm as imported

    return imported()


@pytest.fixture(scope="module")
def runs(pybamm):
    return discharge(Cell(positive=GIVEN), (0.5, 2.0))


def independent(pybamm, changes, rate, options=None):
    """A DFN of Chen2020 with numbers changed by hand: times and voltages until it is empty."""
    values = pybamm.ParameterValues("Chen2020")
    values.update(changes)
    model = pybamm.lithium_ion.DFN(options or {})
    current = values["Current function [A]"]
    simulation = pybamm.Simulation(model, parameter_values=values)
    solution = simulation.solve(np.linspace(0, 4680 / rate, 200), initial_soc=1.0)
    assert current == values["Current function [A]"]
    return solution.t, solution["Voltage [V]"].entries


def by_hand(cell, rate):
    """The same electrode in PyBaMM's default option: exponents of Bruggeman instead of factors."""
    nominal = cell.parameter_values()["Nominal cell capacity [A.h]"]
    exponent = np.log(1 / GIVEN.macmullin) / np.log(GIVEN.porosity)
    return {
        "Positive electrode thickness [m]": GIVEN.thickness,
        "Positive electrode porosity": GIVEN.porosity,
        "Positive electrode active material volume fraction": GIVEN.active_fraction,
        "Positive electrode conductivity [S.m-1]": GIVEN.electronic_conductivity,
        "Positive electrode Bruggeman coefficient (electrolyte)": exponent,
        "Positive electrode Bruggeman coefficient (electrode)": 0.0,
        "Current function [A]": rate * nominal,
    }


def test_injection_is_an_independent_model_with_the_same_numbers(pybamm):
    cell = Cell(positive=GIVEN, balance=False)
    (found,) = discharge(cell, (1.0,))
    _, voltage = independent(pybamm, by_hand(cell, 1.0), 1.0)
    n = min(len(voltage), len(found.voltage)) - 1  # the last point is where the event was found
    assert found.voltage[:n] == pytest.approx(voltage[:n], abs=1e-9)
    naive = by_hand(cell, 1.0) | {"Positive electrode Bruggeman coefficient (electrode)": 1.5}
    _, reduced_twice = independent(pybamm, naive, 1.0)
    assert abs(reduced_twice[20] - found.voltage[20]) > 2e-4


def test_more_wetted_area_is_more_exchange_current_and_nothing_else(pybamm):
    """PyBaMM derives the area from the radius: the ratio goes into the exchange current."""
    wetted = dataclasses.replace(GIVEN, area=1.5 * GIVEN.area)
    plain, more = (Cell(positive=s).parameter_values() for s in (GIVEN, wetted))
    name = "Positive electrode exchange-current density [A.m-2]"
    arguments = [pybamm.Scalar(x) for x in (1000.0, 30000.0, 63104.0, 298.15)]
    currents = [plain.evaluate(v[name](*arguments)) for v in (plain, more)]
    assert currents[1] / currents[0] == pytest.approx(1.5, rel=1e-12)
    for other in ("active material volume fraction", "porosity"):
        assert plain[f"Positive electrode {other}"] == more[f"Positive electrode {other}"]
    losses = [discharge(Cell(positive=s), (1.0,))[0].shares() for s in (GIVEN, wetted)]
    assert losses[1]["charge transfer"] < losses[0]["charge transfer"]


def test_losses_add_up_to_what_the_voltage_lacks(runs):
    for run in runs:
        assert run.status == "ok"
        lacking = run.rest_voltage - run.voltage
        assert sum(run.losses.values()) == pytest.approx(lacking, abs=1e-4)
        total = np.trapezoid(lacking, run.time) / run.time[-1]
        assert sum(run.shares().values()) == pytest.approx(total, rel=0.01)


def test_capacity_falls_with_rate_and_energy_is_the_area_under_the_curve(runs):
    slow, fast = runs
    assert slow.capacity > fast.capacity
    assert fast.current == pytest.approx(4 * slow.current)
    assert slow.energy == pytest.approx(np.trapezoid(slow.voltage, slow.capacities))
    lost = np.trapezoid((slow.rest_voltage - slow.voltage) * slow.current, slow.time)
    assert slow.heat == pytest.approx(lost)
    assert fast.heat / fast.capacity > slow.heat / slow.capacity
    frame = to_frame(runs)
    assert list(frame["status"]) == ["ok", "ok"]
    assert frame["capacity_Ah_m2"][0] == slow.capacity


def test_nominal_capacity_goes_with_the_thickness_and_the_other_electrode_too(pybamm):
    """Otherwise a rate of 1 would be another one, and a thick electrode be limited by the other."""
    double = dataclasses.replace(GIVEN, thickness=2 * GIVEN.thickness)
    one, two = (Cell(positive=s).parameter_values() for s in (GIVEN, double))
    ratio = two["Nominal cell capacity [A.h]"] / one["Nominal cell capacity [A.h]"]
    assert ratio == pytest.approx(2.0, rel=1e-6)
    name = "Negative electrode thickness [m]"
    assert two[name] == pytest.approx(2 * one[name])
    alone = Cell(positive=double, balance=False).parameter_values()
    assert alone[name] == pybamm.ParameterValues("Chen2020")[name]
    assert capacity(alone, "full") * area(alone) < two["Nominal cell capacity [A.h]"]


def test_contact_resistance_is_per_area(runs):
    (run,) = discharge(Cell(positive=GIVEN, contact_resistance=2e-3), (0.5,))
    assert run.losses["contact"] == pytest.approx(np.full(len(run.time), 2e-3 * run.current))


def test_a_half_cell_is_without_the_losses_of_a_negative_electrode(pybamm):
    (half,) = discharge(Cell(kind="half", positive=GIVEN), (0.5,))
    assert half.status == "ok"
    assert sum(half.losses.values()) == pytest.approx(half.rest_voltage - half.voltage, abs=1e-3)


def test_a_discharge_that_fails_comes_back_as_such(pybamm):
    slow, hopeless = discharge(Cell(positive=GIVEN), (1.0, 400.0))
    assert slow.status == "ok"
    assert hopeless.status != "ok"
    assert np.isnan(hopeless.capacity)
    assert np.isnan(hopeless.energy)
    assert hopeless.shares() == {}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Cell(kind="quarter"), "'full' or 'half'"),
        (lambda: Cell(kind="half", negative=GIVEN), "lithium metal"),
        (lambda: Cell(positive={"porosity": 0.3}), "no ElectrodeStructure"),
        (lambda: Cell(separator_macmullin=0.5), "at least 1"),
        (lambda: Cell(contact_resistance=-1.0), "Ω m² ≥ 0"),
        (lambda: Cell("Chen2021").parameter_values(), "no set of PyBaMM"),
        (lambda: discharge(Cell(), ()), "rates is empty"),
        (lambda: discharge(Cell(), (0.0,)), "rate is 0.0"),
        (lambda: discharge(Cell(), (1.0,), model="P2D"), "choose one of"),
        (lambda: discharge(Cell(), (1.0,), temperature=25.0), "give kelvin"),
        (lambda: discharge(Cell(), (1.0,), temperature=600.0), "give kelvin"),
        (lambda: discharge(Cell(), 2.0), "give a list"),
        (lambda: Cell(contact_resistance="a"), "Ω m² ≥ 0"),
        (lambda: Cell(separator_macmullin=1.2).parameter_values(), "factor of 0.564, below 1"),
        (
            lambda: CellLayers.of(Cell(), "NMC811", "graphite", foils={"positive": "Al"}),
            "no 'negative' collector",
        ),
        (lambda: Cell.of_bpx({}, active_fraction=0.5), "of which electrode"),
    ],
)
def test_mistakes_are_told(pybamm, call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()
