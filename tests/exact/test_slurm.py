"""The script of a job says what was asked for, whatever the paths, and goes to sbatch."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from studies import SlurmJob, Study
from studies.cli import main
from studies.slurm.submission import script, submit

TASKS = Path(__file__).resolve().parents[1] / "tasks"
STUDY = '[volume]\ngenerate = "sample_cathode"\n[design.parameters]\nvolume.seed = [1, 2]\n'


@pytest.fixture
def study(tmp_path):
    """File of a study of two electrodes."""
    return study_in(tmp_path)


def study_in(folder):
    folder.mkdir(exist_ok=True)
    file = folder / "two.toml"
    file.write_text(STUDY)
    return file


def options(text):
    """Lines of sbatch, as a dictionary; those that stand alone have no value."""
    found = [line.removeprefix("#SBATCH --") for line in text.splitlines() if "#SBATCH" in line]
    return {name: value for name, _, value in (line.partition("=") for line in found)}


def variables(text):
    """The variables of the script above the part that is always the same, as bash reads them."""
    head = text.partition("# The same for every study")[0]
    told = 'for name in $(compgen -v); do printf "%s=%s\\0" "$name" "${!name-}"; done'
    done = subprocess.run(
        ["/bin/bash", "-c", f"{head}\n{told}"], capture_output=True, text=True, check=True, env={}
    )
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)


ASKED = {
    "tasks": ({"tasks": 64}, {"ntasks": "64"}),
    "nodes": ({"tasks": 64, "nodes": 2}, {"ntasks": "64", "nodes": "2"}),
    "cores": ({"cpus_per_task": 4}, {"cpus-per-task": "4"}),
    "time": ({"time": "1-12:30"}, {"time": "1-12:30"}),
    "grace": ({"grace": 300}, {"signal": "B:USR1@300"}),
    "memory of a core": ({"memory": 2**31}, {"mem-per-cpu": "2048M"}),
    "memory of cores": (
        {"memory": 2**31 + 1, "cpus_per_task": 4},
        {"mem-per-cpu": "513M", "cpus-per-task": "4"},
    ),
    "queue": ({"partition": "long,short"}, {"partition": "long,short"}),
    "account": ({"account": "p-17"}, {"account": "p-17"}),
    "quality": ({"qos": "low"}, {"qos": "low"}),
    "features": ({"constraint": "[a|b*2]&c"}, {"constraint": "[a|b*2]&c"}),
    "a GPU": ({"gpus_per_task": "a100:1"}, {"gpus-per-task": "a100:1"}),
    "others": (
        {"options": ("exclude=n[1-3]", "exclusive")},
        {"exclude": "n[1-3]", "exclusive": ""},
    ),
}


@pytest.mark.parametrize(("asked", "wanted"), ASKED.values(), ids=ASKED)
def test_what_is_asked_of_slurm_is_in_the_script(study, asked, wanted):
    found = options(script(study, SlurmJob(**asked)))
    assert wanted.items() <= found.items()
    usual = options(script(study, SlurmJob()))
    others = {name: value for name, value in found.items() if name not in wanted}
    assert others == {name: value for name, value in usual.items() if name not in wanted}


def test_a_job_comes_back_to_the_queue_and_never_runs_beside_another_of_the_study(study):
    found = options(script(study, SlurmJob()))
    assert found["requeue"] == ""
    assert found["open-mode"] == "append"
    assert found["dependency"] == "singleton"
    assert found["signal"] == "B:USR1@120"


def test_jobs_of_studies_with_one_name_in_two_folders_have_two_names(tmp_path):
    names = [options(script(study_in(tmp_path / n), SlurmJob()))["job-name"] for n in "ab"]
    assert len(set(names)) == 2
    assert all(name.startswith("two-") for name in names)


@pytest.mark.parametrize(("name", "wanted"), [("α / β;rm", "rm-"), ("é", "study-"), ("", "study-")])
def test_a_name_that_slurm_would_not_take_is_taken_as_far_as_it_goes(study, name, wanted):
    study.write_text(f'name = "{name}"\n{STUDY}')
    assert options(script(study, SlurmJob()))["job-name"].startswith(wanted)


TIMES = {
    "90": 90 * 60,
    "90:30": 90 * 60 + 30,
    "04:00:00": 4 * 3600,
    "1-12": 36 * 3600,
    "1-12:30": 36 * 3600 + 1800,
    "2-00:00:10": 48 * 3600 + 10,
}


@pytest.mark.parametrize(("time", "seconds"), TIMES.items())
def test_times_are_read_as_slurm_reads_them(time, seconds):
    assert SlurmJob(time=time).seconds == seconds


def test_workers_and_scheduler_get_the_settings_of_the_engine(study):
    import dask.config

    from studies.dask_cluster import SETTINGS

    known = variables(script(study, SlurmJob(cpus_per_task=3)))
    read = dask.config.collect_env(known)
    assert {name: dask.config.get(name, config=read) for name in SETTINGS} == SETTINGS
    assert known["TI_CPU_MAX_NUM_THREADS"] == known["OMP_NUM_THREADS"] == "3"


VARIANTS = {
    "usual": {},
    "unencrypted": {"encrypted": False},
    "timeout": {"timeout": 3600.0, "attempts": 2},
    "network": {"interface": "ib0"},
    "retry": {"retry": "timed out, failed"},
    "setup": {"setup": ("source 'my env'/activate", 'echo "$HOME"')},
    "python": {"python": "/opt/it's here/python"},
}


@pytest.mark.parametrize("folder", ["plain", 'it\'s a "study" 100% $HOME `id` #1; é'])
@pytest.mark.parametrize("asked", VARIANTS.values(), ids=VARIANTS)
def test_bash_reads_every_script(tmp_path, folder, asked):
    file = study_in(tmp_path / folder)
    text = script(file, SlurmJob(**asked))
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_finds_paths_as_they_are(tmp_path):
    file = study_in(tmp_path / 'it\'s a "study" 100% $HOME `id` #1; é')
    known = variables(script(file, SlurmJob(python="/opt/it's here/python")))
    assert known["study"] == str(file)
    assert known["store"] == str(file.with_suffix(".study"))
    assert known["folder"] == str(file.with_suffix(".study") / "slurm")
    assert known["python"] == "/opt/it's here/python"
    log = options(script(file, SlurmJob()))["output"]
    wanted = str(file.with_suffix(".study") / "slurm").replace("%", "%%") + "/%j.log"
    assert shlex.split(log) == [wanted], "as sbatch takes away the quotes"


def test_setup_comes_before_bash_minds_variables_that_are_not_set(study):
    lines = script(study, SlurmJob(setup=("module load python", "module load cuda"))).splitlines()
    at = lines.index("set -eo pipefail")
    assert lines[at : at + 4] == [
        "set -eo pipefail",
        "module load python",
        "module load cuda",
        "set -u",
    ]
    assert all(line.startswith("#") for line in lines[:at])


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A stand-in that notes what it is given, and says what the real one does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "sbatch"
    path.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path}/given\necho "4242;cluster"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "given"


def test_a_script_is_submitted_from_the_folder_of_the_study(tmp_path, sbatch):
    file = study_in(tmp_path / "a study")
    job = SlurmJob(tasks=3)
    assert submit(file, job) == "4242"
    path = file.with_suffix(".study") / "slurm" / "submit.sh"
    assert sbatch.read_text().splitlines() == ["--parsable", str(path)]
    assert path.read_text() == script(file, job)
    (tmp_path / "opened before").hardlink_to(path)
    assert submit(file, SlurmJob(tasks=5)) == "4242"
    assert (tmp_path / "opened before").read_text() == script(file, job), "whole, old or new"
    assert options(path.read_text())["ntasks"] == "5"
    assert [found.name for found in path.parent.iterdir()] == ["submit.sh"]


def test_the_command_submits_or_only_shows(study, sbatch, capsys):
    command = ["study", "submit", str(study), "--slurm", "--tasks", "2", "--time", "02:00:00"]
    command += ["--setup", "module load a b", "--options", "exclude=n7", "--options", "exclusive"]
    assert main([*command, "--dry"]) == 0
    asked = {"options": ("exclude=n7", "exclusive"), "setup": ("module load a b",)}
    assert capsys.readouterr().out == script(study, SlurmJob(tasks=2, time="02:00:00", **asked))
    assert not sbatch.exists()
    assert not study.with_suffix(".study").exists()
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("submitted: job 4242; twin study status")


def test_a_finished_study_is_submitted_only_to_run_something_again(tmp_path, sbatch):
    from microstructures.errors import InvalidInputError

    name, study = f"squares_{tmp_path.name}", tmp_path / "two.toml"
    (tmp_path / f"{name}.py").write_bytes((TASKS / "trial.py").read_bytes())
    study.write_text(f'task = "{name}:square"\n[design.parameters]\nx = [1, 2]\n')
    Study.from_toml(study).run("serial")
    with pytest.raises(InvalidInputError, match=r"2 cases: 2 ok: nothing is left to submit"):
        submit(study, SlurmJob())
    assert not sbatch.exists()
    assert submit(study, SlurmJob(retry="ok")) == "4242"


def test_cases_run_on_the_gpus_that_are_asked_for(study):
    assert "--arch cuda" in script(study, SlurmJob(gpus_per_task="1"))
    assert "--arch" not in script(study, SlurmJob())
