"""Composition: which mixtures of active material and electrolyte are wired on both sides. SI units.

Electrons need a network of active material from the collector, ions one of electrolyte from the
separator. Between the two percolation thresholds lies the window in which an electrode works, and
it moves with the ratio of the particle sizes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from studies._card_values import number
from studies._volumes import check_keys
from studies.answer import Answer
from studies.design import Grid
from studies.ready.percolation import Threshold, threshold
from studies.ready.pieces import refuse_others, results
from studies.study import Study
from studies.tasks import Outcome, task
from studies.values import known_parameters

if TYPE_CHECKING:
    import os

    import pandas as pd

    from twin.report.embedded import Figure

NETWORKS = "studies.ready.composition:networks"
SHARE, RATIO, SEED = "mixture.active_share", "mixture.size_ratio", "mixture.seed"
MIXTURE = {
    "shape": [40, 40, 40],
    "spacing": 5e-7,
    "active_radius": 2e-6,
    "active_share": 0.5,
    "size_ratio": 1.0,
    "solid": 0.6,
    "seed": 0,
}
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ACTIVE, ELECTROLYTE = "active", "electrolyte"
FOUND = ("utilisation", "active_spans", "electrolyte_spans")
FEW_SEEDS = 4  # below which thresholds are no better than the step of the composition


def composition_sweep(
    shares: Sequence[float] = SHARES,
    *,
    size_ratios: Sequence[float] = (1.0, 1.5, 2.0),
    seeds: Sequence[int] = (0, 1, 2, 3, 4, 5),
    mixture: Mapping[str, Any] | None = None,
    folder: "str | os.PathLike[str]" = "composition.study",
    **about: Any,
) -> Study:
    """A study of packings of active material and electrolyte, and of what each network reaches.

    Args:
        shares: of active material in the volume of the solids, 0…1.
        size_ratios: radius of the active particles over that of the electrolyte's, > 0.
        seeds: of the packings.
        mixture: what differs from ``MIXTURE``: shape in voxels, spacing and active_radius in m,
            solid, the fraction of the volume that particles fill.
        folder: of the store.
        about: further arguments of ``Study``, such as ``name``.

    Raises:
        InvalidInputError: a mixture that cannot be, or an empty design.
    """
    levels: dict[str, Sequence[Any]] = {
        SHARE: list(shares),
        RATIO: list(size_ratios),
        SEED: seeds,
    }
    given = {"name": "composition", "questions": {"percolation_window": {}}} | about
    recipe = {"mixture": {**MIXTURE, **(mixture or {})}}
    return Study(recipe, Grid(levels), folder, task=NETWORKS, **given)


def check_mixture(recipe: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a recipe of ``networks`` that cannot be run."""
    check_keys(recipe, ("mixture",), "the study")
    mixture = recipe.get("mixture", {})
    check_keys(mixture, tuple(MIXTURE), "[mixture]")
    if lacking := [name for name in MIXTURE if name not in mixture]:
        raise InvalidInputError(f"[mixture] lacks {', '.join(lacking)}")
    for name in ("active_share", "solid"):
        if not 0.0 < mixture[name] < 1.0:
            raise InvalidInputError(f"{name} is {mixture[name]!r}: give a share inside 0…1")
    for name in ("active_radius", "size_ratio", "spacing"):
        if not mixture[name] > 0.0:
            raise InvalidInputError(f"{name} is {mixture[name]!r}: give a number above 0")


@task(version=1, check=check_mixture)
def networks(recipe: Mapping[str, Any]) -> Outcome:
    """A packing of active material and electrolyte, and what each of its networks reaches.

    The recipe has ``mixture``, see ``MIXTURE``. Found are whether each phase spans the thickness
    (1 or 0), the shares of ``solvers.utilisation``, and the area between the two phases.
    """
    import solvers
    from twin.manufacturing import generate_electrode

    mixture = recipe["mixture"]
    radius, share = mixture["active_radius"], mixture["active_share"]
    made, report = generate_electrode(
        tuple(mixture["shape"]),
        mixture["spacing"],
        {
            ACTIVE: {"fraction": share * mixture["solid"], "radius": radius},
            ELECTROLYTE: {
                "fraction": (1.0 - share) * mixture["solid"],
                "radius": radius / mixture["size_ratio"],
            },
        },
        rng=mixture["seed"],
    )
    used = solvers.utilisation(made, ACTIVE, ELECTROLYTE)
    area = solvers.interface_areas(made)[ACTIVE, ELECTROLYTE]
    spans = {phase: solvers.connectivity(made, phase) for phase in (ACTIVE, ELECTROLYTE)}
    values = {
        "active_spans": number(float(spans[ACTIVE].percolates)),
        "electrolyte_spans": number(float(spans[ELECTROLYTE].percolates)),
        "active_connected": number(used.wired),
        "electrolyte_connected": number(used.electrolyte),
        "utilisation": number(used.value),
        "contact_area": number(float(area.value), "m²/m³", float(area.uncertainty)),
        "largest_overlap": number(report.figures["largest_overlap"]),
    }
    return Outcome(values, provenance={"warnings": list(report.warnings), "volume": made.sha256})


def percolation_window(study: Study, *, where: Mapping[str, Any] | None = None) -> Answer:
    """Between which compositions both networks span, for each ratio of sizes.

    Args:
        study: of ``networks``, with several active_share and seed, and perhaps size_ratio.
        where: values of other parameters, {"mixture.solid": 0.6}.

    Raises:
        InvalidInputError: another study, parameters that are left open, or no ratio at which both
            thresholds are seen.
    """
    known_parameters(study, (SHARE, SEED))
    found = results(study, FOUND, where)
    refuse_others(found, (SHARE, RATIO, SEED))
    rows = found.rows
    ratios = sorted(rows[RATIO].unique()) if RATIO in rows else [_ratio(study)]
    parts = [rows[rows[RATIO] == ratio] if RATIO in rows else rows for ratio in ratios]
    windows = [_window(float(r), part) for r, part in zip(ratios, parts, strict=True)]
    if not any(window.is_seen for window in windows):
        said = "; ".join(text for window in windows for text in window.unseen)
        raise InvalidInputError(f"no window is seen: {said}")
    return Answer(
        "Which compositions are wired on both sides?",
        "\n\n".join(
            [_introduced(study, str(rows.index[0])), *(window.told() for window in windows)]
        ),
        _values(windows),
        _table(windows),
        (_map(rows, windows, parts), _curves(windows, parts)),
        (*found.left_out, *_doubts(windows, rows)),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """Thresholds of one size ratio, in the share of active material; None if not seen.

    ``active`` is where active material begins to span, ``electrolyte`` where electrolyte ceases.
    ``best`` is the share with most active material in use per volume of solids, ``used`` that part
    and its standard error.
    """

    ratio: float
    active: Threshold | None
    electrolyte: Threshold | None
    unseen: tuple[str, ...]
    best: float
    used: tuple[float, float]

    @property
    def is_seen(self) -> bool:
        """Whether both ends are."""
        return self.active is not None and self.electrolyte is not None

    def told(self) -> str:
        """In words."""
        ends = [f"At a size ratio of {self.ratio:g}"]
        if self.active and self.electrolyte:
            width = self.electrolyte.middle - self.active.middle
            error = math.hypot(self.electrolyte.error, self.active.error)
            ends.append(
                f"half of the packings are wired from {_percent(self.active)} of active material "
                f"on, and lose the electrolyte at {_percent(self.electrolyte)}: the window is "
                f"{100 * width:.3g} ± {100 * error:.2g} points wide, its ends smeared by "
                f"{100 * self.active.width:.2g} and {100 * self.electrolyte.width:.2g} points by "
                "the finite volume."
            )
        else:
            ends.append(f"the window is not seen whole: {'; '.join(self.unseen)}.")
        ends.append(
            f"Most active material in use per volume of solids, {100 * self.used[0]:.3g} ± "
            f"{100 * self.used[1]:.2g} %, is at {100 * self.best:.3g} %."
        )
        return " ".join(ends)


def _window(ratio: float, part: "pd.DataFrame") -> Window:
    shares = part[SHARE].to_numpy(float)
    found: dict[str, Threshold | None] = {}
    unseen = []
    for phase, own, sign in ((ACTIVE, shares, 1.0), (ELECTROLYTE, 1.0 - shares, -1.0)):
        try:
            one = threshold(own, part[f"{phase}_spans"].to_numpy() > 0.5)
        except InvalidInputError as error:
            found[phase] = None
            unseen.append(f"{phase}: {error}")
            continue
        middle = one.middle if sign > 0 else 1.0 - one.middle
        found[phase] = Threshold(middle, one.error, one.width, one.width_error, one.trials)
    use = (part["utilisation"] * part[SHARE]).groupby(part[SHARE])
    best = float(use.mean().idxmax())
    seeds = use.get_group(best)
    spread = float(seeds.std(ddof=1) / math.sqrt(len(seeds))) if len(seeds) > 1 else math.nan
    used = (float(seeds.mean()), spread)
    return Window(ratio, found[ACTIVE], found[ELECTROLYTE], tuple(unseen), best, used)


def _ratio(study: Study) -> float:
    return float(study.recipe["mixture"]["size_ratio"])


def _introduced(study: Study, key: str) -> str:
    """What was packed, since thresholds depend on it, as one of the cases says."""
    about = next(case for case in study.cases() if case.key == key).recipe["mixture"]
    radius, spacing = about["active_radius"], about["spacing"]
    edge = min(about["shape"]) * spacing / (2 * radius)
    return (
        f"Spheres of active material of {2e6 * radius:.3g} µm in diameter and of electrolyte fill "
        f"{100 * about['solid']:.3g} % of the volume, which is {edge:.2g} of these diameters wide. "
        "Shares are of the volume of the solids."
    )


def _percent(one: Threshold) -> str:
    return f"{100 * one.middle:.3g} ± {100 * one.error:.2g} %"


def _doubts(windows: list[Window], rows: "pd.DataFrame") -> tuple[str, ...]:
    doubts = [f"size ratio {w.ratio:g}, {text}" for w in windows for text in w.unseen]
    seeds = int(rows[SEED].nunique())
    if seeds < FEW_SEEDS:
        doubts.append(f"{seeds} seeds of each composition hardly tell where half of them span")
    if (overlap := float(rows["largest_overlap"].max())) > 0.02:
        doubts.append(
            f"particles overlap by up to {overlap:.0%} of a radius, so that they are better "
            "connected than hard ones: pack them less densely"
        )
    return tuple(doubts)


def _values(windows: list[Window]) -> dict[str, dict[str, Any]]:
    values = {}
    for window in windows:
        end = f", size ratio {window.ratio:g}"
        for name, one in (("from", window.active), ("to", window.electrolyte)):
            if one is not None:
                values[f"{name}{end}"] = number(one.middle, "1", one.error)
        values[f"best{end}"] = number(window.best)
        values[f"in use{end}"] = number(window.used[0], "1", window.used[1])
    return values


def _table(windows: list[Window]) -> "pd.DataFrame":
    import pandas as pd

    def of(one: Threshold | None, name: str) -> float:
        return math.nan if one is None else float(getattr(one, name))

    return pd.DataFrame(
        {
            "size ratio": [w.ratio for w in windows],
            "wired from": [of(w.active, "middle") for w in windows],
            "± from": [of(w.active, "error") for w in windows],
            "smeared by": [of(w.active, "width") for w in windows],
            "electrolyte until": [of(w.electrolyte, "middle") for w in windows],
            "± until": [of(w.electrolyte, "error") for w in windows],
            "smeared by ": [of(w.electrolyte, "width") for w in windows],
            "best share": [w.best for w in windows],
            "in use": [w.used[0] for w in windows],
            "± in use": [w.used[1] for w in windows],
        }
    )


def _map(rows: "pd.DataFrame", windows: list[Window], parts: "list[pd.DataFrame]") -> "Figure":
    from twin.report.embedded import figure
    from twin.report.figures import INK, chart, png, styled

    picture, axes = chart(6.0, 0.95 + 0.55 * max(len(windows), 3), names=1.2)
    axes.grid(visible=False)
    shares = np.sort(rows[SHARE].unique()).astype(float)
    use = np.array([[_mean_at(part, share) for share in shares] for part in parts])
    heights = np.arange(len(windows))
    mesh = axes.pcolormesh(
        100 * shares, heights, 100 * use, shading="nearest", cmap="viridis", vmin=0, vmax=100
    )
    for name, colour, label in (
        ("active", "white", "active begins to span"),
        ("electrolyte", "#ff9d5c", "electrolyte ceases to span"),
    ):
        ends = [getattr(window, name) for window in windows]
        seen = [(one, y) for one, y in zip(ends, heights, strict=True) if one is not None]
        axes.errorbar(
            [100 * one.middle for one, _ in seen],
            [y for _, y in seen],
            xerr=[100 * one.error for one, _ in seen],
            color=colour, marker="o", markersize=4, capsize=3, label=label,
        )  # fmt: skip
    axes.set_yticks(heights, [f"{window.ratio:g}" for window in windows])
    axes.set(xlabel="active material in the solids / vol%", ylabel="size ratio")
    axes.legend(
        fontsize=7, loc="lower center", ncol=2, facecolor=INK, labelcolor="white",
        bbox_to_anchor=(0.5, 1.0),
    )  # fmt: skip
    bar = picture.colorbar(mesh, cax=picture.add_axes((0.83, 0.2, 0.02, 0.6)))
    bar.set_label("active material in use / %")
    styled(bar.ax)
    alt = "share of active material in use over composition and size ratio"
    caption = (
        "Active material that is wired and touched by connected electrolyte, mean over seeds, and "
        "the two thresholds with their standard errors: the window lies between them."
    )
    return figure(png(picture), alt, caption)


def _mean_at(part: "pd.DataFrame", share: float) -> float:
    """NaN where there is no case."""
    return float(part.loc[part[SHARE] == share, "utilisation"].mean())


def _curves(windows: list[Window], parts: "list[pd.DataFrame]") -> "Figure":
    from twin.report.embedded import figure
    from twin.report.figures import chart, png

    picture, axes = chart(6.0, 2.9, names=1.75)
    for index, (window, part) in enumerate(zip(windows, parts, strict=True)):
        for phase, style in ((ACTIVE, "-"), (ELECTROLYTE, "--")):
            share = part.groupby(SHARE)[f"{phase}_spans"].mean()
            label = f"{phase}, ratio {window.ratio:g}"
            at = 100 * share.index.to_numpy(float)
            axes.plot(at, 100 * share, style, color=f"C{index}", marker=".", label=label)
    axes.set(xlabel="active material in the solids / vol%", ylabel="packings that span / %")
    axes.legend(
        frameon=False, fontsize=7, handlelength=3, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )
    alt = "share of packings in which each phase spans, over composition"
    caption = "Share of the packings in which a phase connects both ends of the volume."
    return figure(png(picture), alt, caption)
