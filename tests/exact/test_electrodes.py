"""What touches the ends and sides: contact resistances, uniform flux, periodic sides."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import Electrodes

UNEQUAL = (3e-7, 1e-7, 2e-7)
SIGMA = {0: 1.0, 1: 0.05, 2: 0.0}


def random_volume(seed=0, shape=(7, 6, 5)):
    labels = np.random.default_rng(seed).choice(3, shape, p=(0.6, 0.25, 0.15)).astype(np.uint8)
    return Volume(labels, UNEQUAL, {0: "a", 1: "b", 2: "c"})


def network(volume, sides):
    """Conductances in S between all voxels as a dense Laplacian, and of half a voxel along 0."""
    h, shape = volume.spacing, volume.shape
    sigma = np.array([SIGMA[label] for label in range(3)])[volume.labels]
    number = np.arange(volume.labels.size).reshape(shape)
    matrix = np.zeros((volume.labels.size,) * 2)
    for axis in range(3):
        area = np.prod(h) / h[axis]
        for offset in (-1,):
            other, there = np.roll(sigma, offset, axis), np.roll(number, offset, axis)
            with np.errstate(divide="ignore", invalid="ignore"):
                g = np.where(
                    (sigma > 0) & (other > 0), area / (h[axis] / 2 * (1 / sigma + 1 / other)), 0
                )
            if axis == 0 or sides == "insulated":
                np.moveaxis(g, axis, 0)[-1] = 0
            for a, b, c in zip(number.ravel(), there.ravel(), g.ravel(), strict=True):
                matrix[a, a] += c
                matrix[b, b] += c
                matrix[a, b] -= c
                matrix[b, a] -= c
    half = sigma * h[1] * h[2] / (h[0] / 2)
    return matrix, half


def resistance_of(volume, electrodes):
    """Between the far sides of the electrodes, in Ω, by a dense solve of every voxel at once."""
    matrix, half = network(volume, electrodes.sides)
    area = volume.spacing[1] * volume.spacing[2]
    ends = []
    for plane, contact in zip((0, -1), electrodes.contacts, strict=True):
        g = half[plane]
        ends.append(g / (1 + g * contact / area))
    low, high = np.zeros(half.shape), np.zeros(half.shape)
    low[0], high[-1] = ends
    if electrodes.uniform_flux is None:
        np.fill_diagonal(matrix, matrix.diagonal() + (low + high).ravel())
        phi = np.linalg.lstsq(matrix, low.ravel(), rcond=1e-13)[0]
        return 1 / float(high.ravel() @ phi)
    held, plane = (high, 0) if electrodes.uniform_flux == "low" else (low, -1)
    np.fill_diagonal(matrix, matrix.diagonal() + held.ravel())
    spanning = solvers.effective_conductivity(
        volume, SIGMA, 0, boundary=Electrodes(sides=electrodes.sides), fields=True
    ).fields.potential
    current = np.zeros(half.shape)
    current[plane] = np.isfinite(spanning[plane])
    current /= current.sum()
    phi = np.linalg.lstsq(matrix, current.ravel(), rcond=1e-13)[0]
    entry = np.divide(current[plane] ** 2, half[plane], out=np.zeros(half[plane].shape),
                      where=current[plane] > 0).sum()  # fmt: skip
    return float(current.ravel() @ phi) + entry  # power of a current of 1


EVERY = [
    Electrodes(),
    Electrodes(contact_low=4e-7),
    Electrodes(contact_low=2e-8, contact_high=7e-7),
    Electrodes(uniform_flux="low"),
    Electrodes(uniform_flux="high", contact_low=3e-7),
    Electrodes(sides="periodic"),
    Electrodes(sides="periodic", uniform_flux="low", contact_high=1e-7),
]


@pytest.mark.parametrize("precision", ["mixed", "double"])
@pytest.mark.parametrize("electrodes", EVERY, ids=str)
def test_conductivity_equals_a_dense_solve(electrodes, precision):
    volume = random_volume()
    solvers.use(precision=precision)
    result = solvers.effective_conductivity(
        volume, SIGMA, 0, boundary=electrodes, tolerance=1e-10, fields=True
    )
    solvers.use(precision="mixed")
    lengths = np.array(volume.shape) * volume.spacing
    expected = lengths[0] / (lengths[1] * lengths[2]) / resistance_of(volume, electrodes)
    assert result.value == pytest.approx(expected, rel=1e-8)
    assert result.imbalance < 1e-4
    assert str(electrodes) in result.method or electrodes.is_plain


def test_contacts_of_a_uniform_block_add_to_its_resistance():
    block = Volume(np.zeros((8, 3, 4), np.uint8), UNEQUAL)
    ends = Electrodes(contact_low=1e-6, contact_high=2e-6)
    result = solvers.effective_conductivity(block, {0: 2.0}, 0, boundary=ends)
    length = 8 * 3e-7
    assert result.value == pytest.approx(length / (length / 2.0 + 3e-6), rel=1e-12)


def test_uniform_flux_needs_more_than_the_same_potential_all_over():
    """The potential of electrodes minimises the dissipation of a given current."""
    volume = random_volume(3, (8, 9, 7))
    plain = solvers.effective_conductivity(volume, SIGMA, 0).value
    for end in ("low", "high"):
        fed = solvers.effective_conductivity(
            volume, SIGMA, 0, boundary=Electrodes(uniform_flux=end)
        ).value
        assert fed < plain


@pytest.mark.parametrize("end", ["low", "high"])
def test_uniform_flux_through_a_uniform_block_meets_its_resistance(end):
    block = Volume(np.zeros((5, 3, 4), np.uint8), UNEQUAL)
    result = solvers.effective_conductivity(
        block, {0: 2.5}, 0, boundary=Electrodes(uniform_flux=end), fields=True
    )
    assert result.value == pytest.approx(2.5, rel=1e-12)
    assert result.fields.flux == pytest.approx(np.ones(block.shape), rel=1e-6)


def test_periodic_sides_carry_what_insulated_ones_block():
    labels = np.ones((4, 4, 1), np.uint8)
    labels[:2, 0] = labels[2:, 3] = 0  # two half channels that touch only around the side
    labels[1, 3] = 0
    volume = Volume(labels, 1e-7)
    sigma = {0: 1.0, 1: 0.0}
    assert solvers.effective_conductivity(volume, sigma, 0).value == 0.0
    result = solvers.effective_conductivity(volume, sigma, 0, boundary=Electrodes(sides="periodic"))
    resistance = 0.5 + 1 + 1 + 1 + 1 + 0.5  # six voxels in a row, one of them aside
    assert result.value == pytest.approx(4 / resistance / 4, rel=1e-9)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"contact_low": -1.0}, "contact_low is -1.0"),
        ({"contact_high": np.inf}, "contact_high is inf"),
        ({"contact_low": "1e-6"}, "resistance ≥ 0"),
        ({"uniform_flux": "top"}, "uniform_flux is 'top'"),
        ({"sides": "open"}, "sides is 'open'"),
        ({"uniform_flux": "low", "contact_low": 1e-6}, "add it to the result"),
    ],
)
def test_electrodes_that_make_no_sense_are_refused(wrong, match):
    with pytest.raises(InvalidInputError, match=match):
        Electrodes(**wrong)


def test_odd_shapes_know_plain_electrodes_only():
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[:3, :3] = 9
    volume = Volume(labels, 1e-7, outside=9)
    with pytest.raises(InvalidInputError, match="no prism"):
        solvers.effective_conductivity(volume, {0: 1.0}, 0, boundary=Electrodes(contact_low=1e-6))
