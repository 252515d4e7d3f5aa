"""Kernels for a whole visit of a small level: one launch down to the next level, one back up.

A loop over a small level is over sooner than threads wake up and Python passes the arguments of
the next one. On a CPU such a level is therefore left to one thread, from the first sweep to the
last; on a GPU each sweep is a parallel loop of the same launch.
"""

import functools
from types import SimpleNamespace

from solvers._kernels import seven_point, stretches, transfers
from solvers._ti import kernel, ti


@functools.cache
def build(real, block, weights, kind="stored", value_type=None, grounded=False):
    """Kernels in the precision ``real``, which relax with ``weights``, an even number of them."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Values = ti.types.ndarray(dtype=value_type or real, ndim=1)
    at, of_row = seven_point.build(real, kind, grounded), transfers.rows(real, block, True)
    along = stretches.build(real, block, kind, value_type, grounded, inlined=True)
    relaxed, product = at.relaxed, at.product
    merge, spread = of_row.merge, of_row.spread
    pairs = len(weights) // 2

    @ti.func
    def relax(x: ti.template(), b: ti.template(), out: ti.template(), w, values: ti.template(),
              table: ti.template(), size, w0, w1, w2, lo, hi, sz, sy):  # fmt: skip
        """out = x + w D⁻¹ (b - A x)"""
        if ti.static(block == 1):
            for p in range(lo, hi):
                out[p] = relaxed(x, b, w, values, table, size, w0, w1, w2, p, sz, sy)
        else:
            along.relax(x, b, out, w, values, table, size, w0, w1, w2, lo, hi - lo, sz, sy)

    @ti.func
    def weight(sweep):
        value = ti.cast(weights[0], real)
        for other in ti.static(range(1, 2 * pairs)):
            value = ti.select(sweep == other, ti.cast(weights[other], real), value)
        return value

    @ti.func
    def twice(x: ti.template(), b: ti.template(), spare: ti.template(), pair,
              values: ti.template(), table: ti.template(), size, w0, w1, w2, lo, hi, sz,
              sy):  # fmt: skip
        """Relax x with the two weights of a pair"""
        first, second = weight(2 * pair), weight(2 * pair + 1)
        relax(x, b, spare, first, values, table, size, w0, w1, w2, lo, hi, sz, sy)
        relax(spare, b, x, second, values, table, size, w0, w1, w2, lo, hi, sz, sy)

    @ti.func
    def smooth(x: ti.template(), b: ti.template(), spare: ti.template(), values: ti.template(),
               table: ti.template(), size, w0, w1, w2, lo, hi, sz, sy):  # fmt: skip
        """Relax x with each weight in turn"""
        if ti.static(block == 1):
            for j in ti.static(range(pairs)):
                twice(x, b, spare, j, values, table, size, w0, w1, w2, lo, hi, sz, sy)
        else:
            for j in range(pairs):
                twice(x, b, spare, j, values, table, size, w0, w1, w2, lo, hi, sz, sy)

    @ti.func
    def residual(x: ti.template(), b: ti.template(), out: ti.template(), values: ti.template(),
                 table: ti.template(), size, w0, w1, w2, lo, hi, sz, sy):  # fmt: skip
        """out = b - A x"""
        if ti.static(block == 1):
            for p in range(lo, hi):
                out[p] = b[p] - product(x, values, table, size, w0, w1, w2, p, sz, sy)
        else:
            along.residual(x, b, out, values, table, size, w0, w1, w2, lo, hi - lo, sz, sy)

    @ti.func
    def down(x: ti.template(), b: ti.template(), spare: ti.template(), below: ti.template(), kept,
             nz, ny, nx, fz, fy, fx, cz, cy, values: ti.template(), table: ti.template(), size,
             w0, w1, w2, lo, hi, sz, sy):  # fmt: skip
        for p in range(lo, hi):
            x[p] *= ti.cast(kept, real)
        smooth(x, b, spare, values, table, size, w0, w1, w2, lo, hi, sz, sy)
        residual(x, b, spare, values, table, size, w0, w1, w2, lo, hi, sz, sy)
        for row in range(nz * ny):
            merge(spare, below, row, ny, nx, fz, fy, fx, sz, sy, cz, cy)

    @ti.func
    def up(below: ti.template(), x: ti.template(), b: ti.template(), spare: ti.template(), nz, ny,
           nx, fz, fy, fx, cz, cy, values: ti.template(), table: ti.template(), size, w0, w1, w2,
           lo, hi, sz, sy):  # fmt: skip
        for row in range(nz * ny):
            spread(below, x, row, ny, nx, fz, fy, fx, sz, sy, cz, cy)
        smooth(x, b, spare, values, table, size, w0, w1, w2, lo, hi, sz, sy)

    @kernel
    def descend(x: Array, b: Array, spare: Array, below: Array, kept: ti.i32, nz: ti.i32,
                ny: ti.i32, nx: ti.i32, fz: ti.i32, fy: ti.i32, fx: ti.i32, cz: ti.i32, cy: ti.i32,
                values: Values, table: Array, size: ti.i32, w0: real, w1: real, w2: real,
                lo: ti.i32, hi: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Relax ``kept`` x, then sum up its residual ``below``, on (nz, ny, nx) voxels"""
        if ti.static(block == 1):
            down(x, b, spare, below, kept, nz, ny, nx, fz, fy, fx, cz, cy, values, table, size,
                 w0, w1, w2, lo, hi, sz, sy)  # fmt: skip
        else:
            ti.loop_config(serialize=True)
            for _ in range(1):
                down(x, b, spare, below, kept, nz, ny, nx, fz, fy, fx, cz, cy, values, table, size,
                     w0, w1, w2, lo, hi, sz, sy)  # fmt: skip

    @kernel
    def ascend(below: Array, x: Array, b: Array, spare: Array, nz: ti.i32, ny: ti.i32, nx: ti.i32,
               fz: ti.i32, fy: ti.i32, fx: ti.i32, cz: ti.i32, cy: ti.i32, values: Values,
               table: Array, size: ti.i32, w0: real, w1: real, w2: real, lo: ti.i32, hi: ti.i32,
               sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Add the correction from ``below`` to x on (nz, ny, nx) voxels, and relax that"""
        if ti.static(block == 1):
            up(below, x, b, spare, nz, ny, nx, fz, fy, fx, cz, cy, values, table, size, w0, w1, w2,
               lo, hi, sz, sy)  # fmt: skip
        else:
            ti.loop_config(serialize=True)
            for _ in range(1):
                up(below, x, b, spare, nz, ny, nx, fz, fy, fx, cz, cy, values, table, size, w0, w1,
                   w2, lo, hi, sz, sy)  # fmt: skip

    return SimpleNamespace(descend=descend, ascend=ascend)
