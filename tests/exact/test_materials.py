"""The library: every number complete, sourced, and printed as unverified where it is."""

import tomllib
from importlib.resources import files

import pydantic
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin import _library
from twin.materials import UNITS, Material, Value

FILES = sorted(
    (f for f in (files("twin") / "library").iterdir() if f.name.endswith(".toml")),
    key=lambda f: f.name,
)
NUMBERS = [(m, q, v) for m in twin.library().values() for q, v in m.values().items()]


def table():
    return tomllib.loads(FILES[0].read_text("utf-8"))


def test_library_has_an_electrolyte_an_active_material_and_a_binder():
    assert {"LP30", "NMC532", "CBD"} <= set(twin.library())
    assert {m.role for m in twin.library().values()} == {"electrolyte", "active", "binder"}


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name)
def test_every_file_gives_every_field_of_every_number(path):
    content = tomllib.loads(path.read_text("utf-8"))
    numbers = [number for number in content.values() if isinstance(number, dict)]
    assert numbers
    fields = {"value", "unit", "source", "doi", "verified", "conditions", "note"}
    assert all(set(number) == fields for number in numbers)


@pytest.mark.parametrize(("made", "quantity", "number"), NUMBERS, ids=lambda x: str(x)[:20])
def test_every_number_has_its_si_unit_and_a_source(made, quantity, number):
    assert number.unit == UNITS[quantity]
    assert len(number.source) > 10, f"{made.name} {quantity}"


@pytest.mark.parametrize(("made", "quantity", "number"), NUMBERS, ids=lambda x: str(x)[:20])
def test_a_number_is_printed_as_unverified_exactly_if_it_is(made, quantity, number):
    assert ("unverified" in str(number)) == (not number.verified)
    assert (quantity in made.unverified()) == (not number.verified)


def test_electrolyte_equals_the_published_fit_at_one_molar_and_25_degrees():
    import math

    # Landesfeind and Gasteiger 2019, EC:DMC 1:1 w:w, mS/cm, as transcribed in PyBaMM
    p1, p2, p3, p4, p5, p6 = 7.98e-1, 2.28e2, -1.22, 5.09e-1, -4e-3, 3.79e-3
    warm, c = math.exp(1000 / 298.15), 1.0
    fit = p1 * (1 + 298.15 - p2) * c * (1 + p3 * c**0.5 + p4 * (1 + p5 * warm) * c)
    fit /= 1 + c**4 * p6 * warm
    rounding = 0.005
    assert twin.material("LP30").ionic_conductivity.value == pytest.approx(fit / 10, abs=rounding)


def test_binder_conducts_as_its_stated_model_says():
    made = twin.material("CBD")
    model = made.nanoporosity.value**1.5
    assert made.relative_ionic_conductivity.value == pytest.approx(model, abs=0.0005)


@pytest.mark.parametrize("missing", ["value", "unit", "source", "doi", "verified"])
def test_a_number_without_one_of_its_fields_is_refused(missing):
    content = table()
    number = next(v for v in content.values() if isinstance(v, dict))
    del number[missing]
    with pytest.raises(pydantic.ValidationError, match=missing):
        _library.parsed(content)


def test_an_unknown_key_of_a_file_is_refused():
    with pytest.raises(pydantic.ValidationError, match="colour"):
        _library.parsed(table() | {"colour": "red"})


def test_a_bare_number_counts_as_given_by_the_user():
    made = Material("mine", "electrolyte", ionic_conductivity=0.9)
    assert made.ionic_conductivity == Value(0.9, "S/m", "given by the user", verified=True)
    assert made.unverified() == ()


def test_an_unknown_material_is_answered_with_the_nearest_one():
    with pytest.raises(InvalidInputError, match=r"CBD, LP30, NMC532; did you mean 'NMC532'\?"):
        twin.material("nmc523")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"ionic_conductivity": -1.0}, "-1.0"),
        ({"ionic_conductivity": float("nan")}, "nan"),
        ({"electronic_conductivity": float("inf")}, "finite"),
        ({"nanoporosity": 47}, r"0…1"),
        ({"relative_ionic_conductivity": 0.3}, "nanoporosity"),
        (
            {
                "relative_ionic_conductivity": 0.3,
                "nanoporosity": 0.5,
                "ionic_conductivity": 1.0,
            },
            "both",
        ),
        ({"ionic_conductivity": Value(11.8, "mS/cm", "a paper")}, r"convert it to S/m"),
        ({"ionic_conductivity": "high"}, "'high'"),
        ({"role": "glue"}, "glue"),
    ],
)
def test_impossible_numbers_are_refused(numbers, message):
    with pytest.raises(InvalidInputError, match=message):
        Material("mine", **numbers)
