"""Steady state with tensors: aligned ones on voxel faces, rotated ones by trilinear elements."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers import sampling
from solvers.domain import Domain
from solvers.electrodes import Electrodes
from solvers.tensor_conduction import TensorSolution, solve_tensors

Field = NDArray[np.float64]

ELEMENTS = "trilinear elements, tensors by voxel, "


def require_plain(electrodes: Electrodes | None) -> None:
    """Elements know plain electrodes and periodic volumes. Raises InvalidInputError."""
    if electrodes is not None and not electrodes.is_plain:
        raise InvalidInputError(
            f"rotated tensors were given together with {electrodes}: use boundary='electrodes' or "
            "'periodic', or tensors along the axes"
        )


def solve_elements(
    part: Domain, tensors: Field, *, gradients: tuple[int, ...] = (0,), **limits: Any
) -> TensorSolution:
    """The solution of a domain by elements, in SI units."""
    if not part.inside.all():
        raise InvalidInputError(
            "the volume has voxels outside, which elements cannot leave out: crop it to a box"
        )
    classes = part.classes.astype(np.uint16)
    periodic = part.periodic[0]
    return solve_tensors(
        classes, tensors, part.spacing, periodic=periodic, gradients=gradients, **limits
    )


def dissipation(part: Domain, tensors: Field, flux: NDArray[np.floating]) -> Field:
    """J · k⁻¹ J of the mean flux of each voxel."""
    inverse = np.concatenate([np.zeros((1, 3, 3)), np.linalg.inv(tensors)])
    out = np.zeros(part.classes.shape)
    for a in range(3):
        for b in range(3):
            out += flux[a] * inverse[:, a, b][part.classes] * flux[b]
    return out


def standard_error(part: Domain, dissipated: Field) -> tuple[Field, float]:
    """Share of each block in the dissipation, and the relative standard error of the whole."""
    shares = sampling.block_sums(dissipated) / float(dissipated.sum())
    voxels = sampling.block_sums(part.inside)
    return shares, sampling.relative_standard_error(shares - voxels / voxels.sum())


def centres(potential: Field) -> Field:
    """Mean potential of the eight corners of each voxel."""
    for axis in range(3):
        upper = [slice(None)] * 3
        lower = [slice(None)] * 3
        upper[axis], lower[axis] = slice(1, None), slice(None, -1)
        potential = (potential[tuple(upper)] + potential[tuple(lower)]) / 2.0
    return potential
