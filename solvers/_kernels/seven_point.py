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
    def face(values: ti.template(), table: ti.template(), size, weight, axis, p, q):
        """Conductance from p to its upper neighbour q"""
        g = ti.cast(0, real)
        if ti.static(kind == "mask"):
            g = weight * (ti.cast(values[p], real) * ti.cast(values[q], real))
        elif ti.static(kind == "resistivity"):
            g = 2 * weight / (values[p] + values[q])
        elif ti.static(kind == "classes"):
            a, b = table[ti.cast(values[p], ti.i32)], table[ti.cast(values[q], ti.i32)]
            g = 2 * weight / (a + b)
        else:
            g = values[axis * size + p]
        return g

    @ti.func
    def ground(values: ti.template(), size, p):
        g = ti.cast(0, real)
        if ti.static(grounded):
            g = values[3 * size + p]
        return g

    @ti.func
    def sides(values: ti.template(), table: ti.template(), size, w0, w1, w2, p, sz, sy):
        """The six faces of p: upper and lower along each axis"""
        return ti.Vector([
            face(values, table, size, w0, 0, p, p + sz),
            face(values, table, size, w0, 0, p - sz, p),
            face(values, table, size, w1, 1, p, p + sy),
            face(values, table, size, w1, 1, p - sy, p),
            face(values, table, size, w2, 2, p, p + 1),
            face(values, table, size, w2, 2, p - 1, p),
        ])  # fmt: skip

    @ti.func
    def outflow(g, x: ti.template(), p, sz, sy):
        """Flow out of p, as differences: with diag x - sum, rounding would act as a sink"""
        here = x[p]
        flow = g[0] * (here - x[p + sz]) + g[1] * (here - x[p - sz])
        flow += g[2] * (here - x[p + sy]) + g[3] * (here - x[p - sy])
        return flow + g[4] * (here - x[p + 1]) + g[5] * (here - x[p - 1])

    @ti.func
    def over(rest, total):
        """rest / total, or 0 for a voxel without any conducting face"""
        none = ti.cast(0, real)  # a bare 0 makes the choice in double precision
        return ti.select(total > none, rest / ti.max(total, ti.cast(1e-35, real)), none)

    @ti.func
    def started(b: ti.template(), weight, values: ti.template(), table: ti.template(), size,
                w0, w1, w2, p, sz, sy):  # fmt: skip
        g = sides(values, table, size, w0, w1, w2, p, sz, sy)
        return over(weight * b[p], g.sum() + ground(values, size, p))

    @ti.func
    def relaxed(x: ti.template(), b: ti.template(), weight, values: ti.template(),
                table: ti.template(), size, w0, w1, w2, p, sz, sy):  # fmt: skip
        g = sides(values, table, size, w0, w1, w2, p, sz, sy)
        held = ground(values, size, p)
        rest = b[p] - outflow(g, x, p, sz, sy) - held * x[p]
        return x[p] + over(weight * rest, g.sum() + held)

    @ti.func
    def product(x: ti.template(), values: ti.template(), table: ti.template(), size, w0, w1, w2,
                p, sz, sy):  # fmt: skip
        """(A x)[p]"""
        g = sides(values, table, size, w0, w1, w2, p, sz, sy)
        return outflow(g, x, p, sz, sy) + ground(values, size, p) * x[p]

    @ti.func
    def dissipated(x: ti.template(), low, high, values: ti.template(), table: ti.template(), size,
                   w0, w1, w2, lo, hi, p, sz, sy):  # fmt: skip
        """Half of the energy of each face of p; ``low`` and ``high`` of the outermost ones"""
        g = sides(values, table, size, w0, w1, w2, p, sz, sy)
        here = ti.cast(x[p], ti.f64)
        down = ti.select(p - sz < lo, low, ti.cast(0.5, real))
        up = ti.select(p + sz >= hi, high, ti.cast(0.5, real))
        energy = up * g[0] * (here - x[p + sz]) ** 2 + down * g[1] * (here - x[p - sz]) ** 2
        energy += 0.5 * g[2] * (here - x[p + sy]) ** 2 + 0.5 * g[3] * (here - x[p - sy]) ** 2
        return energy + 0.5 * g[4] * (here - x[p + 1]) ** 2 + 0.5 * g[5] * (here - x[p - 1]) ** 2

    @ti.func
    def shared(x: ti.template(), y: ti.template(), values: ti.template(), table: ti.template(),
               size, w0, w1, w2, p, sz, sy):  # fmt: skip
        """Σ g (drop of x) (drop of y) over the upper faces of p"""
        g = sides(values, table, size, w0, w1, w2, p, sz, sy)
        a, b = ti.cast(x[p], ti.f64), ti.cast(y[p], ti.f64)
        total = g[0] * (a - x[p + sz]) * (b - y[p + sz])
        total += g[2] * (a - x[p + sy]) * (b - y[p + sy])
        return total + g[4] * (a - x[p + 1]) * (b - y[p + 1])

    return SimpleNamespace(
        face=face,
        ground=ground,
        started=started,
        relaxed=relaxed,
        product=product,
        dissipated=dissipated,
        shared=shared,
    )
