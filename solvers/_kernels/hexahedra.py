"""Kernels of linear elasticity on voxels, in the modes of the trilinear hexahedron.

Nodes and voxels share one flat layout with a halo: voxel (i, j, k), counted from 1, lies at
e = i sz + j sy + k and its lower node at the same place. A vector holds its three components one
after the other, ``size`` elements each, and six macroscopic strains after them.

Of the eight corner values of a component, the sums with the signs of z, y, x are its gradients and
those with the signs of zy, zx, yx, zyx its hourglasses. In these modes the stiffness of a voxel is
all but diagonal: 200 operations a voxel instead of 576 products. ``element`` holds the gradients'
factors 1/(4 h) along z, y, x, the weights of linear and of cubic hourglasses, and the factors of
lam and mu in the lam of hourglasses.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti


def rows(block):
    """Nodes along x that a CPU loop buffers; one voxel more must fit the buffer."""
    return max(block - 1, 1)


@functools.cache
def parts(real):
    """Functions on the modes of one voxel, in the precision ``real``."""
    modes_type = ti.types.matrix(3, 7, real)
    corner_type = ti.types.vector(6, real)

    @ti.func
    def modes(u: ti.template(), size, e, sz, sy):
        """Signed sums over the corners of voxel e: z, y, x, zy, zx, yx, zyx, by component"""
        m = modes_type(0)
        for a in ti.static(range(3)):
            p = a * size + e
            a00, a01 = ti.cast(u[p], real), ti.cast(u[p + sy], real)
            a10, a11 = ti.cast(u[p + sz], real), ti.cast(u[p + sz + sy], real)
            b00, b01 = ti.cast(u[p + 1], real), ti.cast(u[p + sy + 1], real)
            b10, b11 = ti.cast(u[p + sz + 1], real), ti.cast(u[p + sz + sy + 1], real)
            # sums and differences along x, then z, then y
            low, low_x = (b10 + a10) - (b00 + a00), (b10 - a10) - (b00 - a00)
            high, high_x = (b11 + a11) - (b01 + a01), (b11 - a11) - (b01 - a01)
            sum_low, sum_low_x = (b10 + a10) + (b00 + a00), (b10 - a10) + (b00 - a00)
            sum_high, sum_high_x = (b11 + a11) + (b01 + a01), (b11 - a11) + (b01 - a01)
            m[a, 0] = high + low
            m[a, 1] = sum_high - sum_low
            m[a, 2] = sum_high_x + sum_low_x
            m[a, 3] = high - low
            m[a, 4] = high_x + low_x
            m[a, 5] = sum_high_x - sum_low_x
            m[a, 6] = high_x - low_x
        return m

    @ti.func
    def strain(m, element):
        """Strain at the centre, in Voigt order with engineering shears"""
        gz, gy, gx = element[0], element[1], element[2]
        return corner_type(
            [
                gz * m[0, 0],
                gy * m[1, 1],
                gx * m[2, 2],
                gx * m[1, 2] + gy * m[2, 1],
                gx * m[0, 2] + gz * m[2, 0],
                gy * m[0, 1] + gz * m[1, 0],
            ]
        )

    @ti.func
    def isotropic(e, lam, mu):
        """Stress of a strain"""
        pressure = lam * (e[0] + e[1] + e[2])
        return corner_type(
            [
                pressure + 2 * mu * e[0],
                pressure + 2 * mu * e[1],
                pressure + 2 * mu * e[2],
                mu * e[3],
                mu * e[4],
                mu * e[5],
            ]
        )

    @ti.func
    def forces(s, element):
        """Forces on the modes from the stress at the centre; hourglasses stay zero"""
        gz, gy, gx = element[0], element[1], element[2]
        f = modes_type(0)
        f[0, 0], f[0, 1], f[0, 2] = gz * s[0], gy * s[5], gx * s[4]
        f[1, 0], f[1, 1], f[1, 2] = gz * s[5], gy * s[1], gx * s[3]
        f[2, 0], f[2, 1], f[2, 2] = gz * s[4], gy * s[3], gx * s[2]
        return f

    @ti.func
    def hourglass(f: ti.template(), m, element, lam, mu):
        """Add the forces that resist hourglasses: strains that vary as z, y, x, zy, zx, yx"""
        gz, gy, gx = element[0], element[1], element[2]
        m1, m2 = mu * element[3], mu * element[4]
        lam_h = element[5] * lam + element[6] * mu
        l1, l2 = lam_h * element[3], lam_h * element[4]
        # strain that varies as z: from the gradients of zy along y and of zx along x
        b, c = gy * m[1, 3], gx * m[2, 4]
        s, t = m1 * (gx * m[1, 4] + gy * m[2, 3]), l1 * (b + c)
        f[1, 3] += gy * (t + 2 * m1 * b)
        f[2, 4] += gx * (t + 2 * m1 * c)
        f[1, 4] += gx * s
        f[2, 3] += gy * s
        f[0, 3] += gy * gy * m1 * m[0, 3]
        f[0, 4] += gx * gx * m1 * m[0, 4]
        # as y
        b, c = gz * m[0, 3], gx * m[2, 5]
        s, t = m1 * (gx * m[0, 5] + gz * m[2, 3]), l1 * (b + c)
        f[0, 3] += gz * (t + 2 * m1 * b)
        f[2, 5] += gx * (t + 2 * m1 * c)
        f[0, 5] += gx * s
        f[2, 3] += gz * s
        f[1, 3] += gz * gz * m1 * m[1, 3]
        f[1, 5] += gx * gx * m1 * m[1, 5]
        # as x
        b, c = gz * m[0, 4], gy * m[1, 5]
        s, t = m1 * (gy * m[0, 5] + gz * m[1, 4]), l1 * (b + c)
        f[0, 4] += gz * (t + 2 * m1 * b)
        f[1, 5] += gy * (t + 2 * m1 * c)
        f[0, 5] += gy * s
        f[1, 4] += gz * s
        f[2, 4] += gz * gz * m1 * m[2, 4]
        f[2, 5] += gy * gy * m1 * m[2, 5]
        # as the products of two: from the gradients of zyx along the third
        all_ = m2 * (gz * gz + gy * gy + gx * gx)
        f[0, 6] += (all_ + (l2 + m2) * gz * gz) * m[0, 6]
        f[1, 6] += (all_ + (l2 + m2) * gy * gy) * m[1, 6]
        f[2, 6] += (all_ + (l2 + m2) * gx * gx) * m[2, 6]

    @ti.func
    def corners(f, tz, ty):
        """Forces on the upper, then the lower node along x, on the side (tz, ty) of the voxel"""
        out = corner_type(0)
        for a in ti.static(range(3)):
            even = tz * f[a, 0] + ty * (f[a, 1] + tz * f[a, 3])
            odd = f[a, 2] + tz * f[a, 4] + ty * (f[a, 5] + tz * f[a, 6])
            out[a] = even + odd
            out[3 + a] = even - odd
        return out

    return SimpleNamespace(
        modes=modes,
        strain=strain,
        isotropic=isotropic,
        forces=forces,
        hourglass=hourglass,
        corners=corners,
    )


@functools.cache
def build(real, given, block):
    """Relaxation kernels in the precision ``real`` for right-hand sides of type ``given``."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Given = ti.types.ndarray(dtype=given, ndim=1)
    Element = ti.types.vector(7, real)
    Held = ti.types.vector(6, ti.i32)
    width = rows(block)
    voxel = parts(real)
    vector = ti.types.vector(3, real)

    @ti.func
    def pushed(u: ti.template(), lam: ti.template(), mu: ti.template(), size, e, sz, sy,
               element, tz, ty):  # fmt: skip
        """Forces of voxel e on its two nodes along x on the side (tz, ty)"""
        m = voxel.modes(u, size, e, sz, sy)
        f = voxel.forces(voxel.isotropic(voxel.strain(m, element), lam[e], mu[e]), element)
        voxel.hourglass(f, m, element, lam[e], mu[e])
        return voxel.corners(f, tz, ty)

    @ti.func
    def relaxed(rest, lam: ti.template(), mu: ti.template(), p, sz, sy, element, bits):
        """D⁻¹ rest, with D the 3 x 3 diagonal block of node p; 0 where the node has no stiffness

        Components in the ``bits`` are held and must not couple: D would not bound A without.
        """
        gz, gy, gx = element[0], element[1], element[2]
        w1, w2 = element[3], element[4]
        stiff, shear = ti.cast(0, real), ti.cast(0, real)
        zy, zx, yx = ti.cast(0, real), ti.cast(0, real), ti.cast(0, real)
        for i, j, k in ti.static(ti.ndrange(2, 2, 2)):
            e = p - i * sz - j * sy - k
            both = element[5] * lam[e] + (1 + element[6]) * mu[e]
            q = lam[e] + mu[e] + w1 * both
            stiff += lam[e] + mu[e] + (2 * w1 + w2) * both
            shear += mu[e]
            zy += (1 if ti.static(i == j) else -1) * q
            zx += (1 if ti.static(i == k) else -1) * q
            yx += (1 if ti.static(j == k) else -1) * q
        all_ = shear * (gz * gz + gy * gy + gx * gx) * (1 + 2 * w1 + w2)
        scale = 1 / ti.max(all_, ti.cast(1e-30, real))
        a, b, c = all_ + gz * gz * stiff, all_ + gy * gy * stiff, all_ + gx * gx * stiff
        f0 = ti.cast(1 - (bits & 1), real)
        f1 = ti.cast(1 - ((bits >> 1) & 1), real)
        f2 = ti.cast(1 - ((bits >> 2) & 1), real)
        d, e_, f = f1 * f2 * gy * gx * yx, f0 * f2 * gz * gx * zx, f0 * f1 * gz * gy * zy
        a, b, c, d, e_, f = a * scale, b * scale, c * scale, d * scale, e_ * scale, f * scale
        c00, c01, c02 = b * c - d * d, e_ * d - f * c, f * d - b * e_
        det = a * c00 + f * c01 + e_ * c02
        inverse = ti.select(all_ > 0, scale / ti.max(det, ti.cast(1e-30, real)), ti.cast(0, real))
        return vector(
            [
                inverse * (c00 * rest[0] + c01 * rest[1] + c02 * rest[2]),
                inverse
                * (c01 * rest[0] + (a * c - e_ * e_) * rest[1] + (f * e_ - a * d) * rest[2]),
                inverse * (c02 * rest[0] + (f * e_ - a * d) * rest[1] + (a * b - f * f) * rest[2]),
            ]
        )

    @ti.func
    def row_bits(row, nz, ny, held):
        """Components held on all nodes of a row, by its place between the faces along z and y"""
        i, j = row // ny, row % ny
        bits = 0
        if i == 0:
            bits |= held[0]
        if j == 0:
            bits |= held[1]
        if i == nz - 1:
            bits |= held[3]
        if j == ny - 1:
            bits |= held[4]
        return bits

    @ti.func
    def node_bits(bits, k, nx, held):
        """Components held on node k of a row"""
        return bits | ti.select(k == 0, held[2], 0) | ti.select(k == nx - 1, held[5], 0)

    @kernel
    def start(b: Given, out: Array, lam: Array, mu: Array, size: ti.i32, nz: ti.i32, ny: ti.i32,
              nx: ti.i32, sz: ti.i32, sy: ti.i32, element: Element, held: Held,
              weight: real):  # fmt: skip
        """out = weight D⁻¹ b: the first relaxation from zero"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            held_in_row = row_bits(row, nz, ny, held)
            for q in range((nx + width - 1) // width):
                p0 = first + q * width
                count = ti.min(width, nx - q * width)
                new0 = ti.Vector.zero(real, width)
                new1 = ti.Vector.zero(real, width)
                new2 = ti.Vector.zero(real, width)
                for v in range(count):
                    p = p0 + v
                    rest = vector([b[p], b[size + p], b[2 * size + p]])
                    bits = node_bits(held_in_row, q * width + v, nx, held)
                    step = relaxed(rest, lam, mu, p, sz, sy, element, bits)
                    new0[v] = weight * step[0]
                    new1[v] = weight * step[1]
                    new2[v] = weight * step[2]
                for v in range(count):
                    out[p0 + v] = new0[v]
                for v in range(count):
                    out[size + p0 + v] = new1[v]
                for v in range(count):
                    out[2 * size + p0 + v] = new2[v]

    @kernel
    def relax(u: Array, b: Given, out: Array, lam: Array, mu: Array, size: ti.i32, nz: ti.i32,
              ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32, element: Element, held: Held,
              weight: real):  # fmt: skip
        """out = u + weight D⁻¹ (b - A u)"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            held_in_row = row_bits(row, nz, ny, held)
            for q in range((nx + width - 1) // width):
                p0 = first + q * width
                count = ti.min(width, nx - q * width)
                up0 = ti.Vector.zero(real, width + 1)
                up1 = ti.Vector.zero(real, width + 1)
                up2 = ti.Vector.zero(real, width + 1)
                down0 = ti.Vector.zero(real, width + 1)
                down1 = ti.Vector.zero(real, width + 1)
                down2 = ti.Vector.zero(real, width + 1)
                for side in range(4):
                    i, j = side // 2, side % 2
                    tz, ty = ti.cast(2 * i - 1, real), ti.cast(2 * j - 1, real)
                    e0 = p0 - 1 - i * sz - j * sy
                    for v in range(count + 1):
                        f = pushed(u, lam, mu, size, e0 + v, sz, sy, element, tz, ty)
                        up0[v] += f[0]
                        up1[v] += f[1]
                        up2[v] += f[2]
                        down0[v] += f[3]
                        down1[v] += f[4]
                        down2[v] += f[5]
                for v in range(count):
                    p = p0 + v
                    rest = vector(
                        [
                            ti.cast(b[p], real) - up0[v] - down0[v + 1],
                            ti.cast(b[size + p], real) - up1[v] - down1[v + 1],
                            ti.cast(b[2 * size + p], real) - up2[v] - down2[v + 1],
                        ]
                    )
                    bits = node_bits(held_in_row, q * width + v, nx, held)
                    step = relaxed(rest, lam, mu, p, sz, sy, element, bits)
                    up0[v] = u[p] + weight * step[0]
                    up1[v] = u[size + p] + weight * step[1]
                    up2[v] = u[2 * size + p] + weight * step[2]
                for v in range(count):
                    out[p0 + v] = up0[v]
                for v in range(count):
                    out[size + p0 + v] = up1[v]
                for v in range(count):
                    out[2 * size + p0 + v] = up2[v]

    @kernel
    def residual(u: Array, b: Given, out: Array, lam: Array, mu: Array, size: ti.i32, nz: ti.i32,
                 ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32, element: Element,
                 held: Held):  # fmt: skip
        """out = b - A u, also where components are held"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for q in range((nx + width - 1) // width):
                p0 = first + q * width
                count = ti.min(width, nx - q * width)
                up0 = ti.Vector.zero(real, width + 1)
                up1 = ti.Vector.zero(real, width + 1)
                up2 = ti.Vector.zero(real, width + 1)
                down0 = ti.Vector.zero(real, width + 1)
                down1 = ti.Vector.zero(real, width + 1)
                down2 = ti.Vector.zero(real, width + 1)
                for side in range(4):
                    i, j = side // 2, side % 2
                    tz, ty = ti.cast(2 * i - 1, real), ti.cast(2 * j - 1, real)
                    e0 = p0 - 1 - i * sz - j * sy
                    for v in range(count + 1):
                        f = pushed(u, lam, mu, size, e0 + v, sz, sy, element, tz, ty)
                        up0[v] += f[0]
                        up1[v] += f[1]
                        up2[v] += f[2]
                        down0[v] += f[3]
                        down1[v] += f[4]
                        down2[v] += f[5]
                for v in range(count):
                    out[p0 + v] = ti.cast(b[p0 + v], real) - up0[v] - down0[v + 1]
                for v in range(count):
                    p = size + p0 + v
                    out[p] = ti.cast(b[p], real) - up1[v] - down1[v + 1]
                for v in range(count):
                    p = 2 * size + p0 + v
                    out[p] = ti.cast(b[p], real) - up2[v] - down2[v + 1]

    return SimpleNamespace(start=start, relax=relax, residual=residual)
