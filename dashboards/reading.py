"""What the overview shows, read from one snapshot of the ledger, so that all its numbers agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.view import View
from pipeline.answers.actions import actions
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.models import models
from pipeline.answers.status import status
from pipeline.answers.timeline import newest, timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.lake.location import Place
from pipeline.store import Store


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


def overview(view: View) -> Overview:
    """Everything on the page; setting dashboard.points bounds a line of the timeline."""
    with Store.open(view.ledger, snapshot=view.snapshot) as store:
        priced = (view.book, view.currency, view.rule, view.owners)
        return Overview(
            view.snapshot,
            view.window,
            _spend(store, view),
            models(store, view.window),
            unit_costs(store, view.window, (), *priced),
            timeline(store, view.window, view.settings.dashboard.points),
            actions(store, view.window),
            status(store, view.now, view.book, view.currency),
        )


def _spend(store: Store, view: View) -> Answer | None:
    try:
        return cost(store, view.window, ("hour", "team"), view.book, view.currency, view.rule, view.owners)
    except NotFound:
        return None
