"""Pressing: ductile solids compacted by a lid, as matter that yields and flows. SI units.

Where calendering moves rigid particles, here nothing is rigid: every phase is elastic up to its
yield stress and flows beyond, so that soft electrolytes fill the pores between hard particles. The
pressure is a result.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import specific_surface_areas
from solvers.compaction import RATE, Compacted, compact
from solvers.stiffness import Isotropic
from twin._solids import isotropic
from twin.manufacturing._deposit import chosen, smoothed, splat
from twin.manufacturing._target import Target, checked_volume
from twin.manufacturing.step import StepReport
from twin.materials import Material, material

UNEVEN = 0.1  # of the largest pressure, between lower and upper half, above which it was too fast
BLUR = 0.5  # voxels over which the matter of a point is spread where it arrives
MARKS = (0.40, 0.35, 0.30, 0.25, 0.20, 0.15, 0.10, 0.05)  # porosities to report pressures at
FINE = 4.0  # cells across a grain, below which it is too soft
LOOSE = 0.4  # porosity above which powders rearrange first
NUMBERS = ("youngs_modulus", "poisson_ratio", "yield_stress")

Given: TypeAlias = str | Mapping[str, Any] | Material


def press(
    volume: Volume,
    *,
    solids: Mapping[Phase, Given],
    porosity: float | None = None,
    thickness: float | None = None,
    total_porosity: float | None = None,
    pore: Phase = "pore",
    nanoporosity: Mapping[Phase, float] | None = None,
    sides: str = "walls",
    cell: int = 2,
    rate: float = RATE,
    rng: Any = None,
) -> tuple[Volume, StepReport]:
    """Press a volume of solids that yield through its thickness, and take the lid off.

    The number of layers is rounded and the voxel edge through the thickness changed by as much, so
    that the porosity is exact and every solid keeps its volume.

    Args:
        volume: with a pore and solids.
        solids: of each phase but the pore, a material of the library by name, a ``Material``, or
            its numbers: {"youngs_modulus": Pa, "poisson_ratio": …, "yield_stress": Pa}; without a
            yield stress it stays elastic.
        porosity: labelled pore fraction when the lid is off, below the present one.
        thickness: m, instead of the porosity.
        total_porosity: that with the nanopores, instead of the porosity.
        pore: the phase that gives way.
        nanoporosity: pore fraction within solids, {"CBD": 0.47}; it stays as it is.
        sides: "walls", along which everything slides, or "periodic".
        cell: voxels per edge of a grid cell, 2 or 1; 1 is eight times as much work, and finer.
        rate: of straining, see ``solvers.compact``.
        rng: not used: the result is the same every time.

    Returns:
        The pressed volume, and what was done; ``figures`` has the pressure at the end and at some
        porosities on the way, all under the lid.

    Raises:
        InvalidInputError: a phase without moduli, a porosity that is not below the present one.
        ConvergenceError: the lid came to no end, as when elastic solids leave no room.
        MemoryBudgetError: the points would not fit; nothing was allocated.

    Accuracy: see ``solvers.compact``. What touches is welded: powders that must
        rearrange first are too stiff at low pressure. Nothing hardens, cracks or creeps.
    """
    void = checked_volume(volume).phase_id(pore)
    made = _solids(volume, solids, void)
    target = Target.of(volume, void, porosity, thickness, total_porosity, nanoporosity)
    if target.thickness >= volume.size[volume.through_axis]:
        raise InvalidInputError(
            f"the volume has the porosity {target.porosity:.4g} already: ask for a lower one"
        )
    stiffness: dict[Phase, Isotropic] = {n: isotropic(solid) for n, solid in made.items()}
    limits: dict[Phase, float] = {
        n: s.yield_stress.value for n, s in made.items() if s.yield_stress is not None
    }
    done = compact(volume, stiffness, limits, target.thickness, sides=sides, cell=cell, rate=rate)
    after = _drawn(target, done, stiffness, void, sides == "periodic")
    asked = {"porosity": porosity, "thickness": thickness, "total_porosity": total_porosity}
    parameters = {name: value for name, value in asked.items() if value is not None} | {
        "solids": {volume.phase_name(p): _plain(given) for p, given in solids.items()},
        "nanoporosity": {volume.phase_name(p): n for p, n in (nanoporosity or {}).items()},
        "pore": volume.phase_name(pore),
        "sides": sides,
        "cell": cell,
        "rate": rate,
    }
    return after, _report(target, after, parameters, done, tuple(made))


def _solids(volume: Volume, solids: Mapping[Phase, Given], void: int) -> dict[str, Material]:
    if not isinstance(solids, Mapping) or not solids:
        raise InvalidInputError(
            f"solids is {solids!r}: give each phase a material, {{'SE': 'LPSCl', 'NMC': 'NMC811'}}"
        )
    made = {volume.phase_name(phase): _material(phase, given) for phase, given in solids.items()}
    present = [n for label, n in volume.phases.items() if label != void and volume.voxels(label)]
    if missing := [name for name in present if name not in made]:
        raise InvalidInputError(f"{missing} have no material: every solid wants moduli")
    if unfit := [name for name in made if not made[name].bears_load]:
        raise InvalidInputError(
            f"{unfit} bear no load: give a material with youngs_modulus and poisson_ratio"
        )
    return {name: made[name] for name in present}


def _material(phase: Phase, given: Given) -> Material:
    if isinstance(given, Material):
        return given
    if isinstance(given, str):
        return material(given)
    if not isinstance(given, Mapping) or not set(given) <= set(NUMBERS):
        raise InvalidInputError(
            f"the solid {phase!r} is {given!r}: give the name of a material, or numbers of "
            f"{NUMBERS}"
        )
    return Material(str(phase), "other", **given)


def _plain(given: Given) -> Any:
    """What a recipe can hold: a name, or numbers."""
    if not isinstance(given, Material):
        return dict(given) if isinstance(given, Mapping) else given
    values = {name: getattr(given, name) for name in NUMBERS}
    return {name: value.value for name, value in values.items() if value is not None}


def _drawn(
    target: Target,
    done: Compacted,
    stiffness: Mapping[Phase, Isotropic],
    void: int,
    is_periodic: bool,
) -> Volume:
    """Labels where the points are now, each phase with the voxels that its volume takes."""
    volume, shape = target.volume, target.shape
    axis = volume.through_axis
    z, y, x = (is_periodic and a != axis for a in range(3))
    scale = np.ones(3)
    scale[axis] = target.thickness / done.height  # off by a quarter of a percent at most
    scores = {}
    for name in sorted(stiffness, key=lambda n: -stiffness[n].E):
        points = done.positions[done.labels == volume.phase_id(name)] * scale
        amount = splat(points, shape, np.array(target.spacing), (z, y, x)) * done.voxel_share
        scores[volume.phase_id(name)] = smoothed(amount, BLUR, (z, y, x))
    total = np.sum(list(scores.values()), axis=0)
    left = chosen(total, sum(map(target.count, scores)), np.ones(shape, bool))
    labels = np.full(shape, void, volume.labels.dtype)
    for label, score in scores.items():  # the stiffest first: it keeps its shape
        own = chosen(score / np.maximum(total, 1e-12) + 1e-3 * score, target.count(label), left)
        labels[own] = label
        left &= ~own
    return volume.with_labels(
        labels, f"pressed to {target.thickness:.4g} m", spacing=target.spacing
    )


def _report(
    target: Target,
    after: Volume,
    parameters: dict[str, Any],
    done: Compacted,
    solids: tuple[str, ...],
) -> StepReport:
    warnings = [*_left_model(target, solids, int(parameters["cell"]))]
    if done.imbalance > UNEVEN:
        warnings.append(
            f"the pressure differed by {done.imbalance:.0%} between lower and upper half: the lid "
            "was too fast for it to even out, lower the rate"
        )
    return StepReport.between(
        "press",
        target.volume,
        after,
        parameters,
        conserve=list(solids),
        moved={"beside_affine_fraction": _beside_affine(target, after)},
        warnings=tuple(warnings),
        figures={
            "thickness_m": target.thickness,
            "missed_thickness_m": done.height - target.thickness,
            "thickness_under_load_m": done.lowest,
            "porosity": target.porosity,
            **({"total_porosity": target.total_porosity} if target.nanopores else {}),
            "porosity_under_load": 1.0 - target.solid / done.lowest,
            "spring_back": done.height / done.lowest - 1.0,
            "largest_pressure_Pa": float(done.pressures.max()),
            **_marked(done, target.solid),
            "imbalance": done.imbalance,
            "steps": float(done.steps),
        },
    )


def _beside_affine(target: Target, after: Volume) -> float:
    """Share of the voxels that would be of another phase if the volume were only squeezed."""
    volume, axis = target.volume, target.volume.through_axis
    layers = ((np.arange(target.layers) + 0.5) * volume.shape[axis] / target.layers).astype(int)
    return float(np.mean(np.take(volume.labels, layers, axis) != after.labels))


def _left_model(target: Target, solids: tuple[str, ...], cell: int) -> Iterator[str]:
    """Where material points are no model of what is pressed."""
    volume = target.volume
    widest = cell * max(volume.spacing)
    areas = specific_surface_areas(volume)
    for name in solids:
        chord = 4 * volume.fraction(name) / max(float(areas[name].value), 1e-300)
        if chord < FINE * widest:
            yield (
                f"{name} is {chord / widest:.1f} cells wide on average, and below {FINE:g} it is "
                "too soft: take cell=1 or smaller voxels, and doubt the pressures"
            )
    before = 1.0 - target.solid / volume.size[volume.through_axis]
    if before > LOOSE:
        yield (
            f"at a porosity of {before:.0%} powders rearrange before they yield, but here all that "
            "touches is welded: the pressures on the way down are too high at first"
        )


def _marked(done: Compacted, solid: float) -> dict[str, float]:
    """Pressures at round porosities, between those at which the lid rested lower than before."""
    way = done.heights <= np.minimum.accumulate(done.heights)  # and not on its way up or back
    porosity = 1.0 - solid / done.heights[way]
    return {
        f"pressure_at_{100 * mark:.0f}_percent_Pa": float(
            np.interp(-mark, -porosity, done.pressures[way])
        )
        for mark in MARKS
        if porosity.min() <= mark <= porosity.max()
    }
