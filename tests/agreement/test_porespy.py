"""PoreSpy on the same voxels: what both measure by counting must be equal."""

import numpy as np
import pytest

import solvers
from microstructures import generate


@pytest.mark.slow  # importing PoreSpy takes long
@pytest.mark.filterwarnings("ignore")
def test_porosity_and_connected_pores_are_those_of_porespy():
    import porespy

    volume = generate.sample_cathode(1, shape=(48, 44, 40))
    pores = volume.mask("pore")
    assert volume.fraction("pore") == porespy.metrics.porosity(pores)
    for axis in range(3):
        inlet, outlet = (np.zeros_like(pores) for _ in range(2))
        np.moveaxis(inlet, axis, 0)[0] = np.moveaxis(outlet, axis, 0)[-1] = True
        trimmed = porespy.filters.trim_nonpercolating_paths(pores, inlets=inlet, outlets=outlet)
        connected = solvers.connectivity(volume, "pore", axis).percolating
        assert connected == trimmed.sum() / pores.sum()
