"""Process: a chain of manufacturing steps that runs, is stored, and replays bit for bit.

A file of a process is TOML with a table [[step]] for each step: ``step`` is its name, the other
keys are its keyword arguments, in SI units.
"""

import difflib
import hashlib
import inspect
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.manufacturing.binder import place_binder
from twin.manufacturing.calendering import calender
from twin.manufacturing.coating import laser_channels
from twin.manufacturing.pressing import press
from twin.manufacturing.step import StepReport, plain

STEPS: Mapping[str, Callable[..., tuple[Volume, StepReport]]] = {
    "calender": calender,
    "laser_channels": laser_channels,
    "place_binder": place_binder,
    "press": press,
}


@dataclass(frozen=True)
class Process:
    """Steps in the order in which they are taken, each with its keyword arguments.

    Args:
        steps: (name, arguments) of each; arguments as TOML can hold them, None left out.

    Raises:
        InvalidInputError: no step, an unknown one, or an argument that it does not take.
    """

    steps: tuple[tuple[str, Mapping[str, Any]], ...]

    def __init__(self, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        if not steps:
            raise InvalidInputError(f"a process wants at least one step of {sorted(STEPS)}")
        object.__setattr__(self, "steps", tuple(_checked(*step) for step in steps))

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """The process of a file. Raises InvalidInputError if it is none."""
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidInputError(f"{path} is no readable TOML file: {error}") from None
        if list(table) != ["step"] or not isinstance(table["step"], list):
            raise InvalidInputError(
                f"{path} has the tables {list(table)}: write a table [[step]] for each step, with "
                'step = "calender" or another name in it'
            )
        return cls([_named(step, path) for step in table["step"]])

    @property
    def sha(self) -> str:
        """Hash of the steps and their arguments, 32 hexadecimal digits."""
        return _sha([[name, arguments] for name, arguments in self.steps])

    def run(self, volume: Volume) -> "ProcessRun":
        """Take all steps. Raises what a step raises, with its number."""
        reports, current = [], volume
        for number, (name, arguments) in enumerate(self.steps, start=1):
            try:
                current, report = STEPS[name](current, **arguments)
            except InvalidInputError as error:
                raise InvalidInputError(f"step {number}, {name}: {error}") from error
            reports.append(report)
        return ProcessRun(volume.sha256, current, tuple(reports))


@dataclass(frozen=True, eq=False)
class ProcessRun:
    """What a process made of a volume.

    ``given`` is the sha256 of the volume it began with; ``reports`` has an entry for each step.
    """

    given: str
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
            "steps": [report.to_dict() for report in self.reports],
        }

    def to_json(self, path: str | Path) -> Path:
        """The path of a JSON file with ``to_dict``, which ``replay`` reads."""
        from twin._card_files import write_json

        return write_json(self.to_dict(), path)


def replay(path: str | Path, volume: Volume) -> ProcessRun:
    """Run a stored process again on the volume it began with.

    Raises:
        InvalidInputError: no such file, another volume, or a result that differs: another version
            of this package, NumPy or SciPy.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
        steps = [(step["step"], step["parameters"]) for step in stored["steps"]]
        given, result = stored["given"], stored["result"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{path} is no stored run of a process: {error!r}") from None
    if given != volume.sha256:
        raise InvalidInputError(
            f"{path} began with the volume {given[:12]}…, not with {volume.sha256[:12]}…: give the "
            "volume that it began with"
        )
    again = Process(steps).run(volume)
    if again.volume.sha256 != result:
        raise InvalidInputError(
            f"{path} ended with {result[:12]}…, but now it ends with "
            f"{again.volume.sha256[:12]}…: versions have changed, so run the process anew"
        )
    return again


def _named(step: Any, path: str | Path) -> tuple[str, dict[str, Any]]:
    arguments = dict(step) if isinstance(step, Mapping) else {}
    name = arguments.pop("step", None)
    if not isinstance(name, str):
        raise InvalidInputError(f'{path}: a table [[step]] lacks its name: write step = "calender"')
    return name, arguments


def _checked(name: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if name not in STEPS:
        raise InvalidInputError(f"step {name!r} is unknown{_meant(name, STEPS)}")
    known = [p for p in inspect.signature(STEPS[name]).parameters if p != "volume"]
    for key in arguments:
        if key not in known:
            raise InvalidInputError(f"{name} takes no {key!r}{_meant(key, known)}")
    return name, {key: plain(value) for key, value in arguments.items() if value is not None}


def _meant(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f": did you mean {near[0]!r}?" if near else f": choose one of {sorted(known)}"


def _sha(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
