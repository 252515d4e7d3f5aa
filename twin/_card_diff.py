"""How two property cards differ, as a table."""

import math
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
    olds, news = ({_key(entry): entry for entry in card.entries} for card in (before, after))
    rows = [_row(olds.get(key), news.get(key)) for key in dict.fromkeys((*olds, *news))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
