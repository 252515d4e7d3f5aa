"""read and probe: files to volumes. Labels have shape (nz, ny, nx), lengths are in m."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError, InvalidVolumeError
from microstructures.io._guard import faults_named, file_sha256, require_file
from microstructures.io._header import Header, verify
from microstructures.io._info import FileInfo, Layout, Order, count_problem
from microstructures.memory import require_memory
from microstructures.volume import Provenance, Side, Volume, checked_spacing

FORMATS = {".tif": "tiff", ".tiff": "tiff", ".npy": "npy", ".raw": "raw"}
KNOWN = ".tif, .tiff, .npy, .raw, or a folder of .tif or .png slices"
MOST_UNNAMED_LABELS = 64
"""More labels than this, and no names for them, are taken for grey values."""


def read(
    path: str | os.PathLike[str],
    *,
    spacing: float | tuple[float, float, float] | None = None,
    phases: Mapping[int, str] | None = None,
    outside: int | None = None,
    through_axis: int | None = None,
    collector: Side | None = None,
    shape: tuple[int, int, int] | None = None,
    dtype: Any = None,
    order: Order = "C",
) -> Volume:
    """The segmented volume in a TIFF stack, a folder of slices, a .npy or a raw file.

    Files that ``write`` made know their spacing, phases and orientation; what is given here
    must then agree. The sha256 of the file enters the volume's provenance.

    Args:
        path: .tif, .tiff, .npy, .raw, or a folder with one numbered .tif or .png per slice.
        spacing: voxel edge in m, a scalar or (dz, dy, dx); resolution tags are never trusted.
        phases: name of each label; by default "phase 0", "phase 1", …
        outside: label of voxels that are not electrode, if any.
        through_axis: array axis that runs through the electrode's thickness, by default 0.
        collector: end of that axis with the current collector, by default "high".
        shape: (nz, ny, nx) of raw data.
        dtype: number type of raw data, such as "uint8" or ">u2"; little-endian unless it says.
        order: "C" if x runs fastest in raw data, "F" if z does.

    Raises:
        InvalidVolumeError: the file is missing, damaged, incomplete or holds no labels, or the
            voxel size is not known. Nothing is ever returned of such a file.
        InvalidInputError: ``path`` is no path, or shape, dtype or order were given for a format
            that states them itself.
        MemoryBudgetError: the volume that the file declares would not fit into memory.
    """
    where = _checked_path(path)
    with faults_named(where):
        module = _format(where)
        _refuse_layout(module, shape, dtype, order)
        info = _inspected(module, where, Layout(shape, dtype, order))
        if info.problems:
            raise InvalidVolumeError("; it also ".join(info.problems[:3]))
        given = {"phases": phases, "through_axis": through_axis, "collector": collector}
        meaning = _settled(given | {"outside": outside}, info.header)
        edges = _settled_spacing(spacing, info)
        labels = _loaded(module, info)
        volume = Volume(labels, edges, provenance=_provenance(info), **meaning)
        if meaning["phases"] is None:
            _refuse_grey(volume)
        return volume


def probe(path: str | os.PathLike[str]) -> FileInfo:
    """What a file says about itself and what is wrong with it, without decoding its voxels.

    Raises:
        InvalidVolumeError: there is no such file, or nothing is known about its format.
        InvalidInputError: ``path`` is no path.
    """
    where = _checked_path(path)
    with faults_named(where):
        module = _format(where)
    name = module.__name__.rpartition(".")[2]
    try:
        with faults_named(where):
            return _inspected(module, where, Layout())
    except InvalidVolumeError as error:
        return FileInfo(where, name, problems=(str(error).removeprefix(f"{where}: "),))


def _checked_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InvalidInputError(
            f"read was given a {type(path).__name__}, but wants the path of a file or folder: "
            "Volume(labels, spacing) takes arrays"
        )
    return Path(path)


def _format(path: Path) -> ModuleType:
    if path.is_dir():
        return import_module("microstructures.io.slices")
    require_file(path)
    name = FORMATS.get(path.suffix.lower())
    if name is None:
        raise InvalidVolumeError(f"has the unknown suffix {path.suffix!r}: give one of {KNOWN}")
    return import_module(f"microstructures.io.{name}")


def _inspected(module: ModuleType, path: Path, layout: Layout) -> FileInfo:
    info: FileInfo = module.inspect(path, layout)
    problem = count_problem(info, info.header.shape) if info.header else None
    return replace(info, problems=(*info.problems, problem)) if problem else info


def _refuse_layout(module: ModuleType, shape: Any, dtype: Any, order: str) -> None:
    is_raw = module.__name__.endswith(".raw")
    if not is_raw and (shape is not None or dtype is not None or order != "C"):
        raise InvalidInputError(
            "shape, dtype and order describe headerless raw files, but this format states them "
            "itself: leave them out"
        )


def _settled_spacing(
    given: float | tuple[float, float, float] | None, info: FileInfo
) -> tuple[float, float, float]:
    """The voxel size, in which file and user must agree."""
    if given is None and info.spacing is None:
        hints = "".join(f" ({hint})" for hint in info.hints)
        raise InvalidVolumeError(
            f"does not say how large a voxel is{hints}: pass spacing=398e-9, the edge in metres, "
            "or spacing=(dz, dy, dx)"
        )
    if given is None:
        return checked_spacing(info.spacing)
    edges = checked_spacing(given)
    _refuse_conflict(edges, info.spacing, 1e-9, "spacing", "leave spacing out")
    _refuse_conflict(
        edges,
        info.foreign_spacing,
        0.01,
        "voxel size in its metadata",
        "correct spacing, or export the file again without calibration",
    )
    return edges


def _refuse_conflict(
    given: tuple[float, ...], stored: tuple[float, ...] | None, rtol: float, name: str, change: str
) -> None:
    if stored is not None and not np.allclose(given, stored, rtol=rtol, atol=0):
        raise InvalidVolumeError(
            f"spacing {_metres(given)} m was given, but the {name} is {_metres(stored)} m: {change}"
        )


def _metres(edges: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{edge:.6g}" for edge in edges) + ")"


def _settled(given: dict[str, Any], header: Header | None) -> dict[str, Any]:
    """Phases, outside and orientation, in which file and user must agree."""
    if header is None:
        defaults = {"through_axis": 0, "collector": "high"}
        return {k: defaults.get(k) if v is None else v for k, v in given.items()}
    stored = {name: getattr(header, name) for name in given}
    for name, value in given.items():
        if value is not None and _plain(value) != _plain(stored[name]):
            raise InvalidVolumeError(
                f"{name}={_plain(value)!r} was given, but the file says {stored[name]!r}: leave "
                f"{name} out, and change it after reading: volume.with_labels(volume.labels, "
                f'"changed {name}", {name}=…)'
            )
    return stored


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _loaded(module: ModuleType, info: FileInfo) -> NDArray[Any]:
    item = np.dtype(info.dtype).itemsize
    copies = item if item > 2 else 0  # wide integers live beside the labels made from them
    require_memory(info.voxels * (item + copies), f"a volume of {info.voxels} voxels")
    labels: NDArray[Any] = module.load(info.path, info)
    if labels.shape != info.shape:
        raise InvalidVolumeError(
            f"delivered {labels.shape} voxels, but declares {info.shape}: copy or export it again"
        )
    if info.header:
        verify(info.header, labels)
    return labels


def _provenance(info: FileInfo) -> Provenance:
    files = [info.path]
    if info.path.is_dir():
        files = import_module("microstructures.io.slices").slice_files(info.path)
    history = info.header.history if info.header else ()
    return Provenance(info.path.name, file_sha256(files), (*history, *info.notes))


def _refuse_grey(volume: Volume) -> None:
    if len(volume.phases) <= MOST_UNNAMED_LABELS:
        return
    common = sorted(volume.phases, key=volume.voxels, reverse=True)[:5]
    found = ", ".join(f"{label} ({100 * volume.fraction(label):.2f} %)" for label in common)
    raise InvalidVolumeError(
        f"holds {len(volume.phases)} different values from {min(volume.phases)} to "
        f"{max(volume.phases)}, most often {found}, which looks like a grey-scale image: "
        "segment it, or pass phases={0: 'pore', 1: …} if these are labels"
    )
