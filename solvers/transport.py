"""Effective conductivity and diffusivity of a volume along one axis."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.phases import Phase
from solvers.checks import checked_volume
from solvers.conduction import Conduction
from solvers.conductivity import Conductivity, Fields
from solvers.electrodes import Boundary
from solvers.face_resistance import FaceResistance

Values: TypeAlias = Mapping[Phase, Any] | NDArray[np.floating]


def effective_conductivity(
    volume: Volume,
    conductivity: Values,
    axis: int | None = None,
    *,
    boundary: Boundary = "electrodes",
    resistance: FaceResistance | None = None,
    start: Fields | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
    discretisation: bool = False,
) -> Conductivity:
    """Conductivity of the homogeneous block that carries the same current along ``axis``.

    Solves div(sigma grad phi) = 0 with a potential drop between electrodes on the two outer faces
    normal to ``axis`` and no flux through the sides; a face between voxels conducts as two half
    voxels in series, with its own resistance R between them: 1/(h/2σ₁ + R + h/2σ₂) per area.
    Voxels outside the electrode carry nothing, and the block has their shape.

    Args:
        volume: the segmented volume.
        conductivity: bulk conductivity ≥ 0 in S/m of every phase, by name or id; 0 insulates. A
            number, or an array of one per voxel, shape of the volume, which counts where its phase
            is; or one such array for all voxels; or ``solvers.Anisotropic(…)`` for a tensor.
        axis: 0, 1 or 2; by default the through-plane axis.
        boundary: "electrodes", a potential drop between perfect electrodes and insulated sides;
            "periodic", a mean gradient in a volume that repeats itself along all axes; or
            ``solvers.Electrodes(…)`` for contact resistances, a uniform flux or periodic sides.
        resistance: of faces between voxels in Ω m², such as contacts lost; np.inf blocks a face;
            made with ``periodic=True`` for periodic sides, and not for rotated tensors.
        start: fields of a similar solve on a volume of this shape to start from, as in a sweep.
        tolerance: estimated relative error of the value at which the solve stops.
        max_iterations: iterations after which ConvergenceError is raised.
        fields: also return the potential and flux fields.
        discretisation: also solve on voxels of twice the size, an eighth of the work, to estimate
            what their size does to the value; for values per phase without face resistances.

    Returns:
        Effective conductivity in S/m; exactly 0.0 with ``percolates=False`` where no phase
        conducts from one electrode to the other.

    Raises:
        InvalidInputError: a value or a phase is missing, negative or not finite, or the
            resistances are those of another volume.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: exact for laminates; a staircase interface costs O(h), several percent at 20 voxels
        a particle diameter.
    Source: Cooper et al., SoftwareX 5 (2016) 203, doi:10.1016/j.softx.2016.09.002 [not opened].
    """
    axis = checked_volume(volume).axis(axis)
    problem = Conduction(
        volume,
        conductivity,
        axes=(axis,),
        boundary=boundary,
        resistance=resistance,
        tolerance=tolerance,
        max_iterations=max_iterations,
        what="conductivity",
        unit="S/m",
    )
    return problem.along(
        axis, start=start, fields=fields, discretisation=discretisation, stacklevel=2
    )


def effective_diffusivity(
    volume: Volume,
    diffusivity: Values,
    axis: int | None = None,
    *,
    boundary: Boundary = "electrodes",
    resistance: FaceResistance | None = None,
    start: Fields | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
    discretisation: bool = False,
) -> Conductivity:
    """Diffusivity of the homogeneous block that passes the same flux along ``axis``, in m²/s.

    The equation, arguments, errors and accuracy are those of ``effective_conductivity``, with
    bulk diffusivities ≥ 0 in m²/s for conductivities and resistances in s/m. A phase's
    solubility is taken as equal.
    """
    axis = checked_volume(volume).axis(axis)
    problem = Conduction(
        volume,
        diffusivity,
        axes=(axis,),
        boundary=boundary,
        resistance=resistance,
        tolerance=tolerance,
        max_iterations=max_iterations,
        what="diffusivity",
        unit="m²/s",
    )
    return problem.along(
        axis, start=start, fields=fields, discretisation=discretisation, stacklevel=2
    )
