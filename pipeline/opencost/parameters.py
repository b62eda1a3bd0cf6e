"""The parameters of a request, checked: each wrong one is an error that names it and what to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import filters, span
from pipeline.opencost.properties import KNOWN, canonical
from pipeline.settings.cost import CostRule, Spread

UNAGGREGATED = ("cluster", "node", "namespace", "pod", "container")

USED = (
    "window", "step", "aggregate", "accumulate", "accumulateBy", "includeIdle", "idle", "shareIdle",
    "idleByNode", "filter", "offset", "limit",
)  # fmt: skip
IGNORED = (
    "resolution", "sharelb", "includeProportionalAssetResourceCosts", "includeAggregatedMetadata", "external",
    "reconcile", "reconcileNetwork", "includeSharedCostBreakdown", "format", "disableAdjustments",
    "chartType",
    "sortBy", "sortByOrder", "costUnit", "_",
)  # fmt: skip
"""They change nothing that the ledger knows, or only how a page draws it."""
_OF_MONEY = ("sharelb", "external")
"""Of these, what would move costs where it is asked for: a reader is told that it does not."""

_YES, _NO = ("true", "1", "t", "yes"), ("false", "0", "f", "no", "")


@dataclass(frozen=True, slots=True)
class Question:
    """A request, checked; `rule` says who pays for idle time."""

    sets: tuple[Window, ...]
    aggregate: tuple[str, ...]
    include_idle: bool
    idle_by_node: bool
    conditions: tuple[filters.Filter, ...]
    rule: CostRule
    offset: int
    limit: int | None
    unheard: tuple[str, ...] = ()
    """Parameters that were asked for and move no cost here."""

    @property
    def window(self) -> Window:
        return Window(self.sets[0].start, self.sets[-1].end)


def parse(given: Mapping[str, str], now: datetime, rule: CostRule) -> Question:
    """Raises ConfigError with the parameter's name as its key."""
    _known(given)
    if not given.get("window"):
        raise ConfigError("window", given.get("window"), span.WINDOW_REMEDY)
    share = _share_idle(given.get("shareIdle"))
    rule = rule if share is None else replace(rule, idle=share)
    window = span.parse_window(given["window"], now)
    if rule.spreads:
        window = span.whole_hours(window)
    sets = tuple(span.cut(window, _step(given)))
    if rule.spreads and any(part.start.minute for part in sets):
        raise ConfigError("step", given.get("step"), "idle costs are shared hour by hour; write whole hours")
    return Question(
        sets,
        _aggregate(given.get("aggregate", "")),
        flag(given, "includeIdle") or flag(given, "idle") or share not in (None, Spread.none),
        flag(given, "idleByNode"),
        (*filters.parse(given.get("filter", "")), *filters.parse_old(given)),
        rule,
        count(given, "offset") or 0,
        count(given, "limit"),
        tuple(name for name in _OF_MONEY if given.get(name, "").lower() in _YES),
    )


def _known(given: Mapping[str, str]) -> None:
    for name in given:
        if name in (*USED, *IGNORED, *filters.OLD) or (name.startswith("filter") and not given[name]):
            continue
        near = get_close_matches(name, USED, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"the parameters are {', '.join(USED)}"
        if name.startswith("filter"):
            remedy = 'write it as filter=namespace:"a","b"'
        raise ConfigError(name, given[name], f"this parameter is not known here; {remedy}")


def _step(given: Mapping[str, str]) -> timedelta | str | None:
    """What the sets are: calendar units that are accumulated by, else the step, else one set."""
    word = (given.get("accumulateBy") or given.get("accumulate") or "").strip().lower()
    if word in ("all", *_YES):
        return None
    if word in span.CALENDAR:
        return word
    if word not in ("none", *_NO):
        key = "accumulateBy" if given.get("accumulateBy") else "accumulate"
        raise ConfigError(key, word, f"write true, false, all, none, {', '.join(span.CALENDAR)}")
    return span.parse_step(given["step"]) if given.get("step") else None


def _aggregate(text: str) -> tuple[str, ...]:
    named = [name.strip() for name in text.split(",") if name.strip()]
    found = []
    for name in named:
        prop = canonical(name)
        if prop is None:
            raise ConfigError("aggregate", name, f"write some of {', '.join(KNOWN)}, label:NAME")
        found.append(prop)
    return tuple(found) or UNAGGREGATED


def _share_idle(text: str | None) -> Spread | None:
    if text is None or not text:
        return None
    word = text.lower()
    if word in (Spread.weighted, Spread.even):
        return Spread(word)
    if word in _YES:
        return Spread.weighted
    if word in (*_NO, Spread.none):
        return Spread.none
    raise ConfigError("shareIdle", text, "write weighted, even, true (weighted) or false")


def flag(given: Mapping[str, str], name: str) -> bool:
    word = given.get(name, "").lower()
    if word not in (*_YES, *_NO):
        raise ConfigError(name, given[name], "write true or false")
    return word in _YES


def count(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ConfigError(name, text, "write a whole number from 0 on")
    return int(text)
