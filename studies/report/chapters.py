"""Chapters: what the questions of a study were answered, or why they were not."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microstructures.errors import TwinError
from twin.report.embedded import Figure
from twin.report.wording import Shown, shown

if TYPE_CHECKING:
    import pandas as pd

    from studies.answer import Answer
    from studies.study import Study

ERROR = " ±"  # end of the name of a column with the standard errors of the one before


@dataclass(frozen=True, slots=True)
class Key:
    """A number of an answer."""

    title: str
    number: Shown


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table."""

    words: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """A question and its answer.

    ``unanswered`` is why there is none; then all else but question and title is empty.
    """

    question: str
    title: str
    paragraphs: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    header: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    figures: tuple[Figure, ...] = ()
    warnings: tuple[str, ...] = ()
    unanswered: str = ""


def chapters(study: "Study") -> tuple[Chapter, ...]:
    """One for each question of the study, in their order."""
    return tuple(_chapter(study, name, about) for name, about in study.questions.items())


def _chapter(study: "Study", question: str, arguments: Mapping[str, Any]) -> Chapter:
    try:
        answer = study.answer(question, **arguments)
        return _answered(question, answer)
    except TwinError as error:
        why = str(error)
    except Exception as error:  # of a question of the user's: the page tells all the others
        why = f"{type(error).__name__}: {error}"
    return Chapter(question, _words(question.rpartition(":")[2]), unanswered=why)


def _answered(question: str, answer: "Answer") -> Chapter:
    paragraphs = tuple(part.strip() for part in answer.text.split("\n\n") if part.strip())
    keys = tuple(Key(_words(name), _number(about)) for name, about in answer.values.items())
    header, rows = ((), ()) if answer.table is None else _table(answer.table)
    return Chapter(
        question, answer.title, paragraphs, keys, header, rows, answer.figures, answer.warnings
    )


def _words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() if name.islower() else name


def _number(about: Mapping[str, Any]) -> Shown:
    value, error = about.get("value"), about.get("uncertainty")
    unit = str(about.get("unit", ""))
    if value is None:
        return Shown("no number", is_number=False)
    return shown(float(value), 0.0 if error is None else float(error), unit)


def _table(frame: "pd.DataFrame") -> tuple[tuple[Cell, ...], tuple[tuple[Cell, ...], ...]]:
    """Titles and rows; standard errors go into the column before them."""
    names = [str(name) for name in frame.columns]
    errors = {name: base for name in names if (base := _of(name, names))}
    columns = [
        (name, frame[name].tolist(), _errors(frame, name, errors))
        for name in names
        if name not in errors
    ]
    if frame.index.name is not None or not _counts(frame.index.tolist()):
        index = frame.index.tolist()
        columns.insert(0, (str(frame.index.name or ""), index, [None] * len(index)))
    header = tuple(Cell(name, bool(_are_numbers(values))) for name, values, _ in columns)
    rows = tuple(
        tuple(_cell(values[row], wrong[row]) for _, values, wrong in columns)
        for row in range(len(frame))
    )
    return header, rows


def _of(name: str, names: Sequence[str]) -> str:
    """The column of which this one has the standard errors, "x [m]" of "x ± [m]" or "x [m] ±"."""
    base = name.replace(ERROR, "", 1)
    return base if ERROR in name and base in names else ""


def _errors(frame: "pd.DataFrame", name: str, errors: Mapping[str, str]) -> list[Any]:
    found = next((other for other, base in errors.items() if base == name), None)
    return [None] * len(frame) if found is None else frame[found].tolist()


def _counts(index: Sequence[Any]) -> bool:
    """Whether an index only counts rows."""
    return list(index) == list(range(len(index)))


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(_is_number(value) or value is None for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any, error: Any) -> Cell:
    if isinstance(value, bool):
        return Cell("yes" if value else "no", False)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Cell("–", True)
    if isinstance(value, int):
        return Cell(str(value), True)
    if isinstance(value, float):
        return Cell(_told(value, error), True)
    return Cell(str(value), False)


def _told(value: float, error: Any) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    known = _is_number(error) and math.isfinite(error)
    return str(shown(value, float(error) if known else 0.0, "1"))


def warned(found: Sequence[Chapter]) -> Iterator[str]:
    """What the top of the page says of questions without an answer."""
    for chapter in found:
        if chapter.unanswered:
            yield f"The question “{chapter.question}” is not answered: {chapter.unanswered}"
