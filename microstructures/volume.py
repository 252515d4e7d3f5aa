"""Volume: a segmented electrode. Labels have shape (nz, ny, nx), spacing is (dz, dy, dx) in m."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import _reshape
from microstructures.errors import InvalidInputError, InvalidVolumeError
from microstructures.phases import Phase, find_phase, phase_table

Side: TypeAlias = Literal["low", "high"]
Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

FEW_LABELS = 8  # up to which comparing with each is faster than counting all at once


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a volume came from: its source, the sha256 of that file, and what was done since."""

    source: str = "array"
    sha256: str | None = None
    history: tuple[str, ...] = ()

    def then(self, step: str) -> "Provenance":
        """The same origin with one more step in its history."""
        return replace(self, history=(*self.history, step))


@dataclass(frozen=True, eq=False)
class Volume:
    """A segmented volume: a label per voxel, the voxel size, and what the labels mean.

    Immutable: every method returns a new volume. Two volumes are the same if their ``sha256`` is.

    Args:
        labels: integers or booleans of shape (nz, ny, nx), 0…65535; copied unless read-only.
        spacing: voxel edge in m, a scalar or (dz, dy, dx).
        phases: name of each label; by default "phase 0", "phase 1", …
        through_axis: array axis that runs through the electrode's thickness.
        collector: the end of that axis at which the current collector lies, "low" or "high".
        outside: label of voxels that are not electrode (foil, cropped corner, mask), if any.
        provenance: source and history.

    Raises:
        InvalidVolumeError: labels are not three-dimensional integers, a label has no name,
            or the spacing is not positive and finite.
    """

    labels: Labels
    spacing: tuple[float, float, float]
    phases: Mapping[int, str] = None  # type: ignore[assignment]  # always a mapping once built
    through_axis: int = 0
    collector: Side = "high"
    outside: int | None = None
    provenance: Provenance = field(default_factory=Provenance)

    def __init__(
        self,
        labels: ArrayLike,
        spacing: float | tuple[float, float, float],
        phases: Mapping[int, str] | None = None,
        *,
        through_axis: int = 0,
        collector: Side = "high",
        outside: int | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        def put(name: str, value: Any) -> None:  # the dataclass is frozen
            object.__setattr__(self, name, value)

        put("labels", _checked_labels(labels))
        put("spacing", checked_spacing(spacing))
        put("through_axis", checked_axis(through_axis))
        put("collector", _checked_side(collector))
        put("outside", _checked_outside(outside))
        put("provenance", provenance or Provenance())
        voxels = {label: n / self.labels.size for label, n in self._counts.items()}
        put("phases", phase_table(phases, voxels, self.outside))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along each axis."""
        nz, ny, nx = self.labels.shape
        return nz, ny, nx

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths of the whole volume in m."""
        (nz, ny, nx), (dz, dy, dx) = self.shape, self.spacing
        return nz * dz, ny * dy, nx * dx

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in m³."""
        dz, dy, dx = self.spacing
        return dz * dy * dx

    @cached_property
    def _counts(self) -> dict[int, int]:
        flat = self.labels.ravel()
        counts = np.zeros(int(flat.max()) + 1, dtype=np.int64)
        if len(counts) <= FEW_LABELS:
            counts[:] = [np.count_nonzero(flat == label) for label in range(len(counts))]
        else:
            for start in range(0, flat.size, 2**18):  # bincount widens its input to 64 bit
                counts += np.bincount(flat[start : start + 2**18], minlength=len(counts))
        return {int(label): int(counts[label]) for label in np.flatnonzero(counts)}

    @cached_property
    def inside_voxels(self) -> int:
        """Number of voxels that belong to the electrode (all but those outside)."""
        return sum(n for label, n in self._counts.items() if label != self.outside)

    @cached_property
    def sha256(self) -> str:
        """Identity of the volume: labels, spacing, phases, orientation and outside label."""
        header = (
            self.shape,
            self.spacing,
            tuple(self.phases.items()),
            self.through_axis,
            self.collector,
            self.outside,
        )
        digest = hashlib.sha256(repr(header).encode())
        for layer in self.labels:  # 16 bit whatever the storage, so that equal labels hash equally
            digest.update(np.ascontiguousarray(layer, dtype="<u2").tobytes())
        return digest.hexdigest()

    def phase_id(self, phase: Phase) -> int:
        """Label of a phase given by name or id. Raises UnknownPhaseError."""
        return find_phase(phase, self.phases)

    def phase_name(self, phase: Phase) -> str:
        """Name of a phase given by name or id. Raises UnknownPhaseError."""
        return self.phases[self.phase_id(phase)]

    def axis(self, axis: int | None) -> int:
        """``axis`` checked, or the through-plane axis where it is None."""
        return self.through_axis if axis is None else checked_axis(axis)

    def voxels(self, phase: Phase) -> int:
        """Number of voxels of a phase."""
        return self._counts.get(self.phase_id(phase), 0)

    def fraction(self, phase: Phase) -> float:
        """Volume fraction of a phase among the voxels that are not outside."""
        return self.voxels(phase) / self.inside_voxels if self.inside_voxels else 0.0

    def fractions(self) -> dict[str, float]:
        """Volume fraction of every phase by name."""
        return {name: self.fraction(label) for label, name in self.phases.items()}

    def profile(self, phase: Phase, axis: int | None = None) -> NDArray[np.float64]:
        """Volume fraction of a phase in each layer along ``axis``; NaN where all is outside."""
        label, axis = self.phase_id(phase), self.axis(axis)
        others = tuple(a for a in range(3) if a != axis)
        of_phase = np.count_nonzero(self.labels == label, axis=others).astype(float)
        inside = np.full(self.shape[axis], self.labels.size / self.shape[axis])
        if self.outside is not None:
            inside -= np.count_nonzero(self.labels == self.outside, axis=others)
        out = np.full(len(inside), np.nan)
        return np.divide(of_phase, inside, out=out, where=inside > 0)

    def mask(self, *phases: Phase) -> NDArray[np.bool_]:
        """True where a voxel belongs to one of the phases."""
        wanted = [self.phase_id(phase) for phase in phases]
        return np.isin(self.labels, np.array(wanted, dtype=np.int64), kind="table")

    def with_labels(self, labels: ArrayLike, step: str, **changes: Any) -> "Volume":
        """A volume with other labels and otherwise the same, ``step`` added to its history."""
        kept: dict[str, Any] = {
            "spacing": self.spacing,
            "phases": self.phases,
            "through_axis": self.through_axis,
            "collector": self.collector,
            "outside": self.outside,
            "provenance": self.provenance.then(step),
        }
        return Volume(labels, **(kept | changes))

    def cropped(
        self,
        z: _reshape.Range = None,
        y: _reshape.Range = None,
        x: _reshape.Range = None,
    ) -> "Volume":
        """The part between voxel indices, each a slice, a (start, stop) pair or None for all."""
        window = _reshape.window((z, y, x), self.shape)
        return self.with_labels(self.labels[window], f"cropped to {_reshape.describe(window)}")

    def flipped(self, axis: int) -> "Volume":
        """The mirror image along ``axis``; through the thickness the collector changes end."""
        axis = checked_axis(axis)
        moved = {"collector": "low" if self.collector == "high" else "high"}
        changes = moved if axis == self.through_axis else {}
        return self.with_labels(np.flip(self.labels, axis), f"flipped axis {axis}", **changes)

    def transposed(self, *axes: int) -> "Volume":
        """Axes in another order: new axis i is old axis ``axes[i]``; reversed by default."""
        order = _reshape.permutation(axes)
        return self.with_labels(
            np.transpose(self.labels, order),
            f"transposed to axes {order}",
            spacing=tuple(self.spacing[a] for a in order),
            through_axis=order.index(self.through_axis),
        )

    def coarsened(self, factor: int | tuple[int, int, int]) -> "Volume":
        """Blocks of ``factor`` voxels merged to the label that most of them have.

        Ties go to each of the tied labels in turn, so that fractions do not drift; voxels that
        fill no whole block at the high ends are dropped.
        """
        factors = _reshape.block_factors(factor, self.shape)
        return self.with_labels(
            _reshape.majority(self.labels, factors),
            f"coarsened by {factors}",
            spacing=tuple(h * f for h, f in zip(self.spacing, factors, strict=True)),
        )

    def relabelled(
        self, mapping: Mapping[Phase, Phase], phases: Mapping[int, str] | None = None
    ) -> "Volume":
        """Phases given other ids, or merged: ``{85: 1, 170: 2}``, ``{"CBD": "NMC"}``.

        An id that is new takes the name of the phase that moved there, unless ``phases`` names it.
        """
        table = _reshape.relabelling(mapping, self)
        if phases is None:
            phases = _reshape.moved_names(table, self)
        step = "relabelled " + ", ".join(f"{a} to {b}" for a, b in table.items())
        return self.with_labels(_reshape.relabel(self.labels, table), step, phases=phases)

    def padded(self, width: int | tuple[Any, ...], phase: Phase | None = None) -> "Volume":
        """A rim of ``width`` voxels, or per axis (low, high), of a phase, or outside by default."""
        widths = _reshape.pad_widths(width)
        label, outside = _reshape.pad_label(phase, self)
        labels = np.pad(
            self.labels.astype(np.uint16 if label > 255 else self.labels.dtype),
            widths,
            constant_values=label,
        )
        return self.with_labels(labels, f"padded by {widths} with label {label}", outside=outside)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (
            self.labels,
            self.spacing,
            dict(self.phases),
            self.through_axis,
            self.collector,
            self.outside,
            self.provenance,
        )

    def __repr__(self) -> str:
        from microstructures import _repr

        return _repr.text(self)

    def _repr_html_(self) -> str:
        from microstructures import _repr

        return _repr.html(self)


def _rebuilt(
    labels: Labels,
    spacing: tuple[float, float, float],
    phases: dict[int, str],
    through_axis: int,
    collector: Side,
    outside: int | None,
    provenance: Provenance,
) -> Volume:
    labels.flags.writeable = False  # pickle hands over an array nobody else holds
    return Volume(
        labels,
        spacing,
        phases,
        through_axis=through_axis,
        collector=collector,
        outside=outside,
        provenance=provenance,
    )


def checked_axis(axis: int) -> int:
    """``axis`` as 0, 1 or 2; negative axes count from the end. Raises InvalidInputError."""
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer) or not -3 <= axis <= 2:
        raise InvalidInputError(f"axis {axis!r} is not one of 0, 1, 2: the axes are (z, y, x)")
    return int(axis) % 3


def checked_spacing(spacing: Any) -> tuple[float, float, float]:
    """``spacing`` as three lengths in m. Raises InvalidVolumeError."""
    try:
        lengths = np.asarray(np.nan if _has_booleans(spacing) else spacing, dtype=float)
    except (TypeError, ValueError):
        lengths = np.array([])
    if lengths.shape == ():
        lengths = np.repeat(lengths, 3)
    if lengths.shape != (3,) or not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise InvalidVolumeError(
            f"spacing {spacing!r} is not a voxel size: give a length in metres such as 398e-9, "
            "or (dz, dy, dx)"
        )
    dz, dy, dx = (float(h) for h in lengths)
    return dz, dy, dx


def _has_booleans(values: Any) -> bool:
    return any(
        isinstance(value, bool | np.bool_) for value in np.asarray(values, dtype=object).flat
    )


def _checked_side(side: str) -> Side:
    if side not in ("low", "high"):
        raise InvalidVolumeError(
            f"collector {side!r} is neither 'low' nor 'high': name the end of the through axis "
            "at which the current collector lies"
        )
    return side  # type: ignore[return-value]


def _checked_outside(outside: object) -> int | None:
    if outside is None:
        return None
    is_whole = isinstance(outside, int | np.integer) and not isinstance(outside, bool)
    if not is_whole or not 0 <= outside <= 65535:  # type: ignore[operator]
        raise InvalidVolumeError(
            f"outside {outside!r} is no integer in 0…65535: give the label of voxels outside, "
            "or None"
        )
    return int(outside)  # type: ignore[call-overload]


def _checked_labels(labels: ArrayLike) -> Labels:
    if isinstance(labels, np.ma.MaskedArray):
        raise InvalidVolumeError(
            "labels are a masked array: fill it with a label of its own, labels.filled(255), "
            "and pass outside=255"
        )
    array = np.asarray(labels)
    if array.ndim != 3:
        raise InvalidVolumeError(
            f"labels have shape {array.shape}, but a volume has three axes (nz, ny, nx): "
            "add or pick an axis, for example labels[None] for a single slice"
        )
    if array.size == 0:
        raise InvalidVolumeError(
            f"labels of shape {array.shape} hold no voxel: pass a volume with some"
        )
    if array.dtype.kind not in "bui":
        raise InvalidVolumeError(
            f"labels have dtype {array.dtype}, but phases are integers: segment the volume, "
            "or cast it yourself if every value is a whole number"
        )
    return _frozen(array.astype(_label_dtype(array), order="C", copy=not _is_frozen(array)))


def _label_dtype(array: NDArray[Any]) -> Any:
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise InvalidVolumeError(
            f"labels run from {low} to {high}, but must lie in 0…65535: relabel the array"
        )
    if array.dtype in (np.uint8, np.uint16):
        return array.dtype
    return np.uint8 if high < 256 else np.uint16


def _is_frozen(array: NDArray[Any]) -> bool:
    """True if nobody can write to the memory through this array or the one it views."""
    base = array.base
    return not array.flags.writeable and (
        base is None or (isinstance(base, np.ndarray) and not base.flags.writeable)
    )


def _frozen(array: Labels) -> Labels:
    array.flags.writeable = False
    return array
