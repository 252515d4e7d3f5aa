"""The one import of bpx: lazily, with a remedy where it is missing."""

import warnings
from types import ModuleType

from microstructures.errors import InvalidInputError


def bpx() -> ModuleType:
    """The module. Raises InvalidInputError if it is not installed."""
    try:
        with warnings.catch_warnings():  # bpx 1.1 uses names that pyparsing has renamed
            warnings.simplefilter("ignore", DeprecationWarning)
            import bpx as module
    except ImportError as error:
        raise InvalidInputError(
            f"BPX files are checked by bpx, which is not installed ({error}): "
            "pip install 'electrode-twin[cell]'"
        ) from error
    return module
