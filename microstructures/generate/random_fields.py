"""Gaussian random fields, periodic, and the volumes cut out of them. Arrays are (nz, ny, nx).

A field has zero mean and unit variance over realisations; its covariance C on the grid is known
without error. The mode of wave number zero is left out, as a cut at an exact fraction ignores it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Seed,
    Shape3,
    Triple,
    checked_fraction,
    checked_generator,
    checked_length,
    checked_shape,
)
from microstructures.generate.fields import lowest
from microstructures.generate.particles import Floats
from microstructures.generate.structure import KnownValue, Phases, Structure, made_volume
from microstructures.volume import checked_spacing

Power: TypeAlias = Callable[[Floats], Floats]
Spectrum: TypeAlias = Literal["gaussian", "matern", "shell"] | Power
Contact: TypeAlias = Literal["any", "ordered"]

_SHELL = 0.1  # width of the shell in wave numbers over its radius


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Covariance C of a field with every voxel of a periodic array, 1 at [0, 0, 0].

    ``curvature`` is −C''(0) along each axis in 1/m²: the mean square of the field's slope.
    """

    values: Floats
    curvature: Triple


def gaussian_field(
    shape: Shape3,
    spacing: float | Triple,
    length: float,
    *,
    spectrum: Spectrum = "gaussian",
    rng: Seed = 0,
) -> Floats:
    """A periodic Gaussian random field.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        length: correlation length ℓ in m, > 0.
        spectrum: spectral density against wave number k in 1/m. "gaussian": C = exp(−r²/2ℓ²).
            "matern": of order 5/2, rougher, C = (1 + a + a²/3) exp(−a), a = √5 r/ℓ. "shell": a band
            around k = 2π/ℓ, like spinodal decomposition, C ≈ sin(kr)/kr. Or a function of k
            that gives numbers >= 0 at k > 0; ``length`` is then not used.
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        Float64 of the shape, mean 0 and, over realisations, variance 1.

    Raises:
        InvalidInputError: an argument is out of range, or no wave of the box carries power.
    """
    shape, steps = checked_shape(shape), checked_spacing(spacing)
    power = _power(shape, steps, checked_length(length, "length"), spectrum)
    white = np.fft.rfftn(checked_generator(rng, "rng").standard_normal(shape))
    white *= np.sqrt(power * math.prod(shape))
    return np.fft.irfftn(white, s=shape, axes=(0, 1, 2))


def field_correlation(
    shape: Shape3, spacing: float | Triple, length: float, *, spectrum: Spectrum = "gaussian"
) -> Correlation:
    """Covariance of ``gaussian_field`` with the same arguments, exact on the grid."""
    shape, steps = checked_shape(shape), checked_spacing(spacing)
    power = _power(shape, steps, checked_length(length, "length"), spectrum)
    values = np.fft.irfftn(power * math.prod(shape), s=shape, axes=(0, 1, 2))
    both = power * _multiplicity(shape)  # half of the modes are not stored
    z, y, x = (float(np.sum(both * k**2)) for k in _wave_numbers(shape, steps))
    return Correlation(values, (z, y, x))


def excursion_two_point(correlation: ArrayLike, fraction: float) -> Floats:
    """Chance that two points both lie in the phase, from the covariance of the field at them.

    S₂ = f² + (1/2π) ∫₀ᶜ exp(−t²/(1+s)) / √(1−s²) ds, with t the normal score of 1 − f.

    Args:
        correlation: values −1…1 of any shape.
        fraction: volume fraction f of the phase, 0…1, open.

    Accuracy: 1e-10, by 64 Gauss points in arcsin s.
    Source: Teubner, Europhys. Lett. 14 (1991) 403, doi:10.1209/0295-5075/14/5/003
        [not opened: verify]
    """
    from scipy.special import ndtri

    fraction = checked_fraction(fraction)
    square = float(ndtri(fraction)) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(64)
    top = np.arcsin(np.clip(np.asarray(correlation, dtype=float), -1, 1))
    total = np.zeros_like(top)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        total += weight * np.exp(-square / (1 + np.sin(node * top)))
    return fraction**2 + total * top / (2 * np.pi)


def excursion_surface(curvature: float | Triple, fraction: float) -> float:
    """Mean surface per volume in m²/m³ where a field is cut at a volume fraction.

    S_V = (2/π) √(−C''(0)) exp(−t²/2), t the normal score of the fraction; −C''(0) in 1/m², the mean
    of three axes if they differ (exact only where they do not).
    Source: Rice's formula for the crossings of a line; Adler, The Geometry of Random Fields
        (1981)  [not opened: verify]
    """
    from scipy.special import ndtri

    score = float(ndtri(checked_fraction(fraction)))
    return 2 / math.pi * math.sqrt(float(np.mean(curvature))) * math.exp(-(score**2) / 2)


def excursion_volume(
    shape: Shape3,
    spacing: float | Triple,
    length: float,
    fraction: float,
    *,
    spectrum: Spectrum = "gaussian",
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """A volume whose solid is where a Gaussian field is low, in an exact fraction.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        length: correlation length in m; several voxels, and several in the box, make good volumes.
        fraction: volume fraction of the solid, 0…1, open.
        spectrum: as in ``gaussian_field``.
        phases: names of 0 and 1, by default "pore" and "solid".
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        The volume; known: porosity and specific_surface. The two-point function is
        ``excursion_two_point(field_correlation(…).values, fraction)``.
    """
    fraction = checked_fraction(fraction)
    structure = plurigaussian_volume(
        shape, spacing, [length], [1 - fraction, fraction], spectrum=spectrum,
        phases=phases or {0: "pore", 1: "solid"}, rng=rng,
    )  # fmt: skip
    curvature = field_correlation(shape, spacing, length, spectrum=spectrum).curvature
    surface = excursion_surface(curvature, fraction)
    known = {
        "porosity": KnownValue(1 - fraction, "1", "exactly"),
        "specific_surface": KnownValue(surface, "m²/m³", "on average"),
    }
    return Structure(structure.volume, known)


def plurigaussian_volume(
    shape: Shape3,
    spacing: float | Triple,
    lengths: float | Sequence[float],
    fractions: Sequence[float],
    *,
    contact: Contact = "any",
    spectrum: Spectrum = "gaussian",
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Two or more phases cut out of Gaussian fields, each in an exact fraction.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        lengths: correlation length in m, one for all fields or one for each.
        fractions: of the phases 0, 1, …, > 0, with sum 1; each is met to a voxel.
        contact: "any": the last phase is where its own field is lowest; of what is left, the last
            but one where its field is lowest, and so on, so all phases touch; one field less
            than phases. "ordered": one field is sliced, so that phase i touches only i − 1, i + 1.
        spectrum: of all fields, as in ``gaussian_field``.
        phases: names, by default "phase 0", "phase 1", ….
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        The volume; known: ``fraction_0``, …; and for each slice of "ordered", ``interface_i_j``:
        the surface between phases i and i + 1.

    Raises:
        InvalidInputError: fractions do not sum to 1, the number of lengths is wrong, an argument
            is out of range.
    """
    shape, steps = checked_shape(shape), checked_spacing(spacing)
    counts = _counts(fractions, math.prod(shape))
    fields = 1 if contact == "ordered" else len(counts) - 1
    scales = _lengths(lengths, fields)
    generator = checked_generator(rng, "rng")
    if contact not in ("any", "ordered"):
        raise InvalidInputError(f"contact {contact!r} is neither 'any' nor 'ordered': choose one")
    names = phases or {i: f"phase {i}" for i in range(len(counts))}
    labels = np.zeros(shape, np.uint8)
    field: Floats = np.empty(0)
    for phase in range(len(counts) - 1, 0, -1):
        if phase > len(counts) - 1 - fields:
            scale = scales[len(counts) - 1 - phase]
            field = gaussian_field(shape, steps, scale, spectrum=spectrum, rng=generator)
        free = np.where(labels > 0, math.inf, field)
        labels[lowest(free, counts[phase])] = phase
    known = {f"fraction_{i}": KnownValue(float(f), "1", "exactly") for i, f in enumerate(fractions)}
    if contact == "ordered":
        curvature = field_correlation(shape, steps, scales[0], spectrum=spectrum).curvature
        for i, below in enumerate(np.cumsum(fractions)[:-1]):
            surface = excursion_surface(curvature, float(below))
            known[f"interface_{i}_{i + 1}"] = KnownValue(surface, "m²/m³", "on average")
    call = f"plurigaussian_volume(lengths={scales}, fractions={tuple(fractions)}, {contact=})"
    return Structure(made_volume(labels, steps, names, call, rng), known)


def _counts(fractions: Sequence[float], voxels: int) -> list[int]:
    shares = [checked_fraction(f, f"fractions[{i}]") for i, f in enumerate(fractions)]
    if len(shares) < 2 or abs(math.fsum(shares) - 1) > 1e-9:
        raise InvalidInputError(
            f"fractions {list(fractions)} sum to {math.fsum(shares):g}, but the phases fill the "
            "volume: pass two or more with sum 1, the pore's included"
        )
    ends = np.rint(np.cumsum(shares) * voxels).astype(int)
    return [int(n) for n in np.diff(ends, prepend=0)]


def _lengths(lengths: float | Sequence[float], fields: int) -> list[float]:
    given = list(lengths) if isinstance(lengths, Sequence) else [lengths]
    if len(given) not in (1, fields):
        raise InvalidInputError(
            f"{len(given)} lengths were given for {fields} fields: pass one, or one for each"
        )
    checked = [checked_length(length, "length") for length in given]
    return checked if len(checked) == fields else checked * fields


def _wave_numbers(shape: Shape3, spacing: Triple) -> tuple[Floats, Floats, Floats]:
    (nz, ny, nx), (dz, dy, dx) = shape, spacing
    z, y, x = np.fft.fftfreq(nz, dz), np.fft.fftfreq(ny, dy), np.fft.rfftfreq(nx, dx)
    turn = np.float64(2 * np.pi)
    return turn * z[:, None, None], turn * y[:, None], turn * x


def _multiplicity(shape: Shape3) -> NDArray[np.float64]:
    """How many modes of the full transform each stored one along the last axis stands for."""
    n = shape[2]
    twice = np.full(n // 2 + 1, 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    return twice


def _power(shape: Shape3, spacing: Triple, length: float, spectrum: Spectrum) -> Floats:
    """Share of the variance in each mode; sums to one over all modes."""
    kz, ky, kx = _wave_numbers(shape, spacing)
    k = np.sqrt(kz**2 + (ky**2 + kx**2))
    k[0, 0, 0] = 1.0  # left out below
    power = np.array(_density(spectrum, length)(k), dtype=float)
    power[0, 0, 0] = 0.0
    total = float(np.sum(power * _multiplicity(shape))) if power.shape == k.shape else math.nan
    if not math.isfinite(total) or total <= 0 or np.any(power < 0):
        raise InvalidInputError(
            f"spectrum {spectrum!r} with length {length:g} m gives the waves of this box the power "
            f"{total:g}: take a length between the voxel and the box, and finite densities >= 0"
        )
    return power / total


def _density(spectrum: Spectrum, length: float) -> Power:
    if callable(spectrum):
        return spectrum
    if spectrum == "gaussian":
        return lambda k: np.exp(-((k * length) ** 2) / 2)
    if spectrum == "matern":
        return lambda k: (5 + (k * length) ** 2) ** -4.0
    if spectrum == "shell":
        return lambda k: np.exp(-((k * length / (2 * np.pi) - 1) ** 2) / (2 * _SHELL**2))
    raise InvalidInputError(
        f"spectrum {spectrum!r} is unknown: choose 'gaussian', 'matern', 'shell' or a function of k"
    )
