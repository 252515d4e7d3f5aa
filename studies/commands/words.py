"""Words that all commands of ``twin`` share: exit codes, flags, and how much is said."""

import functools
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

OK, FAILED, USAGE, INCOMPLETE = 0, 1, 2, 3

Flag = functools.partial(Parameter, negative="")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Voice:
    """What to say.

    Args:
        quiet: no progress and no summary; only errors.
        debug: show the traceback of an error.
    """

    quiet: Annotated[bool, Flag()] = False
    debug: Annotated[bool, Flag()] = False
