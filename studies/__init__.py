"""What we want to know: the command line, and studies over many cases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["cli"],
    submod_attrs={
        "analysis": ["Analysis", "analyze"],
        "settings": ["AnalysisSettings"],
    },
)
