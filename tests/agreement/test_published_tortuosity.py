"""Published tortuosity factors of public volumes; the values stand with their source."""

import zipfile

import pytest
import tifffile

import solvers
from microstructures import Volume

LAST_DIGIT = 1e-4  # values of the paper, doi:10.21105/joss.05358, are given to five digits
DEFAULT_STOP = 5e-4  # TauFactor by default stops with errors of 1e-4 to 3e-4


@pytest.fixture(scope="module")
def electrode(data_folder):
    labels = tifffile.imread(data_folder / "taufactor" / "electrode.tiff")
    return Volume(labels, 100e-6 / 256, {0: "pore", 85: "NMC", 170: "CBD"})


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "published"), [(0, 2.0776), (1, 2.0766)])
def test_pore_of_the_generated_cathode_of_taufactor(electrode, axis, published):
    result = solvers.tortuosity_factor(electrode, "pore", axis)
    assert result.tortuosity_factor == pytest.approx(published, rel=DEFAULT_STOP)


@pytest.mark.slow
def test_relative_diffusivity_of_the_generated_cathode(electrode):
    result = solvers.tortuosity_factor(electrode, "pore", 0)
    assert result.relative_diffusivity == pytest.approx(0.2166, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "published"), [(0, 4.2431), (1, 1.1513), (2, 1.3905)])
def test_anisotropic_benchmark_volume_of_taufactor_2(data_folder, tmp_path, axis, published):
    with zipfile.ZipFile(data_folder / "taufactor" / "TF-500.zip") as archive:
        name = next(
            n for n in archive.namelist() if n.endswith((".tif", ".tiff")) and "__" not in n
        )
        labels = tifffile.imread(archive.extract(name, tmp_path))
    volume = Volume(labels, 1.0, {int(v): f"label {v}" for v in set(labels.ravel()[: 10**6])})
    result = solvers.tortuosity_factor(volume, 255, axis)
    assert result.tortuosity_factor == pytest.approx(published, rel=LAST_DIGIT)
