"""Exact solves of the small systems at the bottom of multigrid, factorised or inverted once.

Matrices have a unit diagonal; they may be singular where nothing holds a cluster.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import vectors
from solvers.runtime import DeviceArray

Solver: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
DeviceSolver: TypeAlias = Callable[[DeviceArray, DeviceArray], None]

SINGULAR = 1e-11  # eigenvalues below this share of the largest belong to floating clusters


def lower_upper(matrix: Any) -> Solver:
    """The solve of a sparse positive definite matrix; dense ones keep threads busy for longer."""
    # rounding may have made it semidefinite
    shifted = scipy.sparse.csc_array(matrix) + 1e-12 * scipy.sparse.eye_array(matrix.shape[0])
    factor = scipy.sparse.linalg.splu(
        shifted.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return lambda rhs: factor.solve(rhs)


def pseudo_inverse(matrix: NDArray[np.float64]) -> Solver:
    """The solve of a dense semidefinite matrix; clusters that nothing holds keep a mean of zero."""
    if len(matrix) == 0:
        return lambda rhs: rhs
    values, modes = scipy.linalg.eigh(matrix, check_finite=False)
    kept = values > max(SINGULAR * float(values[-1]), 1e-300)
    basis = modes[:, kept]
    inverse: NDArray[np.float64] = (basis / values[kept]) @ basis.T
    return lambda rhs: inverse @ rhs


def on_device(solve: Solver, places: NDArray[np.int64]) -> DeviceSolver:
    """The same solve without the host, by the inverse, of unknowns at these places of a vector."""
    inverse = np.stack([solve(unit) for unit in np.eye(len(places))])
    known = runtime.to_device(inverse), runtime.to_device(places.astype(np.int32))

    def solved(rhs: DeviceArray, solution: DeviceArray) -> None:
        real = runtime.taichi_type(runtime.dtype_of(rhs))
        vectors.chosen(real).multiply(*known, rhs, solution)

    return solved
