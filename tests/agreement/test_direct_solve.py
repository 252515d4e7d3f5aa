"""The same finite volumes assembled as a sparse matrix and solved directly, voxel by voxel."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

import solvers
from microstructures import Volume

AGREEMENT = 1e-8


def direct_conductivity(sigma, spacing, axis):
    """Effective conductivity of a field of voxel conductivities, from the current at the inlet."""
    sigma = np.moveaxis(sigma, axis, 0)
    h = [spacing[axis], *(spacing[a] for a in range(3) if a != axis)]
    cell = np.prod(h)
    number = np.arange(sigma.size).reshape(sigma.shape)
    rows, columns, conductances = [], [], []
    for a in range(3):
        low = tuple(slice(None, -1) if b == a else slice(None) for b in range(3))
        high = tuple(slice(1, None) if b == a else slice(None) for b in range(3))
        s, t = sigma[low], sigma[high]
        with np.errstate(divide="ignore", invalid="ignore"):
            g = np.where(s * t > 0, 1 / (h[a] / (2 * s) + h[a] / (2 * t)), 0.0) * cell / h[a]
        rows.append(number[low][g > 0])
        columns.append(number[high][g > 0])
        conductances.append(g[g > 0])
    i, j, g = map(np.concatenate, (rows, columns, conductances))
    inlet, outlet = np.zeros(sigma.size), np.zeros(sigma.size)
    inlet[number[0]] = 2 * sigma[0] / h[0] * cell / h[0]
    outlet[number[-1]] = 2 * sigma[-1] / h[0] * cell / h[0]
    n = sigma.size
    off = scipy.sparse.coo_array((-g, (i, j)), (n, n)) + scipy.sparse.coo_array(
        (-g, (j, i)), (n, n)
    )
    matrix = scipy.sparse.diags_array(inlet + outlet - off.sum(axis=1)) + off
    _, cluster = connected_components(off, directed=False)
    held = np.bincount(cluster, weights=inlet + outlet) > 0
    keep = np.flatnonzero(held[cluster])
    potential = np.zeros(n)
    if keep.size == 0:
        return 0.0
    potential[keep] = spsolve(matrix.tocsr()[keep][:, keep].tocsc(), inlet[keep])
    current = float((outlet * potential).sum())
    return current * sigma.shape[0] * h[0] / (sigma.shape[1] * sigma.shape[2] * h[1] * h[2])


CASES = {
    "two conducting phases": (0, {0: 1.0, 1: 0.05}),
    "four phases, one insulating": (1, {0: 1.0, 1: 0.3, 2: 0.0, 3: 12.0}),
    "contrasts of a million both ways": (5, {0: 1.0, 1: 1e-6, 2: 1e6}),
    "contrast of a million": (2, {0: 1.0, 1: 1e-6, 2: 1e-3}),
    "one porous phase": (3, {0: 1.0, 1: 0.0}),
    "one phase near its threshold": (4, {0: 1.0, 1: 0.0, 2: 0.0}),
}


@pytest.mark.parametrize("precision", ["mixed", "double"])
@pytest.mark.parametrize("spacing", [(1e-7, 1e-7, 1e-7), (4e-7, 1e-7, 1.7e-7)])
@pytest.mark.parametrize("case", CASES)
def test_random_voxels_agree_with_a_sparse_direct_solve(case, spacing, precision):
    seed, sigma = CASES[case]
    labels = np.random.default_rng(seed).integers(0, len(sigma), (17, 14, 15), dtype=np.uint8)
    solvers.use(precision=precision)
    for axis in range(3):
        expected = direct_conductivity(np.array(list(sigma.values()))[labels], spacing, axis)
        result = solvers.effective_conductivity(
            Volume(labels, spacing), sigma, axis, tolerance=1e-12
        )
        assert result.value == pytest.approx(expected, rel=AGREEMENT)
    solvers.use(precision="mixed")


def smooth(seed, shape, size):
    """Blobs of a Gaussian random field, with rank so that every value is as frequent."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), size, mode="wrap")
    return field.ravel().argsort().argsort().reshape(shape) / field.size


@pytest.mark.parametrize(
    ("sigma", "tolerance"),
    [((1.0, 0.0, 0.1), 1e-5), ((1.0, 0.0, 0.0), 1e-5), ((1.0, 1e-3, 0.2), 1e-3)],
)
@pytest.mark.parametrize("seed", range(4))
def test_true_error_stays_below_the_tolerance_asked_for(seed, sigma, tolerance):
    rank = smooth(seed, (24, 21, 22), 2.0)
    labels = (rank > 0.45).astype(np.uint8) + (rank > 0.9)
    values = dict(enumerate(sigma))
    expected = direct_conductivity(np.array(sigma)[labels], (1e-7,) * 3, 0)
    result = solvers.effective_conductivity(Volume(labels, 1e-7), values, 0, tolerance=tolerance)
    assert abs(result.value / expected - 1) <= tolerance
    assert result.report.error_estimate <= tolerance


@pytest.mark.parametrize("contrast", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("seed", range(3))
def test_floating_islands_of_a_good_conductor_do_not_hide_the_error(seed, contrast):
    labels = (smooth(seed, (26, 25, 24), 1.5) < 0.12).astype(np.uint8)
    expected = direct_conductivity(np.array([contrast, 1.0])[labels], (1e-7,) * 3, 0)
    result = solvers.effective_conductivity(Volume(labels, 1e-7), {0: contrast, 1: 1.0}, 0)
    assert abs(result.value / expected - 1) <= result.report.tolerance
