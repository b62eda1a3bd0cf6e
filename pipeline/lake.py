"""The lake on disk: a DuckLake with a SQLite catalog; its extensions are pinned packages, never fetched."""

from __future__ import annotations

import fcntl
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.errors import NotFound
from pipeline.facts import FACTS, Fact

CATALOG = "catalog.sqlite"
DATA = "data"
LOCK = "write.lock"

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # The files come from packages whose hashes the lock pins; to check their signatures again
    # would cost a quarter of a second at every opening.
    "allow_unsigned_extensions": "true",
}

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
}


def _extension(name: str) -> Path:
    """Path of an extension file inside its installed package `duckdb_extension_<name>`."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    roots = spec.submodule_search_locations if spec else None
    for root in roots or ():
        found = Path(root) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if found.is_file():
            return found
    raise NotFound(
        f"DuckDB extension {name} for version {duckdb.__version__} is not installed; "
        f"install the package duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
    )


def connect(folder: Path, *, read_only: bool, snapshot: int | None) -> duckdb.DuckDBPyConnection:
    """A connection whose default catalog is the lake in `folder`, as it is now or as it was at `snapshot`."""
    if read_only and not (folder / CATALOG).is_file():
        raise NotFound(f"no ledger in {folder}; fill one with `driftledger replay` or `driftledger demo`")
    con = duckdb.connect(config=_CONFIG)
    for name in ("ducklake", "sqlite_scanner"):
        con.execute(f"LOAD '{_quoted(_extension(name))}'")
    options = [
        f"DATA_PATH '{_quoted(folder.resolve() / DATA)}/'",
        "OVERRIDE_DATA_PATH true",  # the catalog remembers where it was made; the folder may have moved since
        "META_JOURNAL_MODE 'WAL'",
        "META_BUSY_TIMEOUT 10000",
    ]
    if read_only or snapshot is not None:
        options.append("READ_ONLY")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {snapshot}")
    con.execute(f"ATTACH 'ducklake:sqlite:{_quoted(folder / CATALOG)}' AS lake ({', '.join(options)})")
    con.execute("USE lake")
    return con


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """One writer at a time: a SQLite catalog answers `database is locked` to the second."""
    with (folder / LOCK).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def sql_type(of: pa.DataType) -> str:
    if pa.types.is_decimal(of):
        return f"DECIMAL({of.precision},{of.scale})"
    return _SQL_TYPES[of]


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Every fact's table and view that is not there yet, in one transaction."""
    present = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    missing = [fact for fact in FACTS.values() if fact.name not in present]
    if not missing:
        return
    con.execute("BEGIN")
    for fact in missing:
        columns = ", ".join(f'"{f.name}" {sql_type(f.type)}' for f in fact.schema)
        con.execute(f'CREATE TABLE "{fact.name}" ({columns})')
        con.execute(f'CREATE VIEW "{fact.name}_merged" AS {_merged(fact)}')
    con.execute("COMMIT")


def _merged(fact: Fact) -> str:
    """The view that merges the rows of one key as the fact says."""
    key = ", ".join(f'"{n}"' for n in fact.key_names)
    if fact.merge == "append":
        return f'SELECT * FROM "{fact.name}"'
    if fact.merge == "add":
        sums = ", ".join(f'CAST(sum("{f.name}") AS {sql_type(f.type)}) AS "{f.name}"' for f in fact.values)
        return f'SELECT {key}, {sums} FROM "{fact.name}" GROUP BY {key}'
    # All values break a tie of revisions, so that the winner does not depend on the order of arrival.
    order = ", ".join(f'"{n}" DESC' for n in ["revision", *(n for n in fact.value_names if n != "revision")])
    return f'SELECT * FROM "{fact.name}" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1'
