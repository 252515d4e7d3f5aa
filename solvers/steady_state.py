"""Steady state: one effective value along one axis, from values per phase or voxel to a result."""

import math
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import potential, runtime, sampling
from solvers.anisotropic_state import (
    ELEMENTS,
    centres,
    dissipation,
    has_tensors,
    is_aligned,
    require_plain,
    solve_elements,
    standard_error,
    tensor_domain,
)
from solvers.checks import checked_tolerance, checked_volume
from solvers.conductivity import Conductivity, Fields
from solvers.diffusion import Diffusion, Ends
from solvers.domain import Domain, domain, field_domain, flow_first
from solvers.electrodes import Boundary, Electrodes, checked_boundary
from solvers.face_resistance import FaceResistance, checked_resistance
from solvers.graph_level import BYTES_PER_NODE, SETUP_BYTES
from solvers.phase_values import field_of, has_fields, phase_values
from solvers.potential import Potential
from solvers.resolution import two_grid_error
from solvers.results import SAMPLING, SolveReport, Uncertainty

METHOD = "finite volumes, harmonic faces, electrodes on the outer faces, insulated sides"
RESISTIVE = ", resistive faces"
UNLIKE = 2.0  # times more unlike than neighbouring layers are opposite sides that were cut
REPEATED = "finite volumes, harmonic faces, periodic along all axes"


def solve(
    volume: Volume,
    values: Any,
    axis: int | None,
    *,
    what: str,
    unit: str,
    tolerance: float,
    max_iterations: int,
    fields: bool,
    resistance: FaceResistance | None = None,
    boundary: Boundary = "electrodes",
    start: Fields | None = None,
    discretisation: bool = False,
) -> Conductivity:
    """Effective value of ``what`` along an axis, in the unit of the phase values."""
    if discretisation:
        refuse_two_grids(values, resistance)
    tolerance, axis = checked_tolerance(tolerance), checked_volume(volume).axis(axis)
    resistance, electrodes = checked_resistance(resistance, volume), checked_boundary(boundary)
    if has_tensors(values):
        part, tensors = tensor_domain(volume, values, axis, electrodes, resistance)
        if not is_aligned(values):
            require_plain(electrodes)
            limits: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
            return _by_elements(volume, part, tensors, unit, fields, limits)
    else:
        part = make_domain(volume, values, what, axis, resistance, electrodes)
    method = method_of(part, electrodes)
    if any(part.periodic):
        doubt_period(volume, part)
    if not part.percolates:
        return _blocked(axis, unit, tolerance, method)
    guess = None if start is None else _guess(volume, part, start)
    task = f"{what} along axis {axis}"
    solution = _solve(part, electrodes, tolerance, max_iterations, task, guess)
    value = _normalised(part, solution, electrodes, tolerance, max_iterations)
    shares = sampling.block_sums(solution.dissipation) / solution.conductance
    voxels = sampling.block_sums(part.inside)
    # the value is the mean dissipation at unit mean gradient: it scatters as block means do
    error = value * sampling.relative_standard_error(shares - voxels / voxels.sum())
    doubt = None
    if discretisation:

        def again(coarse: Volume) -> float:
            how: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
            how |= {"what": what, "unit": unit, "boundary": boundary, "fields": False}
            return solve(coarse, values, axis, **how).value

        doubt = two_grid_error(again, volume, value * float(part.sigma.max()))
    return Conductivity(
        value=value * float(part.sigma.max()),
        unit=unit,
        method=method,
        uncertainty=Uncertainty(error * float(part.sigma.max()), SAMPLING),
        report=solution.report,
        axis=axis,
        percolates=True,
        imbalance=solution.imbalance,
        conducting_fraction=int(np.count_nonzero(part.classes)) / volume.inside_voxels,
        shares=shares,
        fields=_fields(volume, part, solution) if fields else None,
        discretisation_error=doubt,
    )


def _by_elements(
    volume: Volume,
    part: Domain,
    tensors: NDArray[np.float64],
    unit: str,
    fields: bool,
    limits: dict[str, Any],
) -> Conductivity:
    """The result for rotated tensors."""
    method = ELEMENTS + (
        "periodic along all axes" if part.periodic[0] else "electrodes, insulated sides"
    )
    if any(part.periodic):
        doubt_period(volume, part)
    if not part.percolates:
        return _blocked(part.axis, unit, limits["tolerance"], method)
    solution = solve_elements(part, tensors, **limits)
    value = float(solution.matrix[0, 0])
    assert solution.flux is not None
    flux = solution.flux[0]
    shares, error = standard_error(part, dissipation(part, tensors, flux))
    length = part.classes.shape[0] * part.spacing[0]
    homogeneous = value if part.periodic[0] else value / length
    kept = None
    if fields:
        size = np.sqrt((flux.astype(float) ** 2).sum(axis=0)) / homogeneous
        kept = _spread_out(volume, part, centres(solution.potential[0]), size)
    return Conductivity(
        value=value,
        unit=unit,
        method=method,
        uncertainty=Uncertainty(error * value, SAMPLING),
        report=solution.reports[0],
        axis=part.axis,
        percolates=True,
        imbalance=solution.imbalance[0],
        conducting_fraction=int(np.count_nonzero(part.classes)) / volume.inside_voxels,
        shares=shares,
        fields=kept,
    )


def refuse_two_grids(values: Any, resistance: FaceResistance | None) -> None:
    """Fields and faces are not defined on merged voxels. Raises InvalidInputError."""
    if has_fields(values) or has_tensors(values) or resistance is not None:
        raise InvalidInputError(
            "discretisation=True merges voxels, for which fields of values and face resistances "
            "are not defined: leave it out, or compare with a coarser volume of your own"
        )


def make_domain(
    volume: Volume,
    values: Any,
    what: str,
    axis: int,
    resistance: FaceResistance | None,
    electrodes: Electrodes | None,
    winding: int | None = 0,
) -> Domain:
    """The domain for values per phase or per voxel. Raises InvalidInputError."""
    if has_fields(values):
        field = field_of(volume, values, what)
        return field_domain(volume, field, axis, resistance, electrodes, winding)
    table = phase_values(volume, values, what)
    return domain(volume, table, axis, resistance, electrodes, winding)


class PeriodicWarning(UserWarning):
    """A volume that hardly repeats itself was treated as periodic."""


def doubt_period(volume: Volume, part: Domain) -> None:
    """Warn if opposite sides differ much more than neighbouring layers do."""
    order = flow_first((0, 1, 2), part.axis)
    for axis in (a for a, periodic in zip(order, part.periodic, strict=True) if periodic):
        layers = np.moveaxis(volume.labels[part.window], axis, 0)
        across = float((layers[0] != layers[-1]).mean())
        unlike = [float((a != b).mean()) for a, b in pairwise(layers)]
        within = max(unlike, default=across)
        if across > UNLIKE * within + 0.02:
            warnings.warn(
                f"the volume is treated as periodic along axis {axis}, but {100 * across:.0f} % of "
                f"the voxels differ across its sides, and at most {100 * within:.1f} % from layer "
                "to layer inside: phases are cut there. For a real volume use electrodes with "
                "insulated sides, or boundary='mirrored' for a tensor",
                PeriodicWarning,
                stacklevel=4,
            )


def method_of(part: Domain, electrodes: Electrodes | None) -> str:
    """What was solved, in words."""
    if electrodes is None:
        text = REPEATED
    else:
        text = METHOD if electrodes.is_plain else f"finite volumes, harmonic faces, {electrodes}"
    return text if part.resistance is None else text + RESISTIVE


def _solve(
    part: Domain,
    electrodes: Electrodes | None,
    tolerance: float,
    max_iterations: int,
    task: str,
    start: NDArray[np.floating] | None = None,
) -> Potential:
    """Potential of a domain, with the largest conductivity and the smallest edge as units."""
    problem = problem_of(part, electrodes)
    reserve(part, tolerance, problem.is_fragmented)
    return potential.solve(problem, tolerance, max_iterations, task, start)


def reserve(part: Domain, tolerance: float, fragmented: bool) -> None:
    """Refuse a solve that would not fit. Raises MemoryBudgetError."""
    nodes = int(np.count_nonzero(part.classes)) if fragmented else 0
    required = estimated_bytes(
        part.classes.shape,
        len(part.sigma),
        part.resistance.count if part.resistance else 0,
        tolerance=tolerance,
        stored=part.sigma.ndim == 2,
        field=part.conductivity is not None,
        nodes=nodes,
    )
    runtime.reserve(required, f"a solve on {part.classes.shape} voxels")


def problem_of(part: Domain, electrodes: Electrodes | None) -> Diffusion:
    """The equations of a domain in the solver's units."""
    smallest, largest = min(part.spacing), float(part.sigma.max())
    h0, h1, h2 = (h / smallest for h in part.spacing)
    scale = largest / smallest
    contacts, fed = (0.0, 0.0), None
    if electrodes is not None:
        low, high = electrodes.contacts
        contacts = (low * scale, high * scale)
        fed = {None: None, "low": 0, "high": 1}[electrodes.uniform_flux]
    return Diffusion(
        part.classes,
        part.sigma / largest,
        (h0, h1, h2),
        part.resistance and part.resistance.scaled(scale),
        None if part.conductivity is None else part.conductivity / largest,
        Ends(contacts, fed),
        part.periodic,
    )


def _normalised(
    part: Domain,
    solution: Potential,
    electrodes: Electrodes | None,
    tolerance: float,
    max_iterations: int,
) -> float:
    """Effective over largest phase conductivity."""
    if part.is_prism:
        length = part.classes.shape[0]
        cross_section = int(np.count_nonzero(part.inside[0]))
        stretch = part.spacing[0] / min(part.spacing)
        return solution.conductance * length / cross_section * stretch**2
    if electrodes is None or not electrodes.is_plain:
        raise InvalidInputError(
            "the electrode is no prism along the axis, where only plain electrodes are defined: "
            "crop the volume to a box without outside voxels, or leave out boundary"
        )
    uniform = _solve(part.filled(), electrodes, tolerance, max_iterations, "same shape, uniform")
    return solution.conductance / uniform.conductance


def _guess(volume: Volume, part: Domain, start: Fields) -> NDArray[np.floating]:
    """A potential of another solve, in the order of the domain."""
    if start.potential.shape != volume.shape:
        raise InvalidInputError(
            f"the fields to start from have shape {start.potential.shape}, but the volume "
            f"{volume.shape}: give those of a solve on a volume of the same shape"
        )
    return np.moveaxis(start.potential[part.window], part.axis, 0)


def _fields(volume: Volume, part: Domain, solution: Potential) -> Fields:
    flowing = part.classes > 0
    mean = solution.conductance / solution.dissipation.size
    lost = 0.0 if solution.interfacial is None else solution.interfacial
    # within voxels it is |flux|²/sigma; at unit gradient the homogeneous block has flux = sigma_eff
    within = np.maximum(solution.dissipation - lost, 0.0)
    flux = np.sqrt(within * np.where(flowing, _sigma(part), 0.0)) / mean
    scale = part.classes.shape[0] * part.spacing[0] / min(part.spacing)
    return _spread_out(volume, part, solution.potential, flux / scale)


def _spread_out(volume: Volume, part: Domain, *inner: NDArray[np.floating]) -> Fields:
    """Potential and flux of a domain as fields of the volume, NaN where nothing flows."""
    flowing = part.classes > 0
    whole = [np.full(volume.shape, np.nan, np.float32) for _ in range(2)]
    for target, values in zip(whole, inner, strict=True):
        view = np.moveaxis(target[part.window], part.axis, 0)
        view[flowing] = values[flowing]
    return Fields(*whole)


def _sigma(part: Domain) -> NDArray[np.floating]:
    """Conductivity of each voxel over the largest; along the flow where it depends on that."""
    if part.conductivity is not None:
        return part.conductivity / part.sigma.max()
    sigma = part.sigma if part.sigma.ndim == 1 else part.sigma[:, 0]
    by_class: NDArray[np.float64] = np.concatenate([[0.0], sigma / part.sigma.max()])
    return by_class[part.classes]


def _blocked(axis: int, unit: str, tolerance: float, method: str) -> Conductivity:
    return Conductivity(
        value=0.0,
        unit=unit,
        method=method + "; no conducting path between the electrodes",
        uncertainty=Uncertainty(np.nan, SAMPLING),
        report=SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed"),
        axis=axis,
        percolates=False,
        imbalance=0.0,
        conducting_fraction=0.0,
        shares=np.zeros((1, 1, 1)),
    )


def estimated_bytes(
    shape: tuple[int, ...],
    conductivities: int = 1,
    resistive_faces: int = 0,
    *,
    tolerance: float = 1e-5,
    stored: bool = False,
    field: bool = False,
    nodes: int = 0,
) -> int:
    """Memory that a solve of this many voxels takes at its peak, in the precision in force."""
    voxels = math.prod(n + 2 for n in shape)
    word = 8 if runtime.precision() == "double" else 4
    vectors, levels = 5 * word, word  # x, r, p, z and a spare one; all coarser levels together
    refined = 8 if word == 4 and potential.is_refined(voxels, tolerance) else 0
    each = 1 + vectors + levels + refined
    if conductivities > 1 or field:
        each += 4 if word == 4 else 1
    if field:
        each += 8 + (refined or word == 8) * 8
    if stored or resistive_faces:  # all faces are stored then, some of them twice
        each += 3 * word + 24
    graph = 0
    if nodes:  # the peak is while it is made, before there are vectors, or afterwards
        each -= levels
        graph = max(SETUP_BYTES[0] * voxels + SETUP_BYTES[1] * nodes - voxels * vectors,
                    BYTES_PER_NODE[np.float32 if word == 4 else np.float64] * nodes)  # fmt: skip
    return 64 * 2**20 + voxels * each + graph + 64 * conductivities + 180 * resistive_faces
