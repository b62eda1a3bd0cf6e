"""The ledger's store: facts, rejected rows and source offsets in one transaction; questions as named SQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from detectors.references import Reference
from pipeline.errors import NotFound, StaleWatermark
from pipeline.facts.catalogue import FACTS
from pipeline.facts.models import REFERENCES
from pipeline.lake import watermarks
from pipeline.lake.connect import DATA, connect
from pipeline.lake.lock import write_lock
from pipeline.lake.tables import create
from pipeline.lake.watermarks import Advance, Watermark

Trace = Callable[[str], None]


def silent(_point: str) -> None:
    """The trace that watches nothing; tests pass one that stops the process at a named point."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes: partial rows by fact name, and how far each partition moves."""

    facts: Mapping[str, pa.Table]
    advances: tuple[Advance, ...] = field(default=())


@lru_cache(maxsize=256)
def question(name: str) -> str:
    """Text of `pipeline/sql/<name>.sql`."""
    return (files("pipeline.sql") / f"{name}.sql").read_text(encoding="utf-8")


class Store:
    """A ledger in one folder.  Threads may share it; processes open their own."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, *, read_only: bool) -> None:
        self._con = con
        self._folder = folder
        self._read_only = read_only
        self._guard = threading.RLock()
        self._steady = False

    @classmethod
    def open(cls, folder: str | Path, *, read_only: bool = False, snapshot: int | None = None) -> Self:
        """Open the ledger, or make it; `snapshot` opens it as it was then, for reading only.

        Raises NotFound where there is no ledger to read, or no such snapshot.
        """
        path = Path(folder)
        reading = read_only or snapshot is not None
        if reading:
            try:
                return cls(connect(path, read_only=True, snapshot=snapshot), path, read_only=True)
            except duckdb.Error as error:
                raise NotFound(f"the ledger in {path} cannot be read: {error}") from error
        (path / DATA).mkdir(parents=True, exist_ok=True)
        with write_lock(path):
            con = connect(path, read_only=False, snapshot=None)
            create(con)
        return cls(con, path, read_only=False)

    @property
    def folder(self) -> Path:
        return self._folder

    def append(self, batch: Batch, trace: Trace = silent) -> None:
        """Commit the batch whole or not at all; StaleWatermark when another writer moved a partition."""
        with self._guard, write_lock(self._folder):
            self._con.execute("BEGIN")
            try:
                trace("begun")
                for name, rows in batch.facts.items():
                    self._insert(name, rows)
                trace("facts_written")
                for advance in batch.advances:
                    watermarks.advance(self._con, advance)
                trace("watermark_written")
                self._con.execute("COMMIT")
            except duckdb.TransactionException as error:
                self._rollback()
                raise StaleWatermark(f"another writer committed first: {error}") from error
            except BaseException:
                self._rollback()
                raise
        trace("committed")

    def _insert(self, name: str, rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        self._con.register("incoming", rows.select(FACTS[name].schema.names))
        try:
            self._con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM incoming')
        finally:
            self._con.unregister("incoming")

    def _rollback(self) -> None:
        try:
            self._con.execute("ROLLBACK")
        except duckdb.Error:  # a failed COMMIT has ended the transaction already
            return

    def watermark(self, topic_id: str, partition: int) -> Watermark:
        with self._guard:
            return watermarks.read(self._con, topic_id, partition)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Queries inside see one snapshot, whatever others commit meanwhile; nothing can be appended inside.

        May be nested; other threads wait.
        """
        with self._guard:
            if self._steady:
                yield
                return
            self._con.execute("BEGIN")
            self._steady = True
            try:
                yield
            finally:
                self._steady = False
                self._rollback()

    def query(
        self, name: str, *, tables: Mapping[str, pa.Table] | None = None, **parameters: Any
    ) -> pa.Table:
        """The answer of `pipeline/sql/<name>.sql`; `tables` are visible to that one query by their names."""
        with self._guard:
            return self._run(question(name), tables or {}, parameters)

    def rows(self, fact: str) -> pa.Table:
        """The merged rows of a fact, in the order of its columns: the ledger itself."""
        schema = FACTS[fact].schema
        names = ", ".join(f'"{n}"' for n in schema.names)
        with self._guard:
            return self._run(f'SELECT {names} FROM "{fact}_merged" ORDER BY ALL', {}, {})

    def _run(self, sql: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> pa.Table:
        for name, table in tables.items():
            self._con.register(name, table)
        try:
            return self._con.execute(sql, dict(parameters)).to_arrow_table()
        finally:
            for name in tables:
                self._con.unregister(name)

    def snapshot(self) -> int:
        """Identity of the lake's newest committed state, or of the one that was opened."""
        with self._guard:
            row = self._con.execute("SELECT id FROM lake.current_snapshot()").fetchone()
        if row is None:
            raise NotFound(f"the ledger in {self._folder} has no snapshot")
        return int(row[0])

    def references(self) -> dict[str, Reference]:
        """The newest registered reference of each model."""
        rows = self.rows(REFERENCES.name).sort_by([("time", "ascending"), ("reference", "ascending")])
        return {r["model"]: Reference.from_json(r["content"]) for r in rows.to_pylist()}

    def close(self) -> None:
        with self._guard:
            self._con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
