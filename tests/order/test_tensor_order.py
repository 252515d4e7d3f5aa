"""Observed order of conduction with full tensors on unequal edges: manufactured solutions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from solvers import runtime
from solvers.linear import conjugate_gradients
from solvers.tensor_conduction import TensorConduction
from solvers.tensor_level import node_values

CELLS = (8, 12, 16, 24, 32)
VOXELS = np.array([1.0, 1.5, 0.75])  # along each axis, per cell
LENGTHS = np.array([1.0, 0.6, 1.3])  # of the volume, so that edges are 1 : 0.4 : 1.73
TENSOR = Rotation.from_rotvec([0.5, -0.8, 0.3]).as_matrix()
TENSOR = TENSOR @ np.diag([1.0, 0.2, 0.05]) @ TENSOR.T


def shape_of(cells):
    return tuple(int(n) for n in cells * VOXELS)


def wave(p):
    """A potential that repeats in all directions."""
    z, y, x = 2 * np.pi * (p.T / LENGTHS).T
    return np.sin(z + 0.3) * np.cos(y) + 0.5 * np.sin(y - x) + 0.3 * np.cos(z + x)


def bump(p):
    """A potential that is 0 at the electrodes, and with its gradient 0 at the sides."""
    z, y, x = np.pi * (p.T / LENGTHS).T
    return np.sin(z) * (1.0 + 0.5 * np.cos(z)) * np.sin(y) ** 2 * np.sin(x) ** 2


def uniform(p):
    """The same tensor everywhere."""
    return np.broadcast_to(TENSOR, (*p.shape[1:], 3, 3))


def turning(p):
    """A crystal that turns smoothly about an axis, and conducts better and worse."""
    z, y, x = 2 * np.pi * (p.T / LENGTHS).T
    angle = 0.7 * np.sin(z) + 0.4 * np.cos(y + x)
    axis = np.array([0.6, 0.0, 0.8])
    turns = Rotation.from_rotvec(angle.reshape(-1, 1) * axis).as_matrix()
    size = 1.0 + 0.3 * np.sin(x).reshape(-1, 1, 1)
    return (size * (turns @ TENSOR @ np.swapaxes(turns, 1, 2))).reshape(*p.shape[1:], 3, 3)


def derivatives(function, p, step=1e-4):
    """Gradient by differences of fourth order: right to 1e-11."""
    moves = step * np.eye(3).reshape(3, 3, *([1] * (p.ndim - 1)))
    return np.stack(
        [
            (8 * (function(p + d) - function(p - d)) - function(p + 2 * d) + function(p - 2 * d))
            / (12 * step)
            for d in moves
        ]
    )


def source(potential, tensors, p):
    """-div k grad of a potential."""

    def flux(q):
        return np.einsum("...ab,b...->a...", tensors(q), derivatives(potential, q))

    return -sum(derivatives(flux, p)[a, a] for a in range(3))


def places(shape, offset):
    """Positions of nodes (offset 0) or voxel centres (0.5), shape (3, ...)."""
    return (np.indices(shape).astype(float).T + offset).T


def problem(cells, potential, tensors, is_periodic):
    """Operator, source and exact potential at the nodes; lengths are those of ``LENGTHS``."""
    shape = shape_of(cells)
    h = LENGTHS / shape
    centres = (places(shape, 0.5).T * h).T
    matrices = tensors(centres).reshape(-1, 3, 3)
    classes = np.arange(1, len(matrices) + 1).reshape(shape)
    if tensors is uniform:
        matrices, classes = matrices[:1], np.ones(shape)
    operator = TensorConduction(classes.astype(np.uint16), matrices, tuple(h), is_periodic)
    nodes = (places(operator.grid.nodes, 0.0).T * h).T
    return operator, source(potential, tensors, nodes), potential(nodes)


def error(cells, potential, tensors, is_periodic):
    """Root mean square error at the nodes, but for a constant where nothing holds the potential."""
    operator, load, exact = problem(cells, potential, tensors, is_periodic)
    if is_periodic:
        load = load - load.mean()
    else:  # nodes at the sides have half a voxel of source, or a quarter
        for axis in (1, 2):
            np.moveaxis(load, axis, 0)[[0, -1]] *= 0.5
        load[[0, -1]] = 0.0
    flat = np.zeros(operator.size)
    node_values(flat, operator.grid)[:] = load
    x, r = runtime.zeros(operator.size, np.float64), runtime.to_device(flat)
    preconditioner = operator.preconditioner()
    conjugate_gradients(
        operator, preconditioner, x, r, energy=0.0, growing=True, rhs_norm=1.0, tolerance=1e-12
    )
    difference = node_values(runtime.to_host(x), operator.grid) - exact
    return np.sqrt(np.mean((difference - is_periodic * difference.mean()) ** 2))


def order(errors, cells):
    return -np.polyfit(np.log(cells), np.log(errors), 1)[0]


@pytest.mark.parametrize("tensors", [uniform, turning])
@pytest.mark.parametrize(("potential", "is_periodic"), [(wave, True), (bump, False)])
def test_potential_converges_with_the_square_of_the_spacing(potential, is_periodic, tensors):
    cells = CELLS[1:] if tensors is uniform else CELLS[1:4]
    errors = [error(n, potential, tensors, is_periodic) for n in cells]
    assert order(errors, cells) == pytest.approx(2.0, abs=0.1)


def nodes_of(cells):
    """Voxel edges, and nodes of a volume that repeats."""
    h = LENGTHS / shape_of(cells)
    return h, (places(shape_of(cells), 0.0).T * h).T


def elements(cells):
    """The operator applied to the exact potential at the nodes."""
    h, nodes = nodes_of(cells)
    operator = TensorConduction(np.ones(nodes[0].shape, np.uint16), TENSOR[None], tuple(h), True)
    z, y, x = nodes[0].shape
    flat = np.zeros(operator.grid.padded)
    flat[: z + 2, : y + 2, : x + 2] = np.pad(wave(nodes), 1, mode="wrap")
    out = runtime.zeros(operator.size, np.float64)
    operator.apply(runtime.to_device(flat), out)
    return node_values(runtime.to_host(out), operator.grid)


def two_points(cells):
    """The same by fluxes between two points each, which see the diagonal of the tensor only."""
    h, nodes = nodes_of(cells)
    u = wave(nodes)
    return sum(
        TENSOR[a, a] * (2 * u - np.roll(u, 1, a) - np.roll(u, -1, a)) / h[a] ** 2 for a in range(3)
    )


def defects(scheme, cells):
    """Relative root mean square defect of the equation."""
    exact = [source(wave, uniform, nodes_of(n)[1]) for n in cells]
    found = [scheme(n) for n in cells]
    return [np.linalg.norm(f - e) / np.linalg.norm(e) for f, e in zip(found, exact, strict=True)]


def test_elements_are_consistent_where_the_fluxes_of_two_points_are_not():
    cells = CELLS[1:]
    assert order(defects(elements, cells), cells) == pytest.approx(2.0, abs=0.1)
    # what two points leave out stays out, however fine the voxels are
    _, nodes = nodes_of(cells[-1])
    left_out = source(wave, lambda p: uniform(p) * (1.0 - np.eye(3)), nodes)
    limit = np.linalg.norm(left_out) / np.linalg.norm(source(wave, uniform, nodes))
    assert defects(two_points, cells[-1:])[0] == pytest.approx(limit, rel=0.02)
    assert limit > 0.2
