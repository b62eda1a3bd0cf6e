"""OpenCost's filter, without `|` and brackets: conditions joined with +, each over a list of values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.opencost.properties import Row, canonical, value

REMEDY = (
    'write conditions such as namespace:"a","b"+node!:"n1"+label[team]:"x", joined with +; the operators are '
    ": !: ~: !~: <~: !<~: ~>: !~>:, and | and brackets are not understood"
)
_CONDITION = re.compile(
    r'\s*(\w+)(?:\[([^\]"]+)\])?\s*(!?)(<~|~>|~|):\s*("[^"]*"(?:\s*,\s*"[^"]*")*)\s*', re.ASCII
)
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


def parse(text: str) -> tuple[Condition, ...]:
    """All must fit; ConfigError for what is no filter, or names no property."""
    conditions: list[Condition] = []
    place = 0
    while place < len(text.rstrip()):
        if conditions and text[place] == "+":
            place += 1
        found = _CONDITION.match(text, place)
        if not found:
            raise ConfigError("filter", text, REMEDY)
        prop = canonical(f"{found[1]}:{found[2]}" if found[2] else found[1])
        if prop is None:
            raise ConfigError("filter", text, f"there is no property {found[1]}; " + REMEDY)
        values = tuple(re.findall(r'"([^"]*)"', found[5]))
        conditions.append(Condition(prop, bool(found[3]), found[4], values))
        place = found.end()
    return tuple(conditions)
