"""Binder: how much of it, and where, so that electrons get through and ions still do."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.design import Grid
from studies.ready._figures import Line, line_figure, panel_figure
from studies.ready._sample import MATERIALS
from studies.ready._tables import mean_table, standard_error
from studies.ready.pieces import Results, results
from studies.study import Study
from studies.tasks import number

if TYPE_CHECKING:
    import os

    import pandas as pd

    from twin.report.embedded import Figure

Values = NDArray[np.float64]
PARTICLES: Mapping[str, Any] = {
    "shape": [48, 48, 48],
    "spacing": 398e-9,
    "populations": {"NMC": {"fraction": 0.5, "radius": 3e-6}},
}
CONTENT = "place_binder.fraction"
RATIO = 10.0  # of the conductivities of electrons and ions: electrons then lose a tenth as much
COLUMNS = {  # quantity of a case, and what it is called
    "effective_electronic_conductivity": "electronic conductivity",
    "effective_ionic_conductivity": "ionic conductivity",
    "ionic_macmullin_number": "MacMullin number",
    "percolating_fraction.CBD": "percolating binder",
    "place_binder": "blocked area",
}


def binder_sweep(
    particles: Mapping[str, Any] = PARTICLES,
    *,
    fractions: Sequence[float] = (0.06, 0.10, 0.14, 0.18),
    preferences: Sequence[float] = (0.1, 0.9),
    placement: str = "film-to-cluster",
    nanoporosity: float = 0.47,
    seeds: Sequence[int] = (0, 1, 2),
    materials: Mapping[str, str] = MATERIALS,
    folder: "str | os.PathLike[str]" = "binder.study",
    **about: Any,
) -> Study:
    """A study of packed particles with more and more binder, from films to clusters.

    Args:
        particles: arguments of ``twin.manufacturing.generate_electrode`` without binder.
        fractions: of the volume that is binder, nanopores included.
        preferences: of binder for binder, 0 (a film on the particles) to 1 (clusters).
        placement: "film-to-cluster" or "bridges", see ``twin.manufacturing.place_binder``.
        nanoporosity: of the binder; that of its material counts for transport.
        seeds: of the packings.
        materials: by phase; the binder is "CBD", the pore "pore".
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Returns:
        The study, which asks for ``least_binder``.

    Raises:
        InvalidInputError: see ``Study``.
    """
    placed = {"step": "place_binder", "fraction": fractions[0], "preference": preferences[0]}
    placed |= {"placement": placement, "nanoporosity": nanoporosity, "phase": "CBD", "rng": 0}
    recipe = {
        "step": [{"step": "generate_electrode", **particles, "rng": 0}, placed],
        "materials": dict(materials),
        "characterize": {"axes": [0], "tolerance": 1e-3},
    }
    levels: dict[str, Sequence[Any]] = {
        CONTENT: fractions,
        "place_binder.preference": preferences,
        "generate_electrode.rng": seeds,
    }
    given = {"name": "binder", "questions": {"least_binder": {}}} | about
    return Study(recipe, Grid(levels), folder, **given)


@dataclass(frozen=True, slots=True)
class _Least:
    """The least binder of one distribution: of each piece, inf where the most was too little."""

    name: str
    rows: "pd.DataFrame"
    each: tuple[float, ...]
    range: tuple[float, float]

    @property
    def reached(self) -> tuple[float, ...]:
        """Of the pieces that conduct with some content."""
        return tuple(x for x in self.each if math.isfinite(x))

    @property
    def is_bracketed(self) -> bool:
        """Whether every piece begins to conduct within the contents that were tried."""
        low, high = self.range
        return all(low < x <= high for x in self.each)

    @property
    def mean(self) -> float:
        """Over pieces; NaN if some of them do not begin to conduct within the range."""
        return float(np.mean(self.each)) if self.is_bracketed else math.nan


def least_binder(
    study: Study, conductivity: float | None = None, *, ratio: float = RATIO
) -> Answer:
    """The least binder with which electrons get through, and what it costs the ions.

    Args:
        study: whose parameters are ``place_binder.fraction``, perhaps others of its distribution,
            and seeds.
        conductivity: of electrons that is wanted, > 0 in S/m; by default ``ratio`` times that of
            the ions of the same electrode, so that they lose little beside them.
        ratio: see there, > 0.

    Returns:
        For each distribution the content at which the logarithm of the conductivity, linear
        between neighbouring contents, reaches what is wanted: mean of the pieces, its standard
        error, and MacMullin number, blocked area and percolating binder there. Where pieces conduct
        with the least that was tried, or not with the most, that is said instead of a number.

    Raises:
        InvalidInputError: one content only, no conductivities, or an argument out of range.
    """
    for name, value in (("conductivity", conductivity), ("ratio", ratio)):
        if value is not None and not value > 0:
            raise InvalidInputError(f"{name} is {value!r}: give a number > 0")
    found, columns = _found(study)
    wanted = f"{conductivity:g} S/m" if conductivity else f"{ratio:g} times that of the ions"
    if found.rows[CONTENT].nunique() < 2:
        raise InvalidInputError(f"{CONTENT} has one value: a least content needs several")
    cases = [_least(found, key, rows, columns, conductivity, ratio) for key, rows in
             found.by(found.others(CONTENT)).items()]  # fmt: skip
    table = mean_table(found, [CONTENT, *found.others(CONTENT)], columns)
    return Answer(
        title="The least binder that conducts",
        text="\n\n".join(_told(one, columns, wanted) for one in cases),
        values={f"least_binder{f'.{c.name}' if c.name else ''}": _number(c) for c in cases},
        table=table,
        figures=tuple(_figures(cases, columns, conductivity, ratio)),
        warnings=found.left_out,
    )


def _found(study: Study) -> tuple[Results, dict[str, str]]:
    """Rows with both conductivities, and their columns by what they are called."""
    first = results(study, ())
    columns = {}
    for quantity, words in COLUMNS.items():
        column = "place_binder.coverage" if quantity == "place_binder" else first.named(quantity)
        if column is not None and first.has(column):
            columns[column] = words
    for words in list(COLUMNS.values())[:2]:
        if words not in columns.values():
            raise InvalidInputError(f"no case has an {words}: give materials that conduct")
    if CONTENT not in first.parameters:
        raise InvalidInputError(f"the study does not vary {CONTENT!r}, the content of binder")
    return results(study, list(columns)[:2]), columns


def _least(
    found: Results,
    key: str,
    rows: "pd.DataFrame",
    columns: Mapping[str, str],
    conductivity: float | None,
    ratio: float,
) -> _Least:
    electrons, ions = list(columns)[:2]
    own = Results(rows, found.units, found.parameters, ())
    each = []
    for piece in own.pieces().values():
        ordered = piece.sort_values(CONTENT)
        wanted = conductivity or ratio * ordered[ions].to_numpy(float)
        with np.errstate(divide="ignore"):
            spare = np.log(ordered[electrons].to_numpy(float) / wanted)
        each.append(_crossing(ordered[CONTENT].to_numpy(float), spare))
    name = ", ".join(
        f"{parameter.rpartition('.')[2]} {rows[parameter].iloc[0]}"
        for parameter in found.others(CONTENT)
    )
    ends = float(rows[CONTENT].min()), float(rows[CONTENT].max())
    return _Least(name, rows, tuple(each), ends)


def _crossing(content: Values, spare: Values) -> float:
    """The content from which on all is well: where the last that is not gives way; inf if none."""
    lacking = np.flatnonzero(~(spare >= 0))
    if not len(lacking):
        return float(content[0])
    last = int(lacking[-1])
    if last == len(content) - 1:
        return math.inf
    low, high = spare[last], spare[last + 1]
    if not np.isfinite(low):  # nothing conducts there: no line leads from it
        return float(content[last + 1])
    share = -low / (high - low)
    return float(content[last] + share * (content[last + 1] - content[last]))


def _number(case: _Least) -> dict[str, Any]:
    return number(case.mean, "1", standard_error(case.each) if case.is_bracketed else None)


def _told(case: _Least, columns: Mapping[str, str], wanted: str) -> str:
    """The least binder of a distribution, in words."""
    name = f"With {case.name}" if case.name else "Here"
    low, high = case.range
    lacking = len(case.each) - len(case.reached)
    if lacking:
        return (
            f"{name}, {lacking} of {len(case.each)} pieces do not reach a conductivity of "
            f"electrons of {wanted} with any binder up to {high:.1%} of the volume."
        )
    if not case.is_bracketed:
        return (
            f"{name}, electrons reach {wanted} with the least binder that was tried already in "
            f"{sum(x <= low for x in case.each)} of {len(case.each)} pieces: it takes at most "
            f"{max(case.each):.1%} of the volume."
        )
    error = standard_error(case.each)
    doubt = "" if math.isnan(error) else f" ± {100 * error:.1g}"
    return (
        f"{name}, it takes {100 * case.mean:.3g}{doubt} % of the volume for electrons to reach "
        f"{wanted}. {' '.join(_costs(case, columns))}"
    )


def _costs(case: _Least, columns: Mapping[str, str]) -> Iterator[str]:
    """What the least binder costs, against the least that was tried."""
    means = case.rows.groupby(CONTENT)[list(columns)].mean()
    content = means.index.to_numpy(float)
    at = {
        words: float(np.interp(case.mean, content, means[column]))
        for column, words in columns.items()
    }
    first = {words: float(means[column].iloc[0]) for column, words in columns.items()}
    name = "MacMullin number"
    if name in at:
        yield (
            f"The {name} of the ions then is {at[name]:.3g}, {at[name] / first[name] - 1:+.0%} "
            f"against {content[0]:.1%} of binder."
        )
    if "blocked area" in at:
        yield f"Binder covers {at['blocked area']:.0%} of the particles."
    if "percolating binder" in at:
        yield f"Of the binder {at['percolating binder']:.0%} is in one piece through the thickness."


def _figures(
    cases: Sequence[_Least], columns: Mapping[str, str], conductivity: float | None, ratio: float
) -> "Iterator[Figure]":
    electrons, ions = list(columns)[:2]
    lines = [_line(case, electrons, case.name or "electrons") for case in cases]
    wanted = None if conductivity is None else (conductivity, "wanted")
    if conductivity is None:
        lines.append(_line(cases[0], ions, f"wanted: ions × {ratio:g}", ratio))
    yield line_figure(
        lines,
        ("binder / % of the volume", "conductivity / (S/m)"),
        (
            "conductivity of electrons against binder",
            "Effective conductivity of the electrons against the content of binder: means over "
            "pieces, and the pieces.",
        ),
        logarithmic=True,
        level=wanted,
    )
    rest = list(columns)[2:]
    if rest:
        panels = {columns[c]: [_line(case, c, case.name) for case in cases] for c in rest}
        words = "what binder costs", "What binder costs the ions, and how much of it is connected."
        yield panel_figure(panels, "binder / % of the volume", words)


def _line(case: _Least, column: str, name: str, factor: float = 1.0) -> Line:
    means = case.rows.groupby(CONTENT)[column].mean()
    points = case.rows[[CONTENT, column]].dropna().to_numpy(float)
    return Line(
        name,
        100 * means.index.to_numpy(float),
        factor * means.to_numpy(),
        points=(100 * points[:, 0], factor * points[:, 1]),
    )
