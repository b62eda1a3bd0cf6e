"""One setting changed: a text or YAML value to the field's type and within its bounds, or an error."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import replace
from enum import Enum
from math import isfinite
from pathlib import Path
from typing import Any

from pipeline.bounds import Bound
from pipeline.errors import ConfigError
from pipeline.secret import Secret


def set_value(group: Any, key: str, value: object, name: str, bound: Bound) -> Any:
    """A copy of the frozen dataclass `group` with `key` set; `name` is the setting's full name.

    Raises ConfigError where the value is not of the default's type or out of bounds.
    """
    present = getattr(group, key)
    return replace(group, **{key: _like(present, value, name, bound)})


def _like(present: Any, value: object, name: str, bound: Bound) -> Any:
    """The value in the type of the present one; a text may be empty where its default is."""
    if isinstance(present, bool):
        return _flag(value, name)
    if isinstance(present, Enum):
        return _choice(value, type(present), name)
    if isinstance(present, Secret) and not isinstance(value, str):
        raise ConfigError(name, Secret(value), "write it as text, in quotes")
    if isinstance(present, str | Path):
        if not isinstance(value, str) or not (value.strip() or present == ""):
            raise ConfigError(name, value, "write a text that is not empty")
        return type(present)(value)
    return _number(value, type(present), name, bound)


def _flag(value: object, name: str) -> bool:
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ConfigError(name, value, "write true or false")
    return text == "true"


def _choice(value: object, kind: type[Enum], name: str) -> Enum:
    try:
        return kind(value)
    except ValueError as error:
        choices = ", ".join(str(member.value) for member in kind)
        raise ConfigError(name, value, f"write one of {choices}") from error


def _number(value: object, kind: type[int] | type[float], name: str, bound: Bound) -> int | float:
    remedy = f"write a {'whole ' if kind is int else ''}number from {bound.least:g} to {bound.most:g}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(name, value, remedy)
    try:
        number = kind(value)
    except (ValueError, OverflowError) as error:
        raise ConfigError(name, value, remedy) from error
    whole = not isinstance(value, float) or number == value
    if not (whole and isfinite(number) and bound.least <= number <= bound.most):
        raise ConfigError(name, value, remedy)
    return number


def field_docs(group: type) -> dict[str, str]:
    """The string literal under each field of a class, by field name: what `config schema` shows."""
    body = ast.parse(textwrap.dedent(inspect.getsource(group))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    docs[field.target.id] = text
    return docs
