"""Cilium Hubble flows as JSON lines (export file, `hubble observe -o json`) to `flow` events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from collectors.hubble.columns import flow_table
from collectors.hubble.lines import Decoded, Line, decode_lines
from collectors.hubble.times import microseconds
from collectors.parsed import GAPS_SCHEMA, Parsed
from pipeline.events import TYPES, Rejected


@dataclass(slots=True)
class _Account:
    read: int = 0
    tables: list[pa.Table] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    lost: list[Line] = field(default_factory=list)


def parse(data: bytes, *, cluster: str) -> Parsed:
    """One event a flow.  The unit counted is a line that is not blank; rows are numbered among those.

    Agent and debug events, node states and loss reports are no flows and are left out by those names;
    what was lost is kept in `gaps`.  A line that Hubble aggregated from several flows counts as one.
    """
    return taken(decode_lines(data), cluster)


def taken(runs: Iterable[list[Decoded]], cluster: str) -> Parsed:
    """`parse` of what is decoded already, wherever it came from."""
    account = _Account()
    for run in runs:
        _take(run, cluster, account)
    tables = account.tables or [TYPES["flow"].schema.empty_table()]
    flows = pa.concat_tables(tables)
    gaps = _gaps(account.lost, cluster)
    rejected = tuple(sorted(account.rejected, key=lambda r: r.row or 0))
    return Parsed(account.read, flows.num_rows, {"flow": flows}, account.excluded, rejected, gaps)


def _take(run: list[Decoded], cluster: str, account: _Account) -> None:
    flows = [line.flow for line in run if type(line) is Line and line.flow is not None]
    rows: Sequence[int] = range(account.read, account.read + len(run))
    if len(flows) < len(run):
        rows = [row for row, line in zip(rows, run, strict=True) if type(line) is Line and line.flow]
        for line in run:
            if isinstance(line, Rejected):
                account.rejected.append(line)
            elif line.flow is None:
                _leave_out(line, account)
    account.read += len(run)
    table, refused = flow_table(flows, rows, cluster)
    account.tables.append(table)
    account.rejected.extend(refused)


def _leave_out(line: Line, account: _Account) -> None:
    kinds = ("lost_events", "node_status", "agent_event", "debug_event")
    account.excluded[next(kind for kind in kinds if getattr(line, kind) is not None)] += 1
    if line.lost_events is not None:
        account.lost.append(line)


def _gaps(lines: list[Line], cluster: str) -> pa.Table:
    """Losses with the bounds that Hubble tells, else at the time of the report."""
    losses = [(line, line.lost_events) for line in lines if line.lost_events is not None]
    starts, ends = (
        microseconds([told or line.time for told, line in bounds]).cast(pa.timestamp("us")).to_pylist()
        for bounds in (
            [(lost.first, line) for line, lost in losses],
            [(lost.last, line) for line, lost in losses],
        )
    )
    rows = [
        {
            "cluster": cluster,
            "source": f"hubble/{line.node_name}",
            "kind": "lost_events",
            "start": start,
            "end": end,
            "lost": _number(str(lost.num_events_lost)),
            "detail": lost.source,
        }
        for (line, lost), start, end in zip(losses, starts, ends, strict=True)
    ]
    return pa.Table.from_pylist(rows, GAPS_SCHEMA)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
