"""Columns of the page: parameters and quantities of all cases, in the units that people read."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from studies.recipe import FACTORS
from twin.report.definitions import base_name, definition
from twin.report.wording import plain, readable, rounded

if TYPE_CHECKING:
    from studies.case import Case
    from studies.store import Record

Value = float | str | None
WRITTEN = {"um": "µm", "μm": "µm", "percent": "%", "mAh_cm2": "mAh/cm²", "g_cm3": "g/cm³"}
OF_STEPS = {"_m": "m", "_degrees": "°"}  # ends of the names of figures that carry no unit
NAMES = {"macmullin": "MacMullin", "tpb": "TPB", "youngs": "Young's", "von mises": "von Mises"}
DIGITS = 5  # of a parameter
HEADLINE = (
    "ionic_tortuosity_factor", "tortuosity_factor", "ionic_macmullin_number", "macmullin_number",
    "effective_ionic_conductivity", "effective_electronic_conductivity", "interface_area",
    "cell.energy_density", "cell.specific_energy", "cell.energy", "cell.power_density",
    "cell.capacity", "volume_fraction", "thickness_change", "von_mises_stress",
    "specific_surface_area", "tpb_density_total",
)  # fmt: skip
"""What a reader looks for first; the names of quantities begin so."""


@dataclass(frozen=True)
class Column:
    """One parameter or quantity, a value for each case.

    Args:
        name: as in ``Study.frame``.
        title: for people.
        unit: of the values here; empty where there is none.
        values: numbers, or texts of a parameter that is none; None where a case has no value.
        errors: standard errors, as many as values or none at all.
        is_parameter: whether the design gave it.
    """

    name: str
    title: str
    unit: str
    values: tuple[Value, ...]
    errors: tuple[float | None, ...] = ()
    is_parameter: bool = False

    @cached_property
    def is_number(self) -> bool:
        """Whether no value is a text."""
        return not any(isinstance(value, str) for value in self.values)

    @cached_property
    def varies(self) -> bool:
        """Whether the cases differ in it."""
        return len({value for value in self.values if value is not None}) > 1

    @property
    def label(self) -> str:
        """Title with the unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def told(self, case: int) -> str:
        """The value of a case with the digits that its error allows; empty if there is none."""
        value = self.values[case]
        if value is None or isinstance(value, str):
            return value or ""
        if self.is_parameter:
            return plain(float(f"{value:.{DIGITS}g}"))
        return str(rounded(value, (self.errors[case] if self.errors else None) or 0.0))


def parameters(cases: "Sequence[Case]") -> tuple[Column, ...]:
    """The parameters of the design, in their order and in the units that their names say."""
    names = dict.fromkeys(name for case in cases for name in case.parameters)
    return tuple(_parameter(name, [case.parameters.get(name) for case in cases]) for name in names)


def quantities(records: "Sequence[Record | None]", taken: Iterable[str]) -> tuple[Column, ...]:
    """What the cases found; ``taken`` are names of parameters, which these are told apart from.

    A quantity that some cases give in another unit is another column.
    """
    found: dict[tuple[str, str], str] = {}
    known = set(taken)
    for record in records:
        for name, about in record.values.items() if record else ():
            place = (name, str(about["unit"]))
            if place not in found:
                free = f"{name} found" if name in known else name
                found[place] = free if free not in found.values() else f"{free} [{place[1]}]"
    return tuple(_quantity(*place, column, records) for place, column in found.items())


def headline(columns: Sequence[Column], count: int) -> list[Column]:
    """The quantities to begin with: the first of each kind that people look for, then others."""
    found = [column for column in columns if column.varies and not column.is_parameter]
    firsts = (next((c for c in found if _is_kind(c.name, name)), None) for name in HEADLINE)
    chosen = [column for column in firsts if column is not None]
    chosen += [column for column in found if column not in chosen]
    return chosen[:count]


def _is_kind(name: str, kind: str) -> bool:
    """Whether a quantity is of a kind, such as "interface_area.pore–NMC" of "interface_area"."""
    return name == kind or name.startswith((f"{kind}.", f"{kind}_p"))


def _parameter(name: str, given: Sequence[Any]) -> Column:
    stem, unit = name, ""
    for end in FACTORS:
        if name.endswith(f"_{end}"):
            stem, unit = name.removesuffix(f"_{end}"), WRITTEN.get(end, end)
    is_number = all(_is_number(value) for value in given if value is not None)
    values = tuple(_number(value) if is_number else _text(value) for value in given)
    return Column(name, stem, unit, values, is_parameter=True)


def _quantity(name: str, given: str, column: str, records: "Sequence[Record | None]") -> Column:
    found = [record.values.get(name) if record else None for record in records]
    abouts = [about if about and about["unit"] == given else None for about in found]
    title, unit, factor = _read(name, given)
    values = tuple(_scaled(about, "value", factor) for about in abouts)
    errors = tuple(_scaled(about, "uncertainty", factor) for about in abouts)
    title += " found" if column.startswith(f"{name} found") else ""
    return Column(column, title, unit, values, errors if any(errors) else ())


def _read(name: str, unit: str) -> tuple[str, str, float]:
    """Title, readable unit, and the factor to it."""
    stem = name.partition(".")[0]
    told = definition(base_name(stem))
    if unit == "":
        for end, known in OF_STEPS.items():
            if name.endswith(end):
                name, unit = name.removesuffix(end), known
    shown, factor = readable(unit, share=told.share)
    if unit == "m" and not told.unit:
        shown, factor = "µm", 1e6
    if told.unit:
        shown, factor = told.unit, 1 / FACTORS[told.unit]
    return _title(name), "" if shown == "1" else shown, factor


def _title(name: str) -> str:
    """Words of a name: "ionic tortuosity factor, pore + CBD, z", "cell energy density at 2/h"."""
    stem, _, rest = name.partition(".")
    if stem == "cell" and rest:
        quantity, _, rate = rest.partition(".")
        return f"{quantity.replace('_', ' ')} at {rate}/h" if rate else quantity.replace("_", " ")
    words = [stem.replace("_", " "), *rest.split(".")] if rest else [stem.replace("_", " ")]
    for written, meant in NAMES.items():
        words[0] = words[0].replace(written, meant)
    return ", ".join(words)


def _scaled(about: Mapping[str, Any] | None, key: str, factor: float) -> float | None:
    value = _number(about.get(key)) if about else None
    return None if value is None else value * factor


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    """Texts as they are; true, lists and tables as in a recipe."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
