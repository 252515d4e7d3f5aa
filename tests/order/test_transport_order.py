"""Observed order of conduction: manufactured potentials, and effective values of smooth fields.

Edges are unequal everywhere; lengths are in the unit of the first side of the volume.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from solvers import Electrodes, runtime
from solvers.diffusion import Diffusion, Ends
from solvers.linear import conjugate_gradients
from solvers.network import network
from solvers.potential import Iterate

BAND = 0.1  # of a fitted slope around the order
CELLS = (16, 24, 32)
VOXELS = np.array([1.0, 0.75, 0.875])  # along each axis, per cell
LENGTHS = np.array([1.0, 0.5, 1.4])  # of the volume, so that edges are 1 : 0.67 : 1.6
TENSOR = np.array([1.0, 0.3, 0.6])  # along the axes, times the conductivity
LOW, HIGH = 0.3, 0.15  # contact resistances
CLOSED, SIDES, ALL = (False,) * 3, (False, True, True), (True,) * 3

ENDS = {
    "held, insulated sides": (Ends(), CLOSED),
    "held, periodic sides": (Ends(), SIDES),
    "periodic": (Ends(), ALL),
    "flux into the low end": (Ends(fed=0), CLOSED),
    "flux out of the high end": (Ends(fed=1), SIDES),
    "contacts": (Ends((LOW, HIGH)), CLOSED),
    "flux into a contact": (Ends((0.0, HIGH), fed=0), CLOSED),
}


@pytest.fixture(autouse=True)
def double():
    solvers.use(precision="double")
    yield
    solvers.use(precision="mixed")


def order(cells, errors):
    return -np.polyfit(np.log(cells), np.log(np.abs(errors)), 1)[0]


def uniform(p):
    return np.ones(p.shape[1:])


def smooth(p):
    """Varies by a factor of 7, with a slope at the ends but the value 1 all over them."""
    z, y, x = np.pi * (p.T / LENGTHS).T
    return np.exp(np.sin(z) * (0.6 * np.cos(2 * y + 0.3) + 0.4 * np.sin(2 * x)))


def repeated(p):
    z, y, x = 2 * np.pi * (p.T / LENGTHS).T
    return np.exp(0.6 * np.cos(z + y) + 0.5 * np.sin(x))


@dataclass(frozen=True)
class Exact:
    """A potential that fits the ends, where the conductivity is 1, and the sides."""

    ends: Ends
    periodic: tuple[bool, bool, bool]

    @property
    def turn(self):
        """Wave number k and phase δ of sin(kz + δ), which obeys the conditions without drive."""
        (low, high), fed = self.ends.contacts, self.ends.fed
        if self.periodic[0]:
            return 2 * np.pi, 0.3

        def phase(k):  # p = R p' at the low end, or p' = 0
            return np.pi / 2 if fed == 0 else np.arctan(low * k)

        def missing(k):  # p = -R p' at the high end, or p' = 0
            return k + phase(k) + (np.pi / 2 if fed == 1 else np.arctan(high * k)) - np.pi

        k = brentq(missing, 0.1, 4.0, xtol=1e-15)
        return k, phase(k)

    def driven(self, z):
        """What falls linearly from 1 to 0, or carries a flux of 1 from or to a potential of 0."""
        low, high = self.ends.contacts
        if self.ends.fed is None:
            return 1.0 - (z + low) / (1.0 + low + high)
        return 1.0 - z + high if self.ends.fed == 0 else -z - low

    def __call__(self, p):
        _, y, x = np.pi * (p.T / LENGTHS).T
        k, phase = self.turn
        sides = 0.6 + 0.5 * np.cos(2 * y) + 0.4 * np.cos(2 * y) * np.cos(2 * x)
        if not self.periodic[1]:
            sides += 0.7 * np.cos(y) * np.cos(x)
        return self.driven(p[0]) + sides * np.sin(k * p[0] + phase)


def derivatives(function, p, step=4e-3):
    """First and second along each axis, by differences of sixth order: right to 1e-7."""
    here, firsts, seconds = function(p), [], []
    for axis in range(3):
        move = (step * np.eye(3)[axis]).reshape(3, 1, 1, 1)
        pairs = [(function(p + k * move), function(p - k * move)) for k in (1, 2, 3)]
        odd = (w * (up - down) for w, (up, down) in zip((45, -9, 1), pairs, strict=True))
        even = (
            w * (up + down - 2 * here) for w, (up, down) in zip((270, -27, 2), pairs, strict=True)
        )
        firsts.append(sum(odd) / (60 * step))
        seconds.append(sum(even) / (180 * step**2))
    return firsts, seconds


def source(potential, sigma, tensor, p):
    """-div sigma grad of a potential."""
    firsts, seconds = derivatives(potential, p)
    slopes, _ = derivatives(sigma, p)
    parts = zip(tensor, slopes, firsts, seconds, strict=True)
    return -sum(k * (slope * first + sigma(p) * second) for k, slope, first, second in parts)


@dataclass(frozen=True)
class Problem:
    """A volume of so many cells: edges over the smallest, and equations in that unit."""

    equations: Diffusion
    edges: np.ndarray
    centres: np.ndarray

    @property
    def unit(self):
        return self.edges.min()


def problem(cells, sigma, tensor, ends=Ends(), periodic=CLOSED):  # noqa: B008
    shape = (cells * VOXELS).astype(int)
    edges = LENGTHS / shape
    unit = edges.min()
    centres = ((np.indices(shape).T + 0.5) * edges).T
    values = sigma(centres)
    classes, table, field = np.ones(shape, np.uint16), np.array([values.max()]), None
    if np.ptp(tensor):  # a class for each voxel
        rank = values.ravel().argsort()
        classes.ravel()[rank] = np.arange(1, rank.size + 1)
        table = values.ravel()[rank, None] * tensor
    elif np.ptp(values):
        field = values
    contacts = tuple(resistance / unit for resistance in ends.contacts)
    scaled = Ends(contacts, ends.fed)
    equations = Diffusion(classes, table, tuple(edges / unit), None, field, scaled, periodic)
    return Problem(equations, edges, centres)


def error(cells, sigma, tensor, ends, periodic):
    """Root mean square error, but for a constant where nothing holds the potential."""
    own = problem(cells, sigma, tensor, ends, periodic)
    exact = Exact(ends, periodic)
    load = source(exact, sigma, tensor, own.centres)
    size = 1.0
    if ends.fed is not None:  # the equations have a total current of 1
        size = own.edges[0] / own.unit**2 / load[0].size
    if periodic[0]:
        load -= load.mean()
    it = Iterate(own.equations, 1e-12)
    it.defect()
    r = runtime.to_host(it.r)
    own.equations.grid.voxels(r)[...] += size * own.unit**2 * load
    runtime.assign(it.r, r)
    conjugate_gradients(
        it.operator, it.preconditioner, it.x, it.r,
        energy=0.0, growing=True, rhs_norm=1.0, tolerance=1e-12,
    )  # fmt: skip
    difference = own.equations.grid.voxels(runtime.to_host(it.x)) / size - exact(own.centres)
    return np.sqrt(np.mean((difference - periodic[0] * difference.mean()) ** 2))


def converges(where, sigma, tensor=np.ones(3)):  # noqa: B008
    ends, periodic = ENDS[where]
    errors = [error(n, sigma, tensor, ends, periodic) for n in CELLS]
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)


@pytest.mark.parametrize("where", ENDS)
def test_potential_in_a_smooth_medium_is_of_second_order(where):
    converges(where, repeated if where == "periodic" else smooth)


@pytest.mark.parametrize("where", ENDS)
def test_potential_in_a_smooth_orthotropic_medium_is_of_second_order(where):
    converges(where, repeated if where == "periodic" else smooth, TENSOR)


@pytest.mark.parametrize("where", ["held, insulated sides", "periodic", "flux into the low end"])
def test_potential_in_uniform_material_is_of_second_order(where):
    converges(where, uniform)


def held_network(own):
    """Faces of a problem with ends held at 0, as conductances to the ground."""
    grid = own.equations.grid
    faces = runtime.to_host(own.equations.double.stored().values).reshape(3, *grid.padded)
    ground = np.zeros(grid.padded)
    for plane, face in ((1, faces[0, 0].copy()), (-2, faces[0, -2].copy())):
        ground[plane] += face
    faces[0, [0, -2]] = 0.0
    return np.concatenate([faces, ground[None]]).reshape(4, -1)


def test_reaction_and_diffusion_in_a_network_are_of_second_order():
    """-div sigma grad u + rate u = f, with ends held at 0."""
    exact, errors = Exact(Ends(), CLOSED), []

    def potential(p):
        return exact(p) - exact.driven(p[0])

    for cells in CELLS:
        own = problem(cells, smooth, np.ones(3))
        grid, p = own.equations.grid, own.centres
        rate = 30.0 * (1.0 + p[0] * p[1])
        faces = held_network(own)
        grid.voxels(faces[3])[...] += own.unit**2 * rate
        load = source(potential, smooth, np.ones(3), p) + rate * potential(p)
        web = network(grid, own.equations.spacing, faces)
        found, _ = web.solve(own.unit**2 * load, tolerance=1e-12)
        errors.append(np.sqrt(np.mean((found - potential(p)) ** 2)))
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)


def crossed(cells, stretch=1.0, strength=1.3):
    """exp(g) with g symmetric in both axes of a thin layer, and reversed by half a period.

    1/sigma is sigma moved aside, so that by the duality of Keller and Dykhne the effective values
    along the two axes have the product 1; both are 1 where the axes are alike.
    """
    y, x = (np.arange(n) + 0.5 for n in (cells, cells))
    waves = np.cos(2 * np.pi * y / cells)[:, None] * np.cos(2 * np.pi * x / cells)
    volume = Volume(np.zeros((1, cells, cells), np.uint8), (1e-6, stretch * 1e-6, 1e-6))
    return volume, np.exp(strength * waves)[None]


def along(volume, field, axis, **options):
    return solvers.effective_conductivity(volume, field, axis, tolerance=1e-11, **options).value


@pytest.mark.parametrize(
    "boundary", ["periodic", Electrodes(), Electrodes(sides="periodic")], ids=str
)
def test_value_of_a_smooth_field_is_exact_to_second_order(boundary):
    errors = [along(*crossed(n), 1, boundary=boundary) - 1.0 for n in CELLS]
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)


def test_product_of_the_values_along_unequal_axes_is_exact_to_second_order():
    errors = []
    for cells in CELLS:
        volume, field = crossed(cells, stretch=1.7)
        values = [along(volume, field, axis, boundary="periodic") for axis in (1, 2)]
        errors.append(np.prod(values) - 1.0)
    assert abs(values[0] - 1.0) > 0.01
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)


def test_product_of_an_orthotropic_field_is_that_of_its_tensor_to_second_order():
    errors = []
    for cells in CELLS:
        volume, field = crossed(cells)
        levels, number = np.unique(field.round(12), return_inverse=True)
        phases = Volume(number.reshape(field.shape).astype(np.uint16), volume.spacing)
        sigma = {
            i: solvers.Anisotropic(s * np.array([1.0, 3.0, 0.5])) for i, s in enumerate(levels)
        }
        values = [along(phases, sigma, axis, boundary="periodic") for axis in (1, 2)]
        errors.append(np.prod(values) - 3.0 * 0.5)
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)


@pytest.mark.parametrize(
    "electrodes",
    [
        Electrodes(contact_low=2e-5),
        Electrodes(contact_low=5e-6, contact_high=4e-5, sides="periodic"),
        Electrodes(uniform_flux="low"),
        Electrodes(uniform_flux="high", contact_low=1e-5),
    ],
    ids=str,
)
def test_value_between_other_electrodes_settles_with_second_order(electrodes):
    """Steps from one resolution to the next fall to a quarter."""
    sizes = (16, 32, 64)
    edges = (32e-6 / n for n in sizes)
    values = []
    for n, h in zip(sizes, edges, strict=True):
        _, field = crossed(n)
        volume = Volume(np.zeros(field.shape, np.uint8), (h, 1.3 * h, h))
        values.append(along(volume, field, 1, boundary=electrodes))
    first, second = np.diff(values)
    assert np.log2(first / second) == pytest.approx(2.0, abs=BAND)


@pytest.mark.parametrize("contact", [0.0, 1e-5])
def test_value_of_a_graded_block_is_exact_to_second_order(contact):
    """sigma = exp(2 z / L) along the flow, with a profile across it where there is no contact."""
    errors, length = [], 32e-6
    for cells in CELLS:
        z, y = (np.arange(cells) + 0.5) / cells, (np.arange(6) + 0.5) / 6
        field = np.exp(2 * z)[:, None, None] * np.ones((1, 6, 2))
        if not contact:
            field *= (1.0 + y)[:, None]  # linear, so that its mean of the centres is exact
        volume = Volume(np.zeros(field.shape, np.uint8), (length / cells, 1e-6, 2e-6))
        resistance = length * (1 - np.exp(-2)) / 2 / (1.0 if contact else 1.5) + contact
        ends = Electrodes(contact_high=contact)
        errors.append(along(volume, field, 0, boundary=ends) - length / resistance)
    assert order(CELLS, errors) == pytest.approx(2.0, abs=BAND)
