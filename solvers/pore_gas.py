"""Gas in pores: its diffusivity where it meets gas (bulk) and walls (Knudsen). SI units, m²/s."""

import math
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.checks import checked_volume
from solvers.pore_size import local_diameter

GAS_CONSTANT = 8.31446261815324  # J/(mol K), exact since 2019

Field = NDArray[np.float64]


def gas_diffusivity(
    volume: Volume,
    phase: Phase,
    *,
    bulk: float,
    molar_mass: float,
    temperature: float,
    diameter: Literal["local"] | float = "local",
) -> Field:
    """Diffusivity of a gas in each voxel of the pores, by Bosanquet from the pores' local width.

    ``effective_diffusivity(volume, {"pore": field, "NMC": 0.0})`` solves with it.

    Args:
        volume: labels of shape (nz, ny, nx).
        phase: the pores, by name or id.
        bulk: diffusivity > 0 in m²/s of the gas in the other one in free space, at the pressure in
            the pores; inf leaves the gas to the walls alone.
        molar_mass: of the gas, kg/mol.
        temperature: K.
        diameter: of the pores: "local" takes ``local_diameter``, a number in m (inf for no walls)
            is taken everywhere.

    Returns:
        m²/s, shape (nz, ny, nx); 0 off the phase.

    Raises:
        InvalidInputError: a number is not > 0, or neither gas nor walls hinder the gas.
        UnknownPhaseError: the volume has no such phase.
        MemoryBudgetError: the local diameters would not fit.

    Accuracy: the local rule takes each voxel for a long round pore of its own width, with walls
        that scatter diffusely; it is exact in straight round pores. D_K goes as the width, so
        pores of few voxels carry the error of ``local_diameter``. Total pressure is taken as
        uniform.
    """
    label = checked_volume(volume).phase_id(phase)
    mask = volume.labels == label
    free = _positive(bulk, "bulk", most=math.inf)
    _positive(molar_mass, "molar_mass", most=1.0), _positive(temperature, "temperature")
    width: Any = local_diameter(volume, label)[mask] if _is_local(diameter) else diameter
    if math.isinf(free) and np.isinf(width).any():
        raise InvalidInputError(
            f"bulk is inf and {phase!r} has no walls either, so that nothing hinders the gas: give "
            "a finite bulk, or a diameter in m"
        )
    field = np.zeros(volume.shape)
    field[mask] = bosanquet(bulk, knudsen_diffusivity(width, molar_mass, temperature))
    return field


def knudsen_diffusivity(diameter: ArrayLike, molar_mass: float, temperature: float) -> Any:
    """Diffusivity in m²/s of gas that meets only the walls of a round pore: d/3 sqrt(8RT/πM).

    Args:
        diameter: d > 0 of the pore in m, a number or an array; inf for no wall.
        molar_mass: M, kg/mol.
        temperature: T, K.

    Returns:
        A float, or an array in the shape of ``diameter``.

    Raises:
        InvalidInputError: a number is not > 0.

    Accuracy: for walls that scatter diffusely and pores long against their width. A flat slit of
        width w has no such constant: its D_K exceeds that of d = w.
    Source: M. Knudsen, Ann. Phys. 333 (1909) 75, doi:10.1002/andp.19093330106 [not opened].
    """
    mass = _positive(molar_mass, "molar_mass", most=1.0)
    speed = math.sqrt(8 * GAS_CONSTANT * _positive(temperature, "temperature") / (math.pi * mass))
    return _each_positive(diameter, "diameter") * (speed / 3)


def bosanquet(bulk: ArrayLike, knudsen: ArrayLike) -> Any:
    """Diffusivity in m²/s of gas that meets both gas and wall: 1/(1/D + 1/D_K).

    Args:
        bulk: D > 0, a number or an array; inf where only walls matter.
        knudsen: D_K > 0, likewise; inf where there are none.

    Returns:
        A float, or an array if either is one.

    Raises:
        InvalidInputError: a number is not > 0.

    Accuracy: follows from the dusty-gas model for equal and opposite fluxes at uniform pressure.
    Source: W. G. Pollard, R. D. Present, Phys. Rev. 73 (1948) 762,
        doi:10.1103/PhysRev.73.762 [not opened].
    """
    resistance = 1 / _each_positive(bulk, "bulk") + 1 / _each_positive(knudsen, "knudsen")
    with np.errstate(divide="ignore"):
        return np.divide(1.0, resistance)[()]


def _is_local(diameter: Any) -> bool:
    if isinstance(diameter, str):
        if diameter != "local":
            raise InvalidInputError(
                f"diameter {diameter!r} is unknown: choose 'local', or give one in m"
            )
        return True
    _positive(diameter, "diameter", most=math.inf)
    return False


def _each_positive(values: ArrayLike, name: str) -> Any:
    """``values`` as a float or an array, if all of them are > 0."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        array = np.array(math.nan)
    if not (array > 0).all():
        raise InvalidInputError(f"{name} is {values!r}: give numbers > 0 in SI units")
    return array[()]


def _positive(value: Any, name: str, most: float = 1e5) -> float:
    """``value`` if it is in 0…``most``, 0 excluded."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not (is_number and 0 < float(value) <= most):
        hint = " (g/mol?)" if name == "molar_mass" else ""
        raise InvalidInputError(
            f"{name} is {value!r}{hint}: give a number > 0 in SI units"
            + ("" if math.isinf(most) else f", at most {most:g}")
        )
    return float(value)
