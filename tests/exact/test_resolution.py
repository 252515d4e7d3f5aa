"""The estimate of the error by the voxel size: zero for laminates, right for a known law."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.body import Body
from solvers.resolution import resolution_error
from solvers.voigt import IDENTITY

PHASES = {0: "pore", 1: "hard", 2: "soft"}
STIFFNESS = {"hard": solvers.Isotropic(100e9, 0.25), "soft": solvers.Isotropic(2e9, 0.35)}


def stiffness(volume):
    body = Body.of(volume, STIFFNESS, "symmetry")
    stress = body.mean_stress(body.respond(strain=np.eye(6)[0], tolerance=1e-8))
    return {"C00": stress[0], "C10": stress[1]}


@pytest.fixture(scope="module", autouse=True)
def compiled_kernels_of_elasticity():
    """Kernels compiled before the first test, whose time would otherwise be the compiler's."""
    stiffness(ball(4))


def ball(n, phase=0):
    """A ball of radius 0.35 in a unit cube of n³ voxels."""
    x = (np.arange(n) + 0.5) / n - 0.5
    radius = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
    return Volume(np.where(radius < 0.35, phase, 1).astype(np.uint8), 1e-6 / n, PHASES)


def test_laminates_owe_nothing_to_the_voxels():
    layers = np.repeat([1, 2, 1], (4, 6, 2)).astype(np.uint8)
    volume = Volume(np.broadcast_to(layers[:, None, None], (12, 4, 4)).copy(), 1e-7, PHASES)
    errors = resolution_error(stiffness, volume)
    assert errors == pytest.approx({"C00": 0.0, "C10": 0.0}, abs=1e-5 * 100e9)


@pytest.mark.parametrize("order", [1.0, 2.0])
@pytest.mark.parametrize("factor", [2, 3])
def test_an_error_of_a_known_order_is_found_exactly(order, factor):
    volume = ball(12)

    def law(volume):
        return {"value": 5.0 + 3.0 * (volume.spacing[0] / 1e-6) ** order}

    found = resolution_error(law, volume, factor=factor, order=order)
    assert found["value"] == pytest.approx(3.0 * (1 / 12) ** order)


def pressure_in_ball(volume):
    """Mean pressure in a swelling ball of uniform moduli over what it is exactly (Bitter–Crum)."""
    same = dict.fromkeys(("hard", "soft"), STIFFNESS["hard"])
    body = Body.of(volume, same, element="full")
    inside = volume.labels == 2
    field = IDENTITY[:, None, None, None] * 0.01 * inside
    deformation = body.respond(strain=np.zeros(6), eigenstrain=field, tolerance=1e-8)
    change = body.strain(deformation)[:3].sum(axis=0)[inside].mean() / 0.01
    nu = STIFFNESS["hard"].nu
    return {"pressure": (3 - change) / (3 - (1 + nu) / (1 - nu) * (1 - inside.mean()))}


def test_the_error_of_a_ball_is_estimated_within_a_factor_of_one_and_a_half():
    volume = ball(16, phase=2)
    value = pressure_in_ball(volume)
    estimate = resolution_error(pressure_in_ball, volume, values=value)["pressure"]
    true = abs(value["pressure"] - 1)
    assert true > 0.005  # more than the solves err
    assert true / 1.5 < estimate < true * 1.5


def test_known_values_are_not_evaluated_again():
    seen = []

    def law(volume):
        seen.append(volume.shape)
        return {"a": 1.0}

    assert resolution_error(law, ball(8), values={"a": 2.0}) == {"a": 1.0}
    assert seen == [(4, 4, 4)]


def test_what_the_coarser_volume_does_not_have_is_unknown():
    found = resolution_error(lambda _: {}, ball(8), values={"a": 1.0})
    assert math.isnan(found["a"])


@pytest.mark.parametrize(("factor", "order"), [(1, 1.0), (2.5, 1.0), (2, 0.0), (2, math.nan)])
def test_what_gives_no_second_resolution_is_refused(factor, order):
    with pytest.raises(InvalidInputError, match="second resolution"):
        resolution_error(lambda _: {}, ball(8), factor=factor, order=order)
