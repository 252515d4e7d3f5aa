"""Process: a chain of manufacturing steps that runs, is stored, and replays bit for bit.

A file of a process is TOML with a table [[step]] for each step: ``step`` is its name, the other
keys are its keyword arguments, in SI units. The first step may make the volume itself, as
"generate_electrode" does. "stack" runs processes of its own and lays what they make on each other.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.manufacturing._arguments import check_arguments, meant, short
from twin.manufacturing._target import checked_volume
from twin.manufacturing.binder import place_binder
from twin.manufacturing.calendering import calender
from twin.manufacturing.coating import laser_channels, stack_layers
from twin.manufacturing.electrode import generate_electrode
from twin.manufacturing.imaging import coarsen, rethreshold, sub_volume
from twin.manufacturing.pressing import press
from twin.manufacturing.repacking import repack
from twin.manufacturing.step import StepReport, plain
from twin.versions import versions

__all__ = ["Process", "ProcessRun", "replay"]

Result = tuple[Volume, StepReport]


@dataclass(frozen=True)
class Process:
    """Steps in the order in which they are taken, each with its keyword arguments.

    Args:
        steps: (name, arguments) of each; arguments as TOML can hold them, None left out.

    Raises:
        InvalidInputError: no step, an unknown one, an argument that it does not take or that is of
            the wrong type, one that it lacks, or a generator, which no file can hold.
    """

    steps: tuple[tuple[str, Mapping[str, Any]], ...]

    def __init__(self, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        checked = tuple(_checked(*step) for step in _pairs(steps))
        for number, step in enumerate(checked[1:], start=2):
            if not _wants_volume(*step):
                raise InvalidInputError(
                    f"step {number}, {step[0]}, makes a volume and would drop the one it is given: "
                    "begin with it, or put it in a stack"
                )
        object.__setattr__(self, "steps", checked)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """The process of a file. Raises InvalidInputError if it is none."""
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{path} is no readable TOML file: {error}") from None
        if list(table) != ["step"] or not isinstance(table["step"], list):
            raise InvalidInputError(
                f"{path} has the tables {list(table)}: write a table [[step]] for each step, with "
                'step = "calender" or another name in it'
            )
        return cls([_named(step, f"{path}: a table [[step]]") for step in table["step"]])

    @property
    def wants_volume(self) -> bool:
        """Whether its first step changes a volume, which must be given, and does not make one."""
        return _wants_volume(*self.steps[0])

    @property
    def sha(self) -> str:
        """Hash of the steps and their arguments, 32 hexadecimal digits."""
        return _sha([[name, dict(sorted(arguments.items()))] for name, arguments in self.steps])

    def run(self, volume: Volume | None = None) -> "ProcessRun":
        """Take all steps; without a volume if the first step makes it.

        Raises what a step raises, with its number.
        """
        _check_given(volume, self)
        reports: list[StepReport] = []
        current: Any = volume
        for number, (name, arguments) in enumerate(self.steps, start=1):
            try:
                current, report = _taken(name, current, arguments)
            except InvalidInputError as error:
                raise InvalidInputError(f"step {number}, {name}: {error}") from error
            reports.append(report)
        return ProcessRun(None if volume is None else volume.sha256, current, tuple(reports))


@dataclass(frozen=True, eq=False)
class ProcessRun:
    """What a process made of a volume.

    ``given`` is the sha256 of the volume it began with, None if its first step made it;
    ``reports`` has an entry for each step.
    """

    given: str | None
    volume: Volume
    reports: tuple[StepReport, ...]

    @property
    def process(self) -> Process:
        """The process with the arguments that were used, seeds that were drawn included."""
        return Process([(report.step, report.parameters) for report in self.reports])

    @property
    def sha(self) -> str:
        """Hash of the process and the volume it began with, 32 hexadecimal digits."""
        return _sha([self.given, self.process.sha])

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all steps, with their names."""
        return tuple(f"{r.step}: {warning}" for r in self.reports for warning in r.warnings)

    def to_dict(self) -> dict[str, Any]:
        """What is needed to run it again and to know that the result is the same."""
        return {
            "sha": self.sha,
            "given": self.given,
            "result": self.volume.sha256,
            "versions": versions(),
            "steps": [report.to_dict() for report in self.reports],
        }

    def to_json(self, path: str | Path) -> Path:
        """The path of a JSON file with ``to_dict``, which ``replay`` reads."""
        from twin._card_files import write_json

        return write_json(self.to_dict(), path)


def replay(path: str | Path, volume: Volume | None = None) -> ProcessRun:
    """Run a stored process again on the volume it began with, if it began with one.

    Raises:
        InvalidInputError: no such file, one that was changed, another volume, or a result that
            differs: then the message names the versions that do, of this package, NumPy, SciPy,
            Taichi and Python.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        steps = [(step["step"], step["parameters"]) for step in stored["steps"]]
        sha, given, result = (stored[key] for key in ("sha", "given", "result"))
        versions = dict(stored.get("versions", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{path} is no stored run of a process: {error!r}") from None
    process = Process(steps)
    if _sha([given, process.sha]) != sha:
        raise InvalidInputError(
            f"{path} was changed after it was written: its steps no longer have the hash "
            f"{short(sha)}; replay the file as it was, or run its steps as a new process"
        )
    now = None if volume is None else volume.sha256
    if process.wants_volume and volume is not None and given != now:
        raise InvalidInputError(
            f"{path} began with the volume {str(given)[:12]}…, not with {str(now)[:12]}…: give the "
            "volume that it began with"
        )
    again = process.run(volume)
    if again.volume.sha256 != result:
        raise InvalidInputError(
            f"{path} ended with {str(result)[:12]}…, but now it ends with "
            f"{again.volume.sha256[:12]}…: {_changed(versions)}, so run the process anew"
        )
    return again


def stack(
    volume: Volume | None = None,
    *,
    layers: Sequence[Sequence[Mapping[str, Any]]],
    stretch: float = 0.0,
) -> Result:
    """Layers made by processes of their own, on each other: a bilayer, or a gradient.

    Args:
        volume: given to every process that does not begin by making one.
        layers: of each, the first at the collector, its steps as tables, the name in ``step``; a
            layer without steps is the volume itself.
        stretch: see ``stack_layers``; layers that were pressed to different porosities want 0.02
            or so, since pressing changes the thickness of voxels.

    Returns:
        The stack, and a report: what ``stack_layers`` says, the figures and warnings of all steps
        behind "layer_1_step_1" and so on, and of each phase the largest change of a volume that a
        step should have conserved.

    Raises:
        InvalidInputError: fewer than two layers, layers that do not fit on each other, or what a
            step raises.
    """
    runs = [_layer(number, steps, volume) for number, steps in enumerate(layers, start=1)]
    after, whole = stack_layers([run.volume for run in runs], stretch=stretch)
    reports = [
        (f"layer_{layer}_step_{number}", report)
        for layer, run in enumerate(runs, start=1)
        for number, report in enumerate(run.reports, start=1)
    ]
    conserved = dict(whole.conserved)
    for _, report in reports:
        for phase, change in report.conserved.items():
            conserved[phase] = max(conserved.get(phase, 0.0), change, key=abs)
    figures = {
        f"{place}_{key}": value
        for place, report in reports
        for key, value in report.figures.items()
    }
    return after, StepReport(
        "stack",
        {"layers": [_tables(run.reports) for run in runs], "stretch": float(stretch)},
        {} if volume is None else volume.fractions(),
        after.fractions(),
        conserved=conserved,
        figures={**whole.figures, **figures},
        warnings=(
            *whole.warnings,
            *(f"{place}, {r.step}: {text}" for place, r in reports for text in r.warnings),
        ),
    )


MAKERS: Mapping[str, Callable[..., Result]] = {"generate_electrode": generate_electrode}
STEPS: Mapping[str, Callable[..., Result]] = {
    **MAKERS,
    "calender": calender,
    "coarsen": coarsen,
    "laser_channels": laser_channels,
    "place_binder": place_binder,
    "press": press,
    "repack": repack,
    "rethreshold": rethreshold,
    "stack": stack,
    "sub_volume": sub_volume,
}


def _pairs(steps: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(steps, list | tuple):
        raise InvalidInputError(
            f"steps are {short(steps)}: give a list of (name, arguments), such as "
            "[('calender', {'porosity': 0.3})]"
        )
    if not steps:
        raise InvalidInputError(f"a process wants at least one step of {sorted(STEPS)}")
    for step in steps:
        if not isinstance(step, list | tuple) or len(step) != 2:
            raise InvalidInputError(
                f"{short(step)} is no step: give (name, arguments), such as "
                "('calender', {'porosity': 0.3})"
            )
        yield step[0], step[1]


def _named(step: Any, where: str) -> tuple[str, dict[str, Any]]:
    arguments = dict(step) if isinstance(step, Mapping) else {}
    name = arguments.pop("step", None)
    if not isinstance(name, str):
        raise InvalidInputError(f'{where} lacks its name: write step = "calender", say')
    return name, arguments


def _checked(name: Any, arguments: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(name, str) or name not in STEPS:
        hint = ": write 'stack', or call it from Python" if name == "stack_layers" else ""
        raise InvalidInputError(f"step {name!r} is unknown{hint or meant(name, STEPS)}")
    if not isinstance(arguments, Mapping):
        raise InvalidInputError(
            f"the arguments of {name} are {short(arguments)}: give a table, such as "
            "{'porosity': 0.3}"
        )
    for key, value in arguments.items():
        if _holds_generator(value):
            raise InvalidInputError(
                f"{key} of {name} is a generator, which no recipe can hold or replay: give an "
                "integer ≥ 0"
            )
    given = {str(key): plain(value) for key, value in arguments.items() if value is not None}
    check_arguments(name, STEPS[name], given, but="" if name in MAKERS else "volume")
    if name == "stack":
        given["layers"] = [_checked_layer(*layer) for layer in enumerate(given["layers"], start=1)]
    return name, given


def _holds_generator(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_generator, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_generator, value))
    return isinstance(value, np.random.Generator)


def _checked_layer(number: int, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tables of a layer, each with its arguments in alphabetic order."""
    if not steps:
        return []
    try:
        process = Process([_named(step, "a table") for step in steps])
    except InvalidInputError as error:
        raise InvalidInputError(f"layer {number} of stack: {error}") from error
    return [{"step": name, **dict(sorted(given.items()))} for name, given in process.steps]


def _wants_volume(name: str, arguments: Mapping[str, Any]) -> bool:
    if name != "stack":
        return name not in MAKERS
    firsts = [layer[0] if layer else {"step": ""} for layer in arguments["layers"]]
    return any(_wants_volume(first["step"], first) for first in firsts)


def _check_given(volume: Any, process: Process) -> None:
    first = process.steps[0][0]
    if volume is None and process.wants_volume:
        raise InvalidInputError(
            f"the process begins with {first}, which changes a volume: give one, or begin with one "
            f"of {sorted(MAKERS)}"
        )
    if volume is not None and not process.wants_volume:
        raise InvalidInputError(
            f"the process begins with {first}, which makes a volume: give none beside it"
        )
    if volume is not None:
        checked_volume(volume)


def _taken(name: str, volume: Volume | None, arguments: Mapping[str, Any]) -> Result:
    if name in MAKERS:
        return MAKERS[name](**arguments)
    return STEPS[name](volume, **arguments)


def _layer(number: int, steps: Sequence[Mapping[str, Any]], volume: Volume | None) -> ProcessRun:
    if not steps and volume is not None:
        return ProcessRun(volume.sha256, volume, ())
    try:
        process = Process([_named(step, "a table") for step in steps])
        return process.run(volume if process.wants_volume else None)
    except InvalidInputError as error:
        raise InvalidInputError(f"layer {number}: {error}") from error


def _tables(reports: Sequence[StepReport]) -> list[dict[str, Any]]:
    return [{"step": report.step, **report.parameters} for report in reports]


def _changed(then: Mapping[str, Any]) -> str:
    """Which versions differ from those then, in words."""
    if not then:
        return "what versions it was computed with is not written there"
    now = versions()
    differ = [f"{n} was {v}, is {now.get(n)}" for n, v in then.items() if v != now.get(n)]
    if differ:
        return "; ".join(differ)
    return "it was computed with the same versions, so on another machine, or changed since"


def _sha(content: Any) -> str:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
