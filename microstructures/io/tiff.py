"""Multi-page TIFF: one page per slice. Arrays have shape (nz, ny, nx)."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.io import _foreign, _ifd, _page
from microstructures.io._guard import require_image
from microstructures.io._header import MARK, header_text, parse_header
from microstructures.io._info import FileInfo, Layout, shape_problem, solid
from microstructures.volume import Volume

if TYPE_CHECKING:
    from tifffile import TiffPage


def inspect(path: Path, layout: Layout) -> FileInfo:
    """What the tags say, and every problem they show; no voxel is decoded."""
    import tifffile

    require_image(path)
    with path.open("rb") as file:
        directories = _ifd.require_whole(file)
    size = path.stat().st_size
    with tifffile.TiffFile(path) as tif:
        pages: list[Any] = [tif.pages[i] for i in range(len(tif.pages))]
        info = _described(path, pages)
        problems = _stack_problems(info, pages, directories)
        faults = (_page.page_problem(page, size) for page in pages)
        first = next((fault for fault in faults if fault), None)
    return replace(info, problems=(*([first] if first else []), *problems))


def slice_problems(path: Path) -> tuple[_page.Kind, list[str], bool]:
    """Kind, problems and MINISWHITE of a file that should hold a single slice."""
    info = inspect(path, Layout())
    if info.shape is None or len(info.shape) == 2 or info.problems:
        problems = [p for p in info.problems if "two-dimensional" not in p]
        return _page.Kind((info.shape or ())[-2:], str(info.dtype)), problems, bool(info.notes)
    count = " × ".join(str(n) for n in info.shape)
    problem = f"holds {count} voxels, but a slice is one image: read this file by itself"
    return _page.Kind(info.shape[-2:], str(info.dtype)), [problem], bool(info.notes)


def load(path: Path, info: FileInfo) -> NDArray[Any]:
    """All voxels of a file that ``inspect`` found no problem with."""
    import tifffile

    labels = np.empty(info.shape or (), info.dtype)
    if info.offset:
        return solid(np.fromfile(path, info.dtype, labels.size, offset=info.offset)).reshape(
            labels.shape
        )
    with tifffile.TiffFile(path) as tif:
        for i, layer in enumerate(labels.reshape(-1, *labels.shape[-2:])):
            layer[...] = tif.pages[i].asarray()
    return solid(labels)


def save(volume: Volume, path: Path) -> None:
    """A deflated page per slice, with our header in the first page's description."""
    import tifffile

    big = volume.labels.nbytes > 2**31  # compressed or not, offsets must not overflow
    with tifffile.TiffWriter(path, bigtiff=big) as tif:
        for i, layer in enumerate(volume.labels):
            tif.write(layer, description=header_text(volume) if i == 0 else None, **PLAIN)


PLAIN: dict[str, Any] = {
    "photometric": "minisblack",
    "compression": "zlib",
    "metadata": None,
    "software": MARK,
    "contiguous": False,
}


def _described(path: Path, pages: list["TiffPage"]) -> FileInfo:
    first = pages[0]
    description = first.description
    header = parse_header(description, ours=first.software == MARK)
    foreign = _foreign.declared(description, *_pixels_per_unit(first))
    offset, planes = _planes(first, len(pages), foreign, path.stat().st_size)
    leading = foreign.shape if foreign.shape and math.prod(foreign.shape) == planes else None
    if header and planes == 1:
        leading = (1,)
    leading = leading or ((planes,) if planes > 1 else ())
    dtype = None if first.dtype is None else np.dtype(first.dtype)
    white = int(first.photometric) == _page.MINISWHITE
    return FileInfo(
        path,
        "TIFF",
        (*leading, *first.shape),
        None if dtype is None else dtype.newbyteorder(_order(first)).str if offset else dtype.name,
        hints=_hints(foreign),
        notes=(_page.MINISWHITE_NOTE,) if white else (),
        header=header,
        foreign_spacing=foreign.spacing,
        offset=offset,
    )


def _planes(
    first: "TiffPage", pages: int, foreign: _foreign.Declared, size: int
) -> tuple[int, int]:
    """Offset of voxels that lie in one block behind a single page (or 0), number of slices.

    ImageJ writes stacks over 4 GB and tifffile writes truncated directories that way.
    """
    declared = math.prod(foreign.shape or (1,))
    if pages > 1 or declared == 1 or not first.is_contiguous or len(first.dataoffsets) != 1:
        return 0, pages
    offset = first.dataoffsets[0]
    return (offset, declared) if offset + declared * first.nbytes <= size else (0, pages)


def _stack_problems(info: FileInfo, pages: list["TiffPage"], directories: int) -> list[str]:
    planes = math.prod(info.shape[:-2]) if info.shape else 0
    declared = _foreign.declared(pages[0].description, 0.0, 0.0)
    wanted = math.prod(declared.shape) if declared.shape else planes
    found = [
        mixed := _page.mixed([_page.kind(p) for p in pages], _names(len(pages))),
        None if mixed else _separate(pages),
    ]
    if len(pages) != directories or wanted != planes:
        found.append(
            f"is incomplete: it holds {min(planes, len(pages))} slices, but "
            f"{declared.program or 'it'} declares {max(wanted, directories)}: "
            "copy or export it again"
        )
    elif not mixed:
        found.append(shape_problem(info.shape or ()))
    return [problem for problem in found if problem]


def _separate(pages: list["TiffPage"]) -> str | None:
    starts = [i for i, page in enumerate(pages) if _foreign.begins_stack(page.description)]
    if starts in ([], [0]):
        return None
    text = ", ".join(str(i) for i in starts[:8])
    return (
        f"holds several arrays (beginning at pages {text}), but a file holds one volume: "
        "save the labels alone"
    )


def _names(pages: int) -> list[str]:
    return [f"page {i}" for i in range(pages)]


def _order(page: "TiffPage") -> Any:
    return page.parent.byteorder


def _pixels_per_unit(page: "TiffPage") -> tuple[float, float]:
    values = [page.tags.valueof(name, (0, 1)) for name in ("XResolution", "YResolution")]
    x, y = (float(a / b) if b else 0.0 for a, b in values)
    return x, y


def _hints(foreign: _foreign.Declared) -> tuple[str, ...]:
    if foreign.spacing is None:
        return ()
    spacing = ", ".join(f"{edge:.4g}" for edge in foreign.spacing)
    return (f"its {foreign.program} metadata suggest spacing=({spacing})",)
