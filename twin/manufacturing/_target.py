"""Target: how thick a volume is to be pressed, and on what voxels it is then drawn. SI units."""

from dataclasses import dataclass

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Target:
    """A thickness through the volume, and the layers of voxels that make it up.

    The number of layers is rounded, and their edge changed by as much. ``solid`` is the thickness
    that the solids would have without pores, and ``porosity`` the labelled one that is aimed at.
    """

    volume: Volume
    thickness: float
    solid: float

    @classmethod
    def of(
        cls, volume: Volume, void: int, porosity: float | None, thickness: float | None
    ) -> "Target":
        """Check what a step was asked for; ``void`` is the label of the pore.

        Raises:
            InvalidInputError: not one of porosity and thickness, one that is not below the present
                one, or voxels outside the electrode.
        """
        if volume.outside is not None and np.any(volume.labels == volume.outside):
            raise InvalidInputError(
                "the volume has voxels outside the electrode, which cannot be pressed: crop it"
            )
        height = volume.size[volume.through_axis]
        share = 1.0 - volume.voxels(void) / volume.labels.size
        return cls(volume, _thickness(height, share, porosity, thickness), share * height)

    @property
    def porosity(self) -> float:
        """Labelled pore fraction at the thickness."""
        return 1.0 - self.solid / self.thickness

    @property
    def layers(self) -> int:
        """Layers of voxels through the thickness."""
        return max(1, round(self.thickness / self.volume.spacing[self.volume.through_axis]))

    @property
    def edge(self) -> float:
        """Voxel edge through the thickness, in m."""
        return self.thickness / self.layers

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels, in the order of the volume's axes."""
        shape = list(self.volume.shape)
        shape[self.volume.through_axis] = self.layers
        return shape[0], shape[1], shape[2]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel edges, in the order of the volume's axes."""
        edges = list(self.volume.spacing)
        edges[self.volume.through_axis] = self.edge
        return edges[0], edges[1], edges[2]

    def count(self, label: int) -> int:
        """Voxels of a solid, which keeps its volume."""
        before = self.volume.spacing[self.volume.through_axis]
        return round(self.volume.voxels(label) * before / self.edge)


def _thickness(
    height: float, solid: float, porosity: float | None, thickness: float | None
) -> float:
    if (porosity is None) == (thickness is None):
        raise InvalidInputError(
            f"porosity is {porosity!r} and thickness {thickness!r}: give one of them"
        )
    if porosity is not None:
        if not 0.0 < porosity <= 1.0 - solid:
            raise InvalidInputError(
                f"porosity {porosity!r} is not in 0…{1 - solid:.4g}, the present one: pressing "
                "only lowers it"
            )
        return height * solid / (1.0 - porosity)
    assert thickness is not None
    if not solid * height < thickness <= height:
        raise InvalidInputError(
            f"thickness {thickness!r} is not between {solid * height:.4g} m, which the solids "
            f"need, and {height:.4g} m, the present one"
        )
    return float(thickness)
