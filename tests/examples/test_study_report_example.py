"""The report of a real study: an electrode pressed to two porosities, in a cell."""

from pathlib import Path

import pytest

from studies import Grid, Study
from studies.report import page, write

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
    path = Path(tmp_path, "report.html")
    write(study, path)
    assert path.stat().st_size < 1e6
