"""Indicators of cracking under stresses whose answer is known."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import fracture

SIDE, EDGE = 6, 1e-7
VOLUME = Volume(np.ones((SIDE,) * 3, np.uint8), EDGE, {0: "pore", 1: "NMC"})
WHOLE = SIDE**3 * EDGE**3


def uniform(*stress):
    return np.broadcast_to(np.array(stress, float)[:, None, None, None], (6, *VOLUME.shape))


def test_a_uniform_pull_at_the_strength_fails_with_weibulls_probability():
    """1 - 1/e of the specimens break at the characteristic strength, by its definition."""
    pull = uniform(0, 300e6, 0, 0, 0, 0)
    found = fracture.failure_probability(pull, VOLUME, "NMC", 300e6, 10, WHOLE)
    assert found.value == pytest.approx(1 - math.exp(-1))
    half = fracture.failure_probability(pull / 2, VOLUME, "NMC", 300e6, 10, WHOLE)
    assert half.risk == pytest.approx(2.0**-10)
    twice = fracture.failure_probability(pull, VOLUME, "NMC", 300e6, 10, WHOLE / 2)
    assert twice.value == pytest.approx(1 - math.exp(-2))


def test_half_a_volume_in_tension_carries_half_the_risk():
    stress = np.zeros((6, *VOLUME.shape))
    stress[0, : SIDE // 2], stress[0, SIDE // 2 :] = 300e6, -900e6
    found = fracture.failure_probability(stress, VOLUME, "NMC", 300e6, 8, WHOLE)
    assert found.risk == pytest.approx(0.5)


def test_pressure_breaks_nothing():
    crushed = uniform(-1e9, -1e9, -1e9, 0, 0, 0)
    assert fracture.failure_probability(crushed, VOLUME, "NMC", 1e6, 10, WHOLE).value == 0.0
    flaws = fracture.critical_flaws(crushed, VOLUME, "NMC", 1e6)
    assert flaws.tensile_fraction == 0.0
    assert flaws.percentiles[1] == math.inf


def test_a_huge_modulus_overflows_nothing():
    found = fracture.failure_probability(
        uniform(1e12, 0, 0, 0, 0, 0), VOLUME, "NMC", 1e6, 200, WHOLE
    )
    assert found.value == 1.0


def test_pure_shear_pulls_at_45_degrees_on_flaws_of_irwins_length():
    """K_IC 0.2 MPa m^½ and 100 MPa: 1 µm over Y²."""
    flaws = fracture.critical_flaws(uniform(0, 0, 0, 100e6, 0, 0), VOLUME, "NMC", 0.2e6)
    assert flaws.percentiles[50] == pytest.approx(4e-6 / math.pi / 1.12**2)
    disc = fracture.critical_flaws(
        uniform(0, 0, 0, 100e6, 0, 0), VOLUME, "NMC", 0.2e6, geometry=2 / math.pi
    )
    assert disc.percentiles[50] == pytest.approx(math.pi * 1e-6)


def test_yielding_starts_at_the_yield_stress_and_friction_helps_tension():
    pull = uniform(0, 0, 20e6, 0, 0, 0)
    assert fracture.yielded_fraction(pull, VOLUME, "NMC", 19e6) == 1.0
    assert fracture.yielded_fraction(pull, VOLUME, "NMC", 21e6) == 0.0
    assert fracture.yielded_fraction(pull, VOLUME, "NMC", 21e6, friction=0.1) == 1.0
    assert fracture.yielded_fraction(-pull, VOLUME, "NMC", 19e6, friction=0.1) == 0.0


def test_interfaces_are_left_out_unless_asked_for():
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[1:4, 1:4, 1:4] = 1
    volume = Volume(labels, EDGE, {0: "pore", 1: "NMC"})
    stress = np.zeros((6, 5, 5, 5))
    stress[0, 1, 2, 2] = 1e9  # at the surface
    inside = fracture.failure_probability(stress, volume, "NMC", 1e8, 5, EDGE**3)
    outside = fracture.failure_probability(stress, volume, "NMC", 1e8, 5, EDGE**3, interior=False)
    assert inside.risk == 0.0
    assert outside.risk == pytest.approx(1e5)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: fracture.failure_probability(s, VOLUME, "NMC", 0.0, 10, WHOLE),
        lambda s: fracture.failure_probability(s, VOLUME, "NMC", 1e8, -1, WHOLE),
        lambda s: fracture.critical_flaws(s, VOLUME, "NMC", math.nan),
        lambda s: fracture.yielded_fraction(s, VOLUME, "NMC", 1e6, friction=-1),
        lambda s: fracture.yielded_fraction(s[:, :2], VOLUME, "NMC", 1e6),
        lambda s: fracture.yielded_fraction(s, VOLUME, "pore", 1e6),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InvalidInputError):
        call(uniform(1e6, 0, 0, 0, 0, 0))


def test_a_swollen_particle_is_judged_from_its_stress_state():
    state = solvers.swelling_stress(
        VOLUME, {"NMC": solvers.Isotropic(100e9, 0.25)}, {"NMC": -0.002}, "clamped"
    )
    assert fracture.yielded_fraction(state.stress, VOLUME, "NMC", 1e6) == 0.0  # hydrostatic
    flaws = fracture.critical_flaws(state.stress, VOLUME, "NMC", 0.2e6)
    pull = 100e9 / (1 - 2 * 0.25) * 0.002
    assert flaws.percentiles[50] == pytest.approx((0.2e6 / 1.12 / pull) ** 2 / math.pi, rel=1e-3)
