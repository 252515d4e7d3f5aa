"""Optimisation: cases of one recipe, each batch placed by what came of those before.

Nothing but the cases is stored. The points are a function of their results, so that a search which
was killed goes on as if it had not been: it asks again, and finds in the store what it has done.
"""

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.case import Case
from studies.case_maker import CaseMaker
from studies.constraints import Holds, condition
from studies.design import Grid, Point, Range, Table
from studies.engine import Crew, Engine, check_count
from studies.estimate import Estimate, estimated, history, largest_peak
from studies.optimise.asked import Asked, Cases, Row
from studies.optimise.batches import Run, Workers
from studies.optimise.goals import Goals, Texts
from studies.optimise.search import SAMPLERS, Search, Space
from studies.store import Store
from studies.study import ELECTRODE, Status, Study

if TYPE_CHECKING:
    import pandas as pd

    from studies.cleaning import Cleaned
    from studies.study_diff import StudyDiff
    from studies.study_file import AnyStudy
    from studies.tally import Watch

MOST = 10_000  # cases; more is no search but a design
COMPARISON = re.compile(r"\S\s*(<=|>=|==|!=|<|>)\s*\S")


@dataclass(frozen=True)
class Optimisation:
    """A search for the cases of a recipe that meet goals best.

    Args:
        recipe: as of ``Study``.
        parameters: by path, a ``Range`` or a list of values; numbers of a list are searched in
            their order, other values in none.
        maximise: names of the values to be made large, a text or several: columns of ``frame``.
        minimise: of those to be made small. With several objectives in all the search is for the
            front of cases which none betters in every one.
        constraints: comparisons, see ``studies.constraints``. Between parameters they leave out
            points before they are run; with values among them they say which cases are feasible.
        count: of the cases to be run in all.
        batch: cases that are asked at once. The points depend on it, and not on how many workers
            there are: give as many, or a multiple.
        sampler: "tpe" (Parzen estimators), "nsga2" (evolution), "random" or "sobol", which learn
            nothing.
        seed: other points for another one.
        folder: of the store.
        name: for reports.
        task: importable name of what is computed.
        modules: folder with the module of the task, if that is not installed.
        questions: what the report asks of the results; by default for the best cases.

    Raises:
        InvalidInputError: an argument is out of range, no point is admitted, or as of ``Study``;
            nothing was run.

    Source: Optuna's samplers, asked and told.
    """

    recipe: Mapping[str, Any]
    parameters: Mapping[str, Range | Sequence[Any]]
    _: KW_ONLY
    maximise: Texts = ()
    minimise: Texts = ()
    constraints: Texts = ()
    count: int = 64
    batch: int = 8
    sampler: str = "tpe"
    seed: int = 0
    folder: str | PathLike[str] = "study"
    name: str = "study"
    task: str = ELECTRODE
    modules: str | PathLike[str] | None = None
    questions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_count("count", self.count)
        _check_count("batch", self.batch)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidInputError(f"seed is {self.seed!r}: give a whole number, 0 or more")
        if self.sampler not in SAMPLERS:
            raise InvalidInputError(
                f"sampler {self.sampler!r} is unknown: choose one of {', '.join(SAMPLERS)}"
            )
        for text in self.goals.constraints:
            if not COMPARISON.search(text):
                raise InvalidInputError(f"constraint {text!r} is no comparison: write a < b")
        first = self._search.visit(lambda _: None)
        self._study(first)

    @property
    def store(self) -> Store:
        """The store; its folder is made when a case is run."""
        return Store(Path(self.folder).absolute())

    def run(
        self,
        engine: "str | Executor | Engine | Crew" = "local",
        *,
        retry: Collection[str] = (),
        first: int | None = None,
        watch: "Watch | None" = None,
        **options: Any,
    ) -> Status:
        """Go on with the search until all cases are run; what is stored costs nothing.

        Workers stay warm from batch to batch. A case that cannot be run or stored ends it, since
        its result is needed to go on; run again then.

        Args:
            engine: as of ``Study.run``.
            retry: statuses whose cases are run again; the points after them may become others.
            first: no more than so many cases, for a trial; they count.
            watch: is told how far the search has come whenever a case has ended.
            options: arguments of ``Engine``.

        Raises:
            InvalidInputError: as of ``Study.run``; or a value that no case has is an objective.
            EngineError: the workers are gone for good; what they finished is stored.
        """
        check_count("first", first, 0)
        asked, peak = self._asked, largest_peak(list(history(self)))
        with Workers.of(engine, options, peak) as workers:
            run = Run(asked, self.count, self._study, workers, retry, first, watch)
            self._search.visit(run.find)
        self._latest[:] = [asked]
        return asked.status(self.count)

    def status(self) -> Status:
        """What has become of the cases so far; those not asked yet are "not run"."""
        return self._followed.status(self.count)

    def study(self) -> Study:
        """The study of all points asked so far, in that order, the next batch with them."""
        return self._study(self._followed.points)

    def cases(self) -> list[Case]:
        """All cases asked for so far, see ``Study``."""
        return self.study().cases()

    def records(self) -> Iterator[Row]:
        """As of ``Study``."""
        return self.study().records()

    def frame(self, uncertainty: bool = False) -> "pd.DataFrame":
        """A row for each case asked so far, see ``Study.frame``."""
        return self.study().frame(uncertainty)

    def collect(self) -> tuple[Path, ...]:
        """The frame as files, see ``Study.collect``."""
        return self.study().collect()

    def answer(self, question: str, **arguments: Any) -> Answer:
        """What the results so far say to a question, see ``Study.answer``."""
        return self.study().answer(question, **arguments)

    def estimate(self, engine: "str | Executor | Engine" = "local", **options: Any) -> Estimate:
        """How long the rest takes and how much memory, see ``Study.estimate``."""
        return estimated(self, engine, options)

    def diff(self, after: "AnyStudy") -> "StudyDiff":
        """How another study differs, see ``Study.diff``."""
        return self.study().diff(after)

    def clean(self, *, others: bool = False, dry: bool = False) -> "Cleaned":
        """Remove what killed workers left, see ``Study.clean``.

        Raises:
            InvalidInputError: ``others`` of a search that is not complete: which points it will
                ask for is known only once all before are there.
        """
        if others and not self.status().is_complete:
            raise InvalidInputError(
                f"{self.status()}: points that are asked for later look like those of another "
                "study until then; run it to its end first"
            )
        return self.study().clean(others=others, dry=dry)

    def report(self, path: str | PathLike[str] | None = None) -> Path:
        """The page of all cases asked so far, see ``Study.report``."""
        return self.study().report(path)

    def best(self) -> Answer:
        """The best case so far, with its error and those not told apart from it.

        Raises:
            InvalidInputError: there are several objectives, or no feasible case yet.
        """
        return self.answer("best_case", **self._wanted)

    def front(self) -> Answer:
        """The cases so far that none betters in every objective, and their hypervolume.

        Raises:
            InvalidInputError: there is one objective only, or no feasible case yet.
        """
        return self.answer("pareto_front", **self._wanted)

    @cached_property
    def goals(self) -> Goals:
        """Objectives and constraints."""
        return Goals(self.maximise, self.minimise, self.constraints)

    @cached_property
    def _wanted(self) -> dict[str, list[str]]:
        """The goals as arguments of a question."""
        names = ("maximise", "minimise", "constraints")
        given = {name: list(getattr(self.goals, name)) for name in names}
        return {name: texts for name, texts in given.items() if texts}

    @cached_property
    def _spaces(self) -> dict[str, Space]:
        if not isinstance(self.parameters, Mapping) or not self.parameters:
            raise InvalidInputError("there is no parameter: give each a Range, or a list of values")
        lists = {n: space for n, space in self.parameters.items() if not isinstance(space, Range)}
        if lists:
            for name, values in lists.items():
                Grid({name: list(values) if isinstance(values, range) else values})
        return {name: _ordered(space) for name, space in self.parameters.items()}

    @cached_property
    def _before(self) -> list[Holds]:
        """Constraints that hold or not before a case is run: of parameters only."""
        found = []
        for text in self.goals.constraints:
            with contextlib.suppress(InvalidInputError):
                found.append(condition(text, self._spaces))
        return found

    @cached_property
    def _cases(self) -> Cases:
        return Cases(CaseMaker(self.task, self.recipe, self.modules))

    @cached_property
    def _search(self) -> Search:
        directions = self.goals.directions
        about = self.count, self.batch, self.sampler, self.seed
        return Search(self._spaces, directions, *about, self._admits)

    def _admits(self, point: Point) -> bool:
        return all(holds(point) for holds in self._before) and self._cases.admit(point)

    @property
    def _asked(self) -> Asked:
        """Nothing yet."""
        return Asked(self._cases, self.goals, self.store)

    @property
    def _followed(self) -> Asked:
        """All that has been asked for, as the store has it now."""
        for known in self._latest:
            if known.is_current():
                return known
        asked = self._asked
        self._search.visit(asked.note)
        self._latest[:] = [asked]
        return asked

    @cached_property
    def _latest(self) -> list[Asked]:
        """What was asked for when that was last followed, if it was: it takes a while."""
        return []

    def _study(self, points: Sequence[Point]) -> Study:
        """The study of some points, over the same store."""
        chapter = "best_case" if len(self.goals.names) == 1 else "pareto_front"
        return Study(
            self.recipe,
            Table(tuple(points), self._words()),
            self.folder,
            self.name,
            self.task,
            (),
            self.modules,
            self.questions or {chapter: self._wanted, "convergence": self._wanted},
        )

    def _words(self) -> str:
        """What is searched for, and where."""
        spans = (
            f"{name} {space.low:g} … {space.high:g}"
            if isinstance(space, Range)
            else f"{name} {', '.join(map(str, space))}"
            for name, space in self._spaces.items()
        )
        wanted = [
            *(f"most {n}" for n in self.goals.maximise),
            *(f"least {n}" for n in self.goals.minimise),
        ]
        limits = "".join(f", {text}" for text in self.goals.constraints)
        return (
            f"a search for {', '.join(wanted)}{limits}, among {'; '.join(spans)}; "
            f"{self.count} cases in all, {self.batch} at once, sampler {self.sampler}, "
            f"seed {self.seed}"
        )


def _ordered(space: Range | Sequence[Any]) -> Space:
    """A range as it is, numbers in their order, other values as they are listed."""
    if isinstance(space, Range):
        return space
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in space)
    return tuple(sorted(space) if is_number else space)


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise InvalidInputError(f"{name} is {value!r}: give a whole number, 1…{MOST}")
