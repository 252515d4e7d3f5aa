"""Effective elastic numbers of an electrode: moduli, swelling strains, back-pressure. SI units.

By reciprocity the swelling strain along an axis is the mean over the volume of σ : ε, σ being the
stress of every voxel under a unit stress along that axis and ε its free swelling, and likewise for
the back-pressure. So each number is a mean of fields, and has a sampling error.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.phases import Phase
from solvers.boundary import Free
from solvers.elastic_constants import effective_stiffness
from solvers.results import SAMPLING, Uncertainty
from solvers.sampling import block_sums, standard_error
from solvers.stiffness import Stiffness
from solvers.superposition import LinearState
from solvers.voigt import SHEARS
from twin._loads import Solved, at_fixed_gap, slides, under_pressure
from twin.card import Entry

Field = NDArray[np.floating[Any]]
UNKNOWN = float("nan")


def entries(solved: Solved, errors: bool = True) -> Iterator[Entry]:
    """Numbers of the electrode as a whole; without their sampling errors if not wanted."""
    if slides(solved.boundary):
        yield from _moduli(solved, errors)
        yield from _swelling(solved, errors)
    yield from _thickness(solved, errors)
    yield from _back_pressure(solved, errors)


def _moduli(solved: Solved, errors: bool) -> Iterator[Entry]:
    compliance = _compliance(solved)
    for axis in range(3):
        free, held = UNKNOWN, float(solved.superposition.stiffness[axis, axis])
        if axis in solved.carrying:
            free = 1.0 / float(compliance[axis, axis])
        uniaxial, confined = compliance[axis] * free, np.eye(6)[axis]
        for name, value, strain, how in (
            ("effective_youngs_modulus", free, uniaxial, "stress over strain, the sides free"),
            ("confined_modulus", held, confined, "stress over strain, the sides held"),
        ):
            error = _energy_error(solved, strain) if errors and axis in solved.carrying else UNKNOWN
            yield _entry(solved, name, axis, value, "Pa", error, how, axis in solved.carrying)
    for axis, (a, b) in enumerate(SHEARS):
        if axis + 3 not in solved.carrying:
            continue
        value = 1.0 / float(compliance[axis + 3, axis + 3])
        error = _energy_error(solved, compliance[axis + 3] * value) if errors else UNKNOWN
        how = f"shear stress over shear strain in the plane of axes {a} and {b}"
        yield _entry(solved, "effective_shear_modulus", axis, value, "Pa", error, how)


def shear_moduli(
    solved: Solved, stiffness: Mapping[str, Stiffness], errors: bool = True
) -> Iterator[Entry]:
    """Shear moduli that the faces do not allow, of a volume between mirrors: six more solves."""
    missing = [axis for axis in range(3) if axis + 3 not in solved.superposition.components]
    if not missing:
        return  # the unit responses have them already
    present: dict[Phase, Stiffness] = {
        name: solid for name, solid in stiffness.items() if solved.volume.voxels(name)
    }
    found = effective_stiffness(
        solved.volume, present, "symmetry", tolerance=1e-5, element=solved.element
    )
    for axis in missing:
        a, b = SHEARS[axis]
        value, error = found.shear_modulus(a, b), float(found.uncertainty[axis + 3, axis + 3])
        how = f"shear stress over shear strain in the plane of axes {a} and {b}, mirrors"
        carried = found.spans[a] and found.spans[b]
        error = error if errors else UNKNOWN
        yield _entry(solved, "effective_shear_modulus", axis, value, "Pa", error, how, carried)


def _swelling(solved: Solved, errors: bool) -> Iterator[Entry]:
    compliance = _compliance(solved)
    for axis in range(3) if solved.strains else ():
        if axis not in solved.carrying:
            continue
        value = -sum(
            amount * float(compliance[axis] @ solved.superposition.back_stress[name])
            for name, amount in solved.strains.items()
        )
        error = _swelling_error(solved, compliance[axis], (0, 1, 2)) if errors else UNKNOWN
        how = "mean strain by swelling from the reference to now if nothing holds the electrode"
        yield _entry(solved, "effective_swelling_strain", axis, value, "1", error, how)


def _thickness(solved: Solved, errors: bool) -> Iterator[Entry]:
    """Change of thickness while the pressure stays as it is."""
    axis = solved.axis
    if isinstance(solved.boundary.axes[axis], Free) and solved.strains:
        before = solved.at(solved.boundary, {})
        value = float(solved.state.expansion[axis] - before.expansion[axis])
        how = "change of the mean distance of the two free faces by swelling"
        yield _entry(solved, "thickness_change", axis, value, "1", UNKNOWN, how)
        return
    unit = under_pressure(solved.boundary, axis, 0.0)
    is_free = solved.boundary.constraint(solved.volume).free[axis]
    if unit is None or not is_free or not solved.strains or axis not in solved.carrying:
        return
    before = solved.at(solved.boundary, {})
    value = float(solved.state.strain[axis] - before.strain[axis])
    pushed = under_pressure(solved.boundary, axis, -1e6)
    assert pushed is not None
    strain = solved.at(pushed, {}).strain - solved.at(unit, {}).strain
    error = _swelling_error(solved, strain, (axis,)) if errors else UNKNOWN
    how = "change of the mean strain by swelling from the reference to now at constant pressure"
    yield _entry(solved, "thickness_change", axis, value, "1", error, how)


def _back_pressure(solved: Solved, errors: bool) -> Iterator[Entry]:
    """Pressure that swelling adds on plates that do not move."""
    axis = solved.axis
    gap = at_fixed_gap(solved.boundary, axis)
    if gap is None or not solved.strains:
        return
    after, before = (solved.at(gap, strains) for strains in (solved.strains, {}))
    value = float(after.pressures[axis] - before.pressures[axis])
    strain = np.zeros(6)
    strain[axis] = 1.0
    free = [c for c in solved.carrying if gap.constraint(solved.volume).free[c]]
    if free:  # the sides give way as they do in the state
        stiffness = solved.superposition.stiffness
        strain[free] = np.linalg.solve(stiffness[np.ix_(free, free)], -stiffness[free, axis])
    error = _swelling_error(solved, strain) if errors else UNKNOWN
    how = "pressure that swelling from the reference to now adds on plates that do not move"
    yield _entry(solved, "back_pressure", axis, value, "Pa", error, how)


def _compliance(solved: Solved) -> NDArray[np.float64]:
    """Compliance, shape (6, 6), over the components that something carries."""
    index = np.ix_(solved.carrying, solved.carrying)
    compliance = np.zeros((6, 6))
    compliance[index] = np.linalg.inv(solved.superposition.stiffness[index])
    return compliance


def _energy_error(solved: Solved, strain: NDArray[np.float64]) -> float:
    """Standard error of twice the energy at a mean strain."""
    field, stress = _fields(solved, strain)
    density = np.einsum("czyx,czyx->zyx", field, stress)
    return standard_error(block_sums(density), block_sums(np.ones(density.shape, np.uint8)))


def _swelling_error(
    solved: Solved, strain: NDArray[np.float64], over: tuple[int, ...] = ()
) -> float:
    """Standard error of Σ σ : ε / Σ σ', the stress at a mean strain on the free swelling.

    σ' is the sum of the components ``over``, so that what swells evenly has no error; without any,
    σ : ε is averaged over the volume.
    """
    _, stress = _fields(solved, strain)
    work = (stress[0] + stress[1] + stress[2]) * _linear_strain(solved)
    carried = stress[list(over)].sum(axis=0) if over else np.ones(work.shape)
    return standard_error(block_sums(work), block_sums(carried))


def _fields(solved: Solved, strain: NDArray[np.float64]) -> tuple[Field, Field]:
    """Strain and stress of every voxel at a mean strain, nothing swelling."""
    state = LinearState(
        solved.superposition, dict.fromkeys(solved.superposition.patterns, 0.0), strain
    )
    body = solved.superposition.body
    field = body.strain(state.deformation)
    return field, body.moduli.stress(field)


def _linear_strain(solved: Solved) -> NDArray[np.float64]:
    """Linear strain of free swelling of every voxel."""
    labels = solved.volume.labels
    table = np.zeros(int(max(*solved.volume.phases, labels.max())) + 1)
    for name, amount in solved.strains.items():
        table[solved.volume.phase_id(name)] = amount
    return table[labels]


def _entry(
    solved: Solved,
    name: str,
    axis: int,
    value: float,
    unit: str,
    error: float,
    how: str,
    is_carried: bool = True,
) -> Entry:
    return Entry(
        name=name,
        phase=None,
        axis=axis,
        value=value if is_carried else 0.0,
        unit=unit,
        uncertainty=Uncertainty(error, SAMPLING),
        method=f"{how}; {method(solved)}",
        status="ok" if is_carried else "does not percolate",
    )


def method(solved: Solved) -> str:
    """How stress was computed, in words."""
    return f"voxel finite elements, linear elastic, small strain, {solved.element} element"
