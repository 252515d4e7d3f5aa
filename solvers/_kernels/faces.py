"""Kernels for a seven-point operator with one stored conductance per face.

Arrays are flat with a halo of one voxel: voxel (i, j, k), counted from 1, lies at
p = i sz + j sy + k. ``faces[axis * size + p]`` joins p to its upper neighbour along the axis, and
is 0 towards the halo but for electrodes. Values in the halo stay 0. A grounded operator also has
``faces[3 * size + p]``, which joins p to 0.
"""

import functools
from types import SimpleNamespace

from solvers._kernels.vectors import CHUNK
from solvers._ti import kernel, ti


@functools.cache
def build(real, block, grounded=False):
    """Kernels in the precision ``real``."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)
    half = max(block // 2, 1)

    @ti.func
    def difference(x: ti.template(), faces: ti.template(), size, p, sz, sy):
        """(A x)[p], as differences: with diag x - sum, rounding would act as a sink"""
        here = x[p]
        flow = faces[p] * (here - x[p + sz]) + faces[p - sz] * (here - x[p - sz])
        flow += faces[size + p] * (here - x[p + sy]) + faces[size + p - sy] * (here - x[p - sy])
        flow += faces[2 * size + p] * (here - x[p + 1])
        flow += faces[2 * size + p - 1] * (here - x[p - 1])
        if ti.static(grounded):
            flow += faces[3 * size + p] * here
        return flow

    @ti.func
    def diagonal(faces: ti.template(), size, p, sz, sy):
        total = faces[p] + faces[p - sz] + faces[size + p] + faces[size + p - sy]
        total += faces[2 * size + p] + faces[2 * size + p - 1]
        if ti.static(grounded):
            total += faces[3 * size + p]
        return total

    @ti.func
    def inverse(total):
        """1 / total, or 0 for a voxel without any conducting face"""
        return ti.select(total > ti.cast(0, real), 1 / ti.max(total, ti.cast(1e-35, real)), 0)

    @kernel
    def start(b: Array, out: Array, faces: Array, size: ti.i32, lo: ti.i32, hi: ti.i32,
              sz: ti.i32, sy: ti.i32, weight: real):  # fmt: skip
        """out = weight D⁻¹ b: the first relaxation from zero"""
        for q in range((hi - lo + block - 1) // block):
            p0 = lo + q * block
            m = ti.min(block, hi - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                p = p0 + u
                new[u] = weight * b[p] * inverse(diagonal(faces, size, p, sz, sy))
            for u in range(m):
                out[p0 + u] = new[u]

    @kernel
    def relax(x: Array, b: Array, out: Array, faces: Array, size: ti.i32, lo: ti.i32, hi: ti.i32,
              sz: ti.i32, sy: ti.i32, weight: real):  # fmt: skip
        """out = x + weight D⁻¹ (b - A x)"""
        for q in range((hi - lo + block - 1) // block):
            p0 = lo + q * block
            m = ti.min(block, hi - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                p = p0 + u
                rest = b[p] - difference(x, faces, size, p, sz, sy)
                new[u] = x[p] + weight * rest * inverse(diagonal(faces, size, p, sz, sy))
            for u in range(m):
                out[p0 + u] = new[u]

    @kernel
    def residual(x: Array, b: Array, out: Array, faces: Array, size: ti.i32, lo: ti.i32,
                 hi: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """out = b - A x"""
        for q in range((hi - lo + block - 1) // block):
            p0 = lo + q * block
            m = ti.min(block, hi - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                new[u] = b[p0 + u] - difference(x, faces, size, p0 + u, sz, sy)
            for u in range(m):
                out[p0 + u] = new[u]

    @kernel
    def apply(x: Array, out: Array, faces: Array, sums: Sums, size: ti.i32, lo: ti.i32, hi: ti.i32,
              sz: ti.i32, sy: ti.i32):  # fmt: skip
        """out = A x, sums[chunk] = x · A x over the chunk"""
        for chunk in range(sums.shape[0]):
            start = lo + chunk * CHUNK
            stop = ti.min(start + CHUNK, hi)
            lanes = ti.Vector.zero(ti.f64, half)
            for q in range((stop - start + half - 1) // half):
                p0 = start + q * half
                m = ti.min(half, stop - p0)
                new = ti.Vector.zero(real, half)
                for u in range(m):
                    new[u] = difference(x, faces, size, p0 + u, sz, sy)
                for u in range(m):
                    lanes[u] += ti.cast(new[u], ti.f64) * x[p0 + u]
                for u in range(m):
                    out[p0 + u] = new[u]
            total = ti.f64(0.0)
            for u in range(half):
                total += lanes[u]
            sums[chunk] = total

    return SimpleNamespace(start=start, relax=relax, residual=residual, apply=apply)


Real = ti.types.ndarray(dtype=ti.f64, ndim=1)


@kernel
def dissipation(x: Real, out: Real, faces: Real, size: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32,
                sy: ti.i32):  # fmt: skip
    """out[p] = energy of voxel p: half of each face it shares, all of one to an electrode"""
    for p in range(lo, hi):
        here = x[p]
        low = ti.select(p - sz < lo, 1.0, 0.5)
        high = ti.select(p + sz >= hi, 1.0, 0.5)
        energy = high * faces[p] * (here - x[p + sz]) ** 2
        energy += low * faces[p - sz] * (here - x[p - sz]) ** 2
        energy += 0.5 * faces[size + p] * (here - x[p + sy]) ** 2
        energy += 0.5 * faces[size + p - sy] * (here - x[p - sy]) ** 2
        energy += 0.5 * faces[2 * size + p] * (here - x[p + 1]) ** 2
        energy += 0.5 * faces[2 * size + p - 1] * (here - x[p - 1]) ** 2
        out[p] = energy


@kernel
def layers(x: Real, faces: Real, conductance: Real, flow: Real, sz: ti.i32):
    """Conductance and flow between each layer i and the next, over all faces between them"""
    for i in range(flow.shape[0]):
        total = ti.f64(0.0)
        through = ti.f64(0.0)
        for p in range(i * sz, (i + 1) * sz):
            total += faces[p]
            through += faces[p] * (x[p] - x[p + sz])
        conductance[i] = total
        flow[i] = through


@functools.cache
def transfers(real, block):
    """Kernels between a level and the next coarser one, which merges 1 or 2 voxels per axis."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @kernel
    def restrict(fine: Array, coarse: Array, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                 fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                 cy: ti.i32):  # fmt: skip
        """coarse = sum of the merged fine values; (nz, ny, nx) voxels are coarse"""
        for row in range(nz * ny):
            i, j = row // ny + 1, row % ny + 1
            target = i * cz + j * cy
            source = (fz * (i - 1) + 1) * sz + (fy * (j - 1) + 1) * sy
            for q in range((nx + block - 1) // block):
                k0 = 1 + q * block
                m = ti.min(block, nx + 1 - k0)
                new = ti.Vector.zero(real, block)
                for dz in range(fz):
                    for dy in range(fy):
                        base = source + dz * sz + dy * sy + 1
                        for u in range(m):
                            f = base + fx * (k0 + u - 1)
                            new[u] += fine[f] + (fx - 1) * fine[f + fx - 1]
                for u in range(m):
                    coarse[target + k0 + u] = new[u]

    @kernel
    def prolong(coarse: Array, fine: Array, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                cy: ti.i32):  # fmt: skip
        """fine += the coarse value of the block; (nz, ny, nx) voxels are fine"""
        for row in range(nz * ny):
            i, j = row // ny + 1, row % ny + 1
            target = i * sz + j * sy
            source = ((i - 1) // fz + 1) * cz + ((j - 1) // fy + 1) * cy + 1
            for q in range((nx + block - 1) // block):
                k0 = 1 + q * block
                m = ti.min(block, nx + 1 - k0)
                new = ti.Vector.zero(real, block)
                for u in range(m):
                    k = k0 + u
                    new[u] = fine[target + k] + coarse[source + ((k - 1) >> (fx - 1))]
                for u in range(m):
                    fine[target + k0 + u] = new[u]

    @kernel
    def coarsen(fine: Array, coarse: Array, axis: ti.template(), size: ti.i32, coarse_size: ti.i32,
                n: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32, fy: ti.i32, fx: ti.i32,
                sz: ti.i32, sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """Coarse faces normal to ``axis``: the fine ones in parallel, over twice the distance

        Axis 3 stands for the faces to 0, which are added up.
        """
        below_z, below_y, below_x = int(axis == 0), int(axis == 1), int(axis == 2)
        for row in range((nz + below_z) * (ny + below_y)):
            i = row // (ny + below_y) + 1 - below_z
            j = row % (ny + below_y) + 1 - below_y
            for k in range(1 - below_x, nx + 1):
                total = ti.cast(0, real)
                for dz in range(1 if ti.static(axis == 0) else fz):
                    for dy in range(1 if ti.static(axis == 1) else fy):
                        for dx in range(1 if ti.static(axis == 2) else fx):
                            z, y, x = (
                                fz * (i - 1) + 1 + dz,
                                fy * (j - 1) + 1 + dy,
                                fx * (k - 1) + 1 + dx,
                            )
                            if ti.static(axis == 0):
                                z = ti.min(fz * i, n)  # an odd last layer stands alone
                            if ti.static(axis == 1):
                                y = ti.min(fy * j, n)
                            if ti.static(axis == 2):
                                x = ti.min(fx * k, n)
                            total += fine[axis * size + z * sz + y * sy + x]
                factor = 1
                if ti.static(axis == 0):
                    factor = fz
                if ti.static(axis == 1):
                    factor = fy
                if ti.static(axis == 2):
                    factor = fx
                coarse[axis * coarse_size + i * cz + j * cy + k] = total / factor

    return SimpleNamespace(restrict=restrict, prolong=prolong, coarsen=coarsen)
