"""Impedance of a porous electrode: a transmission line of ions and electrons. SI units, per area.

Ions come from the separator and electrons from the collector; everywhere between them the
interface takes both, with one impedance per volume.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive

Complex = NDArray[np.complex128]
SMALL = 1e-3  # of ν, below which the series is used: cosh and sinh would cancel


@dataclass(frozen=True, slots=True)
class TransmissionLine:
    """An electrode of uniform properties in the linear range.

    Args:
        ionic: resistance of the electrolyte over the whole thickness, L N_M/κ, > 0 in Ω m².
        electronic: of the solid, L/σ_eff, ≥ 0 in Ω m².
        charge_transfer: of the interface over the whole thickness, R_ct/(a L), > 0 in Ω m²;
            inf if nothing reacts (a blocking electrolyte).
        capacitance: of the interface over the whole thickness, C a L, ≥ 0 in F/m².

    Raises:
        InvalidInputError: a number is out of range.

    Source: Paasch et al., Electrochim. Acta 38 (1993) 2653, doi:10.1016/0013-4686(93)85083-B
        [not opened: verify]; without resistance of the solid, Landesfeind et al., J. Electrochem.
        Soc. 163 (2016) A1373, doi:10.1149/2.1141607jes [not opened: verify]. Tested against a
        ladder of resistors.
    """

    ionic: float
    electronic: float
    charge_transfer: float
    capacitance: float = 0.0

    def __post_init__(self) -> None:
        positive(self.ionic, "ionic")
        for name in ("electronic", "capacitance"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InvalidInputError(f"{name} is {value!r}: give a finite number ≥ 0")
        if not self.charge_transfer > 0:
            raise InvalidInputError(
                f"charge_transfer is {self.charge_transfer!r}: give a number > 0, or inf"
            )
        if np.isinf(self.charge_transfer) and not self.capacitance:
            raise InvalidInputError("nothing reacts and nothing is charged: give a capacitance")

    @classmethod
    def of(
        cls,
        thickness: float,
        macmullin: float,
        conductivity: float,
        electronic_conductivity: float,
        area: float,
        *,
        charge_transfer: float = np.inf,
        capacitance: float = 0.0,
    ) -> "TransmissionLine":
        """From what a property card has.

        Args:
            thickness: L, m.
            macmullin: N_M = κ/κ_eff of the electrolyte.
            conductivity: κ of the free electrolyte, S/m.
            electronic_conductivity: effective, of the solid, S/m; inf for a perfect conductor.
            area: of the interface per volume, m²/m³.
            charge_transfer: per area of interface, Ω m².
            capacitance: per area of interface, F/m²; some 0.1 for a double layer.

        Raises:
            InvalidInputError: a number is out of range.
        """
        length = positive(thickness, "thickness")
        surface = positive(area, "area") * length
        ionic = length * positive(macmullin, "macmullin") / positive(conductivity, "conductivity")
        if not electronic_conductivity > 0:
            raise InvalidInputError(
                f"electronic_conductivity is {electronic_conductivity!r}: the solid has to conduct"
            )
        return cls(
            ionic,
            length / electronic_conductivity,
            charge_transfer / surface,
            capacitance * surface,
        )

    def impedance(self, frequency: ArrayLike) -> Complex:
        """Impedance in Ω m² at frequencies ≥ 0 in Hz; inf at 0 if nothing reacts."""
        omega = 2 * np.pi * np.asarray(frequency, float)
        if np.any(~(omega >= 0)):
            raise InvalidInputError(f"frequency {frequency!r} has a negative number: give Hz ≥ 0")
        return self._impedance(1 / self.charge_transfer + 1j * omega * self.capacitance)

    @property
    def resistance(self) -> float:
        """Polarisation of the whole electrode by direct current, in Ω m²."""
        return float(self.impedance(0.0).real)

    @property
    def low_frequency_resistance(self) -> float:
        """Real part towards zero frequency if nothing reacts, (R_ion + R_el)/3, in Ω m²."""
        return (self.ionic + self.electronic) / 3

    @property
    def penetration(self) -> float:
        """Depth to which direct current reacts, in thicknesses; above 1 the reaction is uniform."""
        return float(np.sqrt(self.charge_transfer / (self.ionic + self.electronic)))

    def _impedance(self, admittance: ArrayLike) -> Complex:
        both = self.ionic + self.electronic
        squared = both * np.asarray(admittance, np.complex128)
        nu = np.sqrt(squared)
        with np.errstate(divide="ignore", invalid="ignore"):
            # of exponentials that decay, so that neither overflows
            decay = np.exp(-nu)
            coth = (1 + decay**2) / (1 - decay**2)
            csch = 2 * decay / (1 - decay**2)
            crossing = (self.ionic**2 + self.electronic**2) * coth + 2 * self.product * csch
            exact = (self.product + crossing / nu) / both
            series = both / squared + both / 3
        return np.where(np.abs(nu) < SMALL, series, exact)

    @property
    def product(self) -> float:
        """R_ion R_el, in Ω² m⁴."""
        return self.ionic * self.electronic
