"""The questions that make up a cost answer, each over the tables that the one before it gave."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipeline.answers.window import Window
from pipeline.store import Store

DIMENSIONS = (
    "team", "namespace", "workload", "pod", "model", "model_version",
    "device", "node", "gpu_model", "cluster", "hour", "day",
)  # fmt: skip
"""What a line can be about, besides `bucket`."""


def lines(store: Store, cells: pa.Table, prices: pa.Table, window: Window, by: Sequence[str]) -> pa.Table:
    """GPU time (su) and cost (nano) by the dimensions of `by`; the columns are those of cost_lines.sql.

    `cells` are the priced hours of the window and `prices` its prices, as cost_lines.sql says.
    """
    span = {"span_start": cells["hour"][0].as_py(), "span_end": window.end}
    seen = store.query("cost_seen", span_start=span["span_start"])
    inventory = store.query("cost_inventory")
    known = {"seen": seen, "inventory": inventory}
    holders = store.query("cost_holders", tables=known)
    held = {"cells": cells, "holders": holders}
    grain = store.query("cost_grain", tables={**known, **held}, **span)
    asked = {f"by_{dimension}": dimension in by for dimension in DIMENSIONS}
    return store.query("cost_lines", tables={**held, "grain": grain, "price": prices}, **asked)
