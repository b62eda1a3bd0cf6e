"""Why a step of a ladder was taken or refused, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.explain.gate_words import gate_words
from pipeline.explain.shown import time


def step_words(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Budgets, gates and what was to be changed."""
    yield f"Budgets, as of {time(evidence['now'])}:"
    for row in evidence["budgets"]:
        ends = row["forecast"] or "unknown"
        spent = f"{row['spent'] or 'unknown'} of {row['amount']} {row['currency']}"
        yield f"  {row['budget']}: {spent}, forecast {ends}"
    yield from gate_words(evidence)
    plan = evidence["decision"].get("plan") or {}
    if plan:
        yield "Any one gate that fails would have stopped it."
        yield "What is changed, each only while it is as it was read:"
    for key, value in sorted(plan.items()):
        for one in value if isinstance(value, list) else [value]:
            yield f"  {key}: {_words(one)}"


def _words(one: Any) -> str:
    if not isinstance(one, Mapping):
        return str(one)
    if "field" in one:
        return f"{one['plural']}/{one['name']} {one['field']} {one['before']} to {one['after']}"
    return ", ".join(f"{name} {value}" for name, value in sorted(one.items()))
