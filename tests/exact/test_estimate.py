"""What a study will take is known from the cases that were run."""

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pytest

from studies import Engine, Grid, Study
from studies.estimate import Estimate
from studies.peak import begin_peak, peak_memory

TASKS = Path(__file__).resolve().parents[1] / "tasks"


def study(tmp_path, points, **recipe):
    return Study(recipe, Grid({"x": points}), tmp_path / "s", task="trial:square", modules=TASKS)


def stored(made, seconds, peak=2e9):
    """Replace the times of finished cases."""
    for case, duration in zip(made.cases(), seconds, strict=False):
        record = made.store.read(case.key)
        how = dict(record.provenance) | {"seconds": duration, "peak_memory": peak}
        made.store.remove(case.key)
        made.store.write(dataclasses.replace(record, provenance=how))


def test_nothing_is_known_before_a_case_was_run(tmp_path):
    found = study(tmp_path, [1, 2]).estimate()
    assert (found.left, found.seen, found.seconds, found.memory) == (2, 0, None, None)
    assert "first=2 runs two of them" in str(found)


def test_a_trial_runs_a_few_cases_which_count(tmp_path):
    made = study(tmp_path, [1, 2, 3])
    assert made.run("serial", first=2).counts == {"ok": 2, "not run": 1}
    assert made.estimate("serial").left == 1
    assert made.run("serial").counts == {"ok": 3}
    assert str(made.estimate()) == "nothing is left to run"


def test_time_is_that_of_those_left_shared_among_the_workers(tmp_path):
    made = study(tmp_path, list(range(12)))
    made.run("serial", first=4)
    stored(made, [8.0, 12.0, 10.0, 10.0])
    found = made.estimate(workers=2)
    deviation = 8 * math.sqrt(8 / 3) * math.sqrt(1 / 4 + 1 / 8) / 2
    assert found.seconds == pytest.approx((40.0, 40 - 2 * deviation, 40 + 2 * deviation))
    assert found.memory == 4e9
    assert str(found).startswith("about 40 s (32 s to 48 s) for 8 cases on 2 at once, 4 GB of ")


def test_the_interval_has_the_time_nineteen_times_in_twenty(tmp_path):
    """Draws from a gamma distribution, as uneven as times of cases are."""
    from studies.estimate import _seconds

    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        seen, left = rng.gamma(4.0, 2.0, 10), rng.gamma(4.0, 2.0, 30)
        _, low, high = _seconds(seen.tolist(), 30, 1)
        hits += low <= left.sum() <= high
    assert 0.90 < hits / 1000 < 0.98


def test_one_case_gives_no_interval(tmp_path):
    made = study(tmp_path, [1, 2, 3])
    made.run("serial", first=1)
    stored(made, [10.0])
    assert "about 20 s for 2 cases on 1 at once" in str(made.estimate("serial"))


def test_cases_of_another_task_or_without_a_result_say_nothing(tmp_path):
    study(tmp_path, [1, 2], does="raise").run("serial")
    assert study(tmp_path, [3]).estimate().seen == 0
    study(tmp_path, [4]).run("serial")
    assert study(tmp_path, [3]).estimate().seen == 1, "other points of the same task do"


def test_no_more_workers_than_there_are_cases_left(tmp_path):
    made = study(tmp_path, [1, 2, 3])
    made.run("serial", first=2)
    assert made.estimate(workers=8).workers == 1


def test_cases_are_known_to_need_what_the_largest_needed(tmp_path, monkeypatch):
    made = study(tmp_path, [1, 2, 3])
    made.run("serial", first=2)
    stored(made, [1.0, 1.0], peak=3e9)
    asked = []
    monkeypatch.setattr(Engine, "started", lambda self: asked.append(self) or _none())
    made.run()
    made.run(workers=2)
    made.run(memory=1e9)
    assert [engine.memory for engine in asked] == [3e9, None, 1e9]


def _none():
    import contextlib

    from studies.engine import Crew

    return contextlib.nullcontext(Crew(lambda cases, store: iter(())))


def test_the_peak_of_memory_is_that_since_it_was_asked_for():
    begin_peak()
    before = peak_memory()
    block = np.ones(2**25)  # 256 MB
    held = peak_memory()
    del block
    assert peak_memory() == pytest.approx(held, rel=0.05)
    assert held - before == pytest.approx(2**28, rel=0.015)
    begin_peak()
    assert peak_memory() < held - 2**27


def test_records_have_the_peak_and_the_time(tmp_path):
    made = study(tmp_path, [1], seconds=0.05)
    began = time.perf_counter()
    made.run("serial")
    (_, _, record), *_ = made.records()
    assert 0.05 <= record.provenance["seconds"] < time.perf_counter() - began
    assert 2**25 < record.provenance["peak_memory"] < 2**36


def test_an_estimate_without_memory_says_nothing_of_it():
    found = Estimate(2, 1, 3, (10.0, 8.0, 12.0), None, 1e9)
    assert str(found) == "about 10 s (8 s to 12 s) for 2 cases on 1 at once; as 3 cases before"


def test_the_estimate_counts_on_as_many_workers_as_will_be_started(tmp_path):
    from microstructures.memory import available_memory

    made = study(tmp_path, list(range(9)))
    made.run("serial", first=2)
    stored(made, [1.0, 1.0], peak=0.8 * available_memory())
    assert made.estimate().workers == 1
    assert made.estimate(workers=2).workers == 2


def test_a_corrupted_case_is_left_to_run(tmp_path):
    made = study(tmp_path, [1, 2])
    made.run("serial")
    (made.store.path(made.cases()[0].key) / "record.json").write_text("{")
    assert made.estimate("serial").left == 1
