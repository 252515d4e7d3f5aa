"""Kernels for a seven-point operator whose face conductances are looked up by voxel class.

Arrays are flat with a halo of one voxel: voxel (i, j, k), counted from 1, lies at
p = i sz + j sy + k. ``table[(axis * width + a) * width + b]`` is the conductance between classes
a and b. Class 0 insulates; electrodes are a class of their own in the halo.
"""

import functools
from types import SimpleNamespace

from solvers._kernels.vectors import CHUNK
from solvers._ti import kernel, ti

Real = ti.types.ndarray(dtype=ti.f64, ndim=1)


@ti.func
def face(classes: ti.template(), table: ti.template(), axis, width, p, q):
    """Conductance between voxels p and q"""
    row = (axis * width + ti.cast(classes[p], ti.i32)) * width
    return table[row + ti.cast(classes[q], ti.i32)]


@ti.func
def outflow(x: ti.template(), classes: ti.template(), table: ti.template(), width, p, sz, sy):
    """(A x)[p], as differences: with diag x - sum, rounding would act as a sink"""
    here = x[p]
    flow = face(classes, table, 0, width, p, p + sz) * (here - x[p + sz])
    flow += face(classes, table, 0, width, p, p - sz) * (here - x[p - sz])
    flow += face(classes, table, 1, width, p, p + sy) * (here - x[p + sy])
    flow += face(classes, table, 1, width, p, p - sy) * (here - x[p - sy])
    flow += face(classes, table, 2, width, p, p + 1) * (here - x[p + 1])
    return flow + face(classes, table, 2, width, p, p - 1) * (here - x[p - 1])


@functools.cache
def build(class_type, block):
    """Kernels for classes of type ``class_type``, whose loops buffer ``block`` elements in all."""
    Classes = ti.types.ndarray(dtype=class_type, ndim=1)
    Single = ti.types.ndarray(dtype=ti.f32, ndim=1)
    half = max(block // 2, 1)

    @kernel
    def apply(x: Real, out: Real, classes: Classes, table: Real, sums: Real, width: ti.i32,
              lo: ti.i32, hi: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """out = A x, sums[chunk] = x · A x over the chunk"""
        for chunk in range(sums.shape[0]):
            start = lo + chunk * CHUNK
            stop = ti.min(start + CHUNK, hi)
            lanes = ti.Vector.zero(ti.f64, half)
            for q in range((stop - start + half - 1) // half):
                p0 = start + q * half
                m = ti.min(half, stop - p0)
                new = ti.Vector.zero(ti.f64, half)
                for u in range(m):
                    new[u] = outflow(x, classes, table, width, p0 + u, sz, sy)
                for u in range(m):
                    lanes[u] += new[u] * x[p0 + u]
                for u in range(m):
                    out[p0 + u] = new[u]
            total = ti.f64(0.0)
            for u in range(half):
                total += lanes[u]
            sums[chunk] = total

    @kernel
    def faces32(classes: Classes, table: Real, faces: Single,
                axis: ti.i32, width: ti.i32, size: ti.i32, step: ti.i32):  # fmt: skip
        """faces[axis * size + p] = conductance to the upper neighbour ``step`` elements on"""
        for p in range(size - step):
            faces[axis * size + p] = ti.cast(face(classes, table, axis, width, p, p + step), ti.f32)

    @kernel
    def faces64(classes: Classes, table: Real, faces: Real, axis: ti.i32, width: ti.i32,
                size: ti.i32, step: ti.i32):  # fmt: skip
        """faces[axis * size + p] = conductance to the upper neighbour ``step`` elements on"""
        for p in range(size - step):
            faces[axis * size + p] = face(classes, table, axis, width, p, p + step)

    @kernel
    def dissipation(x: Real, out: Real, classes: Classes, table: Real, width: ti.i32, lo: ti.i32,
                    hi: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """out[p] = energy of voxel p: half of each face it shares, all of one to an electrode"""
        for p in range(lo, hi):
            here = x[p]
            energy = ti.f64(0.0)
            for side in ti.static((-1, 1)):
                above = p + side * sz
                shared = ti.select(int(classes[above]) == width - 1, 1.0, 0.5)
                energy += shared * face(classes, table, 0, width, p, above) * (here - x[above]) ** 2
                next_y, next_x = p + side * sy, p + side
                energy += 0.5 * face(classes, table, 1, width, p, next_y) * (here - x[next_y]) ** 2
                energy += 0.5 * face(classes, table, 2, width, p, next_x) * (here - x[next_x]) ** 2
            out[p] = energy

    @kernel
    def layers(x: Real, classes: Classes, table: Real, conductance: Real, flow: Real, width: ti.i32,
               sz: ti.i32):  # fmt: skip
        """Conductance and flow between each layer i and the next, over all faces between them"""
        for i in range(flow.shape[0]):
            total = ti.f64(0.0)
            through = ti.f64(0.0)
            for p in range(i * sz, (i + 1) * sz):
                g = face(classes, table, 0, width, p, p + sz)
                total += g
                through += g * (x[p] - x[p + sz])
            conductance[i] = total
            flow[i] = through

    return SimpleNamespace(
        apply=apply, faces32=faces32, faces64=faces64, dissipation=dissipation, layers=layers
    )
