"""Instances: the single particles of a phase, told apart at their necks.

Arrays have shape (nz, ny, nx); label 0 is no particle, the others are 1 … n.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase

NECK = 0.8  # of the smaller particle's inscribed radius
SMOOTHING = 0.7  # voxels: distances on a staircase have many false peaks
LEAST, OUTSIDE = 1e-3, 1e-9  # voxels: depths of the shallowest particle, and of what is none

Labels = NDArray[np.int32]


def particle_instances(volume: Volume, phase: Phase, *, neck: float = NECK) -> Labels:
    """Number of the particle that each voxel of a phase belongs to; 0 elsewhere.

    Watershed of the distance to the surface. Two peaks belong to one particle if the neck between
    them is wider than ``neck`` times the smaller one's inscribed ball.

    Args:
        volume: the segmented volume.
        phase: name or id of the phase that is made of particles.
        neck: 0…1; more splits less round particles.

    Raises:
        InvalidInputError: no voxel of the phase, or a neck that is out of range.
        UnknownPhaseError: a phase that the volume does not have.

    Accuracy: spheres that overlap by up to a fifth of their radius are told apart from a radius of
        4 voxels on. Particles thinner than two voxels join their neighbours.
    Source: Gostick, Phys. Rev. E 96 (2017) 023307, doi:10.1103/PhysRevE.96.023307 [not opened:
        verify] (watershed of pores, with spurious peaks removed).
    """
    from skimage.segmentation import watershed  # slow to import

    if not 0.0 < neck < 1.0:
        raise InvalidInputError(f"neck {neck!r} is not in 0…1, limits excluded: 0.8 is the default")
    mask = volume.mask(phase)
    if not mask.any():
        raise InvalidInputError(f"the volume has no voxel of {phase!r}: name a phase that occurs")
    depth = _depth(mask, volume.spacing)
    found: Labels = watershed(-depth, _markers(depth, mask, neck), mask=mask).astype(np.int32)
    return found


def coordination(labels: Labels) -> NDArray[np.int64]:
    """Number of other particles that each particle touches through faces, shape (n,)."""
    count = int(labels.max(initial=0))
    touching = []
    for axis in range(3):
        low, high = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
        both = (low > 0) & (high > 0) & (low != high)
        touching.append(np.stack([low[both], high[both]]))
    pairs = np.unique(np.sort(np.concatenate(touching, axis=1), axis=0), axis=1)
    return np.bincount(pairs.ravel(), minlength=count + 1)[1:]


def _depth(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Smoothed distance to the surface, positive in the phase."""
    shortest = min(spacing)
    padded = np.pad(mask, 1, mode="edge")  # what is cut by the volume goes on outside
    depth = ndimage.distance_transform_edt(padded, sampling=[h / shortest for h in spacing])
    smooth = ndimage.gaussian_filter(depth, SMOOTHING)[1:-1, 1:-1, 1:-1]
    return np.where(mask, np.maximum(smooth, LEAST), 0.0)


def _markers(depth: NDArray[np.float64], mask: NDArray[np.bool_], neck: float) -> Labels:
    """Tops that rise above all necks to deeper ones by a factor of 1/neck, numbered."""
    from skimage.morphology import local_maxima, reconstruction

    height = np.log(np.where(mask, depth, OUTSIDE))
    cut = reconstruction(height + math.log(neck), height, method="dilation")  # less of every top
    tops = local_maxima(cut, connectivity=3) & mask
    found: Labels = ndimage.label(tops, np.ones((3, 3, 3)))[0].astype(np.int32)
    return found
