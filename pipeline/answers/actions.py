"""What was proposed, done, refused and undone: each action once, with its newest state."""

from __future__ import annotations

from pipeline.answers.answer import Answer, Column
from pipeline.answers.window import Window
from pipeline.store import Store

COLUMNS = (
    Column("action", kind="identity"),
    Column("last", kind="time"),
    Column("state"),
    Column("kind"),
    Column("cluster", wide=True),
    Column("namespace", wide=True),
    Column("workload"),
    Column("model", wide=True),
    Column("model_version"),
    Column("to_version"),
    Column("rule", wide=True),
    Column("first", kind="time", wide=True),
    Column("snapshot", kind="integer", wide=True),
    Column("outcome"),
    Column("detail"),
)


def actions(store: Store, window: Window) -> Answer:
    """Actions with a step in the window, the newest first."""
    found = store.query("actions_list", start=window.start, end=window.end).to_pylist()
    rows = tuple(tuple(row[c.name] or None for c in COLUMNS) for row in found)
    as_of = max((row["last"] for row in found), default=None)
    return Answer(COLUMNS, rows, as_of, None, window=window)
