"""A search finds known optima, and goes on after any interruption as if there had been none."""

import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Engine, EngineError, Grid, Optimisation, Range, Study, hypervolume
from studies.optimise.margins import violation
from studies.store import Store

TASKS = Path(__file__).resolve().parents[1] / "tasks"
UNIT = {"x": Range(0, 1), "y": Range(0, 1)}


def search(folder, task, parameters, recipe=None, **wanted):
    """Of a task of the tests, whose calls are noted in the file "log"."""
    recipe = {"log": str(folder / "log"), **(recipe or {})}
    about = {"folder": folder / "s", "task": f"optimised:{task}", "modules": TASKS}
    return Optimisation(recipe, parameters, **about, **wanted)


def calls(folder):
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


def rows(found):
    """The table without the log, whose place is part of a case's key."""
    return found.frame(uncertainty=True).reset_index(drop=True)


def test_the_least_of_branins_function_is_found(tmp_path):
    """0.397887, from 100 cases; of as many at random the best is mostly 0.2 to 0.9 above it."""
    found = search(
        tmp_path, "branin", {"x": Range(-5, 10), "y": Range(0, 15)}, minimise="f", count=100
    )
    assert str(found.run("serial")) == "100 cases: 100 ok"
    assert found.frame()["f"].min() == pytest.approx(0.397887, abs=0.1)
    assert len(calls(tmp_path)) == 100


def test_the_largest_sum_on_a_disk_is_where_the_constraint_is_active(tmp_path):
    found = search(tmp_path, "hill", UNIT, maximise="sum", constraints="cell.norm.1 <= 1", count=90)
    found.run("serial")
    best = found.best()
    assert np.sqrt(2) >= best.values["sum"]["value"] > 1.39
    assert "satisfy the constraints" in best.text
    infeasible = (found.frame()["cell.norm.1"] > 1).sum()
    assert 0 < infeasible < 60, "the search learns where the constraint holds"


def test_constraints_of_parameters_leave_points_out_before_they_are_run(tmp_path):
    limits = ("x + 2 * y < 1", "sum > 0.1")
    found = search(tmp_path, "hill", UNIT, maximise="sum", constraints=limits, count=40)
    found.run("serial")
    frame = found.frame()
    assert len(frame) == len(calls(tmp_path)) == 40
    assert (frame["x"] + 2 * frame["y"] < 1).all()
    assert frame["sum"].max() > 0.9


def test_the_front_of_schaffers_problem_is_filled(tmp_path):
    """√a + √b = 2: of the square below (4, 4) it betters 40/3."""
    found = search(
        tmp_path, "schaffer", {"x": Range(-10, 10)}, minimise=["a", "b"], count=80, batch=10
    )
    found.run("serial")
    values = found.frame()[["a", "b"]].to_numpy()
    assert 0.95 < hypervolume(values, [4, 4]) / (40 / 3) < 1
    assert found.front().table["x"].between(-0.2, 2.2).all()


@pytest.mark.parametrize("sampler", ["nsga2", "random", "sobol"])
def test_other_samplers_search_too_and_repeat_themselves(sampler, tmp_path):
    goals = {"minimise": ["a", "b"], "sampler": sampler, "count": 40}
    found = search(tmp_path, "schaffer", {"x": Range(-10, 10)}, **goals)
    found.run("serial")
    points = rows(found)["x"]
    assert points.nunique() == 40
    assert points.between(-10, 10).all()
    assert hypervolume(rows(found)[["a", "b"]], [4, 4]) > 0.5 * 40 / 3
    (tmp_path / "t").mkdir()
    other = search(tmp_path / "t", "schaffer", {"x": Range(-10, 10)}, **goals)
    for _ in range(6):
        status = other.run("serial", first=7)
    assert status.is_complete
    assert rows(other).equals(rows(found))


GOALS = {"maximise": "sum", "constraints": "cell.norm.1 <= 1", "count": 30, "batch": 6}
FAILS = {"fails": [0.5, 0.6], "status": "not converged"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A search in one go, in which some cases do not converge."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = search(folder, "hill", UNIT, FAILS, **GOALS)
    found.run("serial")
    table = rows(found)
    assert set(table["status"]) == {"ok", "not converged"}
    return table


def same(folder, recipe=FAILS):
    return search(folder, "hill", UNIT, recipe, **GOALS)


def test_a_search_stopped_after_each_case_is_the_undisturbed_one(undisturbed, tmp_path):
    for done in range(1, 30):
        status = same(tmp_path).run("serial", first=1)
        assert (status.cases, status.counts["not run"]) == (30, 30 - done)
        assert len(calls(tmp_path)) == done
    assert same(tmp_path).run("serial").is_complete
    assert len(calls(tmp_path)) == 30
    assert rows(same(tmp_path)).equals(undisturbed)


def test_a_search_whose_process_is_killed_is_the_undisturbed_one(undisturbed, tmp_path):
    """kill -9 in the middle of the third batch, of a case that is run again."""
    script = tmp_path / "run.py"
    script.write_text(
        f"from studies import Optimisation, Range\n"
        f"from pathlib import Path\n"
        f"recipe = {FAILS | {'log': str(tmp_path / 'log')}!r}\n"
        f"unit = {{'x': Range(0, 1), 'y': Range(0, 1)}}\n"
        f"import sys; sys.path.insert(0, {str(TASKS)!r})\n"
        f"import optimised, os, signal\n"
        f"begun = optimised.begun\n"
        f"def dying(recipe):\n"
        f"    begun(recipe)\n"
        f"    if len(Path(recipe['log']).read_text().split()) == 16:\n"
        f"        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"optimised.begun = dying\n"
        f"Optimisation(recipe, unit, folder={str(tmp_path / 's')!r}, task='optimised:hill', "
        f"modules={str(TASKS)!r}, **{GOALS!r}).run('serial')\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = len(calls(tmp_path))
    stored = 30 - same(tmp_path).status().counts["not run"]
    assert 12 < stored < before <= 16
    assert same(tmp_path).run("serial").is_complete
    assert len(calls(tmp_path)) == before + 30 - stored
    assert rows(same(tmp_path)).equals(undisturbed)


def test_lost_records_are_computed_again_and_nothing_else(undisturbed, tmp_path):
    whole = same(tmp_path)
    whole.run("serial")
    keys = whole.frame().index.tolist()
    chosen = random.Random(0).sample(range(30), 7)
    for place in chosen:
        whole.store.remove(keys[place])
    assert whole.status().counts["not run"] >= 7
    asked = len(whole.frame())
    assert asked <= 6 * (min(chosen) // 6 + 1), "what follows is not known without them"
    assert same(tmp_path).run("serial").is_complete
    xs = undisturbed["x"]
    assert sorted(map(float, calls(tmp_path)[30:])) == sorted(xs[place] for place in chosen)
    assert rows(same(tmp_path)).equals(undisturbed)


def test_a_corrupted_record_is_computed_again(undisturbed, tmp_path):
    whole = same(tmp_path)
    whole.run("serial")
    path = whole.store.path(whole.frame().index[8]) / "record.json"
    path.write_text(path.read_text().replace("J", "j"))
    assert whole.status().counts["corrupted"] == 1
    assert whole.run("serial").is_complete
    assert calls(tmp_path)[30:] == [str(undisturbed["x"][8])]
    assert rows(whole).equals(undisturbed)


def test_workers_and_the_order_in_which_cases_end_change_nothing(undisturbed, tmp_path):
    found = same(tmp_path, FAILS | {"seconds": 0.01})
    with ThreadPoolExecutor(3) as pool:
        assert found.run(pool, workers=3).is_complete
    assert sorted(calls(tmp_path)) == sorted(map(str, undisturbed["x"]))
    assert rows(found).equals(undisturbed)


@pytest.mark.slow
def test_processes_that_stay_for_all_batches_change_nothing(undisturbed, tmp_path, monkeypatch):
    started = []
    begin = Engine.started
    monkeypatch.setattr(Engine, "started", lambda self: started.append(self) or begin(self))
    found = same(tmp_path)
    assert found.run("local", workers=2).is_complete
    assert len(started) == 1
    assert rows(found).equals(undisturbed)


def test_workers_are_started_once_and_only_if_needed(tmp_path, monkeypatch):
    started = []
    begin = Engine.started
    monkeypatch.setattr(Engine, "started", lambda self: started.append(self) or begin(self))
    assert same(tmp_path).run("serial").is_complete
    assert len(started) == 1
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    assert same(tmp_path).run(pool).is_complete
    assert len(started) == 1
    assert len(calls(tmp_path)) == 30


@pytest.mark.parametrize("status", ["failed", "not converged", "does not percolate"])
def test_cases_without_a_result_stay_with_their_reason_and_the_search_goes_on(status, tmp_path):
    """Where the sum would be largest there is nothing: it is not looked for there for ever."""
    recipe = {"fails": [0.7, 2.0], "status": status}
    found = search(tmp_path, "hill", UNIT, recipe, maximise="sum", count=60)
    counts = found.run("serial").counts
    assert counts["ok"] + counts[status] == 60
    assert counts["ok"] > 35
    frame = found.frame()
    lost = frame[frame["status"] == status]
    assert (lost["x"] >= 0.7).all()
    assert lost["reason"].str.contains("Error: ").all()
    assert lost["sum"].isna().all()
    assert found.best().values["sum"]["value"] > 1.5
    assert f"{counts[status]} {status}" in found.best().text


def test_what_violates_a_constraint_is_nearer_than_what_has_no_result(tmp_path):
    """Nothing is feasible: the least violation is at x = 1, and there is nothing below 0.5."""
    recipe = {"fails": [-1.0, 0.5], "status": "failed"}
    found = search(
        tmp_path, "hill", UNIT, recipe, maximise="y", constraints="sum - y > 3", count=60
    )
    found.run("serial")
    late = found.frame()["x"][30:]
    assert (late > 0.5).mean() > 0.8
    assert late.mean() > 0.75


def test_a_search_in_which_nothing_has_a_result_ends(tmp_path):
    recipe = {"fails": [-1.0, 2.0], "status": "failed"}
    found = search(tmp_path, "hill", UNIT, recipe, maximise="nonsense", count=20)
    assert found.run("serial").counts == {"failed": 20}
    with pytest.raises(InvalidInputError, match="20 failed"):
        found.best()


def test_what_is_blocked_has_a_result_as_far_as_its_numbers_are_known(tmp_path):
    recipe = {"blocked_below": 0.5}
    known = search(tmp_path, "hill", UNIT, recipe, minimise="cell.norm.1", count=24)
    counts = known.run("serial").counts
    assert counts["does not percolate"] > 12, "where the least norm is"
    assert known.best().values["cell.norm.1"]["value"] < 0.1
    unknown = search(tmp_path, "hill", UNIT, recipe, minimise="sum", count=24)
    unknown.run("serial")
    assert unknown.best().values["sum"]["value"] >= 0.5
    assert "does not percolate" in unknown.best().text
    limit = {"maximise": "y", "constraints": "sum > 0.1", "count": 24}
    unknown = search(tmp_path, "hill", UNIT, recipe, **limit)
    unknown.run("serial")
    assert (unknown.best().table["x"] >= 0.5).all(), "where the constraint is known"


def test_numbers_of_what_has_not_converged_count_for_nothing(tmp_path):
    found = search(tmp_path, "hill", UNIT, {"doubtful_above": 0.7}, maximise="sum", count=24)
    assert found.run("serial").counts["not converged"] > 0
    assert found.frame()["sum"].max() > found.best().values["sum"]["value"]
    assert (found.best().table["x"] <= 0.7).all()


def test_a_batch_in_which_no_case_has_the_number_is_no_slip(tmp_path):
    recipe = {"omitted_below": 0.5}
    found = search(tmp_path, "hill", UNIT, recipe, maximise="sum", count=12, batch=1)
    assert found.run("serial").counts == {"ok": 12}
    assert found.frame()["sum"].isna().any()


def test_failed_cases_are_run_again_if_asked_for(tmp_path, monkeypatch):
    found = same(tmp_path)
    found.run("serial")
    before = found.frame()
    lost = (before["status"] == "not converged").sum()
    again = found.run("serial", retry="not converged")
    assert again.counts == {"ok": 30 - lost, "not converged": lost}
    assert len(calls(tmp_path)) == 30 + lost
    assert found.frame().equals(before)


def test_a_batch_that_cannot_be_stored_ends_the_search(tmp_path, monkeypatch):
    found = same(tmp_path)
    found.run("serial", first=6)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", full)
        status = found.run("serial")
    words = "not run: No space left on device in the store"
    counts = dict(status.counts)
    assert (counts.pop(words), counts.pop("not run"), sum(counts.values())) == (6, 18, 6)
    assert not status.is_complete
    assert len(calls(tmp_path)) == 12
    assert found.run("serial").is_complete


class Broken(Executor):
    """Whose workers die after a few cases."""

    def __init__(self, left):
        self.left = left

    def submit(self, function, *arguments):
        from concurrent.futures import Future
        from concurrent.futures.process import BrokenProcessPool

        future, self.left = Future(), self.left - 1
        if self.left < 0:
            future.set_exception(BrokenProcessPool("gone"))
        else:
            future.set_result(function(*arguments))
        return future


def test_workers_that_are_gone_are_told_and_what_they_finished_counts(undisturbed, tmp_path):
    with pytest.raises(EngineError, match="it starts no other"):
        same(tmp_path).run(Broken(10), workers=1)
    assert len(calls(tmp_path)) == 10
    assert same(tmp_path).run("serial").is_complete
    assert len(calls(tmp_path)) == 30
    assert rows(same(tmp_path)).equals(undisturbed)


KINDS = {"kind": ["CMC", "PVDF", "none", "PTFE"], "count": range(1, 7)}


def test_lists_are_searched_and_no_case_is_asked_twice(tmp_path):
    found = search(tmp_path, "table", KINDS, maximise="g", count=100)
    status = found.run("serial")
    assert status.counts == {"ok": status.cases}
    assert status.cases == 24, "all of them: there are no others"
    assert len(calls(tmp_path)) == status.cases
    assert found.best().table.iloc[0]["kind"] == "PVDF"
    assert found.best().values["g"]["value"] == 3.0
    assert "no number" in found.best().text
    assert found.status().is_complete


def test_a_search_ends_when_the_constraints_leave_no_other_point(tmp_path):
    found = search(tmp_path, "table", KINDS, maximise="g", constraints="count < 4", count=100)
    assert found.run("serial").counts == {"ok": 12}
    assert set(found.frame()["count"]) == {1, 2, 3}


def test_the_best_of_a_list_is_found_early(tmp_path):
    many = {"kind": ["CMC", "PVDF", "none", "PTFE"], "count": list(range(20, 0, -1))}
    found = search(tmp_path, "table", many, maximise="g", count=40)
    found.run("serial")
    assert found.frame()["g"].max() == 3.0


def test_points_are_rounded_to_a_millionth_of_their_range(tmp_path):
    spans = {"x": Range(1e-9, 1e-6, log=True), "y": Range(1000.0, 1001.0)}
    found = search(tmp_path, "hill", spans, maximise="sum", count=24)
    frame = found.frame()
    assert len(frame) == 8, "the first batch is known before anything is run"
    assert frame["x"].between(1e-9, 1e-6).all()
    assert np.allclose(frame["y"] * 1e6, np.round(frame["y"] * 1e6), rtol=0, atol=1e-6)
    grain = 10.0 ** np.floor(np.log10(1e-6 * frame["x"] * np.log(1000)))
    assert np.allclose(frame["x"] / grain, np.round(frame["x"] / grain), rtol=0, atol=1e-3)
    assert (frame["x"] < 1e-7).mean() > 0.4, "in logarithms"


def test_a_seed_and_a_batch_have_points_of_their_own(tmp_path):
    for other in ({"seed": 1}, {"batch": 5}):
        found = search(tmp_path, "hill", UNIT, **(GOALS | other))
        found.run("serial", first=12)
    assert len(set(calls(tmp_path))) > 20


def test_more_cases_go_on_where_fewer_ended(tmp_path):
    same(tmp_path).run("serial")
    more = search(tmp_path, "hill", UNIT, FAILS, **(GOALS | {"count": 36}))
    assert more.status().counts["not run"] == 6
    more.run("serial")
    assert len(calls(tmp_path)) == 36


def test_points_that_the_task_refuses_are_left_out(tmp_path):
    recipe = {"refuses_above": 0.5}
    found = search(tmp_path, "hill", UNIT, recipe, maximise="sum", count=30)
    assert found.run("serial").counts == {"ok": 30}
    assert 0.45 < found.frame()["x"].max() <= 0.5


def test_the_study_of_a_search_has_its_cases_and_its_questions(tmp_path):
    found = same(tmp_path)
    found.run("serial", first=15)
    study = found.study()
    assert len(study.cases()) == 18
    assert study.status().counts["not run"] == 3
    assert set(study.questions) == {"best_case", "convergence"}
    told = study.answer("convergence", **study.questions["convergence"]).text
    assert " of 15. " in told, "those that were not run are not counted"
    assert found.collect()[0].name == "results.csv"
    assert [case.key for case, _, _ in found.records()] == [case.key for case in study.cases()]
    assert all(found._cases.of(dict(case.parameters)) == case for case in study.cases())


def test_nothing_is_said_and_no_setting_of_optuna_is_left_changed(tmp_path, capfd):
    import optuna

    verbosity, filters = optuna.logging.get_verbosity(), list(warnings.filters)
    heard = []
    handler = logging.Handler()
    handler.emit = heard.append
    logging.getLogger("optuna").addHandler(handler)
    try:
        for sampler in ("tpe", "sobol"):
            about = GOALS | {"sampler": sampler, "count": 12}
            search(tmp_path, "hill", UNIT, **about).run("serial")
    finally:
        logging.getLogger("optuna").removeHandler(handler)
    assert capfd.readouterr() == ("", "")
    assert heard == []
    assert optuna.logging.get_verbosity() == verbosity
    assert warnings.filters == filters


def test_the_watch_is_told_of_the_whole_search(tmp_path):
    same(tmp_path).run("serial", first=8)
    tallies = []
    same(tmp_path).run("serial", watch=tallies.append)
    assert {tally.cases for tally in tallies} == {30}
    assert tallies[-1].done == tallies[-1].asked == 22
    assert [tally.done for tally in tallies] == sorted(tally.done for tally in tallies)
    assert all(sum(tally.counts.values()) == 30 for tally in tallies)
    assert tallies[0].counts["not run"] == 22


@pytest.mark.parametrize(
    ("text", "point", "wanted"),
    [
        ("x < 2", {"x": 1}, 0.0),
        ("x < 2", {"x": 3}, 0.5),
        ("x > 2", {"x": 1}, 0.5),
        ("x > 0", {"x": -3}, 3.0),
        ("2 > x", {"x": 4}, 0.5),
        ("x <= 2 and x >= 1", {"x": 4}, 1.0),
        ("x < 1 or x < 2", {"x": 3}, 0.5),
        ("1 < x < 2", {"x": 4}, 1.0),
        ("not x < 4", {"x": 3}, 0.25),
        ("x == 4", {"x": 3}, 0.25),
        ("x != 4", {"x": 4}, 1e-12),
        ("x < 2", {"x": 2}, 1e-12),
        ("a.b + c d.z < 4", {"a.b": 2, "c d.z": 6}, 1.0),
        ("kind == 'A'", {"kind": "A"}, 0.0),
        ("kind == 'A'", {"kind": "B"}, 1.0),
        ("kind != 'A' and x < 1", {"kind": "A", "x": 0}, 1.0),
        ("x < 2", {"x": float("nan")}, None),
        ("x < 2", {"x": None}, None),
        ("1 / x < 2", {"x": 0}, None),
    ],
)
def test_violations_say_how_far_a_point_is_from_a_constraint(text, point, wanted):
    found = violation(text, [*point, "another"])(point)
    assert np.isnan(found) if wanted is None else found == pytest.approx(wanted, abs=0)


def test_points_that_the_task_refuses_are_counted_and_told(tmp_path):
    found = search(tmp_path, "hill", UNIT, {"refuses_above": 0.5}, maximise="sum", count=12)
    told = str(found.run("serial"))
    assert told.startswith("12 cases: 12 ok; the task refused ")
    assert "more points: x is 0." in told


def test_the_best_of_several_pieces_is_told_to_be_the_luckiest(tmp_path):
    recipe = {"volume": {}}
    design = Grid({"x": [0.0, 0.5, 1.0], "y": [0.2], "volume.seed": [0, 1]})
    study = Study(recipe, design, tmp_path / "s", task="optimised:hill", modules=TASKS)
    study.run("serial")
    told = study.answer("best_case", maximise="sum").warnings
    assert any("volume.seed tells pieces of one electrode apart" in text for text in told)
    assert not any("volume.seed is at the" in text for text in told)
