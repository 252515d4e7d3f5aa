"""Compaction by material points: uniform, layered, across a gap, and what never changes."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import compaction
from solvers.compaction import compact
from solvers.material_points import Bed, _points
from solvers.voigt import stress_tensor

PHASES = {0: "pore", 1: "SE", 2: "NMC"}
SOFT, HARD = solvers.Isotropic(20e9, 0.3), solvers.Isotropic(140e9, 0.25)
BOTH = {"SE": SOFT, "NMC": HARD}
H = 1e-7
SLOW = 5e-5


def volume(labels, spacing=H, axis=0):
    return Volume(np.asarray(labels, np.uint8), spacing, PHASES, through_axis=axis)


def layers(*thickness, width=6):
    column = np.repeat([label for label, _ in thickness], [count for _, count in thickness])
    return np.broadcast_to(column[:, None, None], (len(column), width, width)).copy()


def confined(solid):
    """Modulus with the sides held, and bulk modulus."""
    lam, mu = (float(modulus) for modulus in solid.lame())
    return lam + 2 * mu, lam + 2 * mu / 3


@pytest.mark.parametrize("sides", ["walls", "periodic"])
@pytest.mark.parametrize("cell", [1, 2])
def test_a_lid_comes_down_on_pores_only(sides, cell):
    block = volume(layers((1, 8), width=4))
    with pytest.raises(InvalidInputError, match="the solids need"):
        compact(block, BOTH, {}, 7.6 * H, sides=sides, cell=cell)
    pore = volume(np.concatenate([layers((1, 8), width=4), layers((0, 1), width=4)]))
    assert compact(pore, BOTH, {}, 8.9 * H, sides=sides, cell=cell, release=False).steps > 0


@pytest.mark.parametrize(("yields", "share"), [(np.inf, 1.0), (3e8, 0.0)])
def test_uniform_compression_is_exact(yields, share):
    """Solid fills the box: pressed, it stays uniform."""
    bed = full_bed(yields)
    *_, height = bed.strained(0.95 * bed.height, -1e-3)
    stretch = height / (16 * H)
    modulus, bulk = confined(SOFT)
    plastic = -bulk * np.log(stretch) + 2 / 3 * min(yields, 1e30)
    elastic = -modulus * np.log(stretch)
    wanted = (elastic if share else plastic) / stretch
    assert np.mean(bed.pressures()) == pytest.approx(wanted, rel=1e-4)


def full_bed(yields=np.inf, labels=None):
    labels = layers((1, 16)) if labels is None else labels
    return Bed.of(volume(labels), BOTH, {"SE": yields}, "walls", 2)


def test_stress_turns_with_the_matter():
    """A rigid rotation by a small angle: the stress becomes R s Rᵀ."""
    bed, dt = full_bed(labels=layers((1, 12), width=12)), 1e-3
    given = np.array([3.0, -1.0, -2.0, 0.5, 0.7, -0.4]) * 1e-4
    spin = np.array([[0.0, -0.3, 0.2], [0.3, 0.0, -0.1], [-0.2, 0.1, 0.0]])
    nodes = (np.indices(bed.cells).reshape(3, -1).T + 0.5) @ spin.T
    bed.node[:] = np.column_stack([nodes, np.ones(len(nodes))]).ravel()
    state = bed.device_state.reshape(-1, 8)
    state[:, :6], state[:, 7] = given, 1.0
    shape, edge = tuple(int(n) for n in bed.cells), (1.0, 1.0, 1.0)
    points = (bed.device_packet, bed.device_kinds, bed.flat, bed.device_state, bed.table)
    room = (dt, 0.0, 0.9, 1.0, bed.point_volume, bed.far)
    bed.kernels.move(bed.node, *points, shape, (0, 0, 0), edge, *room)
    inner = ((bed.base > 1) & (bed.base < np.array(shape) - 2)).all(axis=1)
    turn = np.eye(3) + dt * spin
    turned = turn @ stress_tensor(given) @ turn.T
    wanted = [turned[0, 0], turned[1, 1], turned[2, 2], turned[1, 2], turned[0, 2], turned[0, 1]]
    found = state[inner, :6].astype(float)
    assert len(found) > 50
    change = np.array(wanted) - given
    assert found - given == pytest.approx(np.broadcast_to(change, found.shape), abs=1e-9)
    assert np.abs(change).max() > 1e-7


EDGE, STEP = (1.0, 1.5, 2.0), 1e-3


def unequal_bed():
    """A full bed on cells with three edges, its nodes' numbers, and which lie well inside."""
    box = Volume(np.ones((16, 16, 16), np.uint8), tuple(e * H for e in EDGE), PHASES)
    bed = Bed.of(box, BOTH, {}, "walls", 2)
    index = np.indices(bed.cells).reshape(3, -1).T
    bed.device_state.reshape(-1, 8)[:, 7] = 1.0
    return bed, index, ((index > 1) & (index < bed.cells - 2)).all(axis=1)


def step_later(bed, velocity):
    """Velocity of the nodes after a step from another one."""
    shape = tuple(int(n) for n in bed.cells)
    bed.node[:] = np.column_stack([velocity, np.ones(len(velocity))]).ravel()
    points = (bed.device_packet, bed.device_kinds, bed.flat, bed.device_state, bed.table)
    room = (STEP, 0.0, 0.9, 1.0, bed.point_volume, bed.far)
    bed.kernels.move(bed.node, *points, shape, (0, 0, 0), EDGE, *room)
    bed.kernels.gather(bed.device_packet, bed.first, bed.node, shape, (0, 0, 0), EDGE, 0.0)
    return np.asarray(bed.node).reshape(-1, 4)[:, :3]


def test_a_linear_velocity_stays_so_wherever_points_lie():
    bed, index, inner = unequal_bed()
    bed.device_packet.reshape(-1, 23)[:, :3] += np.random.default_rng(0).uniform(
        -0.2, 0.2, (len(bed.kinds), 3)
    )
    slope = 1e-4 * np.array([[1.0, -2.0, 3.0], [4.0, 2.0, -1.0], [2.0, -3.0, -1.0]])
    given = (index + 0.5) * EDGE @ slope.T
    assert step_later(bed, given)[inner] == pytest.approx(given[inner], abs=1e-7)


def test_a_stress_pushes_by_its_divergence_over_the_density():
    """The components yx, zx and zy, in Voigt order, each with a slope along one of its axes."""
    bed, index, inner = unequal_bed()
    state, at = bed.device_state.reshape(-1, 8), bed.place * EDGE
    state[:, 3], state[:, 4], state[:, 5] = 0.02 * at[:, 2], 0.03 * at[:, 0], 0.05 * at[:, 1]
    density = float(bed.table.reshape(-1, 4)[0, 3])
    wanted = STEP * np.array([0.05, 0.02, 0.03]) / density
    found = step_later(bed, np.zeros((len(index), 3)))[inner]
    assert found == pytest.approx(np.broadcast_to(wanted, found.shape), rel=1e-3)


def test_what_is_squeezed_takes_less_room():
    """It filled the box, and still does."""
    bed = full_bed()
    for _ in bed.strained(0.95 * bed.height, -1e-3):
        pass
    assert np.asarray(bed.node)[3::4] == pytest.approx(1.0, abs=1e-3)


def test_both_halves_of_an_odd_number_of_cells_press_alike():
    bed = full_bed(labels=layers((1, 10)))
    *_, height = bed.strained(0.95 * bed.height, -1e-3)
    stretch = height / (10 * H)
    wanted = -confined(SOFT)[0] * np.log(stretch) / stretch
    assert bed.cells[0] == 5
    assert bed.pressures() == pytest.approx((wanted, wanted), rel=1e-3)


def test_merged_layers_leave_points_and_velocities_as_they_are():
    """Cells are thicker by 8/6: as much more is the change of momentum along one of them."""
    bed = full_bed()
    bed.device_packet.reshape(-1, 23)[:, 6:15] = 1.0
    bed.box[0] *= 0.7
    before = bed.positions()
    bed._resort()
    assert bed.cells[0] == 6
    changes = bed.packet[:, 6:15].reshape(-1, 3, 3)
    assert changes[..., 0] == pytest.approx(8 / 6, rel=1e-6)
    assert (changes[..., 1:] == 1.0).all()
    after = bed.positions()
    assert np.sort(after, axis=0) == pytest.approx(np.sort(before, axis=0), abs=1e-6 * H)


def test_eight_points_lie_in_the_middle_of_the_parts_of_a_voxel():
    points, labels = _points(np.array([[1, 2, 3]]), np.array([7]), 2)
    wanted = [(z, y, x) for z in (1.25, 1.75) for y in (2.25, 2.75) for x in (3.25, 3.75)]
    assert sorted(map(tuple, points)) == wanted
    assert labels.tolist() == [7] * 8


def test_at_rest_both_halves_press_alike():
    """A lid that comes fast is felt by the hard layer, which is the upper one, first."""
    bed = full_bed(labels=layers((1, 16), (2, 16), width=4))
    for _ in bed.strained(0.99 * bed.height, -1e-2):
        pass
    low, high = bed.pressures()
    assert high > 2 * low
    bed.rest()
    low, high = bed.pressures()
    assert high == pytest.approx(low, rel=0.1)


@pytest.mark.parametrize("axis", [1, 2])
def test_where_periodic_sides_lie_does_not_matter(axis):
    labels = np.random.default_rng(1).choice([0, 1], (10, 8, 8), p=[0.4, 0.6])
    given, rolled = (
        compact(
            volume(found), BOTH, {"SE": 3e8}, 9 * H,
            sides="periodic", release=False, rate=1e-3, stops=2,
        ).pressures
        for found in (labels, np.roll(labels, 2, axis))
    )  # fmt: skip
    assert rolled == pytest.approx(given, rel=1e-3)


def test_a_lid_that_is_off_presses_no_more():
    labels = np.random.default_rng(1).choice([0, 1], (10, 6, 6), p=[0.4, 0.6])
    done = compact(volume(labels), BOTH, {"SE": 3e8}, 8 * H, rate=1e-2, stops=1)
    assert abs(done.pressures[-1]) <= compaction.RELEASED * done.pressures.max()
    assert done.height == pytest.approx(8 * H, rel=5e-4)
    assert done.lowest == done.heights.min()


def test_a_stop_has_the_mean_pressure_of_both_halves_and_how_far_they_differ():
    """Whichever of them presses more."""
    bed = SimpleNamespace(height=2.0, rest=lambda: None, pressures=lambda: (3.0, 1.0))
    path = compaction._Path(bed, 1.0)
    path._rest()
    assert (path.pressures, path.imbalances) == ([2.0], [2.0])


def in_series(soft, hard, squeezed):
    """Pressure of two layers of equal thickness that are squeezed to a share of it."""

    def stretch(pressure, modulus):
        return brentq(lambda x: -modulus * np.log(x) / x - pressure, 0.9, 1.0)

    return brentq(lambda p: stretch(p, soft) / 2 + stretch(p, hard) / 2 - squeezed, 1e6, 2e9)


def test_layers_in_series_share_the_pressure():
    """The cell between two layers is neither: an error of first order."""
    exact = in_series(confined(SOFT)[0], confined(HARD)[0], 0.99)
    errors = []
    for voxels in (8, 16):
        bed = full_bed(labels=layers((1, voxels), (2, voxels), width=4))
        for _ in bed.strained(0.99 * bed.height, -SLOW):
            pass
        errors.append(np.mean(bed.pressures()) / exact - 1)
    assert abs(errors[0]) < 0.08
    assert abs(errors[1]) < 0.65 * abs(errors[0])


def test_a_gap_is_felt_only_once_it_has_closed():
    """Two blocks of 16 voxels with a gap of 2: felt 0.4 voxels early, by force of 0.2."""
    blocks = volume(layers((1, 16), (0, 2), (1, 16)))
    done = compact(blocks, BOTH, {}, 32.01 * H, release=False, rate=2e-4)
    modulus = confined(SOFT)[0]
    gap = done.heights / H - 32
    assert np.count_nonzero(gap > 0.6) > 3
    assert np.abs(done.pressures[gap > 0.6]).max() < 2e-3 * modulus
    excess = done.pressures[-1] / modulus * 32
    assert 0.0 < excess < 0.4


def test_points_keep_their_phase_and_their_number():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2], (12, 10, 8), p=[0.5, 0.3, 0.2])
    made = volume(labels)
    done = compact(made, BOTH, {"SE": 3e8}, 10 * H, release=False, rate=1e-3)
    for label in (1, 2):
        assert np.count_nonzero(done.labels == label) == np.count_nonzero(labels == label)
    assert done.positions.min() > 0
    assert (done.positions.max(axis=0) < np.array([10, 10, 8]) * H).all()
    again = compact(made, BOTH, {"SE": 3e8}, 10 * H, release=False, rate=1e-3)
    assert (again.positions == done.positions).all()
    assert (again.pressures == done.pressures).all()


def test_the_axis_through_the_electrode_is_the_one_that_is_pressed():
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 1], (10, 8, 6), p=[0.4, 0.6])
    first = compact(volume(labels), BOTH, {"SE": 3e8}, 8 * H, release=False, rate=1e-3)
    turned = volume(np.transpose(labels, (1, 2, 0)), axis=2)
    last = compact(turned, BOTH, {"SE": 3e8}, 8 * H, release=False, rate=1e-3)
    assert last.pressures == pytest.approx(first.pressures, rel=1e-12)
    order = np.lexsort(first.positions.T)
    other = last.positions[:, [2, 0, 1]]
    assert other[np.lexsort(other.T)] == pytest.approx(first.positions[order], abs=1e-12 * H)


def test_what_springs_back_as_a_whole_is_an_error(monkeypatch):
    block = layers((1, 12), width=12)
    block[3:9, 3:9, 3:9] = 0  # a hole with stout walls
    monkeypatch.setattr(compaction, "MOST_RETURNS", 2)
    with pytest.raises(ConvergenceError, match="springs back"):
        compact(volume(block), BOTH, {}, 11.8 * H, rate=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sides": "free"}, "'walls' or 'periodic'"),
        ({"cell": 3}, "1 or 2 voxels"),
        ({"rate": 1.0}, r"0…0\.01"),
        ({"stops": 0}, "at least 1"),
        ({"height": 20 * H}, "is not between"),
        ({"stiffness": {"pore": SOFT}}, "no voxel"),
        ({"stiffness": {}}, "names no phase"),
        ({"stiffness": {"SE": 20e9}}, r"solvers\.Isotropic"),
        ({"yield_stress": {"SE": -1.0}}, "Pa > 0"),
        ({"yield_stress": {"NMC": 1e8}, "stiffness": {"SE": SOFT}}, "no stiffness"),
    ],
)
def test_bad_input_is_refused(change, words):
    blocks = volume(layers((1, 8)))
    given = {"stiffness": BOTH, "yield_stress": {}, "height": 7 * H} | change
    if "pore" in given["stiffness"]:
        blocks = volume(layers((2, 8)))
    with pytest.raises(InvalidInputError, match=words):
        compact(blocks, **given)
