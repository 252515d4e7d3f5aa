"""Domain: the part of a volume that can carry a current along one axis, laid along axis 0."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.components import spanning_mask
from solvers.face_resistance import FaceResistance
from solvers.voxel_faces import CLOSED, Sides
from solvers.window import Window


@dataclass(frozen=True, slots=True)
class Domain:
    """Conductivity classes of voxels, shape (n0, n1, n2) with the flow along axis 0.

    ``classes`` is 0 where nothing flows, else 1 + the index into ``sigma`` (S/m, ascending, shape
    (n,), or along each axis with the flow first, shape (n, 3)); where ``conductivity`` is given,
    it holds instead, voxel by voxel, and ``sigma`` is the largest of it alone. ``inside`` is False
    where the volume is outside; ``axis`` and ``window`` say which part of the volume this is,
    ``window`` in the volume's own axis order. ``resistance`` is that of faces of these voxels, in
    Ω m²; None if no face has any. ``periodic`` tells along which axes the volume repeats itself.
    ``tensors`` are those of the classes, flow first, shape (n, 3, 3), where they are more than
    ``sigma``. Domains of one volume with the same ``group`` are the same voxels.
    """

    classes: NDArray[np.uint8] | NDArray[np.uint16]
    sigma: NDArray[np.float64]
    spacing: tuple[float, float, float]
    inside: NDArray[np.bool_]
    axis: int
    window: Window
    resistance: FaceResistance | None = None
    conductivity: NDArray[np.floating] | None = None
    periodic: Sides = CLOSED
    tensors: NDArray[np.float64] | None = None
    group: int = 0

    @property
    def percolates(self) -> bool:
        """True if anything conducts from one electrode to the other."""
        return bool(self.classes.any())

    @property
    def is_prism(self) -> bool:
        """True if every line along the axis is wholly inside or wholly outside."""
        if not any(self.inside.strides):  # one True for all voxels
            return True
        return bool(np.array_equal(self.inside.all(axis=0), self.inside.any(axis=0)))

    def filled(self) -> "Domain":
        """The same domain with every inside voxel at conductivity 1 and no resistances."""
        mask = spanning_mask(self.inside, axis=0).astype(np.uint8)
        return Domain(mask, np.ones(1), self.spacing, self.inside, self.axis, self.window)
