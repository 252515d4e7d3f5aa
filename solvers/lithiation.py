"""Lithiation: concentration and stress of particles that swell, over time.

Fields have shape (nz, ny, nx), those of tensors (6, nz, ny, nx); concentrations in mol/m³ are 0 off
the particles; stress in Pa, positive in tension.
"""

import html
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import progress
from solvers.anderson import DEPTH, SweepReport
from solvers.body import Body
from solvers.chemomechanics import Chemomechanics
from solvers.concentration_history import (
    Acting,
    Given,
    check_fields,
    checked_count,
    checked_times,
)
from solvers.particle_surface import AreaRule
from solvers.solute_strain import SoluteStrain, warn_of_large_strain
from solvers.stiffness import Stiffness
from solvers.stress_distribution import Measure, StressStatistics, stress_statistics
from solvers.transient import Diffusivity, Field, TransientDiffusion

METHOD = (
    "finite volumes for the solute, voxel finite elements for the stress, linear elastic; "
    "two-stage implicit steps, each iterated with Anderson acceleration"
)
MEASURES: tuple[Measure, ...] = ("von_mises", "hydrostatic", "max_principal")

COLDEST = 100.0  # K: below it somebody gave degrees Celsius


@dataclass(frozen=True, eq=False)
class LithiationHistory:
    """Concentration and stress of a volume at given times.

    One entry per time: ``mean`` and ``surface_mean`` concentration in mol/m³, over the particles
    and their surface, where it is as given if held; ``strain`` and ``mean_stress`` (Pa) of the
    volume, voids included, shape (n, 6); ``statistics`` of the stress of each solid phase. One
    entry per field time: ``concentration``, shape (k, nz, ny, nx), and ``stress``, shape
    (k, 6, nz, ny, nx), in Pa.
    ``reports`` has one entry per implicit stage, two per step; none if one-way.
    """

    times: Field
    mean: Field
    surface_mean: Field
    strain: Field
    mean_stress: Field
    statistics: tuple[tuple[StressStatistics, ...], ...]
    field_times: Field
    concentration: Field
    stress: NDArray[np.floating]
    reports: tuple[SweepReport, ...]
    coupled: bool
    method: str = METHOD

    @property
    def sweeps(self) -> tuple[int, ...]:
        """Sweeps of each implicit stage."""
        return tuple(report.sweeps for report in self.reports)

    def to_dict(self) -> dict[str, Any]:
        """The curves as plain numbers and text; no fields."""
        return {
            "unit": "mol/m³, Pa",
            "method": self.method,
            "coupled": self.coupled,
            "times": self.times.tolist(),
            "mean": self.mean.tolist(),
            "surface_mean": self.surface_mean.tolist(),
            "strain": self.strain.tolist(),
            "mean_stress": self.mean_stress.tolist(),
            "statistics": [[row.to_dict() for row in rows] for rows in self.statistics],
            "sweeps": list(self.sweeps),
        }

    def __str__(self) -> str:
        lines = [
            f"{self.mean[0]:.4g} to {self.mean[-1]:.4g} mol/m³ on average in "
            f"{self.times[-1] - self.times[0]:.4g} s, at the surface {self.surface_mean[-1]:.4g}",
        ]
        lines += [
            f"{row.phase}: {row.measure} median {row.percentiles[50] / 1e6:.4g} MPa, "
            f"95 % below {row.percentiles[95] / 1e6:.4g} MPa"
            for row in self.statistics[-1]
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def lithiate(
    volume: Volume,
    stiffness: Mapping[Phase, Stiffness],
    diffusivity: Mapping[Phase, Diffusivity],
    surface: Phase | Sequence[Phase],
    times: ArrayLike,
    *,
    partial_molar_volume: Mapping[Phase, float] | None = None,
    strain: Mapping[Phase, Callable[[Field], Field]] | None = None,
    initial: float | Field = 0.0,
    reference: float | Field | None = None,
    flux: Given = 0.0,
    surface_concentration: Given | None = None,
    holds: Literal["concentration", "potential"] = "concentration",
    boundary: Any = "periodic",
    temperature: float = 298.15,
    coupled: bool = True,
    area: AreaRule | float = "normals",
    substeps: int = 1,
    fields: Literal["last", "all"] = "last",
    tolerance: float = 1e-5,
    depth: int = DEPTH,
) -> LithiationHistory:
    """Concentration and stress of particles that swell as solute enters them.

    Each particle voxel takes on the linear strain Ω (c - c_ref)/3 by itself; the body deforms so
    that div σ = 0; and the solute follows the gradient of its potential RT ln c - Ω σ_h, away from
    compression. Both are solved in turns, in every implicit stage, until neither changes.

    Args:
        volume: the segmented volume.
        stiffness: of each solid phase; phases that are not named are true voids.
        diffusivity: of each particle phase, as in ``diffuse``: that without stress.
        surface: phases that exchange solute with the particles.
        times: at least two, ascending, in s.
        partial_molar_volume: Ω in m³/mol of each phase that swells in proportion.
        strain: instead, by phase, the linear strain as a function of an array of concentrations;
            Ω is then three times its slope.
        initial: concentration in mol/m³, one number or one per voxel.
        reference: concentration without swelling, likewise; None for the initial one. Not used
            where ``strain`` is given.
        flux: into the particles in mol/(m² s), as in ``diffuse``.
        surface_concentration: in mol/m³, in place of a flux.
        holds: what is held at a surface of given concentration: "concentration" whatever the
            stress, or the "potential" of that concentration without stress, as an electrolyte does.
        boundary: of the body, as in ``swelling_stress``.
        temperature: T ≥ 100 in K.
        coupled: False for stress that does not act back on the solute.
        area: how surface is counted, see ``TransientDiffusion``.
        substeps: time steps from each time to the next.
        fields: keep fields at the last time only, or at all times.
        tolerance: change of the concentration from sweep to sweep, as root mean square over that
            of the concentration, at which a stage ends.
        depth: earlier sweeps that are combined to accelerate; 0 for the plain iteration.

    Raises:
        InvalidInputError: as ``diffuse`` and ``swelling_stress``; a swelling phase that is no
            particle or has no stiffness, or swells in two ways.
        ConvergenceError: a tolerance was not met; carries the report.
        MemoryBudgetError: it would not fit; nothing was allocated.

    Warns:
        LargeStrainWarning: a swelling above 5 %, where small-strain theory is a poor guide.

    Accuracy: second order in time; O(h) at staircases. The stress at the surface of a particle
        does not converge: use percentiles.
    Source: Larché, Cahn, Acta Metall. 33 (1985) 331, doi:10.1016/0001-6160(85)90077-X; Zhang,
        Shyy, Sastry, J. Electrochem. Soc. 154 (2007) A910, doi:10.1149/1.2759840 [neither opened:
        verify].
    """
    instants, count = checked_times(times), checked_count(substeps)
    _check_numbers(temperature, tolerance, holds)
    check_fields(fields)
    body = Body.of(volume, stiffness, boundary)
    particles = TransientDiffusion(volume, diffusivity, surface, area=area)
    start = particles.field(initial)
    zero = start if reference is None else particles.field(reference)
    swelling = SoluteStrain.of(body, particles, partial_molar_volume or {}, strain or {}, zero)
    acting = Acting(flux, surface_concentration)
    pair = Chemomechanics(body, particles, swelling, acting, holds, temperature, tolerance, depth)
    pair.both_ways = coupled and swelling.acts
    return _run(pair, start, instants, count, keep_all=fields == "all")


def _run(
    pair: Chemomechanics, c: Field, instants: Field, count: int, *, keep_all: bool
) -> LithiationHistory:
    rows = [_row(pair, c, instants[0])]
    for start, end in itertools.pairwise(instants):
        dt = (end - start) / count
        for k in range(count):
            c = pair.step(c, start + k * dt, dt)
        rows = rows if keep_all else [row.without_fields() for row in rows]
        rows.append(_row(pair, c, end))
        progress.report("lithiation", (end - instants[0]) / (instants[-1] - instants[0]))
    warn_of_large_strain(pair.swelling.strain(c))
    return _history(pair, instants, rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """What is kept of one instant."""

    mean: float
    surface_mean: float
    strain: Field
    mean_stress: Field
    statistics: tuple[StressStatistics, ...]
    c: Field | None
    stress: NDArray[np.floating] | None

    def without_fields(self) -> "_Row":
        means = (self.mean, self.surface_mean, self.strain, self.mean_stress, self.statistics)
        return _Row(*means, None, None)


def _row(pair: Chemomechanics, c: Field, time: float) -> _Row:
    stress, volume = pair.stress(c), pair.body.volume
    assert pair.deformation is not None
    solid = np.unique(volume.labels[pair.body.moduli.solid])
    return _Row(
        pair.particles.mean(c),
        pair.surface_mean(c, time),
        pair.deformation.strain,
        stress.mean(axis=(1, 2, 3), dtype=np.float64),
        tuple(stress_statistics(stress, volume, int(p), m) for p in solid for m in MEASURES),
        c,
        stress,
    )


def _history(pair: Chemomechanics, instants: Field, rows: list[_Row]) -> LithiationHistory:
    kept = [(t, row.c, row.stress) for t, row in zip(instants, rows, strict=True)]
    shown = [(t, c, stress) for t, c, stress in kept if c is not None and stress is not None]
    return LithiationHistory(
        times=instants,
        mean=np.array([row.mean for row in rows]),
        surface_mean=np.array([row.surface_mean for row in rows]),
        strain=np.stack([row.strain for row in rows]),
        mean_stress=np.stack([row.mean_stress for row in rows]),
        statistics=tuple(row.statistics for row in rows),
        field_times=np.array([t for t, _, _ in shown]),
        concentration=np.stack([c for _, c, _ in shown]),
        stress=np.stack([stress for _, _, stress in shown]),
        reports=tuple(pair.reports),
        coupled=pair.both_ways,
    )


def _check_numbers(temperature: float, tolerance: float, holds: str) -> None:
    if not (math.isfinite(temperature) and temperature >= COLDEST):
        raise InvalidInputError(
            f"temperature {temperature!r} is no temperature of a cell in K: give 298.15 for 25 °C"
        )
    if not 1e-8 <= tolerance <= 1e-2:
        raise InvalidInputError(f"tolerance {tolerance!r} is not in 1e-8…1e-2: the default is 1e-5")
    if holds not in ("concentration", "potential"):
        raise InvalidInputError(
            f"holds {holds!r} is unknown: choose 'concentration' or 'potential'"
        )
