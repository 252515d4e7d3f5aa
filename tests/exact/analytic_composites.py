"""Exact statements on composites: laminates, bounds, swelling. Stiffness is (6, 6) in Pa.

Voigt order 00 11 22 12 02 01 with engineering shear strains; an eigenstrain is six numbers, or one
where it is isotropic and linear.
"""

import numpy as np

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
DILATATION = np.array([1.0, 1, 1, 0, 0, 0])


def laminate(stiffness, fractions, normal, strain, eigenstrain=None):
    """Mean stress (6), and strain and stress (layers, 6), of layers normal to an axis.

    Strains within the layers and stresses on them are the same in all layers; elimination of the
    other strains is exact for any stiffness.

    Args:
        stiffness: of each layer.
        fractions: of the thickness, with sum 1.
        normal: axis 0, 1 or 2 across the layers.
        strain: macroscopic, six numbers.
        eigenstrain: six numbers for each layer; none is zero.

    Source: Milton, The Theory of Composites (2002), ch. 9 [not opened: verify]
    """
    C, strain = np.asarray(stiffness, float), np.asarray(strain, float)
    own = np.zeros((len(C), 6)) if eigenstrain is None else np.asarray(eigenstrain, float)
    across = np.array([normal in pair for pair in PAIRS])
    P, Q = np.flatnonzero(across), np.flatnonzero(~across)
    soft = np.linalg.inv(C[:, P[:, None], P])
    # e_P = own_P + S (s_P - C_PQ (E_Q - own_Q)) in each layer, and its mean is E_P
    driven = np.einsum("lij,lj->li", C[:, P[:, None], Q], strain[Q] - own[:, Q])
    free = own[:, P] - np.einsum("lij,lj->li", soft, driven)
    mean = np.tensordot(fractions, soft, 1)
    traction = np.linalg.solve(mean, strain[P] - np.asarray(fractions) @ free)
    strains = np.tile(strain, (len(C), 1))
    strains[:, P] = free + soft @ traction
    stresses = np.einsum("lij,lj->li", C, strains - own)
    return np.asarray(fractions) @ stresses, strains, stresses


def laminate_stiffness(stiffness, fractions, normal):
    """Effective stiffness (6, 6) of those layers."""
    return np.array([laminate(stiffness, fractions, normal, unit)[0] for unit in np.eye(6)]).T


def voigt(stiffness, fractions):
    """Mean stiffness: no stress of a macroscopic strain stores more energy."""
    return np.tensordot(fractions, np.asarray(stiffness, float), 1)


def reuss(stiffness, fractions):
    """Inverse of the mean compliance; zero where a phase is a void."""
    if any(not np.any(C) for C, f in zip(stiffness, fractions, strict=True) if f > 0):
        return np.zeros((6, 6))
    return np.linalg.inv(voigt(np.linalg.inv(np.asarray(stiffness, float)), fractions))


def hashin_shtrikman(K, G, fractions):
    """((K lower, K upper), (G lower, G upper)) of an isotropic mixture of isotropic phases.

    K + 4/3 G* and G + z*, z = G (9 K + 8 G) / (6 (K + 2 G)), are harmonic means of those of the
    phases, with the least or the largest moduli of all phases in the starred terms.

    Source: Hashin, Shtrikman, J. Mech. Phys. Solids 11 (1963) 127,
    doi:10.1016/0022-5096(63)90060-7 [not opened: verify]
    """
    K, G, f = (np.asarray(values, float) for values in (K, G, fractions))

    def mean(values, shift):
        return 0.0 if np.any(values + shift == 0) else 1 / (f / (values + shift)).sum() - shift

    bulk, shear = [], []
    for pick in (np.min, np.max):
        k, g = pick(K), pick(G)
        bulk.append(float(mean(K, 4 / 3 * g)))
        shear.append(float(mean(G, g * (9 * k + 8 * g) / (6 * (k + 2 * g)) if g else 0.0)))
    return tuple(bulk), tuple(shear)


def equal_shear_bulk(K, G, fractions):
    """Effective bulk modulus, for any arrangement, of phases that share a shear modulus.

    1 / (K + 4/3 G) is the mean of those of the phases; the effective medium is isotropic.

    Source: Hill, J. Mech. Phys. Solids 11 (1963) 357, doi:10.1016/0022-5096(63)90036-X
    [not opened: verify]
    """
    return float(1 / np.sum(np.asarray(fractions) / (np.asarray(K) + 4 / 3 * G)) - 4 / 3 * G)


def levin(stiffness, eigenstrain, fractions, effective):
    """Effective eigenstrain (6), the free strain of the whole, of any mixture of two solids.

    mean eigenstrain + (S_eff - mean S) (S_2 - S_1)^-1 (eigenstrain_2 - eigenstrain_1), from the
    effective stiffness alone.

    Source: Levin, Mech. Solids 2 (1967) 58; Rosen, Hashin, Int. J. Eng. Sci. 8 (1970) 157,
    doi:10.1016/0020-7225(70)90066-2 [not opened: verify]
    """
    first, second = (np.linalg.inv(C) for C in stiffness)
    own = np.asarray(eigenstrain, float)
    excess = np.linalg.inv(effective) - fractions[0] * first - fractions[1] * second
    return np.asarray(fractions) @ own + excess @ np.linalg.solve(second - first, own[1] - own[0])


def bitter_crum(swelling, nu):
    """Dilatation tr(epsilon) of each place where one isotropic solid fills all space.

    (1 + nu) / (1 - nu) (e - mean e) under no macroscopic strain, e being the linear eigenstrain
    there, whatever the arrangement.

    Source: Bitter, Phys. Rev. 37 (1931) 1527, doi:10.1103/PhysRev.37.1527; Crum, see Eshelby,
    Solid State Phys. 3 (1956) 79, doi:10.1016/S0081-1947(08)60132-0 [not opened: verify]
    """
    return (1 + nu) / (1 - nu) * (swelling - np.mean(swelling))


def bitter_crum_energy(swelling, E, nu):
    """Stored energy per volume in J/m³ of that solid under no macroscopic stress.

    E / (1 - nu) var(e): for two values e and 0, E / (1 - nu) e² f (1 - f).
    """
    return float(E / (1 - nu) * np.var(swelling))


def dilute_voids(K, G, porosity):
    """Bulk and shear modulus with few spherical voids, to first order in the porosity.

    K (1 - f (1 + 3 K / 4 G)) and G (1 - 5 f (3 K + 4 G) / (9 K + 8 G)).

    Source: Mackenzie, Proc. Phys. Soc. B 63 (1950) 2, doi:10.1088/0370-1301/63/1/302
    [not opened: verify]
    """
    return (
        K * (1 - porosity * (1 + 3 * K / (4 * G))),
        G * (1 - 5 * porosity * (3 * K + 4 * G) / (9 * K + 8 * G)),
    )
