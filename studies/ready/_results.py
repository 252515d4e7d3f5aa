"""Results: the rows of a study that have a number, and words for those that have none."""

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study


def rows_with(
    study: "Study", quantity: str, frame: "pd.DataFrame | None" = None
) -> "tuple[pd.DataFrame, tuple[str, ...]]":
    """Rows of the frame that have a quantity, and a warning about those that do not.

    Raises:
        InvalidInputError: no case has it.
    """
    table = study.frame(uncertainty=True) if frame is None else frame
    if quantity not in table or not table[quantity].notna().any():
        raise InvalidInputError(_absent(quantity, table))
    has = table[quantity].notna()
    return table[has], _dropped(table, ~has, quantity)


def known_parameters(study: "Study", names: Collection[str]) -> None:
    """Raises InvalidInputError if a parameter does not vary in the study."""
    for name in names:
        if name not in study.design.names:
            known = ", ".join(study.design.names) or "none"
            raise InvalidInputError(f"the study does not vary {name!r}: its parameters are {known}")


def with_unit(value: float, unit: str, digits: int = 4) -> str:
    """A number in words, without a unit that is none."""
    return f"{value:.{digits}g}" if unit in ("", "1") else f"{value:.{digits}g} {unit}"


def _dropped(table: "pd.DataFrame", lacking: "pd.Series", quantity: str) -> tuple[str, ...]:
    """How many cases have no number and why; a mean of the others is not that of all."""
    if not lacking.any():
        return ()
    counts = table.loc[lacking, "status"].value_counts()
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"{int(lacking.sum())} of {len(table)} cases have no {quantity} ({told}) and are left out: "
        "what is said holds for the others",
    )


def _absent(quantity: str, table: "pd.DataFrame") -> str:
    """Why nothing can be said of a quantity."""
    if not table.attrs["units"]:
        counts = table["status"].value_counts()
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"no case of the study has a result ({told}): run it first"
    known = [name for name in table.attrs["units"] if not name.endswith(" ±")]
    close = difflib.get_close_matches(quantity, known, n=3, cutoff=0.4)
    meant = f"did you mean {' or '.join(map(repr, close))}?" if close else f"choose from {known}"
    return f"no case has a number for {quantity!r}: {meant}"
