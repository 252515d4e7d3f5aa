"""How entries of a card are found, and how a card introduces itself as text and as HTML."""

import difflib
import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError
from microstructures.phases import Phase

if TYPE_CHECKING:
    from twin.card import Entry, PropertyCard


def find_entry(card: "PropertyCard", name: str, phase: Phase | None, axis: int | None) -> "Entry":
    """The one entry asked for. Raises InvalidInputError."""
    named = [entry for entry in card.entries if entry.name == name]
    if not named:
        raise InvalidInputError(_unknown_name(name, card.entries))
    of_phase = named if phase is None else _of_phase(card, named, phase)
    axis = axis if axis is None else card.volume.axis(axis)
    found = [entry for entry in of_phase if entry.axis == axis]
    if axis is None and not found:
        found = [entry for entry in of_phase if entry.axis == card.volume.through_axis] or of_phase
    if len(found) == 1:
        return found[0]
    asked = f"entry {name!r} of phase {phase!r} along axis {axis!r}"
    there = "; ".join(sorted({f"{e.phase!r}, axis {e.axis}" for e in named}))
    problem = "is not on this card" if not found else f"occurs {len(found)} times"
    raise InvalidInputError(f"{asked} {problem}: ask for one of {there}")


def _of_phase(card: "PropertyCard", named: list["Entry"], phase: Phase) -> list["Entry"]:
    label = str(phase) if isinstance(phase, str) else card.volume.phase_name(phase)
    exact = [entry for entry in named if entry.phase == label]
    wanted = _members(label)
    return exact or [entry for entry in named if entry.phase and _members(entry.phase) == wanted]


def _members(phases: str) -> frozenset[str]:
    return frozenset(re.split(r"\s*[–+-]\s*", phases))


def _unknown_name(name: str, entries: Iterable["Entry"]) -> str:
    known = list(dict.fromkeys(entry.name for entry in entries))
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"this card has no {name!r}{hint} It has {', '.join(known)}"


def as_text(card: "PropertyCard") -> str:
    """The volume, the warnings and a line per entry."""
    rows = [_cells(entry) for entry in card.entries]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    table = "\n".join(
        "  ".join((*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3])).rstrip()
        for row in rows
    )
    warnings = "".join(f"Warning: {text}\n" for text in card.warnings)
    return f"{card.volume!r}\n{warnings}{table}"


def as_html(card: "PropertyCard") -> str:
    """The volume, the warnings and a table of entries."""
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _cells(entry))}</tr>"
        for entry in card.entries
    )
    warnings = "".join(f"<p><b>Warning:</b> {html.escape(text)}</p>" for text in card.warnings)
    head = "<tr><th>quantity</th><th>phase</th><th>axis</th><th>value</th></tr>"
    return f"<div>{card.volume._repr_html_()}{warnings}<table>{head}{rows}</table></div>"


def _cells(entry: "Entry") -> tuple[str, str, str, str]:
    axis = "" if entry.axis is None else f"axis {entry.axis}"
    return entry.name.replace("_", " "), entry.phase or "", axis, entry.number()
