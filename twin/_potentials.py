"""Laws of the open-circuit potential U(x) in V. Arrays x have any shape, x = 1 is full."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from twin.temperature import GAS_CONSTANT

Reals: TypeAlias = NDArray[np.float64]
Triples: TypeAlias = tuple[tuple[float, ...], ...]

FARADAY = 96485.33212  # C/mol, exact since 2019
HALVINGS = 60  # of the potential in the search for U(x): to the last digits of a double
WIDE = 5.0  # V beyond the outermost sites at which the search starts


@dataclass(frozen=True, slots=True)
class Table:
    """Points of a measured curve, joined by monotone cubics.

    Source: Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980) 238, doi:10.1137/0717021, as
        ``scipy.interpolate.PchipInterpolator`` does it [paper not opened: verify].
    """

    stoichiometry: tuple[float, ...]
    potential: tuple[float, ...]

    def __post_init__(self) -> None:
        x, u = np.array(self.stoichiometry), np.array(self.potential)
        if x.ndim != 1 or x.shape != u.shape or len(x) < 2:
            raise InvalidInputError(
                f"stoichiometry has {x.size} entries and potential {u.size}: give at least two "
                "points, one potential for each lithium content"
            )
        if not (np.all(np.isfinite(u)) and np.all(np.diff(x) > 0)):
            raise InvalidInputError(
                f"stoichiometry is {self.stoichiometry}: give lithium contents that ascend, and a "
                "finite potential in V for each"
            )

    def potential_at(self, x: Reals) -> Reals:
        from scipy.interpolate import PchipInterpolator

        return np.asarray(PchipInterpolator(self.stoichiometry, self.potential)(x))

    def slope_at(self, x: Reals) -> Reals:
        from scipy.interpolate import PchipInterpolator

        curve = PchipInterpolator(self.stoichiometry, self.potential)
        return np.asarray(curve.derivative()(x))


@dataclass(frozen=True, slots=True)
class Terms:
    """U = Σ p_k x^k + Σ a exp(b (x − c)) + Σ a tanh(b (x − c)), the form of most published fits.

    ``polynomial`` holds p_0, p_1, …; ``exponentials`` and ``tanhs`` hold triples (a, b, c).
    """

    polynomial: tuple[float, ...] = ()
    exponentials: Triples = ()
    tanhs: Triples = ()

    def __post_init__(self) -> None:
        triples = (*self.exponentials, *self.tanhs)
        if any(len(term) != 3 for term in triples):
            raise InvalidInputError(
                f"exponentials {self.exponentials} and tanhs {self.tanhs}: give triples (a, b, c) "
                "for a exp(b (x − c)) and a tanh(b (x − c))"
            )
        numbers = [*self.polynomial, *(n for term in triples for n in term)]
        if not numbers or not np.all(np.isfinite(numbers)):
            raise InvalidInputError(
                "the formula of the potential has no terms, or one that is not finite: give "
                "polynomial, exponentials or tanhs"
            )

    def potential_at(self, x: Reals) -> Reals:
        total = np.polynomial.polynomial.polyval(x, [*self.polynomial, 0.0])
        for a, b, c in self.exponentials:
            total = total + a * np.exp(b * (x - c))
        for a, b, c in self.tanhs:
            total = total + a * np.tanh(b * (x - c))
        return np.asarray(total)

    def slope_at(self, x: Reals) -> Reals:
        rates = [k * p for k, p in enumerate(self.polynomial)][1:]
        total = np.polynomial.polynomial.polyval(x, [*rates, 0.0])
        for a, b, c in self.exponentials:
            total = total + a * b * np.exp(b * (x - c))
        for a, b, c in self.tanhs:
            total = total + a * b * (1 - np.tanh(b * (x - c)) ** 2)
        return np.asarray(total)


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites that fill independently: x = Σ X_j / (1 + exp(F (U − U_j) / (ω_j R T))), inverted.

    Args:
        potentials: U_j in V.
        fractions: X_j > 0, that add up to 1.
        idealities: ω_j > 0.
        temperature: T in K, at which the parameters were fitted.

    Source: Verbrugge et al., J. Electrochem. Soc. 164 (2017) E3243, doi:10.1149/2.0341708jes
        [not opened: verify].
    """

    potentials: tuple[float, ...]
    fractions: tuple[float, ...]
    idealities: tuple[float, ...]
    temperature: float = 298.15

    def __post_init__(self) -> None:
        columns = (self.potentials, self.fractions, self.idealities)
        if len({len(column) for column in columns}) != 1 or not self.potentials:
            raise InvalidInputError(
                f"there are {len(self.potentials)} potentials of sites, {len(self.fractions)} "
                f"fractions and {len(self.idealities)} idealities: give one of each for each site"
            )
        if not np.all(np.isfinite(columns)) or min(*self.fractions, *self.idealities) <= 0:
            raise InvalidInputError(
                f"fractions {self.fractions} and idealities {self.idealities} of sites must be "
                "finite and > 0"
            )
        if abs(sum(self.fractions) - 1) > 1e-3:
            raise InvalidInputError(
                f"fractions of sites add up to {sum(self.fractions):g}: they must add up to 1"
            )

    def filled(self, potential: Reals) -> Reals:
        """Lithium content at a potential, in its shape."""
        return sum((share for share, _ in self._shares(potential)), np.zeros_like(potential))

    def potential_at(self, x: Reals) -> Reals:
        at = np.asarray(x, dtype=float)
        low = np.full_like(at, min(self.potentials) - WIDE)
        high = np.full_like(at, max(self.potentials) + WIDE)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            above = self.filled(middle) > at
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.asarray((low + high) / 2)

    def slope_at(self, x: Reals) -> Reals:
        rates = (rate for _, rate in self._shares(self.potential_at(x)))
        return np.asarray(1 / sum(rates, np.zeros_like(x)))

    def _shares(self, potential: Reals) -> list[tuple[Reals, Reals]]:
        """Lithium on each kind of site, and its derivative by the potential in 1/V."""
        scale = FARADAY / (GAS_CONSTANT * self.temperature)
        found = []
        for u, fraction, omega in zip(
            self.potentials, self.fractions, self.idealities, strict=True
        ):
            share = (1 - np.tanh(scale * (potential - u) / (2 * omega))) / 2
            found.append((fraction * share, -fraction * scale / omega * share * (1 - share)))
        return found


Law: TypeAlias = Table | Terms | Sites
