"""Loads: a stress in Pa or a line load in N/m, never taken for each other. Arrays: any shape."""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError

Reals: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stress:
    """Compressive stress on the coating, a number or an array ≥ 0 in Pa.

    Raises:
        InvalidInputError: a value is negative or not finite.
    """

    value: Any
    unit: ClassVar[str] = "Pa"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _checked(self.value, "stress", "Pa"))


@dataclass(frozen=True, slots=True, eq=False)
class LineLoad:
    """Force of the rollers per width of the web, a number or an array ≥ 0 in N/m.

    Raises:
        InvalidInputError: a value is negative or not finite.
    """

    value: Any
    unit: ClassVar[str] = "N/m"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _checked(self.value, "line load", "N/m"))

    def spread_over(self, contact_length: float) -> Stress:
        """The mean stress if the rollers touch the web over so many metres in its direction.

        The only way from a line load to a stress: nobody but you knows the contact length.
        """
        if not (np.isfinite(contact_length) and contact_length > 0):
            raise InvalidInputError(
                f"contact_length is {contact_length!r}: give the length in metres, > 0, over "
                "which the rollers touch the web"
            )
        return Stress(self.value / contact_length)


Load: TypeAlias = Stress | LineLoad


def checked_load(load: object, takes: type[Load], of: str) -> Reals:
    """The numbers of ``load``, if it is of the kind that ``of`` takes. Raises InvalidInputError."""
    if isinstance(load, takes):
        return np.asarray(load.value)
    write = f"{takes.__name__}(…), in {takes.unit}"
    hint = ""
    if isinstance(load, LineLoad) and takes is Stress:
        hint = ", or line_load.spread_over(contact_length)"
    raise InvalidInputError(f"{of} is given {load!r}, but takes a load of the kind {write}{hint}")


def _checked(value: ArrayLike, name: str, unit: str) -> Any:
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise InvalidInputError(
            f"{name} {value!r} is no load: give finite numbers ≥ 0 in {unit}, positive in "
            "compression"
        )
    numbers.flags.writeable = False
    return float(numbers) if numbers.ndim == 0 else numbers
