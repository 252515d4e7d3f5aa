"""Published values of public volumes beside ours, recorded for the validation page.

python benchmarks/validation.py
"""

import json
import tempfile
import zipfile
from pathlib import Path

import data

import microstructures
import solvers

RESULT = Path(__file__).parent / "results" / "validation.json"
TF2 = "TauFactor 2, doi:10.21105/joss.05358"
DEFAULT_STOP = 5e-4  # TauFactor by default stops with errors of 1e-4 to 3e-4, see peers.py
EXAMPLE = "TauFactor's documentation of its example cathode"


def main():
    rows = [*electrode(data.folder()), *benchmark_volume(data.folder())]
    RESULT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def row(volume, quantity, ours, published, allowed, source):
    return {
        "volume": volume,
        "quantity": quantity,
        "ours": ours,
        "published": published,
        "allowed": allowed,
        "source": source,
    }


def electrode(folder):
    """The three-phase cathode that comes with TauFactor, 256 × 256 × 256."""
    volume = microstructures.read(
        folder / "taufactor" / "electrode.tiff",
        spacing=100e-6 / 256,
        phases={0: "pore", 85: "NMC", 170: "CBD"},
    )
    for axis, published in ((0, 2.0776), (1, 2.0766)):
        ours = solvers.tortuosity_factor(volume, "pore", axis).value
        name = f"tortuosity factor of the pores, axis {axis}"
        yield row("electrode.tiff", name, ours, published, DEFAULT_STOP, EXAMPLE)
    faces = solvers.specific_surface_areas(volume, method="faces")
    for phase, published in (("pore", 785502.47), ("NMC", 374027.56), ("CBD", 876099.55)):
        name = f"voxel faces of {phase}, m²/m³"
        yield row("electrode.tiff", name, faces[phase].value, published, 1e-8, EXAMPLE)
    for neighbours, published in ((6, 0.9989), (18, 0.9995), (26, 0.9996)):
        ours = solvers.connectivity(volume, "pore", 0, neighbours=neighbours).percolating
        name = f"connected share of the pores, {neighbours} neighbours"
        yield row("electrode.tiff", name, ours, published, 5e-5, EXAMPLE)


def benchmark_volume(folder):
    """The periodic anisotropic volume of the TauFactor 2 paper, 500 × 500 × 500."""
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(folder / "taufactor" / "TF-500.zip") as archive:
            names = [n for n in archive.namelist() if n.endswith((".tif", ".tiff"))]
            path = archive.extract(next(n for n in names if "__" not in n), scratch)
        volume = microstructures.read(path, spacing=1.0)
    for axis, published in ((0, 4.2431), (1, 1.1513), (2, 1.3905)):
        ours = solvers.tortuosity_factor(volume, 255, axis).value
        yield row("TF-500", f"tortuosity factor, axis {axis}", ours, published, 1e-4, TF2)


if __name__ == "__main__":
    main()
