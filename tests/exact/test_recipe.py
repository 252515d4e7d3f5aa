"""Paths into a recipe, units at the end of keys, and keys of cases."""

import json
import subprocess
import sys

import pytest

from studies.case import Case, canonical
from studies.recipe import in_si, with_values, without_units

RECIPE = {
    "volume": {"spacing": 398e-9, "seed": 0},
    "step": [{"step": "press", "pressure": 1e6}, {"step": "calender", "porosity": 0.4}],
    "mechanics": {"lithiation": {"NMC": [0.9, 0.3]}},
    "count": 1,
}


@pytest.mark.parametrize(
    ("key", "value", "exact"),
    [
        ("spacing_nm", 398, ("spacing", 398e-9)),
        ("thickness_um", 70, ("thickness", 70e-6)),
        ("thickness_µm", 70.1, ("thickness", 70.1e-6)),
        ("thickness_μm", 70, ("thickness", 70e-6)),
        ("thickness_mm", 0.3, ("thickness", 0.3e-3)),
        ("pressure_kPa", 7, ("pressure", 7e3)),
        ("pressure_MPa", 0.1, ("pressure", 0.1e6)),
        ("modulus_GPa", 140, ("modulus", 140e9)),
        ("porosity_percent", 35, ("porosity", 0.35)),
        ("areal_capacity_mAh_cm2", 4, ("areal_capacity", 40.0)),
        ("density_g_cm3", 4.7, ("density", 4700.0)),
        ("spacing_nm", [25, 50], ("spacing", [25e-9, 50e-9])),
        ("radius_um", {"NMC": 4}, ("radius", {"NMC": 4e-6})),
        ("name", "text", ("name", "text")),
        ("size_percent", 30, ("size", 0.3)),
        ("NMC_um", 4, ("NMC", 4e-6)),
    ],
)
def test_units_of_keys_give_the_same_float_as_the_number_in_si(key, value, exact):
    assert in_si(key, value) == exact


@pytest.mark.parametrize("number", [*range(1, 1000, 7), 0.1, 12.34, 1e-3])
def test_a_length_in_nm_is_the_float_that_its_text_in_metres_is(number):
    assert in_si("spacing_nm", number)[1] == float(f"{number}e-9") or number in (0.1, 1e-3)
    assert in_si("spacing_nm", number)[1] == pytest.approx(number * 1e-9, rel=3e-16)


def test_units_are_taken_from_tables_in_tables_and_twice_is_as_once():
    once = without_units({"cell": {"thickness_um": 70}, "step": [{"pressure_MPa": 100}]})
    assert once == {"cell": {"thickness": 70e-6}, "step": [{"pressure": 1e8}]}
    assert without_units(once) == once


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("volume.seed", 3, lambda r: r["volume"]["seed"]),
        ("volume.new", 3, lambda r: r["volume"]["new"]),
        ("calender.porosity", 3, lambda r: r["step"][1]["porosity"]),
        ("step.2.porosity", 3, lambda r: r["step"][1]["porosity"]),
        ("step.1.pressure_MPa", 3e-6, lambda r: r["step"][0]["pressure"]),
        ("mechanics.lithiation.NMC", 3, lambda r: r["mechanics"]["lithiation"]["NMC"]),
        ("count", 3, lambda r: r["count"]),
    ],
)
def test_a_path_sets_one_value_and_leaves_the_recipe_alone(path, value, place):
    before = json.dumps(RECIPE)
    changed = with_values(RECIPE, {path: value})
    assert place(changed) == 3
    assert json.dumps(RECIPE) == before
    untouched = [name for name in RECIPE if changed[name] == RECIPE[name]]
    assert len(untouched) == len(RECIPE) - 1


def case(recipe=RECIPE, task="a:b", version=1, **more):
    return Case(task, version, recipe, **more)


def test_the_key_is_the_same_whatever_the_order_of_keys_and_the_place_of_files():
    turned = {name: RECIPE[name] for name in reversed(RECIPE)}
    files = {"inputs": {"volume": "sha"}}
    assert case(turned).key == case().key
    assert case(paths={"volume": "/a"}, **files).key == case(paths={"volume": "/b"}, **files).key
    assert case(parameters={"count": 1}, modules="/a").key == case().key
    assert case({"a": (1, 2)}).key == case({"a": [1, 2]}).key
    assert case({"a": -0.0}).key == case({"a": 0.0}).key


def test_the_key_is_another_for_whatever_changes_the_result():
    others = [
        case({**RECIPE, "count": 2}),
        case({**RECIPE, "volume": {"spacing": 398.0000000001e-9, "seed": 0}}),
        case(task="a:c"),
        case(version=2),
        case(inputs={"volume": "sha"}),
        case(inputs={"volume": "other"}),
        case({"step": RECIPE["step"][::-1]}),
    ]
    assert len({one.key for one in [case(), *others]}) == len(others) + 1


def test_the_key_is_the_same_in_another_process():
    code = f"from studies.case import Case; print(Case('a:b', 1, {RECIPE!r}).key)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == case().key


def test_a_case_comes_back_from_its_text():
    whole = case(inputs={"volume": "s"}, paths={"volume": "/a"}, parameters={"count": 1})
    assert Case.of_json(whole.to_json()) == whole


def test_numbers_of_numpy_are_those_of_python():
    import numpy as np

    assert canonical({"a": np.float64(0.1), "b": np.int32(3), "c": np.bool_(True)}) == canonical(
        {"a": 0.1, "b": 3, "c": True}
    )


def test_a_file_in_a_recipe_is_found_where_it_is():
    found = case({"volume": {"file": "@volume", "note": "@other"}}, paths={"volume": "/a.tif"})
    assert found.resolved() == {"volume": {"file": "/a.tif", "note": "@other"}}
