"""Cells from BPX files: what they become, and what is wrong with a file is said."""

import dataclasses
import json

import pytest

from microstructures.errors import InvalidInputError
from twin.performance import BpxWarning, Cell, ElectrodeStructure, discharge, spectrum

POSITIVE = ElectrodeStructure(
    thickness=68e-6,
    porosity=0.24,
    active_fraction=0.69,
    macmullin=12.0,
    electronic_conductivity=2.5,
    area=1.3 * 3 * 0.69 / 5.22e-6,
    particle_radius=5.22e-6,
)
CELL = Cell(positive=POSITIVE, contact_resistance=1e-3)


@pytest.fixture(scope="module")
def content():
    """Outside of the tests' time, since PyBaMM is imported."""
    return CELL.to_bpx().content


@pytest.fixture
def file(content):
    return json.loads(json.dumps(content))


def test_structures_of_a_file_can_be_varied(file):
    cell = Cell.of_bpx(file)
    assert cell.contact_resistance == pytest.approx(1e-3)
    assert cell.negative.active_fraction == pytest.approx(0.75)  # of Chen2020, which was scaled
    wide = dataclasses.replace(cell.positive, macmullin=4.5)
    slow, quick = (
        discharge(dataclasses.replace(cell, positive=s), (2.0,))[0] for s in (cell.positive, wide)
    )
    assert quick.capacity > slow.capacity
    direct = dataclasses.replace(CELL, positive=wide)
    (right,) = discharge(direct, (2.0,))
    assert quick.voltage[:50] == pytest.approx(right.voltage[:50], abs=1e-6)


def test_double_layers_come_back(file):
    """With the wetted area once, on both ways."""
    found = [spectrum(cell, [100.0, 1.0]).impedance for cell in (CELL, Cell.of_bpx(file))]
    assert found[1] == pytest.approx(found[0], rel=1e-6)


def test_double_layers_grow_with_the_wetted_area(content):
    """So that the frequency of charge transfer stays, and its resistance falls."""
    name = "Positive electrode double-layer capacity [F.m-2]"
    spheres = dataclasses.replace(POSITIVE, area=POSITIVE.area / 1.3)
    layers = [Cell(positive=s).parameter_values()[name] for s in (POSITIVE, spheres)]
    assert layers[0] == pytest.approx(1.3 * layers[1])


def test_what_bpx_leaves_open_may_be_missing(file):
    """PyBaMM alone stops with a KeyError at each of them."""
    cell = file["Parameterisation"]["Cell"]
    del cell["External surface area [m2]"], cell["Volume [m3]"]
    for side in ("Negative", "Positive"):
        del file["Parameterisation"][f"{side} electrode"]["Entropic change coefficient [V.K-1]"]
    del file["Parameterisation"]["User-defined"]
    values = Cell.of_bpx(file).parameter_values()
    assert "Cell volume [m3]" not in values  # nothing is made up for a thermal model
    assert values["Positive electrode OCP entropic change [V.K-1]"] == 0.0
    assert values["Open-circuit voltage at 0% SOC [V]"] == 2.5


def test_a_file_of_bpx_0_is_read_with_a_warning(file):
    old = file | {"Header": file["Header"] | {"BPX": "0.4.0"}}
    state = old.pop("State")
    salt = state["Initial conditions"]["Initial electrolyte concentration [mol.m-3]"]
    old["Parameterisation"]["Electrolyte"]["Initial concentration [mol.m-3]"] = salt
    with pytest.warns(BpxWarning, match="BPX 0"):
        cell = Cell.of_bpx(old)
    assert cell.positive.to_dict() == pytest.approx(POSITIVE.to_dict(), rel=1e-12)


def test_the_content_given_is_left_alone(file, content):
    Cell.of_bpx(file)
    assert file == content


def test_an_electrode_that_does_not_belong_to_the_other_is_doubted(file):
    file["Parameterisation"]["Positive electrode"]["Thickness [m]"] *= 2
    with pytest.warns(BpxWarning, match="positive electrode holds"):
        Cell.of_bpx(file)


def blend(file):
    electrode = file["Parameterisation"]["Negative electrode"]
    shared = ("Thickness [m]", "Porosity", "Transport efficiency", "Conductivity [S.m-1]")
    particle = {name: x for name, x in electrode.items() if name not in shared}
    both = {"graphite": particle, "silicon": dict(particle)}
    file["Parameterisation"]["Negative electrode"] = {
        **{name: electrode[name] for name in shared},
        "Particle": both,
    }


def particles_only(file):
    file["Header"]["Model"] = "SPM"
    parts = file["Parameterisation"]
    del parts["Electrolyte"], parts["Separator"]
    for side in ("Negative", "Positive"):
        for name in ("Porosity", "Transport efficiency", "Conductivity [S.m-1]"):
            del parts[f"{side} electrode"][name]


def without(*path):
    def remove(file):
        for name in path[:-1]:
            file = file[name]
        del file[path[-1]]

    return remove


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (blend, "negative electrode is a blend"),
        (particles_only, "for model SPM"),
        (without("Header"), "no BPX"),
        (without("Parameterisation", "Separator"), "Separator"),
        (without("Parameterisation", "Cell", "Reference temperature [K]"), "Reference temp"),
    ],
)
def test_files_that_are_no_such_cells_are_refused(file, change, words):
    change(file)
    with pytest.raises(InvalidInputError, match=words):
        Cell.of_bpx(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "cannot be read as JSON"), ("[1]", "holds no sections"), ("{}", "no BPX")],
)
def test_files_that_are_no_bpx_are_refused(tmp_path, text, words):
    place = tmp_path / "cell.json"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=words):
        Cell.of_bpx(place)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        Cell.of_bpx(tmp_path / "none.json")


@pytest.mark.parametrize("given", [{"anode": 0.5}, {"positive": 0.8}, {"positive": -0.1}])
def test_an_active_fraction_must_be_one(file, given):
    with pytest.raises(InvalidInputError, match="active"):
        Cell.of_bpx(file, active_fraction=given)
