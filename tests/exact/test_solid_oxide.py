"""A cermet against four coupled fields on finite volumes, its limits, and what cannot be."""

import dataclasses

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance.gas import HYDROGEN, WATER, Fuel
from twin.performance.polarisation import polarise
from twin.performance.solid_oxide import Cermet
from twin.performance.tpb_kinetics import (
    NI_YSZ_BIEBERLE,
    NI_YSZ_DE_BOER,
    KineticsWarning,
    LineKinetics,
)

R, F = 8.31446261815324, 96485.33212
TEMPERATURE = 1073.15
FUEL = Fuel.wet(TEMPERATURE, 0.2)
PLAIN = LineKinetics("plain", 4e-4)
SKEW = LineKinetics("skew", 1e-5, hydrogen_order=-0.1, water_order=0.4, anodic=1.4, cathodic=0.6)


def cermet(**changes):
    """Every one of the four losses counts: 20 µm with a poor metal and narrow pores."""
    numbers = {
        "thickness": 20e-6,
        "ionic_conductivity": 0.5,
        "electronic_conductivity": 2.0,
        "tpb_density": 2.5e12,
        "kinetics": PLAIN,
        "fuel": FUEL,
        "relative_diffusivity": 0.02,
        "pore_radius": 1e-7,
    }
    return Cermet(**numbers | changes)


def of_volumes(electrode, current, cells):
    """Overpotential of potentials and pressures in equal cells, by Newton's method."""
    law, fuel, gas, h = (
        electrode.kinetics,
        electrode.fuel,
        electrode.gas,
        electrode.thickness / cells,
    )
    transport = np.array(
        [
            electrode.electronic_conductivity,
            electrode.ionic_conductivity,
            2 * F * gas.effective(HYDROGEN) / (R * fuel.temperature),
            2 * F * gas.effective(WATER) / (R * fuel.temperature),
        ]
    )
    held = np.array([0.0, 0.0, fuel.hydrogen, fuel.water])  # at the collector, but for ions

    def reaction(state):
        metal, oxide, hydrogen, water = np.moveaxis(state, -1, 0)
        nernst = (
            R * fuel.temperature / (2 * F) * np.log(fuel.hydrogen * water / (hydrogen * fuel.water))
        )
        drive = F * (metal - oxide - nernst) / (R * fuel.temperature)
        exchange = law.prefactor * hydrogen**law.hydrogen_order * water**law.water_order
        rate = exchange * (np.exp(law.anodic * drive) - np.exp(-law.cathodic * drive))
        return electrode.tpb_density * rate

    def residual(state):
        flux = np.zeros((*state.shape[:-2], cells + 1, 4), complex)
        flux[..., 1:-1, :] = transport * np.diff(state, axis=-2) / h
        flux[..., -1, :] = transport * (held - state[..., -1, :]) / (h / 2)
        flux[..., 0, 1], flux[..., -1, 1] = current, 0.0
        balance = np.diff(flux, axis=-2) / current
        consumed = reaction(state)[..., None] * h / current
        return balance + consumed * np.array([-1.0, 1.0, -1.0, 1.0])

    state = np.broadcast_to(held, (cells, 4)).astype(complex)
    size = state.size
    for _ in range(40):
        pushed = state.ravel() + 1e-30j * np.eye(size)
        jacobian = residual(pushed.reshape(size, cells, 4)).reshape(size, size).imag.T / 1e-30
        change = -np.linalg.solve(jacobian, residual(state).real.ravel()).reshape(cells, 4)
        limit = np.array([0.05, 0.05, 0.5 * fuel.hydrogen, 0.5 * fuel.water])
        change /= max(1.0, np.max(np.abs(change) / limit))
        state = state + change
        if np.max(np.abs(change) / limit) < 1e-11:
            break
    return -(state[0, 1].real - current / electrode.ionic_conductivity * h / 2)


@pytest.mark.parametrize("current", [1e-3, 4000.0, -2000.0])
def test_finite_volumes_of_all_fields_converge_to_the_cermet_with_second_order(current):
    electrode = cermet(kinetics=SKEW)
    exact = polarise(electrode, current, tolerance=1e-8).overpotential
    errors = [abs(of_volumes(electrode, current, n) / exact - 1) for n in (10, 20, 40)]
    slopes = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all(np.abs(slopes - 2) < 0.1), (errors, slopes)
    assert errors[-1] < 2e-3


def test_the_closed_form_is_the_limit_of_small_currents():
    electrode = cermet(kinetics=SKEW)
    assert polarise(electrode, 1e-4).resistance == pytest.approx(electrode.resistance, rel=1e-6)
    volumes = [of_volumes(electrode, 1e-5, n) / 1e-5 for n in (20, 40)]
    extrapolated = volumes[1] + (volumes[1] - volumes[0]) / 3
    assert extrapolated == pytest.approx(electrode.resistance, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "order"),
    [({"relative_diffusivity": None}, 2), ({}, 1), ({"kinetics": SKEW}, 1)],
    ids=["even", "gas", "skew"],
)
def test_the_deviation_from_linear_grows_with_its_order_in_current(changes, order):
    electrode = cermet(**changes)
    currents = np.array([200.0, 400.0])
    off = [
        polarise(electrode, i, tolerance=1e-8).resistance - electrode.resistance for i in currents
    ]
    slope = np.log2(abs(off[1]) / abs(off[0]))
    assert slope == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("current", [1e-3, 3000.0, -3000.0])
def test_losses_add_up_to_the_overpotential(current):
    found = polarise(cermet(), current)
    assert found.losses.total == pytest.approx(found.overpotential, rel=1e-6)
    assert sum(found.losses.shares().values()) == pytest.approx(1.0, rel=1e-12)
    assert min(found.losses.shares().values()) > 0
    assert np.trapezoid(found.reaction, found.depth) == pytest.approx(current, rel=0.01)
    assert (found.hydrogen[0] < FUEL.hydrogen) == (current > 0)


@pytest.mark.parametrize("exchange", [1e-9, 1e-6, 4e-4, 1e-1])
def test_losses_at_zero_current_add_up_and_are_derivatives(exchange):
    """Tellegen: I ∂R/∂I is the share of the power that a resistance turns into heat."""
    electrode = cermet(kinetics=LineKinetics("any", exchange))
    losses, step = electrode.losses, 1e-4
    assert losses.total == pytest.approx(electrode.resistance, rel=1e-9)

    def slope(**factors):
        up, down = (
            cermet(
                kinetics=LineKinetics("any", exchange * np.exp(-s * factors.get("reaction", 0.0))),
                ionic_conductivity=0.5 * np.exp(-s * factors.get("ions", 0.0)),
                electronic_conductivity=2.0 * np.exp(-s * factors.get("electrons", 0.0)),
                relative_diffusivity=0.02 * np.exp(-s * factors.get("gas", 0.0)),
            ).resistance
            for s in (step, -step)
        )
        return (up - down) / (2 * step)

    scale = {"rel": 1e-5, "abs": 1e-8 * electrode.resistance}  # of central differences
    assert slope(ions=1.0) == pytest.approx(losses.ionic, **scale)
    assert slope(electrons=1.0) == pytest.approx(losses.electronic, **scale)
    assert slope(gas=1.0) == pytest.approx(losses.gas, **scale)
    assert slope(reaction=1.0) == pytest.approx(losses.charge_transfer, **scale)


def test_a_thick_electrode_has_the_root_of_ions_times_boundary():
    """R = sqrt(ρ_ion r_tpb) and l = sqrt(r_tpb/ρ_ion), the metal and the gas being perfect."""
    electrode = cermet(thickness=1e-3, electronic_conductivity=np.inf, relative_diffusivity=None)
    per_length = R * TEMPERATURE / (2 * F * 4e-4)
    per_volume = per_length / 2.5e12  # Ω m³
    assert electrode.resistance == pytest.approx(np.sqrt(per_volume / 0.5), rel=1e-12)
    depth = np.sqrt(per_volume * 0.5)
    assert electrode.penetration == pytest.approx(depth, rel=1e-12)
    x = np.array([0.0, depth, 3 * depth])
    assert electrode.reaction(x) == pytest.approx(np.exp(-x / depth) / depth, rel=1e-9)
    half = electrode.losses.shares()  # as much is lost by ions as by the reaction
    assert half["ionic"] == pytest.approx(0.5, rel=1e-9)
    thin = dataclasses.replace(electrode, thickness=depth)
    assert thin.resistance == pytest.approx(electrode.resistance / np.tanh(1.0), rel=1e-9)


def test_a_slow_reaction_is_uniform():
    electrode = cermet(kinetics=LineKinetics("slow", 1e-10))
    alone = electrode.resistances
    expected = alone.charge_transfer + (alone.ionic + alone.electronic + alone.gas) / 3
    assert electrode.resistance == pytest.approx(expected, rel=1e-9)
    assert electrode.losses.gas == pytest.approx(alone.gas / 3, rel=1e-4)
    assert electrode.reaction([0.0, 7e-6, 20e-6]) == pytest.approx(1 / 20e-6, rel=1e-4)


def test_exchanging_the_rails_mirrors_the_electrode():
    one = cermet(relative_diffusivity=None)
    other = cermet(relative_diffusivity=None, ionic_conductivity=2.0, electronic_conductivity=0.5)
    depth = np.linspace(0, 20e-6, 11)
    assert other.resistance == pytest.approx(one.resistance, rel=1e-12)
    assert other.reaction(depth) == pytest.approx(one.reaction(20e-6 - depth), rel=1e-9)
    assert other.losses.ionic == pytest.approx(one.losses.electronic, rel=1e-9)
    driven = polarise(one, 3000.0).overpotential
    assert polarise(other, 3000.0).overpotential == pytest.approx(driven, rel=1e-6)


def test_the_profile_is_the_slope_of_the_ionic_current():
    electrode = cermet()
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = 10e-6 * (nodes + 1)
    assert 10e-6 * weights @ electrode.reaction(x) == pytest.approx(1.0, rel=1e-12)
    assert electrode.ionic_current([0.0, 20e-6]) == pytest.approx([1.0, 0.0], abs=1e-12)
    step = 1e-9
    slope = (electrode.ionic_current(x + step) - electrode.ionic_current(x - step)) / (2 * step)
    assert electrode.reaction(x) == pytest.approx(-slope, rel=1e-6)


def test_kinetics_of_ones_own_need_three_functions():
    class Tafelless:
        """A line that is linear at any overpotential."""

        def current(self, overpotential, temperature, hydrogen, water):
            return np.asarray(overpotential) / 50.0

        def resistance(self, temperature, hydrogen, water):
            return 50.0

        def warn_outside(self, temperature, hydrogen, water):
            pass

    electrode = cermet(kinetics=Tafelless(), relative_diffusivity=None)
    assert polarise(electrode, 5000.0).resistance == pytest.approx(electrode.resistance, rel=1e-7)


def test_a_gas_that_is_used_up_is_an_error():
    starved = cermet(thickness=400e-6, relative_diffusivity=0.002, kinetics=LineKinetics("", 1e-1))
    cathodic, anodic = starved.gas.limiting_currents(400e-6)
    with pytest.raises(ConvergenceError, match="hydrogen is used up"):
        polarise(starved, 30 * anodic)
    with pytest.raises(ConvergenceError, match="water is used up"):
        polarise(starved, 30 * cathodic)


def test_butler_and_volmer_are_linear_where_the_overpotential_is_small():
    resistance = SKEW.resistance(TEMPERATURE, 8e4, 2e4)
    eta = 1e-7
    found = float(SKEW.current(eta, TEMPERATURE, 8e4, 2e4))
    assert found == pytest.approx(eta / resistance, rel=1e-6)
    assert resistance == pytest.approx(
        R * TEMPERATURE / (2.0 * F * 1e-5 * 8e4**-0.1 * 2e4**0.4), rel=1e-12
    )
    volt = 0.3 * F / (R * TEMPERATURE)
    tafel = SKEW.exchange_current(TEMPERATURE, 8e4, 2e4) * np.exp(1.4 * volt)
    assert float(SKEW.current(0.3, TEMPERATURE, 8e4, 2e4)) == pytest.approx(tafel, rel=3e-3)
    assert float(SKEW.current(0.0, TEMPERATURE, 8e4, 2e4)) == 0.0


def test_quoted_kinetics_are_as_quoted():
    boer = 31.4 * 97000.0**-0.03 * 3000.0**0.4 * np.exp(-18300 / 1073.15)  # A/m, as one code has it
    found = NI_YSZ_DE_BOER.exchange_current(1073.15, 97000.0, 3000.0)
    assert float(found) == pytest.approx(boer, rel=1e-3)
    pattern = 0.0013 * 97000.0**0.11 * 3000.0**0.67 * np.exp(-84900 / (R * 973.0))
    found = NI_YSZ_BIEBERLE.exchange_current(973.0, 97000.0, 3000.0)
    assert float(found) == pytest.approx(pattern, rel=1e-12)
    assert "unverified" in str(NI_YSZ_DE_BOER)
    assert "unverified" in str(NI_YSZ_BIEBERLE)


def test_a_measured_resistance_comes_back():
    law = LineKinetics.of_resistance("EIS", 80.0, 1000.0, activation_energy=1.2e5, anodic=1.5)
    assert law.resistance(1000.0, 1.0, 1.0) == pytest.approx(80.0, rel=1e-12)
    hotter = 80.0 * 1.1 * np.exp(-1.2e5 / R * (1 / 1000 - 1 / 1100))
    assert law.resistance(1100.0, 5e4, 5e4) == pytest.approx(hotter, rel=1e-12)


def test_extrapolated_kinetics_warn():
    with pytest.warns(KineticsWarning, match="temperature 1073 K is outside 673…973"):
        cermet(kinetics=NI_YSZ_BIEBERLE)
    with pytest.warns(KineticsWarning, match="water 50.66 Pa is outside"):
        cermet(kinetics=NI_YSZ_DE_BOER, fuel=Fuel.wet(TEMPERATURE, 0.0005))


@pytest.fixture(scope="module")
def volume():
    """Columns along the through-plane axis: quarters of pore and Ni, half of YSZ."""
    plane = np.full((8, 8), 2, np.uint8)
    plane[:4, :4], plane[:4, 4:] = 0, 1
    labels = np.broadcast_to(plane, (10, 8, 8)).copy()
    return Volume(labels, 1e-7, {0: "pore", 1: "Ni", 2: "YSZ"})


@pytest.fixture(scope="module")
def card(volume):
    return twin.characterize(volume, axes=[0])


BULK = {"ionic": ("YSZ", 2.2), "electronic": ("Ni", 2e6)}


def test_columns_have_the_numbers_of_their_card(card):
    found = Cermet.of_card(card, PLAIN, FUEL, **BULK)
    line = card.entry("tpb_density_active", "pore–Ni–YSZ").value
    assert found.thickness == pytest.approx(1e-6)
    assert found.ionic_conductivity == pytest.approx(2.2 / 2, rel=1e-4)
    assert found.electronic_conductivity == pytest.approx(2e6 / 4, rel=1e-4)
    assert found.relative_diffusivity == pytest.approx(0.25, rel=1e-4)
    assert found.tpb_density == line > 0
    surface = card.entry("specific_surface_area", "pore").value
    assert found.pore_radius == pytest.approx(2 * 0.25 / surface)
    numbers = found.to_dict()
    assert sum(v for k, v in numbers.items() if k.startswith("share")) == pytest.approx(1.0)
    reaction = R * TEMPERATURE / (2 * F * 4e-4) / (line * 1e-6)
    assert numbers["resistance"] == pytest.approx(reaction + 1e-6 / 1.1 / 3, rel=1e-3)
    thicker = Cermet.of_card(card, PLAIN, FUEL, **BULK, thickness=10e-6, tpb_density=1e12)
    assert (thicker.thickness, thicker.tpb_density) == (10e-6, 1e12)
    with pytest.raises(InvalidInputError, match="a cermet has three phases"):
        Cermet.of_card(card, PLAIN, FUEL, ionic=("YSZ", 2.2), electronic=("YSZ", 1.0))


def test_a_card_with_materials_has_its_conductivities(volume):
    made = {
        "pore": twin.Material("gas"),
        "Ni": twin.Material("Ni", electronic_conductivity=2e6),
        "YSZ": twin.Material("YSZ", "electrolyte", ionic_conductivity=2.2),
    }
    with_materials = twin.characterize(volume, made, axes=[0])
    found = Cermet.of_card(with_materials, PLAIN, FUEL, relative_diffusivity=0.25)
    assert found.ionic_conductivity == pytest.approx(1.1, rel=1e-4)
    assert found.electronic_conductivity == pytest.approx(5e5, rel=1e-4)
    with pytest.raises(InvalidInputError, match="effective_ionic_conductivity"):
        Cermet.of_card(twin.characterize(volume, axes=[0]), PLAIN, FUEL)


def test_a_metal_that_does_not_percolate_is_no_electrode(volume):
    cut = volume.labels.copy()
    cut[5][cut[5] == 1] = 2
    card = twin.characterize(volume.with_labels(cut, "cut"), axes=[0])
    with pytest.raises(InvalidInputError, match="of Ni does not percolate"):
        Cermet.of_card(card, PLAIN, FUEL, **BULK)
    with pytest.raises(InvalidInputError, match="tpb_density_active"):
        Cermet.of_card(card, PLAIN, FUEL, **BULK, electronic_conductivity=1e5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cermet(thickness=0.0), "thickness is 0.0"),
        (lambda: cermet(thickness=15.0), "in metres"),
        (lambda: cermet(electronic_conductivity=0.0), "the metal has to"),
        (lambda: cermet(relative_diffusivity=0.0), "pores that do not percolate"),
        (lambda: cermet(pore_radius=-1.0), "radius is -1.0"),
        (lambda: cermet().reaction(21e-6), "is not in 0…2e-05"),
        (lambda: polarise(cermet(), 0.0), "not 0"),
        (lambda: LineKinetics("", 0.0), "prefactor is 0.0"),
        (lambda: LineKinetics("", 1.0, activation_energy=-1.0), "number ≥ 0 in J/mol"),
        (lambda: LineKinetics("", 1.0, water=(5.0, 1.0)), "water is"),
        (lambda: PLAIN.resistance(1073.0, 1e5, 0.0), "wet the hydrogen"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_what_a_card_cannot_answer_is_told(card):
    with pytest.raises(InvalidInputError, match="a cermet has no"):
        Cermet.of_card(card, PLAIN, FUEL, **BULK, colour=1.0)
    renamed = card.volume.with_labels(
        card.volume.labels, "renamed", phases={0: "A", 1: "Ni", 2: "YSZ"}
    )
    with pytest.raises(InvalidInputError, match="named like a pore"):
        Cermet.of_card(twin.characterize(renamed, axes=[0]), PLAIN, FUEL, **BULK)
