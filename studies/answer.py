"""Answer: what the results of a study say to a question, a chapter of its report.

A question is a function of a study and perhaps arguments, ``best_density(study, rate=1.0)``. Those
of ours go by their names, your own by "module:function".
"""

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.case import imported

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study
    from twin.report.embedded import Figure

QUESTIONS: dict[str, str] = {
    "best_density": "studies.ready.calendering:best_density",
    "contact_loss": "studies.ready.swelling:contact_loss",
    "energy_and_power": "studies.ready.thickness:energy_and_power",
    "least_binder": "studies.ready.binder:least_binder",
    "best_case": "studies.optimise.questions:best_case",
    "convergence": "studies.optimise.questions:convergence",
    "pareto_front": "studies.optimise.questions:pareto_front",
    "elementary_effects": "studies.sensitivity.morris:elementary_effects",
    "response": "studies.surrogate.response_curves:response",
    "sobol_indices": "studies.sensitivity.sobol:sobol_indices",
    "sobol_indices_by_surrogate": "studies.surrogate.sobol:sobol_indices_by_surrogate",
    "enough_pressure": "studies.ready.pressing:enough_pressure",
    "imaging_artefact": "studies.ready.segmentation:imaging_artefact",
    "percolation_window": "studies.ready.composition:percolation_window",
    "representative_size": "studies.ready.representativity:representative_size",
}
"""Where the functions of our own questions are, by name."""


@dataclass(frozen=True)
class Answer:
    """What the results of a study say to a question.

    Args:
        title: of the chapter.
        text: the answer in plain words, with units and uncertainties; paragraphs between empty
            lines.
        values: its numbers by name, each made by ``studies.number``.
        table: more of them, a row each, if any; the unit of a column is in its name, "x [m]".
        figures: pictures with their captions.
        warnings: what makes the answer doubtful.
    """

    title: str
    text: str
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    table: "pd.DataFrame | None" = None
    figures: "tuple[Figure, ...]" = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.title, self.text, *(f"warning: {text}" for text in self.warnings)])


def answered(study: "Study", question: str, arguments: Mapping[str, Any]) -> Answer:
    """See ``Study.answer``."""
    found = _asked(study, question, arguments)(study, **arguments)
    if not isinstance(found, Answer):
        raise InvalidInputError(
            f"question {question!r} returned {type(found).__name__} instead of studies.Answer"
        )
    return found


def check_questions(study: "Study") -> None:
    """Raises InvalidInputError for a question or an argument that there is not."""
    for question, arguments in study.questions.items():
        _asked(study, question, arguments)


def _asked(study: "Study", question: str, arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a question, which takes these arguments."""
    if ":" not in question and question not in QUESTIONS:
        close = difflib.get_close_matches(question, QUESTIONS, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(QUESTIONS)}"
        raise InvalidInputError(
            f'question {question!r} is unknown: {meant}; one of your own is "module:function"'
        )
    modules = "" if study.modules is None else str(study.modules)
    function = imported(QUESTIONS.get(question, question), modules, "question")
    try:
        inspect.signature(function).bind(study, **arguments)
    except TypeError as error:
        raise InvalidInputError(f"question {question!r}: {error}") from None
    return function
