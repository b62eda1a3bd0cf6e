"""The questions that make up a cost answer, each over the tables that the one before it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from pipeline.answers.instants import hour_of, micros
from pipeline.answers.money import UNITS_PER_CARD
from pipeline.answers.window import HOUR, MINUTE
from pipeline.ownership.rules import Holder, Ownership
from pipeline.store import Store
from pipeline.wire import mig

DIMENSIONS = (
    "team", "cost_centre", "environment", "namespace", "workload", "pod", "container", "model",
    "model_version", "labels", "device", "resource", "node", "gpu_model", "cluster", "hour", "day",
)  # fmt: skip
"""What a line can be about, besides `bucket`, and label.NAME and annotation.NAME, which are in `labels`."""

HELD = "allocations_held"
"""The table of all holders: no name of a view, which a reader of an older ledger has of its own."""

_SEEN = pa.schema([("cluster", pa.string()), ("first", pa.int64()), ("as_of", pa.int64())])
_OWNERS = pa.schema(
    [
        *((name, pa.string()) for name in Holder._fields),
        *((edge, pa.int64()) for edge in "ab"),
        *((name, pa.string()) for name in ("owner", "cost_centre", "environment")),
    ]
)


def seen(store: Store, start: datetime = datetime(1970, 1, 1)) -> pa.Table:  # noqa: B008  frozen
    """How far each cluster is known, by its usage from `start` on, its devices and their holders."""
    return store.query("cost_seen", span_start=start)


def seen_again(noted: Sequence[Sequence[object]]) -> pa.Table:
    """What `seen` gave, from its rows as a note holds them."""
    return pa.Table.from_pylist([dict(zip(_SEEN.names, row, strict=True)) for row in noted], schema=_SEEN)


def inventory(store: Store) -> pa.Table:
    """Every version of every device, with its part of its card in units: a whole one but for MIG."""
    found = store.once("cost_inventory")
    pairs = zip(found["mig_profile"].to_pylist(), found["gpu_model"].to_pylist(), strict=True)
    units = [int(UNITS_PER_CARD * mig.share(*pair)) if pair[0] else UNITS_PER_CARD for pair in pairs]
    return found.append_column("profile_units", pa.array(units, pa.int64()))


def known(
    store: Store,
    cells: pa.Table,
    seen: pa.Table,
    inventory: pa.Table,
    owners: Ownership,
    shared_namespaces: Sequence[str] = (),
) -> dict[str, pa.Table]:
    """What the grain rests on beside usage: how far the ledger reaches, devices, and who holds them."""
    versions = store.query("cost_versions", tables={"inventory": inventory})
    found = {"seen": seen, "inventory": inventory, "versions": versions}
    # A table of the lake costs some 15 ms each time that a question names it, however small it is.
    held = {HELD: store.once("cost_allocations")}
    given = {**found, **held, "owners": _owners(store, held, owners)}
    holders = store.query("cost_holders", tables=given, shared_namespaces=list(shared_namespaces))
    return {"cells": cells, **found, "holders": holders}


def _owners(store: Store, held: Mapping[str, pa.Table], owners: Ownership) -> pa.Table:
    """Who owns what each of all holders holds, and from when to when."""
    rows = [
        (*holder, micros(span.start), micros(span.end), *span.owner)
        for holder in (Holder(**row) for row in store.query("cost_known_holders", tables=held).to_pylist())
        for span in owners.spans(holder)
    ]
    return pa.Table.from_pylist([dict(zip(_OWNERS.names, row, strict=True)) for row in rows], schema=_OWNERS)


def grain(store: Store, tables: dict[str, pa.Table], end: datetime) -> pa.Table:
    """What each holder had of each card in each cell; `tables` are those of `known`.

    A table `gpu_usage` among them is read instead of the ledger's.
    """
    read = ("cells", "seen", "inventory", "versions", "holders", "gpu_usage")
    tables = {name: tables[name] for name in read if name in tables}
    return store.query(
        "cost_grain", tables=tables, span_start=tables["cells"]["hour"][0].as_py(), span_end=end
    )


def worked(store: Store, tables: dict[str, pa.Table], end: datetime, *, most: bool) -> pa.Table:
    """The grain, with the work of shared devices split by their processes where these were seen.

    An hour's processes split all of it, so that its parts sum to it.  Of CPUs and memory each pod has what it
    used; `most`: also where that is more than it holds.
    """
    found = grain(store, tables, end)
    hours = {"span_start": tables["cells"]["hour"][0].as_py(), "span_end": hour_of(end + HOUR - MINUTE)}
    if not store.query("process_rows", **hours)["rows"][0].as_py():
        return found
    given = {"cells": tables["cells"], "holders": tables["holders"]}
    found = store.query("cost_processes", tables=given | {"grain": found}, **hours)
    given |= {name: tables[name] for name in ("versions", "seen")}
    return store.query("cost_node_usage", tables=given | {"grain": found}, **hours, most=most)
