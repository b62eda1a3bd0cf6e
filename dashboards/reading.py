"""What the overview shows, read from one snapshot of the ledger, so that all its numbers agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.answers.actions import actions
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.models import models
from pipeline.answers.status import status
from pipeline.answers.timeline import newest, timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import MINUTE, Window
from pipeline.errors import NotFound
from pipeline.lake.location import Place
from pipeline.ownership.rules import Ownership
from pipeline.settings.cost import CostRule
from pipeline.store import Store

SPANS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


@dataclass(frozen=True)
class Overview:
    """Answers of one snapshot and window; `spend` is None where the ledger holds no GPU fact."""

    snapshot: int
    window: Window
    spend: Answer | None
    models: Answer
    units: Answer
    timeline: Answer
    actions: Answer
    status: Answer


def latest(place: Place) -> tuple[int, datetime | None]:
    """The newest snapshot, and the last instant that it speaks of; NotFound where there is no ledger."""
    with Store.open(place, read_only=True) as store:
        return store.snapshot(), newest(store)


def window(last: datetime, span: str) -> Window:
    """The span that ends with the minute of `last`: a ledger that stopped is shown up to where it stopped."""
    end = last.replace(second=0, microsecond=0)
    end += MINUTE * (end < last)
    return Window(end - SPANS[span], end)


def overview(
    place: Place, snapshot: int, span: Window, points: int, now: datetime, rule: CostRule, owners: Ownership
) -> Overview:
    """Everything on the page; `points` bounds a line of the timeline."""
    with Store.open(place, snapshot=snapshot) as store:
        return Overview(
            snapshot,
            span,
            _spend(store, span, rule, owners),
            models(store, span),
            unit_costs(store, _whole(span, rule), rule=rule, owners=owners),
            timeline(store, span, points),
            actions(store, span),
            status(store, now),
        )


def _whole(span: Window, rule: CostRule) -> Window:
    """Costs that are spread are asked for by whole hours."""
    return span.from_whole_hour() if rule.spreads else span


def _spend(store: Store, span: Window, rule: CostRule, owners: Ownership) -> Answer | None:
    try:
        return cost(store, _whole(span, rule), ("hour", "team"), rule=rule, owners=owners)
    except NotFound:
        return None
