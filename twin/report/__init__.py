"""The report: one self-contained HTML page of a property card, and its optional 3-D picture."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"html": ["write"], "render": ["can_render"]},
)
