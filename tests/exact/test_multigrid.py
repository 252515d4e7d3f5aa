"""The pieces of the solver: operator, multigrid cycle and conjugate gradients."""

import dataclasses

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers import diffusion, face_level, runtime
from solvers.grid import Grid
from solvers.medium import CLOSED, stored_medium
from solvers.multigrid import chebyshev_weights

ROUNDING = {"mixed": 1e-5, "double": 1e-12}


PERIODIC = (True, True, True)
SIGMA = np.array([0.01, 0.3, 1.0])


def random_problem(seed=0, shape=(19, 14, 11), spacing=(1.0, 1.0, 1.0), **how):
    classes = np.random.default_rng(seed).integers(0, 4, shape, dtype=np.uint8)
    return diffusion.Diffusion(classes, SIGMA, spacing, **how)


def random_operator(**how):
    return random_problem(**how).operator(np.float64)


def random_vector(operator, seed):
    values = np.random.default_rng(seed).standard_normal(operator.grid.shape)
    return operator.grid.flat(values)


def test_operator_is_symmetric_and_its_energy_is_the_scalar_product():
    operator = random_operator()
    x, y = random_vector(operator, 1), random_vector(operator, 2)
    ax, ay = np.zeros_like(x), np.zeros_like(x)
    energy = operator.apply(x, ax)
    operator.apply(y, ay)
    assert ax @ y == pytest.approx(x @ ay, rel=1e-12)
    assert energy == pytest.approx(x @ ax, rel=1e-12)
    assert energy > 0


def test_operator_has_no_spurious_sink_in_a_constant_potential():
    operator = random_operator()
    x = np.full(operator.grid.size, 1 / 3)
    out = np.zeros_like(x)
    operator.apply(x, out)
    assert not operator.grid.voxels(out).any()


@pytest.mark.parametrize("periodic", [CLOSED, PERIODIC, (False, True, True)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 3.0, 8.0)])
@pytest.mark.parametrize("precision", ["mixed", "double"])
def test_preconditioner_is_symmetric_and_positive(precision, spacing, periodic):
    dtype = {"mixed": np.float32, "double": np.float64}[precision]
    operator = random_problem(spacing=spacing, periodic=periodic)
    cycle = operator.preconditioner(dtype)
    answers = []
    for seed in (1, 2):
        cycle.rhs[:] = random_vector(operator, seed)
        cycle.precondition()
        answers.append(np.array(cycle.solution, dtype=float))
    x, y = random_vector(operator, 1), random_vector(operator, 2)
    size = np.sqrt((x @ answers[0]) * (y @ answers[1]))
    assert x @ answers[0] > 0
    assert abs(x @ answers[1] - y @ answers[0]) < ROUNDING[precision] * size


@pytest.mark.parametrize("block", [1, 64])  # loops of GPUs and of CPUs
@pytest.mark.parametrize("grounded", [False, True])
@pytest.mark.parametrize("from_zero", [False, True])
def test_a_visit_in_one_launch_does_what_its_steps_do(monkeypatch, block, grounded, from_zero):
    monkeypatch.setattr(runtime, "block", lambda: block)
    operator = random_problem().operator(np.float64)
    faces = operator.medium.stored().values.reshape(3, -1)
    if grounded:
        faces = np.vstack([faces, operator.grid.flat(np.full(operator.grid.shape, 0.2))])
    seen = []
    for at_once in (True, False):
        medium = stored_medium(operator.grid, faces, np.float64)
        level = face_level.FaceLevel(medium, (1.0, 1.0, 1.0))
        assert level.visit is not None
        if not at_once:
            level.visit = None
        coarse = level.coarser()
        level.b[:], level.x[:] = (random_vector(operator, seed) for seed in (1, 2))
        level.descend(coarse, from_zero)
        coarse.x[:] = random_vector(coarse, 3)
        level.ascend(coarse)
        seen.append((coarse.b.copy(), level.grid.voxels(level.x)))
    assert seen[0][0] == pytest.approx(seen[1][0], abs=1e-12)
    assert seen[0][1] == pytest.approx(seen[1][1], abs=1e-12)


def test_small_systems_are_solved_exactly_by_the_coarsest_level():
    problem = random_problem(shape=(6, 7, 8))
    operator, cycle = problem.operator(np.float64), problem.preconditioner(np.float64)
    x, b = random_vector(operator, 3), np.zeros(operator.size)
    operator.apply(x, b)
    cycle.rhs[:] = b
    cycle.precondition()
    back = np.zeros_like(b)
    operator.apply(np.array(cycle.solution), back)
    assert np.abs(back - b).max() < 1e-8 * np.abs(b).max()


def test_coarse_faces_of_uniform_material_conduct_as_voxels_of_twice_the_size():
    problem = diffusion.Diffusion(np.ones((8, 8, 8), np.uint8), np.ones(1), (1.0, 1.0, 1.0))
    coarse = face_level.FaceLevel(problem.double, (1.0,) * 3).coarser()
    faces = coarse.medium.values.reshape(3, *coarse.grid.padded)
    assert np.all(faces[0, 1:4, 1:-1, 1:-1] == 2.0)  # 4 faces of 1 in parallel, twice the distance
    assert np.all(faces[0, [0, 4], 1:-1, 1:-1] == 4.0)  # to the electrodes: half that distance
    assert np.all(faces[1, 1:-1, 1:4, 1:-1] == 2.0)
    assert not faces[1, 1:-1, [0, 4], 1:-1].any()


@pytest.mark.parametrize("periodic", [CLOSED, (True, True, True), (False, True, False)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 4.0, 1.0), (4.0, 1.0, 1.0)])
@pytest.mark.parametrize("shape", [(7, 5, 9), (6, 5, 4), (5, 6, 3), (4, 4, 7)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_coarse_faces_are_those_that_they_merge(axis, shape, spacing, periodic):
    grid, rng = Grid(shape), np.random.default_rng(0)
    faces = np.zeros((3, *grid.padded))
    inner = tuple(slice(int(a != axis), -1) for a in range(3))
    faces[axis][inner] = rng.random(faces[axis][inner].shape)
    if periodic[axis]:
        along = np.moveaxis(faces[axis], axis, 0)
        along[0] = along[-2]
    medium = stored_medium(grid, faces.reshape(3, -1), np.float64, periodic)
    fine = face_level.FaceLevel(medium, spacing)
    factors, coarse = fine.factors, fine.coarser()
    blocks = [np.arange(n) // f for n, f in zip(shape, factors, strict=True)]
    owner = np.ravel_multi_index(np.meshgrid(*blocks, indexing="ij"), coarse.grid.shape)
    merge = np.eye(int(owner.max()) + 1)[owner.ravel()]
    expected = merge.T @ face_level._dense(medium) @ merge / factors[axis]
    found = face_level._dense(coarse.medium)
    assert found == pytest.approx(expected, abs=1e-12 * expected.max())


@pytest.mark.parametrize(
    ("shape", "spacing", "factors"),
    [
        ((8, 8, 8), (1, 1, 1), (2, 2, 2)),
        ((8, 8, 8), (5, 1, 1), (1, 2, 2)),
        ((8, 8, 8), (1, 1.4, 2), (2, 2, 1)),
        ((1, 8, 8), (1, 5, 5), (1, 2, 2)),
        ((1, 1, 8), (1, 1, 5), (1, 1, 2)),
    ],
)
def test_only_strongly_coupled_axes_are_coarsened(shape, spacing, factors):
    assert face_level.merged(shape, spacing) == factors


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_chebyshev_weights_damp_the_interval_evenly(degree):
    weights = chebyshev_weights(degree, 0.2, 2.0)
    eigenvalues = np.linspace(0.2, 2.0, 500)
    left = np.abs(np.prod([1 - w * eigenvalues for w in weights], axis=0))
    bound = 1 / np.cosh(degree * np.arccosh(2.2 / 1.8))
    assert left.max() == pytest.approx(bound, rel=1e-9)
    assert left[0] == pytest.approx(left[-1], rel=1e-9)


def blobs(edge):
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(3).standard_normal((edge,) * 3)
    field = gaussian_filter(noise, 2.5, mode="wrap")
    return Volume((field < np.quantile(field, 0.4)).astype(np.uint8), 1e-7)


def test_iterations_do_not_grow_with_the_volume():
    counts = [
        solvers.tortuosity_factor(blobs(edge), 1, 0, tolerance=1e-8).report.iterations
        for edge in (24, 48, 72)
    ]
    assert max(counts) <= counts[0] + 3
    assert max(counts) <= 12  # Jacobi-preconditioned, the largest takes over a hundred


def test_anisotropic_voxels_do_not_slow_the_solve():
    volume = blobs(48)
    for spacing in [(5e-7, 1e-7, 1e-7), (1e-7, 1e-7, 5e-7), (1e-7, 5e-7, 5e-7)]:
        stretched = Volume(volume.labels, spacing)
        assert solvers.tortuosity_factor(stretched, 1, 0, tolerance=1e-8).report.iterations <= 20


def test_block_buffered_kernel_is_faster_than_a_plain_loop(monkeypatch):
    """What the layout is for: Taichi vectorises the one and not the other."""
    import time

    problem = diffusion.Diffusion(np.ones((96, 96, 96), np.uint8), np.ones(1), (1.0, 1.0, 1.0))
    x = np.random.default_rng(0).random(problem.grid.size).astype(np.float32)
    seconds, wide, plain = {}, runtime.block(), problem.single
    for block in (1, wide):
        monkeypatch.setattr(runtime, "block", lambda block=block: block)
        medium = dataclasses.replace(plain)  # with kernels of its own
        out = np.zeros_like(x)
        call = (x, x, out, *medium.where)
        medium.kernels.residual(*call)
        runs = []
        for _ in range(7):
            started = time.process_time()
            medium.kernels.residual(*call)
            runs.append(time.process_time() - started)
        seconds[block] = min(runs)
    assert seconds[1] > 3 * seconds[wide]


def test_hard_structures_still_converge_quickly():
    """Voxels at random, little above their percolation threshold of .3116."""
    labels = np.random.default_rng(0).random((40, 40, 40)) < 0.36
    result = solvers.tortuosity_factor(Volume(labels.astype(np.uint8), 1e-7), 1, 0)
    assert result.report.iterations <= 60  # steepest descent takes over 200
