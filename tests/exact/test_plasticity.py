"""Plasticity against closed forms: bars, a shell around a swelling core, and what always holds."""

import numpy as np
import pytest
from scipy.optimize import brentq

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import loading, runtime
from solvers.body import Body
from solvers.boundary import Boundary, Periodic, Platen, Symmetry
from solvers.creep import PowerLawCreep
from solvers.flow import FlowState, flow_laws
from solvers.loading import LoadStep, load_path
from solvers.newton import balance
from solvers.plasticity import Yield
from solvers.voigt import von_mises
from tests.exact import analytic_elasticity as exact

PHASES = {0: "pore", 1: "metal", 2: "hard"}
E, NU, STRENGTH, SLOPE = 100e9, 0.3, 200e6, 5e9
METAL, HARD = solvers.Isotropic(E, NU), solvers.Isotropic(300e9, 0.2)
CRYSTAL = solvers.Cubic(400e9, 150e9, 60e9)
FREE = Periodic(pressure=0.0)
STATES = 1e-6  # plastic strains are kept in float32
NEWTON = 1e-5  # error of stresses after a solve to a tenth of that


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels compiled before the first test, whose time would otherwise be the compiler's."""
    step = LoadStep(strain=np.full(6, 1e-3), eigenstrain={"hard": 1e-3})
    for precision in ("double", "mixed"):
        solvers.use(precision=precision)
        for hard in (HARD, CRYSTAL):
            load_path(mixture(), {"metal": METAL, "hard": hard}, {"metal": Yield(1e6)}, [step])


@pytest.fixture
def double_precision():
    before = solvers.use().precision
    solvers.use(precision="double")
    yield
    solvers.use(precision=before)


def block(n=8, spacing=1e-6):
    return Volume(np.ones((n, n, n), np.uint8), spacing, PHASES)


def mixture(n=8, seed=0, shares=(0.2, 0.5, 0.3), spacing=(1e-6, 2e-6, 1.5e-6)):
    labels = np.random.default_rng(seed).choice(3, (n, n, n), p=shares).astype(np.uint8)
    return Volume(labels, spacing, PHASES)


def pull(strain, axis=0):
    """A bar strained along ``axis`` whose sides are free."""
    conditions = [FREE, FREE, FREE]
    conditions[axis] = Periodic(strain=strain)
    return Boundary(*conditions)


def stretched(law, strains, axis=0, **options):
    steps = [LoadStep(boundary=pull(strain, axis)) for strain in strains]
    options = {"tolerance": NEWTON / 10} | options
    return load_path(block(), {"metal": METAL}, {"metal": law}, steps, pull(0.0, axis), **options)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_bar_hardens_unloads_and_yields_in_reverse(axis):
    strains = [0.001, 0.004, 0.010, 0.009, 0.003]
    results = stretched(Yield(STRENGTH, SLOPE), strains, axis)
    tangent = E * SLOPE / (E + SLOPE)
    top = STRENGTH + tangent * (0.010 - STRENGTH / E)
    below = -top - tangent * (0.010 - 2 * top / E - 0.003)
    expected = [E * 0.001, STRENGTH + tangent * (0.004 - STRENGTH / E), top, top - E * 0.001, below]
    for result, stress in zip(results, expected, strict=True):
        assert result.stress[axis] == pytest.approx(stress, rel=NEWTON)
        assert np.delete(result.stress, axis) == pytest.approx(np.zeros(5), abs=NEWTON * STRENGTH)


def test_a_bar_follows_voces_law():
    law = Yield(STRENGTH, hardening=1e9, rise=100e6, decay=50.0)
    for result in stretched(law, [0.003, 0.02, 0.06]):
        accumulated = result.accumulated["metal"]
        assert accumulated == pytest.approx(result.strain[0] - result.stress[0] / E, rel=NEWTON)
        assert result.stress[0] == pytest.approx(law.at(accumulated), rel=NEWTON)


def test_a_proportional_path_ends_the_same_in_any_number_of_parts():
    strain = np.array([0.01, -0.004, -0.004, 0.002, 0.0, 0.006])

    def final(parts):
        steps = [LoadStep(strain=strain, parts=parts)]
        return load_path(block(), {"metal": METAL}, {"metal": Yield(STRENGTH, SLOPE)}, steps)[0]

    assert final(7).stress == pytest.approx(final(1).stress, rel=NEWTON, abs=NEWTON * STRENGTH)


def test_cycles_of_a_perfectly_plastic_bar_dissipate_their_area():
    top = 0.004
    results = stretched(Yield(STRENGTH), [top, -top, top, -top])
    swept = 2 * top - 2 * STRENGTH / E  # plastic strain of half a cycle
    first = top - STRENGTH / E
    areas = STRENGTH * (first + swept * np.arange(4))
    assert [r.dissipated for r in results] == pytest.approx(areas, rel=NEWTON)
    assert [r.stored for r in results] == pytest.approx(np.full(4, STRENGTH**2 / (2 * E)), rel=1e-4)
    assert all(r.flowed == {"metal": 1.0} for r in results)


def shell(n, core=0.45, rim=0.92):
    """An eighth of a core in a shell, radii as shares of n voxels; radii by their volumes."""
    centre = (np.arange(n) + 0.5) / n
    r = np.sqrt(centre[:, None, None] ** 2 + centre[:, None] ** 2 + centre**2)
    labels = np.where(r < core, 2, np.where(r < rim, 1, 0)).astype(np.uint8)
    radii = [(6 * np.count_nonzero(inside) / np.pi) ** (1 / 3) for inside in (labels == 2, labels)]
    return Volume(labels, 1e-6, PHASES), *radii


def core_pressure(a, b, swelling):
    """Pressure at which the shell's hole and the core that swells in it are of a size."""

    def gap(pressure):
        u = exact.plastic_hollow_sphere(a, a, b, pressure, STRENGTH, (E, NU))[0]
        return u / a - swelling + pressure / (3 * exact.bulk(E, NU))

    return brentq(gap, 0.0, exact.plastic_pressure(b, a, b, STRENGTH))


def shell_errors(n, swelling=0.006):
    """Relative error of the core's pressure, and the front's by the radius of the shell."""
    volume, a, b = shell(n)
    steps = [LoadStep(eigenstrain={"hard": swelling * share}, fields=True) for share in (0.5, 1.0)]
    stiffness = {"metal": METAL, "hard": METAL}
    last = load_path(volume, stiffness, {"metal": Yield(STRENGTH)}, steps, "symmetry")[-1]
    inside = volume.labels == 2
    pressure = core_pressure(a, b, swelling)
    front = exact.plastic_front(pressure, a, b, STRENGTH)
    yielded = np.count_nonzero(inside | (last.fields.accumulated > 0))
    found = -last.fields.stress[:3, inside].mean()
    return found / pressure - 1, ((6 * yielded / np.pi) ** (1 / 3) - front) / b


def test_a_shell_yields_around_a_swelling_core_as_hill_says():
    pressure, front = shell_errors(12)
    assert (
        abs(pressure) < 0.045
    )  # the staircase of a core of 5 voxels; elastic hourglasses cost 0.06
    assert abs(front) < 0.02


@pytest.mark.slow
def test_the_error_of_the_shell_falls_with_the_voxels_edge():
    coarse, fine = abs(shell_errors(12)[0]), abs(shell_errors(32)[0])
    assert np.log(coarse / fine) / np.log(32 / 12) > 0.8


LAWS = {
    "linear": Yield(STRENGTH, SLOPE),
    "perfect": Yield(STRENGTH),
    "voce": Yield(STRENGTH, 1e9, 80e6, 100.0),
    "creep": PowerLawCreep(1e-3, 100e6, 4.0),
    "both": (Yield(STRENGTH, SLOPE), PowerLawCreep(1e-2, 150e6, 7.0)),
}


def flowing(law, anisotropic=False, scale=4e-3):
    """A flow state that has flowed once, a displacement, and a direction in which to vary it."""
    volume = mixture()
    hard = CRYSTAL if anisotropic else HARD
    stiffness = {"metal": METAL, "hard": hard}
    body = Body.of(volume, stiffness, Boundary(FREE, FREE, Periodic()))
    operator = body.operator
    laws = flow_laws(volume, stiffness, {"metal": law})
    flow = FlowState(operator, laws, laws.of_voxels(volume), body.unit)
    rng = np.random.default_rng(1)

    def field(size):
        x = np.zeros(operator.size)
        operator.grid.displacement(x)[:] = size * rng.standard_normal((3, 9, 9, 9))
        x[-6:-3] = size * rng.standard_normal(3) * operator.constraint.free[:3]
        operator.constraint.seal(x, operator.grid)
        return x

    before = field(scale)
    flow.respond(before, 1.0)
    flow.commit(before, 1.0)
    return flow, before + field(scale), field(1.0)


def forces(flow, x):
    flow.respond(x, 1.0)
    out = runtime.zeros(len(x), np.float64)
    flow.operator.given(flow.stress, flow.rest).apply(x, out)
    return out


@pytest.mark.parametrize("anisotropic", [False, True])
@pytest.mark.parametrize("law", LAWS)
def test_the_tangent_is_the_derivative_of_the_forces(law, anisotropic, double_precision):
    flow, x, direction = flowing(LAWS[law], anisotropic)
    step = 1e-8  # of strains of 1e-2: differences are exact to 1e-7 or so, but at kinks
    difference = (forces(flow, x + step * direction) - forces(flow, x - step * direction)) / (
        2 * step
    )
    flow.respond(x, 1.0)
    product = np.zeros_like(x)
    flow.operator.softened(flow.normal).apply(direction, product)
    assert np.abs(product - difference).max() < 1e-6 * np.abs(difference).max()


def test_the_tangent_is_symmetric_and_positive(double_precision):
    flow, x, first = flowing(LAWS["perfect"])
    second = np.roll(first, 77)
    flow.operator.constraint.seal(second, flow.grid)
    second[-6:] = 0.0
    flow.respond(x, 1.0)
    tangent, of_first, of_second = flow.operator.softened(flow.normal), *np.zeros((2, len(x)))
    assert tangent.apply(first, of_first) > 0.0
    tangent.apply(second, of_second)
    assert of_first @ second == pytest.approx(of_second @ first, rel=1e-9)


def random_path(steps, law=LAWS["linear"], n=8, seed=0, **options):
    stiffness = {"metal": METAL, "hard": HARD}
    return load_path(mixture(n, seed), stiffness, {"metal": law}, steps, **options)


def sheared(strain, **options):
    return LoadStep(strain=[0.0, strain / 2, 0.0, 0.0, 0.0, strain], **options)


@pytest.mark.parametrize("law", ["linear", "perfect", "voce"])
def test_newtons_iteration_converges_quadratically(law):
    result = random_path([sheared(0.004)], LAWS[law], tolerance=1e-7)[0]
    (report,) = result.reports  # the step was never halved
    assert result.flowed["metal"] > 0.5
    assert len(report.errors) == report.iterations <= 6  # one linear solve more: the elastic step
    for before, after in zip(report.errors, report.errors[1:], strict=False):
        assert after < max(30 * before**2, 1e-7)


@pytest.mark.parametrize("law", ["linear", "perfect", "voce"])
def test_no_voxel_exceeds_its_yield_stress(law):
    for result in random_path(
        [sheared(0.004, fields=True), sheared(-0.004, fields=True)], LAWS[law]
    ):
        labels, fields = mixture().labels, result.fields
        limit = np.vectorize(LAWS[law].at)(fields.accumulated)
        metal = labels == 1
        assert (von_mises(fields.stress) <= limit * (1 + STATES))[metal].all()
        assert (fields.accumulated[~metal] == 0).all()
        volume_change = np.abs(fields.plastic_strain[:3].sum(axis=0))
        assert volume_change.max() < STATES * fields.accumulated.max()


def test_below_yield_a_body_responds_as_the_elastic_one():
    strain = [0.0005, 0.0, 0.0, 0.0, 0.0, 0.001]
    field = {"hard": 0.0003}
    step = LoadStep(strain=strain, eigenstrain=field, fields=True)
    result = random_path([step], Yield(1e12), tolerance=1e-6)[0]
    body = Body.of(mixture(), {"metal": METAL, "hard": HARD})
    swelling = solvers.eigenstrain_field(mixture(), field)
    deformation = body.respond(strain=strain, eigenstrain=swelling, tolerance=1e-12)
    stress = body.stress(deformation, swelling)
    assert result.fields.stress == pytest.approx(stress, abs=1e-5 * np.abs(stress).max())
    assert result.flowed == {"metal": 0.0}
    assert result.dissipated == 0.0


@pytest.mark.slow
def test_work_is_stored_or_dissipated():
    def lost(parts):
        """Share of the work that the account misses, from mean stresses and strains of steps."""
        path = [sheared(strain) for strain in np.linspace(0, 0.006, parts + 1)[1:]]
        path += [sheared(strain) for strain in np.linspace(0.006, 0.003, parts // 2 + 1)[1:]]
        results = random_path(path, tolerance=1e-4)
        assert (np.diff([0.0] + [r.dissipated for r in results]) >= 0.0).all()
        stress = np.array([np.zeros(6)] + [r.stress for r in results])
        strain = np.array([np.zeros(6)] + [r.strain for r in results])
        work = np.sum((stress[1:] + stress[:-1]) / 2 * np.diff(strain, axis=0))
        return 1 - (results[-1].stored + results[-1].dissipated) / work

    coarse, fine = abs(lost(2)), abs(lost(8))
    assert fine < 0.02
    assert fine < coarse / 2.5  # first order in the steps would be 4


@pytest.mark.slow
def test_refining_a_proportional_path_changes_little_and_converges():
    stresses = [random_path([sheared(0.004, parts=p)])[0].stress for p in (1, 3, 9)]
    scale = np.abs(stresses[-1]).max()
    coarse, fine = (np.abs(s - stresses[-1]).max() / scale for s in stresses[:2])
    assert coarse < 0.02
    assert fine < coarse / 2


def test_an_isotropic_crystal_is_an_isotropic_solid():
    steps = [sheared(0.004)]
    law = {"metal": LAWS["linear"]}
    C11, C12, C44 = (HARD.matrix[c] for c in ((0, 0), (0, 1), (3, 3)))
    crystal = {"metal": METAL, "hard": solvers.Cubic(C11, C12, C44)}
    stiffness = {"metal": METAL, "hard": HARD}
    expected, found = (load_path(mixture(), s, law, steps)[0] for s in (stiffness, crystal))
    assert found.stress == pytest.approx(expected.stress, rel=1e-4, abs=1e-4 * STRENGTH)


def test_pressures_are_reached_and_released():
    sides = Symmetry()
    presses = [Boundary(Platen(pressure=p), sides, sides) for p in (400e6, 900e6, 0.0)]
    results = random_path([LoadStep(boundary=b) for b in presses], boundary=presses[-1])
    for result, pressure in zip(results, (400e6, 900e6, 0.0), strict=True):
        assert result.pressures[0] == pytest.approx(pressure, abs=1e-3 * 900e6)
    assert results[1].flowed["metal"] > 0.5
    assert results[2].strain[0] < -1e-4  # the pressed body stays shorter


def test_a_fixed_gap_after_a_pressure_keeps_the_strain():
    sides = Symmetry()
    pressed = Boundary(Platen(pressure=600e6), sides, sides)
    first = random_path([LoadStep(boundary=pressed)], boundary=pressed)[0]
    gap = first.strain[0] * 8 * 1e-6
    held = LoadStep(boundary=Boundary(Platen(displacement=gap), sides, sides))
    results = random_path([LoadStep(boundary=pressed), held], boundary=pressed)
    assert results[1].strain[0] == pytest.approx(results[0].strain[0], rel=1e-6)
    assert results[1].pressures[0] == pytest.approx(600e6, rel=2e-3)


def test_free_swelling_of_all_solids_causes_no_flow():
    step = LoadStep(eigenstrain={"metal": 0.02, "hard": 0.02})
    result = random_path([step], boundary=Boundary(FREE, FREE, FREE))[0]
    assert result.strain[:3] == pytest.approx(np.full(3, 0.02), rel=1e-4)
    assert np.abs(result.stress).max() < 1e-3 * STRENGTH
    assert result.accumulated["metal"] < 1e-6


def test_a_periodic_volume_may_begin_anywhere():
    steps = [sheared(0.004), sheared(0.0)]
    stiffness, law = {"metal": METAL, "hard": HARD}, {"metal": LAWS["linear"]}
    volume = mixture()
    shifted = Volume(np.roll(volume.labels, (3, 5, 1), (0, 1, 2)), volume.spacing, PHASES)
    here, there = (load_path(v, stiffness, law, steps, tolerance=1e-5) for v in (volume, shifted))
    for one, other in zip(here, there, strict=True):
        assert other.stress == pytest.approx(one.stress, abs=1e-5 * STRENGTH)
        assert other.dissipated == pytest.approx(one.dissipated, rel=1e-5)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3])
def test_the_tolerance_is_the_error_of_the_stress(tolerance):
    step = sheared(0.004, fields=True)
    exact_, found = (random_path([step], tolerance=t)[0].fields.stress for t in (1e-6, tolerance))
    assert np.linalg.norm(found - exact_) < tolerance * np.linalg.norm(exact_)


def test_a_step_that_fails_is_taken_in_halves(monkeypatch):
    calls = []

    def failing(system, x, **options):
        """Newton's iteration, which gives up on the first call and leaves rubbish."""
        calls.append(system)
        if len(calls) == 1:
            x[:] = 1.0
            raise ConvergenceError("enough", None)
        return balance(system, x, **options)

    whole = random_path([sheared(0.004, parts=2)])[0]
    monkeypatch.setattr(loading, "balance", failing)
    halved = random_path([sheared(0.004)])[0]
    assert len(calls) == 3
    assert len(halved.reports) == 2
    assert halved.stress == pytest.approx(whole.stress, rel=1e-6)


def test_more_than_the_limit_load_is_refused():
    steps = [LoadStep(boundary=Boundary(Periodic(pressure=2 * STRENGTH), FREE, FREE))]
    message = r"load step 1 failed .* more than the volume can carry"
    with pytest.raises(ConvergenceError, match=message):
        load_path(block(), {"metal": METAL}, {"metal": Yield(STRENGTH)}, steps, pull(0.0))


def test_a_result_turns_into_plain_numbers():
    (result,) = stretched(Yield(STRENGTH), [0.004])
    plain = result.to_dict()
    assert plain["stress"][0] == pytest.approx(STRENGTH, rel=NEWTON)
    assert plain["flowed"] == {"metal": 1.0}
    assert plain["reports"][0]["tolerance"] == NEWTON / 10


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Yield(0.0), "the yield stress is 0.0: give Pa > 0"),
        (lambda: Yield(1e6, -1e6), "the hardening of a yield stress is -1000000.0, not ≥ 0"),
        (lambda: LoadStep(duration=-1.0), "a load step lasts -1.0: give seconds"),
        (lambda: LoadStep(parts=0), "a load step has 0 parts"),
        (lambda: LoadStep(strain=[0.1, 0.2]), "not six finite numbers"),
        (lambda: LoadStep(strain=np.zeros(6), boundary="periodic"), "the mean strain twice"),
        (lambda: random_path([], 20e6), "the law of 'metal' is 20000000.0: give solvers.Yield"),
        (lambda: random_path([], (Yield(1.0), Yield(2.0))), "give one Yield"),
        (lambda: random_path([LoadStep(boundary="clamped")]), "faces are not held as those of"),
        (lambda: random_path([], tolerance=0.0), "tolerance 0.0 is not in 1e-7…0.1"),
        (
            lambda: load_path(mixture(), {"hard": HARD}, {"metal": Yield(1e6)}, []),
            "'metal' flows, but its stiffness is None",
        ),
        (lambda: load_path(mixture(), {"hard": HARD}, Yield(1e6), []), "is no mapping: write"),
    ],
)
def test_mistakes_are_told(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        wrong()
