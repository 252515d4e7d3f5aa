"""Aside: files that are there whole or not at all."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_aside(path: Path, write: Callable[[Path], Any]) -> None:
    """Have ``write`` make a file beside ``path``, which then takes its place.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
