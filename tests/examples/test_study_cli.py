"""``twin study`` runs, tells and collects; the example is a study."""

import shutil
from pathlib import Path

import pytest

from studies import Study
from studies.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path):
    """A study of three cases, one of which fails, with its task beside it."""
    (tmp_path / f"{tmp_path.name}.py").write_bytes((ROOT / "tests/tasks/trial.py").read_bytes())
    path = tmp_path / "three.toml"
    path.write_text(
        f'task = "{tmp_path.name}:square"\n[design]\nkind = "zip"\n'
        '[design.parameters]\nx = [1, 2, 3]\ndoes = ["nothing", "raise", "block"]\n'
    )
    return path


def test_a_study_is_run_told_of_and_collected(file, capsys):
    assert main(["study", "run", str(file), "--dry"]) == 0
    assert capsys.readouterr().out.startswith("3 cases: 3 not run\ntime and memory are ")
    assert not file.with_suffix(".study").exists()
    assert main(["study", "run", str(file), "--engine", "serial"]) == 3
    table = file.with_suffix(".study") / "results.csv"
    told = (
        "3 cases: 1 ok, 1 failed, 1 does not percolate\n"
        "  1 failed: ValueError: a wrong value\n"
        '  after a change, run them again with --retry "failed"\n'
    )
    files = f"written: {table}\nwritten: {table.with_suffix('.parquet')}\n"
    assert capsys.readouterr().out == told + files
    written = table.read_bytes()
    table.unlink()
    assert main(["study", "status", str(file)]) == 0
    assert capsys.readouterr().out == told
    assert main(["study", "collect", str(file)]) == 0
    assert table.read_bytes() == written
    assert table.read_text().splitlines()[0] == "case,x,does,status,reason,third,y [m²],y ± [m²]"


def test_a_status_can_be_run_again_and_silence_be_asked_for(file, capsys):
    run = ["study", "run", str(file), "--engine", "serial", "--quiet"]
    assert main(run) == 3
    before = Study.from_toml(file).frame()["status"].tolist()
    assert main([*run, "--retry", "failed, does not percolate"]) == 3
    assert Study.from_toml(file).frame()["status"].tolist() == before
    assert capsys.readouterr().out == ""
    assert main([*run, "--retry", "fail"]) == 1
    assert "did you mean 'failed'?" in capsys.readouterr().err


def test_local_workers_find_a_task_beside_the_file(file):
    assert main(["study", "run", str(file), "--workers", "1"]) == 3
    assert Study.from_toml(file).status().counts["ok"] == 1


def test_the_example_is_a_study_and_the_page_shows_what_it_says(tmp_path):
    example = ROOT / "examples" / "calendering.toml"
    shutil.copy(example, tmp_path)
    assert str(Study.from_toml(tmp_path / example.name).status()) == "15 cases: 15 not run"
    page = (ROOT / "docs/how-to/run-a-study.md").read_text(encoding="utf-8")
    shown = page.partition("```toml\n")[2].partition("```")[0]
    wanted = [line.partition("#")[0].strip() for line in shown.splitlines() if line.strip()]
    assert [line for line in wanted if line not in example.read_text().splitlines()] == []


def test_a_trial_tells_what_the_rest_will_take_and_resume_runs_it(file, capsys):
    assert main(["study", "resume", str(file)]) == 1
    assert "nothing was begun" in capsys.readouterr().err
    quiet = ["--engine", "serial", "--quiet"]
    assert main(["study", "run", str(file), "--first", "1", *quiet]) == 0
    assert main(["study", "run", str(file), "--dry", "--engine", "serial"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "3 cases: 2 not run, 1 ok"
    assert told[1].endswith("as 1 case before")
    assert main(["study", "resume", str(file), *quiet]) == 3
    assert Study.from_toml(file).status().is_complete


def test_studies_are_compared(file, capsys):
    other = file.with_name("other.toml")
    other.write_text(file.read_text() + '\n[more]\nlog = ""')
    for path in (file, other):
        main(["study", "run", str(path), "--engine", "serial", "--quiet"])
    assert main(["study", "diff", str(file), str(other)]) == 0
    assert "3 cases in both, 0 only before, 0 only after" in capsys.readouterr().out


def test_a_store_is_cleaned(file, capsys):
    main(["study", "run", str(file), "--engine", "serial", "--quiet"])
    file.write_text(file.read_text().replace("[1, 2, 3]", "[1, 2, 4]"))
    for options, word in ((["--others", "--dry"], "would be removed"), (["--others"], "removed")):
        assert main(["study", "clean", str(file), *options]) == 0
        assert capsys.readouterr().out.startswith(f"{word}: 1 finished cases that are none")
    assert Study.from_toml(file).status().counts["not run"] == 1


def test_gpus_are_told_by_their_numbers(file, capsys):
    assert main(["study", "run", str(file), "--gpus", "0,a"]) == 1
    assert 'write their numbers, "0,1"' in capsys.readouterr().err


def test_a_search_is_run_from_a_file_as_a_study_is(tmp_path, capsys):
    (tmp_path / f"{tmp_path.name}.py").write_bytes((ROOT / "tests/tasks/optimised.py").read_bytes())
    path = tmp_path / "search.toml"
    path.write_text(
        f'task = "{tmp_path.name}:hill"\n[optimise]\nmaximise = "sum"\ncount = 6\nbatch = 3\n'
        "[optimise.parameters]\nx = {from = 0, to = 1}\ny = {from = 0, to = 1}\n"
    )
    run = ["study", "run", str(path), "--engine", "serial"]
    assert main([*run, "--first", "2", "--quiet"]) == 0
    assert main([*run, "--dry"]) == 0
    assert capsys.readouterr().out.startswith("6 cases: 4 not run, 2 ok\nabout ")
    assert main(run) == 0
    assert "6 cases: 6 ok\n  " in (told := capsys.readouterr().out)
    assert "sum" in told
    for command in (["status"], ["collect"], ["clean", "--others"], ["diff", str(path)]):
        assert main(["study", *command[:1], str(path), *command[1:]]) == 0
    assert main(["study", "report", str(path)]) == 0
    page = (path.with_suffix(".study") / "report.html").read_text()
    assert "best case" in page.lower()
    assert "is not answered" not in page
    assert "a search for most sum, among x 0 … 1; y 0 … 1; 6 cases in all, 3 at once" in page
    assert Study.from_toml(path).status().counts == {"ok": 6}


def test_cases_of_an_earlier_recipe_are_told(file, capsys):
    main(["study", "run", str(file), "--engine", "serial", "--quiet"])
    file.write_text(file.read_text().replace("[1, 2, 3]", "[1, 2, 4]"))
    assert main(["study", "status", str(file)]) == 0
    assert "  1 finished case is stored besides, of another recipe" in capsys.readouterr().out


def test_the_reference_names_all_of_studies():
    import studies
    from studies.answer import QUESTIONS

    page = (ROOT / "docs/reference/studies.md").read_text(encoding="utf-8")
    others = {"cli", "analyze", "Analysis", "AnalysisSettings"}  # of one volume
    wanted = {*studies.__all__, *QUESTIONS} - others
    assert [name for name in sorted(wanted) if name not in page] == []
