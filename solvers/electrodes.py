"""Electrodes: what touches the two outer faces normal to the flow, and what bounds the sides."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias, get_args

from microstructures.errors import InvalidInputError

End: TypeAlias = Literal["low", "high"]
Sides: TypeAlias = Literal["insulated", "periodic"]


@dataclass(frozen=True, slots=True)
class Electrodes:
    """A potential drop between the two outer faces normal to the axis of the flow.

    Args:
        contact_low: resistance ≥ 0 between the electrode at the low end and what touches it, such
            as a current collector, in Ω m² (in s/m for diffusion).
        contact_high: that at the high end.
        uniform_flux: the end, "low" or "high", at which not the potential is the same all over but
            the flux into all voxels that connect the ends; None for neither.
        sides: "insulated", or "periodic" where the volume repeats itself sideways.

    Raises:
        InvalidInputError: a resistance is negative, or a name is none of these.
    """

    contact_low: float = 0.0
    contact_high: float = 0.0
    uniform_flux: End | None = None
    sides: Sides = "insulated"

    def __post_init__(self) -> None:
        for name in ("contact_low", "contact_high"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and 0.0 <= float(value) < math.inf):
                raise InvalidInputError(f"{name} is {value!r}: give a resistance ≥ 0 in Ω m²")
        _one_of("uniform_flux", self.uniform_flux, (None, *get_args(End)))
        _one_of("sides", self.sides, get_args(Sides))
        if self.uniform_flux is not None and getattr(self, f"contact_{self.uniform_flux}"):
            raise InvalidInputError(
                f"contact_{self.uniform_flux} has no say where the flux is uniform, since it adds "
                "the same resistance everywhere: add it to the result, or leave out uniform_flux"
            )

    @property
    def contacts(self) -> tuple[float, float]:
        """Contact resistances at the low and the high end."""
        return float(self.contact_low), float(self.contact_high)

    @property
    def is_plain(self) -> bool:
        """True for perfect electrodes and insulated sides."""
        return self == Electrodes()

    def __str__(self) -> str:
        """What the method of a result says of it."""
        parts = ["electrodes on the outer faces"]
        if any(self.contacts):
            parts[0] += f" with contact resistances {self.contact_low:g} and {self.contact_high:g}"
        if self.uniform_flux:
            parts.append(f"uniform flux at the {self.uniform_flux} end")
        return ", ".join([*parts, f"{self.sides} sides"])


Boundary: TypeAlias = Electrodes | Literal["electrodes", "periodic"]


def checked_boundary(boundary: Any) -> Electrodes | None:
    """The electrodes, or None for a volume that repeats itself along all axes."""
    if isinstance(boundary, Electrodes):
        return boundary
    if boundary == "electrodes":
        return Electrodes()
    if boundary == "periodic":
        return None
    raise InvalidInputError(
        f"boundary {boundary!r} is unknown: use 'electrodes', 'periodic' or solvers.Electrodes(…)"
    )


def _one_of(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if value not in known:
        raise InvalidInputError(f"{name} is {value!r}: choose one of {known}")
