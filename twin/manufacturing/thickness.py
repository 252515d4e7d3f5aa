"""Thickness, density and porosity of a coating whose solid is conserved: (1 − ε) h is constant.

Porosity is the total one, nanopores included. Arguments are numbers or arrays that broadcast.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError

Reals: TypeAlias = NDArray[np.float64]

ROUND_OFF = 1e-12  # of a porosity, where a coating is pressed to its solid


def porosity_at_thickness(
    initial_porosity: ArrayLike, initial_thickness: ArrayLike, thickness: ArrayLike
) -> Reals:
    """Porosity of a coating pressed or swollen to another thickness: ε = 1 − (1 − ε₀) h₀/h.

    The coating is taken not to grow sideways.

    Args:
        initial_porosity: ε₀ in 0…1, 1 excluded.
        initial_thickness: h₀ > 0 of the coating without its foil, m.
        thickness: h > 0 in m.

    Raises:
        InvalidInputError: the solid does not fit into h, or an argument is out of range.
    """
    compression = _positive(initial_thickness, "initial_thickness") / _positive(
        thickness, "thickness"
    )
    return _after(initial_porosity, compression, "thickness", "thicker")


def thickness_at_porosity(
    initial_porosity: ArrayLike, initial_thickness: ArrayLike, porosity: ArrayLike
) -> Reals:
    """Thickness in m of a coating pressed to another porosity: h = h₀ (1 − ε₀) / (1 − ε)."""
    solid = (1 - _porosity(initial_porosity)) / (1 - _porosity(porosity))
    return np.asarray(_positive(initial_thickness, "initial_thickness") * solid)


def porosity_at_density(
    initial_porosity: ArrayLike, initial_density: ArrayLike, density: ArrayLike
) -> Reals:
    """Porosity of a coating pressed to another density: ε = 1 − (1 − ε₀) ρ/ρ₀.

    Args:
        initial_porosity: ε₀ in 0…1, 1 excluded.
        initial_density: ρ₀ > 0 of the coating, kg/m³.
        density: ρ > 0 in kg/m³.

    Raises:
        InvalidInputError: ρ is above the density without pores, or an argument is out of range.
    """
    compression = _positive(density, "density") / _positive(initial_density, "initial_density")
    return _after(initial_porosity, compression, "density", "less dense")


def density_at_porosity(
    initial_porosity: ArrayLike, initial_density: ArrayLike, porosity: ArrayLike
) -> Reals:
    """Density in kg/m³ of a coating pressed to another porosity: ρ = ρ₀ (1 − ε) / (1 − ε₀)."""
    solid = (1 - _porosity(porosity)) / (1 - _porosity(initial_porosity))
    return np.asarray(_positive(initial_density, "initial_density") * solid)


def sprung_back(
    initial_thickness: ArrayLike, thickness_under_load: ArrayLike, recovery: ArrayLike = 0.0
) -> Reals:
    """Thickness in m after the load is gone: h = h_B + r (h₀ − h_B).

    Args:
        initial_thickness: h₀ in m, before pressing.
        thickness_under_load: h_B in m, at most h₀.
        recovery: r in 0…1, the share of the compression that comes back. Papers also relate
            recovery to h_B: multiply theirs by h_B / (h₀ − h_B).

    Raises:
        InvalidInputError: an argument is out of range.

    Accuracy: r is an input. 0.10 to 0.17 is quoted of one discrete-element study
        (doi:10.1016/j.powtec.2019.03.020 [not opened: verify], also which thickness it refers to).
    """
    free = _positive(initial_thickness, "initial_thickness")
    loaded = _positive(thickness_under_load, "thickness_under_load")
    share = np.asarray(recovery, dtype=float)
    if not np.all((share >= 0) & (share <= 1)):
        raise InvalidInputError(f"recovery {recovery!r} is no share: give a number in 0…1")
    if np.any(loaded > free):
        raise InvalidInputError(
            f"thickness_under_load {thickness_under_load!r} is above initial_thickness "
            f"{initial_thickness!r}: nothing was compressed, so swap them or correct one"
        )
    return np.asarray(loaded + share * (free - loaded))


def _after(initial_porosity: ArrayLike, compression: Reals, what: str, less: str) -> Reals:
    porosity = 1 - (1 - _porosity(initial_porosity)) * compression
    if np.any(porosity < -ROUND_OFF):
        raise InvalidInputError(
            f"{what} leaves a porosity of {porosity.min():.4g}: the solid of initial_porosity "
            f"{initial_porosity!r} does not fit, so make it {less} or correct initial_porosity"
        )
    return np.maximum(porosity, 0.0)


def _positive(value: ArrayLike, name: str) -> Reals:
    numbers = np.asarray(value, dtype=float)
    if not np.all(np.isfinite(numbers) & (numbers > 0)):
        raise InvalidInputError(f"{name} is {value!r}: give finite numbers > 0 in SI units")
    return numbers


def _porosity(value: ArrayLike) -> Reals:
    numbers = np.asarray(value, dtype=float)
    if not np.all((numbers >= 0) & (numbers < 1)):
        raise InvalidInputError(f"porosity {value!r} is not in 0…1, 1 excluded: give fractions")
    return numbers
