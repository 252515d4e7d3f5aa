"""Conduction with tensors where it is known exactly or within rigorous bounds, and what goes in."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.sparse.linalg
from scipy.spatial.transform import Rotation

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, NotPercolatingError
from solvers import runtime
from solvers.anisotropic import Anisotropic, tensor_classes
from solvers.tensor_conduction import TensorConduction, solve_tensors
from solvers.tensor_level import PAIRS, element_matrices, largest_eigenvalue, node_values, seal

UNEQUAL = (3e-7, 1e-7, 2.3e-7)
FINE = 1e-11  # tolerance of a solve whose error should not show
SMALL = 1e-9  # what may be left of it, and of rounding


def rotated(values, seed=0, count=None):
    """Tensors with these principal values, in random orientations."""
    turns = Rotation.random(count, np.random.default_rng(seed)).as_matrix()
    return turns @ np.diag(values) @ np.swapaxes(turns, -1, -2)


def polycrystal(shape, grains, values=(1.0, 0.05, 0.6), seed=0):
    """Classes of Voronoi grains, and the tensors of the classes."""
    rng = np.random.default_rng(seed)
    seeds = rng.random((grains, 3)) * shape
    places = np.indices(shape).reshape(3, -1).T
    nearest = np.argmin(((places[:, None] - seeds) ** 2).sum(axis=2), axis=1)
    classes = (1 + nearest).reshape(shape).astype(np.uint16)
    return classes, rotated(values, seed, grains)


def blobs(n, share, seed=0, width=2.0):
    """True in a share of the voxels, in smooth shapes that repeat."""
    noise = np.random.default_rng(seed).normal(size=(n,) * 3)
    smooth = scipy.ndimage.gaussian_filter(noise, width, mode="wrap")
    return smooth < np.quantile(smooth, share)


def spanning(mask):
    """The part of a mask that connects both ends of axis 0 through faces."""
    labels, _ = scipy.ndimage.label(mask)
    both = np.intersect1d(labels[0], labels[-1])
    return np.isin(labels, both[both > 0])


def periodic(classes, tensors, spacing=UNEQUAL, tolerance=FINE, **options):
    return solve_tensors(classes, tensors, spacing, periodic=True, tolerance=tolerance, **options)


def along(classes, tensors, spacing=UNEQUAL, tolerance=FINE):
    found = solve_tensors(classes, tensors, spacing, periodic=False, tolerance=tolerance)
    return float(found.matrix[0, 0])


@pytest.fixture(params=["mixed", "double"])
def precision(request):
    solvers.use(precision=request.param)
    yield request.param
    solvers.use(precision="mixed")


@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 5, 9), (1, 8, 3), (12, 12, 12)])
def test_uniform_material_has_its_own_tensor(shape, precision):
    tensor = rotated((3.0, 0.1, 1.0))
    found = periodic(np.ones(shape, np.uint16), tensor[None])
    assert found.matrix == pytest.approx(tensor, rel=1e-10, abs=1e-10)
    assert found.mean_flux == pytest.approx(tensor, rel=1e-10, abs=1e-10)
    expected = np.broadcast_to(tensor[:, :, None, None, None], found.flux.shape)
    assert found.flux == pytest.approx(expected, rel=1e-6)  # it is given in single precision


@pytest.mark.parametrize("seed", range(5))
def test_start_that_is_exact_but_for_rounding_is_no_failure(seed, precision):
    # only rounding is left of the forces, and no direction goes downhill from there
    tensor = rotated((1.0, 0.1, 0.7), seed)
    found = periodic(np.ones((8, 8, 8), np.uint16), tensor[None], (1.0,) * 3, 1e-5)
    assert found.matrix == pytest.approx(tensor, rel=1e-12, abs=1e-12)
    layers = (1 + np.arange(8) % 3 // 2)[:, None, None] * np.ones((8, 7, 6))
    tensors = np.array([np.eye(3), 10.0 ** -(2 * seed) * np.eye(3)])
    exact = 8 / (6 + 2 * 10.0 ** (2 * seed))
    assert along(layers.astype(np.uint16), tensors) == pytest.approx(exact, rel=SMALL)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 5), (9, 1, 1), (13, 8, 6)])
def test_aligned_material_between_electrodes_conducts_like_a_resistor(shape, precision):
    tensor = np.diag([2.5, 1e-3, 40.0])
    found = solve_tensors(np.ones(shape, np.uint16), tensor[None], UNEQUAL, periodic=False)
    n0, n1, n2 = shape
    h0, h1, h2 = UNEQUAL
    assert found.matrix[0, 0] == pytest.approx(2.5, rel=1e-12)
    assert found.conductance == pytest.approx(2.5 * n1 * h1 * n2 * h2 / (n0 * h0), rel=1e-12)
    levels = np.linspace(1.0, 0.0, n0 + 1)[:, None, None]
    assert found.potential[0] == pytest.approx(np.broadcast_to(levels, found.potential[0].shape))
    assert found.flux[0, 0] == pytest.approx(np.full(shape, 2.5 / (n0 * h0)), rel=1e-6)
    assert found.imbalance[0] < 1e-12


def laminate_tensor(layers, normal):
    """Flux across and gradients along the layers are the same in all: eliminated exactly.

    Source: Milton, The Theory of Composites (2002), ch. 9 [not opened: verify]
    """
    across = layers[:, normal, normal]
    shares = layers[:, normal] / across[:, None]
    series = 1.0 / np.mean(1.0 / across)
    inner = layers - shares[:, :, None] * layers[:, normal, None, :]
    mean = shares.mean(axis=0)
    return inner.mean(axis=0) + series * np.multiply.outer(mean, mean)


@pytest.mark.parametrize("normal", [0, 1, 2])
@pytest.mark.parametrize("spacing", [(1e-7,) * 3, UNEQUAL])
def test_laminate_of_rotated_layers_has_the_exact_tensor(normal, spacing, precision):
    order = np.array([1, 1, 2, 3, 3, 3, 1])
    layers = rotated((5.0, 0.02, 1.0), 3, 3)
    shape = np.moveaxis(np.broadcast_to(order[:, None, None], (7, 4, 5)), 0, normal)
    found = periodic(shape.astype(np.uint16), layers, spacing)
    exact = laminate_tensor(layers[order - 1], normal)
    assert found.matrix == pytest.approx(exact, rel=SMALL, abs=SMALL)


def test_long_crystal_with_insulated_sides_conducts_by_its_resistivity():
    # sides without flux tilt the field; the upper bound lets the tilt fade over one width at each
    # end, which these elements can represent: the mean there is of (1 + f' t·r, f t) over f in 0…1
    tensor = rotated((1.0, 0.2, 0.5), 1)
    width, length = 6, 60
    found = along(np.ones((length, width, width), np.uint16), tensor[None], (1e-7,) * 3)
    resistivity = np.linalg.inv(tensor)
    limit = 1.0 / resistivity[0, 0]
    tilt = resistivity[0, 1:] * limit
    end = tensor[0, 0] * (1.0 + tilt @ tilt / 12.0) + tensor[0, 1:] @ tilt
    end += tilt @ tensor[1:, 1:] @ tilt / 3.0
    assert limit < found <= limit + 2.0 * width / length * (end - limit)
    assert limit < 0.95 * tensor[0, 0]  # so that the bounds tell the two limits apart


def test_flat_crystal_with_insulated_sides_conducts_by_its_conductivity():
    # a trial flux with a stream function that bends it along the sides, over one thickness
    turn = Rotation.from_rotvec([0.0, 0.4, 0.0]).as_matrix()  # mixes axes 0 and 2
    tensor = turn @ np.diag([1.0, 0.7, 0.2]) @ turn.T
    thick, width = 4, 160
    found = along(np.ones((thick, 2, width), np.uint16), tensor[None], (1e-7,) * 3)
    resistivity = np.linalg.inv(tensor)
    k, c = tensor[0, 0], tensor[0, 2]
    side = resistivity[0, 0] * (k**2 + c**2 / 12.0) + resistivity[0, 2] * k * c
    side += resistivity[2, 2] * c**2 / 3.0
    share = 2.0 * thick / width
    assert k**2 / ((1.0 - share) * k + share * side) <= found < k
    assert 1.0 / resistivity[0, 0] < 0.95 * k


def test_turning_the_volume_turns_the_tensor():
    classes, tensors = polycrystal((8, 7, 9), 6)
    classes[blobs(9, 0.3)[:8, :7]] = 0
    found = periodic(classes, tensors).matrix
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned_spacing = (UNEQUAL[1], UNEQUAL[0], UNEQUAL[2])
    turned = periodic(np.rot90(classes), turn @ tensors @ turn.T, turned_spacing).matrix
    assert turned == pytest.approx(turn @ found @ turn.T, rel=SMALL, abs=SMALL)


def test_polycrystal_lies_between_the_bounds_of_voigt_and_reuss():
    classes, tensors = polycrystal((16, 14, 15), 12)
    found = periodic(classes, tensors)
    occurring = tensors[classes - 1].reshape(-1, 3, 3)
    voigt = occurring.mean(axis=0)
    reuss = np.linalg.inv(np.linalg.inv(occurring).mean(axis=0))
    assert np.array_equal(found.matrix, found.matrix.T)
    assert np.linalg.eigvalsh(found.matrix - reuss)[0] > 0.0
    assert np.linalg.eigvalsh(voigt - found.matrix)[0] > 0.0
    # mean fluxes know nothing of energies; their error is of first order, hence the square root
    assert found.mean_flux == pytest.approx(found.matrix, abs=np.sqrt(FINE))
    assert max(found.imbalance) < 10 * np.sqrt(FINE)


def test_components_of_a_gradient_can_be_asked_for_alone():
    classes, tensors = polycrystal((6, 7, 8), 5)
    whole = periodic(classes, tensors)
    part = periodic(classes, tensors, gradients=(2, 0), flux=False)
    assert part.matrix == pytest.approx(whole.matrix[np.ix_([2, 0], [2, 0])], rel=SMALL)
    assert part.flux is None
    assert part.potential[0] == pytest.approx(whole.potential[2], rel=1e-4, abs=1e-13)


def gauss_matrix(tensor, spacing):
    """Stiffness of a voxel per volume, from shape functions at the eight Gauss points."""
    corners = np.indices((2, 2, 2)).reshape(3, 8)
    points = 0.5 + (corners.T - 0.5) / np.sqrt(3.0)
    matrix = np.zeros((8, 8))
    for point in points:
        factors = np.where(corners == 1, point[:, None], 1.0 - point[:, None])
        slopes = np.where(corners == 1, 1.0, -1.0) / np.array(spacing)[:, None]
        gradient = np.stack(
            [np.prod(np.where(np.arange(3)[:, None] == a, slopes, factors), 0) for a in range(3)]
        )
        matrix += gradient.T @ tensor @ gradient / 8.0
    return matrix


def assembled(classes, tensors, spacing, is_periodic):
    """Sparse matrix of the same elements, and the shape of its nodes."""
    nodes = tuple(n + (not is_periodic) for n in classes.shape)
    elements = [gauss_matrix(k, spacing) for k in np.concatenate([np.zeros((1, 3, 3)), tensors])]
    rows, columns, values = [], [], []
    for voxel in np.ndindex(*classes.shape):
        corners = [tuple((np.array(voxel) + c) % nodes) for c in np.ndindex(2, 2, 2)]
        numbers = np.ravel_multi_index(np.transpose(corners), nodes)
        rows.append(np.repeat(numbers, 8))
        columns.append(np.tile(numbers, 8))
        values.append(elements[classes[voxel]].ravel())
    joined = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.coo_array(joined, (np.prod(nodes),) * 2).tocsr(), nodes


def test_modes_of_a_voxel_have_the_stiffness_of_its_shape_functions():
    tensors = rotated((1.0, 0.1, 3.0), 5, 4)
    found = element_matrices(tensors, (1.0, 0.4, 2.5))
    for tensor, matrix in zip(tensors, found, strict=True):
        assert matrix == pytest.approx(gauss_matrix(tensor, (1.0, 0.4, 2.5)), abs=1e-13)


@pytest.mark.parametrize("share", [0.0, 0.35])
def test_values_are_those_of_a_direct_solve(share, precision):
    classes, tensors = polycrystal((7, 9, 8), 9)
    classes[~spanning(~blobs(9, share)[:7, :, :8])] = 0
    spacing = (1.0, 0.7, 1.9)
    matrix, nodes = assembled(classes, tensors, spacing, False)
    held = np.zeros(nodes, bool)
    held[[0, -1]] = True
    free = np.flatnonzero(~held.ravel() & (matrix.diagonal() > 0.0))
    x = np.zeros(nodes)
    x[0] = 1.0
    x = x.ravel()
    x[free] = scipy.sparse.linalg.spsolve(matrix[free][:, free], -(matrix @ x)[free])
    exact = x @ matrix @ x / classes.size * (7 * 1.0) ** 2
    found = solve_tensors(classes, tensors, spacing, periodic=False, tolerance=FINE)
    assert found.matrix[0, 0] == pytest.approx(exact, rel=SMALL)
    assert found.potential[0].ravel()[free] == pytest.approx(x[free], abs=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.35])
def test_correctors_are_those_of_a_direct_solve(share):
    classes, tensors = polycrystal((7, 5, 6), 9)
    classes[blobs(7, share)[:, :5, :6]] = 0
    spacing = (1.0, 0.7, 1.9)
    operator = TensorConduction(classes, tensors, spacing, True)
    matrix, _ = assembled(classes, tensors, spacing, True)
    exact, correctors, loads = np.zeros((3, 3)), [], []
    for axis in range(3):
        r = runtime.zeros(operator.size, np.float64)
        operator.residual(runtime.zeros(operator.size, np.float64), np.eye(3)[axis], r)
        load = node_values(runtime.to_host(r), operator.grid).ravel()
        loads.append(load)
        correctors.append(scipy.sparse.linalg.lsqr(matrix, load, atol=1e-15, btol=1e-15)[0])
    occurring = np.concatenate([np.zeros((1, 3, 3)), tensors])[classes].mean(axis=(0, 1, 2))
    for i in range(3):
        for j in range(3):
            exact[i, j] = occurring[i, j] - loads[i] @ correctors[j] / classes.size
    found = periodic(classes, tensors, spacing).matrix
    assert found == pytest.approx(exact, rel=1e-7, abs=1e-7)  # of lsqr


def test_isotropic_elements_agree_with_two_point_fluxes_and_finer_voxels_better():
    phases = {0: 0.1, 1: 1.0}
    labels = blobs(14, 0.5).astype(np.uint8)
    differences = []
    for repeats in (1, 2):
        fine = labels
        for axis in range(3):
            fine = np.repeat(fine, repeats, axis)
        found = along(
            (fine + 1).astype(np.uint16),
            np.array([phases[0] * np.eye(3), phases[1] * np.eye(3)]),
            (1e-7,) * 3,
            tolerance=1e-7,
        )
        faces = solvers.effective_conductivity(Volume(fine, 1e-7), phases, 0, tolerance=1e-7)
        mean = labels.mean() * phases[1] + (1 - labels.mean()) * phases[0]
        series = 1.0 / (labels.mean() / phases[1] + (1 - labels.mean()) / phases[0])
        assert series < found < mean
        differences.append(abs(found / faces.value - 1.0))
    assert differences[0] < 0.1
    assert differences[1] < 0.75 * differences[0]


@pytest.mark.parametrize("is_periodic", [False, True])
def test_islands_of_a_good_conductor_keep_the_error_below_the_tolerance(is_periodic):
    # without a correction of their own the error is a thousand tolerances with these
    classes = (1 + blobs(16, 0.12, 2, width=1.0)).astype(np.uint16)
    tensors = np.array([1e-7 * np.eye(3), np.eye(3)])
    options = {"spacing": (2.0, 5.0, 1.0), "periodic": is_periodic, "gradients": (0,)}
    found, best = (solve_tensors(classes, tensors, tolerance=t, **options) for t in (1e-5, 1e-12))
    assert best.matrix[0, 0] <= found.matrix[0, 0] <= (1.0 + 1e-5) * best.matrix[0, 0]
    assert found.reports[0].iterations <= 30


@pytest.mark.slow
@pytest.mark.parametrize("is_periodic", [False, True])
@pytest.mark.parametrize("case", ["porous", "contrast", "grains", "porous grains"])
def test_iterations_stay_few(case, is_periodic):
    mask = blobs(64, 0.4)
    if "grains" in case:
        classes, tensors = polycrystal((64, 64, 64), 30, (1.0, 1.0, 0.01))
    else:
        classes, tensors = np.ones(mask.shape, np.uint16), np.array([np.eye(3), 1e-4 * np.eye(3)])
        classes[mask] = 2 if case == "contrast" else 0
    if "porous" in case:
        classes[~spanning(~mask)] = 0
    found = solve_tensors(classes, tensors, (1.0,) * 3, periodic=is_periodic, flux=False)
    assert max(r.iterations for r in found.reports) <= 30


def level_of(shape, is_periodic, seed=0):
    """Finest level of a polycrystal, and the next."""
    classes, tensors = polycrystal(shape, 5, seed=seed)
    operator = TensorConduction(classes, tensors, (1.0, 1.1, 0.9), is_periodic)
    return operator.preconditioner().multigrid.levels[:2]


def fill(level, values):
    """Node values of a level that obey its boundary conditions."""
    flat = np.zeros(level.grid.size, level.dtype)
    node_values(flat, level.grid)[:] = values
    seal(flat, level.grid)
    runtime.assign(level.x, flat)
    return node_values(flat, level.grid).astype(float)


@pytest.mark.parametrize("is_periodic", [False, True])
@pytest.mark.parametrize("shape", [(8, 9, 10), (7, 11, 8), (9, 9, 9)])
def test_restriction_is_the_transpose_of_interpolation_over_the_merged_voxels(shape, is_periodic):
    fine, coarse = level_of(shape, is_periodic)
    rng = np.random.default_rng(1)
    fill(fine, 0.0)
    correction = fill(coarse, rng.normal(size=coarse.grid.nodes))
    fine.prolong(coarse)
    moved = node_values(runtime.to_host(fine.x), fine.grid).astype(float)
    force = fill(fine, rng.normal(size=fine.grid.nodes))
    runtime.assign(fine.b, runtime.to_host(fine.x))
    fill(fine, 0.0)
    fine.restrict(coarse)  # of the residual, which is the force where the potential is 0
    work = np.sum(node_values(runtime.to_host(coarse.b), coarse.grid) * correction)
    assert np.sum(moved * force) == pytest.approx(8 * work, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("shape", [(8, 9, 10), (7, 11, 8)])
def test_interpolation_of_a_straight_line_is_straight(shape):
    fine, coarse = level_of(shape, False)
    lines = [np.indices(level.grid.nodes).astype(float) for level in (fine, coarse)]
    lines[1] *= 2.0
    for axis in (1, 2):
        n = fine.grid.shape[axis]
        straight = np.minimum(lines[1][axis], n)  # the last node stands on the face
        fill(fine, 0.0)
        runtime.assign(coarse.x, np.zeros(coarse.grid.size, coarse.dtype))
        node_values(runtime.to_host(coarse.x), coarse.grid)[:] = straight
        fine.prolong(coarse)
        found = node_values(runtime.to_host(fine.x), fine.grid)[1:-1]  # the ends are held
        assert found == pytest.approx(lines[0][axis][1:-1], abs=1e-5)


def test_relaxation_knows_diagonal_and_spectrum_of_its_matrix():
    classes, tensors = polycrystal((5, 4, 6), 5)
    spacing = (1.0, 0.7, 1.9)
    level = TensorConduction(classes, tensors, spacing, False).preconditioner().multigrid.levels[0]
    matrix, nodes = assembled(classes, tensors, spacing, False)
    diagonal = matrix.diagonal()
    inverse = node_values(runtime.to_host(level.inverse), level.grid)
    assert inverse == pytest.approx(1.0 / diagonal.reshape(nodes), rel=1e-5)
    scaled = matrix.toarray() / np.sqrt(np.multiply.outer(diagonal, diagonal))
    assert np.linalg.eigvalsh(scaled)[-1] <= largest_eigenvalue(tensors, spacing)


def test_merged_voxels_have_the_mean_tensor():
    classes, tensors = polycrystal((4, 6, 6), 5)
    classes[blobs(6, 0.3)[:4]] = 0
    operator = TensorConduction(classes, tensors, (1.0, 1.0, 1.0), True)
    finest = operator.preconditioner().multigrid.levels[0]
    coarse = finest.coarser()
    whole = np.concatenate([np.zeros((1, 3, 3)), tensors])[classes]
    means = whole.reshape(2, 2, 3, 2, 3, 2, 3, 3).mean(axis=(1, 3, 5))
    table = coarse.grid.voxels(runtime.to_host(coarse.tensors.table))
    for six, (a, b) in zip(table, PAIRS, strict=True):
        assert six == pytest.approx(means[..., a, b] / 64.0, abs=1e-7)  # (4 h)² with h = 2


def test_layer_that_conducts_nowhere_is_refused():
    classes = np.ones((4, 3, 3), np.uint16)
    classes[2] = 0
    with pytest.raises(NotPercolatingError, match="layer 2"):
        solve_tensors(classes, np.eye(3)[None], UNEQUAL, periodic=False)


def test_arrays_that_do_not_fit_are_refused():
    classes = np.ones((4, 3, 3), np.uint16)
    with pytest.raises(InvalidInputError, match="only 1 tensors"):
        solve_tensors(2 * classes, np.eye(3)[None], UNEQUAL, periodic=False)
    with pytest.raises(InvalidInputError, match=r"\(n, 3, 3\)"):
        solve_tensors(classes, np.eye(3), UNEQUAL, periodic=False)
    with pytest.raises(InvalidInputError, match="no axes"):
        periodic(classes, np.eye(3)[None], gradients=(3,))


def test_grains_turn_the_crystal():
    turns = Rotation.random(3, np.random.default_rng(0)).as_matrix()
    grains = np.zeros((2, 2, 2), int)
    crystal = Anisotropic((1.0, 2.0, 5.0), grains, turns)
    for turn, tensor in zip(turns, crystal.matrices, strict=True):
        own_axis = turn[:, 2]  # where the crystal's third axis points
        assert tensor @ own_axis == pytest.approx(5.0 * own_axis)
        assert np.array_equal(tensor, tensor.T)
    assert not crystal.is_aligned
    whole = Anisotropic((1.0, 2.0, 5.0), rotations=turns[0])
    assert whole.matrices[0] == pytest.approx(crystal.matrices[0])


def test_aligned_crystals_are_told_from_tilted_ones():
    quarter = Rotation.from_rotvec([np.pi / 2, 0.0, 0.0]).as_matrix()
    eighth = Rotation.from_rotvec([np.pi / 4, 0.0, 0.0]).as_matrix()
    assert Anisotropic((1.0, 2.0, 3.0)).is_aligned
    assert Anisotropic((1.0, 2.0, 3.0), rotations=quarter).is_aligned
    assert not Anisotropic((1.0, 2.0, 3.0), rotations=eighth).is_aligned
    assert not Anisotropic(rotated((1.0, 2.0, 3.0))).is_aligned


def test_classes_hold_numbers_tensors_and_the_grains_that_occur():
    labels = np.array([[[0, 1, 2, 2, 3, 4]]], np.uint8)
    volume = Volume(labels, 1e-7, outside=4)
    turns = Rotation.random(4, np.random.default_rng(0)).as_matrix()
    grains = np.array([[[0, 0, 3, 1, 0, 0]]])
    crystal = Anisotropic((1.0, 2.0, 5.0), grains, turns)
    values = {0: 0.0, 1: 2.0, 2: crystal, 3: Anisotropic((7.0, 8.0, 9.0))}
    classes, tensors = tensor_classes(volume, values)
    assert classes.dtype == np.uint16
    whole = np.concatenate([np.zeros((1, 3, 3)), tensors])[classes[0, 0]]
    expected = [
        np.zeros((3, 3)),
        2.0 * np.eye(3),
        crystal.matrices[3],
        crystal.matrices[1],
        np.diag([7.0, 8.0, 9.0]),
        np.zeros((3, 3)),
    ]
    assert whole == pytest.approx(np.array(expected))
    assert len(tensors) == 4


TURN = np.eye(3)[None]
GRAINS = np.zeros((2, 2, 2), int)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 0.5, 0], [0.4, 1.0, 0], [0, 0, 1.0]],), "not symmetric"),
        (([[1.0, 2.0, 0], [2.0, 1.0, 0], [0, 0, 1.0]],), "not positive definite"),
        (((1.0, 0.0, 1.0),), "not positive definite"),
        (((1.0, np.nan, 1.0),), "finite"),
        ((("a", 1.0, 1.0),), "finite"),
        (((1.0, 1.0),), "three numbers"),
        (((1.0, 1.0, 2.0), GRAINS, 2 * TURN), "proper rotations"),
        (((1.0, 1.0, 2.0), GRAINS, -TURN), "proper rotations"),
        (((1.0, 1.0, 2.0), GRAINS, np.eye(2)), "proper rotations"),
        (((1.0, 1.0, 2.0), GRAINS + 1, TURN), "numbered 1…1"),
        (((1.0, 1.0, 2.0), GRAINS - 1, TURN), "numbered -1"),
        (((1.0, 1.0, 2.0), GRAINS), "0 rotations"),
        (((1.0, 1.0, 2.0), GRAINS * 1.0, TURN), "no integers"),
        (((1.0, 1.0, 2.0), None, np.stack([np.eye(3)] * 2)), "without grains"),
    ],
)
def test_what_is_no_crystal_is_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        Anisotropic(*arguments)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({0: 1.0}, "'phase 1' is None"),
        ({0: 1.0, 1: -1.0}, "'phase 1' is -1"),
        ({0: 1.0, 1: np.inf}, "'phase 1' is inf"),
        ({0: 1.0, 1: Anisotropic((1.0, 1.0, 2.0), GRAINS, TURN)}, "grains of 'phase 1'"),
    ],
)
def test_values_that_give_no_classes_are_refused(values, message):
    volume = Volume(np.array([[[0, 1]]], np.uint8), 1e-7)
    with pytest.raises(InvalidInputError, match=message):
        tensor_classes(volume, values)
