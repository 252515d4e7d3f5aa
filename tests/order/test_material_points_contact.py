"""Two spheres of material points that are pressed together: Hertz, then yield."""

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from solvers.compaction import compact

H, CELL = 1e-7, 2
E, NU = 20e9, 0.3
SOLID = {1: solvers.Isotropic(E, NU)}
MARGIN = 6  # voxels beside the spheres


def half_spheres(radius):
    """A quarter of two half spheres that touch, between planes of symmetry; radius in voxels."""
    across = radius + MARGIN
    z, y, x = (i + 0.5 for i in np.ogrid[: 2 * radius, :across, :across])
    low, high = (c**2 + y**2 + x**2 < radius**2 for c in (z, 2 * radius - z))
    return Volume((low | high).astype(np.uint8), H)


def force(radius, approach, **more):
    """Between two whole spheres, N, when the lid has come down by ``approach`` in m and rests."""
    height = 2 * radius * H - approach
    found = compact(half_spheres(radius), SOLID, height=height, release=False, **more)
    area = ((radius + MARGIN) * H) ** 2
    return found, 4 * area * found.pressures


def hertz(radius, approach):
    """Force of a chain of spheres of a radius in m.

    Hertz at every contact; the other contact of a sphere, 2 R away, takes from the approach what
    Boussinesq's solution has there: F (1 + nu) (3 - 2 nu) / (4 pi E R) for each half.
    """

    def half(load):
        a = (3 * (1 - NU**2) * load * radius / (4 * E)) ** (1 / 3)
        local = 3 * (1 - NU**2) * load / (4 * E * a)
        return local - load * (1 + NU) * (3 - 2 * NU) / (4 * np.pi * E * radius)

    return brentq(lambda load: 2 * half(load) - approach, 1e-12, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("radius", "cells"), [(32, 4), (32, 5), (48, 4)])
def test_without_yield_the_force_is_that_of_hertz(radius, cells):
    """Contact radius of four cells or more: within a tenth."""
    approach = (cells * CELL * H) ** 2 / (radius / 2 * H)
    _, forces = force(radius, approach, yield_stress={}, rate=4e-4, stops=1)
    assert forces[-1] == pytest.approx(hertz(radius * H, approach), rel=0.1)


@pytest.mark.slow
def test_with_yield_the_force_rises_straight_as_thornton_says():
    """After yield dF/d(approach) = pi p_y R*, with a contact pressure p_y of 1.6 to 3 yields.

    Source: Thornton, J. Appl. Mech. 64 (1997) 383, doi:10.1115/1.2787319 [not opened: verify];
        between first yield, 1.6, and full plasticity, 3: Johnson, Contact Mechanics (1985).
    """
    radius, limit = 32, 1e8
    slopes = []
    for share in (1.0, 2.0):
        yields = {1: share * limit}
        found, forces = force(radius, 4.4 * CELL * H, yield_stress=yields, rate=5e-4, stops=12)
        approach = 2 * radius * H - found.heights
        late = approach > 1.5 * CELL * H
        (slope, _), rest, *_ = np.polyfit(approach[late], forces[late], 1, full=True)
        assert np.sqrt(rest[0] / late.sum()) < 0.03 * forces[-1]
        slopes.append(slope / (np.pi * radius / 2 * H * share * limit))
    assert all(1.6 < slope < 3.0 for slope in slopes)
    assert forces[-1] < 0.3 * hertz(radius * H, 4.4 * CELL * H)
