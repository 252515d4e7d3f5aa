"""The electrode of a study: its weight, its thickness in a cell, and how often it is solved."""

import pytest

import twin
from microstructures.errors import InvalidInputError
from studies import tasks
from studies._coating import Coating
from studies._volumes import volume_of

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
