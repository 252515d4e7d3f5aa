"""Gaussian fields, what is cut out of them, and rough particles.

Bands of averages are four standard errors over the seeds; two-point functions have no voxel error.
"""

import math

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from microstructures.errors import InvalidInputError
from microstructures.generate import (
    Particles,
    excursion_surface,
    excursion_two_point,
    excursion_volume,
    field_correlation,
    gaussian_field,
    hard_spheres,
    plurigaussian_volume,
    rasterise,
    rough_particles,
)
from tests.exact.random_sets import is_within, surface

SHAPE, H = (44, 48, 50), 1e-7
LENGTH = 5e-7
SPECTRA = ["gaussian", "matern", "shell", lambda k: k * np.exp(-k * 1e-7)]
spectra = pytest.mark.parametrize("spectrum", SPECTRA, ids=["gaussian", "matern", "shell", "own"])


@spectra
def test_a_field_has_the_covariance_it_is_said_to_have(spectrum):
    fields = [gaussian_field(SHAPE, H, LENGTH, spectrum=spectrum, rng=s) for s in range(24)]
    exact = field_correlation(SHAPE, H, LENGTH, spectrum=spectrum).values
    assert exact[0, 0, 0] == pytest.approx(1)
    assert abs(exact.sum()) < 1e-9 * exact.size
    for lag in [(0, 0, 0), (2, 0, 0), (0, 5, 0), (3, -4, 6)]:
        products = [np.mean(f * np.roll(f, lag, (0, 1, 2))) for f in fields]
        assert is_within(products, exact[lag]), lag


def test_correlations_are_those_of_the_formulas():
    """The sum over the waves of a large box is the integral, but for the mean, which is left out.

    Without it C is (C − m) / (1 − m), m = ∫ C / box. Images add C at 60 voxels, at most 1e-5 of
    the Matérn one; waves beyond the grid carry 2e-3 of its squared slope.
    """
    n, length = 80, 8.0
    r = np.arange(20.0)
    a = math.sqrt(5) * r / length
    for spectrum, exact, integral, curvature in [
        ("gaussian", np.exp(-(r**2) / (2 * length**2)), (2 * np.pi) ** 1.5, 1.0),
        ("matern", (1 + a + a**2 / 3) * np.exp(-a), 64 * np.pi / 5**1.5, 5 / 3),
    ]:
        found = field_correlation((n, n, n), 1.0, length, spectrum=spectrum)
        m = integral * (length / n) ** 3
        assert found.values[0, 0, :20] == pytest.approx((exact - m) / (1 - m), abs=2e-4)
        expected = curvature / length**2 / (1 - m)
        assert found.curvature == pytest.approx((expected,) * 3, rel=4e-3)


def test_curvature_is_that_of_the_covariance():
    for n in (49, 50):  # odd and even: the last stored wave counts twice, or once
        found = field_correlation((n, n, n), 1.0, 6.0)
        assert found.curvature == pytest.approx((found.curvature[0],) * 3, rel=1e-12)
        # C(1) = 1 − C₂/2 + C₄/24, C₄ = 3 C₂² for a Gaussian covariance
        second = 2 * (1 - found.values[1, 0, 0])
        assert second == pytest.approx(
            found.curvature[0] - 3 * found.curvature[0] ** 2 / 12, rel=2e-3
        )


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.77])
def test_two_point_probability_is_the_bivariate_normal_one(fraction):
    t = ndtri(fraction)
    for c in (-0.6, 0.0, 0.3, 0.95):
        exact = multivariate_normal([0, 0], [[1, c], [c, 1]]).cdf([t, t])
        assert float(excursion_two_point(c, fraction)) == pytest.approx(exact, abs=1e-6)
    assert float(excursion_two_point(1.0, fraction)) == pytest.approx(fraction, abs=1e-9)
    assert float(excursion_two_point(0.0, fraction)) == pytest.approx(fraction**2, abs=1e-15)


@pytest.mark.parametrize("fraction", [0.15, 0.5, 0.7])
def test_surface_is_the_slope_of_the_two_point_probability(fraction):
    """S_V = −4 dS₂/dr at r = 0, here by a small r for C = exp(−r²/2)."""
    r = 1e-4
    slope = (fraction - excursion_two_point(np.exp(-(r**2) / 2), fraction)) / r
    assert excursion_surface(1.0, fraction) == pytest.approx(4 * float(slope), rel=1e-4)


@spectra
@pytest.mark.parametrize("fraction", [0.3, 0.5])
def test_excursions_have_their_two_point_function_and_surface(spectrum, fraction):
    structures = [
        excursion_volume(SHAPE, H, LENGTH, fraction, spectrum=spectrum, rng=s) for s in range(24)
    ]
    solids = [s.volume.labels == 1 for s in structures]
    exact = excursion_two_point(
        field_correlation(SHAPE, H, LENGTH, spectrum=spectrum).values, fraction
    )
    for lag in [(1, 0, 0), (0, 0, 4), (3, 5, 2)]:
        both = [np.mean(s & np.roll(s, lag, (0, 1, 2))) for s in solids]
        assert is_within(both, exact[lag]), lag
    one, two = (
        np.mean([4 * (fraction - np.take(exact, lag, a).flat[0]) / (lag * H) for a in range(3)])
        for lag in (1, 2)
    )
    assert is_within([surface(s, H) for s in solids], 2 * one - two)
    if spectrum == "gaussian":  # the others have detail of a voxel, where lines miss some
        known = structures[0].known["specific_surface"].value
        assert 2 * one - two == pytest.approx(known, rel=(H / LENGTH) ** 2)


@pytest.mark.parametrize("shape", [(44, 48, 50), (17, 13, 11), (5, 40, 9)])
@pytest.mark.parametrize("contact", ["any", "ordered"])
@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.3, 0.45, 0.25), (0.1, 0.2, 0.3, 0.4)])
def test_every_phase_has_its_fraction_to_a_voxel(shape, contact, fractions):
    structure = plurigaussian_volume(shape, H, 3e-7, fractions, contact=contact, rng=1)
    counts = np.bincount(structure.volume.labels.ravel(), minlength=len(fractions))
    assert np.all(np.abs(counts - np.array(fractions) * math.prod(shape)) <= 1)


def touching(labels):
    pairs = set()
    for axis in range(3):
        other = np.roll(labels, 1, axis)
        pairs |= set(zip(labels.ravel().tolist(), other.ravel().tolist(), strict=True))
    return {(a, b) for a, b in pairs if a < b}


def test_ordered_phases_touch_only_their_neighbours():
    """Layers two voxels wide at the least: the length is much above the voxel."""
    ordered = plurigaussian_volume(SHAPE, H, 1.6e-6, (0.3, 0.4, 0.3), contact="ordered", rng=0)
    assert touching(ordered.volume.labels) == {(0, 1), (1, 2)}
    free = plurigaussian_volume(SHAPE, H, [1.6e-6, 8e-7], (0.3, 0.4, 0.3), rng=0)
    assert touching(free.volume.labels) == {(0, 1), (1, 2), (0, 2)}


def test_ordered_interfaces_have_their_known_area():
    structures = [
        plurigaussian_volume(SHAPE, H, LENGTH, (0.4, 0.35, 0.25), contact="ordered", rng=s)
        for s in range(24)
    ]
    for i in (0, 1):
        known = structures[0].known[f"interface_{i}_{i + 1}"].value
        areas = [surface(s.volume.labels > i, H) for s in structures]
        assert is_within(areas, known, bias=0.015 * known)


def test_two_fields_are_independent():
    """Where phase 2 is not, phases 0 and 1 are cut by a field that knows nothing of it."""
    chosen = []
    for seed in range(24):
        labels = plurigaussian_volume(SHAPE, H, LENGTH, (0.3, 0.3, 0.4), rng=seed).volume.labels
        beside = labels[1:][labels[:-1] == 2]
        chosen.append(np.mean(beside[beside < 2] == 1))
    assert is_within(chosen, 0.5)


def test_fields_and_volumes_are_periodic_and_seeded():
    field = gaussian_field(SHAPE, H, 1.5e-6, rng=7)
    assert np.array_equal(field, gaussian_field(SHAPE, H, 1.5e-6, rng=np.random.default_rng(7)))
    for axis in range(3):  # across the border it is as smooth as elsewhere
        steps = np.abs(np.diff(field, axis=axis, append=np.take(field, [0], axis)))
        border = np.take(steps, -1, axis).mean()
        assert border < 2 * steps.mean()
    first, again, other = (excursion_volume(SHAPE, H, LENGTH, 0.4, rng=s) for s in (1, 1, 2))
    assert first.volume.sha256 == again.volume.sha256 != other.volume.sha256
    assert "rng=1" in first.volume.provenance.source


def test_spacing_may_differ_between_axes():
    found = field_correlation((40, 40, 80), (2.0, 2.0, 1.0), 8.0)
    assert found.values[3, 0, 0] == pytest.approx(found.values[0, 0, 6], rel=1e-9)


def test_roughness_moves_the_surface_by_its_amplitude():
    """Far from contacts, the height of a rough plane (a large flat disc) has the field's spread."""
    box = (4e-6, 4e-6, 4e-6)
    slab = Particles(
        [[2e-6] * 3], [[1e-6, 8e-6, 8e-6]], box=box, body="cylinder", periodic=(True, False, False)
    )
    spread, drift = [], []
    for seed in range(24):
        labels = rough_particles(slab, 5e-8, 1.5e-7, 1e-6, rng=seed).volume.labels
        heights = np.count_nonzero(labels[: len(labels) // 2], axis=0) * 5e-8
        spread.append(np.mean((heights - 1e-6) ** 2))
        drift.append(np.mean(heights - 1e-6))
    assert is_within(drift, 0.0)
    # rounding to voxels adds h²/12; d + a f(z) = 0 rather than d + a f(0) adds (a/ℓ)² ≈ 2 % twice
    exact = 1.5e-7**2 + 5e-8**2 / 12
    assert is_within(spread, exact, bias=0.045 * exact)


def test_rough_particles_meet_a_fraction_and_keep_their_number():
    particles = hard_spheres(SHAPE, H, 8e-7, 0.3, rng=0).particles
    rough = rough_particles(particles, H, 1e-7, 4e-7, fraction=0.35, rng=2)
    assert abs(rough.volume.voxels("solid") - 0.35 * rough.volume.labels.size) <= 0.5
    assert set(np.unique(rough.instances)) == set(range(len(particles) + 1))
    assert np.array_equal(rough.instances > 0, rough.volume.labels == 1)
    again = rough_particles(particles, H, 1e-7, 4e-7, fraction=0.35, rng=2)
    assert rough.volume.sha256 == again.volume.sha256


def test_no_amplitude_leaves_particles_smooth():
    particles = hard_spheres(SHAPE, H, 8e-7, 0.3, rng=0).particles
    smooth = rough_particles(particles, H, 0.0, 4e-7)
    assert np.array_equal(smooth.instances, rasterise(particles, H))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: gaussian_field(SHAPE, H, 0.0), "positive length"),
        (lambda: gaussian_field(SHAPE, H, 1e-3), "power"),
        (lambda: gaussian_field((1, 1, 1), H, 1e-7), "power"),
        (lambda: gaussian_field(SHAPE, H, 1e-6, spectrum="pink"), "choose 'gaussian'"),
        (lambda: gaussian_field(SHAPE, H, 1e-6, spectrum=lambda k: -k), "power"),
        (lambda: excursion_volume(SHAPE, H, 1e-6, 0.0), "between 0 and 1"),
        (lambda: plurigaussian_volume(SHAPE, H, 1e-6, (0.5, 0.4)), "sum to 0.9"),
        (lambda: plurigaussian_volume(SHAPE, H, [1e-6] * 3, (0.5, 0.5)), "3 lengths"),
        (lambda: plurigaussian_volume(SHAPE, H, 1e-6, (0.5, 0.5), contact="no"), "neither 'any'"),
        (lambda: excursion_surface(1.0, 1.5), "between 0 and 1"),
    ],
)
def test_fields_that_cannot_be_are_refused(call, match):
    with pytest.raises(InvalidInputError, match=match):
        call()
