"""What the terminal says below a status: why cases failed, what is best, what else is stored."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from microstructures.errors import TwinError

if TYPE_CHECKING:
    from studies.study_file import AnyStudy

SHOWN = 5  # reasons
LONGEST = 160  # characters of one


def told(study: "AnyStudy") -> Iterator[str]:
    """Lines below the status."""
    from studies.optimise import Optimisation

    yield from _reasons(study)
    if isinstance(study, Optimisation):
        yield from _best(study)
    else:
        yield from _strangers(study)


def _reasons(study: "AnyStudy") -> Iterator[str]:
    """Why cases have no result, the most frequent reason first, and what runs them again."""
    from studies.store import FINE, STATUSES

    found: Counter[tuple[str, str]] = Counter()
    for _, status, record in study.records():
        if status in STATUSES and status not in FINE and record is not None:
            found[status, record.reason.partition("\n")[0]] += 1
    for (status, reason), count in found.most_common(SHOWN):
        text = f"  {count} {status}: {reason}"
        yield text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN} other reasons: see the report"
    if found:
        again = ",".join(dict.fromkeys(status for status, _ in found))
        yield f'  after a change, run them again with --retry "{again}"'


def _best(search: "AnyStudy") -> Iterator[str]:
    """What a search has found so far."""
    from studies.optimise import Optimisation

    assert isinstance(search, Optimisation)
    is_single = len(search.goals.names) == 1
    try:
        answer = search.best() if is_single else search.front()
    except TwinError:  # nothing yet
        return
    yield from (f"  {line}" for line in str(answer).splitlines() if line)


def _strangers(study: "AnyStudy") -> Iterator[str]:
    """Finished cases of the store that are not the study's: after a change of recipe or volume."""
    known = {case.key for case in study.cases()}
    others = sum(key not in known for key in study.store.finished())
    if others:
        cases = "case is" if others == 1 else "cases are"
        yield f"  {others} finished {cases} stored besides, of another recipe, volume or version"
