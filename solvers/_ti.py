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

_functions = []
_program = None  # that they were compiled for


def function(python):
    """A function of the compiled code, not inlined; compiled anew when Taichi is started anew.

    A kernel can call one of them: of several, Taichi's cache on disk notes the bodies in the order
    of their places in memory, and would find a kernel there in some runs but not in others.
    """
    compiled = ti.real_func(python)
    compiled.func.do_compile = functools.partial(_compile, compiled.func.do_compile)
    _functions.append(compiled.func)
    return compiled


def _compile(do_compile, **how):
    """Compile a function so that kernels which call it differ from those that call another.

    Taichi 1.7 takes kernels of the same text and the same body of the functions they call for one;
    but it writes bodies down only while its cache on disk is in use.
    """
    config = ti.lang.impl.get_runtime().prog.config()
    in_use, config.offline_cache = config.offline_cache, True
    try:
        do_compile(**how)
    finally:
        config.offline_cache = in_use


def _renew(program):
    """Have functions compiled anew if they were for another program, as kernels are."""
    global _program
    if _program is not program:
        _program = program
        for known in _functions:
            known.compiled, known.taichi_functions = None, {}


def kernel(python):
    """A ti.kernel that starts Taichi when needed, in a forked process refuses, and takes turns."""
    compiled = ti.kernel(python)
    shortcut = Shortcut(compiled._primal, ti)

    @functools.wraps(python)
    def launch(*args):
        with runtime.launch_lock:
            device = runtime.start()
            if device.is_cpu and shortcut.launch(device.program, args):
                return
            _renew(device.program)
            compiled(*args)
            if device.is_cpu:
                shortcut.learn(device.program)

    return launch


__all__ = ["function", "kernel", "ti"]
