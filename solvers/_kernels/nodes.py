"""Kernels on node vectors: boundary conditions, transfers between levels, the macroscopic end.

The layout is that of ``hexahedra``: three components of ``size`` elements, nodes counted from 1,
``n`` voxels along an axis. Nodes n + 1 and 0 repeat 1 and n where the axis is periodic.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti


@functools.cache
def build(real):
    """Kernels in the precision ``real``."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Three = ti.types.vector(3, ti.i32)

    @ti.func
    def repeated(u: ti.template(), components: ti.template(), size, q, n, step, columns, row,
                 column):  # fmt: skip
        """Node q of planes n + 1 and 0 along an axis of stride ``step`` copies that of 1 and n"""
        p = (q // columns) * row + (q % columns) * column
        for a in ti.static(range(components)):
            u[a * size + p + (n + 1) * step] = u[a * size + p + step]
            u[a * size + p] = u[a * size + p + n * step]

    @ti.func
    def zeroed(u: ti.template(), size, q, low, high, n, step, columns, row, column):
        """Node q of planes 1 and n + 1 loses the components in the bits of low and of high"""
        p = (q // columns) * row + (q % columns) * column
        for a in ti.static(range(3)):
            if (low >> a) & 1:
                u[a * size + p + step] = 0
            if (high >> a) & 1:
                u[a * size + p + (n + 1) * step] = 0

    @kernel
    def repeat(u: Array, components: ti.template(), periodic: Three, size: ti.i32, nz: ti.i32,
               ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Planes n + 1 and 0 along periodic axes become copies of 1 and n, edges and corners too"""
        for q in range(periodic[0] * (ny + 3) * (nx + 3)):
            repeated(u, components, size, q, nz, sz, nx + 3, sy, 1)
        for q in range(periodic[1] * (nz + 3) * (nx + 3)):
            repeated(u, components, size, q, ny, sy, nx + 3, sz, 1)
        for q in range(periodic[2] * (nz + 3) * (ny + 3)):
            repeated(u, components, size, q, nx, 1, ny + 3, sz, sy)

    @kernel
    def hold(u: Array, low: Three, high: Three, size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32,
             sz: ti.i32, sy: ti.i32):  # fmt: skip
        """Zero the components in the bits of ``low`` on planes 1, of ``high`` on planes n + 1"""
        for q in range(ti.min(low[0] + high[0], 1) * (ny + 3) * (nx + 3)):
            zeroed(u, size, q, low[0], high[0], nz, sz, nx + 3, sy, 1)
        for q in range(ti.min(low[1] + high[1], 1) * (nz + 3) * (nx + 3)):
            zeroed(u, size, q, low[1], high[1], ny, sy, nx + 3, sz, 1)
        for q in range(ti.min(low[2] + high[2], 1) * (nz + 3) * (ny + 3)):
            zeroed(u, size, q, low[2], high[2], nx, 1, ny + 3, sz, sy)

    return SimpleNamespace(repeat=repeat, hold=hold)


@functools.cache
def transfers(real):
    """Kernels between a level and the next coarser one, which merges 1 or 2 voxels per axis."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @ti.func
    def fine_node(c, f, n):
        """Fine node at coarse node c, both counted from 0; the last stands on the face"""
        return ti.min(f * c, n)

    @ti.func
    def share(at, side, f, n, periodic):
        """Weight of the fine node beside ``at`` in the coarse one: one half if it lies between"""
        beside = at + side
        if periodic != 0 and beside < 0:
            beside += n
        between = f == 2 and beside % 2 == 1 and beside != n
        return ti.select(between, ti.cast(0.5, real), ti.cast(0, real))

    @kernel
    def restrict(fine: Array, coarse: Array, fine_size: ti.i32, size: ti.i32, mz: ti.i32,
                 my: ti.i32, mx: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                 fy: ti.i32, fx: ti.i32, pz: ti.i32, py: ti.i32, px: ti.i32, sz: ti.i32,
                 sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """coarse = transposed interpolation of fine, by volume, on (mz, my, mx) coarse nodes"""
        share_of_volume = 1 / ti.cast(fz * fy * fx, real)
        for row in range(mz * my):
            i, j = row // my, row % my
            z, y = fine_node(i, fz, nz), fine_node(j, fy, ny)
            wz = ti.Vector([share(z, -1, fz, nz, pz), ti.cast(1, real), share(z, 1, fz, nz, pz)])
            wy = ti.Vector([share(y, -1, fy, ny, py), ti.cast(1, real), share(y, 1, fy, ny, py)])
            for k in range(mx):
                x = fine_node(k, fx, nx)
                wl, wr = share(x, -1, fx, nx, px), share(x, 1, fx, nx, px)
                p = (z + 1) * sz + (y + 1) * sy + x + 1
                for a in range(3):
                    total = ti.cast(0, real)
                    for dz, dy in ti.static(ti.ndrange(3, 3)):
                        f = a * fine_size + p + (dz - 1) * sz + (dy - 1) * sy
                        line = fine[f] + wl * fine[f - 1] + wr * fine[f + 1]
                        total += wz[dz] * wy[dy] * line
                    coarse[a * size + (i + 1) * cz + (j + 1) * cy + k + 1] = share_of_volume * total

    @ti.func
    def below(x, f, n):
        """Coarse node at or below fine node x, and the weight of the one above"""
        low = ti.select(f == 2, x // 2, x)
        weight = ti.select(f == 2 and x % 2 == 1, ti.cast(0.5, real), ti.cast(0, real))
        if f == 2 and x == n and n % 2 == 1:  # the last node stands on the face, not between
            low, weight = (n + 1) // 2, ti.cast(0, real)
        return low, weight

    @kernel
    def prolong(coarse: Array, fine: Array, size: ti.i32, fine_size: ti.i32, mz: ti.i32,
                my: ti.i32, mx: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32,
                fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                cy: ti.i32):  # fmt: skip
        """fine += interpolation of coarse, for (mz, my, mx) fine nodes"""
        for row in range(mz * my):
            i, j = row // my, row % my
            z, wz = below(i, fz, nz)
            y, wy = below(j, fy, ny)
            target = (i + 1) * sz + (j + 1) * sy + 1
            base = (z + 1) * cz + (y + 1) * cy + 1
            w00, w01, w10, w11 = (1 - wz) * (1 - wy), (1 - wz) * wy, wz * (1 - wy), wz * wy
            for k in range(mx):
                x, wx = below(k, fx, nx)
                for a in range(3):
                    c = a * size + base + x
                    low = w00 * coarse[c] + w01 * coarse[c + cy]
                    low += w10 * coarse[c + cz] + w11 * coarse[c + cz + cy]
                    high = w00 * coarse[c + 1] + w01 * coarse[c + cy + 1]
                    high += w10 * coarse[c + cz + 1] + w11 * coarse[c + cz + cy + 1]
                    fine[a * fine_size + target + k] += (1 - wx) * low + wx * high

    @kernel
    def average(fine: Array, coarse: Array, mz: ti.i32, my: ti.i32, mx: ti.i32, nz: ti.i32,
                ny: ti.i32, nx: ti.i32, fz: ti.i32, fy: ti.i32, fx: ti.i32, sz: ti.i32,
                sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """coarse = mean over the merged voxels of fine, for (mz, my, mx) coarse voxels"""
        for row in range(mz * my):
            i, j = row // my, row % my
            for k in range(mx):
                total, count = ti.cast(0, real), 0
                for dz in range(fz):
                    for dy in range(fy):
                        for dx in range(fx):
                            z, y, x = fz * i + dz, fy * j + dy, fx * k + dx
                            if z < nz and y < ny and x < nx:
                                total += fine[(z + 1) * sz + (y + 1) * sy + x + 1]
                                count += 1
                coarse[(i + 1) * cz + (j + 1) * cy + k + 1] = total / count

    return SimpleNamespace(restrict=restrict, prolong=prolong, average=average)


@functools.cache
def ends(outer, inner):
    """Kernels on the six macroscopic strains at the end of a vector."""
    Outer = ti.types.ndarray(dtype=outer, ndim=1)
    Inner = ti.types.ndarray(dtype=inner, ndim=1)
    Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)

    @kernel
    def close(sums: Sums, free: Sums, out: Outer, size: ti.i32, rows: ti.i32):
        """out = sum over the rows of six partial sums each, where free"""
        for c in range(6):
            total = ti.f64(0.0)
            for row in range(rows):
                total += sums[6 * row + c]
            out[3 * size + c] = ti.cast(total * free[c], outer)

    @kernel
    def scale(b: Outer, inverse: Sums, out: Inner, size: ti.i32):
        """out = inverse b on the macroscopic strains"""
        for c in range(6):
            out[3 * size + c] = ti.cast(b[3 * size + c] * inverse[c], inner)

    return SimpleNamespace(close=close, scale=scale)
