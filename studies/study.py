"""Study: a recipe, a design of its parameters, and a store of what came of each case."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from solvers import progress
from studies.case import Case, task_function
from studies.design import Design, Single, constrained
from studies.engine import Engine
from studies.recipe import with_values
from studies.store import CorruptedRecordError, Record, Store

if TYPE_CHECKING:
    import pandas as pd

ELECTRODE = "studies.tasks:electrode"
WAITING, CORRUPTED = "not run", "corrupted"


@dataclass(frozen=True, slots=True)
class Status:
    """How many cases there are, and how many have come to which end."""

    cases: int
    counts: Mapping[str, int]

    @property
    def is_complete(self) -> bool:
        """Whether every case has come to some end."""
        return not self.counts.get(WAITING, 0) and not self.counts.get(CORRUPTED, 0)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"{self.cases} cases: {told}"


@dataclass(frozen=True)
class Study:
    """Many cases of one recipe.

    Args:
        recipe: what the task is given, in SI units; for "studies.tasks:electrode" see there.
        design: the points of its parameters; one case without them by default.
        folder: of the store.
        name: for reports.
        task: importable name of what is computed.
        constraints: comparisons between parameters, see ``studies.design.constrained``.

    Raises:
        InvalidInputError: a task, a path, a constraint or a recipe that cannot be; a file that is
            not there. Nothing was run.
    """

    recipe: Mapping[str, Any]
    design: Design = field(default_factory=Single)
    folder: str | os.PathLike[str] = "study"
    name: str = "study"
    task: str = ELECTRODE
    constraints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.cases()

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> "Study":
        """The study of a file. Raises InvalidInputError with what is wrong in which line."""
        from studies.study_file import read

        return read(Path(path))

    @property
    def store(self) -> Store:
        """The store, made if need be."""
        return Store.at(self.folder)

    def cases(self) -> list[Case]:
        """All cases in the order of the design; each recipe checked."""
        function = task_function(self.task)
        version = int(function.VERSION)  # type: ignore[attr-defined]
        recipe, inputs, paths = _with_files(self.recipe)
        check = getattr(function, "check", None)
        found: dict[str, Case] = {}
        for point in constrained(self.design.points(), self.constraints):
            changed = with_values(recipe, point)
            case = Case(self.task, version, changed, inputs, paths, point)
            if check is not None:
                check(case.resolved())
            found.setdefault(case.key, case)
        return list(found.values())

    def run(
        self,
        engine: "str | Executor | Engine" = "local",
        *,
        retry: Collection[str] = (),
        **options: Any,
    ) -> Status:
        """Run what has not been run; what is stored costs nothing.

        Args:
            engine: "serial", "local", "dask", an Executor, or an ``Engine``.
            retry: statuses whose cases are run again, such as "timed out".
            options: arguments of ``Engine``: workers, address, timeout, …

        Raises:
            InvalidInputError: an option that is out of range.
            EngineError: the workers are gone for good; what they finished is stored.
        """
        runner = engine if isinstance(engine, Engine) else Engine(engine, **options)
        store, cases = self.store, self.cases()
        known = {case.key: _status(store, case.key) for case in cases}
        for key, status in known.items():
            if status == CORRUPTED or status in retry:
                store.remove(key)
                known[key] = WAITING
        left = [case for case in cases if known[case.key] == WAITING]
        started, done = time.monotonic(), len(cases) - len(left)
        for key, status in runner.run(left, store) if left else ():
            known[key], done = status, done + 1
            progress.report(_told(known, started, done - len(cases) + len(left)), done / len(cases))
        return Status(len(cases), _counted(known.values()))

    def status(self) -> Status:
        """What has become of the cases so far."""
        store = self.store
        return Status(*_of(_status(store, case.key) for case in self.cases()))

    def records(self) -> Iterator[tuple[Case, Record | None]]:
        """Each case and what came of it; None if it was not run, or is corrupted."""
        store = self.store
        for case in self.cases():
            try:
                yield case, store.read(case.key)
            except (KeyError, CorruptedRecordError):
                yield case, None

    def frame(self, uncertainty: bool = False) -> "pd.DataFrame":
        """A row for each case in the order of the design: parameters, status, reason, values.

        Args:
            uncertainty: a column with the standard error after each value that has one.

        Returns:
            ``attrs["units"]`` has the unit of each value by name; what is no number is NaN.
        """
        from studies.table import framed

        return framed(self, uncertainty)

    def collect(self) -> tuple[Path, ...]:
        """The frame as results.csv beside the cases, and as Parquet where that can be written."""
        from studies.table import collected

        return collected(self)


def _with_files(recipe: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """The recipe with "@volume" for the file of its volume, the hash of that file, and its path."""
    volume = recipe.get("volume")
    if not isinstance(volume, Mapping) or "file" not in volume:
        return dict(recipe), {}, {}
    path = Path(str(volume["file"])).absolute()
    if not path.exists():
        raise InvalidInputError(f"volume.file {str(path)!r} does not exist: look at the path")
    named = dict(recipe) | {"volume": dict(volume) | {"file": "@volume"}}
    return named, {"volume": _sha(path)}, {"volume": str(path)}


def _sha(path: Path) -> str:
    """sha256 of a file, or of all files of a folder in the order of their names."""
    total = hashlib.sha256()
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as opened:
            total.update(hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()


def _status(store: Store, key: str) -> str:
    try:
        return store.read(key).status
    except KeyError:
        return WAITING
    except CorruptedRecordError:
        return CORRUPTED


def _of(statuses: Iterator[str]) -> tuple[int, dict[str, int]]:
    found = list(statuses)
    return len(found), _counted(found)


def _counted(statuses: Collection[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(Counter(statuses).most_common())


def _told(known: Mapping[str, str], started: float, done: int) -> str:
    """What the progress bar says: how many failed, and how fast it goes."""
    bad = sum(status not in ("ok", WAITING) for status in known.values())
    rate = done / max(time.monotonic() - started, 1e-9)
    left = sum(status == WAITING for status in known.values()) / rate if rate else 0.0
    failed = f", {bad} not ok" if bad else ""
    return f"study: {rate:.2g} cases/s, {left:.0f} s left{failed}"
