"""Whoever watches a study is told how far it is, and what the workers do."""

import io
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from studies import Grid, Study
from studies.commands.study_bar import Lines, Screen, described, line, row
from studies.store import Claim, Store
from studies.tally import Running, Tally, is_alive, running

TASKS = Path(__file__).resolve().parents[1] / "tasks"


def tally(done=0, asked=10, seconds=0.0, **counts):
    named = {name.replace("_", " "): n for name, n in counts.items()}
    return Tally("rates", 12, named, asked, done, seconds)


def study(tmp_path, recipe=None):
    design = Grid({"x": [1, 2, 3]})
    return Study(recipe or {}, design, tmp_path / "s", "three", "trial:square", modules=TASKS)


def claim(worker, started=None):
    return Claim("run", 1, time.time() if started is None else started, worker)


def here(pid=None):
    return f"{platform.node()}:{pid or os.getpid()}"


def test_a_watcher_is_told_at_the_beginning_and_at_each_end(tmp_path):
    told = []
    study(tmp_path, {"does": "raise"}).run("serial", watch=told.append)
    assert [(t.asked, t.done) for t in told] == [(3, 0), (3, 1), (3, 2), (3, 3)]
    assert [t.counts for t in told[:2]] == [{"not run": 3}, {"not run": 2, "failed": 1}]
    assert told[-1].counts == {"failed": 3}
    assert [t.failed for t in told] == [0, 1, 2, 3]
    assert told[0].seconds < told[1].seconds < told[3].seconds


def test_a_finished_study_tells_nobody_anything(tmp_path):
    made = study(tmp_path)
    made.run("serial")
    assert made.run("serial", watch=pytest.fail).is_complete


def test_rate_and_time_left_go_by_the_cases_of_this_run():
    assert tally(done=4, seconds=8.0).rate == 0.5
    assert tally(done=4, seconds=8.0).seconds_left == 12.0
    assert tally().rate == 0.0
    assert tally().seconds_left is None


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (tally(not_run=10), "rates: 0 of 10 done"),
        (
            tally(4, seconds=2.0, ok=2, failed=1, does_not_percolate=1),
            "rates: 4 of 10 done, 1 without a result, 2 cases/s, about 3 s left",
        ),
        (
            tally(2, seconds=2 * 1800.0),
            "rates: 2 of 10 done, 2 cases/h, about 4 h 0 min left",
        ),
        (tally(10, seconds=20 * 60.0), "rates: 10 of 10 done, 30 cases/h"),
        (tally(10, seconds=300.0), "rates: 10 of 10 done, 2 cases/min"),
    ],
)
def test_a_tally_in_a_line(told, text):
    assert line(told) == text


def test_cases_at_which_workers_are_come_in_the_order_in_which_they_were_begun(tmp_path):
    made = study(tmp_path)
    store = Store.at(made.folder)
    first, second, third = made.cases()
    for case, ago in ((second, 20.0), (first, 5.0)):
        found = store.claim(case.key, "run", here(), case.parameters)
        path = store.folder / "claims" / f"{case.key}.json"
        path.write_text(path.read_text().replace(str(found.started), str(found.started - ago)))
    store.claim(third.key, "run", here(_dead()), third.parameters)
    at = list(running(store))
    assert [one.parameters for one in at] == [{"x": 2}, {"x": 1}]
    assert [round(one.seconds) for one in at] == [20, 5]


def _dead():
    """Number of a process that has been."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_worker_of_this_machine_is_known_to_be_there_or_not():
    assert is_alive(claim(here()))
    assert not is_alive(claim(here(_dead())))
    assert not is_alive(claim(here(), started=1.0)), "its number has been given to another since"
    assert is_alive(claim("elsewhere:1"))
    assert is_alive(claim("a worker of old"))


def test_what_a_worker_does_in_a_line():
    one = Running({"x": 0.123456, "kind": "a"}, 83.0, "node:1")
    assert row(one) == "  node:1: x = 0.1235, kind = a, for 1 min 23 s"
    assert described({}) == "the case"
    assert len(described({"x": "long" * 30})) == 60


def test_a_log_has_a_line_at_both_ends_and_for_each_tenth():
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    for done in range(101):
        lines(tally(done, asked=100, seconds=done / 100))
    told = [text.split(": ")[1].split(" of")[0] for text in out.getvalue().splitlines()]
    assert told == [str(n) for n in range(0, 101, 10)]


def test_a_log_has_a_line_each_minute_when_cases_are_slow():
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    for done in range(8):
        lines(tally(done, asked=1000, seconds=25.0 * done))
    assert out.getvalue().count("\n") == 3


def test_a_terminal_shows_counts_workers_and_the_page_of_dask(tmp_path):
    made = study(tmp_path)
    screen = Screen(made)
    out = io.StringIO()
    console = Console(file=out, width=120)
    console.print(screen)
    Store.at(made.folder).claim(made.cases()[1].key, "run", here(), {"x": 2})
    screen(Tally("three", 3, {"ok": 1}, 3, 1, 2.0, "http://localhost:8787/status"))
    console.print(screen)
    shown = out.getvalue()
    assert "starting workers" in shown
    assert "1 of 3 done" in shown
    assert f"{here()}: x = 2" in shown
    assert "workers: http://localhost:8787/status" in shown


def test_a_case_that_has_come_to_an_end_is_not_at_work(tmp_path):
    made = study(tmp_path)
    made.run("serial")
    made.store.claim(made.cases()[0].key, "run", here(), {"x": 1})
    assert list(running(made.store)) == []
