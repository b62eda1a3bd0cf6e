"""Parsed flows made ready for the ledger: their places filled in, repeated connections told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from collectors.live.hubble.connections import Window, once
from collectors.live.hubble.places import Places
from collectors.parsed import GAPS_SCHEMA, Parsed


class GapRow(NamedTuple):
    """A known loss, in the columns of GAPS_SCHEMA but the cluster; times in microseconds since 1970 UTC."""

    source: str
    kind: str
    start: int
    end: int
    lost: int | None
    detail: str


def completed(parsed: Parsed, places: Places, window: Mapping[str, int]) -> tuple[Parsed, Window]:
    """The same account with its flows completed, and the connections to remember."""
    flows, after = once(places.fill(parsed.events["flow"]), window)
    return replace(parsed, events={**parsed.events, "flow": flows}), after


def with_gaps(parsed: Parsed, cluster: str, rows: Iterable[GapRow]) -> Parsed:
    """`rows` beside the gaps that the source itself told; a start after the end is the end."""
    made = [
        {**row._asdict(), "cluster": cluster, "start": min(row.start or row.end, row.end)} for row in rows
    ]
    if not made:
        return parsed
    return replace(parsed, gaps=pa.concat_tables([parsed.gaps, pa.Table.from_pylist(made, GAPS_SCHEMA)]))
