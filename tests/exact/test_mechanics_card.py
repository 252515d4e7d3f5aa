"""Mechanics of a card: laminates, where every number is known, identities, and what is refused."""

import dataclasses
import json
import math

import numpy as np
import pytest

import solvers
import twin
from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError, UnknownPhaseError
from solvers.boundary import Boundary, Periodic, Platen, Symmetry
from solvers.results import SAMPLING, Uncertainty
from solvers.traction import interface_traction
from twin import (
    Material,
    Mechanics,
    SwellingTable,
    _contact,
    _effective,
    _mechanics,
    _stress,
    _stress_warnings,
)
from twin._solids import isotropic
from twin.card import Entry
from twin.materials import materials_by_phase

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
E, NU = {"NMC": 100e9, "CBD": 2e9}, {"NMC": 0.25, "CBD": 0.35}
REFERENCE, NOW, STRAIN = 0.9, 0.4, -0.005
PRESSURE = 2e6
ROUND_OFF = 1e-12
TIGHT = 1e-5  # of the stress of a solve; laminates are exact, so numbers hold to this
TABLE = SwellingTable((NOW, REFERENCE), (STRAIN, 0.0))
MADE = {
    "pore": Material("salt water", "electrolyte", ionic_conductivity=1.0),
    "NMC": Material(
        "oxide",
        "active",
        electronic_conductivity=2.0,
        youngs_modulus=E["NMC"],
        poisson_ratio=NU["NMC"],
        tensile_strength=1e7,
        fracture_toughness=1e5,
        swelling=TABLE,
    ),
    "CBD": Material(
        "glue",
        "binder",
        electronic_conductivity=9.0,
        youngs_modulus=E["CBD"],
        poisson_ratio=NU["CBD"],
        yield_stress=2.1e6,
    ),
}
LOAD = Mechanics(lithiation={"NMC": (REFERENCE, NOW)}, pressure=PRESSURE, tolerance=TIGHT)


def changed(**given):
    return dataclasses.replace(LOAD, **given)


def layered(axis=0, thickness=((1, 4), (2, 4), (1, 4)), width=8, phases=PHASES):
    """Layers (label, voxels) normal to the through-plane axis."""
    layers = np.repeat(*zip(*thickness, strict=True)).astype(np.uint8)
    labels = np.broadcast_to(layers[:, None, None], (len(layers), width, width))
    return Volume(np.moveaxis(labels, 0, axis).copy(), 1e-7, phases, through_axis=axis)


def blobs(n=16, seed=0, shares=(0.3, 0.8)):
    """Random pore, NMC and CBD of some voxels' width."""
    noise = np.random.default_rng(seed).random((n, n, n))
    smooth = sum(np.roll(noise, s, a) for a in range(3) for s in (-1, 0, 1))
    return Volume(np.digitize(smooth, np.quantile(smooth, shares)), 4e-7, PHASES)


def prepared(volume, given, materials=MADE):
    """The mechanics of a volume before any solve, of the usual load with changes."""
    made = {name: materials[name] for name in volume.phases.values()}
    return _mechanics.prepared(volume, materials_by_phase(volume, made), changed(**given))


def stress_of(volume, load=LOAD, materials=MADE):
    """The prepared and solved mechanics of a volume, without the rest of its card."""
    made = {name: materials[name] for name in volume.phases.values()}
    stress = _mechanics.prepared(volume, materials_by_phase(volume, made), load)
    return stress, {(e.name, e.phase, e.axis): e for e in stress.entries()}


def modulus(phase):
    """Stress over strain with the sides held."""
    nu = NU[phase]
    return E[phase] * (1 - nu) / ((1 + nu) * (1 - 2 * nu))


SERIES = 1 / (2 / 3 / modulus("NMC") + 1 / 3 / modulus("CBD"))
THICKNESS = 2 / 3 * (1 + NU["NMC"]) / (1 - NU["NMC"]) * STRAIN


def sideways(phase, strain, pressure=PRESSURE):
    """Stress along a layer that is held sideways and pressed across."""
    nu = NU[phase]
    return -E[phase] * strain / (1 - nu) - nu / (1 - nu) * pressure


@pytest.fixture(scope="module", params=[0, 2])
def laminate(request):
    volume = layered(request.param)
    return volume, *stress_of(volume)


@pytest.fixture(scope="module")
def random():
    volume = blobs()
    return volume, *stress_of(volume, changed(resolution=False, tolerance=1e-4, strength=3e7))


@pytest.fixture(scope="module")
def card(random):
    return twin.characterize(random[0], MADE, axes=[0], mechanics=changed(tolerance=1e-3))


def test_layers_in_series_have_the_confined_modulus_of_springs_in_series(laminate):
    volume, _, entries = laminate
    axis = volume.through_axis
    found = entries["confined_modulus", None, axis]
    assert found.value == pytest.approx(SERIES, rel=TIGHT)
    assert (found.unit, found.status) == ("Pa", "ok")


def test_layers_side_by_side_have_the_youngs_modulus_of_their_mean(laminate):
    _, _, entries = laminate
    along = entries["effective_youngs_modulus", None, 1].value
    mean = 2 / 3 * E["NMC"] + 1 / 3 * E["CBD"]  # less than the work of unlike contractions
    assert mean <= along * (1 + TIGHT) <= mean * 1.01


def test_thickness_changes_by_what_the_sides_do_not_let_grow(laminate):
    volume, _, entries = laminate
    axis = volume.through_axis
    assert entries["thickness_change", None, axis].value == pytest.approx(THICKNESS, rel=TIGHT)
    back = entries["back_pressure", None, axis]
    assert back.value == pytest.approx(SERIES * THICKNESS, rel=TIGHT)
    assert back.value < 0  # it shrinks away from the plates


@pytest.mark.parametrize("level", [5, 50, 95])
@pytest.mark.parametrize("interior", ["", "_interior"])
def test_percentiles_of_uniform_layers_are_their_stress(laminate, level, interior):
    _, _, entries = laminate
    for phase, strain in (("NMC", STRAIN), ("CBD", 0.0)):
        along = sideways(phase, strain)
        expected = {
            "von_mises": abs(along + PRESSURE),
            "hydrostatic": (2 * along - PRESSURE) / 3,
            "max_principal": max(along, -PRESSURE),
        }
        for measure, value in expected.items():
            entry = entries[f"{measure}_stress{interior}_p{level}", phase, None]
            assert entry.value == pytest.approx(value, rel=1e-4), (phase, measure)


def test_uniform_layers_owe_nothing_to_sampling_or_voxels(laminate):
    _, _, entries = laminate
    for name, phase in (("von_mises_stress_p50", "NMC"), ("hydrostatic_stress_p95", "CBD")):
        entry = entries[name, phase, None]
        assert entry.resolution_error < 1e-3 * abs(entry.value)
        assert entry.uncertainty < 1e-3 * abs(entry.value)
    axis = laminate[0].through_axis
    change = entries["thickness_change", None, axis]
    assert change.resolution_error < 1e-4 * abs(change.value)


def test_layers_bear_the_pressure_across_their_interface(laminate):
    _, _, entries = laminate
    normal = entries["normal_traction_p50", "NMC–CBD", None].value
    assert normal == pytest.approx(-PRESSURE, rel=1e-4)
    assert entries["shear_traction_p95", "NMC–CBD", None].value < 1e-3 * PRESSURE
    assert entries["contact_area_fraction", "NMC–CBD", None].value == 1.0
    assert entries["debonded_area_fraction", "NMC–CBD", None].value == 0.0


def test_volume_above_a_limit_is_all_or_nothing_in_uniform_layers(laminate):
    _, _, entries = laminate
    along = sideways("NMC", STRAIN)
    assert entries["volume_above_tensile_strength", "NMC", None].value == float(along > 1e7) == 1.0
    von_mises = abs(sideways("CBD", 0.0) + PRESSURE)
    assert von_mises < 2.1e6
    assert entries["volume_above_yield_stress", "CBD", None].value == 0.0
    assert ("volume_above_yield_stress", "NMC", None) not in entries


def test_flaws_grow_from_the_depth_that_the_toughness_allows(laminate):
    _, _, entries = laminate
    depth = (1e5 / (1.12 * sideways("NMC", STRAIN))) ** 2 / math.pi
    for level in (5, 50):
        found = entries[f"critical_flaw_size_interior_p{level}", "NMC", None]
        assert found.value == pytest.approx(depth, rel=1e-4)
        assert found.unit == "m"
        assert found.uncertainty < 1e-3 * depth


@pytest.mark.parametrize(("strength", "contact"), [(0.99, 0.0), (1.01, 1.0)])
def test_a_shrinking_layer_at_a_fixed_gap_comes_off_at_its_strength(strength, contact):
    tension = -SERIES * THICKNESS
    load = changed(
        pressure=None, boundary="fixed_gap", strength=(strength * tension, math.inf),
        resolution=False,
    )  # fmt: skip
    stress, entries = stress_of(layered(), load)
    found = entries["contact_area_fraction", "NMC–CBD", None].value
    assert found == pytest.approx(contact, abs=ROUND_OFF)
    curve = stress.result.contact
    assert np.isnan(curve.pressure).all()
    assert curve.contact[0] == pytest.approx([1.0] * 8 + [contact], abs=ROUND_OFF)
    assert json.dumps(curve.to_dict(), allow_nan=False)


def test_pressure_closes_what_came_off():
    pulled = Boundary(Platen(pressure=-1e6), Symmetry(), Symmetry())
    load = changed(pressures=(0.0, 1e9), resolution=False, boundary=pulled, pressure=None)
    curve = stress_of(layered(), load)[0].result.contact
    assert curve.pressure.tolist() == [0.0, 1e9]
    assert curve.contact[1].tolist() == [1.0] * 9  # pressed together all the way
    load = changed(resolution=False, boundary=pulled, pressure=None)
    own = stress_of(layered(), load)[0].result.contact
    assert own.pressure.tolist() == [-1e6, 1e6, 1e7]
    assert own.contact[0] == pytest.approx(
        [0.0] * 9, abs=ROUND_OFF
    )  # pulled apart, and nothing holds it


def test_a_lone_solid_swells_as_if_there_were_no_pores():
    volume = blobs(shares=(0.3, 1.0)).relabelled({"CBD": "NMC"})
    _, entries = stress_of(volume, changed(resolution=False, pressure=0.0))
    for axis in range(3):
        swelling = entries["effective_swelling_strain", None, axis]
        assert swelling.value == pytest.approx(STRAIN, rel=1e-4)
        assert swelling.uncertainty < 1e-4 * abs(STRAIN)  # what swells evenly cannot vary
    assert entries["effective_youngs_modulus", None, 0].uncertainty > 0


@pytest.mark.parametrize("axis", [0, 1])
def test_swelling_is_the_mean_work_of_the_stress_of_a_pull(random, axis):
    """Reciprocity (Levin), of which the sampling error is made."""
    volume, stress, entries = random
    found = stress._solved(volume)
    _, pulled = _effective._fields(found, _effective._compliance(found)[axis])
    trace = pulled[:3].sum(axis=0)
    mean = (trace * _effective._linear_strain(found)).sum() / trace.sum()
    assert mean == pytest.approx(entries["effective_swelling_strain", None, axis].value, rel=1e-3)


def test_tractions_of_a_state_are_those_of_its_stress(random):
    volume, stress, _ = random
    found = stress._solved(volume)
    interface = _contact.interface_of(found, ("NMC", "CBD"), stress.criterion)
    state = found.at(solvers.stack_pressure(3e7), {"NMC": 0.01})
    quick, full = interface.traction(state), interface_traction(interface.faces, state.stress())
    scale = float(np.abs(full.normal).max())
    assert quick.normal == pytest.approx(full.normal, abs=1e-5 * scale)
    assert quick.shear == pytest.approx(full.shear, abs=1e-4 * scale)  # root of a difference


def test_contact_is_lost_and_never_healed(random):
    curve = random[1].result.contact
    assert curve.stoichiometry[[0, -1]].tolist() == [REFERENCE, NOW]
    assert curve.contact.shape == (3, 9)
    assert (np.diff(curve.debonded, axis=1) >= 0).all()
    assert (curve.contact + curve.debonded >= 1 - 1e-12).all()
    assert curve.contact[0, -1] < curve.contact[0, 1]
    assert (np.diff(curve.contact[:, -1]) >= 0).all()  # more pressure, more contact
    assert (curve.error[:, -1] > 0).all()


def test_what_came_apart_closes_under_pressure_but_does_not_heal():
    load = changed(
        lithiation={"NMC": (0.8, NOW)},
        stoichiometries=(0.8, NOW, REFERENCE),  # shrinks away, then swells against the plates
        pressure=None,
        boundary="fixed_gap",
        strength=-SERIES * THICKNESS / 2,
        resolution=False,
    )
    curve = stress_of(layered(), load)[0].result.contact
    assert curve.contact[0] == pytest.approx([1.0, 0.0, 1.0], abs=ROUND_OFF)
    assert curve.debonded[0] == pytest.approx([0.0, 1.0, 1.0], abs=ROUND_OFF)


def test_pressure_alone_is_a_load_too():
    load = Mechanics(pressure=PRESSURE, interface=("NMC", 2), tolerance=TIGHT, resolution=False)
    stress, entries = stress_of(layered(), load)
    along = sideways("NMC", 0.0)
    found = entries["hydrostatic_stress_p50", "NMC", None].value
    assert found == pytest.approx((2 * along - PRESSURE) / 3, rel=1e-4)
    assert entries["contact_area_fraction", "NMC–CBD", None].value == 1.0
    assert stress.result.contact is None  # nothing changes along a curve
    assert not [name for name, _, _ in entries if "swelling" in name or "thickness" in name]


def test_a_curve_follows_the_stoichiometries_asked_for():
    load = changed(stoichiometries=(0.9, 0.5, 0.7), pressures=(1e6,), resolution=False)
    stress, _ = stress_of(layered(), load)
    assert stress.result.contact.stoichiometry == pytest.approx([0.9, 0.5, 0.7])
    with pytest.raises(InvalidInputError, match=r"x = 0\.2 is outside 0\.4…0\.9"):
        stress_of(layered(), changed(stoichiometries=(0.2,)))


def test_percentiles_of_noise_scatter_as_theory_says():
    n = 32
    values = np.random.default_rng(0).normal(size=n**3)
    mask = np.ones((n, n, n), bool)
    density = {5: 0.10314, 50: 0.39894, 95: 0.10314}
    for level, (value, error) in zip(
        _stress.LEVELS, _stress._levels(values, mask, True), strict=True
    ):
        share = level / 100
        exact = math.sqrt(share * (1 - share) / n**3) / density[level]
        assert exact / 1.3 < error < exact * 1.3
        assert value == pytest.approx(np.percentile(values, level))


@pytest.fixture(scope="module")
def block():
    """Entries of a uniform block: with six solves for shear, with periodic sides, and as usual."""
    one = Volume(np.ones((4, 4, 4), np.uint8), 1e-7, {1: "NMC"})
    free = solvers.Boundary(*[solvers.Periodic(pressure=0.0)] * 3)
    loads = ({"stiffness": True}, {"pressure": None, "boundary": free}, {})
    return [stress_of(one, changed(**load, resolution=False))[1] for load in loads]


def test_shear_moduli_come_with_six_more_solves_or_with_periodic_sides(block):
    exact = E["NMC"] / (2 * (1 + NU["NMC"]))
    more, periodic, usual = block
    for entries in (more, periodic):
        for axis in range(3):
            shear = entries["effective_shear_modulus", None, axis]
            assert shear.value == pytest.approx(exact, rel=1e-6)
    assert not [name for name, _, _ in usual if "shear_modulus" in name]


@pytest.mark.slow
def test_mixed_sides_have_all_three_shear_moduli(random):
    volume = random[0]
    sides = Boundary(Symmetry(), Periodic(), Periodic())
    load = changed(pressure=None, boundary=sides, stiffness=True, resolution=False)
    _, entries = stress_of(volume, load)
    moduli = [entries["effective_shear_modulus", None, axis] for axis in range(3)]
    assert all(entry.status == "ok" and entry.value > 0 for entry in moduli)
    assert ["mirrors" in entry.method for entry in moduli] == [False, True, True]


def test_free_faces_move_apart_by_what_the_electrode_swells():
    volume = Volume(np.ones((4, 5, 6), np.uint8), 1e-7, PHASES)
    load = changed(pressure=None, boundary="fully_free", resolution=False)
    _, entries = stress_of(volume, load)
    assert entries["thickness_change", None, 0].value == pytest.approx(STRAIN, rel=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pressure": 1.0}, "a pressure of 1 Pa is below 100 Pa"),
        ({"strength": 20.0}, "a strength of 20 Pa is below 1e+03 Pa"),
    ],
)
def test_units_are_doubted_on_the_card(given, words):
    stress = prepared(layered(), given)
    assert any(words in text for text in stress.doubts)
    assert any(words in text for text in _stress_warnings.warnings(stress, []))
    assert not prepared(layered(), {}).doubts


def test_moduli_in_gigapascals_are_doubted_on_the_card():
    soft = dataclasses.replace(MADE["CBD"], youngs_modulus=2.0)
    stress = prepared(layered(), {}, MADE | {"CBD": soft})
    assert any("Young's modulus of 2 Pa" in text for text in stress.doubts)


def test_plates_that_would_have_to_pull_and_flaws_below_a_voxel_are_said():
    stress = prepared(layered(), {})
    none = Uncertainty(0.0, SAMPLING)
    pull = Entry("back_pressure", None, 0, -2e6, "Pa", none, "")
    flaw = Entry("critical_flaw_size_interior_p5", "NMC", None, 3e-9, "m", none, "")
    said = list(_stress_warnings.warnings(stress, [pull, flaw]))
    assert any("have to pull with 2 MPa" in text for text in said)
    assert any("a flaw of 3 nm" in text for text in said)
    push, long = dataclasses.replace(pull, value=2e6), dataclasses.replace(flaw, value=1e-3)
    assert not list(_stress_warnings.warnings(stress, [push, long]))


def test_a_free_solid_swells_without_stress():
    one = Volume(np.ones((6, 6, 6), np.uint8), 1e-7, {1: "NMC"})
    load = changed(pressure=None, boundary="fully_free", resolution=False)
    stress, entries = stress_of(one, load)
    assert entries["von_mises_stress_p95", "NMC", None].value < 1e-4 * E["NMC"] * abs(STRAIN)
    names = {name for name, _, _ in entries}
    assert names.isdisjoint({"back_pressure", "effective_youngs_modulus"})
    assert stress.result.contact is None


def test_other_states_follow_without_a_solve(random):
    result = random[1].result
    twice = result.superposition.at({"NMC": 2 * STRAIN}, solvers.stack_pressure(2 * PRESSURE))
    assert twice.strain == pytest.approx(2 * result.state.strain)
    assert twice.pressures[0] == pytest.approx(2 * PRESSURE)
    assert result.von_mises.dtype == np.float32
    assert np.array_equal(np.isnan(result.von_mises), random[0].labels == 0)


def test_constants_of_a_cubic_crystal_are_averaged_over_grains():
    same = Material("glass", cubic_c11=110e9, cubic_c12=30e9, cubic_c44=40e9)  # is isotropic
    assert isotropic(same).matrix[0, 0] == pytest.approx(110e9)
    assert isotropic(same).matrix[5, 5] == pytest.approx(40e9)
    silicon = twin.material("silicon")
    crystal = {name: getattr(silicon, f"cubic_{name}") for name in ("c11", "c12", "c44")}
    many = isotropic(Material("grains", **{f"cubic_{k}": v.value for k, v in crystal.items()}))
    rounding = 5e-3  # of the library's three digits
    assert many.E / silicon.youngs_modulus.value == pytest.approx(1, rel=rounding)
    assert many.nu / silicon.poisson_ratio.value == pytest.approx(1, rel=rounding)


def test_the_card_has_everything_and_says_what_is_doubtful(card):
    text = json.dumps(card.to_dict(), allow_nan=False)
    about = json.loads(text)
    rows = {(row["name"], row["phase"]): row for row in about["quantities"]}
    row = rows["von_mises_stress_p95", "NMC"]
    assert row["unit"] == "Pa"
    assert row["resolution_error"] > 0
    assert row["uncertainty"] > 0
    assert rows["volume_fraction", "pore"]["resolution_error"] is None
    assert about["mechanics"]["contact"]["interface"] == "NMC–CBD"
    assert not [name for name, _ in rows if "max" in name.split("_p")[-1]]  # no bare peak
    assert any("above its yield stress" in warning for warning in card.warnings)
    assert any("screening" in warning for warning in card.warnings)
    for warning in card.warnings:
        assert warning.endswith(".")


def test_without_mechanics_a_card_is_as_before():
    named = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
    card = twin.characterize(blobs(8), named, axes=[0])
    assert card.mechanics is None
    assert card.to_dict()["mechanics"] is None
    doubted = next(text for text in card.warnings if "unverified" in text)
    assert "modulus" not in doubted
    assert "stress" not in doubted


@pytest.fixture(scope="module")
def doubtful():
    """A card of materials from the library, with voxels outside and a sign that is wrong."""
    volume = blobs(10).padded(1)
    oxide = dataclasses.replace(
        twin.material("NMC532"),
        swelling=SwellingTable((0.3, 0.9), (0.006, 0.0)),  # grows as it loses lithium
    )
    named = {"pore": "LP30", "NMC": oxide, "CBD": "CBD"}
    load = Mechanics({"NMC": (0.9, 0.4)}, resolution=False)
    return twin.characterize(volume, named, axes=[0], mechanics=load)


def test_doubts_about_swelling_and_unread_numbers_reach_the_card(doubtful):
    text = "\n".join(doubtful.warnings)
    assert "Reverse the sign" in text
    assert "youngs modulus" in text
    assert "Voxels outside the electrode are voids" in text


def test_silicon_is_refused_unless_asked_for():
    volume = layered(width=4)
    made = MADE | {"NMC": twin.material("silicon")}
    load = changed(lithiation={"NMC": (0.0, 0.5)}, resolution=False)
    with pytest.raises(InvalidInputError, match="allow_large_strain=True"):
        stress_of(volume, load, made)
    allowed, _ = stress_of(volume, dataclasses.replace(load, allow_large_strain=True), made)
    assert any("alloys such as silicon" in text for text in allowed.swelling.doubts)


def test_a_gap_that_nothing_bridges_is_said_and_gives_no_stress():
    volume = layered(thickness=((1, 3), (0, 2), (1, 3)))
    made = MADE
    card = twin.characterize(volume, made, axes=[1], mechanics=LOAD)
    assert card.mechanics is None
    rows = [e for e in card.entries if "stress" in e.name]
    assert rows
    assert all(e.status == "does not percolate" and math.isnan(e.value) for e in rows)
    assert any("nothing carries it" in text for text in card.warnings)
    json.dumps(card.to_dict(), allow_nan=False)


def test_a_gap_at_fixed_length_has_stress_but_no_modulus_across():
    volume = layered(thickness=((1, 3), (0, 2), (1, 3)))
    load = changed(pressure=None, boundary="fixed_gap", resolution=False)
    _, entries = stress_of(volume, load)
    across = entries["effective_youngs_modulus", None, 0]
    assert (across.value, across.status) == (0.0, "does not percolate")
    assert entries["effective_youngs_modulus", None, 1].status == "ok"
    along = sideways("NMC", STRAIN, 0.0)
    assert entries["von_mises_stress_p50", "NMC", None].value == pytest.approx(along, rel=1e-3)


def test_a_solve_that_does_not_converge_leaves_rows_without_numbers(monkeypatch):
    def fails(*_, **__):
        raise ConvergenceError("500 iterations ended at 1e-3")

    monkeypatch.setattr("twin._mechanics.solved", fails)
    card = twin.characterize(layered(), MADE, axes=[1], mechanics=LOAD)
    assert card.entry("von_mises_stress_p50", "NMC").status == "not converged"
    assert any("did not converge" in text for text in card.warnings)


def test_a_coarser_volume_without_a_solution_leaves_the_error_unknown(monkeypatch):
    whole = layered(width=4)
    solve = _mechanics.solved

    def only_fine(volume, *given):
        if volume.shape != whole.shape:
            raise ConvergenceError("500 iterations ended at 1e-3")
        return solve(volume, *given)

    monkeypatch.setattr("twin._mechanics.solved", only_fine)
    _, entries = stress_of(whole)
    entry = entries["von_mises_stress_p50", "NMC", None]
    assert math.isnan(entry.resolution_error)
    assert entry.to_dict()["resolution_error"] is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lithiation": ("NMC", 0.5)}, "is no mapping"),
        ({"lithiation": {"NMC": 0.5}}, "two lithium contents"),
        ({"lithiation": {"NMC": "ab"}}, "two lithium contents"),
        ({"lithiation": {"NMC": (0.9, math.nan)}}, "finite number"),
        ({"pressure": "high"}, "give a number"),
        ({"pressure": math.inf}, "finite number"),
        ({"pressure": 1e5, "boundary": "fixed_gap"}, "give one of them"),
        ({"pressures": 1e5}, "give some numbers"),
        ({"pressures": ("a",)}, "give a number"),
        ({"interface": "NMC"}, "is no pair"),
        ({"interface": ("NMC", "NMC")}, "is no pair"),
        ({"strength": 0.0}, "is not > 0"),
        ({"strength": (1e6, -1.0)}, "is not > 0"),
        ({"strength": "strong"}, "no number and no pair"),
        ({"tolerance": 1.0}, "default is 1e-3"),
        ({"element": "tetrahedron"}, "choose from"),
        ({"stoichiometries": (0.5,)}, "no phase swells"),
    ],
)
def test_loads_that_cannot_be_are_refused_at_once(given, message):
    with pytest.raises(InvalidInputError, match=message):
        Mechanics(**given)


@pytest.mark.parametrize(
    ("load", "change", "error", "message"),
    [
        ({}, None, InvalidInputError, "without materials"),
        ("stack_pressure", {}, InvalidInputError, "give a twin.Mechanics"),
        (LOAD, {"CBD": Material("glue", "binder")}, InvalidInputError, r"CBD \(glue\) has no elas"),
        (changed(lithiation={"NCM": (0.9, 0.4)}), {}, UnknownPhaseError, "NMC"),
        (changed(lithiation={"CBD": (0.9, 0.4)}), {}, InvalidInputError, "glue has no swelling"),
        (changed(lithiation={"NMC": (0.9, 0.1)}), {}, InvalidInputError, "is outside 0.4…0.9"),
        (changed(lithiation={"sep": (0.9, 0.4)}), {}, InvalidInputError, "has no voxel"),
        (changed(interface=("NMC", "pore")), {}, InvalidInputError, "pore bears no load"),
        (Mechanics(boundary="glued"), {}, InvalidInputError, "'glued' is unknown"),
        (
            changed(pressure=None, boundary="fixed_gap", pressures=(1e6,)),
            {},
            InvalidInputError,
            "sets no pressure along axis 0",
        ),
        (
            changed(pressure=None, boundary="fully_free", pressures=(1e6,)),
            {},
            InvalidInputError,
            "sets no pressure along axis 0",
        ),
        (Mechanics(pressure=-1e5), {}, InvalidInputError, "does not pull"),
        (Mechanics(pressure=0.0), {}, InvalidInputError, "loads nothing"),
        (Mechanics(boundary="fully_free"), {}, InvalidInputError, "loads nothing"),
        (
            changed(lithiation={"NMC": (0.9, 0.9)}, stoichiometries=(0.5,)),
            {},
            InvalidInputError,
            "differs from it",
        ),
    ],
)
def test_loads_that_do_not_fit_the_electrode_are_refused_before_any_work(
    load, change, error, message
):
    volume = Volume(blobs(6).labels, 1e-7, PHASES | {3: "sep"})
    made = None if change is None else MADE | {"sep": MADE["NMC"]} | change
    with pytest.raises(error, match=message):
        twin.characterize(volume, made, mechanics=LOAD if load == {} else load)


def test_a_load_shows_what_is_not_usual():
    load = Mechanics({"NMC": [0.9, 0.4]}, pressures=np.array([1e5, 1e6]), strength=2e7)
    assert repr(load) == (
        "Mechanics(lithiation={'NMC': (0.9, 0.4)}, strength=20000000.0, "
        "pressures=(100000.0, 1000000.0))"
    )
    assert repr(Mechanics()) == "Mechanics()"
    assert json.dumps(load.to_dict())


def test_a_single_layer_of_voxels_has_numbers_without_an_error_by_voxels():
    volume = layered(width=1)
    assert min(volume.shape) == 1
    _, entries = stress_of(volume)
    entry = entries["confined_modulus", None, 0]
    assert entry.status == "ok"
    assert entry.resolution_error is None
