"""Kernels of the elasticity operator that iterations are judged by: products, strains, loads.

The layout and ``element`` are those of ``hexahedra``. Voxel fields of tensors hold their six
components in Voigt order one after the other, ``size`` elements each. The six macroscopic strains
at the end of a vector add to the strain of every voxel.

``kind`` says what the stress of a strain is: ISOTROPIC (lam and mu of the voxel), TABLE (21
constants of its class, the upper triangle by rows), either of them SOFTENED by flow, or GIVEN
whatever the strain. ``normal`` of a SOFTENED voxel holds a vector that acts on its strain (six) and
hourglasses (twelve), whose product with itself is taken away, and before the twelve the share that
deviator and hourglasses lose. Of a GIVEN voxel ``table`` holds the stress and the share of their
stiffness that hourglasses keep, ``normal`` the twelve hourglasses at rest.
"""

import functools
from types import SimpleNamespace

from solvers._kernels.hexahedra import parts, rows
from solvers._ti import kernel, ti

ISOTROPIC, TABLE, SOFTENED, SOFTENED_TABLE, GIVEN = range(5)
LOST, HOURGLASS = 6, 7  # where the share and the hourglasses begin
PLACE = [[min(a, b) * (13 - min(a, b)) // 2 + abs(a - b) for b in range(6)] for a in range(6)]
Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)


@functools.cache
def constitution(outer):
    """Functions from strains to stresses of voxels, in the precision ``outer``."""
    voxel = parts(outer)
    tensor = ti.types.vector(6, outer)

    @ti.func
    def macroscopic(u: ti.template(), size):
        e = tensor(0)
        for c in ti.static(range(6)):
            e[c] = ti.cast(u[3 * size + c], outer)
        return e

    @ti.func
    def elastic(kind: ti.template(), strain, lam, mu, table: ti.template(),
                classes: ti.template(), e):  # fmt: skip
        s = tensor(0)
        if ti.static(kind in (TABLE, SOFTENED_TABLE)):
            first = ti.cast(classes[e], ti.i32) * 21
            for a in ti.static(range(6)):
                for b in ti.static(range(6)):
                    s[a] += table[first + ti.static(PLACE[a][b])] * strain[b]
        else:
            s = voxel.isotropic(strain, lam, mu)
        return s

    @ti.func
    def along(kind: ti.template(), strain, c, normal: ti.template(), size, e):
        """Product of strain and hourglasses with the vector of a voxel that flows"""
        product = ti.cast(0, outer)
        if ti.static(kind in (SOFTENED, SOFTENED_TABLE)):
            for a in ti.static(range(6)):
                product += normal[a * size + e] * strain[a]
            for a, b in ti.static(ti.ndrange(3, 4)):
                product += normal[(HOURGLASS + 4 * a + b) * size + e] * c[a, 3 + b]
        return product

    @ti.func
    def stress(kind: ti.template(), strain, product, lam, mu, table: ti.template(),
               classes: ti.template(), normal: ti.template(), size, e):  # fmt: skip
        s = tensor(0)
        if ti.static(kind == GIVEN):
            for c in ti.static(range(6)):
                s[c] = table[c * size + e]
        else:
            s = elastic(kind, strain, lam, mu, table, classes, e)
        if ti.static(kind in (SOFTENED, SOFTENED_TABLE)):
            lost = mu * normal[LOST * size + e]
            third = (strain[0] + strain[1] + strain[2]) / 3
            for c in ti.static(range(3)):
                s[c] -= 2 * lost * (strain[c] - third)
                s[c + 3] -= lost * strain[c + 3]
            for c in ti.static(range(6)):
                s[c] -= normal[c * size + e] * product
        return s

    @ti.func
    def resist(kind: ti.template(), f: ti.template(), c, product, lam, mu, table: ti.template(),
               normal: ti.template(), size, e, element):  # fmt: skip
        """Add the forces of hourglasses"""
        if ti.static(kind in (ISOTROPIC, TABLE)):
            voxel.hourglass(f, c, element, lam, mu)
        elif ti.static(kind == GIVEN):
            kept = table[LOST * size + e]
            strained = c
            for a, b in ti.static(ti.ndrange(3, 4)):
                strained[a, 3 + b] -= normal[(4 * a + b) * size + e]
            voxel.hourglass(f, strained, element, kept * lam, kept * mu)
        else:
            kept = 1 - normal[LOST * size + e]
            voxel.hourglass(f, c, element, kept * lam, kept * mu)
            for a, b in ti.static(ti.ndrange(3, 4)):
                f[a, 3 + b] -= normal[(HOURGLASS + 4 * a + b) * size + e] * product

    return SimpleNamespace(
        macroscopic=macroscopic, elastic=elastic, along=along, stress=stress, resist=resist
    )


@functools.cache
def build(outer, inner, class_type, block):
    """Kernels for results of type ``outer``, given vectors and moduli of type ``inner``."""
    Outer = ti.types.ndarray(dtype=outer, ndim=1)
    Inner = ti.types.ndarray(dtype=inner, ndim=1)
    Classes = ti.types.ndarray(dtype=class_type, ndim=1)
    Element = ti.types.vector(7, outer)
    voxel = parts(outer)
    laws = constitution(outer)
    macroscopic, along, stress = laws.macroscopic, laws.along, laws.stress
    width = rows(block)
    tensor = ti.types.vector(6, outer)

    def apply_to(Vector):
        @kernel
        def apply(u: Vector, out: Outer, lam: Inner, mu: Inner, table: Outer, classes: Classes,
                  normal: Inner, sums: Sums, kind: ti.template(), size: ti.i32, nz: ti.i32,
                  ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32, element: Element):  # fmt: skip
            """out = A u on the nodes, sums[row] = u · A u of a row without the macroscopic part"""
            for row in range(nz * ny):
                first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
                mean = macroscopic(u, size)
                total = ti.f64(0.0)
                for q in range((nx + width - 1) // width):
                    p0 = first + q * width
                    count = ti.min(width, nx - q * width)
                    up0 = ti.Vector.zero(outer, width + 1)
                    up1 = ti.Vector.zero(outer, width + 1)
                    up2 = ti.Vector.zero(outer, width + 1)
                    down0 = ti.Vector.zero(outer, width + 1)
                    down1 = ti.Vector.zero(outer, width + 1)
                    down2 = ti.Vector.zero(outer, width + 1)
                    for side in range(4):
                        i, j = side // 2, side % 2
                        tz, ty = ti.cast(2 * i - 1, outer), ti.cast(2 * j - 1, outer)
                        e0 = p0 - 1 - i * sz - j * sy
                        for v in range(count + 1):
                            e = e0 + v
                            l, m = ti.cast(lam[e], outer), ti.cast(mu[e], outer)
                            c = voxel.modes(u, size, e, sz, sy)
                            strain = voxel.strain(c, element) + mean
                            n = along(kind, strain, c, normal, size, e)
                            s = stress(kind, strain, n, l, m, table, classes, normal, size, e)
                            f = voxel.forces(s, element)
                            laws.resist(kind, f, c, n, l, m, table, normal, size, e, element)
                            pair = voxel.corners(f, tz, ty)
                            up0[v] += pair[0]
                            up1[v] += pair[1]
                            up2[v] += pair[2]
                            down0[v] += pair[3]
                            down1[v] += pair[4]
                            down2[v] += pair[5]
                    for v in range(count):
                        up0[v] += down0[v + 1]
                        up1[v] += down1[v + 1]
                        up2[v] += down2[v + 1]
                    for v in range(count):
                        total += (
                            ti.cast(u[p0 + v], ti.f64) * up0[v]
                            + ti.cast(u[size + p0 + v], ti.f64) * up1[v]
                            + ti.cast(u[2 * size + p0 + v], ti.f64) * up2[v]
                        )
                    for v in range(count):
                        out[p0 + v] = up0[v]
                    for v in range(count):
                        out[size + p0 + v] = up1[v]
                    for v in range(count):
                        out[2 * size + p0 + v] = up2[v]
                sums[row] = total

        return apply

    def strain_of(Vector):
        @kernel
        def strain(u: Vector, out: Outer, size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32,
                   sz: ti.i32, sy: ti.i32, element: Element):  # fmt: skip
            """out = strain at the centre of every voxel, the macroscopic part included"""
            for row in range(nz * ny):
                first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
                mean = macroscopic(u, size)
                for k in range(nx):
                    e = first + k
                    s = voxel.strain(voxel.modes(u, size, e, sz, sy), element) + mean
                    for c in ti.static(range(6)):
                        out[c * size + e] = s[c]

        @kernel
        def mean_stress(u: Vector, lam: Inner, mu: Inner, table: Outer, classes: Classes,
                        normal: Inner, sums: Sums, kind: ti.template(), size: ti.i32, nz: ti.i32,
                        ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32,
                        element: Element):  # fmt: skip
            """sums[6 row + c] = stress component c summed over the voxels of a row"""
            for row in range(nz * ny):
                first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
                mean = macroscopic(u, size)
                total = ti.Vector.zero(ti.f64, 6)
                for k in range(nx):
                    e = first + k
                    modes = voxel.modes(u, size, e, sz, sy)
                    whole = voxel.strain(modes, element) + mean
                    l, m = ti.cast(lam[e], outer), ti.cast(mu[e], outer)
                    n = along(kind, whole, modes, normal, size, e)
                    s = stress(kind, whole, n, l, m, table, classes, normal, size, e)
                    for c in ti.static(range(6)):
                        total[c] += s[c]
                for c in ti.static(range(6)):
                    sums[6 * row + c] = total[c]

        @kernel
        def hourglass_energy(u: Vector, lam: Inner, mu: Inner, sums: Sums, size: ti.i32,
                             nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32,
                             element: Element):  # fmt: skip
            """sums[row] = twice the energy of the voxels of a row in hourglasses"""
            for row in range(nz * ny):
                first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
                total = ti.f64(0.0)
                for k in range(nx):
                    e = first + k
                    c = voxel.modes(u, size, e, sz, sy)
                    f = voxel.forces(tensor(0), element)
                    voxel.hourglass(f, c, element, ti.cast(lam[e], outer), ti.cast(mu[e], outer))
                    for a, b in ti.static(ti.ndrange(3, 7)):
                        total += c[a, b] * f[a, b]
                sums[row] = total

        return strain, mean_stress, hourglass_energy

    @kernel
    def divergence(s: Inner, out: Outer, size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32,
                   sz: ti.i32, sy: ti.i32, element: Element):  # fmt: skip
        """out = forces on the nodes of a field of stresses, those of voxels in the halo included"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            for k in range(nx):
                p = first + k
                total = ti.Vector.zero(outer, 3)
                for i, j, h in ti.static(ti.ndrange(2, 2, 2)):
                    e = p - i * sz - j * sy - h
                    gz = element[0] * (2 * i - 1)
                    gy = element[1] * (2 * j - 1)
                    gx = element[2] * (2 * h - 1)
                    s0, s1, s2 = s[e], s[size + e], s[2 * size + e]
                    s3, s4, s5 = s[3 * size + e], s[4 * size + e], s[5 * size + e]
                    total[0] += gz * s0 + gy * s5 + gx * s4
                    total[1] += gz * s5 + gy * s1 + gx * s3
                    total[2] += gz * s4 + gy * s3 + gx * s2
                for a in ti.static(range(3)):
                    out[a * size + p] = total[a]

    strain, mean_stress, hourglass_energy = strain_of(Outer)
    return SimpleNamespace(
        apply=apply_to(Outer),
        apply_inner=apply_to(Inner),
        strain=strain,
        mean_stress=mean_stress,
        mean_stress_inner=strain_of(Inner)[1],
        hourglass_energy=hourglass_energy,
        divergence=divergence,
    )
