"""A step's decision computed again from its own evidence."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipeline.canonical import moment
from pipeline.policy.climb import due
from pipeline.policy.decisions import Gate
from pipeline.policy.file import parse
from pipeline.policy.money import Standing
from pipeline.policy.past_steps import PastStep
from pipeline.policy.step_decision import Known, StepDecision, decided, refused

_TIMES = ("start", "end", "exhausted", "as_of")
_AMOUNTS = ("amount", "spent", "forecast", "forecast_low", "forecast_high")


def again(evidence: Mapping[str, Any], snapshot: int) -> StepDecision | None:
    """None where the step would not be due.

    What the cluster and the price book said is taken from the evidence; policy, gates and identity are not.
    """
    standings = {row["budget"]: _standing(row) for row in evidence["budgets"]}
    known = Known(
        policy=parse(evidence["policy"]["text"]),
        standings=standings,
        history=tuple(_past(row) for row in evidence["history"]),
        muted={name: moment(text) for name, text in evidence["muted"].items()},
        now=moment(evidence["now"]),
        snapshot=snapshot,
    )
    key = (evidence["rule"], evidence["ladder"]["step"], evidence["ladder"]["namespace"])
    for one in due(known.policy, standings, known.history, known.now, known.muted):
        if (one.ladder.name, one.rung.step, one.namespace) == key:
            if one.failed is not None:
                return refused(one, one.failed, known)
            told = evidence["decision"]
            if "refused" in told:  # by what the cluster said
                return refused(one, Gate(told["refused"], False, told["detail"]), known)
            return decided(one, told["plan"], known)
    return None


def _standing(row: Mapping[str, Any]) -> Standing:
    times = {n: moment(row[n]) if row[n] else None for n in _TIMES}
    amounts = {n: Decimal(row[n]) if row[n] is not None else None for n in _AMOUNTS}
    return Standing(**{**row, **times, **amounts})


def _past(row: Mapping[str, Any]) -> PastStep:
    times = {n: moment(row[n]) if row[n] else None for n in ("acted_at", "ended_at")}
    return PastStep(**{**row, **times})
