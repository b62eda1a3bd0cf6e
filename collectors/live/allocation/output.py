"""Rows of the fold as events and gaps; a text that no ledger takes is left out of its row, and said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from collectors.live.allocation.account import Account
from collectors.live.allocation.book import Row
from collectors.parsed import GAPS_SCHEMA, Parsed, to_table
from pipeline.events import TYPES, Rejected
from pipeline.wire.limits import MAX_TEXT_BYTES


def parsed(
    rows: Mapping[str, list[Row]], account: Account, *, cluster: str, now: int, revision: int
) -> Parsed:
    """Events by type; `now` is when they were observed, microseconds since 1970 UTC."""
    rejected = list(account.rejected)
    common = {"cluster": cluster, "time": now, "revision": revision}
    events: dict[str, pa.Table] = {}
    for name, found in rows.items():
        names = [f.name for f in TYPES[name].schema if f.name not in common]
        texts = [f.name for f in TYPES[name].schema if pa.types.is_string(f.type) and f.name not in common]
        good, columns = found, _columns(found, names)
        if any(_has_long(columns[text]) for text in texts):
            good = [row for row in (_short(row, texts, name, rejected) for row in found) if row is not None]
            columns = _columns(good, names)
        if good:
            events[name] = to_table(name, columns | _repeated(common, len(good)), len(good))
    read = account.read + len(rejected) - len(account.rejected)
    gaps = pa.Table.from_pylist([{"cluster": cluster} | gap for gap in account.gaps], GAPS_SCHEMA)
    return Parsed(read, account.used, events, account.excluded, tuple(rejected), gaps)


def _columns(rows: list[Row], names: list[str]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in names}


def _has_long(texts: list[str | None]) -> bool:
    """Whether one may be too long: a character has up to four bytes."""
    return max(map(len, filter(None, texts)), default=0) > MAX_TEXT_BYTES // 4


def _repeated(common: Mapping[str, Any], rows: int) -> dict[str, list[Any]]:
    return {name: [value] * rows for name, value in common.items()}


def _short(row: Row, texts: list[str], name: str, rejected: list[Rejected]) -> Row | None:
    """None where the row cannot do without the text."""
    for column in texts:
        value = row.get(column)
        if value and len(value) > MAX_TEXT_BYTES // 4 and len(value.encode()) > MAX_TEXT_BYTES:
            whose = f"{column} of {name} of {str(row.get('namespace'))[:80]}/{str(row.get('pod'))[:80]}"
            rejected.append(Rejected("text_too_long", f"{whose}: {len(value)} characters"))
            required = any(c.name == column and c.required for c in TYPES[name].columns)
            if required:
                return None
            row = row | {column: None}
    return row
