"""Pins are universal and anonymous, the command is ours, no file names a machine."""

import re
import subprocess
import tomllib

import pytest

PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.+!]*( ; .+)?")
TRACES = re.compile(
    r"/work/|/root/|/home/|index-url|find-links|files\.pythonhosted|pypi\.org/simple|/simple/"
)


@pytest.fixture(scope="module")
def pyproject(root):
    return tomllib.loads((root / "pyproject.toml").read_text())


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_of_the_constraints_is_a_pin(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_constraints_tell_python_versions_apart(root):
    assert "python_full_version" in (root / "constraints.txt").read_text()


def test_every_dependency_is_pinned(root, pyproject):
    lines = (root / "constraints.txt").read_text().splitlines()
    project = pyproject["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {normal(re.match(r"[\w.-]+", line)[0]) for group in groups for line in group}
    assert wanted - {line.split("==")[0] for line in lines} == set()


def test_the_command_is_twin_and_it_exists(pyproject):
    from studies import cli

    assert pyproject["project"]["scripts"] == {"twin": "studies.cli:main"}
    assert callable(cli.main)
    assert cli.app.name == ("twin",)


def test_the_wheel_holds_the_four_packages(pyproject):
    built = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert built == ["microstructures", "solvers", "twin", "studies"]


def test_the_citation_names_the_version_of_the_project(root, pyproject):
    lines = (root / "CITATION.cff").read_text().splitlines()
    assert f"version: {pyproject['project']['version']}" in lines


def test_no_file_names_a_machine_or_a_registry(root):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so no list of its files")
    here = "tests/packaging/test_project_files.py"
    paths = [root / name for name in listed.stdout.split("\0") if name and name != here]
    texts = {p: p.read_bytes().decode("utf-8", "replace") for p in paths if p.is_file()}
    found = {str(p.relative_to(root)): TRACES.findall(text) for p, text in texts.items()}
    assert {name: hits for name, hits in found.items() if hits} == {}
