"""Tables of answers: means over pieces and their standard errors, a row for each level."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from studies.ready.pieces import Results

PROPERTIES = {  # quantity of a card: how a table calls it
    "ionic_tortuosity_factor": "ionic tortuosity factor",
    "ionic_macmullin_number": "MacMullin number",
    "effective_ionic_conductivity": "ionic conductivity",
    "effective_electronic_conductivity": "electronic conductivity",
    "interface_area": "area",
    "contact_area_fraction": "contact",
    "von_mises_stress_p95": "von Mises stress, 95th percentile",
}


def properties(found: "Results") -> dict[str, str]:
    """Columns of the study that hold these properties, and what they are called."""
    named = {found.named(quantity): words for quantity, words in PROPERTIES.items()}
    return {
        column: f"{words} {_phases(column)}".strip()
        for column, words in named.items()
        if column is not None
    }


def _phases(column: str) -> str:
    """The phases in the name of a column, where they say what it is of."""
    _, *where = column.split(".")
    return where[0] if where and not column.startswith(("ionic", "effective")) else ""


def mean_table(
    found: "Results", levels: Sequence[str], columns: Mapping[str, str]
) -> "pd.DataFrame":
    """A row for each combination of levels: these, how many pieces, and means with their errors.

    Args:
        found: rows of several pieces.
        levels: parameters that make a row.
        columns: of the study, and what they are called.

    Returns:
        Units are in the names of the columns; "±" is the standard error of the mean by the
        scatter between pieces, NaN for one.
    """
    import pandas as pd

    rows = [_row(found, rows, levels, columns) for rows in found.by(levels).values()]
    return pd.DataFrame(rows)


def _row(
    found: "Results", rows: "pd.DataFrame", levels: Sequence[str], columns: Mapping[str, str]
) -> dict[str, object]:
    row: dict[str, object] = {name: rows[name].iloc[0] for name in levels}
    row["pieces"] = len(rows)
    for column, words in columns.items():
        numbers = rows[column].dropna().to_numpy(float)
        unit = found.units.get(column, "1")
        end = f" [{unit}]" if unit not in ("", "1") else ""
        row[f"{words}{end}"] = float(np.mean(numbers)) if len(numbers) else np.nan
        row[f"{words} ±{end}"] = standard_error(numbers)
    return row


def standard_error(numbers: "np.typing.ArrayLike") -> float:
    """Of the mean, by the scatter of the numbers; NaN for fewer than two."""
    values = np.asarray(numbers, dtype=float)
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
