"""Warnings of a card: what a reader must know before using its numbers, worst first."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from microstructures import Volume
from microstructures.wording import AXES
from twin import _stress_warnings
from twin._media import electrons
from twin._naming import lacks_binder, pore_like, unnamed
from twin._stress_warnings import USED
from twin.card import Entry
from twin.materials import TRANSPORT, Material

if TYPE_CHECKING:
    from twin._mechanics import Stress

FEW_VOXELS = 6.0  # across the mean chord of a phase
MUCH_ISOLATED = 0.02  # of the pore
UNCERTAIN = 0.1  # relative standard error of a tortuosity factor
CONTRAST = 1e8  # between conductors, up to which the solver's error estimate is tested
LARGEST_VOXEL = 1e-3  # m; beyond, somebody forgot that spacing is in metres
FLAT = 1.5  # longest over shortest voxel edge

NO_BINDER = (
    "No phase is carbon and binder (CBD). Real electrodes have it in their pores, where X-rays do "
    "not show it: the tortuosity factor on this card is probably 1.35 to 2.3 times too low (1.35 "
    "to 1.81 for calendered electrodes in Usseglio-Viretta et al. 2018, up to about 2.3 against "
    "impedance measurements in Landesfeind et al. 2018). Segment the CBD, or add it, before using "
    "these numbers in a cell model."
)
NO_MATERIALS = (
    "No materials were given: transport is relative to the bulk of one phase, and there are no "
    "conductivities in S/m. Pass materials={phase: name} for those of ions and electrons."
)


def warnings(
    volume: Volume,
    materials: Mapping[str, Material] | None,
    entries: Iterable[Entry],
    failures: Iterable[str],
    stress: "Stress | None" = None,
) -> Iterator[str]:
    """Sentences, the most serious first."""
    entries = list(entries)
    yield from _unlikely_voxels(volume)
    if lacks_binder(volume, materials):
        yield NO_BINDER
    else:
        yield from _unnamed(volume, materials)
    for failure in failures:
        yield f"A solve did not converge and its numbers are missing: {failure}."
    yield from _of_stress(stress, entries)
    yield from _blocked(entries)
    yield from _contrast(volume, materials, entries)
    yield from _isolated(volume, materials, entries)
    yield from _uncertain(entries)
    yield from _coarse(volume, entries)
    yield from _flat(volume)
    yield from _unverified(materials, stress is not None)
    if materials is None:
        yield NO_MATERIALS


def _of_stress(stress: "Stress | None", entries: list[Entry]) -> Iterator[str]:
    if stress is not None:
        yield from _stress_warnings.warnings(stress, entries)


def _unnamed(volume: Volume, materials: Mapping[str, Material] | None) -> Iterator[str]:
    if names := unnamed(volume, materials):
        yield (
            f"Phases have no names ({', '.join(names)}), so that no check for a missing CBD was "
            "possible. In a battery electrode without it the tortuosity factor is probably 1.35 to "
            "2.3 times too low. Pass phases={id: name} when reading the volume."
        )


def _unlikely_voxels(volume: Volume) -> Iterator[str]:
    if (edge := max(volume.spacing)) > LARGEST_VOXEL:
        yield (
            f"Voxels are {edge:g} m long, which no electrode has: spacing is in metres, 398e-9 for "
            "398 nm. Every area and length on this card is wrong unless that is meant."
        )


def _blocked(entries: list[Entry]) -> Iterator[str]:
    by_phase: dict[str, list[int]] = {}
    for entry in entries:
        if entry.name == "percolating_fraction" and entry.status != "ok":
            by_phase.setdefault(str(entry.phase), []).append(entry.axis or 0)
    for phase, axes in by_phase.items():
        yield (
            f"{phase} does not connect the two faces of the volume along {_axes(axes)}: nothing "
            "flows through it alone, and its tortuosity factor there is infinite."
        )
    for entry in entries:
        if entry.name.startswith("effective_") and entry.status == "does not percolate":
            what = "Ions" if "ionic" in entry.name.split("_") else "Electrons"
            yield (
                f"{what} find no path through {entry.phase} along {_axes([entry.axis or 0])}: the "
                "effective conductivity is 0."
            )


def _contrast(
    volume: Volume, materials: Mapping[str, Material] | None, entries: list[Entry]
) -> Iterator[str]:
    medium = electrons(volume, materials) if materials else None
    if medium is None or min(medium.relative.values()) * CONTRAST > 1:
        return
    best = {name for name, share in medium.relative.items() if share * CONTRAST > 1}
    blocked = {
        entry.axis or 0
        for entry in entries
        if entry.name == "percolating_fraction" and entry.phase in best and entry.value == 0
    }
    if blocked:
        yield (
            f"{' and '.join(best)} conducts electrons over a hundred million times better than the "
            f"rest, but does not span {_axes(sorted(blocked))}: the effective electronic "
            "conductivity there is good to its order of magnitude only."
        )


def _isolated(
    volume: Volume, materials: Mapping[str, Material] | None, entries: list[Entry]
) -> Iterator[str]:
    pore = pore_like(volume, materials)
    for entry in entries:
        is_pore = entry.name == "isolated_fraction" and entry.phase == pore
        if is_pore and entry.value > MUCH_ISOLATED:
            yield (
                f"{100 * entry.value:.1f} % of {pore} is enclosed on all sides. Real electrodes "
                "are filled with electrolyte from outside, so this is more likely noise or a "
                "segmentation that closes thin passages than closed porosity."
            )


def _uncertain(entries: list[Entry]) -> Iterator[str]:
    spread: dict[str, float] = {}
    for entry in entries:
        is_tau = entry.name in ("tortuosity_factor", "ionic_tortuosity_factor")
        if is_tau and math.isfinite(entry.value) and entry.uncertainty > UNCERTAIN * entry.value:
            relative = entry.uncertainty / entry.value
            spread[str(entry.phase)] = max(relative, spread.get(str(entry.phase), 0.0))
    if spread:
        which = ", ".join(f"{phase} ± {100 * r:.0f} %" for phase, r in spread.items())
        yield (
            "The volume is too small to represent the electrode. Standard error of the tortuosity "
            f"factor, between this volume and others cut from the same electrode: {which}. Use a "
            "larger volume, or several."
        )


def _coarse(volume: Volume, entries: list[Entry]) -> Iterator[str]:
    edge = math.prod(volume.spacing) ** (1 / 3)
    for entry in entries:
        if entry.name != "specific_surface_area" or not entry.value > 0:
            continue
        chord = 4 * volume.fraction(str(entry.phase)) / entry.value / edge
        if chord < FEW_VOXELS:
            yield (
                f"{entry.phase} is resolved by only {chord:.1f} voxels across its mean chord "
                f"length: transport along it and its areas may be wrong by ten percent or more. "
                "Image with smaller voxels if this phase matters."
            )


def _flat(volume: Volume) -> Iterator[str]:
    ratio = max(volume.spacing) / min(volume.spacing)
    if ratio > FLAT:
        yield (
            f"Voxels are {ratio:.1f} times longer along one axis than along another: areas from "
            "the Crofton formula, which sees 13 directions, are less accurate than on cubes, most "
            "of all for flat or aligned phases."
        )


def _unverified(
    materials: Mapping[str, Material] | None, has_mechanics: bool = False
) -> Iterator[str]:
    used = (*TRANSPORT, *USED) if has_mechanics else TRANSPORT
    doubtful = {m.name: m.unverified(used) for m in (materials or {}).values()}
    listed = (
        f"{', '.join(quantities).replace('_', ' ')} of {name}"
        for name, quantities in doubtful.items()
        if quantities
    )
    stresses = " or stresses in Pa" if has_mechanics else ""
    if text := "; ".join(listed):
        yield (
            f"Some numbers of materials are unverified, that is, not read at their source: {text}. "
            f"Replace them by your own before trusting conductivities in S/m{stresses}."
        )


def _axes(axes: Iterable[int]) -> str:
    names = [f"axis {axis} ({AXES[axis]})" for axis in axes]
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
