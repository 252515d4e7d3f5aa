"""Mass and volume balances of manufacturing: what is conserved, undone, refused, or only a unit."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.manufacturing import (
    Component,
    Recipe,
    StepReport,
    areal_capacity,
    check_segmentation,
    density_at_porosity,
    laser_channels,
    mass_to_volume,
    mixture_density,
    nanoporosity_of,
    np_ratio,
    porosity_at_density,
    porosity_at_thickness,
    sprung_back,
    stack_layers,
    thickness_at_porosity,
    total_porosity,
    volume_to_mass,
    wet_thickness,
)

SAME = 1e-9  # relative: some dozen roundings of double precision, and many to spare
NOTHING = (
    1e-12  # of a fraction that is a difference; far less than any length in m or mass in kg/m²
)
NAMES = {0: "pore", 1: "NMC", 2: "CBD"}
OUTSIDE = 3
UNEQUAL = (3e-7, 1e-7, 2e-7)
few = settings(max_examples=25, deadline=None, derandomize=True)

lengths, loadings = st.floats(1e-6, 1e-3), st.floats(1e-3, 1.0)
densities = st.floats(500.0, 9000.0)
porosities = st.floats(0.0, 0.95)
units = st.sampled_from([1e-3, 1e-2, 10.0, 1e3])


def same(value):
    return pytest.approx(value, rel=SAME, abs=NOTHING)


@st.composite
def mixtures(draw):
    """Fractions with a sum of one, and densities, by name."""
    parts = draw(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5))
    names = [f"solid {i}" for i in range(len(parts))]
    shares = {n: part / math.fsum(parts) for n, part in zip(names, parts, strict=True)}
    return shares, {name: draw(densities) for name in names}


@st.composite
def recipes(draw, most=0.6):
    """Recipes of two to five solids in NMC and CBD, either of which may have nanopores."""
    shares, rho = draw(mixtures())
    phases = ["NMC", "CBD", *(draw(st.sampled_from(["NMC", "CBD"])) for _ in range(3))]
    components = tuple(
        Component(name, share, rho[name], phase)
        for (name, share), phase in zip(shares.items(), phases, strict=False)
    )
    hidden = {phase: draw(st.floats(0.0, most)) for phase in ("NMC", "CBD")}
    return Recipe(components, nanoporosity=hidden)


volumes = hnp.arrays(
    np.uint8, st.tuples(*[st.integers(4, 8)] * 3), elements=st.sampled_from([0, 1, 2, OUTSIDE])
).map(lambda labels: Volume(labels, UNEQUAL, NAMES, outside=OUTSIDE))


# --- mixtures: mass and volume fractions --------------------------------------------------------


@given(mixtures())
def test_mass_fractions_of_volume_fractions_are_undone(mixture):
    shares, rho = mixture
    assert mass_to_volume(volume_to_mass(shares, rho), rho) == same(shares)
    assert volume_to_mass(mass_to_volume(shares, rho), rho) == same(shares)


@given(mixtures())
def test_each_solid_has_the_mass_of_its_volume(mixture):
    """In one m³ of the mixture: v ρ of each is w times the mass of all."""
    shares, rho = mixture
    volumes, density = mass_to_volume(shares, rho), mixture_density(shares, rho)
    for name in shares:
        assert volumes[name] * rho[name] == same(shares[name] * density)
    assert min(rho.values()) * (1 - SAME) <= density <= max(rho.values()) * (1 + SAME)


@given(mixtures(), units)
def test_units_of_density_do_not_change_fractions(mixture, unit):
    shares, rho = mixture
    scaled = {name: unit * value for name, value in rho.items()}
    assert mass_to_volume(shares, scaled) == same(mass_to_volume(shares, rho))
    assert mixture_density(shares, scaled) == same(unit * mixture_density(shares, rho))


@given(mixtures())
def test_solids_may_be_named_in_any_order(mixture):
    shares, rho = mixture
    turned = dict(reversed(shares.items()))
    assert mass_to_volume(turned, rho) == same(mass_to_volume(shares, rho))
    assert mixture_density(turned, rho) == same(mixture_density(shares, rho))


@given(mixtures(), st.floats(2e-6, 0.5), st.sampled_from([-1, 1]))
def test_fractions_that_do_not_add_up_are_refused(mixture, by, sign):
    shares, rho = mixture
    first = next(iter(shares))
    wrong = shares | {first: shares[first] + sign * by}
    for convert in (mass_to_volume, volume_to_mass, mixture_density):
        with pytest.raises(InvalidInputError):
            convert(wrong, rho)


@given(densities, st.floats(0.0, 0.99))
def test_nanoporosity_is_what_makes_a_phase_lighter(solid, hidden):
    assert nanoporosity_of(solid, solid * (1 - hidden)) == same(hidden)
    with pytest.raises(InvalidInputError):
        nanoporosity_of(solid, solid * (1.01 + hidden))


# --- recipes --------------------------------------------------------------------------------------


@given(recipes(), st.floats(0.65, 0.95), lengths)
def test_a_coating_weighs_what_its_phases_weigh(recipe, porosity, thickness):
    fractions = recipe.fractions(porosity)
    mass = math.fsum(fractions[p] * recipe.phase_density(p) for p in recipe.phases)
    assert mass * thickness == same(recipe.loading(porosity, thickness))
    by_solid = math.fsum(
        (1 - porosity) * recipe.solid_shares()[p] / (1 - recipe.nanoporosity[p])
        for p in recipe.phases
    )
    assert fractions["pore"] == same(1 - by_solid)


@given(recipes(), st.floats(0.65, 0.95))
def test_the_mass_of_each_solid_is_its_share_of_the_loading(recipe, porosity):
    """Phase by phase: a coating of 1 kg/m² holds the mass fraction of its components in each."""
    thickness = recipe.thickness(porosity, 1.0)
    fractions = recipe.fractions(porosity)
    for phase in recipe.phases:
        mass = math.fsum(c.mass_fraction for c in recipe.components if c.phase == phase)
        assert fractions[phase] * recipe.phase_density(phase) * thickness == same(mass)


@given(recipes(), st.floats(0.65, 0.95), lengths)
def test_loading_thickness_and_porosity_give_each_other(recipe, porosity, thickness):
    loading = recipe.loading(porosity, thickness)
    assert recipe.total_porosity(loading, thickness) == same(porosity)
    assert recipe.thickness(porosity, loading) == same(thickness)
    assert recipe.total_of(recipe.fractions(porosity)["pore"]) == same(porosity)


@given(recipes(), st.floats(0.65, 0.95))
def test_nanopores_leave_the_total_and_take_from_the_pores(recipe, porosity):
    """All solid is in the phases: they hold their nanopores, and the pore what is left."""
    plain = Recipe(recipe.components)
    fractions = recipe.fractions(porosity)
    solid = math.fsum(f * (1 - recipe.nanoporosity[p]) for p, f in fractions.items() if p != "pore")
    assert solid == same(1 - porosity)
    assert fractions["pore"] <= plain.fractions(porosity)["pore"] + SAME
    assert recipe.theoretical_density == same(plain.theoretical_density)


@pytest.mark.filterwarnings("ignore::solvers.units.UnitWarning")  # unlikely ones
@given(recipes(), st.floats(0.65, 0.95), lengths, units)
def test_units_of_mass_do_not_change_a_recipe(recipe, porosity, thickness, unit):
    other = Recipe(
        tuple(
            Component(c.name, c.mass_fraction, unit * c.density, c.phase) for c in recipe.components
        ),
        recipe.nanoporosity,
    )
    assert other.fractions(porosity) == same(recipe.fractions(porosity))
    loading = recipe.loading(porosity, thickness)
    assert other.total_porosity(unit * loading, thickness) == same(porosity)


@given(recipes(), st.floats(0.65, 0.95))
def test_components_may_come_in_any_order_and_in_parts(recipe, porosity):
    first, *others = recipe.components
    halves = (
        Component(f"{first.name} {part}", first.mass_fraction / 2, first.density, first.phase)
        for part in "ab"
    )
    other = Recipe((*reversed(others), *halves), recipe.nanoporosity)
    assert other.fractions(porosity) == same(recipe.fractions(porosity))
    for phase in recipe.phases:
        assert other.phase_density(phase) == same(recipe.phase_density(phase))


@given(recipes(most=0.0), lengths, st.floats(1e-5, 1.0))
def test_a_coating_denser_than_its_solids_is_refused(recipe, thickness, excess):
    full = recipe.theoretical_density * thickness
    assert recipe.total_porosity(full, thickness) == same(0.0)
    with pytest.raises(InvalidInputError, match="above the"):
        recipe.total_porosity(full * (1 + excess), thickness)


@given(recipes(), st.floats(0.01, 0.99))
def test_fewer_pores_than_nanopores_are_refused_and_no_others(recipe, share):
    """Pressed until no pore is left, a coating holds its nanopores only."""
    hidden = recipe.total_of(0.0)
    assume(hidden > 1e-3)
    assert recipe.fractions(hidden)["pore"] == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(InvalidInputError, match="less than the nanopores alone"):
        recipe.fractions(share * hidden)
    assert recipe.fractions(hidden + share * (1 - hidden))["pore"] > 0


@given(recipes(), st.floats(2e-6, 0.5))
def test_a_recipe_of_more_or_less_than_everything_is_refused(recipe, by):
    first, *others = recipe.components
    for share in (first.mass_fraction + by, first.mass_fraction - by):
        if 0 <= share <= 1:
            with pytest.raises(InvalidInputError, match="add up to"):
                Recipe((Component(first.name, share, first.density, first.phase), *others))


@few
@given(volumes, st.floats(0.0, 0.9), st.floats(0.0, 0.9))
def test_total_porosity_is_what_is_not_solid(volume, n_nmc, n_cbd):
    total = total_porosity(volume, {"NMC": n_nmc, "CBD": n_cbd})
    solid = (1 - n_nmc) * volume.fraction("NMC") + (1 - n_cbd) * volume.fraction("CBD")
    if volume.inside_voxels:
        assert total == same(1 - solid)


@few
@given(recipes(), st.floats(0.65, 0.95), lengths, volumes)
def test_what_a_segmentation_misses_adds_up_to_nothing(recipe, porosity, thickness, volume):
    assume(volume.inside_voxels)
    loading = recipe.loading(porosity, thickness)
    check = check_segmentation(volume, recipe, loading=loading, thickness=thickness)
    twice = check_segmentation(volume, recipe, loading=2 * loading, thickness=2 * thickness)
    assert math.fsum(check.missed.values()) == same(0.0)
    assert check.total_porosity == same(porosity)
    assert twice.missed == same(check.missed)
    hidden = math.fsum(n * check.missed[p] for p, n in recipe.nanoporosity.items())
    gap = check.total_porosity - check.segmented_total_porosity
    assert gap == same(check.missed["pore"] + hidden)


# --- pressing: the solid is neither made nor lost -------------------------------------------------


@given(porosities, lengths, porosities)
def test_the_solid_of_a_pressed_coating_is_conserved(before, thickness, after):
    pressed = thickness_at_porosity(before, thickness, after)
    assert (1 - after) * pressed == same((1 - before) * thickness)
    assert porosity_at_thickness(before, thickness, pressed) == same(after)


@given(porosities, densities, porosities, lengths)
def test_density_times_thickness_is_the_loading_before_and_after(before, rho, after, thickness):
    denser = density_at_porosity(before, rho, after)
    pressed = thickness_at_porosity(before, thickness, after)
    assert denser * pressed == same(rho * thickness)
    assert porosity_at_density(before, rho, denser) == same(after)


@given(porosities, lengths, porosities, porosities)
def test_pressing_twice_is_pressing_once(before, thickness, between, after):
    first = thickness_at_porosity(before, thickness, between)
    assert thickness_at_porosity(between, first, after) == same(
        thickness_at_porosity(before, thickness, after)
    )


@given(porosities, lengths, st.floats(1e-6, 0.9))
def test_no_coating_is_thinner_than_its_solid(before, thickness, share):
    solid = (1 - before) * thickness
    assert porosity_at_thickness(before, thickness, solid) == same(0.0)
    with pytest.raises(InvalidInputError, match="does not fit"):
        porosity_at_thickness(before, thickness, solid * (1 - share))
    with pytest.raises(InvalidInputError, match="does not fit"):
        porosity_at_density(before, 2000.0, 2000.0 / (1 - before) * (1 + share))


@given(porosities, lengths, porosities, units)
def test_units_of_length_do_not_change_a_porosity(before, thickness, after, unit):
    pressed = thickness_at_porosity(before, thickness, after)
    scaled = porosity_at_thickness(before, unit * thickness, unit * pressed)
    assert scaled == same(after)


@given(lengths, st.floats(0.2, 1.0), st.floats(0.0, 1.0))
def test_spring_back_gives_its_share_of_the_compression_back(free, share, recovery):
    loaded = share * free
    after = float(sprung_back(free, loaded, recovery))
    assert (after - loaded) / free == same(recovery * (1 - share))
    assert loaded * (1 - SAME) <= after <= free * (1 + SAME)
    with pytest.raises(InvalidInputError):
        sprung_back(loaded, free * 1.001, recovery)


@given(recipes(), st.floats(0.65, 0.9), st.floats(0.65, 0.9), lengths)
def test_a_recipe_and_the_law_of_pressing_agree(recipe, before, after, thickness):
    """The same loading, by weight and by thickness."""
    pressed = float(thickness_at_porosity(before, thickness, after))
    assert recipe.loading(after, pressed) == same(recipe.loading(before, thickness))


# --- capacity and wet film ------------------------------------------------------------------------


@given(recipes(), st.floats(0.65, 0.95), lengths, st.floats(50.0, 400.0))
def test_pressing_changes_no_capacity(recipe, porosity, thickness, capacity):
    pressed = float(thickness_at_porosity(porosity, thickness, 0.65))
    values = [
        areal_capacity(h, recipe.fractions(p)["NMC"], recipe.phase_density("NMC"), capacity)
        for p, h in ((porosity, thickness), (0.65, pressed))
    ]
    assert values[0] == same(values[1])
    assert np_ratio(values[0], values[1]) == same(1.0)


@pytest.mark.filterwarnings("ignore::solvers.units.UnitWarning")  # unlikely ones
@given(lengths, st.floats(0.01, 1.0), densities, st.floats(50.0, 400.0), units)
def test_capacity_is_proportional_to_each_of_its_factors(length, share, rho, capacity, unit):
    value = areal_capacity(length, share, rho, capacity)
    assert areal_capacity(unit * length, share, rho, capacity) == same(unit * value)
    assert areal_capacity(length, share, unit * rho, capacity) == same(unit * value)
    assert areal_capacity(length, share, rho, unit * capacity) == same(unit * value)
    assert areal_capacity(length, share / 2, rho, capacity) == same(value / 2)
    assert np_ratio(unit * value, value) * np_ratio(value, unit * value) == same(1.0)
    with pytest.raises(InvalidInputError):
        areal_capacity(length, 1 + share, rho, capacity)


@given(mixtures(), loadings, st.floats(0.05, 0.9), densities)
def test_all_solid_of_a_wet_film_is_in_the_dry_coating(mixture, loading, wet, rho_solvent):
    """The mass of the film is that of the coating and of the solvent that leaves."""
    shares, rho = mixture
    slurry = {name: (1 - wet) * share for name, share in shares.items()} | {"NMP": wet}
    wet_rho = rho | {"NMP": rho_solvent}
    film = wet_thickness(loading, slurry, wet_rho, solvents=("NMP",))
    assert film * mixture_density(slurry, wet_rho) == same(loading / (1 - wet))
    dense = loading / mixture_density(shares, rho)
    assert film - dense == same(loading * wet / (1 - wet) / rho_solvent)


# --- coating: voxels are neither made nor lost ----------------------------------------------------


@st.composite
def layers(draw, known=(0, 1, 2, OUTSIDE)):
    """Two to four volumes that fit on each other, with some NMC in each."""
    plane = draw(st.tuples(st.integers(2, 5), st.integers(2, 5)))
    side = draw(st.sampled_from(["low", "high"]))
    heights = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    blocks = [
        draw(hnp.arrays(np.uint8, (height, *plane), elements=st.sampled_from(known)))
        for height in heights
    ]
    for labels in blocks:
        labels[0, 0, 0] = 1
    return [Volume(labels, UNEQUAL, NAMES, collector=side, outside=OUTSIDE) for labels in blocks]


@few
@given(layers())
def test_a_stack_holds_what_its_layers_hold_in_any_order(parts):
    stack, report = stack_layers(parts)
    other, _ = stack_layers(parts[::-1])
    for name in NAMES.values():
        assert stack.voxels(name) == sum(part.voxels(name) for part in parts)
        assert other.voxels(name) == stack.voxels(name)
    assert report.largest_loss == 0.0


@few
@given(layers(known=(0, 1, 2)))
def test_capacities_of_layers_add_up(parts):
    stack, _ = stack_layers(parts)
    each = [areal_capacity(p.size[0], p.fraction("NMC"), 4700.0, 160.0) for p in parts]
    whole = areal_capacity(stack.size[0], stack.fraction("NMC"), 4700.0, 160.0)
    assert whole == same(math.fsum(each))


channels = st.fixed_dictionaries(
    {
        "pitch": st.floats(4.0, 8.0),
        "width": st.floats(2.0, 4.0),
        "depth": st.floats(1.0, 4.0),
        "profile": st.sampled_from(["rectangular", "conical"]),
        "pattern": st.sampled_from(["lines", "holes"]),
    }
)


def cut(labels, given_, h=1e-7, **options):
    """Channels with lengths in voxels; an example in which they miss all voxels is none."""
    scaled = {name: given_[name] * h for name in ("pitch", "width", "depth")}
    volume = Volume(labels, h, NAMES, outside=OUTSIDE, **options)
    try:
        return volume, *laser_channels(volume, **given_ | scaled, active="NMC")
    except InvalidInputError:
        return reject()


blocks = hnp.arrays(np.uint8, (5, 8, 8), elements=st.sampled_from([0, 1, 2, OUTSIDE]))


@few
@given(blocks, channels)
def test_what_a_laser_takes_from_the_solids_the_pores_gain(labels, given_):
    before, after, report = cut(labels, given_)
    gone = {n: report.moved[f"removed_{n}_m3"] / before.voxel_volume for n in ("NMC", "CBD")}
    for name in gone:
        assert after.voxels(name) + gone[name] == same(before.voxels(name))
    assert after.voxels("pore") == same(before.voxels("pore") + math.fsum(gone.values()))
    assert after.inside_voxels == before.inside_voxels
    lost = report.figures["lost_capacity"]
    assert lost * before.voxels("NMC") == same(gone["NMC"])
    assert 0.0 <= lost <= 1.0


@few
@given(blocks, channels, st.sampled_from([2.0**-4, 8.0]))
def test_units_of_length_do_not_change_what_a_laser_cuts(labels, given_, unit):
    """A power of two, so that no rounding differs."""
    _, here, first = cut(labels, given_)
    _, there, second = cut(labels, given_, unit * 1e-7)
    assert np.array_equal(here.labels, there.labels)
    for name, amount in first.moved.items():  # in voxels: of all m³ approx() says they are alike
        assert second.moved[name] / there.voxel_volume == same(amount / here.voxel_volume)


@few
@given(blocks, channels)
def test_a_laser_cuts_from_the_side_away_from_the_collector(labels, given_):
    _, low, _ = cut(labels, given_, collector="low")
    _, high, _ = cut(labels[::-1], given_, collector="high")
    assert np.array_equal(low.labels, high.labels[::-1])


@few
@given(volumes, st.integers(0, 2**31))
def test_a_report_tells_of_a_single_voxel_that_is_lost(volume, where):
    solid = np.flatnonzero(volume.labels == 1)
    assume(len(solid))
    labels = volume.labels.copy()
    labels.flat[solid[where % len(solid)]] = 0
    after = volume.with_labels(labels, "one voxel lost")
    report = StepReport.between("lose", volume, after, {}, conserve=["NMC", "CBD"])
    assert report.conserved["NMC"] == same(-1 / len(solid))
    assert report.conserved["CBD"] == 0.0
    assert report.largest_loss == same(1 / len(solid))
