"""One analysis: read a volume, characterize it, write its report, tables and meshes."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import microstructures
import solvers
from microstructures import Volume
from solvers import progress
from studies.commands.output import built_aside
from studies.commands.settings import AnalysisSettings

if TYPE_CHECKING:
    from twin import PropertyCard


@dataclass(frozen=True)
class Analysis:
    """What one analysis found, and the files it wrote by name."""

    volume: Volume
    card: "PropertyCard"
    files: dict[str, Path]

    @property
    def is_complete(self) -> bool:
        """False if a solve did not converge, so that numbers are missing."""
        return all(entry.status != "not converged" for entry in self.card.entries)


def analyze(settings: AnalysisSettings, volume: Volume | None = None) -> Analysis:
    """The property card of a volume, with its files in the output folder.

    Writes report.html, result.csv and result.json, and mesh.vtu and fields.vti if they are asked
    for. They are written aside and moved into place at the end, so that an error or an
    interruption leaves the folder as it was.

    Args:
        settings: what to read, compute and write.
        volume: taken instead of reading ``settings.volume``.

    Raises:
        TwinError: the file, the settings or the output folder cannot be used, or a solve failed.
    """
    import twin

    with built_aside(settings.output) as folder:
        solvers.use(settings.arch, settings.precision, settings.threads)
        volume = volume or read_volume(settings)
        card = twin.characterize(
            volume,
            materials=settings.materials,
            tolerance=settings.tolerance,
            mechanics=settings.mechanics,
            cell=settings.cell,
        )
        _write(settings, volume, card, folder)
        names = sorted(path.name for path in folder.iterdir())
    return Analysis(volume, card, {name: settings.output / name for name in names})


def read_volume(settings: AnalysisSettings) -> Volume:
    """The volume that the settings name. Raises InvalidVolumeError."""
    with stage(f"reading {settings.volume.name}"):
        return microstructures.read(
            settings.volume,
            spacing=settings.spacing,
            phases=settings.phases,
            outside=settings.outside,
            through_axis=settings.through_axis,
            collector=settings.collector,
            shape=settings.shape,
            dtype=settings.dtype,
            order=settings.order,
        )


def _write(settings: AnalysisSettings, volume: Volume, card: "PropertyCard", folder: Path) -> None:
    from twin import report

    card.to_csv(folder / "result.csv")
    card.to_json(folder / "result.json")
    with stage("writing the report"):
        report.write(card, folder / "report.html", picture=settings.picture)
    if settings.mesh:
        with stage("writing the mesh"):
            microstructures.VoxelMesh.from_volume(volume).write(folder / "mesh.vtu")
    if settings.fields:
        with stage("writing the fields"):
            microstructures.write_vti(folder / "fields.vti", volume, _fields(card))


def _fields(card: "PropertyCard") -> dict[str, NDArray[np.float32]]:
    """Potential, flux and stress on the voxels, 0 where there is none, as far as they are known."""
    fields: dict[str, NDArray[np.float32]] = {}
    if card.fields is not None:
        fields |= {"potential": card.fields.potential, "flux": card.fields.flux}
    if card.mechanics is not None:
        fields |= {
            "von_mises_stress": card.mechanics.von_mises,
            "hydrostatic_stress": card.mechanics.hydrostatic,
        }
    return {name: np.nan_to_num(field) for name, field in fields.items()}


@contextlib.contextmanager
def stage(task: str) -> Iterator[None]:
    """Progress of work that does not say how far it is."""
    progress.report(task, 0.0)
    yield
    progress.report(task, 1.0)
