"""The ledger's store: facts, rejected rows and source offsets in one transaction; questions as named SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from detectors.references import Reference
from pipeline import sql
from pipeline.facts.catalogue import FACTS
from pipeline.facts.models import REFERENCES
from pipeline.lake import changes, columns, failures, tables, watermarks
from pipeline.lake.beside import beside, snapshot
from pipeline.lake.changes import Added
from pipeline.lake.lasting import Lasting
from pipeline.lake.location import Location, Place
from pipeline.lake.lock import write_lock
from pipeline.lake.session import Session
from pipeline.lake.watermarks import Advance, Watermark

Trace = Callable[[str], None]

_parsed = lru_cache(maxsize=1_024)(Reference.from_json)
"""A judge asks for all of them every minute."""


def silent(_point: str) -> None:
    """The trace that watches nothing; tests pass one that stops the process at a named point."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes: partial rows by fact name, and how far each partition moves."""

    facts: Mapping[str, pa.Table]
    advances: tuple[Advance, ...] = field(default=())


class Store:
    """A ledger in one place.  Threads may share it; processes open their own.

    A connection that the world broke is opened again by the next call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._references: dict[str, Reference] = {}
        self._lasting = Lasting()
        self._history: tuple[str, changes.History | None] | None = None
        """What happened since a state, as one steady reading asks for it several times."""
        self._asked: dict[str, pa.Table] = {}
        """What one steady reading asked for once, by name."""

    @classmethod
    def open(
        cls,
        place: Place,
        *,
        read_only: bool = False,
        snapshot: int | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open the ledger, or make it; `snapshot` opens it as it was then, for reading only.

        `threads` are those of a writer's queries, None is one a core where the ledger is large: for a writer
        of small batches to share the work costs more than the work.

        Raises NotFound where there is no ledger to read, or no such snapshot; StoreUnavailable where its
        database or disk is not there.
        """
        read = read_only or snapshot is not None
        session = Session(Location.of(place), read, snapshot, None if read else threads)
        session.open()
        return cls(session)

    @property
    def location(self) -> Location:
        return self._session.location

    @property
    def healthy(self) -> bool:
        """False from an error of the database, disk or engine until a call succeeds in opening it again."""
        return self._session.con is not None

    def largest(self) -> int:
        """Rows of the largest table, or some more."""
        with self._session.connected() as con:
            return columns.largest(con)

    def append(self, batch: Batch, trace: Trace = silent) -> None:
        """Commit the batch whole or not at all.

        Raises StaleWatermark when another writer moved a partition, StoreUnavailable when the database, disk
        or bucket fails.  An error amid the commit leaves it open whether the batch is in: the watermark,
        read again, says it.
        """
        failures.check_space(self.location)
        with self.transaction() as con:
            trace("begun")
            for name, rows in batch.facts.items():
                tables.insert(con, name, rows)
            trace("facts_written")
            for advance in batch.advances:
                watermarks.advance(con, advance)
            trace("watermark_written")
        trace("committed")

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All that is done inside, committed whole or not at all; queries of this thread see it too, and
        what they ask to be steady is so.

        Raises as `append`.
        """
        with self._session.connected() as con, write_lock(self.location):
            con.execute("BEGIN")
            self._session.steady = self._session.writing = True
            self._history = None
            try:
                yield con
                con.execute("COMMIT")
            except BaseException:
                _rollback(con)
                raise
            finally:
                self._session.steady = self._session.writing = False

    def watermark(self, topic_id: str, partition: int) -> Watermark:
        return self.watermarks([(topic_id, partition)])[topic_id, partition]

    def watermarks(self, partitions: Collection[tuple[str, int]]) -> dict[tuple[str, int], Watermark]:
        """How far each partition (topic id, number) is, as of one moment."""
        with self.steady(), self._session.connected() as con:
            return {partition: watermarks.read(con, *partition) for partition in partitions}

    def elsewhere(self, topic: str, topic_id: str, sources: Collection[str]) -> dict[str, int]:
        """Last sequence of each source in the topic's logs under other ids than `topic_id`."""
        with self.steady(), self._session.connected() as con:
            return watermarks.elsewhere(con, topic, topic_id, sources)

    @contextmanager
    def steady(self, *, alone: bool = False) -> Iterator[None]:
        """Queries inside see one snapshot, whatever others commit meanwhile; nothing can be appended inside.

        With `alone` one core answers them: for some hundred thousand rows to share the work costs more than
        the work.  May be nested, where the outer one's word holds; other threads wait.
        """
        with self._session.guard:
            if self._session.steady:
                yield
                return
            self._session.alone = alone
            try:
                with self._session.connected() as con:
                    con.execute("BEGIN")
                self._session.steady, self._history = True, None
                try:
                    yield
                finally:
                    self._session.steady = False
                    self._asked.clear()
                    _rollback(con)
            finally:
                self._session.alone = False

    def query(
        self,
        name: str,
        *,
        tables: Mapping[str, pa.Table] | None = None,
        without: Collection[str] = (),
        **parameters: Any,
    ) -> pa.Table:
        """The answer of `pipeline/sql/<name>.sql`; `tables` are visible to that one query by their names.

        It is asked without the parts of it, and their parameters, that would have nothing to do: to plan
        them takes as long as to answer.
        """
        if not without:
            return self._run(sql.text(name), tables or {}, parameters)
        statement = sql.text(name, frozenset(without))
        asked = {key: value for key, value in parameters.items() if f"${key}" in statement}
        return self._run(statement, tables or {}, asked)

    def once(self, name: str) -> pa.Table:
        """As `query` of what has no parameters; amid a steady reading it is asked the first time only."""
        with self._session.guard:
            if self._session.writing or not self._session.steady:
                return self.query(name)
            if name not in self._asked:
                self._asked[name] = self.query(name)
            return self._asked[name]

    @contextmanager
    def beside(self, name: str, **parameters: Any) -> Iterator[Callable[[], pa.Table]]:
        """As `query`, answered on another core while what is inside asks; to be called where it is steady.

        What is yielded waits for the answer.  Amid a transaction, and where somebody commits just then, the
        question is asked again when all inside is done, since it is about the same snapshot as the others.
        """
        if self._session.writing:
            yield lambda: self.query(name, **parameters)
            return
        with (
            self._session.connected() as con,
            beside(con, sql.text(name), parameters, self._session.views) as asked,
        ):

            def answer() -> pa.Table:
                read, found = asked.result()
                return found if read == snapshot(con) else self.query(name, **parameters)

            yield answer

    def rows(self, fact: str) -> pa.Table:
        """The merged rows of a fact, in the order of its columns: the ledger itself."""
        names = ", ".join(f'"{n}"' for n in FACTS[fact].schema.names)
        return self._run(f'SELECT {names} FROM "{fact}_merged" ORDER BY ALL', {}, {})

    def _run(self, statement: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> pa.Table:
        with self._session.connected() as con:
            for name, table in tables.items():
                con.register(name, table)
            try:
                return con.execute(statement, dict(parameters)).to_arrow_table()
            finally:
                for name in tables:
                    con.unregister(name)

    def snapshot(self) -> int:
        """Identity of the lake's newest committed state, or of the one that was opened."""
        with self._session.connected() as con:
            return snapshot(con)

    def state(self) -> str | None:
        """Names what is read here: two ledgers in one place are never named the same.

        None amid a transaction, whose own writes have no name yet.
        """
        if self._session.writing:
            return None
        with self._session.connected() as con:
            return changes.name(con)

    def added(self, since: str, facts: Collection[str]) -> Added | None:
        """What was added to the tables of the facts since `state` said so.

        None where more than that happened, or where nobody can say what did.
        """
        with self._session.connected() as con:
            known = self._history if self._session.steady else None
            if known is None or known[0] != since:
                self._history = known = (since, changes.history(con, since))
        return None if known[1] is None else changes.added(known[1], facts)

    def references(self) -> dict[str, Reference]:
        """The reference of each model that is in use: the one frozen last, else the newest.

        They are read again where some were registered since; the answer is the caller's own.
        """
        return dict(self._lasting.of(self, "references", REFERENCES.name, self._read_references))

    def lasting(self, name: str, fact: str, **parameters: Any) -> pa.Table:
        """As `query` of what is asked of one fact alone: asked again where rows of it were added since, or
        with other parameters."""
        found: pa.Table = self._lasting.of(
            self, name, fact, lambda: self.query(name, **parameters), parameters
        )
        return found

    def _read_references(self) -> dict[str, Reference]:
        rows = self.rows(REFERENCES.name).to_pylist()
        rows.sort(key=lambda r: (bool(r.get("frozen")), r["revision"], r["time"], r["reference"]))
        return {r["model"]: _parsed(r["content"]) for r in rows}

    def reference(self, identity: str) -> Reference | None:
        """The reference that facts name so, an older one too; kept in memory, since none ever changes."""
        if identity not in self._references:
            rows = self.rows(REFERENCES.name).to_pylist()
            self._references = {r["reference"]: _parsed(r["content"]) for r in rows}
        return self._references.get(identity)

    def close(self) -> None:
        with self._session.guard:
            self._session.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _rollback(con: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        con.execute("ROLLBACK")
