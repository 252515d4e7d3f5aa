"""Measurements with their errors, that a model can be calibrated with.

SI units, per area of the electrode. What a model makes of its values is simulated: a ``Cell`` by
PyBaMM, anything with a method ``impedance`` by that; an array is taken as it is; ``simulate`` says
what else to do.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance.cell import Cell, area
from twin.performance.discharges import Discharge, at_temperature, run_at
from twin.performance.spectra import spectrum

Values: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Simulate: TypeAlias = Callable[[Any], ArrayLike]
SMOOTH = 1e-4  # step of differences, in e-folds, for what is computed to round-off
ROUGH = 2e-2  # and for discharges: PyBaMM's steps in time scatter capacities by some 1e-4


class CalibrationWarning(UserWarning):
    """The data do not determine an unknown, or the model does not describe the data."""


class Measurement(Protocol):
    """What ``calibrate`` asks of data."""

    @property
    def has_errors(self) -> bool:
        """Whether standard deviations are known; else the residuals tell their size."""

    def residuals(self, thing: Any) -> Values:
        """(Simulated - measured) over the standard deviations, or over weights; shape (n,).

        Raises:
            InvalidInputError: what is simulated has another shape than what was measured.
            ConvergenceError: a run failed, or gave a number that is not finite.
        """

    def step(self, thing: Any) -> float:
        """Relative change of an unknown that is well above the noise of the simulation."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredSpectrum:
    """Impedance of a cell at rest.

    Args:
        frequency: Hz, > 0, shape (n,).
        impedance: complex, in Ω m² (measured Ω times the area of the electrode), shape (n,);
            its imaginary part is negative where the electrode is capacitive.
        error: standard deviation of the noise of real and imaginary part each, > 0 in Ω m², one
            number or shape (n,); ``0.01 * abs(impedance)`` is the usual weighting by modulus with
            1 % of noise. None: weighting by modulus, with a noise that the residuals tell.
        charge: state of charge, 0…1; only for a ``Cell``, as the next two.
        temperature: K; by default that of the parameter set.
        model: "DFN", "SPMe" or "SPM".
        simulate: what makes the impedance of what the model returns, if that is anything else
            than a cell, an object with ``impedance(frequency)``, or the impedance itself.

    Raises:
        InvalidInputError: lengths differ, a number is not finite, or an error not > 0.

    Warns:
        CalibrationWarning: most imaginary parts are positive, as if −Z'' had been given.
    """

    frequency: Values
    impedance: Complex
    error: Values | float | None = None
    charge: float = 0.5
    temperature: float | None = None
    model: str = "DFN"
    simulate: Simulate | None = None

    def __post_init__(self) -> None:
        _set(self, "frequency", _list(self.frequency, "frequency", above=0.0))
        _set(self, "impedance", _list(self.impedance, "impedance", kind=np.complex128))
        _alike(self, "frequency", "impedance")
        _set(self, "error", _errors(self.error, len(self.impedance)))
        if np.mean(self.impedance.imag > 0) > 0.5:
            warnings.warn(
                "most imaginary parts of the impedance are positive: that of a capacitive "
                "electrode is negative, so change the sign if −Z'' was given",
                CalibrationWarning,
                stacklevel=3,
            )

    @property
    def has_errors(self) -> bool:
        """See ``Measurement``."""
        return self.error is not None

    def residuals(self, thing: Any) -> Values:
        """See ``Measurement``; all real parts, then all imaginary parts."""
        missed = _simulated(self._impedance(thing), self.impedance, complex) - self.impedance
        missed = missed / (np.abs(self.impedance) if self.error is None else self.error)
        return np.concatenate([missed.real, missed.imag])

    def step(self, thing: Any) -> float:
        """See ``Measurement``; PyBaMM solves linear systems here, without steps in time."""
        return SMOOTH

    def _impedance(self, thing: Any) -> ArrayLike:
        if self.simulate is not None:
            return self.simulate(thing)
        if isinstance(thing, Cell):
            return spectrum(
                thing,
                self.frequency,
                charge=self.charge,
                temperature=self.temperature,
                model=self.model,
            ).impedance
        return thing.impedance(self.frequency) if hasattr(thing, "impedance") else thing


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredRates:
    """Capacities at several currents, each from full to the lower voltage limit.

    Args:
        current: A/m², > 0, shape (n,). Currents, not rates: a rate would mean another current as
            soon as an unknown changes the nominal capacity.
        capacity: Ah/m², > 0, shape (n,).
        error: standard deviation of the capacities, > 0 in Ah/m², one number or shape (n,). None:
            the same for all, of a size that the residuals tell.
        temperature, model, simulate: as in ``MeasuredSpectrum``.

    Raises:
        InvalidInputError: lengths differ, a number is not > 0, or an error not > 0.
    """

    current: Values
    capacity: Values
    error: Values | float | None = None
    temperature: float | None = None
    model: str = "DFN"
    simulate: Simulate | None = None

    def __post_init__(self) -> None:
        _set(self, "current", _list(self.current, "current", above=0.0))
        _set(self, "capacity", _list(self.capacity, "capacity", above=0.0))
        _alike(self, "current", "capacity")
        _set(self, "error", _errors(self.error, len(self.capacity)))

    @property
    def has_errors(self) -> bool:
        """See ``Measurement``."""
        return self.error is not None

    def residuals(self, thing: Any) -> Values:
        """See ``Measurement``."""
        missed = _simulated(self._capacity(thing), self.capacity) - self.capacity
        return missed / (1.0 if self.error is None else self.error)

    def step(self, thing: Any) -> float:
        """See ``Measurement``."""
        return ROUGH if isinstance(thing, Cell) else SMOOTH

    def _capacity(self, thing: Any) -> ArrayLike:
        if self.simulate is not None:
            return self.simulate(thing)
        if not isinstance(thing, Cell):
            return thing
        return [run.capacity for run in _runs(thing, self.current, self.model, self.temperature)]


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredDischarge:
    """Voltage during one discharge from full at constant current.

    Args:
        current: A/m², > 0.
        capacity: charge taken so far, ≥ 0 in Ah/m², shape (n,), rising.
        voltage: V, shape (n,).
        error: standard deviation of the voltages, > 0 in V, one number or shape (n,). Points of
            one curve that miss the model together are not independent: take few of them, or a
            larger error. None: the same for all, of a size that the residuals tell.
        temperature, model, simulate: as in ``MeasuredSpectrum``.

    Raises:
        InvalidInputError: lengths differ, a number is not finite, or an error not > 0.

    Accuracy: beyond the simulated capacity the lower voltage limit is taken; between the points of
        the simulated curve, linear: leave out the last few per cent of the capacity.
    """

    current: float
    capacity: Values
    voltage: Values
    error: Values | float | None = None
    temperature: float | None = None
    model: str = "DFN"
    simulate: Simulate | None = None

    def __post_init__(self) -> None:
        _list([self.current], "current", above=0.0)
        _set(self, "capacity", _list(self.capacity, "capacity"))
        _set(self, "voltage", _list(self.voltage, "voltage"))
        _alike(self, "capacity", "voltage")
        if np.any(self.capacity < 0) or np.any(np.diff(self.capacity) <= 0):
            raise InvalidInputError("capacity does not rise from ≥ 0: sort the points by time")
        _set(self, "error", _errors(self.error, len(self.voltage)))

    @property
    def has_errors(self) -> bool:
        """See ``Measurement``."""
        return self.error is not None

    def residuals(self, thing: Any) -> Values:
        """See ``Measurement``."""
        missed = _simulated(self._voltage(thing), self.voltage) - self.voltage
        return missed / (1.0 if self.error is None else self.error)

    def step(self, thing: Any) -> float:
        """See ``Measurement``."""
        return ROUGH if isinstance(thing, Cell) else SMOOTH

    def _voltage(self, thing: Any) -> ArrayLike:
        if self.simulate is not None:
            return self.simulate(thing)
        if not isinstance(thing, Cell):
            return thing
        (run,) = _runs(thing, np.array([self.current]), self.model, self.temperature)
        return np.interp(self.capacity, run.capacities, run.voltage)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Numbers of any kind: a resistance by direct current, a conductivity, a porosity.

    Args:
        numbers: shape (n,).
        error: standard deviation, > 0 in the same unit, one number or shape (n,); None as in
            ``MeasuredRates``.
        simulate: what makes them of what the model returns; by default that is taken itself.

    Raises:
        InvalidInputError: lengths differ, a number is not finite, or an error not > 0.
    """

    numbers: Values
    error: Values | float | None = None
    simulate: Simulate | None = None

    def __post_init__(self) -> None:
        _set(self, "numbers", _list(self.numbers, "numbers"))
        _set(self, "error", _errors(self.error, len(self.numbers)))

    @property
    def has_errors(self) -> bool:
        """See ``Measurement``."""
        return self.error is not None

    def residuals(self, thing: Any) -> Values:
        """See ``Measurement``."""
        found = thing if self.simulate is None else self.simulate(thing)
        missed = _simulated(found, self.numbers) - self.numbers
        return missed / (1.0 if self.error is None else self.error)

    def step(self, thing: Any) -> float:
        """See ``Measurement``; for runs of PyBaMM in ``simulate``, pass a step to ``calibrate``."""
        return SMOOTH


def _runs(
    cell: Cell, currents: Values, model: str, temperature: float | None
) -> tuple[Discharge, ...]:
    chosen, values = cell.model(model), at_temperature(cell.parameter_values(), temperature)
    one_hour = values["Nominal cell capacity [A.h]"] / area(values)
    found = tuple(run_at(chosen, values, float(current / one_hour)) for current in currents)
    for run in found:
        if run.status != "ok":
            raise ConvergenceError(f"no discharge at {run.current:.4g} A/m²: {run.status}", run)
    return found


def _simulated(found: Any, measured: NDArray[Any], kind: type = float) -> NDArray[Any]:
    try:
        numbers = np.asarray(found)
        real = kind is complex or not np.iscomplexobj(numbers)
        numbers = np.atleast_1d(numbers.astype(kind)) if real else numbers
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"the model gives {found!r}, which is no list of numbers: say with simulate=… what "
            "makes them of it"
        ) from None
    if not real or numbers.shape != measured.shape:
        raise InvalidInputError(
            f"the model gives {'real' if real else 'complex'} numbers of shape {numbers.shape}, "
            f"but {measured.dtype} of shape {measured.shape} was measured: give one for each point"
        )
    if not np.all(np.isfinite(numbers)):
        raise ConvergenceError("the model gave a number that is not finite", numbers)
    return numbers


def _list(
    given: Any, name: str, *, above: float = -np.inf, kind: type[np.generic] = np.float64
) -> NDArray[Any]:
    """A copy that cannot be written to. Raises InvalidInputError."""
    try:
        numbers = np.array(given, dtype=kind)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{name} {given!r} is no list of numbers in SI units") from None
    if numbers.ndim != 1 or not numbers.size:
        raise InvalidInputError(f"{name} has shape {numbers.shape}: give a list, shape (n,)")
    bad = ~np.isfinite(numbers) | (numbers.real <= above)
    if np.any(bad):
        limit = f" > {above:g}" if np.isfinite(above) else ""
        raise InvalidInputError(
            f"{name} has {numbers[bad][0]} at position {int(np.argmax(bad))}: give finite numbers"
            f"{limit}, and leave out points that were not measured"
        )
    numbers.setflags(write=False)
    return numbers


def _errors(given: Any, length: int) -> Values | None:
    if given is None:
        return None
    numbers = np.array(given, dtype=float)
    if numbers.shape not in ((), (length,)):
        raise InvalidInputError(
            f"error has shape {numbers.shape}: give one number, or one for each of {length} points"
        )
    return _list(np.broadcast_to(numbers, (length,)), "error", above=0.0)


def _alike(data: Any, one: str, other: str) -> None:
    lengths = len(getattr(data, one)), len(getattr(data, other))
    if lengths[0] != lengths[1]:
        raise InvalidInputError(
            f"{one} has {lengths[0]} points and {other} {lengths[1]}: give one for each"
        )


def _set(data: Any, name: str, value: Any) -> None:
    object.__setattr__(data, name, value)
