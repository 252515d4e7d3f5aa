"""A foil beside the electrode changes no number of the electrode."""

import numpy as np
import pytest

import solvers
from microstructures import generate

FOILS = {"low": (3, 0), "high": (0, 2), "both": (3, 2)}


@pytest.fixture(scope="module")
def electrode():
    return generate.sample_cathode(0, shape=(24, 26, 28))


@pytest.mark.parametrize("foil", FOILS)
def test_connectivity_is_that_of_the_electrode_alone(electrode, foil):
    padded = electrode.padded((FOILS[foil], 0, 0))
    for axis in range(3):
        bare = solvers.connectivity(electrode, "pore", axis)
        beside = solvers.connectivity(padded, "pore", axis)
        assert beside.percolating == bare.percolating > 0.9
        assert beside.connected_to("low") == bare.connected_to("low")
        assert beside.connected_to("high") == bare.connected_to("high")


@pytest.mark.parametrize("foil", FOILS)
def test_triple_phase_boundaries_are_those_of_the_electrode_alone(electrode, foil):
    bare = solvers.triple_phase_boundaries(electrode)["pore", "NMC", "CBD"]
    padded = electrode.padded((FOILS[foil], 0, 0))
    beside = solvers.triple_phase_boundaries(padded)["pore", "NMC", "CBD"]
    for part in ("total", "active", "isolated", "unknown"):
        expected = getattr(bare, part).value
        assert getattr(beside, part).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("foil", FOILS)
def test_transport_and_areas_are_those_of_the_electrode_alone(electrode, foil):
    padded = electrode.padded((FOILS[foil], 0, 0))
    for axis in (0, 1):
        bare = solvers.tortuosity_factor(electrode, "pore", axis).value
        assert solvers.tortuosity_factor(padded, "pore", axis).value == pytest.approx(bare)
    bare_areas, areas = solvers.interface_areas(electrode), solvers.interface_areas(padded)
    values = [areas[pair].value for pair in bare_areas]
    assert values == pytest.approx([bare_areas[pair].value for pair in bare_areas], rel=1e-12)
    assert np.isfinite(values).all()
