"""How two property cards differ, as a table."""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from twin.card import Entry, PropertyCard

Key = tuple[str, str | None, int | None]
COLUMNS = (
    "name", "phase", "axis", "unit", "before", "after", "change", "relative", "uncertainty",
    "significance",
)  # fmt: skip


def difference(before: "PropertyCard", after: "PropertyCard") -> "pd.DataFrame":
    """A row for each number that is on one card or both."""
    import pandas as pd

    if not hasattr(after, "entries"):
        raise InvalidInputError(f"{after!r} is no property card: give what characterize returns")
    olds, news = ({_key(e): e for e in _entries(card)} for card in (before, after))
    rows = [_row(olds.get(key), news.get(key)) for key in dict.fromkeys((*olds, *news))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _entries(card: "PropertyCard") -> "Iterator[Entry]":
    """Those of the card, and what each discharge gave, with its rate in place of the phase."""
    from solvers.results import Uncertainty
    from twin.card import Entry

    yield from card.entries
    for run in card.performance.discharges if card.performance else ():
        for name, value, unit in (
            ("discharge_capacity", run.capacity, "Ah/m²"),
            ("discharge_energy", run.energy, "Wh/m²"),
            ("discharge_loss", _mean(run.shares().values()), "V"),
        ):
            unknown = Uncertainty(math.nan)
            yield Entry(
                name, f"{run.rate:g}/h", None, value, unit, unknown, "discharge", run.status
            )


def _mean(losses: Iterable[float]) -> float:
    """Sum of the mean losses, NaN if there is none."""
    found = list(losses)
    return math.fsum(found) if found else math.nan


def _key(entry: "Entry") -> Key:
    return entry.name, entry.phase, entry.axis


def _row(old: "Entry | None", new: "Entry | None") -> dict[str, object]:
    known = old or new
    assert known is not None
    before = math.nan if old is None else old.value
    after = math.nan if new is None else new.value
    change = 0.0 if before == after else after - before
    error = math.hypot(*(float(e.uncertainty) if e else math.nan for e in (old, new)))
    return {
        "name": known.name,
        "phase": known.phase,
        "axis": known.axis,
        "unit": known.unit,
        "before": before,
        "after": after,
        "change": change,
        "relative": change / before if before and math.isfinite(before) else math.nan,
        "uncertainty": error,
        "significance": abs(change) / error if error > 0 else math.nan,
    }
