"""One setting changed: a text or YAML value to the field's type and within its bounds, or an error."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from pipeline.bounds import Bound
from pipeline.errors import ConfigError


def set_value(group: Any, key: str, value: object, name: str, bound: Bound) -> Any:
    """A copy of the frozen dataclass `group` with `key` set; `name` is the setting's full name.

    Raises ConfigError where the value is not of the default's type or out of bounds.
    """
    present = getattr(group, key)
    if isinstance(present, str | Path):
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(name, value, "write a text that is not empty")
        return replace(group, **{key: type(present)(value)})
    return replace(group, **{key: _number(value, type(present), name, bound)})


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
