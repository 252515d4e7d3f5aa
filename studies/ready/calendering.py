"""Calendering: an electrode pressed to several porosities, and the density at which it does best.

The areal capacity stays the same: the denser electrode is the thinner one.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.design import Grid
from studies.ready._density_answer import answer_of
from studies.ready._optimum import Curve, highest
from studies.ready._sample import MATERIALS, SAMPLE
from studies.ready.pieces import Crop, Results, refuse_others, results
from studies.study import Study

if TYPE_CHECKING:
    import os

    import pandas as pd

CELL: Mapping[str, Any] = {
    "parameters": "Chen2020",
    "areal_capacity": 40.0,
    "particle_radius": 4e-6,
    "rates": [0.2, 1.0, 1.5],
    "uncertainty": True,
}
CHARGED: Mapping[str, Any] = {
    "lithiation": {"NMC": [0.93, 0.341]},
    "resolution": False,
    "tolerance": 1e-2,
}
"""NMC532 charged to 4.3 V from the content at which its swelling begins."""
PRESSED = ("porosity", "total_porosity", "thickness")


def calendering_sweep(
    volume: Mapping[str, Any] = SAMPLE,
    *,
    porosities: Sequence[float] = (0.38, 0.34, 0.30, 0.26, 0.22),
    seeds: Sequence[int] = (0, 1, 2),
    crops: Sequence[Crop] = (),
    materials: Mapping[str, str] = MATERIALS,
    cell: Mapping[str, Any] | None = CELL,
    mechanics: Mapping[str, Any] | None = CHARGED,
    folder: "str | os.PathLike[str]" = "calendering.study",
    **about: Any,
) -> Study:
    """A study of an electrode pressed to several porosities, each piece to all of them.

    Args:
        volume: table [volume] of a study: a file to read, or something to generate.
        porosities: labelled pore fractions, below those of every piece.
        seeds: of generated pieces.
        crops: of pieces of a file, see ``studies.ready.crops``; then there are no seeds.
        materials: by phase.
        cell: table [cell], in which ``areal_capacity`` or ``loading`` stays while the electrode
            is pressed; None for no cell.
        mechanics: table [mechanics] of the charged electrode; None for no stress.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Returns:
        The study, which asks for ``best_density`` at its highest rate, if there is a cell.

    Raises:
        InvalidInputError: see ``Study``.
    """
    recipe = {
        "volume": dict(volume),
        "step": [{"step": "calender", "porosity": porosities[0], "ends": "periodic"}],
        "materials": dict(materials),
        "characterize": {"axes": [0], "tolerance": 1e-3},
        **({} if mechanics is None else {"mechanics": dict(mechanics)}),
        **({} if cell is None else {"cell": dict(cell)}),
    }
    levels: dict[str, Sequence[Any]] = {"calender.porosity": porosities}
    levels |= {"volume.crop": crops} if crops else {"volume.seed": seeds}
    questions: dict[str, Mapping[str, Any]] = {}
    if cell is not None:
        questions["best_density"] = {"rate": max(cell["rates"])}
    given = {"name": "calendering", "questions": questions} | about
    return Study(recipe, Grid(levels), folder, **given)


def best_density(
    study: Study,
    rate: float = 1.0,
    *,
    measure: str = "energy_density",
    along: str | None = None,
    where: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
) -> Answer:
    """The density at which an electrode gives most at a rate, and where else it may be.

    Args:
        study: with a parameter that presses, such as "calender.porosity", and a cell.
        rate: of the discharge, 1/h.
        measure: "energy_density" (Wh/L of all layers), "specific_energy" (Wh/kg), "energy" or
            "capacity" (per area), or "power_density".
        along: the parameter that presses, if there are several.
        where: values of other parameters, {"cell.areal_capacity_mAh_cm2": 3}.
        confidence: of the interval, 0…1.

    Returns:
        Values ``best_density`` with ``best_density_low`` and ``_high`` (kg/m³) and what it gives
        there, ``best_{measure}``. Where the best is at an end of what was tried, there is no
        ``best_density``, but ``best_density_at_least`` or ``_at_most``.

    Raises:
        InvalidInputError: too few results, no such rate, or parameters that are left open.

    Accuracy: see ``studies.ready._optimum.highest``: an error of the MacMullin number is taken to
        be the same piece's at all densities, and counts where it tells of more scatter than there
        is between the pieces.
    """
    column, density = f"cell.{measure}.{rate:g}", "electrode_density"
    found = results(study, (column, density), where)
    level = _pressing(found, along)
    curves = {piece: _curve(rows, density, column) for piece, rows in found.pieces().items()}
    used = {piece: curve for piece, curve in curves.items() if len(curve.x) > 2}
    few = len(curves) - len(used)
    warnings = [*found.left_out]
    if few:
        warnings.append(f"{few} of {len(curves)} pieces have fewer than three results: left out.")
    best = highest(list(used.values()), confidence)
    return answer_of(found, level, used, best, (rate, measure, confidence, tuple(warnings)))


def _pressing(found: Results, along: str | None) -> str:
    """The parameter that presses. Raises InvalidInputError if others are left open."""
    others = found.others()
    likely = [name for name in others if name.rpartition(".")[2].startswith(PRESSED)]
    likely = [name for name in likely if not name.startswith("cell.")]
    if along is None and len(likely) != 1:
        raise InvalidInputError(
            f"of the parameters {list(others)} {'several press' if likely else 'none presses'}: "
            "say along='calender.porosity', or whatever does"
        )
    level = along or likely[0]
    if level not in others:
        raise InvalidInputError(f"along={level!r} is no parameter of the study: {list(others)}")
    refuse_others(found, (level,))
    return level


def _curve(rows: "pd.DataFrame", density: str, column: str) -> Curve:
    ordered = rows.sort_values(density)
    doubt = f"{column} ±"
    error = ordered[doubt] if doubt in ordered else 0.0 * ordered[column]
    return Curve(
        ordered[density].to_numpy(float),
        ordered[column].to_numpy(float),
        np.nan_to_num(error.to_numpy(float)),
    )
