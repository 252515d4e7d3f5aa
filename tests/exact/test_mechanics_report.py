"""The section on mechanics of a report: pictures, tables and words."""

import base64
import io
import json
import math
import re

import numpy as np
import pytest
from PIL import Image

import solvers
import twin
from microstructures import Volume
from microstructures.errors import ConvergenceError
from studies.cli import main
from studies.commands.settings import lithiation, two
from twin import Mechanics
from twin.mechanics import ContactCurve
from twin.report import figures, mechanics, stress_figures, tables
from twin.report.html import page, python_lines
from twin.report.wording import shown

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
NAMED = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
LOAD = Mechanics(lithiation={"NMC": (0.93, 0.35)}, strength=2e7)
PIXELS = 2  # by which matplotlib blends the edges of a picture


def blobs(n=16, **about):
    noise = np.random.default_rng(0).random((n, n, n))
    smooth = sum(np.roll(noise, s, a) for a in range(3) for s in (-1, 0, 1))
    labels = np.digitize(smooth, np.quantile(smooth, (0.3, 0.8)))
    return Volume(labels, 398e-9, PHASES, **about)


@pytest.fixture(scope="module")
def card():
    return twin.characterize(blobs(), NAMED, axes=[0], mechanics=LOAD)


@pytest.fixture(scope="module")
def report(card):
    return page(card, picture=False)


def text_of(report):
    body = re.sub(r"<style>.*?</style>", "", report, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def pictures(report):
    """Alternative text and size in pixels of every picture on the page."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"', report)
    return {alt: Image.open(io.BytesIO(base64.b64decode(data))).size for data, alt in found}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_options_of_the_command_line_are_read():
    assert lithiation("NMC=0.93:0.35,Si=0:0.5") == {"NMC": (0.93, 0.35), "Si": (0.0, 0.5)}
    assert two(" NMC, CBD") == ("NMC", "CBD")


def test_the_page_has_maps_distributions_and_the_curve(report):
    drawn = pictures(report)
    for measure in ("von Mises stress", "hydrostatic stress"):
        for phase in ("NMC", "CBD"):
            for kind in ("cross-section", "in-plane cut"):
                assert f"Map of the {measure} in {phase}, {kind}." in drawn
    assert any(alt.startswith("Histograms of von Mises and hydrostatic") for alt in drawn)
    assert any(alt.startswith("Contact area of NMC–CBD against lithium") for alt in drawn)
    assert all(min(size) > 300 for size in drawn.values())  # pixels: readable
    assert '<a href="#mechanics">' in report
    assert 'id="mechanics"' in report


def test_the_page_says_what_loads_and_what_was_assumed(report):
    said = text_of(report)
    assert "NMC goes from x = 0.93, where the electrode is free of stress, to x = 0.35" in said
    assert "Faces normal to z (through-plane): rigid plates on which they slide" in said
    assert "mean pressure 0.1 MPa" in said
    assert "Faces normal to y and x: mirrors" in said
    assert "Void to mechanics, since liquid and gas flow out of the way: pore" in said
    assert "(tension / 20 MPa)² + (shear / 20 MPa)² reaches 1" in said
    assert "youngs modulus, poisson ratio, fracture toughness, swelling of NMC" in said
    assert "A screening" in said


def test_percentiles_have_a_table_of_their_own(card, report):
    rows = tables.percentiles(card)
    places = {(row.title, row.phase): [str(c.value) for c in row.cells if c] for row in rows}
    assert len(places["Von Mises stress", "NMC"]) == 3
    assert len(places["Von Mises stress", "NMC, interior only"]) == 3
    assert ("Normal traction", "NMC–CBD") in places
    assert {row.unit for row in rows} == {"MPa", "nm"}
    flaws = next(row for row in rows if row.title == "Critical flaw size")
    assert (flaws.phase, flaws.cells[2]) == ("NMC, interior only", None)
    shown_elsewhere = {row.title for topic in tables.topics(card) for row in topic.rows}
    assert "Von Mises stress" not in shown_elsewhere
    assert {"Effective Young's modulus", "Above the yield stress"} <= shown_elsewhere
    assert text_of(report).count("voxels ±") > 10


def test_pascals_are_shown_as_mega_and_gigapascals(card):
    cells = {
        row.title: row
        for topic in tables.topics(card)
        for row in topic.rows
        if topic.title == "Elastic stiffness and swelling"
    }
    modulus = card.entry("effective_youngs_modulus", axis=0)
    row = cells["Effective Young's modulus"]
    assert row.unit == "GPa"
    digits = row.cells[0]
    value = float(digits.value) * (100 if digits.power else 1)
    assert value == pytest.approx(modulus.value / 1e9, rel=0.1)
    number = shown(2.5e6, 1e5, "Pa", unit_shown="MPa", resolution=3.14159e5)
    assert (str(number), number.resolution) == ("2.50 ± 0.10 MPa", "0.31")
    assert shown(1.0, 0.1, "Pa", resolution=math.nan).resolution == ""


def test_materials_show_what_mechanics_used(report):
    said = text_of(report)
    assert "youngs modulus 1.425 × 10¹¹ Pa" in said
    assert "swelling +3.8 % of volume from x = 0.19 to 0.93" in said
    assert "solid diffusivity" not in said  # which nothing on the page uses


def test_lines_repeat_the_load(card):
    recipe = python_lines(card)
    compile(recipe, "recipe", "exec")
    assert "mechanics=twin.Mechanics(lithiation={'NMC': (0.93, 0.35)}, strength=" in recipe
    held = solvers.Boundary(z=solvers.Platen(displacement=0.0), x=solvers.Symmetry())
    load = Mechanics({"NMC": (0.93, 0.35)}, boundary=held, resolution=False)
    other = twin.characterize(blobs(8), NAMED, axes=[0], mechanics=load)
    recipe = python_lines(other)
    call = recipe.partition("mechanics=")[2].partition(",\n)")[0]
    again = eval(call, {"twin": twin, "solvers": solvers})
    assert again == load
    assert "import microstructures, solvers, twin" in recipe


def test_where_there_is_no_stress_the_page_says_so(monkeypatch):
    def fails(*_, **__):
        raise ConvergenceError("500 iterations ended at 1e-3")

    monkeypatch.setattr("twin._mechanics.solved", fails)
    card = twin.characterize(blobs(8), NAMED, axes=[0], mechanics=LOAD)
    said = text_of(page(card, picture=False))
    assert "There is no stress: see the warnings." in said
    assert not re.search(r"\bnan\b", said)


def test_a_map_shows_one_phase_greys_the_other_and_leaves_voids_blank():
    """Rows of pore, NMC under 3 stresses, and CBD: the colours on the middle of each row."""
    labels = np.repeat([0, 1, 1, 1, 2], 4)[:, None, None] * np.ones((20, 20, 20), int)
    volume = Volume(labels, 1e-6, PHASES)
    stress = np.full(volume.shape, np.nan, np.float32)
    for row, value in ((4, -2e6), (8, 0.0), (12, 2e6), (16, 9e9)):
        stress[row : row + 4] = value
    plane = figures.planes(volume)[0]
    drawn = pixels(stress_figures.stress_map(volume, plane, stress, "hydrostatic", "NMC"))
    # the map's own frame: the first column of it that is not white in the lowest row of CBD
    grey = [int(figures.BLOCKED[i : i + 2], 16) for i in (1, 3, 5)]
    is_grey = (drawn == grey).all(axis=2)
    columns = np.flatnonzero(is_grey.sum(axis=0) > 20)
    x = columns[len(columns) // 2]
    bottom = np.flatnonzero(is_grey[:, x])
    height = len(bottom) + PIXELS  # of the four rows of CBD
    colours = [drawn[int(bottom[0] - (k + 0.5) * height), x] for k in range(4)]
    tension, nothing, pressure, void = colours
    assert tension[0] > tension[2] + 50  # red
    assert pressure[2] > pressure[0] + 50  # blue
    assert np.ptp(nothing) < 15  # neither
    assert nothing.min() > 200
    assert void.tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("measure", "expected"), [("hydrostatic", (-9.0, 9.0)), ("von_mises", (0.0, 5.0))]
)
def test_colour_scales_are_symmetric_for_signed_stress_and_leave_out_the_outermost(
    measure, expected
):
    values = np.r_[np.full(500, -9.0), np.full(500, 5.0), 1e9]  # a lonely peak is cut off
    assert stress_figures.limits(values, measure) == pytest.approx(expected)
    assert stress_figures.limits(np.empty(0), measure)[1] > 0


def test_distributions_are_drawn_for_a_phase_without_any_spread(card):
    state = card.mechanics
    even = np.where(np.isnan(state.von_mises), np.nan, 1e6).astype(np.float32)
    flat = twin.mechanics.MechanicalState(
        state.request,
        state.boundary,
        state.solids,
        state.swelling,
        state.superposition,
        state.state,
        even,
        even,
    )
    assert stress_figures.distributions(card.volume, flat).startswith(b"\x89PNG")


def test_curves_run_the_way_the_lithium_does():
    x = np.array([0.9, 0.6, 0.3])
    shares = np.array([[1.0, 0.7, 0.4], [1.0, 0.8, np.nan]])
    for order in (x, x[::-1]):
        curve = ContactCurve(
            "NMC–CBD", "NMC", order, np.array([1e5, np.nan]), shares, 1 - shares, 0.1 * shares, "-"
        )
        assert stress_figures.contact_curve(curve, ends=False).startswith(b"\x89PNG")
    assert stress_figures.pressure_name(1e5) == "0.1 MPa"
    assert stress_figures.pressure_name(math.nan) == "as held"


@pytest.mark.parametrize(
    ("boundary", "words"),
    [
        ("fixed_gap", "rigid plates on which they slide, which do not move"),
        ("plane_stress", "nothing touches them"),
        (solvers.Boundary(z=solvers.Clamped()), "bonded to something rigid"),
        (solvers.Boundary(z=solvers.Periodic(strain=0.01)), "repeats itself, mean strain 1 %"),
        (solvers.Boundary(z=solvers.Platen(displacement=-5e-8)), "moved together by 50 nm"),
        (
            solvers.Boundary(z=solvers.Platen(pressure=2e6, bonded=True)),
            "plates on which they stick, mean pressure 2 MPa",
        ),
    ],
)
def test_every_kind_of_face_is_put_into_words(boundary, words):
    from twin._loads import boundary_of

    made = boundary_of(Mechanics(boundary=boundary), 0)
    assert words in mechanics._held(made.axes[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small cathode in it."""
    folder = tmp_path_factory.mktemp("load")
    np.save(folder / "cathode.npy", blobs(12).labels)
    return folder


def analyze(folder, output, *more):
    given = ["--spacing", "398e-9", "--phases", "0=pore,1=NMC,2=CBD", "--no-picture", "--quiet"]
    materials = ["--materials", "pore=LP30,NMC=NMC532,CBD=CBD", "--tolerance", "1e-3"]
    return main(
        ["analyze", str(folder / "cathode.npy"), "-o", str(output), *given, *materials, *more]
    )


@pytest.fixture(scope="module")
def run(folder):
    lines = [
        "[mechanics]",
        "pressure = 1e6",
        "resolution = false",
        "pressures = [1e6, 2e6]",
        "[mechanics.lithiation]",
        "NMC = [0.93, 0.5]",
    ]
    (folder / "run.toml").write_text("\n".join(lines))
    more = ["--config", str(folder / "run.toml"), "--pressure", "2e6", "--strength", "1e7,3e7"]
    assert analyze(folder, folder / "out", "--fields", *more) == 0
    return folder / "out"


def test_the_command_takes_a_load_from_a_file_and_from_options(run):
    result = json.loads((run / "result.json").read_text())["mechanics"]
    assert result["request"]["lithiation"] == {"NMC": [0.93, 0.5]}
    assert result["request"]["pressure"] == 2e6  # the option overrides the file
    assert result["request"]["strength"] == [1e7, 3e7]
    assert result["contact"]["pressure"] == [1e6, 2e6]
    assert "Mechanics" in (run / "report.html").read_text()
    head = (run / "fields.vti").read_bytes()[:4000]
    assert b'Name="von_mises_stress"' in head
    assert b'Name="hydrostatic_stress"' in head


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--lithiation", "NMC=0.9"], 2, "write phase=reference:now, NMC=0.93:0.35"),
        (["--lithiation", "NMC=a:b"], 2, "--lithiation 'NMC=a:b'"),
        (["--interface", "NMC"], 2, "is no pair of phases: write NMC,CBD"),
        (["--strength", "0"], 2, "--strength "),
        (["--lithiation", "NMC=0.93:0.1"], 1, "is outside 0.19…0.93"),
        (["--lithiation", "CBD=0.93:0.1"], 1, "its material CBD has no swelling"),
    ],
)
def test_a_load_that_cannot_be_is_said_in_one_line(folder, tmp_path, capsys, more, code, words):
    assert analyze(folder, tmp_path / "x", *more) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mechanics = 3", "it is no table: write [mechanics]"),
        ("[mechanics]\npresure = 1e5", "unknown key 'presure': did you mean 'pressure'?"),
        ("[mechanics]\npressure = 'high'", "give a number"),
    ],
)
def test_a_wrong_load_in_a_file_is_said_with_the_file(folder, tmp_path, capsys, line, words):
    (tmp_path / "run.toml").write_text(line)
    assert analyze(folder, tmp_path / "x", "--config", str(tmp_path / "run.toml")) == 2
    said = capsys.readouterr().err
    assert words in said
    assert str(tmp_path / "run.toml") in said


@pytest.mark.slow
def test_the_real_cathode_has_stress_maps_distributions_and_a_contact_curve(nrel_volume):
    corner = nrel_volume.cropped((60, 108), (100, 148), (100, 148))
    card = twin.characterize(corner, NAMED, axes=[0], mechanics=LOAD)
    report = page(card, picture=False)
    drawn = pictures(report)
    assert sum(alt.startswith("Map of the") for alt in drawn) == 2 + 8  # potential and flux too
    assert any(alt.startswith("Histograms") for alt in drawn)
    assert any(alt.startswith("Contact area") for alt in drawn)
    assert len(report.encode()) < 3e6  # bytes
    # stiffer than its binder, softer than its solids side by side
    solids = 142.5e9 * corner.fraction("NMC") + 1.78e9 * corner.fraction("CBD")
    assert 1.78e9 < card.entry("effective_youngs_modulus", axis=0).value < solids
    assert -0.02 < card.entry("thickness_change").value < -0.005
    curve = card.mechanics.contact
    assert (np.diff(curve.contact[0]) <= 0).all()
    assert card.mechanics.state.pressures[0] == pytest.approx(1e5)
