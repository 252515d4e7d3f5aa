"""Shifts: a value over how far walls have moved, of each variant as a mean over its pieces."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studies.ready._wording import said
from studies.ready.pieces import Results

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

Floats = NDArray[np.float64]
LEVEL = "rethreshold.level"
SHIFT, EDGE = "rethreshold.mean_shift", "rethreshold.voxel_edge"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A value of one variant over the shift of its walls in voxels, from low to high.

    Shifts and values are means over ``pieces``; ``lost`` thresholds are left out, because some
    piece has no number there.
    """

    of: str
    unit: str
    variant: str
    shifts: Floats
    values: Floats
    errors: Floats
    pieces: int = 1
    lost: int = 0

    def reaches(self, uncertainty: float) -> bool:
        """Whether the walls move so far either way."""
        if len(self.shifts) < 2:
            return False
        return bool(self.shifts[0] <= -uncertainty and self.shifts[-1] >= uncertainty)

    def at(self, shift: float) -> float:
        """Between two thresholds on a straight line."""
        return float(np.interp(shift, self.shifts, self.values))

    @property
    def slope(self) -> float:
        """Change per voxel where the walls are, of the parabola through all thresholds."""
        degree = min(2, len(self.shifts) - 1)
        return float(np.polynomial.Polynomial.fit(self.shifts, self.values, degree).deriv()(0.0))

    @property
    def error(self) -> float:
        """Standard error where the walls are; NaN if unknown."""
        return float(np.interp(0.0, self.shifts, self.errors))

    def limits(self, uncertainty: float) -> tuple[float, float]:
        """Lowest and highest value while the walls are within their uncertainty."""
        values = [self.at(s) for s in within(self.shifts, uncertainty)]
        return min(values), max(values)

    def share(self, uncertainty: float) -> float:
        """Half of that range over the standard error; NaN if that is unknown or none."""
        low, high = self.limits(uncertainty)
        return (high - low) / 2 / self.error if self.error > 0 else math.nan


def within(shifts: Floats, uncertainty: float) -> list[float]:
    """Shifts at which a curve is looked at: its own that are within, and both ends."""
    inner = [float(s) for s in shifts if abs(s) < uncertainty]
    return [-uncertainty, *inner, uncertainty]


def of_walls(moved: str) -> tuple[str, ...]:
    """Values of a case that tell where its walls are."""
    if moved == LEVEL:
        return SHIFT, EDGE
    phase = moved.rpartition(".")[2]
    return f"darker.{phase}", f"walls.{phase}", "voxel_edge"


def curves(study: "Study", found: Results, of: str, moved: str) -> Iterator[Curve]:
    """A curve for each variant, which is a combination of parameters that choose no piece."""
    variants = found.others(moved)
    for rows in found.by(variants).values():
        pieces = [
            _piece(study, part, of, moved) for part in replace(found, rows=rows).pieces().values()
        ]
        name = ", ".join(f"{one} {said(rows[one].iloc[0])}" for one in variants)
        yield _mean(pieces, of, found.units[of], name)


def _piece(study: "Study", part: "pd.DataFrame", of: str, moved: str) -> "pd.DataFrame":
    """Shift, value and standard error at each threshold."""
    import pandas as pd

    errors = part[f"{of} ±"].to_numpy(float) if f"{of} ±" in part else math.nan
    columns = {"shift": _shifts(part, moved, study), "value": part[of].to_numpy(float)}
    return pd.DataFrame(columns | {"error": errors}, index=part[moved].to_numpy())


def _mean(pieces: "list[pd.DataFrame]", of: str, unit: str, name: str) -> Curve:
    """Over pieces, at the thresholds that all of them have."""
    import pandas as pd

    each = pd.concat(pieces).groupby(level=0)
    has_all = each.size() == len(pieces)
    means = each.mean()[has_all].sort_values("shift")
    stated = each["error"].apply(lambda all_: float(np.sqrt(np.mean(all_.to_numpy() ** 2))))
    # either tells how little the pieces are, so that the larger counts and not their sum
    errors = np.fmax(stated, each["value"].std(ddof=1)) / math.sqrt(len(pieces))
    shifts, values = (means[column].to_numpy(float) for column in ("shift", "value"))
    lost = int((~has_all).sum())
    at = errors[means.index].to_numpy(float)
    return Curve(of, unit, name, shifts, values, at, len(pieces), lost)


def _shifts(part: "pd.DataFrame", moved: str, study: "Study") -> Floats:
    """How far walls moved out of the phase, in voxels."""
    if moved == LEVEL:
        return np.asarray(part[SHIFT] / float(part[EDGE].iloc[0]), dtype=float)
    order = np.argsort(part[moved].to_numpy())
    limits, darker, walls, edges = (
        part[name].to_numpy(float)[order] for name in (moved, *of_walls(moved))
    )
    steps = np.diff(darker) / ((walls[1:] + walls[:-1]) / 2) / edges[0]
    way = np.concatenate([[0.0], np.cumsum(steps)])
    middle = float(study.recipe["threshold"]["below"][moved.rpartition(".")[2]])
    found = np.empty(len(way))
    found[order] = way - np.interp(middle, limits, way)
    return found
