"""Geometry, round trips and ParaView images of voxel meshes, against what the voxels say."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from microstructures.errors import InvalidMeshError, UnknownPhaseError
from microstructures.volume import Volume
from microstructures.voxel_mesh import VoxelMesh, write_vti

SPACING = (50e-9, 30e-9, 20e-9)  # (dz, dy, dx), all different so that no mix-up goes unseen
SHAPE = (2, 3, 4)
ROUNDING = 1e-12  # a few hundred roundings of double precision


def solid():
    return Volume(np.ones(SHAPE, np.uint8), SPACING, {1: "NMC"})


def electrode(outside=None):
    labels = np.random.default_rng(5).integers(0, 3, (4, 5, 6))
    names = {0: "pore", 1: "NMC", 2: "CBD"}
    return Volume(
        labels, SPACING, {k: v for k, v in names.items() if k != outside}, outside=outside
    )


def voxel_centres(volume, mask):
    """Centres (x, y, z) of the voxels in a mask, in array order."""
    return ((np.argwhere(mask) + 0.5) * volume.spacing)[:, ::-1]


def test_block_shares_the_nodes_between_neighbours():
    mesh = VoxelMesh.from_volume(solid())
    assert mesh.points.shape == (3 * 4 * 5, 3)
    assert mesh.cells.shape == (2 * 3 * 4, 8)
    assert len(np.unique(mesh.points, axis=0)) == len(mesh.points)


def test_single_voxel_has_the_nodes_in_vtk_order():
    mesh = VoxelMesh.from_volume(Volume(np.zeros((1, 1, 1), int), SPACING))
    dz, dy, dx = SPACING
    bottom = [(0, 0, 0), (dx, 0, 0), (dx, dy, 0), (0, dy, 0)]
    corners = bottom + [(x, y, dz) for x, y, _ in bottom]
    np.testing.assert_array_equal(mesh.points[mesh.cells[0]], corners)


def test_nodes_of_the_block_span_its_size_in_x_y_z():
    points = VoxelMesh.from_volume(solid()).points
    np.testing.assert_allclose(np.ptp(points, axis=0), solid().size[::-1], rtol=ROUNDING)
    np.testing.assert_array_equal(points.min(axis=0), 0)


def test_only_nodes_in_use_are_kept():
    labels = np.zeros((5, 5, 5), int)
    labels[0, 0, 0] = labels[4, 4, 4] = 1
    mesh = VoxelMesh.from_volume(Volume(labels, 1e-6), 1)
    assert len(mesh.points) == 16
    np.testing.assert_array_equal(np.unique(mesh.cells), np.arange(16))


def test_voxels_that_touch_at_an_edge_share_its_two_nodes():
    labels = np.array([[[1, 0], [0, 1]]])
    assert len(VoxelMesh.from_volume(Volume(labels, 1e-6), 1).points) == 14


def test_hexahedra_lie_where_the_voxels_are():
    volume = electrode()
    mesh = VoxelMesh.from_volume(volume, ["NMC", "CBD"])
    centres = mesh.points[mesh.cells].mean(axis=1)
    wanted = voxel_centres(volume, volume.mask("NMC", "CBD"))
    np.testing.assert_allclose(centres, wanted, rtol=ROUNDING)


def test_phase_ids_are_the_labels():
    volume = electrode()
    mesh = VoxelMesh.from_volume(volume)
    np.testing.assert_array_equal(mesh.phase_ids, volume.labels.ravel())
    assert dict(mesh.phases) == dict(volume.phases)


@pytest.mark.parametrize("phases", ["NMC", 1, np.int64(1), ["NMC"], ["NMC", 1]])
def test_phase_is_chosen_by_name_or_id(phases):
    volume = electrode()
    mesh = VoxelMesh.from_volume(volume, phases)
    assert dict(mesh.phases) == {1: "NMC"}
    assert len(mesh.cells) == volume.voxels("NMC")


def test_volume_of_the_mesh_is_that_of_the_voxels():
    volume = electrode()
    mesh = VoxelMesh.from_volume(volume, ["NMC", "CBD"])
    wanted = (volume.voxels("NMC") + volume.voxels("CBD")) * volume.voxel_volume
    assert mesh.volume() == pytest.approx(wanted, rel=ROUNDING)


def test_outside_is_never_meshed():
    volume = electrode(outside=2)
    mesh = VoxelMesh.from_volume(volume)
    assert set(mesh.phases) == {0, 1}
    assert len(mesh.cells) == volume.inside_voxels


def test_labels_above_255_are_kept():
    volume = Volume(np.array([[[7, 65535]]]), 1e-6)
    assert VoxelMesh.from_volume(volume).phase_ids.tolist() == [7, 65535]


def test_named_phase_without_voxels_is_skipped_by_default_and_refused_when_chosen():
    volume = Volume(np.zeros((2, 2, 2), int), 1e-6, {0: "pore", 1: "NMC"})
    assert dict(VoxelMesh.from_volume(volume).phases) == {0: "pore"}
    with pytest.raises(InvalidMeshError, match=r"'NMC' has no voxel to mesh: .*'pore'"):
        VoxelMesh.from_volume(volume, "NMC")


def test_volume_with_nothing_but_outside_is_refused():
    with pytest.raises(InvalidMeshError, match="no voxel"):
        VoxelMesh.from_volume(Volume(np.zeros((2, 2, 2), int), 1e-6, outside=0))
    with pytest.raises(InvalidMeshError, match="no voxel"):
        VoxelMesh.from_volume(electrode(), [])


def test_unknown_phase_is_refused():
    with pytest.raises(UnknownPhaseError):
        VoxelMesh.from_volume(electrode(), "LFP")


def test_arrays_cannot_be_written_to():
    mesh = VoxelMesh.from_volume(electrode())
    for array in (mesh.points, mesh.cells, mesh.phase_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_mesh_says_what_it_is():
    text = repr(VoxelMesh.from_volume(solid()))
    assert "24 hexahedra of 50 nm × 30 nm × 20 nm, 60 nodes" in text
    assert "NMC 24" in text


def assert_same(mesh, other):
    np.testing.assert_array_equal(mesh.points, other.points)
    np.testing.assert_array_equal(mesh.cells, other.cells)
    np.testing.assert_array_equal(mesh.phase_ids, other.phase_ids)
    assert dict(mesh.phases) == dict(other.phases)
    assert mesh.spacing == pytest.approx(other.spacing, rel=ROUNDING)


def strange_names():
    names = {0: 'pore "A" & <B>', 1: "spacing", 2: "Kohlenstoff µ\N{NO-BREAK SPACE}é 'C'"}
    return Volume(electrode().labels, SPACING, names)


@pytest.mark.parametrize("suffix", [".vtu", ".xdmf", ".VTU"])
@pytest.mark.parametrize("volume", [electrode(), strange_names()], ids=["plain", "strange"])
def test_file_gives_the_mesh_back(tmp_path, volume, suffix):
    mesh = VoxelMesh.from_volume(volume, [0, 2])
    mesh.write(tmp_path / f"mesh{suffix}")
    assert_same(VoxelMesh.read(tmp_path / f"mesh{suffix}"), mesh)


def test_meshio_pyvista_and_pickle_give_the_mesh_back():
    mesh = VoxelMesh.from_volume(strange_names(), [0, 2])
    assert_same(VoxelMesh.from_meshio(mesh.to_meshio()), mesh)
    assert_same(VoxelMesh.from_pyvista(mesh.to_pyvista()), mesh)
    assert_same(pickle.loads(pickle.dumps(mesh)), mesh)


def test_pyvista_grid_is_a_copy():
    mesh = VoxelMesh.from_volume(electrode())
    grid = mesh.to_pyvista()
    grid.points[:] = 1
    grid.cell_data["phase"][:] = 1
    assert_same(VoxelMesh.from_volume(electrode()), mesh)


def test_mesh_far_from_the_origin_in_single_precision_keeps_its_voxel_size():
    mesh = VoxelMesh.from_volume(electrode()).to_meshio()
    mesh.points = (mesh.points + 1000 * np.array(SPACING[::-1])).astype(np.float32)
    # 1000 voxels away, single precision resolves 6e-5 of a voxel
    assert VoxelMesh.from_meshio(mesh).spacing == pytest.approx(SPACING, rel=1e-4)


def test_mesh_written_by_vtk_itself_is_read(tmp_path):
    mesh = VoxelMesh.from_volume(electrode(), ["NMC", "CBD"])
    mesh.to_pyvista().save(tmp_path / "vtk.vtu")
    assert_same(VoxelMesh.read(tmp_path / "vtk.vtu"), mesh)


def test_vtk_reads_the_vtu_and_finds_the_voxel_volumes_and_names(tmp_path):
    import pyvista

    volume = electrode()
    VoxelMesh.from_volume(volume).write(tmp_path / "mesh.vtu")
    grid = pyvista.read(tmp_path / "mesh.vtu")
    sizes = grid.compute_cell_sizes(length=False, area=False)["Volume"]
    # positive only if the Jacobian is
    np.testing.assert_allclose(sizes, volume.voxel_volume, rtol=1e-9)
    np.testing.assert_array_equal(grid.cell_data["phase"], volume.labels.ravel())
    assert {name: list(grid.field_data[name]) for name in grid.field_data} == {
        "pore": [0, 3],
        "NMC": [1, 3],
        "CBD": [2, 3],
    }


def test_vtk_reads_the_xdmf(tmp_path):
    from vtkmodules.vtkIOXdmf2 import vtkXdmfReader

    mesh = VoxelMesh.from_volume(electrode())
    mesh.write(tmp_path / "mesh.xdmf")
    reader = vtkXdmfReader()
    reader.SetFileName(str(tmp_path / "mesh.xdmf"))
    reader.Update()
    grid = reader.GetOutputDataObject(0)
    assert grid.GetNumberOfCells() == len(mesh.cells)
    assert grid.GetNumberOfPoints() == len(mesh.points)


def test_files_appear_alone_and_replace_older_ones(tmp_path):
    (tmp_path / "mesh.h5").write_bytes(b"somebody else's")
    for phases in (["NMC"], ["CBD", "pore"]):
        mesh = VoxelMesh.from_volume(electrode(), phases)
        for name in ("mesh.vtu", "mesh.xdmf"):
            mesh.write(tmp_path / name)
            assert_same(VoxelMesh.read(tmp_path / name), mesh)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["mesh.h5", "mesh.vtu", "mesh.xdmf", "mesh.xdmf.h5"]
    assert (tmp_path / "mesh.h5").read_bytes() == b"somebody else's"


def test_xdmf_pair_can_be_moved(tmp_path):
    mesh = VoxelMesh.from_volume(electrode())
    mesh.write(tmp_path / "mesh.xdmf")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("mesh.xdmf", "mesh.xdmf.h5"):
        (tmp_path / name).rename(folder / name)
    assert_same(VoxelMesh.read(folder / "mesh.xdmf"), mesh)


def test_vti_holds_labels_and_fields_at_the_voxels(tmp_path):
    import pyvista

    volume = electrode()
    z, y, x = np.meshgrid(*((np.arange(n) + 0.5) for n in volume.shape), indexing="ij")
    dz, dy, dx = SPACING
    fields = {
        "position": np.stack([z * dz, y * dy, x * dx]),
        "height": (z * dz).astype(np.float32),
        "is NMC": volume.mask("NMC"),
    }
    write_vti(tmp_path / "volume.vti", volume, fields)
    image = pyvista.read(tmp_path / "volume.vti")
    centres = image.cell_centers().points
    assert image.spacing == pytest.approx((dx, dy, dz), rel=ROUNDING)
    np.testing.assert_allclose(image.cell_data["position"], centres, rtol=1e-6)  # float32 centres
    np.testing.assert_allclose(image.cell_data["height"], centres[:, 2], rtol=1e-6)
    np.testing.assert_array_equal(image.cell_data["phase"], volume.labels.ravel())
    np.testing.assert_array_equal(image.cell_data["is NMC"], volume.labels.ravel() == 1)
    assert list(image.field_data["NMC"]) == [1, 3]


def test_vti_takes_fields_in_any_memory_order(tmp_path):
    import pyvista

    volume = electrode()
    field = np.asfortranarray(np.arange(volume.labels.size, dtype=float).reshape(volume.shape))
    write_vti(tmp_path / "volume.vti", volume, {"n": field})
    image = pyvista.read(tmp_path / "volume.vti")
    np.testing.assert_array_equal(image.cell_data["n"], np.arange(volume.labels.size))


def test_vti_keeps_names_with_markup_and_replaces_an_older_file(tmp_path):
    import pyvista

    volume = strange_names()
    for _ in range(2):
        write_vti(tmp_path / "v.vti", volume, {'j < "0" & µ': np.zeros(volume.shape)})
    image = pyvista.read(tmp_path / "v.vti")
    assert set(image.cell_data.keys()) == {"phase", 'j < "0" & µ'}
    assert set(image.field_data.keys()) == set(volume.phases.values())
    assert [path.name for path in tmp_path.iterdir()] == ["v.vti"]


def test_importing_the_mesh_loads_no_heavy_library():
    code = (
        "import sys, microstructures.voxel_mesh;"
        "print({'meshio', 'pyvista', 'vtkmodules', 'h5py', 'pandas', 'taichi'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_active_material_of_a_real_cathode_is_meshed_whole(data_folder):
    import tifffile

    labels = tifffile.imread(next(data_folder.glob("nrel_nmc/*.tif")))
    volume = Volume(labels, 398e-9)
    mesh = VoxelMesh.from_volume(volume, 1)
    assert len(mesh.cells) == volume.voxels(1) == 11357945
    assert mesh.volume() == pytest.approx(volume.voxels(1) * volume.voxel_volume, rel=ROUNDING)
