"""Study: a recipe, a design of its parameters, and a store of what came of each case."""

import contextlib
import difflib
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from solvers import progress
from studies.answer import Answer, answered, check_questions
from studies.case import Case
from studies.case_maker import CaseMaker, check_unchanged
from studies.constraints import constrained
from studies.design import Design, Single
from studies.engine import Crew, Engine, check_count, engine_of
from studies.estimate import Estimate, estimated, largest_peak
from studies.store import CORRUPTED, NOT_RUN, STATUSES, Record, Store
from studies.table import TAKEN
from studies.tally import Tally, Watch

if TYPE_CHECKING:
    import pandas as pd

    from studies.cleaning import Cleaned
    from studies.study_diff import StudyDiff
    from studies.study_file import AnyStudy

ELECTRODE = "studies.tasks:electrode"
NOBODY = Crew(lambda cases, store: iter(()))


@dataclass(frozen=True, slots=True)
class Status:
    """How many cases there are, how many have come to which end, and what else is to be said."""

    cases: int
    counts: Mapping[str, int]
    note: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every case has come to some end, and that is stored."""
        return set(self.counts) <= set(STATUSES)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"{self.cases} cases: {told}" + (f"; {self.note}" if self.note else "")


@dataclass(frozen=True)
class Study:
    """Many cases of one recipe.

    Args:
        recipe: what the task is given, in SI units or with the unit at the end of a key, as in
            thickness_um; for "studies.tasks:electrode" see there.
        design: the points of its parameters; one case without them by default.
        folder: of the store.
        name: for reports.
        task: importable name of what is computed.
        constraints: comparisons between parameters, see ``studies.constraints``.
        modules: folder with the module of the task, if that is not installed.
        questions: what the report asks of the results, with arguments: {"best_density": {}}; see
            ``studies.answer``.

    Raises:
        InvalidInputError: a task, a path, a constraint, a recipe or a question that cannot be; a
            file that is not there. Nothing was run.
    """

    recipe: Mapping[str, Any]
    design: Design = field(default_factory=Single)
    folder: str | os.PathLike[str] = "study"
    name: str = "study"
    task: str = ELECTRODE
    constraints: tuple[str, ...] = ()
    modules: str | os.PathLike[str] | None = None
    questions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cases()
        check_questions(self)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> "AnyStudy":
        """The study of a file, an ``Optimisation`` if it has a table [optimise].

        Raises:
            InvalidInputError: what is wrong, and in which line.
        """
        from studies.study_file import read

        return read(Path(path))

    @property
    def store(self) -> Store:
        """The store; its folder is made when a case is run."""
        return Store(Path(self.folder).absolute())

    def cases(self) -> list[Case]:
        """All cases in the order of the design; points that make one and the same are one."""
        return list(self._cases.values())

    @cached_property
    def _cases(self) -> dict[str, Case]:
        if not hasattr(self.design, "points"):
            raise InvalidInputError(
                f"design is {self.design!r}: give a studies.Grid, or another one"
            )
        maker = CaseMaker(self.task, self.recipe, self.modules)
        found: dict[str, Case] = {}
        for point in constrained(self.design.points(), self.constraints):
            if taken := [name for name in TAKEN if name in point]:
                raise InvalidInputError(
                    f"{taken[0]!r} is a column of its own: rename the parameter"
                )
            case = maker.of(point)
            if case.key not in found:
                maker.check(case)
            found.setdefault(case.key, case)
        return found

    def run(
        self,
        engine: "str | Executor | Engine | Crew" = "local",
        *,
        retry: Collection[str] = (),
        first: int | None = None,
        watch: Watch | None = None,
        **options: Any,
    ) -> Status:
        """Run what has not been run; what is stored costs nothing.

        Args:
            engine: "serial", "local", "dask", an Executor, an ``Engine``, or what
                ``Engine.started`` gives.
            retry: statuses whose cases are run again, such as "timed out".
            first: no more than so many cases, for a trial; they count.
            watch: is told how far the run has come, now and whenever a case has ended.
            options: arguments of ``Engine``: workers, address, timeout, …

        Raises:
            InvalidInputError: an option or status that there is not, or an input file that has
                changed since the study was made.
            EngineError: the workers are gone for good; what they finished is stored.
        """
        check_count("first", first, 0)
        again = {CORRUPTED, *_statuses(retry)}
        found = {case.key: (status, record) for case, status, record in self.records()}
        known = {key: status for key, (status, _) in found.items()}
        left = [case for case in self.cases() if known[case.key] in {NOT_RUN, *again}][:first]
        peak = largest_peak([record for _, record in found.values() if record])
        with _crew(engine, options, len(left), peak) as crew:
            if left:
                check_unchanged(left)
                store = Store.at(self.folder)
                store.sweep()
                for case in left:
                    if known[case.key] in again:
                        store.remove(case.key)
                self._watched(crew, left, known, watch)
        self.store.settle()
        return Status(len(known), _counted(known.values()))

    def _watched(
        self, crew: Crew, left: list[Case], known: dict[str, str], watch: Watch | None
    ) -> None:
        """Run cases, note their ends as they come, and report how far the study is."""
        name, begun = f"study {self.name}, {len(left)} cases", time.monotonic()
        counts = Counter(known.values())

        def tell(done: int) -> None:
            progress.report(name, done / len(left))
            if watch is not None:
                about = self.name, len(known), dict(+counts), len(left), done
                watch(Tally(*about, time.monotonic() - begun, crew.dashboard))

        tell(0)
        for done, (key, status) in enumerate(crew.run(left, self.store), start=1):
            counts[known[key]] -= 1
            counts[status] += 1
            known[key] = status
            tell(done)

    def status(self) -> Status:
        """What has become of the cases so far."""
        store = self.store
        ends = [store.end(key)[0] for key in self._cases]
        return Status(len(ends), _counted(ends))

    def records(self) -> Iterator[tuple[Case, str, Record | None]]:
        """Each case, its status, and its record; None if it was not run, or that is corrupted."""
        store = self.store
        for case in self.cases():
            yield case, *store.end(case.key)

    def frame(self, uncertainty: bool = False) -> "pd.DataFrame":
        """A row for each case in the order of the design: parameters, status, reason, values.

        Args:
            uncertainty: a column with the standard error after each value that has one.

        Returns:
            ``attrs["units"]`` has the unit of each value by name; what is no number is NaN.
        """
        from studies.table import framed

        return framed(self, uncertainty)

    def estimate(self, engine: "str | Executor | Engine" = "local", **options: Any) -> Estimate:
        """How long the rest takes and how much memory, from what was run of the same task.

        Args:
            engine: as of ``run``.
            options: likewise.
        """
        return estimated(self, engine, options)

    def diff(self, after: "AnyStudy") -> "StudyDiff":
        """How another study differs, case by case: statuses, and numbers beyond their errors.

        Raises:
            InvalidInputError: they have no case with the same parameters.
        """
        from studies.study_diff import differences

        return differences(self, after)

    def clean(self, *, others: bool = False, dry: bool = False) -> "Cleaned":
        """Remove from the store what killed workers left, and what is corrupted.

        Args:
            others: also finished cases that are none of this study's: of points that it no longer
                has, and of older versions of its task.
            dry: only tell what it would be.
        """
        from studies.cleaning import cleaned

        return cleaned(self, others=others, dry=dry)

    def answer(self, question: str, **arguments: Any) -> Answer:
        """What the results say to a question, such as "best_density"; see ``studies.answer``.

        Raises:
            InvalidInputError: no such question or argument, or results that do not answer it.
        """
        return answered(self, question, arguments)

    def collect(self) -> tuple[Path, ...]:
        """The frame as results.csv beside the cases, and as Parquet where that can be written."""
        from studies.table import collected

        return collected(self)

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """The path of one HTML page of all cases, effects, answers and pictures.

        Args:
            path: the file to write; report.html in the folder of the store by default.

        Raises:
            InvalidInputError: the place cannot be written to. A question without an answer does
                not raise: the page says why.
        """
        from studies.report import write

        return write(self, self.store.folder / "report.html" if path is None else path)


def _crew(
    engine: "str | Executor | Engine | Crew",
    options: Mapping[str, Any],
    left: int,
    peak: float | None,
) -> contextlib.AbstractContextManager[Crew]:
    """Workers; none are started where there is nothing to do, but options are looked at."""
    asked = engine_of(engine, options)
    if isinstance(asked, Crew):
        return contextlib.nullcontext(asked)
    return asked.within(peak).started() if left else contextlib.nullcontext(NOBODY)


def _statuses(given: Collection[str]) -> tuple[str, ...]:
    """The same, each one that a case can have. Raises InvalidInputError."""
    asked = (given,) if isinstance(given, str) else tuple(given)
    for status in asked:
        if status not in STATUSES:
            close = difflib.get_close_matches(status, STATUSES, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(STATUSES)}"
            raise InvalidInputError(f"retry {status!r} is no status: {meant}")
    return asked


def _counted(statuses: Collection[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(Counter(statuses).most_common())
