"""InCell: the cell in which an electrode is judged, and Performance: the judgement.

SI units and Ah; per area of the electrode.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.results import finite
from twin._media import number
from twin.manufacturing.composition import positive
from twin.performance.cell import MODELS, Cell
from twin.performance.discharges import Discharge, discharge
from twin.performance.layers import CellLayers
from twin.performance.limiting import NOUNS, TEXT, Limits, limits
from twin.performance.structure import ElectrodeStructure, active_phase

if TYPE_CHECKING:
    import pandas as pd

    from twin.card import PropertyCard

RATES = (0.2, 0.5, 1.0, 2.0, 3.0)
FADES = 0.8  # of the capacity at the lowest rate, below which it is asked what limits
OTHER = {"positive": "graphite", "negative": "NMC811"}  # what is against it, for the mass alone
LITTLE = 0.1  # of the largest gain, below which something else is not worth the work
WORTH = 0.01  # of the capacity, below which no gain is
NOTHING = (
    "Nothing of it, made twice as good, would give a hundredth more capacity: there the electrode "
    "is limited by its thickness and active fraction alone."
)


@dataclass(frozen=True, slots=True)
class InCell:
    """The cell in which an electrode is judged.

    Args:
        parameters: set of PyBaMM from which all comes that the card does not tell.
        side: which electrode the volume is, "positive" or "negative"; the other one is made
            thicker or thinner to match.
        thickness: of the electrode, m; by default that of the volume, which may be a piece of it.
        particle_radius: of spheres that stand for its diffusion lengths, m; by default that of
            spheres with the surface of the active phase, which counts roughness as small spheres.
        radius_deviation: standard deviation of the radii over their mean, see
            ``ElectrodeStructure``; 0 for particles of one size.
        active: name of the active phase, if there is more than one.
        rates: of the discharges, 1/h, > 0.
        limit_rate: at which it is asked what limits; by default the lowest of ``rates`` at which a
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
    side: Literal["positive", "negative"] = "positive"
    thickness: float | None = None
    particle_radius: float | None = None
    radius_deviation: float = 0.0
    active: str | None = None
    rates: Sequence[float] = RATES
    limit_rate: float | None = None
    other: str | None = None
    contact_resistance: float = 0.0
    temperature: float | None = None
    model: str = "DFN"

    def __post_init__(self) -> None:
        if self.side not in OTHER:
            raise InvalidInputError(f"side {self.side!r} is unknown: 'positive' or 'negative'")
        if self.model not in MODELS:
            raise InvalidInputError(f"model {self.model!r} is unknown: choose one of {MODELS}")
        if isinstance(self.rates, int | float | str) or not list(self.rates):
            raise InvalidInputError(f"rates is {self.rates!r}: give a list of them, in 1/h")
        rates = tuple(sorted(positive(rate, "rate") for rate in self.rates))
        object.__setattr__(self, "rates", rates)
        for name in ("thickness", "particle_radius", "limit_rate", "temperature"):
            if getattr(self, name) is not None:
                positive(getattr(self, name), name)

    def to_dict(self) -> dict[str, Any]:
        """What was asked, as plain numbers and text."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"rates": list(self.rates)}

    def __repr__(self) -> str:
        changed = (f.name for f in fields(self) if getattr(self, f.name) != f.default)
        return f"InCell({', '.join(f'{name}={getattr(self, name)!r}' for name in changed)})"

    def check(self) -> None:
        """Raise InvalidInputError if PyBaMM or the parameter set is missing."""
        Cell(self.parameters, contact_resistance=self.contact_resistance).parameter_values()

    def cell(self, structure: ElectrodeStructure) -> Cell:
        """The cell with an electrode in its place. Raises InvalidInputError."""
        sides: dict[str, ElectrodeStructure] = {self.side: structure}
        return Cell(self.parameters, contact_resistance=self.contact_resistance, **sides)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """What an electrode does in a cell.

    ``discharges`` are in the order of rising rates; ``limits`` is None if no discharge succeeded.
    ``layers`` are what the whole cell weighs, None with the reason in ``unweighed``.
    """

    asked: InCell
    structure: ElectrodeStructure
    discharges: tuple[Discharge, ...]
    limits: Limits | None
    layers: CellLayers | None
    unweighed: str = ""

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
    structure = ElectrodeStructure.of_card(
        card, thickness=asked.thickness, active=asked.active, **given
    )
    cell = asked.cell(structure)
    runs = discharge(cell, asked.rates, model=asked.model, temperature=asked.temperature)
    found, layers = _limits(cell, runs, asked), _layers(card, cell, asked)
    if isinstance(layers, str):
        return Performance(asked, structure, runs, found, None, layers)
    return Performance(asked, structure, runs, found, layers)


def _limits(cell: Cell, runs: Sequence[Discharge], asked: InCell) -> Limits | None:
    good = [run for run in runs if run.status == "ok"]
    if not good:
        return None
    fading = [run.rate for run in good if run.capacity < FADES * good[0].capacity]
    rate = asked.limit_rate or (fading or [good[-1].rate])[0]
    try:
        return limits(cell, rate, model=asked.model, temperature=asked.temperature)
    except ConvergenceError:
        return None


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


def _sentences(found: Performance) -> list[str]:
    good = [run for run in found.discharges if run.status == "ok"]
    if not good:
        reason = found.discharges[0].status
        return [f"No discharge succeeded: at {found.discharges[0].rate:g}/h, {reason}."]
    slow, fast = good[0], good[-1]
    text = [
        f"At {slow.rate:g}/h the electrode gives {slow.capacity / 10:.3g} mAh/cm², at "
        f"{fast.rate:g}/h {fast.capacity / slow.capacity:.0%} of it."
    ]
    if found.limits is not None:
        text += _advice(found.limits)
    return text


def _advice(found: Limits) -> list[str]:
    run, best = found.discharge, found.limiting
    total, gain = math.fsum(found.losses.values()), found.gains[best]
    ordered = sorted(found.losses, key=lambda cause: -found.losses[cause])[:2]
    shares = " and ".join(f"{found.losses[c] / total:.0%} to {NOUNS[c]}" for c in ordered)
    losses = f"At {run.rate:g}/h it loses {1e3 * total:.0f} mV on average, {shares}."
    if gain < WORTH * run.capacity:
        return [losses, NOTHING]
    idle = [NOUNS[cause] for cause, gained in found.gains.items() if gained < LITTLE * gain]
    more = f"{gain / 10:.2g} mAh/cm² ({gain / run.capacity:.0%}) more"
    limited = f"It is limited by {TEXT[best]}. Twice as good, it would give {more}."
    return [losses, limited, *([f"Better {_or(idle)} would hardly help."] if idle else [])]


def _or(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _plain(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else value
