"""The names users type, exactly as promised: scripts outside the project rely on them."""

import json
import math

import numpy as np
import pytest

import microstructures, solvers, twin, studies


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def volume(folder):
    sample = microstructures.generate.sample_cathode(0, shape=(40, 36, 32))
    import tifffile

    path = folder / "cathode.tif"
    tifffile.imwrite(path, sample.labels)
    return microstructures.read(path, spacing=398e-9, phases={0: "pore", 1: "NMC", 2: "CBD"})


def test_volume(volume):
    assert volume.shape == (40, 36, 32)
    assert volume.labels.dtype == np.uint8
    assert volume.spacing == (398e-9, 398e-9, 398e-9)
    assert dict(volume.phases) == {0: "pore", 1: "NMC", 2: "CBD"}
    assert volume.fraction("pore") == volume.fraction(0) == volume.fraction(np.int64(0))
    assert volume.fractions() == {name: volume.fraction(name) for name in ("pore", "NMC", "CBD")}
    assert volume.cropped((0, 20), (0, 20), (0, 20)).shape == (20, 20, 20)
    assert volume.flipped(0).transposed(2, 1, 0).coarsened(2).shape == (16, 18, 20)
    assert volume.relabelled({0: 5}).fraction("pore") == volume.fraction("pore")
    assert volume.padded(1).fraction("pore") == volume.fraction("pore")


def test_volume_from_an_array():
    labels = np.random.default_rng(0).integers(0, 3, (4, 5, 6))
    volume = microstructures.Volume(labels, spacing=(50e-9, 25e-9, 25e-9))
    assert dict(volume.phases) == {0: "phase 0", 1: "phase 1", 2: "phase 2"}


def test_tortuosity_factor(volume):
    result = solvers.tortuosity_factor(volume, "pore", axis=0, tolerance=1e-5)
    assert result.percolates
    assert result.tortuosity_factor == volume.fraction("pore") / result.relative_diffusivity
    assert result.macmullin_number == pytest.approx(1 / result.relative_diffusivity)
    report = result.report
    assert report.iterations > 0
    assert report.residual < 1
    assert report.error_estimate <= report.tolerance == 1e-5
    assert report.seconds > 0
    assert "cpu" in report.device
    assert (result.unit, result.uncertainty.kind) == ("1", "sampling")
    assert float(result.uncertainty) > 0
    assert "finite volumes" in result.method


def test_effective_conductivity(volume):
    values = {"pore": 1.0, "CBD": 0.05, "NMC": 0.0}
    result = solvers.effective_conductivity(volume, values, axis=0)
    assert 0 < result.value < 1
    assert result.unit == "S/m"


def test_interface_areas(volume):
    areas = solvers.interface_areas(volume, method="crofton")
    assert areas["pore", "NMC"].value == areas["NMC", "pore"].value == areas[0, 1].value > 0
    assert areas["pore", "NMC"].unit == "m²/m³"
    total = solvers.specific_surface_areas(volume)["NMC"].value
    assert total == pytest.approx(areas["NMC", "pore"].value + areas["NMC", "CBD"].value)


def test_triple_phase_boundaries(volume):
    lines = solvers.triple_phase_boundaries(volume)["pore", "NMC", "CBD"]
    parts = lines.active.value + lines.isolated.value + lines.unknown.value
    assert lines.total.value == pytest.approx(parts) != 0
    assert lines.total.unit == "m/m³"


def test_connectivity(volume):
    result = solvers.connectivity(volume, "pore", axis=0)
    assert 0 < result.percolating <= result.connected_to("low") <= 1


def test_choice_of_device():
    solvers.use(arch="cpu", precision="mixed")
    with pytest.raises(microstructures.errors.RuntimeConflictError):
        solvers.use(threads=64)


@pytest.fixture(scope="module")
def card(volume):
    return twin.characterize(volume, materials={"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"})


def test_property_card(card, folder):
    card.to_json(folder / "card.json")
    stored = json.loads((folder / "card.json").read_text())
    assert {"schema", "volume", "quantities", "warnings", "versions"} <= set(stored)
    keys = {"name", "phase", "axis", "value", "unit", "uncertainty", "method", "status"}
    assert all(keys <= set(quantity) for quantity in stored["quantities"])


@pytest.mark.slow  # draws the electrode in three dimensions where that is possible
def test_report(card, folder):
    card.to_html(folder / "report.html")
    assert "</html>" in (folder / "report.html").read_text()


def test_blocked_phase():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[2] = 1
    volume = microstructures.Volume(labels, 1e-7)
    result = solvers.tortuosity_factor(volume, 0)
    assert result.tortuosity_factor == math.inf
    assert not result.percolates
    assert solvers.effective_conductivity(volume, {0: 1.0, 1: 0.0}).value == 0.0


def test_error_tree():
    errors = microstructures.errors
    assert issubclass(errors.InvalidVolumeError, errors.TwinError)
    assert issubclass(errors.InvalidVolumeError, ValueError)
    for error in (errors.NotPercolatingError, errors.ConvergenceError, errors.RuntimeConflictError):
        assert issubclass(error, errors.TwinError)
