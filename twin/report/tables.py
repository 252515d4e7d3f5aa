"""Tables of the page: entries of a property card arranged for reading. Pure functions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from microstructures.wording import AXES
from twin._naming import ACTIVE, pore_like
from twin.report.definitions import TOPICS, Definition, base_name, definition, position
from twin.report.wording import Shown, also, shown

if TYPE_CHECKING:
    from twin.card import Entry, PropertyCard

PERCENTILES = (5, 50, 95)
RELATIVE = (
    "tortuosity_factor",
    "percolating_tortuosity_factor",
    "macmullin_number",
    "relative_diffusivity",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity of one phase: a cell per axis of its topic, or a single one without direction.

    ``span`` is the number of rows under this title, 0 on all but the first of them.
    """

    title: str
    span: int
    phase: str
    cells: tuple[Shown | None, ...]
    unit: str
    also: Shown | None


@dataclass(frozen=True, slots=True)
class Topic:
    """A titled group of rows, with a column for each of ``axes``, or one if there are none."""

    title: str
    axes: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def has_also(self) -> bool:
        """Whether some row is shown in another unit too."""
        return any(row.also for row in self.rows)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of one quantity in one phase, or in the interior of one.

    ``span`` is the number of rows under this title, 0 on all but the first of them.
    """

    title: str
    span: int
    phase: str
    cells: tuple[Shown | None, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class Key:
    """A headline number."""

    title: str
    detail: str
    number: Shown
    also: Shown | None


def axis_order(through: int) -> tuple[int, int, int]:
    """The through-plane axis first, then the others."""
    a, b = (axis for axis in range(3) if axis != through)
    return through, a, b


def topics(card: "PropertyCard") -> tuple[Topic, ...]:
    """The summary table: topics and quantities in reading order, phases in that of the card."""
    pore = _pore(card)
    found: dict[str, list[Entry]] = {key: [] for key in TOPICS}
    for entry in sorted(card.entries, key=lambda e: position(e.name)):
        if not _is_percentile(entry):
            found[_topic(entry, pore)].append(entry)
    order = axis_order(card.volume.through_axis)
    return tuple(_titled(TOPICS[key], entries, order) for key, entries in found.items() if entries)


def percentiles(card: "PropertyCard") -> tuple[Spread, ...]:
    """Distributions of stress: a row for each quantity and phase, a cell for each percentile."""
    found: dict[str, dict[tuple[str, str], list[Entry]]] = {}
    for entry in filter(_is_percentile, card.entries):
        where = ", interior only" if "_interior_" in entry.name else ""
        by_phase = found.setdefault(base_name(entry.name), {})
        by_phase.setdefault((entry.phase or "–", where), []).append(entry)
    return tuple(
        _spread(definition(name).title, "".join(place), entries, len(by_phase) if i == 0 else 0)
        for name, by_phase in found.items()
        for i, (place, entries) in enumerate(by_phase.items())
    )


def headline(card: "PropertyCard") -> tuple[Key, ...]:
    """The numbers that a reader looks for first, as far as the card has them."""
    through = card.volume.through_axis
    direction = f"through-plane ({AXES[through]})"
    pore = _pore(card)
    wanted: tuple[tuple[str, str, str | None, int | None, str], ...] = (
        ("Porosity", "volume_fraction", pore, None, "volume fraction"),
        ("Tortuosity factor", "tortuosity_factor", pore, through, direction),
        ("MacMullin number", "macmullin_number", pore, through, direction),
        ("Effective ionic conductivity", "effective_ionic_conductivity", None, through, direction),
        ("Active surface", "interface_area", _active_pair(card, pore), None, "per volume"),
        ("Percolating", "percolating_fraction", pore, through, direction),
        ("Von Mises stress", "von_mises_stress_p95", None, None, "95 % of the volume is below"),
        ("Change of thickness", "thickness_change", None, through, direction),
        ("Contact area", "contact_area_fraction", None, None, "screening"),
    )
    keys = (_key(card, *line) for line in wanted)
    return tuple(key for key in keys if key is not None)


def defined(card: "PropertyCard") -> tuple[tuple[str, tuple[Definition, ...]], ...]:
    """Definitions of the quantities that the card has, by topic."""
    names = sorted({base_name(entry.name) for entry in card.entries}, key=position)
    found = [definition(name) for name in names]
    groups = ((title, tuple(d for d in found if d.topic == key)) for key, title in TOPICS.items())
    return tuple((title, group) for title, group in groups if any(d.words for d in group))


def flowing_phase(card: "PropertyCard") -> str:
    """The phases in which the potential and flux of the card were computed."""
    through = card.volume.through_axis
    solved = (e.phase for e in card.entries if _was_solved(e) and e.axis == through)
    return next(filter(None, solved), "the conducting phases")


def blocked_phase(card: "PropertyCard") -> str:
    """The phases in which they would have been computed, had anything flowed; else empty."""
    if card.fields is not None:
        return ""
    through = card.volume.through_axis
    factors = (e for e in card.entries if e.name.endswith("tortuosity_factor"))
    first = next((e for e in factors if e.axis == through), None)
    return str(first.phase) if first and first.status == "does not percolate" else ""


def solves(card: "PropertyCard") -> tuple["Entry", ...]:
    """One entry for every linear solve."""
    by_report = {id(entry.report): entry for entry in reversed(card.entries) if _was_solved(entry)}
    return tuple(reversed(by_report.values()))


def methods(card: "PropertyCard") -> tuple[tuple[str, str], ...]:
    """Every method in use, and the quantities obtained with it."""
    used: dict[str, list[str]] = {}
    for entry in card.entries:
        method = re.sub(r"\baxis \d\b", "the axis", entry.method)  # the same along each
        used.setdefault(method, []).append(_full_title(entry))
    return tuple((_listed(names), method) for method, names in used.items())


def _was_solved(entry: "Entry") -> bool:
    # a blocked medium may carry a report too, of no iterations
    return entry.report is not None and entry.status != "does not percolate"


def _titled(title: str, entries: Sequence["Entry"], order: tuple[int, int, int]) -> Topic:
    axes = tuple(axis for axis in order if any(e.axis == axis for e in entries))
    groups: dict[str, dict[str | None, list[Entry]]] = {}
    for entry in entries:
        groups.setdefault(entry.name, {}).setdefault(entry.phase, []).append(entry)
    rows = tuple(
        _row(same, axes, len(by_phase) if i == 0 else 0)
        for by_phase in groups.values()
        for i, same in enumerate(by_phase.values())
    )
    is_single = len(axes) == 1 and any(entry.axis is None for entry in entries)
    return Topic(title, () if is_single else axes, rows)


def _row(entries: Sequence["Entry"], axes: tuple[int, ...], span: int) -> Row:
    first = entries[0]
    by_axis = {entry.axis: entry for entry in entries}
    chosen = [first] if first.axis is None else [by_axis.get(axis) for axis in axes]
    cells = tuple(_cell(entry) for entry in chosen)
    unit = next((cell.unit for cell in cells if cell and cell.unit), "–")
    other = None
    if len(chosen) == 1 and first.unit != "S/m":  # conductivities are in SI already
        other = also(first.value, first.uncertainty, first.unit)
    return Row(definition(first.name).title, span, first.phase or "–", cells, unit, other)


def _cell(entry: "Entry | None") -> Shown | None:
    if entry is None:
        return None
    meaning = definition(entry.name)
    return shown(
        entry.value,
        entry.uncertainty,
        entry.unit,
        entry.status,
        share=meaning.share,
        unit_shown=meaning.unit,
        resolution=entry.resolution_error,
    )


def _is_percentile(entry: "Entry") -> bool:
    return base_name(entry.name) != entry.name


def _spread(title: str, phase: str, entries: Sequence["Entry"], span: int) -> Spread:
    by_level = {entry.name.rpartition("_p")[2]: entry for entry in entries}
    cells = tuple(_cell(by_level.get(str(level))) for level in PERCENTILES)
    unit = next((cell.unit for cell in cells if cell and cell.unit), "–")
    return Spread(title, span, phase, cells, unit)


def _topic(entry: "Entry", pore: str | None) -> str:
    """Ions flow in the pore; the same quantities of another single phase stand apart."""
    relative = entry.name in RELATIVE and entry.phase != pore
    return "phases" if relative else definition(entry.name).topic


def _key(
    card: "PropertyCard", title: str, name: str, phase: str | None, axis: int | None, where: str
) -> Key | None:
    for entry in card.entries:
        if entry.name == name and entry.axis == axis and phase in (None, entry.phase):
            cell = _cell(entry)
            assert cell is not None
            detail = f"{entry.phase}, {where}" if entry.phase else where
            return Key(title, detail, cell, also(entry.value, entry.uncertainty, entry.unit))
    return None


def _pore(card: "PropertyCard") -> str | None:
    """The phase that holds the electrolyte, if any looks like it."""
    return pore_like(card.volume, card.materials)


def _active_pair(card: "PropertyCard", pore: str | None) -> str:
    """The pair of pore and active material; the largest interface of the pore if none is known."""
    pairs = [e for e in card.entries if e.name == "interface_area" and e.phase]
    of_pore = [e for e in pairs if pore and pore in str(e.phase).split("–")]
    active = [e for e in of_pore if any(map(ACTIVE.match, str(e.phase).split("–")))]
    best = max(active or of_pore, key=lambda e: e.value, default=None)
    return str(best.phase) if best else ""


def _full_title(entry: "Entry") -> str:
    """The title with its topic, where it says too little alone."""
    found = definition(entry.name)
    if found.topic in ("connectivity", "interfaces", "tpb"):
        return f"{TOPICS[found.topic]}: {found.title.lower()}"
    return found.title


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
