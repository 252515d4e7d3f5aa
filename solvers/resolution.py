"""Resolution error: what numbers owe to the size of the voxels, from a second, coarser volume."""

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from microstructures import Volume
from microstructures.errors import InvalidInputError

Name = TypeVar("Name", bound=Hashable)


def two_grid_error(evaluate: Callable[[Volume], float], volume: Volume, value: float) -> float:
    """``resolution_error`` of one number, which is known for the volume itself; NaN if infinite."""
    if min(volume.shape) < 2 or not math.isfinite(value):
        return math.nan
    found = resolution_error(lambda v: {"value": evaluate(v)}, volume, values={"value": value})
    return found["value"] if math.isfinite(found["value"]) else math.nan


def resolution_error(
    evaluate: Callable[[Volume], Mapping[Name, float]],
    volume: Volume,
    *,
    values: Mapping[Name, float] | None = None,
    factor: int = 2,
    order: float = 1.0,
) -> dict[Name, float]:
    """Estimated error of numbers by the size of the voxels, in the units of the numbers.

    Evaluates them again on ``volume.coarsened(factor)``. If a number errs by c h^order for voxels
    of edge h, its error on the volume is |difference| / (factor^order - 1) (Richardson).

    Args:
        evaluate: numbers of a volume, by any names.
        volume: the segmented volume.
        values: those of the volume itself, if they are known already.
        factor: voxels merged along each axis, ≥ 2; the second evaluation costs factor^-3.
        order: > 0 to which the numbers converge: 1 for steps at curved interfaces.

    Returns:
        A number ≥ 0 for each value; NaN for one that the coarser volume does not have.

    Raises:
        InvalidInputError: a factor below 2 or above the size of the volume, or an order ≤ 0.

    Accuracy: exact to leading order where both volumes are fine enough. Merging voxels also loses
        details and shifts interfaces by up to half a voxel, so on real volumes take it for an
        order of magnitude. It says nothing of what the original image did not resolve.
    Source: Roache, J. Fluids Eng. 116 (1994) 405, doi:10.1115/1.2910291 [not opened: verify].
    """
    if not (isinstance(factor, int) and factor >= 2 and math.isfinite(order) and order > 0):
        raise InvalidInputError(
            f"factor {factor!r} and order {order!r} give no second resolution: give a whole "
            "factor of at least 2 and an order > 0"
        )
    coarse = evaluate(volume.coarsened(factor))
    fine = evaluate(volume) if values is None else values
    scale = factor**order - 1.0
    return {name: abs(value - coarse.get(name, math.nan)) / scale for name, value in fine.items()}
