"""Description of a file: its header, labels and fractions, and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from microstructures import Volume, io
from microstructures.errors import InvalidVolumeError
from microstructures.volume import checked_spacing
from studies.commands.analysis import read_volume
from studies.commands.settings import AnalysisSettings
from studies.commands.wording import as_typed

RARE = 1e-4
"""A phase below this fraction is more likely a slip of the segmentation than a phase."""


@dataclass(frozen=True, slots=True)
class Description:
    """Lines for the terminal; ``problems`` are those that keep the file from being read."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]


def describe(settings: AnalysisSettings) -> Description:
    """What the file that the settings name holds, and what is wrong with it.

    Raises:
        InvalidVolumeError: there is no such file, or nothing is known about its format.
    """
    found = io.probe(settings.volume)
    is_raw = settings.shape is not None or settings.dtype is not None
    problems = () if is_raw else found.problems
    volume: Volume | None = None
    if not problems:
        try:
            volume = read_volume(_with_some_spacing(settings, found))
        except InvalidVolumeError as error:
            problems = (str(error).removeprefix(f"{settings.volume}: "),)
    text = [*_header(found, settings), *(_contents(volume) if volume else ())]
    text += [f"problem:  {as_typed(problem)}" for problem in problems]
    text += [f"look at:  {oddity}" for oddity in (_oddities(volume) if volume else ())]
    return Description(tuple(text), problems)


def _with_some_spacing(settings: AnalysisSettings, found: io.FileInfo) -> AnalysisSettings:
    """Labels can be counted without knowing the voxel size."""
    if settings.spacing is not None or found.spacing is not None:
        return settings
    return settings.model_copy(update={"spacing": found.foreign_spacing or 1.0})


def _header(found: io.FileInfo, settings: AnalysisSettings) -> Iterator[str]:
    shape = found.shape or settings.shape
    yield f"file:     {found.path} ({found.format})"
    yield f"shape:    {' × '.join(map(str, shape)) if shape else 'unknown'} (nz × ny × nx)"
    stored = np.dtype(found.dtype).name if found.dtype else None
    yield f"type:     {stored or settings.dtype or 'unknown'}"
    yield f"voxel:    {_voxel(settings.spacing or found.spacing)}"
    for hint in found.hints:
        yield f"hint:     {hint}"
    for note in found.notes:
        yield f"note:     {note}"


def _voxel(spacing: float | tuple[float, float, float] | None) -> str:
    if spacing is None:
        return "not stated: pass --spacing 398e-9, the edge in metres"
    return " × ".join(f"{edge:.4g}" for edge in checked_spacing(spacing)) + " m"


def _contents(volume: Volume) -> Iterator[str]:
    for label, name in volume.phases.items():
        yield f"label:    {label:<6}{name:14}{volume.fraction(label):.6f}"
    if volume.outside is not None:
        share = 1 - volume.inside_voxels / volume.labels.size
        yield f"outside:  {volume.outside:<6}{share:.6f} of all voxels"
    yield f"sha256:   {volume.provenance.sha256}"


def _oddities(volume: Volume) -> Iterator[str]:
    """What can be read but is probably not meant."""
    if len(volume.phases) == 1:
        yield "every voxel has the same label: there is nothing to compute"
        return
    for label, name in volume.phases.items():
        if volume.fraction(label) < RARE:
            yield f"label {label} ({name}) has only {volume.voxels(label)} voxels: relabel it?"
    for axis in range(3):
        yield from _odd_layers(volume, axis)


def _odd_layers(volume: Volume, axis: int) -> Iterator[str]:
    layers = np.moveaxis(volume.labels, axis, 0)
    uniform = [i for i, layer in enumerate(layers) if (layer == layer.flat[0]).all()]
    repeated = [i for i in range(1, len(layers)) if np.array_equal(layers[i], layers[i - 1])]
    if uniform:
        yield f"axis {axis}: {_numbered(uniform)} of a single label: crop, or pass --outside"
    if repeated := [i for i in repeated if i not in uniform]:
        yield f"axis {axis}: {_numbered(repeated)} equal to the one before: copied slices?"


def _numbered(layers: list[int]) -> str:
    shown = ", ".join(map(str, layers[:5])) + (", …" if len(layers) > 5 else "")
    return f"{len(layers)} layer{'s are' if len(layers) > 1 else ' is'} ({shown})"
