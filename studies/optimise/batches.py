"""Batches: cases asked at once, run by workers that stay from one batch to the next."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.design import Point
from studies.engine import Crew, Engine, engine_of
from studies.optimise.asked import Asked
from studies.optimise.search import Found
from studies.store import NOT_RUN, STATUSES
from studies.study import Study

if TYPE_CHECKING:
    from studies.tally import Tally, Watch


StudyOf = Callable[[Sequence[Point]], Study]


class Workers:
    """Workers that are started when they are first needed, and stay."""

    def __init__(self, engine: Engine | Crew, stack: contextlib.ExitStack) -> None:
        self._engine, self._stack = engine, stack

    @classmethod
    @contextlib.contextmanager
    def of(
        cls,
        engine: "str | Executor | Engine | Crew",
        options: Mapping[str, Any],
        peak: float | None,
    ) -> "Iterator[Workers]":
        """Those of an engine, see ``Study.run``; they go when the block is left.

        ``peak`` is the memory that a case is known to take, see ``Engine.within``.
        """
        asked = engine_of(engine, options)
        given = asked.within(peak) if isinstance(asked, Engine) else asked
        with contextlib.ExitStack() as stack:
            yield cls(given, stack)

    def crew(self) -> Crew:
        """They, started by now."""
        if isinstance(self._engine, Engine):
            self._engine = self._stack.enter_context(self._engine.started())
        return self._engine


@dataclass
class Run:
    """A run of the batches of a search, of whose cases only those that want it.

    Args:
        asked: what the search has asked for; each batch is noted there.
        cases: how many there will be.
        study_of: the study of some points.
        workers: who runs them.
        retry: statuses whose cases are run again.
        first: no more cases than so many.
        watch: is told how far it has come.
        done: how many cases it has run so far.
        begun: when, s.
    """

    asked: Asked
    cases: int
    study_of: StudyOf
    workers: Workers
    retry: Collection[str] = ()
    first: int | None = None
    watch: "Watch | None" = None
    done: int = 0
    begun: float = field(default_factory=time.monotonic)

    def find(self, points: Sequence[Point]) -> Found | None:
        """Run a batch and say what came of it, see ``Asked.note``."""
        again = {self.retry} if isinstance(self.retry, str) else set(self.retry)
        ends = {case.key: status for case, status, _ in self.asked.rows(points)}
        wanted = sum(status in again or status not in STATUSES for status in ends.values())
        is_first = not self.asked.points
        counts = self._run(points, wanted) if wanted or is_first else None
        return self.asked.note(points, counts)

    def _run(self, points: Sequence[Point], wanted: int) -> Counter[str]:
        study = self.study_of(points)
        self._check_files(study)
        left = None if self.first is None else max(self.first - self.done, 0)
        watch = None if self.watch is None else self._tell
        crew = self.workers.crew() if wanted else Engine("serial")
        status = study.run(crew, retry=self.retry, first=left, watch=watch)
        self.done += wanted if left is None else min(wanted, left)
        return Counter(status.counts)

    def _check_files(self, study: Study) -> None:
        for case in study.cases():
            if case.inputs != self.asked.cases.of(dict(case.parameters)).inputs:
                raise InvalidInputError(
                    f"{', '.join(case.paths.values())} has changed since the search was made: "
                    "make it again"
                )

    def _tell(self, tally: "Tally") -> None:
        """Of the whole search what a tally says of a batch."""
        assert self.watch is not None
        ends = Counter(self.asked.ends.values()) + Counter(tally.counts)
        ends[NOT_RUN] += max(0, self.cases - ends.total())
        self.watch(
            replace(
                tally,
                cases=self.cases,
                counts=dict(ends.most_common()),
                asked=self.cases - (len(self.asked.ends) - self.done),
                done=self.done + tally.done,
                seconds=time.monotonic() - self.begun,
            )
        )
