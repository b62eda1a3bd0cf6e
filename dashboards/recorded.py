"""A ledger that remembers what it was asked, so that a page can show the SQL of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.store import Store


class Query(NamedTuple):
    """One statement that was run: its name under pipeline/sql, its parameters, rows of the tables it got."""

    name: str
    parameters: dict[str, str]
    tables: dict[str, int]


class Recorded(Store):
    """A store that remembers what it was asked."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.asked: list[Query] = []

    def query(
        self, name: str, *, tables: Mapping[str, pa.Table] | None = None, **parameters: Any
    ) -> pa.Table:
        sizes = {table: rows.num_rows for table, rows in (tables or {}).items()}
        self.asked.append(Query(name, {k: str(v) for k, v in parameters.items()}, sizes))
        return super().query(name, tables=tables, **parameters)
