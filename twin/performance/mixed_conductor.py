"""A porous mixed conductor: oxygen exchanged on its surface, ions in its bulk. SI units, per area.

The model of Adler, Lane and Steele for zero frequency: electrons and gas meet no resistance, the
surface exchanges oxygen in proportion to its chemical potential, and the oxide carries it to the
electrolyte. With δ = Δμ_O/2F in V this is σ δ'' = (a/r) δ with

    σ = (1-ε)/τ · 4F² c D/RT   and   r = RT/(4F² c k)
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.interfaces import AreaMethod
from solvers.results import Quantity
from twin.manufacturing.composition import positive
from twin.performance._units import hot
from twin.performance.merit import FARADAY
from twin.performance.tpb_kinetics import GAS_CONSTANT


@dataclass(frozen=True, slots=True)
class MixedConductor:
    """An electrode such as LSCF, for small currents.

    Args:
        temperature: K, at least 473.
        area: a of the double-connected surface per volume of electrode, > 0 in m²/m³; see
            ``double_connected_area``.
        relative_diffusivity: D_eff/D of the oxide, (1-ε)/τ with its volume fraction 1-ε and
            tortuosity factor τ, in 0…1, 0 excluded.
        oxygen_concentration: c of oxide ions in the dense oxide, > 0 in mol/m³.
        diffusivity: D of them, > 0 in m²/s; that of a tracer if jumps are uncorrelated.
        exchange: k on the surface, > 0 in m/s; R₀/c from an exchange rate R₀ in mol/(m² s). Of
            diffusivity and exchange both belong to tracers; or both are chemical, each divided by
            the thermodynamic factor.

    Raises:
        InvalidInputError: a number is out of range.

    Source: S. B. Adler, J. A. Lane, B. C. H. Steele, J. Electrochem. Soc. 143 (1996) 3554,
        doi:10.1149/1.1837252 [not opened: verify]. R_chem is often written with RT/2F² in front:
        twice the value here, which is that of one electrode and is tested against a solution of
        the equation above; look at what yours refers to, such as a cell of two electrodes.
    """

    temperature: float
    area: float
    relative_diffusivity: float
    oxygen_concentration: float
    diffusivity: float
    exchange: float

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(getattr(self, field.name), field.name)
        hot(self.temperature)
        if self.relative_diffusivity > 1:
            raise InvalidInputError(
                f"relative_diffusivity is {self.relative_diffusivity!r}: D_eff/D of the oxide is "
                "at most 1"
            )

    @property
    def ionic_conductivity(self) -> float:
        """Effective, of oxide ions, by Nernst and Einstein: D_eff/D · 4F² c D/RT, S/m."""
        return self.relative_diffusivity * self._per_resistance * self.diffusivity

    @property
    def surface_resistance(self) -> float:
        """Of the exchange, per area of surface: RT/(4F² c k), Ω m²."""
        return 1 / (self._per_resistance * self.exchange)

    @property
    def utilization_length(self) -> float:
        """Depth l over which oxygen exchange decays: sqrt[(1-ε) D/(τ a k)], m."""
        length = self.relative_diffusivity * self.diffusivity / (self.area * self.exchange)
        return float(np.sqrt(length))

    @property
    def chemical_resistance(self) -> float:
        """R_chem of an electrode much thicker than l: RT/4F² sqrt[τ/((1-ε) a c² D k)], Ω m²."""
        return self.utilization_length / self.ionic_conductivity

    def resistance(self, thickness: float) -> float:
        """Resistance of an electrode of finite thickness in m, R_chem coth(L/l), Ω m²."""
        reach = positive(thickness, "thickness") / self.utilization_length
        return self.chemical_resistance / float(np.tanh(reach))

    def exchange_profile(self, depth: ArrayLike, thickness: float) -> NDArray[np.float64]:
        """Share of the current that is exchanged per depth, in 1/m, at 0…L in m.

        Raises:
            InvalidInputError: a depth is outside, or the thickness is not > 0.
        """
        length = positive(thickness, "thickness")
        x = np.asarray(depth, float)
        if np.any(~((x >= 0) & (x <= length))):
            raise InvalidInputError(f"depth {depth!r} is not in 0…{length:g} m")
        scale = self.utilization_length
        # cosh((L-x)/l)/sinh(L/l) of exponentials that decay
        shape = np.exp(-x / scale) + np.exp((x - 2 * length) / scale)
        return np.asarray(shape / -np.expm1(-2 * length / scale) / scale)

    @property
    def _per_resistance(self) -> float:
        """4F² c/RT, which makes a conductivity of a diffusivity, S s/m³."""
        thermal = GAS_CONSTANT * self.temperature
        return 4 * FARADAY**2 * self.oxygen_concentration / thermal


def double_connected_area(
    volume: Volume,
    pore: Phase,
    mixed: Phase,
    axis: int | None = None,
    *,
    method: AreaMethod = "crofton",
) -> Quantity:
    """Area per volume between pore and mixed conductor where both are connected, m²/m³.

    Only there can oxygen come through the pores and leave through the oxide. Connected means: a
    component that spans the volume along ``axis`` through the faces of voxels.

    Args:
        volume: labels of shape (nz, ny, nx).
        pore: name or id of the phase that carries gas.
        mixed: name or id of the phase that carries ions and electrons.
        axis: 0, 1 or 2; by default the through-plane axis.
        method: "crofton" or "faces", as in ``solvers.interface_areas``.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: the phases are the same, or axis or method is unknown.

    Accuracy: that of ``solvers.interface_areas``; what leaves the volume sideways counts as not
        connected, so that a small volume has too little.
    """
    from solvers import interface_areas

    axis = volume.axis(axis)
    gas, oxide = volume.phase_id(pore), volume.phase_id(mixed)
    if gas == oxide:
        raise InvalidInputError(f"pore and mixed are both {pore!r}: name two phases")
    connected = _connected_only(volume, (gas, oxide), axis)
    return interface_areas(connected, method)[gas, oxide]


def _connected_only(volume: Volume, phases: tuple[int, int], axis: int) -> Volume:
    """The volume with a further phase, made of what does not span it."""
    from solvers.components import spanning_mask
    from solvers.window import inside_window

    window = inside_window(volume)
    labels = volume.labels.astype(np.int64)
    rest = max(int(labels.max()), *volume.phases) + 1
    for phase in phases:
        found = volume.labels[window] == phase
        labels[window][found & ~spanning_mask(found, axis)] = rest
    names = dict(volume.phases) | {rest: "not connected"}
    return volume.with_labels(labels, "parts that do not span set apart", phases=names)
