"""The questions that pages ask, each answered once a snapshot and kept, with the SQL that answered it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import streamlit as st

from dashboards.recorded import Query
from dashboards.view import View
from pipeline.answers.actions import actions
from pipeline.answers.anomalies import anomalies
from pipeline.answers.answer import Answer
from pipeline.answers.budgets import budgets
from pipeline.answers.cost import cost, extent
from pipeline.answers.device_shares import device_shares
from pipeline.answers.drift import drift
from pipeline.answers.energy import energy
from pipeline.answers.histograms import histogram
from pipeline.answers.label_lags import label_lags
from pipeline.answers.marks import marks
from pipeline.answers.models import models
from pipeline.answers.network import extent as network_extent
from pipeline.answers.network import network
from pipeline.answers.network_outcomes import network_outcomes
from pipeline.answers.segments import segments
from pipeline.answers.status import status
from pipeline.answers.timeline import timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.budgets import Budget
from pipeline.budgets import load as plans
from pipeline.errors import NotFound
from pipeline.intensity import load as load_intensity
from pipeline.store import Store


class Asked(NamedTuple):
    answer: Answer
    queries: tuple[Query, ...]


def _actions(store: Store, _view: View, window: Window) -> Answer:
    return actions(store, window)


def _cost(store: Store, view: View, window: Window, by: tuple[str, ...]) -> Answer:
    return cost(store, window, by, view.book, view.currency, view.rule, view.owners)


def _extent(store: Store, _view: View, _window: Window) -> Answer:
    """No rows, but the window that GPU facts speak of."""
    return Answer((), (), None, None, window=extent(store))


def _device_shares(store: Store, _view: View, window: Window) -> Answer:
    return device_shares(store, window)


def _budgets(store: Store, view: View, _window: Window, now: datetime) -> Answer:
    return budgets(store, plans(view.settings.budgets.file), now, 0, view.book, view.rule, view.owners)


def _month(store: Store, view: View, _window: Window, now: datetime) -> Answer:
    """The month's whole cost as a budget of no meaning in its amount: what is asked for is the forecast."""
    whole = Budget("all", (), Decimal(10**12), view.currency)
    return budgets(store, (whole,), now, 0, view.book, view.rule, view.owners)


def _anomalies(store: Store, view: View, window: Window) -> Answer:
    return anomalies(store, window, ("team",), "day", view.book, view.currency, view.rule, view.owners)


def _models(store: Store, _view: View, window: Window) -> Answer:
    return models(store, window)


def _unit_costs(store: Store, view: View, window: Window) -> Answer:
    return unit_costs(store, window, (), view.book, view.currency, view.rule, view.owners)


def _status(store: Store, view: View, _window: Window) -> Answer:
    return status(store, view.now, view.book, view.currency)


def _timeline(store: Store, view: View, window: Window) -> Answer:
    return timeline(store, window, view.settings.dashboard.points)


def _marks(store: Store, _view: View, window: Window, model: str) -> Answer:
    return marks(store, window, model)


def _label_lags(store: Store, _view: View, window: Window, model: str) -> Answer:
    return label_lags(store, window, model)


def _segments(store: Store, _view: View, window: Window, model: str) -> Answer:
    return segments(store, window, model)


def _drift(store: Store, _view: View, window: Window) -> Answer:
    return drift(store, window)


def _joint_drift(store: Store, _view: View, window: Window, model: str) -> Answer:
    from pipeline.answers.joint_drift import joint_drift  # scikit-learn, which no other question needs

    return joint_drift(store, window, model)


def _histogram(store: Store, _view: View, window: Window, **which: str) -> Answer:
    return histogram(store, window, **which)


def _network_outcomes(store: Store, _view: View, window: Window, by: tuple[str, ...]) -> Answer:
    return network_outcomes(store, window, by)


def _network(store: Store, view: View, window: Window, by: tuple[str, ...]) -> Answer:
    return network(store, window, by, view.book, view.currency, view.owners)


def _network_extent(store: Store, _view: View, _window: Window) -> Answer:
    """No rows, but the window that flows speak of."""
    return Answer((), (), None, None, window=network_extent(store))


def _energy(store: Store, view: View, window: Window, by: tuple[str, ...]) -> Answer:
    return energy(store, window, by, load_intensity(view.settings.energy.intensity), view.owners)


QUESTIONS: dict[str, Callable[..., Answer]] = {
    "actions": _actions,
    "cost": _cost,
    "extent": _extent,
    "device_shares": _device_shares,
    "budgets": _budgets,
    "month": _month,
    "anomalies": _anomalies,
    "models": _models,
    "unit_costs": _unit_costs,
    "status": _status,
    "timeline": _timeline,
    "marks": _marks,
    "label_lags": _label_lags,
    "segments": _segments,
    "drift": _drift,
    "histogram": _histogram,
    "joint_drift": _joint_drift,
    "network": _network,
    "network_extent": _network_extent,
    "network_outcomes": _network_outcomes,
    "energy": _energy,
}


def ask(view: View, question: str, window: Window, **words: Any) -> Asked | None:
    """The answer to one of QUESTIONS, from the view's snapshot; None where the ledger has no such fact.

    `words` are the question's own, hashable; the rest of what it depends on is the view's.
    """
    try:
        return _asked(view, view.key, question, window, tuple(sorted(words.items())))
    except NotFound:
        return None


@st.cache_data(max_entries=64, ttl=600, show_spinner="Reading the ledger")
def _asked(
    _view: View, key: tuple[object, ...], question: str, window: Window, words: tuple[tuple[str, Any], ...]
) -> Asked:
    _view.store.asked.clear()
    answer = QUESTIONS[question](_view.store, _view, window, **dict(words))
    return Asked(answer, tuple(_view.store.asked))
