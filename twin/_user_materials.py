"""Materials that installed packages add by an entry point of the group electrode_twin.materials."""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from microstructures.errors import InvalidInputError
from twin._swelling_doubts import TRUSTED
from twin.materials import Material

GROUP = "electrode_twin.materials"
OURS = "the library of the project"


def installed() -> dict[str, Mapping[str, Material]]:
    """What each entry point gives, by a name for the entry point."""
    trust = TRUSTED.set(True)  # the library, which swelling is compared with, is being read
    try:
        return {_origin(point): _given(point) for point in entry_points(group=GROUP)}
    finally:
        TRUSTED.reset(trust)


def joined(
    own: Mapping[str, Material], added: Mapping[str, Mapping[str, Material]]
) -> Mapping[str, Material]:
    """All materials by name, in alphabetical order.

    Raises:
        InvalidInputError: a name is taken, whatever its capitals.
    """
    owner = {name.lower(): OURS for name in own}
    table = dict(own)
    for origin, materials in added.items():
        for name, made in materials.items():
            if (first := owner.get(name.lower())) is not None:
                raise InvalidInputError(
                    f"{origin} adds a material {name!r}, a name that {first} has already: rename "
                    "one, or uninstall the package"
                )
            owner[name.lower()], table[name] = origin, made
    return MappingProxyType({name: table[name] for name in sorted(table, key=str.lower)})


def _origin(point: EntryPoint) -> str:
    package = f" of {point.dist.name}" if point.dist is not None else ""
    return f"the entry point {point.name!r}{package} ({point.value})"


def _given(point: EntryPoint) -> Mapping[str, Material]:
    try:
        found = point.load()
        found = found() if callable(found) else found
    except Exception as error:
        raise InvalidInputError(
            f"{_origin(point)} cannot be loaded, {type(error).__name__}: {error}. Repair the "
            "package, or uninstall it"
        ) from error
    wrong = "" if isinstance(found, Mapping) else f"a {type(found).__name__}"
    wrong = wrong or next(_wrong(found), "")
    if wrong:
        raise InvalidInputError(
            f"{_origin(point)} gives {wrong}: it must be a mapping of names to twin.Material, or "
            "a function without arguments that returns one"
        )
    return found


def _wrong(found: Mapping[str, object]) -> Iterator[str]:
    for name, made in found.items():
        if not isinstance(made, Material):
            yield f"{made!r} under {name!r}"
        elif made.name != name:
            yield f"a material of the name {made.name!r} under {name!r}"
