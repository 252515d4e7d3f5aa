"""The command ``twin``. Heavy libraries load inside the commands, so that ``--help`` is quick."""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from microstructures.errors import InvalidInputError, TwinError
from studies.commands.stop import Stop
from studies.commands.study import study
from studies.commands.wording import as_typed
from studies.commands.words import FAILED, INCOMPLETE, OK, USAGE, Flag, Voice

if TYPE_CHECKING:
    from microstructures import Volume
    from studies.commands.settings import AnalysisSettings

EPILOGUE = (
    "Exit codes: 0 done, 1 an error that is told in one line (--debug adds the traceback), "
    "2 wrong usage, 3 the report is written but some numbers are missing because a solve did not "
    "converge, 130 stopped by Ctrl-C, which leaves no half-written file."
)


def _version() -> str:
    from importlib.metadata import version

    return f"electrode-twin {version('electrode-twin')}"


app = App(
    name="twin",
    help="From a segmented electrode volume to what it does, and to what it would be.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    version=_version,
)
app.command(study)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What the voxels are, as far as the file does not say so itself.

    Args:
        spacing: voxel edge in metres, 398e-9, or dz,dy,dx.
        phases: name of each label, "0=pore,1=NMC,2=CBD".
        outside: label that is not electrode (foil, cropped corner, mask).
        through_axis: array axis (0, 1 or 2) through the thickness; 0 by default.
        collector: end of that axis with the current collector; high by default.
        shape: nz,ny,nx of headerless raw data.
        dtype: number type of raw data, such as uint8 or ">u2".
        order: C if x runs fastest in raw data (the default), F if z does.
    """

    spacing: str | None = None
    phases: str | None = None
    outside: int | None = None
    through_axis: int | None = None
    collector: Literal["low", "high"] | None = None
    shape: str | None = None
    dtype: str | None = None
    order: Literal["C", "F"] | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Work:
    """How to compute and what to write.

    Args:
        tolerance: estimated relative error at which solves stop; 1e-5 by default.
        threads: CPU threads; all by default.
        precision: mixed (the default) or double.
        arch: device; the CPU by default.
        mesh: also write mesh.vtu, hexahedra with phase ids.
        fields: also write fields.vti, potential, flux and stress for ParaView.
        picture: 3-D picture in the report, where rendering is possible.
    """

    tolerance: float | None = None
    threads: int | None = None
    precision: Literal["mixed", "double"] | None = None
    arch: Literal["cpu", "cuda", "vulkan", "metal"] | None = None
    mesh: Annotated[bool | None, Flag()] = None
    fields: Annotated[bool | None, Flag()] = None
    picture: bool | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Load:
    """What stresses the electrode; any of these adds mechanics to the report.

    Args:
        lithiation: lithium content of swelling phases where free of stress and now,
            "NMC=0.93:0.35".
        pressure: of the stack in Pa; 1e5 by default.
        interface: two solid phases whose contact is followed, NMC,CBD.
        strength: of that interface in Pa, or tension,shear; no adhesion by default.
    """

    lithiation: str | None = None
    pressure: float | None = None
    interface: str | None = None
    strength: str | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Place:
    """The cell in which the electrode is judged; any of these adds performance to the report.

    Args:
        cell: parameter set of PyBaMM (the extra "cell"), such as Chen2020, the default.
        side: positive (the default) or negative.
        thickness: of the electrode in metres; by default that of the volume.
        particle_radius: of active material in metres; by default from its surface.
        rates: of the discharges in 1/h, 0.2,1,2.
    """

    cell: str | None = None
    side: Literal["positive", "negative"] | None = None
    thickness: float | None = None
    particle_radius: float | None = None
    rates: str | None = None


Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


@app.command
def analyze(
    volume: Path | None = None,
    *,
    output: Output = None,
    config: Path | None = None,
    materials: str | None = None,
    meaning: Meaning = Meaning(),
    load: Load = Load(),
    place: Place = Place(),
    work: Work = Work(),
    voice: Voice = Voice(),
) -> int:
    """Analyze a segmented volume: report.html, result.csv and result.json in one folder.

    Args:
        volume: .tif, .npy, .raw or a folder of slices.
        output: folder for the results; those of an earlier run in it are replaced.
        config: TOML file with any of these options; options given here override it.
        materials: material of each phase, "pore=LP30,NMC=NMC532,CBD=CBD"; without it geometry and
            relative transport only.
        meaning: what the voxels are.
        load: what stresses the electrode.
        place: the cell in which it is judged.
        work: how to compute.
        voice: what to say.
    """
    flags = {"volume": volume, "output": output, "materials": materials}
    given = flags | asdict(meaning) | asdict(load) | asdict(place) | asdict(work)
    return _analyzed(_settings(given, config), voice)


@app.command
def make(
    steps: Path,
    volume: Path | None = None,
    *,
    output: Output = None,
    meaning: Meaning = Meaning(),
    threads: int | None = None,
    voice: Voice = Voice(),
) -> int:
    """Press, coat or fill a segmented volume: volume.tif and process.json in one folder.

    Args:
        steps: TOML file with a table [[step]] for each step, or the process.json of an earlier
            run, which is replayed bit for bit.
        volume: .tif, .npy, .raw or a folder of slices; none if the first step makes the volume.
        output: folder for the results; those of an earlier run in it are replaced.
        meaning: what the voxels are.
        threads: CPU threads; all by default.
        voice: what to say.
    """
    from studies.commands.making import make as made
    from studies.commands.progress_bar import shown
    from studies.commands.summary import of_process

    flags = {"volume": volume or Path("none"), "output": output, "threads": threads}
    settings = _settings(flags | asdict(meaning))
    with shown(voice.quiet):
        found = made(settings, steps, reads=volume is not None)
    if not voice.quiet:
        print("\n".join(of_process(found)))
    return OK


@app.command
def demo(
    *,
    output: Output = None,
    seed: int = 0,
    work: Work = Work(),
    voice: Voice = Voice(),
) -> int:
    """Analyze the project's own sample cathode, made on the spot.

    Args:
        output: folder for the results; "demo" by default.
        seed: another number makes another cathode.
        work: how to compute.
        voice: what to say.
    """
    from studies.commands.demo import MATERIALS, sample

    flags = {"volume": Path("sample cathode"), "output": output or Path("demo")}
    settings = _settings(flags | {"materials": MATERIALS} | asdict(work))
    return _analyzed(settings, voice, functools.partial(sample, seed))


@app.command
def info(
    file: Path,
    *,
    meaning: Meaning = Meaning(),
    voice: Annotated[Voice, Parameter(show=False)] = Voice(),
) -> int:
    """Show what a file holds (header, labels, fractions) and what is wrong with it.

    Args:
        file: .tif, .npy, .raw or a folder of slices.
        meaning: what the voxels are.
        voice: what to say.
    """
    from studies.commands.info import describe

    flags = {"volume": file, "output": Path()}
    description = describe(_settings(flags | asdict(meaning)))
    print("\n".join(description.lines))
    return FAILED if description.problems else OK


@app.command
def doctor(
    *,
    voice: Annotated[Voice, Parameter(show=False)] = Voice(),
) -> int:
    """Check this installation, with a remedy for each problem."""
    from studies.commands.doctor import examine

    failed = False
    for finding in examine():
        print(finding, flush=True)
        failed |= finding.is_problem
    return FAILED if failed else OK


def _settings(flags: dict[str, Any], config: Path | None = None) -> "AnalysisSettings":
    """Settings of a run; what is wrong with them is wrong usage."""
    from studies.commands.settings import load_settings

    try:
        return load_settings(config, flags)
    except InvalidInputError as error:
        raise CycloptsError(msg=as_typed(str(error))) from error


def _analyzed(
    settings: "AnalysisSettings", voice: Voice, make: "Callable[[], Volume] | None" = None
) -> int:
    from studies.commands.analysis import analyze
    from studies.commands.progress_bar import shown
    from studies.commands.summary import lines

    with shown(voice.quiet):
        outcome = analyze(settings, make() if make else None)
    if not voice.quiet:
        print("\n".join(lines(outcome)))
    return OK if outcome.is_complete else INCOMPLETE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    stop = Stop()
    try:
        with stop.heeded():
            return _run(list(sys.argv[1:] if arguments is None else arguments))
    except BaseException:  # libraries turn an interruption into all kinds of errors
        if not stop.code:
            raise
        print("stopped: nothing half-written is left", file=sys.stderr)
        return stop.code


def _run(tokens: list[str]) -> int:
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        return int(result or OK)
    except CycloptsError as error:
        command = next((name for name in tokens if name in app and name[:1] != "-"), "")
        see = " ".join(("twin", command, "--help")).replace("  ", " ")
        print(f"error: {error}", f"see: {see}", sep="\n", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader of our output has left, as in ``twin info FILE | head``
        sys.stdout = None  # nothing to flush at exit
        return OK
    except (TwinError, OSError, MemoryError) as error:
        if "--debug" in tokens:
            raise
        message = " ".join(as_typed(str(error)).split()) or type(error).__name__
        print(f"error: {message}", file=sys.stderr)
        return FAILED
