"""Sizes: how many particles have which radius. Radii are in m, of the sphere of equal volume."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Seed,
    checked_fraction,
    checked_generator,
    checked_length,
    checked_number,
    is_number,
)

Floats: TypeAlias = NDArray[np.float64]
Weight: TypeAlias = Literal["number", "volume"]

_POINTS = 513  # of a table: its second and third moment then miss the law's by < 1e-4
_SIGMAS = 3.0  # normal and log-normal laws are cut there


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """A distribution by number, as a quantile function that is linear between its points.

    Args:
        ranks: shares of the particles, ascending from 0 to 1, shape (m,).
        radii: the radius in m that each share stays below, > 0, never falling.
        law: name and arguments of the law that the table stands for, for ``to_dict``.

    Raises:
        InvalidInputError: tables that are no quantile function.
    """

    ranks: Floats
    radii: Floats
    law: Mapping[str, Any] | None

    def __init__(
        self, ranks: ArrayLike, radii: ArrayLike, *, law: Mapping[str, Any] | None = None
    ) -> None:
        p, r = _numbers(ranks), _numbers(radii)
        _check_table(p, r)
        p.flags.writeable = r.flags.writeable = False
        object.__setattr__(self, "ranks", p)
        object.__setattr__(self, "radii", r)
        object.__setattr__(self, "law", law)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> "Sizes":
        """The distribution of a table: ``{"law": "lognormal", "median": 2e-6, "sigma": 0.3}``.

        ``law`` is "equal", "normal", "lognormal", "quantile" or "bimodal", the other entries are
        the arguments of the function of that name, such as ``lognormal_sizes``. Quantiles are two
        lists: ``{"law": "quantile", "shares": [0.1, 0.9], "radii": [2e-6, 7e-6]}``; the parts of a
        mixture are tables. ``{"law": "table", "ranks": […], "radii": […]}`` is ``Sizes`` itself.

        Raises:
            InvalidInputError: no such law, or arguments that it does not take.
        """
        arguments = dict(table) if isinstance(table, Mapping) else {}
        law = arguments.pop("law", None)
        if not isinstance(law, str) or law not in _laws():
            raise InvalidInputError(
                f"{table!r} is no table of sizes: give 'law', one of {sorted(_laws())}, and the "
                "arguments of that law"
            )
        return _called(law, _laws()[law], arguments)

    def to_dict(self) -> dict[str, Any]:
        """The law and its arguments, or the table, as plain numbers: what ``from_dict`` takes."""
        if self.law is not None:
            return dict(self.law)
        return {"law": "table", "ranks": self.ranks.tolist(), "radii": self.radii.tolist()}

    def quantile(self, rank: ArrayLike) -> Floats:
        """Radius in m that a share of the particles stays below."""
        return np.asarray(np.interp(np.asarray(rank, dtype=float), self.ranks, self.radii))

    def moment(self, order: int) -> float:
        """Mean of radiusᵒʳᵈᵉʳ over the particles, order 0…7, exact for the table."""
        nodes, weights = np.polynomial.legendre.leggauss(4)
        low, high = self.radii[:-1, None], self.radii[1:, None]
        inside = low + (high - low) * (nodes + 1) / 2
        return float(np.diff(self.ranks) @ (inside**order @ (weights / 2)))

    @property
    def mean_volume(self) -> float:
        """Mean volume of a particle in m³."""
        return 4 / 3 * np.pi * self.moment(3)

    def number(self, volume: float) -> int:
        """How many particles, at least one, have most nearly this total volume in m³."""
        return max(1, round(checked_length(volume, "volume") / self.mean_volume))

    def spread(self, n: int) -> Floats:
        """Radii (n,) that represent the law without noise: even quantiles, the largest first."""
        ranks = (np.arange(checked_number(n, "n"), 0, -1) - 0.5) / n
        return self.quantile(ranks)

    def drawn(self, n: int, rng: Seed = 0) -> Floats:
        """Radii (n,) drawn at random."""
        return self.quantile(checked_generator(rng, "rng").random(checked_number(n, "n")))


def equal_sizes(radius: float) -> Sizes:
    """All particles have one radius in m."""
    radius = checked_length(radius, "radius")
    return Sizes([0.0, 1.0], [radius, radius], law={"law": "equal", "radius": radius})


def normal_sizes(mean: float, deviation: float) -> Sizes:
    """Radii of a normal law cut at three standard deviations.

    Raises InvalidInputError where that reaches zero, so ``deviation`` must be < ``mean`` / 3.
    """
    mean, deviation = checked_length(mean, "mean"), checked_length(deviation, "deviation")
    if deviation * _SIGMAS >= mean:
        raise InvalidInputError(
            f"deviation {deviation:g} m is more than a third of the mean {mean:g} m, so that "
            "radii would reach zero: use lognormal_sizes"
        )
    ranks, scores = _normal_scores()
    law = {"law": "normal", "mean": mean, "deviation": deviation}
    return Sizes(ranks, mean + deviation * scores, law=law)


def lognormal_sizes(median: float, sigma: float, *, by: Weight = "number") -> Sizes:
    """Radii of a log-normal law cut at three sigma.

    Args:
        median: median radius in m.
        sigma: standard deviation of the logarithm of the radius, > 0.
        by: what the law counts: particles, or their volume, as laser diffraction does.
    """
    if not is_number(sigma) or not 0 < sigma <= 3:
        raise InvalidInputError(f"sigma {sigma!r} does not lie in 0…3: pass for example 0.3")
    ranks, scores = _normal_scores()
    median = checked_length(median, "median")
    law = {"law": "lognormal", "median": median, "sigma": float(sigma), "by": by}
    return _weighted(ranks, median * np.exp(sigma * scores), by, law)


def quantile_sizes(radii: Mapping[float, float], *, by: Weight = "volume") -> Sizes:
    """Radii through measured quantiles: ``{0.1: 2e-6, 0.5: 4e-6, 0.9: 7e-6}``, half of each d10….

    Between them the logarithm of the radius is linear in the normal score of the rank, and so it
    goes on beyond them to 0.1 and 99.9 %.

    Args:
        radii: radius in m of at least two shares within 0.001…0.999, ascending.
        by: what the shares count, "volume" as laser diffraction does, or "number".
    """
    from scipy.special import ndtri

    shares = _checked_shares(radii)
    sizes = [checked_length(radii[p], f"radius at {p:g}") for p in shares]
    logs = np.log(sizes)
    if np.any(np.diff(logs) <= 0):
        raise InvalidInputError(f"radii {dict(radii)} do not rise with their shares: sort them")
    ranks, scores = _normal_scores()
    law = {"law": "quantile", "shares": [float(p) for p in shares], "radii": sizes, "by": by}
    return _weighted(ranks, np.exp(_extended(scores, ndtri(shares), logs)), by, law)


def bimodal_sizes(first: Sizes, second: Sizes, volume_share: float) -> Sizes:
    """A mixture in which ``first`` has the given share (0…1, open) of the volume."""
    share = checked_fraction(volume_share, "volume_share")
    if not isinstance(first, Sizes) or not isinstance(second, Sizes):
        raise InvalidInputError(
            f"{first!r} and {second!r} are not two distributions: pass equal_sizes(2e-6), say"
        )
    counts = np.array([share / first.mean_volume, (1 - share) / second.mean_volume])
    weights = counts / counts.sum()
    radii = np.repeat(np.unique(np.concatenate([first.radii, second.radii])), 2)
    ranks = np.zeros(len(radii))
    for sizes, weight in zip((first, second), weights, strict=True):
        ranks[0::2] += weight * _share_below(sizes, radii[0::2], "left")
        ranks[1::2] += weight * _share_below(sizes, radii[1::2], "right")
    ranks[-1] = 1.0  # the weights may sum to one bit less
    law = {"first": first.to_dict(), "second": second.to_dict(), "volume_share": share}
    return Sizes(ranks, radii, law={"law": "bimodal"} | law)


def _laws() -> dict[str, Callable[..., Sizes]]:
    """What makes the distribution of each law out of plain numbers."""
    return {
        "equal": equal_sizes,
        "normal": normal_sizes,
        "lognormal": lognormal_sizes,
        "quantile": _quantiles,
        "bimodal": _mixture,
        "table": _table,
    }


def _called(law: str, make: Callable[..., Sizes], arguments: Mapping[str, Any]) -> Sizes:
    known = inspect.signature(make).parameters
    for key in arguments:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {list(known)}"
            raise InvalidInputError(f"{law} sizes take no {key!r}: {hint}")
    lacking = [k for k, p in known.items() if p.default is p.empty and k not in arguments]
    if lacking:
        raise InvalidInputError(f"{law} sizes lack {' and '.join(lacking)}: give them")
    return make(**arguments)


def _quantiles(shares: Sequence[float], radii: Sequence[float], by: Weight = "volume") -> Sizes:
    both = np.ndim(shares), np.ndim(radii)
    if both != (1, 1) or len(shares) != len(radii) or not all(map(is_number, shares)):
        raise InvalidInputError(
            f"shares {shares!r} and radii {radii!r} are not two lists of as many numbers: pass for "
            "example shares [0.1, 0.9] and radii [2e-6, 7e-6]"
        )
    return quantile_sizes(dict(zip(shares, radii, strict=True)), by=by)


def _mixture(first: Mapping[str, Any], second: Mapping[str, Any], volume_share: float) -> Sizes:
    return bimodal_sizes(Sizes.from_dict(first), Sizes.from_dict(second), volume_share)


def _table(ranks: Sequence[float], radii: Sequence[float]) -> Sizes:
    return Sizes(ranks, radii)


def _numbers(values: ArrayLike) -> Floats:
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError):
        return np.array(np.nan)  # no table, whose message says what one is


def _checked_shares(radii: Any) -> list[float]:
    shares = list(radii) if isinstance(radii, Mapping) else []
    if len(shares) < 2 or not all(is_number(p) and 0.001 <= p <= 0.999 for p in shares):
        raise InvalidInputError(
            f"quantiles at {shares} are not two or more shares within 0.001…0.999: "
            "pass for example {0.1: 2e-6, 0.5: 4e-6, 0.9: 7e-6}"
        )
    return sorted(shares)


def _share_below(sizes: Sizes, radii: Floats, side: Literal["left", "right"]) -> Floats:
    """Share of the particles below (left) or up to (right) each radius."""
    after = np.searchsorted(sizes.radii, radii, side)
    i = np.clip(after, 1, len(sizes.radii) - 1)
    low, high = sizes.radii[i - 1], sizes.radii[i]
    part = np.divide(radii - low, high - low, out=np.zeros(len(radii)), where=high > low)
    inside = sizes.ranks[i - 1] + part * (sizes.ranks[i] - sizes.ranks[i - 1])
    return np.where(after == 0, 0.0, np.where(after == len(sizes.radii), 1.0, inside))


def _normal_scores() -> tuple[Floats, Floats]:
    """Ranks from 0 to 1 and normal scores of a law cut on both sides."""
    from scipy.special import ndtr

    scores = np.linspace(-_SIGMAS, _SIGMAS, _POINTS)
    tail = ndtr(-_SIGMAS)
    ranks = (ndtr(scores) - tail) / (1 - 2 * tail)
    ranks[[0, -1]] = 0.0, 1.0
    return ranks, scores


def _extended(at: Floats, x: Floats, y: Floats) -> Floats:
    """Linear interpolation that goes on beyond its ends."""
    i = np.clip(np.searchsorted(x, at), 1, len(x) - 1)
    return y[i - 1] + (at - x[i - 1]) * (y[i] - y[i - 1]) / (x[i] - x[i - 1])


def _weighted(ranks: Floats, radii: Floats, by: Any, law: Mapping[str, Any]) -> Sizes:
    if not isinstance(by, str) or by not in ("number", "volume"):
        raise InvalidInputError(f"by {by!r} is neither 'number' nor 'volume': choose one")
    if by == "number":
        return Sizes(ranks, radii, law=law)
    low, high = radii[:-1], radii[1:]
    particles = np.diff(ranks) * (low + high) / (2 * low**2 * high**2)  # ∫ dV / r³
    counts = np.concatenate([[0.0], np.cumsum(particles)])
    return Sizes(counts / counts[-1], radii, law=law)


def _check_table(ranks: Floats, radii: Floats) -> None:
    is_table = ranks.ndim == 1 and ranks.shape == radii.shape and len(ranks) > 1
    if not is_table or ranks[0] != 0 or ranks[-1] != 1 or np.any(np.diff(ranks) < 0):
        raise InvalidInputError(
            "ranks are not a table that ascends from 0 to 1 beside as many radii: "
            "pass for example Sizes([0, 0.5, 1], [2e-6, 4e-6, 7e-6])"
        )
    if not np.all(np.isfinite(radii) & (radii > 0)) or np.any(np.diff(radii) < 0):
        raise InvalidInputError("radii must be > 0 m and never fall with their rank: sort them")
