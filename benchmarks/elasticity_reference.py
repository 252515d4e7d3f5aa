"""Voxel elasticity assembled as one sparse matrix. Arrays are (z, y, x), tensors (6, nz, ny, nx).

The slow, independent solution against which the matrix-free solver is tested: trilinear hexahedra
from the weak form, one 24 × 24 matrix per label, a factorisation in SciPy. Up to about 16³ voxels.
Voigt order 00 11 22 12 02 01 with engineering shear strains. A stress is taken at the centre of
its voxel.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import splu

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
CORNERS = np.array(list(itertools.product((0, 1), repeat=3)))
DILATATION = np.array([1.0, 1, 1, 0, 0, 0])
SHIFT, ENOUGH, STEPS, ALLOWED = 1e-4, 1e-12, 60, 1e-11
CANCELLED = 1e-14  # forces below this share of those of one voxel are their rounding


@dataclass(frozen=True)
class Solution:
    """Displacement beyond E·x in m at the nodes (3, ·, ·, ·); strain, stress in Pa at the centres.

    ``energy`` is the stored energy per volume of the whole box in J/m³, hourglass modes included;
    ``residual`` is that of the linear system, relative to its load.
    """

    displacement: np.ndarray
    strain: np.ndarray
    stress: np.ndarray
    mean_stress: np.ndarray
    energy: float
    residual: float


def isotropic(E, nu):
    """Stiffness (6, 6) in Pa of a solid with Young's modulus E and Poisson's ratio nu."""
    lame, mu = E * nu / ((1 + nu) * (1 - 2 * nu)), E / (2 * (1 + nu))
    return lame * np.outer(DILATATION, DILATATION) + mu * np.diag([2.0, 2, 2, 1, 1, 1])


def gradients(at, spacing):
    """Derivatives (3, 8) of the trilinear shape functions at a point of the unit voxel."""
    value = np.where(CORNERS, at, 1 - np.asarray(at))
    slope = np.where(CORNERS, 1.0, -1.0) / spacing
    rows = []
    for axis in range(3):
        factors = value.copy()
        factors[:, axis] = slope[:, axis]
        rows.append(factors.prod(axis=1))
    return np.array(rows)


def strain_matrix(at, spacing):
    """Strain (6, 24) of nodal displacements; unknowns are ordered node by node, then z, y, x."""
    derivative = gradients(at, spacing)
    matrix = np.zeros((6, 8, 3))
    for row, (i, j) in enumerate(PAIRS):
        matrix[row, :, i] = derivative[j]
        if i != j:
            matrix[row, :, j] = derivative[i]
    return matrix.reshape(6, 24)


def element_matrix(C, spacing, element="stabilized", stabilization=0.05):
    """Stiffness (24, 24) of one voxel in N/m.

    Args:
        C: stiffness (6, 6) in Pa.
        spacing: (dz, dy, dx) in m.
        element: "one-point", "full" (2 × 2 × 2 points), "bbar" (full, the dilatation taken as its
            mean) or "stabilized" ((1 - a) one-point + a full).
        stabilization: a.
    """
    volume = np.prod(spacing)
    centre = strain_matrix((0.5, 0.5, 0.5), spacing)
    one_point = volume * centre.T @ C @ centre
    if element == "one-point":
        return one_point
    full = np.zeros((24, 24))
    mean = np.outer(DILATATION, DILATATION) / 3
    for at in itertools.product((0.5 - 12**-0.5, 0.5 + 12**-0.5), repeat=3):
        matrix = strain_matrix(at, spacing)
        if element == "bbar":
            matrix = matrix + mean @ (centre - matrix)
        full += volume / 8 * matrix.T @ C @ matrix
    weight = {"full": 1.0, "bbar": 1.0, "stabilized": stabilization}[element]
    return (1 - weight) * one_point + weight * full


@dataclass(frozen=True)
class System:
    """The assembled matrix on the unknowns that remain, its factors, and what loads need."""

    labels: np.ndarray
    spacing: np.ndarray
    stiffness: Mapping
    nodes: tuple
    unknowns: np.ndarray  # (voxels, 24): the unknowns around each voxel
    kept: np.ndarray  # unknowns that are neither held nor in a void
    matrix: scipy.sparse.csr_array
    factors: object


def assemble(
    labels,
    stiffness,
    *,
    spacing=(1.0, 1.0, 1.0),
    element="stabilized",
    stabilization=0.05,
    boundary=("periodic", "periodic", "periodic"),
):
    """The System of a volume: see solve() for the arguments."""
    labels, spacing = np.asarray(labels), np.asarray(spacing, float)
    periodic = [kind == "periodic" for kind in boundary]
    nodes = tuple(n + (not p) for n, p in zip(labels.shape, periodic, strict=True))
    unknowns = _unknowns(labels.shape, nodes)
    blocks = np.zeros((labels.size, 24, 24))
    for label, C in stiffness.items():
        here = (labels == label).ravel()
        blocks[here] = element_matrix(np.asarray(C), spacing, element, stabilization)
    rows = np.broadcast_to(unknowns[:, :, None], blocks.shape)
    columns = np.broadcast_to(unknowns[:, None, :], blocks.shape)
    size = 3 * np.prod(nodes)
    full = scipy.sparse.coo_array((blocks.ravel(), (rows.ravel(), columns.ravel())), (size, size))
    full = full.tocsr()
    kept = np.flatnonzero(~_held(nodes, boundary) & (full.diagonal() > 0))
    matrix = full[kept][:, kept]
    # the shift only lets singular matrices be factorised: conjugate gradients undo it
    shifted = matrix + SHIFT * scipy.sparse.diags_array(matrix.diagonal())
    factors = splu(
        shifted.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return System(labels, spacing, stiffness, nodes, unknowns, kept, matrix, factors)


def _unknowns(shape, nodes):
    number = np.arange(np.prod(nodes)).reshape(nodes)
    cells = np.indices(shape).reshape(3, 1, -1)
    corners = (cells + CORNERS.T[:, :, None]) % np.array(nodes)[:, None, None]
    return (3 * number[tuple(corners)].T[:, :, None] + np.arange(3)).reshape(-1, 24)


def _held(nodes, boundary):
    held = np.zeros((*nodes, 3), bool)
    for axis, kind in enumerate(boundary):
        if kind not in ("periodic", "symmetry", "clamped", "free"):
            raise ValueError(f"boundary {kind!r}: give periodic, symmetry, clamped or free")
        if kind in ("symmetry", "clamped"):
            faces = np.moveaxis(held, axis, 0)[[0, -1]]
            faces[..., slice(None) if kind == "clamped" else axis] = True
            np.moveaxis(held, axis, 0)[[0, -1]] = faces
    return held.ravel()


def solve(labels, stiffness, *, strain=None, eigenstrain=None, **options):
    """Equilibrium of a volume under a macroscopic strain and an eigenstrain.

    Solves div(C:(epsilon - eigenstrain)) = 0 for u = E·x + fluctuation.

    Args:
        labels: integers of shape (nz, ny, nx).
        stiffness: (6, 6) in Pa of each label; labels not named are voids.
        strain: E as six numbers; none is zero.
        eigenstrain: six numbers per label, or a field (6, nz, ny, nx).
        options: ``spacing`` (dz, dy, dx) in m; ``element`` and ``stabilization`` as in
            element_matrix(); ``boundary`` of each axis: "periodic", "symmetry" (no normal
            fluctuation on both faces), "clamped" (no fluctuation on both faces) or "free".
    """
    return solve_system(assemble(labels, stiffness, **options), strain, eigenstrain)


def solve_system(system, strain=None, eigenstrain=None):
    """The same for a System, whose factors serve many loads."""
    E = np.zeros(6) if strain is None else np.asarray(strain, float)
    shape = system.labels.shape
    C = np.zeros((system.labels.size, 6, 6))
    own = np.zeros((system.labels.size, 6))
    for label, matrix in system.stiffness.items():
        here = (system.labels == label).ravel()
        C[here] = matrix
        if isinstance(eigenstrain, Mapping):
            own[here] = eigenstrain.get(label, np.zeros(6))
    if eigenstrain is not None and not isinstance(eigenstrain, Mapping):
        own = np.reshape(eigenstrain, (6, -1)).T
    driving = np.einsum("vij,vj->vi", C, E - own)
    centre = strain_matrix((0.5, 0.5, 0.5), system.spacing)
    volume = np.prod(system.spacing)
    parts, load = -volume * driving @ centre, np.zeros(3 * np.prod(system.nodes))
    np.add.at(load, system.unknowns, parts)
    load[np.abs(load) < CANCELLED * np.abs(parts).max(initial=0.0)] = 0.0
    fluctuation = np.zeros(load.size)
    fluctuation[system.kept], residual = _minimise(system, load[system.kept])
    strains = E + fluctuation[system.unknowns] @ centre.T
    stresses = np.einsum("vij,vj->vi", C, strains - own)
    # of u = 0, less what the fluctuation released
    energy = 0.5 * np.mean(np.einsum("vi,vi->v", driving, E - own))
    energy -= 0.5 * load @ fluctuation / (volume * system.labels.size)
    return Solution(
        displacement=np.moveaxis(fluctuation.reshape(*system.nodes, 3), -1, 0),
        strain=strains.T.reshape(6, *shape),
        stress=stresses.T.reshape(6, *shape),
        mean_stress=stresses.mean(axis=0),
        energy=float(energy),
        residual=residual,
    )


def _minimise(system, load):
    """Conjugate gradients on the unshifted matrix, whose null space no load reaches."""
    x, r = np.zeros(load.size), load.copy()
    size = np.linalg.norm(load)
    z = system.factors.solve(r)
    p, rz = z.copy(), r @ z
    enough = ENOUGH**2 * rz
    for _ in range(STEPS):
        if rz <= enough:
            break
        q = system.matrix @ p
        alpha = rz / (p @ q)
        x += alpha * p
        r -= alpha * q
        z = system.factors.solve(r)
        rz, old = r @ z, rz
        p = z + rz / old * p
    residual = float(np.linalg.norm(load - system.matrix @ x) / size) if size else 0.0
    if residual > ALLOWED:
        raise ArithmeticError(
            f"residual {residual:.1e}, wanted {ALLOWED:.0e}: one-point elements beside voids have "
            "mechanisms of almost no energy, give them some stabilization"
        )
    return x, residual


def effective_stiffness(labels, stiffness, **options):
    """Mean stress of six unit strains as the columns of a (6, 6) matrix in Pa."""
    system = assemble(labels, stiffness, **options)
    return np.array([solve_system(system, strain=unit).mean_stress for unit in np.eye(6)]).T
