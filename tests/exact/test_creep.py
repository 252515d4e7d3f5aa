"""Creep against closed forms: bars under constant stress and strain, layers, and mixed laws."""

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.boundary import Boundary, Periodic
from solvers.creep import PowerLawCreep
from solvers.loading import LoadStep, load_path
from solvers.plasticity import Yield

PHASES = {0: "pore", 1: "lithium", 2: "sulfide"}
E, NU = 5e9, 0.36
LITHIUM, SULFIDE = solvers.Isotropic(E, NU), solvers.Isotropic(22e9, 0.35)
CREEP = PowerLawCreep(rate=1e-4, stress=0.5e6, exponent=6.6)
FREE = Periodic(pressure=0.0)
STATES = 2e-6  # plastic strains are kept in float32, and parts summed in it


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels compiled before the first test, whose time would otherwise be the compiler's."""
    labels = np.random.default_rng(0).choice(3, (8, 8, 8)).astype(np.uint8)
    steps = [LoadStep(strain=np.full(6, 1e-3), eigenstrain={"sulfide": 1e-3}, duration=1.0)]
    stiffness = {"lithium": LITHIUM, "sulfide": SULFIDE}
    load_path(Volume(labels, 1e-6, PHASES), stiffness, {"lithium": CREEP}, steps)


def block(labels=None):
    return Volume(np.ones((8, 8, 8), np.uint8) if labels is None else labels, 1e-6, PHASES)


def pulled(stress):
    return Boundary(Periodic(pressure=-stress), FREE, FREE)


def strained(strain):
    return Boundary(Periodic(strain=strain), FREE, FREE)


def bar(steps, law=CREEP, **options):
    options = {"tolerance": 1e-7} | options
    return load_path(block(), {"lithium": LITHIUM}, {"lithium": law}, steps, "periodic", **options)


@pytest.mark.parametrize("exponent", [1.0, 3.0, 7.0])
def test_a_bar_under_constant_stress_creeps_at_its_rate(exponent):
    law, stress = PowerLawCreep(1e-4, 0.5e6, exponent), 0.8e6
    steps = [LoadStep(boundary=pulled(stress)), LoadStep(duration=3.0), LoadStep(duration=40.0)]
    results = bar(steps, law)
    rate = 1e-4 * (stress / 0.5e6) ** exponent
    for result, time in zip(results, (0.0, 3.0, 43.0), strict=True):
        plastic = rate * time
        assert result.time == time
        assert result.strain[0] == pytest.approx(stress / E + plastic, rel=STATES)
        assert result.strain[1:3] == pytest.approx(-NU * stress / E - plastic / 2, rel=STATES)
        assert result.dissipated == pytest.approx(stress * plastic, rel=STATES, abs=1e-6)


def relaxed(start, time):
    """Stress of a bar of fixed length: d sigma / dt = -E rate (sigma / stress)^n."""
    n = CREEP.exponent
    factor = (n - 1) * E * CREEP.rate * time * (start / CREEP.stress) ** (n - 1) / CREEP.stress
    return start * (1 + factor) ** (-1 / (n - 1))


def test_a_bar_of_fixed_length_relaxes_to_first_order_in_time():
    strain, duration = 2.5e-4, 0.002
    exact = relaxed(E * strain, duration)
    assert exact < 0.85 * E * strain

    def error(parts):
        held = LoadStep(duration=duration, parts=parts)
        last = bar([LoadStep(boundary=strained(strain)), held])[-1]
        assert np.abs(last.stress[1:]).max() < 1e-3 * exact
        return abs(last.stress[0] - exact) / exact

    parts = np.array([4, 8, 16])
    errors = [error(n) for n in parts]
    slope = np.polyfit(np.log(parts), np.log(errors), 1)[0]
    assert errors[-1] < 0.03
    assert slope == pytest.approx(-1.0, abs=0.1)


def test_uniform_pressure_makes_nothing_creep():
    pressed = Boundary(*[Periodic(pressure=50e6)] * 3)
    result = bar([LoadStep(boundary=pressed, duration=1e6)])[0]
    assert result.accumulated["lithium"] < 1e-12
    assert result.strain[0] == pytest.approx(-50e6 * (1 - 2 * NU) / E, rel=1e-5)


def test_creep_without_time_is_elastic():
    result = bar([LoadStep(boundary=strained(1e-3))])[0]
    assert result.stress[0] == pytest.approx(E * 1e-3, rel=STATES)
    assert result.flowed == {"lithium": 0.0}


def test_a_phase_yields_when_loaded_fast_and_creeps_when_held():
    law = (Yield(1e6, hardening=50e6), CREEP)
    fast, held = LoadStep(boundary=strained(2e-3), duration=1e-9), LoadStep(duration=1.0)
    loaded, later = bar([fast, held], law)
    p = (2e-3 - 1e6 / E) / (1 + 50e6 / E)
    assert loaded.accumulated["lithium"] == pytest.approx(p, rel=STATES)
    assert loaded.stress[0] == pytest.approx(1e6 + 50e6 * p, rel=1e-5)
    # implicit Euler: what is left of the stress is what the rate at it leaves
    left = brentq(
        lambda s: (loaded.stress[0] - s) / E - CREEP.rate * (s / CREEP.stress) ** CREEP.exponent,
        0.0,
        loaded.stress[0],
    )
    assert later.stress[0] == pytest.approx(left, rel=1e-5)


def test_layers_end_up_sharing_a_shear_rate():
    labels = np.repeat([1, 2], [3, 5]).astype(np.uint8)[:, None, None] * np.ones(
        (1, 8, 8), np.uint8
    )
    slow = PowerLawCreep(rate=1e-6, stress=0.5e6, exponent=3.0)
    rate, duration = 1e-5, 2e3
    steps = [LoadStep(strain=[0, 0, 0, 0, 0, rate * duration], duration=duration, parts=4)]
    laws = {"lithium": CREEP, "sulfide": slow}
    stiffness = {"lithium": LITHIUM, "sulfide": SULFIDE}
    result = load_path(block(labels), stiffness, laws, steps, tolerance=1e-4)[0]

    def mean_rate(shear):
        """Engineering shear rate of layers under one shear stress: sqrt(3) of the equivalent."""
        rates = (law.rate * (3**0.5 * shear / law.stress) ** law.exponent for law in (CREEP, slow))
        return 3**0.5 * np.average(list(rates), weights=[3, 5])

    steady = brentq(lambda shear: mean_rate(shear) - rate, 0.0, 1e8)
    assert result.stress[5] == pytest.approx(steady, rel=1e-3)


def porous(seed=2, shares=(0.2, 0.4, 0.4)):
    return np.random.default_rng(seed).choice(3, (8, 8, 8), p=shares).astype(np.uint8)


def test_what_a_body_of_fixed_size_releases_is_dissipated():
    strain = LoadStep(strain=[-3e-4, 0, 0, 0, 0, 1e-4])
    holds = [LoadStep(duration=1e-4 * 3**i, fields=True) for i in range(8)]
    stiffness, volume = {"lithium": LITHIUM, "sulfide": SULFIDE}, block(porous())
    first, *others = load_path(volume, stiffness, {"lithium": CREEP}, [strain, *holds])
    stored = [result.stored for result in (first, *others)]
    dissipated = [result.dissipated for result in (first, *others)]
    assert dissipated[0] == 0.0
    assert (np.diff(stored) < 0.0).all()
    assert (np.diff(dissipated) > 0.0).all()
    assert dissipated[-1] > 0.3 * stored[0]
    # of what is released in a step implicit Euler loses a part, never the other way round
    assert 0.95 * stored[0] < stored[-1] + dissipated[-1] < stored[0]
    assert not others[-1].fields.accumulated[volume.labels != 1].any()


def test_hourglasses_creep_with_their_voxels():
    steps = [LoadStep(strain=[0, 0, 0, 1e-3, 0, 0]), LoadStep(duration=1.0), LoadStep(duration=1e9)]
    volume = block(np.minimum(porous(), 1))
    first, _, last = load_path(volume, {"lithium": LITHIUM}, {"lithium": CREEP}, steps)
    # elastic ones would hold the body up for ever
    assert last.stored < 1e-3 * first.stored
    assert last.stress[3] < 0.03 * first.stress[3]


def test_parts_of_a_step_lie_on_a_straight_line():
    stiffness, volume = {"lithium": LITHIUM, "sulfide": SULFIDE}, block(porous())

    def pressed(pressure):
        return Boundary(Periodic(pressure=pressure), Periodic(strain=pressure * 1e-11), FREE)

    def loads(share, **options):
        swelling = {"sulfide": 1e-3 * share}
        return LoadStep(eigenstrain=swelling, boundary=pressed(2e6 * share), **options)

    def end(steps):
        start = LoadStep(boundary=pressed(0.3e6), duration=0.1)
        return load_path(volume, stiffness, {"lithium": CREEP}, [start, *steps], pressed(0.0))[-1]

    at_once = end([loads(1.0, duration=0.6, parts=2)])
    middle = LoadStep(
        eigenstrain={"sulfide": 0.5e-3}, boundary=pressed((0.3e6 + 2e6) / 2), duration=0.3
    )
    in_two = end([middle, loads(1.0, duration=0.3)])
    assert len(at_once.reports) == 2
    assert at_once.time == pytest.approx(in_two.time)
    assert at_once.strain == pytest.approx(in_two.strain, rel=1e-3)
    assert at_once.dissipated == pytest.approx(in_two.dissipated, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1e6, 3.0), "the rate of creep is 0.0"),
        ((1e-4, -1.0, 3.0), "the stress of creep is -1.0"),
        ((1e-4, 1e6, 0.5), "the exponent of creep is 0.5, not in 1…20"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        PowerLawCreep(*arguments)
