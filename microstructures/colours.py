"""Colours of phases: the same phase looks the same in every picture."""

from collections.abc import Mapping

KNOWN = {
    "pore": "#dfe9f2",
    "electrolyte": "#9cc9e8",
    "nmc": "#41516b",
    "am": "#41516b",
    "active": "#41516b",
    "graphite": "#4a4a4a",
    "cbd": "#e08a2e",
    "binder": "#e08a2e",
    "carbon": "#8a5a2b",
    "ni": "#5f8a4c",
    "ysz": "#c9a648",
    "separator": "#b9a7d1",
    "li": "#a9b7bd",
}
SPARE = ("#5b8db8", "#c05b4d", "#6aa36f", "#9b7bb3", "#d4b24c", "#4fa3a5", "#b5739d", "#8c8c8c")
OUTSIDE = "#ffffff"


def phase_colours(phases: Mapping[int, str]) -> dict[int, str]:
    """A hex colour for each phase id: the field's habit by name, else from a spare list."""
    colours: dict[int, str] = {}
    for label, name in phases.items():
        spare = (c for c in SPARE if c not in colours.values())
        wanted = _by_name(name)
        taken = wanted is None or wanted in colours.values()
        colours[label] = next(spare, SPARE[label % len(SPARE)]) if taken else str(wanted)
    return colours


def _by_name(name: str) -> str | None:
    lowered = name.lower()
    matches = [key for key in KNOWN if lowered.startswith(key)]
    return KNOWN[max(matches, key=len)] if matches else None
