"""Areal capacity, N/P ratio and wet film of a coating. Ah/m², m, kg/m³; capacities in Ah/kg."""

import math
from collections.abc import Collection
from typing import Any

from microstructures.errors import InvalidInputError
from twin.manufacturing._units import AREAL_CAPACITY, LOADING, THICKNESS
from twin.manufacturing.composition import Shares, mixture_density, positive


def areal_capacity(
    thickness: float, active_fraction: float, density: float, specific_capacity: float
) -> float:
    """Capacity per area in Ah/m²: L ε_AM ρ q; 10 Ah/m² is 1 mAh/cm².

    Args:
        thickness: L of the coating, m, without the foil.
        active_fraction: ε_AM, volume fraction of the active material, above 0 and at most 1.
        density: ρ of the active material itself, kg/m³.
        specific_capacity: q of the active material, Ah/kg, which is mAh/g.

    Raises:
        InvalidInputError: an argument is out of range.

    Warns:
        UnitWarning: a thickness above 1 cm or below 100 nm, or a result above 1000 Ah/m².
    """
    share = _share(active_fraction, "active_fraction")
    mass = positive(thickness, "thickness") * share * positive(density, "density")
    capacity = mass * positive(specific_capacity, "specific_capacity")
    THICKNESS.doubt(thickness)
    AREAL_CAPACITY.doubt(capacity)
    return capacity


def np_ratio(negative_capacity: float, positive_capacity: float) -> float:
    """Areal capacity of the negative electrode over that of the positive one, where they overlap.

    Above 1 the negative electrode takes all lithium without plating; both in Ah/m², > 0, and
    doubted with a UnitWarning above 1000.
    """
    negative = positive(negative_capacity, "negative_capacity")
    counter = positive(positive_capacity, "positive_capacity")
    AREAL_CAPACITY.doubt([negative, counter])
    return negative / counter


def wet_thickness(
    loading: float, slurry: Shares, densities: Shares, *, solvents: Collection[str]
) -> float:
    """Thickness in m of the wet film that dries to a coating.

    Args:
        loading: mass of the dry coating per area, kg/m².
        slurry: mass fraction of everything in the slurry by name, with a sum of 1.
        densities: of the same, kg/m³.
        solvents: those that evaporate, wholly.

    Raises:
        InvalidInputError: nothing stays, a solvent is unknown, or a number is impossible.

    Warns:
        UnitWarning: a loading above 10 or below 1e-5 kg/m².
    """
    wet_density = mixture_density(slurry, densities)
    _known(solvents, slurry)
    stays = math.fsum(share for name, share in slurry.items() if name not in solvents)
    dry = _share(min(stays, 1.0), "share of the slurry that stays")
    film = positive(loading, "loading") / dry / wet_density
    LOADING.doubt(loading)
    return film


def _known(names: Any, slurry: Shares) -> None:
    is_list = isinstance(names, Collection) and not isinstance(names, str)
    if not is_list or any(name not in slurry for name in names):
        raise InvalidInputError(
            f"solvents {names!r} are not in the slurry of {sorted(slurry)}: give a tuple of names"
        )


def _share(value: float, name: str) -> float:
    if positive(value, name) > 1:
        raise InvalidInputError(f"{name} is {value!r}: give a fraction of at most 1")
    return float(value)
