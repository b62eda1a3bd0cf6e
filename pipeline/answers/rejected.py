"""What was refused: by message and reason, or in sums by reason or topic, and how much of it is repaired."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from pipeline.answers.answer import Answer, Column
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.store import Store

COLUMNS = (
    Column("topic"),
    Column("topic_id", wide=True),
    Column("partition", kind="integer"),
    Column("offset", kind="integer"),
    Column("reason"),
    Column("rows", kind="integer"),
    Column("repaired", kind="integer"),
    Column("state"),
    Column("time", kind="time"),
    Column("detail"),
)
GROUPS = ("reason", "topic")

_ALL = 2**62
_BEGINNING, _END = datetime(1, 1, 1), datetime(9999, 12, 31)


def rejected(
    store: Store,
    window: Window | None = None,
    *,
    reason: str = "",
    by: tuple[str, ...] = (),
    limit: int = 100,
) -> Answer:
    """Refusals in the window (all without one), the newest first, at most `limit`; or their sums `by` groups.

    `rows` is unknown where nothing of a message was taken.  Raises ConfigError for another group.
    """
    for name in by:
        if name not in GROUPS:
            raise ConfigError("--by", name, f"write one of {', '.join(GROUPS)}")
    start, end = (window.start, window.end) if window else (_BEGINNING, _END)
    most = _ALL if by else limit
    found = store.query("rejected_list", start=start, end=end, reason=reason, limit=most).to_pylist()
    as_of = max((row["time"] for row in found), default=None)
    if by:
        columns, rows = _summed(found, by)
        return Answer(columns, rows, as_of, None, window=window, observed=False)
    shown = tuple(tuple(_cell(row, c.name) for c in COLUMNS) for row in found)
    notes: tuple[str, ...] = ()
    if found:
        notes = ("`driftledger rejected show TOPIC PARTITION OFFSET` shows one whole",)
    if found and found[0]["found"] > limit:
        notes += (
            f"{found[0]['found'] - limit} more are not shown; --limit shows more, --by reason sums them",
        )
    return Answer(COLUMNS, shown, as_of, None, notes, window=window, observed=False)


def _cell(row: dict[str, Any], name: str) -> Any:
    return _state(row["refusals"], row["repaired"]) if name == "state" else row[name]


def _state(refusals: int, repaired: int) -> str:
    return "open" if not repaired else "repaired" if repaired == refusals else "partly"


def _summed(
    found: list[dict[str, Any]], by: tuple[str, ...]
) -> tuple[tuple[Column, ...], tuple[tuple[Any, ...], ...]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        groups[tuple(row[name] for name in by)].append(row)
    counts = ("messages", "refusals", "repaired")
    columns = (*map(Column, by), *(Column(n, kind="integer") for n in counts), Column("newest", kind="time"))
    rows = [
        (
            *group,
            len({(r["topic"], r["topic_id"], r["partition"], r["offset"]) for r in of}),
            sum(r["refusals"] for r in of),
            sum(r["repaired"] for r in of),
            max(r["time"] for r in of),
        )
        for group, of in groups.items()
    ]
    return columns, tuple(sorted(rows, key=lambda row: (-row[len(by) + 1], row[: len(by)])))
