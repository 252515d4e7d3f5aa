"""Solves along several axes that share clusters and hierarchies: the same numbers as one by one."""

import weakref
from itertools import pairwise, product

import numpy as np
import pytest
import scipy.sparse as sparse
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import carriers, conduction, face_level, graph_level, potential
from solvers.anisotropic import Anisotropic
from solvers.conducting_part import conducting_part
from solvers.electrodes import Electrodes
from solvers.face_level import FaceLevel
from solvers.graph_level import GraphMultigrid, StrongMultigrid
from solvers.grid import Grid
from solvers.steady_state import problem_of
from solvers.turn import Turn, between, flow_first

ROUNDING = 1e-11  # of answers in double precision, from sums in another order
TIGHT = 1e-11  # tolerance of solves whose results are compared; potentials err by its root
EDGES = (2e-7, 1e-7, 1.3e-7)
PLAIN = Electrodes()


def blobs(shape=(23, 18, 16), fraction=0.5, seed=3):
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5, mode="wrap")
    return Volume((field < np.quantile(field, fraction)).astype(np.uint8), EDGES)


def sites(fraction=0.42, seed=0):
    return Volume(
        (np.random.default_rng(seed).random((21, 18, 17)) < fraction).astype(np.uint8), 1e-7
    )


def grains(shape=(11, 10, 9)):
    return Volume(np.random.default_rng(1).integers(0, 4, shape, dtype=np.uint8), EDGES)


def resisting(volume, periodic=False):
    pairs = {(0, 1): 3e-8, (1, 2): 1e-6}
    return solvers.FaceResistance.of_pairs(volume, pairs, periodic=periodic)


def outside(notched):
    """Grains beside a slab outside, and if wanted with a notch of it, which makes them no prism."""
    labels = np.array(grains((12, 11, 10)).labels)
    labels[:2] = labels[:, :1] = 5
    if notched:
        labels[:5, :4, 6:] = 5
    return Volume(labels, EDGES, outside=5)


def thin(shape):
    return Volume(np.random.default_rng(6).integers(0, 4, shape, dtype=np.uint8), EDGES)


PORE = {0: 0.0, 1: 1.0}
FOUR = {0: 1.0, 1: 0.3, 2: 0.0, 3: 0.05}
ORTHOTROPIC = {0: Anisotropic([1.0, 0.5, 0.2]), 1: 0.3, 2: 0.0, 3: Anisotropic([0.1, 0.1, 0.4])}
FIELD = np.random.default_rng(5).random((11, 10, 9)) + 0.1

MANY = {label: 0.1 + label / 300 for label in range(300)}


def many():
    """More conductivities than a byte tells apart."""
    labels = np.random.default_rng(7).permutation(np.arange(990) % 300)
    return Volume(labels.astype(np.uint16).reshape(11, 10, 9), EDGES)


# volume, values, resistance, electrodes
CASES = {
    "one phase": (blobs(), PORE, None, PLAIN),
    "phases": (grains(), FOUR, None, PLAIN),
    "islands": (blobs(), {0: 1e-3, 1: 1.0}, None, PLAIN),
    "field": (grains(), FIELD, None, PLAIN),
    "tensors": (grains(), ORTHOTROPIC, None, PLAIN),
    "resistances": (grains(), FOUR, resisting(grains()), PLAIN),
    "contacts": (grains(), FOUR, None, Electrodes(contact_low=1e-6)),
    "given flux": (grains(), FOUR, None, Electrodes(uniform_flux="high")),
    "periodic": (grains(), FOUR, resisting(grains(), True), None),
    "outside": (outside(notched=False), FOUR, None, PLAIN),
    "single precision field": (grains(), FIELD.astype(np.float32), None, PLAIN),
    "many phases": (many(), MANY, None, PLAIN),
    "graph": (sites(), PORE, None, PLAIN),
    "strong graph": (sites(0.36), {0: 1e-6, 1: 1.0}, None, PLAIN),
}
TURNS = [(a, b) for a, b in product(range(3), repeat=2) if a != b]


@pytest.fixture(scope="module", autouse=True)
def compiled_kernels_of_periodic_volumes():
    """Their compilation takes longer than a test may."""
    how = {"resistance": CASES["periodic"][2], "boundary": "periodic", "tolerance": TIGHT}
    solvers.effective_conductivity(grains(), FOUR, 0, **how)


@pytest.fixture
def begun(monkeypatch):
    """Weak references to what solves are done with, as they begin."""
    found = []

    def begin(*args):
        made = potential.Iterate(*args)
        found.append(weakref.ref(made))
        return made

    monkeypatch.setattr(conduction, "Iterate", begin)
    return found


def problems(case, axes=(0, 1, 2)):
    volume, values, resistance, electrodes = CASES[case]
    part = conducting_part(volume, values, "conductivity", axes, electrodes, resistance)
    return [problem_of(part.along(axis), electrodes) for axis in axes]


def answer(preconditioner, b):
    preconditioner.rhs[:] = b
    preconditioner.precondition()
    return np.array(preconditioner.solution)


def right_hand_side(problem):
    inside = np.random.default_rng(2).standard_normal(problem.classes.shape)
    return problem.grid.flat(inside * (problem.classes > 0))


def finest(preconditioner):
    return getattr(preconditioner, "multigrid", preconditioner)


@pytest.mark.parametrize(("before", "after"), TURNS)
def test_a_turn_goes_from_the_flow_along_one_axis_to_that_along_another(before, after):
    values = np.random.default_rng(0).random((4, 3, 5))
    old, new = (np.moveaxis(values, axis, 0) for axis in (before, after))
    turn = between(before, after)
    assert np.array_equal(old.transpose(turn.order), new)
    assert turn.of(old.shape) == new.shape
    grid, places = Grid(old.shape), np.arange(7, 60)
    there = turn.places(places, grid)
    padded = [Grid(v.shape).flat(v) for v in (old, new)]
    assert np.array_equal(padded[0][places], padded[1][there])
    assert flow_first(after).of("zyx")[0] == "zyx"[after]


OTHERS = [case for case in CASES if "graph" not in case and case != "one phase"]


@pytest.mark.parametrize(
    ("case", "before", "after"),
    [("one phase", *turn) for turn in TURNS]
    + [(case, *TURNS[n % len(TURNS)]) for n, case in enumerate(OTHERS)],
)
def test_a_turned_hierarchy_is_that_of_the_turned_voxels(case, before, after):
    old, new = problems(case, (before, after))
    turned, fresh = old.preconditioner(np.float64), new.preconditioner(np.float64)
    answer(turned, right_hand_side(old))  # leaves something in every vector
    turned = new.turned(turned, between(before, after))
    assert type(turned) is type(fresh)
    levels = [finest(each).levels for each in (turned, fresh)]
    assert len(levels[0]) == len(levels[1]) > 1
    for own, other in zip(*levels, strict=True):
        assert own.grid == other.grid
        assert own.spacing == pytest.approx(other.spacing)
        faces = [level.medium.stored().values.reshape(3, -1) for level in (own, other)]
        for axis, step in enumerate((*own.grid.strides, 1)):  # halo faces that nothing reads differ
            read = own.grid.flat(np.ones(own.grid.shape, bool))
            read[:-step] |= read[step:]
            assert faces[0][axis][read] == pytest.approx(faces[1][axis][read], rel=ROUNDING)
    b = right_hand_side(new)
    assert answer(turned, b) == pytest.approx(answer(fresh, b), rel=ROUNDING, abs=ROUNDING)


def laplacian(graph):
    links = sparse.csr_array((graph.weights, graph.columns, graph.first), (graph.size,) * 2)
    return sparse.diags_array(links.sum(axis=1) + graph.ground) - links


@pytest.mark.parametrize(
    ("case", "kind"), [("graph", GraphMultigrid), ("strong graph", StrongMultigrid)]
)
@pytest.mark.parametrize(("before", "after"), TURNS)
def test_a_turned_graph_is_the_operator_on_the_turned_voxels(case, kind, before, after):
    old, new = problems(case, (before, after))
    turned = new.turned(old.preconditioner(np.float64), between(before, after))
    assert type(turned) is kind
    graphs = getattr(turned, "strong", turned)
    operator, where = new.operator(np.float64), graphs.elements
    assert (new.grid.flat(new.classes)[where] == len(new.sigma)).all()
    values = np.random.default_rng(1).standard_normal(len(where))
    x, ax = np.zeros(operator.size), np.zeros(operator.size)
    x[where] = values
    operator.apply(x, ax)
    levels = [level.graph for level in graphs.graphs]
    assert laplacian(levels[0]) @ values == pytest.approx(ax[where], abs=1e-12)
    assert levels[0].ground.sum() > 0
    for fine, coarse in pairwise(graphs.graphs):
        owners = fine.owners
        for node in range(0, coarse.size, 7):
            merged = fine.graph.ground[owners == node].sum()
            assert coarse.graph.ground[node] == pytest.approx(merged, abs=1e-12)


def same(one, other):
    assert one.value == pytest.approx(other.value, rel=10 * TIGHT)
    assert one.axis == other.axis
    assert one.method == other.method
    assert one.conducting_fraction == other.conducting_fraction
    assert abs(one.report.iterations - other.report.iterations) <= 2
    assert one.shares == pytest.approx(other.shares, abs=1e-5 * other.shares.max())
    assert float(one.uncertainty) == pytest.approx(float(other.uncertainty), rel=1e-4, nan_ok=True)
    if one.fields is not None:
        assert one.fields.potential == pytest.approx(other.fields.potential, abs=1e-4, nan_ok=True)
        assert one.fields.flux == pytest.approx(other.fields.flux, abs=1e-3, nan_ok=True)


@pytest.mark.filterwarnings("ignore::solvers.PeriodicWarning")
@pytest.mark.parametrize("case", CASES)
def test_axes_together_give_what_each_gives_alone(case):
    volume, values, resistance, electrodes = CASES[case]
    boundary = "periodic" if electrodes is None else electrodes
    how = {"resistance": resistance, "boundary": boundary, "tolerance": TIGHT}
    problem = solvers.Conduction(volume, values, axes=(2, 0, 1), **how)
    for axis in (2, 0, 1):
        alone = solvers.effective_conductivity(volume, values, axis, fields=True, **how)
        same(problem.along(axis, fields=True), alone)


def test_periodic_sides_and_rotated_tensors_go_axis_by_axis_as_well():
    volume = grains()
    turn = [[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    rotated = FOUR | {0: Anisotropic([1.0, 0.5, 0.2], rotations=[turn])}
    for values, boundary in ((FOUR, Electrodes(sides="periodic")), (rotated, "electrodes")):
        problem = solvers.Conduction(volume, values, boundary=boundary, tolerance=1e-9)
        for axis in range(3):
            how = {"boundary": boundary, "tolerance": 1e-9}
            alone = solvers.effective_conductivity(volume, values, axis, **how)
            assert problem.along(axis).value == pytest.approx(alone.value, rel=1e-8)


@pytest.mark.parametrize("case", ["phases", "graph", "strong graph"])
def test_clusters_and_hierarchy_are_made_once_for_all_axes(case, monkeypatch):
    volume, values, *_ = CASES[case]
    made = []

    def counted(module, name):
        original = getattr(module, name)

        def call(*args, **kwargs):
            made.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    counted(carriers, "component_labels")
    counted(face_level.FaceLevel, "coarser")
    counted(graph_level.GraphLevel, "coarser")
    solvers.effective_conductivity(volume, values, 0)
    alone = sorted(made)
    made.clear()
    solvers.effective_conductivity_tensor(volume, values, boundary="mirrored")
    assert sorted(made) == alone
    assert len(alone) > 1


def crossing():
    """A slab that connects all faces, and a channel beside it that runs along axis 1 only."""
    labels = np.zeros((14, 15, 16), np.uint8)
    labels[:9, :9, :9] = labels[5:, 4:12, 3:6] = labels[3:6, 4:, 3:6] = labels[3:6, 4:8, 5:] = 1
    labels[11:13, :, 12:14] = 1
    return Volume(labels, 1e-7)


def test_each_axis_has_its_own_voxels_where_they_differ(begun):
    volume = crossing()
    together = solvers.tortuosity_factors(volume, 1, (0, 2, 1), tolerance=TIGHT)
    assert len(begun) == 2  # axes 0 and 2 share one
    for one in together:
        alone = solvers.tortuosity_factor(volume, 1, one.axis, tolerance=TIGHT)
        assert one.value == pytest.approx(alone.value, rel=10 * TIGHT)
        assert one.percolating_fraction == alone.percolating_fraction
    channel = 2 * 2 * 15 / volume.inside_voxels
    assert together[2].percolating_fraction - together[0].percolating_fraction == pytest.approx(
        channel
    )


def test_after_the_last_axis_the_memory_is_let_go(begun):
    problem = solvers.Conduction(blobs(), PORE, axes=(0, 2))
    problem.along(0)
    (kept,) = begun
    assert kept() is not None
    problem.along(2)
    assert kept() is None
    assert problem.along(2).percolates


def test_what_no_axis_to_come_can_use_is_let_go_at_once(begun):
    blocked = np.zeros((12, 12, 12), np.uint8)
    blocked[:, :, 4:8] = 1
    around = Electrodes(sides="periodic")
    for volume, boundary, axes in (
        (Volume(blocked, 1e-7), PLAIN, (0, 1, 2)),  # nothing flows along axis 2
        (blobs(), around, (0, 1)),  # other sides are periodic for each axis
        (outside(notched=True), PLAIN, (0, 1)),  # a second solve needs the room
    ):
        begun.clear()
        values = PORE if boundary is around or volume.outside is None else FOUR
        problem = solvers.Conduction(volume, values, axes=axes, boundary=boundary)
        for axis in axes[:2]:
            problem.along(axis)
        assert all(it() is None for it in begun)
        assert begun


@pytest.mark.parametrize("shape", [(1, 9, 8), (9, 1, 8), (8, 9, 1), (1, 1, 7), (2, 13, 1)])
def test_thin_volumes_are_solved_along_all_axes(shape):
    problem = solvers.Conduction(thin(shape), FOUR | {2: 0.2}, tolerance=TIGHT)
    for axis in range(3):
        alone = solvers.effective_conductivity(
            thin(shape), FOUR | {2: 0.2}, axis, tolerance=TIGHT, fields=True
        )
        same(problem.along(axis, fields=True), alone)


def test_an_electrode_that_is_no_prism_is_compared_with_its_own_shape():
    volume = outside(notched=True)
    problem = solvers.Conduction(volume, dict.fromkeys(range(4), 2.0), tolerance=TIGHT)
    assert [problem.along(axis).value for axis in range(3)] == pytest.approx([2.0] * 3)


def test_a_loose_tolerance_holds_along_all_axes():
    volume = blobs((40, 38, 36))
    exact = solvers.tortuosity_factors(volume, 1, tolerance=TIGHT)
    loose = solvers.tortuosity_factors(volume, 1, tolerance=1e-3)
    for one, other in zip(loose, exact, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-3)


@pytest.mark.parametrize("axes", [(), 1, None])
def test_no_axes_are_refused(axes):
    with pytest.raises(InvalidInputError, match="names no axis"):
        solvers.Conduction(blobs(), PORE, axes=axes)
    with pytest.raises(InvalidInputError, match="names no axis"):
        solvers.tortuosity_factors(blobs(), 1, axes)


def test_axes_may_come_from_an_iterator():
    found = solvers.tortuosity_factors(blobs(), 1, (axis for axis in (2, 0)))
    assert [one.axis for one in found] == [2, 0]


def test_a_tensor_of_insulators_is_zero():
    for boundary in ("periodic", "mirrored"):
        tensor = solvers.effective_conductivity_tensor(blobs(), {0: 0, 1: 0}, boundary=boundary)
        assert not tensor.value.any()


def test_rotated_tensors_between_other_electrodes_are_refused_before_any_warning():
    turn = [[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    rotated = FOUR | {0: Anisotropic([1.0, 0.5, 0.2], rotations=[turn])}
    with pytest.raises(InvalidInputError, match="rotated tensors"):
        solvers.effective_conductivity(
            thin((4, 9, 9)), rotated, boundary=Electrodes(sides="periodic")
        )


def test_axes_may_be_asked_for_in_any_order_and_again():
    volume = blobs()
    problem = solvers.Conduction(volume, PORE, axes=(0, 2), tolerance=TIGHT)
    found = [problem.along(axis).value for axis in (2, 2, 0, 0, 2)]
    alone = {a: solvers.effective_conductivity(volume, PORE, a, tolerance=TIGHT) for a in (0, 2)}
    assert found == pytest.approx([alone[a].value for a in (2, 2, 0, 0, 2)], rel=10 * TIGHT)
    with pytest.raises(InvalidInputError, match=r"axis 1 is not among the axes \(0, 2\)"):
        problem.along(1)


def test_a_solve_may_start_from_the_fields_of_another():
    volume = blobs()
    problem = solvers.Conduction(volume, PORE, tolerance=TIGHT)
    cold = [problem.along(axis, fields=True) for axis in range(3)]
    problem = solvers.Conduction(volume, PORE, tolerance=1e-5)
    for one in cold:
        warm = problem.along(one.axis, start=one.fields)
        assert warm.value == pytest.approx(one.value, rel=1e-5)
        assert warm.report.iterations < one.report.iterations / 2


def test_a_failure_along_one_axis_spares_the_others(monkeypatch):
    volume, original = blobs(), potential.iterate
    problem = solvers.Conduction(volume, PORE, tolerance=TIGHT)

    def fails(*args):
        original(*args)
        raise ConvergenceError("no", None)

    problem.along(0)
    with monkeypatch.context() as patch:
        patch.setattr(potential, "iterate", fails)
        with pytest.raises(ConvergenceError):
            problem.along(1)
    for axis in (2, 1):
        alone = solvers.effective_conductivity(volume, PORE, axis, tolerance=TIGHT)
        same(problem.along(axis), alone)


def test_a_strengthened_hierarchy_is_turned_as_well(monkeypatch):
    monkeypatch.setattr(face_level, "WORTH_GRAPH", 0)
    old, new = problems("one phase", (0, 2))
    turned, fresh = old.preconditioner(np.float64), new.preconditioner(np.float64)
    assert turned.strengthen()
    answer(turned, right_hand_side(old))
    turned = new.turned(turned, between(0, 2))
    assert all(isinstance(level, FaceLevel) for level in turned.levels)
    b = right_hand_side(new)
    assert answer(turned, b) == pytest.approx(answer(fresh, b), rel=ROUNDING, abs=ROUNDING)


def test_small_systems_are_solved_anew_after_a_turn():
    old, new = problems("phases", (0, 1))
    level = FaceLevel(old.operator(np.float64).medium, old.spacing)
    level.b[:] = right_hand_side(old)
    level.solve()
    level.turn(Turn((1, 0, 2)), new.operator(np.float64).medium)
    fresh = FaceLevel(new.operator(np.float64).medium, new.spacing)
    level.b[:] = fresh.b[:] = right_hand_side(new)
    level.solve()
    fresh.solve()
    assert np.array(level.x) == pytest.approx(np.array(fresh.x), rel=ROUNDING, abs=ROUNDING)


def test_warnings_name_the_line_that_asked():
    field = gaussian_filter(np.random.default_rng(0).standard_normal((20, 20, 20)), 4)
    volume = Volume((field > np.median(field)).astype(np.uint8), 1e-7)
    values, around = {0: 1.0, 1: 0.2}, {"boundary": "periodic"}
    asks = [
        lambda: solvers.effective_conductivity(volume, values, **around),
        lambda: solvers.effective_diffusivity(volume, values, **around),
        lambda: solvers.effective_conductivity_tensor(volume, values),
        lambda: solvers.Conduction(volume, values, **around).along(0),
        lambda: solvers.tortuosity_factor(volume, 0, **around),
        lambda: solvers.tortuosity_factors(volume, 0, (1,), **around),
    ]
    for ask in asks:
        with pytest.warns(solvers.PeriodicWarning, match="treated as periodic") as caught:
            ask()
        assert {warning.filename for warning in caught} == {__file__}
