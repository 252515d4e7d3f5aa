"""What limits a cell: cases in which it is known, and a name that is right by its own measure."""

import dataclasses

import numpy as np
import pytest

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance import Cell, Discharge, ElectrodeStructure, Limits, discharge, limits
from twin.performance._pybamm import pybamm
from twin.performance.limiting import TEXT

RADIUS = 5.22e-6
GIVEN = ElectrodeStructure(68e-6, 0.24, 0.69, 12.0, 2.5, 3 * 0.69 / RADIUS, RADIUS)
NEGATIVE = ElectrodeStructure(85e-6, 0.25, 0.75, 12.0, 100.0, 3 * 0.75 / 6e-6, 6e-6)


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Outside of the tests' time."""
    pybamm()


@pytest.mark.parametrize(
    ("change", "rate", "cause"),
    [
        pytest.param({"macmullin": 60.0}, 1.0, "ionic", marks=pytest.mark.slow),
        pytest.param({"electronic_conductivity": 4e-3}, 1.0, "electronic", marks=pytest.mark.slow),
        pytest.param(
            {"particle_radius": 15e-6, "area": 3 * 0.69 / 15e-6},
            1.0,
            "solid diffusion",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_worst_of_all_is_named(change, rate, cause):
    found = limits(Cell(positive=dataclasses.replace(GIVEN, **change)), rate)
    assert found.limiting == cause
    assert found.gains[cause] > 0
    assert TEXT[cause] in str(found)


@pytest.mark.slow
def test_contact_is_named_if_nothing_else_could_be():
    cell = Cell(positive=GIVEN, contact_resistance=20e-3)
    found = limits(cell, 1.0)
    assert found.limiting == "contact"
    (better,) = discharge(dataclasses.replace(cell, contact_resistance=10e-3), (1.0,))
    assert found.gains["contact"] == pytest.approx(better.capacity - found.discharge.capacity)


@pytest.mark.slow
def test_losses_are_those_of_the_discharge():
    found = limits(Cell(positive=GIVEN), 1.0, model="SPMe")
    lacking = found.discharge.rest_voltage - found.discharge.voltage
    span = found.discharge.time
    mean = float(((lacking[1:] + lacking[:-1]) / 2 * (span[1:] - span[:-1])).sum() / span[-1])
    assert sum(found.losses.values()) == pytest.approx(mean, rel=0.01)
    assert found.gains[found.limiting] == max(found.gains.values())


def slow_graphite(diffusivity=2e-15):
    """A cell whose other electrode has particles that are hard to get out of."""
    values = pybamm().ParameterValues("Chen2020")
    values["Negative particle diffusivity [m2.s-1]"] = diffusivity
    return Cell(values, positive=dataclasses.replace(GIVEN, macmullin=6.0))


def test_the_other_electrode_is_not_taken_for_this_one():
    cell = slow_graphite()
    found = limits(cell, 2.0, model="SPM")
    assert found.limiting == "other electrode: solid diffusion"
    (better,) = discharge(slow_graphite(4e-15), (2.0,), model="SPM")
    gain = better.capacity - found.discharge.capacity
    assert found.gains[found.limiting] == pytest.approx(gain, rel=1e-6)
    assert found.gains["solid diffusion"] < 0.2 * gain
    assert "diffusion in the particles in the negative electrode" in str(found)


@pytest.mark.slow
def test_seen_from_the_other_side_it_is_this_one():
    found = limits(slow_graphite(), 2.0, side="negative", model="SPM")
    assert found.limiting == "solid diffusion"
    assert TEXT["solid diffusion"] in str(found)


@pytest.mark.slow
def test_the_side_is_that_of_the_structure():
    assert limits(Cell(negative=NEGATIVE), 1.0, model="SPM").side == "negative"
    assert limits(Cell(positive=GIVEN, negative=NEGATIVE), 1.0, model="SPM").side == "positive"


def test_a_model_without_depth_says_nothing_of_ions():
    gains = limits(Cell(positive=GIVEN), 1.0, model="SPM").gains
    assert not [cause for cause in gains if "ionic" in cause or cause == "separator"]
    assert {"solid diffusion", "charge transfer", "contact"} <= set(gains)


def made(gains, capacity=50.0):
    time = np.array([0.0, 3600.0])
    flat = np.full(2, 3.7)
    losses = {"ionic": np.full(2, 0.1)}
    run = Discharge(1.0, capacity, time, flat - 0.1, flat, losses, 0.0)
    return Limits(run, run.shares(), gains)


def test_causes_that_are_nearly_as_large_are_named_too():
    text = str(made({"ionic": 5.0, "electronic": 4.5, "contact": 0.1}))
    assert TEXT["ionic"] in text
    assert TEXT["electronic"] in text
    assert "Better contact to the collector would hardly help" in text
    assert TEXT["electronic"] not in str(made({"ionic": 5.0, "electronic": 3.0}))


def test_where_nothing_helps_it_is_said():
    text = str(made({"ionic": 0.2, "contact": 0.0, "separator": 3.0}))
    assert "Nothing in this electrode" in text
    assert "More would come from the separator, twice as good: 0.3 mAh/cm² (6%)" in text


def test_what_would_give_nearly_as_much_elsewhere_is_named():
    text = str(made({"ionic": 5.0, "other electrode: ionic": 4.5}))
    assert "Nearly as much would come from transport of ions in the negative electrode" in text
    assert "would come from" not in str(made({"ionic": 5.0, "other electrode: ionic": 3.0}))


def test_a_better_cell_that_failed_names_nothing():
    found = made({"ionic": float("nan"), "solid diffusion": 2.0})
    assert found.limiting == "solid diffusion"
    assert "nan" not in str(found)
    assert "What better ionic would give could not be computed" in str(found)


def test_what_cannot_be_discharged_is_an_error():
    with pytest.raises(ConvergenceError, match="no discharge at 400/h"):
        limits(Cell(positive=GIVEN), 400.0)
    with pytest.raises(InvalidInputError, match="rate is 0"):
        limits(Cell(positive=GIVEN), 0)
    with pytest.raises(InvalidInputError, match="choose one of"):
        limits(Cell(positive=GIVEN), 1.0, model="P2D")
    with pytest.raises(InvalidInputError, match="side is 'left'"):
        limits(Cell(positive=GIVEN), 1.0, side="left")
    with pytest.raises(InvalidInputError, match="half cell"):
        limits(Cell("Xu2019", kind="half"), 1.0, side="negative")
