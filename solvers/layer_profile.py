"""Layer profile: where along the axis a solve loses its potential, and why.

Arrays have the axis of the solve first, one value per layer of voxels. Each voxel consists of half
cells with the flux J of their face: the dissipation of a layer is exactly the sum of J² over them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from microstructures.vti import write_vti
from solvers.checks import checked_volume
from solvers.conductivity import Conductivity, Fields
from solvers.face_resistance import FaceResistance, checked_resistance
from solvers.phase_values import field_of
from solvers.results import finite
from solvers.steady_state import METHOD, RESISTIVE
from solvers.tortuosity import Tortuosity
from solvers.turn import flow_first
from solvers.window import inside_window

SAME = 0.02  # relative difference beyond which values are not those of the solve

Array = NDArray[np.float64]
Values: TypeAlias = Mapping[Phase, Any] | NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class TransportProfile:
    """What each layer of voxels along the axis of a solve does; arrays of shape (n,).

    Args:
        depth: of the middle of the layer from the low face of the volume, m.
        volume_fraction: share of the layer whose value is not 0, in 0…1.
        conducting_fraction: share that carries a flux, in 0…1.
        tortuosity_factor: constriction times path, ≥ 1: what the layer would conduct if its
            potential gradient were uniform, over what it does.
        constriction: how unevenly the flux along the axis is spread over the section, ≥ 1: for one
            conducting phase the mean of J_z² over the square of the mean of J_z.
        path: how far the flux runs sideways, ≥ 1: the dissipation over that of the flux along the
            axis, for one conducting phase the mean of |J|² over that of J_z².
        potential: mean over the voxels that carry a flux, 1 at the low electrode and 0 at the high.
        conductivity: of the layer, in the unit of the solve.
        axis: of the solve.
        unit: of ``conductivity``.

    Where nothing conducts from end to end, the conductivities are 0 and the factors inf.
    """

    depth: Array
    volume_fraction: Array
    conducting_fraction: Array
    tortuosity_factor: Array
    constriction: Array
    path: Array
    potential: Array
    conductivity: Array
    axis: int
    unit: str

    def to_dict(self) -> dict[str, Any]:
        """The profile as lists of numbers and text; infinite and undefined numbers become None."""
        columns = {name: [finite(x) for x in values] for name, values in self._columns().items()}
        return columns | {"axis": self.axis, "unit": self.unit}

    def to_frame(self) -> Any:
        """The profile as a pandas DataFrame, one row a layer."""
        import pandas  # slow to import

        return pandas.DataFrame(self._columns())

    def _columns(self) -> dict[str, Array]:
        names = [field.name for field in fields(self) if field.name not in ("axis", "unit")]
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        worst = int(np.argmin(self.conductivity))
        return (
            f"{len(self.depth)} layers along axis {self.axis}; the least conductive, at "
            f"{self.depth[worst]:.4g} m, has {self.conductivity[worst]:.4g} {self.unit}"
        ).removesuffix(" 1")


def transport_profile(
    volume: Volume,
    result: Conductivity | Tortuosity,
    values: Values | None = None,
    *,
    resistance: FaceResistance | None = None,
) -> TransportProfile:
    """Local conductivity, tortuosity factor, constriction and path of each layer along the axis.

    With J the flux density, σ the values, <> the mean over the conducting voxels of a layer and
    J̄ the flux per area of the whole section, the layer's conductivity is 1/σ_z = ε_c <|J|²/σ>/J̄²,
    its tortuosity factor τ_z = ε_c <σ>/σ_z, its constriction <J_z²/σ> <σ>/<J_z>² and its path
    <|J|²/σ>/<J_z²/σ>, with ε_c the conducting fraction. The mean of 1/σ_z over the layers is
    1/σ_eff, the global tortuosity factor of a phase ε times the mean of τ_z/ε_c.

    Args:
        volume: the volume that was solved.
        result: of ``effective_conductivity``, ``effective_diffusivity`` or ``tortuosity_factor``
            with ``fields=True``.
        values: those of the solve, by phase: numbers, or arrays of shape (nz, ny, nx). May be left
            out for a tortuosity factor.
        resistance: of faces, that of the solve; half of each goes to either voxel.

    Raises:
        InvalidInputError: the result has no fields or is of another volume, values are missing,
            or they give another effective value than the solve did.

    Accuracy: the means reproduce the solve to its tolerance, and to the rounding of the potential
        in single precision: within 1e-6 at contrasts up to 1e6, 1e-5 at 1e8. Single layers are
        known to the solve's ``imbalance``. Where the section of the volume changes along the axis,
        each layer refers to its own, and the means hold no longer.
    """
    solved, axis = _solved(checked_volume(volume), result), result.axis
    part, values = inside_window(volume), _default(volume, result, values)
    sigma = np.moveaxis(field_of(volume, values, "values")[part], axis, 0)
    area = np.count_nonzero(_inside(volume, axis), axis=(1, 2))
    depth = ((part[axis].start or 0) + np.arange(len(area)) + 0.5) * volume.spacing[axis]
    with np.errstate(divide="ignore", invalid="ignore"):
        volume_fraction = np.count_nonzero(sigma > 0, axis=(1, 2)) / area
    if solved.fields is None:
        return _blocked(depth, volume_fraction, axis, solved.unit)
    cells = _cells(volume, solved, solved.fields, sigma, resistance)
    flux = _checked_flux(cells, solved, area)
    along, total = cells.dissipation()
    h0, face = cells.spacing[0], cells.spacing[1] * cells.spacing[2]
    flows = np.count_nonzero(cells.sigma, axis=(1, 2))
    constriction = along * cells.sigma.sum(axis=(1, 2)) * face / h0 / flux**2
    return TransportProfile(
        depth=depth,
        volume_fraction=volume_fraction,
        conducting_fraction=flows / area,
        tortuosity_factor=constriction * (total / along),
        constriction=constriction,
        path=total / along,
        potential=cells.potential.sum(axis=(1, 2)) / flows,
        conductivity=flux**2 * h0 / (total * area * face),
        axis=axis,
        unit=solved.unit,
    )


def flux_vectors(
    volume: Volume,
    result: Conductivity | Tortuosity,
    values: Values | None = None,
    *,
    resistance: FaceResistance | None = None,
) -> NDArray[np.float32]:
    """Flux density at the middle of each voxel, over that of the homogeneous block.

    The arguments, errors and accuracy are those of ``transport_profile``.

    Returns:
        Shape (3, nz, ny, nx), components and axes in array-axis order; the mean of the two faces
        of a voxel, 0 where nothing flows.
    """
    solved, axis = _solved(checked_volume(volume), result), result.axis
    vectors = np.zeros((3, *volume.shape), np.float32)
    if solved.fields is None:
        return vectors
    values = _default(volume, result, values)
    part = inside_window(volume)
    sigma = np.moveaxis(field_of(volume, values, "values")[part], axis, 0)
    cells = _cells(volume, solved, solved.fields, sigma, resistance)
    area = np.count_nonzero(_inside(volume, axis), axis=(1, 2))
    flux = _checked_flux(cells, solved, area) / (cells.spacing[1] * cells.spacing[2])
    for number, component in enumerate(flow_first(axis).order):
        inner = np.moveaxis(vectors[component][part], axis, 0)
        inner[...] = cells.mean_flux(number) * (area / flux)[:, None, None]
    return vectors


def write_fields(
    path: str | Path,
    volume: Volume,
    result: Conductivity | Tortuosity,
    values: Values | None = None,
    *,
    resistance: FaceResistance | None = None,
) -> None:
    """Fields of a solve beside the labels as one ``.vti`` image for ParaView.

    "potential" and "flux" are those of ``Fields``, with 0 where nothing flows, and "conducts" is 1
    where something does and 0 elsewhere. "flux_vector" is that of ``flux_vectors``; it is left out
    if it takes ``values`` that are not given.

    Args:
        path: ends in ``.vti``.
        volume: the volume that was solved.
        result: of a solve with ``fields=True``.
        values: those of the solve; not needed for a tortuosity factor.
        resistance: of faces, that of the solve.

    Raises:
        InvalidInputError: the result has no fields, is of another volume or values, or the path
            cannot be used.
        OSError: the disk is full or not writeable.
    """
    solved = _solved(checked_volume(volume), result)
    if solved.fields is None:
        raise InvalidInputError(
            f"nothing conducts along axis {solved.axis}, so that there are no fields: write the "
            "volume alone with microstructures.write_vti"
        )
    conducts = np.isfinite(solved.fields.potential)
    columns: dict[str, ArrayLike] = {
        "potential": np.where(conducts, solved.fields.potential, np.float32(0)),
        "flux": np.where(conducts, solved.fields.flux, np.float32(0)),
        "conducts": conducts,
    }
    if values is not None or isinstance(result, Tortuosity):
        columns["flux_vector"] = flux_vectors(volume, result, values, resistance=resistance)
    write_vti(path, volume, columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Potential and value of the voxels that conduct, 0 elsewhere, the axis of the solve first.

    ``resistance`` is, for each axis, that of the face above each voxel; empty if there is none.
    """

    potential: Array
    sigma: Array
    spacing: tuple[float, float, float]
    resistance: tuple[Array, ...]

    def flux(self, axis: int) -> tuple[Array, Array, Array]:
        """Flux density through the faces normal to an axis, the axis first, and potential drops.

        The drops are those from the voxel below to the one above, and how much more of it is lost
        in the half cell below than in the one above.
        """
        phi, sigma = (np.moveaxis(field, axis, 0) for field in (self.potential, self.sigma))
        with np.errstate(divide="ignore"):
            half = self.spacing[axis] / 2 / sigma
        between = half[:-1] + half[1:]
        if self.resistance:
            between += np.moveaxis(self.resistance[axis], axis, 0)[:-1]
        drop = phi[:-1] - phi[1:]
        flux = drop / between
        half[np.isinf(half)] = 0.0
        return flux, drop, flux * (half[:-1] - half[1:])

    def ends(self) -> tuple[Array, Array]:
        """Flux density from the low electrode and to the high one."""
        entering, leaving = 1.0 - self.potential[0], self.potential[-1]
        scale = 2.0 / self.spacing[0]
        return self.sigma[0] * entering * scale, self.sigma[-1] * leaving * scale

    def dissipation(self) -> tuple[Array, Array]:
        """Of the flux along the axis of the solve in each layer, and of all flux."""
        h0, h1, h2 = self.spacing
        flux, drop, skew = self.flux(0)
        below = (flux * (drop + skew)).sum(axis=(1, 2)) / 2
        above = (flux * (drop - skew)).sum(axis=(1, 2)) / 2
        along = np.append(below, 0.0) + np.append(0.0, above)
        entering, leaving = self.ends()
        along[0] += (entering * (1.0 - self.potential[0])).sum()
        along[-1] += (leaving * self.potential[-1]).sum()
        total = along * h1 * h2
        for axis, face in ((1, h0 * h2), (2, h0 * h1)):
            flux, drop, _ = self.flux(axis)
            flux *= drop
            total += np.moveaxis(flux, 0, axis).sum(axis=(1, 2)) * face
        return along * h1 * h2, total

    def mean_flux(self, axis: int) -> Array:
        """Mean of the flux density through the two faces of each voxel normal to an axis."""
        found = np.zeros(self.sigma.shape)
        sides, flux = np.moveaxis(found, axis, 0), self.flux(axis)[0]
        sides[:-1] += flux / 2
        sides[1:] += flux / 2
        if axis == 0:
            entering, leaving = self.ends()
            found[0] += entering / 2
            found[-1] += leaving / 2
        return found


def _cells(
    volume: Volume,
    solved: Conductivity,
    found: Fields,
    sigma: NDArray[np.floating],
    resistance: FaceResistance | None,
) -> _Cells:
    part, order = inside_window(volume), flow_first(solved.axis).order
    potential = np.moveaxis(found.potential[part], solved.axis, 0).astype(float)
    flows = np.isfinite(potential)
    h0, h1, h2 = (volume.spacing[a] for a in order)
    resists = checked_resistance(resistance, volume)
    if resists is None and RESISTIVE in solved.method:
        raise InvalidInputError("the solve had resistive faces: give resistance as it was there")
    dense = () if resists is None else _dense(resists.within(part, solved.axis))
    return _Cells(np.where(flows, potential, 0.0), np.where(flows, sigma, 0.0), (h0, h1, h2), dense)


def _dense(resistance: FaceResistance) -> tuple[Array, ...]:
    """Resistance of the face above each voxel, for each axis."""
    dense = tuple(np.zeros(resistance.shape) for _ in range(3))
    for field, lower, values in zip(dense, resistance.lower, resistance.values, strict=True):
        field.flat[lower] = values
    return dense


def _checked_flux(cells: _Cells, solved: Conductivity, area: NDArray[np.integer]) -> float:
    """Total flux at a unit drop, which is the dissipation. Raises InvalidInputError."""
    flux = float(cells.dissipation()[1].sum())
    h0, h1, h2 = cells.spacing
    if (area == area[0]).all():
        value = flux * h0 * len(area) / (int(area[0]) * h1 * h2)
        if abs(value - solved.value) > SAME * solved.value:
            raise InvalidInputError(
                f"the potential with these values gives {value:.4g} {solved.unit}, but the solve "
                f"{solved.value:.4g}: give the volume, values and resistance of the solve"
            )
    return flux


def _solved(volume: Volume, result: Any) -> Conductivity:
    """The solve behind a result, if it has fields of this volume or is blocked."""
    solved = result.diffusivity if isinstance(result, Tortuosity) else result
    if not isinstance(solved, Conductivity):
        raise InvalidInputError(
            f"a {type(result).__name__} was given where the result of a solve is wanted: that of "
            "effective_conductivity, effective_diffusivity or tortuosity_factor"
        )
    if not solved.method.startswith(METHOD):
        raise InvalidInputError(
            f"a solve by {solved.method!r} has no profile: solve with plain electrodes, which is "
            "the default boundary"
        )
    if solved.fields is None and solved.percolates:
        raise InvalidInputError("the result has no fields: solve with fields=True")
    if solved.fields is not None and solved.fields.potential.shape != volume.shape:
        raise InvalidInputError(
            f"the fields have {solved.fields.potential.shape} voxels, but the volume has "
            f"{volume.shape}: give the volume that was solved"
        )
    return solved


def _default(volume: Volume, result: Conductivity | Tortuosity, values: Values | None) -> Values:
    if values is None and isinstance(result, Tortuosity):
        return {name: float(name == result.phase) for name in volume.phases.values()}
    if values is None:
        raise InvalidInputError("values are missing: give those of the solve, {phase: value}")
    return values


def _inside(volume: Volume, axis: int) -> NDArray[np.bool_]:
    labels = np.moveaxis(volume.labels[inside_window(volume)], axis, 0)
    return np.ones(labels.shape, bool) if volume.outside is None else labels != volume.outside


def _blocked(depth: Array, fraction: Array, axis: int, unit: str) -> TransportProfile:
    none, inf, nan = (np.full(len(depth), x) for x in (0.0, math.inf, math.nan))
    return TransportProfile(depth, fraction, none, inf, inf, inf, nan, none, axis, unit)
