"""Results: a value with its unit, its uncertainty, and how it was obtained."""

import html
import math
from dataclasses import dataclass
from typing import Any

EXACT = "exact count"
SAMPLING = "sampling"


class Uncertainty(float):
    """Standard error in the unit of the value it belongs to.

    ``kind`` says what varies: "sampling" (another volume of the same electrode, from the variance
    between blocks of this one), or "exact count" (0: the number is exact for these voxels and no
    statement is made about others).
    """

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, standard_error: float, kind: str = SAMPLING) -> "Uncertainty":
        """A standard error ≥ 0 of the given kind."""
        made = super().__new__(cls, standard_error)
        made.kind = kind
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Uncertainty, (float(self), self.kind)

    def __str__(self) -> str:
        return repr(float(self))

    def __repr__(self) -> str:
        return f"Uncertainty({float(self)!r}, kind={self.kind!r})"


@dataclass(frozen=True, slots=True)
class SolveReport:
    """How an iteration ended.

    ``error_estimate`` is the estimated relative error of the returned number, to be compared with
    ``tolerance``; ``residual`` is |b - A x| / |b|; ``fallen`` is by how much the energy fell,
    ``rate`` the ratio of one iteration's fall to that before it towards the end.
    """

    iterations: int
    residual: float
    tolerance: float
    error_estimate: float
    seconds: float
    device: str
    fallen: float = 0.0
    rate: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and text."""
        inner = ("fallen", "rate")  # for those who continue the iteration
        return {name: getattr(self, name) for name in self.__slots__ if name not in inner}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number: value, unit, how it was obtained, and its standard error."""

    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport | None = None

    def to_dict(self) -> dict[str, Any]:
        """The quantity as plain numbers and text; an infinite or undefined value becomes None."""
        return {
            "value": finite(self.value),
            "unit": self.unit,
            "method": self.method,
            "uncertainty": finite(self.uncertainty),
            "uncertainty_kind": self.uncertainty.kind,
            "report": self.report and self.report.to_dict(),
        }

    def __str__(self) -> str:
        error = f" ± {self.uncertainty:.2g}" if self.uncertainty > 0 else ""
        if math.isnan(self.uncertainty):
            error = " ± unknown"
        return f"{self.value:.4g}{error} {self.unit}".removesuffix(" 1")

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b> <small>{html.escape(self.method)}</small>"


def finite(value: float | None) -> float | None:
    """``value`` as a plain float, or None where it is infinite or undefined (for JSON)."""
    return float(value) if value is not None and math.isfinite(value) else None
