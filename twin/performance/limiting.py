"""What limits a cell at a rate: its losses, and what it would gain were each of them halved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from microstructures.errors import ConvergenceError
from solvers import progress
from twin.manufacturing.composition import positive
from twin.performance.cell import Cell, scaled
from twin.performance.discharges import LOSSES, Discharge, at_temperature, run_at

if TYPE_CHECKING:
    from pybamm import ParameterValues

# parameters that carry each current, with the factor by which they conduct twice as well
BETTER: Mapping[str, tuple[tuple[str, float], ...]] = {
    "ionic": (
        ("Positive electrode tortuosity factor (electrolyte)", 0.5),
        ("Negative electrode tortuosity factor (electrolyte)", 0.5),
        ("Separator tortuosity factor (electrolyte)", 0.5),
    ),
    "electronic": (
        ("Positive electrode conductivity [S.m-1]", 2.0),
        ("Negative electrode conductivity [S.m-1]", 2.0),
    ),
    "solid diffusion": (
        ("Positive particle diffusivity [m2.s-1]", 2.0),
        ("Negative particle diffusivity [m2.s-1]", 2.0),
    ),
    "charge transfer": (
        ("Positive electrode exchange-current density [A.m-2]", 2.0),
        ("Negative electrode exchange-current density [A.m-2]", 2.0),
    ),
    "contact": (("Contact resistance [Ohm]", 0.5),),
}
TEXT = {
    "ionic": "ions in the pores: a lower MacMullin number (more or straighter pores, less or more "
    "porous binder) or a thinner electrode helps most",
    "electronic": "electrons in the solid: a better network of carbon helps most",
    "solid diffusion": "diffusion in the particles: smaller particles help most",
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
}


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What limits a discharge.

    ``losses`` in V, means over the discharge by cause, add up to the mean distance from the voltage
    at rest. ``gains`` in Ah/m² are by how much the capacity would grow if what carries each current
    carried it twice as well.
    """

    discharge: Discharge
    losses: dict[str, float]
    gains: dict[str, float]

    @property
    def limiting(self) -> str:
        """The cause with the largest gain."""
        return max(self.gains, key=self.gains.__getitem__)

    def __str__(self) -> str:
        run = self.discharge
        total = sum(self.losses.values())
        most = max(self.losses, key=self.losses.__getitem__)
        return (
            f"At {run.rate:g}/h the cell gives {run.capacity:.3g} Ah/m² and loses "
            f"{1e3 * total:.0f} mV on average, {self.losses[most] / total:.0%} of it to "
            f"{NOUNS[most]}. It is limited by {TEXT[self.limiting]}. Twice as good, it would give "
            f"{self.gains[self.limiting]:.2g} Ah/m² more."
        )


def limits(
    cell: Cell, rate: float = 1.0, *, model: str = "DFN", temperature: float | None = None
) -> Limits:
    """What limits a cell at a rate.

    Args:
        cell: see ``Cell``.
        rate: in 1/h, of the nominal capacity.
        model: see ``discharge``.
        temperature: K; by default that of the parameter set.

    Raises:
        InvalidInputError: an argument is out of range.
        ConvergenceError: the cell cannot be discharged at that rate.
    """
    chosen = cell.model(model)
    values = at_temperature(cell.parameter_values(), temperature)
    base = run_at(chosen, values, positive(rate, "rate"))
    if base.status != "ok":
        raise ConvergenceError(f"no discharge at {rate:g}/h: {base.status}", None)
    gains = {}
    for number, cause in enumerate(LOSSES):
        progress.report("limits", number / len(LOSSES))
        better = run_at(chosen, improved(values, cause), rate)
        gains[cause] = better.capacity - base.capacity
    progress.report("limits", 1.0)
    return Limits(base, base.shares(), gains)


def improved(values: "ParameterValues", cause: str) -> "ParameterValues":
    """The same with twice the conductance of what causes a loss, in all layers."""
    changed = values.copy()
    for name, factor in BETTER[cause]:
        if name in changed:
            changed[name] = scaled(changed[name], factor)
    return changed
