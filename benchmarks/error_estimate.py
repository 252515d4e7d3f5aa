"""How often the true error of a solve exceeds the tolerance it was asked for.

    python benchmarks/error_estimate.py

Random voxels and Gaussian fields, cubic and flat voxels, contrasts from none to 1e8, tolerances
from 1e-3 to 1e-8; the true error is against the same solve at a tolerance of 1e-12.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume

RESULT = Path(__file__).parent / "results" / "error_estimate.json"
SHAPE = (36, 32, 34)
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
    """True error over tolerance, and iterations, for each tolerance; none where it is blocked."""
    sigma = {0: contrast, 1: 1.0}
    exact = solvers.effective_conductivity(volume, sigma, 0, tolerance=EXACT)
    if not exact.percolates:
        return []
    found = []
    for tolerance in TOLERANCES:
        result = solvers.effective_conductivity(volume, sigma, 0, tolerance=tolerance)
        error = abs(result.value / exact.value - 1)
        found.append((error / tolerance, result.report.iterations))
    return found


def main() -> None:
    """Record how many solves there were and how the worst of them went."""
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
    RESULT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
