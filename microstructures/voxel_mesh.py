"""VoxelMesh: voxels as hexahedra. Volumes are (nz, ny, nx), but nodes have columns (x, y, z)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures import _hexahedra, mesh_io
from microstructures.errors import InvalidMeshError
from microstructures.mesh_io import FilePath, phase_field_data, phase_names
from microstructures.phases import Phase
from microstructures.volume import Volume, checked_spacing
from microstructures.vti import write_vti
from microstructures.wording import lengths

if TYPE_CHECKING:
    import meshio
    import pyvista

__all__ = ["VoxelMesh", "write_vti"]


@dataclass(frozen=True, eq=False, repr=False)
class VoxelMesh:
    """Hexahedra, one per voxel of the chosen phases, that share their nodes.

    Mind the two orders: a volume's array axes and ``spacing`` are (z, y, x), the columns of
    ``points`` are (x, y, z) as VTK, ParaView and finite-element codes expect. The low corner of
    voxel [0, 0, 0] is the origin. The arrays are viewed, not copied, and not writeable here.

    Args:
        points: nodes of shape (n, 3), columns (x, y, z), in m.
        cells: node numbers of shape (m, 8) in the order of VTK's hexahedron (positive Jacobian).
        phase_ids: phase of each hexahedron, shape (m,), 0…65535.
        phases: name of each phase id that occurs.
        spacing: edges (dz, dy, dx) of every hexahedron in m.

    Raises:
        InvalidMeshError: there is no cell, a cell is not a box of that size in that order,
            or a phase has no name.
        InvalidVolumeError: the spacing is not positive and finite.
    """

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    phase_ids: NDArray[np.uint16]
    phases: Mapping[int, str]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:  # the dataclass is frozen
            object.__setattr__(self, name, value)

        put("spacing", checked_spacing(self.spacing))
        put("points", _read_only(_hexahedra.checked_points(self.points)))
        put("cells", _read_only(_hexahedra.checked_cells(self.cells, len(self.points))))
        put("phase_ids", _read_only(_hexahedra.checked_phase_ids(self.phase_ids, len(self.cells))))
        put("phases", _hexahedra.checked_names(self.phases, self.phase_ids))
        _hexahedra.refuse_other_shapes(self.points, self.cells, self.spacing)

    @classmethod
    def from_volume(
        cls, volume: Volume, phases: Phase | Sequence[Phase] | None = None
    ) -> "VoxelMesh":
        """The voxels of chosen phases as hexahedra, in the order of the array.

        Memory: 72 bytes per hexahedron and 24 per node are kept; at the peak 16 more per
        hexahedron and 5 per node of the whole grid, (nz + 1)(ny + 1)(nx + 1).

        Args:
            volume: labels of shape (nz, ny, nx), spacing in m.
            phases: one phase or several, by name or id; by default all that occur. Voxels
                outside are never meshed.

        Raises:
            UnknownPhaseError: the volume has no such phase.
            InvalidMeshError: a chosen phase has no voxel.
        """
        ids = _chosen_phases(volume, phases)
        mask = volume.mask(*ids)
        points, cells = _hexahedra.numbered(mask, volume.spacing)
        names = {label: volume.phases[label] for label in ids}
        return cls(points, cells, volume.labels[mask].astype(np.uint16), names, volume.spacing)

    def volume(self) -> float:
        """Volume of all hexahedra together in m³."""
        dz, dy, dx = self.spacing
        return len(self.cells) * (dz * dy * dx)

    def write(self, path: FilePath) -> None:
        """The mesh as ``.vtu``, or as ``.xdmf`` with ``NAME.xdmf.h5`` beside it.

        Phase ids are cell data "phase"; phase names are field data ``{name: [id, 3]}``.

        Raises:
            InvalidMeshError: the suffix is neither.
            InvalidInputError: the folder does not exist.
            OSError: the disk is full or not writeable; what was there before is still there.
        """
        mesh_io.write(path, self.to_meshio())

    @classmethod
    def read(cls, path: FilePath) -> "VoxelMesh":
        """The mesh in a ``.vtu`` or ``.xdmf`` file.

        Raises:
            InvalidMeshError: the file is missing, damaged, or holds no voxel mesh.
        """
        mesh = mesh_io.read(path)
        try:
            return cls.from_meshio(mesh)
        except InvalidMeshError as error:
            raise InvalidMeshError(f"{path}: {error}") from None

    def to_meshio(self) -> "meshio.Mesh":
        """The mesh for meshio: one block of hexahedra, cell data "phase", names as field data."""
        import meshio

        small = len(self.points) < 2**31  # half the bytes to compress and to store
        return meshio.Mesh(
            self.points,
            [("hexahedron", self.cells.astype(np.int32) if small else self.cells)],
            cell_data={"phase": [self.phase_ids]},
            field_data=phase_field_data(self.phases),
        )

    @classmethod
    def from_meshio(cls, mesh: "meshio.Mesh") -> "VoxelMesh":
        """A copy of a meshio mesh of equal boxes with cell data "phase".

        Phases that field data ``{name: [id, 3]}`` does not name are called "phase id".

        Raises:
            InvalidMeshError: there are other cells than hexahedra, or no phases.
        """
        _refuse_other_cells({block.type for block in mesh.cells} - {"hexahedron"})
        ids = mesh.cell_data.get("phase", [])
        return cls._assembled(
            mesh.points,
            np.concatenate([block.data for block in mesh.cells] or [np.empty((0, 8), int)]),
            np.concatenate(ids) if ids else None,
            mesh.field_data,
        )

    def to_pyvista(self) -> "pyvista.UnstructuredGrid":
        """A copy of the mesh as a PyVista grid, cell data "phase", names as field data."""
        import pyvista

        hexahedra = {pyvista.CellType.HEXAHEDRON: self.cells.copy()}
        grid = pyvista.UnstructuredGrid(hexahedra, self.points.copy())
        grid.cell_data["phase"] = self.phase_ids.copy()
        for name, value in phase_field_data(self.phases).items():
            grid.field_data[name] = value
        return grid

    @classmethod
    def from_pyvista(cls, grid: "pyvista.UnstructuredGrid") -> "VoxelMesh":
        """A copy of a PyVista grid of equal boxes with cell data "phase"; see `from_meshio`.

        Raises:
            InvalidMeshError: there are other cells than hexahedra, or no phases.
        """
        import pyvista

        kinds = {pyvista.CellType(kind) for kind in np.unique(grid.celltypes)}
        _refuse_other_cells({kind.name.lower() for kind in kinds} - {"hexahedron"})
        ids = np.array(grid.cell_data["phase"]) if "phase" in grid.cell_data else None
        field_data = {name: np.asarray(grid.field_data[name]) for name in grid.field_data}
        cells = np.array(grid.cell_connectivity).reshape(-1, 8)
        return cls._assembled(np.asarray(grid.points), cells, ids, field_data)

    @classmethod
    def _assembled(
        cls, points: Any, cells: NDArray[Any], ids: NDArray[Any] | None, fields: Mapping[str, Any]
    ) -> "VoxelMesh":
        if ids is None:
            raise InvalidMeshError(
                'the mesh has no cell data "phase", which says what each hexahedron is: add it'
            )
        points = _hexahedra.checked_points(np.array(points))
        cells = _hexahedra.checked_cells(cells, len(points))
        ids = _hexahedra.checked_phase_ids(ids, len(cells))
        return cls(points, cells, ids, _names(fields, ids), _hexahedra.mean_edges(points, cells))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.points,
            self.cells,
            self.phase_ids,
            dict(self.phases),
            self.spacing,
        )

    def __repr__(self) -> str:
        counts = np.bincount(self.phase_ids)
        parts = " · ".join(f"{name} {counts[label]}" for label, name in self.phases.items())
        return (
            f"VoxelMesh  {len(self.cells)} hexahedra of {lengths(self.spacing)}, "
            f"{len(self.points)} nodes\n           {parts}"
        )


def _chosen_phases(volume: Volume, phases: Phase | Sequence[Phase] | None) -> list[int]:
    """Ids of the wanted phases, each once, every one of them with voxels."""
    if phases is None:
        ids = [label for label in volume.phases if volume.voxels(label)]
    else:
        several = [phases] if isinstance(phases, str | int | np.integer) else phases
        ids = list(dict.fromkeys(volume.phase_id(phase) for phase in several))
    empty = [volume.phases[label] for label in ids if not volume.voxels(label)]
    if empty or not ids:
        raise InvalidMeshError(
            f"{' and '.join(map(repr, empty)) or 'the choice'} has no voxel to mesh: "
            f"choose from {[name for name, f in volume.fractions().items() if f]}"
        )
    return ids


def _names(field_data: Mapping[str, Any], phase_ids: NDArray[np.uint16]) -> dict[int, str]:
    """Name of each id that occurs, from ``{name: [id, 3]}`` where it is there."""
    named = phase_names(field_data)
    present = np.flatnonzero(np.bincount(phase_ids))
    return {int(label): named.get(int(label), f"phase {label}") for label in present}


def _refuse_other_cells(kinds: set[str]) -> None:
    if kinds:
        raise InvalidMeshError(
            f"the mesh holds {', '.join(sorted(kinds))} cells, but only hexahedra can be voxels: "
            "extract the hexahedra first"
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
