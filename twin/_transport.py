"""Transport: solves of a medium along an axis, each distinct one once, and the entries they give.

Conductivities are relative to the bulk of the medium, so that one solve gives every number:
D_eff/D_0, the tortuosity factor eps D_0/D_eff, and the conductivity in S/m.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from microstructures import Volume
from microstructures.errors import ConvergenceError
from microstructures.phases import Phase
from solvers.results import SAMPLING, Uncertainty
from twin._media import Medium
from twin.card import Entry

if TYPE_CHECKING:
    from solvers import Conduction, Conductivity
    from solvers.conductivity import Fields

    Solved: TypeAlias = tuple[Conductivity, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Transport:
    """A solve to do."""

    medium: Medium
    axis: int

    @property
    def title(self) -> str:
        """What is being solved, for a message."""
        carrier = {"": "diffusion", "ionic": "ions", "electronic": "electrons"}
        return f"{carrier[self.medium.carrier]} in {self.medium.phases} along axis {self.axis}"


@dataclass(slots=True)
class Solver:
    """Does solves, and remembers results, failures, the device and some fields.

    ``fields`` are those of the first medium along the through-plane axis, None if it is blocked.
    Solves of one medium that follow each other share what does not depend on the axis.
    """

    volume: Volume
    tolerance: float
    fields: "Fields | None" = None
    device: str | None = None
    failures: list[str] = field(default_factory=list)
    _first: Medium | None = None
    _done: "dict[object, Solved]" = field(default_factory=dict)
    _axes: dict[object, tuple[int, ...]] = field(default_factory=dict)
    _posed: "tuple[object, Conduction] | None" = None

    def expect(self, plan: Iterable[Transport]) -> None:
        """Learn along which axes each medium will be solved, so that they share what they can."""
        for task in plan:
            self._axes[_key(task.medium)] = (*self._axes.get(_key(task.medium), ()), task.axis)

    def entries(self, task: Transport) -> Iterator[Entry]:
        """The entries of one task; those of a solve that did not converge are NaN."""
        try:
            result, conducting = self._solved(task)
        except ConvergenceError as error:
            self.failures.append(f"{task.title}: {error}")
            yield from _not_converged(task)
            return
        yield from _entries(self.volume, task, result, conducting)

    def _solved(self, task: Transport) -> "Solved":
        key = (task.axis, _key(task.medium))
        if key not in self._done:
            self._done[key] = self._solve(task)
        return self._done[key]

    def _problem(self, medium: Medium, axis: int) -> "Conduction":
        """The problem of a medium, kept until another medium is asked for."""
        import solvers

        if self._posed is None or self._posed[0] != _key(medium):
            self._posed = None  # its memory is wanted
            relative = {n: medium.relative.get(n, 0.0) for n in self.volume.phases.values()}
            axes = self._axes.get(_key(medium), (axis,))
            problem = solvers.Conduction(self.volume, relative, axes=axes, tolerance=self.tolerance)
            self._posed = _key(medium), problem
        return self._posed[1]

    def _solve(self, task: Transport) -> "Solved":
        volume, relative = self.volume, task.medium.relative
        self._first = self._first or task.medium
        keep = task.medium == self._first and task.axis == volume.through_axis
        several = task.medium.carrier == "ionic" and len(relative) > 1
        result = self._problem(task.medium, task.axis).along(task.axis, fields=keep or several)
        if result.percolates and result.report is not None:
            self.device = result.report.device
        if keep:
            self.fields = result.fields
        return replace(result, fields=None), _conducting(volume, relative, result)


def _key(medium: Medium) -> object:
    """What tells one medium's solves from another's."""
    return tuple(sorted(medium.relative.items()))


def _conducting(
    volume: Volume, relative: Mapping[str, float], result: "Conductivity"
) -> Mapping[str, float]:
    """Volume fraction of each phase that takes part in conduction."""
    if len(relative) == 1 or result.fields is None:
        return dict.fromkeys(relative, result.conducting_fraction)
    flows = volume.labels[np.isfinite(result.fields.potential)]
    counts = np.bincount(flows, minlength=max(volume.phases) + 1)
    return {name: counts[volume.phase_id(name)] / volume.inside_voxels for name in relative}


def _entries(
    volume: Volume, task: Transport, result: "Conductivity", conducting: Mapping[str, float]
) -> Iterator[Entry]:
    status = "ok" if result.percolates else "does not percolate"
    numbers = _numbers(volume, task.medium, result, conducting)
    for name, unit, number, how in _quantities(task.medium):
        value, error = numbers[number]
        yield Entry(
            name=name,
            phase=task.medium.phases,
            axis=task.axis,
            value=float(value),
            unit=unit,
            uncertainty=Uncertainty(error, SAMPLING),
            method=f"{how}; {result.method}",
            status=status,
            report=result.report,
        )


def _numbers(
    volume: Volume, medium: Medium, result: "Conductivity", conducting: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Values and standard errors of everything that follows from one solve."""
    from solvers.tortuosity import tortuosity_of

    content: dict[Phase, float] = {name: share for name, share in medium.content.items()}  # noqa: C416
    tau, error = tortuosity_of(volume, result, content)
    ratio, spread = result.value, float(result.uncertainty)
    blocked = (math.inf, math.nan)
    eps = sum(volume.fraction(name) * share for name, share in medium.content.items())
    joined = sum(conducting[name] * share for name, share in medium.content.items())
    return {
        "conductivity": (ratio * medium.bulk, spread * medium.bulk),
        "relative": (ratio, spread),
        "tortuosity": (tau, float(error)),
        "percolating": (joined / ratio, error * joined / eps) if ratio else blocked,
        "macmullin": (1 / ratio, spread / ratio**2) if ratio else blocked,
    }


def _not_converged(task: Transport) -> Iterator[Entry]:
    unknown = Uncertainty(math.nan, SAMPLING)
    for name, unit, _, how in _quantities(task.medium):
        yield Entry(
            name, task.medium.phases, task.axis, math.nan, unit, unknown, how, "not converged"
        )


def _quantities(medium: Medium) -> Iterator[tuple[str, str, str, str]]:
    """Entry name, unit, number and definition of everything that a solve yields."""
    prefix = f"{medium.carrier}_" if medium.carrier else ""
    ratio = "σ_0/σ_eff" if medium.carrier else "D_0/D_eff"
    eps = f"ε {ratio} with ε = {medium.eps()}"
    if medium.carrier:
        yield f"effective_{prefix}conductivity", "S/m", "conductivity", medium.sigma()
    else:
        yield "relative_diffusivity", "1", "relative", "D_eff/D_0"
    yield f"{prefix}tortuosity_factor", "1", "tortuosity", eps
    if medium.carrier != "electronic":
        connected = f"{eps}, only what connects the electrodes"
        yield f"percolating_{prefix}tortuosity_factor", "1", "percolating", connected
        yield f"{prefix}macmullin_number", "1", "macmullin", ratio
