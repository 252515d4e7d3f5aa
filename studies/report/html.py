"""The page: a study as one self-contained HTML file, whose only scripts are its own, inline."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.aside import write_aside
from studies.report import asked, chapters, columns, data, figures, pictures, provenance, troubles
from studies.report.columns import Column
from studies.report.effects import Effect
from twin.report.definitions import TOPICS, Definition, base_name, definition, position

if TYPE_CHECKING:
    from jinja2 import Template

    from studies.case import Case
    from studies.store import Record
    from studies.study import Study

SCRIPTS = ("core.js", "charts.js", "parallel.js", "effects.js", "plane.js", "table.js", "start.js")
IN_TABLE = 6  # quantities in the table that needs no scripts
HEADLINES = 12


@dataclass(frozen=True)
class Content:
    """What the page is made of, a value for each case in the order of the design."""

    cases: "tuple[Case, ...]"
    statuses: tuple[str, ...]
    records: "tuple[Record | None, ...]"
    reasons: tuple[str, ...]
    columns: tuple[Column, ...]
    counts: Mapping[str, int]
    effects: Mapping[tuple[str, str], Effect]

    @property
    def keys(self) -> list[str]:
        """Of the cases."""
        return [case.key for case in self.cases]

    @property
    def parameters(self) -> list[Column]:
        """Those of the columns that the design gave."""
        return [column for column in self.columns if column.is_parameter]

    @property
    def headline(self) -> list[Column]:
        """Quantities that come first."""
        return columns.headline(self.columns, HEADLINES)


def write(study: "Study", path: str | os.PathLike[str]) -> Path:
    """The path of the study as one self-contained HTML file, complete or not written at all.

    Args:
        study: finished or not; what has no record yet is told as such.
        path: the file to write; its folder is created.

    Raises:
        InvalidInputError: the place cannot be written to.
    """
    text, target = page(study), Path(path)
    try:
        write_aside(target, lambda aside: aside.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        raise InvalidInputError(
            f"{target} cannot be written ({error.strerror}): choose another place"
        ) from error
    return target


def page(study: "Study") -> str:
    """The HTML of a study: a question without an answer is a chapter with the reason."""
    content = _content(study)
    found = chapters.chapters(study)
    facts = provenance.facts(content.cases, content.records)
    return _template().render(
        study=study,
        content=content,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        store=study.store.folder.name,
        status=tuple((name, n, figures.colour(name)) for name, n in content.counts.items()),
        troubles=troubles.troubles(content.statuses, content.reasons, content.parameters),
        warnings=tuple(_warnings(content, found, facts)),
        design=asked.design_words(study.design),
        varied=asked.varied(study.design, content.parameters),
        recipe=asked.recipe_text(study),
        chapters=found,
        static=_static(content),
        gallery=pictures.gallery(study.store, content.records, content.columns),
        table=_table_columns(content),
        facts=facts,
        definitions=_definitions(content.columns),
        data=data.as_json(content),
    )


def _content(study: "Study") -> Content:
    rows = list(study.records())
    cases = tuple(case for case, _, _ in rows)
    statuses = tuple(status for _, status, _ in rows)
    records = tuple(record for _, _, record in rows)
    given = columns.parameters(cases)
    found = columns.quantities(records, [column.name for column in given])
    both = (*given, *found)
    reasons = tuple(troubles.reason(status, record) for _, status, record in rows)
    counts = troubles.counts(statuses)
    return Content(cases, statuses, records, reasons, both, counts, data.effects(both, statuses))


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    ours, theirs = files("studies.report"), files("twin.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    styles = (theirs / "report.css", ours / "study.css")
    parts = ((ours / name).read_text("utf-8") for name in SCRIPTS)
    script = '\n(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    environment.globals |= {
        "style": "\n".join(path.read_text("utf-8") for path in styles),
        "script": script,
        "allowed": _hash(script),
    }
    return environment.from_string((ours / "study.html.jinja").read_text("utf-8"))


def _hash(script: str) -> str:
    """The only script that browsers may run, for the policy of the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _warnings(
    content: Content, found: Sequence[chapters.Chapter], facts: Sequence[provenance.Fact]
) -> "list[str]":
    """What makes the numbers doubtful, other than cases without any."""
    total = sum(record is not None for record in content.records)
    told = troubles.told_warnings(content.records)
    differing = [f"{fact.title}: {fact.words}" for fact in facts if fact.differs]
    return [
        *chapters.warned(found),
        *(f"Cases were computed with different versions. {text}" for text in differing),
        *(f"{text} (told by {n} of {total} cases)" for text, n in told),
    ]


def _static(content: Content) -> dict[str, Any]:
    """Figures for where no script runs."""
    return {
        "effects": figures.effects(content.columns, content.effects),
        "parallel": figures.parallel(content.columns, content.statuses),
        "surface": figures.surface(content.columns),
    }


def _table_columns(content: Content) -> list[Column]:
    """Parameters and headline quantities; all others are there when scripts run."""
    return [*content.parameters, *columns.headline(content.columns, IN_TABLE)]


def _definitions(found: Sequence[Column]) -> "list[tuple[str, list[Definition]]]":
    """By topic, of those quantities that have one."""
    names = {
        base_name(column.name.partition(".")[0]) for column in found if not column.is_parameter
    }
    known = [definition(name) for name in sorted(names, key=position)]
    groups = [(title, [d for d in known if d.topic == key]) for key, title in TOPICS.items()]
    return [(title, group) for title, group in groups if any(d.words for d in group)]
