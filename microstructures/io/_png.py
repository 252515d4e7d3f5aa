"""PNG as one slice of labels: what its first and last bytes say. Arrays have shape (ny, nx)."""

import struct
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from microstructures.io._guard import require_image
from microstructures.io._page import Kind

MAGIC = b"\x89PNG\r\n\x1a\n"
END = b"IEND\xaeB`\x82"
GREY = 0


def slice_problems(path: Path) -> tuple[Kind, list[str], bool]:
    """Kind and problems of a PNG; PNG has no MINISWHITE."""
    with path.open("rb") as file:
        start = file.read(33)
        file.seek(max(0, path.stat().st_size - len(END)))
        end = file.read()
    if not start.startswith(MAGIC) or len(start) < 33:
        require_image(path)
        return Kind((), ""), ["is no PNG: export the slice again, or correct its suffix"], False
    nx, ny, bits, colour = struct.unpack(">IIBB", start[16:26])
    problems = []
    if end != END:
        problems.append("is truncated (its end mark is missing): copy or export it again")
    if colour != GREY or bits not in (8, 16):
        problems.append(
            f"is a PNG of {bits} bits and colour type {colour}, but labels are grey values of 8 "
            "or 16 bits: export single-channel integer labels, one number per phase"
        )
    return Kind((ny, nx), "uint16" if bits == 16 else "uint8"), problems, False


def load(path: Path) -> NDArray[Any]:
    """Pixels of a PNG."""
    import imagecodecs

    return imagecodecs.png_decode(path.read_bytes())
