"""Chapters: what the questions of a study were answered, or why they were not."""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microstructures.errors import TwinError
from twin.report.embedded import Figure
from twin.report.figures import DOTS_PER_INCH
from twin.report.wording import Shown, plain, shown

if TYPE_CHECKING:
    import pandas as pd

    from studies.answer import Answer
    from studies.study import Study

HEAD = 32  # letters of a picture in which its size is
PIXELS_PER_INCH = 118  # letters of 9 points are then as large as those of captions
DIGITS = 4  # of a number in a table that has no error
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
class Placed:
    """A figure, and its width on the page in pixels of CSS; 0 where that is not known."""

    figure: Figure
    width: int


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
    figures: tuple[Placed, ...] = ()
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
    figures = tuple(Placed(one, _width(one)) for one in answer.figures)
    return Chapter(question, answer.title, paragraphs, keys, header, rows, figures, answer.warnings)


def _width(picture: Figure) -> int:
    """As wide as it was drawn, so that letters are as large in all pictures."""
    head = base64.b64decode(picture.source.partition("base64,")[2][:HEAD])
    if head[:4] != b"\x89PNG":
        return 0
    return round(int.from_bytes(head[16:20], "big") / DOTS_PER_INCH * PIXELS_PER_INCH)


def _words(name: str) -> str:
    """A name as words; what follows a dot is a name of something else and stays as it is."""
    first, _, rest = name.partition(".")
    if not first.islower():
        return name
    return first.replace("_", " ").strip().capitalize() + (f", {rest}" if rest else "")


def _number(about: Mapping[str, Any]) -> Shown:
    value, error = about.get("value"), about.get("uncertainty")
    unit = str(about.get("unit", ""))
    if value is None:
        return Shown("no number", is_number=False)
    if error is None and unit in ("", "1") and float(value).is_integer():
        return Shown(f"{value:.0f}")  # a count
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
    if not _is_number(error) or not math.isfinite(error):
        return plain(float(f"{value:.{DIGITS}g}"))
    return str(shown(value, float(error), "1"))


def warned(found: Sequence[Chapter]) -> Iterator[str]:
    """What the top of the page says of questions without an answer."""
    for chapter in found:
        if chapter.unanswered:
            yield f"The question “{chapter.question}” is not answered: {chapter.unanswered}"
