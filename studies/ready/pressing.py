"""Pressing: a composite of hard active material and a ductile electrolyte under pressure. SI units.

The porosity is asked for and the pressure comes out of it. What it buys are wider necks in the
electrolyte, a larger contact with the active material, and particles that neither network misses.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from studies._card_values import number
from studies.answer import Answer
from studies.design import Grid
from studies.ready._wording import with_unit
from studies.ready.pieces import refuse_others, results
from studies.study import Study
from studies.values import known_parameters

if TYPE_CHECKING:
    import os

    import pandas as pd

    from twin.report.embedded import Figure

Floats = NDArray[np.float64]
PRESSED = "studies.ready.pressed:pressed_composite"
POROSITY, SEED = "press.porosity", "generate_electrode.rng"
PRESSURE, UNDER_LOAD = "press.largest_pressure_Pa", "press.porosity_under_load"
MIXED = {
    "step": "generate_electrode",
    "shape": [24, 20, 20],
    "spacing": 4e-7,
    "populations": {
        "NMC": {"fraction": 0.3, "radius": 1.6e-6},
        "SE": {"fraction": 0.3, "radius": 1.2e-6},
    },
    "rng": 0,
}
PRESS = {"step": "press", "porosity": 0.3, "sides": "periodic", "rate": 4e-3}
SOLIDS = {"NMC": "NMC811", "SE": "LPSCl"}
SHOWN = (
    ("press.porosity", "porosity / %", 100.0),
    ("relative_conductivity", "conductivity / % of bulk", 100.0),
    ("contact_area", "contact area / µm⁻¹", 1e-6),
    ("utilisation", "active material in use / %", 100.0),
)


def pressing_sweep(
    porosities: Sequence[float] = (0.35, 0.30, 0.25),
    *,
    seeds: Sequence[int] = (0, 1),
    mixed: Mapping[str, Any] | None = None,
    press: Mapping[str, Any] | None = None,
    solids: Mapping[str, Any] | None = None,
    folder: "str | os.PathLike[str]" = "pressing.study",
    **about: Any,
) -> Study:
    """A study of a loose mixture pressed to several porosities.

    Args:
        porosities: when the lid is off, below that of the mixture, 0.4 by default.
        seeds: of the mixtures.
        mixed: arguments of ``twin.manufacturing.generate_electrode``, those of ``MIXED`` by
            default, which is small and quick: a real answer wants 64³ voxels and some hours.
        press: further arguments of ``twin.press``, such as rate.
        solids: material of each phase, as for ``twin.press``.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Raises:
        InvalidInputError: a recipe or design that cannot be.
    """
    recipe = {
        "step": [
            {**MIXED, **(mixed or {})},
            {**PRESS, "solids": solids or SOLIDS, **(press or {})},
        ],
        "composite": {"active": "NMC", "electrolyte": "SE"},
        "tolerance": 1e-3,
    }
    levels: dict[str, Sequence[Any]] = {POROSITY: list(porosities), SEED: seeds}
    given = {"name": "pressing", "questions": {"enough_pressure": {}}} | about
    return Study(recipe, Grid(levels), folder, task=PRESSED, **given)


def enough_pressure(
    study: Study,
    of: str = "relative_conductivity",
    share: float = 0.9,
    wanted: float | None = None,
    *,
    where: Mapping[str, Any] | None = None,
) -> Answer:
    """The pressure from which on more of it hardly helps.

    Args:
        study: of ``pressed_composite``, with several porosities and perhaps seeds.
        of: name of the value that pressure is to buy, something that rises with it.
        share: 0…1, of that value at the highest pressure of the study, that is enough.
        wanted: the value that is enough, instead of a share.
        where: values of other parameters, if the study varies more than porosity and mixture.

    Raises:
        InvalidInputError: another study, parameters that are left open, fewer than two pressures,
            or an argument out of range.
    """
    known_parameters(study, (POROSITY,))
    if wanted is None and not 0.0 < share < 1.0:
        raise InvalidInputError(f"share is {share!r}: give a part inside 0…1, such as 0.9")
    found = results(study, (of, PRESSURE, UNDER_LOAD), where)
    refuse_others(found, (POROSITY,))
    rows = found.rows
    ways = [_way(part, of) for part in found.pieces().values()]
    if min(len(way.pressures) for way in ways) < 2:
        raise InvalidInputError(
            "a mixture was pressed to one porosity only: two at least show what pressure buys"
        )
    best = float(np.mean([way.values[-1] for way in ways]))
    target = share * best if wanted is None else float(wanted)
    enough = _crossing(ways, target)
    law, doubts = _heckel(rows)
    asked = Asked(of, found.units[of], target, best)
    return Answer(
        "Which pressure is enough?",
        "\n\n".join([_enough_told(enough, asked), _gains_told(rows), *_law_told(law)]),
        _values(enough, asked, law),
        _table(rows),
        (_figure(rows, enough), *_heckel_figure(rows, law)),
        (*found.left_out, *doubts, *_doubts(rows, ways, asked), *_of_model(study, rows)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Pressures in Pa from low to high of one mixture, and a quantity there."""

    pressures: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where mixtures reach what is enough, in Pa.

    ``side`` is "between", or "below" or "above" the pressures of the study, of which ``mean`` then
    is the lowest or highest.
    """

    mean: float
    error: float
    side: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is enough of which value, and what the highest pressure gives."""

    of: str
    unit: str
    target: float
    best: float


@dataclass(frozen=True, slots=True)
class Law:
    """ln(1/ε) = K P + A under the lid, with standard errors; P in Pa."""

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    r_squared: float

    @property
    def yield_pressure(self) -> tuple[float, float]:
        """1/K and its standard error in Pa."""
        return 1 / self.slope, self.slope_error / self.slope**2


def _way(part: "pd.DataFrame", of: str) -> Way:
    ordered = part.sort_values(PRESSURE)
    return Way(ordered[PRESSURE].to_numpy(float), ordered[of].to_numpy(float))


def _crossing(ways: list[Way], target: float) -> Crossing:
    """The mean over mixtures of the first pressure at which each reaches the target."""
    firsts = [_first(way, target) for way in ways]
    if any(math.isinf(first) and first > 0 for first in firsts):
        return Crossing(max(float(way.pressures[-1]) for way in ways), math.nan, "above")
    if any(math.isinf(first) for first in firsts):
        return Crossing(min(float(way.pressures[0]) for way in ways), math.nan, "below")
    error = np.std(firsts, ddof=1) / math.sqrt(len(firsts)) if len(firsts) > 1 else math.nan
    return Crossing(float(np.mean(firsts)), float(error), "between")


def _first(way: Way, target: float) -> float:
    """Pa; −inf if it is reached before the lowest pressure, inf if never."""
    enough = way.values >= target
    if enough[0]:
        return -math.inf
    if not enough.any():
        return math.inf
    after = int(np.argmax(enough))
    ends = slice(after - 1, after + 1)
    return float(np.interp(target, way.values[ends], way.pressures[ends]))


def _heckel(rows: "pd.DataFrame") -> tuple[Law | None, tuple[str, ...]]:
    """The law of Heckel under the lid, through all cases; a warning if there is none."""
    from twin.manufacturing import Heckel, Stress, fit

    loads = rows[PRESSURE].to_numpy(float)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the law is only asked for its own parameters
            found = fit(Heckel, Stress(loads), rows[UNDER_LOAD].to_numpy(float))
    except (InvalidInputError, ConvergenceError) as error:
        return None, (f"no law of Heckel: {error}",)
    numbers, errors = found.law.parameters(), found.standard_errors
    law = Law(
        numbers["slope"], errors["slope"], numbers["intercept"], errors["intercept"],
        found.r_squared,
    )  # fmt: skip
    return law, ()


def _enough_told(found: Crossing, asked: Asked) -> str:
    goal = (
        f"{asked.of.replace('_', ' ')} of {with_unit(asked.target, asked.unit, 3)} "
        f"({100 * asked.target / asked.best:.3g} % of what the highest pressure gives)"
    )
    if found.side == "above":
        return f"No pressure of the study, up to {_mpa(found.mean)}, is enough for {goal}."
    if found.side == "below":
        return (
            f"The lowest pressure of the study, {_mpa(found.mean)}, is enough already for {goal} "
            "in some mixtures: press less to see how little will do."
        )
    error = f" ± {found.error / 1e6:.2g}" if math.isfinite(found.error) else ""
    return f"{found.mean / 1e6:.3g}{error} MPa are enough for {goal}."


def _gains_told(rows: "pd.DataFrame") -> str:
    """What the whole range of pressures bought."""
    low, high = (rows[rows[POROSITY] == p] for p in (rows[POROSITY].max(), rows[POROSITY].min()))

    def both(name: str, scale: float) -> str:
        return f"{scale * low[name].mean():.3g} to {scale * high[name].mean():.3g}"

    return (
        f"From {low[PRESSURE].mean() / 1e6:.3g} to {high[PRESSURE].mean() / 1e6:.3g} MPa the "
        f"porosity goes from {both(POROSITY, 100)} %, the conductivity from "
        f"{both('relative_conductivity', 100)} % of the bulk, the contact area from "
        f"{both('contact_area', 1e-6)} µm⁻¹ and the active material in use from "
        f"{both('utilisation', 100)} %."
    )


def _law_told(law: Law | None) -> tuple[str, ...]:
    if law is None:
        return ()
    pressure, error = law.yield_pressure
    return (
        f"Under the lid the porosity follows Heckel's law with a yield pressure of "
        f"{pressure / 1e6:.3g} ± {error / 1e6:.2g} MPa and A = {law.intercept:.3g} ± "
        f"{law.intercept_error:.2g} (R² {law.r_squared:.3f}).",
    )


def _doubts(rows: "pd.DataFrame", ways: list[Way], asked: Asked) -> tuple[str, ...]:
    doubts = []
    last = np.mean([way.values[-2] for way in ways])
    if asked.best > 1.1 * last:
        doubts.append(
            f"{asked.of} still rises by {asked.best / last - 1:.0%} in the last step, so "
            "that the share is one of where the study ends, not of the best there is: press further"
        )
    if len(ways) < 3:
        doubts.append(
            f"{len(ways)} mixture{'s' if len(ways) > 1 else ''} hardly show how far mixtures differ"
        )
    if PRESSURE in rows and "press.imbalance" in rows and (rows["press.imbalance"] > 0.1).any():
        doubts.append(
            f"the pressure differed by up to {rows['press.imbalance'].max():.0%} between lower and "
            "upper half of a volume: lower the rate of press"
        )
    return tuple(doubts)


def _of_model(study: Study, rows: "pd.DataFrame") -> tuple[str, ...]:
    """What the steps of the case that was pressed most said against their own model."""
    key = str(rows[POROSITY].idxmin())
    told = study.store.read(key).provenance.get("warnings", ())
    return tuple(f"at a porosity of {rows[POROSITY].min():g}, {text}" for text in told)


def _values(found: Crossing, asked: Asked, law: Law | None) -> dict[str, dict[str, Any]]:
    values = {asked.of: number(asked.target, asked.unit)}
    if found.side == "between":
        values["pressure"] = number(found.mean, "Pa", found.error)
    if law is not None:
        pressure, error = law.yield_pressure
        values["heckel_yield_pressure"] = number(pressure, "Pa", error)
        values["heckel_intercept"] = number(law.intercept, "1", law.intercept_error)
    return values


def _table(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Means over mixtures at each porosity."""
    columns = {
        PRESSURE: "pressure [Pa]",
        UNDER_LOAD: "porosity under load",
        "press.spring_back": "spring-back",
        "relative_conductivity": "conductivity over bulk",
        "ionic_conductivity": "conductivity [S/m]",
        "tortuosity_factor": "tortuosity factor",
        "contact_area": "contact area [m²/m³]",
        "utilisation": "active material in use",
    }
    there = [name for name in columns if name in rows]
    table = rows.groupby(POROSITY)[there].mean().rename(columns=columns)
    table.insert(0, "mixtures", rows.groupby(POROSITY).size())
    return table.sort_index(ascending=False).reset_index(names="porosity")


def _figure(rows: "pd.DataFrame", found: Crossing) -> "Figure":
    from matplotlib.figure import Figure as Canvas

    from twin.report.embedded import figure
    from twin.report.figures import DOTS_PER_INCH, INK, png, styled

    canvas = Canvas(figsize=(6.0, 4.2), dpi=DOTS_PER_INCH, layout="constrained")
    mean = rows.groupby(POROSITY).mean(numeric_only=True).sort_values(PRESSURE)
    for axes, (name, label, scale) in zip(canvas.subplots(2, 2).flat, SHOWN, strict=True):
        if found.side == "between":
            axes.axvline(found.mean / 1e6, color="#c8782a", linewidth=1.2)
        axes.plot(rows[PRESSURE] / 1e6, scale * rows[name], "o", color="#7da7cc", markersize=4)
        at = mean.index if name == POROSITY else mean[name]
        axes.plot(mean[PRESSURE] / 1e6, scale * np.asarray(at), color=INK, linewidth=1.2)
        axes.set(xlabel="pressure / MPa", ylabel=label)
        axes.grid(axis="y", color="#e4e7ea", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        styled(axes)
    alt = "porosity, conductivity, contact area and utilisation over pressure"
    caption = (
        "What pressure buys: each mixture, and the mean. Porosities are those when the lid is off; "
        "the upright line is the pressure that is enough."
    )
    return figure(png(canvas), alt, caption)


def _heckel_figure(rows: "pd.DataFrame", law: Law | None) -> "tuple[Figure, ...]":
    from twin.report.embedded import figure
    from twin.report.figures import INK, chart, png

    if law is None:
        return ()
    picture, axes = chart(5.0, 2.8, names=0.3)
    loads = rows[PRESSURE].to_numpy(float)
    ends = np.array([loads.min(), loads.max()])
    axes.plot(ends / 1e6, law.slope * ends + law.intercept, color=INK, linewidth=1.2)
    axes.plot(loads / 1e6, -np.log(rows[UNDER_LOAD]), "o", color="#2f6da8", markersize=4)
    axes.set(xlabel="pressure / MPa", ylabel="ln(1/porosity) under load")
    alt = "logarithm of one over porosity under load over pressure, and a straight line"
    return (figure(png(picture), alt, "Heckel's law, a straight line, and the cases."),)


def _mpa(pressure: float) -> str:
    return f"{pressure / 1e6:.3g} MPa"
