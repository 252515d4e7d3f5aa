"""Segmentation: what a property owes to the threshold at which the image was cut into phases.

Walls are moved as another threshold would move them, and everything is computed anew. What counts
is by how many voxels they moved, since nobody knows the grey value of the truth, but to about half
a voxel where its walls are.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies._card_values import number
from studies.answer import Answer
from studies.design import Grid
from studies.ready._sample import MATERIALS, SAMPLE
from studies.ready._shifts import LEVEL, Curve, curves, of_walls, within
from studies.ready._wording import with_unit
from studies.ready.pieces import results
from studies.study import Study

if TYPE_CHECKING:
    import os

    import pandas as pd

    from twin.report.embedded import Figure

Floats = NDArray[np.float64]
SEEDED: Mapping[str, Any] = {**SAMPLE, "seed": 0}
LEVELS = (0.2, 0.35, 0.5, 0.65, 0.8)
ASKED = ("volume_fraction.{}", "specific_surface_area.{}", "tortuosity_factor.{}.z")
WORDS = {
    "holds": "holds wherever the walls are within that",
    "alike": "holds if both are segmented alike, but not if their walls err in opposite ways",
    "artefact": "does not hold: another threshold, the same for both, turns it round",
}


def segmentation_sweep(
    volume: Mapping[str, Any] | None = None,
    *,
    phase: str = "pore",
    resolution: float = 398e-9,
    levels: Sequence[float] = LEVELS,
    steps: Sequence[Mapping[str, Any]] = ({"step": "calender", "thickness": 18e-6},),
    variants: Mapping[str, Sequence[Any]] | None = None,
    materials: Mapping[str, str] | None = None,
    folder: "str | os.PathLike[str]" = "segmentation.study",
    **about: Any,
) -> Study:
    """A study of a segmented volume whose walls of one phase lie at several thresholds.

    Args:
        volume: the table [volume] of an electrode study; by default a sample cathode of 48³ voxels.
        phase: whose walls move.
        resolution: standard deviation of the blur of the imaging in m; a voxel is a fair guess.
        levels: thresholds of the blurred indicator, 0…1, 0.5 for the walls as they are.
        steps: of manufacturing, taken after that, none if empty.
        variants: values of further parameters by path, what is to be told apart: by default the
            sample pressed to 18 and to 16 µm. {"coarsen.factor": [1, 2]} with that step asks for
            the size of the voxels.
        materials: of the phases; by default those of the sample, none for another volume.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Raises:
        InvalidInputError: a recipe or design that cannot be.
    """
    first = {"step": "rethreshold", "phase": phase, "resolution": resolution, "level": 0.5}
    recipe: dict[str, Any] = {
        "volume": dict(SEEDED if volume is None else volume),
        "step": [first, *(dict(step) for step in steps)],
        "characterize": {"axes": [0], "tolerance": 1e-3},
    }
    if materials is None and volume is None:
        materials = MATERIALS
    if materials:
        recipe["materials"] = dict(materials)
    if variants is None:
        variants = {"calender.thickness_um": [18, 16]} if steps else {}
    given = {"name": "segmentation", "questions": {"imaging_artefact": {}}} | about
    return Study(recipe, Grid({LEVEL: list(levels), **variants}), folder, **given)


def imaging_artefact(
    study: Study,
    of: str | Sequence[str] = (),
    uncertainty: float = 0.5,
    threshold: str = "",
    *,
    where: Mapping[str, Any] | None = None,
) -> Answer:
    """What properties owe to the threshold, and whether what they say survives another one.

    Args:
        study: that varies a threshold: rethreshold.level, or threshold.below.pore of a grey image.
            What else it varies are variants, whose order is looked into; but pieces, such as seeds
            and crops, are repetitions, whose mean is taken.
        of: names of values of the property card; by default fraction, surface and tortuosity of
            the phase.
        uncertainty: of the place of walls in voxels, > 0, either way.
        threshold: the parameter, if the study varies several.
        where: values of other parameters, if only some variants are to be compared.

    Raises:
        InvalidInputError: no threshold is varied, walls that do not move so far, or no results.
    """
    if not (math.isfinite(uncertainty) and uncertainty > 0):
        raise InvalidInputError(f"uncertainty {uncertainty!r}: give voxels above 0, such as 0.5")
    moved = threshold or _threshold(study)
    phase = _phase(study, moved)
    first = results(study, (), where)
    given = [of] if isinstance(of, str) else list(of)
    asked = given or [name.format(phase) for name in ASKED if first.has(name.format(phase))]
    seen, warnings = [], []
    for name in asked:
        found = results(study, (name, *of_walls(moved)), where)
        each = list(curves(study, found, name, moved))
        seen += [curve for curve in each if curve.reaches(uncertainty)]
        warnings += [*found.left_out, *(text for c in each for text in _short(c, uncertainty))]
    if not seen:
        raise InvalidInputError(
            f"the walls do not move by {uncertainty:g} voxels either way and still give numbers: "
            f"ask for less, or take more thresholds ({'; '.join(warnings)})"
        )
    orders = [order for name in asked for order in _orders(_of(seen, name), uncertainty)]
    return Answer(
        "Is it an artefact of imaging?",
        "\n\n".join([_summary(seen, uncertainty), *_told(orders, uncertainty)]),
        _values(seen, uncertainty),
        _table(seen, uncertainty),
        (_figure(seen, asked, uncertainty),),
        tuple(dict.fromkeys(warnings)),
    )


@dataclass(frozen=True, slots=True)
class Order:
    """Whether one variant stays above another: "holds", "alike" or "artefact"."""

    of: str
    above: str
    below: str
    difference: float
    error: float
    verdict: str


def _threshold(study: Study) -> str:
    """The one parameter that moves walls."""
    names = [n for n in study.design.names if n == LEVEL or n.startswith("threshold.below.")]
    if len(names) != 1:
        raise InvalidInputError(
            f"the study varies {', '.join(study.design.names) or 'nothing'}: one threshold is "
            f"wanted, {LEVEL} or threshold.below.pore; name it if there are several"
        )
    return names[0]


def _phase(study: Study, moved: str) -> str:
    """Whose walls that parameter moves."""
    if moved.startswith("threshold.below."):
        return moved.rpartition(".")[2]
    steps = study.recipe.get("step", [])
    phases = [str(step["phase"]) for step in steps if step.get("step") == "rethreshold"]
    if moved != LEVEL or len(phases) != 1:
        raise InvalidInputError(f"{moved!r} is no threshold of one step rethreshold")
    return phases[0]


def _of(curves: list[Curve], of: str) -> list[Curve]:
    return [curve for curve in curves if curve.of == of]


def _orders(curves: list[Curve], uncertainty: float) -> Iterator[Order]:
    """Neighbours in the order of their values where the walls are."""
    ranked = sorted(curves, key=lambda curve: -curve.at(0.0))
    for upper, lower in itertools.pairwise(ranked):
        shifts = within(np.union1d(upper.shifts, lower.shifts), uncertainty)
        stays = all(upper.at(s) > lower.at(s) for s in shifts)
        apart = upper.limits(uncertainty)[0] > lower.limits(uncertainty)[1]
        yield Order(
            upper.of,
            upper.variant,
            lower.variant,
            upper.at(0.0) - lower.at(0.0),
            math.hypot(upper.error, lower.error),
            "holds" if apart else "alike" if stays else "artefact",
        )


def _summary(curves: list[Curve], uncertainty: float) -> str:
    told = []
    for curve in curves:
        low, high = curve.limits(uncertainty)
        share = curve.share(uncertainty)
        versus = f", {share:.2g} times the standard error" if math.isfinite(share) else ""
        where = f" ({curve.variant})" if curve.variant else ""
        told.append(
            f"{curve.of}{where} is {with_unit(curve.at(0.0), curve.unit)} and changes by "
            f"{curve.slope:+.3g} per voxel: {low:.4g} to {high:.4g} for walls within ± "
            f"{uncertainty:g} voxels, half of that range being "
            f"{_percent((high - low) / 2, curve.at(0.0))}{versus}."
        )
    return "\n\n".join(told)


def _told(orders: list[Order], uncertainty: float) -> Iterator[str]:
    for order in orders:
        sampled = ""
        if math.isfinite(order.error):
            sampled = f" (difference {order.difference:.3g}, sampling ± {order.error:.2g})"
        yield (
            f"That {order.of} is larger for {order.above} than for {order.below}{sampled} "
            f"{WORDS[order.verdict]} (± {uncertainty:g} voxels)."
        )


def _values(curves: list[Curve], uncertainty: float) -> dict[str, dict[str, Any]]:
    values = {}
    for curve in curves:
        name = curve.of + (f", {curve.variant}" if curve.variant else "")
        low, high = curve.limits(uncertainty)
        values[name] = number(curve.at(0.0), curve.unit, curve.error)
        values[f"{name}: slope per voxel"] = number(curve.slope, curve.unit)
        values[f"{name}: half range"] = number((high - low) / 2, curve.unit)
    return values


def _table(curves: list[Curve], uncertainty: float) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for curve in curves:
        low, high = curve.limits(uncertainty)
        share = curve.share(uncertainty)
        rows.append(
            {
                "quantity": curve.of,
                "unit": curve.unit,
                "variant": curve.variant,
                "pieces": curve.pieces,
                "value": curve.at(0.0),
                "slope per voxel": curve.slope,
                "lowest": low,
                "highest": high,
                "half range": (high - low) / 2,
                "standard error": curve.error,
                "larger doubt": "imaging" if share > 1 else "sampling" if share <= 1 else "",
            }
        )
    return pd.DataFrame(rows)


def _short(curve: Curve, uncertainty: float) -> Iterator[str]:
    """Why a curve is left out, or some of its thresholds."""
    where = f" of {curve.variant}" if curve.variant else ""
    if curve.lost:
        yield (
            f"{curve.of}{where} has no number for some of its {curve.pieces} pieces at "
            f"{curve.lost} thresholds, which are left out"
        )
    if not curve.reaches(uncertainty):
        ends = [f"{shift:+.2f}" for shift in curve.shifts[[0, -1]]] if len(curve.shifts) else []
        yield (
            f"{curve.of}{where} is left out: its walls moved from {' to '.join(ends) or 'nowhere'} "
            f"voxels only, and ± {uncertainty:g} were asked for"
        )


def _figure(curves: list[Curve], asked: Sequence[str], uncertainty: float) -> "Figure":
    from twin.report.embedded import figure
    from twin.report.figures import chart, png

    picture, axes = chart(6.2, max(3.1, 0.4 * len(curves)), names=2.3)
    axes.axvspan(-uncertainty, uncertainty, color="#eef1f4", zorder=0)
    styles, shown = ("-", "--", ":", "-."), list(dict.fromkeys(asked))
    for quantity in shown:
        colour = f"C{shown.index(quantity)}"
        for style, curve in zip(itertools.cycle(styles), _of(curves, quantity), strict=False):
            label = f"{quantity}\n{curve.variant}" if curve.variant else quantity
            change = 100 * (curve.values / curve.at(0.0) - 1)
            axes.plot(curve.shifts, change, style, color=colour, marker=".", label=label)
    axes.set(xlabel="walls moved out of the phase / voxels", ylabel="change / %")
    axes.legend(frameon=False, fontsize=6.5, handlelength=3, loc="center left",
                bbox_to_anchor=(1.0, 0.5))  # fmt: skip
    alt = "change of properties over the shift of the walls"
    caption = (
        "Change of each property as the walls move; the band is the uncertainty of their place."
    )
    return figure(png(picture), alt, caption)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / abs(whole):.2g} %" if whole else f"{part:.3g}"
