"""Volumes of the transport benchmark: blobs, refined and enlarged ones, random sites, real ones.

All are uint8 with 1 for the pores, but for real volumes, which keep the labels of their files.
"""

import io
import zipfile

import numpy as np
from data import NREL, folder

POROSITY = 0.4
SEED = 42
BLOBINESS = 1.5  # of PoreSpy: blobs get larger with the volume
BASE, FEATURE = 100, 100 / (40 * BLOBINESS)  # voxels, and the Gaussian's width at that size
BLOCK = 64  # voxels, of what is solved before any clock starts: large enough for every kernel
REAL = (
    NREL,
    "superres/SOFC_lr_input.tif",
    "superres/NMC_lr_input.tif",
    "superres/nmc_crop_facets.tif",
    "taufactor/electrode.tiff",
    "taufactor/TF-500.zip",
    "openimpala/SampleData_2Phase_stack_3d_uint8.raw",
    "matbox_generated/Ellipsoids.tif",
)


def blobs(voxels):
    """PoreSpy's blobs, the same as in our notes: wider the larger the volume is."""
    import porespy

    made = porespy.generators.blobs([voxels] * 3, porosity=POROSITY, blobiness=BLOBINESS, seed=SEED)
    return np.ascontiguousarray(made).astype(np.uint8)


def refined(voxels):
    """The pores of one Gaussian field, sampled at ``voxels`` points along each edge."""
    return _below(_gaussian_field(BASE, voxels))


def enlarged(voxels):
    """Pores of the same width in voxels in a larger volume; the same as refined at 100 voxels."""
    return _below(_gaussian_field(voxels, voxels))


def _below(field):
    return (field < np.quantile(field, POROSITY)).astype(np.uint8)


def _gaussian_field(base, voxels):
    """Smoothed white noise of ``base`` points along each edge, interpolated by its own waves."""
    from scipy import fft

    noise = np.random.default_rng(SEED).standard_normal((base,) * 3, np.float32)
    waves = fft.rfftn(noise, workers=2)
    damping = [np.exp(-2 * (np.pi * FEATURE * f) ** 2) for f in _frequencies(base)]
    for axis, factor in enumerate(damping):
        shape = [1, 1, 1]
        shape[axis] = -1
        waves *= factor.reshape(shape).astype(np.float32)
    if voxels == base:
        return fft.irfftn(waves, (base,) * 3, workers=2)
    half = min(base, voxels) // 2  # waves beyond half of the base are damped to nothing
    spectrum = np.zeros((voxels, voxels, voxels // 2 + 1), np.complex64)
    low, high = slice(0, half), slice(-half + 1, None)
    for first in (low, high):
        for second in (low, high):
            spectrum[first, second, :half] = waves[first, second, :half]
    return fft.irfftn(spectrum, (voxels,) * 3, workers=2)


def _frequencies(points):
    full = np.fft.fftfreq(points)
    return full, full, np.fft.rfftfreq(points)


def sites(voxels, fraction, seed):
    """Voxels that conduct independently of each other."""
    return (np.random.default_rng(seed).random((voxels,) * 3) < fraction).astype(np.uint8)


def block():
    """A small volume with pores everywhere, for a first solve."""
    return sites(BLOCK, 0.7, SEED)


def real(name):
    """Labels of a real or published volume."""
    import tifffile

    path = folder() / name
    if name.endswith(".raw"):
        return np.fromfile(path, np.uint8).reshape((100,) * 3)
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            inside = next(n for n in archive.namelist() if n.lower().endswith((".tif", ".tiff")))
            return tifffile.imread(io.BytesIO(archive.read(inside)))
    return tifffile.imread(path).astype(np.uint8)
