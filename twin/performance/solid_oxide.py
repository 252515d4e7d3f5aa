"""Cermet: a solid-oxide electrode in one dimension, ions, electrons and gas. SI units, per area.

Ions leave to the electrolyte at depth 0; electrons and gas come and go at the collector, at the
full thickness; the triple-phase boundary between them takes both, at one temperature. Hydrogen
passes a depth exactly as fast as electrons do, so that for small currents the gas is a resistance
in series with the electrons: the electrode is a transmission line of two rails, in closed form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from twin.manufacturing.composition import positive
from twin.performance._units import THICKNESS
from twin.performance.gas import Fuel, PoreGas
from twin.performance.impedance import TransmissionLine
from twin.performance.tpb_kinetics import Kinetics

if TYPE_CHECKING:
    from twin.card import PropertyCard

Array = NDArray[np.float64]
SMALL = 1e-2  # of ν, below which series are used: the integrals would cancel


@dataclass(frozen=True, slots=True)
class Losses:
    """What a current costs, by where it is dissipated: the four add up to the total.

    In Ω m² for small currents, in V for a given current. Each is the power that is turned into
    heat there over the current (squared for a resistance). For small currents that is also by how
    much the total grows with the logarithm of each resistance, all others kept.
    """

    ionic: float
    electronic: float
    charge_transfer: float
    gas: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.ionic + self.electronic + self.charge_transfer + self.gas

    def shares(self) -> dict[str, float]:
        """Each over the total, with the sum 1."""
        return {field.name: getattr(self, field.name) / self.total for field in fields(self)}


@dataclass(frozen=True)
class Cermet:
    """A porous electrode of uniform properties, such as Ni–YSZ.

    Args:
        thickness: L, 1e-7…1e-2 m; that of the layer in which ions move, without a support.
        ionic_conductivity: effective, at the temperature of the fuel, > 0 in S/m.
        electronic_conductivity: effective, likewise; inf for a perfect conductor.
        tpb_density: length of the active triple-phase boundary per volume, > 0 in m/m³.
        kinetics: of that boundary, such as ``NI_YSZ_DE_BOER`` or your own.
        fuel: temperature and gas at the collector.
        relative_diffusivity: D_eff/D_0 of the pores; None leaves gas diffusion out.
        pore_radius: mean, m; inf leaves out the wall.

    Raises:
        InvalidInputError: a number is out of range.

    Warns:
        KineticsWarning: temperature or gas are not those of the measurement of the kinetics.

    Source: the closed form is that of ``TransmissionLine``. For a perfect electron conductor it is
        sqrt(r/(λ σ)) coth(L/l), l = sqrt(r σ/λ), with r the line-specific resistance and λ the
        density of the boundary, as for composite electrodes in T. Kenjo, S. Osawa, K. Fujikawa, J.
        Electrochem. Soc. 138 (1991) 349, and C. W. Tanner, K.-Z. Fung, A. V. Virkar, J.
        Electrochem. Soc. 144 (1997) 21 [neither opened: verify].
    """

    thickness: float
    ionic_conductivity: float
    electronic_conductivity: float
    tpb_density: float
    kinetics: Kinetics
    fuel: Fuel
    relative_diffusivity: float | None = None
    pore_radius: float = np.inf

    def __post_init__(self) -> None:
        for name in ("thickness", "ionic_conductivity", "tpb_density"):
            positive(getattr(self, name), name)
        THICKNESS(self.thickness, "thickness")
        if not self.electronic_conductivity > 0:
            raise InvalidInputError(
                f"electronic_conductivity is {self.electronic_conductivity!r}: the metal has to "
                "conduct; give S/m > 0, or inf"
            )
        _ = self.gas  # raises if it cannot be
        self.kinetics.warn_outside(self.fuel.temperature, self.fuel.hydrogen, self.fuel.water)

    @cached_property
    def gas(self) -> PoreGas | None:
        """Hydrogen and water in the pores; None if left out."""
        if self.relative_diffusivity is None:
            return None
        return PoreGas(self.fuel, self.relative_diffusivity, self.pore_radius)

    @cached_property
    def resistances(self) -> Losses:
        """What each of the four would be over the whole thickness, alone, in Ω m².

        L/σ of ions and electrons, r/(λ L) of the boundary, and that of gas that crosses L.
        """
        fuel = self.fuel
        per_length = self.kinetics.resistance(fuel.temperature, fuel.hydrogen, fuel.water)
        return Losses(
            ionic=self.thickness / self.ionic_conductivity,
            electronic=self.thickness / self.electronic_conductivity,
            charge_transfer=per_length / (self.tpb_density * self.thickness),
            gas=0.0 if self.gas is None else self.gas.resistance(self.thickness),
        )

    @cached_property
    def line(self) -> TransmissionLine:
        """The electrode for small currents."""
        alone = self.resistances
        return TransmissionLine(alone.ionic, alone.electronic + alone.gas, alone.charge_transfer)

    @property
    def resistance(self) -> float:
        """Resistance of the electrode at zero current, its own ohmic part included, in Ω m²."""
        return self.line.resistance

    @property
    def penetration(self) -> float:
        """Depth in m over which the reaction decays: sqrt(r/λ / (1/σ_i + 1/σ_e + gas))."""
        return self.thickness * self.line.penetration

    @cached_property
    def losses(self) -> Losses:
        """The resistance at zero current by where it arises, in Ω m²: the sum is ``resistance``."""
        alone = self.resistances
        ions, electrons, reaction = _integrals(self._nu, self._from_electrons)
        return Losses(
            alone.ionic * ions,
            alone.electronic * electrons,
            alone.charge_transfer * reaction,
            alone.gas * electrons,
        )

    def ionic_current(self, depth: ArrayLike) -> Array:
        """Share of a small current that ions carry, at depths of 0…L in m from the electrolyte."""
        near, far = self._decays(depth)
        share = self._from_electrons
        return np.asarray((1 - share) * near[0] + share * (1 - far[0]))

    def reaction(self, depth: ArrayLike) -> Array:
        """Share of a small current that reacts per depth, in 1/m; the integral over L is 1."""
        near, far = self._decays(depth)
        share = self._from_electrons
        return np.asarray((1 - share) * near[1] + share * far[1]) * self._nu / self.thickness

    def to_dict(self) -> dict[str, float]:
        """The numbers of the electrode by name, in SI units."""
        shares = {f"share_{name}": share for name, share in self.losses.shares().items()}
        return {"resistance": self.resistance, "penetration": self.penetration} | shares

    @property
    def _nu(self) -> float:
        return 1 / self.line.penetration

    @property
    def _from_electrons(self) -> float:
        """Share of the driving resistance that is on the rail of electrons and gas."""
        return self.line.electronic / (self.line.ionic + self.line.electronic)

    def _decays(self, depth: ArrayLike) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Hyperbolic sine and cosine of what decays from each end, over sinh ν."""
        z = np.asarray(depth, float) / self.thickness
        if np.any(~((z >= 0) & (z <= 1))):
            raise InvalidInputError(f"depth {depth!r} is not in 0…{self.thickness:g} m")
        return _over_sinh(self._nu, 1 - z), _over_sinh(self._nu, z)

    @classmethod
    def of_card(
        cls,
        card: "PropertyCard",
        kinetics: Kinetics,
        fuel: Fuel,
        *,
        ionic: tuple[Phase, float] | None = None,
        electronic: tuple[Phase, float] | None = None,
        pore: Phase | None = None,
        **given: float,
    ) -> "Cermet":
        """From the property card of an electrode with three phases.

        Args:
            card: solved along the through-plane axis; one made without materials has the relative
                diffusivity of every phase, and serves at any temperature.
            kinetics: of the triple-phase boundary.
            fuel: temperature and gas at the collector.
            ionic: phase that conducts ions and its bulk conductivity in S/m at that temperature,
                such as ("YSZ", 2.2); None takes effective_ionic_conductivity from the card.
            electronic: likewise of electrons.
            pore: by default the phase named like one.
            given: numbers to take instead of those of the card, by the names of the class. Without
                them the thickness is that of the volume, which may be a piece of the electrode, and
                the pore radius 2ε/S, that of cylinders with the surface S of the pores.

        Raises:
            InvalidInputError: the card lacks a number that is not given, a phase or the
                triple-phase boundary does not percolate, or a number is out of range.
        """
        known = {field.name for field in fields(cls)} - {"kinetics", "fuel"}
        if unknown := set(given) - known:
            raise InvalidInputError(
                f"a cermet has no {sorted(unknown)}: give one of {sorted(known)}"
            )
        numbers = _of_card(card, ionic, electronic, _pore(card, pore))
        found = {name: number() for name, number in numbers.items() if name not in given}
        return cls(**(found | given), kinetics=kinetics, fuel=fuel)


def _of_card(
    card: "PropertyCard",
    ionic: tuple[Phase, float] | None,
    electronic: tuple[Phase, float] | None,
    pore: str,
) -> Mapping[str, Callable[[], float]]:
    """How each number is found on a card."""
    named = {card.volume.phase_name(given[0]) for given in (ionic, electronic) if given is not None}
    if None not in (ionic, electronic) and len(named | {pore}) < 3:
        raise InvalidInputError(
            f"ionic, electronic and pore name only {sorted(named | {pore})}: a cermet has three "
            "phases; one that conducts both is a MixedConductor"
        )

    def conductivity(kind: str, named: tuple[Phase, float] | None) -> float:
        if named is None:
            return _entry(card, f"effective_{kind}_conductivity", None)
        bulk = positive(named[1], f"bulk conductivity of {named[0]}")
        return bulk * _entry(card, "relative_diffusivity", card.volume.phase_name(named[0]))

    def density() -> float:
        triple = "–".join({pore} | named) if len(named) == 2 else None
        return _entry(card, "tpb_density_active", triple)

    return {
        "thickness": lambda: card.volume.size[card.volume.through_axis],
        "ionic_conductivity": lambda: conductivity("ionic", ionic),
        "electronic_conductivity": lambda: conductivity("electronic", electronic),
        "tpb_density": density,
        "relative_diffusivity": lambda: _entry(card, "relative_diffusivity", pore),
        "pore_radius": lambda: (
            2 * card.entry("volume_fraction", pore).value
            / card.entry("specific_surface_area", pore).value
        ),
    }  # fmt: skip


def _entry(card: "PropertyCard", name: str, phase: str | None) -> float:
    entry = card.entry(name, phase, card.volume.through_axis)
    if entry.status != "ok" or not entry.value > 0:
        why = entry.status if entry.status != "ok" else f"is {entry.value:g}"
        raise InvalidInputError(
            f"{name} of {entry.phase} {why}: such an electrode does not work; look at the volume, "
            "or give the number yourself"
        )
    return entry.value


def _pore(card: "PropertyCard", named: Phase | None) -> str:
    from twin._naming import named_pore

    if named is not None:
        return card.volume.phase_name(named)
    found = [name for name in card.volume.phases.values() if named_pore(name)]
    if len(found) != 1:
        raise InvalidInputError(f"{found or 'no phase'} is named like a pore: give pore='…'")
    return found[0]


def _over_sinh(nu: float, z: Array) -> tuple[Array, Array]:
    """sinh(ν z)/sinh ν and cosh(ν z)/sinh ν without overflow, z in 0…1."""
    rising, falling = np.exp(nu * (z - 1)), np.exp(-nu * (z + 1))
    scale = -np.expm1(-2 * nu)
    return -rising * np.expm1(-2 * nu * z) / scale, (rising + falling) / scale


def _integrals(nu: float, share: float) -> tuple[float, float, float]:
    """∫ f², ∫ (1 - f)² and ∫ f'² over 0…1 of the ionic current f, ``share`` from the electrons.

    f = (1 - s) A + s (1 - B) with A = sinh ν(1 - z)/sinh ν and B its mirror image.
    """
    if nu < SMALL:
        mean, square, cross = 0.5 - nu**2 / 24, 1 / 3 - 2 * nu**2 / 45, 1 / 6 - 7 * nu**2 / 180
        slope, slopes = 1 + nu**4 / 45, 1 - 7 * nu**4 / 360
    else:
        coth = 1 / np.tanh(nu)
        csch = 2 * np.exp(-nu) / -np.expm1(-2 * nu)
        mean = np.tanh(nu / 2) / nu
        square, cross = (coth / nu - csch**2) / 2, (coth - 1 / nu) * csch / 2
        slope, slopes = (nu * coth + (nu * csch) ** 2) / 2, (nu + nu**2 * coth) * csch / 2
    own, mixed, other = (1 - share) ** 2, 2 * share * (1 - share), share**2
    complement = 1 - 2 * mean + square  # ∫ (1 - B)²
    between = mixed * (mean - cross)
    return (
        float(own * square + between + other * complement),
        float(own * complement + between + other * square),
        float((own + other) * slope + mixed * slopes),
    )
