"""InCell: the cell in which an electrode is judged, and Performance: the judgement.

SI units and Ah; per area of the electrode.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.results import finite
from twin._media import number
from twin.manufacturing.composition import positive
from twin.performance._parameters import number as parameter
from twin.performance.cell import MODELS, Cell, Kind, stoichiometries
from twin.performance.discharges import Discharge, discharge
from twin.performance.layers import CellLayers
from twin.performance.limiting import Limits, limits
from twin.performance.structure import ElectrodeStructure, StructureWarning, active_phase

if TYPE_CHECKING:
    import pandas as pd
    from pybamm import ParameterValues

    from twin.card import PropertyCard
    from twin.materials import Material

RATES = (0.2, 0.5, 1.0, 2.0, 3.0)
FADES = 0.8  # of the capacity at the lowest rate, below which it is asked what limits
OTHER = {"positive": "graphite", "negative": "NMC811"}  # what is against it, for the mass alone
FAR = 0.25  # V between median potentials, from which on two materials are not the same
KELVIN = (200.0, 400.0)
LENGTHS = {"thickness": (1e-7, 1e-2), "particle_radius": (1e-9, 1e-3)}  # m


@dataclass(frozen=True, slots=True)
class InCell:
    """The cell in which an electrode is judged.

    Args:
        parameters: set of PyBaMM from which all comes that the card does not tell.
        kind: "full", or "half": the electrode against lithium metal, of a set for half cells.
        side: which electrode the volume is, "positive" or "negative"; the other one is made
            thicker or thinner to match.
        thickness: of the electrode, m; by default that of the volume, which may be a piece of it.
        particle_radius: of spheres that stand for its diffusion lengths, m; by default that of
            spheres with the surface of the active phase, which counts roughness as small spheres.
        radius_deviation: standard deviation of the radii over their mean, see
            ``ElectrodeStructure``; 0 for particles of one size.
        active: name of the active phase, if there is more than one.
        rates: of the discharges, 1/h, > 0.
        limits: whether it is asked what limits, which takes three times as long as the discharges.
        limit_rate: at which that is asked; by default the lowest of ``rates`` at which a
            fifth of the capacity is lost, or the highest.
        other: active material of the other electrode, for the mass alone; by default graphite or
            NMC811.
        contact_resistance: of everything outside the electrodes' volume, ≥ 0 in Ω m².
        temperature: K; by default that of the set.
        model: see ``discharge``.

    Raises:
        InvalidInputError: a value is out of range.
    """

    parameters: str = "Chen2020"
    kind: Kind = "full"
    side: Literal["positive", "negative"] = "positive"
    thickness: float | None = None
    particle_radius: float | None = None
    radius_deviation: float = 0.0
    active: str | None = None
    rates: Sequence[float] = RATES
    limits: bool = True
    limit_rate: float | None = None
    other: str | None = None
    contact_resistance: float = 0.0
    temperature: float | None = None
    model: str = "DFN"

    def __post_init__(self) -> None:
        if self.side not in OTHER:
            raise InvalidInputError(f"side {self.side!r} is unknown: 'positive' or 'negative'")
        if self.kind not in ("full", "half") or (self.kind, self.side) == ("half", "negative"):
            raise InvalidInputError(
                f"kind {self.kind!r} with side {self.side!r} is no cell: choose 'full', or 'half' "
                "with the electrode as the positive one"
            )
        if self.model not in MODELS:
            raise InvalidInputError(f"model {self.model!r} is unknown: choose one of {MODELS}")
        if isinstance(self.rates, int | float | str) or not list(self.rates):
            raise InvalidInputError(f"rates is {self.rates!r}: give a list of them, in 1/h")
        rates = tuple(sorted(positive(rate, "rate") for rate in self.rates))
        object.__setattr__(self, "rates", rates)
        if self.limit_rate is not None:
            positive(self.limit_rate, "limit_rate")
        for name, (low, high) in LENGTHS.items():
            _between(getattr(self, name), low, high, name, "in metres, 70e-6 for 70 µm")
        _between(self.temperature, *KELVIN, "temperature", "in kelvin")
        if not 0.0 <= self.radius_deviation <= 1.0:
            raise InvalidInputError(
                f"radius_deviation is {self.radius_deviation!r}: give a share of the mean, 0…1"
            )
        if not isinstance(self.parameters, str):
            raise InvalidInputError(
                f"parameters is a {type(self.parameters).__name__}: name a set of PyBaMM, so that "
                "the report can say which it was; discharge(Cell(…)) takes values of your own"
            )

    def to_dict(self) -> dict[str, Any]:
        """What was asked, as plain numbers and text."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"rates": list(self.rates)}

    def __repr__(self) -> str:
        changed = (f.name for f in fields(self) if getattr(self, f.name) != f.default)
        return f"InCell({', '.join(f'{name}={getattr(self, name)!r}' for name in changed)})"

    def check(self) -> None:
        """Raise InvalidInputError if PyBaMM, the parameter set or the other material is missing."""
        import twin

        twin.material(self.other or OTHER[self.side])
        Cell(self.parameters, kind=self.kind).parameter_values()

    def cell(self, structure: ElectrodeStructure) -> Cell:
        """The cell with an electrode in its place. Raises InvalidInputError."""
        sides: dict[str, ElectrodeStructure] = {self.side: structure}
        given = {"contact_resistance": self.contact_resistance, "kind": self.kind}
        return Cell(self.parameters, **given, **sides)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """What an electrode does in a cell.

    ``discharges`` are in the order of rising rates. ``limits`` is None with the reason in
    ``unlimited``, ``layers``, what the whole cell weighs, with that in ``unweighed``. ``doubts``
    tell where card and cell hardly belong together.
    """

    asked: InCell
    structure: ElectrodeStructure
    discharges: tuple[Discharge, ...]
    limits: Limits | None
    layers: CellLayers | None
    unlimited: str = ""
    unweighed: str = ""
    doubts: tuple[str, ...] = ()

    def to_frame(self) -> "pd.DataFrame":
        """A row for each rate: what ``discharges.to_frame`` and ``CellLayers.to_frame`` say."""
        from twin.performance.discharges import to_frame

        frame = to_frame(self.discharges)
        if self.layers is None:
            return frame
        ragone = self.layers.to_frame(self.discharges)
        return frame.join(ragone.drop(columns=["rate_per_h", "status"]))

    def to_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON; those that do not exist are None."""
        rows = self.to_frame().to_dict("records")
        found = self.limits
        return {
            "asked": self.asked.to_dict(),
            "structure": self.structure.to_dict(),
            "discharges": [{str(k): _plain(v) for k, v in row.items()} for row in rows],
            "limits": None if found is None else {
                "rate_per_h": found.discharge.rate,
                "losses_V": dict(found.losses),
                "gains_Ah_m2": dict(found.gains),
                "limiting": found.limiting,
            },
            "cell_mass_kg_m2": self.layers and self.layers.mass,
            "cell_thickness_m": self.layers and self.layers.thickness,
        }  # fmt: skip

    def __str__(self) -> str:
        """What a process engineer can act on, in one paragraph."""
        return " ".join(_sentences(self))


def assess(card: "PropertyCard", asked: InCell) -> Performance:
    """What the electrode of a card does in a cell, and what limits it there.

    Args:
        card: with materials, solved along the through-plane axis.
        asked: which cell.

    Raises:
        InvalidInputError: the card lacks a number, or such an electrode is no part of a cell.

    Accuracy: see ``discharge``. A discharge that fails is among the results.
    """
    given = {"radius_deviation": asked.radius_deviation}
    if asked.particle_radius is not None:
        given["particle_radius"] = asked.particle_radius
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StructureWarning)
        structure = ElectrodeStructure.of_card(
            card, thickness=asked.thickness, active=asked.active, **given
        )
    cell = asked.cell(structure)
    runs = discharge(cell, asked.rates, model=asked.model, temperature=asked.temperature)
    found, layers = _limits(cell, runs, asked), _layers(card, cell, asked)
    return Performance(
        asked,
        structure,
        runs,
        None if isinstance(found, str) else found,
        None if isinstance(layers, str) else layers,
        unlimited=found if isinstance(found, str) else "",
        unweighed=layers if isinstance(layers, str) else "",
        doubts=tuple(dict.fromkeys((*(str(w.message) for w in caught), *_doubts(card, asked)))),
    )


def _limits(cell: Cell, runs: Sequence[Discharge], asked: InCell) -> Limits | str:
    """What limits it, or why that is not known."""
    if not asked.limits:
        return "What limits it was not asked."
    good = [run for run in runs if run.status == "ok"]
    if not good and asked.limit_rate is None:
        return "What limits it is not known, since no discharge succeeded."
    fading = [run.rate for run in good if run.capacity < FADES * good[0].capacity]
    rate = asked.limit_rate or (fading or [good[-1].rate])[0]
    given = {"side": asked.side, "model": asked.model, "temperature": asked.temperature}
    try:
        return limits(cell, rate, **given)  # type: ignore[arg-type]
    except ConvergenceError as error:
        return f"What limits it is not known: {error}."


def _doubts(card: "PropertyCard", asked: InCell) -> Iterator[str]:
    """Where the materials of the card and those of the parameter set are not the same."""
    made_of, phase = card.materials or {}, active_phase(card, asked.active)
    values = Cell(asked.parameters, kind=asked.kind).parameter_values()
    ours, theirs = _potential(made_of[phase]), _potential_of_set(values, asked)
    if abs(ours - theirs) > FAR:
        yield (
            f"{made_of[phase].name} has a potential of {ours:.2f} V, the {asked.side} "
            f"electrode of {asked.parameters} one of {theirs:.2f} V, and the cell is that of the "
            "latter: look at side and parameters"
        )
    carried = [m.transference_number for m in made_of.values() if m.ionic_conductivity is not None]
    if any(number(value) == 1.0 for value in carried) and _salt_moves(values):
        yield (
            f"the card has an electrolyte in which lithium alone moves, the cell of "
            f"{asked.parameters} a liquid in which salt is used up: its ionic losses are not those "
            "of this electrode"
        )
    rest = [n for n, m in made_of.items() if m.role == "active" and n != phase]
    if rest := [name for name in rest if card.volume.voxels(name)]:
        yield f"{', '.join(rest)} stores lithium too, but the cell has that of {phase} alone"


def _potential(material: "Material") -> float:
    """Median potential over its range, V; NaN where it is not known."""
    known = material.open_circuit
    if known is None:
        return math.nan
    return float(np.median(known(np.linspace(known.lower, known.upper, 101))))


def _potential_of_set(values: "ParameterValues", asked: InCell) -> float:
    """The same of an electrode of a set, between its voltage limits."""
    side = asked.side.capitalize()
    name = f"{side} electrode OCP [V]"
    low, high = stoichiometries(values, asked.kind)[side]
    try:
        return float(np.median([parameter(values, name, x) for x in np.linspace(low, high, 21)]))
    except ValueError:
        return math.nan


def _salt_moves(values: "ParameterValues") -> bool:
    try:
        return parameter(values, "Cation transference number", 1000.0, 298.15) < 1.0
    except InvalidInputError:
        return True


def _layers(card: "PropertyCard", cell: Cell, asked: InCell) -> CellLayers | str:
    """The layers, or why they cannot be weighed."""
    made_of = card.materials or {}
    own, other = made_of[active_phase(card, asked.active)], asked.other or OTHER[asked.side]
    sides = (own, other) if asked.side == "positive" else (other, own)
    electrolyte = max(made_of.values(), key=lambda material: number(material.ionic_conductivity))
    try:
        return CellLayers.of(cell, *sides, electrolyte=electrolyte)
    except InvalidInputError as error:
        return str(error)


def _sentences(found: Performance) -> Iterator[str]:
    good = [run for run in found.discharges if run.status == "ok"]
    failed = [run for run in found.discharges if run.status != "ok"]
    if good:
        slow, fast = good[0], good[-1]
        share = f", at {fast.rate:g}/h {fast.capacity / slow.capacity:.0%} of it"
        yield (
            f"At {slow.rate:g}/h the electrode gives {slow.capacity / 10:.3g} mAh/cm²"
            f"{share if len(good) > 1 else ''}."
        )
    for run in failed:
        yield f"At {run.rate:g}/h there is no discharge: {run.status}."
    yield found.unlimited or str(found.limits)


def _between(value: Any, low: float, high: float, name: str, how: str) -> None:
    if value is not None and not low <= positive(value, name) <= high:
        raise InvalidInputError(f"{name} is {value!r}, not within {low:g}…{high:g}: give it {how}")


def _plain(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else value
