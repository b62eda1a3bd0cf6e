"""What was proposed, done, refused and undone: each action once, with its newest state."""

from __future__ import annotations

from typing import Any

from pipeline.answers.answer import Answer, Column
from pipeline.answers.window import Window
from pipeline.errors import NotFound
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
    rows = tuple(tuple(_of(row[c.name]) for c in COLUMNS) for row in found)
    as_of = max((row["last"] for row in found), default=None)
    return Answer(COLUMNS, rows, as_of, None, window=window, observed=False)


def _of(value: Any) -> Any:
    """What a person says of a rule is about no workload, which is written "/"."""
    return None if value in ("", "/") else value


def only(store: Store, beginning: str) -> str:
    """The id of the one action that begins so.  Raises NotFound for none or several."""
    rows = store.query("action_rows", prefix=beginning).to_pylist()
    ids = list(dict.fromkeys(r["action_id"] for r in rows))
    if not ids or not beginning:
        raise NotFound(f"no action {beginning!r} in this ledger; `driftledger actions` lists them")
    if len(ids) > 1:
        raise NotFound(f"{len(ids)} actions start with {beginning!r}: {', '.join(i[:16] for i in ids[:5])}")
    return str(ids[0])
