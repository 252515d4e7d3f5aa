"""Where multigrid goes over from the grid to a graph: the same answers, and what it is for."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers import face_level
from solvers.components import spanning_mask
from solvers.diffusion import Diffusion
from solvers.face_level import FaceLevel, FaceMultigrid, hierarchy
from solvers.grid import Grid
from solvers.linear import KNOWN, MUCH, SLOW, _Energy
from solvers.medium import stored_medium
from solvers.seam_level import SeamLevel, conducting

CUBE = (1.0, 1.0, 1.0)
CLOSED, OPEN = (False,) * 3, (True,) * 3


@pytest.fixture(autouse=True)
def _at_any_size(monkeypatch):
    monkeypatch.setattr(face_level, "WORTH_GRAPH", 0)


def channels(edge, width=11, seed=0):
    """Straight channels side by side, each with a narrow as wide as one voxel somewhere.

    Walls are one voxel thick: blocks of 4 hold one channel, blocks of 8 may hold two.
    """
    rng, mask = np.random.default_rng(seed), np.zeros((edge,) * 3, bool)
    for j in range(0, edge, width + 1):
        for k in range(0, edge, width + 1):
            mask[:, j : j + width, k : k + width] = True
            narrow = mask[rng.integers(edge), j : j + width, k : k + width]
            narrow[...] = False
            narrow[0, 0] = True
    return mask


def multigrid(mask, dtype=np.float64, periodic=CLOSED):
    problem = Diffusion(mask.astype(np.uint8), np.ones(1), CUBE, periodic=periodic)
    medium = problem.operator(dtype).medium
    return problem, FaceMultigrid(hierarchy(FaceLevel(medium, CUBE)))


def strengthened(mask, dtype=np.float64, periodic=CLOSED):
    problem, cycle = multigrid(mask, dtype, periodic)
    assert cycle.strengthen()
    assert isinstance(cycle.levels[face_level.SEAM], SeamLevel)
    return problem, cycle


def answer(cycle, b):
    cycle.rhs[:] = b
    cycle.precondition()
    return np.array(cycle.solution, dtype=float)


def test_conducting_voxels_are_those_with_a_face_or_a_way_to_ground():
    grid = Grid((3, 3, 3))
    faces = np.zeros((4, *grid.shape))
    faces[0, 0, 1, 1] = 1.0
    faces[3, 2, 0, 2] = 1.0
    medium = stored_medium(grid, np.stack([grid.flat(f) for f in faces]), np.float64)
    found = np.zeros(grid.size, bool)
    found[conducting(medium)] = True
    assert np.argwhere(grid.voxels(found)).tolist() == [[0, 1, 1], [1, 1, 1], [2, 0, 2]]


def test_electrodes_and_far_sides_conduct_but_are_no_nodes():
    for periodic in (CLOSED, OPEN):
        problem, _ = multigrid(np.ones((4, 3, 2), bool), periodic=periodic)
        medium = problem.operator(np.float64).medium
        everywhere = np.flatnonzero(medium.grid.flat(np.ones((4, 3, 2), bool)))
        assert np.array_equal(conducting(medium), everywhere)


@pytest.mark.parametrize("periodic", [CLOSED, OPEN])
@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_cycle_is_symmetric_and_positive(dtype, rounding, periodic):
    mask = spanning_mask(np.random.default_rng(0).random((37, 34, 33)) < 0.5, axis=0)
    problem, cycle = strengthened(mask, dtype, periodic)
    rng, grid = np.random.default_rng(4), problem.grid
    pairs = []
    for _ in range(2):
        b = mask * rng.standard_normal(mask.shape)
        b[mask] -= b[mask].mean()  # nothing holds the potential of a periodic volume
        flat = grid.flat(b)
        pairs.append((flat, grid.flat(grid.voxels(answer(cycle, flat)))))
    (x, ax), (y, ay) = pairs
    assert x @ ax > 0
    assert abs(x @ ay - y @ ax) < rounding * np.sqrt((x @ ax) * (y @ ay))


def test_a_small_graph_is_solved_exactly():
    _, cycle = multigrid(np.ones((40, 36, 34), bool))
    medium = cycle.levels[face_level.SEAM].medium
    seam, back = SeamLevel(medium), np.zeros(medium.grid.size)
    seam.b[:] = seam.grid.flat(np.random.default_rng(1).standard_normal(seam.grid.shape))
    seam.solve()
    medium.kernels.residual(seam.x, seam.b, back, *medium.where)
    assert np.abs(seam.grid.voxels(back)).max() < 1e-9


def counts(monkeypatch, mask, **how):
    """Value and iterations with and without the graph."""
    found = []
    for worth in (10**9, 0):
        monkeypatch.setattr(face_level, "WORTH_GRAPH", worth)
        result = solvers.tortuosity_factor(Volume(mask.astype(np.uint8), 1e-7), 1, 0, **how)
        found.append((result.relative_diffusivity, result.report.iterations))
    return found


def test_the_graph_keeps_neighbouring_channels_apart(monkeypatch):
    (plain, many), (value, few) = counts(monkeypatch, channels(72), tolerance=1e-6)
    assert value == pytest.approx(plain, rel=2e-6)
    assert few <= 0.7 * many


@pytest.mark.parametrize("precision", ["mixed", "double"])
def test_same_answer_after_a_restart_in_either_precision(monkeypatch, precision):
    solvers.use(precision=precision)
    try:
        (plain, _), (value, _) = counts(monkeypatch, channels(48), tolerance=1e-9)
    finally:
        solvers.use(precision="mixed")
    assert value == pytest.approx(plain, rel=2e-9)


def test_no_graph_where_levels_are_small_or_few(monkeypatch):
    monkeypatch.setattr(face_level, "WORTH_GRAPH", 100_000)
    assert not multigrid(channels(48))[1].strengthen()
    monkeypatch.setattr(face_level, "WORTH_GRAPH", 0)
    assert not multigrid(np.ones((5, 5, 5), bool))[1].strengthen()
    _, cycle = strengthened(channels(48))
    assert not cycle.strengthen()  # it is as strong as can be


def test_strengthened_once_and_only_where_it_is_slow(monkeypatch):
    asked = []
    monkeypatch.setattr(FaceMultigrid, "strengthen", lambda self: bool(asked.append(1)))
    solvers.tortuosity_factor(Volume(np.ones((20,) * 3, np.uint8), 1e-7), 1, 0)
    assert not asked
    solvers.tortuosity_factor(Volume(channels(48).astype(np.uint8), 1e-7), 1, 0)
    assert len(asked) == 1


def test_slow_is_a_second_step_that_gains_much_or_a_later_one_that_loses_little():
    def is_slow(*drops, tolerance=1e-9):
        energy = _Energy(10.0 + sum(drops), [], [])
        for drop in drops:
            energy.fall(drop)
        return energy.is_slow(tolerance)

    assert not is_slow(100.0)  # a first step says nothing
    assert is_slow(100.0, 11.0 * MUCH)
    assert not is_slow(100.0, 9.0 * MUCH)
    assert KNOWN == 3
    assert is_slow(100.0, 0.1, 0.11 * SLOW)
    assert not is_slow(100.0, 0.1, 0.09 * SLOW)
    assert is_slow(100.0, 0.1, 0.01, 0.0011 * 1.5)
    assert not is_slow(100.0, 0.1, 0.11 * SLOW, tolerance=1.0)  # nearly there
