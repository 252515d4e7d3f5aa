"""Open-circuit potential: U(x) in V against lithium metal. Arrays x have any shape."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from microstructures.errors import InvalidInputError
from twin._potentials import Law, Reals, Sites, Table, Terms
from twin._quantities import BY_USER

__all__ = ["OpenCircuitPotential", "Sites", "Table", "Terms"]

ROUND_OFF = 1e-9  # by which x may miss the ends of the range
RISE = 1e-4  # V by which a potential may rise with lithium: noise of a measurement
POINTS = 2001  # at which it is looked whether it does


@dataclass(frozen=True, slots=True)
class OpenCircuitPotential:
    """Potential against lithium metal at rest, with its range and its source.

    Args:
        law: ``Table``, ``Terms`` or ``Sites``.
        lower: lithium content x from which on the law holds, 0…1; x = 1 is the lithiated end.
        upper: x up to which it holds, above ``lower`` and at most 1.
        maximum_concentration: c_max in mol/m³ that x = 1 means. A fit to a cell has its own, which
            need not be that of the crystal, and its x is worth nothing without it. None if x
            counts the lithium sites of the formula.
        source: where the numbers are from.
        doi: of the source.
        verified: whether they were read there; true for numbers given by the user.
        conditions: of the measurement.
        note: what else to know.

    Raises:
        InvalidInputError: the range is none, or the law is not finite there or rises with lithium.
            A material whose potential rises would separate into two phases, on whose plateau the
            potential is constant.
    """

    law: Law
    lower: float
    upper: float
    maximum_concentration: float | None = None
    source: str = BY_USER
    doi: str = ""
    verified: bool = False
    conditions: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.law, Law):
            raise InvalidInputError(
                f"law is {self.law!r}: give a Table, Terms or Sites of twin.open_circuit"
            )
        if not 0 <= self.lower < self.upper <= 1:
            raise InvalidInputError(
                f"lower is {self.lower!r} and upper {self.upper!r}: give lithium contents in this "
                "order within 0…1"
            )
        c_max = self.maximum_concentration
        if c_max is not None and not 0 < c_max < np.inf:
            raise InvalidInputError(
                f"maximum_concentration is {c_max!r}: give mol/m³ above 0, or None"
            )
        if self.source == BY_USER:
            object.__setattr__(self, "verified", True)
        _check_range(self)
        _check_falls(self)

    @classmethod
    def from_table(
        cls, stoichiometry: ArrayLike, potential: ArrayLike, **about: Any
    ) -> "OpenCircuitPotential":
        """From measured points, joined by monotone cubics (PCHIP).

        Args:
            stoichiometry: lithium content, ascending within 0…1.
            potential: V against lithium, falling.
            about: ``source``, ``doi`` and so on.
        """
        x, u = _floats(stoichiometry, "stoichiometry"), _floats(potential, "potential")
        table = Table(x, u)
        return cls(table, x[0], x[-1], **about)

    def __call__(self, x: ArrayLike) -> Reals:
        """Potential in V, in the shape of x. Raises InvalidInputError outside the range."""
        return self.law.potential_at(self._inside(x))

    def slope(self, x: ArrayLike) -> Reals:
        """dU/dx in V, in the shape of x. Raises InvalidInputError outside the range."""
        return self.law.slope_at(self._inside(x))

    def stoichiometry(self, potential: float) -> float:
        """Lithium content at a potential in V.

        Raises:
            InvalidInputError: the material does not reach that potential within its range.
        """
        from scipy.optimize import brentq

        low, high = (float(self(x)) for x in (self.upper, self.lower))
        if not low <= potential <= high:
            raise InvalidInputError(
                f"potential is {potential!r} V: within x = {self.lower:g}…{self.upper:g} this "
                f"material goes from {high:.4g} down to {low:.4g} V"
            )
        return float(brentq(lambda x: float(self(x)) - potential, self.lower, self.upper))

    def to_dict(self) -> dict[str, Any]:
        """The law and its source as plain numbers and text."""
        limits = ("lower", "upper", "maximum_concentration")
        about = (*limits, "source", "doi", "verified", "conditions", "note")
        law = {"kind": type(self.law).__name__.lower()} | asdict(self.law)
        return {"law": law} | {name: getattr(self, name) for name in about}

    def __str__(self) -> str:
        first, last = (float(self(x)) for x in (self.lower, self.upper))
        where = f", {self.conditions}" if self.conditions else ""
        doubt = "" if self.verified else " (unverified)"
        return (
            f"{first:.4g} to {last:.4g} V from x = {self.lower:g} to {self.upper:g}{where}{doubt}"
        )

    def _inside(self, x: ArrayLike) -> Reals:
        try:
            at = np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise InvalidInputError(f"x is {x!r}: give lithium contents as numbers") from None
        inside = (at >= self.lower - ROUND_OFF) & (at <= self.upper + ROUND_OFF)
        if not np.all(inside):
            raise InvalidInputError(
                f"x = {at[~inside].flat[0]:g} is outside {self.lower:g}…{self.upper:g}, where "
                "the open-circuit potential is known: stay inside, or give one that reaches there"
            )
        return np.clip(at, self.lower, self.upper)


def _check_range(curve: OpenCircuitPotential) -> None:
    law, ends = curve.law, (curve.lower, curve.upper)
    if (
        isinstance(law, Table)
        and not law.stoichiometry[0] <= ends[0] < ends[1] <= (law.stoichiometry[-1])
    ):
        raise InvalidInputError(
            f"the range {ends} reaches beyond the table, {law.stoichiometry[0]:g}…"
            f"{law.stoichiometry[-1]:g}: a table says nothing beyond its ends"
        )
    if isinstance(law, Sites) and not 0 < ends[0] < ends[1] < 1:
        raise InvalidInputError(
            f"the range {ends} holds 0 or 1, where the potential of sites is infinite: give one "
            "inside"
        )


def _check_falls(curve: OpenCircuitPotential) -> None:
    x, u = _sampled(curve)
    if not np.all(np.isfinite(u)):
        raise InvalidInputError(
            f"the potential at x = {x[~np.isfinite(u)][0]:g} is not finite: restrict the range"
        )
    rise = u - np.minimum.accumulate(u)
    if rise.max() > RISE:
        raise InvalidInputError(
            f"the potential rises with lithium by {rise.max():.3g} V up to x = "
            f"{x[rise.argmax()]:g}: it must fall, from the empty to the full material. Is x the "
            "state of charge of a cell, or 1 − x? Is a fit used outside its range?"
        )


def _sampled(curve: OpenCircuitPotential) -> tuple[Reals, Reals]:
    if isinstance(curve.law, Table):  # falls between its points if it falls from one to the next
        return np.array(curve.law.stoichiometry), np.array(curve.law.potential)
    x = np.linspace(curve.lower, curve.upper, POINTS)
    with np.errstate(over="ignore", invalid="ignore"):
        return x, curve.law.potential_at(x)


def _floats(numbers: ArrayLike, name: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in np.asarray(numbers, dtype=float))
    except (TypeError, ValueError):
        raise InvalidInputError(f"{name} is {numbers!r}: give a list of numbers") from None
