"""What happened to a model, as marks on its time axis: versions that began to serve, alerts and actions."""

from __future__ import annotations

from datetime import datetime

from pipeline.answers.actions import actions
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.timeline import newest
from pipeline.answers.window import Window
from pipeline.store import Store

COLUMNS = (Column("time", kind="time"), Column("kind"), Column("model_version"), Column("what"))
DEPLOY, ALERT, ACTION = "deploy", "alert", "action"
_BEGINNING = datetime(1970, 1, 1)


def marks(store: Store, window: Window, model: str) -> Answer:
    """Rows in the order of time; the version with which the ledger first knows the model is no deploy."""
    with store.steady():
        rows = [
            *_deploys(store, window, model),
            *_alerts(store, window, model),
            *_actions(store, window, model),
        ]
        as_of = newest(store)
    rows.sort(key=lambda row: (str(row[0]), str(row[1]), str(row[2])))
    return Answer(COLUMNS, tuple(rows), as_of, None, window=window)


def _deploys(store: Store, window: Window, model: str) -> list[tuple[Value, ...]]:
    known = store.query("model_versions", start=_BEGINNING, end=window.end).to_pylist()
    versions = [row for row in known if row["model"] == model]
    first = min((row["first"] for row in versions), default=window.end)
    return [
        (row["first"], DEPLOY, row["model_version"], f"version {row['model_version']} serves")
        for row in versions
        if row["first"] > max(first, window.start)
    ]


def _alerts(store: Store, window: Window, model: str) -> list[tuple[Value, ...]]:
    found = store.query("model_alerts", model=model, start=window.start, end=window.end).to_pylist()
    return [(r["time"], ALERT, r["model_version"], f"{r['detector']} {r['level']}") for r in found]


def _actions(store: Store, window: Window, model: str) -> list[tuple[Value, ...]]:
    rows = actions(store, window).named()
    return [
        (
            r["last"],
            ACTION,
            r["model_version"],
            f"{r['kind']} {r['state']}: {r['model_version']} → {r['to_version']}",
        )
        for r in rows
        if r["model"] == model
    ]
