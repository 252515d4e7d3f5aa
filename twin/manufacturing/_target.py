"""Target: how thick a volume is to be pressed, and on what voxels it is then drawn. SI units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase


@dataclass(frozen=True, slots=True)
class Target:
    """A thickness through the volume, and the layers of voxels that make it up.

    The number of layers is rounded, and their edge changed by as much. ``solid`` is the thickness
    that the solids would have without pores, ``nanopores`` that of the nanopores in them, and
    ``porosity`` the labelled one that is aimed at.
    """

    volume: Volume
    thickness: float
    solid: float
    nanopores: float = 0.0

    @classmethod
    def of(
        cls,
        volume: Volume,
        void: int,
        porosity: float | None,
        thickness: float | None,
        total_porosity: float | None = None,
        nanoporosity: Mapping[Phase, float] | None = None,
    ) -> "Target":
        """Check what a step was asked for; ``void`` is the label of the pore.

        Raises:
            InvalidInputError: not one of porosity, total porosity and thickness, one that is not
                below the present one, nanopores of what is no solid, or voxels outside.
        """
        if volume.outside is not None and np.any(volume.labels == volume.outside):
            raise InvalidInputError(
                "the volume has voxels outside the electrode, which cannot be pressed: crop it"
            )
        height = volume.size[volume.through_axis]
        share = 1.0 - volume.voxels(void) / volume.labels.size
        if not share:
            raise InvalidInputError("the volume is all pore: there is nothing to press")
        nanopores = _nanopores(volume, void, nanoporosity or {})
        asked = {"porosity": porosity, "thickness": thickness, "total_porosity": total_porosity}
        wanted = _thickness(height, share, share - nanopores, asked)
        return cls(volume, wanted, share * height, nanopores * height)

    @property
    def porosity(self) -> float:
        """Labelled pore fraction at the thickness."""
        return 1.0 - self.solid / self.thickness

    @property
    def total_porosity(self) -> float:
        """The same with the nanopores."""
        return self.porosity + self.nanopores / self.thickness

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


def _nanopores(volume: Volume, void: int, nanoporosity: Mapping[Phase, float]) -> float:
    """Nanopores per volume."""
    if not isinstance(nanoporosity, Mapping):
        raise InvalidInputError(f"nanoporosity is {nanoporosity!r}: give {{'CBD': 0.47}}")
    held = 0.0
    for phase, share in nanoporosity.items():
        label, fraction = volume.phase_id(phase), checked_number(share, "nanoporosity")
        if label == void or not 0.0 <= fraction < 1.0:
            raise InvalidInputError(
                f"nanoporosity of {phase!r} is {share!r}: give a solid, and a share from 0 up to "
                "below 1"
            )
        held += fraction * volume.voxels(label) / volume.labels.size
    return held


def _thickness(
    height: float, solid: float, dense: float, asked: Mapping[str, float | None]
) -> float:
    """The thickness asked for; ``dense`` is the share of the solids without their nanopores."""
    given = {name: checked_number(v, name) for name, v in asked.items() if v is not None}
    if len(given) != 1:
        raise InvalidInputError(
            ", ".join(f"{name} is {value!r}" for name, value in asked.items())
            + ": give one of them"
        )
    ((name, value),) = given.items()
    if name == "thickness":
        return _between(value, solid * height, height)
    share = solid if name == "porosity" else dense
    if not 1.0 - share / solid < value <= 1.0 - share + 1e-12:
        raise InvalidInputError(
            f"{name} {value!r} is not in {1 - share / solid:.4g}…{1 - share:.4g}, the present one: "
            "pressing only lowers it"
        )
    return min(height * share / (1.0 - value), height)


def _between(thickness: float, least: float, height: float) -> float:
    if not least < thickness <= height:
        raise InvalidInputError(
            f"thickness {thickness!r} is not between {least:.4g} m, which the solids need, and "
            f"{height:.4g} m, the present one"
        )
    return thickness


def checked_volume(volume: Any) -> Volume:
    """``volume``, if it is one. Raises InvalidInputError."""
    if not isinstance(volume, Volume):
        raise InvalidInputError(
            f"a {type(volume).__name__} was given, but a Volume is wanted: "
            "microstructures.read(path, spacing=…) or microstructures.Volume(labels, spacing)"
        )
    return volume


def checked_number(value: Any, name: str) -> float:
    """``value`` as a finite number. Raises InvalidInputError, naming it."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InvalidInputError(f"{name} is {value!r}: give a number")
    return float(value)
