"""Kernels for distances to walls, and for spheres painted on voxels, largest first.

Arrays are flat in (n0, n1, n2) order. A lattice point counts half voxels from the low corner, so
that voxel v has its centre at 2 v + 1. Blocks of 4³ voxels, and of 4³ of these, tell what is bare.
"""

import functools

from solvers._ti import kernel, ti

EDGE = 4  # of a block, in what it is made of
HURRY = 4  # steps between two looks at whether others can matter
FAR = 1e30  # squared distance where there is no wall

Bytes = ti.types.ndarray(dtype=ti.u8, ndim=1)
Singles = ti.types.ndarray(dtype=ti.f32, ndim=1)
Places = ti.types.ndarray(dtype=ti.i32, ndim=1)


@kernel
def along_rows(free: Bytes, out: Singles, rows: ti.i32, n: ti.i32, step: ti.f32):
    """Squared distance of each point to the nearest of its row that is not free"""
    for row in range(rows):
        start, seen = row * n, -1
        for i in range(n):
            if free[start + i] == 0:
                seen = i
            away = (i - seen) * step
            out[start + i] = ti.select(seen < 0, ti.f32(FAR), away * away)
        seen = -1
        for back in range(n):
            i = n - 1 - back
            if free[start + i] == 0:
                seen = i
            away = (seen - i) * step
            if seen >= 0:
                out[start + i] = ti.min(out[start + i], away * away)


@functools.cache
def across_rows(lanes):
    """Kernel that looks along another axis, from ``lanes`` points side by side."""

    @kernel
    def run(near: Singles, out: Singles, outer: ti.i32, n: ti.i32, inner: ti.i32, row: ti.i32,
            step: ti.f32):  # fmt: skip
        """Squared distances, given those within planes normal to the axis

        ``outer`` by n by ``inner`` rows of ``row`` points; the axis is that of n.
        """
        for r in range(outer * n * inner):
            i, apart = r // inner % n, inner * row
            start = r * row
            for q in range((row + lanes - 1) // lanes):
                p, m = start + q * lanes, ti.min(lanes, row - q * lanes)
                best = ti.Vector.zero(ti.f32, lanes)
                most = ti.f32(0.0)
                for u in range(m):
                    best[u] = near[p + u]
                    most = ti.max(most, best[u])
                k = 1
                while k < n and (k * step) ** 2 < most:
                    for _ in range(HURRY):
                        far = (k * step) ** 2
                        if i >= k:
                            for u in range(m):
                                best[u] = ti.min(best[u], near[p - k * apart + u] + far)
                        if i + k < n:
                            for u in range(m):
                                best[u] = ti.min(best[u], near[p + k * apart + u] + far)
                        k += 1
                    most = 0.0
                    for u in range(m):
                        most = ti.max(most, best[u])
                for u in range(m):
                    out[p + u] = best[u]

    return run


@kernel
def cover(bare: Bytes, found: Singles):
    """No longer bare is what was found"""
    for p in bare:
        if found[p] > 0.0:
            bare[p] = 0


@kernel
def gather(parts: Bytes, blocks: Bytes, n0: ti.i32, n1: ti.i32, n2: ti.i32):
    """1 in ``blocks`` where any of the EDGE³ parts of a block is, n0 by n1 by n2 in all"""
    for b in range(blocks.shape[0]):
        b1, b2 = (n1 + EDGE - 1) // EDGE, (n2 + EDGE - 1) // EDGE
        z, y, x = b // (b1 * b2) * EDGE, b // b2 % b1 * EDGE, b % b2 * EDGE
        some = ti.u8(0)
        for i, j in ti.ndrange((z, ti.min(z + EDGE, n0)), (y, ti.min(y + EDGE, n1))):
            for k in range(x, ti.min(x + EDGE, n2)):
                some |= parts[(i * n1 + j) * n2 + k]
        blocks[b] = some


@ti.func
def inside(block, low, high):
    """First, and one past the last, of a block's parts between two others, both included"""
    return ti.max(low, block * EDGE), ti.min(high, block * EDGE + EDGE - 1) + 1


@ti.func
def paint_voxels(block: ti.template(), low: ti.template(), high: ti.template(), at: ti.template(),
                 reach, size, bare: ti.template(), found: ti.template(), n: ti.template(),
                 h: ti.template()):  # fmt: skip
    """Raise the bare voxels of a block"""
    z0, z1 = inside(block[0], low[0], high[0])
    y0, y1 = inside(block[1], low[1], high[1])
    x0, x1 = inside(block[2], low[2], high[2])
    for i in range(z0, z1):
        for j in range(y0, y1):
            dz, dy = (2 * i + 1 - at[0]) * h[0], (2 * j + 1 - at[1]) * h[1]
            left = reach * reach - dz * dz - dy * dy
            row = (i * n[1] + j) * n[2]
            for k in range(x0, x1):
                dx = (2 * k + 1 - at[2]) * h[2]
                if bare[row + k] == 1 and dx * dx < left:
                    ti.atomic_max(found[row + k], size)


@ti.func
def paint_blocks(block: ti.template(), first: ti.template(), last: ti.template(),
                 low: ti.template(), high: ti.template(), at: ti.template(), reach, size,
                 small: ti.template(), bare: ti.template(), found: ti.template(),
                 s: ti.template(), n: ti.template(), h: ti.template()):  # fmt: skip
    """Raise the bare voxels of the small blocks of a large one"""
    z0, z1 = inside(block[0], first[0], last[0])
    y0, y1 = inside(block[1], first[1], last[1])
    x0, x1 = inside(block[2], first[2], last[2])
    for i in range(z0, z1):
        for j in range(y0, y1):
            for k in range(x0, x1):
                if small[(i * s[1] + j) * s[2] + k] == 1:
                    own = ti.Vector([i, j, k])
                    paint_voxels(own, low, high, at, reach, size, bare, found, n, h)


@kernel
def paint(points: Places, sizes: Singles, reaches: Singles, first: ti.i32, last: ti.i32,
          bare: Bytes, small: Bytes, large: Bytes, found: Singles, n0: ti.i32, n1: ti.i32,
          n2: ti.i32, h0: ti.f32, h1: ti.f32, h2: ti.f32):  # fmt: skip
    """Raise what is ``found`` to the size of each sphere at the bare voxels within its reach

    Spheres lie at lattice points; reaches and the edges h of voxels are in half voxels.
    """
    for sphere in range(first, last):
        n, h = ti.Vector([n0, n1, n2]), ti.Vector([h0, h1, h2])
        s = (n + EDGE - 1) // EDGE
        wide = (s + EDGE - 1) // EDGE
        reach, size, point = reaches[sphere], sizes[sphere], points[sphere]
        row = 2 * n2 + 1
        at = ti.Vector([point // (row * (2 * n1 + 1)), point // row % (2 * n1 + 1), point % row])
        low = ti.max(0, ti.cast(ti.ceil((at - reach / h - 1) / 2), ti.i32))
        high = ti.min(n - 1, ti.cast(ti.floor((at + reach / h - 1) / 2), ti.i32))
        a, b = low // EDGE, high // EDGE
        for c in range(a[0] // EDGE, b[0] // EDGE + 1):
            for d in range(a[1] // EDGE, b[1] // EDGE + 1):
                for e in range(a[2] // EDGE, b[2] // EDGE + 1):
                    if large[(c * wide[1] + d) * wide[2] + e] == 1:
                        paint_blocks(ti.Vector([c, d, e]), a, b, low, high, at, reach, size, small,
                                     bare, found, s, n, h)  # fmt: skip
