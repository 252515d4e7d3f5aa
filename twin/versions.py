"""Versions on which numbers may depend, as results store them."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("electrode-twin", "numpy", "scipy", "taichi")


def versions() -> dict[str, str]:
    """Of Python and of the packages that compute, by name."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed as a package"
