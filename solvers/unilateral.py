"""Unilateral stiffness: voxels beside an interface that bear pressure across it, but no tension.

Where an interface came apart, a layer of voxels on one side of it (see ``interface_layer``) takes
its place. Closed voxels keep their stiffness, except that slips across the smoothed normal are
free, so that a staircase does not interlock. Open voxels bear nothing. If they keep what they bear
along the interface, the energy is convex in the strain, and the load alone decides what is open.
Stiffness has the shape (n, 6, 6), in Pa.
"""

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers.interface_layer import ContactLayer
from solvers.stiffness import MOST_CLASSES, Moduli

SOFT = 1e-6  # share of their stiffness that open voxels keep, so that gaps in a row are known
GRIP = 0.1  # share that hourglasses keep in debonded voxels: all of it would resist slips

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


def closed_stiffness(stiffness: Values, layer: ContactLayer) -> Values:
    """Stiffness of voxels of the layer that are closed and slip at no cost."""
    return _reduced(stiffness, [layer.strain(t) for t in _tangents(layer.normal)])


def unilateral_moduli(
    moduli: Moduli, layer: ContactLayer, debonded: Mask, is_open: Mask, *, convex: bool
) -> Moduli:
    """Stiffness of a volume with a debonded layer.

    Args:
        moduli: of the bonded volume.
        layer: where the interface is.
        debonded: voxels of the layer that came apart.
        is_open: those of them that are open.
        convex: whether open voxels keep what they bear along the interface.

    Raises:
        InvalidInputError: more different stiffnesses than can be told apart.
    """
    if not debonded.any():
        return moduli
    classes, table = classified(moduli)
    new, lam, mu = classes.copy(), moduli.lam.copy(), moduli.mu.copy()
    kept = debonded if convex else debonded & ~is_open
    gone = layer.voxels[debonded & ~kept]
    rows, number = _kinds(classes, table, layer, kept, is_open)
    tables = np.concatenate([table, SOFT * table, rows])
    if len(tables) > MOST_CLASSES:
        raise _too_many(len(tables))
    new.reshape(-1)[gone] += len(table)
    new.reshape(-1)[layer.voxels[kept]] = 2 * len(table) + number
    for modulus in (lam, mu):
        modulus.reshape(-1)[layer.voxels[kept]] *= GRIP
        modulus.reshape(-1)[gone] *= SOFT
    return Moduli(lam, mu, new, tables, moduli.unit)


def classified(moduli: Moduli) -> tuple[NDArray[np.uint16], Values]:
    """Class of each voxel and stiffness of each class in units of ``unit``, class 0 being void."""
    if moduli.table is not None and moduli.classes is not None:
        return moduli.classes, moduli.table
    kinds, number = np.unique(moduli.lam + 1j * moduli.mu, return_inverse=True)
    if kinds[0] != 0.0:  # no voids inside, but class 0 is also what lies outside
        kinds, number = np.concatenate([[0.0], kinds]), number + 1
    if len(kinds) > MOST_CLASSES:
        raise _too_many(len(kinds))
    table = np.zeros((len(kinds), 6, 6))
    table[:, range(6), range(6)] = np.outer(kinds.imag, [2.0, 2.0, 2.0, 1.0, 1.0, 1.0])
    table[:, :3, :3] += kinds.real[:, None, None]
    return number.reshape(moduli.lam.shape).astype(np.uint16), table


def _kinds(
    classes: NDArray[np.uint16], table: Values, layer: ContactLayer, kept: Mask, is_open: Mask
) -> tuple[Values, NDArray[np.intp]]:
    """The different stiffnesses of some voxels of the layer, and which of them each has."""
    own = classes.ravel()[layer.voxels]
    keys = np.column_stack([own, is_open, layer.gradient, layer.normal])[kept]
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    kinds = np.flatnonzero(kept)[first]
    part = layer.some(kinds)
    closed = closed_stiffness(table[own[kinds]], part)
    opened = _reduced(closed, [part.strain(part.normal)])
    return np.where(is_open[kinds, None, None], opened, closed), number.ravel()


def _reduced(stiffness: Values, strains: list[Values]) -> Values:
    """Stiffness C - C S (Sᵀ C S)⁻¹ Sᵀ C, for which the strains S cost nothing."""
    columns = np.stack(strains, axis=-1)
    forces = stiffness @ columns
    gram = np.linalg.pinv(np.swapaxes(columns, -1, -2) @ forces, rcond=1e-9, hermitian=True)
    out: Values = stiffness - forces @ gram @ np.swapaxes(forces, -1, -2)
    return out


def _tangents(normal: Values) -> tuple[Values, Values]:
    """Two unit vectors across each normal and each other, shape (n, 3)."""
    helper = np.eye(3)[np.abs(normal).argmin(axis=1)]
    first = np.cross(normal, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(normal, first)


def _too_many(count: int) -> InvalidInputError:
    return InvalidInputError(
        f"{count} different stiffnesses, but {MOST_CLASSES} can be told apart: give phases one "
        "modulus instead of a field, or crop the volume"
    )
