"""ChargeTransfer: resistance of an electrode, and where in it the reaction takes place."""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.coupled_potential import CoupledPotential
from solvers.reaction_network import ReactionNetwork
from solvers.results import SAMPLING, Quantity, SolveReport, Uncertainty, finite

UNIT = "Ω m²"
METHOD = (
    "finite volumes, harmonic faces, charge transfer in series with both half voxels, ions from "
    "the separator, electrons to the collector, insulated sides"
)
WITHIN = 1.0 - math.exp(-1.0)  # share of the reaction within the penetration depth
PARTS = ("ionic", "electronic", "charge transfer")


@dataclass(frozen=True, slots=True, eq=False)
class ReactionFields:
    """Fields of a solve, shape (nz, ny, nx) in the volume's axis order; NaN where nothing flows.

    ``potential`` in V, that of ions in one conductor and of electrons in the other, 0 at the
    collector; ``reaction`` in A/m³ of voxel is the current that turns from ionic to electronic,
    half of each face's in the voxels on both sides, so that its integral is the whole current.
    """

    potential: NDArray[np.float32]
    reaction: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ChargeTransfer:
    """Resistance of an electrode with both conductors and the charge transfer between them.

    ``value`` in Ω m² is the overpotential over the current density; inf with ``percolates=False``
    where no current can flow, and ``status`` says why. ``current_density`` is in A/m² of electrode
    and ``overpotential`` in V, the drop from the separator to the collector; both are positive
    where ions enter.

    ``reaction_current`` is the share of the current that turns from ionic to electronic in each
    layer of voxels, from the separator on; ``penetration_depth`` the distance from the separator
    in m within which 1 - 1/e of it does. For a reaction that decays exponentially that is the
    decay length; for a uniform one 0.632 of the thickness.

    ``utilisation`` is (∫ i dA)² / (A ∫ i² dA) over all active faces, reachable or not: 1 if all of
    them work alike, or the share of them that works if those that work do so alike. ``lost_area``
    is the share that cannot work as one side of it is not connected; NaN without any active face.
    ``specific_area`` is the active area in m²/m³, lost or not. ``shares`` are those of the
    dissipation in the two conductors and in the charge transfer. ``imbalance`` is the largest
    relative difference between the current through any layer and the whole, ``newton_steps`` the
    number of linear problems of a nonlinear one, 0 if the charge transfer is linear.
    """

    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    axis: int
    separator: str
    status: str
    current_density: float
    overpotential: float
    reaction_current: NDArray[np.float64]
    penetration_depth: float
    utilisation: float
    lost_area: float
    specific_area: float
    shares: Mapping[str, float]
    imbalance: float
    newton_steps: int
    fields: ReactionFields | None = None

    @property
    def area_specific_resistance(self) -> float:
        """The value, in Ω m²."""
        return self.value

    @property
    def percolates(self) -> bool:
        """True if a current can flow."""
        return self.status == "ok"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text; infinite or undefined values become None."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        plain = ("axis", "separator", "status", "percolates", "newton_steps")
        numbers = ["current_density", "overpotential", "penetration_depth", "utilisation"]
        numbers += ["lost_area", "specific_area", "imbalance"]
        return (
            quantity.to_dict()
            | {name: getattr(self, name) for name in plain}
            | {name: finite(getattr(self, name)) for name in numbers}
            | {"reaction_current": [float(share) for share in self.reaction_current]}
            | {"shares": {name: finite(share) for name, share in self.shares.items()}}
        )

    def __str__(self) -> str:
        if not self.percolates:
            return f"inf: {self.status}"
        return str(Quantity(self.value, self.unit, self.method, self.uncertainty))

    def _repr_html_(self) -> str:
        return (
            f"<b>{html.escape(str(self))}</b> <small>with charge transfer along axis {self.axis}"
            "</small>"
        )


def measured(
    part: ReactionNetwork, found: CoupledPotential, axis: int, separator: str, method: str
) -> ChargeTransfer:
    """The result of a solve, without its fields."""
    currents = part.active.area * found.transfer.current
    density = found.current / part.cross_section
    profile = reaction_profile(part, currents)
    return ChargeTransfer(
        value=found.drop / density,
        unit=UNIT,
        method=method,
        uncertainty=Uncertainty(math.nan, SAMPLING),
        report=found.report,
        axis=axis,
        separator=separator,
        status="ok",
        current_density=density,
        overpotential=found.drop,
        reaction_current=profile,
        penetration_depth=part.spacing[0] * layers_within(profile, WITHIN),
        utilisation=float(
            currents.sum() ** 2 / (part.whole_area * (currents * found.transfer.current).sum())
        ),
        lost_area=part.lost / part.whole_area,
        specific_area=part.specific_area,
        shares=_shares(part, found, currents),
        imbalance=_imbalance(part, found, currents),
        newton_steps=found.steps,
    )


def nothing(
    part: ReactionNetwork, obstacle: str, axis: int, separator: str, method: str, tolerance: float
) -> ChargeTransfer:
    """The result where no current can flow."""
    return ChargeTransfer(
        value=math.inf,
        unit=UNIT,
        method=method + "; no path for the current",
        uncertainty=Uncertainty(math.nan, SAMPLING),
        report=SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed"),
        axis=axis,
        separator=separator,
        status=obstacle,
        current_density=0.0,
        overpotential=math.nan,
        reaction_current=np.zeros(part.grid.shape[0]),
        penetration_depth=math.nan,
        utilisation=0.0,
        lost_area=1.0 if part.whole_area else math.nan,
        specific_area=part.specific_area,
        shares=dict.fromkeys(PARTS, math.nan),
        imbalance=0.0,
        newton_steps=0,
    )


def reaction_profile(part: ReactionNetwork, currents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the reaction in each layer of voxels; a face between layers counts half in both."""
    layers = part.per_voxel(currents).reshape(-1, part.grid.strides[0]).sum(axis=1)[1:-1]
    return layers / layers.sum()


def layers_within(profile: NDArray[np.float64], share: float) -> float:
    """Layers from the start of a profile that hold ``share`` of it, even within each layer."""
    held = np.cumsum(profile)
    last = int(np.argmax(held >= share))  # the first, where currents run both ways
    before = held[last] - profile[last]
    return last + (share - float(before)) / float(profile[last])


def reaction_fields(
    part: ReactionNetwork,
    found: CoupledPotential,
    shape: tuple[int, int, int],
    result: ChargeTransfer,
) -> ReactionFields:
    """Potential and reaction in the axis order of the volume."""
    currents = part.active.area * found.transfer.current
    reaction = part.per_voxel(currents) / math.prod(part.spacing)
    flowing = part.grid.voxels(part.kind) > 0
    whole = [np.full(shape, np.nan, np.float32) for _ in range(2)]
    for target, values in zip(whole, (found.potential, reaction), strict=True):
        along = np.moveaxis(target[part.window], result.axis, 0)
        along = along if result.separator == "low" else along[::-1]
        along[flowing] = part.grid.voxels(values)[flowing]
    return ReactionFields(*whole)


def _shares(
    part: ReactionNetwork, found: CoupledPotential, currents: NDArray[np.float64]
) -> dict[str, float]:
    ionic, electronic = part.dissipation(found.potential, found.drop)
    density = currents * found.transfer.current
    ionic += float((density * part.active.ion_half).sum())
    electronic += float((density * part.active.electron_half).sum())
    reaction = float((currents * found.transfer.overpotential).sum())
    power = ionic + electronic + reaction
    return dict(zip(PARTS, (ionic / power, electronic / power, reaction / power), strict=True))


def _imbalance(
    part: ReactionNetwork, found: CoupledPotential, currents: NDArray[np.float64]
) -> float:
    through = part.layer_currents(found.potential, found.drop, currents)
    return float(np.abs(through / found.current - 1.0).max())
