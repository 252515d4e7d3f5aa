"""Finite volumes once more in plain numpy, solved by fast transforms instead of multigrid.

Conjugate gradients, preconditioned by the exact inverse for uniform material: sine transforms
between electrodes, cosine transforms between insulated sides, Fourier transforms where the volume
repeats itself. It shares no line with the solver.
"""

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from solvers import Electrodes

AGREEMENT = 1e-7
EVEN, UNEQUAL = (1e-7, 1e-7, 1e-7), (2.5e-7, 1e-7, 1.6e-7)
SIDES = {"insulated": ("held", "closed", "closed"), "periodic": ("held", "periodic", "periodic")}


def shifted(u, axis, kind, falls):
    """Potential one voxel above; beyond the last, as ends and sides have it."""
    above = np.roll(u, -1, axis)
    if kind == "periodic" and falls:
        np.moveaxis(above, axis, 0)[-1] -= 1.0
    return above


def fast_conductivity(sigma, spacing, kinds, tolerance=1e-11):
    """Effective conductivity along axis 0 of a field of voxel conductivities."""
    weights, inside = [1 / h**2 for h in spacing], sigma > 0
    resistivity = np.divide(1.0, sigma, out=np.full(sigma.shape, np.inf), where=inside)
    faces = [2 * w / (resistivity + np.roll(resistivity, -1, a)) for a, w in enumerate(weights)]
    for axis, kind in enumerate(kinds):
        if kind != "periodic":
            np.moveaxis(faces[axis], axis, 0)[-1] = 0.0
    ends = np.zeros_like(sigma)
    if kinds[0] == "held":
        ends[0] += 2 * weights[0] * sigma[0]
        ends[-1] += 2 * weights[0] * sigma[-1]
    drive = np.where(np.arange(len(sigma)) == 0, 2 * weights[0], 0.0)[:, None, None] * sigma

    def flows(u, falls):
        return [g * (u - shifted(u, a, kinds[a], falls and a == 0)) for a, g in enumerate(faces)]

    def applied(u, falls=False):
        out = ends * u
        for axis, flow in enumerate(flows(u, falls)):
            out += flow - np.roll(flow, 1, axis)
        return out

    inverse = uniform_inverse(sigma.shape, weights, kinds)
    u = np.zeros_like(sigma)
    r = drive - applied(u) if kinds[0] == "held" else -applied(u, falls=True)
    first, p, rz = np.linalg.norm(r), np.zeros_like(u), np.inf
    for _ in range(5000):
        z = np.where(inside, inverse(r), 0.0)
        rz, before = np.vdot(r, z), rz
        p = z + rz / before * p
        ap = applied(p)
        alpha = rz / np.vdot(p, ap)
        u, r = u + alpha * p, r - alpha * ap
        if np.linalg.norm(r) < tolerance * first:
            break
    else:
        raise AssertionError("the transforms did not converge")
    if kinds[0] == "held":
        current = (2 * weights[0] * sigma[0] * (1.0 - u[0])).sum()
    else:
        current = flows(u, True)[0][-1].sum()
    return float(current) * len(sigma) * spacing[0] ** 2 / sigma[0].size


def uniform_inverse(shape, weights, kinds):
    """The inverse for a conductivity of 1 all over, as a function."""
    known = {"held": (1, np.pi), "closed": (0, np.pi), "periodic": (0, 2 * np.pi)}
    total = np.zeros(shape)
    for axis, (kind, w, n) in enumerate(zip(kinds, weights, shape, strict=True)):
        first, turn = known[kind]
        values = 2 * w * (1 - np.cos(turn * (np.arange(n) + first) / n))
        total += values.reshape([-1 if a == axis else 1 for a in range(3)])
    total[total < 1e-12 * total.max()] = np.inf  # a constant, where nothing holds it
    forward = {"held": scipy.fft.dst, "closed": scipy.fft.dct, "periodic": scipy.fft.fft}
    back = {"held": scipy.fft.idst, "closed": scipy.fft.idct, "periodic": scipy.fft.ifft}
    order = sorted(range(3), key=lambda a: kinds[a] == "periodic")  # complex numbers come last

    def inverse(r):
        for axis in order:
            r = forward[kinds[axis]](r, axis=axis)
        r = r / total
        for axis in reversed(order):
            r = back[kinds[axis]](r, axis=axis)
        return r.real

    return inverse


def blobs(shape, fraction, seed):
    """Labels of a periodic volume, 1 in the given fraction."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.7, mode="wrap")
    return (field < np.quantile(field, fraction)).astype(np.uint8)


def checked(labels, spacing, sigma, axis, boundary, kinds):
    field = np.moveaxis(np.array(sigma)[labels], axis, 0)
    own = [spacing[axis], *(spacing[a] for a in range(3) if a != axis)]
    expected = fast_conductivity(field, own, kinds)
    result = solvers.effective_conductivity(
        Volume(labels, spacing), dict(enumerate(sigma)), axis, boundary=boundary, tolerance=1e-9
    )
    assert result.value == pytest.approx(expected, rel=AGREEMENT)


MEDIA = {
    "pores of 0.5": (0.5, (1.0, 0.0)),
    "pores of 0.35": (0.65, (1.0, 0.0)),
    "1:100": (0.5, (1.0, 0.01)),
    "100:1": (0.3, (0.01, 1.0)),
}


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("medium", MEDIA)
def test_between_electrodes_multigrid_and_transforms_agree(medium, sides):
    fraction, sigma = MEDIA[medium]
    labels = blobs((22, 18, 25), fraction, 1)
    checked(labels, UNEQUAL, sigma, 1, Electrodes(sides=sides), SIDES[sides])


@pytest.mark.parametrize("medium", MEDIA)
def test_in_a_volume_that_repeats_multigrid_and_transforms_agree(medium):
    fraction, sigma = MEDIA[medium]
    labels = blobs((21, 18, 24), fraction, 2)
    checked(labels, UNEQUAL, sigma, 2, "periodic", ("periodic",) * 3)


@pytest.mark.parametrize("sigma", [(1.0, 0.0), (1.0, 0.01)])
def test_a_larger_volume_agrees(sigma):
    checked(blobs((32, 32, 32), 0.6, 3), EVEN, sigma, 0, Electrodes(), SIDES["insulated"])


@pytest.mark.parametrize("kinds", [*SIDES.values(), ("periodic",) * 3])
def test_transforms_invert_uniform_material(kinds):
    """So that what is compared is a solve of its own, and no long way to the same mistake."""
    layers = np.linspace(0.5, 3.0, 7)
    series = np.broadcast_to(layers[:, None, None], (7, 4, 5))
    parallel = np.broadcast_to(layers[None, :, None], (6, 7, 4))
    assert fast_conductivity(series, UNEQUAL, kinds) == pytest.approx(1 / (1 / layers).mean())
    assert fast_conductivity(parallel, UNEQUAL, kinds) == pytest.approx(layers.mean())
