"""How a language model's answer ended and how long it was, as features: their drift is a model's drift.

The answer itself is never looked at; whether it is a refusal is what its server says.
"""

from __future__ import annotations

from typing import Any

from collectors.live.inference.found import Row, text
from collectors.live.inference.rules import Rule

_REFUSALS = frozenset({"content_filter", "refusal", "safety"})
"""Finish reasons that are refusals (OpenAI; Anthropic; Gemini)."""
_LONGEST = 64
"""Characters of a reason; a longer text is none."""


def features(row: Row, reasons: list[Any], rule: Rule, refused: bool | None = None) -> Row:
    """The row with `finish_reason`, `refusal`, `tokens_in` and `tokens_out` among its features, where known.

    What the model's rule does not let leave is not among them.

    `reasons` are those of the answer's choices, of which the first counts; `refused` None is what they say.
    """
    named = [word.lower() for reason in reasons if (word := text(reason)) and len(word) <= _LONGEST]
    found: Row = {}
    if named:
        found["finish_reason"] = named[0]
    if named or refused is not None:
        found["refusal"] = "yes" if refused or _REFUSALS & set(named) else "no"
    for name in ("tokens_in", "tokens_out"):
        if row.get(name) is not None:
            found[name] = float(row[name])
    kept = rule.features(found)
    return {**row, "features": kept} if kept else row
