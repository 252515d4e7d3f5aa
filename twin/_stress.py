"""Stress of an electrode by phase: percentiles and shares of volume, never a bare peak. Pa."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.fracture import critical_flaws
from solvers.results import EXACT, SAMPLING, Uncertainty
from solvers.sampling import block_sums, standard_error
from solvers.stress_distribution import Measure, measured, phase_voxels
from twin._effective import method
from twin._loads import Solved
from twin.card import Entry
from twin.materials import Material

LEVELS = (5, 50, 95)
FLAWS = (5, 50)  # the longest say nothing: where there is hardly any tension they have no limit
MEASURES: tuple[Measure, ...] = ("von_mises", "hydrostatic", "max_principal")
CHUNK = 2**20  # voxels whose stress is measured at a time: principal stresses take memory
UNKNOWN = float("nan")

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


def entries(
    solved: Solved, materials: Mapping[str, Material], solids: tuple[str, ...], errors: bool = True
) -> Iterator[Entry]:
    """Numbers of each solid phase, then of the whole; no sampling errors if not wanted."""
    present = [name for name in solids if solved.volume.voxels(name)]
    for name in present:
        for interior in (False, True):
            mask = phase_voxels(solved.volume, name, interior)
            yield from _percentiles(solved, name, mask, interior, errors)
        yield from _limits(solved, name, materials[name], errors)
        yield from _flaws(solved, name, materials[name], errors)
    yield from _soundness(solved)


def _percentiles(
    solved: Solved, phase: str, mask: Mask, interior: bool, errors: bool
) -> Iterator[Entry]:
    stress = solved.stress[:, mask]
    where = " of voxels with six neighbours of the phase" if interior else " of the phase"
    for measure in MEASURES:
        values = _measured(stress, measure)
        for level, (value, error) in zip(LEVELS, _levels(values, mask, errors), strict=True):
            yield Entry(
                name=f"{measure}_stress{'_interior' if interior else ''}_p{level}",
                phase=phase,
                axis=None,
                value=value,
                unit="Pa",
                uncertainty=Uncertainty(error, SAMPLING),
                method=f"percentile of the volume{where}; {method(solved)}",
                status="ok" if values.size else "absent",
            )


def _limits(solved: Solved, phase: str, made: Material, errors: bool) -> Iterator[Entry]:
    """Shares of a phase above what it can bear."""
    mask = phase_voxels(solved.volume, phase)
    limits: tuple[tuple[str, Measure, str], ...] = (
        ("yield_stress", "von_mises", "von Mises stress"),
        ("tensile_strength", "max_principal", "largest principal stress"),
    )
    for quantity, measure, title in limits:
        limit = getattr(made, quantity)
        if limit is None:
            continue
        above = _measured(solved.stress[:, mask], measure) > limit.value
        error = _share_error(above, mask) if errors else UNKNOWN
        words = f"{title} above the {quantity.replace('_', ' ')} of {limit.value:.4g} Pa"
        yield Entry(
            name=f"volume_above_{quantity}",
            phase=phase,
            axis=None,
            value=float(above.mean()),
            unit="1",
            uncertainty=Uncertainty(error, SAMPLING),
            method=f"share of the volume of the phase with a {words}; {method(solved)}",
        )


def _flaws(solved: Solved, phase: str, made: Material, errors: bool) -> Iterator[Entry]:
    """Depth that a flaw must have to grow in the interior of a phase, over what is in tension."""
    mask = phase_voxels(solved.volume, phase, True)
    if made.fracture_toughness is None or not mask.any():
        return
    stress = _measured(solved.stress[:, mask], "max_principal")
    mask[mask] = stress > 0
    toughness = made.fracture_toughness.value
    found = critical_flaws(solved.stress, solved.volume, phase, toughness)
    for level in FLAWS:
        depth, error = found.percentiles[level], UNKNOWN
        if errors and mask.any():  # depths go with the inverse square of the stress
            value, spread = _level(stress[stress > 0], mask, 100 - level)
            error = 2 * depth * spread / value
        yield Entry(
            name=f"critical_flaw_size_interior_p{level}",
            phase=phase,
            axis=None,
            value=depth,
            unit="m",
            uncertainty=Uncertainty(error, SAMPLING),
            method="(K_IC / (1.12 σ_1))² / π, percentile of what is in tension of the volume of "
            f"voxels with six neighbours of the phase, K_IC {toughness:.4g} Pa m^0.5; "
            + method(solved),
        )


def _soundness(solved: Solved) -> Iterator[Entry]:
    """What a solve says of itself."""
    clusters = solved.superposition.body.clusters
    for name, value, how in (
        (
            "floating_fraction",
            clusters.fraction,
            "voxels of solids that no face-connected path joins to what holds the electrode, over "
            "voxels of solids",
        ),
        (
            "hourglass_share",
            _hourglass(solved),
            "elastic energy in deformations that a voxel's mean strain does not see",
        ),
    ):
        yield Entry(name, None, None, value, "1", Uncertainty(0.0, EXACT), how)


def _hourglass(solved: Solved) -> float:
    body, state = solved.superposition.body, solved.state
    elastic = body.strain(state.deformation) - state.eigenstrain
    seen = float(np.einsum("czyx,czyx->", elastic, solved.stress, dtype=np.float64))
    hidden = body.hourglass_energy(state.deformation) * solved.volume.labels.size
    return hidden / (seen + hidden) if hidden > 0.0 else 0.0


def _measured(stress: NDArray[np.floating[Any]], measure: Measure) -> Values:
    count = stress.shape[1]
    parts = [measured(stress[:, i : i + CHUNK], measure) for i in range(0, count, CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0)


def _levels(values: Values, mask: Mask, errors: bool) -> Iterator[tuple[float, float]]:
    """Percentiles and their standard errors: those of the share below, turned into stress.

    Source: Woodruff, J. Am. Stat. Assoc. 47 (1952) 635, doi:10.1080/01621459.1952.10483443
        (confidence limits of percentiles from those of shares) [not opened: verify].
    """
    if not values.size:
        yield from ((UNKNOWN, UNKNOWN) for _ in LEVELS)
        return
    for level in LEVELS:
        yield _level(values, mask, level, errors)


def _level(values: Values, mask: Mask, level: int, errors: bool = True) -> tuple[float, float]:
    value = float(np.percentile(values, level))
    share = 100 * _share_error(values <= value, mask) if errors else UNKNOWN
    low, high = level - share, level + share
    if not (low > 0 and high < 100):  # too few voxels, or none known
        return value, UNKNOWN
    below, above = np.percentile(values, (low, high))
    return value, float(above - below) / 2


def _share_error(inside: Mask, mask: Mask) -> float:
    """Standard error of the share of the mask's voxels that are ``inside``."""
    field = np.zeros(mask.shape, bool)
    field[mask] = inside
    return standard_error(block_sums(field), block_sums(mask))
