"""One row of unit costs: what a thousand requests, right answers and answers in time, or tokens, cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from detectors.intervals import wilson
from pipeline.answers.answer import Column, Value
from pipeline.answers.drift_cost import Key, Named
from pipeline.answers.unit_price import THOUSAND, DriftCost, per, tokens


@dataclass(frozen=True, slots=True)
class Quality:
    """What labels and the objective say of a version; zero is that they say nothing."""

    labelled: int = 0
    errors: int = 0
    timed: int = 0
    over: int = 0
    astride: int = 0
    """Timed requests in the latency bucket that holds the objective: in time or not."""
    drift_since: datetime | None = None
    cost_of_drift: DriftCost = DriftCost()


def columns_in(currency: str) -> tuple[Column, ...]:
    def money(name: str, wide: bool = False) -> Column:
        return Column(name, currency, "money", wide)

    def count(name: str, wide: bool = False) -> Column:
        return Column(name, kind="integer", wide=wide)

    return (
        money("cost"), money("used_cost"), count("requests"), money("cost_per_1k_requests"),
        count("tokens_in", True), count("tokens_out", True),
        money("cost_per_1m_tokens_in"), money("cost_per_1m_tokens_out"),
        money("used_cost_per_1m_tokens_in", True), money("used_cost_per_1m_tokens_out", True),
        Column("token_basis", wide=True),
        count("timed", True), count("in_time", True), money("cost_per_1k_in_time"),
        money("cost_per_1k_in_time_high", True),
        count("labelled", True), Column("accuracy", kind="ratio"), money("cost_per_1k_correct"),
        money("cost_per_1k_correct_low", True), money("cost_per_1k_correct_high", True),
        Column("estimated_accuracy", kind="ratio", wide=True), money("cost_per_1k_correct_estimated", True),
        money("cost_per_1k_correct_estimated_low", True), money("cost_per_1k_correct_estimated_high", True),
        Column("drift_since", kind="time", wide=True), money("cost_of_drift"),
        money("cost_of_drift_low", True), money("cost_of_drift_high", True),
        Column("currency", wide=True), Column("rule", wide=True),
    )  # fmt: skip


def row_of(
    key: Key, paid: Named, served: Named, quality: Quality, currency: str, rule: str
) -> tuple[Value, ...]:
    spent, requests = paid.get("total_cost"), served.get("requests")
    read, written = served.get("tokens_in"), served.get("tokens_out")
    times = served.get("prefill_seconds"), served.get("decode_seconds")
    priced = tokens(spent, read, written, *times)
    used = tokens(paid.get("used_cost"), read, written, *times)
    in_time = quality.timed - quality.over
    return (
        *key, spent, paid.get("used_cost"), requests, per(spent, requests, THOUSAND),
        read, written, *priced[:2], *used[:2], priced.basis,
        quality.timed, in_time, per(spent, _part(requests, in_time, quality.timed), THOUSAND),
        per(spent, _part(requests, in_time - quality.astride, quality.timed), THOUSAND),
        *_correct(spent, requests, quality),
        *_estimated(spent, requests, served),
        quality.drift_since, *quality.cost_of_drift,
        currency, rule,
    )  # fmt: skip


def _correct(spent: Decimal | None, requests: int | None, quality: Quality) -> tuple[Value, ...]:
    """labelled, accuracy, cost of a thousand right answers, and its bounds: those of the accuracy, turned."""
    labelled, right = quality.labelled, quality.labelled - quality.errors
    if not labelled:
        return 0, None, None, None, None
    low, high = _bounds(spent, requests, Fraction(right), labelled)
    return labelled, right / labelled, per(spent, _part(requests, right, labelled), THOUSAND), low, high


def _estimated(spent: Decimal | None, requests: int | None, served: Named) -> tuple[Value, ...]:
    count, right = served.get("estimated_count"), served.get("estimated_correct")
    if not count or right is None:
        return None, None, None, None
    share = Fraction(right) / count
    value = per(spent, requests * share if requests else None, THOUSAND)
    return float(share), value, *_bounds(spent, requests, Fraction(right), count)


def _bounds(
    spent: Decimal | None, requests: int | None, right: Fraction, count: int
) -> tuple[Decimal | None, ...]:
    """Cost of a thousand right answers at the upper and at the lower bound of the accuracy."""
    bounds = wilson(float(right), count)
    shares = (Fraction(bounds.high), Fraction(bounds.low))
    return tuple(per(spent, requests * share if requests else None, THOUSAND) for share in shares)


def _part(requests: int | None, hits: int, count: int) -> Fraction | None:
    """All requests, scaled by what is known of some."""
    return Fraction(requests * hits, count) if requests and count else None
