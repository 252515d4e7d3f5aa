"""Coupled transport of ions and electrons through an electrode, with charge transfer between them.

An electron-conducting and an ion-conducting set of phases exchange current through the faces that
they share, as in a porous electrode, but on the voxels themselves.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers.butler_volmer import ButlerVolmer, Kinetics, Linear
from solvers.checks import checked_tolerance, checked_volume
from solvers.coupled_potential import coupled_potential
from solvers.reaction_distribution import (
    METHOD,
    ChargeTransfer,
    measured,
    nothing,
    reaction_fields,
)
from solvers.reaction_network import reaction_network
from solvers.voxel_faces import beside
from solvers.wetted_pores import separator_side

Exchange: TypeAlias = float | ButlerVolmer
Pair: TypeAlias = tuple[Phase, Phase]

BYTES = {True: (155, 131), False: (191, 173)}  # measured peak per voxel and active face, if linear


def charge_transfer(
    volume: Volume,
    electronic: Mapping[Phase, float],
    ionic: Mapping[Phase, float],
    exchange: Exchange | Mapping[Pair, Exchange],
    axis: int | None = None,
    *,
    separator: str | None = None,
    current_density: float | None = None,
    overpotential: float | None = None,
    area: float | Literal["faces"] = "faces",
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
) -> ChargeTransfer:
    """Area-specific resistance of an electrode in which ions and electrons exchange charge.

    Solves div(κ grad φ_ion) = 0 and div(σ grad φ_el) = 0 in the two sets of phases. The outer face
    at the separator holds the potential of the ion conductor, that at the collector the potential
    of the electron conductor; all other outer faces, and faces to other phases, insulate. Through
    a face between the sets flows i = g (φ_ion - φ_el) per area, with the equilibrium potential
    shifted out, in series with both half voxels: 1/g' = 1/g + h/2κ + h/2σ. With ``ButlerVolmer``
    i follows from the overpotential left at the face, found together with the potentials.

    Ion conductors that do not reach the separator and electron conductors that do not reach the
    collector carry no net current; they are left out, and their active faces are ``lost_area``.

    Args:
        volume: the segmented volume; faces with voxels outside the electrode insulate.
        electronic: σ ≥ 0 in S/m of the phases that conduct electrons.
        ionic: κ ≥ 0 in S/m of the phases that conduct ions; none may be in both.
        exchange: of all faces between the sets, or {(phase, phase): exchange} of the pairs that
            are active: conductance g > 0 in S/m² of interface, or ``ButlerVolmer``.
        axis: 0, 1 or 2; by default the through-plane axis.
        separator: the end of the axis at which the separator lies, "low" or "high"; by default
            opposite ``volume.collector``. Must be named along other axes.
        current_density: in A/m² of electrode, > 0 where ions enter at the separator, which is the
            cathodic direction.
        overpotential: instead: drop in V from the separator to the collector, same sign. Either is
            needed with ``ButlerVolmer``; without, the result is that at 1 A/m², and scales.
        area: true area of all active faces in m², lost or not, as voxel faces overestimate it by
            up to 3/2; "faces" takes that of the voxel faces.
        tolerance: estimated relative error of the resistance at which the solve stops.
        max_iterations: iterations of a linear solve after which ConvergenceError is raised.
        fields: also return the potential and reaction fields.

    Returns:
        The resistance in Ω m² with the distribution of the reaction and of the dissipation; inf
        with ``percolates=False`` where no current can flow.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: a phase is in both sets or a value is out of range.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: second order in the voxel edge for flat interfaces along the grid, and exactly that
        of the one-dimensional porous electrode with g' for g where conductors are one voxel wide;
        a staircase interface costs O(h), besides its area.
    Source: Newman, Tobias, J. Electrochem. Soc. 109 (1962) 1183, doi:10.1149/1.2425269 [not
        opened]: the porous electrode.
    """
    tolerance, axis = checked_tolerance(tolerance), checked_volume(volume).axis(axis)
    separator = separator_side(volume, axis, separator)
    kappa, sigma = (
        _conductors(volume, ionic, "ionic"),
        _conductors(volume, electronic, "electronic"),
    )
    _refuse_both(volume, kappa, sigma)
    laws, pairs = _active_pairs(volume, kappa, sigma, exchange)
    density, drop = _driven(current_density, overpotential, laws)
    _reserve(volume, pairs, all(isinstance(law, Linear) for law in laws))
    part = reaction_network(volume, kappa, sigma, pairs, axis, separator, _checked_area(area))
    method = METHOD if area == "faces" else METHOD + f", active area {area:.4g} m²"
    if obstacle := part.obstacle:
        return nothing(part, obstacle, axis, separator, method, tolerance)
    found = coupled_potential(
        part,
        laws,
        current=None if density is None else density * part.cross_section,
        drop=drop,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    result = measured(part, found, axis, separator, method)
    if not fields:
        return result
    return replace(result, fields=reaction_fields(part, found, volume.shape, result))


def estimated_bytes(shape: tuple[int, ...], active_faces: int, *, linear: bool) -> int:
    """Memory that a coupled solve takes at its peak."""
    voxel, face = BYTES[linear]
    return 64 * 2**20 + math.prod(n + 2 for n in shape) * voxel + active_faces * face


def _reserve(volume: Volume, pairs: Mapping[tuple[int, int], int], linear: bool) -> None:
    """Raise MemoryBudgetError if the solve does not fit."""
    ions, electrons = (np.unique([pair[side] for pair in pairs]) for side in (0, 1))
    conductor = np.zeros(int(volume.labels.max()) + 1, np.int8)
    for sign, labels in ((1, ions), (-1, electrons)):
        conductor[[label for label in labels if label < len(conductor)]] = sign
    kind = conductor[volume.labels]
    faces = 0
    for axis in range(3):
        below, above = beside(kind, axis)
        faces += int(np.count_nonzero(below * above < 0))
    required = estimated_bytes(volume.shape, faces, linear=linear)
    runtime.reserve(required, f"a coupled solve on {volume.shape} voxels")


def _conductors(volume: Volume, values: Any, what: str) -> dict[int, float]:
    """Conductivity by label, without phases that insulate."""
    if not isinstance(values, Mapping) or not values:
        raise InvalidInputError(
            f"{what} {values!r} names no phase: give {{phase: conductivity in S/m}}, with phases "
            f"from {list(volume.phases.values())}"
        )
    table: dict[int, float] = {}
    for phase, value in values.items():
        label = volume.phase_id(phase)
        if label in table:
            raise InvalidInputError(
                f"{what} gives {volume.phase_name(label)!r} twice, by name and by id: give it once"
            )
        table[label] = _number(value, f"the {what} conductivity of {phase!r}", zero=True)
    return {label: value for label, value in table.items() if value > 0.0}


def _number(value: Any, what: str, *, zero: bool = False) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and (number > 0.0 or (zero and number == 0.0))):
        wanted = "≥ 0" if zero else "> 0"
        raise InvalidInputError(f"{what} is {value!r}: give a finite number {wanted}")
    return number


def _refuse_both(volume: Volume, kappa: dict[int, float], sigma: dict[int, float]) -> None:
    both = [volume.phase_name(label) for label in kappa if label in sigma]
    if both:
        raise InvalidInputError(
            f"{both} is to conduct both ions and electrons, but a voxel has one potential here: "
            "name it in one of electronic and ionic, or segment what it is made of"
        )


def _active_pairs(
    volume: Volume, kappa: dict[int, float], sigma: dict[int, float], exchange: Any
) -> tuple[tuple[Kinetics, ...], dict[tuple[int, int], int]]:
    """The laws, and which of them holds between an ionic and an electronic label."""
    if not isinstance(exchange, Mapping):
        return (_kinetics(exchange),), {(a, b): 0 for a in kappa for b in sigma}
    if not exchange:
        raise InvalidInputError("exchange names no pair: give {(phase, phase): S/m²}")
    laws: list[Kinetics] = []
    pairs: dict[tuple[int, int], int] = {}
    for pair, value in exchange.items():
        labels = _checked_pair(volume, pair, kappa, sigma)
        if labels in pairs:
            raise InvalidInputError(f"the pair {pair!r} is given twice: give it once")
        pairs[labels] = len(laws)
        laws.append(_kinetics(value))
    return tuple(laws), pairs


def _checked_pair(
    volume: Volume, pair: Any, kappa: dict[int, float], sigma: dict[int, float]
) -> tuple[int, int]:
    """The pair's ionic and electronic label."""
    if isinstance(pair, tuple) and len(pair) == 2:
        a, b = (volume.phase_id(phase) for phase in pair)
        if a in kappa and b in sigma:
            return a, b
        if b in kappa and a in sigma:
            return b, a
    raise InvalidInputError(
        f"the pair {pair!r} is not one phase that conducts ions and one that conducts electrons: "
        f"choose one of {[volume.phase_name(i) for i in kappa]} and one of "
        f"{[volume.phase_name(i) for i in sigma]}"
    )


def _kinetics(value: Any) -> Kinetics:
    return value if isinstance(value, ButlerVolmer) else Linear(value)


def _driven(
    current_density: float | None, overpotential: float | None, laws: tuple[Kinetics, ...]
) -> tuple[float | None, float | None]:
    """Current density in A/m² or else drop in V; one of them is None."""
    given = [value for value in (current_density, overpotential) if value is not None]
    linear = all(isinstance(law, Linear) for law in laws)
    if len(given) > 1 or not (given or linear):
        raise InvalidInputError(
            f"current_density {current_density!r} and overpotential {overpotential!r} were given: "
            "give one of them, as the resistance depends on it"
        )
    for value in given:
        if not (isinstance(value, int | float) and math.isfinite(value) and value != 0.0):
            raise InvalidInputError(
                f"{value!r} is no current density or overpotential: give a finite number that is "
                "not 0; a small one gives the resistance at rest"
            )
    return (1.0, None) if not given else (current_density, overpotential)


def _checked_area(area: Any) -> float | None:
    return None if area == "faces" else _number(area, "the active area in m²")
