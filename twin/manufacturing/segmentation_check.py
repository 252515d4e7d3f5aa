"""SegmentationCheck: a segmented volume against the recipe of its coating. Fractions by phase name.

Weighing and a micrometre see every pore, a segmentation only those wider than a voxel or two. The
difference is what every transport number computed on the voxels leaves out.
"""

import html
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.results import finite
from twin.manufacturing._arguments import short
from twin.manufacturing._target import checked_volume
from twin.manufacturing.composition import Recipe, coating_density


@dataclass(frozen=True, slots=True)
class SegmentationCheck:
    """What a segmentation shows, what the recipe demands, and the difference.

    ``expected`` and ``segmented`` are volume fractions by phase, a nanoporous phase with its
    nanopores; ``missed`` is expected − segmented, negative where there is too much of a phase.
    ``total_porosity`` follows from loading, thickness and recipe; ``segmented_total_porosity`` adds
    the nanopores of the segmented phases to the segmented pores. ``missed_pores`` is the share
    of all pores that the segmentation does not show, not even as nanopores. Densities are in kg/m³.
    """

    expected: Mapping[str, float]
    segmented: Mapping[str, float]
    missed: Mapping[str, float]
    total_porosity: float
    segmented_total_porosity: float
    missed_pores: float
    density: float
    segmented_density: float
    tolerance: float
    verdict: str

    @property
    def agrees(self) -> bool:
        """Whether no phase, nor the sum of all pores, misses by more than ``tolerance``."""
        pores = self.total_porosity - self.segmented_total_porosity
        return all(abs(gap) <= self.tolerance for gap in (*self.missed.values(), pores))

    def to_dict(self) -> dict[str, Any]:
        """The check as plain numbers and text."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}
        return plain | {"missed_pores": finite(self.missed_pores), "agrees": self.agrees}

    def __str__(self) -> str:
        rows = (
            f"  {name}: expected {100 * self.expected[name]:.1f} %, segmented "
            f"{100 * self.segmented[name]:.1f} %"
            for name in self.expected
        )
        return "\n".join((self.verdict, *rows))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{100 * self.expected[name]:.1f} %</td>"
            f"<td>{100 * self.segmented[name]:.1f} %</td><td>{100 * gap:+.1f} %</td></tr>"
            for name, gap in self.missed.items()
        )
        return (
            f"<div><p>{html.escape(self.verdict)}</p><table><tr><th>phase</th><th>expected</th>"
            f"<th>segmented</th><th>missed</th></tr>{rows}</table></div>"
        )


def check_segmentation(
    volume: Volume,
    recipe: Recipe,
    *,
    loading: float,
    thickness: float,
    unseen: Collection[str] = (),
    tolerance: float = 0.02,
) -> SegmentationCheck:
    """A segmented volume compared with what was weighed and measured of its coating.

    Args:
        volume: segmented, a sample of the coating.
        recipe: of the coating; its phases and its pore are phases of the volume.
        loading: mass of the dry coating per area, kg/m², without the foil.
        thickness: of the whole coating as imaged, m, without the foil.
        unseen: phases of the recipe that the image does not show and the volume does not have,
            as X-rays do not show binder.
        tolerance: volume fraction by which a phase may miss before the verdict says so. Choose
            the scatter between volumes of this size.

    Raises:
        InvalidInputError: the coating would be denser than its solids, its nanopores more than its
            pores, or the phases of recipe and volume differ.

    Warns:
        UnitWarning: a thickness above 1 cm or below 100 nm, or a loading to match.

    Accuracy: as good as the inputs. An error of 1 % in loading, thickness or a density shifts the
        expected total porosity by 0.01 (1 − ε): 0.007 at ε = 0.3. The scatter between volumes
        of this size is not included.
    """
    volume = checked_volume(volume)
    _check_kinds(recipe, unseen)
    if not isinstance(tolerance, int | float | np.number) or not 0 <= tolerance < 1:
        raise InvalidInputError(f"tolerance is {tolerance!r}: give a volume fraction in 0…1")
    segmented = _segmented(volume, recipe, unseen)
    total = recipe.total_porosity(loading, thickness)
    expected = recipe.fractions(total)
    hidden = math.fsum(n * segmented[phase] for phase, n in recipe.nanoporosity.items())
    shown = segmented[recipe.pore] + hidden
    numbers: dict[str, Any] = {
        "expected": expected,
        "segmented": segmented,
        "missed": {name: expected[name] - segmented[name] for name in expected},
        "total_porosity": total,
        "segmented_total_porosity": shown,
        "missed_pores": (total - shown) / total if total else math.nan,
        "density": coating_density(loading, thickness),
        "segmented_density": _density(segmented, recipe),
        "tolerance": tolerance,
    }
    verdict = " ".join(_sentences(SegmentationCheck(**numbers, verdict=""), recipe, unseen))
    return SegmentationCheck(**numbers, verdict=verdict)


def _check_kinds(recipe: Any, unseen: Any) -> None:
    if not isinstance(recipe, Recipe):
        raise InvalidInputError(f"{short(recipe)} is no Recipe: give one of Components")
    if isinstance(unseen, str) or not isinstance(unseen, Collection):
        raise InvalidInputError(f"unseen is {unseen!r}: give a list of names, such as ['CBD']")


def _segmented(volume: Volume, recipe: Recipe, unseen: Collection[str]) -> dict[str, float]:
    wanted, there = {recipe.pore, *recipe.phases}, set(volume.phases.values())
    missing, unknown = sorted(wanted - there - set(unseen)), sorted(there - wanted)
    false = sorted(set(unseen) & there | set(unseen) - set(recipe.phases))
    if missing or unknown or false:
        raise InvalidInputError(
            f"the recipe has the phases {sorted(wanted)}, the volume {sorted(there)}, and unseen "
            f"is {sorted(unseen)}: set the phase of each Component to one of the volume, merge "
            "phases with volume.relabelled, and name in unseen those, and only those, that the "
            "image does not show"
        )
    fractions = volume.fractions()
    return {name: fractions.get(name, 0.0) for name in (recipe.pore, *recipe.phases)}


def _density(segmented: Mapping[str, float], recipe: Recipe) -> float:
    return math.fsum(segmented[phase] * recipe.phase_density(phase) for phase in recipe.phases)


def _sentences(check: SegmentationCheck, recipe: Recipe, unseen: Collection[str]) -> Iterator[str]:
    if check.agrees:
        worst = max(check.missed, key=lambda name: abs(check.missed[name]))
        yield (
            f"The segmentation agrees with the recipe: {worst} is furthest off, by "
            f"{100 * check.missed[worst]:+.1f} % of the volume."
        )
        return
    yield from _of_pores(check)
    for phase in recipe.phases:
        yield from _of_phase(phase, check, phase in unseen)


def _of_pores(check: SegmentationCheck) -> Iterator[str]:
    shown, total = 100 * check.segmented_total_porosity, 100 * check.total_porosity
    if total - shown > 100 * check.tolerance:
        yield (
            f"The segmentation misses {100 * check.missed_pores:.0f} % of the pores: it has "
            f"{shown:.1f} % of the volume as pores, nanopores included, where loading, thickness "
            f"and recipe leave {total:.1f} %. They are narrower than the voxels, or lie inside "
            "the solids: transport through the pores computed on these voxels is too low."
        )
    elif shown - total > 100 * check.tolerance:
        yield (
            f"The segmentation has more pores than there can be: {shown:.1f} % of the volume, "
            f"nanopores included, where loading, thickness and recipe leave {total:.1f} %. Solid "
            "was taken for pore: transport through the pores computed on these voxels is too high."
        )


def _of_phase(phase: str, check: SegmentationCheck, is_unseen: bool) -> Iterator[str]:
    gap = check.missed[phase]
    if abs(gap) <= check.tolerance:
        return
    numbers = (
        f"{100 * check.segmented[phase]:.1f} % of the volume, expected "
        f"{100 * check.expected[phase]:.1f} %"
    )
    if is_unseen:
        yield f"{phase} is not seen at all, expected {100 * check.expected[phase]:.1f} %."
    else:
        yield f"There is too {'little' if gap > 0 else 'much'} {phase}: {numbers}."
