"""How a reader sees a ledger, or a snapshot, of an older version: what came since is null, or 0 in sums."""

from __future__ import annotations

from collections import defaultdict

import duckdb

from pipeline.facts.catalogue import FACTS
from pipeline.facts.fact import SPAN, Fact
from pipeline.lake.columns import columns
from pipeline.lake.merged import merged
from pipeline.lake.sql_types import sql_type


def complete(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Views of this connection, before the lake's own tables, for facts that lack a column or are not there;
    the statements that made them.

    A decision is computed again from the snapshot that it names, however many versions ago that was.
    """
    present: dict[str, set[str]] = defaultdict(set)
    for _schema, table, column in columns(con):
        present[table].add(column)
    old = [fact for fact in FACTS.values() if not present.get(fact.name, set()) >= set(fact.schema.names)]
    whole = [f'CREATE TEMP VIEW "{f.name}" AS {_whole(f, present.get(f.name))}' for f in old]
    # once all tables are there: a view may look at several
    views = (*whole, *(f'CREATE TEMP VIEW "{f.name}_merged" AS {merged(f)}' for f in old))
    for view in views:
        con.execute(view)
    return views


def _whole(fact: Fact, present: set[str] | None) -> str:
    zero = "0" if fact.merge == "add" else "NULL"
    columns = {
        f.name: f'CAST({zero if f in fact.values else "NULL"} AS {sql_type(f.type)}) AS "{f.name}"'
        for f in fact.schema
    }
    if present:
        lacking = ", ".join(columns[name] for name in columns if name not in present)
        return f'SELECT *, {lacking} FROM lake."{fact.name}"'
    span = f", 1 AS {SPAN}" if fact.rolls else ""
    return f"SELECT {', '.join(columns.values())}{span} WHERE false"
