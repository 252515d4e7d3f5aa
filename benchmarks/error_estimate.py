"""How often the true error of a solve exceeds the tolerance it was asked for.

    python benchmarks/error_estimate.py
    python benchmarks/error_estimate.py elasticity

Random voxels and Gaussian fields, cubic and flat voxels, contrasts from none to 1e8, tolerances
from 1e-3 to 1e-8; the true error is against the same solve at a tolerance of 1e-12. For elasticity,
energies of a unit strain under periodic faces and in a press, against a tolerance of 1e-10.
"""

import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from solvers import potential
from solvers.body import Body

RESULTS = Path(__file__).parent / "results"
SHAPE = (36, 32, 34)
SOLID_SHAPE = (20, 22, 21)
SEEDS, SIZES, FRACTIONS = range(2), (0.0, 1.5, 3.0), (0.1, 0.2, 0.35, 0.5)
SPACINGS = ((1e-7, 1e-7, 1e-7), (4e-7, 1e-7, 1.5e-7))
CONTRASTS = (0.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e2)
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
EXACT = 1e-12


def volumes() -> Iterator[Volume]:
    """Two phases: label 1 fills the given fraction."""
    for seed in SEEDS:
        for size in SIZES:
            field = np.random.default_rng(seed).standard_normal(SHAPE)
            if size:
                field = gaussian_filter(field, size, mode="wrap")
            for fraction in FRACTIONS:
                for spacing in SPACINGS:
                    yield Volume((field < np.quantile(field, fraction)).astype(np.uint8), spacing)


def excesses(volume: Volume, contrast: float) -> list[tuple[float, int]]:
    """True error over tolerance, and iterations; none where it is blocked.

    For each tolerance twice: as small volumes are solved, and as large ones.
    """
    sigma = {0: contrast, 1: 1.0}
    exact = solvers.effective_conductivity(volume, sigma, 0, tolerance=EXACT)
    if not exact.percolates:
        return []
    found = []
    for tolerance, smallest in product(TOLERANCES, (potential.LARGE, 0)):
        with patch.object(potential, "LARGE", smallest):  # single precision as well
            result = solvers.effective_conductivity(volume, sigma, 0, tolerance=tolerance)
        error = abs(result.value / exact.value - 1)
        found.append((error / tolerance, result.report.iterations))
    return found


def bodies() -> Iterator[Body]:
    """Solids that barely hang together, and stout ones, in voids and in something soft."""
    for seed, size, share in product(SEEDS, (0.0, 1.2, 2.5), (0.3, 0.5, 0.8)):
        field = np.random.default_rng(seed).standard_normal(SOLID_SHAPE)
        labels = gaussian_filter(field, size, mode="wrap") if size else field
        labels = (labels < np.quantile(labels, share)).astype(np.uint8)
        for spacing, contrast in product(SPACINGS, (0.0, 1e-2, 1e-5)):
            solids = {1: solvers.Isotropic(1e11, 0.25)}
            if contrast:
                solids[0] = solvers.Isotropic(1e11 * contrast, 0.3)
            for boundary in ("periodic", solvers.stack_pressure(0.0)):
                yield Body.of(Volume(labels, spacing), solids, boundary)


def elastic_excesses(body: Body) -> list[tuple[float, int]]:
    """True error of the energy over tolerance, and iterations, for each tolerance."""
    exact, _ = energy(body, 1e-10)
    found = []
    for tolerance in TOLERANCES[:4]:
        value, iterations = energy(body, tolerance)
        found.append((abs(value / exact - 1) / tolerance, iterations))
    return found


def energy(body: Body, tolerance: float) -> tuple[float, int]:
    """Energy at a unit strain along axis 0, and the iterations it took."""
    found = body.respond(strain=np.eye(6)[0], tolerance=tolerance, max_iterations=3000)
    strain = body.strain(found).astype(float)
    density = np.einsum("czyx,czyx->", strain, body.moduli.stress(strain))
    voxels = float(np.prod(body.volume.shape))
    return float(density) / voxels + body.hourglass_energy(found), found.report.iterations


def main(elasticity: bool) -> None:
    """Record how many solves there were and how the worst of them went."""
    if elasticity:
        found = [e for body in bodies() for e in elastic_excesses(body)]
    else:
        found = [
            e for volume in volumes() for contrast in CONTRASTS for e in excesses(volume, contrast)
        ]
    ratios, iterations = np.array(found).T
    record = {
        "solves": len(found),
        "true error above tolerance": int((ratios > 1).sum()),
        "largest true error over tolerance": float(ratios.max()),
        "median true error over tolerance": float(np.median(ratios)),
        "mean iterations": float(iterations.mean()),
    }
    name = "elastic_error_estimate.json" if elasticity else "error_estimate.json"
    (RESULTS / name).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] == ["elasticity"])
