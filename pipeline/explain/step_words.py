"""Why a step of a ladder was taken or refused, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.canonical import moment
from pipeline.explain.gate_words import gate_words
from pipeline.explain.shown import spans, time


def step_words(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Budgets, gates and what was to be changed."""
    yield f"Budgets, as of {time(evidence['now'])}:"
    for row in evidence["budgets"]:
        ends = row["forecast"] or "unknown"
        spent = f"{row['spent'] or 'unknown'} of {row['amount']} {row['currency']}"
        yield f"  {row['budget']}: {spent}, forecast {ends}"
    yield from other_inputs(evidence)
    yield from gate_words(evidence)
    plan = evidence["decision"].get("plan") or {}
    if plan:
        yield "Any one gate that fails would have stopped it."
        yield "What is changed, each only while it is as it was read:"
    for key, value in sorted(plan.items()):
        for one in value if isinstance(value, list) else [value]:
            yield f"  {key}: {_words(one)}"


def other_inputs(evidence: Mapping[str, Any]) -> Iterator[str]:
    """By what costs were counted, who counted as idle, and which steps came before, a sentence each."""
    if told := evidence.get("money"):
        named = (f"{name} {told[name]}" for name in ("prices", "rule", "owners") if told.get(name))
        yield f"Costs were counted by {', '.join(named)}; SHA-256 of all {told['sha256']}."
    if (idle := evidence["ladder"].get("idle")) is not None:
        yield f"The ledger has of {', '.join(idle) or 'nobody'} that it held GPUs all the time and used none."
    yield f"Earlier steps that limits and pauses count: {len(evidence['history'])}."


BUDGET_NAMES = (
    "source", "about", "window", "amount", "spent", "forecast", "used up", "costs until", "age",
)  # fmt: skip


def budget_rows(evidence: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What the budgets of that tick said, the forecast with its interval."""
    for row in evidence["budgets"]:
        ends = "unknown"
        if row["forecast"]:
            ends = f"{row['forecast']} ({row['forecast_low']} to {row['forecast_high']})"
        yield (
            f"budget {row['budget']}", row["state"], f"{time(row['start'])} to {time(row['end'])}",
            f"{row['amount']} {row['currency']}", row["spent"] or "unknown", ends,
            *(time(row[name]) if row[name] else "-" for name in ("exhausted", "as_of")),
            _age(evidence["now"], row["as_of"]),
        )  # fmt: skip


def _age(now: str, as_of: str | None) -> str:
    return spans(f"{(moment(now) - moment(as_of)).total_seconds():g} s") if as_of else "-"


PLAN_NAMES = ("object", "what", "before", "after")


def plan_rows(evidence: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What was to be changed, each only while it is as it was read."""
    for key, value in sorted((evidence["decision"].get("plan") or {}).items()):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping) and "field" in one:
                name = f"{one['plural']}/{one['name']}"
                yield name, one["field"], _said(one["before"]), _said(one["after"])
            elif isinstance(one, Mapping) and "target" in one:
                name = f"{one['target']['kind']}/{one['target']['name']}"
                yield name, "replicas", str(one["before"]), str(one["after"])
            else:
                yield key, _words(one), "-", "-"


def _said(value: Any) -> str:
    return "not set" if value is None else str(value)


def _words(one: Any) -> str:
    if not isinstance(one, Mapping):
        return str(one)
    if "field" in one:
        return f"{one['plural']}/{one['name']} {one['field']} {_said(one['before'])} to {_said(one['after'])}"
    return ", ".join(f"{name} {value}" for name, value in sorted(one.items()))
