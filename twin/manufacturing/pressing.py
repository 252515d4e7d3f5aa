"""Pressing: ductile solids compacted by a lid, as matter that yields and flows. SI units.

Where calendering moves rigid particles, here nothing is rigid: every phase is elastic up to its
yield stress and flows beyond, so that soft electrolytes fill the pores between hard particles. The
pressure is a result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.material_points import RATE, Compacted, compact
from solvers.stiffness import Isotropic
from twin._solids import isotropic
from twin.manufacturing._deposit import chosen, smoothed, splat
from twin.manufacturing.step import StepReport
from twin.manufacturing.thickness import porosity_at_thickness
from twin.materials import Material, material

UNEVEN = 0.1  # of the largest pressure, between lower and upper half, above which it was too fast
BLUR = 0.5  # voxels over which the matter of a point is spread where it arrives
MARKS = (0.40, 0.35, 0.30, 0.25, 0.20, 0.15, 0.10, 0.05)  # porosities to report pressures at
NUMBERS = ("youngs_modulus", "poisson_ratio", "yield_stress")

Given: TypeAlias = str | Mapping[str, Any] | Material


def press(
    volume: Volume,
    *,
    solids: Mapping[Phase, Given],
    porosity: float | None = None,
    thickness: float | None = None,
    pore: Phase = "pore",
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
        pore: the phase that gives way.
        sides: "walls", along which everything slides, or "periodic".
        cell: voxels per edge of a grid cell, 2 or 1; 1 is eight times as much work, and finer.
        rate: of straining, see ``solvers.material_points.compact``.
        rng: not used: the result is the same every time.

    Returns:
        The pressed volume, and what was done; ``figures`` has the pressure at the end and at some
        porosities on the way, all under the lid.

    Raises:
        InvalidInputError: a phase without moduli, a porosity that is not below the present one.
        ConvergenceError: the lid came to no end, as when elastic solids leave no room.
        MemoryBudgetError: the points would not fit; nothing was allocated.

    Accuracy: see ``solvers.material_points.compact``. What touches is welded: powders that must
        rearrange first are too stiff at low pressure. Nothing hardens, cracks or creeps.
    """
    if volume.outside is not None and np.any(volume.labels == volume.outside):
        raise InvalidInputError(
            "the volume has voxels outside the electrode, which cannot be pressed: crop it"
        )
    made = _solids(volume, solids, volume.phase_id(pore))
    height = volume.size[volume.through_axis]
    target = _target(volume, pore, porosity, thickness)
    stiffness: dict[Phase, Isotropic] = {n: isotropic(solid) for n, solid in made.items()}
    limits: dict[Phase, float] = {
        n: s.yield_stress.value for n, s in made.items() if s.yield_stress is not None
    }
    done = compact(volume, stiffness, limits, target, sides=sides, cell=cell, rate=rate)
    after = _drawn(volume, done, stiffness, volume.phase_id(pore), target, sides == "periodic")
    parameters = {
        "solids": {volume.phase_name(p): _plain(given) for p, given in solids.items()},
        "porosity": porosity,
        "thickness": thickness,
        "pore": volume.phase_name(pore),
        "sides": sides,
        "cell": cell,
        "rate": rate,
    }
    return after, _report(volume, after, parameters, done, height, tuple(made))


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


def _target(volume: Volume, pore: Phase, porosity: float | None, thickness: float | None) -> float:
    height = volume.size[volume.through_axis]
    before = float(volume.voxels(pore) / volume.labels.size)
    if (porosity is None) == (thickness is None):
        raise InvalidInputError(
            f"porosity is {porosity!r} and thickness {thickness!r}: give one of them"
        )
    if porosity is None:
        assert thickness is not None
        porosity = float(porosity_at_thickness(before, height, thickness))
    if not 0.0 < porosity < before:
        raise InvalidInputError(
            f"a porosity of {porosity:.4g} is not in 0…{before:.4g}, the present one: pressing "
            "only lowers it"
        )
    return float(height * (1.0 - before) / (1.0 - porosity))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Voxels of the pressed volume, in the order of its axes."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, volume: Volume, target: float) -> "_Grid":
        axis = volume.through_axis
        shape, spacing = list(volume.shape), list(volume.spacing)
        shape[axis] = max(1, round(target / spacing[axis]))
        spacing[axis] = target / shape[axis]
        return cls((shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]))


def _drawn(
    volume: Volume,
    done: Compacted,
    stiffness: Mapping[Phase, Isotropic],
    void: int,
    target: float,
    is_periodic: bool,
) -> Volume:
    """Labels where the points are now, each phase with the voxels that its volume takes."""
    grid = _Grid.of(volume, target)
    axis = volume.through_axis
    wrap = tuple(is_periodic and a != axis for a in range(3))
    scale = np.ones(3)
    scale[axis] = target / done.height  # the lid is off to within a part in two thousand
    shrink = volume.spacing[axis] / grid.spacing[axis]
    scores, counts = {}, {}
    for name in sorted(stiffness, key=lambda n: -stiffness[n].E):
        label = volume.phase_id(name)
        points = done.positions[done.labels == label] * scale
        amount = splat(points, grid.shape, np.array(grid.spacing), wrap)  # type: ignore[arg-type]
        scores[label] = smoothed(amount * done.voxel_share, BLUR, wrap)  # type: ignore[arg-type]
        counts[label] = round(volume.voxels(label) * shrink)
    total = np.sum(list(scores.values()), axis=0)
    left = chosen(total, sum(counts.values()), np.ones(grid.shape, bool))
    labels = np.full(grid.shape, void, volume.labels.dtype)
    for label, score in scores.items():  # the stiffest first: it keeps its shape
        own = chosen(score / np.maximum(total, 1e-12) + 1e-3 * score, counts[label], left)
        labels[own] = label
        left &= ~own
    return volume.with_labels(labels, f"pressed to {target:.4g} m", spacing=grid.spacing)


def _report(
    before: Volume,
    after: Volume,
    parameters: dict[str, Any],
    done: Compacted,
    height: float,
    solids: tuple[str, ...],
) -> StepReport:
    solid = sum(before.voxels(name) for name in solids) / before.labels.size * height
    warnings = []
    if done.imbalance > UNEVEN:
        warnings.append(
            f"the pressure differed by {done.imbalance:.0%} between lower and upper half: the lid "
            "was too fast for it to even out, lower the rate"
        )
    return StepReport.between(
        "press",
        before,
        after,
        parameters,
        conserve=list(solids),
        warnings=tuple(warnings),
        figures={
            "thickness_m": done.height,
            "thickness_under_load_m": done.lowest,
            "porosity": 1.0 - solid / done.height,
            "porosity_under_load": 1.0 - solid / done.lowest,
            "spring_back": done.height / done.lowest - 1.0,
            "largest_pressure_Pa": float(done.pressures.max()),
            **_marked(done, solid),
            "imbalance": done.imbalance,
            "steps": float(done.steps),
        },
    )


def _marked(done: Compacted, solid: float) -> dict[str, float]:
    """Pressures at round porosities, between those at which the lid rested on its way down."""
    way = slice(0, int(np.argmax(done.pressures)) + 1)
    porosity = 1.0 - solid / done.heights[way]
    return {
        f"pressure_at_{100 * mark:.0f}_percent_Pa": float(
            np.interp(-mark, -porosity, done.pressures[way])
        )
        for mark in MARKS
        if porosity.min() <= mark <= porosity.max()
    }
