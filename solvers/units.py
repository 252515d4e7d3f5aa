"""Units: doubts about numbers that are right in type but so small that another unit was meant."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

LEAST_MODULUS = 1e6  # Pa; solids of electrodes are stiffer, gels apart
LEAST_PRESSURE = 100.0  # Pa; less is the weight of a sheet of paper
LEAST_STRENGTH = 1e3  # Pa
LEAST_TOUGHNESS = 1e3  # Pa m^0.5; brittle ceramics have 1e5 to 1e6


class UnitWarning(UserWarning):
    """A number is so small that it may be in GPa, MPa or bar where Pa is meant."""


def doubt(value: ArrayLike, least: float, what: str, unit: str = "Pa") -> None:
    """Warn of numbers below ``least`` that are not zero."""
    sizes = np.abs(np.asarray(value, dtype=float))
    if np.any((sizes > 0.0) & (sizes < least)):
        smallest = float(sizes[sizes > 0.0].min())
        warnings.warn(
            f"{what} of {smallest:.3g} {unit} is below {least:.3g} {unit}: all units are SI, write "
            "1e9 for 1 GPa, 1e6 for 1 MPa, 1e5 for 1 bar",
            UnitWarning,
            stacklevel=4,
        )
