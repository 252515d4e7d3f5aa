"""The files of the ready studies say what their functions say."""

from pathlib import Path

import pytest

from studies import Study, ready

ROOT = Path(__file__).resolve().parents[2]
MADE = {
    "calendering": ready.calendering_sweep,
    "binder": ready.binder_sweep,
    "thickness-rate": ready.thickness_sweep,
    "swelling": ready.swelling_sweep,
}


@pytest.mark.parametrize("name", MADE)
def test_file_and_function_make_the_same_cases_and_ask_the_same(name, tmp_path):
    file = Study.from_toml(ROOT / "examples" / f"{name}.toml")
    made = MADE[name](folder=tmp_path)
    assert {case.key for case in file.cases()} == {case.key for case in made.cases()}
    assert dict(file.questions) == dict(made.questions)
