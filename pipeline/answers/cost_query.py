"""The questions that make up a cost answer, each over the tables that the one before it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import pyarrow as pa

from pipeline.answers import cost_days
from pipeline.answers.money import UNITS_PER_CARD
from pipeline.answers.window import Window
from pipeline.ownership.rules import MATCHED, Holder, Ownership
from pipeline.settings.cost import CostRule, Method, Split
from pipeline.store import Store
from pipeline.wire import mig

DIMENSIONS = (
    "team", "cost_centre", "environment", "namespace", "workload", "pod", "model", "model_version",
    "device", "resource", "node", "gpu_model", "cluster", "hour", "day",
)  # fmt: skip
"""What a line can be about, besides `bucket`."""

_OWNERS = pa.schema(
    [
        *((name, pa.string()) for name in MATCHED),
        *((edge, pa.int64()) for edge in "ab"),
        *((name, pa.string()) for name in ("owner", "cost_centre", "environment")),
    ]
)


def lines(
    store: Store,
    cells: pa.Table,
    prices: pa.Table,
    window: Window,
    by: Sequence[str],
    rule: CostRule,
    owners: Ownership,
) -> pa.Table:
    """GPU time (su) and cost (nano) by the dimensions of `by`; the columns are those of cost_lines.sql.

    `cells` are the priced hours of the window and `prices` its prices, as cost_lines.sql says.
    """
    spread = {"idle": rule.idle, "shared": rule.shared, "usage": rule.method is Method.usage}
    parts = rule.split or Split(0, 0, 0)
    split = {f"{name}_part": value for name, value in asdict(parts).items() if name != "whole"}
    given = {**spread, **split, "whole_parts": parts.whole}
    tables = {**known(store, cells, owners, rule.namespaces), "price": prices}

    def compute(some: pa.Table, by: Sequence[str]) -> pa.Table:
        held = {**tables, "cells": some}
        held["grain"] = grain(store, held, from_micros(some["b"][-1].as_py()))
        asked = {f"by_{dimension}": dimension in by for dimension in DIMENSIONS}
        wanted = {name: held[name] for name in ("grain", "cells", "holders", "price")}
        return store.query("cost_lines", tables=wanted, **asked, **given)

    with store.steady():
        return cost_days.lines(store, tables, window, by, DIMENSIONS, f"{given}", compute)


def known(
    store: Store, cells: pa.Table, owners: Ownership, shared_namespaces: Sequence[str] = ()
) -> dict[str, pa.Table]:
    """What the grain rests on beside usage: how far the ledger reaches, devices, and who holds them."""
    seen = store.query("cost_seen", span_start=cells["hour"][0].as_py())
    inventory = _with_units(store.query("cost_inventory"))
    versions = store.query("cost_versions", tables={"inventory": inventory})
    found = {"seen": seen, "inventory": inventory, "versions": versions}
    given = {**found, "owners": _owners(store, owners)}
    holders = store.query("cost_holders", tables=given, shared_namespaces=list(shared_namespaces))
    return {"cells": cells, **found, "holders": holders}


def _owners(store: Store, owners: Ownership) -> pa.Table:
    """Who owns what each of all holders holds, and from when to when."""
    rows = [
        (*holder, micros(span.start), micros(span.end), *span.owner)
        for holder in (Holder(**values) for values in store.query("cost_known_holders").to_pylist())
        for span in owners.spans(holder)
    ]
    return pa.Table.from_pylist([dict(zip(_OWNERS.names, row, strict=True)) for row in rows], schema=_OWNERS)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def from_micros(us: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=us)


def _with_units(inventory: pa.Table) -> pa.Table:
    """Each device's part of its card, in units: a whole one but for MIG."""
    pairs = zip(inventory["mig_profile"].to_pylist(), inventory["gpu_model"].to_pylist(), strict=True)
    units = [int(UNITS_PER_CARD * mig.share(*pair)) if pair[0] else UNITS_PER_CARD for pair in pairs]
    return inventory.append_column("profile_units", pa.array(units, pa.int64()))


def grain(store: Store, tables: dict[str, pa.Table], end: datetime) -> pa.Table:
    """What each holder had of each card in each cell; `tables` are those of `known`.

    A table `gpu_usage` among them is read instead of the ledger's.
    """
    read = ("cells", "seen", "inventory", "versions", "holders", "gpu_usage")
    tables = {name: tables[name] for name in read if name in tables}
    return store.query(
        "cost_grain", tables=tables, span_start=tables["cells"]["hour"][0].as_py(), span_end=end
    )
