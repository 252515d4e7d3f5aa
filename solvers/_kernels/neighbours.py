"""Kernels that count neighbouring labels, block by block.

Labels are flat with a halo of one voxel: voxel (i, j, k), counted from 1, lies at
p = i sz + j sy + k. They run from 0 to phases - 1; the value ``phases`` lies outside. Row b of
``bounds`` is (z0, z1, y0, y1, x0, x1) of block b; one thread counts a block.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti

Counts = ti.types.ndarray(dtype=ti.i32, ndim=1)


@ti.func
def is_triple(l, o: ti.template()):
    """True if the three labels other than l[o] differ and l[o] does not come back later"""
    r, s, t = ti.static([n for n in range(4) if n != o])
    found = l[r] != l[s] and l[s] != l[t] and l[r] != l[t]
    for n in ti.static(range(o + 1, 4)):
        found = found and l[n] != l[o]  # of two like voxels only the later one is left out
    return found


@ti.func
def lowest_code(l, c, o: ti.template()):
    """Lowest among the highest codes of the three labels other than l[o]"""
    lowest = 2
    for n in ti.static([n for n in range(4) if n != o]):
        code = c[n]
        if l[n] == l[o]:
            code = ti.max(code, c[o])
        lowest = ti.min(lowest, code)
    return lowest


@functools.cache
def build(label_type, directions):
    """Kernels for labels of type ``label_type`` and steps (z, y, x) to neighbours."""
    Labels = ti.types.ndarray(dtype=label_type, ndim=1)
    Codes = ti.types.ndarray(dtype=ti.u8, ndim=1)
    ways = len(directions)

    @kernel
    def pairs(labels: Labels, bounds: Counts, counts: Counts, inside: Counts,
              first: ti.i32, last: ti.i32, phases: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Voxels by label and unlike neighbour, and voxels with a neighbour inside

        counts[((b ways + d) phases + l) phases + m], inside[b ways + d]
        """
        for b in range(first, last):
            here = ti.Vector.zero(ti.i32, ways)
            for i in range(bounds[6 * b], bounds[6 * b + 1]):
                for j in range(bounds[6 * b + 2], bounds[6 * b + 3]):
                    row = i * sz + j * sy
                    for p in range(row + bounds[6 * b + 4], row + bounds[6 * b + 5]):
                        mine = ti.cast(labels[p], ti.i32)
                        if mine < phases:
                            for d in ti.static(range(ways)):
                                z, y, x = ti.static(directions[d])
                                other = ti.cast(labels[p + z * sz + y * sy + x], ti.i32)
                                if other < phases:
                                    here[d] += 1
                                    if other != mine:
                                        cell = (b * ways + d) * phases + mine
                                        counts[cell * phases + other] += 1
            for d in ti.static(range(ways)):
                inside[b * ways + d] = here[d]

    @kernel
    def edges(labels: Labels, codes: Codes, bounds: Counts, numbers: Counts, counts: Counts,
              inside: Counts, first: ti.i32, last: ti.i32, phases: ti.i32, kinds: ti.i32,
              sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Voxel edges by axis, triple of labels around them and code, and those wholly inside

        counts[((b 3 + axis) kinds + triple) 3 + code], inside[b 3 + axis]
        """
        for b in range(first, last):
            here = ti.Vector.zero(ti.i32, 3)
            for i in range(bounds[6 * b], bounds[6 * b + 1]):
                for j in range(bounds[6 * b + 2], bounds[6 * b + 3]):
                    row = i * sz + j * sy
                    for p in range(row + bounds[6 * b + 4], row + bounds[6 * b + 5]):
                        for axis in ti.static(range(3)):
                            u = ti.static((sy, sz, sz))[axis]
                            v = ti.static((1, 1, sy))[axis]
                            at = ti.Vector([p, p + u, p + v, p + u + v])
                            l = ti.Vector.zero(ti.i32, 4)
                            for n in ti.static(range(4)):
                                l[n] = ti.cast(labels[at[n]], ti.i32)
                            if l.max() < phases:
                                here[axis] += 1
                                if l[0] != l[1] or l[0] != l[2] or l[0] != l[3]:
                                    c = ti.Vector.zero(ti.i32, 4)
                                    for n in ti.static(range(4)):
                                        c[n] = ti.cast(codes[at[n]], ti.i32)
                                    for o in ti.static(range(4)):
                                        if is_triple(l, o):
                                            r, s, t = ti.static([n for n in range(4) if n != o])
                                            triple = numbers[(l[r] * phases + l[s]) * phases + l[t]]
                                            cell = (b * 3 + axis) * kinds + triple
                                            counts[cell * 3 + lowest_code(l, c, o)] += 1
            for axis in ti.static(range(3)):
                inside[b * 3 + axis] = here[axis]

    return SimpleNamespace(pairs=pairs, edges=edges)
