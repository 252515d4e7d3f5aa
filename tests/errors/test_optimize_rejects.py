"""Searches that cannot be are refused before anything is run, with the word that is wrong."""

import sys
from pathlib import Path

import pytest

from microstructures.errors import InvalidInputError
from studies import Optimisation, Range, Study
from studies.optimise.margins import violation

TASKS = Path(__file__).resolve().parents[1] / "tasks"
UNIT = {"x": Range(0, 1), "y": Range(0, 1)}


def search(folder, parameters=UNIT, recipe=None, **wanted):
    about = {"folder": folder / "s", "task": "optimised:hill", "modules": TASKS}
    return Optimisation(recipe or {}, parameters, **(about | {"maximise": "sum"} | wanted))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"maximise": ()}, "nothing to optimise"),
        ({"maximise": 3}, "maximise is 3: give a text"),
        ({"maximise": ["a", 1]}, "give a text"),
        ({"minimise": "sum"}, "'sum' is an objective twice"),
        ({"constraints": 1}, "constraints is 1"),
        ({"constraints": ["x"]}, "'x' is no comparison"),
        ({"constraints": ["x <"]}, "'x <' is no comparison"),
        ({"constraints": ["x + y > 3"]}, "no point of 300 satisfies the constraints"),
        ({"count": 0}, "count is 0"),
        ({"count": 3.0}, "count is 3.0"),
        ({"count": True}, "count is True"),
        ({"count": 10_001}, "1…10000"),
        ({"batch": 0}, "batch is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"sampler": "cma"}, "choose one of tpe, nsga2, random, sobol"),
        ({"task": "optimised:nothing"}, "cannot be imported"),
        ({"questions": {"nonsense": {}}}, "'nonsense' is unknown"),
        ({"parameters": {}}, "there is no parameter"),
        ({"parameters": ["x"]}, "there is no parameter"),
        ({"parameters": {"x": 3}}, "'x' is 3: give a list"),
        ({"parameters": {"x": "text"}}, "give a list"),
        ({"parameters": {"x": []}}, "'x' has no value"),
        ({"parameters": {"x": [1, 1.0]}}, "a value twice"),
        ({"parameters": {"none.x": Range(0, 1)}}, "leads nowhere"),
        ({"recipe": {"x": 1, "refuses_above": -1}}, "the task takes no more"),
        ({"recipe": {"volume": {"file": "none.tif"}}}, "cannot be read"),
    ],
)
def test_searches(tmp_path, wanted, words):
    with pytest.raises(InvalidInputError, match=words):
        search(tmp_path, **wanted)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"maximise": "summ"}, "objective 'summ' is a value of no case: did you mean 'sum'"),
        ({"minimise": "reason"}, "objective 'reason' is a value of no case"),
        ({"constraints": "summ < 3"}, "constraint 'summ < 3' cannot be read"),
        ({"constraints": "sum + 1 and x < 2"}, "no comparison"),
    ],
)
def test_names_that_no_case_has_end_the_search_after_its_first_batch(tmp_path, wanted, words):
    found = search(tmp_path, **wanted)
    with pytest.raises(InvalidInputError, match=words):
        found.run("serial")
    assert len([*(tmp_path / "s" / "cases").glob("??/*")]) == 8


def test_a_text_is_no_objective(tmp_path):
    found = search(tmp_path, {"x": [1, 2], "y": [1, 2], "kind": ["A", "B"]}, minimise="kind")
    with pytest.raises(InvalidInputError, match="objective 'kind' is no number"):
        found.run("serial")


@pytest.mark.parametrize("wanted", [{"retry": "fialed"}, {"workers": 0}])
def test_runs(tmp_path, wanted):
    found = search(tmp_path, count=8)
    for _ in range(2):  # also when nothing is left to be run
        with pytest.raises(InvalidInputError, match=r"fialed|workers is 0"):
            found.run("serial", **wanted)
        found.run("serial")


def test_best_and_front_are_for_one_and_for_several_objectives(tmp_path):
    one, two = search(tmp_path, count=8), search(tmp_path, count=8, minimise="cell.norm.1")
    for ask in (one.best, two.front):
        with pytest.raises(InvalidInputError, match="8 not run"):
            ask()
    one.run("serial")
    assert two.status().is_complete, "over the same store, and the first batch is the same"
    with pytest.raises(InvalidInputError, match="ask for pareto_front"):
        two.best()
    with pytest.raises(InvalidInputError, match="ask for best_case"):
        one.front()
    assert one.best().title
    assert two.front().title


def test_a_volume_that_changes_during_the_search_is_refused(tmp_path):
    import numpy as np

    np.save(tmp_path / "v.npy", np.zeros((4, 4, 4), np.uint8))
    recipe = {"volume": {"file": str(tmp_path / "v.npy")}}
    found = search(tmp_path, recipe=recipe, count=16)
    found.run("serial", first=8)
    np.save(tmp_path / "v.npy", np.ones((4, 4, 4), np.uint8))
    with pytest.raises(InvalidInputError, match="has changed since the search was made"):
        found.run("serial")


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InvalidInputError, match=r"pip install 'electrode-twin\[optimize\]'"):
        search(tmp_path)


@pytest.mark.parametrize("text", ["x", "x + 1", "x < 1 and x", "not x", "f(x) < 1", "x < z", "x <"])
def test_what_is_no_comparison_has_no_violation(text):
    with pytest.raises(InvalidInputError, match="constraint"):
        violation(text, ["x"])


def of_file(folder, table):
    """The search of a study file whose table [optimise] has these lines."""
    (folder / f"{folder.name}.py").write_bytes((TASKS / "optimised.py").read_bytes())
    path = folder / "search.toml"
    path.write_text(f'task = "{folder.name}:hill"\n[optimise]\n{table}\n')
    return Study.from_toml(path)


def test_a_file_says_what_the_same_search_in_python_says(tmp_path):
    parameters = "[optimise.parameters]\nx = {from = 0.2, to = 4, log = true}\ny = [0.5, 1]"
    found = of_file(tmp_path, f'maximise = "sum"\ncount = 5\nbatch = 2\nseed = 3\n{parameters}')
    spaces = {"x": Range(0.2, 4, log=True), "y": [0.5, 1]}
    about = {"maximise": "sum", "count": 5, "batch": 2, "seed": 3, "task": found.task}
    same = Optimisation(
        {}, spaces, **about, name="search", folder=tmp_path / "search.study", modules=tmp_path
    )
    assert found == same
    assert found.run("serial").is_complete
    assert found.frame().equals(same.frame())


XY = "parameters = {x = {from = 0, to = 1}, y = {from = 0, to = 1}}"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('maximize = "e"', "line 3.*unknown key 'maximize'.*did you mean 'maximise'"),
        ('maximise = "sum"', r"write a table \[optimise.parameters\]"),
        ("parameters = 3", "'parameters' is 3"),
        ("parameters = {x = 3}", "parameter 'x' is 3: write a range"),
        ("parameters = {x = {from = 1}}", "'x"),
        ("parameters = {x = {from = 1, to = 2, step = 1}}", "unknown key 'step'"),
        ("parameters = {x = {from = 2, to = 1}}", "low < high"),
        (XY, "nothing to optimise"),
        (f'{XY}\nmaximise = "sum"\n[design]', "leave out one"),
    ],
)
def test_tables_of_files(tmp_path, table, words):
    with pytest.raises(InvalidInputError, match=words):
        of_file(tmp_path, table)
