"""Distributions of axes: directions without a head or tail, u and -u alike, as of fibres.

Vectors have shape (n, 3) in array order (z, y, x); second-order tensors ⟨u uᵀ⟩ have trace 1.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import Seed, checked_generator

Floats: TypeAlias = NDArray[np.float64]

_LEAST = 1e-3  # smallest eigenvalue of an orientation tensor that can be asked for


@dataclass(frozen=True, slots=True, eq=False)
class Watson:
    """Axes with density ∝ exp(κ (μ·u)²) around a direction μ.

    Args:
        direction: μ, any length > 0, in array order.
        concentration: κ; 0 isotropic, inf all along μ, large and negative or -inf in the plane
            normal to μ.

    Raises:
        InvalidInputError: no direction, or a concentration that is NaN.

    Source: sampling: Fisher, Lewis and Embleton, Statistical Analysis of Spherical Data (1987);
        Li and Wong, Appl. Statist. 42 (1993)  [not opened: verify]
    """

    direction: tuple[float, float, float] = (1.0, 0.0, 0.0)
    concentration: float = 0.0

    def __post_init__(self) -> None:
        at = np.asarray(self.direction, dtype=float)
        length = float(np.linalg.norm(at)) if at.shape == (3,) else math.nan
        if not 0 < length < math.inf:
            raise InvalidInputError(
                f"direction {self.direction!r} is no vector: pass (z, y, x) such as (1, 0, 0)"
            )
        if math.isnan(self.concentration):
            raise InvalidInputError("concentration is NaN: pass a number, 0 for isotropic")
        object.__setattr__(self, "direction", tuple(float(c) for c in at / length))

    @property
    def mean_square(self) -> float:
        """⟨(μ·u)²⟩: 1/3 isotropic, 1 along μ, 0 in the plane."""
        from scipy.special import dawsn, erf

        k = float(self.concentration)
        if math.isinf(k):
            return 1.0 if k > 0 else 0.0
        if abs(k) < 1e-3:
            return 1 / 3 + 4 * k / 45 + 8 * k**2 / 945  # the terms below cancel
        if k > 0:
            return float(1 / (2 * math.sqrt(k) * dawsn(math.sqrt(k))) - 1 / (2 * k))
        root = math.sqrt(-k)
        return float(-1 / (2 * k) - math.exp(k) / (math.sqrt(math.pi) * root * erf(root)))

    @property
    def tensor(self) -> Floats:
        """⟨u uᵀ⟩ over the distribution, (3, 3)."""
        along, mu = self.mean_square, np.array(self.direction)
        across = (1 - along) / 2
        return across * np.eye(3) + (along - across) * np.outer(mu, mu)

    def drawn(self, n: int, rng: Seed = 0) -> Floats:
        """Random unit vectors, (n, 3)."""
        generator = checked_generator(rng, "rng")
        t = _cosines(self.concentration, n, generator)
        angle = 2 * np.pi * generator.random(n)
        s = np.sqrt(1 - t**2)
        local = np.stack([t, s * np.cos(angle), s * np.sin(angle)], axis=1)
        return local @ frames(np.array([self.direction]))[0].T


@dataclass(frozen=True, slots=True, eq=False)
class AngularGaussian:
    """Axes of Gaussian vectors (angular central Gaussian, ACG) with a given ⟨u uᵀ⟩.

    Args:
        tensor: the second-order orientation tensor asked for, (3, 3), symmetric, trace 1,
            eigenvalues at least 0.001; use Watson for axes that lie exactly in a plane or line.

    Raises:
        InvalidInputError: a tensor that is not of this kind.

    Accuracy: ⟨u uᵀ⟩ of the distribution equals ``tensor`` to 1e-9.
    Source: D. E. Tyler, Biometrika 74 (1987) 579, doi:10.1093/biomet/74.3.579  [not opened: verify]
    """

    tensor: Floats

    def __init__(self, tensor: ArrayLike) -> None:
        asked = np.array(tensor, dtype=float)
        if (
            asked.shape != (3, 3)
            or not np.allclose(asked, asked.T, atol=1e-9)
            or abs(np.trace(asked) - 1) > 1e-6
            or np.linalg.eigvalsh(asked).min() < _LEAST
        ):
            raise InvalidInputError(
                f"tensor {asked.tolist()} is not symmetric (3, 3) with trace 1 and eigenvalues of "
                f"at least {_LEAST}: pass for example np.diag([0.2, 0.3, 0.5])"
            )
        asked.flags.writeable = False
        object.__setattr__(self, "tensor", asked)

    def drawn(self, n: int, rng: Seed = 0) -> Floats:
        """Random unit vectors, (n, 3)."""
        values, axes = np.linalg.eigh(self.tensor)
        spread = np.sqrt(_variances(values))
        vectors = (checked_generator(rng, "rng").standard_normal((n, 3)) * spread) @ axes.T
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


Name: TypeAlias = Literal["isotropic", "planar", "aligned"]
Orientation: TypeAlias = Name | Watson | AngularGaussian


def axes_of(kind: Orientation, axis: int = 0) -> Watson | AngularGaussian:
    """A distribution, or the one of a name: "isotropic", "planar" (normal to axis), "aligned"."""
    if isinstance(kind, Watson | AngularGaussian):
        return kind
    named = {"isotropic": 0.0, "planar": -math.inf, "aligned": math.inf}
    if kind not in named:
        raise InvalidInputError(
            f"orientation {kind!r} is unknown: choose one of {get_args(Name)}, or pass "
            "generate.Watson or generate.AngularGaussian"
        )
    z, y, x = (float(a == axis) for a in range(3))
    return Watson((z, y, x), named[kind])


def orientation_tensor(directions: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """⟨u uᵀ⟩ of unit vectors (n, 3), weighted by (n,) numbers such as volumes if given."""
    u = np.asarray(directions, dtype=float)
    w = np.ones(len(u)) if weights is None else np.asarray(weights, dtype=float)
    return np.einsum("n,ni,nj->ij", w / w.sum(), u, u)


def frames(directions: Floats) -> Floats:
    """Rotation matrices (n, 3, 3) that turn the first axis to each direction."""
    u = directions
    helper = np.eye(3)[np.argmin(np.abs(u), axis=1)]  # never parallel to u
    v = np.cross(u, helper)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    return np.stack([u, v, np.cross(u, v)], axis=2)


def random_rotations(n: int, rng: np.random.Generator) -> Floats:
    """Rotation matrices (n, 3, 3), all equally likely."""
    q = rng.standard_normal((n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.ascontiguousarray(np.array(rows).transpose(2, 0, 1))


def _cosines(k: float, n: int, rng: np.random.Generator) -> Floats:
    """Random values of μ·u, (n,), by rejection."""
    if math.isinf(k):
        return np.full(n, 1.0 if k > 0 else 0.0)
    if k == 0:
        return 1 - 2 * rng.random(n)
    found = np.empty(0)
    while len(found) < n:
        u, v = rng.random((2, 2 * n + 8))
        t, accepted = _envelope(k, u)
        found = np.concatenate([found, t[v <= accepted]])
    return np.where(rng.random(n) < 0.5, found[:n], -found[:n])


def _envelope(k: float, u: Floats) -> tuple[Floats, Floats]:
    """Proposals |t| and the chance to accept each."""
    if k > 0:
        t = np.clip(1 + np.log(u + (1 - u) * math.exp(-k)) / k, 0.0, 1.0)
        return t, np.exp(k * t * (t - 1))
    root = math.sqrt(-k)
    t = np.minimum(np.tan(math.atan(root) * u) / root, 1.0)
    return t, (1 - k * t**2) * np.exp(k * t**2)


def _variances(squares: Floats) -> Floats:
    """Variances of the Gaussian whose directions have mean squares u_i²."""
    from scipy.optimize import root

    def miss(logs: Floats) -> Floats:
        return np.log(_mean_squares(np.exp(logs))) - np.log(squares) + logs.mean()

    start = np.log(squares) - np.log(squares).mean()
    found = root(miss, 2 * start, tol=1e-13)
    return np.exp(found.x)


def _mean_squares(variances: Floats) -> Floats:
    """⟨u_i²⟩ = R_D(1/λ_j, 1/λ_k, 1/λ_i) / (3 √(λ₁ λ₂ λ₃)): ∫ ds exp(-s Σ λ z²) done over z."""
    from scipy.special import elliprd

    a, b, c = 1 / variances
    carlson = np.array([elliprd(b, c, a), elliprd(a, c, b), elliprd(a, b, c)])
    return carlson / (3 * math.sqrt(float(np.prod(variances))))
