"""The one import of Taichi: the environment is set first, and every kernel launch is guarded."""

import functools
import os
import warnings

for _name, _value in {
    "ENABLE_TAICHI_HEADER_PRINT": "0",
    "TI_SKIP_VERSION_CHECK": "ON",  # otherwise ti.init posts to a server
    "TI_ENABLE_TORCH": "0",  # otherwise the first launch imports torch where it is installed
}.items():
    os.environ.setdefault(_name, _value)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import taichi as ti

from solvers import runtime  # noqa: E402
from solvers._launch import Shortcut  # noqa: E402


def kernel(function):
    """A ti.kernel that starts Taichi when needed, in a forked process refuses, and takes turns."""
    compiled = ti.kernel(function)
    shortcut = Shortcut(compiled._primal, ti)

    @functools.wraps(function)
    def launch(*args):
        with runtime.launch_lock:
            device = runtime.start()
            if device.is_cpu and shortcut.launch(device.program, args):
                return
            compiled(*args)
            if device.is_cpu:
                shortcut.learn(device.program)

    return launch


__all__ = ["kernel", "ti"]
