"""Studies whose results are written and not computed: what a question makes of known numbers."""

from studies._card_values import number
from studies.store import Record, Store


def filled(study, values_of):
    """The study with a record for each case.

    ``values_of`` gives the values of a point by name, a number or (number, unit, uncertainty), and
    perhaps its status; None for a case that is blocked.
    """
    store = Store.at(study.folder)
    for case in study.cases():
        found = values_of(case.parameters)
        if found is None:
            store.write(Record(case.key, "does not percolate", "blocked"))
            continue
        values = {
            name: number(*one) if isinstance(one, tuple) else number(one)
            for name, one in found.items()
            if name != "status"
        }
        store.write(Record(case.key, found.get("status", "ok"), values=values))
    return study
