"""Calibration of cells: quantities by name, and numbers found again in synthetic measurements."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance import (
    Cell,
    ElectrodeStructure,
    MeasuredDischarge,
    MeasuredRates,
    MeasuredSpectrum,
    Unknown,
    adjustable,
    adjusted_cell,
    calibrate,
    discharge,
    spectrum,
)

RADIUS = 5.22e-6
GIVEN = ElectrodeStructure(68e-6, 0.24, 0.69, 12.0, 2.5, 3 * 0.69 / RADIUS, RADIUS)
CELL = Cell(positive=GIVEN)
FREQUENCY = np.geomspace(1.0, 1000.0, 10)
EXCHANGE = "positive.exchange_current_factor"
TRUE = {"contact_resistance": 1e-3, EXCHANGE: 0.6}


@pytest.fixture(scope="module")
def pybamm():
    """Imported outside of the tests' time."""
    from twin.performance._pybamm import pybamm as imported

    return imported()


def measured(true, seed, share=0.005, model="SPM"):
    exact = spectrum(adjusted_cell(CELL, true), FREQUENCY, model=model).impedance
    noise = np.random.default_rng(seed).standard_normal((2, len(exact)))
    error = share * np.abs(exact)
    return MeasuredSpectrum(
        FREQUENCY, exact + error * (noise[0] + 1j * noise[1]), error, model=model
    )


# ---- names


def test_quantities_of_the_structure_and_the_cell_are_replaced():
    given = {
        "contact_resistance": 2e-3,
        "separator_macmullin": 4.0,
        "positive.tortuosity": 3.0,
        "positive.porosity": 0.3,
        "positive.electronic_conductivity": 0.7,
    }
    found = adjusted_cell(CELL, given)
    structure = dataclasses.replace(
        GIVEN, porosity=0.3, macmullin=10.0, electronic_conductivity=0.7
    )
    assert found.positive == structure
    assert found.positive.tortuosity == pytest.approx(3.0)
    assert (found.contact_resistance, found.separator_macmullin) == (2e-3, 4.0)
    assert found.parameters == "Chen2020"
    assert CELL.positive == GIVEN


def test_quantities_of_the_parameter_set_are_scaled_or_replaced(pybamm):
    factors = {
        EXCHANGE: 0.5,
        "negative.diffusivity_factor": 3.0,
        "positive.diffusivity": 1e-15,
        "negative.double_layer": 0.7,
        "electrolyte.conductivity_factor": 0.25,
    }
    before, after = (c.parameter_values() for c in (CELL, adjusted_cell(CELL, factors)))
    arguments = [pybamm.Scalar(x) for x in (1000.0, 30000.0, 63104.0, 298.15)]
    for name, given, ratio in (
        ("Positive electrode exchange-current density [A.m-2]", arguments, 0.5),
        ("Electrolyte conductivity [S.m-1]", arguments[::3], 0.25),
    ):
        currents = [before.evaluate(v[name](*given)) for v in (before, after)]
        assert currents[1] / currents[0] == pytest.approx(ratio, rel=1e-12)
    name = "Negative particle diffusivity [m2.s-1]"
    assert after[name] == pytest.approx(3 * before[name])
    assert after["Positive particle diffusivity [m2.s-1]"] == 1e-15
    assert after["Negative electrode double-layer capacity [F.m-2]"] == 0.7


def test_a_quantity_that_is_named_is_one_that_can_be_adjusted(pybamm):
    both = dataclasses.replace(CELL, negative=dataclasses.replace(GIVEN, thickness=80e-6))
    same = {"thickness": 68e-6, "porosity": 0.24, "active_fraction": 0.69, "macmullin": 12.0}
    same |= {"tortuosity": 2.88, "electronic_conductivity": 2.5, "area": GIVEN.area}
    same |= {"particle_radius": RADIUS, "diffusivity": 4e-15, "contact_resistance": 1e-3}
    for name in adjustable(both):
        assert adjusted_cell(both, {name: same.get(name.split(".")[-1], 1.1)}) is not both
    half = adjustable(Cell(kind="half", positive=GIVEN))
    assert not any(name.startswith("negative") for name in half)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"positive.exchange_current": 1.0}, "did you mean 'positive.exchange_current_factor'"),
        ({"positive.electronic_conductivty": 1.0}, "'positive.electronic_conductivity'"),
        ({"negative.porosity": 0.3}, "its negative electrode has no structure"),
        ({"xyz": 0.3}, "choose one of contact_resistance"),
        ({"positive.macmullin": 9.0, "positive.tortuosity": 2.0}, "say the same"),
        ({"positive.diffusivity": 9e-15, "positive.diffusivity_factor": 2.0}, "say the same"),
        ({EXCHANGE: 0.0}, "finite number > 0"),
        ({"positive.porosity": 0.5}, "at most 1 fits"),
    ],
)
def test_names_and_values_that_cannot_be_are_told(pybamm, values, words):
    with pytest.raises(InvalidInputError, match=words):
        adjusted_cell(CELL, values)


def test_unknowns_of_a_cell_are_checked_before_anything_runs():
    data = MeasuredSpectrum(FREQUENCY, np.full(10, 1 - 1j))
    with pytest.raises(InvalidInputError, match="did you mean 'contact_resistance'"):
        calibrate(CELL, Unknown("contact_resistence", 1e-3), data)


# ---- numbers found again


def test_a_contact_resistance_is_found_in_a_spectrum(pybamm):
    """It is added to the impedance, so that its standard error is that of a weighted mean."""
    data = measured({"contact_resistance": 1e-3}, 2)
    unknown = Unknown("contact_resistance", 8e-4, log=False)
    found = calibrate(CELL, unknown, data, starts=1)
    standard = np.sum(data.error**-2.0) ** -0.5
    assert found.standard_errors["contact_resistance"] == pytest.approx(standard, rel=1e-5)
    assert 1e-3 in found.intervals(0.999, "linear")["contact_resistance"]


@pytest.mark.slow
def test_contact_and_exchange_current_are_found_and_predict_a_discharge(pybamm):
    found = calibrate(
        CELL,
        [Unknown("contact_resistance", 4e-4), Unknown(EXCHANGE, 1.0)],
        measured(TRUE, 1),
        starts=2,
    )
    assert all(found.identifiable.values())
    assert found.warnings == ()
    for method in ("linear", "profile"):
        intervals = found.intervals(0.99, method)
        assert all(TRUE[name] in interval for name, interval in intervals.items())
        assert intervals[EXCHANGE].upper / intervals[EXCHANGE].lower < 1.1

    def loss(cell):
        return discharge(cell, (1.0,), model="SPM")[0].shares()["charge transfer"]

    band = found.predict(loss, level=0.99)
    assert band.lower < loss(adjusted_cell(CELL, TRUE)) < band.upper
    assert band.upper - band.lower < 0.2 * band.value
    contact = found.predict(
        lambda cell: discharge(cell, (1.0,), model="SPM")[0].shares()["contact"]
    )
    relative = found.standard_errors["contact_resistance"] / found.values["contact_resistance"]
    assert contact.standard_error / contact.value == pytest.approx(relative, rel=0.02)


@pytest.mark.slow
def test_a_tortuosity_is_found_in_capacities_at_several_currents(pybamm):
    """Ions limit at 2C: the one number that these capacities tell well."""
    true = {"positive.tortuosity": 2.5}
    current, error = np.array([50.0, 100.0]), 0.1
    rates = current / capacity_per_hour(adjusted_cell(CELL, true))
    runs = discharge(adjusted_cell(CELL, true), tuple(rates))
    noise = error * np.random.default_rng(3).standard_normal(2)
    data = MeasuredRates(current, np.array([run.capacity for run in runs]) + noise, error)
    found = calibrate(CELL, Unknown("positive.tortuosity", 2.9, bounds=(1.0, 10.0)), data, starts=1)
    interval = found.intervals(0.999)["positive.tortuosity"]
    assert 2.5 in interval
    assert interval.upper - interval.lower < 0.1


def capacity_per_hour(cell):
    from twin.performance.cell import area

    values = cell.parameter_values()
    return values["Nominal cell capacity [A.h]"] / area(values)


def test_a_discharge_is_compared_at_the_measured_charges(pybamm):
    (run,) = discharge(CELL, (1.0,), model="SPM")
    charges = np.linspace(0.05, 0.9, 12) * run.capacity
    voltage = np.interp(charges, run.capacities, run.voltage)
    data = MeasuredDischarge(run.current, charges, voltage + 0.004, 0.002, model="SPM")
    assert data.residuals(CELL) == pytest.approx(np.full(12, -2.0), abs=1e-6)
    more = dataclasses.replace(CELL, contact_resistance=0.002 / run.current)
    assert data.residuals(more) == pytest.approx(np.full(12, -3.0), abs=0.02)


def test_capacities_are_those_at_the_measured_currents(pybamm):
    (run,) = discharge(CELL, (2.0,), model="SPM")
    data = MeasuredRates([run.current], [run.capacity + 3.0], 0.5, model="SPM")
    assert data.residuals(CELL) == pytest.approx([-6.0], abs=1e-6)
    assert data.step(CELL) > data.step(None)


def test_a_discharge_that_fails_is_a_run_that_failed(pybamm):
    data = MeasuredRates([2e5], [1.0], 0.5)
    with pytest.raises(ConvergenceError, match=r"no discharge at 2e\+05 A/m².*contact_resistance"):
        calibrate(CELL, Unknown("contact_resistance", 1e-4), data)


# ---- a structure that depends on an unknown through solved values


def test_a_conductivity_of_binder_is_found_through_a_map_of_solved_values():
    """A map as of voxel solves, here a power law that a straight line in logarithms meets."""
    solved_at = np.array([10.0, 100.0, 1000.0])  # S/m of the binder
    solved = 0.02 * solved_at**0.8

    def effective(conductivity):
        at = np.interp(np.log(conductivity), np.log(solved_at), np.log(solved))
        return np.exp(at)

    def model(p):
        return adjusted_cell(
            CELL, {"positive.electronic_conductivity": effective(p["binder_conductivity"])}
        )

    def resistance(cell):
        return [cell.positive.thickness / cell.positive.electronic_conductivity]

    from twin.performance import Measured

    data = Measured([68e-6 / 0.02 / 200.0**0.8], 1e-6, simulate=resistance)
    unknown = Unknown("binder_conductivity", 50.0, bounds=(10.0, 1000.0))
    found = calibrate(model, unknown, data)
    assert found.values["binder_conductivity"] == pytest.approx(200.0, rel=1e-6)
    share = 1e-6 / data.numbers[0] / 0.8  # of the conductivity, by the exponent
    assert found.standard_errors["binder_conductivity"] == pytest.approx(200.0 * share, rel=1e-6)
    interval = found.intervals()["binder_conductivity"]
    half = stats.norm.ppf(0.975) * 1e-6
    ends = [(68e-6 / 0.02 / (data.numbers[0] + s * half)) ** 1.25 for s in (1, -1)]
    assert (interval.lower, interval.upper) == pytest.approx(ends, rel=1e-3)
