"""Units of a coating: doubts about lengths, masses and capacities that are far from any electrode.

Numbers may be arrays of any shape; zero and what is not finite is for others to refuse.
"""

import warnings
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from solvers.units import UnitWarning

ROUND_OFF = 1e-6  # of the least; what is less was meant to be zero

__all__ = ["AREAL_CAPACITY", "LOADING", "STRESS", "THICKNESS", "UnitWarning", "Usual"]


@dataclass(frozen=True, slots=True)
class Usual:
    """Between which numbers a quantity of a coating lies, and what was meant where it does not."""

    what: str
    unit: str
    least: float
    most: float
    write: str

    def doubt(self, value: ArrayLike, *, stacklevel: int = 3) -> None:
        """Warn of a number outside; ``stacklevel`` 3 is the caller of who asks.

        Warns:
            UnitWarning: it may be in another unit.
        """
        sizes = np.abs(np.asarray(value, dtype=float))
        little = (sizes > ROUND_OFF * self.least) & (sizes < self.least)
        odd = np.isfinite(sizes) & (little | (sizes > self.most))
        if not np.any(odd):
            return
        found = float(sizes[odd].flat[0])
        end = f"below {self.least:g}" if found < self.least else f"above {self.most:g}"
        warnings.warn(
            f"{self.what} of {found:.4g} {self.unit} is {end} {self.unit}: all units are SI, "
            f"write {self.write}",
            UnitWarning,
            stacklevel=stacklevel,
        )


THICKNESS = Usual("a thickness", "m", 1e-7, 1e-2, "70e-6 for 70 µm")
LOADING = Usual("a loading", "kg/m²", 1e-5, 10.0, "0.1 for 10 mg/cm² or 100 g/m²")
AREAL_CAPACITY = Usual("an areal capacity", "Ah/m²", 0.0, 1e3, "10 for 1 mAh/cm²")
STRESS = Usual("a stress", "Pa", 1e3, inf, "1e6 for 1 MPa")
