"""Numbers at another temperature: the law of Arrhenius, its range, and what has no law."""

import math
from dataclasses import replace

import pytest

import twin
from microstructures.errors import InvalidInputError
from twin.materials import Value
from twin.temperature import GAS_CONSTANT, Arrhenius, TemperatureWarning

LAW = Arrhenius(30e3, 300.0, 250.0, 400.0, source="a paper", verified=True)
NUMBER = Value(2.0, "S/m", "a paper", verified=True, uncertainty=0.1, temperature=LAW)


@pytest.mark.parametrize("kelvin", [250.0, 300.0, 333.0, 400.0])
def test_numbers_follow_the_law_of_arrhenius(kelvin):
    exact = 2.0 * math.exp(-30e3 / GAS_CONSTANT * (1 / kelvin - 1 / 300))
    assert NUMBER.at(kelvin).value == pytest.approx(exact, rel=1e-12)


def test_twice_the_temperature_halves_a_product_with_t_without_activation():
    law = Arrhenius(0.0, 300.0, 300.0, 600.0, over_temperature=True)
    assert replace(NUMBER, temperature=law).at(600.0).value == pytest.approx(1.0, rel=1e-12)


def test_a_product_with_t_follows_its_own_line():
    law = replace(LAW, over_temperature=True)
    moved = replace(NUMBER, temperature=law).at(350.0).value
    exact = 2.0 * 300 * math.exp(-30e3 / GAS_CONSTANT * (1 / 350 - 1 / 300)) / 350
    assert moved == pytest.approx(exact, rel=1e-12)


def test_there_and_back_is_where_it_was():
    again = NUMBER.at(350.0).at(300.0)
    assert again.value == pytest.approx(2.0, rel=1e-12)
    assert again.uncertainty == pytest.approx(0.1, rel=1e-12)


def test_the_uncertainty_stays_the_same_fraction():
    warm = NUMBER.at(350.0)
    assert warm.uncertainty / warm.value == pytest.approx(0.05, rel=1e-12)


def test_a_moved_number_says_so():
    assert "moved from 300 to 350 K" in NUMBER.at(350.0).conditions
    assert "30 kJ/mol" in str(NUMBER)
    assert "± 0.1" in str(NUMBER)


@pytest.mark.parametrize("kelvin", [249.0, 401.0])
def test_outside_its_range_a_law_is_refused_unless_asked_for(kelvin):
    with pytest.raises(InvalidInputError, match=r"outside 250…400 K.*extrapolate=True"):
        NUMBER.at(kelvin)
    with pytest.warns(TemperatureWarning, match="outside 250…400 K"):
        NUMBER.at(kelvin, extrapolate=True)


def test_a_number_without_a_law_stays_and_says_so_once():
    number = Value(2.0, "S/m", "a paper", note="dry")
    warm = number.at(350.0)
    assert warm.value == 2.0
    assert warm.note == "dry. Not corrected for temperature: no activation energy."
    assert warm.at(360.0).note == warm.note
    assert warm.at(360.0).conditions == ""


@pytest.mark.parametrize(("value", "law"), [(True, False), (False, True), (True, True)])
def test_a_moved_number_is_verified_only_if_number_and_law_are(value, law):
    number = replace(NUMBER, verified=value, temperature=replace(LAW, verified=law))
    assert number.at(350.0).verified == (value and law)
    assert ("activation energy 30 kJ/mol, 250…400 K (unverified)" in str(number)) == (not law)


def test_a_material_moves_all_its_numbers():
    lp30 = twin.material("LP30")
    warm = lp30.at(313.15)
    assert warm.ionic_conductivity.value > lp30.ionic_conductivity.value
    assert warm.salt_diffusivity.value > lp30.salt_diffusivity.value
    assert warm.density.value == lp30.density.value
    assert "Not corrected" in warm.density.note
    assert lp30.ionic_conductivity.value == 1.18
    with pytest.raises(InvalidInputError, match="outside"):
        lp30.at(253.15)


def test_zirconia_conducts_as_its_formula_says():
    ysz = twin.material("YSZ").ionic_conductivity
    for kelvin in (900.0, 1073.15, 1273.15):
        formula = 3.34e4 * math.exp(-10300 / kelvin)
        assert ysz.at(kelvin).value == pytest.approx(formula, rel=5e-4)  # rounded to four digits


@pytest.mark.parametrize("kelvin", [0.0, -5.0, math.nan, math.inf, "warm", None])
def test_what_is_no_temperature_is_refused(kelvin):
    with pytest.raises(InvalidInputError, match=r"298\.15 for 25 °C"):
        NUMBER.at(kelvin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_energy": math.nan}, "J/mol"),
        ({"lower": 310.0}, "in this order"),
        ({"upper": 290.0}, "in this order"),
        ({"lower": -10.0}, "not in °C"),
        ({"source": ""}, "source"),
    ],
)
def test_impossible_laws_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        replace(LAW, **changes)


@pytest.mark.parametrize("given", [-0.1, math.nan, math.inf, "small", True])
def test_impossible_uncertainties_are_refused(given):
    with pytest.raises(InvalidInputError, match="standard uncertainty"):
        Value(1.0, "S/m", "a paper", uncertainty=given)


def test_a_law_must_be_a_law():
    with pytest.raises(InvalidInputError, match="Arrhenius"):
        Value(1.0, "S/m", "a paper", temperature=30e3)
