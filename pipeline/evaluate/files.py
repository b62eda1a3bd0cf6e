"""A file of predictions as a table: Parquet or CSV, known by its content, not by its name."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipeline.errors import ConfigError, NotFound

MOST_BYTES = 4_000_000_000
"""The rows are kept in memory."""
DELIMITERS = ",;\t"
MOST_BLOCK = 2**31 - 1


def read(path: Path, option: str) -> pa.Table:
    """Every column; text that says nothing (empty, NA, NaN, null) is null.

    Raises NotFound where there is no file, ConfigError where it is no table or has no rows.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(option, str(path), f"keep the file under {MOST_BYTES:,} bytes, or split it")
    try:
        table = pa.parquet.read_table(path) if _is_parquet(path) else _csv(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(option, str(path), f"it is neither Parquet nor CSV: {_first(error)}") from error
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        raise ConfigError(option, str(path), f"column {min(twice)!r} stands twice; rename one")
    if not table.num_rows:
        raise ConfigError(option, str(path), "it has no rows")
    return table


def require(table: pa.Table, column: str, role: str, path: Path) -> pa.ChunkedArray:
    """The column of a role; raises ConfigError that names what there is."""
    if column not in table.column_names:
        raise ConfigError(role, column, f"{path.name} has no such column; it has {_some(table.column_names)}")
    return table.column(column)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"


def _csv(path: Path) -> pa.Table:
    """One block, so that a column is numbers only where all of it is."""
    size = min(max(path.stat().st_size + 1, 1 << 20), MOST_BLOCK)
    table = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=size),
        parse_options=pa.csv.ParseOptions(delimiter=_delimiter(path)),
        convert_options=pa.csv.ConvertOptions(strings_can_be_null=True),
    )
    # A data frame's index, written without a name.
    return table.drop_columns([""]) if table.column_names.count("") == 1 else table


def _delimiter(path: Path) -> str:
    """The one of comma, semicolon and tab that the heading has most often."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        heading = file.readline(1 << 20).decode("utf-8", "replace")
    return max(DELIMITERS, key=heading.count)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
