"""What limits an electrode in a cell: its losses, and what doubling each conductance would give."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import progress
from twin.manufacturing.composition import positive
from twin.performance.cell import Cell, scaled
from twin.performance.discharges import Discharge, at_temperature, run_at

if TYPE_CHECKING:
    pass

Side = Literal["positive", "negative"]

# parameters of an electrode that carry each current, and the factor by which twice as well
OF_ELECTRODE: Mapping[str, tuple[str, float]] = {
    "ionic": ("electrode tortuosity factor (electrolyte)", 0.5),
    "electronic": ("electrode conductivity [S.m-1]", 2.0),
    "solid diffusion": ("particle diffusivity [m2.s-1]", 2.0),
    "charge transfer": ("electrode exchange-current density [A.m-2]", 2.0),
}
ELSEWHERE: Mapping[str, tuple[str, float]] = {
    "contact": ("Contact resistance [Ohm]", 0.5),
    "separator": ("Separator tortuosity factor (electrolyte)", 0.5),
}
ACROSS = ("ionic", "electronic", "separator")  # what a model without depth cannot tell
OTHER = "other electrode: "
TEXT = {
    "ionic": "ions in its pores: a lower MacMullin number (more or straighter pores, less or more "
    "porous binder) or a thinner electrode helps most",
    "electronic": "electrons in its solid: a better network of carbon helps most",
    "solid diffusion": "diffusion in its particles: smaller particles help most",
    "charge transfer": "charge transfer: more wetted area (smaller particles, less binder on them) "
    "helps most",
    "contact": "contact to the collector: a rougher or coated foil, or more pressure, helps most",
}
NOUNS = {  # in a sentence
    "ionic": "transport of ions",
    "electronic": "transport of electrons",
    "solid diffusion": "diffusion in the particles",
    "charge transfer": "charge transfer",
    "contact": "contact to the collector",
    "separator": "the separator",
    "lithium metal": "the lithium metal",
}
NEARLY = 0.8  # of the largest gain, from which on another cause limits as much
LITTLE = 0.1  # of the largest gain, below which something else is not worth the work
WORTH = 0.01  # of the capacity, below which no gain is


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What limits an electrode during a discharge.

    ``losses`` in V, means over the discharge by cause in the whole cell, add up to the mean
    distance from the voltage at rest. ``gains`` in Ah/m² are by how much the capacity would grow
    if what carries each current carried it twice as well: in this electrode alone, in the
    separator, and by names that begin with "other electrode: " in the other one. NaN where the
    better cell could not be discharged.
    """

    discharge: Discharge
    losses: dict[str, float]
    gains: dict[str, float]
    side: Side = "positive"

    @property
    def limiting(self) -> str:
        """The cause with the largest gain, which may lie in the other electrode."""
        return max(self._known, key=self._known.__getitem__)

    @property
    def of_this_electrode(self) -> dict[str, float]:
        """Gains by causes in this electrode and its contact, the largest first."""
        own = {cause: gain for cause, gain in self._known.items() if cause in TEXT}
        return dict(sorted(own.items(), key=lambda item: -item[1]))

    @property
    def _known(self) -> dict[str, float]:
        return {cause: gain for cause, gain in self.gains.items() if math.isfinite(gain)}

    def __str__(self) -> str:
        """What to do about it, in sentences."""
        return " ".join((self._told(), self._advice(), *self._elsewhere(), *self._failed()))

    def _told(self) -> str:
        run, total = self.discharge, math.fsum(self.losses.values())
        most = sorted(self.losses, key=lambda cause: -self.losses[cause])[:2]
        shares = " and ".join(f"{self.losses[c] / total:.0%} to {NOUNS.get(c, c)}" for c in most)
        return f"At {run.rate:g}/h the cell loses {1e3 * total:.0f} mV on average, {shares}."

    def _advice(self) -> str:
        own, capacity = self.of_this_electrode, self.discharge.capacity
        gain = next(iter(own.values()))
        if gain < WORTH * capacity:
            return (
                "Nothing in this electrode, made twice as good, would give a hundredth more "
                "capacity there: only its thickness and active fraction would."
            )
        named = [cause for cause, gained in own.items() if gained >= NEARLY * gain]
        idle = [NOUNS[cause] for cause, gained in own.items() if gained < LITTLE * gain]
        limited = " And as much by ".join(
            f"{TEXT[cause]}; twice as good, it would give {_gain(own[cause], capacity)} more."
            for cause in named
        )
        rest = f" Better {_or(idle)} would hardly help." if idle else ""
        return f"The electrode is limited by {limited}{rest}"

    def _elsewhere(self) -> list[str]:
        """What is said if as much or more is to be won outside of this electrode."""
        outside = {cause: gain for cause, gain in self._known.items() if cause not in TEXT}
        cause = max(outside, key=outside.__getitem__, default="")
        most, capacity = next(iter(self.of_this_electrode.values())), self.discharge.capacity
        if not cause or outside[cause] < max(WORTH * capacity, NEARLY * most):
            return []
        other = "negative" if self.side == "positive" else "positive"
        inner = cause.removeprefix(OTHER)
        what = "the separator" if inner == cause else f"{NOUNS[inner]} in the {other} electrode"
        much = "More" if outside[cause] > most else "Nearly as much"
        more = _gain(outside[cause], capacity)
        return [f"{much} would come from {what}, twice as good: {more}."]

    def _failed(self) -> list[str]:
        lost = [cause for cause, gain in self.gains.items() if not math.isfinite(gain)]
        return [f"What better {_or(lost)} would give could not be computed."] if lost else []


def limits(
    cell: Cell,
    rate: float = 1.0,
    *,
    side: Side | None = None,
    model: str = "DFN",
    temperature: float | None = None,
) -> Limits:
    """What limits an electrode of a cell at a rate.

    Args:
        cell: see ``Cell``.
        rate: in 1/h, of the nominal capacity.
        side: of the electrode in question; by default the one whose structure is given, the
            positive one if both are or none is.
        model: see ``discharge``. Models without depth say nothing of ions and electrons.
        temperature: K; by default that of the parameter set.

    Raises:
        InvalidInputError: an argument is out of range.
        ConvergenceError: the cell cannot be discharged at that rate.
    """
    chosen, own = cell.model(model), _side(cell, side)
    values = at_temperature(cell.parameter_values(), temperature)
    base = run_at(chosen, values, positive(rate, "rate"))
    if base.status != "ok":
        raise ConvergenceError(f"no discharge at {rate:g}/h: {base.status}", None)
    gains = {}
    better = {k: v for k, v in improvements(own, cell.kind).items() if v[0] in values}
    told = {k: v for k, v in better.items() if model != "SPM" or _inner(k) not in ACROSS}
    for number, (cause, (name, factor)) in enumerate(told.items()):
        progress.report("limits", number / len(told))
        changed = values.copy()
        changed[name] = scaled(changed[name], factor)
        gains[cause] = run_at(chosen, changed, rate).capacity - base.capacity
    progress.report("limits", 1.0)
    return Limits(base, base.shares(), gains, own)


def improvements(side: Side, kind: str = "full") -> dict[str, tuple[str, float]]:
    """By cause the parameter, and the factor by which it carries its current twice as well."""
    found = {c: (f"{side.capitalize()} {name}", f) for c, (name, f) in OF_ELECTRODE.items()}
    found |= ELSEWHERE
    if kind == "full":
        other = "Negative" if side == "positive" else "Positive"
        found |= {f"{OTHER}{c}": (f"{other} {name}", f) for c, (name, f) in OF_ELECTRODE.items()}
    return found


def _side(cell: Cell, side: Side | None) -> Side:
    if side not in ("positive", "negative", None):
        raise InvalidInputError(f"side is {side!r}: choose 'positive' or 'negative'")
    if side == "negative" and cell.kind == "half":
        raise InvalidInputError(
            "the negative electrode of a half cell is lithium: ask for positive"
        )
    if side is not None:
        return side
    return "negative" if cell.negative is not None and cell.positive is None else "positive"


def _inner(cause: str) -> str:
    return cause.removeprefix(OTHER)


def _gain(gain: float, capacity: float) -> str:
    return f"{gain / 10:.2g} mAh/cm² ({gain / capacity:.0%})"


def _or(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
