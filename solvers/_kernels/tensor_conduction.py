"""Kernels of conduction with a tensor in each voxel, in the modes of the trilinear hexahedron.

Nodes and voxels share one flat layout with a halo: voxel (i, j, k), counted from 1, lies at
e = i sz + j sy + k and its lower node at the same place.

Of the eight corner values, the sums with the signs of z, y, x are gradients and those with the
signs of zy, zx, yx, zyx hourglasses. In these modes the energy of a voxel has few terms. A tensor
is six numbers k_ab g_a g_b in the order zz yy xx yx zx zy, with g = 1/(4 h) along an axis: those of
the voxel's class in ``table`` (kind CLASSES), or its own, ``size`` elements apart (kind STORED).
"""

import functools
from types import SimpleNamespace

from solvers._kernels.hexahedra import rows
from solvers._ti import kernel, ti

CLASSES, STORED = range(2)
Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)
Classes = ti.types.ndarray(dtype=ti.u16, ndim=1)
Places = ti.types.ndarray(dtype=ti.i32, ndim=1)


@functools.cache
def parts(real):
    """Functions on the modes of one voxel, in the precision ``real``."""
    seven = ti.types.vector(7, real)
    six = ti.types.vector(6, real)

    @ti.func
    def modes(u: ti.template(), e, sz, sy):
        """Signed sums over the corners of voxel e: z, y, x, zy, zx, yx, zyx"""
        a00, a01 = ti.cast(u[e], real), ti.cast(u[e + sy], real)
        a10, a11 = ti.cast(u[e + sz], real), ti.cast(u[e + sz + sy], real)
        b00, b01 = ti.cast(u[e + 1], real), ti.cast(u[e + sy + 1], real)
        b10, b11 = ti.cast(u[e + sz + 1], real), ti.cast(u[e + sz + sy + 1], real)
        # sums and differences along x, then z, then y
        low, low_x = (b10 + a10) - (b00 + a00), (b10 - a10) - (b00 - a00)
        high, high_x = (b11 + a11) - (b01 + a01), (b11 - a11) - (b01 - a01)
        sum_low, sum_low_x = (b10 + a10) + (b00 + a00), (b10 - a10) + (b00 - a00)
        sum_high, sum_high_x = (b11 + a11) + (b01 + a01), (b11 - a11) + (b01 - a01)
        return seven(
            [
                high + low,
                sum_high - sum_low,
                sum_high_x + sum_low_x,
                high - low,
                high_x + low_x,
                sum_high_x - sum_low_x,
                high_x - low_x,
            ]
        )

    @ti.func
    def tensor(kind: ti.template(), table: ti.template(), classes: ti.template(), size, e):
        """The six numbers of voxel e"""
        k = six(0)
        if ti.static(kind == CLASSES):
            first = ti.cast(classes[e], ti.i32) * 6
            for c in ti.static(range(6)):
                k[c] = table[first + c]
        else:
            for c in ti.static(range(6)):
                k[c] = table[c * size + e]
        return k

    @ti.func
    def forces(k, m):
        """Forces on the modes: the derivative of half the energy of a voxel"""
        third, ninth = ti.cast(1 / 3, real), ti.cast(1 / 9, real)
        return seven(
            [
                k[0] * m[0] + k[5] * m[1] + k[4] * m[2],
                k[5] * m[0] + k[1] * m[1] + k[3] * m[2],
                k[4] * m[0] + k[3] * m[1] + k[2] * m[2],
                # gradients that vary as z, y, x, each with a mean square of 1/3
                third * ((k[0] + k[1]) * m[3] + k[3] * m[4] + k[4] * m[5]),
                third * (k[3] * m[3] + (k[0] + k[2]) * m[4] + k[5] * m[5]),
                third * (k[4] * m[3] + k[5] * m[4] + (k[1] + k[2]) * m[5]),
                # and as yx, zx, zy
                ninth * (k[0] + k[1] + k[2]) * m[6],
            ]
        )

    @ti.func
    def pushed(kind: ti.template(), u: ti.template(), table: ti.template(),
               classes: ti.template(), mean, size, e, sz, sy, tz, ty):  # fmt: skip
        """Forces of voxel e on its upper, then its lower node along x, on the side (tz, ty)"""
        m = modes(u, e, sz, sy)
        for a in ti.static(range(3)):
            m[a] += mean[a]
        f = forces(tensor(kind, table, classes, size, e), m)
        even = tz * f[0] + ty * (f[1] + tz * f[3])
        odd = f[2] + tz * f[4] + ty * (f[5] + tz * f[6])
        return even + odd, even - odd

    return SimpleNamespace(modes=modes, tensor=tensor, forces=forces, pushed=pushed)


@functools.cache
def smoothing(real, block):
    """Relaxation kernels in the precision ``real``."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    width = rows(block)
    voxel = parts(real)
    three = ti.types.vector(3, real)

    @kernel
    def invert_diagonal(out: Array, table: Array, classes: Classes, kind: ti.template(),
                        size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32,
                        sy: ti.i32):  # fmt: skip
        """out = 1/A_pp; 0 at nodes without a conducting voxel"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for v in range(nx):
                p = first + v
                total = ti.cast(0, real)
                for i, j, h in ti.static(ti.ndrange(2, 2, 2)):
                    k = voxel.tensor(kind, table, classes, size, p - i * sz - j * sy - h)
                    tilt = (1 if ti.static(j == h) else -1) * k[3]
                    tilt += (1 if ti.static(i == h) else -1) * k[4]
                    tilt += (1 if ti.static(i == j) else -1) * k[5]
                    total += 16 * (k[0] + k[1] + k[2]) + 24 * tilt
                out[p] = ti.select(total > 0, 9 / ti.max(total, ti.cast(1e-30, real)), 0)

    @kernel
    def start(b: Array, out: Array, inverse: Array, size: ti.i32, weight: real):
        """out = weight D⁻¹ b: the first relaxation from zero"""
        for q in range((size + width - 1) // width):
            p0 = q * width
            count = ti.min(width, size - p0)
            new = ti.Vector.zero(real, width)
            for v in range(count):
                new[v] = weight * inverse[p0 + v] * b[p0 + v]
            for v in range(count):
                out[p0 + v] = new[v]

    @kernel
    def residual(u: Array, b: Array, out: Array, table: Array, classes: Classes,
                 kind: ti.template(), size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32,
                 sz: ti.i32, sy: ti.i32):  # fmt: skip
        """out = b - A u"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for q in range((nx + width - 1) // width):
                p0 = first + q * width
                count = ti.min(width, nx - q * width)
                up = ti.Vector.zero(real, width + 1)
                down = ti.Vector.zero(real, width + 1)
                for side in range(4):
                    i, j = side // 2, side % 2
                    tz, ty = ti.cast(2 * i - 1, real), ti.cast(2 * j - 1, real)
                    e0 = p0 - 1 - i * sz - j * sy
                    for v in range(count + 1):
                        f, g = voxel.pushed(kind, u, table, classes, three(0), size, e0 + v, sz,
                                            sy, tz, ty)  # fmt: skip
                        up[v] += f
                        down[v] += g
                for v in range(count):
                    up[v] = b[p0 + v] - up[v] - down[v + 1]
                for v in range(count):
                    out[p0 + v] = up[v]

    @kernel
    def relax(u: Array, b: Array, out: Array, inverse: Array, table: Array, classes: Classes,
              kind: ti.template(), size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32,
              sy: ti.i32, weight: real):  # fmt: skip
        """out = u + weight D⁻¹ (b - A u)"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for q in range((nx + width - 1) // width):
                p0 = first + q * width
                count = ti.min(width, nx - q * width)
                up = ti.Vector.zero(real, width + 1)
                down = ti.Vector.zero(real, width + 1)
                for side in range(4):
                    i, j = side // 2, side % 2
                    tz, ty = ti.cast(2 * i - 1, real), ti.cast(2 * j - 1, real)
                    e0 = p0 - 1 - i * sz - j * sy
                    for v in range(count + 1):
                        f, g = voxel.pushed(kind, u, table, classes, three(0), size, e0 + v, sz,
                                            sy, tz, ty)  # fmt: skip
                        up[v] += f
                        down[v] += g
                for v in range(count):
                    rest = b[p0 + v] - up[v] - down[v + 1]
                    up[v] = u[p0 + v] + weight * inverse[p0 + v] * rest
                for v in range(count):
                    out[p0 + v] = up[v]

    return SimpleNamespace(
        invert_diagonal=invert_diagonal, start=start, residual=residual, relax=relax
    )


@functools.cache
def transfers(real):
    """Kernels between a level and the next coarser one; where nodes lie, ``places`` tell by axis.

    The arrays of places and weights hold those of the nodes along z, then along y, then along x.
    """
    Array = ti.types.ndarray(dtype=real, ndim=1)
    voxel = parts(real)

    @kernel
    def restrict(fine: Array, coarse: Array, places: Places, left: Array, right: Array,
                 share: real, mz: ti.i32, my: ti.i32, mx: ti.i32, sz: ti.i32, sy: ti.i32,
                 cz: ti.i32, cy: ti.i32):  # fmt: skip
        """coarse = share times the transposed interpolation of fine, on (mz, my, mx) coarse nodes

        A coarse node stands at the fine node ``places``; neighbours count by ``left``, ``right``.
        """
        for row in range(mz * my):
            i, j = row // my, mz + row % my
            wz = ti.Vector([left[i], ti.cast(1, real), right[i]])
            wy = ti.Vector([left[j], ti.cast(1, real), right[j]])
            first = places[i] * sz + places[j] * sy
            target = (row // my + 1) * cz + (row % my + 1) * cy + 1
            for k in range(mx):
                x = mz + my + k
                p = first + places[x]
                total = ti.cast(0, real)
                for dz, dy in ti.static(ti.ndrange(3, 3)):
                    f = p + (dz - 1) * sz + (dy - 1) * sy
                    line = fine[f] + left[x] * fine[f - 1] + right[x] * fine[f + 1]
                    total += wz[dz] * wy[dy] * line
                coarse[target + k] = share * total

    @kernel
    def prolong(coarse: Array, fine: Array, places: Places, above: Array, mz: ti.i32, my: ti.i32,
                mx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32, cy: ti.i32):  # fmt: skip
        """fine += interpolation of coarse, for (mz, my, mx) fine nodes

        A fine node lies at the coarse node ``places`` or, by the weight ``above``, after it.
        """
        for row in range(mz * my):
            i, j = row // my, mz + row % my
            base = places[i] * cz + places[j] * cy
            target = (row // my + 1) * sz + (row % my + 1) * sy + 1
            wz, wy = above[i], above[j]
            w00, w01, w10, w11 = (1 - wz) * (1 - wy), (1 - wz) * wy, wz * (1 - wy), wz * wy
            for k in range(mx):
                x = mz + my + k
                c = base + places[x]
                low = w00 * coarse[c] + w01 * coarse[c + cy]
                low += w10 * coarse[c + cz] + w11 * coarse[c + cz + cy]
                high = w00 * coarse[c + 1] + w01 * coarse[c + cy + 1]
                high += w10 * coarse[c + cz + 1] + w11 * coarse[c + cz + cy + 1]
                fine[target + k] += (1 - above[x]) * low + above[x] * high

    @kernel
    def average(table: Array, classes: Classes, coarse: Array, kind: ti.template(), size: ti.i32,
                coarse_size: ti.i32, mz: ti.i32, my: ti.i32, mx: ti.i32, nz: ti.i32, ny: ti.i32,
                nx: ti.i32, fz: ti.i32, fy: ti.i32, fx: ti.i32, sz: ti.i32, sy: ti.i32,
                cz: ti.i32, cy: ti.i32):  # fmt: skip
        """coarse = mean tensor of the merged voxels, on (mz, my, mx) coarse ones of larger edges"""
        for row in range(mz * my):
            i, j = row // my, row % my
            for k in range(mx):
                total = ti.Vector.zero(real, 6)
                count = 0
                for dz, dy, dx in ti.ndrange(fz, fy, fx):
                    z, y, x = fz * i + dz, fy * j + dy, fx * k + dx
                    if z < nz and y < ny and x < nx:
                        e = (z + 1) * sz + (y + 1) * sy + x + 1
                        total += voxel.tensor(kind, table, classes, size, e)
                        count += 1
                edges = ti.Vector([fz * fz, fy * fy, fx * fx, fy * fx, fz * fx, fz * fy])
                target = (i + 1) * cz + (j + 1) * cy + k + 1
                for c in ti.static(range(6)):
                    coarse[c * coarse_size + target] = total[c] / (count * edges[c])

    return SimpleNamespace(restrict=restrict, prolong=prolong, average=average)


@functools.cache
def build(outer, inner, block):
    """Products, energies and fluxes of type ``outer``, also of vectors of type ``inner``."""
    Outer = ti.types.ndarray(dtype=outer, ndim=1)
    Inner = ti.types.ndarray(dtype=inner, ndim=1)
    Mean = ti.types.vector(3, outer)
    width = rows(block)
    voxel = parts(outer)

    def apply_to(Vector):
        @kernel
        def apply(u: Vector, out: Outer, table: Outer, classes: Classes, sums: Sums, mean: Mean,
                  size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32,
                  sy: ti.i32):  # fmt: skip
            """out = forces of u and of the mean gradient on the nodes, sums[row] = u · out"""
            for row in range(nz * ny):
                first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
                total = ti.f64(0.0)
                for q in range((nx + width - 1) // width):
                    p0 = first + q * width
                    count = ti.min(width, nx - q * width)
                    up = ti.Vector.zero(outer, width + 1)
                    down = ti.Vector.zero(outer, width + 1)
                    for side in range(4):
                        i, j = side // 2, side % 2
                        tz, ty = ti.cast(2 * i - 1, outer), ti.cast(2 * j - 1, outer)
                        e0 = p0 - 1 - i * sz - j * sy
                        for v in range(count + 1):
                            f, g = voxel.pushed(CLASSES, u, table, classes, mean, size, e0 + v,
                                                sz, sy, tz, ty)  # fmt: skip
                            up[v] += f
                            down[v] += g
                    for v in range(count):
                        up[v] += down[v + 1]
                    for v in range(count):
                        total += ti.cast(u[p0 + v], ti.f64) * up[v]
                    for v in range(count):
                        out[p0 + v] = up[v]
                sums[row] = total

        return apply

    @kernel
    def energy(u: Outer, w: Outer, mean_u: Mean, mean_w: Mean, table: Outer, classes: Classes,
               sums: Sums, size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32,
               sy: ti.i32):  # fmt: skip
        """sums[row] = mean over each voxel of grad u · k grad w, summed over a row of voxels"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            total = ti.f64(0.0)
            for v in range(nx):
                m, n = voxel.modes(u, first + v, sz, sy), voxel.modes(w, first + v, sz, sy)
                for a in ti.static(range(3)):
                    m[a] += mean_u[a]
                    n[a] += mean_w[a]
                k = voxel.tensor(CLASSES, table, classes, size, first + v)
                total += m.dot(voxel.forces(k, n))
            sums[row] = total

    @kernel
    def flux(u: Outer, out: Outer, table: Outer, classes: Classes, mean: Mean, slopes: Mean,
             size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32,
             sy: ti.i32):  # fmt: skip
        """out = -k grad u, the mean over each voxel, with ``slopes`` 1/(4 h)"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for v in range(nx):
                e = first + v
                m = voxel.modes(u, e, sz, sy)
                for a in ti.static(range(3)):
                    m[a] += mean[a]
                f = voxel.forces(voxel.tensor(CLASSES, table, classes, size, e), m)
                for a in ti.static(range(3)):
                    out[a * size + e] = -f[a] / slopes[a]

    return SimpleNamespace(
        apply=apply_to(Outer), apply_inner=apply_to(Inner), energy=energy, flux=flux
    )
