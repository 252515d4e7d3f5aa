"""What ImageJ, OME and tifffile write into TIFF descriptions. Lengths in m, order (z, y, x)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Triple = tuple[float, float, float]

UNITS = {
    "nm": 1e-9,
    "nanometer": 1e-9,
    "nanometers": 1e-9,
    "µm": 1e-6,
    "μm": 1e-6,
    "um": 1e-6,
    "\\u00b5m": 1e-6,
    "micron": 1e-6,
    "microns": 1e-6,
    "micrometer": 1e-6,
    "micrometers": 1e-6,
    "mm": 1e-3,
}
PLAUSIBLE = (1e-10, 1e-3)
"""Voxel edges in m that an electrode image can have; others come from defaults such as dpi."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a foreign description says: array shape, other axes, voxel size."""

    shape: tuple[int, ...] | None = None
    spacing: Triple | None = None
    program: str = ""


def declared(description: str, x_resolution: float, y_resolution: float) -> Declared:
    """The part of a TIFF description that we understand.

    Args:
        description: text of the ImageDescription tag of the first page.
        x_resolution: pixels per unit along x, or 0.
        y_resolution: pixels per unit along y, or 0.
    """
    if description.startswith("ImageJ="):
        return _imagej(description, x_resolution, y_resolution)
    if "<OME" in description[:4096]:
        return _ome(description)
    if description.startswith('{"shape"'):
        return _tifffile(description)
    return Declared()


def begins_stack(description: str) -> bool:
    """True if a page starts an array of more than two axes."""
    return description.startswith('{"shape"') and bool(_tifffile(description).shape)


def _imagej(description: str, x_resolution: float, y_resolution: float) -> Declared:
    fields = dict(line.split("=", 1) for line in description.splitlines() if "=" in line)
    others = (_count(fields, "frames"), _count(fields, "channels"))
    images = _count(fields, "images")
    shape = _stacked(*others, images // max(1, others[0] * others[1]))
    unit = UNITS.get(fields.get("unit", "").strip().lower())
    spacing = None
    if unit and x_resolution and y_resolution and "spacing" in fields:
        spacing = _plausible(
            (_float(fields["spacing"]) * unit, unit / y_resolution, unit / x_resolution)
        )
    return Declared(shape, spacing, "ImageJ")


def _ome(description: str) -> Declared:
    found = re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", description)
    if len(found) != 1:
        return Declared((len(found), 1), None, "OME")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', found[0]))
    shape = _stacked(*(_count(fields, f"Size{axis}") for axis in "TCZ"))
    edges = [_ome_length(fields, axis) for axis in "ZYX"]
    spacing = _plausible((edges[0], edges[1], edges[2]))
    return Declared(shape, spacing, "OME")


def _ome_length(fields: Mapping[str, str], axis: str) -> float:
    unit = UNITS.get(fields.get(f"PhysicalSize{axis}Unit", "µm").lower(), 0.0)
    return _float(fields.get(f"PhysicalSize{axis}", "0")) * unit


def _tifffile(description: str) -> Declared:
    try:
        shape = tuple(int(n) for n in json.loads(description)["shape"])
        return Declared(shape[:-2] or None, None, "tifffile")
    except (ValueError, TypeError):
        return Declared()


def _stacked(*counts: int) -> tuple[int, ...] | None:
    """The axes that are more than one long; tools disagree on what to call that of a stack."""
    return tuple(count for count in counts if count > 1) or None


def _plausible(edges: Triple) -> Triple | None:
    low, high = PLAUSIBLE
    return edges if all(low <= edge <= high for edge in edges) else None


def _count(fields: Mapping[str, Any], name: str) -> int:
    text = str(fields.get(name, "1")).strip()
    return int(text) if text.isdecimal() else 1


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
