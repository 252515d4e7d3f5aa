"""How two studies differ, case by case: cases with the same parameters are compared."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.case import canonical

if TYPE_CHECKING:
    import pandas as pd

    from studies.case import Case
    from studies.store import Record
    from studies.study_file import AnyStudy

SIGNIFICANT = 3.0  # standard errors beyond which two values are told apart
SAME = 1e-5  # relative, of numbers that are computed in another order
SHOWN, LONGEST = 10, 40
Found = tuple[Mapping[str, Any], str, "Record | None", Mapping[str, Any]]


@dataclass(frozen=True)
class StudyDiff:
    """How two studies differ.

    Args:
        table: a row for each number of the cases that both have: parameters, quantity, unit,
            before, after, change, relative, uncertainty (standard error of the change),
            significance (change over that). Numbers of one and the same volume have their sampling
            in common: what of them changes, changed otherwise, and has no uncertainty here.
        statuses: a row for each case that has ended otherwise: parameters, before, after.
        common: how many cases both have.
        only_before: parameters of the cases that only the first one has.
        only_after: those that only the second one has.
        recipe: what else differs between the recipes, "characterize.tolerance: 0.001 → 0.01".
    """

    table: "pd.DataFrame"
    statuses: "pd.DataFrame"
    common: int
    only_before: tuple[Mapping[str, Any], ...]
    only_after: tuple[Mapping[str, Any], ...]
    recipe: tuple[str, ...] = ()

    @property
    def changed(self) -> "pd.DataFrame":
        """Rows of the table whose numbers differ, those that changed most of themselves first.

        Numbers without an uncertainty count if they differ by more than rounding and threads make
        of them, 1e-5; so does one that came or went.
        """
        rows = self.table
        differs = ~(rows["before"].isna() & rows["after"].isna())
        differs &= ~(rows["change"].abs() <= SAME * rows["before"].abs())
        told = rows["significance"].isna() | (rows["significance"] >= SIGNIFICANT)
        order = rows["relative"].abs().sort_values(ascending=False, kind="stable").index
        return rows.loc[order][(differs & told).loc[order]]

    def __str__(self) -> str:
        lines = [
            f"{self.common} cases in both, {len(self.only_before)} only before, "
            f"{len(self.only_after)} only after",
            *(f"  recipe: {text}" for text in self.recipe),
            f"{len(self.statuses)} of them ended otherwise",
            *(f"  {_words(row)}: {row['before']} → {row['after']}" for row in _rows(self.statuses)),
            f"{len(self.changed)} of {len(self.table)} numbers differ by more than "
            f"{SIGNIFICANT:g} standard errors, or changed though sampling cannot tell why",
            *(f"  {_change(row)}" for row in _rows(self.changed.head(SHOWN))),
        ]
        if len(self.changed) > SHOWN:
            lines.append(f"  and {len(self.changed) - SHOWN} more")
        return "\n".join(lines)


def differences(before: "AnyStudy", after: "AnyStudy") -> StudyDiff:
    """See ``Study.diff``."""
    import pandas as pd

    olds, news = _by_parameters(before), _by_parameters(after)
    common = [key for key in olds if key in news]
    if not common:
        raise InvalidInputError(
            f"the studies {before.name!r} and {after.name!r} have no case with the same "
            "parameters: nothing can be compared"
        )
    pairs = [(olds[key], news[key]) for key in common]
    both = [(old, new) for old, new in pairs if old[2] is not None and new[2] is not None]
    columns = ("parameters", "quantity", "unit", "before", "after", "change", "relative",
               "uncertainty", "significance")  # fmt: skip
    ends = [(old[0], old[1], new[1]) for old, new in pairs if old[1] != new[1]]
    return StudyDiff(
        pd.DataFrame([row for old, new in both for row in _numbers(old, new)], columns=columns),
        pd.DataFrame(ends, columns=["parameters", "before", "after"]),
        len(common),
        tuple(olds[key][0] for key in olds if key not in news),
        tuple(news[key][0] for key in news if key not in olds),
        tuple(_recipe(*(found[common[0]][3] for found in (olds, news)))),
    )


def _by_parameters(study: "AnyStudy") -> dict[str, Found]:
    found: dict[str, Found] = {}
    for case, status, record in study.records():
        found[canonical(case.parameters)] = (case.parameters, status, record, _flat(case))
    return found


def _flat(case: "Case") -> dict[str, Any]:
    """All that a case depends on, by path."""
    about = {"task": case.task, "version": case.version, "recipe": case.recipe, **case.inputs}
    return dict(_leaves(about, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, start=1):
            yield from _leaves(one, f"{path}.{number}")
    else:
        yield path.removeprefix("recipe."), value


def _recipe(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs between two cases with the same parameters."""
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield f"{path}: {_said(old, path)} → {_said(new, path)}"


def _said(found: Mapping[str, Any], path: str) -> str:
    return str(found[path])[:LONGEST] if path in found else "–"


def _numbers(old: Found, new: Found) -> Iterator[dict[str, Any]]:
    """A row for each number that one or both have."""
    olds, news = (dict(found[2].values) if found[2] else {} for found in (old, new))
    for name in dict.fromkeys((*olds, *news)):
        known = olds.get(name) or news[name]
        yield {
            "parameters": old[0],
            "quantity": name,
            "unit": known["unit"],
            **_compared(olds.get(name, {}), news.get(name, {}), _is_one_volume(old, new)),
        }


def _is_one_volume(old: Found, new: Found) -> bool:
    """Whether both cases are of the same voxels, as far as their records tell."""
    volumes = [found[2].provenance.get("volume") if found[2] else None for found in (old, new)]
    return volumes[0] is not None and volumes[0] == volumes[1]


def _compared(
    old: Mapping[str, Any], new: Mapping[str, Any], is_one_volume: bool
) -> dict[str, float]:
    before, after = (_number(about.get("value")) for about in (old, new))
    change = 0.0 if before == after else after - before
    errors = (_number(about.get("uncertainty")) for about in (old, new))
    error = math.nan if is_one_volume else math.hypot(*errors)
    return {
        "before": before,
        "after": after,
        "change": change,
        "relative": change / before if before else math.nan,
        "uncertainty": error,
        "significance": abs(change) / error if error > 0 else math.nan,
    }


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return rows


def _words(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in row["parameters"].items()) or "the case"


def _change(row: Mapping[str, Any]) -> str:
    unit = "" if row["unit"] in ("", "1") else f" {row['unit']}"
    told = f"{row['quantity']} at {_words(row)}: {row['before']:.6g} → {row['after']:.6g}{unit}"
    if not math.isnan(row["relative"]):
        told += f" ({row['relative']:+.2%})"
    if not math.isnan(row["significance"]):
        told += f", {row['significance']:.3g} standard errors"
    return told
