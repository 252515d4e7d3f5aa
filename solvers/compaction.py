"""Compaction: a lid comes down on solids that yield, rests, and goes up again. SI units.

What is under the lid is a ``solvers.material_points.Bed``. Pressures are those at rest, where they
do not depend on how fast the lid came.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from microstructures.phases import Phase
from solvers import progress, runtime
from solvers.material_points import Bed
from solvers.stiffness import Isotropic

FASTEST = 0.01001  # as float32 has it, too
RATE = 5e-4  # strain in the time in which a wave crosses a cell
STOPS = 8
RELEASED = 0.01  # of the largest pressure, below which the lid is off
SECANTS = 40  # tries to find where the lid is off
MOST_RETURNS = 16  # times that the lid comes down again
NUDGE = 5e-4  # of the height, by which the lid moves where it does not know how far
CLOSE = 2.5e-3  # of the height, by which it may be missed: less than .0025 of the porosity

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Compacted:
    """Points after a lid came down, and how it pressed on the way.

    ``positions`` in m, shape (n, 3) in array-axis order, from the corner of the volume; ``labels``
    the phase of each point and ``voxel_share`` what part of a voxel it is. ``height`` in m is the
    thickness when the lid is off, ``lowest`` the least on the way. ``heights`` and ``pressures``
    (Pa, mean over the face) are where the lid has rested, up again included; ``imbalance`` the
    largest difference of the pressure between lower and upper half over the largest pressure.
    """

    positions: Floats
    labels: NDArray[np.integer[Any]]
    voxel_share: float
    height: float
    lowest: float
    heights: Floats
    pressures: Floats
    imbalance: float
    steps: int
    seconds: float
    device: str


def compact(
    volume: Volume,
    stiffness: Mapping[Phase, Isotropic],
    yield_stress: Mapping[Phase, float],
    height: float,
    *,
    sides: str = "walls",
    cell: int = 2,
    rate: float = RATE,
    stops: int = STOPS,
    release: bool = True,
) -> Compacted:
    """Bring a lid down on a volume along its through-plane axis, and up again until it is off.

    Args:
        volume: the segmented volume; phases without stiffness are voids.
        stiffness: of each solid phase, numbers.
        yield_stress: Pa, > 0 or inf, of each solid phase; phases not named stay elastic.
        height: m, thickness when the lid is off if it is to be released, under the lid otherwise.
        sides: "walls", along which everything slides, or "periodic".
        cell: voxels per edge of a grid cell: 2, one point per voxel; 1, eight points per voxel.
        rate: strain in the time in which a wave crosses a cell, between the stops.
        stops: heights at which the lid rests on its way down, for the path of the pressure.
        release: whether the lid goes up again; it comes down anew until the thickness is right.

    Raises:
        InvalidInputError: no solid, numbers out of range, or a height that is not between that of
            the solids and that of the volume.
        ConvergenceError: the pressure was not a number, or the lid came to no end.
        MemoryBudgetError: the points would not fit; nothing was allocated.

    Accuracy: the height when the lid is off is met to a quarter of a percent. Exact for uniform
        compression; two spheres follow Hertz, corrected for the other
        contact of each, within 10 % from a contact radius of four cells on. At rest pressures do
        not depend on the rate: by 2 % between the default and a fifth of it. Grains of less than
        about four cells across are too soft.
    """
    started = time.perf_counter()
    if not 0.0 < _number(rate) <= FASTEST:
        raise InvalidInputError(f"rate {rate!r} is not in 0…0.01: the default is {RATE}")
    if isinstance(stops, bool) or not isinstance(stops, int) or stops < 1:
        raise InvalidInputError(f"stops {stops!r} is not a whole number of at least 1")
    bed = Bed.of(volume, stiffness, yield_stress, sides, cell)
    _check_height(bed, height)
    path = _Path(bed, height)
    for stop in np.geomspace(bed.height, height, stops + 1)[1:]:
        path.go_down(float(stop), rate)
    lowest = bed.height
    if release:
        lowest = _released(bed, path, height, rate)
    return Compacted(
        positions=bed.positions(),
        labels=bed.labels,
        voxel_share=1.0 / bed.split**3,
        height=bed.height,
        lowest=lowest,
        heights=np.array(path.heights),
        pressures=np.array(path.pressures),
        imbalance=max(path.imbalances) / max(max(path.pressures), 1e-300),
        steps=bed.steps,
        seconds=time.perf_counter() - started,
        device=str(runtime.start()),
    )


def _released(bed: Bed, path: "_Path", height: float, rate: float) -> float:
    """Take the lid off and press again until the height is right; how low the lid has been.

    What was pressed too far does not come back, so that the lid then comes down on what was before.
    """
    bed.merges = False  # or the height when the lid is off would jump with a layer of cells
    lowest = base = bed.height
    path.go_up(rate)
    before, step = bed.saved(), 0.0
    for _ in range(MOST_RETURNS):
        missed = bed.height - height
        if abs(missed) <= CLOSE * height:
            return lowest
        if missed > 0.0:
            before, base = bed.saved(), lowest
            step = min(missed, (base - bed.solid_height) / 2)
        else:
            bed.restore(before)
            step /= 2
        lowest = base - step
        if step < 0.01 * CLOSE * height or lowest >= bed.height:  # no room left to press in
            break
        path.go_down(lowest, rate)
        path.go_up(rate)
    raise ConvergenceError(
        f"what is pressed springs back to {bed.height:.4g} m instead of {height:.4g} m: it is too "
        "elastic to stay there, or the lid too fast; give softer phases a yield stress, press "
        "less, or lower the rate",
        None,
    )


class _Path:
    """Where the lid has rested, and how it pressed there."""

    def __init__(self, bed: Bed, target: float) -> None:
        self.bed, self.whole, self.target = bed, bed.height, target
        self.heights: list[float] = []
        self.pressures: list[float] = []
        self.imbalances: list[float] = []

    def go_down(self, height: float, rate: float) -> None:
        """Bring the lid to a height and let it rest there."""
        for now in self.bed.strained(height, -rate):
            self._tell(now)
        self._rest()

    def go_up(self, rate: float) -> None:
        """Raise the lid until it presses no more at rest. Raises ConvergenceError."""
        least = RELEASED * max(self.pressures)
        before, pressed = self.bed.height, self.pressures[-1]
        for now in self.bed.strained(self.whole, rate):
            self._tell(now)
            if sum(self.bed.pressures()) <= 0.0:
                break
        self._rest()
        for _ in range(SECANTS):
            now, presses = self.bed.height, self.pressures[-1]
            if abs(presses) <= least or (presses > 0.0 and now >= self.whole * (1 - CLOSE)):
                return
            slope = (pressed - presses) / (now - before) if now != before else 0.0
            nudge = math.copysign(NUDGE * now, presses)
            further = presses / slope if slope > 0.0 else nudge
            before, pressed = now, presses
            most = 10 * NUDGE * now
            up = min(now + min(max(further, -most), most), self.whole)
            for _ in self.bed.strained(up, math.copysign(rate, up - now)):
                pass
            self._rest()
        raise ConvergenceError("the lid came to no end of pressing: lower the rate", None)

    def _tell(self, now: float) -> None:
        done = math.log(self.whole / now) / math.log(self.whole / self.target)
        progress.report("compaction", min(done, 1.0), now, self.target)

    def _rest(self) -> None:
        self.bed.rest()
        low, high = self.bed.pressures()
        if not math.isfinite(low + high):
            raise ConvergenceError("compaction broke down: lower the rate", None)
        self.heights.append(self.bed.height)
        self.pressures.append((low + high) / 2)
        self.imbalances.append(abs(high - low))


def _number(value: Any) -> float:
    return math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)


def _check_height(bed: Bed, height: float) -> None:
    if not bed.solid_height < height < bed.height:
        raise InvalidInputError(
            f"height {height!r} is not between {bed.solid_height:.4g} m, which the solids need, "
            f"and {bed.height:.4g} m, the present one"
        )
