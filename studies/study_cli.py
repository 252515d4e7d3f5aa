"""The commands ``twin study``: cases run, resumed, told of, compared and reported."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from studies.cli_words import INCOMPLETE, OK, Flag, Voice

study = App(name="study", help="Many cases of one recipe: run, resumed, and told apart.")


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
    """

    engine: Literal["local", "serial", "dask"] = "local"
    workers: int | None = None
    address: str | None = None
    timeout: float | None = None
    attempts: int = 3


@study.command(name="run")
def study_run(
    file: Path,
    *,
    dry: Annotated[bool, Flag()] = False,
    retry: str = "",
    who: Workers = Workers(),
    voice: Voice = Voice(),
) -> int:
    """Run the cases of a study file that have not been run; the table is collected in the end.

    Args:
        file: TOML file of the study.
        dry: only say how many cases there are and how many are left.
        retry: also run again what ended so: "timed out,quarantined,failed".
        who: runs the cases.
        voice: what to say.
    """
    from studies.progress_bar import shown
    from studies.study import Study

    made = Study.from_toml(file)
    if dry:
        print(made.status())
        return OK
    options = {k: v for k, v in asdict(who).items() if k != "engine" and v is not None}
    again = [status.strip() for status in retry.split(",") if status.strip()]
    with shown(voice.quiet):
        status = made.run(who.engine, retry=again, **options)
    paths = made.collect()
    if not voice.quiet:
        print(status, *(f"written: {path}" for path in paths), sep="\n")
    return OK if set(status.counts) <= {"ok", "does not percolate"} else INCOMPLETE


@study.command(name="status")
def study_status(file: Path) -> int:
    """How many cases of a study have come to which end."""
    from studies.study import Study

    print(Study.from_toml(file).status())
    return OK


@study.command(name="collect")
def study_collect(file: Path) -> int:
    """Write the table of what is finished, results.csv in the folder of the study."""
    from studies.study import Study

    for path in Study.from_toml(file).collect():
        print(f"written: {path}")
    return OK
