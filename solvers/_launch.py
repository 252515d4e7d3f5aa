"""The short way into a compiled kernel.

Taichi examines all arguments anew at every launch. With twenty of them that takes 0.1 ms, as long
as a sweep over 60 000 voxels. On a CPU, kernels that take plain numbers and vectors are therefore
called as Taichi itself does in the end. Whatever does not fit goes the long way, errors included.
"""

from typing import Any

import numpy as np

WHOLE, REAL = "whole", "real"


class Shortcut:
    """Launches of one kernel with arguments of the declared types."""

    def __init__(self, kernel: Any, ti: Any) -> None:
        self.kernel = kernel
        self.plan = _plan(kernel.arguments, ti)
        self.program: Any = None
        self.compiled: Any = None
        self.code: Any = None

    def learn(self, program: Any) -> None:
        """Take over what the long way has compiled."""
        known = self.kernel.compiled_kernels
        if self.plan is None or len(known) != 1 or program.config().debug:
            return
        self.program, (self.compiled,) = program, known.values()
        self.code = program.compile_kernel(
            program.config(), program.get_device_caps(), self.compiled
        )

    def launch(self, program: Any, arguments: tuple[Any, ...]) -> bool:
        """False if the long way has to be taken."""
        if self.program is not program or self.plan is None or len(arguments) != len(self.plan):
            return False
        context = self.compiled.make_launch_context()
        for (place, kind), value in zip(self.plan, arguments, strict=True):
            if kind is WHOLE and isinstance(value, int):
                context.set_arg_int(place, value)
            elif kind is REAL and isinstance(value, float | int):
                context.set_arg_float(place, value)
            elif _is_vector(value, kind):
                address = value.__array_interface__["data"][0]
                context.set_arg_external_array_with_shape(
                    place, address, value.nbytes, value.shape, 0
                )
            else:
                return False
        program.launch_kernel(self.code, context)
        return True


def _plan(arguments: list[Any], ti: Any) -> list[tuple[tuple[int], Any]] | None:
    """Place and kind of each argument; None if there are others than numbers and vectors."""
    kinds = [_kind(argument.annotation, ti) for argument in arguments]
    return None if None in kinds else [((place,), kind) for place, kind in enumerate(kinds)]


def _kind(annotation: Any, ti: Any) -> Any:
    if annotation is ti.i32:
        return WHOLE
    if annotation is ti.f32 or annotation is ti.f64:
        return REAL
    if isinstance(annotation, ti.types.ndarray) and annotation.ndim == 1:
        names = {ti.f32: "f4", ti.f64: "f8", ti.u8: "u1", ti.u16: "u2", ti.i32: "i4"}
        return np.dtype(names[annotation.dtype]) if annotation.dtype in names else None
    return None


def _is_vector(value: Any, dtype: Any) -> bool:
    return (
        type(value) is np.ndarray
        and value.dtype == dtype
        and value.ndim == 1
        and value.flags.c_contiguous
    )
