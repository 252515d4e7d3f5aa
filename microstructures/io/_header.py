"""Header: the JSON that goes with every file we write. Shapes are (nz, ny, nx), lengths in m.

It restores what pixels cannot say and carries a sha256 over itself and all labels, so that a
flipped bit or a swapped file is noticed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidVolumeError
from microstructures.volume import Provenance, Side, Volume

MARK = "electrode-twin"
"""First key of the header, and value of the Software tag in TIFF."""
VERSION = 1
DAMAGED = (
    "its electrode-twin header is damaged ({}): restore the file from a copy, or write it anew"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file of ours declares; ``body`` is the text that ``sha256`` covers."""

    shape: tuple[int, int, int]
    dtype: str
    spacing: tuple[float, float, float]
    phases: Mapping[int, str]
    through_axis: int
    collector: Side
    outside: int | None
    history: tuple[str, ...]
    body: str
    sha256: str


def header_text(volume: Volume) -> str:
    """The header of a volume as one line of plain ASCII."""
    fields = {
        MARK: VERSION,
        "shape": volume.shape,
        "dtype": volume.labels.dtype.name,
        "spacing": volume.spacing,
        "phases": {str(label): name for label, name in volume.phases.items()},
        "through_axis": volume.through_axis,
        "collector": volume.collector,
        "outside": volume.outside,
        "history": _lineage(volume.provenance),
    }
    return json.dumps(fields | {"sha256": _digest(json.dumps(fields), volume.labels)})


def parse_header(text: str, *, ours: bool = False) -> Header | None:
    """The header in a text, None if it is foreign. Raises InvalidVolumeError if damaged."""
    if not ours and f'"{MARK}"' not in text:
        return None
    try:
        return _header(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidVolumeError(DAMAGED.format(reason)) from error


def verify(header: Header, labels: NDArray[Any]) -> None:
    """Raise InvalidVolumeError unless header and labels are those that were written."""
    if _digest(header.body, labels) != header.sha256:
        raise InvalidVolumeError(
            "its labels or header are not those that were written (sha256 differs): "
            "restore the file from a copy, or write it anew"
        )


def _header(fields: dict[str, Any]) -> Header:
    sha256 = fields.pop("sha256")
    if fields[MARK] != VERSION:
        raise InvalidVolumeError(
            f"it is of version {fields[MARK]!r}, but this release reads version {VERSION}: "
            "upgrade electrode-twin"
        )
    nz, ny, nx = (int(n) for n in fields["shape"])
    dz, dy, dx = (float(h) for h in fields["spacing"])
    return Header(
        shape=(nz, ny, nx),
        dtype=str(np.dtype(fields["dtype"])),
        spacing=(dz, dy, dx),
        phases={int(label): name for label, name in fields["phases"].items()},
        through_axis=fields["through_axis"],
        collector=fields["collector"],
        outside=fields["outside"],
        history=tuple(str(step) for step in fields["history"]),
        body=json.dumps(fields),
        sha256=str(sha256),
    )


def _lineage(provenance: Provenance) -> list[str]:
    """Origin and history as one list: the file's own name becomes the source when read."""
    if provenance.source == "array" and provenance.sha256 is None:
        return list(provenance.history)
    digest = f" (sha256 {provenance.sha256[:12]})" if provenance.sha256 else ""
    return [f"from {provenance.source}{digest}", *provenance.history]


def _digest(body: str, labels: NDArray[Any]) -> str:
    digest = hashlib.sha256(body.encode())
    for layer in labels:  # 16 bit whatever the storage
        digest.update(np.ascontiguousarray(layer, dtype="<u2").tobytes())
    return digest.hexdigest()
