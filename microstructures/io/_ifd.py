"""The chain of directories in a TIFF, walked byte by byte to see whether the file is whole.

Image libraries stop at a broken link and return the slices before it; this walk raises instead.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from microstructures.errors import InvalidVolumeError

BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
BYTES_OF_TYPE |= {13: 4, 16: 8, 17: 8, 18: 8}
IMAGE_DESCRIPTION = 270
DECLARED_COUNTS = (rb"images=(\d+)", rb'"shape": \[(\d+), ', rb'SizeZ="(\d+)"')


@dataclass(frozen=True, slots=True)
class Variant:
    """Byte order and field widths: classic TIFF or BigTIFF."""

    order: str
    first: int
    count: str
    entry: str
    offset: str

    @property
    def inline(self) -> int:
        """Values of at most this many bytes lie in the entry itself."""
        return struct.calcsize(self.order + self.offset)


def require_whole(file: BinaryIO) -> int:
    """Number of directories, all of whose tags lie inside the file.

    Raises InvalidVolumeError if the file is no TIFF, is cut off, or its chain is a loop.
    """
    size = file.seek(0, os.SEEK_END)
    variant = _variant(_bytes(file, 0, 16))
    seen: dict[int, int] = {}
    promised: int | None = None
    following = _number(file, variant, variant.first, variant.offset)
    while following:
        if following in seen:
            raise InvalidVolumeError(
                f"is damaged: slice {len(seen)} points back to slice {seen[following]}: "
                "copy or export it again"
            )
        try:
            promised = promised or _promised(file, variant, following)
            step = _next(file, variant, following, size)
        except EOFError as error:
            raise InvalidVolumeError(_truncated(len(seen), promised, size)) from error
        seen[following] = len(seen)
        following = step
    if not seen:
        raise InvalidVolumeError("is a TIFF without any image: copy or export it again")
    return len(seen)


def _truncated(found: int, promised: int | None, size: int) -> str:
    of = f" of {promised}" if promised else ""
    return (
        f"is truncated: its directory breaks off after {found}{of} slices, at the end of the "
        f"file ({size} bytes): copy or export it again"
    )


def _variant(start: bytes) -> Variant:
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    version = struct.unpack(order + "H", start[2:4])[0] if order and len(start) >= 8 else None
    if order and version == 42:
        return Variant(order, 4, "H", "HHI", "I")
    if order and version == 43:
        return Variant(order, 8, "Q", "HHQ", "Q")
    raise InvalidVolumeError(
        f"is no TIFF (it begins with {start[:8]!r}): export the labels as TIFF, or correct the "
        "file's suffix"
    )


def _next(file: BinaryIO, variant: Variant, offset: int, size: int) -> int:
    """Offset of the following directory, 0 at the end of the chain."""
    entries = list(_entries(file, variant, offset))
    if any(length > variant.inline and place + length > size for _, length, place, _ in entries):
        raise EOFError
    head = offset + struct.calcsize(variant.order + variant.count)
    end = entries[-1][3] if entries else head
    return _number(file, variant, end, variant.offset)


def _entries(file: BinaryIO, variant: Variant, offset: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag, bytes of its value, where that lies, and where the entry ends."""
    number = _number(file, variant, offset, variant.count)
    head = struct.Struct(variant.order + variant.entry)
    width = head.size + variant.inline
    start = offset + struct.calcsize(variant.order + variant.count)
    if number > 4096:
        raise InvalidVolumeError(
            f"is damaged: a directory claims {number} tags: copy or export it again"
        )
    table = _bytes(file, start, number * width)
    for i in range(number):
        tag, kind, count = head.unpack_from(table, i * width)
        (place,) = struct.unpack_from(variant.order + variant.offset, table, i * width + head.size)
        length = count * BYTES_OF_TYPE.get(kind, 0)
        inside = start + i * width + head.size
        yield tag, length, place if length > variant.inline else inside, start + (i + 1) * width


def _promised(file: BinaryIO, variant: Variant, offset: int) -> int | None:
    """Slices that the description announces, for the message."""
    import re

    for tag, length, place, _ in _entries(file, variant, offset):
        if tag == IMAGE_DESCRIPTION and length < 2**20:
            file.seek(place)
            text = file.read(length)
            found = (re.search(pattern, text) for pattern in DECLARED_COUNTS)
            return next((int(match[1]) for match in found if match), None)
    return None


def _number(file: BinaryIO, variant: Variant, offset: int, kind: str) -> int:
    code = variant.order + kind
    (number,) = struct.unpack(code, _bytes(file, offset, struct.calcsize(code)))
    return int(number)


def _bytes(file: BinaryIO, offset: int, count: int) -> bytes:
    """Exactly ``count`` bytes, or EOFError."""
    file.seek(offset)
    data = file.read(count)
    if len(data) < count and (offset or not data):  # the first look may meet a tiny file
        raise EOFError
    return data
