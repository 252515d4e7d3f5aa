"""The commands ``twin study``: cases run, resumed, told of, compared and reported."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from microstructures.errors import InvalidInputError
from studies.commands.outcome import told
from studies.commands.wording import as_typed
from studies.commands.words import INCOMPLETE, OK, Flag, Voice
from studies.slurm.job import SlurmJob

if TYPE_CHECKING:
    from studies.study_file import AnyStudy

study = App(name="study", help="Many cases of one recipe: run, resumed, and told apart.")
ONE_WORKER = SlurmJob()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Workers:
    """Who runs the cases.

    Args:
        engine: local (the default: a process for each core), serial, or dask.
        workers: processes of local.
        address: of the scheduler of dask, tcp://host:8786, or its scheduler file.
        timeout: seconds that a case may take; no limit by default.
        attempts: after so many deaths of its worker a case is quarantined; 3 by default.
        gpus: numbers of the GPUs of local, "0,1", a worker each.
        arch: device of kernels; the CPU by default, cuda with gpus.
    """

    engine: Literal["local", "serial", "dask"] = "local"
    workers: int | None = None
    address: str | None = None
    timeout: float | None = None
    attempts: int = 3
    gpus: str | None = None
    arch: Literal["cpu", "cuda", "vulkan", "metal"] | None = None


@study.command(name="run")
def study_run(
    file: Path,
    *,
    dry: Annotated[bool, Flag()] = False,
    first: int | None = None,
    retry: str = "",
    who: Workers = Workers(),
    voice: Voice = Voice(),
) -> int:
    """Run the cases of a study file that have not been run; the table is collected in the end.

    Args:
        file: TOML file of the study.
        dry: only say how many cases there are, how many are left, and what they will take.
        first: run only so many cases, for a trial; they count.
        retry: also run again what ended so: "timed out,quarantined,failed".
        who: runs the cases.
        voice: what to say.
    """
    from studies.study import Study

    made = Study.from_toml(file)
    if dry:
        estimate = as_typed(str(made.estimate(**_options(who))))
        print(made.status(), estimate, *told(made), sep="\n")
        return OK
    return _run(made, first, retry, who, voice)


@study.command(name="resume")
def study_resume(
    file: Path, *, retry: str = "", who: Workers = Workers(), voice: Voice = Voice()
) -> int:
    """Go on with a study that has been begun, as ``run`` does too; an error if it has not been.

    Args:
        file: TOML file of the study.
        retry: also run again what ended so: "timed out,quarantined,failed".
        who: runs the cases.
        voice: what to say.
    """
    from studies.study import Study

    made = Study.from_toml(file)
    if not (made.store.folder / "cases").exists():
        raise InvalidInputError(
            f"there is no folder {made.store.folder}, so nothing was begun: twin study run {file}"
        )
    return _run(made, None, retry, who, voice)


def _options(who: Workers) -> dict[str, Any]:
    given: dict[str, Any] = {name: v for name, v in asdict(who).items() if v is not None}
    if who.gpus is not None:
        numbers = [text.strip() for text in who.gpus.split(",")]
        if not all(text.isdigit() for text in numbers):
            raise InvalidInputError(f'gpus is {who.gpus!r}: write their numbers, "0,1"')
        given["gpus"] = [int(text) for text in numbers]
    return given


def _run(made: "AnyStudy", first: int | None, retry: str, who: Workers, voice: Voice) -> int:
    from studies.commands.study_bar import watched
    from studies.store import FINE, NOT_RUN

    again = [status.strip() for status in retry.split(",") if status.strip()]
    with watched(made, voice.quiet) as watch:
        status = made.run(retry=again, first=first, watch=watch, **_options(who))
    if not voice.quiet:
        print(status, *told(made), sep="\n", flush=True)
    paths = made.collect()
    if not voice.quiet:
        print(*(f"written: {path}" for path in paths), sep="\n")
    return OK if set(status.counts) <= {*FINE, NOT_RUN} else INCOMPLETE


@study.command(name="status")
def study_status(file: Path) -> int:
    """How many cases of a study have come to which end, and what the workers do now."""
    from studies.commands.study_bar import row
    from studies.study import Study
    from studies.tally import running

    made = Study.from_toml(file)
    print(made.status(), *map(row, running(made.store)), *told(made), sep="\n")
    return OK


@study.command(name="collect")
def study_collect(file: Path) -> int:
    """Write the table of what is finished, results.csv in the folder of the study."""
    from studies.study import Study

    for path in Study.from_toml(file).collect():
        print(f"written: {path}")
    return OK


@study.command(name="report")
def study_report(
    file: Path, *, output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None
) -> int:
    """Write one page of all cases, effects, answers and pictures, finished or not.

    Args:
        file: TOML file of the study.
        output: the page; report.html in the folder of the study by default.
    """
    from studies.study import Study

    print(f"written: {Study.from_toml(file).report(output)}")
    return OK


@study.command(name="diff")
def study_diff(before: Path, after: Path) -> int:
    """How the results of two studies differ, case by case.

    Args:
        before: TOML file of a study.
        after: TOML file of another with the same parameters.
    """
    from studies.study import Study

    print(Study.from_toml(before).diff(Study.from_toml(after)))
    return OK


@study.command(name="clean")
def study_clean(
    file: Path,
    *,
    others: Annotated[bool, Flag()] = False,
    dry: Annotated[bool, Flag()] = False,
) -> int:
    """Remove what killed workers left in the folder of a study, and what is corrupted.

    Args:
        file: TOML file of the study.
        others: also finished cases that are none of the study's: of other points, or of older
            versions of its task.
        dry: only say what would be removed.
    """
    from studies.study import Study

    found = Study.from_toml(file).clean(others=others, dry=dry)
    print(f"{'would be removed' if dry else 'removed'}: {found}")
    return OK


@study.command(name="submit")
def study_submit(
    file: Path,
    *,
    slurm: Annotated[bool, Flag()],
    dry: Annotated[bool, Flag()] = False,
    job: Annotated[SlurmJob, Parameter(name="*", negative_iterable=())] = ONE_WORKER,
) -> int:
    """Queue a study on a cluster: a job that starts workers, runs it, and comes back until done.

    Args:
        file: TOML file of the study, on a file system that all nodes share.
        slurm: the cluster has Slurm.
        dry: only print the script.
        job: what is asked of Slurm.
    """
    from studies.slurm.submission import script, submit

    if dry:
        print(script(file, job), end="")
        return OK
    print(f"submitted: job {submit(file, job)}; twin study status {file} tells how far it is")
    return OK
