"""Studies that cannot be are refused before anything is run, with the word that is wrong."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Engine, Grid, Outcome, Range, Sampled, Study, Table, Zipped, number
from studies.case import Case, task_function
from studies.cli import main
from studies.constraints import constrained
from studies.recipe import with_values, without_units

ONE = {"a": Range(0, 1)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Grid({}), "no parameter"),
        (lambda: Grid({"a": []}), "'a' has no value"),
        (lambda: Grid({"a": "text"}), "give a list"),
        (lambda: Grid({"a": 3}), "give a list"),
        (lambda: Grid({"a": [1, 2, 1.0]}), "a value twice"),
        (lambda: Grid({"a": [[1], [1]]}), "a value twice"),
        (lambda: Grid({n: list(range(101)) for n in "abc"}), "1030301 points"),
        (lambda: Zipped({"a": [1], "b": [1, 2]}), "as many values each"),
        (lambda: Range(1, 1), "low < high"),
        (lambda: Range(2, 1), "low < high"),
        (lambda: Range(0, math.inf), "low < high"),
        (lambda: Range("a", "b"), "low < high"),
        (lambda: Range(False, True), "low < high"),
        (lambda: Range(0, 1, log=True), "above 0"),
        (lambda: Sampled({}, 4), "at least one parameter"),
        (lambda: Sampled(ONE, 0), "count is 0"),
        (lambda: Sampled(ONE, 4.0), "count is 4.0"),
        (lambda: Sampled(ONE, 4, -1), "seed is -1"),
        (lambda: Sampled(ONE, 12, 0, "sobol"), "such as 16"),
        (lambda: Sampled(ONE, 4, 0, "halton"), "'halton' is unknown"),
        (lambda: Table(()), "no row"),
        (lambda: Table(({"a": 1}, {"b": 1})), "row 2"),
        (lambda: Table(({"a": ""},)), "row 1"),
        (lambda: Table(({"a": math.nan},)), "row 1"),
        (lambda: Table.read("none.csv"), "cannot be read"),
    ],
)
def test_designs(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no row"),
        ("a,b\n", "no row"),
        ("a,a\n1,2\n", "one name: a, a"),
        ("a,b\n1,2,3\n", "row 1 has 3 values for 2 columns"),
        ("a,b\n1,2\n3\n", "row 2 has 1 values"),
        ("a,b\n1,\n", "row 1"),
        ("a\ninf\n", "row 1"),
        ("a\n\xff\n", "cannot be read"),
    ],
)
def test_tables_of_points(tmp_path, text, words):
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInputError, match=words):
        Table.read(path)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("a <", "cannot be read"),
        ("a < c", "'c'"),
        ("a.x < 1", "what is"),
        ("a + b", "no comparison"),
        ("open('x') == 1", "what is"),
        ("a.__class__ == 1", "what is"),
        ("(lambda: 1)() == a", "what is"),
        ("[a][0] == 1", "what is"),
        ("a < 'text'", "at {'a': 1"),
        ("1 / (a - 1) < 2", "division by zero"),
        ("a > 5", "no point of the design"),
        (3, "no comparison"),
    ],
)
def test_constraints(constraint, words):
    with pytest.raises(InvalidInputError, match=words):
        constrained([{"a": 1, "b": 2}], [constraint])


STEPS = [{"step": "calender", "porosity": 0.4}, {"step": "press"}, {"step": "press"}]


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"calander.porosity": 1}, "did you mean 'calender'"),
        ({"press.porosity": 1}, "2 steps are called 'press'"),
        ({"step.4.porosity": 1}, "steps 1…3"),
        ({"step.first.porosity": 1}, "steps 1…3"),
        ({"cell.deep.er": 1}, "there is no 'deep'"),
        ({"cell.radius.x": 1}, "radius is no table"),
        ({"cell.thickness_um": "thick"}, "thickness_um is 'thick'"),
        ({"cell.thickness_um": True}, "thickness_um is True"),
        ({"cell.thickness_um": 1, "cell.thickness": 2}, "given twice"),
        ({"calender.porosity": 1, "step.1.porosity": 2}, "given twice"),
    ],
)
def test_paths_of_parameters(point, words):
    with pytest.raises(InvalidInputError, match=words):
        with_values({"step": STEPS, "cell": {"radius": 1.0}}, point)


def test_a_key_with_and_without_its_unit():
    with pytest.raises(InvalidInputError, match="gives thickness again"):
        without_units({"thickness": 1, "thickness_um": 2})


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, object(), np.zeros(2)])
def test_recipes_that_json_cannot_hold(value):
    with pytest.raises(InvalidInputError, match="stored as JSON"):
        Case("a:b", 1, {"x": value})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("square", "no importable name"),
        ("trial:", "no importable name"),
        ("__main__:square", "put it into a module"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("trial:nothing", "nothing"),
        ("trial:no_version", "mark it with @studies.task"),
        ("trial:DOES", "is no function"),
        ("broken:f", "SyntaxError"),
        ("json:f", "has the name of another"),
    ],
)
def test_tasks(tmp_path, name, words):
    trial = (Path(__file__).resolve().parents[1] / "tasks" / "trial.py").read_bytes()
    (tmp_path / f"{tmp_path.name}.py").write_bytes(trial)
    (tmp_path / "broken.py").write_text("def f(:")
    (tmp_path / "json.py").write_text("f = 1")
    with pytest.raises(InvalidInputError, match=words):
        task_function(name.replace("trial", tmp_path.name), str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "slurm"}, "unknown"),
        ({"kind": "dask"}, "address"),
        ({"kind": "local", "address": "tcp://a:1"}, "address"),
        ({"workers": 0}, "workers is 0"),
        ({"workers": 1.5}, "workers is 1.5"),
        ({"attempts": 0}, "attempts is 0"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": math.nan}, "timeout is nan"),
        ({"memory": -1}, "memory is -1"),
        ({"arch": "tpu"}, "arch 'tpu' is unknown"),
        ({"kind": "serial", "timeout": 3}, "choose engine='local'"),
        ({"kind": ThreadPoolExecutor(1), "timeout": 3}, "choose engine='local'"),
    ],
)
def test_engines(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        Engine(**arguments)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Outcome({}, "failed"), "status is 'failed'"),
        (lambda: Outcome({"y": 3.0}), "studies.number"),
        (lambda: Outcome({"y": {"value": 3.0}}), "studies.number"),
    ],
)
def test_outcomes(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_numbers_that_are_none():
    assert number(math.inf) == {"value": None, "unit": "1"}
    assert number(1.0, "m", math.nan) == {"value": 1.0, "unit": "m"}


SOUND = """
[volume]
generate = "sample_cathode"
shape = [8, 8, 8]
[[step]]
step = "calender"
porosity = 0.4
[design.parameters]
calender.porosity = [0.4, 0.3]
"""


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        (("[volume]", "[volumes]"), 2, "unknown key 'volumes'.*did you mean 'volume'"),
        (("shape", "shapes = 1\nshape"), 4, "did you mean 'shape'"),
        (('"sample_cathode"', '"sample_anode"'), 3, "'sample_anode' is no generator"),
        (('"calender"', '"calander"'), 9, "did you mean 'calander'"),
        (("porosity = 0.4", "porosities = 0.4"), 7, "porosities"),
        (("calender.porosity", "calander.porosity"), 9, "did you mean 'calender'"),
        (("calender.porosity", "calender.porosities"), 9, "porosities"),
        (("[0.4, 0.3]", "[]"), 9, "'calender.porosity' has no value"),
        (("[0.4, 0.3]", "[0.4, 0.4]"), 9, "twice"),
        (("[0.4, 0.3]", "0.4"), 9, "give a list"),
        (("[design.param", "[design.params\n[design.param"), None, "no readable TOML"),
        (("[design", "[cell]\nthickness_um = 'x'\n[design"), 9, "thickness_um is 'x'"),
        (("[design", "[cell]\nthicknes_um = 7\n[design"), 9, "unknown key 'thicknes'"),
        (("[design", "[materials]\npore = 'LP31'\n[design"), 9, "LP31"),
        (("[design", "[design]\nkind = 'grit'\n[design"), 9, "did you mean 'grid'"),
        (("[design", "[design]\nconstraint = []\n[design"), 9, "unknown key 'constraint'"),
        (("[design", "[design]\nconstraints = 'a'\n[design"), 9, "write a list"),
        (("[design", "[design]\ncount = 3\n[design"), 9, "unknown key 'count'"),
        (("[design", "[design]\nkind = 'sobol'\n[design"), 9, "number of points"),
        (("[design", "[design]\nkind='sobol'\ncount='a'\n[design"), None, "write a range"),
        (("[design", "[design]\nkind = 'table'\n[other"), None, "unknown key 'other'"),
        (("[[step]]", "[step]"), 5, "two brackets"),
        (("step =", "stop ="), None, "calender"),
        (("[8, 8, 8]", "[8, 8, 8]\nfile = 'study.toml'"), 5, "either 'file' or 'generate'"),
        (('"calender"', '"generate_electrode"'), 9, "calender"),
        (
            ('[volume]\ngenerate = "sample_cathode"\nshape = [8, 8, 8]', ""),
            None,
            "'calender' wants a volume",
        ),
    ],
)
def test_study_files(tmp_path, capsys, wrong, line, words):
    assert wrong[0] in SOUND
    path = tmp_path / "study.toml"
    path.write_text(SOUND.replace(*wrong, 1))
    with pytest.raises(InvalidInputError, match=words) as error:
        Study.from_toml(path)
    if line is not None:
        assert f"line {line}:" in str(error.value)
    assert main(["study", "run", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {path}")
    assert [left.name for left in tmp_path.iterdir()] == ["study.toml"]


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InvalidInputError, match=r"there is no study file.*none\.toml"):
        Study.from_toml(tmp_path / "none.toml")
    path = tmp_path / "study.toml"
    path.write_text('[volume]\nfile = "none.tif"\n')
    with pytest.raises(
        InvalidInputError, match=r"line 2: volume.file .*none.tif.*look at the path"
    ):
        Study.from_toml(path)


def test_a_task_may_refuse_recipes_before_anything_is_run(tmp_path):
    (tmp_path / f"{tmp_path.name}.py").write_text(
        "from studies import Outcome, task\n"
        "from microstructures.errors import InvalidInputError\n"
        "def check(recipe):\n"
        "    if recipe['x'] > 1: raise InvalidInputError(f'x is {recipe[\"x\"]}')\n"
        "@task(version=1, check=check)\n"
        "def f(recipe): return Outcome({})\n"
    )
    with pytest.raises(InvalidInputError, match="x is 2"):
        Study({}, Grid({"x": [1, 2]}), tmp_path, task=f"{tmp_path.name}:f", modules=tmp_path)


def test_statuses_to_be_run_again(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(SOUND)
    study = Study.from_toml(path)
    with pytest.raises(InvalidInputError, match="did you mean 'timed out'"):
        study.run("serial", retry=["timedout"])


TASKS = Path(__file__).resolve().parents[1] / "tasks"


def test_options_that_nobody_would_heed(tmp_path):
    study = Study({}, Grid({"x": [1]}), tmp_path / "s", task="trial:square", modules=TASKS)
    with pytest.raises(InvalidInputError, match="timeout belong to the engine"):
        study.run(Engine("serial"), timeout=3)
    with pytest.raises(InvalidInputError, match=r"wrokers.*an engine takes workers, address"):
        study.run("local", wrokers=3)
    for first in (-1, True, 1.5):
        with pytest.raises(InvalidInputError, match="first is"):
            study.run("serial", first=first)


@pytest.mark.parametrize("name", ["status", "reason"])
def test_names_of_columns_that_are_taken(tmp_path, name):
    with pytest.raises(InvalidInputError, match="a column of its own: rename the parameter"):
        Study({}, Grid({name: [1]}), tmp_path / "s", task="trial:square", modules=TASKS)
    with pytest.raises(InvalidInputError, match="a column of its own: rename the value"):
        Outcome({name: {"value": 1.0, "unit": "m"}})


@pytest.mark.parametrize(
    "about",
    [
        {"value": "abc", "unit": "m"},
        {"value": "", "unit": "m"},
        {"value": True, "unit": "m"},
        {"value": 1.0, "unit": None},
        {"value": 1.0, "unit": "m", "uncertainty": None},
    ],
)
def test_values_that_are_none(about):
    with pytest.raises(InvalidInputError, match=r"studies\.number"):
        Outcome({"y": about})
