"""The electrode of a study: its weight, its thickness in a cell, and how often it is solved."""

import numpy as np
import pytest

import twin
from microstructures.errors import InvalidInputError
from studies import tasks
from studies._coating import Coating
from studies._electrode_checks import SETS, phases_after, step_of
from studies._volumes import Foreseen, foreseen, volume_of

MADE_OF = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
CELL = {"parameters": "Chen2020", "particle_radius": 4e-6, "rates": [0.5], "model": "SPMe"}
RECIPE = {
    "volume": {"generate": "sample_cathode", "shape": [12, 12, 12], "seed": 0},
    "materials": MADE_OF,
    "characterize": {"axes": [0], "tolerance": 1e-3},
}


@pytest.fixture(scope="module")
def card():
    return twin.characterize(volume_of(RECIPE["volume"]), MADE_OF, axes=[0], tolerance=1e-3)


def test_coating_weighs_its_solids_and_holds_its_active_material(card):
    nmc, cbd = (card.volume.fraction(name) for name in ("NMC", "CBD"))
    coating = Coating.of_card(card)
    assert coating.density == pytest.approx(4750 * nmc + 1810 * 0.53 * cbd)
    assert coating.total_porosity == pytest.approx(1 - nmc - 0.53 * cbd)
    assert coating.capacity == pytest.approx(4750 * 165 * nmc)


def test_thickness_follows_from_capacity_or_loading(card):
    coating = Coating.of_card(card)
    capacity = coating.thickness({"areal_capacity": 40.0})
    assert capacity * card.volume.fraction("NMC") * 4750 * 165 == pytest.approx(40.0)
    assert coating.thickness({"loading": 0.2}) * coating.density == pytest.approx(0.2)
    assert coating.thickness({"thickness": 7e-5}) == 7e-5
    assert coating.thickness({}) is None


def test_a_size_that_is_given_twice_or_in_words_is_refused():
    for cell, said in (
        ({"thickness": 7e-5, "loading": 0.2}, "keep one"),
        ({"areal_capacity": -1.0}, "number > 0"),
        ({"areal_capacity": "4"}, "number > 0"),
        ({"uncertainty": 1}, "true or false"),
        ({"areal_kapacity": 4.0}, "did you mean 'areal_capacity'"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            tasks.check_electrode(RECIPE | {"cell": CELL | cell})


def test_cases_that_differ_in_the_cell_are_characterized_once(monkeypatch):
    calls, real = [], twin.characterize
    monkeypatch.setattr(twin, "characterize", lambda *a, **k: calls.append(1) or real(*a, **k))
    recipe = RECIPE | {"characterize": {"axes": [0], "tolerance": 2e-3}}
    found = [
        tasks.electrode(recipe | {"cell": CELL | {"thickness": thickness}}).values
        for thickness in (6e-5, 8e-5)
    ]
    assert len(calls) == 1
    first, second = (values["cell.capacity.0.5"]["value"] for values in found)
    assert second > 1.2 * first
    assert found[1]["electrode_thickness"]["value"] == 8e-5


def test_a_cell_gives_what_characterize_gives(card):
    from twin.performance import InCell

    asked = InCell(**CELL, thickness=7e-5, limits=False)
    whole = twin.characterize(card.volume, MADE_OF, axes=[0], tolerance=1e-3, cell=asked)
    found = tasks.electrode(RECIPE | {"cell": CELL | {"thickness": 7e-5}})
    row = whole.performance.to_frame().iloc[0]
    assert found.values["cell.energy_density.0.5"]["value"] == row["energy_Wh_L"]
    assert found.values["cell.capacity.0.5"]["value"] == row["capacity_Ah_m2"]
    assert set(whole.warnings) == set(found.provenance["warnings"])


@pytest.mark.slow
def test_error_of_a_cell_is_the_change_with_the_macmullin_number(card):
    """By discharges of the structure with a MacMullin number that is a twentieth of its error off,
    which is as good as the derivative."""
    from dataclasses import replace

    from twin.performance import InCell, assess, discharge

    entry = card.entry("ionic_macmullin_number", axis=0)
    found = tasks.electrode(RECIPE | {"cell": CELL | {"thickness": 7e-5, "uncertainty": True}})
    asked = InCell(**CELL, thickness=7e-5, limits=False)
    structure = assess(card, asked).structure
    step = 0.05 * entry.uncertainty
    runs = [
        discharge(asked.cell(replace(structure, macmullin=n)), [0.5], model="SPMe")[0].energy
        for n in (structure.macmullin, structure.macmullin + step)
    ]
    expected = abs(runs[1] - runs[0]) / step * float(entry.uncertainty)
    assert found.values["cell.energy.0.5"]["uncertainty"] == pytest.approx(expected, rel=0.3)


@pytest.mark.parametrize(
    "volume",
    [
        {"generate": "sample_cathode"},
        {"generate": "excursion_volume", "length": 2e-7, "fraction": 0.4},
        {"generate": "hard_spheres", "radius": 2e-7, "fraction": 0.2},
        {"generate": "overlapping_spheres", "radius": 2e-7, "fraction": 0.4},
        {"generate": "polycrystal", "grains": 4},
        {"generate": "random_fibres", "length": 4e-7, "diameter": 2e-7, "fraction": 0.2},
        {"generate": "random_platelets", "diameter": 4e-7, "thickness": 2e-7, "fraction": 0.2},
        {
            "generate": "hard_spheres", "radius": 2e-7, "fraction": 0.2,
            "phases": {"0": "void", "1": "LFP"},
        },
    ],
)  # fmt: skip
def test_phases_of_generated_volumes_are_foreseen(volume):
    about = volume | {"shape": [10, 10, 10], "spacing": 1e-7}
    assert foreseen(about).phases == tuple(volume_of(about).phases.values())


def test_phases_and_axis_of_files_are_foreseen_where_the_file_or_the_study_names_them(tmp_path):
    import microstructures

    labels = np.zeros((4, 4, 4), np.uint8)
    volume = microstructures.Volume(labels, 1e-7, {0: "pore", 1: "LFP"}, through_axis=2)
    about = {"file": str(microstructures.write(volume, tmp_path / "v.tif"))}
    assert foreseen(about) == Foreseen(("pore", "LFP"), 2)
    np.save(tmp_path / "v.npy", labels)
    bare = {"file": str(tmp_path / "v.npy"), "spacing": 1e-7}
    assert foreseen(bare) == Foreseen(None, 0)
    named = bare | {"phases": {"0": "void"}, "through_axis": 1}
    assert foreseen(named) == Foreseen(("void",), 1)


PACKED = {
    "step": "generate_electrode", "shape": [12, 12, 12], "spacing": 4e-7,
    "populations": {"NMC": {"fraction": 0.4, "radius": 1e-6}},
}  # fmt: skip


@pytest.mark.parametrize(
    "steps",
    [
        [PACKED],
        [PACKED | {"binder": 0.1, "pore": "void"}],
        [PACKED | {"binder": {"PVDF": 0.05, "carbon": 0.05}}],
        [PACKED, {"step": "place_binder", "fraction": 0.1}],
        [PACKED, {"step": "coarsen"}, {"step": "sub_volume", "size": 4}],
    ],
)
def test_phases_after_steps_are_foreseen(steps):
    from twin.manufacturing import Process

    made = Process([step_of(step) for step in steps]).run().volume
    assert phases_after(steps, None) == tuple(made.phases.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_sets_that_are_not_loaded_to_be_checked_are_those_of_full_cells(name):
    from twin.performance import InCell

    InCell(parameters=name).check()


def slabs(tmp_path, names, *, across=False):
    """A recipe of two phases side by side, or the second one across the first."""
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[(slice(2, 4),) if across else (slice(None), slice(2, 4))] = 1
    np.save(tmp_path / "v.npy", labels)
    phases = {str(label): name for label, name in enumerate(names)}
    about = {"file": str(tmp_path / "v.npy"), "spacing": 1e-7, "phases": phases}
    return {"volume": about, "characterize": {"axes": [0], "tolerance": 1e-2}}


@pytest.mark.parametrize(
    ("names", "across", "status", "reason"),
    [
        (("pore", "NMC"), False, "ok", ""),
        (("NMC", "pore"), True, "does not percolate", "tortuosity factor pore"),
        (("a", "b"), False, "ok", ""),
        (("a", "b"), True, "does not percolate", "tortuosity factor a; tortuosity factor b"),
    ],
)
def test_without_materials_the_pore_decides_whether_it_percolates(
    tmp_path, names, across, status, reason
):
    found = tasks.electrode(slabs(tmp_path, names, across=across))
    assert (found.status, found.reason) == (status, reason)


def test_solids_alone_need_not_percolate():
    """In the sample cathode neither NMC nor CBD spans so few voxels, but its pore does."""
    found = tasks.electrode({k: v for k, v in RECIPE.items() if k != "materials"})
    assert found.values["tortuosity_factor.NMC.z"]["value"] is None
    assert found.values["tortuosity_factor.pore.z"]["value"] > 1
    assert (found.status, found.reason) == ("ok", "")


def test_pores_that_are_not_solved_through_the_thickness_say_nothing(tmp_path):
    recipe = slabs(tmp_path, ("pore", "NMC"), across=True)
    found = tasks.electrode(recipe | {"characterize": {"axes": [1], "tolerance": 1e-2}})
    assert found.status == "ok"


def test_a_cell_that_cannot_be_is_no_result(card):
    """Two active materials, of which none is named: the case fails instead of lacking numbers."""
    both = {"pore": "LP30", "NMC": "NMC532", "CBD": "graphite"}
    with pytest.raises(InvalidInputError, match="name one with active"):
        tasks.electrode(RECIPE | {"materials": both, "cell": CELL | {"thickness": 7e-5}})


def test_an_electrode_that_does_not_percolate_has_no_cell_and_says_so(tmp_path):
    recipe = slabs(tmp_path, ("pore", "NMC"), across=True)
    made_of = {"pore": "LP30", "NMC": "NMC532"}
    found = tasks.electrode(recipe | {"materials": made_of, "cell": CELL | {"thickness": 7e-5}})
    assert found.status == "does not percolate"
    assert not any(name.startswith("cell.") for name in found.values)
    assert any("placed in no cell" in text for text in found.provenance["warnings"])
