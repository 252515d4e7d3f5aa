"""Utilised: the share of active material that electrons and ions both reach. Labels (nz, ny, nx).

Electrons come from the current collector through active material and what else conducts them; ions
come from the separator through the electrolyte. A particle that lacks either does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.components import Mask, component_labels
from solvers.instances import particle_instances


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Shares of active material by what reaches it, 0…1.

    ``wired`` is connected to the collector, ``touched`` has electrolyte at its surface that is
    connected to the separator, ``value`` is both at once. ``electrolyte`` is the share of the
    electrolyte that is connected to the separator, ``particles`` the number of active particles
    that were told apart. A phase that the volume lacks has the share 0.
    """

    value: float
    wired: float
    touched: float
    electrolyte: float
    particles: int


def utilisation(
    volume: Volume, active: Phase, electrolyte: Phase, *, conductors: Sequence[Phase] = ()
) -> Utilisation:
    """The share of active material that both electrons and ions reach.

    Args:
        volume: whose ``collector`` says at which end electrons come in; ions do at the other.
        active: phase whose particles are told apart by ``particle_instances``. A particle counts
            by its volume, as a whole if any of its faces is reached: lithium spreads within it.
        electrolyte: phase that carries ions.
        conductors: further phases that carry electrons, such as carbon.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: one phase in two places.

    Accuracy: connected is what shares faces of voxels. What leaves the volume at its sides and
        comes back counts as isolated.
    """
    ids = [volume.phase_id(phase) for phase in (active, electrolyte, *conductors)]
    if len(set(ids)) < len(ids):
        raise InvalidInputError(
            "active, electrolyte and conductors name a phase twice: give each one role"
        )
    axis, at_low = volume.through_axis, volume.collector == "low"
    solid, ions = volume.mask(active), volume.mask(electrolyte)
    wired = _reached(volume.mask(active, *conductors), axis, 0 if at_low else -1)
    reached = _reached(ions, axis, -1 if at_low else 0)
    if not solid.any():
        return Utilisation(0.0, 0.0, 0.0, _share(reached, ions), 0)
    particles = particle_instances(volume, active)
    sizes = np.bincount(particles.ravel())
    sizes[0] = 0
    electrons = np.zeros(len(sizes), bool)
    electrons[particles[wired]] = True
    touches = np.zeros(len(sizes), bool)
    touches[_beside(particles, reached)] = True
    total = float(sizes.sum())
    return Utilisation(
        float(sizes[electrons & touches].sum()) / total,
        float(sizes[electrons].sum()) / total,
        float(sizes[touches].sum()) / total,
        _share(reached, ions),
        int(np.count_nonzero(sizes)),
    )


def _reached(mask: Mask, axis: int, end: int) -> Mask:
    """Voxels of a mask that are connected to one end."""
    labels, count = component_labels(mask)
    touched = np.zeros(count + 1, bool)
    touched[np.take(labels, end, axis)] = True
    touched[0] = False
    return np.take(touched, labels)


def _beside(particles: NDArray[Any], mask: Mask) -> NDArray[Any]:
    """Numbers of the particles that share a face with a mask."""
    found = []
    for axis in range(3):
        lower, upper = [slice(None)] * 3, [slice(None)] * 3
        lower[axis], upper[axis] = slice(None, -1), slice(1, None)
        for one, other in ((tuple(lower), tuple(upper)), (tuple(upper), tuple(lower))):
            found.append(np.unique(particles[one][mask[other]]))
    return np.unique(np.concatenate(found))


def _share(part: Mask, whole: Mask) -> float:
    return int(np.count_nonzero(part)) / max(int(np.count_nonzero(whole)), 1)
