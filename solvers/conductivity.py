"""Conductivity: the effective value along one axis, and the fields of the solve behind it."""

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.results import Quantity, SolveReport, Uncertainty, finite


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Fields of a solve, shape (nz, ny, nx) in the volume's axis order; NaN where nothing flows.

    ``potential`` is 1 at the low and 0 at the high electrode; ``flux`` is the size of the current
    density relative to that of the homogeneous block, from the dissipation.
    """

    potential: NDArray[np.float32]
    flux: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Conductivity:
    """Effective conductivity or diffusivity along one axis.

    ``imbalance`` is the largest relative difference between the current through any layer of
    voxels and the mean current, ``conducting_fraction`` the share of voxels that carry any;
    ``discretisation_error`` is that by the size of the voxels, in the value's unit, if it was asked
    for; ``shares`` is the share of each block in the dissipation, shape (b0, b1, b2), flow first.
    """

    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    axis: int
    percolates: bool
    imbalance: float
    conducting_fraction: float
    shares: NDArray[np.float64]
    fields: Fields | None = None
    discretisation_error: float | None = None

    @property
    def status(self) -> str:
        """Whether there is a path: "ok" or "does not percolate"."""
        return "ok" if self.percolates else "does not percolate"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        return quantity.to_dict() | {
            "axis": self.axis,
            "percolates": self.percolates,
            "status": self.status,
            "imbalance": finite(self.imbalance),
            "discretisation_error": self.discretisation_error,
        }

    def __str__(self) -> str:
        return str(Quantity(self.value, self.unit, self.method, self.uncertainty))

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b> <small>along axis {self.axis}</small>"
