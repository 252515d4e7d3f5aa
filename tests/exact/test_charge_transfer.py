"""Coupled ionic and electronic transport against porous electrodes and independent solves.

Stripes one voxel wide are a porous electrode of one dimension: κ and σ are the stripe's value times
its fraction, and a face conducts g' with 1/g' = 1/g + h/2κ + h/2σ.
"""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from scipy import constants, integrate, ndimage, optimize

from microstructures import Volume
from microstructures.errors import (
    ConvergenceError,
    InvalidInputError,
    MemoryBudgetError,
    UnknownPhaseError,
)
from solvers import coupled_potential, coupled_transport
from solvers.butler_volmer import ButlerVolmer, Linear
from solvers.coupled_transport import charge_transfer

F = constants.e / (constants.k * 298.15)  # F/RT in 1/V
PHASES = {0: "pore", 1: "NMC", 2: "CBD", 3: "void"}
LENGTH, WIDTH = 60e-6, 2e-7


def stripes(cells, width=WIDTH, length=LENGTH, pattern=((0, 1),)):
    """Pore and NMC side by side, each one voxel wide, along axis 0."""
    labels = np.broadcast_to(np.array(pattern, np.uint8), (cells, *np.shape(pattern)))
    return Volume(labels, (length / cells, width, width), PHASES)


def through_both_halves(g, kappa, sigma, width=WIDTH):
    return 1 / (1 / g + width / 2 / kappa + width / 2 / sigma)


def newman_tobias(kappa, sigma, conductance, length=LENGTH):
    """Resistance in Ω m² of i₂' = -a g (φ₂ - φ₁), i₂ = -κ φ₂', i₁ = -σ φ₁', i₁ + i₂ = i.

    ``conductance`` is a g in S/m³. i₂ = i at the separator and 0 at the collector.
    """
    nu = length * np.sqrt(conductance * (1 / kappa + 1 / sigma))
    ratio = sigma / kappa + kappa / sigma
    crowded = (2 + ratio * np.cosh(nu)) / (nu * np.sinh(nu))
    return length / (kappa + sigma) * (1 + crowded)


CASES = [(0.5, 2.0, 400.0), (0.1, 50.0, 300.0), (20.0, 0.2, 500.0), (1.0, 1.0, 1.0)]
NAMES = ["at both ends", "at the separator", "at the collector", "uniform"]


@pytest.mark.parametrize(("kappa", "sigma", "g"), CASES, ids=NAMES)
@pytest.mark.parametrize(
    ("pattern", "area"), [(((0, 1),), 0.5), (((0, 1), (1, 0)), 1.0)], ids=["stripes", "bars"]
)
def test_stripes_are_the_porous_electrode_of_newman_and_tobias(kappa, sigma, g, pattern, area):
    result = charge_transfer(
        stripes(200, pattern=pattern), {"NMC": sigma}, {"pore": kappa}, g, tolerance=1e-8
    )
    both = through_both_halves(g, kappa, sigma)
    exact = newman_tobias(kappa / 2, sigma / 2, both * area / WIDTH)
    assert result.value == pytest.approx(exact, rel=1e-3)
    assert result.specific_area == pytest.approx(area / WIDTH)


def test_without_the_half_voxels_it_is_so_only_for_small_biot_numbers():
    errors = []
    for biot in (1.0, 1e-2, 1e-4):  # g h / κ
        g = biot * 0.5 / WIDTH
        length = 2 * np.sqrt(0.25 * WIDTH / g)  # so that the profile stays the same
        volume = stripes(200, length=length)
        plain = newman_tobias(0.25, 0.25, g / 2 / WIDTH, length)
        errors.append(charge_transfer(volume, {"NMC": 0.5}, {"pore": 0.5}, g).value / plain - 1)
    # R goes with a power of g' between -1 and -1/2, and g/g' = 1 + Bi
    assert errors[0] > 2**0.5 - 1
    assert errors[1] == pytest.approx(errors[0] / 100, rel=0.5)
    assert abs(errors[2]) < 1.5e-4


def test_shares_are_those_by_which_the_resistance_grows():
    """R is homogeneous in the three resistances, and its derivatives are their dissipation."""
    rng = np.random.default_rng(3)
    volume = Volume(rng.integers(0, 2, (6, 5, 4)), (3e-7, 2e-7, 4e-7), {0: "pore", 1: "NMC"})

    def resistance(kappa=0.5, sigma=3.0, g=2e5):
        return charge_transfer(volume, {"NMC": sigma}, {"pore": kappa}, g, tolerance=1e-12)

    step, shares = 1e-4, resistance().shares
    for name, own in (("kappa", "ionic"), ("sigma", "electronic"), ("g", "charge transfer")):
        start = {"kappa": 0.5, "sigma": 3.0, "g": 2e5}[name]
        ends = [resistance(**{name: start * (1 + s)}).value for s in (step, -step)]
        # central differences in the logarithm, right to step²
        slope = np.log(ends[1] / ends[0]) / np.log((1 + step) / (1 - step))
        assert shares[own] == pytest.approx(slope, abs=1e-6)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_an_exponential_reaction_penetrates_by_its_decay_length():
    kappa, g = 0.1, 2e3
    decay = np.sqrt(kappa / 2 / (through_both_halves(g, kappa, 1e6) / 2 / WIDTH))
    volume = stripes(400, length=20 * decay)  # cells of 1/20, so that an order of 2 gives 1e-3
    result = charge_transfer(volume, {"NMC": 1e6}, {"pore": kappa}, g, tolerance=1e-10)
    assert result.penetration_depth == pytest.approx(decay, rel=2e-3)
    depth = (np.arange(400) + 0.5) / 20
    shape = np.exp(-depth)
    assert result.reaction_current == pytest.approx(shape / shape.sum(), abs=2e-3 * 0.05)
    # alike over a depth of two decay lengths of twenty: (∫ i)² / (L ∫ i²)
    assert result.utilisation == pytest.approx(2 / 20, rel=2e-3)


def test_a_uniform_reaction_uses_all_of_the_surface():
    result = charge_transfer(stripes(20), {"NMC": 1e4}, {"pore": 1e4}, 1.0, fields=True)
    assert result.utilisation == pytest.approx(1.0, abs=1e-6)
    assert result.penetration_depth == pytest.approx((1 - np.exp(-1)) * LENGTH, rel=1e-5)
    assert result.value == pytest.approx(2 * WIDTH / LENGTH, rel=1e-5)  # 1 / a g L
    assert result.overpotential == pytest.approx(result.value)  # at 1 A/m²
    assert result.fields.reaction == pytest.approx(1 / LENGTH, rel=1e-5)


def random_volume(seed, shape=(7, 6, 5), spacing=(3e-7, 2e-7, 5e-7), **kwargs):
    labels = np.random.default_rng(seed).choice(4, shape, p=[0.45, 0.3, 0.2, 0.05])
    return Volume(labels, spacing, PHASES, **kwargs)


KAPPA, SIGMA = {0: 0.7}, {1: 2.0, 2: 30.0}


def reference(volume, exchange):
    """Matrix, inlet and faces of the same network, voxel by voxel, along axis 0.

    Returns (conductance matrix, currents in at 1 V, total inlet conductance, active faces).
    """
    labels, h = volume.labels, volume.spacing
    kind = np.isin(labels, list(KAPPA)) + 2 * np.isin(labels, list(SIGMA))
    value = {**KAPPA, **SIGMA}
    live, seeds = np.zeros(labels.shape, bool), []
    seeds += [(0, *p) for p in np.argwhere(kind[0] == 1)]
    seeds += [(labels.shape[0] - 1, *p) for p in np.argwhere(kind[-1] == 2)]
    while seeds:
        here = tuple(int(c) for c in seeds.pop())
        if live[here]:
            continue
        live[here] = True
        for axis in range(3):
            for step in (-1, 1):
                there = tuple(c + step * (a == axis) for a, c in enumerate(here))
                inside = all(0 <= c < n for c, n in zip(there, labels.shape, strict=True))
                if inside and kind[there] == kind[here]:
                    seeds.append(there)
    number = np.cumsum(live).reshape(live.shape) - 1
    n = int(live.sum())
    matrix, inlet, active = scipy.sparse.lil_array((n, n)), np.zeros(n), []
    for here in np.argwhere(live):
        here = tuple(here)
        for axis in range(3):
            there = tuple(c + (a == axis) for a, c in enumerate(here))
            if there[axis] >= labels.shape[axis] or not live[there]:
                continue
            area = h[0] * h[1] * h[2] / h[axis]
            rest = sum(h[axis] / 2 / value[labels[p]] for p in (here, there)) / area
            i, j = number[here], number[there]
            if kind[here] != kind[there]:
                ion, other = (here, there) if kind[here] == 1 else (there, here)
                active.append((number[ion], number[other], area, rest * area, labels[other]))
                rest += 1 / exchange[labels[other]] / area
            for a, b in ((i, j), (j, i)):
                matrix[a, a] += 1 / rest
                matrix[a, b] -= 1 / rest
        end = 2 * h[1] * h[2] / h[0] * value[labels[here]]
        if here[0] == 0 and kind[here] == 1:
            inlet[number[here]] += end
            matrix[number[here], number[here]] += end
        if here[0] == labels.shape[0] - 1 and kind[here] == 2:
            matrix[number[here], number[here]] += end
    return matrix.tocsc(), inlet, active


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_a_sparse_direct_solve(seed):
    volume, g = random_volume(seed), {1: 4e5, 2: 3e3}
    matrix, inlet, active = reference(volume, g)
    x = scipy.sparse.linalg.spsolve(matrix, inlet)
    conductance = (inlet * (1 - x)).sum()
    result = charge_transfer(
        volume,
        {"NMC": 2.0, "CBD": 30.0},
        {"pore": 0.7},
        {("NMC", "pore"): g[1], ("pore", "CBD"): g[2]},
        tolerance=1e-12,
    )
    area = 6 * 5 * volume.spacing[1] * volume.spacing[2]
    assert result.value == pytest.approx(area / conductance, rel=1e-8)
    current = [(x[i] - x[j]) / (r / a + 1 / g[k] / a) for i, j, a, r, k in active]
    assert sum(current) == pytest.approx(conductance, rel=1e-9)
    areas = np.array([a for _, _, a, _, _ in active])
    used = sum(current) ** 2 / (np.square(current) / areas).sum()
    assert result.utilisation * result.specific_area * 42 * 5 * volume.voxel_volume == (
        pytest.approx(used, rel=1e-5)
    )


def test_a_larger_volume_agrees_at_the_default_tolerance():
    volume = random_volume(11, (24, 20, 18), (2e-7,) * 3)
    matrix, inlet, _ = reference(volume, {1: 2e4, 2: 2e4})
    conductance = (inlet * (1 - scipy.sparse.linalg.spsolve(matrix, inlet))).sum()
    area = 20 * 18 * 4e-14
    result = charge_transfer(volume, {"NMC": 2.0, "CBD": 30.0}, {"pore": 0.7}, 2e4)
    assert result.value == pytest.approx(area / conductance, rel=1e-5)
    assert result.report.iterations < 40


def test_conductors_that_hardly_exchange_current_do_not_slow_it_down(monkeypatch):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((48,) * 3), 2)
    volume = Volume((noise > 0).astype(np.uint8), 4e-7, {0: "pore", 1: "NMC"})

    def solve():
        return charge_transfer(volume, {"NMC": 1.0}, {"pore": 0.5}, 4.0, tolerance=1e-6)

    with_blocks = solve()
    monkeypatch.setattr(coupled_potential, "ConductorBlocks", lambda plain, *_: plain)
    without = solve()
    assert with_blocks.value == pytest.approx(without.value, rel=2e-6)
    assert with_blocks.report.iterations <= 0.7 * without.report.iterations


def test_a_solve_that_would_not_fit_is_refused_before_it_starts(monkeypatch):
    asked = []

    def refuse(required, what):
        asked.append(required)
        raise MemoryBudgetError(what)

    monkeypatch.setattr(coupled_transport.runtime, "reserve", refuse)
    volume = stripes(10)
    for law, drive in ((1.0, {}), (ButlerVolmer(1.0), {"overpotential": 0.1})):
        with pytest.raises(MemoryBudgetError, match="coupled solve"):
            charge_transfer(volume, {"NMC": 1.0}, {"pore": 1.0}, law, **drive)
    assert asked == [
        coupled_transport.estimated_bytes((10, 1, 2), 10, linear=linear) for linear in (True, False)
    ]


@pytest.mark.parametrize("alpha", [0.5, 0.3, 0.85])
def test_the_overpotential_left_at_a_face_solves_its_equation(alpha):
    law = ButlerVolmer(2.0, alpha)
    drop = np.array([-3.0, -0.2, -1e-9, 0.0, 1e-9, 1e-3, 0.4, 3.0])
    series = np.full(8, 3e-3)
    found = law.through(drop, series)
    for here, r, current, eta in zip(drop, series, found.current, found.overpotential, strict=True):

        def rest(e, here=here, r=r):
            return e + r * 2.0 * (np.exp((1 - alpha) * F * e) - np.exp(-alpha * F * e)) - here

        root = optimize.brentq(rest, -abs(here) - 1e-9, abs(here) + 1e-9, xtol=1e-18, rtol=1e-14)
        assert eta == pytest.approx(root, rel=1e-9, abs=1e-17)
        assert eta + r * current == pytest.approx(here, rel=1e-12, abs=1e-20)


@pytest.mark.parametrize("law", [ButlerVolmer(2.0, 0.3), Linear(70.0)], ids=["nonlinear", "linear"])
def test_current_is_the_slope_of_the_energy_and_slope_that_of_the_current(law):
    series, step = np.full(7, 3e-3), 1e-5
    drop = np.array([-0.5, -0.1, -0.01, 1e-3, 0.02, 0.1, 0.5])
    low, here, high = (law.through(drop + s, series) for s in (-step, 0.0, step))
    # central differences of functions that change over 1/F: (step F)²/6
    assert here.current == pytest.approx((high.energy - low.energy) / 2 / step, rel=1e-6)
    assert here.slope == pytest.approx((high.current - low.current) / 2 / step, rel=1e-6)


@pytest.mark.parametrize("drop", [0.15, -0.15])
def test_without_other_resistances_it_is_the_equation_itself(drop):
    law = ButlerVolmer(3.0, 0.3)
    result = charge_transfer(
        stripes(10), {"NMC": 1e7}, {"pore": 1e7}, law, overpotential=drop, tolerance=1e-9
    )
    # ions enter where the drop is positive: the cathodic direction
    anodic = 3.0 * (np.exp(-0.3 * F * drop) - np.exp(0.7 * F * drop))
    assert result.current_density == pytest.approx(-anodic * LENGTH / 2 / WIDTH, rel=1e-4)
    assert result.utilisation == pytest.approx(1.0, abs=1e-4)


def test_small_currents_are_linear_to_second_order():
    volume, phases = stripes(30), ({"NMC": 2.0}, {"pore": 0.5})
    law = ButlerVolmer(10.0)
    rest = charge_transfer(volume, *phases, law.conductance, tolerance=1e-13).value
    change = [
        1 - charge_transfer(volume, *phases, law, current_density=i, tolerance=1e-12).value / rest
        for i in (400.0, 200.0, 100.0)
    ]
    assert change[2] < 1e-3
    assert change[:2] == pytest.approx([4 * change[1], 4 * change[2]], rel=0.1)
    assert law.conductance == pytest.approx(10.0 * F)


@pytest.mark.parametrize("current", [300.0, -3000.0])
def test_stripes_with_butler_volmer_are_the_nonlinear_porous_electrode(current):
    kappa, sigma, i0, alpha = 0.5, 2.0, 4.0, 0.35
    halves = WIDTH / 2 / kappa + WIDTH / 2 / sigma

    def law(eta):
        return i0 * (np.exp((1 - alpha) * F * eta) - np.exp(-alpha * F * eta))

    def slope(eta):
        ahead, back = (1 - alpha) * F, alpha * F
        return i0 * (ahead * np.exp(ahead * eta) + back * np.exp(-back * eta))

    def right(z, y):  # overpotential at the interface, ionic current, potential of ions
        eta, ionic, _ = y
        drop = -2 * ionic / kappa + 2 * (current - ionic) / sigma
        return np.array(
            [drop / (1 + halves * slope(eta)), -law(eta) / 2 / WIDTH, -2 * ionic / kappa]
        )

    def ends(low, high):
        return np.array([low[1] - current, high[1], low[2]])

    z = np.linspace(0, LENGTH, 101)
    guess = np.array([np.full(101, np.copysign(0.05, current)), current * (1 - z / LENGTH), 0 * z])
    exact = integrate.solve_bvp(right, ends, z, guess, tol=1e-8, max_nodes=100_000)
    assert exact.success
    eta, _, phi = exact.y[:, -1]
    # at the collector: ions at phi, electrons below by the drop of a face there
    total = -(phi - (eta + halves * law(eta)))
    result = charge_transfer(
        stripes(200), {"NMC": sigma}, {"pore": kappa}, ButlerVolmer(i0, alpha),
        current_density=current,
    )  # fmt: skip
    assert result.overpotential == pytest.approx(total, rel=1e-3)
    same = charge_transfer(
        stripes(200), {"NMC": sigma}, {"pore": kappa}, ButlerVolmer(i0, alpha),
        overpotential=result.overpotential,
    )  # fmt: skip
    assert same.current_density == pytest.approx(current, rel=3e-5)


@pytest.mark.parametrize("drive", [{"overpotential": 0.4}, {"current_density": -2e4}])
def test_newton_agrees_with_a_dense_solve_of_the_equations(drive):
    volume = random_volume(5, (4, 4, 4))
    laws = {1: (20.0, 0.5), 2: (500.0, 0.7)}
    matrix, inlet, active = reference(volume, {1: 1e-300, 2: 1e-300})  # the conductors alone
    matrix = matrix.toarray()
    area = 16 * volume.spacing[1] * volume.spacing[2]
    n = len(inlet)

    def unbalanced(y):
        x, drop, eta = y[:n], y[n], y[n + 1 :]
        into = inlet * drop - matrix @ x
        faces = []
        for e, (i, j, a, r, k) in zip(eta, active, strict=True):
            i0, alpha = laws[k]
            current = i0 * (np.exp((1 - alpha) * F * e) - np.exp(-alpha * F * e))
            into[i] -= a * current
            into[j] += a * current
            faces.append(x[i] - x[j] - e - r * current)
        entering = (inlet * (drop - x)).sum() / area
        asked = drive.get("overpotential", 0.0) - drop
        if "current_density" in drive:
            asked = (entering - drive["current_density"]) * 1e-5
        return np.concatenate([into / inlet.max(), [asked], faces])

    result = charge_transfer(
        volume, {"NMC": 2.0, "CBD": 30.0}, {"pore": 0.7},
        {("NMC", "pore"): ButlerVolmer(*laws[1]), ("CBD", "pore"): ButlerVolmer(*laws[2])},
        tolerance=1e-10, fields=True, **drive,
    )  # fmt: skip
    # started from our own answer, since a plain root finder needs it; it must not move
    potential = result.fields.potential[np.isfinite(result.fields.potential)].astype(float)
    start = np.concatenate([potential, [result.overpotential], np.zeros(len(active))])
    eta = [optimize.brentq(
        lambda e, i=i, j=j, r=r, k=k: start[i] - start[j] - e - r * laws[k][0] * (
            np.exp((1 - laws[k][1]) * F * e) - np.exp(-laws[k][1] * F * e)), -1.0, 1.0)
        for i, j, _, r, k in active]  # fmt: skip
    start[n + 1 :] = eta
    root = optimize.root(unbalanced, start, tol=1e-13)
    assert np.abs(unbalanced(root.x)).max() < 1e-12
    drop = root.x[n]
    density = (inlet * (drop - root.x[:n])).sum() / area
    assert result.overpotential == pytest.approx(drop, rel=1e-8)
    assert result.current_density == pytest.approx(density, rel=1e-8)


def test_newton_is_quick_and_its_result_better_than_its_potentials():
    volume = random_volume(6, (10, 9, 8))
    phases = {"NMC": 2.0, "CBD": 30.0}, {"pore": 0.7}
    law = ButlerVolmer(1e3, 0.4)
    exact = charge_transfer(volume, *phases, law, overpotential=0.5, tolerance=1e-10)
    rough = charge_transfer(volume, *phases, law, overpotential=0.5, tolerance=1e-2)
    assert rough.newton_steps < exact.newton_steps
    assert rough.value == pytest.approx(exact.value, rel=1e-4)
    back = charge_transfer(
        volume, *phases, law, current_density=exact.current_density, tolerance=1e-10
    )
    assert back.overpotential == pytest.approx(0.5, rel=1e-9)
    assert back.newton_steps <= 7  # the number of digits doubles from step to step


def test_linear_and_nonlinear_pairs_may_be_mixed():
    volume = random_volume(2)
    small = ButlerVolmer(5.0)
    mixed = {("NMC", "pore"): small, ("CBD", "pore"): 900.0}
    plain = {("NMC", "pore"): small.conductance, ("CBD", "pore"): 900.0}
    phases = {"NMC": 2.0, "CBD": 30.0}, {"pore": 0.7}
    a = charge_transfer(volume, *phases, mixed, current_density=1e-3, tolerance=1e-9)
    b = charge_transfer(volume, *phases, plain, tolerance=1e-12)
    assert a.value == pytest.approx(b.value, rel=1e-8)
    assert (a.newton_steps > 0, b.newton_steps) == (True, 0)


def test_a_newton_step_that_does_not_end_is_an_error(monkeypatch):
    monkeypatch.setattr(coupled_potential, "MOST_STEPS", 1)
    with pytest.raises(ConvergenceError, match="smaller current") as caught:
        charge_transfer(
            stripes(20), {"NMC": 2.0}, {"pore": 0.5}, ButlerVolmer(1.0), overpotential=2.0
        )
    assert caught.value.report.error_estimate > 1e-5


def solved(volume, electronic=None, ionic=None, exchange=2e5, **kwargs):
    kwargs = {"tolerance": 1e-11} | kwargs
    return charge_transfer(
        volume, electronic or {"NMC": 2.0, "CBD": 30.0}, ionic or {"pore": 0.7}, exchange, **kwargs
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_two_conductors_are_reciprocal(seed):
    volume = random_volume(seed)
    there = solved(volume)
    back = solved(volume, {"pore": 0.7}, {"NMC": 2.0, "CBD": 30.0}, separator="high")
    assert back.value == pytest.approx(there.value, rel=1e-10)
    assert back.reaction_current[::-1] == pytest.approx(there.reaction_current, abs=1e-5)


def test_resistance_scales_with_conductivity_and_with_length():
    volume = random_volume(1)
    value = solved(volume).value
    tripled = solved(volume, {"NMC": 6.0, "CBD": 90.0}, {"pore": 2.1}, 6e5)
    assert tripled.value == pytest.approx(value / 3, rel=1e-10)
    large = Volume(volume.labels, tuple(4 * h for h in volume.spacing), PHASES)
    assert solved(large, exchange=5e4).value == pytest.approx(4 * value, rel=1e-10)
    twice = solved(volume, current_density=2.0)
    assert twice.overpotential == pytest.approx(2 * value, rel=1e-10)
    assert solved(volume, overpotential=0.1).current_density == pytest.approx(0.1 / value)


def test_it_does_not_matter_which_way_the_volume_is_turned():
    volume = random_volume(4)
    plain = solved(volume, fields=True)
    turned = solved(volume.transposed(2, 0, 1), axis=1, separator="low", fields=True)
    assert turned.value == pytest.approx(plain.value, rel=1e-10)
    flipped = solved(volume.flipped(0), separator="high", fields=True)
    assert flipped.value == pytest.approx(plain.value, rel=1e-10)
    assert flipped.penetration_depth == pytest.approx(plain.penetration_depth, rel=1e-5)
    for name in ("potential", "reaction"):
        whole = getattr(plain.fields, name)
        size = np.nanmax(np.abs(whole))
        for other in (
            getattr(turned.fields, name).transpose(1, 2, 0),
            getattr(flipped.fields, name)[::-1],
        ):
            np.testing.assert_allclose(other, whole, atol=1e-4 * size)


@pytest.mark.parametrize("drive", [{}, {"exchange": ButlerVolmer(1e3), "overpotential": -0.3}])
def test_currents_are_conserved(drive):
    volume = random_volume(6, (14, 10, 9))
    result = solved(volume, fields=True, **drive)
    assert result.imbalance < 1e-5  # about the root of the tolerance
    assert result.reaction_current.sum() == pytest.approx(1.0, rel=1e-12)
    assert sum(result.shares.values()) == pytest.approx(1.0, rel=1e-12)
    reaction = np.nansum(result.fields.reaction.astype(float)) * volume.voxel_volume
    area = 90 * volume.spacing[1] * volume.spacing[2]
    assert reaction == pytest.approx(result.current_density * area, rel=1e-5)
    layers = np.nansum(result.fields.reaction.astype(float), axis=(1, 2)) * volume.voxel_volume
    assert layers / layers.sum() == pytest.approx(result.reaction_current, abs=1e-6)


def test_true_area_takes_the_place_of_voxel_faces():
    volume = random_volume(7)
    faces = solved(volume)
    whole = faces.specific_area * 7 * 6 * 5 * volume.voxel_volume
    scaled = solved(volume, area=whole * 2 / 3)
    assert scaled.value == pytest.approx(solved(volume, exchange=2e5 * 2 / 3).value, rel=1e-10)
    assert scaled.specific_area == pytest.approx(faces.specific_area * 2 / 3)
    assert scaled.lost_area == pytest.approx(faces.lost_area)
    assert scaled.shares == pytest.approx(solved(volume, exchange=4e5 / 3).shares)


def test_voxels_outside_are_no_part_of_the_electrode():
    labels = np.full((24, 2, 3), 3, np.uint8)
    labels[2:-2] = [[0, 1, 3], [3, 1, 0]]  # two pairs of stripes, and a corner outside beside each
    volume = stripes(20)
    padded = Volume(labels, volume.spacing, {0: "pore", 1: "NMC"}, outside=3)
    inner = charge_transfer(volume, {"NMC": 2.0}, {"pore": 0.5}, 400.0, tolerance=1e-12)
    outer = charge_transfer(
        padded, {"NMC": 2.0}, {"pore": 0.5}, 400.0, tolerance=1e-12, fields=True
    )
    assert outer.value == pytest.approx(inner.value, rel=1e-9)
    assert outer.specific_area == pytest.approx(inner.specific_area)
    assert outer.fields.reaction.shape == (24, 2, 3)
    assert np.isnan(outer.fields.reaction[:2]).all()
    assert np.isnan(outer.fields.potential[2:-2, 0, 2]).all()


def test_surface_that_one_side_does_not_reach_is_lost():
    labels = np.zeros((8, 1, 5), np.uint8)
    labels[:, :, 1] = 1
    labels[:, :, 2] = 3  # insulates
    labels[:, :, 3:] = 3
    labels[2:5, :, 3] = 1  # an island of electron conductor
    apart = charge_transfer(Volume(labels, 1e-6, PHASES), {"NMC": 1e5}, {"pore": 1e5}, 1.0)
    assert apart.lost_area == 0.0  # no pore touches it
    labels[:, :, 2] = 0
    shared = charge_transfer(Volume(labels, 1e-6, PHASES), {"NMC": 1e5}, {"pore": 1e5}, 1.0)
    # 8 + 8 faces work, 3 at the side of the island do not
    assert shared.lost_area == pytest.approx(3 / 19)
    assert shared.utilisation == pytest.approx(16 / 19, rel=1e-4)
    assert shared.value == pytest.approx(5 / 16, rel=1e-3)  # five columns, 16 faces of 1 S/m²


BLOCKED = {
    "separator": ([1, 0, 0], [1, 1, 1]),
    "collector": ([0, 0, 0], [1, 1, 0]),
    "active face": ([0, 3, 3], [3, 3, 1]),
}


@pytest.mark.parametrize("where", BLOCKED)
@pytest.mark.parametrize("drive", [{}, {"current_density": 5.0}])
def test_what_cannot_flow_has_an_infinite_resistance(where, drive):
    labels = np.array(BLOCKED[where]).T[:, None, :]
    law = ButlerVolmer(1.0) if drive else 1.0
    volume = Volume(labels, 1e-6, PHASES)
    result = charge_transfer(volume, {"NMC": 1.0}, {"pore": 1.0}, law, **drive, fields=True)
    assert result.value == np.inf
    assert where in result.status
    assert not result.percolates
    assert str(result) == f"inf: {result.status}"
    assert result.to_dict()["value"] is None
    assert (result.current_density, result.utilisation) == (0.0, 0.0)
    assert np.isnan([result.overpotential, result.penetration_depth]).all()
    assert result.fields is None


def test_the_result_reads_well():
    result = charge_transfer(stripes(5), {"NMC": 2.0}, {"pore": 0.5}, 400.0)
    assert str(result).endswith("Ω m²")
    assert "axis 0" in result._repr_html_()
    plain = result.to_dict()
    assert plain["unit"] == "Ω m²"
    assert plain["status"] == "ok"
    assert len(plain["reaction_current"]) == 5
    assert result.area_specific_resistance == result.value
    assert "true" not in result.method


PAIR = ({"NMC": 1.0}, {"pore": 1.0})


@pytest.mark.parametrize(
    ("arguments", "kwargs", "message"),
    [
        (({"NMC": 1.0}, {"NMC": 1.0}, 1.0), {}, "both ions and electrons"),
        (({}, {"pore": 1.0}, 1.0), {}, "electronic .* names no phase"),
        (({"NMC": -1.0}, {"pore": 1.0}, 1.0), {}, "electronic conductivity of 'NMC'"),
        (({"NMC": 1.0, 1: 1.0}, {"pore": 1.0}, 1.0), {}, "twice"),
        ((*PAIR, 0.0), {}, "exchange conductance"),
        ((*PAIR, {}), {}, "names no pair"),
        ((*PAIR, {("NMC", "CBD"): 1.0}), {}, "one that conducts electrons"),
        ((*PAIR, {("NMC", "pore"): 1.0, ("pore", "NMC"): 1.0}), {}, "twice"),
        ((*PAIR, ButlerVolmer(1.0)), {}, "give one of them"),
        ((*PAIR, 1.0), {"current_density": 1.0, "overpotential": 1.0}, "give one of them"),
        ((*PAIR, 1.0), {"current_density": 0.0}, "not 0"),
        ((*PAIR, 1.0), {"area": "crofton"}, "active area"),
        ((*PAIR, 1.0), {"area": -1.0}, "active area"),
        ((*PAIR, 1.0), {"axis": 2}, "separator"),
        ((*PAIR, 1.0), {"separator": "left"}, "separator"),
        ((*PAIR, 1.0), {"tolerance": 1.0}, "tolerance"),
    ],
)
def test_it_rejects(arguments, kwargs, message):
    with pytest.raises(InvalidInputError, match=message):
        charge_transfer(stripes(4), *arguments, **kwargs)


def test_it_rejects_phases_and_laws_that_do_not_exist():
    with pytest.raises(UnknownPhaseError):
        charge_transfer(stripes(4), {"LFP": 1.0}, {"pore": 1.0}, 1.0)
    for law in ((-1.0,), (1.0, 0.0), (1.0, 1.0), (1.0, 0.5, -3.0), ("much",)):
        with pytest.raises(InvalidInputError, match="give"):
            ButlerVolmer(*law)
