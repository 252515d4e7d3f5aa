"""Interfaces that come apart, open and close: bars, wedges, spheres, and the loop to transport."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import contact
from solvers.body import Body
from solvers.boundary import Boundary, Periodic, Platen, Symmetry, stack_pressure
from solvers.contact import contact_state, softer_phase
from solvers.contact_curve import contact_loss, screening, unilateral_contact
from solvers.debonding import Debonded, NoAdhesion, Strength, Toughness, debonded_faces
from solvers.interface_layer import contact_layer
from solvers.interface_normals import interface_faces
from solvers.stiffness import Isotropic
from solvers.traction import InterfaceTraction, interface_traction
from solvers.unilateral import closed_stiffness, unilateral_moduli
from tests.exact.analytic_elasticity import layered_sphere

NAMES = {0: "pore", 1: "NMC", 2: "LPS", 3: "pillar"}
SPACING = (2e-7, 1e-7, 1.5e-7)
HARD, WEAK = Isotropic(100e9, 0.25), Isotropic(10e9, 0.3)
OTHER = Isotropic(10e9, 0.28)
SOLIDS = {"NMC": HARD, "LPS": WEAK}
NEVER = Strength(1e30, 1e30)
SIGMA = {"NMC": 2.0, "LPS": 1.0, "pillar": 0.0, "pore": 0.0}
TIGHT = 1e-10  # energy error of solves whose stress is to be right to 1e-4
EXACT = 1e-4


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels compiled before the first test, whose time would otherwise be the compiler's."""
    body, faces = bar(0, 1e-9)
    contact_state(body, faces, before=apart(faces))
    resistance = apart(faces).face_resistance(1e-7)
    solvers.effective_conductivity(body.volume, SIGMA, 0, resistance=resistance)


def blocks(axis, film=0):
    """NMC below LPS, or NMC on both sides of a film."""
    layers = np.array([1] * 4 + [2] * (film or 4) + [1] * (4 if film else 0), np.uint8)
    shape = [2, 2, 2]
    shape[axis] = len(layers)
    ordered = np.expand_dims(layers, tuple(a for a in range(3) if a != axis))
    return Volume(np.broadcast_to(ordered, shape).copy(), SPACING, NAMES)


def along(axis, condition):
    return Boundary(*[Symmetry()] * 3).along(axis, condition)


def bar(axis, displacement, element="stabilized", film=0):
    volume = blocks(axis, film)
    condition = Platen(displacement=displacement)
    body = Body.of(volume, SOLIDS, along(axis, condition), element=element)
    return body, interface_faces(volume, "NMC", "LPS")


def apart(faces, is_open=False):
    whole = np.ones(faces.count, bool)
    return Debonded(faces, whole, whole & is_open)


def bonded_stress(body, eigenstrain=None):
    return body.stress(body.respond(eigenstrain=eigenstrain, tolerance=TIGHT), eigenstrain)


# --- bars: exact -----------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("element", ["stabilized", "full"])
def test_a_debonded_bar_bears_nothing_in_tension(axis, element):
    body, faces = bar(axis, 1e-9, element)
    state = contact_state(body, faces, before=apart(faces), tolerance=TIGHT)
    assert np.abs(state.stress).max() < EXACT * np.abs(bonded_stress(body)).max()
    assert state.debonded.contact_fraction == pytest.approx(0.0, abs=1e-12)
    assert state.opening == pytest.approx(1e-9, rel=EXACT)
    assert state.opening_percentiles() == pytest.approx([1e-9] * 3, rel=EXACT)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("element", ["stabilized", "full"])
def test_a_debonded_bar_bears_pressure_as_the_bonded_one(axis, element):
    body, faces = bar(axis, -1e-9, element)
    state = contact_state(body, faces, before=apart(faces, is_open=True), tolerance=TIGHT)
    bonded = bonded_stress(body)
    assert state.stress == pytest.approx(bonded, abs=EXACT * np.abs(bonded).max())
    assert state.traction.normal == pytest.approx(bonded[axis].mean(), rel=EXACT)
    assert (state.debonded.contact_fraction, state.debonded.debonded_fraction) == (1.0, 1.0)
    assert not state.opening.any()


@pytest.mark.parametrize("side", [1, 2])
def test_either_side_may_give_way(side):
    body, faces = bar(0, 1e-9)
    state = contact_state(body, faces, before=apart(faces), phase=side, tolerance=TIGHT)
    assert np.abs(state.stress).max() < EXACT * np.abs(bonded_stress(body)).max()
    assert softer_phase(body, faces) == 2


@pytest.mark.slow
def test_a_film_one_voxel_thick_lets_go_and_takes_pressure():
    for displacement, share in ((1e-9, 0.0), (-1e-9, 1.0)):
        body, faces = bar(0, displacement, film=1)
        state = contact_state(body, faces, before=apart(faces), tolerance=TIGHT)
        whole = np.abs(bonded_stress(body)[0]).max()
        assert np.abs(state.stress[0]).max() == pytest.approx(share * whole, abs=EXACT * whole)


def test_a_bonded_bar_is_left_alone():
    body, faces = bar(0, 1e-9)
    state = contact_state(body, faces, tolerance=TIGHT)
    bonded = bonded_stress(body)
    assert state.stress == pytest.approx(bonded, abs=EXACT * np.abs(bonded).max())
    assert state.solves == 1
    assert np.isnan(state.opening_percentiles()).all()


@pytest.mark.parametrize(("strength", "holds"), [(1.01, True), (0.99, False)])
def test_a_bar_comes_apart_at_its_strength(strength, holds):
    body, faces = bar(0, 1e-9)
    bonded = bonded_stress(body)[0].mean()
    state = contact_state(body, faces, criterion=Strength(strength * bonded, math.inf))
    assert state.debonded.contact_fraction == pytest.approx(float(holds))
    assert state.traction.mean_normal == pytest.approx(bonded if holds else 0.0, abs=1e-3 * bonded)


def test_debonding_does_not_heal_but_closes():
    """Pulled apart, pressed, and pulled again by much less than the strength."""
    body, faces = bar(0, 1e-9)
    criterion = Strength(0.5 * bonded_stress(body)[0].mean(), math.inf)
    pulled = contact_state(body, faces, criterion=criterion)
    pressed = contact_state(bar(0, -1e-9)[0], faces, criterion=criterion, before=pulled.debonded)
    again = contact_state(bar(0, 1e-10)[0], faces, criterion=criterion, before=pressed.debonded)
    fractions = [s.debonded.contact_fraction for s in (pulled, pressed, again)]
    assert fractions == pytest.approx([0, 1, 0])
    assert pressed.traction.mean_normal == pytest.approx(-bonded_stress(body)[0].mean(), rel=1e-3)
    assert all(s.debonded.debonded_fraction == 1.0 for s in (pulled, pressed, again))


def test_closed_faces_slide_without_friction():
    """Pressed and sheared along its debonded plane, a periodic block bears the pressure only."""
    volume = blocks(0)
    pressed = Boundary(Periodic(pressure=1e6), Periodic(), Periodic())
    body = Body.of(volume, {"NMC": WEAK, "LPS": WEAK}, pressed)
    faces = interface_faces(volume, "NMC", "LPS")
    eigenstrain = np.zeros((6, *volume.shape))
    eigenstrain[5] = -1e-3  # as good as a shear strain that is prescribed
    state = contact_state(
        body, faces, before=apart(faces), eigenstrain=eigenstrain, tolerance=TIGHT
    )
    bonded = bonded_stress(body, eigenstrain)
    assert np.abs(bonded[5]).min() > 3e6
    assert np.abs(state.stress[5]).max() < EXACT * np.abs(bonded[5]).max()
    assert state.stress[0] == pytest.approx(-1e6, rel=EXACT)


# --- staircases ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("tilt", [0.3, pytest.param(1.0, marks=pytest.mark.slow)])
def test_an_oblique_cut_lets_go_and_slides(tilt):
    """Rigid separation of a staircase costs nothing; of the shear of the bonded cut, 22 % is left.

    Without friction and between rollers, pressures along and across the cut become alike.
    """
    n = 12
    z, _, x = np.indices((n, 1, n)) - (n - 1) / 2
    volume = Volume(np.where(z > tilt * x + 0.13, 2, 1).astype(np.uint8), 1e-7, NAMES)
    faces = interface_faces(volume, "NMC", "LPS")
    solids = {"NMC": WEAK, "LPS": OTHER}
    pulled = Body.of(volume, solids, along(0, Platen(displacement=1e-9)))
    state = contact_state(pulled, faces, before=apart(faces))
    assert np.abs(state.stress).max() < 1e-3 * bonded_stress(pulled)[0].mean()
    across = 1e-9 / math.hypot(1, tilt)
    assert state.opening_percentiles((50,))[0] == pytest.approx(across, rel=0.05)
    pressed = Body.of(volume, solids, along(0, Platen(pressure=1e6)))
    state = contact_state(pressed, faces, before=apart(faces))
    bonded = interface_traction(faces, bonded_stress(pressed))
    assert state.debonded.contact_fraction > 0.9
    assert state.traction.mean_shear < 0.25 * bonded.mean_shear
    assert state.traction.mean_normal == pytest.approx(-1e6, rel=0.03)


CORE, SHELL = 4.5, 7.5


def ball(eigenstrain):
    """A core that swells in a shell, whose interface came apart."""
    offset = np.indices((16, 16, 16)) - 7.5 - np.array([0.2, -0.1, 0.33])[:, None, None, None]
    r = np.sqrt((offset**2).sum(axis=0))
    labels = np.where(r < CORE, 1, np.where(r < SHELL, 2, 0)).astype(np.uint8)
    volume = Volume(labels, 1e-7, NAMES)
    body = Body.of(volume, SOLIDS, "free")
    strain = np.zeros((6, *volume.shape))
    strain[:3] = eigenstrain * (labels == 1)
    return body, interface_faces(volume, "NMC", "LPS"), strain


@pytest.mark.slow
def test_a_core_that_shrinks_off_its_shell_leaves_both_free_of_stress():
    """The gap is what the core shrinks by, right to a tenth of a voxel's share."""
    body, faces, strain = ball(-0.01)
    state = contact_state(body, faces, before=apart(faces), eigenstrain=strain)
    bonded = bonded_stress(body, strain)
    for label in (1, 2):
        where = body.volume.labels == label
        assert np.std(state.stress[:, where]) < 0.005 * np.std(bonded[:, where])
    assert state.debonded.contact_fraction == pytest.approx(0.0, abs=1e-12)
    gap = state.opening_percentiles((50,))[0]
    assert gap == pytest.approx(0.01 * CORE * 1e-7, rel=0.1)


@pytest.mark.slow
def test_a_core_that_swells_in_its_debonded_shell_presses_as_if_bonded():
    """No slip is asked for by symmetry, so debonding changes nothing: 6 % at this resolution."""
    body, faces, strain = ball(0.01)
    state = contact_state(body, faces, before=apart(faces), eigenstrain=strain)
    bonded = interface_traction(faces, bonded_stress(body, strain))
    assert state.debonded.contact_fraction == 1.0
    assert state.traction.mean_normal == pytest.approx(bonded.mean_normal, rel=0.08)
    core, shell = (solid.E for solid in (HARD, WEAK))
    exact = layered_sphere(
        np.array([0, CORE, SHELL]) * 1e-7, [core, shell], [0.25, 0.3], [0.01, 0.0]
    )
    true = float(exact(np.array([CORE * 0.999e-7]))[1][0])
    assert state.traction.mean_normal == pytest.approx(true, rel=0.2)


def spheres(seed=1, n=12):
    """NMC spheres in LPS."""
    rng = np.random.default_rng(seed)
    labels = np.full((n, n, n), 2, np.uint8)
    for centre in rng.uniform(0, n, (4, 3)):
        offset = np.indices(labels.shape) - centre[:, None, None, None]
        labels[(offset**2).sum(axis=0) < 3.4**2] = 1
    return Volume(labels, 1e-7, NAMES)


def shrinking(volume, pressure, strain=-0.005):
    body = Body.of(volume, SOLIDS, stack_pressure(pressure))
    field = np.zeros((6, *volume.shape))
    field[:3] = strain * (volume.labels == 1)
    return body, interface_faces(volume, "NMC", "LPS"), field


@pytest.mark.slow
def test_open_faces_are_free_and_closed_ones_are_pressed():
    """Signorini's conditions, of areas: on single faces of a staircase they hold in the mean."""
    body, faces, strain = shrinking(spheres(), 5e7)
    state = contact_state(
        body, faces, before=apart(faces), eigenstrain=strain, tolerance=1e-5, smoothing=0
    )
    is_open, area = state.debonded.is_open, faces.area
    assert 0.2 < state.debonded.contact_fraction < 0.9
    force = area * state.traction.normal
    size = np.abs(force).sum() / area.sum()
    assert abs(force[is_open].sum() / area[is_open].sum()) < 0.1 * size
    assert force[~is_open].sum() / area[~is_open].sum() < -size
    gaps = area * state.opening
    assert -np.minimum(gaps, 0).sum() < 0.1 * np.maximum(gaps, 0).sum()


@pytest.mark.slow
def test_what_is_open_does_not_depend_on_where_the_search_starts():
    """The energy is convex, so its least value is found from any set of open faces."""
    body, faces, strain = shrinking(spheres(), 5e7)
    some = np.random.default_rng(3).random(faces.count) < 0.5
    starts = [apart(faces), apart(faces, is_open=True), Debonded(faces, some | True, some)]
    found = [contact_state(body, faces, before=start, eigenstrain=strain) for start in starts]
    for other in found[1:]:
        different = other.debonded.is_open ^ found[0].debonded.is_open
        assert np.sum(faces.area * different) < 0.01 * faces.total_area


def test_tractions_tell_the_energy_that_an_opening_voxel_gives_up():
    body, faces, eigenstrain = ball(0.0)
    layer = contact_layer(body.volume.labels, faces, 2, (False,) * 3)
    search = contact._Search(body, layer, eigenstrain, 1e-6, 1)
    none, every = (np.full(len(layer.voxels), opened) for opened in (False, True))
    strain = np.zeros((6, *body.volume.shape))
    own = np.random.default_rng(0).normal(size=(6, len(layer.voxels)))
    strain.reshape(6, -1)[:, layer.voxels] = own
    energy = []
    for is_open in (none, every):
        moduli = unilateral_moduli(body.moduli, layer, every, is_open, convex=True)
        energy.append(np.sum(moduli.stress(strain) * strain, axis=0).ravel()[layer.voxels])
    trial = np.einsum("vi,iv->v", search.rows, own)
    assert search.give * trial**2 == pytest.approx(energy[0] - energy[1], rel=1e-4)


def test_steps_go_as_far_as_the_energy_falls():
    """Against the energy itself on a fine grid, of which the search sees the slope only."""
    rng = np.random.default_rng(0)
    stopped = 0
    for _ in range(20):
        old, new = rng.normal(size=(2, 30))
        give, is_open = rng.random(30), rng.random(30) < 0.5
        curvature = 2 * np.sum((give * (new - old) ** 2)[~is_open]) + 0.1  # of the fixed set
        steps = np.linspace(0, 1, 2001)
        trial = old + steps[:, None] * (new - old)
        true = give * np.minimum(trial, 0) ** 2
        fixed = np.where(is_open, 0, give * trial**2)
        energy = np.sum(true - fixed, axis=1) / 2 + curvature * (1 - steps) ** 2 / 2
        found = contact._least(old, new, give, is_open, curvature)
        assert found == pytest.approx(steps[energy.argmin()], abs=1e-3)
        stopped += found < 0.99
    assert stopped > 5


@pytest.mark.slow
def test_pressure_keeps_more_of_a_shrinking_electrode_in_contact():
    volume, criterion = spheres(), Strength(3e7, 1e30)
    fractions = []
    for pressure in (1e6, 5e7, 2e8):
        body, faces, strain = shrinking(volume, pressure)
        state = contact_state(body, faces, criterion=criterion, eigenstrain=strain, tolerance=1e-5)
        fractions.append(state.debonded.contact_fraction)
        assert not np.any(state.debonded.is_open & ~state.debonded.debonded)
        load = criterion.load(state.traction.normal, state.traction.shear)
        bonded = ~state.debonded.debonded
        assert np.sum(faces.area * bonded * (load > 1.2)) < 0.05 * faces.total_area
    assert fractions[0] < 0.8
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0, abs=0.02)


def test_a_search_that_may_not_end_says_so():
    body, faces, strain = shrinking(spheres(), 5e7)
    with pytest.raises(ConvergenceError, match="max_solves") as caught:
        contact_state(
            body, faces, before=apart(faces), eigenstrain=strain, tolerance=1e-4, max_solves=2
        )
    assert caught.value.report.solves == 2
    assert caught.value.report.contradictions > 0


# --- the layer -------------------------------------------------------------------------------


def test_the_layer_holds_all_voxels_that_share_a_node_with_the_other_side():
    labels = np.full((5, 5, 5), 2, np.uint8)
    labels[2, 2, 2] = 1
    volume = Volume(labels, 1e-7, NAMES)
    layer = contact_layer(labels, interface_faces(volume, 1, 2), 2, (False,) * 3)
    assert len(layer.voxels) == 26
    diagonal = np.flatnonzero(layer.voxels == np.ravel_multi_index((3, 3, 3), labels.shape))[0]
    assert layer.gradient[diagonal] == pytest.approx(np.full(3, 1 / 4e-7))
    assert np.all(np.sum(layer.normal * layer.gradient, axis=1) > 0)
    flat = layer.voxels[layer.place]
    assert np.array_equal(flat, interface_faces(volume, 1, 2).voxels(2))


def test_gaps_make_strains_and_strains_make_gaps():
    body, faces, _ = ball(0.0)
    layer = contact_layer(body.volume.labels, faces, 2, (False,) * 3)
    rng = np.random.default_rng(0)
    gap = rng.normal(size=(len(layer.voxels), 3)) * 1e-9
    normal = np.sum(gap * layer.normal, axis=1)
    assert layer.gap(layer.strain(gap).T) == pytest.approx(normal, abs=1e-15)


def test_slips_cost_nothing_and_gaps_do():
    body, faces, _ = ball(0.0)
    layer = contact_layer(body.volume.labels, faces, 2, (False,) * 3)
    stiffness = np.broadcast_to(WEAK.matrix, (len(layer.voxels), 6, 6))
    closed = closed_stiffness(stiffness, layer)
    slip = np.cross(layer.normal, np.random.default_rng(0).normal(size=layer.normal.shape))
    strain = layer.strain(slip)
    assert (
        np.abs(np.einsum("nij,nj->ni", closed, strain)).max() < 1e-9 * WEAK.E * np.abs(strain).max()
    )
    along_normal = layer.strain(layer.normal)
    energy = np.einsum("ni,nij,nj->n", along_normal, closed, along_normal)
    assert np.all(energy > 0.1 * WEAK.E * np.sum(layer.gradient**2, axis=1))
    assert np.linalg.eigvalsh(closed).min() > -1e-9 * WEAK.E


def test_moduli_change_only_in_debonded_voxels():
    body, faces, _ = ball(0.0)
    layer = contact_layer(body.volume.labels, faces, 2, (False,) * 3)
    some = np.arange(len(layer.voxels)) % 3 > 0
    opened = np.arange(len(layer.voxels)) % 3 > 1
    none = np.zeros_like(some)
    assert unilateral_moduli(body.moduli, layer, none, none, convex=False) is body.moduli
    made = unilateral_moduli(body.moduli, layer, some, opened, convex=False)
    strain = np.random.default_rng(0).normal(size=(6, *body.volume.shape))
    change = (made.stress(strain) - body.moduli.stress(strain)).reshape(6, -1)
    size = np.abs(change).max(axis=0)
    changed = np.isin(np.arange(body.volume.labels.size), layer.voxels[some])
    assert size[~changed].max() < 1e-5 * WEAK.E
    assert size[changed].min() > 1e-3 * WEAK.E
    assert np.abs(made.stress(strain).reshape(6, -1)[:, layer.voxels[opened]]).max() < 1e-3 * WEAK.E


# --- criteria and screening ------------------------------------------------------------------


def test_strength_is_an_ellipse_in_tension_and_shear_alone_in_compression():
    criterion = Strength(4e6, 3e6)
    normal, shear = np.array([4e6, 0, -9e6, -9e6, 2e6]), np.array([0, 3e6, 0, 3e6, 1.5e6])
    assert criterion.load(normal, shear) == pytest.approx([1, 1, 0, 1, 0.5])


def test_toughness_is_that_of_a_penny_shaped_flaw():
    """K = 2 t sqrt(a / π) in tension and G = K² / E*; in pressure a flaw does not open."""
    solid = Isotropic(10e9, 0.25)
    criterion = Toughness.between(solid, solid, energy=2.0, flaw=1e-6)
    modulus = 10e9 / (1 - 0.25**2)
    assert criterion.modulus == pytest.approx(modulus)
    pull = np.array([1e8, -1e8])
    intensity = 2 * 1e8 * math.sqrt(1e-6 / math.pi)
    load = criterion.load(pull, np.zeros(2))
    assert load == pytest.approx([intensity**2 / modulus / 2.0, 0.0])
    # in shear the mean over the rim of K_II² + K_III² / (1 - ν)
    modes = [4 * 1e8 * f * math.sqrt(1e-6 / math.pi) / (2 - 0.25) for f in (1, 1 - 0.25)]
    mean = (modes[0] ** 2 + modes[1] ** 2 / (1 - 0.25)) / 2
    assert criterion.load(np.zeros(1), np.array([1e8])) == pytest.approx(mean / modulus / 2.0)
    hard = Toughness.between(solid, Isotropic(1e15, 0.25), energy=2.0, flaw=1e-6)
    assert hard.modulus == pytest.approx(2 * modulus, rel=1e-3)


def traction_of(faces, normal):
    return InterfaceTraction(faces, np.asarray(normal, float), np.zeros(faces.count))


def test_screening_remembers_what_came_apart_and_closes_it_under_pressure():
    faces = bar(0, 1e-9)[1]
    half = np.arange(faces.count) < faces.count // 2
    criterion = Strength(2e6, 1e6)
    first = debonded_faces(traction_of(faces, np.where(half, 3e6, 1e6)), criterion)
    assert np.array_equal(first.debonded, half)
    assert np.array_equal(first.is_open, half)
    assert first.contact_fraction == pytest.approx(0.5)
    second = debonded_faces(traction_of(faces, np.full(faces.count, -1e6)), criterion, first)
    assert (second.debonded_fraction, second.contact_fraction) == (pytest.approx(0.5), 1.0)
    third = debonded_faces(traction_of(faces, np.full(faces.count, 1e5)), criterion, second)
    assert np.array_equal(third.is_open, half)


def test_screening_agrees_with_the_search_while_nothing_comes_apart():
    body, faces, strain = shrinking(spheres(), 5e7)
    screened = debonded_faces(interface_traction(faces, bonded_stress(body, strain)), NEVER)
    searched = contact_state(body, faces, criterion=NEVER, eigenstrain=strain)
    assert searched.debonded.contact_fraction == screened.contact_fraction == 1.0
    assert searched.solves == 1


# --- the loop from structure to stress to transport ------------------------------------------


def stack():
    """A particle layer on an electrolyte layer; beside them, apart, a pillar that bears load."""
    labels = np.zeros((6, 1, 3), np.uint8)
    labels[:3, :, 0], labels[3:, :, 0], labels[:, :, 2] = 1, 2, 3
    return Volume(labels, 1e-7, NAMES)


def pressed_stack(pressure):
    return Body.of(stack(), SOLIDS | {"pillar": WEAK}, stack_pressure(pressure))


def delithiated(charge):
    """The particles shrink by 1 % along the stack when charged."""
    strain = np.zeros((6, *stack().shape))
    strain[0] = -0.01 * charge * (stack().labels == 1)
    return strain


LAYERS = 3e-7 / 2.0 + 3e-7 / 1.0  # Ω m², in series
BONDED = 6e-7 / LAYERS / 3  # S/m, of one column of three


def test_shrinkage_opens_the_current_path_and_pressure_closes_it():
    """The pillar shortens by half a percent, which is the gap, at 50 MPa on its own area."""
    volume = stack()
    faces = interface_faces(volume, "NMC", "LPS")
    shrunk = contact_state(
        pressed_stack(1e6), faces, criterion=Strength(1e5, 1e9), eigenstrain=delithiated(1)
    )
    assert (shrunk.debonded.debonded_fraction, shrunk.debonded.contact_fraction) == (1.0, 0.0)
    pressed = contact_state(
        pressed_stack(1e8), faces, before=shrunk.debonded, eigenstrain=delithiated(1)
    )
    assert (pressed.debonded.debonded_fraction, pressed.debonded.contact_fraction) == (1.0, 1.0)
    resistive = 6e-7 / (LAYERS + 4e-7) / 3
    cases = [
        (shrunk, math.inf, 0.0, 0.0),
        (shrunk, 4e-7, 0.0, resistive),
        (pressed, math.inf, 0.0, BONDED),
        (pressed, math.inf, 4e-7, resistive),
    ]
    for state, gap, touching, value in cases:
        resistance = state.debonded.face_resistance(gap, touching)
        found = solvers.effective_conductivity(volume, SIGMA, 0, resistance=resistance)
        assert found.value == pytest.approx(value, rel=1e-6)


def test_the_pressure_that_closes_a_gap_is_that_which_shortens_the_pillar():
    """Exact: the gap is half a percent of the height; the pillar is free on the side of the gap."""
    faces = interface_faces(stack(), "NMC", "LPS")
    lam, mu = WEAK.lame()
    closing = 0.005 * 4 * mu * (lam + mu) / (lam + 2 * mu) / 3  # mean over the three columns
    for share, touching in ((0.98, 0.0), (1.02, 1.0)):
        state = contact_state(
            pressed_stack(share * closing), faces, before=apart(faces), eigenstrain=delithiated(1)
        )
        assert state.debonded.contact_fraction == touching


def test_contact_is_lost_with_charge_and_kept_by_pressure():
    """Screened and searched alike: on a plane that comes apart as a whole they agree."""
    faces = interface_faces(stack(), "NMC", "LPS")
    criterion = Strength(1e5, 1e9)

    def stress_at(charge, pressure):
        return bonded_stress(pressed_stack(pressure), delithiated(charge))

    searched = contact_loss(
        unilateral_contact(faces, pressed_stack, delithiated, criterion),
        [0.0, 1.0, 0.0],
        [1e6, 1e8],
    )
    screened = contact_loss(screening(faces, stress_at, criterion), [0.0, 1.0, 0.0], [1e6, 1e8])
    for loss in (searched, screened):
        table = loss.columns
        assert table["charge"].tolist() == [0, 1, 0] * 2
        assert table["pressure"].tolist() == [1e6] * 3 + [1e8] * 3
        assert table["contact_fraction"] == pytest.approx([1, 0, 1, 1, 1, 1])
        assert table["debonded_fraction"] == pytest.approx([0, 1, 1, 0, 0, 0])
        assert len(loss.states) == 6
        assert loss.states[1].face_resistance().count == faces.count
    assert screened.columns["tension_fraction"][1] == 1.0
    assert screened.columns["normal_mean"][1] > 1e5
    assert abs(searched.columns["normal_mean"][1]) < 1e3


def test_without_adhesion_all_that_is_in_tension_comes_apart():
    normal = np.array([-1e6, 0.0, 1e-3, 1e6, 2e6])
    load = NoAdhesion().load(normal, np.full(5, 1e9))
    assert (load >= 1.0).tolist() == [False, False, True, True, True]
    assert np.argmax(load) == 4
    assert not NoAdhesion().load(-normal, normal)[3:].any()


def test_phases_may_be_named_and_eigenstrains_given_by_phase():
    body, faces = bar(0, 0.0)
    volume = body.volume
    field = np.zeros((6, *volume.shape), np.float32)
    field[:3, volume.labels == 1] = -0.002
    bond = NoAdhesion()
    named = contact_state(body, faces, criterion=bond, eigenstrain={"NMC": -0.002}, phase="LPS")
    given = contact_state(body, faces, criterion=bond, eigenstrain=field, phase=2)
    assert named.debonded.is_open.any()
    assert np.array_equal(named.debonded.is_open, given.debonded.is_open)
    void = Body.of(volume, {"LPS": SOLIDS["LPS"]}, stack_pressure(1e6))
    with pytest.raises(InvalidInputError, match="NMC has no stiffness"):
        contact_state(void, faces)


# --- what is refused -------------------------------------------------------------------------


def test_what_cannot_be_is_refused():
    body, faces = bar(0, 1e-9)
    other = interface_faces(spheres(), "NMC", "LPS")
    with pytest.raises(InvalidInputError, match="normal of"):
        Strength(0.0, 1e6)
    with pytest.raises(InvalidInputError, match="flaw of"):
        Toughness(1.0, -1e-6, 1e9)
    with pytest.raises(InvalidInputError, match="Poisson"):
        Toughness(1.0, 1e-6, 1e9, nu=0.5)
    with pytest.raises(InvalidInputError, match="same interface"):
        contact_state(body, faces, before=apart(other))
    with pytest.raises(InvalidInputError, match="same interface"):
        debonded_faces(traction_of(faces, np.zeros(faces.count)), NEVER, apart(other))
    with pytest.raises(InvalidInputError, match="no side"):
        contact_state(body, faces, phase=3)
    with pytest.raises(InvalidInputError, match="max_solves"):
        contact_state(body, faces, max_solves=0)
    with pytest.raises(InvalidInputError, match="no state"):
        contact_loss(screening(faces, lambda charge, pressure: None, NEVER), [], [1e6])
    with pytest.raises(InvalidInputError, match="another volume"):
        contact_state(body, other)
    with pytest.raises(InvalidInputError, match="wanted"):
        contact_state(body, faces, eigenstrain=np.zeros((6, 2, 2, 2)))
    nowhere = interface_faces(body.volume, "NMC", "pillar")
    with pytest.raises(InvalidInputError, match="pillar has no stiffness"):
        contact_state(body, nowhere)
    layers = np.repeat([1, 0, 2], 2)[:, None, None] * np.ones((6, 4, 4), int)
    apart_by_a_gap = Volume(layers, 1e-7, NAMES)
    gap = interface_faces(apart_by_a_gap, "NMC", "LPS")
    with pytest.raises(InvalidInputError, match="0 faces"):
        contact_state(Body.of(apart_by_a_gap, SOLIDS), gap)


def test_a_modulus_for_every_voxel_is_too_many_to_tell_apart():
    volume = Volume(
        np.where(np.arange(42)[:, None, None] < 21, 1, 2) * np.ones((42, 40, 42), int), 1e-7
    )
    E = 1e9 * (1 + np.random.default_rng(0).random(volume.shape))
    body = Body.of(volume, {1: Isotropic(E, 0.3), 2: WEAK})
    faces = interface_faces(volume, 1, 2)
    with pytest.raises(InvalidInputError, match="told apart"):
        contact_state(body, faces, before=apart(faces))
