"""Effective conductivity where theory knows it: corners, spheres, channels, duality, bounds."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from tests.exact import analytic_conduction as exact

UNEQUAL = (3e-7, 1e-7, 1.7e-7)
TIGHT = 1e-10


def value(labels, sigma, axis=0, spacing=1e-7, tolerance=1e-8, **options):
    volume = Volume(labels, spacing)
    return solvers.effective_conductivity(volume, sigma, axis, tolerance=tolerance, **options).value


def tensor(labels, sigma, spacing=1e-7, tolerance=TIGHT):
    return solvers.effective_conductivity_tensor(
        Volume(labels, spacing), sigma, tolerance=tolerance
    )


def blobs(shape, fraction, seed, size=1.7):
    """Labels of a periodic volume, 1 in the given fraction."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), size, mode="wrap")
    return (field < np.quantile(field, fraction)).astype(np.uint8)


# two phases that meet in corners


def checkerboard(n):
    return np.kron(np.eye(2, dtype=np.uint8), np.ones((n, n), np.uint8))[None]


@pytest.mark.parametrize("boundary", ["periodic", "electrodes"])
def test_checkerboard_converges_with_the_order_of_its_corners(boundary):
    """sqrt(k1 k2), after Keller and Dykhne."""
    sizes = (16, 32, 64)
    sigma = {0: 1.0, 1: 10.0}
    errors = [
        value(checkerboard(n), sigma, 1, boundary=boundary) / np.sqrt(10.0) - 1 for n in sizes
    ]
    observed = -np.polyfit(np.log(sizes), np.log(np.abs(errors)), 1)[0]
    assert observed == pytest.approx(exact.checkerboard_order(10.0), abs=0.05)


def test_checkerboard_extrapolates_to_the_mean_of_keller_and_dykhne():
    order = exact.checkerboard_order(10.0)
    coarse, fine = (value(checkerboard(n), {0: 1.0, 1: 10.0}, 1, boundary="periodic")
                    for n in (32, 64))  # fmt: skip
    limit = fine + (fine - coarse) / (2**order - 1)
    # what is left is the next term, of twice the order, with a coefficient like the first
    left = ((fine - limit) / limit) ** 2
    assert limit == pytest.approx(np.sqrt(10.0), rel=3 * left)


# arrays of spheres


def sphere_octant(fraction, n):
    """An octant of a sphere about the corner of a box, in the fraction exactly."""
    distance = sum(v**2 for v in np.indices((n, n, n)) + 0.5).round(6)
    labels = np.zeros(n**3, np.uint8)
    labels[distance.ravel().argsort(kind="stable")[: round(fraction * n**3)]] = 1
    return labels.reshape(n, n, n)


SPHERES = [(0.2, 100.0, 1.7280), (0.4, 0.0, 0.4901), (0.4, 100.0, 3.133)]


@pytest.mark.parametrize(("fraction", "conductivity", "known"), SPHERES)
def test_multipoles_give_the_published_values_of_spheres_on_a_cubic_lattice(
    fraction, conductivity, known
):
    assert exact.simple_cubic_spheres(fraction, conductivity) == pytest.approx(known, rel=2e-4)
    maxwell = exact.simple_cubic_spheres(fraction, conductivity, degree=1)
    beta = (conductivity - 1) / (conductivity + 2)
    assert maxwell == pytest.approx((1 + 2 * fraction * beta) / (1 - fraction * beta), rel=1e-12)


@pytest.mark.parametrize(("fraction", "conductivity", "_"), SPHERES)
def test_spheres_on_a_cubic_lattice(fraction, conductivity, _):
    """No voxel is off by more than half a shell of voxels is; extrapolated, within a percent."""
    sizes = np.array([20, 24, 28, 32, 40])
    sigma = {0: 1.0, 1: conductivity}
    values = np.array([value(sphere_octant(fraction, n), sigma) for n in sizes])
    limit = exact.simple_cubic_spheres(fraction, conductivity)
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    for n, found in zip(sizes, values, strict=True):
        shell = 0.5 / (2 * n)  # half a voxel, of a box of 1/2
        between = [
            exact.simple_cubic_spheres(4 / 3 * np.pi * (radius + d) ** 3, conductivity)
            for d in (shell, -shell)
        ]
        assert min(between) < found < max(between)
    assert np.polyfit(1 / sizes, values, 1)[1] == pytest.approx(limit, rel=0.01)


# inclusions that disturb nothing


def coated(n, dimension, core, shell):
    """A quarter or octant of a coated inclusion about the corner of a box of 1/2."""
    at = (np.indices((n,) * dimension) + 0.5) / (2 * n)
    distance = np.sqrt((at**2).sum(axis=0))
    labels = np.where(distance < core, 2, np.where(distance < shell, 1, 0)).astype(np.uint8)
    return labels if dimension == 3 else labels[None]


@pytest.mark.parametrize("core", [0.0, 0.1, 10.0])
@pytest.mark.parametrize(("dimension", "sizes"), [(2, (32, 64, 128)), (3, (16, 32))])
def test_neutral_inclusions_disturb_the_matrix_less_and_less(core, dimension, sizes):
    """Half a voxel more or less of core or shell, of a few, is all that is wrong."""
    inner, outer = 0.25, 0.42
    matrix = exact.neutral_matrix(core, 1.0, (inner / outer) ** dimension, dimension)
    sigma = {0: matrix, 1: 1.0, 2: core}
    errors = []
    for n in sizes:
        found = value(coated(n, dimension, inner, outer), sigma, 1) / matrix - 1
        shell = 0.5 / (2 * n)
        share = np.pi * outer**2 if dimension == 2 else 4 / 3 * np.pi * outer**3
        worst = 0.0
        for a, b in itertools.product((-shell, shell), repeat=2):
            size = ((outer + b) / outer) ** dimension * share
            moved = exact.neutral_matrix(
                core, 1.0, ((inner + a) / (outer + b)) ** dimension, dimension
            )
            whole = exact.neutral_matrix(moved, matrix, size, dimension)
            worst = max(worst, abs(whole / matrix - 1))
        assert abs(found) < worst
        errors.append(abs(found))
    assert errors[-1] < errors[0]


# channels


@pytest.mark.parametrize(("n", "width"), [(6, 2), (7, 3), (12, 5), (9, 8)])
@pytest.mark.parametrize("spacing", [(1e-7, 1e-7, 1e-7), UNEQUAL])
def test_inclined_channels_conduct_along_themselves_only(n, width, spacing):
    """Voxels with (i - j) mod n < width: a potential linear along the channel is exact.

    Each row across holds width - 1 of n faces, so that the tensor is (width - 1)/n t t, with t
    along the diagonals of voxels: the share of the channel, less half a voxel at either wall.
    """
    i, j = np.indices((n, n))
    labels = np.repeat(((i - j) % n >= width)[:, :, None], 2, axis=2).astype(np.uint8)
    found = tensor(labels, {0: 1.0, 1: 0.0}, spacing, 1e-12).value
    along = np.array(spacing[:2]) / np.hypot(*spacing[:2])
    expected = np.zeros((3, 3))
    expected[:2, :2] = (width - 1) / n * np.outer(along, along)
    expected[2, 2] = width / n
    assert found == pytest.approx(expected, abs=1e-10)


def test_channels_at_any_slope_tend_to_the_share_times_the_square_of_the_cosine():
    """One voxel aside for two along: what is lost at the walls goes with the voxel."""
    direction, errors = np.array([2.0, 1.0]) / np.sqrt(5), []
    for n in (16, 32, 64):
        i, j = np.indices((2 * n, n))
        labels = ((i - 2 * j) % (2 * n) >= n).astype(np.uint8)[:, :, None]
        found = tensor(labels, {0: 1.0, 1: 0.0}, tolerance=1e-9).value[:2, :2]
        errors.append(np.abs(found - 0.5 * np.outer(direction, direction)).max())
    ratios = np.array(errors[:-1]) / errors[1:]
    assert ratios == pytest.approx(2.0, rel=0.1)


def spiral(n):
    """Voxels of a square spiral from the corner of a sheet inwards, never beside themselves."""
    path, step, blocked = [(0, 0)], (0, 1), 0

    def beside(p):
        return sum((p[0] + a, p[1] + b) in path for a, b in ((0, 1), (0, -1), (1, 0), (-1, 0)))

    while blocked < 2:
        ahead = (path[-1][0] + step[0], path[-1][1] + step[1])
        if min(ahead) >= 0 and max(ahead) < n and beside(ahead) == 1:
            path.append(ahead)
            blocked = 0
        else:
            step, blocked = (step[1], -step[0]), blocked + 1
    return path


@pytest.mark.parametrize("n", [7, 12, 15])
def test_spiral_of_single_voxels_is_as_long_as_it_is(n):
    """In by a spiral in one sheet, through a wall, out by a spiral in another."""
    path = spiral(n)
    labels = np.ones((5, n, n), np.uint8)
    for y, x in path:
        labels[1, y, x] = labels[3, y, x] = 0
    labels[0, 0, 0] = labels[4, 0, 0] = 0
    labels[2, path[-1][0], path[-1][1]] = 0
    voxels = 2 * len(path) + 3
    assert len(path) > n * n // 3
    # as many steps as voxels, halves at the ends included
    assert value(labels, {0: 1.0, 1: 0.0}, tolerance=1e-11) == pytest.approx(
        5 / voxels / n**2, rel=1e-8
    )


def test_dead_ends_carry_nothing():
    """A comb: teeth of any length and shape hang on a straight channel."""
    labels = np.ones((20, 9, 9), np.uint8)
    labels[:, 3:5, 2:6] = 0
    bare = value(labels, {0: 1.0, 1: 0.0}, tolerance=1e-12)
    rng = np.random.default_rng(0)
    for layer in range(1, 19, 2):  # not the last, which an electrode touches
        labels[layer, 5 : rng.integers(6, 10), rng.integers(2, 6)] = 0
        labels[layer, rng.integers(0, 3) : 3, rng.integers(2, 6)] = 0
    assert bare == pytest.approx(8 / 81, rel=1e-12)
    assert value(labels, {0: 1.0, 1: 0.0}, tolerance=1e-12) == pytest.approx(bare, rel=1e-9)


# duality in two dimensions


def dual_tensor(sigma, spacing):
    """Tensor of the network through the corners of voxels that crosses every face by 1/g."""
    (ny, nx), (hy, hx) = sigma.shape, spacing
    rho = 1 / sigma
    across_y = (rho + np.roll(rho, -1, 0)) / 2 * hy / hx  # of links along x, between (i, j - 1), j
    across_x = (rho + np.roll(rho, -1, 1)) / 2 * hx / hy
    number = np.arange(ny * nx).reshape(ny, nx)
    # corner (i, j) lies above and beyond voxel (i, j)
    ends = [(number, np.roll(number, -1, 0)), (number, np.roll(number, -1, 1))]
    g = [np.roll(across_x, -1, 0).ravel(), np.roll(across_y, -1, 1).ravel()]
    incidence = np.zeros((2 * ny * nx, ny * nx))
    for a, (tail, head) in enumerate(ends):
        rows = a * ny * nx + np.arange(ny * nx)
        incidence[rows, tail.ravel()] += 1
        incidence[rows, head.ravel()] -= 1
    weights = np.concatenate(g)
    drive = np.kron(np.diag([hy, hx]), np.ones((ny * nx, 1)))
    laplacian = incidence.T @ (weights[:, None] * incidence)
    u = np.linalg.lstsq(laplacian, -incidence.T @ (weights[:, None] * drive), rcond=1e-12)[0]
    drops = drive + incidence @ u
    return drops.T @ (weights[:, None] * drops) / (ny * nx * hy * hx)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.5, 1.0)])
@pytest.mark.parametrize("shape", [(9, 8), (6, 11)])
def test_tensor_of_a_sheet_is_that_of_its_dual_network_over_its_determinant(shape, spacing):
    """Currents of one are the potentials of the other, turned: exact on voxels too."""
    labels = np.random.default_rng(5).integers(0, 3, shape, dtype=np.uint8)
    sigma = np.array([1.0, 0.05, 8.0])
    edges = (1e-7, *(1e-7 * h for h in spacing))
    found = tensor(labels[None], dict(enumerate(sigma)), edges, 1e-12).value[1:, 1:]
    dual = dual_tensor(sigma[labels], spacing)
    assert abs(dual[0, 1]) > 1e-3 * dual[0, 0]
    assert found == pytest.approx(dual / np.linalg.det(dual), rel=1e-7)


def test_conductors_and_resistors_exchanged_tend_to_the_inverse_along_the_other_axis():
    """k_y(sigma) k_x(1/sigma) = 1 in the limit of small voxels."""
    base = blobs((24, 24), 0.5, 4, size=3.0)
    gaps = []
    for times in (1, 2, 4):
        labels = np.kron(base, np.ones((times, times), np.uint8))[None]
        product = value(labels, {0: 1.0, 1: 8.0}, 1, boundary="periodic") * value(
            labels, {0: 1.0, 1: 1 / 8.0}, 2, boundary="periodic"
        )
        gaps.append(abs(product - 1))
    # corners of right angles, with one phase in three quarters of them, are of this order
    order = 2 * corner_exponent(8.0)
    observed = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert observed == pytest.approx(order, abs=0.15)


def corner_exponent(contrast):
    """Smallest exponent of the potential r^x where a phase fills a quarter and another the rest.

    By symmetry about the diagonal: k1 tan(x pi/4) = k2 tan(x 3 pi/4) up to the sign, cot or tan.
    """
    x = np.linspace(0.5, 1.0, 200_001)[1:-1]
    a, b = x * np.pi / 4, x * 3 * np.pi / 4
    roots = []
    for k in (contrast, 1 / contrast):
        f = k * np.sin(a) * np.cos(b) + np.cos(a) * np.sin(b)
        roots += list(x[:-1][f[:-1] * f[1:] < 0])
    return min(roots, default=1.0)


# bounds


@pytest.mark.parametrize("contrast", [0.02, 30.0])
@pytest.mark.parametrize(("shape", "size"), [((24, 24, 24), 2.0), ((20, 24, 28), (4.0, 1.5, 1.5))])
@pytest.mark.parametrize("fraction", [0.25, 0.6])
def test_tensors_of_two_phases_lie_within_all_bounds(fraction, shape, size, contrast):
    labels = blobs(shape, fraction, 7, size)
    found = tensor(labels, {0: 1.0, 1: contrast}, tolerance=1e-7)
    low, high = sorted((1.0, contrast))
    share = labels.mean() if contrast > 1 else 1 - labels.mean()  # of the better conductor
    mean, harmonic = (1 - share) * low + share * high, 1 / ((1 - share) / low + share / high)
    principal = found.principal_values
    assert harmonic < principal.min() <= principal.max() < mean  # Wiener
    below, above = exact.tensor_bounds(low, high, share)
    assert (1 / (principal - low)).sum() < below
    assert (1 / (high - principal)).sum() < above


def test_bounds_of_isotropic_mixtures_are_those_of_hashin_and_shtrikman():
    low, high, share = 1.0, 20.0, 0.3
    below, above = exact.tensor_bounds(low, high, share)
    lower = low + share / (1 / (high - low) + (1 - share) / (3 * low))
    upper = high + (1 - share) / (1 / (low - high) + share / (3 * high))
    assert low + 3 / below == pytest.approx(lower, rel=1e-12)
    assert high - 3 / above == pytest.approx(upper, rel=1e-12)
