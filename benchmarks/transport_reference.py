"""Effective conductivity by an independent solver, to 1e-10: conjugate gradients with sine waves.

In float64, without multigrid and without anything of ours: the preconditioner is the inverse of the
uniform medium, by scipy.fft. Faces are harmonic, sides insulated. The electrodes of ``ends`` are

    "faces"    the outer faces of the volume: ours, TauFactor's
    "centres"  the centres of the first and the last layer: PoreSpy's; OpenImpala's, which takes
               the length for one voxel more
    "beyond"   the centres of a copy of each of these layers beyond it: of TauFactor's solver for
               several phases
"""

import time

import numpy as np
from scipy import fft, ndimage

TOLERANCE = 1e-10  # of the value, by what it fell in the last steps
STEPS = 8


def effective(image, solid, ends, threads=2):
    """Conductivity along axis 0 over that of the pores, where ``image`` is 1; else ``solid``."""
    started = time.perf_counter()
    values = np.where(image > 0, 1.0, solid) if solid else spanning(image).astype(float)
    inner, low, high, length, kind = _between(values, ends)
    system = _System(inner, low, high, kind, threads)
    conductance, iterations, fallen = system.solve()
    value = conductance * length / (values.shape[1] * values.shape[2])
    seconds = time.perf_counter() - started
    return {"value": value, "iterations": iterations, "fallen": fallen, "seconds": seconds}


def spanning(image):
    """True for pores that join the first and the last layer."""
    labels, _ = ndimage.label(image)
    both = np.intersect1d(labels[0], labels[-1])
    return np.isin(labels, both[both > 0])


def _between(values, ends):
    """Layers that are solved for, conductances to both electrodes, distance, and the waves."""
    layers = len(values)
    if ends == "faces":
        return values, 2 * values[0], 2 * values[-1], layers, 2
    if ends == "beyond":
        return values, values[0], values[-1], layers + 1, 1
    low, high = harmonic(values[0], values[1]), harmonic(values[-2], values[-1])
    return np.ascontiguousarray(values[1:-1]), low, high, layers - 1, 1


def harmonic(a, b):
    """Conductance of two half voxels in series."""
    total = a + b
    return np.divide(2 * a * b, total, out=np.zeros_like(total), where=total > 0)


class _System:
    """Potential 1 beyond the first, 0 beyond the last layer."""

    def __init__(self, values, low, high, kind, threads):
        self.low, self.high, self.kind, self.threads = low, high, kind, threads
        self.flows = values > 0
        axes = range(3)
        self.faces = [harmonic(_lower(values, a), _upper(values, a)) for a in axes]
        n0, n1, n2 = self.shape = values.shape
        first = np.arange(1, n0 + 1) / (n0 if kind == 2 else n0 + 1)
        waves = (first, np.arange(n1) / n1, np.arange(n2) / n2)
        e0, e1, e2 = (2 - 2 * np.cos(np.pi * w) for w in waves)
        self.inverse = 1 / (e0[:, None, None] + e1[:, None] + e2)

    def apply(self, x):
        out = np.zeros_like(x)
        for axis, face in enumerate(self.faces):
            flow = np.diff(x, axis=axis)
            flow *= face
            _lower(out, axis)[...] -= flow
            _upper(out, axis)[...] += flow
        out[0] += self.low * x[0]
        out[-1] += self.high * x[-1]
        return out

    def precondition(self, r):
        def waves(transform, cosine, x):
            x = transform(x, self.kind, axis=0, workers=self.threads, overwrite_x=True)
            return cosine(x, 2, axes=(1, 2), workers=self.threads, overwrite_x=True)

        z = waves(fft.dst, fft.dctn, r.copy())
        z *= self.inverse
        z = waves(fft.idst, fft.idctn, z)
        z *= self.flows
        return z

    def energy(self, x):
        """What is dissipated, which is the conductance where x solves the system."""
        total = sum(
            float(np.sum(face * np.diff(x, axis=axis) ** 2)) for axis, face in enumerate(self.faces)
        )
        ends = self.low * (1 - x[0]) ** 2 + self.high * x[-1] ** 2
        return total + float(ends.sum())

    def solve(self):
        """Conductance, iterations, and by how much it fell in the last few of them."""
        n0 = self.shape[0]
        depth = (np.arange(n0) + 0.5) / n0 if self.kind == 2 else np.arange(1, n0 + 1) / (n0 + 1)
        x = np.where(self.flows, 1 - depth[:, None, None], 0.0)
        r = -self.apply(x)
        r[0] += self.low
        value, drops = self.energy(x), []
        z = self.precondition(r)
        p, rz = z.copy(), _dot(r, z)
        while len(drops) < STEPS or sum(drops[-STEPS:]) > TOLERANCE * (value - sum(drops)):
            ap = self.apply(p)
            alpha = rz / _dot(p, ap)
            x += alpha * p
            r -= alpha * ap
            drops.append(alpha * rz)
            z = self.precondition(r)
            new = _dot(r, z)
            p *= new / rz
            p += z
            rz = new
        found = self.energy(x)
        return found, len(drops), sum(drops[-STEPS:]) / found


def _dot(a, b):
    return float(np.vdot(a, b))


def _lower(values, axis):
    return np.moveaxis(np.moveaxis(values, axis, 0)[:-1], 0, axis)


def _upper(values, axis):
    return np.moveaxis(np.moveaxis(values, axis, 0)[1:], 0, axis)
