"""Observed order of convergence of coupled transport in the axial cell size, on stripes."""

import numpy as np
import pytest

from microstructures import Volume
from solvers.coupled_transport import charge_transfer

LENGTH, WIDTH = 60e-6, 2e-7
CELLS = (25, 50, 100, 200)
BAND = 0.1  # of a fitted slope around the order


def solved(cells, kappa, sigma, g):
    labels = np.zeros((cells, 1, 2), np.uint8)
    labels[..., 1] = 1
    volume = Volume(labels, (LENGTH / cells, 1e-7, WIDTH), {0: "pore", 1: "NMC"})
    return charge_transfer(volume, {"NMC": sigma}, {"pore": kappa}, g, tolerance=1e-13)


def order(errors):
    return -np.polyfit(np.log(CELLS), np.log(np.abs(errors)), 1)[0]


@pytest.mark.parametrize(
    ("kappa", "sigma", "g"), [(0.5, 2.0, 400.0), (0.3, 50.0, 500.0), (20.0, 0.6, 500.0)]
)
def test_resistance_and_reaction_are_of_second_order(kappa, sigma, g):
    """Against i₂' = -a g' (φ₂ - φ₁), i₂ = -κ φ₂', i₁ = -σ φ₁', i₁ + i₂ = 1."""
    conductance = 1 / (1 / g + WIDTH / 2 / kappa + WIDTH / 2 / sigma) / 2 / WIDTH
    k, s = kappa / 2, sigma / 2
    nu = LENGTH * np.sqrt(conductance * (1 / k + 1 / s))
    ratio = s / k + k / s
    resistance = LENGTH / (k + s) * (1 + (2 + ratio * np.cosh(nu)) / (nu * np.sinh(nu)))

    def ionic(z):
        """i₂(z): 1 at the separator and 0 at the collector, i₂'' = ν²/L² (i₂ - κ/(κ+σ))."""
        far, y = k / (k + s), nu * z / LENGTH
        return far + ((1 - far) * np.sinh(nu - y) - far * np.sinh(y)) / np.sinh(nu)

    values, profiles = [], []
    for cells in CELLS:
        result = solved(cells, kappa, sigma, g)
        values.append(result.value / resistance - 1)
        exact = -np.diff(ionic(np.linspace(0, LENGTH, cells + 1)))
        profiles.append(np.abs(result.reaction_current - exact).max() * cells)
    assert order(values) == pytest.approx(2, abs=BAND)
    assert order(profiles) == pytest.approx(2, abs=0.25)  # the coarsest of them hardly resolve it
    assert abs(values[-1]) < 1e-3
