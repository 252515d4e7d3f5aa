"""Dimensions: which unit the end of a key may carry, and between which bounds its number lies.

They are known of the keys of an electrode's recipe; a key that is not there may be anything.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from microstructures.errors import InvalidInputError

UNITS = {
    "a length": {"nm": 1e-9, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "mm": 1e-3},
    "a pressure": {"kPa": 1e3, "MPa": 1e6, "GPa": 1e9},
    "a share": {"percent": 1e-2},
    "an areal capacity": {"mAh_cm2": 10.0},
    "a density": {"g_cm3": 1e3},
}
"""By dimension: units that the end of a key may carry, and what they are in SI."""

KEYS = {
    "a length": (
        "spacing", "thickness", "electrode_thickness", "radius", "particle_radius",
        "active_radius", "electrolyte_radius", "length", "lengths", "diameter", "width",
        "boundary_width", "depth", "pitch", "resolution",
    ),
    "a pressure": ("pressure", "pressures", "strength", "youngs_modulus", "yield_stress"),
    "a share": (
        "porosity", "total_porosity", "nanoporosity", "fraction", "fractions", "solid_fraction",
        "boundary_fraction", "binder", "preference", "recovery", "neck", "level", "active_share",
        "radius_deviation", "tolerance",
    ),
    "an areal capacity": ("areal_capacity",),
    "a density": ("density",),
    "a mass per area": ("loading",),
    "a charge per volume": ("volumetric_capacity",),
    "a temperature": ("temperature",),
    "a rate": ("rates", "limit_rate"),
    "a resistance of an area": ("contact_resistance",),
}  # fmt: skip
"""By dimension: keys of an electrode's recipe."""

DIMENSION = {name: dimension for dimension, names in KEYS.items() for name in names}
WRITE = {
    "a length": "{0}_um = 4, or {0} = 4e-6 in m",
    "a pressure": "{0}_MPa = 0.1, or {0} = 1e5 in Pa",
    "a share": "{0}_percent = 30, or {0} = 0.30",
    "an areal capacity": "{0}_mAh_cm2 = 4, or {0} = 40 in Ah/m²",
    "a density": "{0}_g_cm3 = 4.7, or {0} = 4700 in kg/m³",
    "a mass per area": "{0} = 0.2 in kg/m², or areal_capacity_mAh_cm2 = 4 instead",
    "a charge per volume": "{0} = 4e5 in Ah/m³",
    "a temperature": "{0} = 298.15 in K",
    "a rate": "{0} in 1/h",
    "a resistance of an area": "{0} = 1e-3 in Ω m²",
}
LONGEST = 1e-2  # m; no electrode is as thick, and the number was meant in another unit


def check_unit(key: str, name: str, unit: str) -> None:
    """Raises InvalidInputError if ``unit``, at the end of ``key``, is none of ``name``."""
    wanted = DIMENSION.get(name)
    if wanted is not None and unit not in UNITS.get(wanted, {}):
        (given,) = [dimension for dimension, units in UNITS.items() if unit in units]
        raise InvalidInputError(
            f"{key!r} ends with the unit of {given}, but {name} is {wanted}: write "
            f"{WRITE[wanted].format(name)}"
        )


def check_bounds(table: Mapping[str, Any], where: str) -> None:
    """Raises InvalidInputError for a length or a share in a table that no electrode has.

    Args:
        table: in SI units; tables in it, and lists of them, are looked at as well.
        where: it is, for the message.
    """
    for key, value in table.items():
        dimension = DIMENSION.get(str(key))
        if dimension in ("a length", "a share"):
            for number in _numbers(value):
                _check(str(key), number, dimension, where)
        for inner in _tables(value):
            check_bounds(inner, where)


def _tables(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tables(one)


def _numbers(value: Any) -> Iterator[float]:
    """Of a number, a list or the values of a table; what is none is for others to refuse."""
    if isinstance(value, Mapping):  # by phase; the numbers of a law of sizes are of all kinds
        value = [] if "law" in value else list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def _check(key: str, number: float, dimension: str, where: str) -> None:
    most = LONGEST if dimension == "a length" else 1.0
    if 0.0 <= number <= most:
        return
    if number < 0.0 or math.isnan(number):
        how = f"write {WRITE[dimension].format(key)}"
    elif dimension == "a length":
        how = f"{number:g} µm are {key}_um = {number:g}, or {key} = {number * 1e-6:g} in m"
    elif number <= 100.0:
        how = f"{number:g} % is {key} = {number / 100:g} or {key}_percent = {number:g}"
    else:
        how = f"30 % is {key} = 0.30 or {key}_percent = 30"
    bounds = f"0…{most:g} m" if dimension == "a length" else "0…1"
    raise InvalidInputError(
        f"{key!r} of {where} is {number:g}, but {dimension} lies within {bounds}: {how}"
    )
