"""The commands of ``twin``: what they are given, what they do, and what they say."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analysis": ["Analysis", "analyze"],
        "settings": ["AnalysisSettings"],
    },
)
