"""Compaction by material points: uniform, layered, across a gap, and what never changes."""

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import compaction
from solvers.compaction import compact
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
    from solvers.material_points import Bed

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
