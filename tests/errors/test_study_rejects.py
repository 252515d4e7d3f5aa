"""Studies that cannot be are refused before anything is run, with the word that is wrong."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Engine, Grid, Outcome, Range, Sampled, Study, Table, Zipped, number
from studies._electrode_checks import check_electrode
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


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("porosity_um", "the unit of a length, but porosity is a share: write porosity_percent"),
        ("porosity_MPa", "the unit of a pressure, but porosity is a share"),
        ("areal_capacity_um", "is an areal capacity: write areal_capacity_mAh_cm2 = 4"),
        ("particle_radius_MPa", "is a length: write particle_radius_um = 4"),
        ("thickness_percent", "the unit of a share, but thickness is a length"),
        ("pressure_g_cm3", "the unit of a density, but pressure is a pressure"),
        ("loading_mAh_cm2", "is a mass per area: write loading = 0.2 in kg/m²"),
        ("temperature_mm", "is a temperature: write temperature = 298.15 in K"),
    ],
)
def test_units_that_a_key_cannot_have(key, words):
    for refused in (
        lambda: without_units({"cell": {key: 1.0}}),
        lambda: with_values({"cell": {}}, {f"cell.{key}": 1.0}),
    ):
        with pytest.raises(InvalidInputError, match=f"'{key}' ends with.*{words}"):
            refused()


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
        (
            ("porosity = 0.4", "porosity_um = 4e5"),
            7,
            "'porosity_um' ends with the unit of a length",
        ),
        (("calender.porosity", "calender.porosity_MPa"), 9, "the unit of a pressure"),
        (("[0.4, 0.3]", "[40, 30]"), 7, "'porosity' of step calender is 40"),
        (("porosity = 0.4", "recovery = 2"), 7, "'recovery' of step calender is 2"),
        (("porosity = 0.4", "porosity = 0.4\nthickness_um = 9"), 6, "both porosity and thickness"),
        (("shape", "spacing = 398\nshape"), 4, "398 µm are spacing_um = 398"),
        (("[design", "[characterize]\ntolerance = -1\n[design"), 9, "'tolerance' of .character"),
        (("[design", "[characterize]\naxes = [7]\n[design"), 9, "'axes' of .characterize. is"),
        (("[design", "[materials]\npores = 'LP30'\n[design"), 9, "did you mean 'pore'"),
        (("[design", "[materials]\npore = 'LP30'\nCBD = 'CBD'\n[design"), None, "none for 'NMC'"),
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


WHOLE = {
    "volume": {"generate": "sample_cathode", "shape": [8, 8, 8]},
    "materials": {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"},
    "cell": {"parameters": "Chen2020", "particle_radius": 4e-6, "thickness": 7e-5},
}
SPHERES = {
    "generate": "hard_spheres", "shape": [8, 8, 8], "spacing": 1e-7, "radius": 2e-7, "fraction": 0.3
}  # fmt: skip
PACKED = {
    "step": "generate_electrode", "shape": [8, 8, 8], "spacing": 4e-7,
    "populations": {"NMC": {"fraction": 0.5, "radius": 1e-6}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"volume": SPHERES | {"shape": [-1, 2]}}, "'shape' of .volume. is .-1, 2.: give three"),
        ({"volume": SPHERES | {"shape": [8, 8, 0.5]}}, "give three numbers of voxels"),
        ({"volume": SPHERES | {"spacing": "1um"}}, "'spacing' of .volume.: spacing '1um' is not"),
        ({"volume": SPHERES | {"fraction": 30}}, "30 % is fraction = 0.3"),
        ({"volume": SPHERES | {"fraction": "half"}}, "'fraction' of .volume. is 'half'"),
        ({"volume": SPHERES | {"radius": -2e-7}}, "'radius' of .volume. is -2e-07, but a length"),
        ({"volume": SPHERES | {"seed": -1}}, "'seed' of .volume. is -1"),
        ({"volume": SPHERES | {"phases": {"a": "pore"}}}, "'phases' of .volume. is"),
        ({"volume": SPHERES | {"phases": {"0": "a", "1": "a"}}}, "must be unique"),
        ({"volume": {"generate": "hard_spheres", "shape": [8, 8, 8]}}, "lacks spacing and radius"),
        ({"volume": SPHERES}, "unknown key 'NMC' in .materials.: known are pore, solid"),
        ({"cell": WHOLE["cell"] | {"parameters": "Nope"}}, "'Nope' is no set of PyBaMM"),
        ({"cell": WHOLE["cell"] | {"parameters": "Xu2019"}}, "'Xu2019' of .cell.: .*kind='half'"),
        ({"cell": WHOLE["cell"] | {"active": "NCM"}}, "'NCM' in 'active' .*did you mean 'NMC'"),
        ({"cell": WHOLE["cell"] | {"other": "graphit"}}, "graphit"),
        ({"characterize": {"axes": [1, 2]}}, "'axes' of .characterize. are .1, 2.: add it"),
        ({"characterize": {"axes": 0}}, "'axes' of .characterize. is 0"),
        ({"mechanics": {"lithiation": {"NCM": [0.9, 0.3]}}}, "'NCM' in 'lithiation' of"),
        ({"mechanics": {"interface": ["NMC", "CDB"]}}, "'CDB' in 'interface' of"),
        ({"step": [{"step": "place_binder", "fraction": 0.1, "phase": "PVDF"}]}, "none for 'PVDF'"),
        ({"step": [{"step": "calender"}]}, "'calender' has no target: give one of porosity"),
        ({"volume": None, "step": [PACKED]}, "'CBD' in .materials.: known are pore, NMC"),
        ({"volume": None, "step": [PACKED | {"binder": 0.1, "pore": "void"}]}, "'pore' in"),
        (
            {"step": [{"step": "stack", "layers": [[], [{"step": "calender", "porosity": 30}]]}]},
            "30 % is porosity = 0.3",
        ),
        (
            {"volume": None, "step": [PACKED | {"populations": {"NMC": {"fraction": 0.5}}}]},
            "the population 'NMC' lacks radius",
        ),
    ],
)
def test_recipes_of_electrodes(changed, words):
    recipe = {name: table for name, table in (WHOLE | changed).items() if table is not None}
    check_electrode(WHOLE)
    with pytest.raises(InvalidInputError, match=words):
        check_electrode(recipe)


@pytest.mark.parametrize("asked", ["cell", "mechanics"])
def test_a_cell_or_load_without_materials(asked):
    recipe = {"volume": WHOLE["volume"], asked: {}}
    with pytest.raises(InvalidInputError, match=f"'{asked}' needs materials"):
        check_electrode(recipe)


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("text.tif", {}, "volume.file 'text.tif' "),
        ("text.npy", {}, "volume.file 'text.npy' "),
        ("grey.npy", {}, "holds floating-point values"),
        ("v.npy", {"spacing": None}, "does not say how large a voxel is: write spacing_nm"),
        ("v.npy", {"crop": "x"}, "'crop' of .volume. is 'x': give three pairs"),
        ("v.npy", {"crop": [[0, 9], [0, 6], [0, 6]]}, r"within \[4, 6, 6\]"),
        ("v.npy", {"crop": [[2, 2], [0, 6], [0, 6]]}, "give three pairs"),
        ("v.npy", {"through_axis": 3}, "'through_axis' of .volume."),
        ("v.npy", {"through_axis": 1}, "axis 1, but 'axes'"),
        ("v.npy", {"collector": "left"}, "'collector' of .volume. is 'left'"),
        ("v.npy", {"dtype": "uint8"}, "'dtype' of .volume. is for raw files"),
        ("v.npy", {"phases": {"0": "pore", "1": "LFP"}}, "unknown key 'NMC' in .materials."),
        ("v.raw", {}, "without a header"),
        ("v.raw", {"shape": [4, 6, 6], "dtype": "uint16"}, "has 144 bytes, and .* want 288"),
        ("v.raw", {"shape": [4, 6, 6], "dtype": "integer"}, "'dtype' of .volume."),
        ("gone.npy", {}, "'gone.npy' cannot be read"),
        ("v.doc", {}, "unknown suffix"),
    ],
)
def test_files_of_volumes(tmp_path, name, more, words):
    labels = np.zeros((4, 6, 6), np.uint8)
    np.save(tmp_path / "v.npy", labels)
    np.save(tmp_path / "grey.npy", labels + 0.5)
    labels.tofile(tmp_path / "v.raw")
    for text in ("text.tif", "text.npy", "v.doc"):
        (tmp_path / text).write_text("no volume")
    sound = {"file": str(tmp_path / "v.npy"), "spacing": 1e-7, "crop": [[0, 4], [1, 6], [0, -1]]}
    recipe = WHOLE | {"characterize": {"axes": [0]}}
    check_electrode(recipe | {"volume": sound})
    given = sound | {"file": str(tmp_path / name)} | more
    volume = {key: value for key, value in given.items() if value is not None}
    with pytest.raises(InvalidInputError, match=words):
        check_electrode(recipe | {"volume": volume})


def test_a_file_is_looked_at_once_for_all_cases_and_again_when_it_changes(tmp_path, monkeypatch):
    import os

    import microstructures

    file, seen, real = tmp_path / "v.npy", [], microstructures.probe
    monkeypatch.setattr(microstructures, "probe", lambda path: seen.append(path) or real(path))
    np.save(file, np.zeros((4, 6, 6), np.uint8))
    recipe = {"volume": {"file": str(file), "spacing": 1e-7}}
    points = Grid({"calender.porosity": [0.2 + 1e-3 * n for n in range(100)]})
    Study(recipe | {"step": [{"step": "calender"}]}, points, tmp_path / "s")
    assert len(seen) == 1
    file.write_text("no volume")
    os.utime(file, (1, 1))
    with pytest.raises(InvalidInputError, match=r"volume\.file 'v\.npy'"):
        check_electrode(recipe)


def test_sets_of_cells_are_loaded_once_at_most(monkeypatch):
    from twin.performance import InCell

    loaded = []
    monkeypatch.setattr(InCell, "check", lambda asked: loaded.append(asked.parameters))
    for thickness in (6e-5, 7e-5, 8e-5):
        for name in ("Chen2020", "Of2035"):
            cell = WHOLE["cell"] | {"parameters": name, "thickness": thickness}
            check_electrode(WHOLE | {"cell": cell})
    assert loaded == ["Of2035"]
