"""Recipes: mass balances that close, what they refuse, and segmentations held against them."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.units import UnitWarning
from twin.manufacturing import (
    Component,
    Recipe,
    areal_capacity,
    check_segmentation,
    mass_to_volume,
    mixture_density,
    nanoporosity_of,
    np_ratio,
    total_porosity,
    volume_to_mass,
    wet_thickness,
)
from twin.manufacturing.composition import coating_density

NAMES = {0: "pore", 1: "NMC", 2: "CBD"}


@st.composite
def mixtures(draw):
    """Mass fractions with a sum of one, and densities."""
    parts = draw(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5))
    rho = draw(st.lists(st.floats(500, 9000), min_size=len(parts), max_size=len(parts)))
    names = [f"solid {i}" for i in range(len(parts))]
    fractions = {n: part / math.fsum(parts) for n, part in zip(names, parts, strict=True)}
    return fractions, dict(zip(names, rho, strict=True))


@st.composite
def recipes(draw):
    """Recipes whose solids fall into two phases, either of which may have nanopores."""
    fractions, rho = draw(mixtures())
    phases = [draw(st.sampled_from(["NMC", "CBD"])) for _ in fractions]
    solids = zip(fractions, fractions.values(), rho.values(), phases, strict=True)
    hidden = {phase: draw(st.floats(0.0, 0.6)) for phase in set(phases)}
    return Recipe(tuple(Component(*solid) for solid in solids), nanoporosity=hidden)


def cathode(**changes):
    """NMC with carbon and PVDF, 96:2:2 by weight, their domain half pore."""
    made = {
        "components": (
            Component("NMC", 0.96, 4700.0),
            Component("carbon", 0.02, 1900.0, phase="CBD"),
            Component("PVDF", 0.02, 1780.0, phase="CBD"),
        ),
        "nanoporosity": {"CBD": 0.5},
    }
    return Recipe(**(made | changes))


def volume_of(counts, names=NAMES, **kwargs):
    """A volume of 1000 voxels with so many of each label."""
    labels = np.repeat(list(counts), list(counts.values())).astype(np.uint8)
    return Volume(labels.reshape(10, 10, -1), 1e-7, names, **kwargs)


@given(mixtures())
def test_mass_and_volume_fractions_undo_each_other(mixture):
    fractions, rho = mixture
    volumes = mass_to_volume(fractions, rho)
    assert math.fsum(volumes.values()) == pytest.approx(1, abs=1e-12)
    assert volume_to_mass(volumes, rho) == pytest.approx(fractions, rel=1e-9)
    mean = math.fsum(volumes[name] * rho[name] for name in rho)
    assert mixture_density(fractions, rho) == pytest.approx(mean, rel=1e-9)


def test_volume_fractions_of_a_known_mixture():
    """1 kg at 2000 and 1 kg at 1000 kg/m³ are one and two parts by volume."""
    volumes = mass_to_volume({"a": 0.5, "b": 0.5}, {"a": 2000, "b": 1000})
    assert volumes == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    assert mixture_density({"a": 0.5, "b": 0.5}, {"a": 2000, "b": 1000}) == pytest.approx(4000 / 3)


@pytest.mark.parametrize(
    ("fractions", "densities", "message"),
    [
        ({"a": 0.5, "b": 0.6}, {"a": 1, "b": 1}, "add up to 1.1"),
        ({"a": 0.5, "b": 0.4}, {"a": 1, "b": 1}, "add up to 0.9"),
        ({"a": 95, "b": 5}, {"a": 1, "b": 1}, "0.95 for 95 %"),
        ({"a": 1.1, "b": -0.1}, {"a": 1, "b": 1}, "give a fraction"),
        ({"a": np.nan, "b": 1.0}, {"a": 1, "b": 1}, "give a fraction"),
        ({"a": 0.5, "b": 0.5}, {"a": 0, "b": 1}, "density of a"),
        ({"a": 0.5, "b": 0.5}, {"a": np.nan, "b": 1}, "density of a"),
        ({"a": 0.5, "b": 0.5}, {"a": 1}, "give both of each"),
        ({}, {}, "add up to 0"),
    ],
)
def test_an_impossible_mixture_is_refused(fractions, densities, message):
    for convert in (mass_to_volume, volume_to_mass, mixture_density):
        with pytest.raises(InvalidInputError, match=message):
            convert(fractions, densities)


@given(recipes(), st.floats(0.62, 0.95), st.floats(1e-6, 1e-3))
def test_the_mass_balance_of_a_coating_closes(recipe, porosity, thickness):
    """At 62 % of pores even the solid that is wholly nanoporous fits."""
    fractions = recipe.fractions(porosity)
    loading = recipe.loading(porosity, thickness)
    assert math.fsum(fractions.values()) == pytest.approx(1, abs=1e-9)
    mass = math.fsum(fractions[p] * recipe.phase_density(p) for p in recipe.phases)
    assert mass * thickness == pytest.approx(loading, rel=1e-9)
    assert recipe.total_porosity(loading, thickness) == pytest.approx(porosity, abs=1e-9)
    assert recipe.thickness(porosity, loading) == pytest.approx(thickness, rel=1e-9)


@given(recipes(), st.floats(0.62, 0.95))
def test_labelled_and_total_porosity_undo_each_other(recipe, porosity):
    labelled = recipe.fractions(porosity)["pore"]
    assert labelled <= porosity + 1e-12
    assert recipe.total_of(labelled) == pytest.approx(porosity, abs=1e-9)


@given(recipes(), st.floats(1e-6, 1e-3), st.floats(0.1, 0.9), st.floats(1.001, 2.0))
def test_more_mass_in_the_same_thickness_leaves_fewer_pores(recipe, thickness, porosity, times):
    loading = recipe.loading(porosity, thickness)
    denser = recipe.total_porosity(loading / times, thickness)
    assert denser > recipe.total_porosity(loading, thickness)


def test_a_cathode_by_hand():
    """Of 100 g, NMC is 20.4 cm³ and the rest 2.2 cm³ of solid, twice that with its nanopores."""
    recipe = cathode()
    nmc, rest = 0.96 / 4700, 0.02 / 1900 + 0.02 / 1780
    assert recipe.theoretical_density == pytest.approx(1 / (nmc + rest))
    assert recipe.solid_shares()["CBD"] == pytest.approx(rest / (nmc + rest))
    assert recipe.phase_density("CBD") == pytest.approx(0.04 / rest / 2)
    fractions = recipe.fractions(0.3)
    assert fractions["NMC"] == pytest.approx(0.7 * nmc / (nmc + rest))
    assert fractions["CBD"] == pytest.approx(2 * 0.7 * rest / (nmc + rest))
    assert fractions["pore"] == pytest.approx(0.3 - fractions["CBD"] / 2)


def test_a_coating_may_be_as_dense_as_its_solids_and_no_denser():
    recipe = cathode(nanoporosity={})
    full = recipe.theoretical_density * 50e-6
    assert recipe.total_porosity(full, 50e-6) == pytest.approx(0, abs=1e-9)
    with pytest.raises(InvalidInputError, match=r"above the 4\d+ kg/m³ of the solids"):
        recipe.total_porosity(1.001 * full, 50e-6)


def test_nanopores_that_exceed_all_pores_are_refused():
    with pytest.raises(InvalidInputError, match="less than the nanopores alone"):
        cathode().fractions(0.05)


def test_nanoporosity_from_two_densities():
    assert nanoporosity_of(1810, 950) == pytest.approx(1 - 95 / 181)
    with pytest.raises(InvalidInputError, match="lighter than its solid"):
        nanoporosity_of(950, 1810)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Component("NMC", 1.2, 4700),
        lambda: Component("NMC", 0.9, -4700),
        lambda: Component("NMC", 0.9, np.inf),
        lambda: Recipe((Component("NMC", 0.9, 4700.0),)),
        lambda: Recipe((Component("a", 0.5, 1.0), Component("a", 0.5, 1.0))),
        lambda: Recipe((Component("pore", 1.0, 1.0),)),
        lambda: Recipe(()),
        lambda: cathode(nanoporosity={"CBD": 1.0}),
        lambda: cathode(nanoporosity={"carbon": 0.5}),
        lambda: cathode(nanoporosity={"CBD": np.nan}),
        lambda: cathode().phase_density("SE"),
        lambda: cathode().total_porosity(0.1, 0.0),
        lambda: cathode().fractions(1.2),
        lambda: cathode().fractions(np.nan),
        lambda: cathode().thickness(1.0, 0.1),
        lambda: coating_density(-1, 1e-4),
    ],
)
def test_an_impossible_recipe_is_refused(build):
    with pytest.raises(InvalidInputError):
        build()


def test_a_recipe_is_stored_whole():
    stored = json.loads(json.dumps(cathode().to_dict()))
    rows = tuple(Component(**row) for row in stored.pop("components"))
    assert Recipe(rows, **stored) == cathode()


def test_a_phase_without_mass_is_a_phase_of_the_recipe():
    recipe = Recipe((Component("NMC", 1.0, 4700.0), Component("CBD", 0.0, 1800.0)))
    assert recipe.fractions(0.4) == pytest.approx({"pore": 0.4, "NMC": 0.6, "CBD": 0.0})
    assert recipe.phase_density("CBD") == 1800


# --- a segmented volume -------------------------------------------------------------------------


def test_total_porosity_adds_the_nanopores():
    volume = volume_of({0: 300, 1: 500, 2: 200})
    assert total_porosity(volume, {"CBD": 0.47}) == pytest.approx(0.3 + 0.47 * 0.2)
    assert total_porosity(volume, {2: 0.47}, pore=0) == pytest.approx(0.394)
    assert total_porosity(volume, {}) == 0.3
    with pytest.raises(InvalidInputError, match="nanoporosity of 'pore'"):
        total_porosity(volume, {"pore": 0.1})
    with pytest.raises(UnknownPhaseError):
        total_porosity(volume, {"SE": 0.1})


def solid_battery():
    """Minnmann et al. 2024, doi:10.1149/1945-7111/ad510e: segmented 10 %, geometric 20 %."""
    return Recipe((Component("NCM", 0.7, 4700.0), Component("SE", 0.3, 1900.0)))


def loading_of(recipe, porosity, thickness=80e-6):
    return {"loading": recipe.loading(porosity, thickness), "thickness": thickness}


def test_half_of_the_pores_missed():
    recipe = solid_battery()
    shares = recipe.solid_shares()
    ncm = round(900 * shares["NCM"])
    volume = volume_of({0: 100, 1: ncm, 2: 900 - ncm}, {0: "pore", 1: "NCM", 2: "SE"})
    check = check_segmentation(volume, recipe, **loading_of(recipe, 0.2))
    assert check.missed_pores == pytest.approx(0.5)
    assert check.missed["pore"] == pytest.approx(0.1)
    assert not check.agrees
    assert check.verdict.startswith("The segmentation misses 50 % of the pores: it has 10.0 %")
    assert check.segmented_density == pytest.approx(check.density * 0.9 / 0.8, rel=2e-3)


def test_a_perfect_segmentation_agrees():
    recipe = cathode()
    total = recipe.total_of(0.28)
    wanted = recipe.fractions(total)
    counts = {label: round(1000 * wanted[name]) for label, name in NAMES.items()}
    check = check_segmentation(volume_of(counts), recipe, **loading_of(recipe, total))
    assert sum(counts.values()) == 1000
    assert check.agrees
    assert "agrees with the recipe" in check.verdict
    assert check.total_porosity == pytest.approx(total)
    assert check.segmented_total_porosity == pytest.approx(total, abs=1e-3)
    assert abs(check.missed_pores) < 0.005
    assert math.fsum(check.missed.values()) == pytest.approx(0, abs=1e-9)


def test_binder_that_x_rays_do_not_show():
    """The pores that are seen hold the binder too; without its solid they would be too many."""
    recipe = cathode()
    wanted = recipe.fractions(0.35)
    nmc = round(1000 * wanted["NMC"])
    seen = volume_of({0: 1000 - nmc, 1: nmc}, {0: "pore", 1: "NMC"})
    check = check_segmentation(seen, recipe, **loading_of(recipe, 0.35), unseen=["CBD"])
    assert check.segmented["CBD"] == 0
    assert check.missed["CBD"] == pytest.approx(wanted["CBD"])
    assert check.missed["pore"] == pytest.approx(-wanted["CBD"], abs=1e-3)
    assert check.missed_pores == pytest.approx(-wanted["CBD"] / 2 / 0.35, abs=2e-3)
    assert "CBD is not seen at all" in check.verdict
    assert "more pores than there can be" in check.verdict


def test_phases_of_volume_and_recipe_must_be_the_same():
    recipe, volume = cathode(), volume_of({0: 500, 1: 500}, {0: "pore", 1: "NMC"})
    given_ = loading_of(recipe, 0.4)
    for unseen in ((), ("NMC",), ("CBD", "SE"), ("pore",)):
        with pytest.raises(InvalidInputError, match="name in unseen those, and only those"):
            check_segmentation(volume, recipe, **given_, unseen=unseen)
    other = volume_of({0: 500, 1: 400, 2: 100}, {0: "pore", 1: "NMC", 2: "crack"})
    with pytest.raises(InvalidInputError, match="crack"):
        check_segmentation(other, recipe, **given_, unseen=("CBD",))
    with pytest.raises(InvalidInputError, match="tolerance"):
        check_segmentation(volume, recipe, **given_, unseen=("CBD",), tolerance=np.nan)


def test_voxels_outside_do_not_count():
    recipe = cathode(nanoporosity={})
    names = {0: "pore", 1: "NMC", 2: "CBD"}
    half = volume_of({0: 150, 1: 300, 2: 50, 9: 500}, names, outside=9)
    full = volume_of({0: 300, 1: 600, 2: 100}, names)
    checks = [check_segmentation(v, recipe, **loading_of(recipe, 0.3)) for v in (half, full)]
    assert checks[0].to_dict() == checks[1].to_dict()
    json.dumps(checks[0].to_dict(), allow_nan=False)
    assert "CBD" in checks[0]._repr_html_()


# --- capacity and wet film ----------------------------------------------------------------------


def test_areal_capacity_by_hand():
    """100 µm with 60 % of 4700 kg/m³ is 0.282 kg/m², at 160 Ah/kg 45.12 Ah/m²."""
    assert areal_capacity(100e-6, 0.6, 4700, 160) == pytest.approx(45.12)
    assert np_ratio(49.632, 45.12) == pytest.approx(1.1)


@given(recipes(), st.floats(0.62, 0.95), st.floats(1e-6, 1e-3))
def test_areal_capacity_is_active_mass_times_capacity(recipe, porosity, thickness):
    mass = math.fsum(c.mass_fraction for c in recipe.components if c.phase == "NMC")
    if mass:
        fraction = recipe.fractions(porosity)["NMC"]
        capacity = areal_capacity(thickness, fraction, recipe.phase_density("NMC"), 160)
        loading = recipe.loading(porosity, thickness)
        assert capacity == pytest.approx(loading * mass * 160, rel=1e-9)


def test_wet_film_by_hand():
    """0.2 kg/m² dry at half solvent is 0.4 kg/m² wet; the mixture has 4/3 t/m³."""
    slurry, rho = {"solid": 0.5, "NMP": 0.5}, {"solid": 2000.0, "NMP": 1000.0}
    assert wet_thickness(0.2, slurry, rho, solvents=("NMP",)) == pytest.approx(3e-4)


@pytest.mark.parametrize("solvents", [("water",), "NMP", ("NMP", "solid")])
def test_an_impossible_wet_film_is_refused(solvents):
    slurry, rho = {"solid": 0.5, "NMP": 0.5}, {"solid": 2000.0, "NMP": 1000.0}
    with pytest.raises(InvalidInputError):
        wet_thickness(0.2, slurry, rho, solvents=solvents)


@pytest.mark.parametrize(
    "arguments", [(1e-4, 1.2, 4700, 160), (0, 0.6, 4700, 160), (1e-4, 0.6, 4700, -1)]
)
def test_an_impossible_capacity_is_refused(arguments):
    with pytest.raises(InvalidInputError):
        areal_capacity(*arguments)


# --- typos and units ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: areal_capacity(70, 0.6, 4700, 160), "a thickness of 70 m is above 0.01 m"),
        (lambda: areal_capacity(9e-8, 0.6, 4700, 160), "a thickness of 9e-08 m is below 1e-07 m"),
        (lambda: areal_capacity(7e-5, 0.6, 4.7e6, 160), "3.158e+04 Ah/m² is above 1000 Ah/m²"),
        (lambda: np_ratio(4e3, 38.0), "4000 Ah/m² is above"),
        (lambda: cathode().total_porosity(50.0, 2e-2), "a thickness of 0.02 m"),
        (lambda: cathode(nanoporosity={}).total_porosity(17.0, 8e-3), "a loading of 17 kg/m²"),
        (lambda: cathode().total_porosity(9e-6, 1e-6), "a loading of 9e-06 kg/m² is below 1e-05"),
        (lambda: cathode().loading(0.3, 0.07), "write 70e-6 for 70 µm"),
        (lambda: cathode().thickness(0.3, 17.0), "0.1 for 10 mg/cm²"),
        (
            lambda: wet_thickness(17.0, {"a": 0.5, "b": 0.5}, {"a": 2e3, "b": 1e3}, solvents=["b"]),
            "a loading of 17 kg/m²",
        ),
    ],
)
def test_numbers_that_are_in_another_unit_are_doubted(call, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert any(words in str(warning.message) for warning in caught)
    assert all(warning.category is UnitWarning for warning in caught)
    assert all(warning.filename == __file__ for warning in caught)  # not of our own lines


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Recipe([("NMC", 0.96, 4700.0)]), "which is no Component: write"),
        (lambda: Recipe("NMC"), "no Component"),
        (lambda: Recipe((Component("NMC", 1.0, 4700.0),), nanoporosity=0.5), "a table such as"),
        (lambda: Component(3, 1.0, 4700.0), "3 is no name"),
        (lambda: Component("NMC", "0.96", 4700.0), "is '0.96'"),
        (lambda: Component("NMC", 0.96, "4700"), "density of NMC is '4700'"),
        (lambda: mass_to_volume([0.5, 0.5], [1.0, 2.0]), "mass_fractions is"),
        (lambda: mass_to_volume({"a": 1.0}, 1000.0), "densities is 1000.0"),
        (lambda: cathode().total_porosity("0.17", 7e-5), "loading is '0.17'"),
        (lambda: total_porosity(volume_of({0: 500, 1: 500}), 0.47), "nanoporosity is 0.47"),
        (lambda: total_porosity("cathode.tif", {}), "str was given"),
        (lambda: check_segmentation(volume_of({0: 1000}), {}, loading=0.1, thickness=1e-4), "Reci"),
    ],
)
def test_typos_are_told_in_one_line(call, words):
    with pytest.raises(InvalidInputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"unseen": "CBD"}, {"unseen": 2}, {"tolerance": "0.02"}])
def test_options_of_a_check_are_checked(wrong):
    volume = volume_of({0: 400, 1: 500, 2: 100})
    with pytest.raises(InvalidInputError, match=f"{next(iter(wrong))} is "):
        check_segmentation(volume, cathode(), **loading_of(cathode(), 0.35), **wrong)
