"""A ledger of actions in memory: the ledger's own SQL over what was published, and a process that dies."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from pipeline import sql
from pipeline.events import TYPES, EventType

TABLES = ("action", "revision")


class Died(Exception):
    """The process ends here."""


class MemoryLedger:
    """Store and publisher in one; what was published stays when the process dies."""

    def __init__(self) -> None:
        self._con = duckdb.connect(config={"threads": 1})
        for name in TABLES:
            self._con.register("empty", TYPES[name].schema.empty_table())
            self._con.execute(f"CREATE TABLE {name}s AS SELECT * FROM empty")
            self._con.execute(f"ALTER TABLE {name}s ALTER time TYPE TIMESTAMP")
            self._con.execute(f"CREATE VIEW {name}s_merged AS FROM {name}s")
        self._seen: set[tuple[str, int]] = set()
        self.calls = 0
        self.die_at = -1
        """Number of the call, here or of a cluster that counts with it, at which the process dies."""

    def reached(self) -> None:
        """One more point at which a process can die."""
        self.calls += 1
        if self.calls == self.die_at:
            raise Died(f"at point {self.die_at}")

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> None:
        self.reached()
        if (source, sequence) not in self._seen:
            self._seen.add((source, sequence))
            self._con.register("events", events)
            if type_.name == "action":  # of an action each state once, the newest
                same = "(SELECT action_id, state FROM events)"
                self._con.execute(f"DELETE FROM actions WHERE (action_id, state) IN {same}")
            self._con.execute(f"INSERT INTO {type_.name}s SELECT * FROM events")
        self.reached()

    def query(self, name: str, **parameters: Any) -> pa.Table:
        return self._con.execute(sql.text(name), parameters).to_arrow_table()

    def snapshot(self) -> int:
        return len(self._seen)

    def states(self, kind: str) -> list[str]:
        """In the order in which they were reached."""
        return [r["state"] for r in self.query("action_rows", prefix="").to_pylist() if r["kind"] == kind]


def counted(api: Any, ledger: MemoryLedger) -> Any:
    """The cluster, each of whose writes is two points: before it takes effect, and after."""
    for name in ("patch", "create", "delete"):
        setattr(api, name, _counted(getattr(api, name), ledger))
    return api


def _counted(write: Any, ledger: MemoryLedger) -> Any:
    def counted_write(*where: Any, **how: Any) -> Any:
        ledger.reached()
        answer = write(*where, **how)
        ledger.reached()
        return answer

    return counted_write
