"""Values of the state as JSON and back, by their types: strictly, and in one spelling.

A dataclass is a list of its fields in order, a mapping a list of pairs in its own order, bytes and group
elements are base64url. What a type's fields are is read off the class itself, so a field that joins later is
written without a word here; `describe` says all of it in one text, by whose hash a reader knows a form that
is not its own. Reading checks every type, and every class checks itself at birth; but whether group elements
are in the group is not asked again: only what the reader itself has signed is read here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from escrow.crypto.card import Card
from escrow.crypto.group import Point
from escrow.errors import MalformedError
from escrow.model.wire import from_base64, from_time, to_base64, to_time
from escrow.policy.text import parse as parse_policy
from escrow.policy.tree import Policy

FIELD = "snapshot"
_KEPT = 4096
"""Cards and policies come up in every record and are checked once; so many are remembered."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one type are written and read."""

    emit: Callable[[Any], Any]
    read: Callable[[Any], Any]


def malformed() -> MalformedError:
    """What is raised for any snapshot that is not exactly of its form."""
    return MalformedError("snapshot_malformed", field=FIELD)


def expect(value: object, kind: type) -> Any:
    """The value, if it is of exactly this type of JSON."""
    if type(value) is not kind:
        raise malformed()
    return value


@lru_cache(maxsize=_KEPT)
def _card(text: str) -> Card:
    return Card(from_base64(text, field=FIELD))


@lru_cache(maxsize=_KEPT)
def _policy(text: str) -> Policy:
    return parse_policy(text)


def _bytes(value: object) -> bytes:
    return from_base64(expect(value, str), field=FIELD)


def _same(kind: type) -> Form:
    return Form(emit=lambda value: value, read=lambda value: expect(value, kind))


_LEAVES: Mapping[object, Form] = {
    str: _same(str),
    int: _same(int),
    bool: _same(bool),
    bytes: Form(emit=to_base64, read=_bytes),
    datetime: Form(emit=to_time, read=lambda value: from_time(expect(value, str), field=FIELD)),
    Point: Form(
        emit=lambda value: to_base64(value.encode()), read=lambda value: Point.unsafe_own(_bytes(value))
    ),
    Card: Form(emit=lambda value: to_base64(value.public), read=lambda value: _card(expect(value, str))),
    Policy: Form(emit=str, read=lambda value: _policy(expect(value, str))),
}


@cache
def form_of(hint: Any) -> Form:
    """TypeError for a type that has no form yet: then a snapshot is not written."""
    if hint in _LEAVES:
        return _LEAVES[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _optional(hint)
    if origin is tuple:
        return _list(inner[0], tuple) if inner[1:] == (...,) else _row(inner, tuple)
    if origin is list:
        return _list(inner[0], list)
    if origin is frozenset:
        return _set(inner[0])
    if origin is dict:
        return _mapping(inner, dict)
    if origin is Mapping:
        return _mapping(inner, lambda pairs: MappingProxyType(dict(pairs)))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _choice(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return form_of_fields(hint, without=frozenset())
    raise TypeError(f"no form for {hint}")


@cache
def form_of_fields(kind: type, *, without: frozenset[str]) -> Form:
    """A dataclass as a list of its fields. Where some are left out, `read` gives a dict of the others."""
    names = tuple(field.name for field in fields(kind) if field.name not in without)
    hints = get_type_hints(kind)
    row = _row(tuple(hints[name] for name in names), tuple)

    def emit(value: Any) -> Any:
        return row.emit(tuple(getattr(value, name) for name in names))

    def read(value: Any) -> Any:
        found = dict(zip(names, row.read(value), strict=True))
        return found if without else kind(**found)

    return Form(emit=emit, read=read)


def _optional(hint: Any) -> Form:
    (kind,) = (one for one in get_args(hint) if one is not NoneType)
    form = form_of(kind)
    return Form(
        emit=lambda value: None if value is None else form.emit(value),
        read=lambda value: None if value is None else form.read(value),
    )


def _list(hint: Any, kind: Callable[[Iterable[Any]], Any]) -> Form:
    form = form_of(hint)
    return Form(
        emit=lambda value: [form.emit(one) for one in value],
        read=lambda value: kind(form.read(one) for one in expect(value, list)),
    )


def _row(hints: tuple[Any, ...], kind: Callable[[Iterable[Any]], Any]) -> Form:
    forms = tuple(form_of(hint) for hint in hints)

    def read(value: Any) -> Any:
        if len(expect(value, list)) != len(forms):
            raise malformed()
        return kind(form.read(one) for form, one in zip(forms, value, strict=True))

    return Form(
        emit=lambda value: [form.emit(one) for form, one in zip(forms, value, strict=True)], read=read
    )


def _set(hint: Any) -> Form:
    form = _list(hint, frozenset)
    return Form(emit=lambda value: form.emit(sorted(value)), read=form.read)


def _mapping(hints: tuple[Any, ...], kind: Callable[[Iterable[Any]], Any]) -> Form:
    form = _list(tuple[hints], list)  # type: ignore[valid-type]

    def read(value: Any) -> Any:
        pairs = form.read(value)
        found = kind(pairs)
        if len(found) != len(pairs):
            raise malformed()
        return found

    return Form(emit=lambda value: form.emit(value.items()), read=read)


def _choice(kind: type[StrEnum]) -> Form:
    def read(value: Any) -> Any:
        try:
            return kind(expect(value, str))
        except ValueError:
            raise malformed() from None

    return Form(emit=lambda value: value.value, read=read)


def describe(hint: Any) -> str:
    """This type and all types in it, in one text: the same as long as nothing of them changes."""
    told: dict[str, str] = {}

    def tell(one: Any) -> None:
        for inner in get_args(one):
            tell(inner)
        name = getattr(one, "__qualname__", "")
        if not isinstance(one, type) or name in told or one in _LEAVES:
            return
        if issubclass(one, StrEnum):
            told[name] = repr([str(member) for member in one])
        elif is_dataclass(one):
            hints = get_type_hints(one)
            told[name] = repr([(field.name, str(hints[field.name])) for field in fields(one)])
            for inner in hints.values():
                tell(inner)

    tell(hint)
    return "\n".join(f"{name}: {told[name]}" for name in sorted(told))
