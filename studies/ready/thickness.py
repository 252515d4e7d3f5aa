"""Thickness: energy against power of electrodes that are thicker or denser, and the best ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.design import Grid
from studies.optimise.pareto import front
from studies.ready._density_answer import rates_of
from studies.ready._figures import Line, line_figure
from studies.ready._sample import MATERIALS, SAMPLE
from studies.ready._tables import standard_error
from studies.ready.calendering import CELL
from studies.ready.pieces import Crop, Results, results
from studies.study import Study
from studies.tasks import number

if TYPE_CHECKING:
    import os

    import pandas as pd

Values = NDArray[np.float64]
BOTH = ("maximise", "maximise")
LEAST = 0.5  # of an electrode's own energy: a discharge that gives less has failed
PER = {
    "litre": ("energy_density", "power_density"),
    "kilogram": ("specific_energy", "specific_power"),
}


def thickness_sweep(
    volume: Mapping[str, Any] = SAMPLE,
    *,
    thicknesses: Sequence[float] = (40e-6, 60e-6, 80e-6, 110e-6),
    porosities: Sequence[float] = (0.38, 0.30, 0.24),
    seeds: Sequence[int] = (0, 1),
    crops: Sequence[Crop] = (),
    materials: Mapping[str, str] = MATERIALS,
    cell: Mapping[str, Any] = CELL,
    rates: Sequence[float] = (0.5, 1.0, 2.0),
    folder: "str | os.PathLike[str]" = "thickness-rate.study",
    **about: Any,
) -> Study:
    """A study of electrodes of several thicknesses and porosities, discharged at several rates.

    Thickness changes the cell alone: each structure is characterized once for all of them.

    Args:
        volume: table [volume] of a study, of a piece of the electrode.
        thicknesses: of the electrode in the cell, m.
        porosities: labelled pore fractions to which it is pressed.
        seeds: of generated pieces.
        crops: of pieces of a file, see ``studies.ready.crops``; then there are no seeds.
        materials: by phase.
        cell: table [cell]; what it says of thickness and rates does not count.
        rates: of the discharges, 1/h.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Returns:
        The study, which asks for ``energy_and_power``.

    Raises:
        InvalidInputError: see ``Study``.
    """
    sized = ("thickness", "areal_capacity", "loading")
    placed = {name: value for name, value in cell.items() if name not in sized}
    placed |= {"thickness": thicknesses[0], "rates": list(rates), "uncertainty": False}
    recipe = {
        "volume": dict(volume),
        "step": [{"step": "calender", "porosity": porosities[0], "ends": "periodic"}],
        "materials": dict(materials),
        "characterize": {"axes": [0], "tolerance": 1e-3},
        "cell": placed,
    }
    levels: dict[str, Sequence[Any]] = {"calender.porosity": porosities}
    levels |= {"volume.crop": crops} if crops else {"volume.seed": seeds}
    levels["cell.thickness"] = thicknesses  # the fastest: the structure is the same
    given = {"name": "thickness and rate", "questions": {"energy_and_power": {}}} | about
    return Study(recipe, Grid(levels), folder, **given)


@dataclass(frozen=True, slots=True)
class _Electrode:
    """One design: its parameters, and means over pieces at each rate, shape (rates,)."""

    parameters: Mapping[str, Any]
    rates: Values
    energy: Values
    power: Values
    error: Values
    pieces: int

    @property
    def name(self) -> str:
        """Its parameters in words."""
        return ", ".join(map(_said, self.parameters.items()))

    def at(self, power: float) -> float:
        """Energy at a power, between the rates on either side; NaN above the fastest.

        Below the slowest it is at least that of the slowest.
        """
        order = np.argsort(self.power)
        known = np.isfinite(self.power[order]) & np.isfinite(self.energy[order])
        x, y = self.power[order][known], self.energy[order][known]
        if not len(x) or power > x[-1]:
            return float("nan")
        return float(np.interp(power, x, y))


def energy_and_power(
    study: Study,
    *,
    per: str = "litre",
    powers: Sequence[float] = (),
    where: Mapping[str, Any] | None = None,
) -> Answer:
    """Which electrode gives most energy at which power, of all layers of the cell.

    Args:
        study: of electrodes in a cell, with two rates or more.
        per: "litre" or "kilogram".
        powers: at which the best electrode is asked for, W/L or W/kg; by default four from the
            least to the most that there is.
        where: values of parameters, if only some electrodes are to be compared.

    Returns:
        The Pareto front of all electrodes and rates: those to which no other is superior in energy
        and in power. A discharge that gives less than half of what the electrode holds in some
        piece is no point: it has failed. At each power the best electrode, by lines between its
        rates.

    Raises:
        InvalidInputError: another word for ``per``, no cell, or one rate only.
    """
    if per not in PER:
        raise InvalidInputError(f"per is {per!r}: choose 'litre' or 'kilogram'")
    measures = PER[per]
    first = results(study, (), where)
    rates = rates_of(first, measures[0])
    if len(rates) < 2:
        raise InvalidInputError(
            f"the results have discharges at {rates or 'no rate'}: give [cell] several rates"
        )
    found = results(study, [f"cell.{measures[0]}.{rates[0]:g}"], where)
    made = [_electrode(found, rows, rates, measures) for rows in found.by(found.others()).values()]
    table = _table(made, per)
    asked = list(powers) or _powers(made)
    best = [_best(made, power) for power in asked]
    unit = ("Wh/L", "W/L") if per == "litre" else ("Wh/kg", "W/kg")
    return Answer(
        title=f"Energy and power per {per}",
        text="\n\n".join(
            (_front_words(table, made, unit), *map(_words, asked, best, [unit] * len(best)))
        ),
        values={
            f"best_energy.{power:.4g}": number(None if one is None else one.at(power), unit[0])
            for power, one in zip(asked, best, strict=True)
        },
        table=table,
        figures=(_figure(made, unit),),
        warnings=(*found.left_out, *_failed(made)),
    )


def _electrode(
    found: Results, rows: "pd.DataFrame", rates: Sequence[float], measures: tuple[str, str]
) -> _Electrode:
    energies, powers = (
        [rows[f"cell.{measure}.{rate:g}"].to_numpy(float) for rate in rates] for measure in measures
    )
    least = LEAST * np.nanmax(energies)
    whole = [bool((one >= least).all()) for one in energies]  # a mean of some is none of all
    return _Electrode(
        {name: rows[name].iloc[0] for name in found.others()},
        np.array(rates),
        np.array([np.mean(e) if ok else np.nan for e, ok in zip(energies, whole, strict=True)]),
        np.array([np.mean(p) if ok else np.nan for p, ok in zip(powers, whole, strict=True)]),
        np.array([standard_error(one) for one in energies]),
        len(rows),
    )


def _table(made: Sequence[_Electrode], per: str) -> "pd.DataFrame":
    """A row for each electrode and rate, the most powerful first."""
    import pandas as pd

    letter = "L" if per == "litre" else "kg"
    table = pd.DataFrame(
        [
            {
                **one.parameters,
                "rate [1/h]": rate,
                "pieces": one.pieces,
                f"power [W/{letter}]": one.power[i],
                f"energy [Wh/{letter}]": one.energy[i],
                f"energy ± [Wh/{letter}]": one.error[i],
            }
            for one in made
            for i, rate in enumerate(one.rates)
        ]
    )
    pair = table[[f"energy [Wh/{letter}]", f"power [W/{letter}]"]].to_numpy(float)
    table["on the front"] = front(pair, BOTH)
    return table.sort_values(f"power [W/{letter}]", ascending=False, ignore_index=True)


def _powers(made: Sequence[_Electrode]) -> list[float]:
    """Four from the least to the most that any electrode gives, as round as numbers are read."""
    known = np.concatenate([one.power[np.isfinite(one.power)] for one in made])
    return [float(f"{p:.2g}") for p in np.geomspace(1.1 * known.min(), 0.9 * known.max(), 4)]


def _best(made: Sequence[_Electrode], power: float) -> _Electrode | None:
    energies = [one.at(power) for one in made]
    return None if np.isnan(energies).all() else made[int(np.nanargmax(energies))]


def _front_words(table: "pd.DataFrame", made: Sequence[_Electrode], unit: tuple[str, str]) -> str:
    on = table[table["on the front"]]
    energy, power = (on[f"{name} [{u}]"] for name, u in zip(("energy", "power"), unit, strict=True))
    ends = (
        f"{energy.max():.4g} {unit[0]} at {power.min():.4g} {unit[1]} to {energy.min():.4g} "
        f"{unit[0]} at {power.max():.4g} {unit[1]}"
    )
    return (
        f"Of {len(made)} electrodes at {len(made[0].rates)} rates, {len(on)} points are not "
        f"surpassed in both energy and power: from {ends}."
    )


def _words(power: float, best: _Electrode | None, unit: tuple[str, str]) -> str:
    if best is None:
        return f"At {power:.4g} {unit[1]} no electrode has a discharge."
    least = "at least " if power < np.nanmin(best.power) else ""
    energy = f"{least}{best.at(power):.4g} {unit[0]}"
    return f"At {power:.4g} {unit[1]} most is in {best.name}: {energy}."


def _failed(made: Sequence[_Electrode]) -> list[str]:
    none = sum(int(np.isnan(one.energy).sum()) for one in made)
    if not none:
        return []
    return [
        f"{none} of the discharges fail in some piece or give less than {LEAST:.0%} of the energy "
        "there is: they are no points of these curves."
    ]


def _figure(made: Sequence[_Electrode], unit: tuple[str, str]) -> "Any":
    """Ragone's plot: those electrodes that are best somewhere have names."""
    energies = np.concatenate([one.energy for one in made])
    powers = np.concatenate([one.power for one in made])
    on = front(np.stack([energies, powers], axis=1), BOTH)
    order = np.argsort(powers[on])
    lines = [Line(one.name, one.power, one.energy) for one in _shown(made)]
    lines.append(Line("front", powers[on][order], energies[on][order]))
    caption = (
        "Energy against mean power of the discharges of each electrode that is on the front, and "
        "the front of all."
    )
    return line_figure(
        lines,
        (f"power / ({unit[1]})", f"energy / ({unit[0]})"),
        ("Ragone plot of electrodes of several thicknesses", caption),
    )


def _shown(made: Sequence[_Electrode]) -> "Iterator[_Electrode]":
    """Electrodes with a point on the front."""
    pairs = [np.stack([one.energy, one.power], axis=1) for one in made]
    on = front(np.concatenate(pairs), BOTH)
    for one, mine in zip(made, np.split(on, len(made)), strict=True):
        if mine.any():
            yield one


def _said(parameter: tuple[str, Any]) -> str:
    """A parameter and its value as people say them."""
    name, value = parameter
    short = name.rpartition(".")[2]
    if short == "thickness":
        return f"{1e6 * value:.3g} µm"
    if short == "thickness_um":
        return f"{value:.3g} µm"
    return (
        f"{short.replace('_', ' ')} {value:.3g}" if isinstance(value, float) else f"{short} {value}"
    )
