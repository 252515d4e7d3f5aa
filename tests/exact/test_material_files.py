"""Materials of the user: files that read back the same, mistakes that are named, entry points."""

import json
from importlib.metadata import EntryPoint

import pytest

import twin
from microstructures.errors import InvalidInputError
from twin import _user_materials
from twin.materials import Material, Value, read_material
from twin.open_circuit import OpenCircuitPotential
from twin.swelling import SwellingTable, SwellingWarning
from twin.temperature import Arrhenius

GOOD = """
name = "mine"
role = "electrolyte"
description = "a test"

[ionic_conductivity]
value = 0.9
unit = "S/m"
source = "our cell"
doi = ""
verified = true
conditions = "25 °C"
note = ""
"""


def read(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_material(path)


def test_a_file_becomes_a_material(tmp_path):
    made = read(tmp_path, GOOD)
    number = Value(0.9, "S/m", "our cell", verified=True, conditions="25 °C")
    assert made == Material("mine", "electrolyte", "a test", ionic_conductivity=number)


@pytest.mark.filterwarnings("ignore::twin.swelling.SwellingWarning")  # silicon's, rightly
@pytest.mark.parametrize("name", twin.library())
def test_every_material_of_the_library_reads_back_as_it_was_written(name, tmp_path):
    made = twin.material(name)
    made.to_toml(tmp_path / "new" / "material.toml")
    assert read_material(tmp_path / "new" / "material.toml") == made


def test_text_of_any_kind_reads_back(tmp_path):
    law = Arrhenius(2e4, 298.15, 273.0, 333.0, source='"tab"\tand \\ and \x7f', note="±\n")
    odd = Value(1e-300, "S/m", "é ✓ 'quoted'", uncertainty=1e-3, temperature=law, note="a = [1]")
    swelling = SwellingTable((0.0, 1.0), (0.0, 0.01), (0.0, -0.001), material="odd")
    curve = OpenCircuitPotential.from_table([0.1, 0.9], [4, 3], source="x", note="#")
    made = Material("odd", ionic_conductivity=odd, density=7, swelling=swelling, open_circuit=curve)
    made.to_toml(tmp_path / "odd.toml")
    assert read_material(tmp_path / "odd.toml") == made


def test_a_material_is_stored_as_plain_json():
    for made in twin.library().values():
        json.dumps(made.to_dict(), allow_nan=False)


def test_what_would_not_read_back_is_not_written(tmp_path):
    with pytest.raises(InvalidInputError, match=r"'source' of \[density\] is ''"):
        Material("mine", density=Value(1.0, "kg/m³", "")).to_toml(tmp_path / "mine.toml")
    assert not (tmp_path / "mine.toml").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "our cell"\n', "", r"\[ionic_conductivity\] lacks 'source'"),
        ('source = "our cell"', 'source = ""', "must not be empty"),
        ("source =", "sourse =", "unknown key 'sourse'; did you mean 'source'"),
        ("[ionic_conductivity]", "[ionic_conductivty]", "did you mean 'ionic_conductivity'"),
        ("[ionic_conductivity]", "[colour]", "unknown key 'colour': known are name, role"),
        ("role =", "roll =", "did you mean 'role'.*|lacks 'role'"),
        ('"electrolyte"', '"glue"', "'role' of the file is 'glue'"),
        ("value = 0.9", 'value = "high"', "'high': a number is wanted, without quotes"),
        ("value = 0.9", "value = -0.9", "mine.toml: ionic_conductivity of mine is -0.9"),
        ('"S/m"', '"mS/cm"', "has the unit 'mS/cm': convert it to S/m"),
        ('"S/m"', "3", "text in quotes"),
        ("verified = true", 'verified = "yes"', "true or false"),
        ('name = "mine"\n', "", "the file lacks 'name'"),
        ('note = ""\n', 'note = ""\nuncertainty = -1.0\n', "standard uncertainty"),
        (
            'note = ""\n',
            'note = ""\n[ionic_conductivity.temperature]\nactivation_enrgy = 1.0\n',
            r"\[ionic_conductivity.temperature\].*did you mean 'activation_energy'",
        ),
        ('description = "a test"', 'description = "a test"\nswelling = 3', "a table is wanted"),
        ("role =", "= role", "is no TOML"),
    ],
)
def test_each_mistake_of_a_file_is_named_with_its_place(old, new, message, tmp_path):
    assert old in GOOD
    with pytest.raises(InvalidInputError, match=message) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert "mine.toml" in str(caught.value)


POTENTIAL = """
[open_circuit]
lower = 0.0
upper = 1.0
source = "our cell"
doi = ""
verified = true
conditions = ""
note = ""
"""


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("", "give one of stoichiometry with potential"),
        ("stoichiometry = [0.0, 1.0]", "go together"),
        ("site_potentials = [3.5]", "go together"),
        ("polynomial = [4.0]\nstoichiometry = [0.0, 1.0]\npotential = [4.0, 3.0]", "give one of"),
        ("polynomial = [3.0, 1.0]", "rises with lithium"),
        ("polynomal = [4.0]", "did you mean 'polynomial'"),
        ('polynomial = ["a"]', "a number is wanted"),
    ],
)
def test_a_file_gives_one_kind_of_potential(columns, message, tmp_path):
    with pytest.raises(InvalidInputError, match=message):
        read(tmp_path, GOOD + POTENTIAL + columns + "\n")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_material(tmp_path / "none.toml")


def test_swelling_of_a_file_is_doubted_like_any_other(tmp_path):
    made = Material("mine", swelling=SwellingTable((0.0, 1.0), (0.0, 0.04), material="mine"))
    made.to_toml(tmp_path / "mine.toml")
    text = (tmp_path / "mine.toml").read_text().replace("0.04", "0.2")
    with pytest.warns(SwellingWarning, match="changes a length by up to 20 %"):
        read(tmp_path, text)


PLUGIN = {"mine": Material("mine", density=1000.0)}


def plugin():
    return PLUGIN


def wrong_name():
    return {"yours": PLUGIN["mine"]}


def broken():
    raise OSError("no data")


@pytest.fixture
def with_plugins(monkeypatch):
    def install(*names):
        points = [EntryPoint(name, f"{__name__}:{name}", _user_materials.GROUP) for name in names]
        monkeypatch.setattr(EntryPoint, "load", lambda point: globals()[point.name])
        monkeypatch.setattr(_user_materials, "entry_points", lambda group: points)
        return _user_materials.joined(twin.library(), _user_materials.installed())

    return install


@pytest.mark.parametrize("name", ["PLUGIN", "plugin"])
def test_an_entry_point_adds_its_materials_in_alphabetical_order(name, with_plugins):
    made = with_plugins(name)
    assert made["mine"] is PLUGIN["mine"]
    assert list(made) == sorted([*twin.library(), "mine"], key=str.lower)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["broken"], "'broken'.*cannot be loaded, OSError: no data"),
        (["wrong_name"], "name 'mine' under 'yours'"),
        (["GOOD"], "gives a str: it must be a mapping"),
        (["plugin", "PLUGIN"], "'PLUGIN'.*adds a material 'mine'.*'plugin'.*has already"),
    ],
)
def test_an_entry_point_that_gives_no_new_materials_is_refused(names, message, with_plugins):
    with pytest.raises(InvalidInputError, match=message):
        with_plugins(*names)


@pytest.mark.parametrize("name", ["LP30", "lp30"])
def test_a_name_of_the_library_is_taken_whatever_its_capitals(name):
    added = {"a package": {name: Material(name)}}
    with pytest.raises(InvalidInputError, match=f"{name!r}.*the library of the project has"):
        _user_materials.joined(twin.library(), added)


def test_two_names_that_differ_by_capitals_only_are_refused():
    added = {"a package": {"one": Material("one"), "ONE": Material("ONE")}}
    with pytest.raises(InvalidInputError, match="'ONE'"):
        _user_materials.joined({}, added)
