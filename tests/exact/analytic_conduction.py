"""Exact statements on conduction in composites: arrays of spheres, coated inclusions, bounds.

Conductivities are those of inclusions or phases, in any one unit.
"""

from math import factorial

import numpy as np
from scipy.special import lpmv


def lattice_sums(degree, reach=24):
    """Sums of irregular solid harmonics (L - M)! P_LM cos(M phi) / r^(L+1) over a cubic lattice.

    Up to a degree, without that of degree 2, which vanishes over shells; the unit is the edge.
    """
    steps = np.arange(-reach, reach + 1.0)
    z, y, x = np.stack(np.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, -1)
    r = np.sqrt(z**2 + y**2 + x**2)
    z, y, x, r = (v[(r > 0) & (r <= reach)] for v in (z, y, x, r))
    sums = {}
    for L in range(4, degree + 1, 2):
        for M in range(0, L + 1, 4):
            waves = lpmv(M, L, z / r) * np.cos(M * np.arctan2(y, x)) / r ** (L + 1)
            sums[L, M] = sums[L, -M] = factorial(L - M) * float(waves.sum())
    return sums


def simple_cubic_spheres(fraction, conductivity, degree=9):
    """Spheres of a conductivity on a simple cubic lattice in a matrix of 1, by multipoles.

    Each sphere answers to the field of the ends and of all other spheres; degree 1 alone is the
    formula of Maxwell. Five digits at degree 9 up to a fraction of 0.4.

    Source: McPhedran, McKenzie, Proc. R. Soc. A 359 (1978) 45, doi:10.1098/rspa.1978.0031
    [not opened: verify]
    """
    radius, sums = (3 * fraction / (4 * np.pi)) ** (1 / 3), lattice_sums(2 * degree)
    pairs = [(n, m) for n in range(1, degree + 1, 2) for m in range(-(n // 4) * 4, n + 1, 4)]
    answers = [
        n * (1 - conductivity) / (conductivity * n + n + 1) * radius ** (2 * n + 1)
        / (factorial(n + m) * factorial(n - m))
        for n, m in pairs
    ]  # fmt: skip
    matrix = np.eye(len(pairs))
    for i, (p, q) in enumerate(pairs):
        matrix[i] += [
            sums.get((n + p, m + q), 0.0) * b for (n, m), b in zip(pairs, answers, strict=True)
        ]
    first = pairs.index((1, 0))
    field = np.linalg.solve(matrix, np.eye(len(pairs))[first])
    dipole = -4 * np.pi / 3 * answers[first] * field[first]
    return (1 + 2 * dipole) / (1 - dipole)


def neutral_matrix(core, shell, share, dimension):
    """Conductivity of a matrix that a coated sphere or cylinder does not disturb.

    ``share`` is that of the core in the inclusion.

    Source: Hashin, J. Appl. Mech. 29 (1962) 143, doi:10.1115/1.3636446 [not opened: verify]
    """
    others = dimension - 1
    return (
        shell
        * (core * (1 + others * share) + others * shell * (1 - share))
        / (core * (1 - share) + shell * (others + share))
    )


def checkerboard_order(contrast):
    """Order in h of the effective value: twice the exponent of the potential at the corners.

    There the potential goes as r^lambda, lambda = 4/pi arctan sqrt(least / largest), and the error
    as its energy within one voxel of the corner.
    """
    return 8 / np.pi * np.arctan(np.sqrt(min(contrast, 1 / contrast)))


def tensor_bounds(low, high, share):
    """Bounds on sum 1/(k - low) and sum 1/(high - k) over the principal values k in 3D.

    For any arrangement whatever of two isotropic phases, ``share`` of the better conductor.

    Source: Lurie, Cherkaev, Proc. R. Soc. Edinb. A 99 (1984) 71, doi:10.1017/S030821050002597X
    [not opened: verify]
    """
    mean = (1 - share) * low + share * high
    harmonic = 1 / ((1 - share) / low + share / high)
    return (
        1 / (harmonic - low) + 2 / (mean - low),
        1 / (high - harmonic) + 2 / (high - mean),
    )
