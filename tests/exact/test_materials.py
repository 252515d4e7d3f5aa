"""The library: every number complete, sourced, and printed as unverified where it is."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pydantic
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin import _library
from twin._formula import molar_mass
from twin.materials import CELL, MECHANICS, TRANSPORT, UNITS, Material, Value

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
    solids |= {"NMC622", "Li3PS4", "Al", "Cu"}
    made = twin.library()
    assert {name for name, m in made.items() if m.swelling is not None} == swelling
    assert {name for name, m in made.items() if m.bears_load} == solids


def test_library_has_the_materials_of_cells():
    layered = {"NMC811", "NMC622", "NMC532", "NMC111", "LCO"}
    active = layered | {"LFP", "LTO", "graphite", "silicon"}
    electrolytes = {"LP30", "LPSCl", "LLZO", "LPS", "Li3PS4", "Li3InCl6", "YSZ", "GDC"}
    made = twin.library()
    assert all(made[name].density is not None for name in made)
    assert {name for name, m in made.items() if m.role == "electrolyte"} == electrolytes
    assert all(made[name].ionic_conductivity.value > 0 for name in electrolytes)
    assert {name for name, m in made.items() if m.open_circuit} == active | {"graphite-SiOx"}
    assert all(made[name].theoretical_capacity for name in active)
    assert all(made[name].electronic_conductivity for name in ("Al", "Cu", "Ni", "LSM", "CBD"))


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name)
def test_every_file_gives_every_field_of_every_number(path):
    content = tomllib.loads(path.read_text("utf-8"))
    origin = {"source", "doi", "verified", "conditions", "note"}
    tables = [content.pop(name, None) for name in ("swelling", "open_circuit")]
    numbers = [number for number in content.values() if isinstance(number, dict)]
    assert numbers
    laws = [number.pop("temperature", {"source": "x" * 11}) for number in numbers]
    assert all(set(number) - {"uncertainty"} == origin | {"value", "unit"} for number in numbers)
    for table in filter(None, tables):
        assert origin <= set(table)
    if tables[0] is not None:
        columns = {"volume_change"}, {"lattice_a"}, {"lattice_a", "lattice_c"}
        assert set(tables[0]) - origin - {"stoichiometry"} in columns
    assert all(len(about["source"]) > 10 for about in [*filter(None, tables), *laws])
    assert len(content["description"]) > 5


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name)
def test_a_file_is_named_like_its_material(path):
    assert tomllib.loads(path.read_text("utf-8"))["name"].lower() == path.name[: -len(".toml")]


def test_what_is_verified_names_a_source_that_was_opened():
    unopened = ("not opened", "quoted", "assumption", "common use")
    for made, quantity, number in NUMBERS:
        doubt = [word for word in unopened if number.verified and word in number.source]
        assert not doubt, f"{made.name} {quantity}"


def test_what_was_read_in_a_parameter_set_of_a_cell_model_is_unverified():
    tables = [t for m in twin.library().values() for t in (m.swelling, m.open_circuit) if t]
    laws = [number.temperature for *_, number in NUMBERS if number.temperature]
    for about in (*tables, *laws, *(number for *_, number in NUMBERS)):
        assert not (about.verified and "PyBaMM" in about.source + about.note), about


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


def test_the_page_of_materials_gives_the_numbers_of_the_library():
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "materials.md"
    rows = [row.split("|") for row in page.read_text("utf-8").splitlines() if row.count("|") == 9]
    told = {row[1].strip(): [cell.strip() for cell in row[2:7]] for row in rows}
    columns = ("density", "specific_capacity", "ionic_conductivity", "electronic_conductivity")
    for made in twin.library().values():
        for cell, quantity in zip(told[made.name], (*columns, "solid_diffusivity"), strict=True):
            number = made.values().get(quantity)
            assert (cell == "") == (number is None), f"{made.name} {quantity}"
            if number is not None:
                assert float(cell.strip("*")) == pytest.approx(number.value), made.name
                assert ("*" in cell) == (not number.verified), f"{made.name}: italics"


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
    groups = [set(made.values(group)) for group in (TRANSPORT, CELL, MECHANICS)]
    assert set(made.values()) == set.union(*groups)
    assert {"swelling", "open_circuit"} <= set(made.unverified())
    assert set(made.unverified(TRANSPORT)) == set(made.values(TRANSPORT))


THEORY = {"graphite": 371.9, "LCO": 273.8, "LFP": 169.9, "LTO": 175.1, "silicon": 3579}  # Ah/kg
CHARGED = [m for m in twin.library().values() if m.theoretical_capacity and m.open_circuit]
FARADAY = 96485.33212


@pytest.mark.parametrize(("name", "capacity"), THEORY.items())
def test_theoretical_capacity_is_that_of_textbooks(name, capacity):
    assert twin.material(name).theoretical_capacity == pytest.approx(capacity, rel=5e-4)


def test_molar_mass_adds_up_its_atoms():
    assert molar_mass("H2O") == pytest.approx(18.015e-3, rel=1e-9)
    assert molar_mass("Li") == pytest.approx(0.5 * molar_mass("Li2"), rel=1e-12)
    assert molar_mass("Zr0.5Ce0.5O2") == pytest.approx(
        (molar_mass("ZrO2") + molar_mass("CeO2")) / 2, rel=1e-12
    )


@pytest.mark.parametrize("made", CHARGED, ids=lambda m: m.name)
def test_no_material_holds_more_than_its_formula(made):
    assert 0.4 * made.theoretical_capacity < made.specific_capacity.value
    assert made.specific_capacity.value <= made.theoretical_capacity


@pytest.mark.parametrize("made", CHARGED, ids=lambda m: m.name)
def test_no_lattice_holds_more_lithium_than_its_density_allows_unless_its_note_says_so(made):
    crystal = made.lithium_sites.value * made.density.value / molar_mass(made.formula)
    if made.maximum_concentration.value > 1.005 * crystal:  # rounding of both
        assert "More than" in made.maximum_concentration.note


@pytest.mark.parametrize("made", CHARGED, ids=lambda m: m.name)
def test_the_range_of_a_potential_holds_the_capacity_in_use(made):
    curve = made.open_circuit
    full = curve.maximum_concentration or made.maximum_concentration.value
    holds = FARADAY * full * (curve.upper - curve.lower) / made.density.value / 3600
    cells_differ = 0.2  # limits of potential, and fits whose c_max is not that of the crystal
    assert holds == pytest.approx(made.specific_capacity.value, rel=cells_differ)


@pytest.mark.parametrize(
    ("name", "formulas", "volume"),  # Å³ of the cell, from lattice parameters
    [
        ("NMC111", 3, 3**0.5 / 2 * 2.864**2 * 14.233),
        ("NMC811", 3, 3**0.5 / 2 * 2.8702**2 * 14.195),
        ("LCO", 3, 3**0.5 / 2 * 2.816**2 * 14.05),
        ("LFP", 4, 10.33 * 6.01 * 4.69),
        ("LTO", 8 / 3, 8.36**3),
        ("LPSCl", 4, 9.85**3),
        ("LLZO", 8, 12.97**3),
        ("YSZ", 4, 5.139**3),
        ("GDC", 4, 5.418**3),
        ("Ni", 4, 3.524**3),
        ("Cu", 4, 3.615**3),
        ("Al", 4, 4.0495**3),
        ("silicon", 8, 5.431**3),
        ("graphite", 2 / 3, 3**0.5 / 2 * 2.461**2 * 6.708),
    ],
)
def test_density_is_that_of_the_lattice(name, formulas, volume):
    made = twin.material(name)
    avogadro = 6.02214076e23
    lattice = formulas * molar_mass(made.formula) / (avogadro * volume * 1e-30)
    assert made.density.value == pytest.approx(lattice, rel=0.005)  # rounding of the lattice


def test_electrolyte_diffuses_as_the_published_fit_at_one_molar():
    import math

    # Landesfeind and Gasteiger 2019, EC:DMC 1:1 w:w, as transcribed
    lp30, rounding = twin.material("LP30"), 5e-4
    for kelvin in (268.15, 298.15, 318.15):
        fit = 1.47e3 * math.exp(1.33) * math.exp(-1690 / kelvin) * math.exp(-563 / kelvin) * 1e-10
        assert lp30.at(max(kelvin, 283.15)).ionic_conductivity.value > 0
        assert lp30.salt_diffusivity.at(kelvin).value == pytest.approx(fit, rel=rounding)
    p = [-7.91, 0.245, 5.28e-2, 0.698, -1.08e-2, -8.21e-5, 7.43e-4, -2.22e-3, 3.07e-5]
    c, t = 1.0, 298.15
    terms = [1, c, t, c**2, c * t, t**2, c**3, c**2 * t, c * t**2]
    moved = sum(a * b for a, b in zip(p, terms, strict=True))
    assert lp30.transference_number.value == pytest.approx(moved, abs=5e-4)


@pytest.mark.parametrize("celsius", [10, 25, 40, 50])
def test_electrolyte_warms_along_the_published_fit(celsius):
    import math

    kelvin = celsius + 273.15
    warm = math.exp(1000 / kelvin)
    fit = 7.98e-1 * (1 + kelvin - 228) * (1 - 1.22 + 0.509 * (1 - 4e-3 * warm))
    fit /= 10 * (1 + 3.79e-3 * warm)
    curved = 0.03  # the fit is no Arrhenius law, as the note of the material says
    warmed = twin.material("LP30").at(kelvin).ionic_conductivity.value
    assert warmed == pytest.approx(fit, rel=curved)


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
        ({"density": 0.0}, "density.*> 0"),
        ({"transference_number": 1.2}, r"transference_number.*0…1"),
        ({"formula": "Li(CoO2)"}, "without brackets"),
        ({"formula": "Xy2"}, "unknown mass"),
        ({"lithium_sites": 1.0}, "no formula"),
        (
            {"formula": "LiCoO2", "lithium_sites": 1.0, "specific_capacity": 300.0},
            "holds 273.8 Ah/kg",
        ),
        ({"open_circuit": 3.7}, "OpenCircuitPotential"),
        ({"swelling": 0.05}, "SwellingTable"),
    ],
)
def test_impossible_numbers_are_refused(numbers, message):
    with pytest.raises(InvalidInputError, match=message):
        Material("mine", **numbers)
