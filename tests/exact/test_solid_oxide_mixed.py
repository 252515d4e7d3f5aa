"""Mixed conductors: Adler, Lane and Steele against finite volumes, and areas of exact geometry."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from twin.performance import TransmissionLine
from twin.performance.mixed_conductor import MixedConductor, double_connected_area

R, F = 8.31446261815324, 96485.33212
NUMBERS = {
    "temperature": 1023.15,
    "area": 4e6,
    "relative_diffusivity": 0.3,
    "oxygen_concentration": 8.5e4,
    "diffusivity": 2e-12,
    "exchange": 1e-7,
}
LSCF = MixedConductor(**NUMBERS)


def of_volumes(mixed, thickness, cells):
    """Resistance from oxygen potentials in equal cells; 1 A/m² comes in at the electrolyte."""
    h = thickness / cells
    per_volt = 4 * F**2 * mixed.oxygen_concentration / (R * mixed.temperature)
    carry = per_volt * mixed.diffusivity * mixed.relative_diffusivity / h
    give = per_volt * mixed.exchange * mixed.area * h
    matrix = np.diag(np.full(cells, give))
    for k in range(cells - 1):
        matrix[k : k + 2, k : k + 2] += carry * np.array([[1, -1], [-1, 1]])
    right = np.zeros(cells)
    right[0] = 1.0
    return np.linalg.solve(matrix, right)[0] + 0.5 / carry


@pytest.mark.parametrize("reach", [0.3, 1.0, 5.0])
def test_resistance_is_the_limit_of_finite_volumes_with_second_order(reach):
    thickness = reach * LSCF.utilization_length
    exact = LSCF.resistance(thickness)
    errors = [abs(of_volumes(LSCF, thickness, n) / exact - 1) for n in (50, 100, 200)]
    slopes = np.log2(np.divide(errors[:-1], errors[1:]))
    assert slopes == pytest.approx(2.0, abs=0.05)
    assert errors[-1] < 1e-3


def test_both_closed_forms_are_those_published():
    """l = sqrt((1-ε) D/(τ a k)); R = ½ RT/2F² sqrt(τ/((1-ε) a c² D k)) of one electrode."""
    porosity, tortuosity = 0.4, 2.0
    mixed = MixedConductor(**NUMBERS | {"relative_diffusivity": (1 - porosity) / tortuosity})
    length = math.sqrt((1 - porosity) * 2e-12 / (tortuosity * 4e6 * 1e-7))
    assert mixed.utilization_length == pytest.approx(length, rel=1e-12)
    root = math.sqrt(tortuosity / ((1 - porosity) * 4e6 * 8.5e4**2 * 2e-12 * 1e-7))
    published = R * 1023.15 / (2 * F**2) * root
    assert mixed.chemical_resistance == pytest.approx(published / 2, rel=1e-9)


def test_a_thick_electrode_loses_half_in_the_bulk_and_a_thin_one_all_at_the_surface():
    assert LSCF.resistance(1.0) == pytest.approx(LSCF.chemical_resistance, rel=1e-12)
    thin = LSCF.utilization_length / 100
    surface = LSCF.surface_resistance / (LSCF.area * thin)
    bulk = thin / (3 * LSCF.ionic_conductivity)
    assert LSCF.resistance(thin) == pytest.approx(surface + bulk, rel=1e-6)


def test_it_is_a_transmission_line_with_perfect_electrons():
    thickness = 7e-6
    line = TransmissionLine(
        thickness / LSCF.ionic_conductivity,
        0.0,
        LSCF.surface_resistance / (LSCF.area * thickness),
    )
    assert LSCF.resistance(thickness) == pytest.approx(line.resistance, rel=1e-12)
    assert LSCF.utilization_length == pytest.approx(line.penetration * thickness, rel=1e-12)


def test_all_of_the_current_is_exchanged():
    thickness = 2.5 * LSCF.utilization_length
    nodes, weights = np.polynomial.legendre.leggauss(30)
    x = thickness * (nodes + 1) / 2
    share = thickness / 2 * weights @ LSCF.exchange_profile(x, thickness)
    assert share == pytest.approx(1.0, rel=1e-12)
    deep = LSCF.exchange_profile([0.0, LSCF.utilization_length], 1.0)
    assert deep[1] / deep[0] == pytest.approx(math.exp(-1), rel=1e-12)


@pytest.fixture
def volume():
    """A slab of pore between two of oxide, a closed pore, an island in the pore, a dead end."""
    labels = np.ones((12, 12, 12), np.uint8)
    labels[:, :, 4:8] = 0
    labels[2:4, 2:4, 1:3] = 0  # closed pore of 2 × 2 × 2 voxels in the oxide
    labels[5:7, 8:11, 5:7] = 1  # island of oxide, 2 × 3 × 2 voxels, in the pore
    return Volume(labels, (1e-6, 2e-6, 3e-6), {0: "pore", 1: "LSCF"})


def test_only_what_is_connected_on_both_sides_counts(volume):
    size = np.prod([12e-6, 24e-6, 36e-6])
    walls = 2 * 12e-6 * 24e-6  # of the slab, which spans along the through-plane axis
    found = double_connected_area(volume, "pore", "LSCF", method="faces")
    assert found.value == pytest.approx(walls / size, rel=1e-12)
    closed = 2 * (4e-6 * 6e-6 + 2e-6 * 6e-6 + 2e-6 * 4e-6)
    island = 2 * (6e-6 * 6e-6 + 2e-6 * 6e-6 + 2e-6 * 6e-6)
    every = solvers.interface_areas(volume, "faces")["pore", "LSCF"].value
    assert every == pytest.approx((walls + closed + island) / size, rel=1e-12)
    assert found.unit == "m²/m³"


def test_nothing_is_connected_where_the_pore_does_not_span(volume):
    along_x = double_connected_area(volume, "pore", "LSCF", axis=2, method="faces")
    assert along_x.value == 0.0


def test_a_foil_is_no_part_of_the_electrode(volume):
    backed = Volume(
        np.concatenate([volume.labels, np.full((2, 12, 12), 9, np.uint8)]),
        volume.spacing,
        dict(volume.phases),
        outside=9,
    )
    one, other = (double_connected_area(v, 0, 1).value for v in (volume, backed))
    assert other == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MixedConductor(**NUMBERS | {"area": 0.0}), "area is 0.0"),
        (lambda: MixedConductor(**NUMBERS | {"temperature": 400.0}), "give kelvin"),
        (lambda: MixedConductor(**NUMBERS | {"relative_diffusivity": 1.5}), "at most 1"),
        (lambda: LSCF.resistance(-1.0), "thickness is -1.0"),
        (lambda: LSCF.exchange_profile(2.0, 1.0), "is not in 0…1 m"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_two_phases_have_to_be_named(volume):
    with pytest.raises(InvalidInputError, match="name two phases"):
        double_connected_area(volume, "pore", 0)
    with pytest.raises(UnknownPhaseError):
        double_connected_area(volume, "pore", "gold")
