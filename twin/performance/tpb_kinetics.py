"""Charge transfer along a triple-phase boundary, per length of the line. SI units, pressures in Pa.

Anodic current, which makes water of hydrogen, is positive.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance.merit import FARADAY

GAS_CONSTANT = 8.31446261815324  # J/(mol K), exact since 2019
STEEPEST = 200.0  # exponent at which Butler and Volmer are cut off: no iterate overflows

Range: TypeAlias = tuple[float, float]
Array: TypeAlias = NDArray[np.float64]


class KineticsWarning(UserWarning):
    """Kinetics used outside the conditions they were measured in."""


class Kinetics(Protocol):
    """What a cermet asks of kinetics: your own need no more than these three."""

    def current(
        self, overpotential: ArrayLike, temperature: float, hydrogen: ArrayLike, water: ArrayLike
    ) -> Array:
        """Current per length in A/m at a local overpotential (V) and local pressures (Pa)."""
        ...

    def resistance(self, temperature: float, hydrogen: float, water: float) -> float:
        """Line-specific resistance in Ω m: slope of the overpotential at zero current."""
        ...

    def warn_outside(self, temperature: float, hydrogen: float, water: float) -> None:
        """Warn with a KineticsWarning if the conditions are not those of the measurement."""
        ...


@dataclass(frozen=True, slots=True)
class LineKinetics:
    """Butler–Volmer with an exchange current that is a power law: your own in one line.

    i = i₀ [exp(α_a F η/RT) - exp(-α_c F η/RT)],  i₀ = k p_H2^a p_H2O^b exp(-E/RT)

    ``LineKinetics("measured", 2.1e-4)`` is 2.1e-4 A/m in any gas.

    Args:
        name: in words.
        prefactor: k > 0, so that i₀ is in A/m with the pressures in Pa.
        hydrogen_order: a, of either sign.
        water_order: b, of either sign.
        activation_energy: E ≥ 0, J/mol.
        anodic: α_a > 0; 1 is two electrons shared evenly between both directions.
        cathodic: α_c > 0.
        temperatures: lowest and highest of the measurement, K.
        hydrogen: lowest and highest pressure of hydrogen, Pa.
        water: lowest and highest pressure of water, Pa.
        source: where the numbers are from.
        doi: of the source.
        verified: True only if the numbers were read at the source itself.
        note: what else to know.

    Raises:
        InvalidInputError: a number or range is impossible.
    """

    name: str
    prefactor: float
    hydrogen_order: float = 0.0
    water_order: float = 0.0
    activation_energy: float = 0.0
    anodic: float = 1.0
    cathodic: float = 1.0
    temperatures: Range = (0.0, np.inf)
    hydrogen: Range = (0.0, np.inf)
    water: Range = (0.0, np.inf)
    source: str = "given by the user"
    doi: str = ""
    verified: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("prefactor", "anodic", "cathodic"):
            positive(getattr(self, name), name)
        if not (np.isfinite(self.activation_energy) and self.activation_energy >= 0):
            raise InvalidInputError(
                f"activation_energy is {self.activation_energy!r}: give a number ≥ 0 in J/mol"
            )
        for name in ("temperatures", "hydrogen", "water"):
            lowest, highest = getattr(self, name)
            if not 0 <= lowest < highest:
                raise InvalidInputError(
                    f"{name} is {(lowest, highest)}: give the lowest and the highest, both ≥ 0"
                )

    @classmethod
    def of_resistance(
        cls,
        name: str,
        resistance: float,
        temperature: float,
        *,
        activation_energy: float = 0.0,
        anodic: float = 1.0,
        cathodic: float = 1.0,
    ) -> "LineKinetics":
        """From a line-specific resistance in Ω m, measured at a temperature in K.

        Raises:
            InvalidInputError: a number is impossible.
        """
        shape = cls(
            name, 1.0, activation_energy=activation_energy, anodic=anodic, cathodic=cathodic
        )
        of_one = shape.resistance(positive(temperature, "temperature"), 1.0, 1.0)
        return replace(shape, prefactor=of_one / positive(resistance, "resistance"))

    def exchange_current(self, temperature: float, hydrogen: ArrayLike, water: ArrayLike) -> Array:
        """i₀ in A/m at a temperature (K) and pressures (Pa) > 0."""
        pressures = np.asarray(hydrogen, float), np.asarray(water, float)
        if not (temperature > 0 and all(np.all(p > 0) for p in pressures)):
            raise InvalidInputError(
                f"temperature {temperature!r}, hydrogen {hydrogen!r} and water {water!r} have to "
                "be > 0: both gases take part, so wet the hydrogen"
            )
        power = pressures[0] ** self.hydrogen_order * pressures[1] ** self.water_order
        return self.prefactor * power * _arrhenius(self.activation_energy, temperature)

    def current(
        self, overpotential: ArrayLike, temperature: float, hydrogen: ArrayLike, water: ArrayLike
    ) -> Array:
        """Current per length in A/m at a local overpotential in V, by Butler and Volmer."""
        reduced = np.asarray(overpotential, float) * FARADAY / (GAS_CONSTANT * temperature)
        # less one each, so that small overpotentials do not cancel
        forward = np.expm1(np.clip(self.anodic * reduced, -STEEPEST, STEEPEST))
        backward = np.expm1(np.clip(-self.cathodic * reduced, -STEEPEST, STEEPEST))
        return self.exchange_current(temperature, hydrogen, water) * (forward - backward)

    def resistance(self, temperature: float, hydrogen: float, water: float) -> float:
        """Line-specific resistance RT/[(α_a + α_c) F i₀] in Ω m: the same, linearised."""
        rate = (self.anodic + self.cathodic) * FARADAY
        exchange = float(self.exchange_current(temperature, hydrogen, water))
        return GAS_CONSTANT * temperature / (rate * exchange)

    def warn_outside(self, temperature: float, hydrogen: float, water: float) -> None:
        """Warn with a KineticsWarning if the conditions are not those of the measurement."""
        outside = [
            f"{what} {value:.4g} {unit} is outside {low:.4g}…{high:.4g}"
            for what, value, unit, (low, high) in (
                ("temperature", temperature, "K", self.temperatures),
                ("hydrogen", hydrogen, "Pa", self.hydrogen),
                ("water", water, "Pa", self.water),
            )
            if not low <= value <= high
        ]
        if outside:
            text = f"kinetics of {self.name}: {'; '.join(outside)}: this is an extrapolation"
            warnings.warn(text, KineticsWarning, stacklevel=3)

    def __str__(self) -> str:
        doubt = "" if self.verified or self.source == "given by the user" else " (unverified)"
        return f"{self.name}: {self.source}{doubt}"


def _arrhenius(energy: float, temperature: float) -> float:
    return float(np.exp(-energy / (GAS_CONSTANT * temperature)))


NI_YSZ_DE_BOER = LineKinetics(
    "Ni–YSZ, de Boer",
    prefactor=31.4,
    hydrogen_order=-0.03,
    water_order=0.4,
    activation_energy=152155.0,
    temperatures=(973.0, 1273.0),
    hydrogen=(1e3, 1.1e5),
    water=(1e2, 5e4),
    source="B. de Boer, SOFC Anode: Hydrogen oxidation at porous nickel and nickel/YSZ cermet "
    "electrodes, thesis, Twente (1998)",
    note="read in two open cell models that quote it, one as exp(-18300 K/T); thesis not opened. "
    "One of the two notes that the thesis does not give the equation as such. Transfer "
    "coefficients are theirs; the ranges are assumed",
)
NI_YSZ_BIEBERLE = LineKinetics(
    "Ni–YSZ, Bieberle",
    prefactor=0.0013,
    hydrogen_order=0.11,
    water_order=0.67,
    activation_energy=84900.0,
    temperatures=(673.0, 973.0),
    hydrogen=(1e3, 1.1e5),
    water=(1e2, 5e4),
    source="A. Bieberle, L. P. Meier, L. J. Gauckler, J. Electrochem. Soc. 148 (2001) A646",
    doi="10.1149/1.1372219",
    note="read in one open cell model that quotes it; paper not opened. Pattern anodes, stable up "
    "to 973 K as the abstract of Solid State Ionics (2000) 337 says; the other ranges and the "
    "transfer coefficients are assumed",
)
