"""What an electrode is: materials, the property card of a volume, and its report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["report"],
    submod_attrs={
        "card": ["Entry", "PropertyCard"],
        "materials": ["Material", "Value", "library", "material"],
        "properties": ["characterize"],
    },
)
