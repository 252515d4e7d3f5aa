"""Phase names and ids: checking the table of a volume and looking phases up in it."""

import difflib
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from microstructures.errors import InvalidVolumeError, UnknownPhaseError

Phase: TypeAlias = str | int | np.integer
"""A phase, by name or by id."""


def phase_table(
    phases: Mapping[int, str] | None, fractions: Mapping[int, float], outside: int | None
) -> Mapping[int, str]:
    """Names of all phases, checked against the labels that occur (id → voxel fraction)."""
    if phases is None:
        phases = {label: f"phase {label}" for label in fractions if label != outside}
    names = {_checked_id(label): _checked_name(name) for label, name in phases.items()}
    table = dict(sorted(names.items()))
    _refuse_duplicates(table)
    if outside is not None and outside in table:
        raise InvalidVolumeError(
            f"label {outside} is both phase {table[outside]!r} and outside: remove it from phases"
        )
    unnamed = {
        label: f for label, f in fractions.items() if label not in table and label != outside
    }
    if unnamed:
        raise InvalidVolumeError(_unnamed_message(unnamed, table))
    return MappingProxyType(table)


def find_phase(phase: Phase, phases: Mapping[int, str]) -> int:
    """Id of a phase given by name or id."""
    if isinstance(phase, str):
        for label, name in phases.items():
            if name == phase:
                return label
    elif isinstance(phase, int | np.integer) and not isinstance(phase, bool) and phase in phases:
        return int(phase)
    raise UnknownPhaseError(_unknown_message(phase, phases))


def _checked_id(label: object) -> int:
    if isinstance(label, bool) or not isinstance(label, int | np.integer):
        raise InvalidVolumeError(
            f"phase id {label!r} is not an integer: write phases as {{0: 'pore', 1: 'NMC'}}"
        )
    if not 0 <= label <= 65535:
        raise InvalidVolumeError(f"phase id {label} is outside 0…65535: relabel the volume")
    return int(label)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or _has_control(name):
        raise InvalidVolumeError(
            f"phase name {name!r} is empty or no text: give every phase a printable name"
        )
    return name


def _has_control(name: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in name)


def _refuse_duplicates(table: Mapping[int, str]) -> None:
    names = list(table.values())
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidVolumeError(
            f"phase names must be unique, but {repeated} occur twice: rename or relabel"
        )


def _unnamed_message(unnamed: Mapping[int, float], table: Mapping[int, str]) -> str:
    found = ", ".join(f"{label} ({100 * f:.2f} %)" for label, f in list(unnamed.items())[:8])
    more = f" and {len(unnamed) - 8} more" if len(unnamed) > 8 else ""
    grey = (
        "; so many values look like a grey-scale image: segment it first"
        if len(unnamed) > 16
        else ""
    )
    known = ", ".join(f"{label}={name}" for label, name in table.items()) or "no phase"
    return (
        f"the labels hold {found}{more}, but phases names only {known}: "
        f"name them, relabel the volume, or pass outside=label{grey}"
    )


def _unknown_message(phase: object, phases: Mapping[int, str]) -> str:
    known = ", ".join(f"{label}={name!r}" for label, name in phases.items())
    close = difflib.get_close_matches(str(phase), phases.values(), n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"phase {phase!r} is not in this volume, which has {known}{hint}"
