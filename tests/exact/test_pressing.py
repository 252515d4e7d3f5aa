"""Pressing of yielding solids: volumes kept, porosity met, pressure a result, replays."""

from types import SimpleNamespace

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.compaction import compact
from solvers.stiffness import Isotropic
from twin.manufacturing import Process, press, replay
from twin.manufacturing.pressing import UNEVEN, _marked

PHASES = {0: "pore", 1: "NMC", 2: "SE"}
SOLIDS = {
    "NMC": {"youngs_modulus": 140e9, "poisson_ratio": 0.25},
    "SE": {"youngs_modulus": 20e9, "poisson_ratio": 0.35, "yield_stress": 2e8},
}
FAST = 2e-3


def composite(shape=(20, 12, 12), seed=0, axis=0):
    """A hard ball in soft grains."""
    rng = np.random.default_rng(seed)
    index = np.indices(shape)
    labels = np.zeros(shape, np.uint8)
    for centre in rng.uniform(0, shape, (np.prod(shape) // 130, 3)):
        labels[((index - centre[:, None, None, None]) ** 2).sum(axis=0) < 9] = 2
    middle = np.array(shape)[:, None, None, None] / 2
    labels[((index + 0.5 - middle) ** 2).sum(axis=0) < 16] = 1
    return Volume(labels, 2e-7, PHASES, through_axis=axis)


@pytest.fixture(scope="module")
def pressed():
    volume = composite()
    return volume, *press(volume, solids=SOLIDS, porosity=0.3, rate=FAST)


def test_porosity_is_met_and_every_solid_kept(pressed):
    before, after, report = pressed
    assert after.fractions()["pore"] == pytest.approx(0.3, abs=0.003)
    assert report.largest_loss < 1e-3
    assert report.figures["porosity"] == pytest.approx(0.3, abs=0.003)
    assert after.shape[1:] == before.shape[1:]
    assert after.size[0] == pytest.approx(before.size[0] * (1 - poro(before)) / 0.7, rel=1e-9)


def poro(volume):
    return volume.voxels("pore") / volume.labels.size


def test_pressure_is_a_result(pressed):
    _, _, report = pressed
    figures = report.figures
    marks = [figures[name] for name in figures if name.startswith("pressure_at_")]
    assert len(marks) >= 2
    assert marks == sorted(marks)
    assert figures["largest_pressure_Pa"] >= marks[-1] > 1e6
    assert figures["porosity_under_load"] < figures["porosity"]
    assert figures["spring_back"] > 0


def test_pressures_are_those_of_the_way_down_only():
    """The lid goes up and comes down anew: what it pressed at a height it had left says nothing."""
    heights = np.array([10.0, 8.0, 9.0, 7.0, 7.5])
    done = SimpleNamespace(heights=heights, pressures=np.array([1.0, 5.0, 0.0, 9.0, 0.0]))
    found = _marked(done, solid=6.0)
    assert found["pressure_at_40_percent_Pa"] == pytest.approx(1.0)
    assert found["pressure_at_25_percent_Pa"] == pytest.approx(5.0)
    between = (0.25 - 0.20) / (0.25 - (1 - 6 / 7))
    assert found["pressure_at_20_percent_Pa"] == pytest.approx(5.0 + between * 4.0)
    assert "pressure_at_10_percent_Pa" not in found


@pytest.mark.slow
def test_a_softer_solid_wants_less_pressure(pressed):
    before, _, report = pressed
    softer = SOLIDS | {"SE": SOLIDS["SE"] | {"yield_stress": 5e7}}
    _, other = press(before, solids=softer, porosity=0.3, rate=FAST)
    assert other.figures["largest_pressure_Pa"] < 0.7 * report.figures["largest_pressure_Pa"]
    assert other.figures["spring_back"] < report.figures["spring_back"]


def test_a_hard_ball_keeps_its_shape_where_the_soft_flows(pressed):
    before, after, _ = pressed
    spread = [np.argwhere(v.labels == 1).std(axis=0) for v in (before, after)]
    height = after.spacing[0] / before.spacing[0]
    assert spread[1] * [height, 1, 1] == pytest.approx(spread[0], rel=0.08)


@pytest.mark.slow
def test_a_process_with_a_press_replays(tmp_path):
    volume = composite((16, 8, 8))
    process = Process([("press", {"solids": SOLIDS, "porosity": 0.35, "rate": FAST})])
    run = process.run(volume)
    again = replay(run.to_json(tmp_path / "run.json"), volume)
    assert np.array_equal(again.volume.labels, run.volume.labels)


def test_materials_may_be_named():
    volume = composite((16, 8, 8))
    named = {"NMC": "NMC532", "SE": twin.material("LPSCl")}
    _, report = press(volume, solids=named, porosity=0.35, rate=FAST)
    assert report.parameters["solids"]["NMC"] == "NMC532"
    assert report.parameters["solids"]["SE"]["yield_stress"] > 0


@pytest.mark.slow
def test_a_lid_that_is_too_fast_is_said():
    volume = composite((32, 8, 8))
    _, report = press(volume, solids=SOLIDS, porosity=0.45, rate=1e-2)
    assert (report.figures["imbalance"] > UNEVEN) == any("too fast" in w for w in report.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"porosity": 0.99}, "only lowers it"),
        ({"porosity": None}, "give one of them"),
        ({"thickness": 1e-6}, "give one of them"),
        ({"solids": {"NMC": "NMC532"}}, r"\['SE'\] have no material"),
        ({"solids": {}}, "give each phase a material"),
        ({"solids": SOLIDS | {"SE": 20e9}}, "name of a material"),
        ({"solids": SOLIDS | {"SE": {"E": 20e9}}}, "youngs_modulus"),
        ({"solids": SOLIDS | {"SE": "LP30"}}, "bear no load"),
    ],
)
def test_bad_input_is_refused(change, words):
    given = {"solids": SOLIDS, "porosity": 0.3} | change
    with pytest.raises(InvalidInputError, match=words):
        press(composite(), **given)


@pytest.mark.slow
def test_the_pressure_at_rest_does_not_depend_on_the_rate():
    index = np.indices((36, 24, 24))
    rng = np.random.default_rng(3)
    labels = np.zeros(index.shape[1:], np.uint8)
    for centre in rng.uniform(0, index.shape[1:], (14, 3)):
        labels[((index - centre[:, None, None, None]) ** 2).sum(axis=0) < 36] = 2
    volume = Volume(labels, 2e-7, PHASES)
    solid, height = {2: Isotropic(20e9, 0.35)}, volume.size[0] * 0.8
    found = [
        compact(volume, solid, {2: 2e8}, height, release=False, rate=rate).pressures[-1]
        for rate in (5e-4, 1e-4)
    ]
    assert found[0] == pytest.approx(found[1], rel=0.05)
