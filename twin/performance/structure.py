"""ElectrodeStructure: what a cell model asks of the microstructure of one electrode. SI units."""

import difflib
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance._units import RADIUS, THICKNESS

if TYPE_CHECKING:
    from pybamm import ParameterValues

    from twin.card import PropertyCard

FULL = 1.0 + 1e-9
ELECTRONS = "effective_electronic_conductivity"
ODD_AREA = 4.0  # measured area over that of spheres, or its inverse, from which on one is wrong


class StructureWarning(UserWarning):
    """Numbers of an electrode that hardly belong together."""


@dataclass(frozen=True, slots=True)
class ElectrodeStructure:
    """One electrode, through its thickness.

    Args:
        thickness: 1e-7…1e-2 m, without the foil.
        porosity: electrolyte per volume, that in nanopores included, 0…1.
        active_fraction: active material per volume, 0…1; with the porosity at most 1.
        macmullin: N_M = κ/κ_eff of the electrolyte, nanopores included, at least 1/porosity.
        electronic_conductivity: effective, of everything that conducts electrons, > 0 in S/m.
        area: of active material that electrolyte wets, > 0 in m²/m³ of electrode.
        particle_radius: of spheres that stand for its diffusion lengths, 1e-9…1e-3 m. Of
            several sizes it is the mean weighted by their areas, 3 × volume/area.
        radius_deviation: standard deviation of the radii, weighted by area, over that mean, of a
            lognormal distribution; 0 for one size, at most 1.

    Raises:
        InvalidInputError: a number is out of range, or electrolyte and active material fill more
            than the electrode.
    """

    thickness: float
    porosity: float
    active_fraction: float
    macmullin: float
    electronic_conductivity: float
    area: float
    particle_radius: float
    radius_deviation: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "radius_deviation":
                positive(getattr(self, field.name), field.name)
        THICKNESS(self.thickness, "thickness")
        RADIUS(self.particle_radius, "particle_radius")
        if not 0.0 <= self.radius_deviation <= 1.0:
            raise InvalidInputError(
                f"radius_deviation is {self.radius_deviation!r}: give the standard deviation over "
                "the mean radius, 0…1"
            )
        filled = self.porosity + self.active_fraction
        if filled > FULL:
            raise InvalidInputError(
                f"porosity {self.porosity:.4g} and active_fraction {self.active_fraction:.4g} add "
                f"up to {filled:.4g}: at most 1 fits; count nanopores in the porosity only, and "
                "do not derive the fraction from area and radius"
            )
        if self.tortuosity < 1.0 - 1e-6:
            raise InvalidInputError(
                f"macmullin {self.macmullin:.4g} × porosity {self.porosity:.4g} is a tortuosity "
                f"factor of {self.tortuosity:.4g}, below 1: N_M is κ/κ_eff"
            )
        if not 1 / ODD_AREA < self.area_ratio < ODD_AREA:
            warnings.warn(
                f"the area {self.area:.3g} 1/m is {self.area_ratio:.2g} times that of spheres of "
                f"radius {self.particle_radius:.3g} m: look at the units, and at what the radius "
                "is of",
                StructureWarning,
                stacklevel=3,
            )

    @property
    def tortuosity(self) -> float:
        """Tortuosity factor τ = ε κ/κ_eff with the porosity ε above."""
        return self.macmullin * self.porosity

    @property
    def area_ratio(self) -> float:
        """Wetted area over that of the spheres, 3 ε_AM/R."""
        return self.area * self.particle_radius / (3 * self.active_fraction)

    def to_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of_card(
        cls,
        card: "PropertyCard",
        *,
        thickness: float | None = None,
        active: str | None = None,
        **given: float,
    ) -> "ElectrodeStructure":
        """From a property card with materials.

        Wetted area is that between the active material and electrolyte, and of that under a
        nanoporous phase the share that is pore. The radius is that of spheres with the surface per
        volume of the active phase.

        Args:
            card: with materials, solved along the through-plane axis.
            thickness: m; by default that of the volume, which may be a piece of the electrode.
            active: name of the active phase, if there is more than one.
            given: numbers to take instead of those of the card, such as ``particle_radius``.

        Raises:
            InvalidInputError: the card has no materials, or lacks a number that is not given.
        """
        unknown = set(given) - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidInputError(
                _no_such(sorted(unknown), [field.name for field in fields(cls)])
            )
        length = card.volume.size[card.volume.through_axis] if thickness is None else thickness
        numbers = _numbers(card, active, set(given)) | given
        return cls(thickness=length, **numbers)

    @classmethod
    def of_parameters(cls, values: "ParameterValues", side: str) -> "ElectrodeStructure":
        """From parameters of PyBaMM, with the area that PyBaMM takes: that of spheres.

        Args:
            values: parameters in which nothing depends on place.
            side: "Positive" or "Negative".

        Raises:
            InvalidInputError: a number is missing, is a function, or cannot be.
        """
        from twin.performance._parameters import number, transport_efficiency

        porosity = number(values, f"{side} electrode porosity")
        active = number(values, f"{side} electrode active material volume fraction")
        radius = number(values, f"{side} particle radius [m]")
        efficiency = transport_efficiency(values, f"{side} electrode", "electrolyte")
        solid = transport_efficiency(values, f"{side} electrode", "electrode")
        kelvin = number(values, "Reference temperature [K]")
        return cls(
            thickness=number(values, f"{side} electrode thickness [m]"),
            porosity=porosity,
            active_fraction=active,
            macmullin=1 / efficiency,
            electronic_conductivity=solid
            * number(values, f"{side} electrode conductivity [S.m-1]", kelvin),
            area=3 * active / radius,
            particle_radius=radius,
        )


def _no_such(unknown: list[str], known: list[str]) -> str:
    close = difflib.get_close_matches(unknown[0], known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
    return f"an electrode structure has no {unknown}: {hint}"


def _numbers(card: "PropertyCard", active: str | None, skip: set[str]) -> dict[str, float]:
    content = _electrolyte(card)
    phase = active_phase(card, active)
    found: dict[str, Callable[[], float]] = {
        "porosity": lambda: math.fsum(
            share * card.entry("volume_fraction", name).value for name, share in content.items()
        ),
        "active_fraction": lambda: card.entry("volume_fraction", phase).value,
        "macmullin": lambda: _solved(card, "ionic_macmullin_number"),
        "electronic_conductivity": lambda: _solved(card, ELECTRONS),
        "area": lambda: math.fsum(
            share * card.entry("interface_area", f"{name}–{phase}").value
            for name, share in content.items()
        ),
        "particle_radius": lambda: (
            3 * card.entry("volume_fraction", phase).value
            / card.entry("specific_surface_area", phase).value
        ),
    }  # fmt: skip
    return {name: value() for name, value in found.items() if name not in skip}


def _electrolyte(card: "PropertyCard") -> Mapping[str, float]:
    """Share of each phase that is electrolyte, by name; those without any left out."""
    from twin._media import ions

    if card.materials is None:
        raise InvalidInputError(
            "the card has no materials, so that nothing is known about electrons and electrolyte: "
            "characterize(volume, materials={…})"
        )
    medium = ions(card.volume, card.materials)
    if medium is None:
        raise InvalidInputError("no phase conducts ions: give one an electrolyte, such as 'LP30'")
    return medium.content


def active_phase(card: "PropertyCard", named: str | None) -> str:
    """Name of the active phase of a card with materials. Raises InvalidInputError."""
    made = card.materials or {}
    if named is not None:
        return card.volume.phase_name(named)
    found = [name for name, material in made.items() if material.role == "active"]
    if len(found) != 1:
        raise InvalidInputError(
            f"{found or 'no phase'} is of an active material: name one with active='NMC'"
        )
    return found[0]


def _solved(card: "PropertyCard", name: str) -> float:
    try:
        entry = card.entry(name, axis=card.volume.through_axis)
    except InvalidInputError as error:  # no phase conducts at all
        raise InvalidInputError(f"the card has no {name}: {_remedy(card, name)}") from error
    if entry.status != "ok":
        raise InvalidInputError(
            f"{name} {entry.status}: such an electrode is no part of a cell; {_remedy(card, name)}"
        )
    return entry.value


def _remedy(card: "PropertyCard", name: str) -> str:
    """What to do: where a material lacks a number, it counts as one that does not conduct."""
    from twin._media import unknown_electrons

    found = unknown_electrons(card.volume, card.materials or {}) if name == ELECTRONS else []
    if not found:
        return "look at it, or give the number yourself"
    return (
        f"of {' and '.join(found)} no electronic_conductivity is known, which counts as none: give "
        f"it, as in dataclasses.replace(twin.material({found[0]!r}), electronic_conductivity=1.0)"
    )
