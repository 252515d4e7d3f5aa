"""Steady state with tensors: aligned ones on voxel faces, rotated ones by trilinear elements."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import sampling
from solvers.anisotropic import Anisotropic, tensor_classes
from solvers.domain import Domain, class_domain, flow_first
from solvers.electrodes import Electrodes
from solvers.face_resistance import FaceResistance
from solvers.phase_values import is_field
from solvers.tensor_conduction import TensorSolution, solve_tensors

Field = NDArray[np.float64]

ELEMENTS = "trilinear elements, tensors by voxel, "


def has_tensors(values: Any) -> bool:
    """True if a phase conducts differently by direction."""
    given = values.values() if isinstance(values, Mapping) else ()
    return any(isinstance(value, Anisotropic) for value in given)


def tensor_domain(
    volume: Volume,
    values: Mapping[Any, Any],
    axis: int,
    electrodes: Electrodes | None,
    resistance: FaceResistance | None = None,
    winding: int | None = 0,
) -> tuple[Domain, Field]:
    """The domain, and the tensor of each class in the domain's axis order, shape (n, 3, 3).

    ``sigma`` of the domain holds the diagonals, which is all there is of aligned tensors.

    Raises:
        InvalidInputError: a value is missing, twice there or bad, or given voxel by voxel; or
            resistances of faces besides rotated tensors.
    """
    if resistance is not None and not is_aligned(values):
        raise InvalidInputError(
            "face resistances were given together with rotated tensors, whose elements share "
            "potentials across faces: give tensors along the axes, or leave the resistances out"
        )
    if any(is_field(value) for value in values.values()):
        raise InvalidInputError(
            "tensors of some phases and fields of others were given together: give each grain "
            "of the field a tensor with Anisotropic(…, grains, rotations), or numbers"
        )
    by_label: dict[int, Any] = {}
    for phase, value in values.items():
        label = volume.phase_id(phase)
        if label in by_label:
            raise InvalidInputError(
                f"{volume.phase_name(label)!r} is given twice, by name and by id: give it once"
            )
        by_label[label] = value
    classes, tensors = tensor_classes(volume, by_label)
    order = list(flow_first((0, 1, 2), axis))
    turned = tensors[:, order][:, :, order]
    diagonals = np.diagonal(turned, axis1=1, axis2=2).copy()
    part = class_domain(volume, classes, diagonals, axis, electrodes, resistance, winding)
    return part, turned


def is_aligned(values: Mapping[Any, Any]) -> bool:
    """True if all tensors are diagonal."""
    return all(v.is_aligned for v in values.values() if isinstance(v, Anisotropic))


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
