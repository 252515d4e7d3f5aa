"""Files of a card: written beside their place under another name, then renamed into it."""

import contextlib
import csv
import io
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from microstructures.errors import InvalidInputError


def write_json(content: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of a JSON file with ``content``. Raises InvalidInputError."""
    return write_text(json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1), path)


def write_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], path: str | os.PathLike[str]
) -> Path:
    """The path of a CSV file with a header. Raises InvalidInputError."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return write_text(text.getvalue(), path)


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """The path of a file with ``text``, in UTF-8; its folder is created.

    Raises:
        InvalidInputError: the place cannot be written to; nothing has changed.
    """
    target = Path(path)
    if not target.name or target.is_dir():
        raise InvalidInputError(f"{path!r} is a folder: name a file in it")
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(target)
    except OSError as error:
        raise InvalidInputError(
            f"{target} cannot be written ({error.strerror or error}): choose another place, or "
            "free some space"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # there only if something, Ctrl-C included, went wrong
            aside.unlink()
    return target
