"""Segmentation once more: phases drawn anew at another threshold. Arrays have shape (nz, ny, nx).

A segmented volume no longer has the image it came from. Blurred by the resolution of the imaging it
has one again, whose thresholds move the walls as those of the image would have.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.phases import Phase

if TYPE_CHECKING:
    from microstructures.volume import Volume

Image = NDArray[np.float32]
REACH = 4.0  # standard deviations at which the blur ends


def rethresholded(
    volume: "Volume", phase: Phase, *, resolution: float, level: float = 0.5
) -> "Volume":
    """The volume as it would be with another threshold at the walls of one phase.

    The indicator of the phase is blurred by a Gaussian, mirrored at the faces; where it is at least
    ``level`` is the phase. What the phase loses goes to the phase whose own blurred indicator is
    largest there. Voxels outside stay so, and are no part of the image.

    Args:
        volume: the segmented volume.
        phase: whose walls move, name or id.
        resolution: standard deviation of the blur in m, > 0; about the width over which the image
            goes from one grey value to the other, divided by 2.5.
        level: 0…1, limits excluded. A flat wall moves by ``flat_wall_shift(resolution, level)``, so
            that 0.5 leaves it where it is; what is narrower than the resolution vanishes, with any.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: a resolution or level out of range, or one phase only.
    """
    label = volume.phase_id(phase)
    _check(resolution, level)
    others = [one for one in volume.phases if one not in (label, volume.outside)]
    if not others or not volume.voxels(label):
        raise InvalidInputError(
            f"{volume.phase_name(label)!r} has no walls in this volume: name a phase beside others"
        )
    inside = None if volume.outside is None else volume.labels != volume.outside
    width = [resolution / edge for edge in volume.spacing]
    own = _image(volume.labels == label, inside, width)
    labels = volume.labels.copy()
    lost = (labels == label) & (own < level)
    labels[lost] = _nearest(volume, others, inside, width, lost)
    labels[own >= level] = label  # outside the image is dark
    name = volume.phase_name(label)
    return volume.with_labels(
        labels, f"{name} thresholded anew at {level:g} of an image blurred by {resolution:.4g} m"
    )


def flat_wall_shift(resolution: float, level: float) -> float:
    """How far in m a flat wall moves out of its phase: resolution Φ⁻¹(1 − level).

    Raises:
        InvalidInputError: a resolution or level out of range.
    """
    from scipy.special import ndtri

    _check(resolution, level)
    return resolution * float(ndtri(1.0 - level))


def segmented(
    grey: ArrayLike,
    spacing: float | tuple[float, float, float],
    below: Mapping[str, float],
    rest: str,
    **about: Any,
) -> "Volume":
    """The volume of a grey-value image by thresholds.

    Args:
        grey: real numbers of shape (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        below: name of each phase but the brightest, from dark to bright, and the grey value that it
            stays below: {"pore": 90, "CBD": 140}. They become the labels 0, 1, …
        rest: name of the brightest phase.
        about: ``through_axis``, ``collector`` and ``provenance`` of the volume.

    Raises:
        InvalidInputError: an image that is none, or thresholds that do not rise.
    """
    from microstructures.volume import Volume

    image, limits = np.asarray(grey), [float(limit) for limit in below.values()]
    if image.ndim != 3 or image.dtype.kind not in "uif":
        raise InvalidInputError(
            f"the image has shape {image.shape} and numbers of the kind {image.dtype}: give real "
            "grey values of shape (nz, ny, nx)"
        )
    if not limits or not np.all(np.isfinite(limits)) or not np.all(np.diff(limits) > 0):
        raise InvalidInputError(
            f"thresholds {dict(below)} do not rise: name the phases from dark to bright, "
            "{'pore': 90, 'CBD': 140}"
        )
    labels = np.digitize(image, limits).astype(np.uint8)
    return Volume(labels, spacing, dict(enumerate([*below, rest])), **about)


def _check(resolution: float, level: float) -> None:
    if not (math.isfinite(resolution) and resolution > 0):
        raise InvalidInputError(
            f"resolution {resolution!r} is no length: give the standard deviation of the blur in "
            "metres, > 0"
        )
    if not 0.0 < level < 1.0:
        raise InvalidInputError(f"level {level!r} is not inside 0…1: 0.5 leaves flat walls alone")


def _image(mask: NDArray[np.bool_], inside: NDArray[np.bool_] | None, width: list[float]) -> Image:
    """The blurred indicator of a phase, among the voxels that are not outside."""
    blurred = _blurred(mask, width)
    if inside is None:
        return blurred
    return np.divide(blurred, _blurred(inside, width), out=np.zeros_like(blurred), where=inside)


def _blurred(mask: NDArray[np.bool_], width: list[float]) -> Image:
    from scipy import ndimage

    found: Image = ndimage.gaussian_filter(
        mask.astype(np.float32), width, mode="reflect", truncate=REACH
    )
    return found


def _nearest(
    volume: "Volume",
    others: list[int],
    inside: NDArray[np.bool_] | None,
    width: list[float],
    where: NDArray[np.bool_],
) -> NDArray[Any]:
    """The phase among several whose blurred indicator is largest, at some voxels."""
    best = np.full(np.count_nonzero(where), -1.0, np.float32)
    found = np.zeros(best.shape, volume.labels.dtype)
    for label in others:
        image = _image(volume.labels == label, inside, width)[where]
        found[image > best] = label
        np.maximum(best, image, out=best)
    return found
