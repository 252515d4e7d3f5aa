"""Slurm: the script with which a study runs on a cluster, and its way into the queue.

The script starts a Dask scheduler and its workers with ``srun`` and runs the study on them. Shortly
before its time is over, or when it is preempted, it stops and goes back to the queue.
"""

import hashlib
import os
import re
import shlex
import subprocess
import sys
from importlib import resources
from pathlib import Path

from microstructures.errors import InvalidInputError, TwinError
from studies.aside import write_aside
from studies.dask_cluster import SETTINGS
from studies.engine import THREADS
from studies.slurm.job import SlurmJob
from studies.study import Study
from studies.study_file import AnyStudy

FOLDER = "slurm"
"""Of scripts and logs, in the folder of the study."""
SHEBANG = "#!/bin/bash"
PATIENCE_S = 15  # until a process that was asked to end is killed
LONGEST_NAME = 40  # characters of a study's name in the queue
SBATCH_S = 60.0  # in which Slurm answers


class SlurmError(TwinError):
    """Slurm did not take the job; its script is written."""


def script(file: str | os.PathLike[str], job: SlurmJob) -> str:
    """The script of a job that runs the study of a file, for ``sbatch``.

    Args:
        file: TOML file of the study; it, its store and its volume are on a file system that all
            nodes share.
        job: what is asked of Slurm.

    Raises:
        InvalidInputError: the study cannot be run, or nothing of it is left; a path that no script
            can hold.
    """
    return _script(Study.from_toml(file), Path(file).absolute(), job)


def submit(file: str | os.PathLike[str], job: SlurmJob) -> str:
    """The number of the job, once its script lies in the queue.

    The script is ``slurm/submit.sh`` in the folder of the study, beside the log of each job.

    Raises:
        InvalidInputError: as ``script`` does.
        SlurmError: there is no ``sbatch`` here, or it does not take the job.
    """
    path = written(file, job)
    command = ["sbatch", "--parsable", str(path)]
    by_hand = f"the script is written, submit it by hand: {shlex.join(command)}"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SBATCH_S
        )
    except FileNotFoundError:
        raise SlurmError(
            f"there is no sbatch here, which wants a login node of the cluster: {by_hand}"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"sbatch does not answer ({error}): {by_hand}") from None
    if done.returncode or not done.stdout.strip():
        told = done.stderr.strip() or f"exit code {done.returncode}"
        raise SlurmError(f"sbatch refuses the job: {told}; after a change of it {by_hand}")
    return done.stdout.strip().splitlines()[-1].partition(";")[0]


def written(file: str | os.PathLike[str], job: SlurmJob) -> Path:
    """Path of the script in the folder of the study. Raises as ``script`` does."""
    study = Study.from_toml(file)
    text, final = _script(study, Path(file).absolute(), job), _folder(study) / "submit.sh"
    write_aside(final, lambda aside: aside.write_text(text, encoding="utf-8"))
    return final


def _script(study: AnyStudy, file: Path, job: SlurmJob) -> str:
    if not job.again and (status := study.status()).is_complete:
        raise InvalidInputError(
            f"{status}: nothing is left to submit; retry='failed' runs failed ones again"
        )
    _check_path(file, study.store.folder)
    options = [*_fixed(study), *job.lines(), *(f"--{option}" for option in job.options)]
    head = [SHEBANG, *(f"#SBATCH {option}" for option in options)]
    head += ["set -eo pipefail", *job.setup, "set -u"]  # of which what sites let one load knows not
    return "\n".join([*head, *_variables(study, file, job), *_settings(job)]) + "\n" + _body()


def _folder(study: AnyStudy) -> Path:
    return study.store.folder / FOLDER


def _check_path(*paths: Path) -> None:
    for path in paths:
        if "\\" in str(path) or not str(path).isprintable():
            raise InvalidInputError(
                f"path {str(path)!r} has a character that Slurm takes for another: rename it"
            )


def _fixed(study: AnyStudy) -> list[str]:
    """Options of sbatch that are the same for every job."""
    folder = str(_folder(study)).replace("%", "%%").replace('"', '\\"')
    return [
        f"--job-name={_job_name(study)}",
        f'--output="{folder}/%j.log"',
        "--open-mode=append",  # a job that was requeued goes on in its log
        "--requeue",
        "--dependency=singleton",  # a second job of the study waits, and goes on where this ends
    ]


def _job_name(study: AnyStudy) -> str:
    """The name of the study, as far as Slurm takes it, and what tells it from its namesakes."""
    plain = re.sub(r"[^\w.-]+", "-", study.name, flags=re.ASCII).strip("-")[:LONGEST_NAME]
    place = hashlib.blake2b(os.fsencode(study.store.folder), digest_size=3).hexdigest()
    return f"{plain or 'study'}-{place}"


def _variables(study: AnyStudy, file: Path, job: SlurmJob) -> list[str]:
    """What the body of the script has to know."""
    network = ["--protocol", "tls" if job.encrypted else "tcp"]
    network += ["--interface", job.interface] if job.interface else []
    options = ["--attempts", str(job.attempts)]
    options += ["--timeout", f"{job.timeout:g}"] if job.timeout else []
    options += ["--arch", "cuda"] if job.gpus_per_task else []
    given = {
        "study": str(file),
        "store": str(study.store.folder),
        "folder": str(_folder(study)),
        "python": job.python or sys.executable,
        "tasks": str(job.tasks),
        "cpus": str(job.cpus_per_task),
        "start": str(job.start),
        "patience": str(PATIENCE_S),
        "most_restarts": str(job.restarts),
        "retry": ",".join(job.again),
        "encrypted": "yes" if job.encrypted else "",
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in given.items()]
    return [*lines, f"options=({shlex.join(options)})", f"network=({shlex.join(network)})"]


def _settings(job: SlurmJob) -> list[str]:
    """What the scheduler and workers have to know, as variables of their environment."""
    dask = {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(value)
        for name, value in SETTINGS.items()
    }
    threads = dict.fromkeys(THREADS, str(job.cpus_per_task))
    return [f"export {name}={shlex.quote(value)}" for name, value in (dask | threads).items()]


def _body() -> str:
    return (resources.files("studies.slurm") / "slurm.sh").read_text(encoding="utf-8")
