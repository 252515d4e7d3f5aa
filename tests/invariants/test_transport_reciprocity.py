"""Reciprocity, conservation and monotony of effective transport, to tolerances that follow."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from solvers import Electrodes
from solvers.grid import Grid
from solvers.network import network

UNEQUAL = (3e-7, 1e-7, 1.7e-7)
TIGHT = 1e-10


def blobs(shape, fraction, seed):
    """Labels of a periodic volume, 1 in the given fraction."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.7, mode="wrap")
    return (field < np.quantile(field, fraction)).astype(np.uint8)


def value(labels, sigma, boundary):
    volume = Volume(labels, UNEQUAL)
    return solvers.effective_conductivity(
        volume, sigma, 0, tolerance=TIGHT, boundary=boundary
    ).value


def tensor(labels, sigma, spacing=UNEQUAL, tolerance=TIGHT):
    return solvers.effective_conductivity_tensor(
        Volume(labels, spacing), sigma, tolerance=tolerance
    )


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("sigma", [{0: 1.0, 1: 0.0}, {0: 1.0, 1: 50.0}])
def test_fluxes_along_and_across_are_reciprocal_to_the_tolerance(sigma, tolerance):
    """An energy right to t leaves fluxes right to sqrt(t k m), m being the mean conductivity."""
    labels = blobs((18, 16, 20), 0.4, 11)
    found = tensor(labels, sigma, UNEQUAL, tolerance)
    mean = max(np.array(list(sigma.values()))[labels].mean(), 1e-300)
    peak = np.abs(found.value).max()
    assert found.asymmetry <= 2 * np.sqrt(tolerance * mean / peak)
    assert np.array_equal(found.value, found.value.T)
    tight = tensor(labels, sigma, UNEQUAL, 1e-12)
    assert found.value == pytest.approx(tight.value, abs=2 * tolerance * peak)
    assert np.abs(tight.value[0, 1]) > 1e-4 * peak


@pytest.mark.parametrize(
    "boundary", ["electrodes", "periodic", Electrodes(contact_low=3e-7)], ids=str
)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("sigma", [(1.0, 0.0), (1.0, 0.02)])
def test_every_slice_carries_the_same_current_to_the_tolerance(sigma, tolerance, boundary):
    """Current through a slice is right to sqrt(t K G): K of the whole, G of the slice's faces."""
    labels = blobs((20, 18, 16), 0.45, 13)
    volume = Volume(labels, 1e-7)
    found = solvers.effective_conductivity(
        volume, dict(enumerate(sigma)), 0, boundary=boundary, tolerance=tolerance
    )
    field = np.array(sigma)[labels]
    with np.errstate(divide="ignore"):
        faces = 2 / (1 / field[1:] + 1 / field[:-1])
    slices = [*faces.sum(axis=(1, 2)), 2 * field[0].sum(), 2 * field[-1].sum()]
    if boundary == "periodic":
        with np.errstate(divide="ignore"):
            slices[-2:] = [(2 / (1 / field[0] + 1 / field[-1])).sum()]
    whole = found.value * labels[0].size / len(labels)
    off = np.sqrt(tolerance * max(slices) / whole)
    assert found.imbalance <= 2 * off / (1 - off)  # against the mean of slices, off as much


@pytest.mark.parametrize("ends", [("low", "high"), ("high", "low")])
def test_a_volume_turned_round_conducts_the_same_between_the_same_electrodes(ends):
    labels = blobs((12, 11, 10), 0.4, 17)
    here, there = ends
    pairs = [
        (Electrodes(**{f"contact_{here}": 2e-7}), Electrodes(**{f"contact_{there}": 2e-7})),
        (Electrodes(uniform_flux=here), Electrodes(uniform_flux=there)),
    ]
    for one, other in pairs:
        forward = value(labels, {0: 1.0, 1: 0.1}, one)
        back = value(labels[::-1], {0: 1.0, 1: 0.1}, other)
        assert forward == pytest.approx(back, rel=1e-8)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_permuted_axes_permute_the_tensor(order):
    labels = blobs((12, 14, 10), 0.5, 19)
    sigma = {0: 1.0, 1: 0.05}
    plain = tensor(labels, sigma, UNEQUAL).value
    spacing = tuple(UNEQUAL[a] for a in order)
    turned = tensor(labels.transpose(order), {k: 3.0 * s for k, s in sigma.items()}, spacing).value
    expected = 3.0 * plain[np.ix_(order, order)]
    assert turned == pytest.approx(expected, abs=1e-7 * plain.max())


@pytest.mark.parametrize(
    "boundary", ["electrodes", "periodic", Electrodes(uniform_flux="low")], ids=str
)
def test_more_conductivity_in_any_voxel_never_lowers_the_whole(boundary):
    rng = np.random.default_rng(23)
    field = rng.choice([0.02, 1.0, 5.0], (8, 7, 6))
    volume = Volume(np.zeros(field.shape, np.uint8), UNEQUAL)

    def whole(sigma):
        return solvers.effective_conductivity(
            volume, sigma, 0, boundary=boundary, tolerance=1e-12
        ).value

    before = whole(field)
    for place in rng.integers(0, field.shape, (8, 3)):
        more = field.copy()
        more[tuple(place)] *= rng.choice([1.5, 100.0])
        assert whole(more) >= before * (1 - 1e-10)


def test_currents_of_a_network_meet_each_others_potentials_alike():
    """b1 . x2 = b2 . x1: where a current enters and where a potential is read may be exchanged."""
    rng = np.random.default_rng(29)
    grid = Grid((9, 11, 8))
    faces = np.zeros((4, *grid.padded))
    for axis in range(3):
        joined = tuple(slice(1, -2) if a == axis else slice(1, -1) for a in range(3))
        g = 10.0 ** rng.uniform(-3, 1, faces[axis][joined].shape)
        faces[axis][joined] = np.where(rng.random(g.shape) < 0.8, g, 0.0)
    faces[3, 1:-1, 1:-1, 1:-1] = 1e-3 * rng.random(grid.shape)  # every cluster has a way to 0
    web = network(grid, (1.0, 1.0, 1.0), faces.reshape(4, -1))
    one, other = np.zeros((2, *grid.shape))
    one[0, 3, 2], other[8, 6, 5], other[2, 2, 2] = 1.0, 1.0, -0.5
    (x, _), (y, _) = (web.solve(b, tolerance=1e-13) for b in (one, other))
    size = np.sqrt(web.dissipation(x, one) * web.dissipation(y, other))
    assert abs((one * y).sum() - (other * x).sum()) < 3e-6 * size  # roots of the tolerance, 2 sides
