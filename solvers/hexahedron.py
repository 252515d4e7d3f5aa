"""The trilinear hexahedron of one voxel: its stiffness matrix, weights, and spectral bound.

Corners are numbered with z slowest; degrees of freedom with the component fastest. Stiffness is per
volume, with lengths in units of the smallest voxel edge.
"""

from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError

Element: TypeAlias = Literal["stabilized", "full", "bbar"]
Spacing: TypeAlias = tuple[float, float, float]

STABILISATION = 0.05  # share of the full integration in the default element
RATIOS = 7  # of lam to mu, at which the bound is looked for between the extremes


def element_parameters(spacing: Spacing, element: Element, stabilisation: float) -> list[float]:
    """What kernels want to know: 1/(4 h), weights of hourglasses, and their lam from lam and mu.

    The strain varies in a voxel as z, y, x, zy, zx, yx; the mean squares of these over the voxel
    are 1/3 and 1/9. B-bar keeps only the deviators of what varies.
    """
    share = stabilisation if element == "stabilized" else 1.0
    lam_h = (0.0, -2.0 / 3.0) if element == "bbar" else (1.0, 0.0)
    return [*(1.0 / (4.0 * h) for h in spacing), share / 3.0, share / 9.0, *lam_h]


def checked_element(element: str, stabilisation: float) -> Element:
    """``element`` if there is one of that name. Raises InvalidInputError."""
    if element not in get_args(Element):
        raise InvalidInputError(
            f"element {element!r} is unknown: choose one of {get_args(Element)}"
        )
    if not (np.isfinite(stabilisation) and 0.0 <= stabilisation <= 1.0):
        raise InvalidInputError(
            f"stabilisation {stabilisation!r} is no share in 0…1: 0.05 is the default, 0 leaves "
            "hourglasses free and is for volumes without pores only"
        )
    return element  # type: ignore[return-value]


def element_stiffness(parameters: list[float], lam: float, mu: float) -> NDArray[np.float64]:
    """Stiffness matrix, shape (24, 24), of a voxel."""
    w1, w2, from_lam, from_mu = parameters[3:]
    lam_h = from_lam * lam + from_mu * mu
    total = _gradients(parameters, None)
    matrix = total.T @ _isotropic(lam, mu) @ total
    for monomial in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)):
        part = _gradients(parameters, monomial)
        weight = w1 if len(monomial) == 1 else w2
        matrix += weight * part.T @ _isotropic(lam_h, mu) @ part
    return matrix


def largest_eigenvalue(parameters: list[float], ratios: tuple[float, float]) -> float:
    """Bound on the eigenvalues of D⁻¹A, D its 3 x 3 diagonal blocks, for ratios of lam to mu.

    A and D are sums over voxels, so no quotient of theirs exceeds the largest of a voxel's.
    """
    low, high = ratios
    return max(
        _largest(tuple(parameters), float(ratio)) for ratio in np.linspace(low, high, RATIOS)
    )


@lru_cache(maxsize=256)
def _largest(parameters: tuple[float, ...], ratio: float) -> float:
    matrix = element_stiffness(list(parameters), ratio, 1.0)
    blocks = matrix * np.kron(np.eye(8), np.ones((3, 3)))
    return float(scipy.linalg.eigh(matrix, blocks, eigvals_only=True)[-1])


def _isotropic(lam: float, mu: float) -> NDArray[np.float64]:
    matrix = np.diag([2.0 * mu] * 3 + [mu] * 3)
    matrix[:3, :3] += lam
    return matrix


def _gradients(parameters: list[float], monomial: tuple[int, ...] | None) -> NDArray[np.float64]:
    """Matrix (6, 24) from corner displacements to the strain that varies as ``monomial``."""
    signs = np.array([[2 * (n >> s & 1) - 1 for s in (2, 1, 0)] for n in range(8)], float)
    factor = np.ones(8) if monomial is None else np.prod(signs[:, monomial], axis=1)
    strain = np.zeros((6, 8, 3))
    for axis in range(3):
        if monomial is not None and axis in monomial:
            continue  # a displacement that varies along the axis twice does not exist
        slope = parameters[axis] * signs[:, axis] * factor
        strain[axis, :, axis] = slope
        for shear, (a, b) in {3: (1, 2), 4: (0, 2), 5: (0, 1)}.items():
            if axis in (a, b):
                strain[shear, :, b if axis == a else a] += slope
    return strain.reshape(6, 24)
