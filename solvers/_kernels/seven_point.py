"""The seven-point operator at one voxel: one body, whatever the faces' conductances come from.

Arrays are flat with a halo of one voxel: voxel (i, j, k), counted from 1, lies at
p = i sz + j sy + k. Face (axis, p) joins p to its upper neighbour along the axis. By kind it is

    "mask"         weight * values[p] * values[q]: 1 conducts, 0 insulates, 2 is an electrode
    "resistivity"  2 weight / (values[p] + values[q]): of two half voxels, inf insulates
    "classes"      the same with table[values[p]], table[values[q]]
    "stored"       values[axis * size + p]

A grounded operator also has ``values[3 * size + p]``, stored, which joins p to 0.
"""

import functools
from types import SimpleNamespace

from solvers._ti import ti


@functools.cache
def build(real, kind="stored", grounded=False):
    """Functions of a voxel p in the precision ``real``."""

    @ti.func
    def own(values: ti.template(), p):
        """What all faces of p have in common, so that their sum is multiplied once"""
        share = ti.cast(1, real)
        if ti.static(kind == "mask"):
            share = ti.cast(values[p], real)
        return share

    @ti.func
    def side(values: ti.template(), table: ti.template(), size, axis, low, p, q):
        """Conductance between p and q but for ``own`` and weight; the lower of them is ``low``"""
        g = ti.cast(0, real)
        if ti.static(kind == "mask"):
            g = ti.cast(values[q], real)
        elif ti.static(kind == "resistivity"):
            g = 2 / (values[p] + values[q])
        elif ti.static(kind == "classes"):
            g = 2 / (table[ti.cast(values[p], ti.i32)] + table[ti.cast(values[q], ti.i32)])
        else:
            g = values[axis * size + low]
        return g

    @ti.func
    def face(values: ti.template(), table: ti.template(), size, weight, axis, p, q):
        """Conductance from p to its upper neighbour q"""
        g = side(values, table, size, axis, p, p, q)
        if ti.static(kind != "stored"):
            g *= weight * own(values, p)
        return g

    @ti.func
    def ground(values: ti.template(), size, p):
        g = ti.cast(0, real)
        if ti.static(grounded):
            g = values[3 * size + p]
        return g

    @ti.func
    def sides(values: ti.template(), table: ti.template(), size, p, sz, sy):
        """The six faces of p but for ``own`` and weights: upper and lower along each axis"""
        return ti.Vector([
            side(values, table, size, 0, p, p, p + sz),
            side(values, table, size, 0, p - sz, p, p - sz),
            side(values, table, size, 1, p, p, p + sy),
            side(values, table, size, 1, p - sy, p, p - sy),
            side(values, table, size, 2, p, p, p + 1),
            side(values, table, size, 2, p - 1, p, p - 1),
        ])  # fmt: skip

    @ti.func
    def summed(along_0, along_1, along_2, values: ti.template(), w0, w1, w2, p):
        """What belongs to the faces of p along each axis, with weights and ``own``"""
        total = along_0 + along_1 + along_2
        if ti.static(kind != "stored"):
            total = own(values, p) * (w0 * along_0 + w1 * along_1 + w2 * along_2)
        return total

    @ti.func
    def outflow(g, x: ti.template(), values: ti.template(), w0, w1, w2, p, sz, sy):
        """Flow out of p, as differences: with diag x - sum, rounding would act as a sink"""
        here = x[p]
        along_0 = g[0] * (here - x[p + sz]) + g[1] * (here - x[p - sz])
        along_1 = g[2] * (here - x[p + sy]) + g[3] * (here - x[p - sy])
        along_2 = g[4] * (here - x[p + 1]) + g[5] * (here - x[p - 1])
        return summed(along_0, along_1, along_2, values, w0, w1, w2, p)

    @ti.func
    def diagonal(g, values: ti.template(), size, w0, w1, w2, p):
        """Sum of all conductances of p"""
        total = summed(g[0] + g[1], g[2] + g[3], g[4] + g[5], values, w0, w1, w2, p)
        return total + ground(values, size, p)

    @ti.func
    def over(rest, total):
        """rest / total, or 0 for a voxel without any conducting face"""
        none = ti.cast(0, real)  # a bare 0 makes the choice in double precision
        return ti.select(total > none, rest / ti.max(total, ti.cast(1e-35, real)), none)

    @ti.func
    def started(b: ti.template(), weight, values: ti.template(), table: ti.template(), size,
                w0, w1, w2, p, sz, sy):  # fmt: skip
        g = sides(values, table, size, p, sz, sy)
        return over(weight * b[p], diagonal(g, values, size, w0, w1, w2, p))

    @ti.func
    def relaxed(x: ti.template(), b: ti.template(), weight, values: ti.template(),
                table: ti.template(), size, w0, w1, w2, p, sz, sy):  # fmt: skip
        g = sides(values, table, size, p, sz, sy)
        rest = b[p] - outflow(g, x, values, w0, w1, w2, p, sz, sy) - ground(values, size, p) * x[p]
        return x[p] + over(weight * rest, diagonal(g, values, size, w0, w1, w2, p))

    @ti.func
    def product(x: ti.template(), values: ti.template(), table: ti.template(), size, w0, w1, w2,
                p, sz, sy):  # fmt: skip
        """(A x)[p]"""
        g = sides(values, table, size, p, sz, sy)
        return outflow(g, x, values, w0, w1, w2, p, sz, sy) + ground(values, size, p) * x[p]

    @ti.func
    def dissipated(x: ti.template(), low, high, values: ti.template(), table: ti.template(), size,
                   w0, w1, w2, lo, hi, p, sz, sy):  # fmt: skip
        """Half of the energy of each face of p; ``low`` and ``high`` of the outermost ones"""
        g = sides(values, table, size, p, sz, sy)
        here = ti.cast(x[p], ti.f64)
        down = ti.select(p - sz < lo, low, ti.cast(0.5, real))
        up = ti.select(p + sz >= hi, high, ti.cast(0.5, real))
        along_0 = up * g[0] * (here - x[p + sz]) ** 2 + down * g[1] * (here - x[p - sz]) ** 2
        along_1 = 0.5 * (g[2] * (here - x[p + sy]) ** 2 + g[3] * (here - x[p - sy]) ** 2)
        along_2 = 0.5 * (g[4] * (here - x[p + 1]) ** 2 + g[5] * (here - x[p - 1]) ** 2)
        return summed(along_0, along_1, along_2, values, w0, w1, w2, p)

    @ti.func
    def shared(x: ti.template(), y: ti.template(), values: ti.template(), table: ti.template(),
               size, w0, w1, w2, p, sz, sy):  # fmt: skip
        """Σ g (drop of x) (drop of y) over the upper faces of p"""
        g = sides(values, table, size, p, sz, sy)
        a, b = ti.cast(x[p], ti.f64), ti.cast(y[p], ti.f64)
        along_0 = g[0] * (a - x[p + sz]) * (b - y[p + sz])
        along_1 = g[2] * (a - x[p + sy]) * (b - y[p + sy])
        along_2 = g[4] * (a - x[p + 1]) * (b - y[p + 1])
        return summed(along_0, along_1, along_2, values, w0, w1, w2, p)

    return SimpleNamespace(
        face=face,
        ground=ground,
        started=started,
        relaxed=relaxed,
        product=product,
        dissipated=dissipated,
        shared=shared,
    )
