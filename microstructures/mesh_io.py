"""Mesh files: VTU and XDMF through meshio, each appearing whole under its name or not at all."""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.etree import ElementTree
from xml.sax import saxutils

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError, InvalidMeshError

if TYPE_CHECKING:
    import meshio

FilePath: TypeAlias = str | Path
_SUFFIXES = (".vtu", ".xdmf")


def read(path: FilePath) -> "meshio.Mesh":
    """A mesh file as a meshio mesh.

    Args:
        path: a ``.vtu`` file, or an ``.xdmf`` file with its ``.h5`` beside it.

    Raises:
        InvalidMeshError: there is no such file, or it is not a whole mesh.
    """
    path = _checked_path(path)
    if not path.is_file():
        raise InvalidMeshError(f"{path} is not a file: check the path")
    mesh, problem = _attempt(path)
    if mesh is None:
        raise InvalidMeshError(
            f"{path} cannot be read ({problem}), but a whole {path.suffix} mesh was wanted: "
            "write or copy it again, an .xdmf together with its .h5"
        )
    return mesh


def _attempt(path: Path) -> tuple[Any, str]:
    """The mesh, or None and what went wrong; the traceback and the files it holds are let go."""
    from meshio import vtu, xdmf

    # the readers of the two formats, because meshio.read prints and ends the interpreter
    reader = vtu.read if path.suffix.lower() == ".vtu" else xdmf.read
    console = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(console),
            contextlib.redirect_stderr(console),
            warnings.catch_warnings(),
        ):
            # otherwise NumPy hands over the numbers before the first one that is none
            warnings.filterwarnings("error", message="string or file could not be read")
            mesh = reader(str(path))
    except (Exception, SystemExit) as error:
        return None, f"{type(error).__name__}: {error}".strip(": ")
    said = " ".join(console.getvalue().split())  # meshio warns of the parts that it leaves out
    return (None, said) if "Warning:" in said else (mesh, "")


def write(path: FilePath, mesh: "meshio.Mesh") -> None:
    """A meshio mesh as ``.vtu``, or as ``.xdmf`` with its arrays in ``NAME.xdmf.h5`` beside it.

    Field data ``{name: [id, dimension]}`` is kept, which meshio alone would drop.

    Raises:
        InvalidMeshError: the suffix is neither, or a name cannot stand in XML.
        InvalidInputError: the folder does not exist.
        OSError: the disk is full or not writeable; what was there before is still there.
    """
    path = _checked_path(path)
    if path.suffix.lower() == ".vtu":
        _write_vtu(path, mesh)
    else:
        _write_xdmf(path, mesh)


def _write_vtu(path: Path, mesh: "meshio.Mesh") -> None:
    from meshio import vtu

    with scratch_beside(path) as folder:
        bare, whole = folder / "bare", folder / path.name
        vtu.write(str(bare), mesh)
        _insert_after(b"<UnstructuredGrid>", _vtu_field_data(mesh.field_data), bare, whole)
        whole.replace(path)


def _vtu_field_data(field_data: Mapping[str, Any]) -> bytes:
    arrays = "".join(
        f'<DataArray type="Int64" Name={saxutils.quoteattr(name)} NumberOfTuples="2" '
        f'format="ascii">{int(tag)} {int(dimension)}</DataArray>'
        for name, (tag, dimension) in field_data.items()
    )
    return f"<FieldData>{arrays}</FieldData>".encode("ascii", "xmlcharrefreplace")


def _insert_after(mark: bytes, insert: bytes, source: Path, target: Path) -> None:
    """A copy of a file with bytes inserted after ``mark``, which stands near its beginning."""
    with source.open("rb") as old, target.open("wb") as new:
        before, found, after = old.read(1 << 16).partition(mark)
        new.write(before + found + insert + after)
        while chunk := old.read(1 << 24):
            new.write(chunk)


def _write_xdmf(path: Path, mesh: "meshio.Mesh") -> None:
    if ":" in path.name:
        raise InvalidMeshError(
            f"{path.name!r} contains a colon, which XDMF keeps for itself: choose another name"
        )
    with scratch_beside(path) as folder:
        # arrays go to NAME.xdmf.h5, so that a NAME.h5 holding something else survives
        light, heavy = folder / path.name, folder / f"{path.name}.h5"
        heavy.write_bytes(_hdf5(_arrays(mesh)))
        _xdmf(mesh, heavy.name).write(light)
        path.unlink(missing_ok=True)  # it must never stand beside the arrays of another mesh
        heavy.replace(path.with_name(heavy.name))
        light.replace(path)


def _arrays(mesh: "meshio.Mesh") -> dict[str, NDArray[Any]]:
    of_cells = {f"cell_data_{i}": data for i, (data,) in enumerate(mesh.cell_data.values())}
    return {"points": mesh.points, "cells": mesh.cells[0].data, **of_cells}


def _hdf5(arrays: Mapping[str, NDArray[Any]]) -> memoryview:
    """An HDF5 file in memory, for HDF5 loses what goes wrong when it closes a file on a disk."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression=1, shuffle=True)
    return buffer.getbuffer()


def _xdmf(mesh: "meshio.Mesh", heavy: str) -> ElementTree.ElementTree:
    """The XML that says what is what in the HDF5 file; meshio's own keeps no field data."""
    arrays = _arrays(mesh)
    root = ElementTree.Element("Xdmf", Version="3.0")
    grid = _child(_child(root, "Domain"), "Grid", Name="mesh", GridType="Uniform")
    topology = _child(
        grid,
        "Topology",
        TopologyType="Hexahedron",
        NumberOfElements=str(len(arrays["cells"])),
        NodesPerElement="8",
    )
    _data_item(topology, f"{heavy}:/cells", arrays["cells"])
    _data_item(_child(grid, "Geometry", GeometryType="XYZ"), f"{heavy}:/points", mesh.points)
    for i, (name, (data,)) in enumerate(mesh.cell_data.items()):
        attribute = _child(grid, "Attribute", Name=name, AttributeType="Scalar", Center="Cell")
        _data_item(attribute, f"{heavy}:/cell_data_{i}", data)
    if mesh.field_data:
        note = _child(grid, "Information", Name="phases", Value="[id, dimension]")
        note.text = _information(mesh.field_data)
    return ElementTree.ElementTree(root)


def _child(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _data_item(parent: ElementTree.Element, place: str, array: NDArray[Any]) -> None:
    item = _child(
        parent,
        "DataItem",
        DataType={"f": "Float", "i": "Int", "u": "UInt"}[array.dtype.kind],
        Dimensions=" ".join(map(str, array.shape)),
        Format="HDF",
        Precision=str(array.dtype.itemsize),
    )
    item.text = place


def _information(field_data: Mapping[str, Any]) -> str:
    """Field data in the form in which meshio's XDMF reader looks for it."""
    table = ElementTree.Element("main")
    for name, (tag, dimension) in field_data.items():
        _child(table, "map", key=name, dim=str(int(dimension))).text = str(int(tag))
    return ElementTree.tostring(table, encoding="unicode")


def phase_field_data(phases: Mapping[int, str]) -> dict[str, NDArray[np.int64]]:
    """Phase names as ``{name: [id, 3]}``, how Gmsh and meshio name the parts of a mesh."""
    return {name: np.array([label, 3], dtype=np.int64) for label, name in phases.items()}


def phase_names(field_data: Mapping[str, Any]) -> dict[int, str]:
    """``{id: name}`` from those entries of field data that are ``{name: [id, 3]}``."""
    entries = {name: np.ravel(value) for name, value in field_data.items()}
    return {
        int(entry[0]): name
        for name, entry in entries.items()
        if len(entry) == 2 and entry.dtype.kind in "iu" and entry[1] == 3
    }


@contextlib.contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A hidden folder beside ``path``, on the same disk so that files can be renamed out of it."""
    if not path.parent.is_dir():
        raise InvalidInputError(f"the folder {path.parent} does not exist: create it first")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        yield Path(folder)


def _checked_path(path: FilePath) -> Path:
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidMeshError(
            f"{path.name!r} does not name a mesh format: use one of {', '.join(_SUFFIXES)}"
        )
    return path
