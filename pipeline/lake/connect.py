"""The lake on disk: a DuckLake with a SQLite catalog; its extensions are pinned packages, never fetched."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb

from pipeline.errors import NotFound

CATALOG = "catalog.sqlite"
DATA = "data"

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # The files come from packages whose hashes the lock pins; to check their signatures again
    # would cost a quarter of a second at every opening.
    "allow_unsigned_extensions": "true",
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
