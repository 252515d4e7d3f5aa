"""Swelling: what charging does to contact and stress of an electrode under the pressure of a stack.

Contact is that of the interface between particles and binder, a screening: see
``twin.mechanics.ContactCurve``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.design import Grid
from studies.ready._figures import Line, line_figure, panel_figure
from studies.ready._sample import MATERIALS, SAMPLE
from studies.ready._tables import mean_table, standard_error
from studies.ready.calendering import CHARGED
from studies.ready.pieces import Crop, Results, refuse_others, results
from studies.study import Study
from studies.tasks import number

if TYPE_CHECKING:
    import os

    from twin.report.embedded import Figure

SMALL: Mapping[str, Any] = {**SAMPLE, "shape": [40, 40, 40]}  # each state is solved anew
PRESSURE, CONTACT = "stack_pressure", "contact_area_fraction"
LOADS = ("mechanics.lithiation", "mechanics.pressure")  # parameters that make the states
MEGA = 1e-6
RISKS = {  # what tells of failure, and what it is called
    "volume_above_tensile_strength": "volume above its tensile strength",
    "volume_above_yield_stress": "volume above its yield stress",
    "von_mises_stress_p95": "von Mises stress, 95th percentile",
    "critical_flaw_size_interior_p5": "flaw that grows in a twentieth of what is in tension",
}


def swelling_sweep(
    volume: Mapping[str, Any] = SMALL,
    *,
    phase: str = "NMC",
    reference: float = 0.93,
    contents: Sequence[float] = (0.7, 0.5, 0.341),
    pressures: Sequence[float] = (1e5, 1e6, 1e7),
    seeds: Sequence[int] = (0, 1),
    crops: Sequence[Crop] = (),
    materials: Mapping[str, str] = MATERIALS,
    mechanics: Mapping[str, Any] = CHARGED,
    folder: "str | os.PathLike[str]" = "swelling.study",
    **about: Any,
) -> Study:
    """A study of an electrode at several states of charge under several pressures of the stack.

    Args:
        volume: table [volume] of a study.
        phase: that swells.
        reference: its lithium content x where the electrode is free of stress.
        contents: x to which it is charged or discharged.
        pressures: of the stack, Pa.
        seeds: of generated pieces.
        crops: of pieces of a file, see ``studies.ready.crops``; then there are no seeds.
        materials: by phase; that of ``phase`` swells.
        mechanics: table [mechanics]; what it says of lithiation and pressure does not count.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Returns:
        The study, which asks for ``contact_loss``.

    Raises:
        InvalidInputError: see ``Study``.
    """
    lithiation = [[reference, content] for content in contents]
    load = dict(mechanics) | {"lithiation": {phase: lithiation[0]}, "pressure": pressures[0]}
    recipe = {
        "volume": dict(volume),
        "materials": dict(materials),
        "characterize": {"axes": [0], "tolerance": 1e-3},
        "mechanics": load,
    }
    levels: dict[str, Sequence[Any]] = {
        f"mechanics.lithiation.{phase}": lithiation,
        "mechanics.pressure": pressures,
    }
    levels |= {"volume.crop": crops} if crops else {"volume.seed": seeds}
    given = {"name": "swelling", "questions": {"contact_loss": {}}} | about
    return Study(recipe, Grid(levels), folder, **given)


def contact_loss(
    study: Study, *, least: float = 0.5, where: Mapping[str, Any] | None = None
) -> Answer:
    """How much contact an electrode loses as it is charged, what pressure saves, and what breaks.

    Args:
        study: with [mechanics], whose pressure or lithiation varies.
        least: share of the interface that is to stay in contact, 0…1.
        where: values of other parameters, {"calender.porosity": 0.3}.

    Returns:
        A row for each state and pressure: contact, and what tells of failure. That is the share of
        a phase above its tensile strength or its yield stress, where its material has one, a
        percentile of its stress, and how long a flaw must be to grow. None of these is a
        probability of failure, which takes the volume of the specimens that were broken.

    Raises:
        InvalidInputError: no contact in the results, parameters that are left open, or ``least``
            is no share.

    Accuracy: linear mechanics; a screening once interfaces open or binder yields.
    """
    if not 0.0 < least < 1.0:
        raise InvalidInputError(f"least is {least!r}: give a share of the interface, 0…1")
    first = results(study, (), where)
    column = first.named(CONTACT)
    content = first.named("lithium_content")
    if column is None or content is None or not first.has(PRESSURE):
        raise InvalidInputError(
            "the results tell of no contact under a pressure: give [mechanics] a lithiation and no "
            "other boundary than 'stack_pressure', and a phase made of a binder"
        )
    found = results(study, (column, content, PRESSURE), where)
    refuse_others(found, [name for name in found.parameters if name.startswith(LOADS)])
    columns = {column: f"contact {_phase(column)}"} | _risks(found)
    states = {content: f"lithium content {_phase(content)}", PRESSURE: "pressure"}
    ordered = Results(found.rows, found.units, (*found.parameters, *states), found.left_out)
    table = mean_table(ordered, list(states), columns)
    table = table.rename(columns={content: states[content], PRESSURE: "pressure [Pa]"})
    table = table.sort_values([states[content], "pressure [Pa]"], ignore_index=True)
    return Answer(
        title="Contact and stress of the charged electrode",
        text="\n\n".join(_sentences(found, column, content, least)),
        values=dict(_values(found, column, content)),
        table=table,
        figures=tuple(_figures(found, columns, column, content)),
        warnings=(*found.left_out, *_doubts(found)),
    )


def _phase(column: str) -> str:
    return column.partition(".")[2]


def _risks(found: Results) -> dict[str, str]:
    """All columns that tell of failure, of every phase."""
    return {
        str(column): f"{words}, {_phase(str(column))}"
        for quantity, words in RISKS.items()
        for column in found.rows
        if str(column).startswith(f"{quantity}.") and not str(column).endswith(" ±")
    }


def _states(found: Results, column: str, content: str) -> Iterator[tuple[float, float, Any]]:
    """Lithium content, pressure in Pa and contacts of the pieces, the least pressed first."""
    for (x, pressure), rows in found.rows.groupby([content, PRESSURE]):
        yield float(x), float(pressure), rows[column].to_numpy(float)


def _values(found: Results, column: str, content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for x, pressure, contacts in _states(found, column, content):
        error = standard_error(contacts)
        if math.isnan(error) and f"{column} ±" in found.rows:
            is_state = (found.rows[content] == x) & (found.rows[PRESSURE] == pressure)
            error = float(found.rows.loc[is_state, f"{column} ±"].iloc[0])
        yield f"contact.{x:g}.{pressure:g}", number(float(np.mean(contacts)), "1", error)


def _sentences(found: Results, column: str, content: str, least: float) -> Iterator[str]:
    told = dict(_values(found, column, content))
    pressures = sorted({p for _, p, _ in _states(found, column, content)})
    contents = sorted({x for x, _, _ in _states(found, column, content)}, reverse=True)
    for x in contents:
        shares = [told.get(f"contact.{x:g}.{p:g}") for p in pressures]
        known = [
            f"{one['value']:.0%}{_doubt(one)} at {MEGA * p:g} MPa"
            for p, one in zip(pressures, shares, strict=True)
            if one is not None
        ]
        enough = [
            p for p, one in zip(pressures, shares, strict=True) if one and one["value"] >= least
        ]
        saved = (
            f"{MEGA * enough[0]:g} MPa are enough for {least:.0%}."
            if enough
            else f"None of these pressures keeps {least:.0%}."
        )
        yield (
            f"At a lithium content of {x:g} the interface {_phase(column)} is in contact over "
            f"{', '.join(known)}. {saved}"
        )
    yield from _of_risks(found, content)


def _doubt(value: Mapping[str, Any]) -> str:
    return f" ± {value['uncertainty']:.0%}" if "uncertainty" in value else ""


def _of_risks(found: Results, content: str) -> Iterator[str]:
    """What is worst at the content that is farthest from where the others are."""
    rows = found.rows.groupby(content)
    worst = {}
    for column, words in _risks(found).items():
        means = rows[column].mean().dropna()
        if len(means):
            x = means.idxmin() if "flaw" in column else means.idxmax()
            worst[column] = f"{words}: {_said(float(means[x]), found.units[column])} at {x:g}"
    if worst:
        yield f"Worst, by lithium content: {'; '.join(worst.values())}."


def _said(value: float, unit: str) -> str:
    if unit == "Pa":
        return f"{MEGA * value:.3g} MPa"
    return f"{1e9 * value:.3g} nm" if unit == "m" else f"{value:.0%}"


def _doubts(found: Results) -> Iterator[str]:
    if not any(c.startswith("volume_above_tensile_strength.") for c in _risks(found)):
        yield (
            "No material here has a tensile strength: stress and flaws are indicators, by which "
            "states can be compared, and no risk in numbers."
        )
    yielding = [c for c in _risks(found) if c.startswith("volume_above_yield_stress.")]
    for column in yielding:
        if (most := float(found.rows[column].max())) > 0.1:
            yield (
                f"Up to {most:.0%} of {_phase(column)} is above its yield stress: it would "
                "flow before, so that its stress is an upper limit and contact a screening."
            )


def _figures(
    found: Results, columns: Mapping[str, str], column: str, content: str
) -> "Iterator[Figure]":
    pressures = sorted(found.rows[PRESSURE].unique())
    label = f"lithium content {_phase(content)}"
    lines = [_line(found, column, content, p, 100.0) for p in pressures]
    words = (
        "contact against lithium content",
        "Share of the interface in contact against lithium content, for each pressure of the "
        "stack: means over pieces, and the pieces.",
    )
    yield line_figure(lines, (label, "in contact / %"), words)
    panels = {
        f"{_wrapped(name)}{_unit(found.units[risk])}": [
            _line(found, risk, content, p, _factor(found.units[risk])) for p in pressures
        ]
        for risk, name in columns.items()
        if risk != column
    }
    if panels:
        about = "what tells of failure", "What tells of failure, against lithium content."
        yield panel_figure(panels, label, about)


def _line(found: Results, column: str, content: str, pressure: float, factor: float) -> Line:
    rows = found.rows[found.rows[PRESSURE] == pressure]
    means = rows.groupby(content)[column].mean()
    return Line(
        f"{MEGA * pressure:g} MPa",
        means.index.to_numpy(float),
        factor * means.to_numpy(float),
        points=(rows[content].to_numpy(float), factor * rows[column].to_numpy(float)),
    )


def _factor(unit: str) -> float:
    return {"Pa": MEGA, "m": 1e9}.get(unit, 100.0)


def _unit(unit: str) -> str:
    return {"Pa": " / MPa", "m": " / nm"}.get(unit, " / %")


def _wrapped(words: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, 28))
