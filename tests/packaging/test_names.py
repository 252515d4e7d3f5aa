"""No public function shares a submodule's name, and every public name is there."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("microstructures", "solvers", "twin", "studies")
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for floor in FLOORS
    for path in (ROOT / floor).rglob("__init__.py")
    if not any(part.startswith("_") for part in path.parent.relative_to(ROOT).parts)
)


def import_everything():
    for floor in FLOORS:
        package = importlib.import_module(floor)
        for module in pkgutil.walk_packages(package.__path__, f"{floor}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def exported_submodules(package):
    """Submodules that a package's ``__init__`` exports as such."""
    tree = ast.parse(Path(package.__file__).read_text())
    lists = [
        word.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "submodules"
    ]
    return {name for found in lists for name in ast.literal_eval(found)}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_what_it_says_once_all_submodules_are_imported(name):
    import_everything()
    package = importlib.import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    for public in package.__all__:
        thing = getattr(package, public)
        if public in exported_submodules(package):
            assert isinstance(thing, ModuleType)
        else:
            assert public not in modules, f"{name}.{public} is a function and a submodule"
            assert not isinstance(thing, ModuleType)


@pytest.mark.parametrize("name", FLOORS)
def test_every_package_exports_something(name):
    assert importlib.import_module(name).__all__
