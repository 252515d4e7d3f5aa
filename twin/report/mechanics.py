"""The section on mechanics: load, assumptions, maps, distributions and the contact-loss curve."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from microstructures import Volume
from microstructures.wording import AXES, length
from twin._stress_warnings import USED
from twin.report import figures, stress_figures
from twin.report.embedded import Figure, figure
from twin.report.tables import Spread, percentiles
from twin.report.wording import plain

if TYPE_CHECKING:
    from solvers.boundary import Condition
    from solvers.results import SolveReport
    from twin.card import PropertyCard
    from twin.mechanics import ContactCurve, MechanicalState

MEASURES = ("von_mises", "hydrostatic")
SIGNS = {
    "von_mises": "The brightest percent is cut off.",
    "hydrostatic": "Red is tension, blue compression; the outer percents are cut off.",
}


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says about mechanics; ``maps`` are by phase, four of each."""

    load: tuple[str, ...]
    assumed: tuple[str, ...]
    maps: tuple[tuple[str, tuple[Figure, ...]], ...]
    distributions: Figure
    spreads: tuple[Spread, ...]
    curve: Figure | None
    solves: tuple[tuple[str, "SolveReport"], ...]


def section(card: "PropertyCard") -> Section | None:
    """The section; None if no stress was computed."""
    state = card.mechanics
    if state is None:
        return None
    solids = [name for name in state.solids if card.volume.voxels(name)]
    return Section(
        load=tuple(_load(card, state)),
        assumed=tuple(_assumed(card, state)),
        maps=tuple((name, tuple(_maps(card.volume, state, name))) for name in solids),
        distributions=_distributions(card.volume, state, solids),
        spreads=percentiles(card),
        curve=None if state.contact is None else _curve(state, state.contact),
        solves=tuple(_solves(state)),
    )


def _load(card: "PropertyCard", state: "MechanicalState") -> Iterator[str]:
    volume = card.volume
    for phase, strain in state.swelling.items():
        ends = {volume.phase_name(p): pair for p, pair in state.request.lithiation.items()}[phase]
        yield (
            f"{phase} goes from x = {plain(ends[0])}, where the electrode is free of stress, to "
            f"x = {plain(ends[1])}: left alone, it would change every length by "
            f"{_signed(100 * strain)} %."
        )
    by_words: dict[str, list[int]] = {}
    for axis, condition in enumerate(state.boundary.axes):
        by_words.setdefault(_held(condition), []).append(axis)
    for words, axes in by_words.items():
        names = (AXES[a] + (" (through-plane)" if a == volume.through_axis else "") for a in axes)
        yield f"Faces normal to {' and '.join(names)}: {words}."


def _held(condition: "Condition") -> str:
    """What a condition is, in words."""
    kind = type(condition).__name__
    pressure = getattr(condition, "pressure", None)
    pressed = "" if pressure is None else f"mean pressure {stress_figures.pressure_name(pressure)}"
    if kind == "Platen":
        moved = _moved(getattr(condition, "displacement", None))
        grip = "stick" if getattr(condition, "bonded", False) else "slide"
        return f"rigid plates on which they {grip}, {pressed or moved}"
    if kind == "Periodic":
        strain = plain(100 * getattr(condition, "strain", 0.0))
        return f"the volume repeats itself, {pressed or f'mean strain {strain} %'}"
    return {
        "Symmetry": "mirrors, which stay where they are",
        "Clamped": "bonded to something rigid that does not move",
        "Free": "nothing touches them",
    }[kind]


def _moved(displacement: float | None) -> str:
    """How far plates move."""
    if not displacement:
        return "which do not move"
    return f"moved {'apart' if displacement > 0 else 'together'} by {length(abs(displacement))}"


def _assumed(card: "PropertyCard", state: "MechanicalState") -> Iterator[str]:
    yield (
        "Linear elasticity with small strains: no flow, creep, cracks or rearrangement, and no "
        "stress at the reference. Swelling is uniform in each phase, and the same in all "
        "directions."
    )
    voids = [n for n in card.volume.phases.values() if n not in state.solids]
    if voids := [name for name in voids if card.volume.voxels(name)]:
        yield f"Void to mechanics, since liquid and gas flow out of the way: {', '.join(voids)}."
    if state.contact is not None:
        yield f"The interface {state.contact.interface}: {state.contact.criterion}."
    doubtful = {p: m.unverified(USED) for p, m in (card.materials or {}).items()}
    listed = [f"{', '.join(q).replace('_', ' ')} of {p}" for p, q in doubtful.items() if q]
    if listed:
        yield f"Numbers that nobody has read at their source: {'; '.join(listed)}. See materials."


def _maps(volume: Volume, state: "MechanicalState", phase: str) -> Iterator[Figure]:
    side, _, face = figures.planes(volume)
    for measure in MEASURES:
        field = getattr(state, measure)
        for plane, kind in ((side, "Cross-section"), (face, "In-plane cut")):
            png = stress_figures.stress_map(volume, plane, field, measure, phase)
            title = stress_figures.TITLES[measure]
            at = length((plane.index + 0.5) * volume.spacing[plane.normal])
            normal = AXES[plane.normal]
            caption = (
                f"{kind} normal to {normal}, at {normal} = {at}: {title} in {phase}. "
                f"{SIGNS[measure]} Other solids are grey, voids blank."
            )
            yield figure(png, f"Map of the {title} in {phase}, {kind.lower()}.", caption)


def _distributions(volume: Volume, state: "MechanicalState", solids: list[str]) -> Figure:
    return figure(
        stress_figures.distributions(volume, state),
        f"Histograms of von Mises and hydrostatic stress in {', '.join(solids)}. The percentiles "
        "are in the table below.",
        "Share of each phase's volume by stress. Dashed: 5, 50 and 95 % of the volume are below. "
        "The outer percents are left out, since the largest stress of a staircase has no limit.",
    )


def _curve(state: "MechanicalState", curve: "ContactCurve") -> Figure:
    least = [100 * float(np.min(row)) for row in curve.contact]
    names = [stress_figures.pressure_name(pressure) for pressure in curve.pressure]
    ends = ", ".join(f"{low:.0f} % at {name}" for low, name in zip(least, names, strict=True))
    return figure(
        stress_figures.contact_curve(curve, ends=not state.request.stoichiometries),
        f"Contact area of {curve.interface} against lithium content of {curve.phase}. Least: "
        f"{ends}.",
        f"Share of the interface {curve.interface} that touches, while {curve.phase} changes its "
        "lithium content, for each stack pressure; the bands are one standard error. A screening: "
        "tractions are those of the bonded interface, so that past the first debonding the curve "
        "leaves out what open faces shed onto their neighbours.",
    )


def _solves(state: "MechanicalState") -> Iterator[tuple[str, "SolveReport"]]:
    source = state.superposition
    shears = ("y–z", "x–z", "y–x")
    names = [
        f"strain along {AXES[c]}" if c < 3 else f"shear strain {shears[c - 3]}"
        for c in source.components
    ]
    names += [f"swelling of {name}" for name in source.patterns]
    yield from zip(names, source.reports, strict=True)


def _signed(value: float) -> str:
    return plain(float(f"{value:.3g}")).replace("-", "−")
