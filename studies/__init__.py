"""What we want to know: the command line, and studies over many cases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["cli"],
    submod_attrs={
        "analysis": ["Analysis", "analyze"],
        "answer": ["Answer"],
        "design": ["Grid", "Range", "Sampled", "Single", "Table", "Zipped"],
        "engine": ["Engine", "EngineError"],
        "settings": ["AnalysisSettings"],
        "store": ["CorruptedRecordError", "Record", "Store"],
        "study": ["Status", "Study"],
        "tasks": ["Outcome", "number", "task"],
    },
)
