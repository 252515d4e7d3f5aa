"""Arguments of a step, checked against the types that its function declares, before it runs."""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from microstructures.errors import InvalidInputError

WORDS: Mapping[Any, str] = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


def check_arguments(
    name: str, function: Callable[..., Any], arguments: Mapping[str, Any], *, but: str = ""
) -> None:
    """Raises InvalidInputError for an argument that ``function`` lacks, wants, or cannot hold.

    Args:
        name: of the step, for the message.
        function: whose signature and annotations count.
        arguments: made plain, without None.
        but: the parameter that a recipe does not give.
    """
    known = {k: p for k, p in inspect.signature(function).parameters.items() if k != but}
    for key in arguments:
        if key not in known:
            raise InvalidInputError(f"{name} takes no {key!r}{meant(key, known)}")
    lacking = [k for k, p in known.items() if p.default is p.empty and k not in arguments]
    if lacking:
        raise InvalidInputError(f"{name} lacks {' and '.join(lacking)}: give what is missing")
    kinds = typing.get_type_hints(function)
    for key, given in arguments.items():
        if not fits(given, kinds[key]):
            where, value, kind = _culprit(key, given, kinds[key])
            raise InvalidInputError(
                f"{name}: {where} is {short(value)}, which is {_word_of(value)}: give "
                f"{' or '.join(dict.fromkeys(_wanted(kind)))}"
            )


def fits(value: Any, kind: Any) -> bool:
    """Whether plain ``value`` is of a declared type; lists serve as tuples, of any type unknown."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is tuple:
        return _is_tuple(value, inner)
    if isinstance(origin, type) and issubclass(origin, Collection) and origin is not np.ndarray:
        return _holds(value, origin, inner)
    if kind in (None, type(None)):
        return value is None
    if kind in (float, int, bool, str):
        return _is_plain(value, kind)
    is_class = isinstance(origin or kind, type)
    return isinstance(value, origin or kind) if is_class and kind is not Any else True


def meant(word: Any, known: Iterable[str]) -> str:
    """The end of a message on an unknown word: the nearest known one, or all of them."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f": did you mean {near[0]!r}?" if near else f": choose one of {sorted(known)}"


def short(value: Any) -> str:
    """``value`` in one line of moderate length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _is_plain(value: Any, kind: Any) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, int | float if kind is float else kind)


def _is_tuple(value: Any, inner: tuple[Any, ...]) -> bool:
    if not isinstance(value, list | tuple):
        return False
    each = inner[:1] * len(value) if inner[1:] == (...,) else inner
    return len(each) == len(value) and all(map(fits, value, each))


def _holds(value: Any, origin: type, inner: tuple[Any, ...]) -> bool:
    """Whether it is a table, or else a list, of what was declared."""
    if issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items()
        )
    return isinstance(value, list | tuple) and all(fits(item, inner[0]) for item in value)


def _culprit(where: str, value: Any, kind: Any) -> tuple[str, Any, Any]:
    """Which part of ``value`` does not fit, and what it should have been."""
    for one in get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,):
        for key, item, inner in _parts(value, one):
            if not fits(item, inner):
                return _culprit(f"{where}[{key!r}]", item, inner)
    return where, value, kind


def _parts(value: Any, kind: Any) -> Iterable[tuple[Any, Any, Any]]:
    """Key, value and declared type of what a table or list holds, if it may be one at all."""
    origin, inner = get_origin(kind), get_args(kind)
    if not isinstance(origin, type) or not issubclass(origin, Collection) or origin is np.ndarray:
        return
    if issubclass(origin, Mapping) and isinstance(value, Mapping):
        yield from ((key, item, inner[1]) for key, item in value.items())
    elif isinstance(value, list | tuple) and not issubclass(origin, Mapping):
        if origin is not tuple or inner[1:] == (...,):
            yield from ((n, item, inner[0]) for n, item in enumerate(value))
        elif len(inner) == len(value):
            yield from zip(range(len(value)), value, inner, strict=True)


def _wanted(kind: Any) -> Iterable[str]:
    """What a recipe can write for a declared type, in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        for one in inner:
            yield from _wanted(one)
    elif origin is Literal:
        yield from map(repr, inner)
    elif kind in WORDS:
        yield WORDS[kind]
    elif origin is tuple and inner[1:] != (...,):
        yield f"a list of {len(inner)}"
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield "a table"
    elif isinstance(origin, type) and issubclass(origin, Collection) and origin is not np.ndarray:
        yield "a list"


def _word_of(value: Any) -> str:
    kind = dict if isinstance(value, Mapping) else type(value)
    return WORDS.get(kind, f"a {kind.__name__}")
