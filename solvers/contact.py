"""ContactState: a loaded body whose interface comes apart, opens and closes. SI units.

Debonding does not heal. What of the debonded interface is open is the active set of a convex
minimum (see ``unilateral``): each change of the set is a linear solve, whose step goes only as far
as the energy falls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers.body import Body, Deformation
from solvers.debonding import Criterion, Debonded
from solvers.eigenstrain import swelling_field
from solvers.interface_layer import ContactLayer, contact_layer
from solvers.interface_normals import InterfaceFaces
from solvers.traction import SMOOTHING, InterfaceTraction, interface_traction, weighted_percentiles
from solvers.unilateral import classified, closed_stiffness, unilateral_moduli

TOGETHER = 0.8  # voxels with this share of the largest load come apart in one step,
AT_ONCE = 0.05  # or this share of the layer, if that is more
SLACK = 2.0  # times the error of the stress: contradictions that do not count
HALVINGS = 40  # of the length of a step

Field = NDArray[np.floating[Any]]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ContactState:
    """A body in equilibrium with its interface.

    ``debonded`` has the faces that came apart and those that are open, ``traction`` what the
    interface bears, ``opening`` the normal gap in m of each face, ``stress`` the stress in Pa of
    every voxel, ``solves`` how many linear solves it took. ``body`` has the stiffness of the state.
    """

    body: Body
    debonded: Debonded
    traction: InterfaceTraction
    opening: Values
    stress: Field
    deformation: Deformation
    solves: int

    def opening_percentiles(self, q: tuple[float, ...] = (5.0, 50.0, 95.0)) -> Values:
        """Gaps in m that shares q (%) of the open area stay below; NaN if nothing is open."""
        is_open = self.debonded.is_open
        return weighted_percentiles(self.opening[is_open], self.traction.faces.area[is_open], q)


@dataclass(frozen=True, slots=True)
class ContactReport:
    """How a search for the open voxels ended: how many still contradicted their state."""

    solves: int
    contradictions: int
    debonded: int


def contact_state(
    body: Body,
    faces: InterfaceFaces,
    *,
    criterion: Criterion | None = None,
    before: Debonded | None = None,
    eigenstrain: Mapping[Phase, Any] | Field | None = None,
    phase: Phase | None = None,
    smoothing: float = SMOOTHING,
    tolerance: float = 1e-6,
    max_solves: int = 100,
) -> ContactState:
    """Equilibrium of a body whose interface bears no tension where it came apart.

    Voxels with the highest load of the criterion come apart, until none exceeds it; then debonded
    voxels open and close until every open one would be in tension if closed and every closed one
    is in compression; and so on. Closed faces slide without friction. Which voxels are open is
    decided while they keep what they bear along the interface; then they bear nothing.

    Args:
        body: with its boundary conditions.
        faces: of the interface.
        criterion: what the bonded interface bears; None: it does not come apart further.
        before: state to start from; what came apart stays so.
        eigenstrain: by phase as ``swelling_stress`` takes it, or the stress-free strain of every
            voxel, shape (6, nz, ny, nx).
        phase: the one whose voxels at the interface give way; by default the softer one.
        smoothing: of the traction, see ``interface_traction``.
        tolerance: of each solve, see ``Body.respond``.
        max_solves: solves after which ConvergenceError is raised.

    Raises:
        InvalidInputError: phases that do not touch, of which one is a void or which are not those
            of the body's volume, or a state of another interface.
        NotPercolatingError: the boundary presses, and open voxels leave nothing that carries it.
        ConvergenceError: the state was not found within ``max_solves``, carrying a ContactReport;
            or a solve failed, as it does if nothing holds a part that came loose.

    Accuracy: exact for planes along the grid, whatever the element; first order in the voxel else.
        A sphere of radius 4.5 to 6 voxels that shrinks off its shell keeps less than 0.1 % of the
        bonded stress, with gaps right to 7 %; one that swells, for which slip does not matter, has
        0.94 to 1.00 of the bonded traction if the softer side gives way and 0.88 to 1.00 if the
        stiffer does. Of the bonded shear of oblique cuts under pressure 5 to 22 % is left.
    Source: Hintermüller, Ito & Kunisch, SIAM J. Optim. 13 (2002) 865,
        doi:10.1137/S1052623401383558 (active sets as a Newton method) [not opened: verify];
        Jirásek, Comput. Methods Appl. Mech. Eng. 188 (2000) 307,
        doi:10.1016/S0045-7825(99)00154-1 (gaps within elements) [not opened: verify].
    """
    _check_interface(body, faces)
    side = softer_phase(body, faces) if phase is None else body.volume.phase_id(phase)
    layer = contact_layer(body.volume.labels, faces, side, body.constraint.periodic)
    if eigenstrain is None:
        # errors are then relative to the energy before anything gives way: the true one may be 0
        eigenstrain = np.zeros((6, *body.volume.shape), np.float32)
    elif isinstance(eigenstrain, Mapping):
        eigenstrain = swelling_field(body.volume, eigenstrain, body.solids, np.float32)
    elif eigenstrain.shape != (6, *body.volume.shape):
        raise InvalidInputError(
            f"the eigenstrain has the shape {eigenstrain.shape}, wanted {(6, *body.volume.shape)}: "
            "give a mapping {phase: strain}, or six components for every voxel"
        )
    search = _Search(body, layer, eigenstrain, tolerance, max_solves)
    debonded, is_open = _start(layer, before)
    settled = False
    while True:
        loaded = search.solve(debonded, is_open, convex=False)
        traction = interface_traction(faces, loaded.stress, smoothing=smoothing)
        weak = _weakest(layer, traction, criterion, debonded)
        if weak.any():
            search.check(weak, debonded)
            debonded = debonded | weak
            is_open = is_open | (weak & (layer.mean(traction.normal) > 0.0))
            settled = False
        elif settled or not debonded.any():
            break
        else:
            is_open, settled = search.settle(debonded, is_open), True
    apart = Debonded(faces, debonded[layer.place], is_open[layer.place])
    gap = np.where(is_open, layer.near(loaded.gap), 0.0)[layer.place]
    where = loaded.body, apart, traction, gap, loaded.stress, loaded.deformation
    return ContactState(*where, search.solves)


def _check_interface(body: Body, faces: InterfaceFaces) -> None:
    """Raise InvalidInputError if the faces are not between two solids of the body's volume."""
    volume = body.volume
    labels = volume.labels.reshape(-1)
    own = faces.shape == volume.shape and all(
        (labels[faces.voxels(phase)] == phase).all() for phase in (faces.first, faces.second)
    )
    if not own:
        raise InvalidInputError(
            f"the interface was found in another volume, of shape {faces.shape}: make it of the "
            f"body's volume, of shape {volume.shape}, by interface_faces(body.volume, …)"
        )
    pair = [volume.phase_name(phase) for phase in (faces.first, faces.second)]
    solids = {volume.phase_name(phase) for phase in body.solids}
    if voids := [name for name in pair if name not in solids]:
        raise InvalidInputError(
            f"the interface {' and '.join(pair)} is to come apart, but {' and '.join(voids)} has "
            f"no stiffness: choose two of {sorted(solids)}"
        )


def softer_phase(body: Body, faces: InterfaceFaces) -> int:
    """The phase whose voxels at the interface are softer in the mean; the second if both are."""
    if not faces.count:
        return faces.second
    first, second = (
        float(body.moduli.mu.ravel()[faces.voxels(phase)].mean(dtype=np.float64))
        for phase in (faces.first, faces.second)
    )
    return faces.first if first < second else faces.second


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """A solved state.

    ``trial`` is the normal traction of each voxel of the layer if it were closed, in Pa, and
    ``gap`` its normal gap in m.
    """

    body: Body
    deformation: Deformation
    stress: Field
    trial: Values
    gap: Values


class _Search:
    """Solves for one load, and what they have in common."""

    def __init__(
        self,
        body: Body,
        layer: ContactLayer,
        eigenstrain: Field,
        tolerance: float,
        max_solves: int,
    ) -> None:
        if max_solves < 1:
            raise InvalidInputError(f"max_solves is {max_solves!r}: give at least 1")
        self.body, self.layer, self.eigenstrain = body, layer, eigenstrain
        self.tolerance, self.max_solves, self.solves, self.scale = tolerance, max_solves, 0, 0.0
        classes, table = classified(body.moduli)
        along = layer.strain(layer.normal)
        own = body.unit * table[classes.ravel()[layer.voxels]]
        closed = closed_stiffness(own, layer)
        force = np.einsum("vij,vj->vi", closed, along)
        size = np.linalg.norm(layer.gradient, axis=1)
        self.rows = force / size[:, None]
        self.give = size**2 / np.einsum("vi,vi->v", force, along)  # energy of a squared traction
        self.current: tuple[Deformation, Values] | None = None
        self.last: Deformation | None = None

    def solve(self, debonded: Mask, is_open: Mask, *, convex: bool) -> _Loaded:
        """The state with given open voxels."""
        self.solves += 1
        moduli = unilateral_moduli(self.body.moduli, self.layer, debonded, is_open, convex=convex)
        body = replace(self.body, moduli=moduli)
        deformation = self.last = body.respond(
            eigenstrain=self.eigenstrain, tolerance=self.tolerance, guess=self.last, task="contact"
        )
        strain = body.strain(deformation) - self.eigenstrain
        own = strain.reshape(6, -1)[:, self.layer.voxels]
        trial = np.einsum("vi,iv->v", self.rows, own)
        self.scale = self.scale or float(np.sqrt(np.mean(trial**2)))
        return _Loaded(body, deformation, moduli.stress(strain), trial, self.layer.gap(own))

    def settle(self, debonded: Mask, is_open: Mask) -> Mask:
        """Open and close debonded voxels until none contradicts its state."""
        self.current = None
        while True:
            loaded = self.solve(debonded, is_open, convex=True)
            slack = SLACK * self.tolerance**0.5 * self.scale
            wrong = debonded & np.where(is_open, loaded.trial < -slack, loaded.trial > slack)
            if not wrong.any():
                return debonded & (self.layer.near(loaded.trial) > slack)
            self.check(wrong, debonded)
            is_open = debonded & (self._step(loaded, debonded, is_open) > 0.0)

    def check(self, wrong: Mask, debonded: Mask) -> None:
        """Raise ConvergenceError if there is no solve left for the voxels that are wrong."""
        if self.solves < self.max_solves:
            return
        report = ContactReport(self.solves, int(wrong.sum()), int(debonded.sum()))
        raise ConvergenceError(
            f"after {report.solves} solves {report.contradictions} voxels still change, of which "
            f"{report.debonded} came apart before: allow more with max_solves, or apply the load "
            "in smaller steps",
            report,
        )

    def _step(self, loaded: _Loaded, debonded: Mask, is_open: Mask) -> Values:
        """Go towards a solution to where the energy is least; the tractions found there."""
        if self.current is None:
            self.current = loaded.deformation, loaded.trial
            return loaded.trial
        before, old = self.current
        after, new = loaded.deformation, loaded.trial
        change = replace(
            after,
            fluctuation=after.fluctuation - before.fluctuation,
            strain=after.strain - before.strain,
        )
        share = _least(
            old, new, np.where(debonded, self.give, 0.0), is_open, _energy(loaded.body, change)
        )
        moved = replace(
            after,
            fluctuation=before.fluctuation + share * change.fluctuation,
            strain=before.strain + share * change.strain,
        )
        self.current = moved, old + share * (new - old)
        return self.current[1]


def _least(old: Values, new: Values, give: Values, is_open: Mask, curvature: float) -> float:
    """Part of the way from ``old`` to ``new`` tractions on which the energy falls.

    The energy of a fixed set of open voxels is least at the end; the true one differs from it by
    voxels in tension that the set has closed, and voxels in compression that it has open.
    """
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        trial = old + middle * (new - old)
        excess = np.where(is_open, np.minimum(trial, 0.0), -np.maximum(trial, 0.0))
        slope = float(np.sum(excess * (new - old) * give)) - (1.0 - middle) * curvature
        low, high = (middle, high) if slope < 0.0 else (low, middle)
    return high


def _energy(body: Body, change: Deformation) -> float:
    """Twice the elastic energy of a deformation, in Pa, summed over the voxels."""
    out = runtime.zeros(body.operator.size, body.operator.dtype)
    return body.operator.apply(body.vector(change), out) * body.unit


def _weakest(
    layer: ContactLayer, traction: InterfaceTraction, criterion: Criterion | None, debonded: Mask
) -> Mask:
    """Bonded voxels that come apart next: those of the largest loads, if above 1."""
    if criterion is None:
        return np.zeros_like(debonded)
    load = criterion.load(layer.mean(traction.normal), layer.mean(traction.shear))
    load = np.where(debonded, 0.0, load)
    large = min(TOGETHER * float(load.max()), float(np.quantile(load, 1.0 - AT_ONCE)))
    weak: Mask = load >= max(1.0, large)
    return weak


def _start(layer: ContactLayer, state: Debonded | None) -> tuple[Mask, Mask]:
    """Debonded and open voxels of an earlier state."""
    if state is None:
        none = np.zeros(len(layer.voxels), bool)
        return none, none
    if state.debonded.shape != layer.place.shape:
        raise InvalidInputError(
            f"the state before has {state.debonded.size} faces, but the interface "
            f"{layer.place.size}: use states of the same interface"
        )
    return layer.majority(state.debonded), layer.majority(state.is_open)
