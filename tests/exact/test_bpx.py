"""BPX files: the same discharge on both sides, and what the format cannot say is told."""

import json
import math

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.performance import BpxWarning, Cell, ElectrodeStructure, discharge
from twin.performance._bpx_functions import as_text, written

RADIUS = 5.22e-6
POSITIVE = ElectrodeStructure(
    thickness=68e-6,
    porosity=0.24,
    active_fraction=0.69,
    macmullin=12.0,
    electronic_conductivity=2.5,
    area=1.3 * 3 * 0.69 / RADIUS,  # 1.3 times that of spheres
    particle_radius=RADIUS,
)
NEGATIVE = ElectrodeStructure(
    thickness=80e-6,
    porosity=0.3,
    active_fraction=0.66,
    macmullin=9.0,
    electronic_conductivity=150.0,
    area=0.8 * 3 * 0.66 / 6e-6,
    particle_radius=6e-6,
)
CELL = Cell(positive=POSITIVE, negative=NEGATIVE, separator_macmullin=4.0)


@pytest.fixture(scope="module")
def pybamm():
    """Imported outside of the tests' time, and bpx as well."""
    from twin.performance._bpx import bpx
    from twin.performance._pybamm import pybamm as imported

    bpx()
    return imported()


@pytest.fixture(scope="module")
def file(pybamm):
    return CELL.to_bpx()


def by_reader_of_pybamm(pybamm, content, rate):
    """Time and voltage with nothing of this project but the content of the file."""
    with pytest.warns(DeprecationWarning, match="model_fields"):  # the reader's own
        values = pybamm.ParameterValues.create_from_bpx_obj(json.loads(json.dumps(content)))
    simulation = pybamm.Simulation(pybamm.lithium_ion.DFN(), parameter_values=values, C_rate=rate)
    solution = simulation.solve(np.linspace(0, 1.3 * 3600 / rate, 200), initial_soc=1.0)
    return solution.t, solution["Voltage [V]"].entries


@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_pybamm_discharges_the_file_as_we_do_the_cell(pybamm, file, rate):
    (run,) = discharge(CELL, (rate,))
    time, voltage = by_reader_of_pybamm(pybamm, file.content, rate)
    assert len(time) == len(run.time)
    assert time[:-1] == pytest.approx(run.time[:-1], abs=1e-3)
    assert voltage[:-1] == pytest.approx(run.voltage[:-1], abs=1e-6)
    assert time[-1] == pytest.approx(run.time[-1], rel=1e-6)


def test_our_reader_brings_back_the_cell(file):
    again = Cell.of_bpx(file)
    for side, given in (("positive", POSITIVE), ("negative", NEGATIVE)):
        assert getattr(again, side).to_dict() == pytest.approx(given.to_dict(), rel=1e-12)
    runs = [discharge(cell, (1.0,))[0] for cell in (CELL, again)]
    assert runs[1].voltage[:-1] == pytest.approx(runs[0].voltage[:-1], abs=1e-6)
    assert runs[1].capacity == pytest.approx(runs[0].capacity, rel=1e-6)
    twice = Cell.of_bpx(again.to_bpx())
    assert twice.positive.to_dict() == pytest.approx(POSITIVE.to_dict(), rel=1e-12)


def test_functions_of_the_set_stay_expressions(pybamm, file):
    """The text, by bpx's own evaluation, is the function in the set."""
    values = pybamm.ParameterValues("Chen2020")
    assert file.deviations == {}
    for side in ("Negative", "Positive"):
        text = getattr(file.bpx.parameterisation, f"{side.lower()}_electrode").ocp
        function = text.to_python_function()
        for x in (0.05, 0.3, 0.9):
            exact = values.evaluate(values[f"{side} electrode OCP [V]"](pybamm.Scalar(x)))
            assert function(x) == pytest.approx(exact, abs=1e-13)
    text = file.bpx.parameterisation.electrolyte.conductivity
    salt = 1.3  # mol/L; the formula of the set, in mol/m³ here
    exact = 0.1297 * salt**3 - 2.51 * salt**1.5 + 3.329 * salt
    assert text.to_python_function()(1000 * salt) == pytest.approx(exact, rel=1e-12)


def test_numbers_of_the_file_are_those_of_their_definitions(file):
    positive = file.content["Parameterisation"]["Positive electrode"]
    assert positive["Transport efficiency"] == pytest.approx(1 / 12)
    assert positive["Conductivity [S.m-1]"] == pytest.approx(2.5)
    area = positive["Surface area per unit volume [m-1]"]
    assert area == pytest.approx(3 * 0.69 / RADIUS)
    # j₀ = 3.42e-6 √(c_e x (1 − x)) c_max of the set, 1.3 times, is F k √(c_e/1000 x (1 − x))
    rate = 1.3 * 3.42e-6 * math.sqrt(1000) * 63104 / 96485.33212
    assert positive["Reaction rate constant [mol.m-2.s-1]"] == pytest.approx(rate, rel=1e-9)
    name = "Reaction rate constant activation energy [J.mol-1]"
    assert positive[name] == pytest.approx(17800, rel=1e-9)
    assert file.content["Parameterisation"]["Negative electrode"][name] == pytest.approx(35000)
    assert file.content["Parameterisation"]["Separator"]["Transport efficiency"] == 0.25


def test_a_table_misses_the_function_by_no_more_than_is_told(pybamm):
    """OKane2022 holds a table of cubics, for which BPX has no word."""
    cell = Cell("OKane2022")
    file = cell.to_bpx()
    told = file.deviations["Negative electrode: OCP [V]"]
    assert told <= 1e-5
    assert "OCP [V]: 1" in file.content["Header"]["Description"]
    table = file.content["Parameterisation"]["Negative electrode"]["OCP [V]"]
    values = cell.parameter_values()
    x = np.random.default_rng(0).uniform(0.01, 0.99, 500)
    exact = values.evaluate(values["Negative electrode OCP [V]"](pybamm.Vector(x)))[:, 0]
    assert np.abs(np.interp(x, table["x"], table["y"]) - exact).max() < 1.5 * told
    runs = [discharge(c, (1.0,))[0] for c in (cell, Cell.of_bpx(file))]
    again = np.interp(runs[0].time, runs[1].time, runs[1].voltage)
    assert again[:-1] == pytest.approx(runs[0].voltage[:-1], abs=1e-3)


def changed(pybamm, **numbers):
    values = pybamm.ParameterValues("Chen2020")
    names = {
        "kinetics": "Positive electrode exchange-current density [A.m-2]",
        "factor": "Thermodynamic factor",
        "transference": "Cation transference number",
        "conductivity": "Electrolyte conductivity [S.m-1]",
        "solid": "Positive electrode conductivity [S.m-1]",
        "series": "Number of cells connected in series to make a battery",
        "porosity": "Positive electrode porosity",
        "radius": "Positive particle radius [m]",
    }
    values.update({names[name]: number for name, number in numbers.items()})
    return values


def constant(salt, lithium, most, temperature):
    return 2.0


def test_other_kinetics_are_refused_or_told(pybamm):
    """Of a constant j₀ the rate √(c_e x (1 − x)) is off by what its extremes differ."""
    values = changed(pybamm, kinetics=constant)
    with pytest.raises(InvalidInputError, match=r"Reaction rate constant .* is off by 0\.7"):
        Cell(values).to_bpx()
    file = Cell(values).to_bpx(tolerance=1.0)
    low, high = 1 / math.sqrt(2.0 * 0.25), 1 / math.sqrt(0.2 * 0.05 * 0.95)
    name = "Positive electrode: Reaction rate constant [mol.m-2.s-1]"
    assert file.deviations[name] == pytest.approx((high - low) / (high + low), rel=1e-9)
    assert name in str(file)


def test_a_constant_thermodynamic_factor_is_kept_a_changing_one_refused(pybamm):
    values = changed(pybamm, factor=1.7)
    again = Cell.of_bpx(Cell(values).to_bpx()).parameter_values()
    assert again["Thermodynamic factor"] == 1.7
    for name in ("factor", "transference"):
        values = changed(pybamm, **{name: lambda c, T: 0.3 + 1e-5 * c})
        with pytest.raises(InvalidInputError, match=r"is off by 0\.03"):
            Cell(values).to_bpx()


def test_a_law_of_temperature_that_is_none_of_arrhenius_is_told(pybamm):
    values = changed(pybamm, conductivity=lambda c, T: 1.0 + (T - 298.15) / 100)
    with pytest.warns(BpxWarning, match="Arrhenius"):
        file = Cell(values).to_bpx()
    assert file.content["Parameterisation"]["Electrolyte"]["Conductivity [S.m-1]"] == 1.0
    assert any("between 283.15 and 323.15 K" in name for name in file.deviations)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("solid", lambda T: 0.18 * T / 298.15),
        ("transference", lambda c, T: 0.26 + 0.0 * c + (T - 298.15) / 300),
        ("factor", lambda c, T: 1.0 + (T - 298.15) / 300),
    ],
)
def test_what_is_a_constant_to_bpx_may_not_change_with_temperature_unheard(pybamm, name, law):
    with pytest.warns(BpxWarning, match=r"is off by 0\.[0-3]"):
        Cell(changed(pybamm, **{name: law})).to_bpx()


def test_a_fit_that_falls_to_zero_is_written_all_the_same(pybamm):
    """At the end of the range its ratio to the reference is 0/0."""
    values = changed(pybamm, conductivity=lambda c, T: 1e-3 * (3000.0 - c))
    file = Cell(values).to_bpx()
    assert file.deviations == {}
    text = file.bpx.parameterisation.electrolyte.conductivity
    assert text.to_python_function()(1000.0) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (lambda p: Cell(kind="half"), "no cells against lithium"),
        (lambda p: Cell("Chen2020_composite"), "is a blend"),
        (lambda p: Cell("MSMR_Example"), "has no Negative electrode OCP"),
        (lambda p: Cell(changed(p, series=4.0)), "in series"),
        (lambda p: Cell(changed(p, porosity="[input]")), "no number but InputParameter"),
        (lambda p: Cell(changed(p, radius=lambda x: 5e-6)), "function of place"),
    ],
)
def test_what_bpx_has_no_room_for_is_refused(pybamm, cell, words):
    made = cell(pybamm)
    with pytest.raises(InvalidInputError, match=words):
        made.to_bpx()


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_a_tolerance_is_a_number_above_zero(bad):
    with pytest.raises(InvalidInputError, match="tolerance"):
        CELL.to_bpx(tolerance=bad)


@pytest.mark.parametrize(
    "function",
    [
        lambda p, x: -2.0 * x**2 - (-3.0) ** 2 + 1 / (x - 2.5),
        lambda p, x: p.sinh(2 * x) - p.sqrt(x) * 1e-15 + x ** (-0.5),
        lambda p, x: p.exp(-(x**2)) / p.cosh(3 * (x - 0.4)) - p.tanh(-x),
        lambda p, x: 10 ** (-15 + 1.2 * x) * p.exp(p.constants.F / p.constants.R * 1e-3 * x),
        lambda p, x: 5.0 - (x - (2.0 - x)) - 8.0 / (4.0 / x),
    ],
)
def test_expressions_mean_the_same_to_bpx(pybamm, function):
    from bpx import Function

    text = as_text(function(pybamm, pybamm.InputParameter("x")))
    read = Function.validate(text).to_python_function()
    for x in (0.1, 0.5, 0.9):
        exact = function(pybamm, pybamm.Scalar(x)).evaluate()
        assert read(x) == pytest.approx(exact, rel=1e-13)


def test_a_function_without_a_word_becomes_a_table(pybamm):
    """Of ln x, whose chords miss by h²/(8 x²) in their middles."""
    values = pybamm.ParameterValues("Chen2020")
    span = (0.1, 0.9)
    table, told = written(values, pybamm.log, span, target=1e-5, absolute=True)
    x = np.array(table["x"])
    assert (x[0], x[-1]) == span
    assert table["y"] == pytest.approx(np.log(x), abs=1e-14)
    chord = np.diff(x) ** 2 / (8 * ((x[1:] + x[:-1]) / 2) ** 2)
    assert told == pytest.approx(chord.max(), rel=0.01)
    assert told <= 1e-5
    assert written(values, 3, span, target=1e-5) == (3.0, 0.0)
    assert written(values, lambda x: pybamm.Scalar(2.0), span, target=1e-5) == (2.0, 0.0)


def test_a_linear_table_keeps_its_corners(pybamm):
    x, y = np.array([0.0, 0.237, 1.0]), np.array([4.0, 3.5, 3.1])

    def linear(at):
        return pybamm.Interpolant(x, y, at)

    values = pybamm.ParameterValues("Chen2020")
    table, told = written(values, linear, (0.1, 0.9), target=1e-5, absolute=True)
    assert 0.237 in table["x"]
    assert told < 1e-15


def test_a_card_becomes_a_file(tmp_path, pybamm):
    """Columns of 8 pore, 3 binder and 5 NMC; half of the binder is nanopores."""
    labels = np.broadcast_to(np.repeat([0, 2, 1], [8, 3, 5]).astype(np.uint8)[:, None], (6, 16, 4))
    binder = twin.Material(
        "CBD",
        "binder",
        relative_ionic_conductivity=0.25,
        nanoporosity=0.5,
        electronic_conductivity=100.0,
    )
    made_of = {
        "pore": twin.Material("E", "electrolyte", ionic_conductivity=2.0),
        "NMC": twin.Material("A", "active", electronic_conductivity=1.0),
        "CBD": binder,
    }
    volume = Volume(labels.copy(), 1e-6, {0: "pore", 1: "NMC", 2: "CBD"})
    card = twin.characterize(volume, made_of, axes=[0])
    given = {"thickness": 60e-6, "particle_radius": 20e-6}
    file = card.to_bpx(tmp_path / "deep" / "cell.json", **given)
    stored = json.loads((tmp_path / "deep" / "cell.json").read_text(encoding="utf-8"))
    assert stored == file.content
    positive = stored["Parameterisation"]["Positive electrode"]
    assert positive["Thickness [m]"] == 60e-6
    assert positive["Porosity"] == pytest.approx((8 + 0.5 * 3) / 16)
    assert positive["Transport efficiency"] == pytest.approx((8 + 0.25 * 3) / 16, rel=1e-4)
    again = Cell.of_bpx(tmp_path / "deep" / "cell.json")
    expected = ElectrodeStructure.of_card(card, **given)
    assert again.positive.to_dict() == pytest.approx(expected.to_dict(), rel=1e-12)
    negative = card.to_bpx(side="negative", **given).content["Parameterisation"]
    assert negative["Negative electrode"]["Porosity"] == pytest.approx((8 + 0.5 * 3) / 16)
    with pytest.raises(InvalidInputError, match="'positive' or 'negative'"):
        card.to_bpx(side="anode")


def test_a_cell_of_marquis_has_an_open_separator_that_pybamm_can_read(pybamm):
    """Its porosity is 1, by whose logarithm the reader would divide."""
    file = Cell("Marquis2019").to_bpx()
    _, voltage = by_reader_of_pybamm(pybamm, file.content, 1.0)
    (run,) = discharge(Cell("Marquis2019"), (1.0,))
    assert voltage[:-1] == pytest.approx(run.voltage[:-1], abs=1e-6)
