"""Warnings about stress: what a reader must know before using the mechanics of a card."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from solvers.units import LEAST_PRESSURE
from twin.card import Entry

if TYPE_CHECKING:
    from twin._mechanics import Stress

HOURGLASS = 0.1  # share of the energy that says nothing of the material
FLOATING = 0.01  # of the solids
YIELDED = 0.01  # of a phase
DEBONDED = 0.01  # of an interface
COARSE = 0.25  # relative error by the size of the voxels
USED = (
    "youngs_modulus",
    "poisson_ratio",
    "cubic_c11",
    "cubic_c12",
    "cubic_c44",
    "yield_stress",
    "tensile_strength",
    "fracture_toughness",
    "swelling",
)
"""What mechanics takes from a material."""


def warnings(stress: "Stress", entries: Iterable[Entry]) -> Iterator[str]:
    """Sentences, the most serious first."""
    entries = list(entries)
    yield from stress.failures
    yield from stress.doubts
    yield from stress.swelling.doubts
    if stress.volume.inside_voxels < stress.volume.labels.size:
        yield (
            "Voxels outside the electrode are voids to mechanics, and plates press on them too: "
            "moduli and pressures are those of the whole box. Crop the volume to the electrode."
        )
    yield from _unsound(entries)
    yield from _beyond_linear(entries, min(stress.volume.spacing))
    yield from _coarse(entries)


def _unsound(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.name == "hourglass_share" and entry.value > HOURGLASS:
            yield (
                f"{100 * entry.value:.0f} % of the elastic energy is in deformations that the mean "
                "strain of a voxel does not see: solids are one or two voxels thin, or hang "
                "together by edges and corners of voxels. Moduli and stresses are those of the "
                "voxels, not of the electrode: image with smaller voxels; element='full' errs to "
                "the stiff side instead."
            )
        if entry.name == "floating_fraction" and entry.value > FLOATING:
            yield (
                f"{100 * entry.value:.1f} % of the solids hangs on nothing, or only on edges and "
                "corners of voxels: it swells freely and bears no stress. Look for thin binder "
                "that the segmentation has lost."
            )


def _beyond_linear(entries: list[Entry], voxel: float) -> Iterator[str]:
    for entry in entries:
        if entry.name == "volume_above_yield_stress" and entry.value > YIELDED:
            yield (
                f"{_percent(entry)} of {entry.phase} is above its yield stress: it would flow "
                "before it gets there, so that stresses are upper limits. Mechanics on this card "
                "is linear, and a screening beyond the first yield."
            )
        if entry.name == "volume_above_tensile_strength" and entry.value > 0:
            yield (
                f"{_percent(entry)} of {entry.phase} is above its tensile strength: it would "
                "crack there, which mechanics on this card leaves out."
            )
        if entry.name == "back_pressure" and entry.value < -LEAST_PRESSURE:
            yield (
                f"Plates that do not move would have to pull with {-entry.value / 1e6:.3g} MPa: "
                "the electrode shrinks along this axis, and unless it is bonded to them it would "
                "come off."
            )
        if entry.name == "critical_flaw_size_interior_p5" and entry.value < voxel:
            yield (
                f"In a twentieth of what is in tension of {entry.phase} a flaw of "
                f"{entry.value * 1e9:.3g} nm would grow, less than a voxel: no such flaw can be "
                "seen, and below the size of a grain toughness is no property of the material. "
                "Take it as a sign that it cracks."
            )
        if entry.name == "debonded_area_fraction" and entry.value > DEBONDED:
            yield (
                f"{_percent(entry)} of the interface {entry.phase} comes apart: tractions are "
                "those of the bonded interface, so that the contact area is a screening. "
                "solvers.contact_state follows the opening itself."
            )


def _percent(entry: Entry) -> str:
    share = 100 * entry.value
    return f"{share:.0f} %" if share >= 9.5 else f"{share:.2g} %"


def _coarse(entries: list[Entry]) -> Iterator[str]:
    shown = ("effective_youngs_modulus", "von_mises_stress_p50", "von_mises_stress_p95")
    worst: dict[str, float] = {}
    for entry in entries:
        if entry.name in shown and entry.resolution_error is not None and entry.value:
            key = entry.phase or "the electrode's moduli"
            relative = entry.resolution_error / abs(entry.value)
            worst[key] = max(relative, worst.get(key, 0.0))
    if rough := {key: error for key, error in worst.items() if error > COARSE}:
        which = ", ".join(f"{key} ± {100 * error:.0f} %" for key, error in rough.items())
        yield (
            "The voxels are coarse for mechanics. Error of stiffness and von Mises stress, judged "
            f"from a volume of half the resolution: {which}. Image with smaller voxels."
        )
