"""The one import of PyBaMM: lazily, without telemetry, with a remedy where it is missing."""

import os
from types import ModuleType

from microstructures.errors import InvalidInputError


def pybamm() -> ModuleType:
    """The module. Raises InvalidInputError if it is not installed."""
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    try:
        import pybamm as module
    except ImportError as error:
        raise InvalidInputError(
            f"cells are run by PyBaMM, which is not installed ({error}): "
            "pip install 'electrode-twin[cell]'; figures of merit need no cell"
        ) from error
    return module
