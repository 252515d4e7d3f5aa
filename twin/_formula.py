"""Chemical formulas: molar mass, and the charge that a formula unit can hold. SI units."""

import re

from microstructures.errors import InvalidInputError

FARADAY = 96485.33212  # C/mol, exact since 2019
SECONDS = 3600.0  # per hour

# g/mol; Source: IUPAC conventional and abridged atomic weights 2021, doi:10.1515/pac-2019-0603
# [not opened: verify]
ATOMS = {
    "H": 1.008, "Li": 6.94, "B": 10.81, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998,
    "Na": 22.990, "Mg": 24.305, "Al": 26.982, "Si": 28.085, "P": 30.974, "S": 32.06, "Cl": 35.45,
    "K": 39.098, "Ca": 40.078, "Sc": 44.956, "Ti": 47.867, "V": 50.942, "Cr": 51.996,
    "Mn": 54.938, "Fe": 55.845, "Co": 58.933, "Ni": 58.693, "Cu": 63.546, "Zn": 65.38,
    "Ga": 69.723, "Ge": 72.630, "Br": 79.904, "Sr": 87.62, "Y": 88.906, "Zr": 91.224,
    "Nb": 92.906, "Mo": 95.95, "In": 114.82, "Sn": 118.71, "Sb": 121.76, "I": 126.90,
    "Ba": 137.33, "La": 138.91, "Ce": 140.12, "Sm": 150.36, "Gd": 157.25, "Er": 167.26,
    "Ta": 180.95, "W": 183.84, "Bi": 208.98,
}  # fmt: skip
PART = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?")


def molar_mass(formula: str) -> float:
    """Mass of a formula unit in kg/mol, such as that of LiNi0.8Mn0.1Co0.1O2.

    Raises:
        InvalidInputError: an unknown element, or anything but elements and decimal numbers.
    """
    parts = list(PART.finditer(formula))
    if not parts or "".join(part.group() for part in parts) != formula:
        raise InvalidInputError(
            f"formula is {formula!r}: write elements and decimal numbers only, without brackets "
            "or spaces, such as 'LiNi0.8Mn0.1Co0.1O2'"
        )
    unknown = [part[1] for part in parts if part[1] not in ATOMS]
    if unknown:
        raise InvalidInputError(
            f"formula {formula!r} holds {', '.join(unknown)}, of unknown mass: known are "
            f"{', '.join(ATOMS)}"
        )
    return 1e-3 * sum(ATOMS[part[1]] * float(part[2] or 1) for part in parts)


def capacity(formula: str, lithium: float) -> float:
    """Charge in Ah per kg of the formula if it takes up that much lithium per unit: F n / M."""
    return FARADAY * lithium / (SECONDS * molar_mass(formula))
