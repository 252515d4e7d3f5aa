"""The library: every number complete, sourced, and printed as unverified where it is."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pydantic
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin import _library
from twin.materials import MECHANICS, TRANSPORT, UNITS, Material, Value

FILES = sorted(
    (f for f in (files("twin") / "library").iterdir() if f.name.endswith(".toml")),
    key=lambda f: f.name,
)
NUMBERS = [(m, q, v) for m in twin.library().values() for q, v in m.values().items()]


def table():
    return tomllib.loads(FILES[0].read_text("utf-8"))


def test_library_has_an_electrolyte_an_active_material_and_a_binder():
    assert {"LP30", "NMC532", "CBD"} <= set(twin.library())
    assert {"electrolyte", "active", "binder"} <= {m.role for m in twin.library().values()}


def test_library_has_the_materials_of_chemo_mechanics():
    layered = {"NMC811", "NMC532", "NMC111", "LCO"}
    swelling = layered | {"LFP", "LTO", "graphite", "silicon"}
    solids = swelling | {"CBD", "lithium", "LPSCl", "LPS", "LLZO", "YSZ", "Ni"}
    made = twin.library()
    assert {name for name, m in made.items() if m.swelling is not None} == swelling
    assert {name for name, m in made.items() if m.bears_load} == solids


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name)
def test_every_file_gives_every_field_of_every_number(path):
    content = tomllib.loads(path.read_text("utf-8"))
    origin = {"source", "doi", "verified", "conditions", "note"}
    swelling = content.pop("swelling", None)
    numbers = [number for number in content.values() if isinstance(number, dict)]
    assert numbers
    assert all(set(number) == origin | {"value", "unit"} for number in numbers)
    if swelling is not None:
        columns = {"volume_change"}, {"lattice_a"}, {"lattice_a", "lattice_c"}
        assert set(swelling) - origin - {"stoichiometry"} in columns
        assert origin <= set(swelling)
        assert len(swelling["source"]) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name)
def test_a_file_is_named_like_its_material(path):
    assert tomllib.loads(path.read_text("utf-8"))["name"].lower() == path.name[: -len(".toml")]


def test_what_is_verified_names_a_source_that_was_opened():
    unopened = ("not opened", "quoted", "assumption", "common use")
    for made, quantity, number in NUMBERS:
        doubt = [word for word in unopened if number.verified and word in number.source]
        assert not doubt, f"{made.name} {quantity}"


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


@pytest.mark.parametrize("name", ["Ni", "silicon", "LPSCl"])
def test_isotropic_constants_are_the_hill_mean_of_the_cubic_ones(name):
    made = twin.material(name)
    c11, c12, c44 = (made.values()[f"cubic_c{ij}"].value for ij in (11, 12, 44))
    voigt = (c11 - c12 + 3 * c44) / 5
    reuss = 5 * (c11 - c12) * c44 / (4 * c44 + 3 * (c11 - c12))
    bulk, shear = (c11 + 2 * c12) / 3, (voigt + reuss) / 2
    rounding = 0.01  # the three are given to three digits
    youngs = 9 * bulk * shear / (3 * bulk + shear)
    assert made.youngs_modulus.value == pytest.approx(youngs, rel=rounding)
    poisson = (3 * bulk - 2 * shear) / (6 * bulk + 2 * shear)
    assert made.poisson_ratio.value == pytest.approx(poisson, rel=rounding)


def test_lithium_creeps_as_fast_as_was_measured():
    li = twin.material("lithium")
    measured = {0.2e6: 2.00e-7, 0.301e6: 4.95e-6, 0.4e6: 1.36e-5, 0.6e6: 3.89e-4}  # 1/s, Masias
    for stress, rate in measured.items():
        law = li.creep_rate.value * (stress / li.creep_stress.value) ** li.creep_exponent.value
        assert law == pytest.approx(rate, rel=0.75), stress  # their own scatter about the fit


def test_the_page_of_materials_gives_the_elastic_constants_of_the_library():
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "materials.md"
    rows = [row.split("|") for row in page.read_text("utf-8").splitlines() if row.count("|") == 7]
    told = {row[1].strip(): (row[2].strip(), row[3].strip()) for row in rows}
    for made in twin.library().values():
        if made.youngs_modulus is None:
            continue
        numbers = (made.youngs_modulus, 1e-9), (made.poisson_ratio, 1.0)
        for cell, (number, unit) in zip(told[made.name], numbers, strict=True):
            assert float(cell.strip("*")) == pytest.approx(number.value * unit), made.name
            assert ("*" in cell) == (not number.verified), f"{made.name}: italics are unverified"


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


def test_numbers_can_be_asked_for_by_what_they_serve():
    made = twin.material("NMC532")
    assert set(made.values(TRANSPORT)) == {"ionic_conductivity", "electronic_conductivity"}
    assert set(made.values()) == set(made.values(TRANSPORT)) | set(made.values(MECHANICS))
    assert "swelling" in made.unverified()
    assert set(made.unverified(TRANSPORT)) == set(made.values(TRANSPORT))


def test_a_swelling_table_is_stored_and_printed_with_its_material():
    made = twin.material("graphite")
    assert made.to_dict()["swelling"]["material"] == "graphite"
    assert "swelling: +10.9 % of volume" in str(made)
    assert "swelling" not in twin.material("LP30").to_dict()


def test_an_unknown_material_is_answered_with_the_nearest_one():
    with pytest.raises(InvalidInputError, match=r"CBD.*LP30.*NMC532.*; did you mean 'NMC532'\?"):
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
