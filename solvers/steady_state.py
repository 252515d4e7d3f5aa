"""Steady state: the equations of a domain, what they take, and doubts about it."""

import math
import warnings
from itertools import pairwise

import numpy as np

from microstructures import Volume
from solvers import potential, runtime
from solvers.diffusion import Diffusion, Ends
from solvers.domain import Domain
from solvers.electrodes import Electrodes
from solvers.graph_level import BYTES_PER_NODE, SETUP_BYTES
from solvers.turn import flow_first

METHOD = "finite volumes, harmonic faces, electrodes on the outer faces, insulated sides"
RESISTIVE = ", resistive faces"
UNLIKE = 2.0  # times more unlike than neighbouring layers are opposite sides that were cut
REPEATED = "finite volumes, harmonic faces, periodic along all axes"


class PeriodicWarning(UserWarning):
    """A volume that hardly repeats itself was treated as periodic."""


def doubt_period(volume: Volume, part: Domain, stacklevel: int) -> None:
    """Warn if opposite sides differ much more than neighbouring layers do."""
    order = flow_first(part.axis).order
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
                stacklevel=stacklevel,
            )


def method_of(part: Domain, electrodes: Electrodes | None) -> str:
    """What was solved, in words."""
    if electrodes is None:
        text = REPEATED
    else:
        text = METHOD if electrodes.is_plain else f"finite volumes, harmonic faces, {electrodes}"
    return text if part.resistance is None else text + RESISTIVE


def reserve(part: Domain, tolerance: float, fragmented: bool, shared: bool = False) -> None:
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
        shared=shared,
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


def estimated_bytes(
    shape: tuple[int, ...],
    conductivities: int = 1,
    resistive_faces: int = 0,
    *,
    tolerance: float = 1e-5,
    stored: bool = False,
    field: bool = False,
    nodes: int = 0,
    shared: bool = False,
) -> int:
    """Memory that a solve of this many voxels takes at its peak, in the precision in force.

    ``shared`` ones keep their hierarchy for another axis while their results are made.
    """
    voxels = math.prod(n + 2 for n in shape)
    word = 8 if runtime.precision() == "double" else 4
    vectors, levels = 5 * word, word  # x, r, p, z and a spare one; all coarser levels together
    refined = 8 if word == 4 and potential.is_refined(voxels, tolerance) else 0
    each = 1 + vectors + levels + refined + 4 * shared
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
