"""Conduction: a volume and its conductivities, to be solved along one axis after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import potential, sampling
from solvers.anisotropic_state import (
    ELEMENTS,
    centres,
    dissipation,
    require_plain,
    solve_elements,
    standard_error,
)
from solvers.checks import checked_axes, checked_tolerance, checked_volume
from solvers.conducting_part import ConductingPart, conducting_part, has_tensors
from solvers.conductivity import Conductivity, Fields
from solvers.domain import Domain
from solvers.electrodes import Boundary, checked_boundary
from solvers.face_resistance import FaceResistance, checked_resistance
from solvers.phase_values import has_fields
from solvers.potential import Iterate, Potential
from solvers.resolution import two_grid_error
from solvers.results import SAMPLING, SolveReport, Uncertainty
from solvers.steady_state import doubt_period, method_of, problem_of, reserve
from solvers.turn import between


class Conduction:
    """Steady conduction or diffusion in a volume, with a result along each axis asked for.

    What does not depend on the axis is made once: the search for what connects the faces, and the
    multigrid hierarchy where the same voxels carry the current along both axes. Three axes take
    a tenth less time than three calls of ``effective_conductivity``, and a quarter less where a
    phase is so fragmented that multigrid works on its graph; the results are the same.

    Args:
        volume: the segmented volume.
        conductivity: as for ``effective_conductivity``.
        axes: those along which it will be solved; after the last, what they share is let go.
        boundary: as for ``effective_conductivity``, with ``resistance``, ``tolerance`` and
            ``max_iterations``.
        what: name of the values, for messages.
        unit: of values and results.

    Attributes are what was given. Arrays of values are not copied.

    Raises:
        InvalidInputError: as ``effective_conductivity``, or the axes are none.
    """

    def __init__(
        self,
        volume: Volume,
        conductivity: Any,
        *,
        axes: Sequence[int] = (0, 1, 2),
        boundary: Boundary = "electrodes",
        resistance: FaceResistance | None = None,
        tolerance: float = 1e-5,
        max_iterations: int = 2000,
        what: str = "conductivity",
        unit: str = "S/m",
    ) -> None:
        self.tolerance, self.max_iterations = checked_tolerance(tolerance), max_iterations
        self.volume, self.values = checked_volume(volume), conductivity
        self.what, self.unit, self.boundary = what, unit, boundary
        self.resistance = checked_resistance(resistance, volume)
        self.electrodes = checked_boundary(boundary)
        self.axes = checked_axes(volume, axes)
        self._part: ConductingPart | None = self._conducting_part()
        self._left = set(self.axes)
        self._last: tuple[int, int, Iterate] | None = None  # axis, group, and how it was solved

    def along(
        self,
        axis: int | None = None,
        *,
        start: Fields | None = None,
        fields: bool = False,
        discretisation: bool = False,
        stacklevel: int = 1,
    ) -> Conductivity:
        """The effective value along one of the axes.

        Args:
            axis: 0, 1 or 2; by default the through-plane axis.
            start: fields of a similar solve on a volume of this shape to start from.
            fields: also return the potential and flux fields.
            discretisation: also estimate what the size of the voxels does to the value.
            stacklevel: whose line a warning names: 1 is the caller, 2 its caller.

        Raises:
            InvalidInputError: the axis is not among those given.
            ConvergenceError: the tolerance was not met; carries the report. Other axes are none
                the worse for it.
            MemoryBudgetError: the solve would not fit; nothing was allocated.
        """
        if discretisation:
            self._refuse_two_grids()
        part, is_shared = self._domain(axis)
        if part.tensors is not None:
            require_plain(self.electrodes)
        if any(part.periodic):
            doubt_period(self.volume, part, stacklevel + 2)
        if part.tensors is not None:
            return self._by_elements(part, part.tensors, fields)
        if not part.percolates:
            return self._blocked(part, method_of(part, self.electrodes))
        guess = None if start is None else _guess(self.volume, part, start)
        solution = self._potential(part, guess, is_shared)
        return self._result(part, solution, fields, discretisation)

    def _conducting_part(self) -> ConductingPart:
        given = (self.volume, self.values, self.what, self.axes, self.electrodes, self.resistance)
        return conducting_part(*given)

    def _domain(self, axis: int | None) -> tuple[Domain, bool]:
        """What carries along an axis, and whether some axis still to come can use its hierarchy."""
        axis = self.volume.axis(axis)
        if axis not in self.axes:
            raise InvalidInputError(
                f"axis {axis} is not among the axes {self.axes} that were asked for: name it in "
                "axes=… already where the problem is posed"
            )
        whole = self._part or self._conducting_part()
        part = whole.along(axis)
        self._left.discard(axis)
        self._part = whole if self._left else None
        same = any(whole.groups[other] == part.group for other in self._left)
        return part, same and part.is_prism  # others need the room for a second solve

    def _potential(
        self, part: Domain, start: NDArray[np.floating] | None, is_shared: bool
    ) -> Potential:
        """The solution, with the largest conductivity and the smallest edge as units."""
        it = self._begun(part, is_shared)
        self._last = (part.axis, part.group, it) if is_shared else None
        limits = (self.tolerance, self.max_iterations, f"{self.what} along axis {part.axis}")
        return potential.solve(it, *limits, start, last=not is_shared)

    def _begun(self, part: Domain, is_shared: bool) -> Iterate:
        """An iterate for the domain: the last one, turned, if that was for the same voxels."""
        problem = problem_of(part, self.electrodes)
        before, self._last = self._last, None
        if before is not None and before[1] == part.group:
            axis, _, it = before
            if axis != part.axis:
                it.turn(problem, between(axis, part.axis))
            else:
                it.begin(it.exact.dtype)
            return it
        del before  # its memory is wanted
        reserve(part, self.tolerance, problem.is_fragmented, shared=is_shared)
        return Iterate(problem, self.tolerance)

    def _result(
        self, part: Domain, solution: Potential, fields: bool, discretisation: bool
    ) -> Conductivity:
        value = self._normalised(part, solution)
        shares = sampling.block_sums(solution.dissipation) / solution.conductance
        voxels = sampling.block_sums(part.inside)
        # the value is the mean dissipation at unit mean gradient: it scatters as block means do
        error = value * sampling.relative_standard_error(shares - voxels / voxels.sum())
        scale = float(part.sigma.max())
        return Conductivity(
            value=value * scale,
            unit=self.unit,
            method=method_of(part, self.electrodes),
            uncertainty=Uncertainty(error * scale, SAMPLING),
            report=solution.report,
            axis=part.axis,
            percolates=True,
            imbalance=solution.imbalance,
            conducting_fraction=self._conducting(part),
            shares=shares,
            fields=_fields(self.volume, part, solution) if fields else None,
            discretisation_error=self._two_grids(part, value * scale) if discretisation else None,
        )

    def _conducting(self, part: Domain) -> float:
        return int(np.count_nonzero(part.classes)) / self.volume.inside_voxels

    def _normalised(self, part: Domain, solution: Potential) -> float:
        """Effective over largest phase conductivity."""
        if part.is_prism:
            length = part.classes.shape[0]
            cross_section = int(np.count_nonzero(part.inside[0]))
            stretch = part.spacing[0] / min(part.spacing)
            return solution.conductance * length / cross_section * stretch**2
        if self.electrodes is None or not self.electrodes.is_plain:
            raise InvalidInputError(
                "the electrode is no prism along the axis, where only plain electrodes are "
                "defined: crop the volume to a box without outside voxels, or leave out boundary"
            )
        problem = problem_of(part.filled(), self.electrodes)
        reserve(part.filled(), self.tolerance, problem.is_fragmented)
        limits = (self.tolerance, self.max_iterations)
        uniform = potential.solve(Iterate(problem, self.tolerance), *limits, "same shape, uniform")
        return solution.conductance / uniform.conductance

    def _by_elements(
        self, part: Domain, tensors: NDArray[np.float64], fields: bool
    ) -> Conductivity:
        """The result for rotated tensors."""
        method = ELEMENTS + (
            "periodic along all axes" if part.periodic[0] else "electrodes, insulated sides"
        )
        if not part.percolates:
            return self._blocked(part, method)
        limits: dict[str, Any] = {"max_iterations": self.max_iterations}
        solution = solve_elements(part, tensors, tolerance=self.tolerance, **limits)
        value = float(solution.matrix[0, 0])
        assert solution.flux is not None
        flux = solution.flux[0]
        shares, error = standard_error(part, dissipation(part, tensors, flux))
        length = part.classes.shape[0] * part.spacing[0]
        homogeneous = value if part.periodic[0] else value / length
        kept = None
        if fields:
            size = np.sqrt((flux.astype(float) ** 2).sum(axis=0)) / homogeneous
            kept = _spread_out(self.volume, part, centres(solution.potential[0]), size)
        return Conductivity(
            value=value,
            unit=self.unit,
            method=method,
            uncertainty=Uncertainty(error * value, SAMPLING),
            report=solution.reports[0],
            axis=part.axis,
            percolates=True,
            imbalance=solution.imbalance[0],
            conducting_fraction=self._conducting(part),
            shares=shares,
            fields=kept,
        )

    def _refuse_two_grids(self) -> None:
        """Fields and faces are not defined on merged voxels. Raises InvalidInputError."""
        if has_fields(self.values) or has_tensors(self.values) or self.resistance is not None:
            raise InvalidInputError(
                "discretisation=True merges voxels, for which fields of values and face "
                "resistances are not defined: leave it out, or compare with a coarser volume of "
                "your own"
            )

    def _two_grids(self, part: Domain, value: float) -> float:
        """What the size of the voxels does to the value."""

        def again(coarse: Volume) -> float:
            how: dict[str, Any] = {"tolerance": self.tolerance, "boundary": self.boundary}
            how |= {"max_iterations": self.max_iterations, "what": self.what, "unit": self.unit}
            return Conduction(coarse, self.values, axes=(part.axis,), **how).along(part.axis).value

        return two_grid_error(again, self.volume, value)

    def _blocked(self, part: Domain, method: str) -> Conductivity:
        return Conductivity(
            value=0.0,
            unit=self.unit,
            method=method + "; no conducting path between the electrodes",
            uncertainty=Uncertainty(np.nan, SAMPLING),
            report=SolveReport(0, 0.0, self.tolerance, 0.0, 0.0, "no solve was needed"),
            axis=part.axis,
            percolates=False,
            imbalance=0.0,
            conducting_fraction=0.0,
            shares=np.zeros((1, 1, 1)),
        )


def _guess(volume: Volume, part: Domain, start: Fields) -> NDArray[np.floating]:
    """A potential of another solve, in the order of the domain."""
    if start.potential.shape != volume.shape:
        raise InvalidInputError(
            f"the fields to start from have shape {start.potential.shape}, but the volume "
            f"{volume.shape}: give those of a solve on a volume of the same shape"
        )
    return np.moveaxis(start.potential[part.window], part.axis, 0)


def _fields(volume: Volume, part: Domain, solution: Potential) -> Fields:
    mean = solution.conductance / solution.dissipation.size
    scale = mean * part.classes.shape[0] * part.spacing[0] / min(part.spacing)
    fields = _nowhere(volume)
    potential, flux = _views(fields, part)
    for i, classes in enumerate(part.classes):  # layer by layer, for little memory
        flowing = classes > 0
        lost = 0.0 if solution.interfacial is None else solution.interfacial[i]
        # within voxels it is |flux|²/sigma; at unit gradient the block has flux = sigma_eff
        within = np.maximum(solution.dissipation[i] - lost, 0.0)
        potential[i][flowing] = solution.potential[i][flowing]
        flux[i][flowing] = np.sqrt(within[flowing] * _sigma(part, i)[flowing]) / scale
    return fields


def _spread_out(
    volume: Volume, part: Domain, potential: NDArray[np.floating], flux: NDArray[np.floating]
) -> Fields:
    """Potential and flux of a domain as fields of the volume, NaN where nothing flows."""
    fields, flowing = _nowhere(volume), part.classes > 0
    for target, values in zip(_views(fields, part), (potential, flux), strict=True):
        target[flowing] = values[flowing]
    return fields


def _nowhere(volume: Volume) -> Fields:
    potential, flux = (np.full(volume.shape, np.nan, np.float32) for _ in range(2))
    return Fields(potential, flux)


def _views(fields: Fields, part: Domain) -> list[NDArray[np.float32]]:
    """Potential and flux in the order of the domain."""
    both = (fields.potential, fields.flux)
    return [np.moveaxis(field[part.window], part.axis, 0) for field in both]


def _sigma(part: Domain, layer: int) -> NDArray[np.floating]:
    """Conductivity of each voxel over the largest; along the flow where it depends on that."""
    if part.conductivity is not None:
        return part.conductivity[layer] / part.sigma.max()
    sigma = part.sigma if part.sigma.ndim == 1 else part.sigma[:, 0]
    by_class: NDArray[np.float64] = np.concatenate([[0.0], sigma / part.sigma.max()])
    return by_class[part.classes[layer]]
