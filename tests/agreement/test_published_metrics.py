"""Areas and connectivity of public volumes against the numbers published for them."""

import pytest

import microstructures
from solvers.components import connectivity
from solvers.interfaces import interface_areas, specific_surface_areas
from solvers.triple_phase import triple_phase_boundaries


@pytest.fixture(scope="module")
def electrode(data_folder):
    return microstructures.read(
        data_folder / "taufactor" / "electrode.tiff",
        spacing=100e-6 / 256,
        phases={0: "pore", 85: "NMC", 170: "CBD"},
    )


def test_face_counts_equal_the_published_specific_surfaces(electrode):
    surfaces = specific_surface_areas(electrode, method="faces")
    published = {"pore": 785502.47, "NMC": 374027.56, "CBD": 876099.55}  # in 1/m
    for phase, value in published.items():
        assert surfaces[phase].value == pytest.approx(value, abs=0.006)


@pytest.mark.parametrize(("neighbours", "published"), [(6, 0.9989), (18, 0.9995), (26, 0.9996)])
def test_through_connected_pores_equal_the_published_share(electrode, neighbours, published):
    share = connectivity(electrode, "pore", axis=0, neighbours=neighbours).percolating
    assert share == pytest.approx(published, abs=0.00005)


def test_areas_of_the_calendered_cathode_are_like_those_of_its_published_crop(nrel_volume):
    # pore–NMC .1175 per µm (Daubner & Nestler 2024), by another method on another crop and binder
    area = interface_areas(nrel_volume)["pore", "NMC"]
    assert area.value == pytest.approx(0.1175e6, rel=0.2)
    assert 0 < area.uncertainty < 0.05 * area.value


def test_binder_bridges_make_part_of_the_triple_line_inactive(nrel_volume):
    line = triple_phase_boundaries(nrel_volume)["pore", "NMC", "CBD"]
    assert 0 < line.active.value < line.total.value
    assert line.isolated.value > 0
    assert line.total.uncertainty < 0.05 * line.total.value
