"""Table of a study: a row for each case, and files of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from studies.store import Record
    from studies.study import Study

CORRUPTED_OR_NOT_RUN = "not run"


def framed(study: "Study", uncertainty: bool) -> "pd.DataFrame":
    """See ``Study.frame``."""
    import pandas as pd

    units: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    for case, record in study.records():
        row: dict[str, Any] = dict(case.parameters)
        row["status"] = record.status if record else CORRUPTED_OR_NOT_RUN
        row["reason"] = record.reason if record else ""
        rows[case.key] = row | (_values(record, units, uncertainty) if record else {})
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index.name = "case"
    frame.attrs["units"] = units
    return frame


def _values(record: "Record", units: dict[str, str], uncertainty: bool) -> dict[str, float]:
    found = {}
    for name, about in record.values.items():
        units[name] = about["unit"]
        found[name] = math.nan if about["value"] is None else float(about["value"])
        if uncertainty and "uncertainty" in about:
            units[f"{name} ±"] = about["unit"]
            found[f"{name} ±"] = float(about["uncertainty"])
    return found


def collected(study: "Study") -> tuple[Path, ...]:
    """See ``Study.collect``; units are in the names of the columns."""
    frame = framed(study, uncertainty=True)
    units = frame.attrs["units"]
    named = frame.rename(columns={n: f"{n} [{u}]" for n, u in units.items() if u not in ("", "1")})
    named.attrs = {}
    paths = [study.store.folder / "results.csv"]
    _aside(paths[0], named.to_csv)
    try:
        _aside(study.store.folder / "results.parquet", named.to_parquet)
    except ImportError:  # pyarrow is not installed
        return tuple(paths)
    return (*paths, study.store.folder / "results.parquet")


def _aside(path: Path, write: Any) -> None:
    """A file that is there whole or not at all."""
    aside = path.with_name(f".{path.name}")
    try:
        write(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
