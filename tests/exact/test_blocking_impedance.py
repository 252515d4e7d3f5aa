"""Blocking impedance: ladders by hand, the uniform line, a direct solve, scaling and symmetry."""

import json
import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError, NotPercolatingError
from solvers import impedance_spectrum as module
from solvers.components import component_labels
from solvers.electrode_tortuosity import electrode_tortuosity_factor
from solvers.impedance_spectrum import blocking_impedance, transmission_line

NAMES = {0: "solid", 1: "pore", 2: "CBD"}
TIGHT = 1e-7
BOTH = 2e-5  # between two spectra at the default tolerance


def straight(voxels, h=1.0):
    labels = np.zeros((voxels, 3, 3), np.uint8)
    labels[:, 1, 1] = 1
    return Volume(labels, h, NAMES)


def random_volume(seed, shape=(9, 8, 7), spacing=(2e-6, 1e-6, 1.5e-6)):
    rng = np.random.default_rng(seed)
    return Volume(rng.choice(3, shape, p=[0.35, 0.5, 0.15]).astype(np.uint8), spacing, NAMES)


def ladder(voxels, kappa, c, omega, h):
    """Impedance of one straight pore, times the area of 3 × 3 voxels: a continued fraction."""
    wall = 4 * h**2 / (1 / (1j * omega * c) + h / (2 * kappa))
    rest = np.zeros_like(wall)  # admittance of what lies behind
    for _ in range(voxels - 1):
        rest = 1 / (1 / (kappa * h) + 1 / (wall + rest))
    return (1 / (2 * kappa * h) + 1 / (wall + rest)) * 9 * h**2


def direct(volume, kappa, c, frequency):
    """Z - 1/(iωC) and C per electrode area: every voxel and every wetted face an unknown."""
    labels, h = volume.labels, volume.spacing
    k = np.array([kappa.get(NAMES[i], 0.0) for i in range(3)])[labels]
    numbers, _ = component_labels(k > 0)
    fed = (k > 0) & np.isin(numbers, numbers[0][numbers[0] > 0])
    index = np.full(labels.shape, -1)
    index[fed] = np.arange(fed.sum())
    ends, ground, capacitors = [], np.zeros(fed.sum()), []
    for axis in range(3):
        face = math.prod(h) / h[axis]
        for low in np.ndindex(*(n - (a == axis) for a, n in enumerate(labels.shape))):
            high = tuple(i + (a == axis) for a, i in enumerate(low))
            for here, there in ((low, high), (high, low)):
                if fed[here] and k[there] == 0:
                    ends.append(
                        (index[here], fed.sum() + len(capacitors), 2 * k[here] * face / h[axis])
                    )
                    capacitors.append(c * face)
            if fed[low] and fed[high]:
                r = h[axis] / (2 * face) * (1 / k[low] + 1 / k[high])
                ends.append((index[low], index[high], 1 / r))
    face = math.prod(h) / h[0]
    ground[index[0][fed[0]]] = 2 * k[0][fed[0]] * face / h[0]
    a, b, g = (np.array(column) for column in zip(*ends, strict=True))
    size = fed.sum() + len(capacitors)
    stored = np.concatenate([np.zeros(fed.sum()), capacitors])
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    matrix = sp.csc_matrix((np.concatenate([g, g, -g, -g]), (rows, columns)), (size, size))
    matrix += sp.diags(np.concatenate([ground, np.zeros(len(capacitors))]))
    section, total, out = face * labels.shape[1] * labels.shape[2], stored.sum(), []
    for omega in 2 * np.pi * np.asarray(frequency):
        factors = splu((matrix + 1j * omega * sp.diags(stored)).tocsc())
        drop = stored @ factors.solve(stored.astype(complex))
        x = factors.solve(np.concatenate([ground, np.zeros(len(capacitors))]).astype(complex))
        out.append(section * drop / (total * (stored @ x)))
    return np.array(out), total / section


def without_capacitance(spectrum):
    return spectrum.impedance - 1 / (2j * np.pi * spectrum.frequency * spectrum.capacitance)


@pytest.mark.parametrize("voxels", [1, 2, 5, 40])
def test_a_straight_pore_is_the_ladder_at_every_frequency(voxels):
    h, kappa, c = 1e-6, 0.5, 0.2
    frequency = np.logspace(-2, 8, 21)
    s = blocking_impedance(straight(voxels, h), {"pore": kappa}, c, frequency, tolerance=TIGHT)
    exact = ladder(voxels, kappa, c, 2 * np.pi * frequency, h)
    np.testing.assert_allclose(s.impedance, exact, rtol=TIGHT)
    assert s.report.error_estimate <= TIGHT
    assert s.capacitance == pytest.approx(4 * voxels / 9 * c)


def test_a_straight_pore_goes_to_the_uniform_line_with_the_square_of_the_voxel():
    """At fixed ωRC, here 0.3 to 30; the pore gets thinner with its voxels."""
    errors = []
    for n in (16, 32, 64, 128):
        pore = straight(n, 1e-4 / n)
        r, c = 9 * 1e-4, 4 * n / 9 * 0.1  # both per area of 3 × 3 voxels
        f = np.array([0.3, 3.0, 30.0]) / (2 * np.pi * r * c)
        spectrum = blocking_impedance(pore, {"pore": 1.0}, 0.1, f, tolerance=1e-7)
        line = transmission_line(r, c, f)
        errors.append(np.abs(spectrum.impedance / line - 1))
    slopes = np.polyfit(np.log([16, 32, 64, 128]), np.log(errors), 1)[0]
    np.testing.assert_allclose(slopes, -2.0, atol=0.1)


def test_low_frequency_is_a_third_of_the_ionic_resistance_and_the_capacitance():
    volume = random_volume(1)
    spectrum = blocking_impedance(volume, {"pore": 0.7}, 0.2, [1e-3, 1e-2], tolerance=TIGHT)
    tau = electrode_tortuosity_factor(volume, "pore", tolerance=1e-12)
    assert spectrum.ionic_resistance == pytest.approx(tau.ionic_resistance(0.7), rel=TIGHT)
    assert spectrum.wetted_area == tau.wetted_area
    assert spectrum.connected_fraction == tau.connected_fraction
    slow = 2 * np.pi * 1e-2 * spectrum.time_constant
    assert slow < 1e-4  # what follows is exact up to its square
    third, rest = spectrum.ionic_resistance / 3, without_capacitance(spectrum)
    np.testing.assert_allclose(rest.real, third, rtol=TIGHT)
    assert np.abs(rest.imag).max() < slow * third


def test_a_long_pore_shows_45_degrees_until_the_voxel_cuts_it_off():
    voxels, h = 400, 1e-7
    pore = straight(voxels, h)
    rc = 3 * voxels * h * 3 * (4 * voxels / 9 * 0.1)
    middle = np.array([1e2, 1e3]) / rc / (2 * np.pi)
    spectrum = blocking_impedance(pore, {"pore": 1.0}, 0.1, middle)
    # the current enters L/√(ωRC) deep, N/32 voxels at the higher: h²/δ² times (1/12 + 1/8) …
    error = 1e3 / voxels**2
    np.testing.assert_allclose(np.angle(spectrum.impedance, deg=True), -45, atol=45 * error)
    np.testing.assert_allclose(spectrum.impedance, spectrum.transmission_line(), rtol=error)
    fast = blocking_impedance(pore, {"pore": 1.0}, 0.1, 1e15).impedance
    # the capacitors short: half a voxel, then the walls and the next voxels
    np.testing.assert_allclose(fast, ladder(voxels, 1.0, 0.1, np.array([2e15 * np.pi]), h))


@pytest.mark.parametrize("layers", [1, 6])
def test_a_flat_wall_is_a_resistor_and_a_capacitor(layers):
    labels = np.zeros((8, 3, 4), np.uint8)
    labels[:layers] = 1
    frequency = np.logspace(-3, 9, 13)
    volume = Volume(labels, (2e-6, 1e-6, 3e-6), NAMES)
    spectrum = blocking_impedance(volume, {"pore": 0.8}, 0.3, frequency)
    exact = layers * 2e-6 / 0.8 + 1 / (2j * np.pi * frequency * 0.3)
    np.testing.assert_allclose(spectrum.impedance, exact, rtol=1e-10)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kappa", [{"pore": 0.7}, {"pore": 0.7, "CBD": 0.02}])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_random_pores_agree_with_a_direct_complex_solve(seed, kappa, tolerance):
    volume, frequency = random_volume(seed), np.logspace(0, 8, 9)
    exact, capacitance = direct(volume, kappa, 0.2, frequency)
    spectrum = blocking_impedance(volume, kappa, 0.2, frequency, tolerance=tolerance)
    assert spectrum.capacitance == pytest.approx(capacitance, rel=1e-12)
    error = np.abs(without_capacitance(spectrum) / exact - 1).max()
    assert error <= tolerance
    assert spectrum.report.error_estimate <= tolerance


def test_the_spectrum_belongs_to_relaxations_only():
    """A sum of 1/(1 + iωt) with positive weights: both parts fall, none overtakes |Z|."""
    s = blocking_impedance(random_volume(4), {"pore": 1.0}, 0.1, np.logspace(-2, 9, 45))
    assert (s.impedance.real > 0).all()
    assert (s.impedance.imag < 0).all()
    assert (np.diff(s.impedance.real) <= 1e-5 * s.impedance.real[1:]).all()
    assert (np.diff(np.abs(s.impedance)) < 0).all()


def test_units_scale_as_they_must():
    volume, f = random_volume(6, (6, 5, 4)), np.logspace(2, 5, 4)
    one = blocking_impedance(volume, {"pore": 0.5}, 0.1, f)
    better = blocking_impedance(volume, {"pore": 1.5}, 0.1, 3 * f)
    np.testing.assert_allclose(better.impedance * 3, one.impedance, rtol=BOTH)
    larger = blocking_impedance(volume, {"pore": 0.5}, 0.4, f / 4)
    np.testing.assert_allclose(larger.impedance, one.impedance, rtol=BOTH)
    longer = Volume(volume.labels, tuple(2 * h for h in volume.spacing), NAMES)
    twice = blocking_impedance(longer, {"pore": 0.5}, 0.1, f / 2)
    np.testing.assert_allclose(twice.impedance, 2 * one.impedance, rtol=BOTH)


def test_a_true_area_spreads_the_capacitance():
    volume, f = random_volume(6, (6, 5, 4)), np.logspace(2, 5, 4)
    faces = blocking_impedance(volume, {"pore": 0.5}, 0.3, f)
    true = blocking_impedance(volume, {"pore": 0.5}, 0.45, f, area=faces.wetted_area / 1.5)
    np.testing.assert_allclose(true.impedance, faces.impedance, rtol=BOTH)
    assert true.capacitance == pytest.approx(faces.capacitance)


def test_axes_sides_and_the_order_of_frequencies_do_not_matter():
    volume, f = random_volume(7, (6, 5, 4)), np.logspace(2, 5, 4)
    one = blocking_impedance(volume, {"pore": 0.5}, 0.1, f)
    for other in (volume.transposed(1, 2, 0), volume.flipped(0), volume.flipped(1)):
        same = blocking_impedance(other, {"pore": 0.5}, 0.1, f)
        np.testing.assert_allclose(same.impedance, one.impedance, rtol=BOTH)
    back = blocking_impedance(volume, {"pore": 0.5}, 0.1, f[::-1])
    np.testing.assert_allclose(back.impedance[::-1], one.impedance, rtol=BOTH)
    single = blocking_impedance(volume, {"pore": 0.5}, 0.1, f[3])
    np.testing.assert_allclose(single.impedance, one.impedance[3:4], rtol=BOTH)


@pytest.mark.parametrize(("depth", "published"), [(75, 0.593), (100, 0.987)])
def test_the_published_values_of_taufactor_are_met(depth, published):
    """Its tests on 100² pixels: Re Z over that of a ladder which starts with a whole voxel."""
    n = 100
    labels = np.zeros((n, 1, n), np.uint8)
    labels[:depth, :, 45:55] = 1
    porosity, wetted = depth * 10 / n**2, (2 * depth + 10 * (depth < n)) / n**2
    omega = porosity / wetted / n**2 / 4
    spectrum = blocking_impedance(
        Volume(labels, 1.0, NAMES), {"pore": 1.0}, 1.0, omega / (2 * np.pi)
    )
    reference = np.inf
    for _ in range(n):
        reference = 1 / porosity + 1 / (1j * omega * wetted + 1 / reference)
    assert spectrum.impedance[0].real / reference.real == pytest.approx(published, abs=1e-3)


def test_the_uniform_line_has_both_its_limits():
    slow, fast = transmission_line(3.0, 2.0, [1e-6, 1e6])
    assert slow.real == pytest.approx(1.0, rel=1e-9)
    assert slow.imag == pytest.approx(-1 / (2 * np.pi * 1e-6 * 2), rel=1e-9)
    assert fast == pytest.approx(np.sqrt(3.0 / (2j * np.pi * 1e6 * 2.0)), rel=1e-12)


def test_the_result_can_be_written_down():
    result = blocking_impedance(straight(5), {"pore": 1.0}, 0.1, [1.0, 10.0])
    written = json.loads(json.dumps(result.to_dict()))
    np.testing.assert_array_equal(written["real"], result.value.real)
    np.testing.assert_array_equal(written["imaginary"], result.value.imag)
    assert written["unit"] == "Ω m²"
    assert "2 impedances, 1…10 Hz" in str(result)
    assert "along axis 0" in result._repr_html_()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conductivity": "pore"}, "no mapping"),
        ({"conductivity": {"pore": 0.0}}, "at least one phase must conduct"),
        ({"capacitance": 0.0}, "capacitance 0.0 is no number > 0"),
        ({"capacitance": "big"}, "capacitance 'big'"),
        ({"frequency": [1.0, 0.0]}, "electrode_tortuosity_factor for the limit 0"),
        ({"frequency": []}, "one or several numbers > 0"),
        ({"area": "normals"}, "or 'faces'"),
        ({"area": -1.0}, "or 'faces'"),
        ({"separator": "left"}, "neither 'low' nor 'high'"),
    ],
)
def test_bad_arguments_say_what_to_change(changes, message):
    arguments = {"conductivity": {"pore": 1.0}, "capacitance": 0.1, "frequency": [1.0]}
    with pytest.raises(InvalidInputError, match=message):
        blocking_impedance(straight(4), **(arguments | changes))


def test_blocked_pores_have_no_impedance():
    labels = straight(4).labels.copy()
    labels[0] = 0
    with pytest.raises(NotPercolatingError, match="reaches no wetted face"):
        blocking_impedance(Volume(labels, 1.0, NAMES), {"pore": 1.0}, 0.1, [1.0])


def test_a_spectrum_that_keeps_changing_raises(monkeypatch):
    monkeypatch.setattr(module, "MOST_SHIFTS", 3)
    with pytest.raises(ConvergenceError, match="after 3 solves") as caught:
        blocking_impedance(random_volume(1), {"pore": 1.0}, 0.1, np.logspace(-2, 8, 11))
    assert caught.value.report.error_estimate > 1e-5
