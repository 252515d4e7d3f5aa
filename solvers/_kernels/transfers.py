"""Kernels that move flat arrays with a halo of one voxel: into the halo, and between two levels."""

import functools
from types import SimpleNamespace

from solvers._ti import function, kernel, ti


@functools.cache
def wraps(real):
    """Kernels that fill the halo: with the far side of a periodic axis, or with nothing."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @kernel
    def wrap(x: Array, first: ti.i32, second: ti.i32, stride_1: ti.i32, stride_2: ti.i32,
             step: ti.i32, n: ti.i32, jump: real):  # fmt: skip
        """Below the first of n layers lies the last, raised by ``jump``; above the last the first

        (first, second) elements with those strides make a layer; layers are ``step`` apart.
        """
        for row in range(first):
            for k in range(second):
                p = row * stride_1 + k * stride_2
                x[p] = x[p + n * step] + jump
                x[p + (n + 1) * step] = x[p + step] - jump

    @kernel
    def clear(x: Array, first: ti.i32, second: ti.i32, stride_1: ti.i32, stride_2: ti.i32,
              at: ti.i32):  # fmt: skip
        """0 in the layer above the last, which starts at element ``at``"""
        for row in range(first):
            for k in range(second):
                x[at + row * stride_1 + k * stride_2] = 0

    return SimpleNamespace(wrap=wrap, clear=clear)


@functools.cache
def turns(real):
    """The kernel that lays an array out with its axes in another order."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @kernel
    def turn(old: Array, new: Array, source: ti.i32, target: ti.i32, n_0: ti.i32, n_1: ti.i32,
             n_2: ti.i32, stride_0: ti.i32, stride_1: ti.i32, stride_2: ti.i32):  # fmt: skip
        """Elements from ``target`` on, (n_0, n_1, n_2) of them, are those ``source`` strides apart

        Extents are new, and strides those of the old array along the same axes.
        """
        for row in range(n_0 * n_1):
            p = source + row // n_1 * stride_0 + row % n_1 * stride_1
            for k in range(n_2):
                new[target + row * n_2 + k] = old[p + k * stride_2]

    return SimpleNamespace(turn=turn)


@functools.cache
def rows(real, block, inlined=False):
    """What one row gives to or takes from a level that merges 1 or 2 voxels per axis."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    compiled = ti.func if inlined else function  # see ``stretches``

    @compiled
    def merge(fine: Array, coarse: Array, row: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
              fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """Sum the fine values behind a row of (ny, nx) coarse ones"""
        i, j = row // ny + 1, row % ny + 1
        target = i * cz + j * cy
        source = (fz * (i - 1) + 1) * sz + (fy * (j - 1) + 1) * sy
        for q in range((nx + block - 1) // block):
            k0 = 1 + q * block
            m = ti.min(block, nx + 1 - k0)
            total = ti.Vector.zero(real, 2 * block)
            for dz in range(fz):
                for dy in range(fy):
                    f = source + dz * sz + dy * sy + fx * (k0 - 1) + 1
                    for v in range(fx * m):
                        total[v] += fine[f + v]
            for u in range(m):
                coarse[target + k0 + u] = total[fx * u] + (fx - 1) * total[fx * u + fx - 1]

    @compiled
    def spread(coarse: Array, fine: Array, row: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
               fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """Add the coarse value of its block to each of a row of (ny, nx) fine ones"""
        i, j = row // ny + 1, row % ny + 1
        target = i * sz + j * sy
        source = ((i - 1) // fz + 1) * cz + ((j - 1) // fy + 1) * cy + 1
        for q in range((nx + block - 1) // block):
            k0 = 1 + q * block
            m = ti.min(block, nx + 1 - k0)
            new = ti.Vector.zero(real, block + 1)
            for u in range((m + fx - 1) // fx):
                value = coarse[source + ((k0 - 1) >> (fx - 1)) + u]
                new[fx * u] = value
                new[fx * u + fx - 1] = value
            for u in range(m):
                new[u] += fine[target + k0 + u]
            for u in range(m):
                fine[target + k0 + u] = new[u]

    return SimpleNamespace(merge=merge, spread=spread)


@functools.cache
def transfers(real, block):
    """Kernels between a level and the next coarser one, which merges 1 or 2 voxels per axis."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    of_row = rows(real, block, inlined=block == 1)
    merge, spread = of_row.merge, of_row.spread

    @kernel
    def restrict(fine: Array, coarse: Array, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                 fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                 cy: ti.i32):  # fmt: skip
        """coarse = sum of the merged fine values; (nz, ny, nx) voxels are coarse"""
        for row in range(nz * ny):
            merge(fine, coarse, row, ny, nx, fz, fy, fx, sz, sy, cz, cy)

    @kernel
    def prolong(coarse: Array, fine: Array, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                cy: ti.i32):  # fmt: skip
        """fine += the coarse value of the block; (nz, ny, nx) voxels are fine"""
        for row in range(nz * ny):
            spread(coarse, fine, row, ny, nx, fz, fy, fx, sz, sy, cz, cy)

    return SimpleNamespace(restrict=restrict, prolong=prolong)
