"""Gas in pores: Knudsen and Bosanquet where they are known, and through a solve."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.pore_gas import bosanquet, gas_diffusivity, knudsen_diffusivity

OXYGEN = {"molar_mass": 31.998e-3, "temperature": 350.0}
BULK = 2.1e-5
VOXEL = 5e-8
PHASES = {0: "pore", 1: "solid"}


def mean_speed(molar_mass, temperature):
    """Maxwell's, with the constants of a molecule."""
    k, avogadro = 1.380649e-23, 6.02214076e23
    return math.sqrt(8 * k * temperature * avogadro / (math.pi * molar_mass))


def channels(*widths):
    """Square channels along axis 0, each between walls."""
    labels = np.ones((6, 7, sum(widths) + len(widths) + 1), np.uint8)
    start = 1
    for width in widths:
        labels[:, 1 : 1 + width, start : start + width] = 0
        start += width + 1
    return Volume(labels, VOXEL, PHASES)


def combined(diameter):
    knudsen = diameter / 3 * mean_speed(**OXYGEN)
    return BULK * knudsen / (BULK + knudsen)


def test_knudsen_is_a_third_of_width_and_speed():
    # nitrogen at 300 K flies at 476 m/s on average
    assert knudsen_diffusivity(1.0, 28.0134e-3, 300.0) == pytest.approx(476.2 / 3, rel=1e-3)
    assert knudsen_diffusivity(2e-7, **OXYGEN) == pytest.approx(
        2e-7 / 3 * mean_speed(**OXYGEN), rel=1e-12
    )


def test_knudsen_scales_with_its_roots():
    one = knudsen_diffusivity(1e-7, 0.002, 300.0)
    assert knudsen_diffusivity(1e-7, 0.018, 300.0) == pytest.approx(one / 3, rel=1e-12)
    assert knudsen_diffusivity(1e-7, 0.002, 1200.0) == pytest.approx(2 * one, rel=1e-12)
    many = knudsen_diffusivity(np.array([[1e-7, 3e-7, math.inf]]), 0.002, 300.0)
    assert many == pytest.approx(np.array([[one, 3 * one, math.inf]]))


def test_bosanquet_adds_resistances():
    assert bosanquet(3.0, 6.0) == pytest.approx(2.0, rel=1e-15)
    assert bosanquet(3.0, math.inf) == 3.0
    assert bosanquet(math.inf, 6.0) == 6.0
    assert bosanquet(math.inf, math.inf) == math.inf
    assert bosanquet(3.0, np.array([6.0, math.inf])).tolist() == pytest.approx([2.0, 3.0])


def test_field_is_that_of_the_local_width():
    volume = channels(1, 3)
    field = gas_diffusivity(volume, "pore", bulk=BULK, **OXYGEN)
    assert field.shape == volume.shape
    assert not field[volume.labels == 1].any()
    assert field[:, 1, 1] == pytest.approx(combined(VOXEL), rel=1e-5)
    assert field[:, 1:4, 3:6] == pytest.approx(combined(3 * VOXEL), rel=1e-5)


def test_one_width_holds_everywhere():
    volume = channels(1, 3)
    field = gas_diffusivity(volume, 0, bulk=BULK, diameter=2e-7, **OXYGEN)
    assert field[volume.labels == 0] == pytest.approx(combined(2e-7), rel=1e-12)
    free = gas_diffusivity(volume, 0, bulk=BULK, diameter=math.inf, **OXYGEN)
    assert free[volume.labels == 0] == pytest.approx(BULK, rel=1e-15)
    walls = gas_diffusivity(volume, 0, bulk=math.inf, diameter=2e-7, **OXYGEN)
    assert walls[volume.labels == 0] == pytest.approx(knudsen_diffusivity(2e-7, **OXYGEN))


def test_without_walls_gas_is_free():
    volume = Volume(np.zeros((3, 3, 3), np.uint8), VOXEL, PHASES)
    assert gas_diffusivity(volume, "pore", bulk=BULK, **OXYGEN) == pytest.approx(BULK)


def test_channels_of_two_widths_conduct_side_by_side():
    volume = channels(1, 3, 4)
    field = gas_diffusivity(volume, "pore", bulk=BULK, **OXYGEN)
    found = solvers.effective_diffusivity(volume, {"pore": field, "solid": 0.0}, 0)
    section = volume.shape[1] * volume.shape[2]
    exact = sum(n * n * combined(n * VOXEL) for n in (1, 3, 4)) / section
    assert found.value == pytest.approx(exact, rel=1e-5)
    assert found.unit == "m²/s"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"molar_mass": 32.0}, "g/mol"),
        ({"molar_mass": -0.03}, "molar_mass"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"bulk": 0.0}, "bulk"),
        ({"bulk": math.nan}, "bulk"),
        ({"diameter": -1e-7}, "diameter"),
        ({"diameter": "mean"}, "'local'"),
        ({"bulk": math.inf, "diameter": math.inf}, "nothing hinders"),
    ],
)
def test_bad_numbers_are_refused(change, message):
    given = {"bulk": BULK, **OXYGEN} | change
    with pytest.raises(InvalidInputError, match=message):
        gas_diffusivity(channels(2), "pore", **given)


def test_more_is_refused():
    with pytest.raises(InvalidInputError, match="diameter"):
        knudsen_diffusivity([1e-7, 0.0], 0.03, 300.0)
    with pytest.raises(InvalidInputError, match="knudsen"):
        bosanquet(1.0, -1.0)
    with pytest.raises(InvalidInputError, match="bulk"):
        bosanquet("much", 1.0)
    with pytest.raises(UnknownPhaseError):
        gas_diffusivity(channels(2), "air", bulk=BULK, **OXYGEN)
    free = Volume(np.zeros((3, 3, 3), np.uint8), VOXEL, PHASES)
    with pytest.raises(InvalidInputError, match="nothing hinders"):
        gas_diffusivity(free, "pore", bulk=math.inf, **OXYGEN)
