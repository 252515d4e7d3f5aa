import html.parser
import math
import re
import subprocess
import sys

import numpy as np
import pytest

import microstructures
import twin
from microstructures import Provenance, Volume
from microstructures.errors import InvalidInputError
from microstructures.wording import length
from solvers.conductivity import Fields
from solvers.results import EXACT, SAMPLING, SolveReport, Uncertainty
from twin import Entry, Material, PropertyCard, Value
from twin.report import figures, render, tables
from twin.report.definitions import DEFINITIONS
from twin.report.html import page, python_lines
from twin.report.wording import also, plain, round_length, rounded, shown

NASTY = "<script>alert(1)</script>"
SOLVED = SolveReport(7, 1e-6, 1e-5, 3e-6, 0.5, "cpu")


def blobs(shape=(20, 24, 28), names=("pore", "NMC", "CBD"), **kwargs):
    noise = np.random.default_rng(0).random(shape)
    smooth = sum(np.roll(noise, s, a) for a in range(3) for s in (-1, 0, 1))
    labels = np.digitize(smooth, np.quantile(smooth, (0.4, 0.9)))
    return Volume(labels, 398e-9, dict(enumerate(names)), **kwargs)


def entry(name, value, unit="1", phase="pore", axis=None, error=0.0, **kwargs):
    kind = SAMPLING if error else EXACT
    return Entry(name, phase, axis, value, unit, Uncertainty(error, kind), "method", **kwargs)


def a_card(volume=None, entries=None, **kwargs):
    volume = volume or blobs()
    pore = volume.phases[0]
    if entries is None:
        entries = (
            entry("volume_fraction", 0.4005, phase=pore, error=0.0032),
            entry("interface_area", 1.175e5, "m²/m³", f"{pore}–NMC", error=1.5e3),
            entry("tpb_density_total", 1.02e12, "m/m³", "pore–NMC–CBD", error=3e10),
            *(
                entry("tortuosity_factor", 2.5, phase=pore, axis=a, error=0.1, report=SOLVED)
                for a in range(3)
            ),
        )
    given = {
        "materials": None,
        "warnings": (),
        "settings": {"tolerance": 1e-5, "axes": [0, 1, 2]},
        "versions": {"electrode-twin": "0"},
        "seconds": 1.0,
        "created": "2026-01-01T00:00:00+00:00",
    }
    return PropertyCard(volume, entries=tuple(entries), **(given | kwargs))


class Tags(html.parser.HTMLParser):
    """Tags of a page with their attributes, and the text outside style."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data


@pytest.fixture(scope="module", autouse=True)
def whole_page():
    """A page with all figures; the first one of a process takes longer, since it finds fonts."""
    return page(a_card(fields=some_fields(blobs())), picture=False)


def words(page):
    return " ".join(Tags(page).text.split())


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.40051, 0.00324, "0.4005 ± 0.0032"),
        (2.5, 0.1, "2.50 ± 0.10"),
        (78.03, 12.4, "78 ± 12"),
        (117512.0, 1510.0, "(1.175 ± 0.015) × 10⁵"),
        (1.234e-5, 1e-7, "(1.234 ± 0.010) × 10⁻⁵"),
        (1e-5, 0.02, "0.000 ± 0.020"),
        (0.0, 0.02, "0.000 ± 0.020"),
        (0.4005123, 0.0, "0.4005"),
        (1175123.0, 0.0, "1.175 × 10⁶"),
        (0.0, 0.0, "0"),
        (-3.0, 0.5, "-3.00 ± 0.50"),
        (2.5, math.nan, "2.500 ± unknown"),
        (1.0, 1.4e-16, "1.000"),
        (0.4, 1e-12, "0.4000"),
        (1.0, 3e-8, "1.00000 ± 0.00001"),
        (1234567.0, 0.5, "(1.23457 ± 0.00001) × 10⁶"),
    ],
)
def test_values_end_at_the_second_digit_of_their_error_or_their_own_sixth(value, error, expected):
    assert str(rounded(value, error)) == expected


def test_units_are_those_people_use():
    assert str(shown(1.175e5, 1.5e3, "m²/m³")) == "0.1175 ± 0.0015 µm⁻¹"
    assert str(also(1.175e5, 1.5e3, "m²/m³")) == "(1.175 ± 0.015) × 10⁵ m²/m³"
    assert str(shown(1.02e12, 3e10, "m/m³")) == "1.020 ± 0.030 µm⁻²"
    assert str(also(0.236, 0.04, "S/m")) == "2.36 ± 0.40 mS/cm"
    assert str(shown(0.4005, 0.0032, "1", share=True)) == "40.05 ± 0.32 %"
    assert also(2.5, 0.1, "1") is None


def test_what_has_no_number_is_said_in_words():
    assert str(shown(math.inf, math.nan, "1", "does not percolate")) == "does not percolate"
    assert str(shown(math.nan, math.nan, "1")) == "not defined"
    assert shown(0.0, math.nan, "S/m", "does not percolate").note == "does not percolate"


@pytest.mark.parametrize(
    ("metres", "longest"), [(30e-6, 20e-6), (5e-6, 5e-6), (1.9e-6, 1e-6), (99e-9, 50e-9)]
)
def test_scale_bars_are_round_and_fit(metres, longest):
    assert round_length(metres) == pytest.approx(longest, rel=1e-12)


def test_lengths_and_given_numbers_read_naturally():
    assert [length(x) for x in (398e-9, 99.9e-6, 1.2e-3)] == ["398 nm", "99.9 µm", "1.2 mm"]
    assert [plain(x) for x in (1.18, 1e-5, 760.0)] == ["1.18", "1 × 10⁻⁵", "760"]


def test_text_of_users_is_escaped_everywhere():
    source = f"/data/a \"quoted\" & 'odd' {NASTY}.tif"
    volume = blobs(
        names=(NASTY, "NMC", "$x_1$"),
        provenance=Provenance(source, "0" * 64, (NASTY,)),
    )
    made_of = Material(NASTY, description=NASTY, electronic_conductivity=Value(1.0, "S/m", NASTY))
    report = page(
        a_card(
            volume,
            materials=dict.fromkeys(volume.phases.values(), made_of),
            warnings=(NASTY,),
            settings={NASTY: NASTY},
            versions={NASTY: NASTY},
        ),
        picture=False,
    )
    assert "<script" not in report
    tags = Tags(report)
    assert {tag for tag, _ in tags.tags}.isdisjoint({"script", "iframe", "object", "link"})
    assert NASTY in tags.text
    assert source in tags.text


def test_page_is_one_file_that_loads_nothing(whole_page):
    tags = Tags(whole_page).tags
    sources = [value for _, a in tags for key, value in a.items() if key in ("src", "href")]
    assert sources
    assert all(s.startswith(("data:image/png;base64,", "#")) for s in sources)
    anchors = {a["id"] for _, a in tags if "id" in a}
    assert {s[1:] for s in sources if s.startswith("#")} <= anchors


def test_page_can_be_read_without_seeing_it(whole_page):
    tags = Tags(whole_page).tags
    assert all(a["alt"] for tag, a in tags if tag == "img")
    assert all(a["scope"] for tag, a in tags if tag == "th")
    assert dict(tags)["html"]["lang"] == "en"


def test_warnings_stand_before_all_numbers(whole_page):
    report = page(a_card(warnings=("no binder phase",)), picture=False)
    assert report.index("no binder phase") < report.index('class="keys"')
    assert "1 warning:" in words(report)
    assert "No warnings." in words(whole_page)


def test_blocked_phases_are_reported_in_words_not_numbers():
    blocked = [
        entry("tortuosity_factor", math.inf, axis=0, error=math.nan, status="does not percolate"),
        entry("relative_diffusivity", 0.0, axis=0, error=math.nan, status="does not percolate"),
    ]
    text = words(page(a_card(entries=blocked), picture=False))
    assert "does not percolate" in text
    assert not re.search(r"\b(inf|nan)\b", text)


@pytest.mark.parametrize("report", [None, SolveReport(0, 0.0, 1e-5, 0.0, 0.0, "no solve")])
def test_where_the_pore_is_blocked_the_page_says_so_and_lists_no_solve(report):
    status = "does not percolate"
    blocked = entry("tortuosity_factor", math.inf, axis=0, status=status, report=report)
    solid = entry("tortuosity_factor", 2.0, phase="NMC", axis=0, report=SOLVED)
    card = a_card(entries=[blocked, solid])
    assert tables.blocked_phase(card) == "pore"
    assert tables.flowing_phase(card) == "NMC"
    assert tables.solves(card) == (solid,)
    assert "nothing flows in pore along z" in words(page(card, picture=False))


def test_every_quantity_of_a_card_is_shown_and_defined():
    card = a_card(entries=[entry(name, 0.5) for name in DEFINITIONS])
    text = words(page(card, picture=False))
    for meaning in DEFINITIONS.values():
        assert meaning.title in text
        assert meaning.words in text


def test_unknown_quantities_are_shown_under_their_name():
    topics = tables.topics(a_card(entries=[entry("chord_length", 2e-6, "m")]))
    assert topics[0].rows[0].title == "Chord length"


def test_columns_start_with_the_through_plane_axis():
    volume = blobs(through_axis=1)
    topic = tables.topics(a_card(volume))[-1]
    assert topic.axes == (1, 0, 2)


def test_ions_and_other_phases_are_kept_apart():
    entries = [entry("tortuosity_factor", 2.0, phase=p, axis=0) for p in ("pore", "NMC")]
    titles = {
        t.title: [row.phase for row in t.rows] for t in tables.topics(a_card(entries=entries))
    }
    assert titles == {
        "Transport of ions": ["pore"],
        "Relative transport through other single phases": ["NMC"],
    }


def test_unverified_numbers_are_marked():
    numbers = {
        "ionic_conductivity": Value(1.18, "S/m", "a paper", verified=False),
        "concentration": Value(1000.0, "mol/m³", "a definition", verified=True),
    }
    materials = {name: Material(name) for name in ("NMC", "CBD")}
    report = page(
        a_card(materials={"pore": Material("salt", **numbers), **materials}), picture=False
    )
    assert report.count('class="flag"') == 1
    assert "unverified a paper" in words(report)


@pytest.mark.parametrize("through", [0, 1, 2])
def test_slices_have_the_through_plane_axis_vertical(through):
    volume = blobs(through_axis=through)
    side, other, face = figures.planes(volume)
    assert side.rows == other.rows == through
    assert face.normal == through
    for plane in (side, other, face):
        shape = plane.of(volume.labels).shape
        assert shape == (volume.shape[plane.rows], volume.shape[plane.columns])


def test_slices_show_the_phases_in_their_colours_and_nothing_where_outside():
    picture = figures._coloured(np.array([[0, 1], [9, 9]]), {0: "#ff0000", 1: "#00ff00"})
    assert picture[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 255]]
    assert not picture[1, :, 3].any()


def test_pages_of_odd_volumes_are_complete():
    flat = Volume(np.zeros((1, 40, 3), int), (1e-6, 2e-9, 3e-3), {0: "pore"})
    rim = blobs().padded(2)
    for volume in (flat, rim):
        text = words(page(a_card(volume, entries=()), picture=False))
        assert "Profile through the thickness" in text
    assert "outside the electrode" in text


def test_lines_to_repeat_a_card_are_valid_python():
    volume = blobs(through_axis=2, collector="low", provenance=Provenance("it's.tif", "0" * 64))
    recipe = python_lines(a_card(volume))
    compile(recipe, "recipe", "exec")
    assert "through_axis=2" in recipe
    assert "collector='low'" in recipe


def recipe_of(source="volume.tif", **kwargs):
    recipe = python_lines(a_card(blobs(provenance=Provenance(source, "0" * 64)), **kwargs))
    compile(recipe, "recipe", "exec")
    return recipe


def test_lines_to_repeat_a_card_name_materials_of_the_library():
    made_of = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
    library = {phase: twin.material(name) for phase, name in made_of.items()}
    recipe = recipe_of(materials=library, settings={"precision": "mixed"})
    assert f"materials={made_of!r}" in recipe
    assert "Material(" not in recipe
    assert "solvers" not in recipe


def test_lines_to_repeat_a_card_leave_room_for_what_they_do_not_know():
    changed = Material("LP30", "electrolyte", ionic_conductivity=1.0)
    nasty = Material('my\n"oxide"', "active")
    made_of = {"pore": changed, "NMC": nasty, "CBD": twin.material("CBD")}
    recipe = recipe_of("data.RAW", materials=made_of, settings={"precision": "double"})
    assert "# my_pore = twin.Material('LP30', ...)" in recipe
    assert "{'pore': my_pore, 'NMC': my_nmc, 'CBD': 'CBD'}" in recipe
    assert "solvers.use(precision='double')" in recipe
    assert "shape=(nz, ny, nx), dtype" in recipe


def test_the_picture_hides_whatever_holds_the_electrolyte():
    hidden = {
        p: set(render._scene(blobs(names=(p, "NMC", "CBD")))["solid"]) for p in ("pore1", "gas")
    }
    assert hidden == {"pore1": {1, 2}, "gas": {1, 2}}
    volume = blobs(names=("a", "b", "c"))
    made_of = {"a": twin.material("NMC532"), "b": twin.material("LP30"), "c": twin.material("CBD")}
    assert set(render._scene(volume, made_of)["solid"]) == {0, 2}


def test_report_is_written_completely_or_not_at_all(tmp_path):
    target = tmp_path / "new" / 'a "b".html'
    twin.report.write(a_card(), target, picture=False)
    assert target.read_text("utf-8").rstrip().endswith("</html>")
    assert [p.name for p in target.parent.iterdir()] == [target.name]
    with pytest.raises(InvalidInputError, match="cannot be written"):
        twin.report.write(a_card(), target / "below a file.html", picture=False)


def test_page_says_why_there_is_no_picture(monkeypatch):
    monkeypatch.setattr(render, "LIBRARIES", {"libnothing.so.9": "none"})
    possible, reason = render.can_render()
    assert not possible
    assert "No 3-D picture: no library for off-screen drawing" in words(page(a_card()))
    assert "libegl1" in reason


def test_crash_of_the_drawing_process_leaves_the_report_whole(monkeypatch, tmp_path):
    crash = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]
    with rendering_by(monkeypatch, crash) as drawing:
        found = drawing.result()
    assert found.png is None
    assert "-11" in found.reason


def test_drawing_that_hangs_is_ended(monkeypatch):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with rendering_by(monkeypatch, sleep, seconds=0.1) as drawing:
        assert "longer than" in drawing.result().reason
        child = drawing._child
    assert child.poll() is not None


@pytest.mark.slow
def test_picture_is_drawn_where_it_can_be():
    possible, reason = render.can_render()
    if not possible:
        pytest.skip(reason)
    with render.Rendering(blobs()) as drawing:
        found = drawing.result()
    assert found.reason == ""
    assert found.png.startswith(b"\x89PNG")


def test_importing_the_report_loads_no_heavy_library():
    code = (
        "import sys, twin.report; twin.report.write; twin.report.can_render();"
        "print({'matplotlib', 'pyvista', 'taichi', 'pandas', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_report_of_the_real_volume_is_quick_and_small(data_folder):
    import time

    path = data_folder / "nrel_nmc" / "nmc-1-cal_generatedCBD_bridge.tif"
    names = {0: "pore", 1: "NMC", 2: "CBD"}
    volume = microstructures.read(path, spacing=398e-9, phases=names)
    card = a_card(volume, fields=some_fields(volume))
    page(a_card(), picture=False)  # imports
    started = time.process_time()
    report = page(card, picture=False)
    assert time.process_time() - started < 8  # seconds, as specified
    assert len(report.encode()) < 3e6  # bytes, as specified


def some_fields(volume):
    z = np.linspace(1, 0, volume.shape[0], dtype=np.float32)[:, None, None]
    potential = np.where(volume.labels == 0, z, np.float32(np.nan))
    return Fields(potential, np.abs(potential) * 2)


def rendering_by(monkeypatch, command, seconds=30.0):
    start = subprocess.Popen
    monkeypatch.setattr(render, "can_render", lambda: (True, ""))
    monkeypatch.setattr(subprocess, "Popen", lambda _, **kwargs: start(command, **kwargs))
    return render.Rendering(blobs(), seconds)
