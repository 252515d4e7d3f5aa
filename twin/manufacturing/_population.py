"""Population: particles of one phase, as many as fill a fraction of a box. Lengths in m."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate import Sizes, equal_sizes
from twin.manufacturing._arguments import meant, short

Floats = NDArray[np.float64]
KEYS = ("fraction", "radius", "aspect")
WRITE = "{'fraction': 0.5, 'radius': 2e-6}"


@dataclass(frozen=True, slots=True)
class Population:
    """Particles of one phase.

    Args:
        fraction: of the volume, 0…1, open.
        radius: m, or a distribution such as ``generate.lognormal_sizes``, or the table of one, see
            ``generate.Sizes.from_dict``; of the sphere of equal volume.
        aspect: ratios of the three axes, > 0; (1, 1, 1) for spheres. Directions are random.

    Raises:
        InvalidInputError: a number is out of range or none, or there is no such distribution.
    """

    fraction: float
    radius: float | Sizes | Mapping[str, Any]
    aspect: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not _is_number(self.fraction) or not 0.0 < self.fraction < 1.0:
            raise InvalidInputError(
                f"fraction {self.fraction!r} is no number in 0…1, limits excluded"
            )
        if isinstance(self.radius, Mapping):
            object.__setattr__(self, "radius", self.sizes)
        elif not isinstance(self.radius, Sizes):
            object.__setattr__(self, "radius", float(self.sizes.radii[0]))
        object.__setattr__(self, "aspect", _checked_aspect(self.aspect))

    @classmethod
    def of(cls, given: Any, phase: str) -> Self:
        """What is given for a phase: a population, or the table that ``to_dict`` makes of one."""
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InvalidInputError(
                f"the population {phase!r} is {short(given)}: give a Population, or a table such "
                f"as {WRITE}"
            )
        for key in given:
            if key not in KEYS:
                raise InvalidInputError(f"the population {phase!r} has {key!r}{meant(key, KEYS)}")
        if lacking := [key for key in KEYS[:2] if key not in given]:
            raise InvalidInputError(
                f"the population {phase!r} lacks {' and '.join(lacking)}: give {WRITE}, say"
            )
        try:
            return cls(**given)
        except InvalidInputError as error:
            raise InvalidInputError(f"the population {phase!r}: {error}") from None

    @property
    def sizes(self) -> Sizes:
        """The distribution of radii, be it of one radius only."""
        radius = self.radius
        if isinstance(radius, Sizes):
            return radius
        return Sizes.from_dict(radius) if isinstance(radius, Mapping) else equal_sizes(radius)

    @property
    def ratios(self) -> Floats:
        """Semi-axes over the radius of the sphere of equal volume, shape (3,)."""
        ratios: Floats = np.array(self.aspect) / np.prod(self.aspect) ** (1 / 3)
        return ratios

    def radii(self, box: Floats) -> Floats:
        """As asked for, of so many particles that they nearly fill the fraction; shape (n,)."""
        sizes = self.sizes
        return sizes.spread(sizes.number(self.fraction * float(np.prod(box))))

    def size_scale(self, box: Floats) -> float:
        """The factor on all radii that makes a whole number of particles fill the fraction."""
        volume = self.fraction * float(np.prod(box))
        return float((volume / np.sum(4 / 3 * np.pi * self.radii(box) ** 3)) ** (1 / 3))

    def semi_axes(self, box: Floats) -> Floats:
        """Of as many particles as fill the fraction of a box, shape (n, 3)."""
        axes: Floats = (self.radii(box) * self.size_scale(box))[:, None] * self.ratios
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, which can be given instead of the population."""
        radius = self.sizes.to_dict() if isinstance(self.radius, Sizes) else self.radius
        return {"fraction": float(self.fraction), "radius": radius, "aspect": list(self.aspect)}


def _checked_aspect(aspect: Any) -> tuple[float, float, float]:
    several = tuple(aspect) if isinstance(aspect, list | tuple | np.ndarray) else ()
    if len(several) != 3 or not all(_is_number(a) and a > 0.0 for a in several):
        raise InvalidInputError(f"aspect {aspect!r} is not three ratios > 0")
    z, y, x = (float(a) for a in several)
    return z, y, x


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_real and math.isfinite(value)
