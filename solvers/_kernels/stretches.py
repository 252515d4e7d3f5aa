"""The seven-point operator along a stretch of a flat array, in blocks that compilers vectorise.

A block is computed before any of it is stored, so that nothing in it waits for a store. These are
functions of the compiled code, which know that nobody else writes the addresses of their arrays:
inlined into a kernel, those are read anew after each store, and stores happen one by one instead
of eight at a time, in up to twice the time. A kernel that calls several has to inline them.
"""

import functools
from types import SimpleNamespace

from solvers._kernels import seven_point
from solvers._ti import function, ti


@functools.cache
def build(real, block, kind="stored", value_type=None, grounded=False, inlined=False):
    """Functions of ``count`` elements from ``begin`` on, in the precision ``real``."""
    compiled = ti.func if inlined else function
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Values = ti.types.ndarray(dtype=value_type or real, ndim=1)
    half = max(block // 2, 1)
    at = seven_point.build(real, kind, grounded)
    started, relaxed, product = at.started, at.relaxed, at.product

    @compiled
    def start(b: Array, out: Array, weight: real, values: Values, table: Array, size: ti.i32,
              w0: real, w1: real, w2: real, begin: ti.i32, count: ti.i32, sz: ti.i32,
              sy: ti.i32):  # fmt: skip
        for q in range((count + block - 1) // block):
            p0 = begin + q * block
            m = ti.min(block, begin + count - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                new[u] = started(b, weight, values, table, size, w0, w1, w2, p0 + u, sz, sy)
            for u in range(m):
                out[p0 + u] = new[u]

    @compiled
    def relax(x: Array, b: Array, out: Array, weight: real, values: Values, table: Array,
              size: ti.i32, w0: real, w1: real, w2: real, begin: ti.i32, count: ti.i32,
              sz: ti.i32, sy: ti.i32):  # fmt: skip
        for q in range((count + block - 1) // block):
            p0 = begin + q * block
            m = ti.min(block, begin + count - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                new[u] = relaxed(x, b, weight, values, table, size, w0, w1, w2, p0 + u, sz, sy)
            for u in range(m):
                out[p0 + u] = new[u]

    @compiled
    def residual(x: Array, b: Array, out: Array, values: Values, table: Array, size: ti.i32,
                 w0: real, w1: real, w2: real, begin: ti.i32, count: ti.i32, sz: ti.i32,
                 sy: ti.i32):  # fmt: skip
        for q in range((count + block - 1) // block):
            p0 = begin + q * block
            m = ti.min(block, begin + count - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                p = p0 + u
                new[u] = b[p] - product(x, values, table, size, w0, w1, w2, p, sz, sy)
            for u in range(m):
                out[p0 + u] = new[u]

    def defect(Out, out_type):
        @compiled
        def run(x: Array, out: Out, values: Values, table: Array, size: ti.i32, w0: real, w1: real,
                w2: real, begin: ti.i32, count: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
            for q in range((count + block - 1) // block):
                p0 = begin + q * block
                m = ti.min(block, begin + count - p0)
                new = ti.Vector.zero(real, block)
                for u in range(m):
                    new[u] = -product(x, values, table, size, w0, w1, w2, p0 + u, sz, sy)
                for u in range(m):
                    out[p0 + u] = ti.cast(new[u], out_type)

        return run

    @compiled
    def apply(x: Array, out: Array, values: Values, table: Array, size: ti.i32, w0: real, w1: real,
              w2: real, begin: ti.i32, count: ti.i32, sz: ti.i32,
              sy: ti.i32) -> ti.f64:  # fmt: skip
        """The share of x · A x"""
        lanes = ti.Vector.zero(ti.f64, half)
        for q in range((count + block - 1) // block):
            p0 = begin + q * block
            m = ti.min(block, begin + count - p0)
            new = ti.Vector.zero(real, block)
            for u in range(m):
                new[u] = product(x, values, table, size, w0, w1, w2, p0 + u, sz, sy)
            for u in range(m):
                out[p0 + u] = new[u]
            for u in range(m):
                new[u] *= x[p0 + u]
            for u in range(half):
                lanes[u] += ti.cast(new[u], ti.f64) + ti.cast(new[u + half], ti.f64)
        return lanes.sum()

    return SimpleNamespace(start=start, relax=relax, residual=residual, defect=defect, apply=apply)
