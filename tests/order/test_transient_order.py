"""Observed order of convergence of diffusion in particles, in time and in space."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from microstructures import Volume
from solvers.concentration_history import diffuse

D, LENGTH, START, END = 1e-14, 1e-6, 1e4, 20.0
BAND = 0.15  # of a fitted slope around the order
ACTING = {"flux": {"flux": 1e-6}, "held": {"surface_concentration": 3e4}}


def profile(voxels, steps, diffusivity=D, **acting):
    labels = np.ones((voxels + 1, 1, 1), np.uint8)
    labels[-1] = 0
    volume = Volume(labels, (LENGTH / voxels, 1e-7, 1e-7), {0: "pore", 1: "NMC"})
    history = diffuse(
        volume,
        {"NMC": diffusivity},
        "pore",
        [0.0, END],
        initial=START,
        substeps=steps,
        tolerance=1e-11,
        **acting,
    )
    return history.last[:-1, 0, 0]


def exact(voxels, acting):
    """Crank, sections 4.3.4 and 4.3.2."""
    x = (np.arange(voxels) + 0.5) / voxels
    k, time = np.arange(1, 200)[:, None], D * END / LENGTH**2
    if acting == "flux":
        waves = (-1.0) ** k / k**2 * np.exp(-((k * np.pi) ** 2) * time) * np.cos(k * np.pi * x)
        shape = time + (3 * x**2 - 1) / 6 - 2 / np.pi**2 * waves.sum(axis=0)
        return START + 1e-6 * LENGTH / D * shape
    odd = (2 * k - 1) * np.pi / 2
    waves = (-1.0) ** (k - 1) / odd * np.exp(-(odd**2) * time) * np.cos(odd * x)
    return START + 2e4 * (1 - 2 * waves.sum(axis=0))


def slope(sizes, errors):
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def continuous(voxels, diffusivity, acting):
    """The same finite volumes, integrated in time to many digits."""
    h = LENGTH / voxels

    def rate(_, c):
        d = diffusivity(c)
        inner = 2 * d[1:] * d[:-1] / (d[1:] + d[:-1]) * np.diff(c) / h
        outer = 1e-6 if acting == "flux" else d[-1] * (3e4 - c[-1]) / (h / 2)
        return np.diff(np.concatenate([[0.0], inner, [outer]])) / h

    start = np.full(voxels, START)
    return solve_ivp(rate, (0, END), start, method="Radau", rtol=1e-10, atol=1e-8).y[:, -1]


@pytest.mark.parametrize("acting", ACTING)
def test_slab_converges_with_the_square_of_the_step(acting):
    steps = np.array([8, 16, 32])
    fine = continuous(8, lambda c: np.full_like(c, D), acting)
    errors = [np.abs(profile(8, n, **ACTING[acting]) - fine).max() for n in steps]
    assert slope(1 / steps, errors) == pytest.approx(2, abs=BAND)


def test_slab_converges_with_the_square_of_the_step_where_diffusivity_varies():
    def diffusivity(c):
        return D * np.exp((c - START) / 200)

    steps = np.array([8, 16, 32])
    fine = continuous(6, diffusivity, "flux")
    errors = [np.abs(profile(6, n, diffusivity, flux=1e-6) - fine).max() for n in steps]
    assert slope(1 / steps, errors) == pytest.approx(2, abs=BAND)


@pytest.mark.parametrize("acting", ACTING)
def test_slab_converges_with_the_square_of_the_voxel(acting):
    voxels = np.array([4, 8, 16])
    # 40 steps: their error is a fortieth of that of the finest voxels
    errors = [np.abs(profile(n, 40, **ACTING[acting]) - exact(n, acting)).max() for n in voxels]
    assert slope(1 / voxels, errors) == pytest.approx(2, abs=BAND)
