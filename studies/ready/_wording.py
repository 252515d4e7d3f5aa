"""Wording: numbers with their units, and parameters, in words."""

from typing import Any


def with_unit(value: float, unit: str, digits: int = 4) -> str:
    """A number in words, without a unit that is none."""
    return f"{value:.{digits}g}" if unit in ("", "1") else f"{value:.{digits}g} {unit}"


def said(value: Any) -> str:
    """The value of a parameter: a number in short, a text or a list as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value)
