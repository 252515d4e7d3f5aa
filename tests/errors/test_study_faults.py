"""Whatever happens to a case, its worker or its disk: that case has a reason, the rest complete."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pytest

from studies import EngineError, Grid, Study, Zipped, dask_cluster
from studies._worker import Terms

TASKS = Path(__file__).resolve().parents[1] / "tasks"


def study(folder, points, name="trial:square", **recipe):
    return Study(recipe, points, folder / "s", task=name, modules=TASKS)


def ends(made):
    """Status and reason of each case, by its x."""
    frame = made.frame()
    rows = zip(frame["x"], frame["status"], frame["reason"], strict=True)
    return {x: (status, reason) for x, status, reason in rows}


WHAT = ["nothing", "raise", "untold", "exit", "diverge", "block", "exhaust"]
TOLD = {
    1: ("ok", ""),
    2: ("failed", "ValueError: a wrong value"),
    3: ("failed", "Untold"),
    4: ("failed", "SystemExit: a library left"),
    5: ("not converged", "ConvergenceError: residual 1e-2"),
    6: ("does not percolate", "NotPercolatingError: pore is blocked"),
}


def test_what_a_task_raises_becomes_a_status_with_a_reason(tmp_path):
    made = study(tmp_path, Zipped({"x": list(range(1, 8)), "does": WHAT}))
    assert made.run("serial").is_complete
    found = ends(made)
    assert {x: found[x] for x in TOLD} == TOLD
    assert found[7][0] == "out of memory"
    records = [record for *_, record in made.records()]
    assert "in square" in records[1].provenance["traceback"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("none", "returned NoneType instead of studies.Outcome"),
        ("infinite", "cannot be stored"),
        ("object", "cannot be stored"),
        ("path", "no word"),
        ("unknown", "KeyError"),
    ],
)
def test_a_result_that_is_none_is_a_failure(tmp_path, what, words):
    made = study(tmp_path, Grid({"what": [what]}), "trial:told")
    assert made.run("serial").counts == {"failed": 1}
    assert words in made.frame()["reason"].item()
    assert not list(tmp_path.rglob("a.npy"))


def test_a_full_disk_leaves_a_case_to_be_run_again(tmp_path, monkeypatch):
    made = study(tmp_path, Grid({"x": [1, 2, 3]}))
    original, calls = os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) == 4:  # the first file of the second case: three of each, with its folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(file)

    monkeypatch.setattr(os, "fsync", full)
    status = made.run("serial")
    assert status.counts == {"ok": 2, "not run: No space left on device in the store": 1}
    assert not status.is_complete
    assert made.status().counts == {"ok": 2, "not run": 1}
    monkeypatch.undo()
    assert made.run("serial").counts == {"ok": 3}


@pytest.mark.parametrize("name", ["write_bytes", "mkdir", "rename"])
def test_a_store_that_is_read_only_runs_nothing_and_can_be_read(tmp_path, monkeypatch, name):
    made = study(tmp_path, Grid({"x": [1, 2]}))
    made.run("serial")
    wider = study(tmp_path, Grid({"x": [1, 2, 3]}))

    def refuse(path, *arguments, **named):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, name, refuse)
    assert made.run("serial").counts == {"ok": 2}, "nothing is to be written"
    assert wider.run("serial").counts == {"ok": 2, "not run: Read-only file system in the store": 1}
    assert wider.frame()["status"].tolist() == ["ok", "ok", "not run"]


def test_ten_kinds_of_faults_in_one_study_on_two_workers(tmp_path):
    does = ["hang", "poison", "kill once", "terminate once", *WHAT]
    points = Zipped({"x": list(range(1, 16)), "does": does + ["nothing"] * (15 - len(does))})
    made = study(tmp_path, points, marks=str(tmp_path))
    spoiled = made.store.path(made.cases()[14].key)
    spoiled.mkdir(parents=True)
    (spoiled / "record.json").write_text('{"status": "ok"}')
    assert made.run("local", workers=2, timeout=1.5).is_complete
    found = ends(made)
    assert found[1][0] == "timed out"
    assert "trial.py" in found[1][1].splitlines()[3], "the innermost line, below the heads"
    assert found[2] == ("quarantined", "its worker died 3 times")
    expected = {x + 4: TOLD[x] for x in TOLD} | dict.fromkeys([3, 4, 12, 13, 14, 15], ("ok", ""))
    assert {x: found[x] for x in expected} == expected
    assert found[11][0] == "out of memory"
    attempts = {x + 1: r.provenance["attempts"] for x, (*_, r) in enumerate(made.records())}
    assert attempts[2] == 3
    assert attempts[3] == attempts[4] == 2
    assert {attempts[x] for x in range(5, 16)} == {1}, "deaths are charged to who caused them"
    assert list((made.store.folder / "claims").iterdir()) == []


def test_the_stack_of_a_case_that_hung_is_that_of_its_own_thread(tmp_path):
    from studies._worker import _stack

    other = 'Thread 0x1 (most recent call first):\n  File "selectors.py", line 1 in select'
    ours = 'Thread 0x2 (most recent call first):\n  File "a.py", line 3 in run_case'
    (tmp_path / "trace").write_text(f"Timeout (0:00:01)!\n{other}\n\n{ours}\n")
    assert _stack(tmp_path / "trace") == ours
    assert _stack(tmp_path / "none") == ""


def test_a_broken_pool_of_processes_says_so_and_a_new_one_goes_on(tmp_path):
    does = ["nothing", "nothing", "kill once", "nothing"]
    points = Zipped({"x": [1, 2, 3, 4], "does": does})
    made = study(tmp_path, points, marks=str(tmp_path))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool, pytest.raises(EngineError, match="new one"):
        made.run(pool, workers=1)
    assert 2 <= made.status().counts["ok"] < 4
    with ProcessPoolExecutor(1, spawn) as pool:
        assert made.run(pool, workers=1).counts == {"ok": 4}


def script(folder, body):
    """A Python script that runs a study, started; in a session of its own."""
    path = folder / "script.py"
    lines = [
        "import sys; from pathlib import Path; from studies import *",
        "if __name__ == '__main__':",
        f"    folder, tasks = Path({str(folder)!r}), {str(TASKS)!r}",
        *(f"    {line}" for line in body.splitlines()),
    ]
    path.write_text("\n".join(lines))
    return subprocess.Popen(
        [sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


SLOW = """made = Study({'seconds': 0.1}, Grid({'x': list(range(12))}), folder / 's',
             task='trial:square', modules=tasks)
made.run('local', workers=2)
"""


def begun(folder, count=2):
    """Wait until some cases are finished."""
    until = time.monotonic() + 15
    while len(list(folder.glob("s/cases/??/*/record.json"))) < count:
        assert time.monotonic() < until, "no case was finished in time"
        time.sleep(0.02)


def are_gone(processes):
    return not psutil.wait_procs(processes, timeout=10)[1]


def slow_study(folder):
    return study(folder, Grid({"x": list(range(12))}), seconds=0.1)


@pytest.mark.slow
def test_a_killed_driver_leaves_no_worker_and_its_study_goes_on(tmp_path):
    driver = script(tmp_path, SLOW)
    begun(tmp_path)
    children = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.communicate()
    assert are_gone(children)
    made = slow_study(tmp_path)
    before = made.status().counts
    assert 2 <= before["ok"] < 12
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.glob("s/cases/??/*/record.json")}
    assert made.run("serial").counts == {"ok": 12}
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    undisturbed = Study(made.recipe, made.design, tmp_path / "u", task=made.task, modules=TASKS)
    undisturbed.run("serial")
    assert undisturbed.collect()[0].read_bytes() == made.collect()[0].read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_leaves_no_worker_and_nothing_half_written(tmp_path, number):
    made = study(tmp_path, Grid({"x": list(range(12))}), seconds=0.1)
    (tmp_path / "study.toml").write_text(
        'task = "trial:square"\nstore = "s"\nseconds = 0.1\n'
        f"[design.parameters]\nx = {list(range(12))}\n"
    )
    (tmp_path / "trial.py").write_bytes((TASKS / "trial.py").read_bytes())
    command = [sys.executable, "-m", "studies", "study", "run", str(tmp_path / "study.toml")]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    begun(tmp_path)
    children = psutil.Process(driver.pid).children(recursive=True)
    driver.send_signal(number)
    _, said = driver.communicate(timeout=20)
    assert driver.returncode == 128 + number
    assert said.splitlines()[-1] == "stopped: nothing half-written is left"
    assert all(" of 12 done" in text for text in said.splitlines()[:-1])
    assert are_gone(children)
    assert made.status().counts["ok"] >= 2
    assert not list(tmp_path.glob("s/cases/??/.*"))


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "from studies import *\n"
        f"made = Study({{}}, Grid({{'x': [1]}}), {str(tmp_path / 's')!r}, "
        f"task='trial:square', modules={str(TASKS)!r})\n"
        "made.run('local', workers=1)\n"
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'a script wants `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers as processes of their own, found by a scheduler file."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask.__main__"]
    addresses = ["--host", "127.0.0.1", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    commands = [[*dask, "scheduler", "--scheduler-file", str(file), "--port", "0", *addresses]]
    worker = ["worker", "--scheduler-file", str(file), "--nthreads", "1", *addresses]
    commands += [[*dask, *worker, "--local-directory", str(tmp_path / n)] for n in "12"]
    running = [subprocess.Popen(command, cwd=tmp_path, **quiet) for command in commands]
    yield file, running
    for process in running:  # they would wait for each other if they were asked to end
        process.kill()
        process.wait()


def test_workers_of_a_cluster_are_found_by_a_scheduler_file(tmp_path, cluster):
    file, _ = cluster
    until = time.monotonic() + 15
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    does = ["kill once", "poison", "hang", *["nothing"] * 7]
    made = study(tmp_path, Zipped({"x": list(range(10)), "does": does}), marks=str(tmp_path))
    assert made.run("dask", address=str(file), timeout=1.0, attempts=2).is_complete
    assert [ends(made)[x][0] for x in range(3)] == ["ok", "quarantined", "timed out"]
    assert made.status().counts["ok"] == 8


def test_a_result_that_is_lost_with_its_worker_is_awaited_again(tmp_path, monkeypatch):
    class Future:
        def __init__(self, key):
            self.key, self.status = key, "pending"

        def result(self):
            assert self.status == "finished"  # dask would wait for it, and for nothing else
            return self.key.split("-")[-2], "ok"

        def release(self):
            pass

    class Client:
        cluster = None
        nthreads = staticmethod(lambda: {"tcp://a": 1})
        submit = staticmethod(lambda *_, key, **__: Future(key))
        cancel = staticmethod(lambda _: None)

    def first(_, running):
        """One at a time, whose worker dies before its result was fetched, then all is well."""
        future = min(running, key=lambda future: future.key)
        future.status = {"pending": "lost", "lost": "finished"}[future.status]
        return {future}

    monkeypatch.setattr(dask_cluster, "_first", first)
    cases = study(tmp_path, Grid({"x": [1, 2, 3]})).cases()
    given = (str(tmp_path), Terms("run", None, 3, None))
    ends_ = list(dask_cluster.on_client(Client(), cases, given))
    assert sorted(ends_) == sorted((case.key, "ok") for case in cases)


@pytest.mark.slow
def test_a_scheduler_that_goes_is_told_of_and_the_study_goes_on(tmp_path, cluster):
    file, (scheduler, *_) = cluster
    while not file.exists():
        time.sleep(0.05)
    made = study(tmp_path, Grid({"x": list(range(100))}), seconds=0.1)

    def kill():
        begun(tmp_path)
        scheduler.kill()

    import threading

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(EngineError, match="scheduler"):
        made.run("dask", address=str(file))
    thread.join()
    assert 2 <= made.status().counts["ok"] < 100


def test_a_scheduler_that_is_not_there_is_told_of(tmp_path, monkeypatch):
    from microstructures.errors import InvalidInputError
    from studies import dask_cluster

    made = study(tmp_path, Grid({"x": [1]}))
    with pytest.raises(InvalidInputError, match=r"nor a scheduler file that exists"):
        made.run("dask", address=str(tmp_path / "none.json"))
    monkeypatch.setattr(dask_cluster, "START_S", 0.5)
    with pytest.raises(EngineError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1"):
        made.run("dask", address="tcp://127.0.0.1:1")
