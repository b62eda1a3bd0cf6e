"""What was told to somebody: the newest state of each alert, and who has taken it."""

from __future__ import annotations

from pipeline.answers.answer import Answer, Column
from pipeline.answers.window import Window
from pipeline.store import Store

COLUMNS = (
    Column("alert", kind="identity"),
    Column("time", kind="time"),
    Column("state"),
    Column("level"),
    Column("detector"),
    Column("model"),
    Column("model_version"),
    Column("since", kind="time"),
    Column("taken_by"),
    Column("detail", wide=True),
)


def alerts(store: Store, window: Window) -> Answer:
    """One row an alert whose newest state is of the window, the newest first."""
    rows = store.query("alerts_list", start=window.start, end=window.end).to_pylist()
    names = [column.name for column in COLUMNS]
    found = tuple(tuple(row[name] for name in names) for row in rows)
    newest = max((row["time"] for row in rows), default=None)
    return Answer(COLUMNS, found, newest, None, window=window, observed=False)
