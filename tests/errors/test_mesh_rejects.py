"""Meshes and fields that cannot be used raise one exception that says what to change."""

import resource
import signal

import h5py
import meshio
import numpy as np
import pytest

from microstructures.errors import InvalidInputError, InvalidMeshError
from microstructures.volume import Volume
from microstructures.voxel_mesh import VoxelMesh, write_vti

SPACING = (5e-8, 3e-8, 2e-8)


def electrode():
    labels = np.random.default_rng(3).integers(0, 3, (3, 4, 5))
    return Volume(labels, SPACING, {0: "pore", 1: "NMC", 2: "CBD"})


def a_mesh():
    return VoxelMesh.from_volume(electrode(), ["NMC", "CBD"])


def parts(**changes):
    mesh = a_mesh()
    kept = {n: getattr(mesh, n) for n in ("points", "cells", "phase_ids", "phases", "spacing")}
    return kept | changes


def skewed():
    points = a_mesh().points.copy()
    points[3] += 1e-8
    return points


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": np.zeros((100, 2))}, r"shape \(100, 2\).*\(n, 3\)"),
        ({"points": np.full((100, 3), np.nan)}, "NaN"),
        ({"points": np.full((100, 3), 1e300)}, "beyond"),
        ({"points": [["a", "b", "c"]]}, "real numbers"),
        ({"points": skewed()}, "not boxes of 50 nm × 30 nm × 20 nm"),
        ({"points": a_mesh().points[:20]}, "only 0…19"),
        ({"cells": np.zeros((0, 8), int)}, "at least one cell"),
        ({"cells": a_mesh().cells[:, :4]}, "eight node numbers"),
        ({"cells": a_mesh().cells.astype(float)}, "float64"),
        ({"cells": a_mesh().cells - 1}, "-1…"),
        ({"cells": a_mesh().cells[:, ::-1]}, "order of VTK"),
        ({"phase_ids": a_mesh().phase_ids[:-1]}, "for each of the"),
        ({"phase_ids": -a_mesh().phase_ids.astype(int)}, "0…65535"),
        ({"phase_ids": a_mesh().phase_ids * 0.5}, "whole number"),
        ({"phases": {1: "NMC"}}, r"\[2\].*no name"),
        ({"phases": {1: "NMC", 2: "NMC"}}, "twice"),
        ({"phases": {1: "NMC", 2: "C\x00D"}}, "printed"),
        ({"spacing": (5e-8, 3e-8, 4e-8)}, "not boxes"),
    ],
)
def test_arrays_that_are_no_voxel_mesh_are_refused(changes, message):
    with pytest.raises(InvalidMeshError, match=message):
        VoxelMesh(**parts(**changes))


def tetrahedra():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    return meshio.Mesh(points, [("tetra", [[0, 1, 2, 3]])], cell_data={"phase": [[1]]})


def test_other_cells_than_hexahedra_are_refused(tmp_path):
    for name in ("tetra.vtu", "tetra.xdmf"):
        tetrahedra().write(tmp_path / name)
        with pytest.raises(InvalidMeshError, match="tetra cells, but only hexahedra"):
            VoxelMesh.read(tmp_path / name)


def test_hexahedra_beside_cells_that_meshio_drops_are_refused(tmp_path):
    import pyvista

    hexahedron = VoxelMesh.from_volume(Volume(np.ones((1, 1, 1), int), 1.0)).to_pyvista()
    strips = pyvista.PolyData(np.eye(4, 3), strips=[4, 0, 1, 2, 3])
    strips.cell_data["phase"] = np.array([1], np.uint16)
    (hexahedron + strips.cast_to_unstructured_grid()).save(tmp_path / "mixed.vtu")
    with pytest.raises(InvalidMeshError, match="cannot handle"):
        VoxelMesh.read(tmp_path / "mixed.vtu")


def test_pyvista_voxels_and_missing_phases_are_refused():
    import pyvista

    image = pyvista.ImageData(dimensions=(2, 2, 2))
    with pytest.raises(InvalidMeshError, match="voxel cells"):
        VoxelMesh.from_pyvista(image.cast_to_unstructured_grid())
    grid = a_mesh().to_pyvista()
    del grid.cell_data["phase"]
    with pytest.raises(InvalidMeshError, match='no cell data "phase"'):
        VoxelMesh.from_pyvista(grid)


def test_meshio_mesh_without_cells_or_phases_is_refused():
    with pytest.raises(InvalidMeshError, match='no cell data "phase"'):
        VoxelMesh.from_meshio(meshio.Mesh(np.zeros((1, 3)), []))
    mesh = a_mesh().to_meshio()
    mesh.cell_data = {}
    with pytest.raises(InvalidMeshError, match='no cell data "phase"'):
        VoxelMesh.from_meshio(mesh)


def refused(path, capfd):
    """True if reading raises our exception and the console stays empty."""
    message = None
    try:
        VoxelMesh.read(path)
    except InvalidMeshError as error:
        message = str(error)
    assert message is None or path.name in message
    assert capfd.readouterr() == ("", "")
    return message is not None


@pytest.mark.parametrize("name", ["mesh.vtu", "mesh.xdmf", "mesh.xdmf.h5"])
def test_truncated_file_is_refused_wherever_it_ends(tmp_path, capfd, name):
    mesh = tmp_path / name.removesuffix(".h5")
    a_mesh().write(mesh)
    whole = (tmp_path / name).read_bytes()
    end = len(whole.rstrip())
    for length in sorted({0, 1, 5, end - 1, *range(0, end, max(1, end // 150))}):
        (tmp_path / name).write_bytes(whole[:length])
        assert refused(mesh, capfd), f"read a file cut after {length} of {end} bytes"


@pytest.mark.parametrize("name", ["mesh.vtu", "mesh.xdmf", "mesh.xdmf.h5"])
def test_damaged_file_is_refused_or_still_a_valid_mesh(tmp_path, capfd, name):
    mesh = tmp_path / name.removesuffix(".h5")
    a_mesh().write(mesh)
    whole = np.frombuffer((tmp_path / name).read_bytes(), np.uint8)
    rng = np.random.default_rng(1)
    outcomes = []
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(len(whole), size=3)] = rng.integers(256, size=3)
        (tmp_path / name).write_bytes(damaged.tobytes())
        outcomes.append(refused(mesh, capfd))
    assert any(outcomes)


@pytest.mark.parametrize("suffix", [".vtu", ".xdmf"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        b"<html><body>404</body></html>",
        b'<VTKFile type="PolyData"></VTKFile>',
        b'<VTKFile type="UnstructuredGrid"><UnstructuredGrid></UnstructuredGrid></VTKFile>',
        b'<Xdmf Version="3.0"><Domain></Domain></Xdmf>',
        b'<Xdmf Version="3.0"><Domain><Grid></Grid></Domain></Xdmf>',
        b'<Xdmf Version="9"></Xdmf>',
    ],
)
def test_file_that_is_something_else_is_refused(tmp_path, capfd, suffix, content):
    path = tmp_path / f"mesh{suffix}"
    path.write_bytes(content)
    assert refused(path, capfd)


def test_numbers_that_are_none_are_not_read_as_a_shorter_array(tmp_path, capfd):
    a_mesh().to_pyvista().save(tmp_path / "mesh.vtu", binary=False)
    text = (tmp_path / "mesh.vtu").read_text()
    assert not refused(tmp_path / "mesh.vtu", capfd)
    (tmp_path / "mesh.vtu").write_text(text.replace("</DataArray>", " oops</DataArray>"))
    assert refused(tmp_path / "mesh.vtu", capfd)


def test_xdmf_without_its_arrays_is_refused(tmp_path, capfd):
    a_mesh().write(tmp_path / "mesh.xdmf")
    (tmp_path / "mesh.xdmf.h5").unlink()
    assert refused(tmp_path / "mesh.xdmf", capfd)


def test_xdmf_whose_arrays_have_the_wrong_length_is_refused(tmp_path, capfd):
    a_mesh().write(tmp_path / "mesh.xdmf")
    with h5py.File(tmp_path / "mesh.xdmf.h5", "a") as file:
        name = next(name for name, data in file.items() if data.ndim == 1)
        shorter = file[name][:-1]
        del file[name]
        file[name] = shorter
    assert refused(tmp_path / "mesh.xdmf", capfd)


def test_missing_file_folder_and_unknown_suffix_are_refused(tmp_path):
    with pytest.raises(InvalidMeshError, match="not a file"):
        VoxelMesh.read(tmp_path / "none.vtu")
    (tmp_path / "folder.vtu").mkdir()
    with pytest.raises(InvalidMeshError, match="not a file"):
        VoxelMesh.read(tmp_path / "folder.vtu")
    with pytest.raises(InvalidMeshError, match=r"use one of \.vtu, \.xdmf"):
        VoxelMesh.read(tmp_path / "mesh.stl")
    with pytest.raises(InvalidMeshError, match=r"use one of \.vtu, \.xdmf"):
        a_mesh().write(tmp_path / "mesh")
    with pytest.raises(InvalidInputError, match="create it first"):
        a_mesh().write(tmp_path / "absent" / "mesh.vtu")
    with pytest.raises(InvalidMeshError, match="colon"):
        a_mesh().write(tmp_path / "a:b.xdmf")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"p": np.zeros((3, 4))}, r"\(3, 4\).*\(3, 4, 5\).*\(3, 3, 4, 5\)"),
        ({"p": np.zeros((3, 4, 5, 3))}, "vector per voxel"),
        ({"p": np.full((3, 4, 5), np.nan)}, "NaN"),
        ({"p": np.full((3, 4, 5), np.inf)}, "infinite"),
        ({"p": np.zeros((3, 4, 5), complex)}, "complex128"),
        ({"p": np.full((3, 4, 5), "a")}, "finite real"),
        ({"phase": np.zeros((3, 4, 5))}, "name that the labels get"),
        ({" ": np.zeros((3, 4, 5))}, "empty"),
        ({"p\x01": np.zeros((3, 4, 5))}, "cannot be printed"),
    ],
)
def test_field_that_does_not_fit_the_voxels_is_refused_and_nothing_written(
    tmp_path, fields, message
):
    with pytest.raises(InvalidInputError, match=message):
        write_vti(tmp_path / "v.vti", electrode(), fields)
    assert list(tmp_path.iterdir()) == []


def test_phase_name_that_cannot_stand_in_a_file_is_refused():
    with pytest.raises(InvalidInputError, match="printable name"):
        Volume(np.ones((1, 1, 1), int), 1e-6, {1: "N\x02C"})


def test_image_needs_a_vti_suffix_and_a_folder(tmp_path):
    with pytest.raises(InvalidInputError, match=r"name it v\.vti"):
        write_vti(tmp_path / "v.vtk", electrode())
    with pytest.raises(InvalidInputError, match="create it first"):
        write_vti(tmp_path / "absent" / "v.vti", electrode())


@pytest.fixture
def full_disk():
    """A limit of 4 kB per file, which looks to a writer like a full disk."""
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN  # so that write() fails instead
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["mesh.vtu", "mesh.xdmf", "mesh.vti"])
def test_full_disk_is_an_error_that_leaves_the_older_file(tmp_path, full_disk, name):
    old = tmp_path / name
    old.write_bytes(b"older")
    noise = np.random.default_rng(0).integers(0, 3, (20, 20, 20))  # compresses badly
    volume = Volume(noise, 1e-6)
    mesh = VoxelMesh.from_volume(volume)
    write = mesh.write if name != "mesh.vti" else lambda path: write_vti(path, volume)
    with pytest.raises(OSError):
        write(old)
    assert old.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == [name]
