"""Asked: the cases that a search has asked for, in their order, and what came of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from microstructures.errors import InvalidInputError
from studies.case import Case, canonical
from studies.case_maker import CaseMaker
from studies.design import Point
from studies.optimise.goals import Goals
from studies.optimise.search import Found, Told
from studies.store import NOT_RUN, STATUSES, Record, Store
from studies.study import Status
from studies.table import framed

REFUSED = 20  # points that the task refuses before it takes one: it is not the points then
Row = tuple[Case, str, Record | None]


class Cases:
    """Cases of points, as far as the task takes them."""

    def __init__(self, maker: CaseMaker) -> None:
        self._maker = maker
        self._made: dict[str, Case | None] = {}
        self._refusal = ""

    @property
    def refused(self) -> str:
        """How many points the task has refused, and why the first of them; empty if none."""
        count = sum(case is None for case in self._made.values())
        return f"the task refused {count} more points: {self._refusal}" if count else ""

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
                self._made[key] = self._case(point)
            except InvalidInputError as error:
                self._made[key] = None
                self._refusal = self._refusal or str(error)
                if len(self._made) >= REFUSED and not any(self._made.values()):
                    raise
        return self._made[key] is not None

    def _case(self, point: Point) -> Case:
        case = self._maker.of(point)
        self._maker.check(case)
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
        return Status(counts.total(), dict(counts.most_common()), self.cases.refused)

    def is_current(self) -> bool:
        """Whether the store still says of all cases what it said."""
        ends = {case.key: status for case, status, _ in self.rows(self.points)}
        return ends == self.ends | self.last

    def rows(self, points: Sequence[Point]) -> list[Row]:
        """The case of each point, its status, and its record."""
        return [(case, *self.store.end(case.key)) for case in map(self.cases.of, points)]

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
