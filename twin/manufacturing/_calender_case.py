"""What a calendering is asked for, checked, with the thickness along axis 0. SI units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from twin.manufacturing._rigid import Wrap
from twin.manufacturing._target import Target, checked_number, checked_volume
from twin.manufacturing.thickness import sprung_back

PIECE = 0.5  # of the particles' fraction: if lid and floor cut as much, they cut a thicker layer
EDGES = {"ends": ("plates", "periodic"), "sides": ("walls", "periodic")}

Floats = NDArray[np.float64]
Particles = Phase | Sequence[Phase] | None


@dataclass(frozen=True, slots=True)
class Case:
    """Phases by label, the target, and what is beyond the faces.

    ``particles`` are the phases that are made of particles, ``carried`` those that go with them;
    ``lowest`` is the thickness under the load, ``order`` the axes of the volume, the thickness
    first.
    """

    volume: Volume
    particles: tuple[int, ...]
    pore: int
    carried: tuple[int, ...]
    target: Target
    lowest: float
    ends: str
    sides: str
    order: tuple[int, int, int]

    @classmethod
    def of(
        cls,
        volume: Volume,
        asked: Mapping[str, float | None],
        particles: Particles,
        pore: Phase,
        edges: Mapping[str, str | None],
        nanoporosity: Mapping[Phase, float] | None,
        recovery: float,
    ) -> "Case":
        """Check the arguments of ``calender``."""
        for name, edge in edges.items():
            if edge not in EDGES[name] and (edge is not None or name == "sides"):
                one, other = EDGES[name]
                raise InvalidInputError(f"{name} {edge!r} are unknown: choose {one!r} or {other!r}")
        void = checked_volume(volume).phase_id(pore)
        target = Target.of(volume, void, **asked, nanoporosity=nanoporosity)
        solids = [n for n in volume.phases if n != void and volume.voxels(n)]
        grains = _grains(volume, solids, particles, pore)
        axis = volume.through_axis
        order = (axis, *(a for a in range(3) if a != axis))
        ends = edges["ends"] or _ends(volume, grains)
        return cls(
            volume,
            grains,
            void,
            tuple(label for label in solids if label not in grains),
            target,
            _lowest(volume, target, checked_number(recovery, "recovery")),
            ends,
            str(edges["sides"]),
            (order[0], order[1], order[2]),
        )

    @property
    def wrap(self) -> Wrap:
        """Axes along which the volume repeats."""
        side = self.sides == "periodic"
        return self.ends == "periodic", side, side

    @property
    def labels(self) -> NDArray[np.integer]:
        """Of the volume, thickness first."""
        return np.ascontiguousarray(np.transpose(self.volume.labels, self.order))

    @property
    def spacing(self) -> Floats:
        """Voxel edges before, in m."""
        return np.array([self.volume.spacing[a] for a in self.order])

    @property
    def box(self) -> Floats:
        """Edges of the volume before, in m."""
        return self.spacing * [self.volume.shape[a] for a in self.order]

    @property
    def height(self) -> float:
        """Thickness before, in m."""
        return float(self.box[0])

    @property
    def new_shape(self) -> tuple[int, int, int]:
        """Voxels after pressing."""
        _, ny, nx = (self.volume.shape[a] for a in self.order)
        return self.target.layers, ny, nx

    @property
    def new_steps(self) -> Floats:
        """Voxel edges after pressing, in m."""
        return np.array([self.target.edge, *self.spacing[1:]])


def _grains(
    volume: Volume, solids: list[int], particles: Particles, pore: Phase
) -> tuple[int, ...]:
    if not solids:
        raise InvalidInputError("the volume is all pore: there is nothing to press")
    if particles is None:
        return (max(solids, key=volume.voxels),)
    several = isinstance(particles, Sequence) and not isinstance(particles, str)
    named = tuple(particles) if isinstance(particles, Sequence) and several else (particles,)
    labels = tuple(dict.fromkeys(volume.phase_id(phase) for phase in named))
    for label in labels:
        if label == volume.phase_id(pore):
            raise InvalidInputError(
                f"{volume.phase_name(label)!r} is the pore: name the solid that is made of "
                "particles"
            )
        if label not in solids:
            raise InvalidInputError(
                f"{volume.phase_name(label)!r} has no voxel: name a solid phase that occurs"
            )
    if not labels:
        raise InvalidInputError("particles is empty: name at least one solid, or leave it out")
    return labels


def _ends(volume: Volume, grains: tuple[int, ...]) -> str:
    """Whether lid and floor cut as many particles as any section: then the volume is a piece."""
    solid = np.isin(volume.labels, grains)
    faces = np.take(solid, (0, -1), volume.through_axis)
    return "periodic" if faces.mean() > PIECE * solid.mean() else "plates"


def _lowest(volume: Volume, target: Target, recovery: float) -> float:
    """Thickness under the load, of which the recovered share of the compression springs back."""
    sprung_back(1.0, 1.0, recovery)  # checks the share
    height = volume.size[volume.through_axis]
    lowest = 0.0
    if recovery < 1.0:
        lowest = (target.thickness - recovery * height) / (1.0 - recovery)
    if lowest <= target.solid:
        raise InvalidInputError(
            f"a recovery of {recovery!r} wants a thickness of {lowest:.4g} m under the load, "
            "less than the solids need: lower it, or press less"
        )
    return lowest
