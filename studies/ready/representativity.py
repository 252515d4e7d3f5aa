"""Representativity: cubes of several sizes cut from one volume, and how far their numbers scatter.

Two things go wrong in small volumes. They scatter, which more of them average out, and they are
off: faces cut what would go on, which no number of them does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from studies._card_values import number
from studies.answer import Answer
from studies.design import Grid
from studies.ready._sample import MATERIALS, SAMPLE
from studies.ready._wording import with_unit
from studies.ready.pieces import refuse_others, results
from studies.ready.scatter import FEWEST, Scatter, drift, fit_scatter
from studies.study import Study
from studies.values import known_parameters

if TYPE_CHECKING:
    import os

    import pandas as pd

    from twin.report.embedded import Figure

LARGE: Mapping[str, Any] = {**SAMPLE, "shape": [96, 96, 96], "spacing": 8e-7, "seed": 0}
SIZE, PLACE = "sub_volume.size", "sub_volume.place"
EDGE = "sub_volume.edge"
WIDE = 0.5  # of the mean, above which numbers that are > 0 are far from normal
SURE = 2.0  # standard errors from which on a difference is told


def subvolume_sweep(
    volume: Mapping[str, Any] | None = None,
    *,
    sizes: Sequence[int] = (16, 24, 32, 48),
    places: int = 8,
    materials: Mapping[str, str] | None = None,
    characterize: Mapping[str, Any] | None = None,
    folder: "str | os.PathLike[str]" = "representativity.study",
    **about: Any,
) -> Study:
    """A study of the property card of cubes of several sizes that lie beside each other.

    Args:
        volume: the table [volume] of an electrode study; by default a sample cathode of 96³ voxels.
        sizes: edges of the cubes in voxels; the largest should leave room for all places.
        places: cubes of each size, 4 at least; eight of half the edge fit into a volume.
        materials: of the phases; by default those of the sample, none for another volume.
        characterize: arguments of ``twin.characterize``; through the thickness to 1e-3 by default.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Raises:
        InvalidInputError: a recipe or design that cannot be.
    """
    recipe: dict[str, Any] = {
        "volume": dict(LARGE if volume is None else volume),
        "step": [{"step": "sub_volume", "size": int(max(sizes)), "place": 0}],
        "characterize": dict(characterize or {"axes": [0], "tolerance": 1e-3}),
    }
    if materials is None and volume is None:
        materials = MATERIALS
    if materials:
        recipe["materials"] = dict(materials)
    levels = {SIZE: [int(size) for size in sizes], PLACE: list(range(places))}
    given = {"name": "representativity", "questions": {"representative_size": {}}} | about
    return Study(recipe, Grid(levels), folder, **given)


def representative_size(
    study: Study,
    of: str = "tortuosity_factor.pore.z",
    relative_error: float = 0.05,
    samples: int = 1,
    *,
    where: Mapping[str, Any] | None = None,
) -> Answer:
    """How large a volume has to be for the value ``of``, by the spread of cubes of several sizes.

    Args:
        study: with the parameters sub_volume.size and sub_volume.place.
        of: name of a value of the property card.
        relative_error: standard error over the mean that is wanted, > 0; an interval of 95 %
            is four times as wide.
        samples: volumes whose mean is taken, ≥ 1.
        where: values of other parameters, if the study varies more than cubes.

    Raises:
        InvalidInputError: another study, parameters that are left open, fewer than two sizes with
            four values, or an argument that is out of range.
    """
    known_parameters(study, (SIZE, PLACE))
    if not (math.isfinite(relative_error) and relative_error > 0 and samples >= 1):
        raise InvalidInputError(
            f"relative_error {relative_error!r} and samples {samples!r} ask for nothing: give a "
            "share above 0, such as 0.05, and 1 sample or more"
        )
    of_cubes = results(study, (of, EDGE), where)
    refuse_others(of_cubes, (SIZE, PLACE))
    sizes, few = _by_size(of_cubes.rows, of)
    found = fit_scatter([one.volume for one in sizes], [one.values for one in sizes])
    wanted = Wanted(of, of_cubes.units[of], relative_error, samples)
    values = _values(found, wanted)
    return Answer(
        f"How large must a volume be for {of}?",
        "\n\n".join(
            [_size_told(values, wanted), _law_told(found), _drift_told(found, wanted.unit)]
        ),
        values,
        _table(found, sizes, wanted),
        (_values_figure(sizes, wanted), _spread_figure(found, sizes, wanted)),
        (*of_cubes.left_out, *few, *_doubts(found, values, sizes)),
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of which value."""

    of: str
    unit: str
    relative_error: float
    samples: int


@dataclass(frozen=True, slots=True)
class OfSize:
    """Values of the cubes of one size, volume in m³, and the standard errors of their cards."""

    voxels: int
    volume: float
    values: list[float]
    errors: list[float]

    @property
    def card_error(self) -> float:
        """Root mean square of the standard errors that the cards state; NaN if they do not."""
        known = [error for error in self.errors if math.isfinite(error)]
        return math.sqrt(np.mean(np.square(known))) if known else math.nan


def _by_size(rows: "pd.DataFrame", of: str) -> tuple[list[OfSize], tuple[str, ...]]:
    """Sizes with enough values from small to large, and a warning of those without."""
    errors = f"{of} ±"
    found, few = [], []
    for size, part in rows.groupby(SIZE):
        if len(part) < FEWEST:
            few.append(f"{size} ({len(part)})")
            continue
        known = part[errors] if errors in part else [math.nan] * len(part)
        volume = float(part[EDGE].iloc[0]) ** 3
        found.append(OfSize(int(size), volume, list(part[of]), list(known)))
    told = (f"left out, having fewer than {FEWEST} values: sizes {', '.join(few)}",) if few else ()
    if len(found) < 2:
        raise InvalidInputError(
            f"{len(found)} sizes have {FEWEST} values of {of} or more, but two at least show "
            f"how the spread falls: run more cases, or cut more and smaller cubes{_and(told)}"
        )
    return found, told


def _and(told: tuple[str, ...]) -> str:
    return f" ({told[0]})" if told else ""


def _values(found: Scatter, wanted: Wanted) -> dict[str, dict[str, Any]]:
    mean = float(found.means[-1])
    volume, error = found.volume_for(wanted.relative_error * abs(mean), wanted.samples)
    edge = volume ** (1 / 3)
    of_mean = float(found.deviations[-1] / math.sqrt(found.counts[-1]))
    slope, slope_error, endless = drift(found)
    largest = float(found.volumes[-1]) ** (1 / 3)
    values = {
        "mean": number(mean, wanted.unit, of_mean),
        "edge": number(edge, "m", edge * math.hypot(error / volume, 2 * of_mean / mean) / 3),
        "strength": number(found.strength, f"({wanted.unit})² m³", found.strength_error),
        "exponent": number(found.exponent, "1", found.exponent_error),
        "bias_of_largest": number(slope / largest, wanted.unit, slope_error / largest),
        "endless": number(endless, wanted.unit),
    }
    if wanted.of.startswith("volume_fraction.") and 0 < mean < 1:
        point = mean * (1 - mean)  # variance of the indicator at a point
        values["integral_range"] = number(
            found.strength / point, "m³", found.strength_error / point
        )
    return values


def _size_told(values: Mapping[str, Mapping[str, Any]], wanted: Wanted) -> str:
    edge, mean = values["edge"], values["mean"]
    each = "a cube" if wanted.samples == 1 else f"each of {wanted.samples} cubes"
    told = (
        f"For a standard error of {wanted.relative_error:.3g} of the mean "
        f"{with_unit(mean['value'], wanted.unit)}, {each} must have an edge of "
        f"{1e6 * edge['value']:.3g} ± {1e6 * edge['uncertainty']:.2g} µm."
    )
    if "integral_range" in values:
        range_ = values["integral_range"]
        told += (
            f" The integral range is {1e18 * range_['value']:.3g} ± "
            f"{1e18 * range_['uncertainty']:.2g} µm³: what a volume holds of independent parts is "
            "its volume over that."
        )
    return told


def _law_told(found: Scatter) -> str:
    told = (
        f"Over all sizes the spread goes as the volume to the power {found.exponent:.2f} ± "
        f"{found.exponent_error:.2f}, where averages without long memory have −0.5."
    )
    if found.is_asymptotic and found.first == 0:
        return f"{told} All sizes agree with that law."
    if found.is_asymptotic:
        return (
            f"{told} The law holds from an edge of "
            f"{1e6 * found.volumes[found.first] ** (1 / 3):.3g} µm on; smaller cubes were not used."
        )
    return told


def _drift_told(found: Scatter, unit: str) -> str:
    slope, error, endless = drift(found)
    largest = float(found.volumes[-1]) ** (1 / 3)
    off, off_error = slope / largest, error / largest
    if abs(slope) < SURE * error:
        return (
            "Apart from the scatter, no drift of the mean with size is seen: the largest cubes are "
            f"off by {with_unit(off, unit, 2)} ± {off_error:.2g}, if the mean is a straight line "
            "in 1/edge."
        )
    return (
        "Apart from the scatter the mean drifts with size, which no number of small cubes averages "
        f"out: as a straight line in 1/edge it ends at {with_unit(endless, unit)} for an endless "
        f"volume, so that the largest cubes are off by {off:.2g} ± {off_error:.2g}."
    )


def _doubts(
    found: Scatter, values: Mapping[str, Mapping[str, Any]], sizes: list[OfSize]
) -> tuple[str, ...]:
    """Why the size may be wrong."""
    doubts = []
    if not found.is_asymptotic:
        doubts.append(
            "no two sizes follow the law of independent parts, so that the cubes are too small for "
            "it and the size is a lower limit: take larger ones"
        )
    if found.exponent_error > 0.15:
        doubts.append(
            f"the exponent is known to ± {found.exponent_error:.2f} only, so that the law is "
            "hardly tested: take more places, or sizes that differ more"
        )
    wide = found.deviations[found.first] / abs(found.means[found.first])
    if wide > WIDE:
        doubts.append(
            f"the smallest cubes that were used scatter by {wide:.0%} of their mean, so that both "
            "are ruled by a few: leave that size out, or ask for a quantity that does not grow "
            "without limit, as a tortuosity factor does"
        )
    edge, largest = values["edge"]["value"], found.volumes[-1] ** (1 / 3)
    if edge > 2 * largest:
        doubts.append(
            f"the size is {edge / largest:.1f} times the largest edge: the law was not seen there"
        )
    ratio = sizes[-1].card_error / found.deviations[-1]
    error = ratio * found.deviation_errors[-1] / found.deviations[-1]
    if math.isfinite(ratio) and abs(ratio - 1) > 0.5 and abs(ratio - 1) > SURE * error:
        doubts.append(
            f"the standard errors on the cards of the largest cubes are {ratio:.2g} ± {error:.1g} "
            "times the spread that is seen"
        )
    return tuple(doubts)


def _table(found: Scatter, sizes: list[OfSize], wanted: Wanted) -> "pd.DataFrame":
    import pandas as pd

    unit = "" if wanted.unit == "1" else f" [{wanted.unit}]"
    card = np.array([one.card_error for one in sizes])
    return pd.DataFrame(
        {
            "edge [voxels]": [one.voxels for one in sizes],
            "edge [µm]": 1e6 * found.volumes ** (1 / 3),
            "cubes": found.counts.astype(int),
            f"mean{unit}": found.means,
            f"standard deviation{unit}": found.deviations,
            f"± of it{unit}": found.deviation_errors,
            f"by the law{unit}": found.deviation_at(found.volumes),
            f"standard error of a card{unit}": card,
            "card over seen": card / found.deviations,
        }
    )


def _values_figure(sizes: list[OfSize], wanted: Wanted) -> "Figure":
    from twin.report.embedded import figure
    from twin.report.figures import INK, chart, png

    picture, axes = chart(5.8, 2.9, names=0.25)
    edges = [1e6 * one.volume ** (1 / 3) for one in sizes]
    for edge, one in zip(edges, sizes, strict=True):
        axes.plot([edge] * len(one.values), one.values, "o", color="#7da7cc", markersize=4)
    means = [float(np.mean(one.values)) for one in sizes]
    spread = [float(np.std(one.values, ddof=1) / math.sqrt(len(one.values))) for one in sizes]
    axes.errorbar(edges, means, spread, color=INK, marker="_", markersize=14, capsize=3)
    axes.set(xlabel="edge of the cube / µm", ylabel=_label(wanted))
    alt = f"{wanted.of} of each cube over its edge, and the mean of each size"
    caption = "Each cube, and the mean of each size with its standard error: scatter, and drift."
    return figure(png(picture), alt, caption)


def _spread_figure(found: Scatter, sizes: list[OfSize], wanted: Wanted) -> "Figure":
    from matplotlib.ticker import LogLocator

    from twin.report.embedded import figure
    from twin.report.figures import INK, chart, png

    picture, axes = chart(5.8, 2.9, names=1.75)
    edges = 1e6 * found.volumes ** (1 / 3)
    line = np.array([edges[found.first], edges[-1]])
    law = found.deviation_at((line / 1e6) ** 3)
    axes.plot(line, law, color=INK, linewidth=1.2, label="law, ~ V$^{-1/2}$")
    errors = found.deviation_errors
    axes.errorbar(
        edges, found.deviations, errors, fmt="o", color="#2f6da8", capsize=3, label="between cubes"
    )
    card = [one.card_error for one in sizes]
    axes.plot(edges, card, "s", color="#c8782a", markersize=5, label="stated by the cards")
    unit = "" if wanted.unit == "1" else f" / {wanted.unit}"
    axes.set(xscale="log", yscale="log", xlabel="edge of the cube / µm")
    axes.set_ylabel(f"standard deviation{unit}")
    axes.set_xticks(edges, [f"{edge:.3g}" for edge in edges])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    alt = f"standard deviation of {wanted.of} between cubes over their edge"
    caption = (
        "Spread between cubes, the law fitted to it, and the standard error that the card of a "
        "single cube states."
    )
    return figure(png(picture), alt, caption)


def _label(wanted: Wanted) -> str:
    name = wanted.of.replace("_", " ")
    return name if wanted.unit == "1" else f"{name} / {wanted.unit}"
