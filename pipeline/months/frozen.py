"""Values that a month was computed from, as JSON and back: frozen dataclasses, exact numbers, times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def dump(value: object) -> str:
    """The same text for the same value."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(kind: type[T], text: str) -> T:
    """What `dump` wrote of a value of that type; a field that is not there has its default."""
    found: T = _value(kind, json.loads(text))
    return found


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


def _value(kind: Any, given: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        real = next(one for one in arguments if one is not NoneType)
        return None if given is None else _value(real, given)
    if origin is Literal:
        return given
    if origin is tuple:
        return _tuple(arguments, given)
    if is_dataclass(kind):
        return _fields(kind, given)
    if isinstance(kind, type) and issubclass(kind, tuple):  # a named one
        hints = get_type_hints(kind)
        return kind(*(_value(hint, one) for hint, one in zip(hints.values(), given, strict=True)))
    if kind in (datetime, date):
        return kind.fromisoformat(given)
    return kind(given)


def _tuple(arguments: Sequence[Any], given: Sequence[Any]) -> tuple[Any, ...]:
    if arguments[1:] == (...,):
        return tuple(_value(arguments[0], one) for one in given)
    return tuple(_value(kind, one) for kind, one in zip(arguments, given, strict=True))


def _fields(kind: Any, given: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind) if f.init}
    return kind(**{name: _value(hints[name], one) for name, one in given.items() if name in known})
