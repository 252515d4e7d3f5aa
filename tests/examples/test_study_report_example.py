"""``twin study report`` writes the page, and that of a real electrode has what belongs there."""

from pathlib import Path

import pytest

from studies import Grid, Study
from studies.cli import main
from studies.report import page

ROOT = Path(__file__).resolve().parents[2]

RECIPE = {
    "volume": {"generate": "sample_cathode", "shape": [20, 20, 20], "seed": 0},
    "step": [{"step": "calender", "porosity": 0.35, "ends": "periodic"}],
    "materials": {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"},
    "characterize": {"axes": [0], "tolerance": 1e-3},
}


@pytest.mark.slow
def test_the_page_of_a_pressed_electrode_has_its_pictures_units_and_definitions(tmp_path):
    study = Study(RECIPE, Grid({"calender.porosity": [0.36, 0.30]}), tmp_path / "s")
    assert study.run("serial").is_complete
    text = page(study)
    for wanted in (
        "tortuosity factor, pore, z",
        '"interface area, pore–NMC","unit":"µm⁻¹"',
        "Slice of case 2",
        "τ = ε <i>D</i><sub>0</sub>",
        "porosity = 0.36  # varied by the design",
        "version of taichi",
    ):
        assert wanted in text
    assert study.report().stat().st_size < 1e6


def test_the_command_writes_the_page_where_it_is_told_to(tmp_path, capsys):
    (tmp_path / f"{tmp_path.name}.py").write_bytes((ROOT / "tests/tasks/trial.py").read_bytes())
    file = tmp_path / "two.toml"
    file.write_text(f'task = "{tmp_path.name}:square"\n[design.parameters]\nx = [1, 2]\n')
    assert main(["study", "report", str(file)]) == 0
    assert main(["study", "report", str(file), "-o", str(tmp_path / "page.html")]) == 0
    paths = (tmp_path / "two.study" / "report.html", tmp_path / "page.html")
    assert capsys.readouterr().out == "".join(f"written: {path}\n" for path in paths)
    assert all("2 cases: not run" in " ".join(path.read_text().split()) for path in paths)
