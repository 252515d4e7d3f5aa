"""Multigrid on graphs: aggregates, energies, the cycle as a preconditioner, and what it is for."""

import numpy as np
import pytest
import scipy.sparse as sparse
from scipy.ndimage import gaussian_filter, label
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from solvers import graph_level
from solvers.aggregation import Graph, aggregates, by_degree, collapsed, fragmentation, graph_of
from solvers.components import spanning_mask
from solvers.diffusion import Diffusion
from solvers.face_level import FaceLevel, FaceMultigrid, hierarchy
from solvers.face_operator import FaceOperator
from solvers.graph_level import SCALE, GraphMultigrid, StrongMultigrid, is_fragmented
from solvers.grid import Grid
from solvers.linear import conjugate_gradients
from solvers.medium import stored_medium

CUBE = (1.0, 1.0, 1.0)
ROUNDING = {np.float32: 1e-5, np.float64: 1e-12}


def sites(edge, fraction, seed=0):
    """Random voxels that hang together from end to end; .3116 is the threshold."""
    mask = np.random.default_rng(seed).random((edge,) * 3) < fraction
    return spanning_mask(mask, axis=0)


def blobs(edge, fraction=0.4):
    noise = np.random.default_rng(3).standard_normal((edge,) * 3)
    field = gaussian_filter(noise, 2.5, mode="wrap")
    return field < np.quantile(field, fraction)


def porous(mask):
    """One conducting phase."""
    return Diffusion(mask.astype(np.uint8), np.ones(1), CUBE)


def contrasted(mask, ratio):
    """The rest conducts a little."""
    return Diffusion(1 + mask.astype(np.uint8), np.array([ratio, 1.0]), CUBE)


def places(problem, least=1):
    return np.flatnonzero(problem.grid.flat(problem.classes >= least))


def on_graph(problem, dtype=np.float64, least=1):
    return GraphMultigrid(problem.operator(dtype).medium, places(problem, least))


def on_grid(problem, dtype=np.float64):
    return FaceMultigrid(hierarchy(FaceLevel(problem.operator(dtype).medium, problem.spacing)))


def on_both(problem, dtype=np.float64):
    return StrongMultigrid(on_grid(problem, dtype), on_graph(problem, dtype, least=2))


def solved(problem, preconditioner, tolerance=1e-5):
    """Conductance and iterations, all in the precision of the preconditioner."""
    operator = problem.operator(preconditioner.dtype)
    x, r = problem.layered_potential(operator), np.zeros(operator.size, operator.dtype)
    energy = operator.mutual(x, x)
    if not problem.periodic[0]:
        energy += operator.end_energy(x)
    operator.defect(x, r)
    report = conjugate_gradients(
        operator, preconditioner, x, r, energy=energy, rhs_norm=1.0, tolerance=tolerance
    )
    return energy - report.fallen, report.iterations


def graph_of_sites(edge=20, fraction=0.4, dtype=np.float64):
    problem = porous(sites(edge, fraction))
    return graph_of(problem.operator(dtype).medium, places(problem))


def adjacency(graph):
    shape = (graph.size, graph.size)
    return sparse.csr_array((graph.weights, graph.columns, graph.first), shape)


def laplacian(graph):
    links = adjacency(graph)
    return sparse.diags_array(links.sum(axis=1) + graph.ground) - links


def test_graph_is_the_operator_on_the_conducting_voxels():
    problem = contrasted(sites(12, 0.5), 0.1)
    operator, where = problem.operator(np.float64), places(problem)
    values = np.random.default_rng(1).standard_normal(len(where))
    x, ax = np.zeros(operator.size), np.zeros(operator.size)
    x[where] = values
    operator.apply(x, ax)
    matrix = laplacian(graph_of(operator.medium, where))
    assert matrix @ values == pytest.approx(ax[where], abs=1e-12)
    assert abs(matrix - matrix.T).max() == 0.0


def test_voxels_left_out_are_held_at_zero():
    problem = contrasted(sites(12, 0.5), 0.1)
    operator, some = problem.operator(np.float64), places(problem, least=2)
    values = np.random.default_rng(1).standard_normal(len(some))
    x, ax = np.zeros(operator.size), np.zeros(operator.size)
    x[some] = values
    operator.apply(x, ax)
    assert laplacian(graph_of(operator.medium, some)) @ values == pytest.approx(ax[some], abs=1e-12)


def test_a_single_periodic_layer_is_not_joined_to_itself():
    problem = Diffusion(np.ones((6, 5, 1), np.uint8), np.ones(1), CUBE, periodic=(True, True, True))
    graph = graph_of(problem.operator(np.float64).medium, places(problem))
    assert np.all(adjacency(graph).diagonal() == 0)
    assert np.all(np.diff(graph.first) == 4)


def test_order_by_degree_changes_nothing_else():
    graph = graph_of_sites(10)
    sorted_graph, order = by_degree(graph)
    assert np.all(np.diff(np.diff(sorted_graph.first)) >= 0)
    moved = laplacian(graph)[order][:, order]
    assert abs(moved - laplacian(sorted_graph)).max() == 0.0


def test_aggregates_are_connected_and_small_and_miss_no_node():
    graph = graph_of_sites()
    groups = aggregates(graph)
    assert groups.owners.min() == 0
    assert len(np.unique(groups.owners)) == groups.count <= graph.size / 4
    links = adjacency(graph).tocoo()
    inside = groups.owners[links.row] == groups.owners[links.col]
    kept = (links.data[inside], (links.row[inside], links.col[inside]))
    pieces, _ = connected_components(sparse.coo_array(kept, links.shape), directed=False)
    assert pieces == groups.count
    starts, members = groups.members()
    for k in (0, groups.count - 1):
        assert np.all(groups.owners[members[starts[k] : starts[k + 1]]] == k)


def test_nodes_without_edges_are_in_no_aggregate():
    graph = Graph(
        np.array([0, 1, 2, 2], np.int32), np.array([1, 0], np.int32), np.ones(2), np.ones(3)
    )
    assert list(aggregates(graph).owners) == [0, 0, -1]


def test_aggregates_follow_the_strong_edges():
    """Chains of strong edges, with weak ones between neighbouring chains."""
    strong, weak = np.zeros((3, 16, 16, 16)), 1e-3
    strong[0], strong[1], strong[2] = 1.0, weak, weak
    for axis in range(3):
        np.moveaxis(strong[axis], axis, 0)[-1] = 0.0
    grid = Grid((16, 16, 16))
    faces = np.stack([grid.flat(f) for f in strong])
    where = np.flatnonzero(grid.flat(np.ones(grid.shape, bool)))
    groups = aggregates(graph_of(stored_medium(grid, faces, np.float64), where))
    columns = groups.owners.reshape(16, -1).T
    ends = [(columns == k).any(axis=1).sum() for k in range(groups.count)]
    assert max(ends) == 1


def test_a_slope_of_conductivity_does_not_stop_the_pairing():
    """Everybody's strongest neighbour is the next one up."""
    count = 4000
    links = sparse.diags_array(1.01 ** np.arange(count - 1), offsets=1, shape=(count, count))
    links = (links + links.T).tocsr()
    graph = Graph(links.indptr, links.indices, links.data, np.ones(count))
    assert aggregates(graph).count <= count / 2.5


def test_coarse_energy_is_the_fine_energy_of_a_constant_in_each_aggregate():
    graph = graph_of_sites()
    groups = aggregates(graph)
    coarse = np.random.default_rng(2).standard_normal(groups.count)
    fine = coarse[groups.owners]
    held = graph.ground @ fine**2
    between = fine @ (laplacian(graph) @ fine) - held
    for scale in (1.0, SCALE):
        energy = coarse @ (laplacian(collapsed(graph, groups, scale)) @ coarse)
        assert energy == pytest.approx(scale * between + held, rel=1e-12)


@pytest.mark.parametrize("fraction", [0.4, 1.0])
def test_cycle_stays_within_its_bounds(monkeypatch, fraction):
    """Eigenvalues of the preconditioned operator lie in (0, 1/scale] whatever the graph."""
    monkeypatch.setattr(graph_level, "DIRECT_NODES", 10)
    problem = porous(sites(7 if fraction == 1.0 else 9, fraction))
    cycle = on_graph(problem)
    assert len(cycle.levels) >= 3
    where = places(problem)
    matrix = laplacian(graph_of(problem.operator(np.float64).medium, where)).toarray()
    inverse = np.zeros_like(matrix)
    for column, place in enumerate(where):
        cycle.rhs[:] = 0.0
        cycle.rhs[place] = 1.0
        cycle.precondition()
        inverse[:, column] = cycle.solution[where]
    assert np.abs(inverse - inverse.T).max() < 1e-12 * np.abs(inverse).max()
    root = np.linalg.cholesky(matrix)
    eigenvalues = np.linalg.eigvalsh(root.T @ (inverse + inverse.T) / 2 @ root)
    assert eigenvalues.min() > 0.05  # far from losing positive definiteness
    assert eigenvalues.max() < 1 / SCALE + 1e-9


@pytest.mark.parametrize("make", [on_graph, on_both])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_preconditioner_is_symmetric_and_positive(make, dtype):
    mask = sites(20, 0.4)
    problem = porous(mask) if make is on_graph else contrasted(mask, 1e-4)
    cycle, rng, where = make(problem, dtype), np.random.default_rng(4), places(problem)
    vectors_, answers = [], []
    for _ in range(2):
        b = np.zeros(problem.grid.size)
        b[where] = rng.standard_normal(len(where))
        cycle.rhs[:] = b
        cycle.precondition()
        vectors_.append(b)
        answers.append(np.array(cycle.solution, dtype=float))
    (x, y), (ax, ay) = vectors_, answers
    assert x @ ax > 0
    assert abs(x @ ay - y @ ax) < ROUNDING[dtype] * np.sqrt((x @ ax) * (y @ ay))


def test_small_graphs_are_solved_exactly():
    problem = porous(sites(8, 0.5))
    operator, cycle, where = problem.operator(np.float64), on_graph(problem), places(problem)
    assert len(cycle.levels) == 1
    x, b, back = (np.zeros(operator.size) for _ in range(3))
    x[where] = np.random.default_rng(5).standard_normal(len(where))
    operator.apply(x, b)
    cycle.rhs[:] = b
    cycle.precondition()
    operator.apply(np.array(cycle.solution), back)
    assert np.abs(back - b).max() < 1e-8 * np.abs(b).max()


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_same_answer_as_merging_by_twos(dtype, tolerance):
    problem = porous(sites(24, 0.36))
    graph, _ = solved(problem, on_graph(problem, dtype), tolerance)
    grid, _ = solved(problem, on_grid(problem, dtype), tolerance)
    assert graph == pytest.approx(grid, rel=2 * tolerance)


def test_same_answer_as_a_direct_solve_when_grounded():
    """A network fed in one corner, with a leak from every voxel."""
    grid, rng = Grid((12, 11, 10)), np.random.default_rng(6)
    mask = rng.random(grid.shape) < 0.45
    faces = np.zeros((4, *grid.shape))
    for axis in range(3):
        pair = mask & np.roll(mask, -1, axis)
        np.moveaxis(pair, axis, 0)[-1] = False
        faces[axis] = pair * rng.uniform(0.1, 1.0, grid.shape)
    faces[3] = 1e-3 * mask
    medium = stored_medium(grid, np.stack([grid.flat(f) for f in faces]), np.float64)
    where = np.flatnonzero(grid.flat(mask))
    current = rng.standard_normal(len(where))
    exact = spsolve(laplacian(graph_of(medium, where)).tocsc(), current)
    operator, x, r = FaceOperator(medium), np.zeros(grid.size), np.zeros(grid.size)
    r[where] = current
    report = conjugate_gradients(
        operator,
        GraphMultigrid(medium, where),
        x,
        r,
        energy=0.0,
        rhs_norm=1.0,
        tolerance=1e-13,
        growing=True,
    )
    assert x[where] == pytest.approx(exact, abs=1e-5 * np.abs(exact).max())
    assert report.iterations <= 25


def test_same_answer_on_a_periodic_volume_where_nothing_holds_the_potential():
    mask = np.random.default_rng(7).random((20, 18, 16)) < 0.4
    numbers, _ = label(mask)
    mask = numbers == np.bincount(numbers[mask]).argmax()
    problem = Diffusion(mask.astype(np.uint8), np.ones(1), CUBE, periodic=(True, True, True))
    graph, iterations = solved(problem, on_graph(problem), 1e-9)
    grid, _ = solved(problem, on_grid(problem), 1e-9)
    assert graph == pytest.approx(grid, rel=2e-9)
    assert iterations <= 25


@pytest.mark.parametrize("fraction", [0.33, 0.4])
def test_few_iterations_little_above_the_percolation_threshold(fraction):
    problem = porous(sites(48, fraction))
    value, iterations = solved(problem, on_graph(problem, np.float32))
    assert value > 0
    assert iterations <= 16  # merging by twos takes 40 to 60 at .33


def test_iterations_do_not_grow_with_the_volume_near_the_threshold():
    counts = []
    for edge in (32, 64):
        problem = porous(sites(edge, 0.34))
        counts.append(solved(problem, on_graph(problem, np.float32), 1e-8)[1])
    assert counts[1] <= counts[0] + 6


@pytest.mark.parametrize("ratio", [1e-3, 1e-5])
def test_few_iterations_where_the_rest_conducts_a_little(ratio):
    problem = contrasted(np.random.default_rng(0).random((40, 40, 40)) < 0.35, ratio)
    _, iterations = solved(problem, on_both(problem, np.float32))
    assert iterations <= 14


def test_same_answer_where_the_rest_conducts_a_little():
    problem = contrasted(sites(20, 0.4), 1e-3)
    both, _ = solved(problem, on_both(problem), 1e-10)
    grid, _ = solved(problem, on_grid(problem), 1e-10)
    assert both == pytest.approx(grid, rel=2e-10)


def test_results_are_the_same_to_the_last_bit():
    problem = porous(sites(24, 0.38))
    answers = []
    for _ in range(2):
        cycle = on_graph(problem, np.float32)
        cycle.rhs[:] = np.random.default_rng(8).standard_normal(problem.grid.size)
        cycle.precondition()
        answers.append(np.array(cycle.solution))
    assert np.array_equal(*answers)


def test_pieces_of_blocks_are_those_that_labelling_finds():
    mask = np.random.default_rng(9).random((21, 18, 15)) < 0.45
    padded = np.pad(mask, [(0, n % 2) for n in mask.shape])
    counts = [
        label(padded[z : z + 2, y : y + 2, x : x + 2])[1]
        for z in range(0, padded.shape[0], 2)
        for y in range(0, padded.shape[1], 2)
        for x in range(0, padded.shape[2], 2)
    ]
    blocks = np.count_nonzero(counts)
    assert fragmentation(mask) == pytest.approx((sum(counts) / blocks, mask.sum() / sum(counts)))


def test_random_voxels_are_fragmented_and_blobs_are_not():
    assert is_fragmented(sites(32, 0.35))
    assert not is_fragmented(np.random.default_rng(0).random((32, 32, 32)) < 0.65)
    assert not is_fragmented(blobs(32))
    assert not is_fragmented(np.ones((8, 8, 8), bool))


@pytest.mark.parametrize(
    ("mask", "ratio", "expected"),
    [
        (sites(20, 0.36), 1e-6, StrongMultigrid),
        (sites(20, 0.36), 1e-5, FaceMultigrid),  # takes more iterations, but half the time
        (spanning_mask(blobs(20), axis=0), 1e-6, FaceMultigrid),
        (sites(20, 0.36), 0.5, FaceMultigrid),
    ],
)
def test_graph_of_good_conductors_is_used_where_it_is_worth_its_time(mask, ratio, expected):
    assert type(contrasted(mask, ratio).preconditioner(np.float32)) is expected
