"""What limits a cell: cases in which it is known, and a name that is right by its own measure."""

import dataclasses

import pytest

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance import Cell, ElectrodeStructure, discharge, limits
from twin.performance._pybamm import pybamm
from twin.performance.limiting import TEXT

RADIUS = 5.22e-6
GIVEN = ElectrodeStructure(68e-6, 0.24, 0.69, 12.0, 2.5, 3 * 0.69 / RADIUS, RADIUS)


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Outside of the tests' time."""
    pybamm()


@pytest.mark.parametrize(
    ("change", "rate", "cause"),
    [
        ({"macmullin": 60.0}, 1.0, "ionic"),
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


def test_losses_are_those_of_the_discharge():
    found = limits(Cell(positive=GIVEN), 2.0)
    lacking = found.discharge.rest_voltage - found.discharge.voltage
    span = found.discharge.time
    mean = float(((lacking[1:] + lacking[:-1]) / 2 * (span[1:] - span[:-1])).sum() / span[-1])
    assert sum(found.losses.values()) == pytest.approx(mean, rel=0.01)
    assert found.gains[found.limiting] == max(found.gains.values())


def test_what_cannot_be_discharged_is_an_error():
    with pytest.raises(ConvergenceError, match="no discharge at 400/h"):
        limits(Cell(positive=GIVEN), 400.0)
    with pytest.raises(InvalidInputError, match="rate is 0"):
        limits(Cell(positive=GIVEN), 0)
    with pytest.raises(InvalidInputError, match="choose one of"):
        limits(Cell(positive=GIVEN), 1.0, model="P2D")
