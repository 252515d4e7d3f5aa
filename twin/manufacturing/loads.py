"""Loads: a stress in Pa or a line load in N/m, never taken for each other. Arrays: any shape."""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing._units import STRESS

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
        length = reals(contact_length)
        if length.ndim or not (np.isfinite(length) and length > 0):
            raise InvalidInputError(
                f"contact_length is {contact_length!r}: give the length in metres, > 0, over "
                "which the rollers touch the web"
            )
        return Stress(self.value / float(length))


Load: TypeAlias = Stress | LineLoad


def checked_load(load: object, takes: type[Load], of: str, *, stacklevel: int = 4) -> Reals:
    """The numbers of ``load``, if it is of the kind that ``of`` takes. Raises InvalidInputError.

    Warns:
        UnitWarning: a stress below 1 kPa, told at ``stacklevel`` (4: the caller of ``of``).
    """
    if isinstance(load, takes):
        if isinstance(load, Stress):
            STRESS.doubt(load.value, stacklevel=stacklevel)
        return np.asarray(load.value)
    write = f"{takes.__name__}(…), in {takes.unit}"
    hint = ""
    if isinstance(load, LineLoad) and takes is Stress:
        hint = ", or line_load.spread_over(contact_length)"
    raise InvalidInputError(f"{of} is given {load!r}, but takes a load of the kind {write}{hint}")


def reals(value: Any) -> Reals:
    """A new array of floats; NaN for what holds anything but numbers, text of numbers included."""
    try:
        found = np.array(value)
    except ValueError:  # lists of different length
        return np.array(np.nan)
    return found.astype(float) if found.dtype.kind in "iuf" else np.array(np.nan)


def _checked(value: Any, name: str, unit: str) -> Any:
    numbers = reals(value)
    if not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise InvalidInputError(
            f"{name} {value!r} is no load: give finite numbers ≥ 0 in {unit}, positive in "
            "compression"
        )
    numbers.flags.writeable = False
    return float(numbers) if numbers.ndim == 0 else numbers
