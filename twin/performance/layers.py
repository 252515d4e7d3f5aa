"""CellLayers: what all layers of a cell measure and weigh, for energy per litre and kilogram.

SI units, per area of one pair of electrodes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive as above_zero
from twin.performance._parameters import number
from twin.performance.cell import Cell
from twin.performance.merit import energy_density, specific_energy

if TYPE_CHECKING:
    import pandas as pd
    from pybamm import ParameterValues

    from twin.materials import Material
    from twin.performance.discharges import Discharge

POLYOLEFIN = 950.0  # kg/m³ of a separator without its pores  [not opened: verify]
FOILS: Mapping[str, "str | Material"] = MappingProxyType({"positive": "Al", "negative": "Cu"})


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: thickness > 0 in m, mass > 0 in kg/m², electrolyte in its pores included."""

    thickness: float
    mass: float

    def __post_init__(self) -> None:
        above_zero(self.thickness, "thickness of a layer")
        above_zero(self.mass, "mass of a layer")


@dataclass(frozen=True, slots=True)
class _Others:
    """Densities in kg/m³ of what is not active material."""

    electrolyte: float
    binder: float


@dataclass(frozen=True, slots=True)
class CellLayers:
    """The layers of one pair of electrodes by name, and what else a cell carries.

    Args:
        layers: by name; of foils the share that belongs to this pair.
        overhead_mass: mass of case, tabs and spare electrolyte over that of the layers, ≥ 0.
        overhead_volume: the same of their volume, ≥ 0.

    Raises:
        InvalidInputError: no layer, or an overhead below zero.
    """

    layers: Mapping[str, Layer]
    overhead_mass: float = 0.0
    overhead_volume: float = 0.0

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInputError("layers is empty: name at least one, see CellLayers.of")
        for name in ("overhead_mass", "overhead_volume"):
            share = getattr(self, name)
            if not (math.isfinite(share) and share >= 0):
                raise InvalidInputError(f"{name} is {share!r}: give a share ≥ 0 of the layers")
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))

    @property
    def thickness(self) -> float:
        """Of all layers and the overhead, m."""
        layers = math.fsum(layer.thickness for layer in self.layers.values())
        return layers * (1 + self.overhead_volume)

    @property
    def mass(self) -> float:
        """Of all layers and the overhead, kg/m²."""
        layers = math.fsum(layer.mass for layer in self.layers.values())
        return layers * (1 + self.overhead_mass)

    @classmethod
    def of(
        cls,
        cell: Cell,
        positive: "str | Material",
        negative: "str | Material",
        *,
        electrolyte: "str | Material" = "LP30",
        binder: "str | Material" = "CBD",
        foils: Mapping[str, "str | Material"] = FOILS,
        separator_density: float = POLYOLEFIN,
        coated_sides: int = 2,
        overhead_mass: float = 0.0,
        overhead_volume: float = 0.0,
    ) -> "CellLayers":
        """Of a full cell: thicknesses and fractions of its parameters, densities of materials.

        What is neither pore nor active material weighs as the binder; all pores are full of
        electrolyte. Parameter sets name densities too, but as numbers for heat, mostly the same
        for cells that differ; they are not used.

        Args:
            cell: a full cell.
            positive: active material, by its name in the library or as one; its density counts.
            negative: the same of the other electrode.
            electrolyte: of all pores.
            binder: with carbon, of both electrodes.
            foils: material of the "positive" and the "negative" collector.
            separator_density: of its solid, > 0 in kg/m³.
            coated_sides: 2 for foils coated on both sides, of which a pair has half; 1 for one.
            overhead_mass: see the class.
            overhead_volume: see the class.

        Raises:
            InvalidInputError: a half cell, a material without density, a parameter that is missing
                or no number, or an argument that is out of range.
        """
        if cell.kind != "full":
            raise InvalidInputError(
                "a half cell has lithium metal in excess, whose mass says nothing: give a full cell"
            )
        if coated_sides not in (1, 2):
            raise InvalidInputError(f"coated_sides is {coated_sides!r}: 1 or 2 sides of a foil")
        missing = [side for side in FOILS if side not in foils]
        if missing:
            raise InvalidInputError(
                f"foils names no {missing[0]!r} collector: give one for each side"
            )
        values = cell.parameter_values()
        others = _Others(_density(electrolyte), _density(binder))
        solid = above_zero(separator_density, "separator_density")
        layers = {
            "positive foil": _foil(values, "Positive", _density(foils["positive"]), coated_sides),
            "positive electrode": _electrode(values, "Positive", _density(positive), others),
            "separator": _separator(values, solid, others),
            "negative electrode": _electrode(values, "Negative", _density(negative), others),
            "negative foil": _foil(values, "Negative", _density(foils["negative"]), coated_sides),
        }
        return cls(layers, overhead_mass, overhead_volume)

    def to_frame(self, discharges: "Sequence[Discharge]") -> "pd.DataFrame":
        """Ragone's table: energy and mean power per mass and volume, a row for each discharge.

        Returns:
            rate_per_h, energy_Wh_kg, power_W_kg, energy_Wh_L, power_W_L and status; NaN where a
            discharge failed.
        """
        import pandas as pd

        return pd.DataFrame([self._row(run) for run in discharges])

    def _row(self, run: "Discharge") -> dict[str, object]:
        names = ("energy_Wh_kg", "power_W_kg", "energy_Wh_L", "power_W_L")
        numbers = [math.nan] * len(names)
        if run.status == "ok":
            volts, hours = run.energy / run.capacity, run.energy / run.power
            heavy = specific_energy(run.capacity, volts, self.mass)
            dense = energy_density(run.capacity, volts, self.thickness)
            numbers = [heavy, heavy / hours, dense, dense / hours]
        row: dict[str, object] = {"rate_per_h": run.rate}
        return row | dict(zip(names, numbers, strict=True)) | {"status": run.status}


def _electrode(values: "ParameterValues", side: str, active: float, others: _Others) -> Layer:
    porosity = number(values, f"{side} electrode porosity")
    share = number(values, f"{side} electrode active material volume fraction")
    rest = 1.0 - porosity - share
    density = share * active + rest * others.binder + porosity * others.electrolyte
    return _layer(number(values, f"{side} electrode thickness [m]"), density)


def _separator(values: "ParameterValues", solid: float, others: _Others) -> Layer:
    porosity = number(values, "Separator porosity")
    density = (1.0 - porosity) * solid + porosity * others.electrolyte
    return _layer(number(values, "Separator thickness [m]"), density)


def _foil(values: "ParameterValues", side: str, density: float, coated_sides: int) -> Layer:
    thickness = number(values, f"{side} current collector thickness [m]")
    return _layer(thickness / coated_sides, density)


def _layer(thickness: float, density: float) -> Layer:
    return Layer(thickness, thickness * density)


def _density(given: "str | Material") -> float:
    """In kg/m³. Raises InvalidInputError."""
    import twin

    made = twin.material(given) if isinstance(given, str) else given
    if made.density is None:
        raise InvalidInputError(f"{made.name} has no density: give a material that has one")
    return float(made.density.value)
