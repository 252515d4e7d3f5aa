"""Asked: the cases that a search has asked for, in their order, and what came of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from microstructures.errors import InvalidInputError
from studies.case import Case, canonical, task_function
from studies.design import Point
from studies.optimise.goals import Goals
from studies.optimise.search import Found, Told
from studies.recipe import with_values
from studies.store import CORRUPTED, NOT_RUN, STATUSES, CorruptedRecordError, Record, Store
from studies.study import Status, Study
from studies.table import framed

REFUSED = 20  # points that the task refuses before it takes one: it is not the points then
Row = tuple[Case, str, Record | None]
StudyOf = Callable[[Sequence[Point]], Study]


class Cases:
    """Cases of points, the same ones that a study makes of them; its files are read once."""

    def __init__(self, study_of: StudyOf) -> None:
        self._study_of = study_of
        self._made: dict[str, Case | None] = {}
        self._first: Case | None = None

    def of(self, point: Point) -> Case:
        """The case of a point that has been admitted."""
        self.admit(point)
        case = self._made[canonical(point)]
        assert case is not None
        return case

    def admit(self, point: Point) -> bool:
        """Whether the task takes the point.

        Raises:
            InvalidInputError: it has not taken any of the first ones.
        """
        key = canonical(point)
        if key not in self._made:
            try:
                self._made[key] = self._first = self._case(point)
            except InvalidInputError:
                self._made[key] = None
                if self._first is None and len(self._made) >= REFUSED:
                    raise
        return self._made[key] is not None

    def _case(self, point: Point) -> Case:
        if self._first is None:
            return self._study_of([point]).cases()[0]
        recipe = with_values(self._first.recipe, point)
        case = replace(self._first, recipe=recipe, parameters=point)
        task: Any = task_function(case.task, case.modules)
        if (check := getattr(task, "check", None)) is not None:
            check(case.resolved())
        return case


@dataclass
class Asked:
    """What a search has asked for so far, read from the store.

    Args:
        cases: of its points.
        goals: of the search.
        store: of what came of them.
        points: in the order in which they were asked.
        ends: status of each case of the batches that are finished, by key.
        last: likewise of the last batch, if that is not finished.
        unfinished: how many cases of the last batch have come to which end as far as its run knows.
    """

    cases: Cases
    goals: Goals
    store: Store
    points: list[Point] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    unfinished: Counter[str] = field(default_factory=Counter)
    _columns: dict[str, None] = field(default_factory=dict)

    def status(self, cases: int) -> Status:
        """Of so many cases in all, or fewer if there were no more points to ask for."""
        counts = Counter(self.ends.values()) + self.unfinished
        if self.unfinished and (left := cases - counts.total()) > 0:
            counts[NOT_RUN] += left
        return Status(counts.total(), dict(counts.most_common()))

    def is_current(self) -> bool:
        """Whether the store still says of all cases what it said."""
        ends = {case.key: status for case, status, _ in self.rows(self.points)}
        return ends == self.ends | self.last

    def rows(self, points: Sequence[Point]) -> list[Row]:
        """The case of each point, its status, and its record."""
        return [(case, *_found(self.store, case.key)) for case in map(self.cases.of, points)]

    def note(self, points: Sequence[Point], run: Counter[str] | None = None) -> Found | None:
        """What came of the next batch; None as long as that is not known of all its cases.

        Args:
            points: of the batch.
            run: how its cases have ended if they have just been run.
        """
        self.points += points
        rows = self.rows(points)
        ends = {case.key: status for case, status, _ in rows}
        if not set(ends.values()) <= set(STATUSES):
            self.last = ends
            self.unfinished = run or Counter(ends.values())
            return None
        self.ends |= ends
        return self._told(_Rows(rows))

    def _told(self, rows: "_Rows") -> Found:
        """The values and violations of cases that have a result."""
        frame = framed(rows, False)
        self._columns |= dict.fromkeys(frame.columns)  # a name that only others have is no slip
        judged = self.goals.judge(frame.reindex(columns=list(self._columns)))
        pairs = zip(judged.values.tolist(), judged.violations.tolist(), strict=True)
        return [
            Told(tuple(values), tuple(violations)) if is_known else Told()
            for is_known, (values, violations) in zip(judged.has_result, pairs, strict=True)
        ]


@dataclass(frozen=True)
class _Rows:
    rows: list[Row]

    def records(self) -> Iterator[Row]:
        return iter(self.rows)


def _found(store: Store, key: str) -> tuple[str, Record | None]:
    try:
        record = store.read(key)
    except KeyError:
        return NOT_RUN, None
    except CorruptedRecordError:
        return CORRUPTED, None
    return record.status, record
