"""Sets of PyBaMM in a cell: those that serve, and what is said of the others."""

import pytest

from microstructures.errors import InvalidInputError
from twin.performance import Cell, ElectrodeStructure, discharge, spectrum
from twin.performance._sets import FULL, HALF
from twin.performance.cell import area

GIVEN = ElectrodeStructure(70e-6, 0.35, 0.55, 6.0, 1.0, 3 * 0.55 / 4e-6, 4e-6)


@pytest.fixture(scope="module", autouse=True)
def pybamm():
    """Imported outside of the tests' time."""
    from twin.performance._pybamm import pybamm as imported

    return imported()


@pytest.fixture
def chen(pybamm):
    return pybamm.ParameterValues("Chen2020")


@pytest.mark.parametrize(
    ("name", "kind"), [(n, "full") for n in FULL] + [(n, "half") for n in HALF]
)
def test_every_set_that_is_offered_serves(name, kind):
    assert discharge(Cell(name, kind=kind), [0.5])[0].status == "ok"


def test_no_set_that_serves_is_left_out(pybamm):
    others = set(pybamm.parameter_sets) - {*FULL, "Chayambuka2022"}
    for name in others:
        with pytest.raises(InvalidInputError):
            Cell(name).parameter_values()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Xu2019", "kind='half'"),
        ("Ecker2015_graphite_halfcell", "kind='half'"),
        ("OKane2022_graphite_SiOx_halfcell", "kind='half'"),
        ("Chen2020_composite", "is a blend"),
        ("Bonkile2024", "is a blend"),
        ("Sulzer2019", "no set of a lithium-ion DFN"),
        ("MSMR_Example", "no set of a lithium-ion DFN"),
        ("ECM_Example", "no set of a lithium-ion DFN"),
        ("Chen2021", r"no set of PyBaMM, which has (?!.*MSMR)"),
        (3, "no set of PyBaMM"),
    ],
)
def test_other_sets_are_told_apart(name, words):
    with pytest.raises(InvalidInputError, match=words):
        Cell(name).parameter_values()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Positive electrode porosity": lambda x: 0.3}, "function of place"),
        ({"Separator porosity": lambda x: 0.3}, "function of place"),
        ({"Negative particle diffusivity [m2.s-1]": "[input]"}, "give it one"),
        ({"Upper voltage cut-off [V]": 2.0}, "lower voltage limit is 2.5 V and the upper one 2 V"),
    ],
)
def test_parameters_that_are_no_numbers_are_told(chen, change, words):
    chen.update(change)
    with pytest.raises(InvalidInputError, match=words):
        Cell(chen).parameter_values()


def test_a_structure_replaces_a_porosity_that_is_a_function(chen):
    chen["Positive electrode porosity"] = lambda x: 0.3
    values = Cell(chen, positive=GIVEN).parameter_values()
    assert values["Positive electrode porosity"] == 0.35


@pytest.mark.parametrize(
    ("limit", "at_full", "at_empty"),
    [("Lower voltage cut-off [V]", 4.2, 3.5), ("Upper voltage cut-off [V]", 4.0, 2.5)],
)
def test_a_state_of_charge_is_that_between_the_voltage_limits(chen, limit, at_full, at_empty):
    """A slow discharge starts at the upper one and gives the nominal capacity."""
    chen[limit] = at_empty if limit.startswith("Lower") else at_full
    cell = Cell(chen, positive=GIVEN)
    values = cell.parameter_values()
    (run,) = discharge(cell, [0.01])
    assert run.rest_voltage[0] == pytest.approx(at_full, abs=1e-6)
    assert run.voltage[-1] == pytest.approx(at_empty, abs=1e-3)
    nominal = values["Nominal cell capacity [A.h]"] / area(values)
    assert run.capacity == pytest.approx(nominal, rel=0.01)


@pytest.mark.filterwarnings("ignore:.*extrapolation occurred")
def test_a_half_cell_that_fills_as_it_empties_is_refused():
    with pytest.raises(InvalidInputError, match="full at a content of"):
        Cell("Ai2020", kind="half").parameter_values()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (Cell("Ecker2015", positive=GIVEN), "Positive electrode .*Negative electrode"),
        (Cell("Ecker2015", kind="half"), "needs 'Positive electrode double-layer"),
    ],
)
def test_a_spectrum_without_double_layers_says_what_to_give(cell, words):
    with pytest.raises(InvalidInputError, match=words):
        spectrum(cell, [1.0])
