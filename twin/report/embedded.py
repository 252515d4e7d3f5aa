"""Figure: a picture inside the page, with the words that stand for it."""

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on the page: data URI, alternative text, caption."""

    source: str
    alt: str
    caption: str


def figure(png: bytes, alt: str, caption: str) -> Figure:
    """A PNG file as a picture inside the page."""
    return Figure("data:image/png;base64," + base64.b64encode(png).decode("ascii"), alt, caption)
