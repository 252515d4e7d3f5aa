"""Summary: what the terminal says in the end. Reports say the rest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from microstructures.wording import AXES
from studies.commands.analysis import Analysis
from studies.commands.making import Made

if TYPE_CHECKING:
    from twin.card import Entry

SHOWN = (
    "volume_fraction",
    "tortuosity_factor",
    "effective_ionic_conductivity",
    "effective_electronic_conductivity",
    "interface_area",
    "effective_youngs_modulus",
    "thickness_change",
    "von_mises_stress_p95",
    "contact_area_fraction",
)


def lines(analysis: Analysis) -> Iterator[str]:
    """The volume, its main numbers, the warnings, and where the files are."""
    volume, card = analysis.volume, analysis.card
    shape = " × ".join(map(str, volume.shape))
    yield f"{volume.provenance.source}: {shape} voxels"
    for name in SHOWN:
        yield from _of_name(name, [entry for entry in card.entries if entry.name == name])
    if card.performance is not None:
        yield f"  {card.performance}"
    for warning in card.warnings:
        yield f"warning: {' '.join(warning.split())}"
    for path in sorted(analysis.files.values(), key=lambda path: path.suffix != ".html"):
        yield f"written: {path}"


def of_process(made: Made) -> Iterator[str]:
    """The report of each step, and where the files are."""
    for report in made.run.reports:
        yield str(report)
    for path in made.files.values():
        yield f"written: {path}"


def _of_name(name: str, entries: "list[Entry]") -> Iterator[str]:
    title = name.replace("_", " ")
    for phase in dict.fromkeys(entry.phase for entry in entries):
        numbers = (_number(entry) for entry in entries if entry.phase == phase)
        yield f"  {title:34}{phase or '':16} " + "   ".join(numbers)
        title = ""


def _number(entry: "Entry") -> str:
    return ("" if entry.axis is None else f"{AXES[entry.axis]} ") + entry.number()
