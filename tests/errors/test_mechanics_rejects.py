"""Bad input to mechanics: what was received, what was wanted, what to change."""

from functools import partial

import numpy as np
import pytest

import solvers
from microstructures import Volume, memory
from microstructures.errors import InvalidInputError, MemoryBudgetError, UnknownPhaseError
from solvers.body import Body

VOLUME = Volume(np.ones((4, 4, 4), np.uint8), 1e-7, {0: "pore", 1: "NMC"})
SOLID = {"NMC": solvers.Isotropic(100e9, 0.25)}
ORTHOGONAL = [np.eye(3)]
GRAINS = np.zeros((4, 4, 4), int)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: solvers.Isotropic(-1e9, 0.3), "not > 0"),
        (lambda: solvers.Isotropic(0.0, 0.3), "leave a phase out to make it void"),
        (lambda: solvers.Isotropic(1e9, 0.5), "-1…0.5"),
        (lambda: solvers.Isotropic(np.nan, 0.3), "not > 0"),
        (lambda: solvers.Cubic(1e9, 2e9, 1e9), "no positive energy"),
        (lambda: solvers.TransverselyIsotropic(1e9, 1e9, 1e9, 0.9, 0.9), "no positive energy"),
        (lambda: solvers.Oriented(SOLID["NMC"], GRAINS, [np.ones((3, 3))]), "orthogonal"),
        (lambda: solvers.Oriented(SOLID["NMC"], GRAINS + 1, ORTHOGONAL), "number them from 0"),
        (lambda: solvers.Platen(), "either displacement"),
        (lambda: solvers.Boundary(z=solvers.Platen()), "either displacement"),
        (lambda: solvers.Boundary(z="periodic"), "solvers.Periodic()"),
        (lambda: solvers.Boundary(z=solvers.Periodic(strain=np.inf)), "finite"),
        (lambda: solvers.stack_pressure(1e6, sides="clamp"), "sides"),
        (lambda: solvers.stack_pressure(1e6, axis=3), "none of 0, 1, 2"),
        (lambda: solvers.stack_pressure("1e5"), "finite numbers"),
        (lambda: solvers.stack_pressure(-1e5), "does not pull"),
        (lambda: solvers.Strength("1e6", 1e6), "not > 0"),
    ],
)
def test_stiffness_and_boundaries_say_what_they_want(make, words):
    with pytest.raises(InvalidInputError, match=words):
        solvers.Boundary(z=make())  # a platen is only wrong once it is used


@pytest.mark.parametrize(
    ("solids", "words"),
    [
        ({}, "names no phase"),
        ({"pore": SOLID["NMC"]}, "no voxel"),
        ({"NMC": SOLID["NMC"], 1: SOLID["NMC"]}, "twice"),
        ({"NMC": 100e9}, r"solvers\.Isotropic"),
        ({"NMC": solvers.Isotropic(np.full((2, 2, 2), 1e9), 0.2)}, "one value per voxel"),
    ],
)
def test_stiffness_by_phase_must_be_complete(solids, words):
    with pytest.raises(InvalidInputError, match=words):
        solvers.effective_stiffness(VOLUME, solids)


def test_unknown_phases_are_named():
    with pytest.raises(UnknownPhaseError, match="LCO"):
        solvers.effective_stiffness(VOLUME, {"LCO": SOLID["NMC"]})
    with pytest.raises(UnknownPhaseError, match="LCO"):
        solvers.swelling_stress(VOLUME, SOLID, {"LCO": 0.01})


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"NMC": np.nan}, "finite"),
        ({"NMC": -1.5}, "shrinks it to nothing"),
        ({"NMC": np.ones((2, 2))}, "shape"),
        ({"NMC": "1 %"}, "linear strain"),
        ({"NMC": 1.5}, "not percent.*allow_large_strain=True"),
        ({"NMC": -0.31}, "not percent"),
        ({"pore": 0.01}, "'pore' is to swell, but it has no stiffness"),
        (0.01, "no mapping"),
    ],
)
def test_eigenstrains_say_what_they_want(own, words):
    with pytest.raises(InvalidInputError, match=words):
        solvers.swelling_stress(VOLUME, SOLID, own)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"element": "hex8"}, "element"),
        ({"stabilisation": 2.0}, "0…1"),
        ({"boundary": "open"}, "unknown"),
        ({"boundary": 3}, r"solvers\.Periodic"),
        ({"tolerance": 0.0}, "1e-7…0.1"),
    ],
)
def test_options_of_a_swelling_stress_are_checked(options, words):
    with pytest.raises(InvalidInputError, match=words):
        solvers.swelling_stress(VOLUME, SOLID, {"NMC": 0.01}, **options)


def test_a_volume_that_nothing_loads_is_refused():
    with pytest.raises(InvalidInputError, match="nothing loads"):
        solvers.swelling_stress(VOLUME, SOLID)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: solvers.Isotropic(140.0, 0.3), "Young's modulus of 140 Pa is below 1e\\+06 Pa"),
        (lambda: solvers.Cubic(170.0, 60.0, 80.0), "elastic constant"),
        (lambda: solvers.stack_pressure(1.0), "write 1e9 for 1 GPa, 1e6 for 1 MPa, 1e5 for 1 bar"),
        (lambda: solvers.Strength(20.0, 1e9), "strength of 20 Pa"),
    ],
)
def test_numbers_that_were_meant_in_another_unit_are_doubted(make, words):
    with pytest.warns(solvers.UnitWarning, match=words):
        make()


def test_nothing_is_doubted_at_zero_or_above():
    solvers.stack_pressure(0.0)
    solvers.stack_pressure(100.0)
    solvers.Isotropic(1e6, 0.3)
    solvers.Strength(1e3, np.inf)


ISLAND = Volume(np.pad(np.ones((2, 2, 2), np.uint8), 1), 1e-7, {0: "pore", 1: "NMC"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"times": "1h"}, "no instants"),
        ({"initial": "full"}, "mol/m³"),
        ({"initial": -5.0}, "down to -5 mol/m³"),
        ({"flux": 1e-6, "surface_concentration": 1e4}, "has one of them"),
        ({"fields": "every"}, "'last' or 'all'"),
    ],
)
@pytest.mark.parametrize("way", ["diffuse", "lithiate"])
def test_diffusion_says_what_it_wants(way, options, words):
    given = {"times": [0.0, 1.0], "initial": 1e4} | options
    swells = {"partial_molar_volume": {"NMC": 3e-6}}
    ask = {
        "diffuse": partial(solvers.diffuse, ISLAND, {"NMC": 1e-14}, "pore"),
        "lithiate": partial(solvers.lithiate, ISLAND, SOLID, {"NMC": 1e-14}, "pore", **swells),
    }[way]
    with pytest.raises(InvalidInputError, match=words):
        ask(given.pop("times"), **given)


def test_temperatures_are_in_kelvin():
    with pytest.raises(InvalidInputError, match=r"298\.15 for 25 °C"):
        solvers.lithiate(
            ISLAND, SOLID, {"NMC": 1e-14}, "pore", [0.0, 1.0], initial=1e4, temperature=25.0
        )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: solvers.Isotropic("100", 0.3), "give numbers"),
        (lambda: solvers.Yield("1e6"), "Pa > 0"),
        (lambda: solvers.critical_flaws(np.zeros((6, 4, 4, 4)), VOLUME, "NMC", "1"), "SI units"),
        (lambda: solvers.critical_flaws("stress", VOLUME, "NMC", 1e6), "has the shape"),
        (
            lambda: solvers.Toughness.between(SOLID["NMC"], "soft", energy=1.0, flaw=1e-6),
            "give two of them",
        ),
    ],
)
def test_text_is_no_number(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_a_toughness_in_megapascals_is_doubted():
    with pytest.warns(solvers.UnitWarning, match="toughness of 1 Pa m"):
        solvers.critical_flaws(np.ones((6, 4, 4, 4)), VOLUME, "NMC", 1.0)


def test_large_eigenstrains_warn():
    with pytest.warns(solvers.LargeStrainWarning, match="5 %"):
        solvers.swelling_stress(VOLUME, SOLID, {"NMC": 0.06})


def test_silicon_is_accepted_if_it_is_meant():
    with pytest.warns(solvers.LargeStrainWarning, match="57 %"):
        solvers.swelling_stress(VOLUME, SOLID, {"NMC": 0.57}, allow_large_strain=True)
    response = solvers.superpose(VOLUME, SOLID, ["NMC"])
    with pytest.raises(InvalidInputError, match="not percent"):
        response.at({"NMC": 1.0})
    with pytest.warns(solvers.LargeStrainWarning):
        response.at({"NMC": 0.4}, allow_large_strain=True)
    load = solvers.LoadStep(eigenstrain={"NMC": 0.4})
    with pytest.raises(InvalidInputError, match="not percent"):
        solvers.load_path(VOLUME, SOLID, {"NMC": solvers.Yield(1e9)}, [load])


def test_a_pattern_may_reach_five_percent_in_all():
    pattern = {"charge": {"NMC": 0.02}}  # a unit is small already
    response = solvers.superpose(VOLUME, SOLID, pattern)
    response.at({"charge": 2.0})
    with pytest.warns(solvers.LargeStrainWarning, match="6 %"):
        response.at({"charge": 3.0})


def test_voids_do_not_swell():
    with pytest.raises(InvalidInputError, match="'pore' is to swell"):
        solvers.superpose(VOLUME, SOLID, ["pore"])
    load = solvers.LoadStep(eigenstrain={"pore": 0.01})
    with pytest.raises(InvalidInputError, match="'pore' is to swell"):
        solvers.load_path(VOLUME, SOLID, {"NMC": solvers.Yield(1e9)}, [load])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda r: r.effective_swelling("typo"), "'typo' is unknown"),
        (lambda r: r.back_pressure({"typo": 0.01}), "'typo' is unknown"),
        (lambda r: r.back_pressure({"NMC": 0.01}, axis=3), "none of 0, 1, 2"),
        (lambda r: r.at({"NMC": "1 %"}), "finite amount"),
        (lambda r: r.at({"NMC": np.nan}), "finite amount"),
    ],
)
def test_questions_to_a_superposition_are_checked(ask, words):
    with pytest.raises(InvalidInputError, match=words):
        ask(solvers.superpose(VOLUME, SOLID, ["NMC"]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: solvers.LoadStep(duration="1h"), "seconds"),
        (lambda: solvers.LoadStep(parts=1.5), "whole number"),
        (lambda: solvers.LoadStep(strain="1 %"), "six finite numbers"),
        (lambda: solvers.load_path(VOLUME, SOLID, {"NMC": solvers.Yield(1e9)}, [0.01]), "LoadStep"),
    ],
)
def test_load_steps_are_checked(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_a_superposition_refuses_other_faces_and_unknown_swellings():
    response = solvers.superpose(VOLUME, SOLID, ["NMC"])
    with pytest.raises(InvalidInputError, match="another superposition"):
        response.at({"NMC": 0.01}, solvers.stack_pressure(1e6))
    with pytest.raises(InvalidInputError, match="'NMC'"):
        response.at({"CBD": 0.01})


def test_statistics_of_nothing_are_refused():
    state = solvers.swelling_stress(VOLUME, SOLID, {"NMC": 0.01})
    with pytest.raises(InvalidInputError, match="no voxel"):
        state.statistics("pore")
    with pytest.raises(InvalidInputError, match="measure"):
        state.statistics("NMC", "tresca")


def test_a_solve_that_would_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    with pytest.raises(MemoryBudgetError):
        Body.of(VOLUME, SOLID)
