"""ConcentrationHistory: diffusion in the particles of a volume over time.

Arrays have shape (nz, ny, nx); concentrations in mol/m³ are 0 off the particles.
"""

import html
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import progress
from solvers.particle_surface import AreaRule
from solvers.results import SolveReport
from solvers.transient import Diffusivity, Field, TransientDiffusion, second_order

Given: TypeAlias = float | Field | Callable[[float], float | Field]

METHOD = (
    "finite volumes, harmonic faces, flux through the smoothed surface, two-stage implicit steps "
    "of second order"
)


@dataclass(frozen=True, slots=True, eq=False)
class ConcentrationHistory:
    """Concentration of the particles at given times, in mol/m³.

    ``mean`` is over the particles and ``surface_mean`` over their surface, one value per time;
    ``fields`` has shape (k, nz, ny, nx), at each of ``field_times``; ``reports`` has one entry per
    solve, two per step.
    """

    times: Field
    mean: Field
    surface_mean: Field
    fields: Field
    field_times: Field
    reports: tuple[SolveReport, ...]
    unit: str = "mol/m³"
    method: str = METHOD

    @property
    def last(self) -> Field:
        """The field at the end."""
        last: Field = self.fields[-1]
        return last

    def to_dict(self) -> dict[str, Any]:
        """The curves as plain numbers and text, and the worst of the reports."""
        worst = max(self.reports, key=lambda report: report.error_estimate)
        return {
            "unit": self.unit,
            "method": self.method,
            "times": self.times.tolist(),
            "mean": self.mean.tolist(),
            "surface_mean": self.surface_mean.tolist(),
            "report": worst.to_dict(),
        }

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b> <small>{html.escape(self.method)}</small>"

    def __str__(self) -> str:
        return (
            f"{self.mean[0]:.4g} to {self.mean[-1]:.4g} {self.unit} on average in "
            f"{self.times[-1] - self.times[0]:.4g} s, at the surface {self.surface_mean[-1]:.4g}"
        )


def diffuse(
    volume: Volume,
    diffusivity: Mapping[Phase, Diffusivity],
    surface: Phase | Sequence[Phase],
    times: ArrayLike,
    *,
    initial: float | Field = 0.0,
    flux: Given = 0.0,
    surface_concentration: Given | None = None,
    area: AreaRule | float = "normals",
    substeps: int = 1,
    fields: Literal["last", "all"] = "last",
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-6,
) -> ConcentrationHistory:
    """Concentration in the particles of a volume that exchange solute with what is around them.

    Solves ∂c/∂t = div(D grad c) in the phases named in ``diffusivity``, with a flux or a
    concentration given at their faces with the ``surface`` phases and no flux through all others.

    Args:
        volume: the segmented volume.
        diffusivity: D > 0 in m²/s of every particle phase; or a function from an array of
            concentrations to one of diffusivities.
        surface: phases that exchange with the particles.
        times: at least two, ascending, in s; the first is that of ``initial``.
        initial: concentration in mol/m³, one number or shape (nz, ny, nx).
        flux: into the particles in mol/(m² s), a number, one per voxel, or a function of the time
            that returns either. ``TransientDiffusion.flux_at_c_rate`` converts a C-rate.
        surface_concentration: in mol/m³, likewise, in place of a flux.
        area: how surface is counted; see ``TransientDiffusion``.
        substeps: time steps from each time to the next; the error falls with their square.
        fields: keep the field at the last time only, or at all times.
        bounds: lowest and highest concentration that the particles can have.
        tolerance: estimated error of each solve, as root mean square over that of c.

    Raises:
        InvalidInputError: times that do not ascend, a diffusivity that is not > 0, particles
            without surface; or a concentration left ``bounds``.
        ConvergenceError: a tolerance was not met; carries the report.
        MemoryBudgetError: the steps would not fit; nothing was allocated.

    Accuracy: second order in time; O(h²) across flat surfaces, O(h) at staircases.
    Source: Crank, The Mathematics of Diffusion (1975), for the exact solutions it is tested with.
    """
    instants, count = checked_times(times), checked_count(substeps)
    particles = TransientDiffusion(volume, diffusivity, surface, area=area)
    c = particles.field(initial)
    kept, reports = [c], []
    acting = Acting(flux, surface_concentration)
    check_fields(fields)
    curves = [_means(particles, c, acting, instants[0])]
    for start, end in itertools.pairwise(instants):
        for k in range(count):
            dt = (end - start) / count
            c, new = _step(particles, c, start + k * dt, dt, acting=acting, tolerance=tolerance)
            reports += new
            _check_bounds(c[particles.particles], bounds, start + (k + 1) * dt)
        curves.append(_means(particles, c, acting, end))
        kept = [*kept, c] if fields == "all" else [c]
        progress.report("diffusion", (end - instants[0]) / (instants[-1] - instants[0]))
    mean, surface_mean = np.array(curves).T
    shown = instants if fields == "all" else instants[-1:]
    return ConcentrationHistory(instants, mean, surface_mean, np.stack(kept), shown, tuple(reports))


@dataclass(frozen=True, slots=True, eq=False)
class Acting:
    """What acts on the surface, at any time."""

    flux: Given
    surface_concentration: Given | None

    def __post_init__(self) -> None:
        is_flux = callable(self.flux) or np.any(np.asarray(self.flux) != 0.0)
        if is_flux and self.surface_concentration is not None:
            raise InvalidInputError(
                "both a flux and a surface_concentration are given: the surface has one of them"
            )

    def at(self, time: float) -> dict[str, Any]:
        """The keywords of a stage."""
        if self.surface_concentration is None:
            return {"flux": _now(self.flux, time)}
        return {"surface_concentration": _now(self.surface_concentration, time)}


def _now(given: Given, time: float) -> float | Field:
    return given(time) if callable(given) else given


def _step(
    particles: TransientDiffusion,
    c: Field,
    start: float,
    dt: float,
    *,
    acting: Acting,
    tolerance: float,
) -> tuple[Field, list[SolveReport]]:
    reports: list[SolveReport] = []

    def solve(base: Field, tau: float, guess: Field, share: float) -> Field:
        now = acting.at(start + share * dt)
        found, new = particles.sweeps(base, tau, guess, tolerance=tolerance, **now)
        reports.extend(new)
        return found

    return second_order(c, dt, solve), reports


def _means(
    particles: TransientDiffusion, c: Field, acting: Acting, time: float
) -> tuple[float, float]:
    return particles.mean(c), particles.surface_mean(c, **acting.at(time))


def _check_bounds(c: Field, bounds: tuple[float, float] | None, time: float) -> None:
    if bounds is not None and not (bounds[0] <= c.min() and c.max() <= bounds[1]):
        raise InvalidInputError(
            f"after {time:.4g} s concentrations reach {c.min():.5g} to {c.max():.5g} mol/m³, "
            f"outside {bounds[0]:.5g} to {bounds[1]:.5g}: lower the flux, end earlier, or take "
            "shorter steps"
        )


def checked_times(times: ArrayLike) -> Field:
    """Ascending instants in s, at least two. Raises InvalidInputError."""
    try:
        instants = np.asarray(times, dtype=float)
    except (TypeError, ValueError):
        instants = np.empty(0)
    if instants.ndim != 1 or len(instants) < 2 or not np.isfinite(instants).all():
        raise InvalidInputError(f"times {times!r} are no instants: give at least two, in s")
    if not (np.diff(instants) > 0).all():
        raise InvalidInputError(f"times {instants.tolist()} do not ascend: sort them, each once")
    return instants


def check_fields(fields: str) -> None:
    """Raise InvalidInputError if it is not known which fields to keep."""
    if fields not in ("last", "all"):
        raise InvalidInputError(f"fields {fields!r} is unknown: choose 'last' or 'all'")


def checked_count(substeps: Any) -> int:
    """A whole number of at least 1. Raises InvalidInputError."""
    if isinstance(substeps, bool) or not isinstance(substeps, int | np.integer) or substeps < 1:
        raise InvalidInputError(f"substeps {substeps!r} is not a whole number of at least 1")
    return int(substeps)
