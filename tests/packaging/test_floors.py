"""Imports point down, only public names of another package are used, Taichi has one door."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"microstructures": 0, "solvers": 1, "twin": 2, "studies": 3}
SOURCES = sorted(path for name in FLOORS for path in (ROOT / name).rglob("*.py"))
KERNELS = sorted((ROOT / "solvers" / "_kernels").glob("*.py"))


def imported(path):
    """Every dotted name that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports out, from {node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_point_down_and_name_public_things_only(path):
    home = path.relative_to(ROOT).parts[0]
    for dotted in imported(path):
        package, *rest = dotted.split(".")
        if package not in FLOORS or package == home:
            continue
        assert FLOORS[package] < FLOORS[home], f"{name(path)} imports {dotted}, a floor above"
        private = [part for part in rest if part.startswith("_")]
        assert not private, f"{name(path)} imports {dotted}, which is private to {package}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_taichi_is_imported_in_one_place(path):
    if path != ROOT / "solvers" / "_ti.py":
        assert not [dotted for dotted in imported(path) if dotted.split(".")[0] == "taichi"]


@pytest.mark.parametrize("path", KERNELS, ids=name)
def test_kernels_know_nothing_but_taichi_and_each_other(path):
    ours = ("solvers._ti.", "solvers._kernels.")
    others = [dotted for dotted in imported(path) if not dotted.startswith(ours)]
    assert not [d for d in others if d.split(".")[0] not in sys.stdlib_module_names]
