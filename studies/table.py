"""Table of a study: a row for each case, and files of it."""

import contextlib
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from studies.aside import write_aside

if TYPE_CHECKING:
    import pandas as pd

    from studies.case import Case
    from studies.store import Record
    from studies.study import Study


TAKEN = ("status", "reason")
"""Columns that are neither parameters nor values."""


class HasRecords(Protocol):
    """A study, or whatever else has cases."""

    def records(self) -> "Iterator[tuple[Case, str, Record | None]]":
        """Each case, its status, and its record."""
        ...


def framed(study: HasRecords, uncertainty: bool) -> "pd.DataFrame":
    """See ``Study.frame``."""
    import pandas as pd

    units: dict[str, str] = {}
    rows, keys = [], []
    for case, status, record in study.records():
        found = _values(record, case.parameters, units, uncertainty) if record else {}
        told = {"status": status, "reason": record.reason if record else ""}
        rows.append({**case.parameters, **told, **found})
        keys.append(case.key)
    frame = pd.DataFrame(rows, index=pd.Index(keys, name="case"))
    frame.attrs["units"] = units
    return frame


def _values(
    record: "Record", parameters: Collection[str], units: dict[str, str], uncertainty: bool
) -> dict[str, float]:
    """Numbers by the name of their column; one that is called as a parameter is "… found".

    One whose unit is not that of the cases before has a column of its own, "y in mm".
    """
    found = {}
    for name, about in record.values.items():
        column = f"{name} found" if name in parameters else name
        if units.setdefault(column, about["unit"]) != about["unit"]:
            column = f"{column} in {about['unit'] or 1}"
            units[column] = about["unit"]
        found[column] = math.nan if about["value"] is None else float(about["value"])
        if uncertainty and "uncertainty" in about:
            units[f"{column} ±"] = about["unit"]
            found[f"{column} ±"] = float(about["uncertainty"])
    return found


def collected(study: "Study") -> tuple[Path, ...]:
    """See ``Study.collect``; units are in the names of the columns."""
    frame = framed(study, uncertainty=True)
    units = frame.attrs["units"]
    named = frame.rename(columns={n: f"{n} [{u}]" for n, u in units.items() if u not in ("", "1")})
    named.attrs = {}
    table, parquet = (study.store.folder / f"results.{kind}" for kind in ("csv", "parquet"))
    write_aside(table, named.to_csv)
    with contextlib.suppress(ImportError, ValueError):  # no pyarrow, or lists among parameters
        write_aside(parquet, named.to_parquet)
        return table, parquet
    parquet.unlink(missing_ok=True)  # it would be that of an earlier time
    return (table,)
