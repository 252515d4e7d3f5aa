"""Indicators of cracking by phase: Weibull strength, critical flaws, yielding. Pa and m.

Stress fields have shape (6, nz, ny, nx) in Voigt order, positive in tension. None of these is a
prediction of where a crack runs: they say how much of a phase is near its limit, and never give a
bare peak, which on a staircase of voxels is no property of the electrode.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.stress_distribution import measured, phase_voxels
from solvers.units import LEAST_TOUGHNESS, doubt
from solvers.voigt import mean_stress

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
EDGE_CRACK = 1.12  # geometry factor of a straight crack at a surface


@dataclass(frozen=True, slots=True)
class FailureProbability:
    """Weibull probability that a phase cracks, 0…1; ``risk`` is R in P = 1 - exp(-R)."""

    value: float
    risk: float
    phase: str
    interior: bool
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class FlawSizes:
    """Depth (m) a flaw must have to grow, over the volume of a phase that is in tension.

    ``percentiles`` are by volume: 5 % of the tensile volume lets flaws shorter than the fifth
    grow. ``tensile_fraction`` is the share of the phase in tension at all.
    """

    percentiles: dict[int, float]
    tensile_fraction: float
    phase: str
    interior: bool
    unit: str = "m"


def failure_probability(
    stress: NDArray[np.floating],
    volume: Volume,
    phase: Phase,
    strength: float,
    weibull_modulus: float,
    reference_volume: float,
    *,
    interior: bool = True,
) -> FailureProbability:
    """Probability that a brittle phase cracks somewhere, by its largest principal stress.

    P = 1 - exp(-∫ (s1 / s0)^m dV / V0) over the volume in tension.

    Args:
        stress: shape (6, nz, ny, nx), Pa.
        volume: the segmented volume.
        phase: name or id.
        strength: characteristic strength s0 > 0 of the reference volume, Pa.
        weibull_modulus: m > 0; ceramics 5 to 15.
        reference_volume: V0 > 0, m³, of the specimens on which the strength was measured.
        interior: leave out voxels at an interface, whose stress does not converge. With a large
            m, only this makes P independent of the voxels.

    Raises:
        InvalidInputError: a number is not positive, or the phase has no such voxel.

    Source: Weibull, J. Appl. Mech. 18 (1951) 293, doi:10.1115/1.4010337 [not opened: verify].
    """
    _positive(strength=strength, weibull_modulus=weibull_modulus, reference_volume=reference_volume)
    tension = _tension(stress, volume, phase, interior).astype(float)
    risk = 0.0
    if (largest := float(tension.max())) > 0.0:
        shares = float(np.sum((tension / largest) ** weibull_modulus))  # powers of at most 1
        voxels = math.log(shares * math.prod(volume.spacing) / reference_volume)
        risk = math.exp(min(weibull_modulus * math.log(largest / strength) + voxels, 700.0))
    return FailureProbability(-math.expm1(-risk), risk, volume.phase_name(phase), interior)


def critical_flaws(
    stress: NDArray[np.floating],
    volume: Volume,
    phase: Phase,
    fracture_toughness: float,
    *,
    geometry: float = EDGE_CRACK,
    interior: bool = True,
) -> FlawSizes:
    """Depth from which a flaw grows under the largest principal stress: (K_IC / (Y s1))² / π.

    Args:
        stress: shape (6, nz, ny, nx), Pa.
        volume: the segmented volume.
        phase: name or id.
        fracture_toughness: K_IC > 0 in Pa m^0.5.
        geometry: Y > 0; 1.12 for a straight crack at a surface, 2/π for a disc inside.
        interior: leave out voxels at an interface.

    Raises:
        InvalidInputError: a number is not positive, or the phase has no such voxel.

    Accuracy: a flaw longer than the stress field is wide (the particle, say) is stopped before it
        crosses it: compare with the particle size.
    Source: Irwin, J. Appl. Mech. 24 (1957) 361, doi:10.1115/1.4011547 [not opened: verify].
    """
    _positive(fracture_toughness=fracture_toughness, geometry=geometry)
    doubt(fracture_toughness, LEAST_TOUGHNESS, "a fracture toughness", "Pa m^0.5")
    tension = _tension(stress, volume, phase, interior)
    pulled = tension[tension > 0]
    with np.errstate(divide="ignore"):
        depths = (fracture_toughness / (geometry * pulled.astype(float))) ** 2 / math.pi
    levels = np.percentile(depths, PERCENTILES) if len(depths) else [math.inf] * len(PERCENTILES)
    return FlawSizes(
        percentiles={p: float(v) for p, v in zip(PERCENTILES, levels, strict=True)},
        tensile_fraction=len(pulled) / len(tension),
        phase=volume.phase_name(phase),
        interior=interior,
    )


def yielded_fraction(
    stress: NDArray[np.floating],
    volume: Volume,
    phase: Phase,
    yield_stress: float,
    *,
    friction: float = 0.0,
    interior: bool = False,
) -> float:
    """Share of a phase, 0…1, that an elastic solution puts above yield.

    Von Mises stress against the yield stress or, with friction (Drucker–Prager), q + 3 a p_t
    against it, where p_t is the hydrostatic stress, positive in tension.

    Args:
        stress: shape (6, nz, ny, nx), Pa.
        volume: the segmented volume.
        phase: name or id.
        yield_stress: > 0, Pa, in pure shear times √3.
        friction: a ≥ 0; 0 for metals and polymers.
        interior: leave out voxels at an interface.

    Raises:
        InvalidInputError: a number is out of range, or the phase has no such voxel.
    """
    _positive(yield_stress=yield_stress)
    if not friction >= 0.0:
        raise InvalidInputError(f"friction {friction!r} is not ≥ 0: 0 is von Mises")
    values = _of_phase(stress, volume, phase, interior)
    equivalent = measured(values, "von_mises") + 3 * friction * mean_stress(values)
    return float(np.mean(equivalent > yield_stress))


def _tension(
    stress: NDArray[np.floating], volume: Volume, phase: Phase, interior: bool
) -> NDArray[np.floating]:
    """Largest principal stress of every voxel of a phase, 0 where it is compressive."""
    return np.maximum(measured(_of_phase(stress, volume, phase, interior), "max_principal"), 0.0)


def _of_phase(
    stress: NDArray[np.floating], volume: Volume, phase: Phase, interior: bool
) -> NDArray[np.floating]:
    if np.shape(stress) != (6, *volume.shape):
        raise InvalidInputError(
            f"the stress has the shape {np.shape(stress)}, wanted {(6, *volume.shape)}: give the "
            "field of this volume, such as StressState.stress"
        )
    values = stress[:, phase_voxels(volume, phase, interior)]
    if values.size == 0:
        where = "interior voxel" if interior else "voxel"
        raise InvalidInputError(
            f"{volume.phase_name(phase)!r} has no {where}: give interior=False or another phase"
        )
    return values


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        known = isinstance(value, float | int | np.number)
        if not (known and math.isfinite(value) and value > 0.0):
            raise InvalidInputError(f"{name} is {value!r}: give a finite number > 0, SI units")
