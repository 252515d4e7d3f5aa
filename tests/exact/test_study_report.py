"""The page of a study tells every case, escapes every text, and needs nothing but itself."""

import base64
import hashlib
import io
import json
import math
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microstructures.errors import InvalidInputError
from studies import Grid, Range, Record, Sampled, Store, Study, Table, number
from studies.report import chapters, columns, data, html, pictures, provenance
from studies.report.asked import recipe_text
from studies.report.columns import Column
from studies.report.effects import effect
from studies.report.troubles import troubles
from studies.store import STATUSES

TASKS = Path(__file__).resolve().parents[1] / "tasks"
HOSTILE = "<script>alert('1')</script> \"quoted\" & </script><!-- $\\frac{1$ ]]>"
VOID = {"meta", "img", "br", "input", "link"}
GRID = Grid({"x": [1, 2, 3], "y": [0, 1]})


class Read(HTMLParser):
    """Tags that are open in order, their texts, and every attribute."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.attributes, self.tags = [], [], []
        self.words, self.scripts, self.rows, self.cell = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attributes]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += text
        elif "style" not in self.open:
            self.words.append(text)
            if {"td", "th"} & set(self.open):
                self.rows[-1][-1] += text

    @property
    def text(self):
        return " ".join("".join(self.words).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])

    def cases(self):
        """Rows of the table that needs no scripts."""
        (start,) = (i for i, row in enumerate(self.rows) if row[:2] == ["Case", "Status"])
        return self.rows[start + 1 : start + 1 + len(self.data["status"])]


def study(folder, design=GRID, *, run=True, task="pages:plane", **more):
    recipe = {"x": 0, **more.pop("recipe", {})}
    made = Study(recipe, design, folder / "s", task=task, modules=TASKS, **more)
    if run:
        made.run("serial")
    return made


def read(made):
    found = Read(html.page(made))
    assert found.open == []
    return found


def column(values, **about):
    return Column(about.pop("name", "c"), "c", "", tuple(values), **about)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Six cases that all ended well."""
    return study(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def page(whole):
    return read(whole)


def test_every_case_has_a_row_with_its_parameters_and_values(page):
    rows = page.cases()
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row[2:4] for row in rows] == [[str(x), str(y)] for x in (1, 2, 3) for y in (0, 1)]
    assert rows[1][4] == "2.90 ± 0.12"  # tortuosity factors come first
    assert page.data["values"][0] == [1, 1, 2, 2, 3, 3]
    (place,) = (i for i, one in enumerate(page.data["columns"]) if one["name"] == "sum")
    assert page.data["values"][place] == pytest.approx([2e-6, 12e-6, 4e-6, 14e-6, 6e-6, 16e-6])
    assert page.data["errors"][place] == pytest.approx([0.25e-6] * 6)
    assert page.data["columns"][place]["unit"] == "µm⁻¹"


def test_a_value_that_is_none_is_no_number_anywhere(page):
    names = [about["name"] for about in page.data["columns"]]
    assert page.data["values"][names.index("none")] == [None, None, 2, 2, 3, 3]
    place = names.index("none")
    levels = page.data["effects"][str(place)][0]["levels"]
    assert [level[0] for level in levels] == [2, 3]
    assert "–" in [cell for row in page.cases() for cell in row]


def test_the_page_is_one_file_that_asks_nobody(page):
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "data", "srcset", "poster"):
            assert value.startswith(("data:image/png;base64,", "#")), (tag, name)
        assert not name.startswith("on"), (tag, name)
    assert {"link", "iframe", "object", "embed", "base"}.isdisjoint(page.tags)
    addresses = re.findall(r"https?://[^\s\"'<]+", "".join(page.scripts))
    assert set(addresses) == {"http://www.w3.org/2000/svg"}  # the name of SVG, not a place


def test_browsers_may_run_the_script_of_the_page_and_no_other(page):
    (policy,) = (v for _, n, v in page.attributes if n == "content" and "default-src" in v)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digest = hashlib.sha256(page.scripts[1].encode()).digest()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert len(page.scripts) == 2


def test_scripts_never_read_data_as_html(page):
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    assert not [word for word in (*forbidden, "new Function") if word in page.scripts[1]]


def test_links_of_the_page_lead_somewhere(page):
    there = {value for _, name, value in page.attributes if name == "id"}
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(there)
    assert {v[1:] for _, n, v in page.attributes if n == "href"} <= there
    assert {v for _, n, v in page.attributes if n == "aria-labelledby"} <= there


def test_pictures_have_words(page):
    images = page.tags.count("img")
    assert images == len([v for t, n, v in page.attributes if (t, n) == ("img", "alt") and v])
    assert images == 3 + 6  # effects, parallel coordinates, surface; a slice of each case


def test_counts_of_statuses_agree_with_the_study(tmp_path):
    does = ["", "raise", "diverge", "block", "raise", ""]
    points = Table(tuple({"x": i, "does": word or "nothing"} for i, word in enumerate(does)))
    made = study(tmp_path, points)
    found = read(made)
    names = [status["name"] for status in found.data["statuses"]]
    told = {name: found.data["status"].count(rank) for rank, name in enumerate(names)}
    assert told == made.status().counts
    assert [row[1].split("ValueError")[0] for row in found.cases()].count("failed") == 2
    assert "2 cases: failed. ValueError: a wrong value 1" in found.text
    assert "case 2: x = 1, does = raise" in found.text


def test_all_statuses_are_told_each_with_its_reason(tmp_path):
    made = study(tmp_path, Grid({"x": list(range(9))}), run=False)
    store = Store.at(made.folder)
    for case, status in zip(made.cases(), STATUSES, strict=False):
        reason = "" if status == "ok" else f"why it is {status}\nand more"
        values = {"sum": number(1.0)} if status == "ok" else {}
        store.write(Record(case.key, status, reason, values, json.loads(case.to_json())))
    torn = store.path(made.cases()[7].key)
    torn.mkdir(parents=True)
    (torn / "record.json").write_text("{}")
    found = read(made)
    for status in STATUSES[1:]:
        assert f"1 case: {status}. why it is {status}" in found.text
    assert "1 case: corrupted. its record is not what was written" in found.text
    assert "1 case: not run. no record yet" in found.text
    assert len({status["colour"] for status in found.data["statuses"]}) == 9


def test_a_study_that_was_not_run_has_a_page(tmp_path):
    found = read(study(tmp_path, run=False))
    assert len(found.cases()) == 6
    assert "6 cases: not run. no record yet" in found.text
    assert found.data["headline"] == []
    assert not (tmp_path / "s").exists()


def test_a_study_without_parameters_has_a_page(tmp_path):
    made = Study({"x": 2}, folder=tmp_path / "s", task="pages:plane", modules=TASKS)
    made.run("serial")
    found = read(made)
    assert len(found.cases()) == 1
    assert "a single case, without parameters" in found.text
    assert found.tags.count("img") == 1


def test_parameters_may_be_texts_truths_and_lists(tmp_path):
    points = Table(tuple({"x": i, "a": a, "b": b, "c": c} for i, (a, b, c) in enumerate(
        [("one", True, [1, 2]), ("two", False, [3]), ("one", True, [1, 2])])))  # fmt: skip
    found = read(study(tmp_path, points))
    assert [row[3:6] for row in found.cases()] == [
        ["one", "true", "[1, 2]"], ["two", "false", "[3]"], ["one", "true", "[1, 2]"],
    ]  # fmt: skip
    by_name = {about["name"]: about for about in found.data["columns"]}
    assert [by_name[name]["number"] for name in "xabc"] == [True, False, False, False]


def test_no_text_of_anybody_becomes_html(tmp_path):
    points = Table(tuple({"x": x, HOSTILE: HOSTILE, "does": does}
                         for x, does in ((1, HOSTILE), (2, "other"))))  # fmt: skip
    made = study(tmp_path, points, task="pages:hostile", name=HOSTILE,
                 recipe={HOSTILE: {HOSTILE: [HOSTILE]}},
                 questions={"pages:hostile_answer": {}})  # fmt: skip
    text = html.page(made)
    found = Read(text)
    assert found.open == []
    assert len(found.scripts) == 2
    assert "alert('1')" not in found.scripts[1]
    assert "<script>alert" not in text
    assert found.data["columns"][1]["name"] == HOSTILE
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]


def test_reasons_are_escaped_too(tmp_path):
    made = study(tmp_path, Table(({"x": 1, "does": "hostile"}, {"x": 2, "does": "hostile"})))
    text = html.page(made)
    assert "<script>alert" not in text
    assert Read(text).data["reasons"] == [f"ValueError: {HOSTILE}"]


def test_an_answer_is_a_chapter_with_all_it_has(tmp_path):
    found = read(study(tmp_path, questions={"pages:asked": {"threshold": 2.5}}))
    assert "What was found" in found.words
    assert "The second, beyond 2.5." in found.words
    assert "Best value12.35 ± 0.25 S/m" in found.text
    assert "no number" in found.words
    assert ["1.25 ± 0.50", "yes"] in found.rows
    assert ["–", "no"] in found.rows
    assert "One pixel." in found.words
    assert "few cases" in found.words


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("refused", "2 cases are too few: compute 20"),
        ("broken", "KeyError: 'no such column'"),
    ],
)
def test_a_question_that_fails_is_told_on_top_and_in_its_chapter(tmp_path, question, said):
    found = read(study(tmp_path, questions={f"pages:{question}": {}, "pages:asked": {}}))
    assert found.text.count(said) == 2
    assert "What was found" in found.words


def test_a_mean_is_that_of_its_level_with_the_error_of_a_mean():
    x, y = column([1, 1, 1, 2, 2, 2]), column([1.0, 2.0, 6.0, 5.0, 5.0, 5.0])
    found = effect(x, y, [True] * 6)
    assert [level.mean for level in found.levels] == [3.0, 5.0]
    assert found.levels[0].error == pytest.approx(math.sqrt(7.0 / 3))  # variance 7 of three
    assert found.levels[1].error == 0.0
    assert [level.count for level in found.levels] == [3, 3]
    assert found.share == pytest.approx(6.0 / 20.0)  # 6 between, 14 within


def test_means_leave_out_what_does_not_count_or_is_no_number():
    x, y = column(["a", "b", "a", "b"]), column([1.0, 4.0, 100.0, None])
    found = effect(x, y, [True, True, False, True])
    assert [(level.label, level.mean, level.error) for level in found.levels] == [
        ("a", 1.0, None), ("b", 4.0, None),
    ]  # fmt: skip
    assert found.share is None


def test_only_cases_whose_numbers_are_sound_count():
    x = column([1, 1, 1, 2], name="x", is_parameter=True)
    y = column([1.0, 3.0, 50.0, 7.0], name="y")
    found = data.effects([x, y], ["ok", "does not percolate", "not converged", "ok"])
    assert [level.mean for level in found["x", "y"].levels] == [2.0, 7.0]


def test_many_values_of_a_number_are_grouped_by_rank():
    values = np.arange(60.0) ** 2
    found = effect(column(values), column(values), [True] * 60)
    assert [level.count for level in found.levels] == [10] * 6
    assert found.levels[0].mean == pytest.approx(28.5)  # of 0, 1, 4 … 81
    assert found.levels[0].place == found.levels[0].mean


def test_effects_on_the_page_are_those_of_the_plane(page):
    names = [about["name"] for about in page.data["columns"]]
    of_x, of_y = page.data["effects"][str(names.index("sum"))]
    assert [level[2] for level in of_x["levels"]] == pytest.approx([7e-6, 9e-6, 11e-6])
    assert [level[2] for level in of_y["levels"]] == pytest.approx([4e-6, 14e-6])
    assert of_x["share"] == pytest.approx(16 / 166, abs=1e-4)  # squares between over all
    assert of_y["share"] == pytest.approx(150 / 166, abs=1e-4)


def test_quantities_are_told_in_the_units_that_people_read():
    record = Record("k", "ok", values={
        "volume_fraction.pore": number(0.35, "1", 0.01),
        "effective_youngs_modulus.z": number(2e9, "Pa"),
        "calender.thickness_m": number(7e-5, ""),
        "cell.energy_density.0.5": number(500.0, "Wh/L"),
        "x": number(1.0, "m²"),
    })  # fmt: skip
    found = {one.name: one for one in columns.quantities([record, None], ["x"])}
    told = [(one.title, one.unit, one.values) for one in found.values()]
    assert told == [
        ("volume fraction, pore", "%", (35.0, None)),
        ("effective Young's modulus, z", "GPa", (2.0, None)),
        ("calender, thickness", "µm", (pytest.approx(70.0), None)),
        ("energy density at 0.5/h", "Wh/L", (500.0, None)),
        ("x found", "m²", (1.0, None)),
    ]
    assert found["volume_fraction.pore"].told(0) == "35.0 ± 1.0"


def test_quantities_that_people_look_for_come_first_one_of_each_kind():
    names = ["area", "cell.energy.1", "cell.energy_density.1", "cell.energy_density.2",
             "tortuosity_factor.pore.z", "ionic_tortuosity_factor.pore.z"]  # fmt: skip
    found = [column([1.0, 2.0], name=name) for name in names]
    found.append(column([1.0, 1.0], name="macmullin_number.pore.z"))  # which does not vary
    first = columns.headline(found, 9)
    assert [names.index(one.name) for one in first] == [5, 4, 2, 1, 0, 3]
    assert columns.headline(found, 2) == first[:2]


def test_units_at_the_end_of_parameters_become_units():
    made = Study({"a": {}, "x": 0}, Grid({"a.thickness_um": [10, 20]}), task="pages:plane",
                 modules=TASKS)  # fmt: skip
    (found,) = columns.parameters(made.cases())
    assert (found.name, found.label) == ("a.thickness_um", "a.thickness [µm]")


def test_the_recipe_reads_as_toml_and_marks_what_varies(tmp_path):
    recipe = {"x": 1.5, "volume": {"shape": [4, 4], "seed": 0}, "step": [{"step": "calender"}],
              "a b": {"c": True, "thickness_um": 70}}  # fmt: skip
    made = study(tmp_path, Grid({"x": [1, 2], "calender.porosity": [0.3, 0.4]}), run=False,
                 recipe=recipe)  # fmt: skip
    text = recipe_text(made)
    read_back = tomllib.loads(text)
    assert read_back["a b"] == {"c": True, "thickness": 7e-5}
    assert read_back["step"] == [{"step": "calender", "porosity": 0.3}]
    marked = [line.split(" =")[0] for line in text.splitlines() if "varied" in line]
    assert marked == ["x", "porosity"]


def test_sampled_designs_are_told_with_their_ranges(tmp_path):
    made = study(tmp_path, Sampled({"x": Range(1, 100, log=True)}, 4, seed=7), run=False)
    found = read(made)
    assert "a Latin hypercube of 4 points in the ranges below, seed 7" in found.text
    assert ["x", "1 … 100, evenly in logarithms", ""] in found.rows


def test_troubles_that_differ_in_numbers_only_are_one():
    reasons = ["", "at x = 1.5e-3: no", "at x = 2: no\nstack", "else"]
    found = troubles(["ok", "failed", "failed", "failed"], reasons, [])
    assert [(one.cases, one.reason) for one in found] == [((1, 2), reasons[1]), ((3,), "else")]


def test_versions_that_differ_and_warnings_of_cases_are_on_top(page):
    assert "Cases were computed with different versions. version of numpy: 2.0 (4 cases)" in (
        page.text
    )
    assert "only 1 voxels (told by 6 of 6 cases)" in page.text
    assert "differs" in page.words


def test_the_file_of_the_volume_goes_by_its_name_and_hash(tmp_path):
    (tmp_path / "secret").mkdir()
    file = tmp_path / "secret" / "cathode.tif"
    file.write_bytes(b"labels")
    made = study(tmp_path, recipe={"volume": {"file": str(file)}})
    text = html.page(made)
    digest = hashlib.sha256(hashlib.sha256(b"labels").digest()).hexdigest()
    assert f"cathode.tif, sha256 {digest}" in text
    assert "secret" not in text


def test_times_are_told_in_all_and_in_the_middle():
    records = [Record(str(s), "ok", provenance={"seconds": s}) for s in (1.0, 3.0, 3600.0)]
    (time,) = provenance.facts([], records)
    assert time.words == (
        "1 h 0 min of computing for 3 cases; shortest 1 s, median 3 s, longest 1 h 0 min"
    )


def test_pictures_show_the_labels_in_the_colours_of_their_phases(whole):
    content = html._content(whole)
    found = pictures.gallery(whole.store, content.records, content.columns)
    assert [one.case for one in found.pictures] == [0, 1, 2, 3, 4, 5]
    source = found.pictures[0].figure.source.partition(",")[2]
    image = np.array(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB"))
    colours = {name: tuple(bytes.fromhex(colour[1:])) for colour, name in found.legend}
    assert image.shape == (6, 4, 3)
    assert tuple(image[0, 0]) == tuple(image[1, 3]) == colours["NMC"]
    assert tuple(image[2, 0]) == colours["pore"]
    assert "NMC 33%" in found.pictures[0].figure.alt


def test_of_many_cases_the_ends_and_the_middle_are_pictured(tmp_path):
    made = study(tmp_path, Grid({"x": list(range(20))}))
    content = html._content(made)
    found = pictures.gallery(made.store, content.records, content.columns)
    why = {one.case: one.figure.caption for one in found.pictures}
    assert set(why) == {0, 9, 10, 19}
    assert why[0].startswith("highest ionic tortuosity factor, pore, z, 3.00 ± 0.12")
    assert why[19].startswith("lowest ionic tortuosity factor")
    assert why[10].startswith("median ionic tortuosity factor")  # the lower one of two, 2.0 of 2.1


@pytest.mark.parametrize(("axis", "shape"), [(0, (6, 7)), (1, (6, 7)), (2, (7, 6))])
def test_the_through_plane_axis_points_down(tmp_path, axis, shape):
    made = study(tmp_path, Grid({"x": [1]}), recipe={"wide": 3, "volume": {"through_axis": axis}})
    content = html._content(made)
    (found,) = pictures.gallery(made.store, content.records, content.columns).pictures
    assert f"{shape[0]} × {shape[1]} voxels" in found.figure.alt


def test_a_slice_that_is_not_what_was_written_is_left_out(tmp_path):
    made = study(tmp_path)
    file = made.store.path(made.cases()[0].key) / "arrays" / "slice.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x07")
    content = html._content(made)
    found = pictures.gallery(made.store, content.records, content.columns)
    assert [one.case for one in found.pictures] == [1, 2, 3, 4, 5]


def test_a_file_is_whole_or_not_there(tmp_path, whole):
    path = tmp_path / "new" / "report.html"
    assert whole.report(path) == path
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(InvalidInputError, match="choose another place"):
        html.write(whole, path / "inside.html")


def test_a_thousand_cases_of_sixty_columns_stay_below_five_megabytes(tmp_path):
    made = study(tmp_path, Grid({"x": list(range(1000))}), run=False)
    random = np.random.default_rng(0)
    records = {}
    for case in made.cases():
        values = {f"quantity_{i}.pore": number(float(value), "m²/m³", float(value) / 30)
                  for i, value in enumerate(random.random(60))}  # fmt: skip
        records[case.key] = Record(case.key, "ok", values=values)
    rows = [(case, "ok", records[case.key]) for case in made.cases()]
    object.__setattr__(made, "records", lambda: iter(rows))
    text = html.page(made)
    assert len(text.encode()) < 5e6
    assert len(Read(text).cases()) == 1000


def test_data_of_a_page_cannot_end_their_element():
    text = data.script_safe(json.dumps("</script><!--\u2028&"))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == "</script><!--\u2028&"


def test_columns_of_errors_join_those_before():
    import pandas as pd

    frame = pd.DataFrame({"k": [10.0], "k ±": [0.5], "n": [3]}, index=pd.Index(["a"], name="who"))
    header, rows = chapters._table(frame)
    assert [cell.words for cell in header] == ["who", "k", "n"]
    assert [cell.words for cell in rows[0]] == ["a", "10.00 ± 0.50", "3"]
