"""A lid that comes down on rigid particles, and goes up again. Lengths in m, thickness first."""

import math

import numpy as np
from numpy.typing import NDArray

from solvers import progress
from solvers.clumps import Clumps
from solvers.packing import PackingReport, relax_clumps
from twin.manufacturing._calender_case import Case
from twin.manufacturing._rigid import RigidParticle

STEP = 0.02  # of the thickness, by which the lid comes down at a time
SETTLE, FINISH = 150, 2000  # steps of relaxation after each, and in the end
OVERLAP = 5e-3  # of a radius, that does not count


def pressed_by_lid(
    start: Clumps, bodies: list[RigidParticle], case: Case
) -> tuple[Clumps, PackingReport]:
    """Where the particles are when the load is gone."""
    clumps, low = start, case.lowest
    held = np.array([body.cut for body in bodies])
    count = max(1, math.ceil(math.log(case.height / low) / -math.log1p(-STEP)))
    lids = case.height * (low / case.height) ** (np.arange(1, count + 1) / count)
    before = case.height
    for number, lid in enumerate(lids, start=1):
        clumps = squeezed(clumps, bodies, before, lid)
        clumps, report = _relaxed(clumps, held, case, lid, FINISH if number == count else SETTLE)
        progress.report("calendering", number / count, report.overlap, OVERLAP)
        before = lid
    return squeezed(clumps, bodies, before, case.target.thickness), report


def squeezed(clumps: Clumps, bodies: list[RigidParticle], before: float, lid: float) -> Clumps:
    """Particles closer together as the lid goes; what lid or floor cuts stays with it."""
    low, high = np.isfinite([body.walls[0] for body in bodies]).T
    height = clumps.centres[:, 0]
    shift = np.zeros_like(clumps.centres)
    shift[:, 0] = np.where(
        low == high, height * (lid / before - 1.0), np.where(high, lid - before, 0.0)
    )
    return clumps.moved(shift, np.zeros_like(shift))


def _relaxed(
    clumps: Clumps, held: NDArray[np.bool_], case: Case, lid: float, steps: int
) -> tuple[Clumps, PackingReport]:
    return relax_clumps(
        clumps,
        np.array([lid, *case.box[1:]]),
        case.wrap,
        held=held,
        tolerance=OVERLAP,
        max_iterations=steps,
        coasts=False,
        task="calendering",
    )
