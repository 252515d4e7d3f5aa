"""ContactLoss: contact of an interface against state of charge and pressure (Pa, compression > 0).

States follow each other as given, at one pressure after the other. Debonding does not heal, so that
the order counts; every pressure starts from a bonded interface.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers.body import Body
from solvers.contact import contact_state
from solvers.debonding import Criterion, Debonded, debonded_faces
from solvers.interface_normals import InterfaceFaces
from solvers.traction import SMOOTHING, InterfaceTraction, interface_traction

Field = NDArray[np.floating[Any]]
Follow: TypeAlias = Callable[[float, float, Debonded | None], tuple[InterfaceTraction, Debonded]]


@dataclass(frozen=True, slots=True, eq=False)
class ContactLoss:
    """An interface at several states of charge, fastest, and pressures.

    ``columns`` has one value per state: ``charge``, ``pressure`` in Pa, shares of the true area
    ``contact_fraction`` and ``debonded_fraction``, and what ``InterfaceTraction.to_dict`` names, in
    Pa; ``pandas.DataFrame(loss.columns)`` makes it a table. ``states`` are the interfaces
    themselves, for ``Debonded.face_resistance``.
    """

    columns: dict[str, NDArray[np.float64]]
    states: tuple[Debonded, ...]


def contact_loss(
    follow: Follow, charges: Sequence[float], pressures: Sequence[float]
) -> ContactLoss:
    """Contact of an interface while its phases swell and shrink.

    Args:
        follow: traction and state of the interface at a charge, a pressure and after an earlier
            state, such as made by ``screening`` or ``unilateral_contact``.
        charges: states of charge in the order in which they are reached.
        pressures: in Pa, each with all charges.
    """
    rows: list[dict[str, float]] = []
    states: list[Debonded] = []
    for pressure in pressures:
        before: Debonded | None = None
        for charge in charges:
            traction, before = follow(charge, pressure, before)
            states.append(before)
            shares = {
                "contact_fraction": before.contact_fraction,
                "debonded_fraction": before.debonded_fraction,
            }
            rows.append({"charge": charge, "pressure": pressure} | shares | traction.to_dict())
    if not rows:
        raise InvalidInputError(
            f"{len(charges)} charges at {len(pressures)} pressures are no state: give one of each"
        )
    return ContactLoss({k: np.array([row[k] for row in rows]) for k in rows[0]}, tuple(states))


def screening(
    faces: InterfaceFaces,
    stress_at: Callable[[float, float], Field],
    criterion: Criterion,
    smoothing: float = SMOOTHING,
) -> Follow:
    """States from the stress of the bonded body: fast, and right until the first debonding.

    Args:
        faces: of the interface.
        stress_at: stress, shape (6, nz, ny, nx) in Pa, at a charge and a pressure, such as by
            superposition.
        criterion: what the interface bears.
        smoothing: of the traction, see ``interface_traction``.
    """

    def follow(
        charge: float, pressure: float, before: Debonded | None
    ) -> tuple[InterfaceTraction, Debonded]:
        traction = interface_traction(faces, stress_at(charge, pressure), smoothing=smoothing)
        return traction, debonded_faces(traction, criterion, before)

    return follow


def unilateral_contact(
    faces: InterfaceFaces,
    body_at: Callable[[float], Body],
    eigenstrain_at: Callable[[float], Field],
    criterion: Criterion,
    **options: Any,
) -> Follow:
    """States in equilibrium with the interface, some ten solves each: see ``contact_state``.

    Args:
        faces: of the interface.
        body_at: the body at a pressure.
        eigenstrain_at: stress-free strain of every voxel at a charge.
        criterion: what the interface bears.
        options: handed to ``contact_state``.
    """

    def follow(
        charge: float, pressure: float, before: Debonded | None
    ) -> tuple[InterfaceTraction, Debonded]:
        state = contact_state(
            body_at(pressure),
            faces,
            criterion=criterion,
            before=before,
            eigenstrain=eigenstrain_at(charge),
            **options,
        )
        return state.traction, state.debonded

    return follow
