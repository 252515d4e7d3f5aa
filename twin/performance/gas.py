"""Hydrogen and water that pass each other in pores. SI units, pressures in Pa.

Both diffuse at opposite and equal rates. With negligible viscous flow the dusty-gas model then is
Fick's law for each of them, with a constant diffusivity by Bosanquet: linear profiles are exact.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance._units import hot
from twin.performance.merit import FARADAY
from twin.performance.tpb_kinetics import GAS_CONSTANT

Bulk: TypeAlias = Literal["fuller", "chapman-enskog"]
Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gas:
    """A gas.

    Args:
        molar_mass: kg/mol.
        diffusion_volume: of Fuller, in his unit (cm³/mol).
        diameter: of Lennard and Jones, m.
        energy: of Lennard and Jones over k_B, K.
    """

    molar_mass: float
    diffusion_volume: float
    diameter: float
    energy: float


# volumes and diameters read in open codes that tabulate them; energies from memory: verify
HYDROGEN = Gas(2.01588e-3, 6.12, 2.827e-10, 59.7)
WATER = Gas(18.01528e-3, 13.1, 2.641e-10, 809.1)


@dataclass(frozen=True, slots=True)
class Fuel:
    """Hydrogen and water in the gas channel, without any other gas.

    Args:
        temperature: K, at least 473.
        hydrogen: partial pressure > 0, Pa.
        water: partial pressure > 0, Pa.

    Raises:
        InvalidInputError: a pressure is not > 0, or the temperature below 473 K.
    """

    temperature: float
    hydrogen: float
    water: float

    def __post_init__(self) -> None:
        hot(self.temperature)
        for name in ("hydrogen", "water"):
            positive(getattr(self, name), name)

    @classmethod
    def wet(cls, temperature: float, share: float = 0.03, pressure: float = 101325.0) -> "Fuel":
        """Hydrogen with a share of water by volume, inside 0…1, at a total pressure in Pa."""
        if not 0 < share < 1:
            raise InvalidInputError(f"share is {share!r}: give that of water, inside 0…1")
        return cls(temperature, (1 - share) * pressure, share * pressure)

    @property
    def pressure(self) -> float:
        """Total pressure, Pa."""
        return self.hydrogen + self.water

    @property
    def thermal_voltage(self) -> float:
        """RT/F in V."""
        return GAS_CONSTANT * self.temperature / FARADAY


def binary_diffusivity(
    temperature: float,
    pressure: float,
    *,
    gases: tuple[Gas, Gas] = (HYDROGEN, WATER),
    method: Bulk = "fuller",
) -> float:
    """Diffusivity in m²/s of two gases in each other, in free space.

    Args:
        temperature: K.
        pressure: total, Pa.
        gases: by default hydrogen and water.
        method: "fuller" or "chapman-enskog", the latter with the collision integral of Neufeld.

    Raises:
        InvalidInputError: a number is not > 0, or the method is unknown.

    Accuracy: 5 to 10 %, as usually said of both.
    Source: B. E. Poling, J. M. Prausnitz, J. P. O'Connell, The Properties of Gases and Liquids,
        5th ed. (2001), eqs. 11-3.2, 11-3.6 and 11-4.4 [not opened: verify]; the equation of Fuller
        was read in open codes.
    """
    positive(temperature, "temperature"), positive(pressure, "pressure")
    if method not in ("fuller", "chapman-enskog"):
        raise InvalidInputError(
            f"method {method!r} is unknown: choose 'fuller' or 'chapman-enskog'"
        )
    one, two = gases
    mass = 2e3 / (1 / one.molar_mass + 1 / two.molar_mass)  # both equations want g/mol
    if method == "fuller":
        size = float(np.cbrt(one.diffusion_volume) + np.cbrt(two.diffusion_volume)) ** 2
        found = 0.00143 * temperature**1.75 / size
    else:
        size = ((one.diameter + two.diameter) / 2 * 1e10) ** 2  # Å²
        reduced = temperature / math.sqrt(one.energy * two.energy)
        found = 0.00266 * temperature**1.5 / (size * collision_integral(reduced))
    return found / (pressure * 1e-5 * math.sqrt(mass)) * 1e-4  # from bar and cm²/s


def collision_integral(reduced: float) -> float:
    """Ω_D of the Lennard-Jones potential at a temperature in ε/k_B.

    Source: P. D. Neufeld, A. R. Janzen, R. A. Aziz, J. Chem. Phys. 57 (1972) 1100,
        doi:10.1063/1.1678363 [not opened: verify]; tested against tabulated values.
    """
    t = positive(reduced, "reduced")
    decaying = ((0.193, 0.47635), (1.03587, 1.52996), (1.76474, 3.89411))
    return 1.06036 / t**0.1561 + sum(a * math.exp(-b * t) for a, b in decaying)


def knudsen_diffusivity(gas: Gas, temperature: float, radius: float) -> float:
    """Diffusivity in m²/s of a gas that meets only the wall of a pore: 2/3 r sqrt(8RT/πM).

    Args:
        gas: such as ``HYDROGEN``.
        temperature: K.
        radius: r of the pore, m; inf for no wall.

    Raises:
        InvalidInputError: a number is not > 0.
    """
    if not radius > 0:
        raise InvalidInputError(f"radius is {radius!r}: give that of the pores in m, or inf")
    energy = 8 * GAS_CONSTANT * positive(temperature, "temperature")
    return 2 / 3 * radius * math.sqrt(energy / (math.pi * gas.molar_mass))


def bosanquet(bulk: float, knudsen: float) -> float:
    """Diffusivity in m²/s of gas that meets both gas and wall: 1/(1/D + 1/D_K)."""
    return 1 / (1 / bulk + 1 / knudsen)


@dataclass(frozen=True, slots=True)
class PoreGas:
    """Hydrogen and water in the pores of a layer.

    Args:
        fuel: in the gas channel.
        relative_diffusivity: D_eff/D_0 of the pores, ε/τ, in 0…1, 0 excluded.
        pore_radius: mean, m; inf leaves the wall out.
        method: of the diffusivity in free space, as in ``binary_diffusivity``.

    Raises:
        InvalidInputError: a number is out of range.

    Accuracy: neglects the gradient of the total pressure that Knudsen diffusion calls for, and
        takes the relative diffusivity, one of a continuum, for the wall as well.
    """

    fuel: Fuel
    relative_diffusivity: float
    pore_radius: float = math.inf
    method: Bulk = "fuller"

    def __post_init__(self) -> None:
        if not 0 < self.relative_diffusivity <= 1:
            raise InvalidInputError(
                f"relative_diffusivity is {self.relative_diffusivity!r}: give D_eff/D_0 > 0, at "
                "most 1; pores that do not percolate feed no reaction"
            )
        self.effective(HYDROGEN)

    def effective(self, gas: Gas) -> float:
        """Effective diffusivity of one of the two gases in the layer, m²/s."""
        free = binary_diffusivity(self.fuel.temperature, self.fuel.pressure, method=self.method)
        wall = knudsen_diffusivity(gas, self.fuel.temperature, self.pore_radius)
        return self.relative_diffusivity * bosanquet(free, wall)

    @property
    def resistivity(self) -> float:
        """Slope of the concentration overpotential, per current density and length, in Ω m.

        (RT/2F)² [1/(p_H2 D_H2) + 1/(p_H2O D_H2O)], with effective diffusivities.
        """
        fuel = self.fuel
        inverse = 1 / (fuel.hydrogen * self.effective(HYDROGEN))
        inverse += 1 / (fuel.water * self.effective(WATER))
        return (GAS_CONSTANT * fuel.temperature / (2 * FARADAY)) ** 2 * inverse

    def resistance(self, length: float) -> float:
        """Resistance at zero current of gas that crosses ``length`` (m), in Ω m²."""
        return positive(length, "length") * self.resistivity

    def pressures(self, moved: ArrayLike) -> tuple[Array, Array]:
        """Pressures of hydrogen and water in Pa where gas of ∫ i dx = ``moved`` (A/m) has come to.

        ``moved`` is current density times length, positive where hydrogen is consumed. Pressures
        that come out negative mean that the gas cannot carry the current.
        """
        flux = np.asarray(moved, float) * GAS_CONSTANT * self.fuel.temperature / (2 * FARADAY)
        return (
            self.fuel.hydrogen - flux / self.effective(HYDROGEN),
            self.fuel.water + flux / self.effective(WATER),
        )

    def overpotential(self, current: ArrayLike, length: float) -> Array:
        """Concentration overpotential in V of a current (A/m²) whose gas crosses ``length`` (m).

        RT/2F ln[(p_H2⁰ p_H2O)/(p_H2 p_H2O⁰)]; NaN beyond the limiting currents.

        Raises:
            InvalidInputError: the length is not > 0.
        """
        return self.shift(*self.pressures(np.asarray(current, float) * positive(length, "length")))

    def shift(self, hydrogen: ArrayLike, water: ArrayLike) -> Array:
        """Nernst potential of local pressures (Pa) against that of the channel, V."""
        lost = np.asarray(hydrogen, float) / self.fuel.hydrogen
        gained = np.asarray(water, float) / self.fuel.water
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.fuel.thermal_voltage / 2 * (np.log(gained) - np.log(lost)))

    def limiting_currents(self, length: float) -> tuple[float, float]:
        """Cathodic (< 0) and anodic current in A/m² that use up water and hydrogen over a length.

        Raises:
            InvalidInputError: the length is not > 0.
        """
        per_pressure = 2 * FARADAY / (GAS_CONSTANT * self.fuel.temperature)
        per_pressure /= positive(length, "length")
        return (
            -per_pressure * self.fuel.water * self.effective(WATER),
            per_pressure * self.fuel.hydrogen * self.effective(HYDROGEN),
        )
