"""Conjugate gradients with a Green operator for voxel elasticity. Fields are (·, nz, ny, nx).

A peer of the multigrid solver, in NumPy and scipy.fft: periodic, displacement-based, the same
trilinear elements, hence the same discrete solution. The preconditioner is the inverse of the
operator of a uniform medium, diagonal in Fourier space; "green-jacobi" scales it from both sides
with the root of the true operator's diagonal. Voigt order 00 11 22 12 02 01, engineering shears.

An element's displacement is written in the eight Walsh modes of its corners (1, z, y, x, zy, …),
on which integration over the voxel is exact and diagonal. The operator works through slabs that
fit into the cache, one thread each.

Source: Schneider, Merkert, Kabel, Int. J. Numer. Meth. Eng. 109 (2017) 1461,
doi:10.1002/nme.5336; Ladecký et al., Appl. Math. Comput. 446 (2023) 127835,
doi:10.1016/j.amc.2023.127835; the scaling on both sides: arXiv:2508.02613
[not opened: verify]
"""

import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.fft
from scipy.linalg.blas import daxpy, ddot

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
VOIGT = {pair: row for row, (i, j) in enumerate(PAIRS) for pair in ((i, j), (j, i))}
SLAB = 1 << 14  # voxels whose temporaries stay in the second-level cache
DELAY = 5  # steps whose release stands for what is still to be released
# for z, y, x, zy, zx, yx in the gradient: the Walsh mode each derivative (by axis) comes from
CENTRE = {0: "z", 1: "y", 2: "x"}
HOURGLASS = (
    {1: "zy", 2: "zx"},
    {0: "zy", 2: "yx"},
    {0: "zx", 1: "yx"},
    {2: "zyx"},
    {1: "zyx"},
    {0: "zyx"},
)


@dataclass(frozen=True)
class Solution:
    """Equilibrium of a periodic volume, and what it cost.

    ``strain`` and ``stress`` (6, nz, ny, nx) are those at the centres of the voxels, ``energy`` in
    J/m³ includes the hourglass modes. ``released[k]`` is the energy per volume, in J/m³, that step
    k released, ``clock[k]`` the seconds after it: from a tightly converged solution they tell when
    any error of the energy was reached. ``error`` is what ``stop`` asked for, ``residual`` is
    |b - A u| / |b|.
    """

    displacement: np.ndarray
    strain: np.ndarray
    stress: np.ndarray
    mean_stress: np.ndarray
    energy: float
    iterations: int
    seconds: float
    setup_seconds: float
    error: float
    residual: float
    released: np.ndarray
    clock: np.ndarray
    converged: bool

    def reached(self, error):
        """Steps and seconds after which the energy was in excess by no more than this share."""
        excess = np.append(self.released[::-1].cumsum()[-2::-1], 0.0)
        step = int(np.argmax(excess <= error * self.energy)) + 1
        return step, float(self.clock[step - 1])


@dataclass(frozen=True)
class Medium:
    """The operator of one volume, where displacements are in units of 4 dz.

    Slopes of the unscaled Walsh modes are then ratios of spacings, and u·K u, divided by the number
    of voxels, is an energy per volume.
    """

    lame: np.ndarray
    mu: np.ndarray
    spacing: np.ndarray
    element: str
    weight: float  # of full integration beside one-point integration
    pool: ThreadPoolExecutor
    workers: int

    @property
    def ratios(self):
        return self.spacing[0] / self.spacing

    def ranges(self):
        """Contiguous layers for each worker, cut into slabs."""
        count, *across = self.mu.shape
        layers = max(1, SLAB // math.prod(across))
        ends = np.linspace(0, count, min(self.workers, count) + 1).astype(int).tolist()
        return [
            [(a, min(a + layers, high)) for a in range(low, high, layers)]
            for low, high in pairwise(ends)
        ]

    def slabs(self):
        return [slab for slabs in self.ranges() for slab in slabs]


def medium(labels, stiffness, spacing, element, stabilization, workers):
    """The Medium of a volume: labels without a stiffness are voids."""
    weight = {"one-point": 0.0, "full": 1.0, "bbar": 1.0, "stabilized": stabilization}[element]
    lame, mu = np.zeros(labels.shape), np.zeros(labels.shape)
    unit = np.array([1.0, 1, 1, 0, 0, 0])
    for label, C in stiffness.items():
        C = np.asarray(C, float)
        isotropic = C[0, 1] * np.outer(unit, unit) + C[3, 3] * np.diag([2.0, 2, 2, 1, 1, 1])
        if not np.allclose(C, isotropic, rtol=1e-9, atol=0):
            raise ValueError(f"stiffness of label {label} is not isotropic: give it one that is")
        lame[labels == label], mu[labels == label] = C[0, 1], C[3, 3]
    pool = ThreadPoolExecutor(workers)
    return Medium(lame, mu, np.asarray(spacing, float), element, weight, pool, workers)


def apply(medium, u, out):
    """out = K u for nodal displacements (3, nz, ny, nx); node (k, j, i) is a voxel's low corner."""
    ranges = medium.ranges()
    carried = list(medium.pool.map(lambda slabs: _layers(medium, u, out, slabs), ranges))
    for slabs, carry in zip(ranges, carried, strict=True):
        out[:, slabs[-1][1] % u.shape[1]] += carry
    return out


def _layers(medium, u, out, slabs):
    """Forces of contiguous layers; those on the nodes above the last are returned."""
    carry = 0.0
    for start, stop in slabs:
        nodal = _forces(medium, slice(start, stop), walsh(wrapped(u, start, stop)))
        nodal[:, 0] += carry
        out[:, start:stop], carry = nodal[:, :-1], nodal[:, -1]
    return carry


def _forces(medium, layers, modes):
    """Forces on the nodes around a slab, from the Walsh modes of its displacements."""
    lame, mu = medium.lame[layers], medium.mu[layers]
    answer = {name: np.zeros_like(mode) for name, mode in modes.items()}
    _add(CENTRE, lame, mu, medium.ratios, modes, answer)
    if medium.weight:
        for name in modes:
            modes[name] *= medium.weight * 3.0 ** (1 - len(name))
        lame = -2 / 3 * mu if medium.element == "bbar" else lame  # no dilatation in these
        for derivatives in HOURGLASS:
            _add(derivatives, lame, mu, medium.ratios, modes, answer)
    return folded(corners(answer))


def _add(derivatives, lame, mu, ratios, modes, answer):
    """Add what one polynomial of the gradient contributes to the forces of its Walsh modes."""
    strains = {}
    for j, name in derivatives.items():
        gradient = modes[name] if ratios[j] == 1 else modes[name] * ratios[j]
        for i in range(3):
            row = VOIGT[i, j]
            strains[row] = strains[row] + gradient[i] if row in strains else gradient[i]
    pressure = lame * sum(strains[j] for j in derivatives)
    stresses = {row: mu * strain for row, strain in strains.items()}
    for j in derivatives:
        stresses[j] = pressure + 2 * stresses[j]
    for j, name in derivatives.items():
        for i in range(3):
            stress = stresses[VOIGT[i, j]]
            answer[name][i] += stress if ratios[j] == 1 else stress * ratios[j]


def wrapped(u, start, stop):
    """Nodes around the layers from start to stop, with periodic images on the far faces."""
    planes = np.empty((3, stop - start + 1, u.shape[2] + 1, u.shape[3] + 1))
    planes[:, :-1, :-1, :-1] = u[:, start:stop]
    planes[:, -1, :-1, :-1] = u[:, stop % u.shape[1]]
    planes[:, :, -1, :-1] = planes[:, :, 0, :-1]
    planes[:, :, :, -1] = planes[:, :, :, 0]
    return planes


def folded(planes):
    """The transpose of wrapped(), but for the layers."""
    planes[:, :, :, 0] += planes[:, :, :, -1]
    planes[:, :, 0, :-1] += planes[:, :, -1, :-1]
    return planes[:, :, :-1, :-1]


def _ends(axis):
    before = (slice(None),) * axis
    return (*before, slice(None, -1)), (*before, slice(1, None))


def walsh(nodes):
    """Walsh modes of each voxel, eightfold, by the axes along which they vary; without the mean."""
    modes = {"": nodes}
    for axis, letter in enumerate("zyx", start=1):
        low, high = _ends(axis)
        finer = {name + letter: values[high] - values[low] for name, values in modes.items()}
        even = {
            name: values[high] + values[low] for name, values in modes.items() if name or axis < 3
        }
        modes = finer | even
    return modes


def _one_longer(values, axis):
    return [n + (a == axis) for a, n in enumerate(values.shape)]


def corners(modes):
    """The transpose of walsh()."""
    for axis, letter in ((3, "x"), (2, "y"), (1, "z")):
        low, high = _ends(axis)
        coarser = {}
        for name in dict.fromkeys(name.replace(letter, "") for name in modes):
            even, odd = modes.get(name), modes.get("".join(sorted(name + letter, reverse=True)))
            total = coarser[name] = np.zeros(_one_longer(odd if even is None else even, axis))
            if odd is not None:
                total[high] = odd
                total[low] -= odd
            if even is not None:
                total[low] += even
                total[high] += even
        modes = coarser
    return modes[""]


def green(medium):
    """Inverse symbol of the uniform medium with the mean moduli: six fields over the frequencies.

    Up to a factor only the ratio of the moduli matters to conjugate gradients.
    """
    lame, mu = medium.lame.mean(), medium.mu.mean()
    shape = medium.mu.shape
    angles = [np.pi * scipy.fft.fftfreq(n) for n in shape[:2]]
    angles.append(np.pi * scipy.fft.rfftfreq(shape[2]))
    axes = [(np.sin(t), np.cos(t)) for t in np.meshgrid(*angles, indexing="ij", sparse=True)]

    def symbol(name, j):
        factors = [s if letter in name else c for letter, (s, c) in zip("zyx", axes, strict=True)]
        return 8 * factors[0] * factors[1] * factors[2] * medium.ratios[j]

    blocks = dict.fromkeys(PAIRS, 0.0)
    for derivatives in (CENTRE, *(HOURGLASS if medium.weight else ())):
        weight = 1.0
        if derivatives is not CENTRE:
            weight = medium.weight * 3.0 ** (1 - len(next(iter(derivatives.values()))))
            lame = -2 / 3 * mu if medium.element == "bbar" else lame
        gradient = {j: symbol(name, j) for j, name in derivatives.items()}
        for i, j in PAIRS:
            if i in gradient and j in gradient:
                blocks[i, j] = blocks[i, j] + weight * (lame + mu) * gradient[i] * gradient[j]
            if i == j:
                blocks[i, j] = blocks[i, j] + weight * mu * sum(g * g for g in gradient.values())
    return np.stack(_inverse(*(blocks[pair] for pair in PAIRS)))


def _inverse(a, b, c, d, e, f):
    """Inverse of the symmetric ((a, f, e), (f, b, d), (e, d, c)), zero where it is singular."""
    cofactors = [
        b * c - d * d,
        a * c - e * e,
        a * b - f * f,
        e * f - a * d,
        d * f - b * e,
        d * e - c * f,
    ]
    determinant = a * cofactors[0] + f * cofactors[5] + e * cofactors[4]
    singular = a + b + c <= 1e-25 * (a + b + c).max()
    return [np.where(singular, 0.0, k / np.where(singular, 1.0, determinant)) for k in cofactors]


def root_diagonal(medium):
    """1 / root of the diagonal of K (3, nz, ny, nx), zero at nodes in voids."""
    # each derivative is in one polynomial without, in two with one and in one with two factors
    shear = 1 + medium.weight * (2 / 3 + 1 / 9)
    normal = shear * (medium.lame + 2 * medium.mu)
    if medium.element == "bbar":
        normal = medium.lame + 2 * medium.mu + (shear - 1) * 4 / 3 * medium.mu
    squares = medium.ratios**2
    diagonal = np.empty((3, *medium.mu.shape))
    for i in range(3):
        diagonal[i] = squares[i] * normal + (squares.sum() - squares[i]) * shear * medium.mu
    for axis in (1, 2, 3):
        diagonal += np.roll(diagonal, 1, axis)
    return np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)


def precondition(medium, inverse, root, r):
    """z = G r in Fourier space, or D^(-1/2) G D^(-1/2) r."""
    r = r if root is None else r * root
    spectrum = scipy.fft.rfftn(r, axes=(1, 2, 3), workers=medium.workers)

    def multiply(k):
        z, y, x = spectrum[:, k].copy()
        a, b, c, d, e, f = inverse[:, k]
        spectrum[0, k] = a * z + f * y + e * x
        spectrum[1, k] = f * z + b * y + d * x
        spectrum[2, k] = e * z + d * y + c * x

    list(medium.pool.map(multiply, range(medium.mu.shape[0])))
    z = scipy.fft.irfftn(
        spectrum, medium.mu.shape, axes=(1, 2, 3), workers=medium.workers, overwrite_x=True
    )
    return z if root is None else np.multiply(z, root, out=z)


def load(medium, stress):
    """Forces -B^T stress of a stress field (6, nz, ny, nx)."""
    answer, carry = np.empty((3, *medium.mu.shape)), 0.0
    for start, stop in medium.slabs():
        modes = {
            name: -medium.ratios[j] * np.stack([stress[VOIGT[i, j], start:stop] for i in range(3)])
            for j, name in CENTRE.items()
        }
        nodal = folded(corners(modes))
        nodal[:, 0] += carry
        answer[:, start:stop], carry = nodal[:, :-1], nodal[:, -1]
    answer[:, 0] += carry
    return answer


def centre_strain(medium, u, macroscopic):
    """Strain (6, nz, ny, nx) at the centres of the voxels."""
    answer = np.empty((6, *medium.mu.shape))
    answer[:] = np.reshape(macroscopic, (6, 1, 1, 1))
    for start, stop in medium.slabs():
        modes = walsh(wrapped(u, start, stop))
        for row, (i, j) in enumerate(PAIRS):
            part = modes["zyx"[j]][i] * medium.ratios[j]
            if i != j:
                part = part + modes["zyx"[i]][j] * medium.ratios[i]
            answer[row, start:stop] += part
    return answer


def conjugate_gradients(medium, b, z_of, tolerance, energy, max_iterations):
    """u with K u = b, twice the energy each step released, the clock and the error.

    The error is that of the energy, whose double ``energy`` is at first, or the relative residual
    where that is None.
    """
    started = time.perf_counter()
    u, r, q = np.zeros_like(b), b.copy(), np.empty_like(b)
    z = z_of(r)
    p, rz = z.copy(), _dot(r, z)
    size, released, clock, error = _dot(b, b), [], [], 0.0
    while rz > 0 and len(released) < max_iterations:
        apply(medium, p, q)
        alpha = rz / _dot(p, q)
        daxpy(p.ravel(), u.ravel(), a=alpha)
        daxpy(q.ravel(), r.ravel(), a=-alpha)
        released.append(alpha * rz)
        clock.append(time.perf_counter() - started)
        error = _error(released, energy) if energy else np.sqrt(_dot(r, r) / size)
        if error <= tolerance:
            break
        z = z_of(r)
        rz, old = _dot(r, z), rz
        p *= rz / old
        p += z
    return u, np.array(released), np.array(clock), float(error)


def _dot(a, b):
    return ddot(a.ravel(), b.ravel())


def _error(released, energy):
    """Energy of the last steps against what is left: no more than the error was before them."""
    if len(released) < DELAY:
        return np.inf
    return sum(released[-DELAY:]) / (energy - sum(released))


def solve(
    labels,
    stiffness,
    *,
    spacing=(1.0, 1.0, 1.0),
    strain=None,
    eigenstrain=None,
    element="stabilized",
    stabilization=0.05,
    preconditioner="green",
    tolerance=1e-4,
    stop="energy",
    max_iterations=2000,
    workers=2,
):
    """Equilibrium of a periodic volume under a macroscopic strain and an eigenstrain.

    Args:
        labels: integers of shape (nz, ny, nx).
        stiffness: (6, 6) in Pa of each label; labels not named are voids.
        spacing: (dz, dy, dx) in m.
        strain: six numbers; none is zero.
        eigenstrain: six numbers per label, or a field (6, nz, ny, nx).
        element: "one-point", "full", "bbar" or "stabilized" ((1 - a) one-point + a full).
        stabilization: a.
        preconditioner: "green", "green-jacobi" or "none".
        tolerance: error at which to stop.
        stop: "energy" (estimated excess of the energy, relative) or "residual" (relative).
        max_iterations: steps after which an unconverged Solution is returned.
        workers: threads.
    """
    started = time.perf_counter()
    labels = np.asarray(labels)
    body = medium(labels, stiffness, spacing, element, stabilization, workers)
    macroscopic = np.zeros(6) if strain is None else np.asarray(strain, float)
    own = eigenstrain_field(labels, eigenstrain)
    elastic = np.reshape(macroscopic, (6, 1, 1, 1)) - own
    driving = of_strain(labels, stiffness, elastic)
    stored = 0.5 * np.mean(driving * elastic) * 6
    inverse = None if preconditioner == "none" else green(body)
    root = root_diagonal(body) if preconditioner == "green-jacobi" else None
    b = load(body, driving)
    setup = time.perf_counter() - started

    def z_of(r):
        return r.copy() if inverse is None else precondition(body, inverse, root, r)

    energy = 2 * labels.size * stored if stop == "energy" else None
    u, released, clock, error = conjugate_gradients(
        body, b, z_of, tolerance, energy, max_iterations
    )
    residual = _dot(r := b - apply(body, u, np.empty_like(u)), r)
    found = centre_strain(body, u, macroscopic)
    stress = of_strain(labels, stiffness, found - own)
    body.pool.shutdown()
    released = 0.5 * released / labels.size
    return Solution(
        displacement=4 * body.spacing[0] * u,
        strain=found,
        stress=stress,
        mean_stress=stress.mean(axis=(1, 2, 3)),
        energy=float(stored - released.sum()),
        iterations=len(released),
        seconds=float(clock[-1]) if len(clock) else 0.0,
        setup_seconds=setup,
        error=error,
        residual=float(np.sqrt(residual / max(_dot(b, b), np.finfo(float).tiny))),
        released=released,
        clock=clock,
        converged=error <= tolerance,
    )


def eigenstrain_field(labels, eigenstrain):
    """Eigenstrain (6, nz, ny, nx) from six numbers per label, or from a field, or none."""
    if eigenstrain is not None and not isinstance(eigenstrain, Mapping):
        return np.asarray(eigenstrain, float)
    answer = np.zeros((6, *labels.shape))
    for label, value in (eigenstrain or {}).items():
        answer[:, labels == label] = np.reshape(value, (6, 1))
    return answer


def of_strain(labels, stiffness, strain):
    """Stress (6, nz, ny, nx) of an elastic strain, zero in voids."""
    answer = np.zeros_like(strain)
    for label, C in stiffness.items():
        here = labels == label
        answer[:, here] = np.asarray(C) @ strain[:, here]
    return answer
