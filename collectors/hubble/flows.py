"""Cilium Hubble flows as JSON lines (export file, `hubble observe -o json`) to `flow` events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from collectors.hubble.columns import flow_table
from collectors.hubble.gathered import Gathered
from collectors.hubble.lines import Decoded, Flow, Other, decode_lines, kind
from collectors.hubble.times import microseconds
from collectors.parsed import GAPS_SCHEMA, Parsed
from pipeline.events import Rejected


@dataclass(slots=True)
class _Account:
    read: int = 0
    waiting: Gathered = field(default_factory=Gathered)
    tables: list[pa.Table] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    lost: list[Other] = field(default_factory=list)


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
        _take(run, account)
        del run  # its memory serves the next one
        if account.waiting.full:
            _make(account, cluster)
    if account.waiting.count or not account.tables:
        _make(account, cluster)
    flows = pa.concat_tables(account.tables)
    gaps = _gaps(account.lost, cluster)
    rejected = tuple(sorted(account.rejected, key=lambda r: r.row or 0))
    return Parsed(account.read, flows.num_rows, {"flow": flows}, account.excluded, rejected, gaps)


def _take(run: list[Decoded], account: _Account) -> None:
    flows = [line for line in run if type(line) is Flow]
    rows: Sequence[int] = range(account.read, account.read + len(run))
    if len(flows) < len(run):
        rows = [row for row, line in zip(rows, run, strict=True) if type(line) is Flow]
        for line in run:
            if isinstance(line, Rejected):
                account.rejected.append(line)
            elif isinstance(line, Other):
                _leave_out(line, account)
    account.read += len(run)
    account.waiting.add(flows, rows)


def _make(account: _Account, cluster: str) -> None:
    table, refused = flow_table(account.waiting, cluster)
    account.waiting = Gathered()
    account.tables.append(table)
    account.rejected.extend(refused)


def _leave_out(line: Other, account: _Account) -> None:
    account.excluded[str(kind(line))] += 1
    if line.lost_events is not None:
        account.lost.append(line)


def _gaps(lines: list[Other], cluster: str) -> pa.Table:
    """Losses with the bounds that Hubble tells, else at the time of the report."""
    losses = [(line, line.lost_events) for line in lines if line.lost_events is not None]
    starts, ends = (
        microseconds(pa.array([told or line.time for told, line in bounds], pa.string()))
        .cast(pa.timestamp("us"))
        .to_pylist()
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
