"""The script of a job runs as on a cluster, with stand-ins for the commands of Slurm.

Where only the script is asked what it does, a stand-in for Python plays scheduler, workers and
study; the slow tests run real ones.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studies import SlurmJob, Study
from studies.slurm.submission import script, written

TASKS = Path(__file__).resolve().parents[1] / "tasks"
SRUN = r"""#!/bin/bash
tasks=1
while [[ $1 == --* ]]; do
  [[ $1 == --ntasks=* ]] && tasks=${1#*=}
  asked+=" $1"
  shift
done
echo "srun$asked" >>"$NOTES"
children=()
trap 'kill -TERM "${children[@]}"; sleep 0.2; kill -KILL "${children[@]}"' TERM
for ((n = 0; n < tasks; n++)); do
  SLURM_PROCID=$n SLURM_LOCALID=$n "$@" &
  children+=($!)
done
for child in "${children[@]}"; do wait "$child" || wait "$child"; done
"""
SCONTROL = r"""#!/bin/bash
[[ $1 == show ]] && echo "   JobState=${STATE:-RUNNING} PreemptTime=${PREEMPTED:-None} Reason=None"
[[ $1 == requeue ]] || exit 0
echo "scontrol $*" >>"$NOTES"
exit "${REQUEUE:-0}"
"""
PYTHON = r"""#!/bin/bash
# what a study does is told by DRIVER, of the scheduler by SCHEDULER, of the first worker by FIRST
case $3 in
  scheduler) echo '{}' >"$5"; eval "${SCHEDULER:-exec sleep 60}" ;;
  worker) echo "worker $SLURM_PROCID sees ${CUDA_VISIBLE_DEVICES-}" >>"$NOTES"; exec sleep 60 ;;
esac
[[ $1 == -c ]] && eval "${FIRST:-exit 0}"
[[ $3 == study ]] && echo "twin ${*:3}" >>"$NOTES" && eval "$DRIVER"
"""
RUNS = 'echo "it runs" >>"$NOTES"; while sleep 0.1; do :; done'
UNTIL_STOPPED = f"trap 'exit 143' TERM; {RUNS}"
FINISHES_ONE = 'mkdir -p "$CASES/ab/abc"; '
LINE_S = 30.0  # in which something has to happen, on a busy machine too


class Job:
    """A job as Slurm runs it: the script in a session of its own, with its environment."""

    def __init__(self, tmp_path, text, **environment):
        self.notes = tmp_path / "notes"
        self.notes.touch()
        self.path, self.told = tmp_path / "job.sh", tmp_path / "job.log"
        self.path.write_text(text)
        tools = tmp_path / "bin"
        tools.mkdir(exist_ok=True)
        for name, what in {"srun": SRUN, "scontrol": SCONTROL, "python": PYTHON}.items():
            (tools / name).write_text(what)
            (tools / name).chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "NOTES": str(self.notes),
            "SLURM_JOB_ID": "7",
            "CASES": str(tmp_path / "a study.study" / "cases"),
            **environment,
        }

    def start(self):
        with self.told.open("w") as file:
            self.process = subprocess.Popen(
                ["bash", self.path],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def noted(self, line):
        """Wait until a line is noted."""
        until = time.monotonic() + LINE_S
        while line not in self.notes.read_text() and time.monotonic() < until:
            time.sleep(0.02)
        assert line in self.notes.read_text()
        return self

    def signal(self, number):
        """What Slurm sends to the shell of the batch alone."""
        os.kill(self.process.pid, number)
        return self

    def ended(self):
        """Exit code and what was said; nothing may be left of the job."""
        code = self.process.wait(timeout=4 * LINE_S)
        until = time.monotonic() + LINE_S
        while (left := _of_session(self.process.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        assert left == []
        return code, self.told.read_text()

    def kill(self):
        """Leave nothing of a job that did not end as it should."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def requeued(self):
        return "scontrol requeue 7" in self.notes.read_text()


def _of_session(number):
    """What the processes of a session were started as, without those that have ended."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == number and process.status() != "zombie":
                found.append(" ".join(process.cmdline()))
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return [line for line in found if not line.startswith("sleep")]


@pytest.fixture
def job(tmp_path):
    """Makes a job whose Python is a stand-in, and whose looks at it are quick."""
    file = tmp_path / "a study.toml"
    file.write_text('[volume]\ngenerate = "sample_cathode"\n')

    def made(driver, asked=None, **environment):
        python = str(tmp_path / "bin" / "python")
        text = script(file, SlurmJob(python=python, **{"encrypted": False, **(asked or {})}))
        text = text.replace("sleep 1", "sleep 0.1")
        started.append(Job(tmp_path, text, DRIVER=driver, **environment).start())
        return started[-1]

    started = []
    yield made
    for each in started:
        each.kill()


@pytest.mark.parametrize("code", [0, 3, 1, 2])
def test_a_job_ends_as_its_study_does_and_leaves_nothing(job, tmp_path, code):
    made = job(f"exit {code}", {"tasks": 2, "timeout": 60.0, "attempts": 2})
    assert made.ended()[0] == code
    assert not made.requeued
    notes = made.notes.read_text()
    found = tmp_path / "a study.study" / "slurm" / "job-7" / "scheduler.json"
    assert f"twin study run {tmp_path}/a study.toml --engine dask --address {found} " in notes
    assert "--attempts 2 --timeout 60\n" in notes
    assert notes.count("worker ") == 2
    assert "--ntasks=2 --cpus-per-task=1 --kill-on-bad-exit=0" in notes
    assert "--ntasks=1 --cpus-per-task=1 --mem=0 --overlap" in notes
    assert [path.name for path in found.parents[1].iterdir()] == ["7-workers.log"]


SIGNALS = {
    "its time is nearly over": (signal.SIGUSR1, {}, True, "back to the queue"),
    "it is preempted": (signal.SIGTERM, {}, True, "back to the queue"),
    "it is cancelled": (signal.SIGTERM, {"STATE": "CANCELLED"}, False, "Slurm ends this job"),
    "restarts are used up": (
        signal.SIGUSR1, {"SLURM_RESTART_COUNT": "50"}, False, "restarted 50 times already",
    ),
    "one restart is left": (
        signal.SIGUSR1, {"SLURM_RESTART_COUNT": "49"}, True, "back to the queue",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "around", "requeued", "told"), SIGNALS.values(), ids=SIGNALS)
def test_a_job_with_cases_left_comes_back_when(job, number, around, requeued, told):
    made = job(FINISHES_ONE + UNTIL_STOPPED, **around).noted("it runs").signal(number)
    code, said = made.ended()
    assert (code, made.requeued) == (143, requeued)
    assert told in said


@pytest.mark.parametrize("code", [0, 3])
def test_a_job_whose_study_is_done_as_its_time_ends_does_not_come_back(job, code):
    driver = f"trap 'exit {code}' TERM; {FINISHES_ONE} {RUNS}"
    made = job(driver).noted("it runs").signal(signal.SIGUSR1)
    assert made.ended()[0] == code
    assert not made.requeued


def test_a_job_that_finished_no_case_in_all_its_time_does_not_come_back(job):
    made = job(UNTIL_STOPPED).noted("it runs").signal(signal.SIGUSR1)
    code, said = made.ended()
    assert (code, made.requeued) == (143, False)
    assert "no case was finished in the time of this job: submit again with more --time" in said


def test_a_job_that_is_preempted_before_a_case_was_finished_comes_back(job):
    made = job(UNTIL_STOPPED).noted("it runs").signal(signal.SIGTERM)
    assert made.ended()[0] == 143
    assert made.requeued


def test_a_job_that_may_not_come_back_says_so(job):
    made = job(FINISHES_ONE + UNTIL_STOPPED, REQUEUE="1").noted("it runs")
    assert "it cannot be requeued: submit again to go on" in made.signal(signal.SIGUSR1).ended()[1]


def test_a_study_that_does_not_heed_is_killed_and_the_job_comes_back(job):
    made = job(f"{FINISHES_ONE} trap '' TERM; {RUNS}").noted("it runs").signal(signal.SIGUSR1)
    assert made.ended()[0] == 128 + signal.SIGKILL
    assert made.requeued


def test_a_job_ends_when_its_scheduler_does(job):
    code, told = job(UNTIL_STOPPED, SCHEDULER="sleep 1.2; exit 1").ended()
    assert code == 1
    assert "scheduler or workers have gone: see " in told


def test_a_job_comes_back_when_its_study_misses_the_preempted_scheduler_first(job):
    made = job("exit 1", PREEMPTED="2026-11-29T20:32:11")
    assert made.ended()[0] == 1
    assert made.requeued


@pytest.mark.parametrize("number", [None, signal.SIGUSR1])
def test_a_job_comes_back_when_its_preemption_is_told_to_its_steps_or_as_asked_for(job, number):
    around = {"PREEMPTED": "2026-11-29T20:32:11"}
    if number is None:
        around["SCHEDULER"] = "until grep -q 'it runs' \"$NOTES\"; do sleep 0.1; done"
    made = job(UNTIL_STOPPED, **around).noted("it runs")
    code, told = (made if number is None else made.signal(number)).ended()
    assert (code, made.requeued) == (143, True)
    assert "gone" not in told


def test_a_job_ends_when_no_worker_comes(job):
    made = job("exit 0", {"start": 30}, FIRST="exit 1")
    code, told = made.ended()
    assert code == 1
    assert "no worker came in 30 s: see " in told
    assert "twin" not in made.notes.read_text()


def test_a_job_whose_time_ends_before_a_worker_comes_does_not_run_the_study(job):
    made = job("exit 0", FIRST=UNTIL_STOPPED).noted("it runs")
    assert made.signal(signal.SIGTERM).ended()[0] == 143
    assert made.requeued
    assert "twin" not in made.notes.read_text()


@pytest.mark.parametrize(("restarts", "again"), [("0", True), ("1", False)])
def test_what_is_to_be_run_again_is_run_again_once(job, restarts, again):
    made = job("exit 0", {"retry": "timed out,failed"}, SLURM_RESTART_COUNT=restarts)
    assert made.ended()[0] == 0
    assert ("--retry timed out,failed" in made.notes.read_text()) == again


@pytest.mark.parametrize(
    ("visible", "seen"), [("4,5,6", ["4", "5", "6", "4"]), ("0", ["0"] * 4), ("", [""] * 4)]
)
def test_each_worker_has_one_gpu_of_those_it_may_see(job, visible, seen):
    made = job("exit 0", {"tasks": 4, "gpus_per_task": "1"}, CUDA_VISIBLE_DEVICES=visible)
    made.ended()
    found = sorted(line for line in made.notes.read_text().splitlines() if "sees" in line)
    assert found == [f"worker {n} sees {gpu}" for n, gpu in enumerate(seen)]


def test_a_job_without_openssl_says_what_to_do(job, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "openssl").write_text("#!/bin/bash\necho no curves >&2; exit 1\n")
    (tmp_path / "bin" / "openssl").chmod(0o755)
    code, told = job("exit 0", {"encrypted": True}).ended()
    assert code == 1
    assert "openssl made no certificate; --no-encrypted does without: no curves" in told


@pytest.fixture
def squares(tmp_path):
    """A job of two real workers for squares that take a moment, in a folder with a space."""
    folder = tmp_path / "some squares"
    folder.mkdir()
    name = f"squares_{tmp_path.name}"
    (folder / f"{name}.py").write_bytes((TASKS / "trial.py").read_bytes())
    file = folder / "squares.toml"

    def made(points, seconds=0.0, **asked):
        file.write_text(
            f'task = "{name}:square"\nseconds = {seconds}\nx = 0\n'
            f'log = "{tmp_path / "calls"}"\nmarks = "{tmp_path}"\n'
            f'[design]\nkind = "zip"\n[design.parameters]\n{points}\n'
        )
        job = SlurmJob(tasks=2, interface="lo", python=sys.executable, **asked)
        jobs.append(Job(tmp_path, written(file, job).read_text()))
        return file, jobs[-1]

    jobs = []
    yield made
    for each in jobs:
        each.kill()


def calls(tmp_path):
    return (tmp_path / "calls").read_text().split()


@pytest.mark.slow
def test_real_workers_are_started_anew_and_the_study_is_collected(squares, tmp_path):
    does = ["poison", "hang", "kill once", *["nothing"] * 5]
    file, job = squares(f"x = {list(range(8))}\ndoes = {does}", timeout=2.0, attempts=2)
    code, told = job.start().ended()
    assert code == 3, told
    study = Study.from_toml(file)
    assert study.frame()["status"].tolist() == ["quarantined", "timed out", *["ok"] * 6]
    assert (study.store.folder / "results.csv").exists()
    left = sorted(path.name for path in (study.store.folder / "slurm").iterdir())
    assert left == ["7-workers.log", "submit.sh"]
    assert "Scheduler at:     tls://" in (study.store.folder / "slurm" / left[0]).read_text()


@pytest.mark.slow
def test_a_job_that_came_back_goes_on_where_it_stopped(squares, tmp_path):
    """Whatever ran when the job was stopped is run again, and nothing that was finished."""
    file, job = squares(f"x = {list(range(30))}", seconds=0.5)
    job.start()
    until = time.monotonic() + 60
    while not (tmp_path / "calls").exists() or len(calls(tmp_path)) < 8:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert job.signal(signal.SIGUSR1).ended()[0] == 143
    assert job.requeued
    study = Study.from_toml(file)
    before = study.status().counts
    assert before["ok"] >= 4
    assert before["not run"] >= 10
    done = {str(x) for x in study.frame().query("status == 'ok'")["x"]}
    begun = calls(tmp_path)
    job.environment["SLURM_RESTART_COUNT"] = "1"
    assert job.start().ended()[0] == 0
    assert study.status().counts == {"ok": 30}
    again = calls(tmp_path)[len(begun) :]
    assert not done & set(again)
    assert len(again) == before["not run"]
