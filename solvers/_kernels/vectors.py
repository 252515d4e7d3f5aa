"""Kernels on flat vectors: updates of conjugate gradients, and sums in a fixed order.

A sum is written as one partial result per chunk, whatever the number of threads, so that the
total does not depend on who ran first.
"""

import functools
import math
from types import SimpleNamespace

from solvers._ti import kernel, ti

ALPHA, BETA, ZR, P_AP, EXACT, SCALARS = range(6)  # scalars of conjugate gradients, and how many
CHUNK = 8 * 64  # elements behind one partial sum; a thread takes 512 of these at least


def chunks(size, block):
    """Number of partial sums of a vector; on a GPU all of it is in one."""
    return 1 if block == 1 else (size + CHUNK - 1) // CHUNK


@kernel
def wake(x: ti.types.ndarray(dtype=ti.f64, ndim=1)):
    """Does nothing but make Taichi ready for launches from any thread."""
    for i in x:
        x[i] = 0.0


@kernel
def negate(x: ti.types.ndarray(dtype=ti.f64, ndim=1)):
    """x = -x"""
    for i in x:
        x[i] = -x[i]


@kernel
def add(x: ti.types.ndarray(dtype=ti.f64, ndim=1), d: ti.types.ndarray(dtype=ti.f32, ndim=1)):
    """x += d"""
    for i in x:
        x[i] += d[i]


Scalars = ti.types.ndarray(dtype=ti.f64, ndim=1)


@kernel
def add_up(parts: Scalars, whole: Scalars):
    """whole[0] = sum of partial sums, which then need not pass through the host"""
    sum_of_parts = ti.f64(0.0)
    for i in parts:
        sum_of_parts += parts[i]
    whole[0] = sum_of_parts


@kernel
def aim(zr: Scalars, z_ap: Scalars, scalars: Scalars, borrows: ti.i32, collapse: ti.f64,
        enough: ti.f64):  # fmt: skip
    """How much of the last direction the next one keeps, as ``linear._State`` says, on the device

    EXACT is 1 from where z · r has collapsed to below both bounds.
    """
    for _ in range(1):
        new, old = zr[0], ti.abs(scalars[ZR])
        scalars[BETA] = 0.0
        if borrows == 1:
            if old > 0.0:
                scalars[BETA] = new / old
        elif scalars[P_AP] > 0.0:
            scalars[BETA] = -z_ap[0] / scalars[P_AP]
        if new == 0.0 or ti.abs(new) <= ti.min(collapse * old, enough):
            scalars[EXACT] = 1.0
        scalars[ZR] = new


@kernel
def weigh(p_ap: Scalars, scalars: Scalars, drops: Scalars, at: ti.i32):
    """Length of a step, and the fall of the energy by it: -inf if x is exact, NaN in a breakdown"""
    for _ in range(1):
        scalars[ALPHA] = 0.0
        drops[at] = ti.select(scalars[EXACT] == 1.0, -math.inf, math.nan)
        if scalars[EXACT] == 0.0 and p_ap[0] > 0.0:
            scalars[P_AP] = p_ap[0]
            scalars[ALPHA] = scalars[ZR] / p_ap[0]
            drops[at] = scalars[ZR] * scalars[ALPHA]


@functools.cache
def chosen(real):
    """Kernels on some elements of a vector, which belong to groups or to a dense matrix."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Places = ti.types.ndarray(dtype=ti.i32, ndim=1)

    @kernel
    def multiply(matrix: Scalars, places: Places, b: Array, x: Array):
        """x = matrix b at these places, for a symmetric matrix"""
        for i in range(places.shape[0]):
            total = ti.f64(0.0)
            for j in range(places.shape[0]):
                total += matrix[j * places.shape[0] + i] * b[places[j]]
            x[places[i]] = ti.cast(total, real)

    @kernel
    def collect(x: Array, places: Places, owners: Places, sums: Scalars):
        """Add x at these places to the sums of their owners"""
        for i in range(places.shape[0]):
            sums[owners[i]] += ti.cast(x[places[i]], ti.f64)

    @kernel
    def spread(values: Scalars, places: Places, owners: Places, x: Array):
        """Add the values of the owners to x at these places"""
        for i in range(places.shape[0]):
            x[places[i]] += ti.cast(values[owners[i]], real)

    return SimpleNamespace(multiply=multiply, collect=collect, spread=spread)


@functools.cache
def build(outer, inner, direction, block):
    """Kernels for vectors, preconditioned vectors and search directions of these types."""
    Direction = ti.types.ndarray(dtype=direction, ndim=1)
    Outer = ti.types.ndarray(dtype=outer, ndim=1)
    Inner = ti.types.ndarray(dtype=inner, ndim=1)
    Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)
    half = max(block // 2, 1)

    @kernel
    def dot(x: Outer, y: Outer, sums: Sums, size: ti.i32):
        """sums[chunk] = x · y over the chunk; on a GPU all of it is in the first"""
        if ti.static(block == 1):
            whole = ti.f64(0.0)
            for i in range(size):
                whole += ti.cast(x[i], ti.f64) * y[i]
            sums[0] = whole
        else:
            for chunk in range(sums.shape[0]):
                lanes = ti.Vector.zero(ti.f64, half)
                start = chunk * CHUNK
                stop = ti.min(start + CHUNK, size)
                for q in range((stop - start + half - 1) // half):
                    p0 = start + q * half
                    for u in range(ti.min(half, stop - p0)):
                        lanes[u] += ti.cast(x[p0 + u], ti.f64) * y[p0 + u]
                sums[chunk] = lanes.sum()

    @kernel
    def dots(z: Inner, r: Outer, q_: Outer, zr: Sums, zq: Sums, size: ti.i32):
        """zr[chunk] = z · r and zq[chunk] = z · q over the chunk; on a GPU all is in the first"""
        if ti.static(block == 1):
            whole_r, whole_q = ti.f64(0.0), ti.f64(0.0)
            for i in range(size):
                value = ti.cast(z[i], ti.f64)
                whole_r += value * r[i]
                whole_q += value * q_[i]
            zr[0], zq[0] = whole_r, whole_q
        else:
            for chunk in range(zr.shape[0]):
                first = ti.Vector.zero(ti.f64, half)
                second = ti.Vector.zero(ti.f64, half)
                start = chunk * CHUNK
                stop = ti.min(start + CHUNK, size)
                for q in range((stop - start + half - 1) // half):
                    p0 = start + q * half
                    for u in range(ti.min(half, stop - p0)):
                        value = ti.cast(z[p0 + u], ti.f64)
                        first[u] += value * r[p0 + u]
                        second[u] += value * q_[p0 + u]
                zr[chunk] = first.sum()
                zq[chunk] = second.sum()

    @kernel
    def advance(x: Outer, r: Outer, p: Direction, ap: Outer, scalars: Sums, size: ti.i32):
        """x += alpha p, r -= alpha ap"""
        for q in range((size + half - 1) // half):
            alpha = scalars[ALPHA]
            p0 = q * half
            m = ti.min(half, size - p0)
            new_x = ti.Vector.zero(outer, half)
            new_r = ti.Vector.zero(outer, half)
            for u in range(m):
                new_x[u] = x[p0 + u] + alpha * p[p0 + u]
                new_r[u] = r[p0 + u] - alpha * ap[p0 + u]
            for u in range(m):
                x[p0 + u] = new_x[u]
            for u in range(m):
                r[p0 + u] = new_r[u]

    @kernel
    def advance_both(x: Outer, r: Outer, p: Direction, ap: Outer, b: Inner, scalars: Sums,
                     size: ti.i32):  # fmt: skip
        """x += alpha p, r -= alpha ap, b = r in the preconditioner's precision"""
        for q in range((size + half - 1) // half):
            alpha = scalars[ALPHA]
            p0 = q * half
            m = ti.min(half, size - p0)
            new_x = ti.Vector.zero(outer, half)
            new_r = ti.Vector.zero(outer, half)
            for u in range(m):
                new_x[u] = x[p0 + u] + alpha * p[p0 + u]
                new_r[u] = r[p0 + u] - alpha * ap[p0 + u]
            for u in range(m):
                x[p0 + u] = new_x[u]
            for u in range(m):
                r[p0 + u] = new_r[u]
            for u in range(m):
                b[p0 + u] = ti.cast(new_r[u], inner)

    @kernel
    def turn(z: Inner, scalars: Sums, p: Direction, size: ti.i32):
        """p = z + beta p"""
        for q in range((size + block - 1) // block):
            beta = scalars[BETA]
            p0 = q * block
            m = ti.min(block, size - p0)
            new = ti.Vector.zero(direction, block)
            for u in range(m):
                new[u] = ti.cast(z[p0 + u] + beta * p[p0 + u], direction)
            for u in range(m):
                p[p0 + u] = new[u]

    @kernel
    def cast(r: Outer, b: Inner, size: ti.i32):
        """b = r in the preconditioner's precision"""
        for i in range(size):
            b[i] = ti.cast(r[i], inner)

    return SimpleNamespace(
        dot=dot, dots=dots, advance=advance, advance_both=advance_both, turn=turn, cast=cast
    )
