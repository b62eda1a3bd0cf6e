"""A connection to a lake (DuckLake); DuckDB's extensions are pinned packages, never fetched."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipeline.errors import NotFound
from pipeline.lake import objects
from pipeline.lake.location import Location

METADATA = "__ducklake_metadata_lake"
"""Name under which the catalog's own tables can be read."""

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # The files come from packages whose hashes the lock pins; to check their signatures again
    # would cost a quarter of a second at every opening.
    "allow_unsigned_extensions": "true",
    "allow_persistent_secrets": "false",  # nothing is read from the home folder
    # With two the opening itself takes twice as much CPU: one waits for the other by spinning.
    "threads": 1,
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


def connect(location: Location, *, read_only: bool, snapshot: int | None) -> duckdb.DuckDBPyConnection:
    """A connection whose default catalog is the lake, as it is now or as it was at `snapshot`.

    One core answers its queries until it is told otherwise.
    """
    if read_only and not location.is_shared and not location.sqlite.is_file():
        raise NotFound(
            f"no ledger in {location}; fill one with `driftledger replay`, `driftledger up` "
            "or `driftledger demo`"
        )
    con = duckdb.connect(config=_CONFIG)
    try:
        _attach(con, location, read_only, snapshot)
    except BaseException:
        con.close()
        raise
    return con


def _attach(
    con: duckdb.DuckDBPyConnection, location: Location, read_only: bool, snapshot: int | None
) -> None:
    # An extension costs up to a tenth of a second to load, so only those that this lake needs.
    scanner = "postgres_scanner" if location.is_shared else "sqlite_scanner"
    for name in ("ducklake", scanner, *(["httpfs"] if location.is_remote else [])):
        con.execute(f"LOAD {_quoted(_extension(name))}")
    if location.is_remote:
        bucket = "/".join(location.data.split("/")[:3])
        _secret(con, "bucket", "s3", objects.secret(os.environ, bucket))
    if location.is_shared:
        # In a secret and not in the text of ATTACH, which DuckDB repeats in its errors.
        _secret(con, "catalog", "postgres", {"PASSWORD": location.password()})
    options = [
        f"DATA_PATH {_quoted(location.data_path)}",
        "OVERRIDE_DATA_PATH true",  # the catalog remembers where it was made; the data may have moved since
        *_catalog_options(location),
    ]
    if read_only or snapshot is not None:
        options.append("READ_ONLY")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {snapshot}")
    con.execute(f"ATTACH {_quoted(_metadata(location))} AS lake ({', '.join(options)})")
    con.execute("USE lake")
    # A lake's files never change: their footers are read once a connection, 20 KB each, not once a question.
    con.execute("SET parquet_metadata_cache = true")


def _catalog_options(location: Location) -> Iterator[str]:
    if location.is_shared:
        yield "META_SECRET 'catalog'"
    else:
        yield "META_JOURNAL_MODE 'WAL'"
        yield "META_BUSY_TIMEOUT 10000"


def _metadata(location: Location) -> str:
    if not location.is_shared:
        return f"ducklake:sqlite:{location.sqlite}"
    words = (f"{name}='{_escaped(value)}'" for name, value in location.connection().items())
    return f"ducklake:postgres:{' '.join(words)}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _secret(con: duckdb.DuckDBPyConnection, name: str, kind: str, options: dict[str, str]) -> None:
    given = "".join(f", {option} {_quoted(value)}" for option, value in options.items() if value)
    con.execute(f"CREATE SECRET {name} (TYPE {kind}{given})")


def _quoted(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"
