"""The section on performance: what was assumed, curves, Ragone, losses and what limits."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from microstructures.wording import length
from twin.performance.merit import ionic_resistance
from twin.report import performance_figures
from twin.report.embedded import Figure, figure
from twin.report.wording import plain

if TYPE_CHECKING:
    from twin.card import PropertyCard
    from twin.performance.discharges import Discharge
    from twin.performance.in_cell import Performance

MILLI = 1e3


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says about performance; ``rows`` are of ``columns``, as text."""

    advice: str
    assumed: tuple[str, ...]
    structure: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    losses: tuple[tuple[str, ...], ...]
    gains: tuple[tuple[str, ...], ...]
    limit_rate: str


def section(card: "PropertyCard") -> Section | None:
    """The section; None if the electrode was placed in no cell."""
    found = card.performance
    if found is None:
        return None
    columns, rows = _table(found)
    return Section(
        advice=str(found),
        assumed=tuple(_assumed(found)),
        structure=tuple(_structure(card, found)),
        columns=columns,
        rows=rows,
        figures=tuple(_figures(found)),
        losses=tuple(_losses(found)),
        gains=tuple(_gains(found)),
        limit_rate="" if found.limits is None else f"{found.limits.discharge.rate:g}",
    )


def _assumed(found: "Performance") -> Iterator[str]:
    asked = found.asked
    against = "lithium metal" if asked.kind == "half" else "the other electrode"
    match = "" if asked.kind == "half" else ", the other electrode made thicker or thinner to match"
    yield (
        f"The volume is the {asked.side} electrode of a cell of PyBaMM ({asked.model}, isothermal) "
        f"against {against}; all else, separator, electrolyte, kinetics and open-circuit "
        f"potentials, is that of the parameter set {asked.parameters}{match}. Heat is that of the "
        "losses, without entropy."
    )
    yield (
        "Of this card: porosity with the nanopores, fraction of active material, MacMullin number, "
        "effective electronic conductivity and wetted area. A rate of 1/h empties in an hour what "
        "the cell holds between its voltage limits at rest."
    )
    if found.layers is None:
        yield f"No energy per mass and volume: {found.unweighed}."
    else:
        names = ", ".join(found.layers.layers)
        yield (
            f"Energy per mass and volume are of all layers ({names}), each foil coated on both "
            f"sides: {length(found.layers.thickness)} and {_number(found.layers.mass)} kg/m². "
            "Case and tabs are not in them."
        )


def _structure(card: "PropertyCard", found: "Performance") -> Iterator[tuple[str, str]]:
    given = found.structure
    default = "" if found.asked.thickness else ", that of the volume"
    yield "thickness", f"{length(given.thickness)}{default}"
    yield "porosity, nanopores included", f"{100 * given.porosity:.1f} %"
    yield "active material", f"{100 * given.active_fraction:.1f} %"
    yield "MacMullin number", _number(given.macmullin)
    yield "effective electronic conductivity", f"{_number(given.electronic_conductivity)} S/m"
    yield "wetted area", f"{_number(given.area * 1e-6)} µm⁻¹"
    yield "particle radius", length(given.particle_radius)
    if kappa := _conductivity(card):
        resistance = ionic_resistance(given.thickness, given.macmullin, kappa)
        yield (
            "ohmic resistance of the ions, L N_M / 3κ",
            f"{_number(1e4 * resistance)} Ω cm² with κ = {_number(kappa)} S/m of the card's "
            "electrolyte, at rest",
        )


def _conductivity(card: "PropertyCard") -> float:
    """That of the electrolyte of the card, S/m; 0 if it has none."""
    from twin._media import number

    return max((number(m.ionic_conductivity) for m in (card.materials or {}).values()), default=0.0)


def _table(found: "Performance") -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    columns = ["Rate, 1/h", "mA/cm²", "mAh/cm²", "Wh/m²", "Mean loss, mV", "Heat, kJ/m²"]
    numbers = ["rate_per_h", "current_A_m2", "capacity_Ah_m2", "energy_Wh_m2", "heat_J_m2"]
    frame = found.to_frame()
    if found.layers is not None:
        columns += ["Wh/kg", "Wh/L", "W/kg"]
        numbers += ["energy_Wh_kg", "energy_Wh_L", "power_W_kg"]
    rows = []
    for run, (_, line) in zip(found.discharges, frame.iterrows(), strict=True):
        scale = {"current_A_m2": 0.1, "capacity_Ah_m2": 0.1, "heat_J_m2": 1e-3}
        cells = [_number(scale.get(name, 1.0) * line[name]) for name in numbers]
        cells.insert(4, _number(_loss(run)))
        rows.append((*cells, "" if run.status == "ok" else run.status))
    return tuple(columns), tuple(rows)


def _loss(run: "Discharge") -> float:
    return MILLI * math.fsum(run.shares().values()) if run.status == "ok" else math.nan


def _figures(found: "Performance") -> Iterator[Figure]:
    good = [run for run in found.discharges if run.status == "ok"]
    if not good:
        return
    ends = ", ".join(f"{run.capacity / 10:.3g} mAh/cm² at {run.rate:g}/h" for run in good)
    yield figure(
        performance_figures.curves(good),
        f"Voltage against charge at each rate. Delivered: {ends}.",
        "Discharge from full to the lower voltage limit. Dashed: the voltage at rest along the "
        "slowest discharge; the distance to it is the loss.",
    )
    yield figure(
        performance_figures.losses(good),
        "Mean loss of voltage by cause, a bar for each rate; the numbers are in the table.",
        "Mean loss over the discharge, by what causes it; the bars add up to the distance from "
        "rest. Ionic: ohmic drop and concentration in the electrolyte.",
    )
    if found.layers is not None:
        yield figure(
            performance_figures.ragone(found),
            "Ragone plots: energy against mean power, per kilogram and per litre of all layers.",
            "Energy against mean power of the whole stack of layers, a point for each rate.",
        )


def _losses(found: "Performance") -> Iterator[tuple[str, ...]]:
    """Cause, mean loss in mV of the whole cell, and its share."""
    if found.limits is None:
        return
    total = math.fsum(found.limits.losses.values())
    for cause, loss in sorted(found.limits.losses.items(), key=lambda item: -item[1]):
        yield cause, _number(MILLI * loss), f"{loss / total:.0%}"


def _gains(found: "Performance") -> Iterator[tuple[str, ...]]:
    """Cause, and the gain in mAh/cm² and percent."""
    if found.limits is None:
        return
    capacity = found.limits.discharge.capacity
    known = {c: g if math.isfinite(g) else -math.inf for c, g in found.limits.gains.items()}
    for cause, gain in sorted(known.items(), key=lambda item: -item[1]):
        if math.isfinite(gain):
            share = f"{_rounded(gain / capacity, 3):.1%}"
            yield cause, f"{_rounded(0.1 * gain, 3):.3f}", share
        else:
            yield cause, "not known", ""


def _rounded(value: float, digits: int) -> float:
    """To so many decimals, and never to a zero below zero."""
    return round(value, digits) + 0.0


def _number(value: float) -> str:
    """Three digits, in words a dash where there is none."""
    return "–" if not math.isfinite(value) else plain(float(f"{value:.3g}"))
