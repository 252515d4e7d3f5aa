"""Compaction laws: porosity against load, one class per equation. Loads and porosities: any shape.

A law describes one electrode under one way of pressing, in the range of loads where it was fitted.
Porosity is the total one, under load or after it as in the data; a law knows nothing of structure.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from microstructures.errors import InvalidInputError
from twin._quantities import BY_USER
from twin.manufacturing.composition import positive
from twin.manufacturing.loads import LineLoad, Load, Reals, Stress, checked_load, reals

ROUND_OFF = 1e-9  # relative, by which a load may miss the ends of the range


class CompactionWarning(UserWarning):
    """A compaction law was used outside the loads for which it is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionLaw(ABC):
    """Porosity as a falling function of load. Abstract: use one of the laws below.

    Args:
        valid: lowest and highest load for which the law holds, in the unit of the load; beyond
            them it warns. (0, inf) says that you answer for all.
        takes: ``Stress`` or ``LineLoad``; the other kind is refused, never converted.
        material: what was pressed.
        source: where the parameters are from.
        doi: of the source.
        verified: whether they were read there; true for parameters given by the user.
        note: what else to know.
    """

    valid: tuple[float, float]
    takes: type[Load] = Stress
    material: str = ""
    source: str = BY_USER
    doi: str = ""
    verified: bool = False
    note: str = ""

    PARAMETERS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "valid", _checked_range(self.valid, self.takes))
        if self.source == BY_USER:
            object.__setattr__(self, "verified", True)
        for name in self.PARAMETERS:
            object.__setattr__(self, name, _checked_number(getattr(self, name), name, self))
        self._check()

    def porosity(self, load: Load) -> Reals:
        """Porosity under a load, in its shape.

        Raises:
            InvalidInputError: the load is not of the kind that the law takes.

        Warns:
            CompactionWarning: the load is outside ``valid``.
            UnitWarning: a stress is below 1 kPa.
        """
        pressure = checked_load(load, self.takes, _title(self))
        self._warn_outside(pressure)
        return self.from_ordinate(self.curve(pressure, *self.parameters().values()))

    def pressure(self, porosity: ArrayLike) -> Load:
        """The load that gives a porosity: a ``Stress`` or a ``LineLoad``, in its shape.

        Raises:
            InvalidInputError: no load ≥ 0 gives that porosity.

        Warns:
            CompactionWarning: that load is outside ``valid``.
        """
        wanted = _checked_porosity(porosity, self)
        pressure = np.maximum(self._inverse(wanted), 0.0)
        self._warn_outside(pressure)
        return self.takes(pressure)

    def parameters(self) -> dict[str, float]:
        """The numbers of the equation by name, in the unit of the load."""
        return {name: getattr(self, name) for name in self.PARAMETERS}

    def to_dict(self) -> dict[str, Any]:
        """The law, its parameters, range and source as plain numbers and text."""
        about = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"law": type(self).__name__} | about | {"takes": self.takes.__name__}

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in self.parameters().items())
        low, high = self.valid
        doubt = "" if self.verified else " (unverified)"
        return f"{_title(self)}: {numbers}; valid {low:.4g} to {high:.4g} {self.takes.unit}{doubt}"

    @property
    @abstractmethod
    def lowest_porosity(self) -> float:
        """The porosity that no load reaches."""

    @property
    @abstractmethod
    def porosity_without_load(self) -> float:
        """The porosity that the equation has at zero load, be it valid there or not."""

    @staticmethod
    @abstractmethod
    def curve(pressure: Reals, *parameters: float) -> Reals:
        """The ordinate in which the law is fitted, at a load and with ``PARAMETERS`` in order."""

    @staticmethod
    @abstractmethod
    def ordinate(porosity: Reals) -> Reals:
        """That ordinate of a porosity."""

    @staticmethod
    @abstractmethod
    def from_ordinate(ordinate: Reals) -> Reals:
        """The porosity of an ordinate."""

    @abstractmethod
    def _inverse(self, porosity: Reals) -> Reals: ...

    @abstractmethod
    def _check(self) -> None: ...

    def _warn_outside(self, pressure: Reals) -> None:
        low, high = self.valid
        outside = (pressure < low * (1 - ROUND_OFF)) | (pressure > high * (1 + ROUND_OFF))
        if np.any(outside):
            unit = self.takes.unit
            warnings.warn(
                f"{_title(self)} is used at {np.extract(outside, pressure)[0]:.4g} {unit}, but is "
                f"known from {low:.4g} to {high:.4g} {unit} only: this is an extrapolation",
                CompactionWarning,
                stacklevel=3,
            )


@dataclass(frozen=True, slots=True)
class Exponential(CompactionLaw):
    """ε = ε_min + (ε₀ − ε_min) exp(−P/γ): slurry-cast coatings under stress or line load.

    Args:
        initial_porosity: ε₀ at zero load, above ε_min and at most 1.
        minimum_porosity: ε_min ≥ 0, which no load reaches.
        resistance: γ > 0, the load over which the way to ε_min shrinks by a factor e.

    Raises:
        InvalidInputError: a parameter is out of range.

    Source: C. Meyer et al., J. Mater. Process. Technol. 249 (2017) 172,
        doi:10.1016/j.jmatprotec.2017.05.031 [not opened: verify]; the abstract has an exponential
        approach to a highest density, the closed form is from memory.
    """

    initial_porosity: float
    minimum_porosity: float
    resistance: float

    PARAMETERS: ClassVar[tuple[str, ...]] = ("initial_porosity", "minimum_porosity", "resistance")

    @property
    def lowest_porosity(self) -> float:
        """ε_min."""
        return self.minimum_porosity

    @property
    def porosity_without_load(self) -> float:
        """ε₀."""
        return self.initial_porosity

    @staticmethod
    def curve(pressure: Reals, *parameters: float) -> Reals:
        """The porosity itself."""
        initial, minimum, resistance = parameters
        return np.asarray(minimum + (initial - minimum) * np.exp(-pressure / resistance))

    @staticmethod
    def ordinate(porosity: Reals) -> Reals:
        """The porosity itself."""
        return porosity

    @staticmethod
    def from_ordinate(ordinate: Reals) -> Reals:
        """The porosity itself."""
        return ordinate

    def _inverse(self, porosity: Reals) -> Reals:
        span = self.initial_porosity - self.minimum_porosity
        return np.asarray(-self.resistance * np.log((porosity - self.minimum_porosity) / span))

    def _check(self) -> None:
        if not 0 <= self.minimum_porosity < self.initial_porosity <= 1 or self.resistance <= 0:
            raise InvalidInputError(
                f"{_title(self)} has {self.parameters()}: give 0 ≤ minimum_porosity < "
                "initial_porosity ≤ 1 and resistance > 0"
            )


@dataclass(frozen=True, slots=True)
class _LogDensity(CompactionLaw):
    """ln(1/ε) = slope x(P) + intercept."""

    slope: float
    intercept: float

    PARAMETERS: ClassVar[tuple[str, ...]] = ("slope", "intercept")

    @property
    def lowest_porosity(self) -> float:
        """Zero."""
        return 0.0

    @property
    def porosity_without_load(self) -> float:
        """exp(−intercept)."""
        return float(np.exp(-self.intercept))

    @staticmethod
    def ordinate(porosity: Reals) -> Reals:
        """ln(1/ε)."""
        return np.asarray(-np.log(porosity))

    @staticmethod
    def from_ordinate(ordinate: Reals) -> Reals:
        """ε of ln(1/ε)."""
        return np.asarray(np.exp(-ordinate))

    def _check(self) -> None:
        if self.slope <= 0 or self.intercept < 0:
            raise InvalidInputError(
                f"{_title(self)} has {self.parameters()}: give slope > 0, and intercept ≥ 0, "
                "since the porosity at zero load, exp(-intercept), is at most 1"
            )


@dataclass(frozen=True, slots=True)
class Heckel(_LogDensity):
    """ln(1/ε) = K P + A: powders that flow plastically, such as sulfide and halide electrolytes.

    It leaves the data at low loads, where particles rearrange: mind the lower end of ``valid``.

    Args:
        slope: K > 0, in 1/Pa of a stress or m/N of a line load.
        intercept: A ≥ 0; exp(−A) is the porosity of the line at zero load, not of the powder.

    Raises:
        InvalidInputError: a parameter is out of range.

    Source: R. W. Heckel, Trans. Metall. Soc. AIME 221 (1961) 671 [not opened: verify]
    """

    @property
    def yield_pressure(self) -> float:
        """1/K, in the unit of the load."""
        return 1 / self.slope

    @classmethod
    def through(
        cls, load: Load, porosity: float, *, yield_pressure: float, valid: tuple[float, float]
    ) -> Self:
        """The law with a known yield pressure 1/K that passes through one measured point."""
        kind = LineLoad if isinstance(load, LineLoad) else Stress
        at = checked_load(load, kind, "the law through one point")
        if at.ndim:
            raise InvalidInputError(f"the load is {at.tolist()}: give that of one point")
        height = -np.log(_checked_single(porosity))
        resistance = positive(yield_pressure, "yield_pressure")
        return cls(
            slope=1 / resistance,
            intercept=float(height - at / resistance),
            valid=valid,
            takes=type(load),
        )

    @staticmethod
    def curve(pressure: Reals, *parameters: float) -> Reals:
        """ln(1/ε)."""
        slope, intercept = parameters
        return np.asarray(slope * pressure + intercept)

    def _inverse(self, porosity: Reals) -> Reals:
        return (self.ordinate(porosity) - self.intercept) / self.slope


@dataclass(frozen=True, slots=True)
class PanelliFilho(_LogDensity):
    """ln(1/ε) = A √P + B: between rearrangement and plastic flow.

    Args:
        slope: A > 0, in Pa^-0.5 of a stress or (m/N)^0.5 of a line load.
        intercept: B ≥ 0; exp(−B) is the porosity of the curve at zero load.

    Raises:
        InvalidInputError: a parameter is out of range.

    Source: R. Panelli and F. Ambrozio Filho, Powder Technol. 114 (2001) 255 [not opened: verify]
    """

    @staticmethod
    def curve(pressure: Reals, *parameters: float) -> Reals:
        """ln(1/ε)."""
        slope, intercept = parameters
        return np.asarray(slope * np.sqrt(pressure) + intercept)

    def _inverse(self, porosity: Reals) -> Reals:
        return np.maximum((self.ordinate(porosity) - self.intercept) / self.slope, 0.0) ** 2


@cache
def literature() -> Mapping[str, CompactionLaw]:
    """Laws fitted to published measurements, by name. None is verified at its source.

    The points are those of one slurry-cast NMC111 cathode, 90:2:4:4 by weight, under stress, in
    five steps from 0 to 159.4 MPa. Another electrode needs a fit of its own.
    """
    about: dict[str, Any] = {
        "material": "NMC111 cathode, 90:2:4:4 by weight, slurry-cast",
        "source": "our fit to points of C. Sangrós Giménez et al., Powder Technol. (2019), quoted "
        "in a digest; the paper was not opened",
        "doi": "10.1016/j.powtec.2019.03.020",
    }
    every, pressed = (0.0, 159.4e6), (19.8e6, 159.4e6)
    r2 = "R² {:.3f} in {}".format
    exponential = Exponential(
        0.515,
        0.187,
        68.9e6,
        valid=every,
        note=r2(0.992, "ε"),
        **about,
    )
    heckel = Heckel(4.67e-9, 0.802, valid=pressed, note=r2(0.987, "ln(1/ε)"), **about)
    root = PanelliFilho(7.01e-5, 0.597, valid=every, note=r2(0.977, "ln(1/ε)"), **about)
    return {"NMC111": exponential, "NMC111 Heckel": heckel, "NMC111 Panelli-Filho": root}


def _title(law: CompactionLaw) -> str:
    return f"{type(law).__name__} law" + (f" of {law.material}" if law.material else "")


def _checked_range(valid: Any, takes: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in valid)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low < high:
        raise InvalidInputError(
            f"valid {valid!r} is no range of loads: give (lowest, highest) with 0 ≤ lowest < "
            "highest, in the unit of the load"
        )
    if takes not in get_args(Load):
        raise InvalidInputError(f"takes {takes!r} is no kind of load: give Stress or LineLoad")
    return low, high


def _checked_number(value: Any, name: str, law: CompactionLaw) -> float:
    number = reals(value)
    if number.ndim or not np.isfinite(number):
        raise InvalidInputError(f"{name} of {_title(law)} is {value!r}: give a finite number")
    return float(number)


def _checked_single(porosity: Any) -> float:
    number = reals(porosity)
    if number.ndim or not 0 < number < 1:
        raise InvalidInputError(f"porosity {porosity!r} is not inside 0…1: give a fraction")
    return float(number)


def _checked_porosity(porosity: ArrayLike, law: CompactionLaw) -> Reals:
    wanted = reals(porosity)
    low, high = law.lowest_porosity, law.porosity_without_load
    reached = (wanted > low) & (wanted <= high * (1 + ROUND_OFF))
    if not np.all(reached):
        raise InvalidInputError(
            f"porosity {np.extract(~reached, wanted)[0]:.4g} is out of reach of {_title(law)}, "
            f"which falls from {high:.4g} at zero load to {low:.4g} at infinite load: choose one "
            "in between, or another law"
        )
    return wanted
