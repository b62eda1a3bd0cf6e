"""Which clusters a month must have heard, and of which clusters and nodes nothing is expected any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

import pyarrow as pa

from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.facts.fact import TIME
from pipeline.prices.book import PriceBook
from pipeline.settings.closing import ClosingSettings

_NAMED = pa.schema([("cluster", pa.string()), ("start", TIME), ("end", TIME)])


def named(month: Window, prices: PriceBook, limits: ClosingSettings) -> pa.Table:
    """Clusters that the settings name, and those whose prices hold in the month: cluster, start, end."""
    rows = {(name, month.start, month.end) for name in _parts(limits.clusters)}
    for price in prices.prices:
        start, end = max(price.valid_from or month.start, month.start), price.valid_to or month.end
        match = dict(price.match)
        cluster = match.get("cluster")
        if cluster and match.get("resource", "gpu") == "gpu" and start < min(end, month.end):
            rows.add((cluster, start, min(end, month.end)))
    return pa.Table.from_pylist([dict(zip(_NAMED.names, row, strict=True)) for row in sorted(rows)], _NAMED)


@dataclass(frozen=True, slots=True)
class Silent:
    """`pattern` is of names of clusters, or of CLUSTER/NODE; nothing is expected of them from `since` on."""

    pattern: str
    since: datetime

    def covers(self, cluster: str, node: str) -> bool:
        """A cluster's silence is that of its nodes too."""
        return fnmatchcase(f"{cluster}/{node}" if "/" in self.pattern else cluster, self.pattern)


def silent(limits: ClosingSettings) -> tuple[Silent, ...]:
    """ConfigError where `closing.silent` is not written as NAME=DATE, ..."""
    return tuple(map(_silent, _parts(limits.silent)))


def _silent(part: str) -> Silent:
    pattern, _, day = (word.strip() for word in part.partition("="))
    try:
        since = datetime.strptime(day, "%Y-%m-%d")
    except ValueError:
        since = None
    if not pattern or since is None:
        remedy = "write CLUSTER=DATE or CLUSTER/NODE=DATE, the day in UTC such as 2026-10-01"
        raise ConfigError("closing.silent", part, remedy)
    return Silent(pattern, since)


def _parts(text: str) -> Iterator[str]:
    return (part for part in (one.strip() for one in text.split(",")) if part)
