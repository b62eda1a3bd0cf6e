"""A question answered by a second connection, on a second core, while the first goes on asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa


@contextmanager
def beside(
    con: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, Any], views: Sequence[str]
) -> Iterator[Future[tuple[int, pa.Table]]]:
    """The snapshot that was read, which may be newer than that of `con`, and the answer.

    `views` make what `con` has of its own.  Whatever happens inside, the question is over at the end.
    """
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(_asked, con.cursor(), statement, parameters, views)


def snapshot(con: duckdb.DuckDBPyConnection) -> int:
    """Identity of the lake's state that the connection reads."""
    return int(con.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0])


def _asked(
    con: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, Any], views: Sequence[str]
) -> tuple[int, pa.Table]:
    with con:  # which ends there, since that takes a while too
        con.execute("BEGIN")  # so that one snapshot is looked up, and only once
        con.execute("USE lake")
        for view in views:
            con.execute(view)
        answer = con.execute(statement, dict(parameters)).to_arrow_table()
        return snapshot(con), answer
