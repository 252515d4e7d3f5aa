"""Answer to where an electrode does best: words, numbers, table and pictures of an optimum."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.answer import Answer
from studies.ready._figures import Line, line_figure, panel_figure
from studies.ready._tables import mean_table, properties
from studies.tasks import number
from twin.report.wording import shown

if TYPE_CHECKING:
    from studies.ready._optimum import Curve, Optimum
    from studies.ready.pieces import Results
    from twin.report.embedded import Figure

DENSITY = "electrode_density"
FEW = 4  # pieces, below which the scatter between them is hardly known
Told = tuple[float, str, float, tuple[str, ...]]  # rate, measure, confidence, warnings so far


def answer_of(
    found: "Results", level: str, curves: "Mapping[str, Curve]", best: "Optimum", told: Told
) -> Answer:
    """See ``calendering.best_density``."""
    rate, measure, confidence, warnings = told
    unit = found.units[f"cell.{measure}.{rate:g}"]
    columns = _columns(found, measure)
    return Answer(
        title=f"Density with the highest {measure.replace('_', ' ')} at {rate:g}/h",
        text="\n\n".join(
            (_place(best, confidence), _value(best, measure, unit), _why(found, level, len(curves)))
        ),
        values=_values(best, measure, unit, confidence),
        table=mean_table(found, [level], columns),
        figures=tuple(_figures(found, curves, best, told)),
        warnings=(*warnings, *_doubts(best, len(curves))),
    )


def rates_of(found: "Results", measure: str) -> list[float]:
    """Rates at which there are discharges, 1/h, ascending."""
    names = (re.fullmatch(rf"cell\.{measure}\.([\d.e+-]+)", str(column)) for column in found.rows)
    return sorted(float(name[1]) for name in names if name)


def _columns(found: "Results", measure: str) -> dict[str, str]:
    about = {
        DENSITY: "density",
        "total_porosity": "total porosity",
        "electrode_thickness": "thickness",
    }
    known = {name: words for name, words in about.items() if found.has(name)}
    words = measure.replace("_", " ")
    discharges = {f"cell.{measure}.{r:g}": f"{words} at {r:g}/h" for r in rates_of(found, measure)}
    return known | properties(found) | discharges


def _values(best: "Optimum", measure: str, unit: str, confidence: float) -> dict[str, Any]:
    values: dict[str, Any] = {f"best_{measure}": number(best.value, unit, best.error)}
    if best.end and len(best.open_ends) > 1:  # nothing that was tried can be left out
        pass
    elif best.end == "highest":
        values["best_density_at_least"] = number(best.low, "kg/m³")
    elif best.end == "lowest":
        values["best_density_at_most"] = number(best.high, "kg/m³")
    else:
        values["best_density"] = number(best.place, "kg/m³")
        values["best_density_low"] = number(best.low, "kg/m³")
        values["best_density_high"] = number(best.high, "kg/m³")
    return values | {"confidence": number(confidence)}


def _place(best: "Optimum", confidence: float) -> str:
    """Where it is best, in words."""
    place, low, high = (f"{1e-3 * x:.3g}" for x in (best.place, best.low, best.high))
    sure = f"with {confidence:.0%} confidence"
    if best.end and len(best.open_ends) > 1:
        return (
            f"These results do not tell: the mean is highest at the {best.end} density that was "
            f"tried, {place} g/cm³, but {sure} the optimum may be anywhere from {low} to {high} "
            "g/cm³ or beyond. More pieces, or larger ones, would."
        )
    if best.end:
        beyond = "denser" if best.end == "highest" else "less dense"
        bound = f"at least {low}" if best.end == "highest" else f"at most {high}"
        return (
            f"It is still best at the {best.end} density that was tried, {place} g/cm³: {sure} the "
            f"optimum is {bound} g/cm³, and it takes {beyond} electrodes to find it."
        )
    if best.open_ends:
        ends = " and the ".join(best.open_ends)
        return (
            f"The best density is {place} g/cm³, but these results cannot tell it from anything "
            f"between {low} and {high} g/cm³ ({sure}), which reaches the {ends} that was tried."
        )
    return f"The best density is {place} g/cm³, and between {low} and {high} g/cm³ {sure}."


def _value(best: "Optimum", measure: str, unit: str) -> str:
    words = measure.replace("_", " ")
    return f"There the {words} is {shown(best.value, best.error, unit)}."


def _why(found: "Results", level: str, pieces: int) -> str:
    """What pressing does to the structure, from the least pressed to the most."""
    by_density = found.rows.groupby(level)[DENSITY].mean().sort_values()
    first, last = by_density.index[0], by_density.index[-1]
    said = []
    for column, words in properties(found).items():
        unit, factor = _readable(found.units[column])
        means = factor * found.rows.groupby(level)[column].mean()
        said.append(f"{words} {means[first]:.3g} → {means[last]:.3g} {unit}")
    return (
        f"From {1e-3 * by_density.iloc[0]:.3g} to {1e-3 * by_density.iloc[-1]:.3g} g/cm³, as means "
        f"of {pieces} piece{'s' if pieces > 1 else ''}: {'; '.join(map(str.strip, said))}."
    )


def _doubts(best: "Optimum", pieces: int) -> list[str]:
    doubts = []
    if pieces < FEW:
        doubts.append(
            f"{pieces} piece{'s' if pieces > 1 else ''} of the electrode: the scatter between them "
            f"is hardly known; {FEW} or more narrow the interval."
        )
    if not best.is_checked:
        doubts.append(
            "As many levels as the curve has coefficients: nothing tells whether it has that shape."
        )
    return doubts


def _figures(
    found: "Results", curves: "Mapping[str, Curve]", best: "Optimum", told: Told
) -> "list[Figure]":
    rate, measure, confidence, _ = told
    unit = found.units[f"cell.{measure}.{rate:g}"]
    words = measure.replace("_", " ")
    points = [np.concatenate([getattr(c, a) for c in curves.values()]) for a in ("x", "y")]
    fitted = Line(
        f"{rate:g}/h, fit",
        1e-3 * best.grid,
        best.mean,
        best.mean_error,
        (1e-3 * points[0], points[1]),
    )
    others = [
        _mean_line(found, f"cell.{measure}.{r:g}", f"{r:g}/h")
        for r in rates_of(found, measure)
        if r != rate
    ]
    caption = (
        f"{words.capitalize()} against density: points of the pieces, the mean with its standard "
        f"error, and shaded where the optimum may be ({confidence:.0%})."
    )
    shown = line_figure(
        [fitted, *others],
        ("density / (g/cm³)", f"{words} / ({unit})"),
        (f"{words} against density at several rates", caption),
        shaded=(1e-3 * best.low, 1e-3 * best.high),
    )
    panels = {
        _titled(found, column, name): [_mean_line(found, column, name)]
        for column, name in properties(found).items()
    }
    if not panels:
        return [shown]
    about = ("structure against density", "What pressing does to the structure: means and pieces.")
    return [shown, panel_figure(panels, "density / (g/cm³)", about)]


def _titled(found: "Results", column: str, name: str) -> str:
    return f"{name}\n{_readable(found.units[column])[0]}"


def _readable(unit: str) -> tuple[str, float]:
    """The unit in which it is read, and the factor to it."""
    return {"1": ("", 1.0), "Pa": ("MPa", 1e-6)}.get(unit, (unit, 1.0))


def _mean_line(found: "Results", column: str, name: str) -> Line:
    """Means over pieces of neighbouring density, and the pieces."""
    level = [parameter for parameter in found.others() if found.rows[parameter].nunique() > 1]
    means = found.rows.groupby(level[0] if level else DENSITY)[[DENSITY, column]].mean()
    means = means.sort_values(DENSITY)
    own = found.rows[[DENSITY, column]].to_numpy(float)
    _, factor = _readable(found.units[column])
    return Line(
        name,
        1e-3 * means[DENSITY].to_numpy(),
        factor * means[column].to_numpy(),
        points=(1e-3 * own[:, 0], factor * own[:, 1]),
    )
