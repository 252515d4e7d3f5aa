"""The wheel holds the four packages and their data, and works in an empty environment."""

import os
import re
import subprocess
import sys
import zipfile

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, root)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def entries(wheel):
    return zipfile.ZipFile(wheel).namelist()


def test_top_level_of_the_wheel_is_the_four_packages(entries):
    tops = {name.split("/")[0] for name in entries}
    packages = {name for name in tops if not name.endswith(".dist-info")}
    assert packages == {"microstructures", "solvers", "twin", "studies"}
    assert len(tops) == 5


def test_the_wheel_holds_data_and_no_tests(root, entries):
    assert not [name for name in entries if "test" in name.split("/")[0:-1]]
    kinds = ("*.toml", "*.jinja", "*.css", "*.js", "*.sh")
    data = [p for top in ("twin", "studies") for kind in kinds for p in (root / top).rglob(kind)]
    assert {path.suffix for path in data} == {kind[1:] for kind in kinds}
    for path in data:
        assert str(path.relative_to(root)) in entries


@pytest.fixture(scope="module")
def environment(root, wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "-c", root / "constraints.txt", wheel)
    return python


@pytest.fixture
def outside(tmp_path):
    """Options for a process in an empty folder that sees nothing of the checkout."""
    hidden = {name for name in os.environ if name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    return {"cwd": tmp_path, "env": clean}


def test_the_python_lines_of_the_readme_run_from_another_folder(root, environment, outside):
    blocks = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert blocks
    run(environment, "-c", "\n".join(blocks), **outside)
    assert (outside["cwd"] / "report.html").stat().st_size > 10_000


def test_the_command_of_the_wheel_examines_itself(environment, outside):
    said = run(environment.with_name("twin"), "doctor", **outside)
    assert [line for line in said.splitlines() if line.startswith("problem")] == []
