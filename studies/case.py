"""Case: one point of a study, known by the hash of all that its result depends on."""

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError

if TYPE_CHECKING:
    from studies.tasks import Outcome

DIGEST_BYTES = 16
EXACT = 2.0**53  # below which every integer is a float


def canonical(value: Any) -> str:
    """Text that is the same for equal things: ``as_json`` with 2.0 as 2.

    Raises:
        InvalidInputError: something that JSON cannot hold, infinities and NaN among it.
    """
    return as_json(_whole(_plain(value)))


def as_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and floats in full.

    Raises:
        InvalidInputError: something that JSON cannot hold, infinities and NaN among it.
    """
    try:
        return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{value!r} cannot be stored as JSON: {error}") from None


def digest(text: str | bytes) -> str:
    """blake2b of a text, 32 hexadecimal digits."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


@dataclass(frozen=True)
class Case:
    """One point of a study.

    Args:
        task: importable name "package.module:function" of what is computed.
        version: of the physics in it, its ``VERSION``: another one is another case.
        recipe: everything that the task is given, as JSON can hold it; "@name" for a file.
        inputs: content hashes of those files, by name.
        paths: where the files are, by name; a file that moves changes no case.
        parameters: of the design, by name: those by which the cases differ.
        modules: folder with the module of the task if it is not installed; it may move as well.

    Raises:
        InvalidInputError: a recipe that JSON cannot hold.
    """

    task: str
    version: int
    recipe: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    modules: str = ""
    key: str = field(init=False)

    def __post_init__(self) -> None:
        about = [self.task, self.version, dict(self.recipe), dict(self.inputs)]
        object.__setattr__(self, "key", digest(canonical(about)))

    def to_json(self) -> str:
        """The case as text, from which ``of_json`` makes it again."""
        return as_json(
            {
                "task": self.task,
                "version": self.version,
                "recipe": self.recipe,
                "inputs": self.inputs,
                "paths": self.paths,
                "parameters": self.parameters,
                "modules": self.modules,
            }
        )

    def resolved(self) -> dict[str, Any]:
        """The recipe with the paths of its files."""
        found: dict[str, Any] = _with_paths(self.recipe, self.paths)
        return found

    @classmethod
    def of_json(cls, text: str) -> "Case":
        """The case that ``to_json`` wrote."""
        return cls(**json.loads(text))


def task_function(name: str, modules: str = "") -> "Callable[[Mapping[str, Any]], Outcome]":
    """The function of an importable name; ``modules`` is a folder to look into as well.

    Raises:
        InvalidInputError: there is none, it has no VERSION, or another module has its name.
    """
    found = imported(name, modules, "task")
    if not isinstance(getattr(found, "VERSION", None), int):
        raise InvalidInputError(
            f"task {name!r} has no VERSION: mark it with @studies.task(version=1), and count it up "
            "when its results change"
        )
    return found


def imported(name: str, modules: str, kind: str) -> Callable[..., Any]:
    """The function "package.module:function", a task or whatever ``kind`` says.

    Raises:
        InvalidInputError: there is none, or another module has its name.
    """
    module, colon, function = name.partition(":")
    if not (module and colon and function) or module == "__main__":
        raise InvalidInputError(
            f"{kind} {name!r} is no importable name: write package.module:function; a function of "
            "a notebook or script cannot be found by workers, so put it into a module"
        )
    try:
        found = getattr(_module(module, modules), function)
    except InvalidInputError:
        raise
    except Exception as error:  # whatever the module does
        said = f"{type(error).__name__}: {error}"
        raise InvalidInputError(f"{kind} {name!r} cannot be imported: {said}") from error
    if not callable(found):
        raise InvalidInputError(f"{kind} {name!r} is no function")
    called: Callable[..., Any] = found
    return called


def _module(name: str, folder: str) -> ModuleType:
    """A module, of a folder if that has it."""
    if folder and folder not in sys.path:
        sys.path.append(folder)  # last: it hides nothing that is installed
    if name not in sys.modules:
        importlib.invalidate_caches()
    module = importlib.import_module(name)
    top = name.partition(".")[0]
    here = [Path(folder, f"{top}.py"), Path(folder, top, "__init__.py")]
    meant = [path for path in here if folder and path.exists()]
    found = getattr(sys.modules[top], "__file__", None)
    if meant and (found is None or not meant[0].samefile(found)):
        raise InvalidInputError(
            f"module {top!r} of {folder} has the name of another, which is {found}: rename it"
        )
    return module


def _with_paths(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_paths(one, paths) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_paths(one, paths) for one in value]
    if isinstance(value, str) and value.startswith("@") and value[1:] in paths:
        return paths[value[1:]]
    return value


def _plain(value: Any) -> Any:
    """Tuples as lists, numbers of NumPy as Python's, mappings with text for keys."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        return _plain(value.item())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return value + 0.0  # no negative zero
    return value


def _whole(value: Any) -> Any:
    """Whole floats as integers, as far as floats can tell integers apart."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    return value
