"""The report of a study: one self-contained HTML page of all its cases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"html": ["page", "write"]},
)
