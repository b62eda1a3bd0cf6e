"""OpenCost's filter: conditions over lists of values, joined with + and |, in brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.errors import ConfigError
from pipeline.opencost.properties import Row, canonical, value

REMEDY = (
    'write conditions such as namespace:"a","b"+node!:"n1"+label[team]:"x", joined with + (and) or | (or), '
    "with brackets where both are meant; the operators are : !: ~: !~: <~: !<~: ~>: !~>:"
)
_CONDITION = re.compile(
    r'\s*(?a:(\w+)(?:\[([^\]"]+)\])?\s*(!?)(<~|~>|~|):\s*("[^"]*"(?:\s*,\s*"[^"]*")*)\s*)'
)
_OPENED, _CLOSED = re.compile(r"\s*\("), re.compile(r"\)\s*")
_DEEPEST = 20
OLD = {
    "filterClusters": "cluster", "filterNodes": "node", "filterNamespaces": "namespace", "filterPods": "pod",
    "filterControllers": "controller", "filterControllerKinds": "controllerKind",
}  # fmt: skip
"""The older filters, a parameter each: values with commas between, and a * at the end of one for the rest."""


def _old(found: str, wanted: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "": str.__eq__, "~": str.__contains__, "<~": str.startswith, "~>": str.endswith, "*": _old,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """True where the property fits any of the values; `negated` where it fits none."""

    prop: str
    negated: bool
    operator: str
    values: tuple[str, ...]

    def fits(self, row: Row) -> bool:
        found = value(self.prop, row)
        return any(_OPERATORS[self.operator](found, wanted) for wanted in self.values) is not self.negated


def parse_old(given: Mapping[str, str]) -> tuple[Condition, ...]:
    """The older filters of a request; an empty one filters nothing."""
    found = []
    for name, prop in OLD.items():
        values = tuple(value.strip() for value in given.get(name, "").split(",") if value.strip())
        if values:
            found.append(Condition(prop, False, "*", values))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all must fit, or `any_of` them."""

    parts: tuple[Filter, ...]
    any_of: bool

    def fits(self, row: Row) -> bool:
        return (any if self.any_of else all)(part.fits(row) for part in self.parts)


Filter: TypeAlias = "Condition | Joined"


def properties(found: Iterable[Filter]) -> Iterator[str]:
    """All that the filters look at."""
    for one in found:
        if isinstance(one, Condition):
            yield one.prop
        else:
            yield from properties(one.parts)


def parse(text: str) -> tuple[Filter, ...]:
    """All must fit; ConfigError for what is no filter, or names no property."""
    text = text.strip()
    if not text:
        return ()
    found, place = _joined(text, 0, 0)
    if place < len(text):
        raise ConfigError("filter", text, REMEDY)
    return (found,)


def _joined(text: str, place: int, depth: int) -> tuple[Filter, int]:
    """Up to the end or a closing bracket, which is left."""
    if depth > _DEEPEST:
        raise ConfigError("filter", text, f"write at most {_DEEPEST} brackets within each other")
    part, place = _part(text, place, depth)
    parts, sign = [part], ""
    while place < len(text) and text[place] != ")":
        # OpenCost takes a space for a plus: in an address it is one.
        found = text[place] if text[place] in "+|" else "+"
        if sign and found != sign:
            raise ConfigError("filter", text, "put brackets around what + or | join where both are there")
        sign, place = found, place + (text[place] in "+|")
        part, place = _part(text, place, depth)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Joined(tuple(parts), sign == "|")), place


def _part(text: str, place: int, depth: int) -> tuple[Filter, int]:
    if opened := _OPENED.match(text, place):
        inner, place = _joined(text, opened.end(), depth + 1)
        closed = _CLOSED.match(text, place)
        if not closed:
            raise ConfigError("filter", text, "a bracket is not closed; " + REMEDY)
        return inner, closed.end()
    found = _CONDITION.match(text, place)
    if not found:
        raise ConfigError("filter", text, REMEDY)
    prop = canonical(f"{found[1]}:{found[2]}" if found[2] else found[1])
    if prop is None:
        raise ConfigError("filter", text, f"there is no property {found[1]}; " + REMEDY)
    values = tuple(re.findall(r'"([^"]*)"', found[5]))
    return Condition(prop, bool(found[3]), found[4], values), found.end()
