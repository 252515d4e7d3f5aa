"""Doubts about a swelling table: too large, or at odds with the published one of its material."""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twin.swelling import SwellingTable

SMALL = 0.05  # linear strain up to which small-strain mechanics holds
NO_STRAIN = 0.005  # change of volume below which its sign means nothing
COMMON = 0.05  # overlap in x below which two tables are not compared
THREE = (2.6, 3.4)  # ratio of two strains of which one is volumetric and one is linear
OTHER_LAW = 2.0  # ratio of two strains that cannot both be right

# the library's own tables, while it is being read, have nothing to be compared with
TRUSTED: ContextVar[bool] = ContextVar("TRUSTED", default=False)


def doubts(table: "SwellingTable", material: str = "") -> Iterator[str]:
    """What is probably wrong with a table, in sentences.

    A strain above 5 % anywhere; and against the table of the library under the name ``material``,
    or else the table's own: the opposite sign, a factor of three, which is a change of volume
    taken for a linear strain or the reverse, and any other factor above two.
    """
    if (reach := reach_of(table)) > SMALL:
        yield (
            f"{named(table)} changes a length by up to {100 * reach:.3g} % between "
            f"x = {table.stoichiometry[0]:g} and {table.stoichiometry[-1]:g}, and so its volume by "
            f"about {300 * reach:.3g} %: alloys such as silicon do, insertion materials do not, "
            f"and small-strain mechanics holds up to {100 * SMALL:.0f} %. Check sign and unit of Ω "
            "and c_max, volume against length, percent against fractions"
        )
    yield from _contradictions(table, material or table.material)


def _contradictions(table: "SwellingTable", material: str) -> Iterator[str]:
    known = _published(material)
    if known is None or known == table:
        return
    low = max(table.stoichiometry[0], known.stoichiometry[0])
    high = min(table.stoichiometry[-1], known.stoichiometry[-1])
    if high - low < COMMON:
        return
    here, there = (float(t.volume_change(high, low)) for t in (table, known))
    if abs(there) < NO_STRAIN:
        return
    said = (
        f"from x = {low:g} to {high:g} {material} changes its volume by {100 * here:+.3g} % in "
        f"this table, but by {100 * there:+.3g} % in the library"
    )
    if here * there < 0 and abs(here) > NO_STRAIN:
        wrong, right = ("swell", "shrinks") if here > 0 else ("shrink", "swells")
        yield f"{said}: it would {wrong} with lithium where it {right}. Reverse the sign"
        return
    ratio = abs(np.expm1(np.log1p(here) / 3) / np.expm1(np.log1p(there) / 3))
    if THREE[0] < ratio < THREE[1]:
        yield (
            f"{said}: three times as much along a line, as if a change of volume had been given "
            "for a linear strain. Use SwellingTable.from_volume_change"
        )
    elif THREE[0] < 1 / max(ratio, 1e-9) < THREE[1]:
        yield (
            f"{said}: a third of it along a line, as if a linear strain had been given for a "
            "change of volume. Use SwellingTable(stoichiometry, strains)"
        )
    elif not 1 / OTHER_LAW < ratio < OTHER_LAW:
        yield f"{said}. Check the numbers, or give the table no material's name if they are meant"


def _published(material: str) -> "SwellingTable | None":
    if not material:
        return None
    from twin.materials import library

    made = library().get(material)
    return None if made is None else made.swelling


def reach_of(table: "SwellingTable") -> float:
    """Largest relative change of any length between any two states."""
    columns = (np.array(c) for c in (table.along, table.across) if c is not None)
    return max(float((1 + c.max()) / (1 + c.min()) - 1) for c in columns)


def named(table: "SwellingTable") -> str:
    """The material, or what to call a table without one."""
    return table.material or "this table"
