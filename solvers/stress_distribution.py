"""Statistics of a stress field by phase: percentiles and volume shares, never a bare peak.

On a staircase of voxels the largest stress grows without limit as voxels shrink; percentiles and
shares of volume converge. Fields have shape (6, nz, ny, nx) in Voigt order, Pa.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.voigt import mean_stress, principal, von_mises

Measure: TypeAlias = Literal["hydrostatic", "von_mises", "max_principal", "min_principal"]
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True, slots=True)
class StressStatistics:
    """Distribution of one measure of stress over the voxels of a phase, Pa.

    ``percentiles`` maps 1, 5, 25, 50, 75, 95, 99 to stresses; ``interior`` says whether only
    voxels were counted whose six neighbours are of the phase too; ``voxels`` is how many.
    """

    phase: str
    measure: Measure
    interior: bool
    voxels: int
    mean: float
    deviation: float
    percentiles: dict[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""
        about = {name: getattr(self, name) for name in self.__slots__}
        return about | {"percentiles": {f"p{p}": v for p, v in self.percentiles.items()}}


def measured(stress: NDArray[np.floating], measure: Measure) -> NDArray[np.floating]:
    """A scalar measure of stresses, shape (6, …) to (…). Raises InvalidInputError."""
    if measure == "hydrostatic":
        return mean_stress(stress)
    if measure == "von_mises":
        return von_mises(stress)
    if measure == "max_principal":
        return principal(stress)[-1]
    if measure == "min_principal":
        return principal(stress)[0]
    raise InvalidInputError(f"measure {measure!r} is unknown: choose one of {get_args(Measure)}")


def phase_voxels(volume: Volume, phase: Phase, interior: bool = False) -> NDArray[np.bool_]:
    """Voxels of a phase, shape (nz, ny, nx); of ``interior`` ones all six neighbours are alike.

    Faces of the volume count as neighbours of the same phase.
    """
    mask = volume.labels == volume.phase_id(phase)
    return _eroded(mask) if interior else mask


def stress_statistics(
    stress: NDArray[np.floating],
    volume: Volume,
    phase: Phase,
    measure: Measure = "von_mises",
    *,
    interior: bool = False,
) -> StressStatistics:
    """Distribution of a measure of stress over a phase.

    Raises:
        InvalidInputError: an unknown measure, or a phase without such voxels.
    """
    values = measured(stress[:, phase_voxels(volume, phase, interior)], measure)
    if values.size == 0:
        where = "interior voxel" if interior else "voxel"
        raise InvalidInputError(
            f"{volume.phase_name(phase)!r} has no {where}: choose another phase"
        )
    levels = np.percentile(values, PERCENTILES)
    return StressStatistics(
        phase=volume.phase_name(phase),
        measure=measure,
        interior=interior,
        voxels=int(values.size),
        mean=float(values.mean(dtype=np.float64)),
        deviation=float(values.std(dtype=np.float64)),
        percentiles={p: float(v) for p, v in zip(PERCENTILES, levels, strict=True)},
    )


def volume_above(
    stress: NDArray[np.floating],
    volume: Volume,
    phase: Phase,
    threshold: float,
    measure: Measure = "von_mises",
    *,
    interior: bool = False,
) -> float:
    """Share of a phase's voxels, 0…1, in which a measure of stress exceeds ``threshold`` (Pa)."""
    values = measured(stress[:, phase_voxels(volume, phase, interior)], measure)
    return float(np.mean(values > threshold)) if values.size else 0.0


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    out = mask.copy()
    for axis in range(3):
        inner, alike = (np.moveaxis(array, axis, 0) for array in (out, mask))
        inner[1:] &= alike[:-1]
        inner[:-1] &= alike[1:]
    return out
