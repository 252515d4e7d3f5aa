"""CaseMaker: cases of the points of one recipe, with the hashes of their files."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microstructures.errors import InvalidInputError
from studies.case import Case, task_function
from studies.recipe import with_values, without_units


class CaseMaker:
    """Makes cases of points. Every file is read once, however many cases have it.

    Args:
        task: importable name of what is computed.
        recipe: with units or without.
        modules: folder with the module of the task, if that is not installed.

    Raises:
        InvalidInputError: no such task.
    """

    def __init__(self, task: str, recipe: Mapping[str, Any], modules: Any = None) -> None:
        self._modules = "" if modules is None else str(Path(modules).absolute())
        self._task, self._function = task, task_function(task, self._modules)
        self._recipe = without_units(recipe)
        self._hashes: dict[str, str] = {}

    def of(self, point: Mapping[str, Any]) -> Case:
        """The case of a point.

        Raises:
            InvalidInputError: a parameter that leads nowhere, or a file that cannot be read.
        """
        recipe = with_values(self._recipe, point)
        inputs, paths = self._files(recipe)
        version: int = self._function.VERSION  # type: ignore[attr-defined]
        return Case(self._task, version, recipe, inputs, paths, dict(point), self._modules)

    def check(self, case: Case) -> None:
        """Ask the task whether it can run a case. Raises InvalidInputError if it cannot."""
        if (check := getattr(self._function, "check", None)) is not None:
            check(case.resolved())

    def _files(self, recipe: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """Hash and path of the file of the volume, whose place in the recipe gets its name."""
        volume = recipe.get("volume")
        if not isinstance(volume, Mapping) or "file" not in volume:
            return {}, {}
        path = str(Path(str(volume["file"])).absolute())
        if path not in self._hashes:
            self._hashes[path] = content_hash(Path(path))
        recipe["volume"] = dict(volume) | {"file": "@volume"}
        return {"volume": self._hashes[path]}, {"volume": path}


def content_hash(path: Path) -> str:
    """sha256 of a file, or of all files of a folder in the order of their names.

    Raises:
        InvalidInputError: it cannot be read.
    """
    total = hashlib.sha256()
    try:
        files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        for file in files:
            with file.open("rb") as opened:
                total.update(hashlib.file_digest(opened, "sha256").digest())
    except OSError as error:
        raise InvalidInputError(
            f"volume.file {str(path)!r} cannot be read ({error.strerror}): look at the path"
        ) from None
    return total.hexdigest()


def check_unchanged(cases: "list[Case]") -> None:
    """Raises InvalidInputError if a file of the cases is not what it was when they were made."""
    known = {(path, case.inputs[name]) for case in cases for name, path in case.paths.items()}
    for path, known_hash in sorted(known):
        if content_hash(Path(path)) != known_hash:
            raise InvalidInputError(
                f"{path} has changed since the study was made: make the study again"
            )
