"""One page of a TIFF as one slice (ny, nx) of labels: what may be wrong with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from microstructures.io._info import dtype_problem

if TYPE_CHECKING:
    from tifffile import TiffPage

LOSSLESS = {
    1: "none",
    2: "CCITT RLE",
    3: "CCITT T4",
    4: "CCITT T6",
    5: "LZW",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    34925: "LZMA",
    34933: "PNG",
    50000: "zstd",
}
MINISWHITE, MINISBLACK, RGB, PALETTE = 0, 1, 2, 3
REDUCED, MASK = 1, 4
MINISWHITE_NOTE = (
    "photometric MINISWHITE: labels are the numbers stored (0 is shown as white; programs that "
    "invert such files show them swapped)"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What all slices of one stack must have in common."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return " × ".join(str(n) for n in self.shape) + f" {self.dtype}"


def kind(page: "TiffPage") -> Kind:
    """Shape and dtype of a page."""
    return Kind(tuple(page.shape), str(page.dtype))


def page_problem(page: "TiffPage", size: int) -> str | None:
    """Why a page is no slice of labels, in a file of ``size`` bytes; None if it is one."""
    return _colour(page) or _coding(page) or _incomplete(page, size)


def mixed(kinds: Sequence[Kind], names: Sequence[str]) -> str | None:
    """A list of the runs of slices that differ, or None if all are alike."""
    if len(set(kinds)) < 2:
        return None
    runs: list[tuple[int, int, Kind]] = []
    for i, this in enumerate(kinds):
        start = runs.pop()[0] if runs and runs[-1][2] == this else i
        runs.append((start, i, this))
    found = "; ".join(
        f"{names[a]} {this}" if a == b else f"{names[a]} to {names[b]} {this}"
        for a, b, this in runs[:6]
    )
    more = f"; and {len(runs) - 6} more changes" if len(runs) > 6 else ""
    return (
        f"holds slices of different size or type ({found}{more}), but all slices of a volume are "
        "alike: remove thumbnails and other images, or crop all slices to one size"
    )


def _colour(page: "TiffPage") -> str | None:
    change = "export single-channel integer labels, one number per phase"
    photometric = int(page.photometric)
    if photometric == PALETTE:
        return f"is a palette image (indexed colours), but labels are plain numbers: {change}"
    if photometric == RGB or page.samplesperpixel != 1:
        return (
            f"is a colour image ({page.samplesperpixel} samples per pixel), but a voxel has one "
            f"label: {change}"
        )
    if photometric not in (MINISWHITE, MINISBLACK):
        name = getattr(page.photometric, "name", photometric)
        return f"has colour model {name}, but labels are plain numbers: {change}"
    return None


def _coding(page: "TiffPage") -> str | None:
    if int(page.compression) not in LOSSLESS:
        name = getattr(page.compression, "name", page.compression)
        return (
            f"is compressed with {name}, which can change labels: export it again with deflate, "
            "LZW or no compression"
        )
    if page.dtype is None:
        return (
            f"has {page.bitspersample} bits per voxel in an unknown number format: export the "
            "labels as 8 or 16 bit unsigned integers"
        )
    if len(page.shape) != 2 or page.subfiletype & (REDUCED | MASK):
        return (
            "holds thumbnails, masks or three-dimensional tiles: export a plain stack with one "
            "page per slice"
        )
    return dtype_problem(page.dtype)


def _incomplete(page: "TiffPage", size: int) -> str | None:
    offsets, counts = page.dataoffsets, page.databytecounts
    end = max((o + c for o, c in zip(offsets, counts, strict=False)), default=0)
    if end > size:
        return (
            f"is truncated: the data of slice {page.index} end at byte {end}, but the file at "
            f"byte {size}: copy or export it again"
        )
    wanted = _segments(page)
    found = sum(1 for o, c in zip(offsets, counts, strict=False) if o > 0 and c > 0)
    if (len(offsets), len(counts), found) != (wanted, wanted, wanted):
        return (
            f"is incomplete: slice {page.index} has {found} of {wanted} blocks of data: "
            "export it again"
        )
    return _short(page, sum(counts))


def _short(page: "TiffPage", stored: int) -> str | None:
    needed = math.ceil(page.shape[1] * page.bitspersample / 8) * page.shape[0]
    if int(page.compression) != 1 or stored >= needed:
        return None
    return (
        f"is incomplete: slice {page.index} stores {stored} bytes, but needs {needed}: "
        "export it again"
    )


def _segments(page: "TiffPage") -> int:
    """Strips or tiles that cover the page; tifffile merges strips that lie side by side."""
    ny, nx = page.shape
    if page.is_tiled:
        return math.ceil(ny / page.tilelength) * math.ceil(nx / page.tilewidth)
    if len(page.dataoffsets) == 1 and page.is_contiguous:
        return 1
    return math.ceil(ny / min(ny, page.rowsperstrip or ny))
