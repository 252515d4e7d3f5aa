"""Swelling: linear strain of a material against its lithium content x. Arrays x have any shape."""

import warnings
from dataclasses import dataclass, fields
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from twin._quantities import BY_USER
from twin._swelling_doubts import SMALL, TRUSTED, doubts, named, reach_of

__all__ = ["SwellingTable", "SwellingWarning", "doubts"]

Reals: TypeAlias = NDArray[np.float64]

HUGE = 0.30  # linear strain of a table that is refused unless asked for: the volume doubles
ROUND_OFF = 1e-9  # by which x may miss the ends of a table


class SwellingWarning(UserWarning):
    """A swelling table that is probably wrong, or too large for small-strain mechanics."""


@dataclass(frozen=True, slots=True)
class SwellingTable:
    """Linear strain of a material with its lithium content x, linear between the points.

    Strains are relative to any one state: only differences count. With ``across`` a grain swells
    by ``along`` in the direction of its axis (c of layered oxides and graphite) and by ``across``
    at right angles to it; without, by ``along`` in every direction.

    Args:
        stoichiometry: lithium content x, ascending within 0…1, 1 for the lithiated end.
        along: linear strain at each x, as a fraction: 0.017, not 1.7 %, nor a change of volume.
        across: the same across the axis of the grain; None for an isotropic material.
        material: its name; a table that contradicts the one of the library under it warns.
        source: where the numbers are from.
        doi: of the source.
        verified: whether they were read there; true for numbers given by the user.
        conditions: of the measurement.
        note: what else to know.

    Raises:
        InvalidInputError: lengths differ, x does not ascend within 0…1, or a strain is impossible.

    Warns:
        SwellingWarning: what ``doubts`` says of the table.
    """

    stoichiometry: tuple[float, ...]
    along: tuple[float, ...]
    across: tuple[float, ...] | None = None
    material: str = ""
    source: str = BY_USER
    doi: str = ""
    verified: bool = False
    conditions: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("stoichiometry", "along", "across"):
            column = getattr(self, name)
            if column is not None:
                object.__setattr__(self, name, _column(column, name))
        if self.source == BY_USER:
            object.__setattr__(self, "verified", True)
        _check_columns(self)
        for text in () if TRUSTED.get() else doubts(self):
            warnings.warn(text, SwellingWarning, stacklevel=3)

    @classmethod
    def from_volume_change(
        cls, stoichiometry: ArrayLike, volume_change: ArrayLike, **about: Any
    ) -> Self:
        """An isotropic material from its relative change of volume: ε = (1 + ΔV/V)^(1/3) − 1."""
        change = np.asarray(_column(volume_change, "volume_change"))
        if np.any(change <= -1.0):
            raise InvalidInputError(
                f"volume_change falls to {change.min():g}: no volume shrinks by all of itself; "
                "give fractions, -0.05 for 5 % less"
            )
        return cls(_column(stoichiometry, "stoichiometry"), tuple(np.cbrt(1 + change) - 1), **about)

    @classmethod
    def from_partial_molar_volume(
        cls,
        partial_molar_volume: float,
        maximum_concentration: float,
        *,
        stoichiometry: tuple[float, float] = (0.0, 1.0),
        **about: Any,
    ) -> Self:
        """An isotropic material with ε = Ω c_max x / 3, the law of diffusion-induced stress.

        Args:
            partial_molar_volume: Ω in m³/mol, negative for a material that shrinks.
            maximum_concentration: of lithium, c_max in mol/m³.
            stoichiometry: the ends of the range in which the law holds.
            about: ``material``, ``source`` and so on.

        Accuracy: first order in Ω c_max. For ΔV/V = 10 % the exact strain is 3.23 %, this 3.33 %.
        """
        ends = _column(stoichiometry, "stoichiometry")
        slope = partial_molar_volume * maximum_concentration / 3
        if not (np.isfinite(slope) and maximum_concentration > 0):
            raise InvalidInputError(
                f"partial_molar_volume {partial_molar_volume!r} and maximum_concentration "
                f"{maximum_concentration!r} give no strain: give m³/mol, and mol/m³ above 0"
            )
        return cls(ends, tuple(slope * x for x in ends), **about)

    @classmethod
    def from_lattice(
        cls, stoichiometry: ArrayLike, a: ArrayLike, c: ArrayLike | None = None, **about: Any
    ) -> Self:
        """A crystal from its lattice parameters, in any unit of length, relative to the last x.

        Args:
            stoichiometry: lithium content.
            a: across the axis of the crystal, or of a cubic crystal.
            c: along the axis; None for a cubic crystal.
            about: ``material``, ``source`` and so on.
        """
        x = _column(stoichiometry, "stoichiometry")
        basal = _stretches(a, "a")
        if c is None:
            return cls(x, basal, **about)
        return cls(x, _stretches(c, "c"), basal, **about)

    @property
    def is_isotropic(self) -> bool:
        """Whether the strain is the same in every direction."""
        return self.across is None

    def strain(self, x: ArrayLike, reference: float, *, allow_large_strain: bool = False) -> Reals:
        """Linear strain at x of a material that is free of stress at ``reference``, in its shape.

        ε = (1 + ε(x)) / (1 + ε(reference)) − 1, exact for any reference. Of an anisotropic table,
        the strain of a ball of the same volume: that of many grains without a common direction.

        Args:
            x: lithium content, within the table.
            reference: lithium content of the stress-free state, within the table.
            allow_large_strain: whether a table in which a length changes by more than 30 %, such
                as that of silicon, may be used, and strains above 5 % pass without a warning.

        Raises:
            InvalidInputError: x or the reference lies outside the table, or the strain is huge.

        Warns:
            SwellingWarning: a strain above 5 %.
        """
        return self._strain(_mean(self), x, reference, allow_large_strain)

    def axial_strains(
        self, x: ArrayLike, reference: float, *, allow_large_strain: bool = False
    ) -> tuple[Reals, Reals]:
        """Linear strains along and across the axis of a grain; see ``strain``."""
        across = self.along if self.across is None else self.across
        along = self._strain(np.array(self.along), x, reference, allow_large_strain)
        return along, self._strain(np.array(across), x, reference, allow_large_strain)

    def eigenstrain(
        self,
        x: ArrayLike,
        reference: float,
        axis: ArrayLike | None = None,
        *,
        allow_large_strain: bool = False,
    ) -> Reals:
        """Stress-free strains of shape (6, *x.shape): 00 11 22 12 02 01, shears engineering.

        Args:
            x: lithium content.
            reference: lithium content of the stress-free state.
            axis: direction of the grain's axis, of shape (3,) or (3, *x.shape) and any length,
                components along the array axes; None for the isotropic strain of ``strain``.
            allow_large_strain: see ``strain``.
        """
        if axis is None or self.is_isotropic:
            mean = self.strain(x, reference, allow_large_strain=allow_large_strain)
            return np.stack([mean] * 3 + [np.zeros_like(mean)] * 3)
        along, across = self.axial_strains(x, reference, allow_large_strain=allow_large_strain)
        n = _unit(axis, along.ndim)
        excess = along - across
        normal = [across + excess * n[i] ** 2 for i in range(3)]
        shear = [2 * excess * n[i] * n[j] for i, j in ((1, 2), (0, 2), (0, 1))]
        return np.stack(normal + shear)

    def slope(self, x: ArrayLike, reference: float) -> Reals:
        """dε/dx of ``strain``, in the shape of x; at a point of the table, that above it."""
        at = _inside(self, x, "x")
        knots, mean = np.array(self.stoichiometry), _mean(self)
        rates = np.diff(mean) / np.diff(knots)
        piece = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(rates) - 1)
        return np.asarray(rates[piece] / (1 + self._at(mean, reference, "reference")))

    def partial_molar_volume(
        self, x: ArrayLike, maximum_concentration: float, reference: float
    ) -> Reals:
        """Ω = 3 (dε/dx) / c_max in m³/mol, of the volume at ``reference``; c_max in mol/m³."""
        return np.asarray(3 * self.slope(x, reference) / maximum_concentration)

    def volume_change(self, x: ArrayLike, reference: float) -> Reals:
        """Relative change of volume from ``reference`` to x, in the shape of x."""
        mean = _mean(self)
        ratio = (1 + self._at(mean, x)) / (1 + self._at(mean, reference, "reference"))
        return np.asarray(ratio**3 - 1)

    def to_dict(self) -> dict[str, Any]:
        """The table and its source as plain numbers and text."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        low, high = self.stoichiometry[0], self.stoichiometry[-1]
        change = float(self.volume_change(high, low))
        way = "" if self.is_isotropic else ", not the same in every direction"
        doubt = "" if self.verified else " (unverified)"
        return f"{100 * change:+.3g} % of volume from x = {low:g} to {high:g}{way}{doubt}"

    def _strain(self, column: Reals, x: ArrayLike, reference: float, allowed: bool) -> Reals:
        if not allowed:
            _refuse_huge(self)
        free = self._at(column, reference, "reference")
        strain = (1 + self._at(column, x)) / (1 + free) - 1
        largest = float(np.abs(strain).max(initial=0.0))
        if largest > SMALL and not allowed:
            warnings.warn(
                f"{named(self)} swells by {100 * largest:.3g} % along a line from x = "
                f"{reference:g}: small-strain mechanics holds up to about {100 * SMALL:.0f} %. "
                "Stresses are rough; choose a reference nearer to x, or pass "
                "allow_large_strain=True to silence this",
                SwellingWarning,
                stacklevel=3,
            )
        return np.asarray(strain)

    def _at(self, column: Reals, x: ArrayLike, name: str = "x") -> Reals:
        return np.asarray(np.interp(_inside(self, x, name), self.stoichiometry, column))


def _column(numbers: ArrayLike, name: str) -> tuple[float, ...]:
    try:
        column = np.asarray(numbers, dtype=float)
    except (TypeError, ValueError):
        column = np.array(np.nan)
    if column.ndim != 1 or len(column) < 2 or not np.all(np.isfinite(column)):
        raise InvalidInputError(
            f"{name} is {numbers!r}: give at least two finite numbers, one for each x"
        )
    return tuple(float(number) for number in column)


def _check_columns(table: SwellingTable) -> None:
    x = np.array(table.stoichiometry)
    if x[0] < 0 or x[-1] > 1 or np.any(np.diff(x) <= 0):
        raise InvalidInputError(
            f"stoichiometry is {table.stoichiometry}: give lithium contents that ascend within 0…1"
        )
    for name, column in (("along", table.along), ("across", table.across)):
        if column is None:
            continue
        if len(column) != len(x):
            raise InvalidInputError(
                f"{name} has {len(column)} strains for {len(x)} lithium contents: give one for each"
            )
        if max(map(abs, column)) >= 1:
            raise InvalidInputError(
                f"{name} reaches a strain of {max(column, key=abs):g}: give fractions, "
                "0.017 for 1.7 %"
            )


def _stretches(lengths: ArrayLike, name: str) -> tuple[float, ...]:
    column = np.array(_column(lengths, name))
    if np.any(column <= 0):
        raise InvalidInputError(f"{name} falls to {column.min():g}: give lengths above 0")
    return tuple(column / column[-1] - 1)


def _mean(table: SwellingTable) -> Reals:
    along = np.array(table.along)
    if table.across is None:
        return along
    return np.cbrt((1 + along) * (1 + np.array(table.across)) ** 2) - 1


def _refuse_huge(table: SwellingTable) -> None:
    if (reach := reach_of(table)) > HUGE:
        raise InvalidInputError(
            f"{named(table)} changes a length by up to {100 * reach:.3g} %, which small-strain "
            "mechanics cannot describe: pass allow_large_strain=True to use it all the same, or "
            "restrict the table to the lithium contents that occur"
        )


def _inside(table: SwellingTable, x: ArrayLike, name: str) -> Reals:
    at = np.asarray(x, dtype=float)
    low, high = table.stoichiometry[0], table.stoichiometry[-1]
    if not np.all((at >= low - ROUND_OFF) & (at <= high + ROUND_OFF)):
        wrong = at[~((at >= low - ROUND_OFF) & (at <= high + ROUND_OFF))].flat[0]
        raise InvalidInputError(
            f"{name} = {wrong:g} is outside {low:g}…{high:g}, where the swelling of "
            f"{named(table)} is known: stay inside, or give a SwellingTable that reaches there"
        )
    return at


def _unit(axis: ArrayLike, ndim: int) -> Reals:
    n = np.asarray(axis, dtype=float)
    if n.ndim == 1:
        n = n.reshape(-1, *[1] * ndim)
    size = np.sqrt((n**2).sum(axis=0))
    if n.shape[0] != 3 or not np.all(size > 0):
        raise InvalidInputError(
            f"axis has shape {n.shape} and lengths from {size.min():g}: give vectors of three "
            "components, none of length 0"
        )
    return np.asarray(n / size)
