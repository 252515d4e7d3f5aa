"""The error tree: every exception this project raises on purpose.

TwinError
├── InvalidInputError (ValueError)       an argument is out of range or of the wrong kind
│   ├── InvalidVolumeError               labels, spacing, phases, or the file that should hold them
│   ├── InvalidMeshError                 a mesh file or array that is no mesh of hexahedra
│   └── UnknownPhaseError                a phase that the volume does not have
├── NotPercolatingError                  a finite number was required of a blocked phase
├── ConvergenceError (carries .report)   an iteration ended above its tolerance
├── MemoryBudgetError (MemoryError)      the job would not fit; nothing was allocated
└── RuntimeConflictError (RuntimeError)  the compute device asked for cannot be had

A message says what was received, what was wanted, and what to change.
"""

from typing import Any


class TwinError(Exception):
    """Root of all exceptions raised by microstructures, solvers, twin and studies."""


class InvalidInputError(TwinError, ValueError):
    """An argument is out of range or of the wrong kind."""


class InvalidVolumeError(InvalidInputError):
    """Labels, spacing or phases, or the file that should hold them, cannot be used."""


class InvalidMeshError(InvalidInputError):
    """A mesh file or array is not a mesh of hexahedra."""


class UnknownPhaseError(InvalidInputError):
    """A phase was named that the volume does not have."""


class NotPercolatingError(TwinError):
    """A finite number was required of a phase that does not connect the two electrodes."""


class ConvergenceError(TwinError):
    """An iteration ended above its tolerance; ``report`` says where."""

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.report)


class MemoryBudgetError(TwinError, MemoryError):
    """The job needs more memory than there is; nothing was allocated."""


class RuntimeConflictError(TwinError, RuntimeError):
    """The compute device asked for is missing, or another one is already running."""
