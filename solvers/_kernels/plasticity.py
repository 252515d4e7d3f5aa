"""Kernels of flow: stress, tangent and state of every voxel after a step of implicit Euler.

The layout, ``element`` and ``kind`` are those of ``elasticity``. A voxel remembers its plastic
strain (six components), the accumulated one, and its twelve hourglasses at rest. ``laws`` has
COLUMNS numbers for each law, of which law 0 never flows; stresses are in units of the moduli.

The trial stress, elastic from the state before, has the equivalent q. Von Mises' yield is a limit
of the energy of distortion; here that of a voxel, hourglasses included, so that they yield and
creep with it and all follows from one convex energy. Flow by dp along deviator and hourglasses
lowers q by 3 mu dp. Yield demands q <= its stress at the accumulated strain; creep that dp is its
rate at the new q times the time. Where a voxel does both, the larger dp is what it takes.
"""

import functools
from types import SimpleNamespace

from solvers._kernels.elasticity import HOURGLASS, LOST, constitution
from solvers._kernels.hexahedra import parts
from solvers._ti import kernel, ti

YIELD, HARDENING, RISE, DECAY, RATE, STRESS, EXPONENT = range(7)
COLUMNS = 7
MOST_STEPS = 60  # of scalar Newton iterations, which take about five
Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)


@functools.cache
def flow(real, close):
    """Functions from the trial stress to the flow; ``close`` is a relative error like rounding."""

    @ti.func
    def yielding(q, p, mu, laws: ti.template(), first):
        """Flow that brings q down to the yield stress, and its slope dp/dq"""
        dp, slope = ti.cast(0, real), ti.cast(0, real)
        start, linear = ti.cast(laws[first + YIELD], real), ti.cast(laws[first + HARDENING], real)
        rise, decay = ti.cast(laws[first + RISE], real), ti.cast(laws[first + DECAY], real)
        excess = q - start - linear * p - rise * (1 - ti.exp(-decay * p))
        if excess > 0:
            # the excess is a convex function of dp, so that Newton's method comes from below
            for _ in range(MOST_STEPS):
                left = rise * ti.exp(-decay * (p + dp))
                slope = 1 / (3 * mu + linear + decay * left)
                excess = q - 3 * mu * dp - start - linear * (p + dp) - rise + left
                dp += excess * slope
                if ti.abs(excess) <= close * q:
                    break
        return dp, slope

    @ti.func
    def creeping(q, mu, laws: ti.template(), first, dt):
        """Flow at the rate of the stress that is left, and its slope dp/dq"""
        dp, slope = ti.cast(0, real), ti.cast(0, real)
        full = ti.cast(laws[first + RATE] * dt, real)
        if full > 0 and q > 0:
            unit = ti.cast(laws[first + STRESS], real)
            n = ti.cast(laws[first + EXPONENT], real)
            stiff = 3 * mu * full
            # x + a x^n = b is convex: from above, Newton's method never leaves the root's side
            a, b = stiff / unit, q / unit
            x = b
            if a * b > 0:
                x = ti.min(b, (b / a) ** (1 / n))
            for _ in range(MOST_STEPS):
                power = a * x ** (n - 1)
                over = x + power * x - b
                x -= over / (1 + n * power)
                if ti.abs(over) <= close * b:
                    break
            rate = full * n * x ** (n - 1) / unit
            dp = full * x**n
            slope = rate / (1 + 3 * mu * rate)
        return dp, slope

    @ti.func
    def flowing(q, p, mu, laws: ti.template(), law, dt):
        """Flow of a voxel and its slope dp/dq"""
        dp, slope = yielding(q, p, mu, laws, law * COLUMNS)
        creep, creep_slope = creeping(q, mu, laws, law * COLUMNS, dt)
        if creep > dp:
            dp, slope = creep, creep_slope
        return dp, slope

    return flowing


@functools.cache
def build(outer, inner, class_type):
    """Kernels for strains of type ``outer`` and moduli and states of type ``inner``."""
    Outer = ti.types.ndarray(dtype=outer, ndim=1)
    Inner = ti.types.ndarray(dtype=inner, ndim=1)
    Classes = ti.types.ndarray(dtype=class_type, ndim=1)
    Element = ti.types.vector(7, outer)
    tensor = ti.types.vector(6, outer)
    voxel, laws_of = parts(outer), constitution(outer)
    flowing = flow(outer, 1e-13 if outer == ti.f64 else 1e-6)
    definite = 1.0 - (
        1e-12 if inner == ti.f64 else 1e-6
    )  # so that the tangent stays so in spite of rounding

    @ti.func
    def deviator(s):
        third = (s[0] + s[1] + s[2]) / 3
        return tensor([s[0] - third, s[1] - third, s[2] - third, s[3], s[4], s[5]])

    @ti.func
    def equivalent(s, hourglass, mu):
        """Von Mises stress of a deviator and of twice the energy in hourglasses"""
        normal = s[0] * s[0] + s[1] * s[1] + s[2] * s[2]
        shear = s[3] * s[3] + s[4] * s[4] + s[5] * s[5]
        return ti.sqrt(ti.cast(1.5, outer) * (normal + 2 * shear) + 3 * mu * hourglass)

    @ti.func
    def doubled(s):
        """Strain along a stress: shears count twice"""
        return tensor([s[0], s[1], s[2], 2 * s[3], 2 * s[4], 2 * s[5]])

    @ti.func
    def returned(u: ti.template(), plastic: ti.template(), accumulated: ti.template(),
                 rest: ti.template(), eigenstrain: ti.template(), lam: ti.template(),
                 mu: ti.template(), table: ti.template(), classes: ti.template(),
                 law: ti.template(), laws: ti.template(), dt, mean, kind: ti.template(),
                 swells: ti.template(), size, e, sz, sy, element):  # fmt: skip
        """Trial strain, stress, hourglasses and their forces and energy, q, flow and its slope"""
        l, m = ti.cast(lam[e], outer), ti.cast(mu[e], outer)
        c = voxel.modes(u, size, e, sz, sy)
        strain = voxel.strain(c, element) + mean
        for a in ti.static(range(6)):
            strain[a] -= plastic[a * size + e]
            if ti.static(swells):
                strain[a] -= eigenstrain[a * size + e]
        for a, b in ti.static(ti.ndrange(3, 4)):
            c[a, 3 + b] -= rest[(4 * a + b) * size + e]
        s = laws_of.elastic(kind, strain, l, m, table, classes, e)
        h = voxel.forces(tensor(0), element)
        voxel.hourglass(h, c, element, l, m)
        energy = ti.cast(0, outer)
        for a, b in ti.static(ti.ndrange(3, 4)):
            energy += c[a, 3 + b] * h[a, 3 + b]
        q, dp, slope = ti.cast(0, outer), ti.cast(0, outer), ti.cast(0, outer)
        own = ti.cast(law[e], ti.i32)
        if own > 0:
            q = equivalent(deviator(s), energy, m)
            dp, slope = flowing(q, ti.cast(accumulated[e], outer), m, laws, own, dt)
        return strain, s, c, h, energy, q, dp, slope

    @kernel
    def respond(u: Outer, plastic: Inner, accumulated: Inner, rest: Inner, eigenstrain: Inner,
                lam: Inner, mu: Inner, table: Outer, classes: Classes, law: Classes, laws: Sums,
                dt: ti.f64, stress: Outer, normal: Inner, sums: Sums, kind: ti.template(),
                swells: ti.template(), size: ti.i32, nz: ti.i32, ny: ti.i32, nx: ti.i32,
                sz: ti.i32, sy: ti.i32, element: Element):  # fmt: skip
        """Stress and consistent tangent; sums = twice the energy of a row, and in hourglasses"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            mean = laws_of.macroscopic(u, size)
            total, sway = ti.f64(0.0), ti.f64(0.0)
            for k in range(nx):
                e = first + k
                strain, s, _c, h, energy, q, dp, slope = returned(
                    u, plastic, accumulated, rest, eigenstrain, lam, mu, table, classes, law, laws,
                    dt, mean, kind, swells, size, e, sz, sy, element)  # fmt: skip
                m = ti.cast(mu[e], outer)
                part = deviator(s)
                lost, share = ti.cast(0, outer), ti.cast(0, outer)
                if dp > 0:
                    lost = 3 * m * dp / q
                    s -= lost * part
                    strain -= (ti.cast(1.5, outer) * dp / q) * doubled(part)
                    # the norm of deviator and hourglasses is sqrt(2/3) q
                    softer = ti.max(3 * m * slope - lost, ti.cast(0, outer))
                    share = ti.sqrt(3 * m * softer * definite) / q
                for a in ti.static(range(6)):
                    stress[a * size + e] = s[a]
                    normal[a * size + e] = ti.cast(share * part[a], inner)
                    total += ti.cast(s[a] * strain[a], ti.f64)
                for a, b in ti.static(ti.ndrange(3, 4)):
                    n = share * h[a, 3 + b]
                    normal[(HOURGLASS + 4 * a + b) * size + e] = ti.cast(n, inner)
                stress[LOST * size + e] = 1 - lost
                normal[LOST * size + e] = ti.cast(lost * definite, inner)
                sway += ti.cast((1 - lost) ** 2 * energy, ti.f64)
            sums[2 * row] = total
            sums[2 * row + 1] = sway

    @kernel
    def commit(u: Outer, plastic: Inner, accumulated: Inner, rest: Inner, eigenstrain: Inner,
               lam: Inner, mu: Inner, table: Outer, classes: Classes, law: Classes, laws: Sums,
               dt: ti.f64, sums: Sums, kind: ti.template(), swells: ti.template(), size: ti.i32,
               nz: ti.i32, ny: ti.i32, nx: ti.i32, sz: ti.i32, sy: ti.i32,
               element: Element):  # fmt: skip
        """Remember the flow; sums[row] = work that a row dissipates"""
        for row in range(nz * ny):
            first = (row // ny + 1) * sz + (row % ny + 1) * sy + 1
            mean = laws_of.macroscopic(u, size)
            total = ti.f64(0.0)
            for k in range(nx):
                e = first + k
                _strain, s, c, _h, _energy, q, dp, _slope = returned(
                    u, plastic, accumulated, rest, eigenstrain, lam, mu, table, classes, law, laws,
                    dt, mean, kind, swells, size, e, sz, sy, element)  # fmt: skip
                if dp > 0:
                    m = ti.cast(mu[e], outer)
                    step = (ti.cast(1.5, outer) * dp / q) * doubled(deviator(s))
                    for a in ti.static(range(6)):
                        plastic[a * size + e] += ti.cast(step[a], inner)
                    for a, b in ti.static(ti.ndrange(3, 4)):
                        sway = (3 * m * dp / q) * c[a, 3 + b]
                        rest[(4 * a + b) * size + e] += ti.cast(sway, inner)
                    accumulated[e] += ti.cast(dp, inner)
                    total += ti.cast((q - 3 * m * dp) * dp, ti.f64)
            sums[row] = total

    @kernel
    def move(x: Outer, d: Outer, alpha: ti.f64, size: ti.i32):
        """x += alpha d"""
        for i in range(size):
            x[i] += ti.cast(alpha, outer) * d[i]

    @kernel
    def unbalanced(forces: Outer, load: Sums, size: ti.i32):
        """forces = load - forces, the load acting on the macroscopic strains only"""
        for i in range(3 * size):
            forces[i] = -forces[i]
        for c in range(6):
            forces[3 * size + c] = ti.cast(load[c] - forces[3 * size + c], outer)

    return SimpleNamespace(respond=respond, commit=commit, move=move, unbalanced=unbalanced)
