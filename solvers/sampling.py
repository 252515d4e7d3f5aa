"""Standard errors of volume averages, from sums over blocks. Tables have shape (bz, by, bx).

The sum of a stationary field over V varies between volumes by Var = Σ_h N(h) C(h): the covariance
C of its blocks at offset h, times the number N of block pairs that far apart. C is measured on the
blocks of this one volume and summed as far as it is correlated.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.results import SAMPLING, Uncertainty

BLOCKS = 16  # per axis: fine enough to resolve correlations, coarse enough to be a small table
UNCORRELATED = 0.1  # blocks whose covariance is below this share of the variance end the sum
NORMAL = 1.959963984540054  # half width of a 95 % interval in standard errors
FEWEST_FREEDOMS = 2.0
ROUNDING = 1e-6  # of shares that sum to one, where fields are in single precision

Table = NDArray[np.float64]


def block_starts(length: int, blocks: int = BLOCKS) -> NDArray[np.int64]:
    """First voxel of each of the nearly equal blocks along an axis, none of them empty."""
    blocks = min(blocks, length)
    return np.arange(blocks) * length // blocks


def block_sums(values: NDArray[Any], edge: int | None = None, *, blocks: int = BLOCKS) -> Table:
    """Sum of a voxel field over each block of a table.

    Args:
        values: booleans or numbers of shape (nz, ny, nx), contiguous or not.
        edge: wanted block edge in voxels, ≥ 1; by default ``blocks`` decides.
        blocks: number of blocks per axis, where the axis has as many voxels.

    Returns:
        Sums of shape (bz, by, bx); they add up to the sum of ``values``.
    """
    counts = [blocks if edge is None else max(round(n / edge), 1) for n in values.shape]
    starts = [block_starts(n, count) for n, count in zip(values.shape, counts, strict=True)]
    stops = [*starts[0][1:], values.shape[0]]
    slabs = zip(starts[0], stops, strict=True)
    return np.stack([_slab_sums(values[a:b], starts[1], starts[2]) for a, b in slabs])


def standard_error(numerator: NDArray[Any], denominator: NDArray[Any] | None = None) -> Uncertainty:
    """Standard error of Σ numerator / Σ denominator as the value of an infinite volume.

    The ratio R has to first order the error of Σ (n - R d) / Σ d over blocks n, d.

    Args:
        numerator: block sums of shape (bz, by, bx).
        denominator: block sums of the same shape; by default 1, so that R is the mean of a block.

    Returns:
        Standard error of the ratio; NaN where a single block, or Σ d = 0, leaves it undefined.
    """
    n = np.asarray(numerator, dtype=float)
    d = np.ones_like(n) if denominator is None else np.asarray(denominator, dtype=float)
    total = d.sum()
    if total == 0:
        return Uncertainty(math.nan, SAMPLING)
    residuals = n - n.sum() / total * d
    return Uncertainty(standard_error_of_sum(residuals) / abs(total), SAMPLING)


def standard_error_of_sum(residuals: NDArray[Any]) -> float:
    """Standard error of the sum of a block table whose expectation is zero.

    Includes what the table cannot show because its own mean was subtracted, and the factor
    t / 1.96 of Student's distribution, so that ± 1.96 standard errors cover 95 % although the
    variance itself is estimated.

    Args:
        residuals: deviations of shape (bz, by, bx); their sum is zero or is subtracted.

    Returns:
        Standard error ≥ 0 in the unit of the residuals; NaN for fewer than two blocks.

    Accuracy: on random fields and overlapping spheres 5 to 20 times smaller than the volume, 94 to
        98 % of the intervals hold the true value; see docs/explanation/uncertainty.md.
    """
    table = np.asarray(residuals, dtype=float)
    if table.size < 2:
        return math.nan
    table = table - table.mean()
    if not table.any():
        return 0.0
    products, pairs = _lag_products(table), _lag_pairs(table.shape)
    reach = _correlated_lags(products, pairs)
    variance, freedoms = _truncated_sum(products, pairs, reach)
    return math.sqrt(variance) * _student_factor(freedoms)


def relative_standard_error(shares: NDArray[Any]) -> float:
    """Standard error of a sum of differences between shares; exactly 0 where they are rounding."""
    error = standard_error_of_sum(shares)
    return 0.0 if error < ROUNDING else error


def _slab_sums(slab: NDArray[Any], y: NDArray[np.int64], x: NDArray[np.int64]) -> Table:
    whole = slab.dtype.kind in "bui"  # sums of small integers are faster and exact
    layer = slab.sum(axis=0, dtype=np.int64 if whole else np.float64)
    rows: Table = np.add.reduceat(np.add.reduceat(layer, y, axis=0), x, axis=1).astype(float)
    return rows


def _lag_products(table: Table) -> Table:
    """Σ_b r(b) r(b + h) for every offset h, negative ones counted from the end."""
    padded = [2 * n for n in table.shape]
    spectrum = np.fft.rfftn(table, padded, axes=(0, 1, 2))
    return np.fft.irfftn(np.abs(spectrum) ** 2, padded, axes=(0, 1, 2))


def _lag_pairs(shape: tuple[int, ...]) -> Table:
    """Number of block pairs at every offset."""
    z, y, x = (np.maximum(n - _distance(n), 0.0) for n in shape)
    return z[:, None, None] * y[:, None] * x


def _distance(blocks: int) -> Table:
    lag = np.arange(2 * blocks, dtype=float)
    return np.minimum(lag, 2 * blocks - lag)


def _correlated_lags(products: Table, pairs: Table) -> tuple[int, ...]:
    """Offset along each axis at which blocks are no longer correlated, half of it at most."""
    hidden = products[0, 0, 0] / pairs[0, 0, 0] ** 2
    reach: tuple[int, ...] = ()
    for _ in range(3):  # the variance hidden in the mean depends on the reach, and that on it
        reach = tuple(_reach(products, pairs, axis, hidden) for axis in range(3))
        hidden = _truncated_sum(products, pairs, reach)[0] / pairs[0, 0, 0] ** 2
    return reach


def _reach(products: Table, pairs: Table, axis: int, hidden: float) -> int:
    longest = max(products.shape[axis] // 4, 1)
    sums, numbers = (_along(table, axis)[:longest] for table in (products, pairs))
    covariance = sums[numbers > 0] / numbers[numbers > 0] + hidden
    ended = np.flatnonzero(covariance < UNCORRELATED * covariance[0])
    return max(int(ended[0]), 1) if len(ended) else longest


def _along(table: Table, axis: int) -> Table:
    """Sums by offset along an axis, over offsets of at most one block along the others.

    A single block is mostly noise where interfaces are sparse; 3 x 3 of them show the trend.
    """
    for other in range(3):
        if other != axis:
            table = np.take(table, (-1, 0, 1), axis=other).sum(axis=other, keepdims=True)
    return table.ravel()


def _truncated_sum(products: Table, pairs: Table, reach: tuple[int, ...]) -> tuple[float, float]:
    """Variance of the sum from the offsets within an ellipsoid, and its degrees of freedom."""
    z, y, x = ((_distance(n // 2) / r) ** 2 for n, r in zip(products.shape, reach, strict=True))
    near = (z[:, None, None] + y[:, None] + x <= 1 + 1e-9) & (pairs > 0)
    blocks = float(pairs[0, 0, 0])
    known = 1 - pairs[near].sum() / blocks**2  # the rest went with the mean
    if known > 0.4 and (variance := float(products[near].sum() / known)) > 0:
        return variance, blocks / np.count_nonzero(near) - 1
    return float(products[0, 0, 0]) * blocks / (blocks - 1), blocks - 1


def _student_factor(freedoms: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(freedoms, FEWEST_FREEDOMS), 0.975)) / NORMAL
