"""Figure of property cards: a panel for each quantity, cards side by side, with standard errors."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from microstructures.errors import InvalidInputError
from microstructures.wording import AXES
from twin.report.definitions import TOPICS, Definition, definition, position
from twin.report.figures import DOTS_PER_INCH, FAINT, FONT, INK, shortened, styled
from twin.report.stress_figures import LINES
from twin.report.wording import readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from twin.card import Entry, PropertyCard

USUAL = (
    "volume_fraction",
    "interface_area",
    "tortuosity_factor",
    "ionic_macmullin_number",
    "macmullin_number",
    "effective_ionic_conductivity",
    "effective_electronic_conductivity",
    "tpb_density_total",
)
COLUMNS, PANEL = 3, (2.9, 2.5)  # panels in a row, and inches of one
ROOM = 0.8  # of a place, for the bars of all cards

Key = tuple[str | None, int | None]


def drawn(cards: "Mapping[str, PropertyCard]", quantities: Sequence[str] | None) -> "Figure":
    """A panel for each quantity, or for the usual ones; bars of each card beside each other."""
    from matplotlib.figure import Figure

    names = _chosen(cards, quantities)
    rows, columns = -(-len(names) // COLUMNS), min(COLUMNS, len(names))
    size = (columns * PANEL[0], rows * PANEL[1] + 0.3 * (len(cards) > 1))
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    panels = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for name, axes in zip(names, panels, strict=False):
        _panel(axes, name, cards)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    if len(cards) > 1:
        handles = [patch for patch in panels[0].containers if patch.get_label() in cards]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=len(cards), frameon=False,
            fontsize=FONT,
        )  # fmt: skip
    return figure


def _chosen(cards: "Mapping[str, PropertyCard]", quantities: Sequence[str] | None) -> list[str]:
    found = {entry.name for card in cards.values() for entry in card.entries}
    if quantities is None:
        return [name for name in USUAL if name in found]
    asked = [quantities] if isinstance(quantities, str) else list(quantities)
    for name in asked:
        if name not in found:
            known = ", ".join(sorted(found, key=position))
            raise InvalidInputError(f"no card has a quantity {name!r}: there are {known}")
    if not asked:
        raise InvalidInputError("quantities is empty: name at least one, or leave it out")
    return asked


def _panel(axes: "Axes", name: str, cards: "Mapping[str, PropertyCard]") -> None:
    known = [
        {(e.phase, e.axis): e for e in card.entries if e.name == name} for card in cards.values()
    ]
    keys = list(dict.fromkeys(key for entries in known for key in entries))
    about = definition(name)
    unit, factor = readable(_unit(known), share=about.share)
    wide = ROOM / len(cards)
    for number, (label, entries) in enumerate(zip(cards, known, strict=True)):
        places = np.arange(len(keys)) + (number - (len(cards) - 1) / 2) * wide
        shown = [_numbers(entries.get(key), factor) for key in keys]
        values, errors = (np.array(column) for column in zip(*shown, strict=True))
        axes.bar(
            places, values, wide, yerr=errors, color=LINES[number % len(LINES)], label=label,
            ecolor=INK, error_kw={"linewidth": 0.9}, capsize=2,
        )  # fmt: skip
        for place, key in zip(places, keys, strict=True):
            _said(axes, place, entries.get(key))
    axes.set_xticks(range(len(keys)), [_place(key, keys) for key in keys])
    axes.set_title(_title(about), fontsize=FONT, color=INK)
    axes.set_ylabel("" if unit == "1" else unit)
    axes.grid(axis="y", color="#e4e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    styled(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _title(about: Definition) -> str:
    """With its topic, where the page says that above the table."""
    if about.topic not in ("interfaces", "tpb"):
        return about.title
    return f"{TOPICS[about.topic]}: {about.title[:1].lower()}{about.title[1:]}"


def _unit(known: "Sequence[Mapping[Key, Entry]]") -> str:
    return next(entry.unit for entries in known for entry in entries.values())


def _numbers(entry: "Entry | None", factor: float) -> tuple[float, float]:
    """Value and standard error as drawn; nothing where there is none."""
    if entry is None or not math.isfinite(entry.value):
        return 0.0, 0.0
    error = float(entry.uncertainty)
    return factor * entry.value, factor * error if math.isfinite(error) else 0.0


def _said(axes: "Axes", place: float, entry: "Entry | None") -> None:
    """Why there is no bar, at its place."""
    if entry is not None and math.isfinite(entry.value):
        return
    text = "not known" if entry is None else (entry.status if entry.status != "ok" else "undefined")
    axes.annotate(
        text, (place, 0.0), xytext=(0, 3), textcoords="offset points", rotation=90,
        ha="center", va="bottom", fontsize=FONT - 2, color=FAINT,
    )  # fmt: skip


def _place(key: Key, keys: Sequence[Key]) -> str:
    """The phase, and the axis if there is more than one."""
    phase, axis = key
    words = [] if phase is None else [shortened(phase, 14)]
    if axis is not None and len({axis for _, axis in keys}) > 1:
        words.append(AXES[axis])
    return "\n".join(words)
