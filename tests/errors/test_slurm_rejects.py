"""What Slurm could not run is refused before anything is queued, with what to change."""

import os
import re

import pytest

from microstructures.errors import InvalidInputError
from studies import SlurmError, SlurmJob
from studies.cli import main
from studies.slurm.submission import script, submit

REFUSED = {
    "no workers": ({"tasks": 0}, "tasks is 0: give a whole number, 1 or more"),
    "half a worker": ({"tasks": 1.5}, "tasks is 1.5: give a whole number"),
    "a yes for a number": ({"cpus_per_task": True}, "cpus_per_task is True: give a whole number"),
    "idle nodes": ({"tasks": 2, "nodes": 3}, "nodes is 3, tasks only 2"),
    "no nodes": ({"nodes": 0}, "nodes is 0"),
    "fewer restarts than none": ({"restarts": -1}, "restarts is -1: give a whole number, 0"),
    "no memory": ({"memory": 0.0}, "memory is 0.0: give bytes > 0"),
    "endless memory": ({"memory": float("inf")}, "memory is inf"),
    "no time for a case": ({"timeout": -1.0}, "timeout is -1.0: give seconds > 0"),
    "no attempts": ({"attempts": 0}, "attempts is 0"),
    "words for a time": ({"time": "4 hours"}, "time is '4 hours': write \"04:00:00\""),
    "four parts of a time": ({"time": "1:2:3:4"}, "time is '1:2:3:4'"),
    "no time": ({"time": ""}, "time is ''"),
    "zero time": ({"time": "0"}, "time '0' is 0 s, of which the last 120"),
    "time only for the end": ({"time": "00:02:59"}, "time '00:02:59' is 179 s"),
    "too early an end": ({"time": "9-0", "grace": 65536}, "less grace"),
    "two queues in a row": ({"partition": "a b"}, "partition is 'a b': write it as Slurm lists it"),
    "an option as an account": ({"account": "-x"}, "account is '-x'"),
    "a command as a quality": ({"qos": "$(id)"}, "qos is"),
    "a quote as a feature": ({"constraint": '"a'}, "constraint is"),
    "a network with a space": ({"interface": "ib 0"}, "interface is 'ib 0'"),
    "two GPUs": ({"gpus_per_task": "2"}, "gpus_per_task is '2': a worker has one GPU, \"1\""),
    "no interpreter": ({"python": " "}, "python is ' ': name an interpreter"),
    "two lines of setup": ({"setup": ("a\nb",)}, r"setup 'a\nb' has a character"),
    "two lines of a name": ({"partition": "a\n#SBATCH --x"}, "write one line for each"),
    "an option with dashes": ({"options": ("--exclusive",)}, "option '--exclusive' is none of"),
    "a short option": ({"options": ("N 3",)}, "option 'N 3' is none of sbatch"),
    "an option of ours": ({"options": ("requeue",)}, "option 'requeue' is set by the script"),
    "another signal": ({"options": ("signal=KILL@9",)}, "option 'signal=KILL@9' is set by"),
    "no status": ({"retry": "failed,late"}, "retry 'late' is no status: choose from ok,"),
}


@pytest.mark.parametrize(("asked", "told"), REFUSED.values(), ids=REFUSED)
def test_a_job_that_cannot_be_is_refused(asked, told):
    with pytest.raises(InvalidInputError, match=re.escape(told)):
        SlurmJob(**asked)


@pytest.fixture
def study(tmp_path):
    file = tmp_path / "one.toml"
    file.write_text('[volume]\ngenerate = "sample_cathode"\n')
    return file


def test_a_study_that_cannot_be_run_is_refused(study):
    study.write_text('[volume]\ngenerate = "sample_cathod"\n')
    with pytest.raises(
        InvalidInputError, match=r"line 2: generate 'sample_cathod' is no generator"
    ):
        script(study, SlurmJob())


@pytest.mark.parametrize("letter", ["\\", "\n", "\t"])
def test_a_path_that_slurm_would_take_for_another_is_refused(tmp_path, study, letter):
    odd = tmp_path / f"a{letter}b"
    odd.mkdir()
    file = odd / study.name
    file.write_bytes(study.read_bytes())
    with pytest.raises(InvalidInputError, match="has a character that Slurm takes for another"):
        script(file, SlurmJob())


def with_sbatch(folder, monkeypatch, lines):
    path = folder / "bin"
    path.mkdir()
    (path / "sbatch").write_text(f"#!/bin/bash\n{lines}\n")
    (path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")


def test_without_sbatch_the_script_can_be_submitted_by_hand(study, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "one.study" / "slurm" / "submit.sh"
    told = f"the script is written, submit it by hand: sbatch --parsable {path}"
    with pytest.raises(SlurmError, match="there is no sbatch here") as caught:
        submit(study, SlurmJob())
    assert str(caught.value).endswith(told)
    assert path.exists()
    assert main(["study", "submit", str(study), "--slurm"]) == 1
    assert capsys.readouterr().err.strip().endswith(told)


def test_what_sbatch_says_against_a_job_is_told(study, monkeypatch, tmp_path):
    with_sbatch(tmp_path, monkeypatch, "echo 'sbatch: error: invalid partition' >&2; exit 1")
    with pytest.raises(
        SlurmError, match="sbatch refuses the job: sbatch: error: invalid partition"
    ):
        submit(study, SlurmJob(partition="nowhere"))


def test_an_sbatch_that_does_not_answer_is_told_of(study, monkeypatch, tmp_path):
    from studies.slurm import submission as slurm

    with_sbatch(tmp_path, monkeypatch, "exec sleep 10")
    monkeypatch.setattr(slurm, "SBATCH_S", 0.2)
    with pytest.raises(SlurmError, match="sbatch does not answer"):
        submit(study, SlurmJob())


def test_the_command_wants_to_know_which_cluster(study, capsys):
    assert main(["study", "submit", str(study)]) == 2
    assert "--slurm" in capsys.readouterr().err
    assert main(["study", "submit", str(study), "--slurm", "--gpus-per-task", "2"]) != 0
    assert "a worker has one GPU" in capsys.readouterr().err
