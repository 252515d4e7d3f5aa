"""Wording of numbers: digits that the error allows, readable units, lengths. Input is SI."""

import math
from dataclasses import dataclass, replace

DIGITS_OF_ERROR = 2
DIGITS_OF_EXACT = 4
MOST_DIGITS = 6  # of a value, however small its error
ROUNDING = 1e-9  # of a value; what is smaller is no error but rounding of floats

_READABLE = {  # SI unit: (readable unit, factor to it)
    "m²/m³": ("µm⁻¹", 1e-6),
    "1/m": ("µm⁻¹", 1e-6),
    "m/m³": ("µm⁻²", 1e-12),
}
_CHOSEN = {"GPa": ("Pa", 1e-9), "MPa": ("Pa", 1e-6), "nm": ("m", 1e9)}
_ALSO = {"m²/m³": ("m²/m³", 1.0), "1/m": ("1/m", 1.0), "m/m³": ("m/m³", 1.0), "S/m": ("mS/cm", 10)}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as a reader sees it: ``(value ± error) power unit``, each empty where not needed.

    ``resolution`` is its error by the size of the voxels, in the same unit.
    """

    value: str
    error: str = ""
    power: str = ""
    unit: str = ""
    note: str = ""
    is_number: bool = True
    resolution: str = ""

    def __str__(self) -> str:
        number = f"{self.value} ± {self.error}" if self.error else self.value
        if self.power:
            number = f"({number}) {self.power}" if self.error else f"{number} {self.power}"
        return f"{number} {self.unit}".strip()


def readable(unit: str, *, share: bool = False) -> tuple[str, float]:
    """The unit in which people read such a number, and the factor to it; % for a share."""
    return ("%", 100.0) if share else _READABLE.get(unit, (unit, 1.0))


def shown(
    value: float,
    error: float,
    unit: str,
    status: str = "ok",
    *,
    share: bool = False,
    unit_shown: str = "",
    resolution: float | None = None,
) -> Shown:
    """A number in its readable unit; words where there is none. ``share`` writes percent.

    ``unit_shown`` chooses one of several readable units, "GPa" or "MPa".
    """
    note = "" if status == "ok" else status
    if not math.isfinite(value):
        return Shown(note or "not defined", is_number=False)
    read_in, factor = readable(unit, share=share)
    if unit_shown and _CHOSEN[unit_shown][0] == unit:
        read_in, factor = unit_shown, _CHOSEN[unit_shown][1]
    number = rounded(value * factor, error * factor, "" if read_in == "1" else read_in, note)
    if resolution is None or not math.isfinite(resolution):
        return number
    return replace(number, resolution=plain(float(f"{resolution * factor:.2g}")))


def also(value: float, error: float, unit: str) -> Shown | None:
    """The same number in the other unit that people use, if there is one."""
    if unit not in _ALSO or not math.isfinite(value) or value == 0:
        return None
    other, factor = _ALSO[unit]
    return rounded(value * factor, error * factor, other)


def rounded(value: float, error: float, unit: str = "", note: str = "") -> Shown:
    """Value and standard error down to the second digit of the error, or the value's sixth.

    The error text is empty where the error is 0 and "unknown" where it is not defined.
    """
    error = 0.0 if error < ROUNDING * abs(value) else error
    known = math.isfinite(error) and error > 0
    places = _places(error, DIGITS_OF_ERROR) if known else _places(value, DIGITS_OF_EXACT)
    if known and value:
        places = min(places, _places(value, MOST_DIGITS))
        error = max(error, 10.0**-places)  # never shown as 0
    exponent = _exponent(max(abs(value), error if known else 0.0), places)
    decimals = max(places + exponent, 0)
    unknown = "" if error == 0 else "unknown"
    return Shown(
        value=f"{value / 10.0**exponent:.{decimals}f}",
        error=f"{error / 10.0**exponent:.{decimals}f}" if known else unknown,
        power=_power(exponent).strip(),
        unit=unit,
        note=note,
    )


def plain(value: float) -> str:
    """A given number with the digits it was given: 1.18, 1 × 10⁻⁵."""
    mantissa, _, exponent = f"{value:g}".partition("e")
    return mantissa + _power(int(exponent)) if exponent else mantissa


def round_length(metres: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ m that is no longer than ``metres``."""
    power = 10.0 ** math.floor(math.log10(metres))
    return max(step * power for step in (1, 2, 5) if step * power <= metres * (1 + 1e-9))


def duration(seconds: float) -> str:
    """A time as people say it: 0.42 s, 12 s, 3 min 5 s, 2 h 7 min."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def _places(number: float, digits: int) -> int:
    """Decimal places that leave so many significant digits."""
    if number == 0 or not math.isfinite(number):
        return 0
    return digits - 1 - math.floor(math.log10(abs(number)))


def _exponent(largest: float, places: int) -> int:
    """Power of ten to take out: none from 0.001 up to 99 999, if all those digits are known."""
    magnitude = math.floor(math.log10(largest)) if largest else 0
    return magnitude if magnitude < -3 or magnitude > 4 or places < 0 else 0


def _power(exponent: int) -> str:
    return f" × 10{str(exponent).translate(_SUPERSCRIPTS)}" if exponent else ""
