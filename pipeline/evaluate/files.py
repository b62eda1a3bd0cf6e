"""A file of predictions as a table: Parquet or CSV, known by its content, not by its name."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from pipeline.errors import ConfigError, NotFound

MOST_BYTES = 4_000_000_000
"""The rows are kept in memory."""
DELIMITERS = ",;\t|"
MOST_BLOCK = 2**31 - 1
NULLS = [*pa.csv.ConvertOptions().null_values, "<NA>", "\\N"]
"""Also as pandas and MySQL write them."""
_EXCEL = re.compile(rb"\A(\xef\xbb\xbf)?sep=.\r?\n")
"""A line for Excel alone, which says how the columns are parted."""
_COMMA_NUMBER = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?$"


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
    except (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigError(option, str(path), f"it is neither Parquet nor CSV: {_first(error)}") from error
    table = _known_types(table)
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
    """UTF-8, UTF-16 with its mark, else Western European, as spreadsheets save it."""
    content = _content(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16").encode()
    content = _EXCEL.sub(b"", content, count=1)
    delimiter = _delimiter(content)
    try:
        table = _columns(content, delimiter, "utf8")
    except UnicodeDecodeError:  # of the heading
        table = _columns(content, delimiter, "cp1252")
    if any(pa.types.is_binary(kind) for kind in table.schema.types):
        table = _columns(content, delimiter, "cp1252")
    if delimiter != ",":
        columns = [_with_points(column) for column in table.columns]
        table = pa.table(columns, names=table.column_names)
    # A data frame's index, written without a name.
    return table.drop_columns([""]) if table.column_names.count("") == 1 else table


def _columns(content: bytes, delimiter: str, encoding: str) -> pa.Table:
    """One block, so that a column is numbers only where all of it is; texts without blanks around them."""
    size = min(max(2 * len(content) + 1, 1 << 20), MOST_BLOCK)
    table = pa.csv.read_csv(
        pa.BufferReader(content),
        read_options=pa.csv.ReadOptions(block_size=size, encoding=encoding),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter),
        convert_options=pa.csv.ConvertOptions(strings_can_be_null=True, null_values=NULLS),
    )
    names = [name.strip() for name in table.column_names]
    if names == table.column_names:
        return table
    columns = [pc.utf8_trim_whitespace(c) if pa.types.is_string(c.type) else c for c in table.columns]
    return pa.table(columns, names=names)


def _known_types(table: pa.Table) -> pa.Table:
    """Texts in Arrow's newer layout, and what an extension is made of, in types that every function knows."""
    for place, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            parts = [chunk.storage for chunk in table.column(place).chunks]
            table = table.set_column(place, field.name, pa.chunked_array(parts, field.type.storage_type))
        elif pa.types.is_string_view(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def _content(path: Path) -> bytes:
    """All bytes, unpacked where they are gzip, whatever the file's name is."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(f"over {MOST_BYTES:,} bytes when unpacked; split it")
    return content


def _delimiter(content: bytes) -> str:
    """The one of comma, semicolon and tab that the heading has most often."""
    heading = content[: content.find(b"\n")].decode("utf-8", "replace")
    return max(DELIMITERS, key=heading.count)


def _with_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers with a decimal comma, as in files whose columns no comma parts; a text among them stays one."""
    if not pa.types.is_string(column.type):
        return column
    is_number = pc.fill_null(pc.match_substring_regex(column, _COMMA_NUMBER), False)
    has_comma = pc.fill_null(pc.match_substring(column, ","), False)
    if not pc.any(pc.and_(is_number, has_comma)).as_py():
        return column
    if 2 * pc.sum(is_number).as_py() < len(column) - column.null_count:
        return column
    plain = pc.replace_substring(pc.replace_substring(column, ".", ""), ",", ".")
    mended = pc.if_else(is_number, plain, column)
    all_numbers = pc.sum(is_number).as_py() == len(column) - column.null_count
    return mended.cast(pa.float64()) if all_numbers else mended


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
