"""Composition: from mass fractions and densities to volume fractions and back. kg/m³, m, kg/m².

``porosity`` is the share of the pores that a segmentation shows; ``total_porosity`` also counts the
nanopores inside a phase such as the carbon-binder domain (CBD). Densities are your own: the
project's library has none.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from twin.manufacturing._arguments import short
from twin.manufacturing._target import checked_volume
from twin.manufacturing._units import LOADING, THICKNESS

Shares: TypeAlias = Mapping[str, float]

SUM = 1e-6  # by which fractions may miss a sum of one
PORE = "pore"


def mass_to_volume(mass_fractions: Shares, densities: Shares) -> dict[str, float]:
    """Volume fractions of a mixture without voids: v = (w/ρ) / Σ (w/ρ).

    Works for a slurry, its solvent included, as for the solids of a dry coating.

    Args:
        mass_fractions: w by name, ≥ 0, with a sum of 1: 0.95, not 95 %.
        densities: ρ > 0 by the same names, kg/m³.

    Raises:
        InvalidInputError: a fraction or density is impossible, or one has no partner.
    """
    weights, rho = _checked_pair(mass_fractions, densities, "mass_fractions")
    return _shares({name: w / rho[name] for name, w in weights.items()})


def volume_to_mass(volume_fractions: Shares, densities: Shares) -> dict[str, float]:
    """Mass fractions of a mixture without voids, w = v ρ / Σ (v ρ): undoes ``mass_to_volume``."""
    volumes, rho = _checked_pair(volume_fractions, densities, "volume_fractions")
    return _shares({name: v * rho[name] for name, v in volumes.items()})


def mixture_density(mass_fractions: Shares, densities: Shares) -> float:
    """Density in kg/m³ of a mixture without voids: 1 / Σ (w/ρ)."""
    weights, rho = _checked_pair(mass_fractions, densities, "mass_fractions")
    return 1 / math.fsum(w / rho[name] for name, w in weights.items())


def nanoporosity_of(solid_density: float, porous_density: float) -> float:
    """Pores per volume of a nanoporous phase, 1 − ρ_porous/ρ_solid, from its two densities, dry.

    Raises:
        InvalidInputError: the phase is denser than its solid, or a density is not > 0.
    """
    solid, porous = positive(solid_density, "solid_density"), positive(porous_density, "density")
    if porous > solid:
        raise InvalidInputError(
            f"porous_density {porous:g} is above solid_density {solid:g} kg/m³: a phase with pores "
            "is lighter than its solid, so swap or correct them"
        )
    return 1 - porous / solid


def total_porosity(
    volume: Volume, nanoporosity: Mapping[Phase, float], pore: Phase = PORE
) -> float:
    """Labelled pore fraction of a volume and the nanopores of its other phases: ε + Σ n f.

    Args:
        volume: with a pore phase.
        nanoporosity: n in 0…1, 1 excluded, of each phase that has nanopores.
        pore: name or id of the pore phase.

    Raises:
        UnknownPhaseError: a phase is not in the volume.
        InvalidInputError: a nanoporosity is impossible, or that of the pore itself.
    """
    volume = checked_volume(volume)
    given = _table(nanoporosity, "nanoporosity", "{'CBD': 0.47}")
    hidden = {volume.phase_name(phase): n for phase, n in given.items()}
    pore = volume.phase_name(pore)
    _check_nanoporosity(hidden, [name for name in volume.phases.values() if name != pore])
    return volume.fraction(pore) + math.fsum(n * volume.fraction(p) for p, n in hidden.items())


@dataclass(frozen=True, slots=True)
class Component:
    """A solid of the dry coating.

    Args:
        name: such as "PVDF".
        mass_fraction: of the dry coating, 0…1.
        density: of the solid itself without pores, > 0 in kg/m³.
        phase: the phase of a volume in which it is found; by default one of its own name.

    Raises:
        InvalidInputError: a number is out of range.
    """

    name: str
    mass_fraction: float
    density: float
    phase: str = ""

    def __post_init__(self) -> None:
        for text in (self.name, self.phase):
            if not isinstance(text, str):
                raise InvalidInputError(f"{short(text)} is no name: give text such as 'PVDF'")
        object.__setattr__(self, "phase", self.phase or self.name)
        _check_share(self.mass_fraction, f"mass_fraction of {self.name}")
        positive(self.density, f"density of {self.name}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the dry coating is made of, and so how dense it can be and how much of it is pore.

    Args:
        components: solids of the coating, whose mass fractions add up to 1.
        nanoporosity: pores per volume of a phase, 0…1, that its voxels do not show.
        pore: name of the pore phase.

    Raises:
        InvalidInputError: mass fractions do not add up to 1, a name occurs twice or is that of the
            pore, or a nanoporosity belongs to no phase of the recipe.
    """

    components: tuple[Component, ...]
    nanoporosity: Shares = field(default_factory=dict)
    pore: str = PORE

    def __post_init__(self) -> None:
        hidden = _table(self.nanoporosity, "nanoporosity", "{'CBD': 0.47}")
        object.__setattr__(self, "components", _checked_components(self.components))
        object.__setattr__(self, "nanoporosity", dict(hidden))
        names = [component.name for component in self.components]
        if len(set(names)) < len(names) or self.pore in self.phases:
            raise InvalidInputError(
                f"components are {names} in the phases {self.phases}: name each once, and none "
                f"after the pore phase {self.pore!r}"
            )
        _check_sum({c.name: c.mass_fraction for c in self.components}, "mass fractions")
        _check_nanoporosity(self.nanoporosity, self.phases)

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the solid phases, in the order of the components."""
        return tuple(dict.fromkeys(component.phase for component in self.components))

    @property
    def theoretical_density(self) -> float:
        """Density in kg/m³ of the coating without any pore: 1 / Σ (w/ρ)."""
        return 1 / math.fsum(c.mass_fraction / c.density for c in self.components)

    def solid_shares(self) -> dict[str, float]:
        """Volume share of each phase in the solid without any pore; their sum is 1."""
        parts = dict.fromkeys(self.phases, 0.0)
        for component in self.components:
            parts[component.phase] += component.mass_fraction / component.density
        return _shares(parts)

    def phase_density(self, phase: str) -> float:
        """Density in kg/m³ of a phase as segmented, its nanopores empty."""
        mine = [c for c in self.components if c.phase == phase]
        if not mine:
            raise InvalidInputError(
                f"phase {phase!r} is not in this recipe, which has {self.phases}: name one of them"
            )
        weighed = [(c.mass_fraction, c.density) for c in mine if c.mass_fraction > 0]
        parts = weighed or [(1.0, c.density) for c in mine]  # none of it: its mix is unknown
        mass = math.fsum(w for w, _ in parts)
        return mass / math.fsum(w / rho for w, rho in parts) * self._solid(phase)

    def total_porosity(self, loading: float, thickness: float) -> float:
        """All pores per volume of the coating, nanopores included: 1 − ρ/ρ_theoretical.

        Args:
            loading: mass of the dry coating per area, kg/m², without the foil.
            thickness: of the coating, m, without the foil.

        Raises:
            InvalidInputError: the coating would be denser than its solids.

        Warns:
            UnitWarning: a thickness above 1 cm or below 100 nm, or a loading to match.
        """
        density = coating_density(loading, thickness)
        if density > self.theoretical_density * (1 + SUM):
            raise InvalidInputError(
                f"loading {loading:g} kg/m² in {thickness:g} m is {density:.4g} kg/m³, above the "
                f"{self.theoretical_density:.4g} kg/m³ of the solids without any pore: check the "
                "units, that the foil is not weighed in, and the densities"
            )
        THICKNESS.doubt(thickness)
        LOADING.doubt(loading)
        return max(0.0, 1 - density / self.theoretical_density)

    def fractions(self, total_porosity: float) -> dict[str, float]:
        """Volume fraction of the pore and of each phase with its nanopores; their sum is 1.

        The pore fraction is the labelled ``porosity`` of a perfect segmentation.

        Raises:
            InvalidInputError: the nanopores alone are more than ``total_porosity``.
        """
        solid = 1 - _check_share(total_porosity, "total_porosity")
        phases = {name: solid * v / self._solid(name) for name, v in self.solid_shares().items()}
        pore = 1 - math.fsum(phases.values())
        if pore < -SUM:
            raise InvalidInputError(
                f"total_porosity {total_porosity:.4g} is less than the nanopores alone, which are "
                f"{total_porosity - pore:.4g}: lower nanoporosity {dict(self.nanoporosity)}, which "
                "calendering does too, or correct loading and thickness"
            )
        return {self.pore: max(0.0, pore), **phases}

    def total_of(self, porosity: float) -> float:
        """``total_porosity`` of a coating whose labelled pore fraction is ``porosity``."""
        shown = 1 - _check_share(porosity, "porosity")
        swollen = math.fsum(v / self._solid(name) for name, v in self.solid_shares().items())
        return 1 - shown / swollen

    def loading(self, total_porosity: float, thickness: float) -> float:
        """Mass of the dry coating per area, kg/m²."""
        solid = 1 - _check_share(total_porosity, "total_porosity")
        loading = solid * self.theoretical_density * positive(thickness, "thickness")
        THICKNESS.doubt(thickness)
        return loading

    def thickness(self, total_porosity: float, loading: float) -> float:
        """Thickness of the coating in m; ``total_porosity`` is below 1."""
        solid = positive(1 - _check_share(total_porosity, "total_porosity"), "solid fraction")
        thickness = positive(loading, "loading") / (solid * self.theoretical_density)
        LOADING.doubt(loading)
        return thickness

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain numbers and text."""
        rows = [
            {"name": c.name, "mass_fraction": c.mass_fraction, "density": c.density}
            | {"phase": c.phase}
            for c in self.components
        ]
        return {"components": rows, "nanoporosity": dict(self.nanoporosity), "pore": self.pore}

    def _solid(self, phase: str) -> float:
        """Solid per volume of a phase."""
        return 1 - self.nanoporosity.get(phase, 0.0)


def coating_density(loading: float, thickness: float) -> float:
    """Density in kg/m³ of a coating of so many kg/m² and so many m, both without the foil."""
    return positive(loading, "loading") / positive(thickness, "thickness")


def _checked_components(given: Any) -> tuple[Component, ...]:
    several = tuple(given) if isinstance(given, Iterable) else (given,)
    for each in several:
        if not isinstance(each, Component):
            raise InvalidInputError(
                f"components hold {short(each)}, which is no Component: write a list of "
                "Component('NMC', mass_fraction=0.96, density=4700.0)"
            )
    return several


def _table(given: Any, name: str, write: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{name} is {short(given)}: give a table such as {write}")
    return given


def positive(value: Any, name: str) -> float:
    """``value`` as a number > 0. Raises InvalidInputError, naming it."""
    number = _number(value)
    if not (math.isfinite(number) and number > 0):
        raise InvalidInputError(f"{name} is {value!r}: give a finite number > 0 in SI units")
    return number


def _number(value: Any) -> float:
    """NaN for what is none, text and true or false among it."""
    try:
        return math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _check_share(value: Any, name: str) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise InvalidInputError(f"{name} is {value!r}: give a fraction in 0…1, 0.95 for 95 %")
    return number


def _check_sum(fractions: Shares, name: str) -> None:
    total = math.fsum(_check_share(f, f"{name}: {key}") for key, f in fractions.items())
    if abs(total - 1) > SUM:
        raise InvalidInputError(
            f"{name} {dict(fractions)} add up to {total:.6g}: name everything, and scale them to 1"
        )


def _checked_pair(fractions: Shares, densities: Shares, name: str) -> tuple[Shares, Shares]:
    _table(fractions, name, "{'NMC': 0.96, 'PVDF': 0.04}")
    _table(densities, "densities", "{'NMC': 4700.0, 'PVDF': 1780.0}")
    if set(fractions) != set(densities):
        raise InvalidInputError(
            f"{name} names {list(fractions)}, densities {list(densities)}: give both of each"
        )
    _check_sum(fractions, name)
    return fractions, {key: positive(rho, f"density of {key}") for key, rho in densities.items()}


def _check_nanoporosity(nanoporosity: Shares, phases: Iterable[str]) -> None:
    known = tuple(phases)
    for phase, n in nanoporosity.items():
        if phase not in known or not 0 <= _number(n) < 1:
            raise InvalidInputError(
                f"nanoporosity of {phase!r} is {n!r}: give numbers in 0…1, 1 excluded, for solid "
                f"phases, which are {known}"
            )


def _shares(parts: Shares) -> dict[str, float]:
    total = math.fsum(parts.values())
    return {name: part / total for name, part in parts.items()}
