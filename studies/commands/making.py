"""Making a volume: a manufacturing process run on a file, and what is needed to run it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import microstructures
import solvers
from studies.commands.analysis import read_volume, stage
from studies.commands.output import built_aside
from studies.commands.settings import AnalysisSettings

if TYPE_CHECKING:
    from twin.manufacturing import ProcessRun

FILES = ("volume.tif", "process.json")


@dataclass(frozen=True)
class Made:
    """What a process made, and the files it wrote by name."""

    run: "ProcessRun"
    files: dict[str, Path]


def make(settings: AnalysisSettings, steps: Path, reads: bool = True) -> Made:
    """Run the steps of a file on the volume that the settings name.

    Writes volume.tif and process.json aside and moves them into the output folder at the end.

    Args:
        settings: what to read, where to write, and how to compute.
        steps: a TOML file of steps, or the process.json of an earlier run, which is then replayed.
        reads: whether there is a volume to begin with; otherwise the first step makes it.

    Raises:
        TwinError: a file, a step or the output folder cannot be used, or a replay ends elsewhere.
    """
    from twin.manufacturing import Process, replay

    process = None if steps.suffix == ".json" else Process.from_toml(steps)
    with built_aside(settings.output, FILES) as folder:
        solvers.use(settings.arch, settings.precision, settings.threads)
        volume = read_volume(settings) if reads else None
        run = process.run(volume) if process else replay(steps, volume)
        with stage("writing the volume"):
            microstructures.write(run.volume, folder / "volume.tif")
            run.to_json(folder / "process.json")
    return Made(run, {name: settings.output / name for name in FILES})
