"""A ladder's step verified by money once it has ended: what its namespace cost before it and meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.act import outcome
from pipeline.act.events import Publisher
from pipeline.act.outcome import Result
from pipeline.canonical import canonical, instant
from pipeline.explain.effect import Effect, Side, effect
from pipeline.policy.reading import past_steps
from pipeline.prices.book import PriceBook
from pipeline.store import Store

SAME = Decimal("0.01")
"""Share of the cost before within which the cost afterwards is no other one."""
LATEST = timedelta(days=7)
"""After a step's end nobody waits for its costs any longer."""


def measured(store: Store, publisher: Publisher, prices: PriceBook, currency: str, now: datetime) -> None:
    """One outcome for each step that has ended and whose costs are known until then."""
    ended = [
        p for p in past_steps(store)
        if p.ended_at and p.kind != "notify" and now - p.ended_at < LATEST
    ]  # fmt: skip
    told = {row["action_id"] for row in store.rows("outcomes").to_pylist()} if ended else set()
    waiting = [p for p in ended if p.action_id not in told]
    newest = store.query("newest").column("last")[0].as_py() if waiting else None
    for past in waiting:
        if past.ended_at is None or newest is None or newest < past.ended_at:
            continue
        steps = store.query("action_rows", prefix=past.action_id).to_pylist()
        found = effect(store, steps, prices, currency)
        if found is not None:
            outcome.tell(publisher, past.action_id, _result(found), _evidence(found), found.words, now)


def _result(found: Effect) -> Result:
    """A step that only holds what there is does its work where nothing became dearer."""
    before, after = found.before.hourly, found.after.hourly
    if before is None or after is None:
        return "unknown"
    if abs(after - before) <= before * SAME:
        return "no-change"
    return "helped" if after < before else "harmed"


def _evidence(found: Effect) -> str:
    def side(of: Side) -> dict[str, object]:
        return {"start": instant(of.start), "end": instant(of.end), "cost": of.cost}

    return canonical(
        {
            "before": side(found.before),
            "after": side(found.after),
            "currency": found.currency,
            "saved": found.saved,
        }
    )
