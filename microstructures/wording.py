"""How lengths and axes are written for people."""

AXES = ("z", "y", "x")


def length(metres: float) -> str:
    """A length in the unit people use for it: 398 nm, 99.9 µm, 1.2 mm."""
    for unit, scale in (("m", 1.0), ("mm", 1e-3), ("µm", 1e-6)):
        if metres >= scale * (1 - 1e-12):
            return f"{metres / scale:.4g} {unit}"
    return f"{metres / 1e-9:.4g} nm"


def lengths(triple: tuple[float, float, float]) -> str:
    """Three lengths, or one where they are equal."""
    return length(triple[0]) if len(set(triple)) == 1 else " × ".join(length(h) for h in triple)
