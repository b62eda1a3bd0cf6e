"""Who holds which part of which device: whole cards, MIG partitions, time slices and shared claims alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost import extent
from pipeline.answers.window import Window
from pipeline.store import Store

COLUMNS = (
    Column("cluster"), Column("node"), Column("card"), Column("gpu_model"),
    Column("mig_profile"), Column("method"), Column("share", kind="ratio"), Column("namespace"),
    Column("workload"), Column("pod"), Column("start", kind="time"), Column("end", kind="time"),
    Column("hours", "hours", "decimal"), Column("device", wide=True),
)  # fmt: skip
SHARE = (
    "share is of the device: of the partition where there is a MIG profile; unknown where no units are known"
)


def device_shares(store: Store, window: Window) -> Answer:
    """A row a holder and device in the window; NotFound where the ledger has no GPU fact.

    A share that more than fills its device is shown as it was said; the cost answer scales it down.
    """
    with store.steady():
        as_of: datetime = extent(store).end
        tables = {
            "seen": store.query("cost_seen", span_start=window.start),
            "inventory": store.query("cost_inventory"),
        }
        found = store.query("device_shares", tables=tables, start=window.start, end=window.end).to_pylist()
    return Answer(COLUMNS, tuple(map(_row, found)), as_of, None, (SHARE,), window=window)


def _row(row: dict[str, Any]) -> tuple[Value, ...]:
    units, whole = row["share_units"], row["device_units"]
    share = units / whole if units is not None and whole else None
    values = {**row, "share": share, "hours": Decimal(str(round(row["hours"], 6)))}
    return tuple(None if values[c.name] == "" else values[c.name] for c in COLUMNS)
