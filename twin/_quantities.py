"""Quantities that a material can have: unit and range of each. SI units."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

BY_USER = "given by the user"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Unit and range of a number; ``bounds`` says whether the bounds themselves belong to it."""

    unit: str
    lower: float = 0.0
    upper: float = inf
    bounds: bool = True

    def admits(self, number: float) -> bool:
        if not isfinite(number):
            return False
        inside = self.lower < number < self.upper
        return inside or (self.bounds and number in (self.lower, self.upper))

    def range(self) -> str:
        """The range in words."""
        if self.lower == -inf:
            return "of either sign"
        if self.upper == inf:
            return f"{'≥' if self.bounds else '>'} {self.lower:g}"
        between = f"{self.lower:g}…{self.upper:g}"
        return f"in {between}" if self.bounds else f"inside {between}"


def _positive(unit: str) -> Quantity:
    return Quantity(unit, bounds=False)


TRANSPORT: Mapping[str, Quantity] = {
    "ionic_conductivity": Quantity("S/m"),
    "relative_ionic_conductivity": Quantity("1", upper=1.0),
    "nanoporosity": Quantity("1", upper=1.0),
    "electronic_conductivity": Quantity("S/m"),
    "concentration": Quantity("mol/m³"),
}
MECHANICS: Mapping[str, Quantity] = {
    "youngs_modulus": _positive("Pa"),
    "poisson_ratio": Quantity("1", lower=-1.0, upper=0.5, bounds=False),
    "cubic_c11": _positive("Pa"),
    "cubic_c12": Quantity("Pa", lower=-inf),
    "cubic_c44": _positive("Pa"),
    "tensile_strength": _positive("Pa"),
    "weibull_modulus": _positive("1"),
    "fracture_toughness": _positive("Pa m^0.5"),
    "yield_stress": _positive("Pa"),
    "hardening_modulus": Quantity("Pa"),
    "creep_rate": _positive("1/s"),
    "creep_stress": _positive("Pa"),
    "creep_exponent": Quantity("1", lower=1.0),
    "partial_molar_volume": Quantity("m³/mol", lower=-inf),
    "maximum_concentration": _positive("mol/m³"),
    "solid_diffusivity": Quantity("m²/s"),
}
CELL: Mapping[str, Quantity] = {
    "density": _positive("kg/m³"),
    "specific_capacity": _positive("Ah/kg"),
    "lithium_sites": _positive("1"),
    "exchange_current_density": _positive("A/m²"),
    "transference_number": Quantity("1", upper=1.0),
    "salt_diffusivity": _positive("m²/s"),
    "thermal_conductivity": _positive("W/(m K)"),
}
QUANTITIES: Mapping[str, Quantity] = {**TRANSPORT, **CELL, **MECHANICS}
UNITS: Mapping[str, str] = {name: quantity.unit for name, quantity in QUANTITIES.items()}

# each of these numbers means nothing without the others of its group
TOGETHER: tuple[tuple[str, ...], ...] = (
    ("youngs_modulus", "poisson_ratio"),
    ("cubic_c11", "cubic_c12", "cubic_c44"),
    ("creep_rate", "creep_stress", "creep_exponent"),
)
# a number, and the one that it needs
NEEDS: Mapping[str, str] = {
    "weibull_modulus": "tensile_strength",
    "hardening_modulus": "yield_stress",
}
