"""What the overview shows, read from one snapshot of the ledger, so that all its numbers agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dashboards.questions import Asked, Recorded
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
    """Answers of one snapshot and window; `spend` is None where the ledger holds no GPU fact.

    Those that are tables have the SQL that answered them beside them.
    """

    snapshot: int
    window: Window
    spend: Asked | None
    models: Asked
    units: Asked
    timeline: Answer
    actions: Asked
    status: Asked


def latest(place: Place) -> tuple[int, datetime | None]:
    """The newest snapshot, and the last instant that it speaks of; NotFound where there is no ledger."""
    with Store.open(place, read_only=True) as store:
        return store.snapshot(), newest(store)


def overview(view: View) -> Overview:
    """Everything on the page; setting dashboard.points bounds a line of the timeline."""
    with Recorded.open(view.ledger, snapshot=view.snapshot) as store:
        priced = (view.book, view.currency, view.rule, view.owners)

        def asked(make: Callable[[], Answer]) -> Asked:
            store.asked.clear()
            return Asked(make(), tuple(store.asked))

        try:
            spend = asked(lambda: cost(store, view.window, ("hour", "team"), *priced))
        except NotFound:
            spend = None
        return Overview(
            view.snapshot,
            view.window,
            spend,
            asked(lambda: models(store, view.window)),
            asked(lambda: unit_costs(store, view.window, (), *priced)),
            timeline(store, view.window, view.settings.dashboard.points),
            asked(lambda: actions(store, view.window)),
            asked(lambda: status(store, view.now, view.book, view.currency)),
        )
