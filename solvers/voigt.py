"""Voigt notation: symmetric tensors as six components 00 11 22 12 02 01, shear strains doubled."""

import numpy as np
from numpy.typing import NDArray

SHEARS = ((1, 2), (0, 2), (0, 1))
PAIRS = ((0, 0), (1, 1), (2, 2), *SHEARS)
NO_STIFFNESS = 1e-7  # of the largest eigenvalue of a stiffness: what is below is rounding
IDENTITY = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])


def strain_tensor(strain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tensors, shape (3, 3, …), of strains with shape (6, …)."""
    return _tensor(strain, 0.5)


def stress_tensor(stress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tensors, shape (3, 3, …), of stresses with shape (6, …)."""
    return _tensor(stress, 1.0)


def _tensor(values: NDArray[np.float64], shear: float) -> NDArray[np.float64]:
    values = np.asarray(values)
    out = np.empty((3, 3, *values.shape[1:]), values.dtype)
    for c, (a, b) in enumerate(PAIRS):
        out[a, b] = out[b, a] = values[c] * (1.0 if a == b else shear)
    return out


def strain_voigt(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strains, shape (6, …), of symmetric tensors with shape (3, 3, …)."""
    return np.stack([tensor[a, b] * (1.0 if a == b else 2.0) for a, b in PAIRS])


def rotation_of_stress(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices M, shape (…, 6, 6), with which stresses turn: σ' = M σ for σ' = R σ Rᵀ."""
    r = np.asarray(rotation, dtype=float)
    out = np.empty((*r.shape[:-2], 6, 6))
    for row, (i, j) in enumerate(PAIRS):
        for column, (k, m) in enumerate(PAIRS):
            term = r[..., i, k] * r[..., j, m]
            if k != m:
                term = term + r[..., i, m] * r[..., j, k]
            out[..., row, column] = term
    return out


def rotated_stiffness(
    stiffness: NDArray[np.float64], rotation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Stiffness, shape (…, 6, 6), of a crystal turned by ``rotation``, shape (…, 3, 3)."""
    turn = rotation_of_stress(rotation)
    turned: NDArray[np.float64] = turn @ stiffness @ np.swapaxes(turn, -1, -2)
    return turned


def mean_stress(stress: NDArray[np.floating]) -> NDArray[np.floating]:
    """Hydrostatic stress, a third of the trace; positive in tension."""
    mean: NDArray[np.floating] = (stress[0] + stress[1] + stress[2]) / 3
    return mean


def von_mises(stress: NDArray[np.floating]) -> NDArray[np.floating]:
    """Von Mises equivalent stress, sqrt(3/2 s:s) of the deviator s."""
    a, b, c = stress[0] - stress[1], stress[1] - stress[2], stress[2] - stress[0]
    shear = stress[3] ** 2 + stress[4] ** 2 + stress[5] ** 2
    equivalent: NDArray[np.floating] = np.sqrt((a * a + b * b + c * c) / 2 + 3 * shear)
    return equivalent


def principal(stress: NDArray[np.floating]) -> NDArray[np.float64]:
    """Principal stresses in ascending order, shape (3, …)."""
    tensor: NDArray[np.float64] = _tensor(np.asarray(stress, dtype=np.float64), 1.0)
    tensor = np.moveaxis(tensor, (0, 1), (-2, -1))
    values = np.asarray(np.linalg.eigvalsh(tensor), dtype=np.float64)
    return np.moveaxis(values, -1, 0)
