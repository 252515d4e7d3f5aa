"""PropertyCard: what characterize found of a volume, as one flat table of entries. SI units."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.results import Quantity, SolveReport, Uncertainty, finite
from twin._naming import pore_like
from twin.materials import Material

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from solvers.conductivity import Fields
    from twin.mechanics import MechanicalState
    from twin.performance.bpx_file import BpxFile
    from twin.performance.in_cell import Performance

SCHEMA = "electrode-twin/result/1"
COLUMNS = (
    "name",
    "phase",
    "axis",
    "value",
    "unit",
    "uncertainty",
    "uncertainty_kind",
    "resolution_error",
    "method",
    "status",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of a card.

    ``phase`` joins the phases of an interface or line with an en dash ("pore–NMC") and those that
    conduct together with a plus ("pore + CBD"); ``axis`` is None where direction has no meaning.
    ``value`` is inf where a path is blocked and NaN where a solve did not converge; ``status``
    ("ok", "does not percolate", "absent", "not converged") says so. ``resolution_error`` is the
    estimated error by the size of the voxels, None where there is no such estimate.
    """

    name: str
    phase: str | None
    axis: int | None
    value: float
    unit: str
    uncertainty: Uncertainty
    method: str
    status: str = "ok"
    report: SolveReport | None = None
    resolution_error: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain numbers and text; an infinite or undefined number becomes None."""
        row = {name: getattr(self, name) for name in COLUMNS if name != "uncertainty_kind"}
        return row | {
            "value": finite(self.value),
            "uncertainty": finite(self.uncertainty),
            "uncertainty_kind": self.uncertainty.kind,
            "resolution_error": finite(self.resolution_error),
        }

    def __str__(self) -> str:
        where = f" {self.phase}" if self.phase else ""
        along = "" if self.axis is None else f" along axis {self.axis}"
        return f"{self.name.replace('_', ' ')}{where}{along}: {self.number()}"

    def number(self) -> str:
        """Value, standard error and unit, or why there is none."""
        text = str(Quantity(self.value, self.unit, self.method, self.uncertainty))
        return text if self.status == "ok" else f"{text} ({self.status})"


@dataclass(frozen=True, eq=False)
class PropertyCard:
    """Geometry, transport and perhaps stress of a volume, and how they were obtained.

    ``materials`` is by phase name, None if none were given; ``fields`` are potential and flux of
    the pore along the through-plane axis; ``mechanics`` is the stress state, ``performance``
    what it does in a cell, None if none was asked for; ``seconds`` and ``created`` (ISO 8601, UTC)
    say how long the work took and when it ended.
    """

    volume: Volume
    materials: Mapping[str, Material] | None
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    seconds: float
    created: str
    fields: "Fields | None" = None
    mechanics: "MechanicalState | None" = None
    performance: "Performance | None" = None

    @property
    def pore(self) -> str | None:
        """The phase that holds the electrolyte, by material or name; None if none looks like it."""
        return pore_like(self.volume, self.materials)

    def entry(self, name: str, phase: Phase | None = None, axis: int | None = None) -> Entry:
        """The one entry of that name, phase and axis.

        Args:
            name: machine name such as "tortuosity_factor".
            phase: name or id; for several phases their names joined in any order by "–" (or "-")
                or " + "; None if only one phase has such an entry.
            axis: 0, 1, 2, or None for the through-plane axis or the only one there is.

        Raises:
            InvalidInputError: there is no such entry, or more than one.
        """
        from twin._lookup import find_entry

        return find_entry(self, name, phase, axis)

    def to_dict(self) -> dict[str, Any]:
        """The card as plain numbers and text, ready for JSON."""
        made_of = {name: m.to_dict() for name, m in (self.materials or {}).items()}
        return {
            "schema": SCHEMA,
            "created": self.created,
            "seconds": self.seconds,
            "volume": _about(self.volume),
            "quantities": [entry.to_dict() for entry in self.entries],
            "warnings": list(self.warnings),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "materials": made_of or None,
            "mechanics": None if self.mechanics is None else self.mechanics.to_dict(),
            "performance": None if self.performance is None else self.performance.to_dict(),
        }

    def to_frame(self) -> "pd.DataFrame":
        """The entries as a table, one row each; numbers that do not exist are NaN."""
        import pandas as pd

        return pd.DataFrame([entry.to_dict() for entry in self.entries], columns=list(COLUMNS))

    def diff(self, after: "PropertyCard") -> "pd.DataFrame":
        """What another card has more or less, a row for each number of either.

        Args:
            after: the card to compare with, as of the same electrode pressed.

        Returns:
            name, phase, axis, unit; before and after, NaN where a card lacks the number; change,
            and relative to before; uncertainty, the standard error of the change of independent
            volumes; significance, the change in such errors, NaN where there is none.

        Raises:
            InvalidInputError: ``after`` is no card.
        """
        from twin._card_diff import difference

        return difference(self, after)

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """The path of a JSON file with everything on the card, complete or not written at all.

        Raises:
            InvalidInputError: the place cannot be written to.
        """
        from twin._card_files import write_json

        return write_json(self.to_dict(), path)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """The path of a CSV file with a row per entry, complete or not written at all.

        Raises:
            InvalidInputError: the place cannot be written to.
        """
        from twin._card_files import write_csv

        return write_csv(COLUMNS, [entry.to_dict() for entry in self.entries], path)

    def to_bpx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        parameters: str = "Chen2020",
        side: Literal["positive", "negative"] = "positive",
        tolerance: float = 1e-3,
        **structure: Any,
    ) -> "BpxFile":
        """A full cell with this electrode in the exchange format BPX, and perhaps its JSON file.

        Args:
            path: of the file, complete or not written at all; None to write none.
            parameters: set of PyBaMM from which all comes that the card does not tell.
            side: which electrode this is; the other is made thicker or thinner to match.
            tolerance: see ``twin.performance.Cell.to_bpx``.
            structure: see ``twin.performance.ElectrodeStructure.of_card``: thickness, active, or
                numbers to take instead of those of the card.

        Raises:
            InvalidInputError: the card lacks a number, an unknown set, or a place that cannot be
                written to.
        """
        from twin.performance._bpx_export import exported_card

        made = exported_card(self, parameters, side, structure, tolerance)
        if path is not None:
            made.to_json(path)
        return made

    def plot(
        self,
        beside: "Mapping[str, PropertyCard] | None" = None,
        *,
        quantities: Sequence[str] | None = None,
        name: str = "this card",
    ) -> "Figure":
        """A matplotlib figure: a panel for each quantity, bars with their standard errors.

        ``figure.savefig(path)`` writes it. Where a number does not exist, its place says why.

        Args:
            beside: cards to compare with, by what they are called.
            quantities: machine names such as "tortuosity_factor"; by default the usual ones.
            name: of this card, beside others.

        Raises:
            InvalidInputError: no card has such a quantity, or two have one name.
        """
        from twin.report import card_figures

        others = dict(beside or {})
        if name in others:
            raise InvalidInputError(f"two cards are called {name!r}: say name='something else'")
        return card_figures.drawn({name: self, **others}, quantities)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """The path of a self-contained HTML report, complete or not written at all.

        Raises:
            InvalidInputError: the place cannot be written to.
        """
        from twin import report

        report.write(self, path)
        return Path(path)

    def __repr__(self) -> str:
        from twin._lookup import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from twin._lookup import as_html

        return as_html(self)


def _about(volume: Volume) -> dict[str, Any]:
    origin = volume.provenance
    return {
        "shape": list(volume.shape),
        "spacing_m": list(volume.spacing),
        "phases": {str(label): name for label, name in volume.phases.items()},
        "sha256": volume.sha256,
        "source": origin.source,
        "through_axis": volume.through_axis,
        "collector": volume.collector,
        "outside": volume.outside,
        "provenance": {
            "source": origin.source,
            "sha256": origin.sha256,
            "history": list(origin.history),
        },
    }
