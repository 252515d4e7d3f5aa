"""Closed forms of elasticity. Radii are arrays in m; stresses in Pa, positive in tension.

Voigt order 00 11 22 12 02 01 with engineering shear strains. An eigenstrain is linear, so that a
volume grows by three times as much. Omega is a partial molar volume: dV / V = Omega c.
"""

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

GAS_CONSTANT = 8.31446261815324
DILATATION = np.array([1.0, 1, 1, 0, 0, 0])


def bulk(E, nu):
    return E / (3 * (1 - 2 * nu))


def shear(E, nu):
    return E / (2 * (1 + nu))


def isotropic(E, nu):
    """Stiffness (6, 6) in Pa."""
    K, G = bulk(E, nu), shear(E, nu)
    projector = np.outer(DILATATION, DILATATION)
    return (K - 2 / 3 * G) * projector + G * np.diag([2.0, 2, 2, 1, 1, 1])


def layered_sphere(radii, E, nu, eigenstrain, *, inner_pressure=0.0, outer_pressure=0.0):
    """Displacement, radial and tangential stress, as functions of r, of concentric elastic shells.

    In each shell u = A r + B / r², sigma_r = 3 K (A - e) - 4 G B / r³ and
    sigma_t = 3 K (A - e) + 2 G B / r³; u and sigma_r are continuous.

    Args:
        radii: of the surfaces, from the innermost, which is 0 for a full sphere, outwards.
        E: Young's modulus of each shell.
        nu: Poisson's ratio of each shell.
        eigenstrain: linear, of each shell.
        inner_pressure: on the innermost surface.
        outer_pressure: on the outermost surface.

    Source: Timoshenko, Goodier, Theory of Elasticity, 3rd ed. (1970), § 136 [not opened: verify]
    """
    radii, e = np.asarray(radii, float), np.asarray(eigenstrain, float)
    K, G = bulk(np.asarray(E), np.asarray(nu)), shear(np.asarray(E), np.asarray(nu))
    size, scale = 2 * len(K), radii[-1]  # B in units of the outermost radius cubed
    x = radii / scale
    matrix, right = np.zeros((size, size)), np.zeros(size)
    matrix[0, 1] = 1.0  # a full sphere has no B
    if x[0] > 0:
        matrix[0, :2], right[0] = (
            (3 * K[0], -4 * G[0] / x[0] ** 3),
            3 * K[0] * e[0] - inner_pressure,
        )
    for i in range(1, len(K)):
        here, row = slice(2 * i - 2, 2 * i + 2), 2 * i - 1
        matrix[row, here] = 1, x[i] ** -3, -1, -(x[i] ** -3)
        traction = 3 * K[i - 1], -4 * G[i - 1] / x[i] ** 3, -3 * K[i], 4 * G[i] / x[i] ** 3
        matrix[row + 1, here] = traction
        right[row + 1] = 3 * (K[i - 1] * e[i - 1] - K[i] * e[i])
    matrix[-1, -2:], right[-1] = (3 * K[-1], -4 * G[-1]), 3 * K[-1] * e[-1] - outer_pressure
    A, B = np.linalg.solve(matrix, right).reshape(-1, 2).T

    def fields(r):
        i = np.clip(np.searchsorted(radii, r) - 1, 0, len(K) - 1)
        b = np.divide(B[i], (r / scale) ** 3, out=np.zeros_like(r, float), where=B[i] != 0)
        volumetric = 3 * K[i] * (A[i] - e[i])
        return (A[i] + b) * r, volumetric - 4 * G[i] * b, volumetric + 2 * G[i] * b

    return fields


def coated_sphere_bulk(K_core, K_shell, G_shell, fraction):
    """Bulk modulus of coated spheres that fill space, the cores being ``fraction`` of the volume.

    K = K_s + f / (1 / (K_c - K_s) + 3 (1 - f) / (3 K_s + 4 G_s)); of a cubic array of spheres, too,
    but for terms of order f^(10/3).

    Source: Hashin, J. Appl. Mech. 29 (1962) 143, doi:10.1115/1.3636446 [not opened: verify]
    """
    return K_shell + fraction / (
        1 / (K_core - K_shell) + 3 * (1 - fraction) / (3 * K_shell + 4 * G_shell)
    )


def eshelby_sphere(r, radius, inside, outside, eigenstrain):
    """Displacement, radial and tangential stress of a swelling sphere in an infinite matrix.

    The sphere strains by 3 K_i e / (3 K_i + 4 G_m) and is under -12 K_i G_m e / (3 K_i + 4 G_m)
    in all directions; in the matrix sigma_r falls with r^-3 and sigma_t = -sigma_r / 2.

    Args:
        r: radii.
        radius: of the sphere.
        inside: (E, nu) of the sphere.
        outside: (E, nu) of the matrix.
        eigenstrain: linear, of the sphere.

    Source: Eshelby, Proc. R. Soc. A 241 (1957) 376, doi:10.1098/rspa.1957.0133
    [not opened: verify]
    """
    K, G = bulk(*inside), shear(*outside)
    strain = 3 * K * eigenstrain / (3 * K + 4 * G)
    r, decay = np.asarray(r, float), (radius / np.maximum(r, radius)) ** 3
    radial = -4 * G * strain * decay
    return strain * decay * r, radial, np.where(r <= radius, radial, -radial / 2)


def hollow_sphere(r, a, b, pressure, solid):
    """Displacement, radial and tangential stress of a shell from a to b under inner pressure.

    sigma_r = p a³ (1 - b³ / r³) / (b³ - a³), sigma_t = p a³ (1 + b³ / 2 r³) / (b³ - a³), for a
    solid (E, nu).

    Source: Lamé; Timoshenko, Goodier, Theory of Elasticity, § 136 [not opened: verify]
    """
    E, nu = solid
    unit = pressure * a**3 / (b**3 - a**3)
    radial, tangential = unit * (1 - (b / r) ** 3), unit * (1 + (b / r) ** 3 / 2)
    return r * ((1 - nu) * tangential - nu * radial) / E, radial, tangential


def plastic_pressure(front, a, b, strength):
    """Inner pressure at which a perfectly plastic shell has yielded up to the radius ``front``.

    p = 2 Y ln(c / a) + 2/3 Y (1 - c³ / b³); c = a at first yield and c = b at collapse.

    Source: Hill, The Mathematical Theory of Plasticity (1950), ch. V.2 [not opened: verify]
    """
    return 2 * strength * (np.log(front / a) + (1 - (front / b) ** 3) / 3)


def plastic_front(pressure, a, b, strength):
    """The inverse of plastic_pressure(); a below first yield."""
    if pressure <= plastic_pressure(a, a, b, strength):
        return a
    return brentq(lambda c: plastic_pressure(c, a, b, strength) - pressure, a, b, xtol=1e-15 * b)


def plastic_hollow_sphere(r, a, b, pressure, strength, solid):
    """Displacement, radial and tangential stress of an elastic, perfectly plastic shell.

    Beyond the front c the elastic solution that just yields there: sigma_r = -2/3 Y (c/b)³
    (b³/r³ - 1), sigma_t = 2/3 Y (c/b)³ (b³/2r³ + 1); within, sigma_t - sigma_r = Y and
    sigma_r = -2 Y ln(c/r) - 2/3 Y (1 - c³/b³). Everywhere
    u / r = (1 - 2 nu) sigma_r / E + (1 - nu) Y c³ / (E r³).

    Source: Hill, The Mathematical Theory of Plasticity (1950), ch. V.2 [not opened: verify]
    """
    E, nu = solid
    if pressure <= plastic_pressure(a, a, b, strength):
        return hollow_sphere(r, a, b, pressure, solid)
    c = plastic_front(pressure, a, b, strength)
    unit = 2 / 3 * strength * (c / b) ** 3
    yielded = -2 * strength * np.log(c / r) - 2 / 3 * strength * (1 - (c / b) ** 3)
    radial = np.where(r < c, yielded, -unit * ((b / r) ** 3 - 1))
    tangential = np.where(r < c, yielded + strength, unit * ((b / r) ** 3 / 2 + 1))
    u = r * ((1 - 2 * nu) * radial + (1 - nu) * strength * (c / r) ** 3) / E
    return u, radial, tangential


def sphere_stress(r, concentration, radius, solid, omega, hollow=0.0):
    """Radial, tangential and hydrostatic stress of a free sphere with the concentration c(r).

    sigma_r = 2 Omega E / (3 (1 - nu)) (I(R) (r³ - a³) / r³ - I(r) / r³),
    sigma_t = Omega E / (3 (1 - nu)) (I(R) (2 r³ + a³) / r³ + I(r) / r³ - c), where
    I(r) = integral from a to r of c r² dr, I(R) divided by R³ - a³; the hydrostatic stress is
    2 Omega E (mean c - c) / (9 (1 - nu)).

    Args:
        r: radii, not zero.
        concentration: function of the radius, in mol/m³.
        radius: R.
        solid: (E, nu).
        omega: m³/mol.
        hollow: inner radius a, whose surface is free too.

    Source: Prussin, J. Appl. Phys. 32 (1961) 1876, doi:10.1063/1.1728256; Timoshenko, Goodier,
    Theory of Elasticity, § 151 [not opened: verify]
    """
    E, nu = solid
    r = np.atleast_1d(np.asarray(r, float))

    def integral(s):
        return quad(lambda x: concentration(x) * x**2, hollow, s, epsrel=1e-12, limit=200)[0]

    c, whole = concentration(r), integral(radius) / (radius**3 - hollow**3)
    part = np.array([integral(s) for s in r])
    unit = omega * E / (3 * (1 - nu))
    radial = 2 * unit * (whole * (r**3 - hollow**3) - part) / r**3
    tangential = unit * ((whole * (2 * r**3 + hollow**3) + part) / r**3 - c)
    return radial, tangential, 2 / 3 * unit * (3 * whole - c)


def quasi_steady_profile(r, radius, D, influx, mean):
    """Concentration long after a constant ``influx`` (mol/m²s into the sphere) was switched on.

    c = mean + j R / D (x² / 2 - 3 / 10), x = r / R: at the surface j R / 5 D above the mean.

    Source: Carslaw, Jaeger, Conduction of Heat in Solids, 2nd ed. (1959), § 9.7
    [not opened: verify]
    """
    return mean + influx * radius / D * ((r / radius) ** 2 / 2 - 0.3)


def quasi_steady_stress(r, radius, D, influx, solid, omega):
    """Radial, tangential and hydrostatic stress of that profile in a free sphere.

    sigma_r = s (1 - x²), sigma_t = s (1 - 2 x²) and sigma_h = s (1 - 5/3 x²), with
    s = Omega E j R / (15 (1 - nu) D).

    Source: Christensen, Newman, J. Solid State Electrochem. 10 (2006) 293,
    doi:10.1007/s10008-006-0095-1 [not opened: verify]
    """
    E, nu = solid
    s, x = omega * E * influx * radius / (15 * (1 - nu) * D), r / radius
    return s * (1 - x**2), s * (1 - 2 * x**2), s * (1 - 5 / 3 * x**2)


def constant_flux_profile(r, time, radius, D, influx, initial, terms=200):
    """Concentration after ``time`` of constant influx into a sphere that was at ``initial``.

    The quasi-steady profile less 2 j R² / (D r) sum sin(s x) / (s² sin s) exp(-s² D t / R²), over
    the positive roots of tan s = s.

    Source: Carslaw, Jaeger, Conduction of Heat in Solids, 2nd ed. (1959), § 9.7
    [not opened: verify]
    """
    x = np.asarray(r, float) / radius
    steady = quasi_steady_profile(r, radius, D, influx, initial + 3 * influx * time / radius)
    roots = [
        brentq(lambda s: np.sin(s) - s * np.cos(s), n * np.pi, (n + 0.5) * np.pi, xtol=1e-15)
        for n in range(1, terms + 1)
    ]
    fading = sum(
        np.sin(s * x) / (s**2 * np.sin(s)) * np.exp(-(s**2) * D * time / radius**2) for s in roots
    )
    return steady - 2 * influx * radius / (D * x) * fading


def constant_surface_profile(r, time, radius, D, initial, surface, terms=200):
    """Concentration of a sphere at ``initial`` whose surface has been at ``surface`` for ``time``.

    c = c_s + (c_0 - c_s) 2 / (pi x) sum (-1)^(n+1) / n sin(n pi x) exp(-n² pi² D t / R²).

    Source: Crank, The Mathematics of Diffusion, 2nd ed. (1975), eq. 6.18 [not opened: verify]
    """
    x, n = np.asarray(r, float)[..., None] / radius, np.arange(1, terms + 1)
    decay = np.exp(-((n * np.pi) ** 2) * D * time / radius**2)
    series = (-((-1.0) ** n) / n * np.sin(n * np.pi * x) * decay).sum(axis=-1)
    return surface + (initial - surface) * 2 / (np.pi * x[..., 0]) * series


def stress_coupling(solid, omega, temperature):
    """theta in m³/mol: stress in a free sphere makes its diffusivity D (1 + theta c).

    theta = 2 Omega² E / (9 R T (1 - nu)), from the chemical potential RT ln c - Omega sigma_h.

    Source: Zhang, Shyy, Sastry, J. Electrochem. Soc. 154 (2007) A910, doi:10.1149/1.2759840
    [not opened: verify]
    """
    E, nu = solid
    return 2 * omega**2 * E / (9 * GAS_CONSTANT * temperature * (1 - nu))


def coupled_steady_profile(r, inner, outer, theta):
    """Steady concentration with D (1 + theta c) between two spheres held at given values.

    c + theta c² / 2 is A + B / r.

    Args:
        r: radii.
        inner: (radius, concentration) of the inner surface.
        outer: the same of the outer surface.
        theta: as from stress_coupling().
    """
    (a, low), (b, high) = inner, outer
    potential = [c + theta * c**2 / 2 for c in (low, high)]
    B = (potential[0] - potential[1]) / (1 / a - 1 / b)
    value = potential[0] + B * (1 / r - 1 / a)
    return value if theta == 0 else (np.sqrt(1 + 2 * theta * value) - 1) / theta
