"""VTI files for ParaView: the voxels of a volume, with solution fields beside its labels."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.sax import saxutils

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures._hexahedra import is_printable
from microstructures.errors import InvalidInputError
from microstructures.mesh_io import FilePath, phase_field_data, scratch_beside
from microstructures.volume import Volume

_NO_FIELDS: Mapping[str, ArrayLike] = MappingProxyType({})


def write_vti(path: FilePath, volume: Volume, fields: Mapping[str, ArrayLike] = _NO_FIELDS) -> None:
    """A volume and fields on its voxels as one ``.vti`` image for ParaView.

    The labels are cell data "phase", phase names are field data ``{name: [id, 3]}``. Array axes
    (z, y, x) become x, y, z in ParaView, lengths are in m, and the low corner of voxel [0, 0, 0]
    is the origin.

    Args:
        path: ends in ``.vti``.
        volume: labels of shape (nz, ny, nx), spacing in m.
        fields: finite real numbers per voxel: scalars of shape (nz, ny, nx), or vectors of shape
            (3, nz, ny, nx) with components in array-axis order (z, y, x), which are stored
            as (x, y, z).

    Raises:
        InvalidInputError: a suffix, folder, field name, shape or value cannot be used.
        OSError: the disk is full or not writeable; what was there before is still there.
    """
    path = Path(path)
    if path.suffix.lower() != ".vti":
        raise InvalidInputError(f"{path.name!r} does not end in .vti: name it {path.stem}.vti")
    columns = {name: _column(name, field, volume.shape) for name, field in fields.items()}
    with scratch_beside(path) as folder:
        _write_image(folder / path.name, _image(volume, columns))
        (folder / path.name).replace(path)


def _column(name: str, field: ArrayLike, shape: tuple[int, int, int]) -> NDArray[Any]:
    """A field as VTK stores it: a row per voxel, x fastest, vectors as (x, y, z)."""
    if name == "phase":
        raise InvalidInputError("field 'phase' has the name that the labels get: rename it")
    array = np.asarray(field)
    if array.shape not in (shape, (3, *shape)):
        raise InvalidInputError(
            f"field {name!r} has shape {array.shape}, but the volume {shape}: "
            f"give a number per voxel, or a vector per voxel of shape {(3, *shape)}"
        )
    array = _storable(name, array)
    return array.ravel() if array.ndim == 3 else array[::-1].reshape(3, -1).T.copy()


def _storable(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise InvalidInputError(
            f"field {name!r} is {array.dtype} or holds NaN or infinite values, but finite real "
            "numbers were wanted: set the values where it is not defined, for example to 0"
        )
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype.kind == "f":  # VTK knows only single and double precision
        return array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64, copy=False)
    return array


def _image(volume: Volume, columns: Mapping[str, NDArray[Any]]) -> Any:
    import pyvista

    nodes = tuple(n + 1 for n in reversed(volume.shape))
    image = pyvista.ImageData(dimensions=nodes, spacing=volume.spacing[::-1])
    image.cell_data["phase"] = volume.labels.ravel()
    for name, column in columns.items():
        image.cell_data[_escaped(name)] = column
    for name, value in phase_field_data(volume.phases).items():
        image.field_data[_escaped(name)] = value
    return image


def _escaped(name: str) -> str:
    """A name for VTK, which puts it between quotes in XML just as it is."""
    if not is_printable(name):
        raise InvalidInputError(f"the name {name!r} is empty or cannot be printed: rename it")
    return saxutils.escape(name, {'"': "&quot;"})


def _write_image(path: Path, image: Any) -> None:
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    writer = vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    if not writer.Write() or writer.GetErrorCode():
        raise OSError(f"{path.name} could not be written whole: free space on that disk")
