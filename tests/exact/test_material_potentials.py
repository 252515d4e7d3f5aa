"""Open-circuit potentials: tables, formulas and sites against exact values, slopes and ranges."""

import math

import numpy as np
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin.open_circuit import OpenCircuitPotential, Sites, Table, Terms

CURVES = {name: m.open_circuit for name, m in twin.library().items() if m.open_circuit}
RT_F = 8.31446261815324 * 298.15 / 96485.33212
ONE = Sites((3.5,), (1.0,), (1.0,))


def linear(**about):
    return OpenCircuitPotential.from_table([0.0, 0.5, 1.0], [4.0, 3.5, 3.0], **about)


def test_a_table_of_a_line_is_the_line():
    x = np.linspace(0, 1, 11)
    assert linear()(x) == pytest.approx(4.0 - x, abs=1e-12)
    assert linear().slope(x) == pytest.approx(np.full(11, -1.0), abs=1e-12)
    assert linear().stoichiometry(3.25) == pytest.approx(0.75, abs=1e-9)


def test_a_table_goes_through_its_points_without_overshooting_a_plateau():
    x, u = [0.0, 0.1, 0.5, 0.9, 1.0], [4.0, 3.45, 3.45, 3.45, 2.5]
    curve = OpenCircuitPotential.from_table(x, u)
    assert curve(x) == pytest.approx(u, abs=1e-12)
    assert curve(np.linspace(0.1, 0.9, 101)) == pytest.approx(np.full(101, 3.45), abs=1e-12)


def test_terms_add_up():
    law = Terms((4.0, -1.0, -0.5), ((-0.2, 3.0, 1.0),), ((-0.1, 10.0, 0.4),))
    x = 0.3
    exact = 4 - x - 0.5 * x**2 - 0.2 * math.exp(3 * (x - 1)) - 0.1 * math.tanh(10 * (x - 0.4))
    assert OpenCircuitPotential(law, 0.0, 1.0)(x) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("omega", [1.0, 2.5])
def test_one_kind_of_site_gives_the_logarithm_of_nernst(omega):
    curve = OpenCircuitPotential(Sites((3.5,), (1.0,), (omega,)), 0.01, 0.99)
    x = np.linspace(0.01, 0.99, 25)
    assert curve(x) == pytest.approx(3.5 + omega * RT_F * np.log((1 - x) / x), abs=1e-12)
    assert curve.slope(x) == pytest.approx(-omega * RT_F / (x * (1 - x)), rel=1e-9)


def test_sites_are_filled_to_the_content_that_was_asked_for():
    curve = CURVES["NMC622"]
    x = np.linspace(0.13, 0.99, 50)
    assert curve.law.filled(curve(x)) == pytest.approx(x, abs=1e-12)


@pytest.mark.parametrize("name", CURVES)
def test_slopes_are_those_of_differences(name):
    curve, h = CURVES[name], 1e-6
    x = np.linspace(curve.lower + 2 * h, curve.upper - 2 * h, 37)
    difference = (curve(x + h) - curve(x - h)) / (2 * h)
    assert curve.slope(x) == pytest.approx(difference, rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("name", CURVES)
def test_potentials_of_the_library_fall_with_lithium(name):
    curve = CURVES[name]
    assert np.all(np.diff(curve(np.linspace(curve.lower, curve.upper, 5001))) <= 0)
    middle = (curve.lower + curve.upper) / 2
    again = curve.stoichiometry(float(curve(middle)))
    assert curve(again) == pytest.approx(float(curve(middle)), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "low", "high"),  # V against lithium that textbooks give for the middle of the range
    [
        ("graphite", 0.08, 0.2), ("LFP", 3.35, 3.5), ("LTO", 1.5, 1.65), ("silicon", 0.2, 0.6),
        ("NMC111", 3.6, 4.0), ("NMC532", 3.6, 4.0), ("NMC622", 3.6, 4.0), ("NMC811", 3.6, 4.0),
        ("LCO", 3.8, 4.1),
    ],
)  # fmt: skip
def test_potentials_lie_where_they_are_known_to(name, low, high):
    curve = CURVES[name]
    assert low < float(curve((curve.lower + curve.upper) / 2)) < high


def test_published_fits_are_evaluated_as_published():
    s, tanh, exp = 0.6, math.tanh, math.exp
    nmc811 = -0.809 * s + 4.4875 - 0.0428 * tanh(18.5138 * (s - 0.5542))
    nmc811 += -17.7326 * tanh(15.789 * (s - 0.3117)) + 17.5842 * tanh(15.9308 * (s - 0.312))
    assert CURVES["NMC811"](s) == pytest.approx(nmc811, abs=1e-12)
    nmc532 = 4.3452 - 1.6518 * s + 1.6225 * s**2 - 2.0843 * s**3 + 3.5146 * s**4 - 2.2166 * s**5
    nmc532 -= 0.5623e-4 * exp(109.451 * s - 100.006)
    assert CURVES["NMC532"](s) == pytest.approx(nmc532, abs=1e-9)
    y = 1.062 * s
    lco = 2.16216 + 0.07645 * tanh(30.834 - 54.4806 * y) + 2.1581 * tanh(52.294 - 50.294 * y)
    lco += -0.14169 * tanh(11.0923 - 19.8543 * y) + 0.2051 * tanh(1.4684 - 5.4888 * y)
    lco += 0.2531 * tanh((0.56478 - y) / 0.1316) - 0.02167 * tanh((y - 0.525) / 0.006)
    assert CURVES["LCO"](s) == pytest.approx(lco, abs=1e-9)
    lfp = 3.41285712 - 1.49721852e-2 * s + 3.54866018e14 * exp(-3.95729493e2 * s)
    lfp -= 1.45998465 * exp(-1.10108622e2 * (1 - s))
    assert CURVES["LFP"](s) == pytest.approx(lfp, abs=1e-9)


def test_shapes_are_kept():
    assert linear()(0.5).shape == ()
    assert linear()(np.zeros((2, 3))).shape == (2, 3)
    assert linear()([[0.1], [0.2]]).shape == (2, 1)


@pytest.mark.parametrize("x", [-0.01, 1.01, [0.5, 1.2], math.nan])
def test_outside_its_range_nothing_is_said(x):
    for ask in (linear(), linear().slope):
        with pytest.raises(InvalidInputError, match=r"outside 0…1.*is known"):
            ask(x)


def test_an_unreached_potential_is_refused():
    with pytest.raises(InvalidInputError, match="from 4 down to 3 V"):
        linear().stoichiometry(4.2)
    with pytest.raises(InvalidInputError, match="as numbers"):
        linear()("full")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OpenCircuitPotential.from_table([0, 1], [3.0, 4.0]), "rises with lithium by 1 V"),
        (lambda: OpenCircuitPotential.from_table([0, 1], [3.0]), "one potential for each"),
        (lambda: OpenCircuitPotential.from_table([1, 0], [4.0, 3.0]), "ascend"),
        (lambda: OpenCircuitPotential.from_table([0, 1], [4.0, math.nan]), "finite"),
        (lambda: OpenCircuitPotential.from_table([0, 1], ["a", "b"]), "list of numbers"),
        (lambda: OpenCircuitPotential(Terms((4.0, -1.0)), 0.9, 0.1), "in this order"),
        (lambda: OpenCircuitPotential(Terms((4.0, -1.0)), 0.0, 1.5), "within 0…1"),
        (lambda: OpenCircuitPotential(Terms((4.0,), ((1, -9e9, 1),)), 0.0, 1.0), "not finite"),
        (lambda: OpenCircuitPotential(Table((0.2, 0.8), (4.0, 3.0)), 0.0, 0.8), "beyond the table"),
        (lambda: OpenCircuitPotential(ONE, 0.0, 0.9), "infinite"),
        (lambda: OpenCircuitPotential(3.7, 0.0, 0.9), "Table, Terms or Sites"),
        (lambda: linear(maximum_concentration=-1.0), "mol/m³ above 0"),
        (lambda: Terms(), "no terms"),
        (lambda: Terms((4.0,), ((1.0, 2.0),)), "triples"),
        (lambda: Sites((3.5,), (1.0, 0.0), (1.0,)), "one of each"),
        (lambda: Sites((3.5,), (1.0,), (0.0,)), "> 0"),
        (lambda: Sites((3.5, 3.6), (0.5, 0.4), (1.0, 1.0)), "add up to 0.9"),
    ],
)
def test_impossible_potentials_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_a_potential_prints_its_range_and_its_doubt():
    assert str(linear()) == "4 to 3 V from x = 0 to 1"
    assert "(unverified)" in str(linear(source="a paper"))
    assert linear().verified
    assert "open circuit: " in str(twin.material("graphite"))
    assert twin.material("LFP").to_dict()["open_circuit"]["law"]["kind"] == "terms"
