"""CSV files of traces as columns of text, with the lines that do not have the header's columns refused."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pyarrow as pa

from pipeline.events import Rejected

_BOM = b"\xef\xbb\xbf"
_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Lines:
    """`columns` hold text; `row` numbers the data lines, from 0 for the first below the header."""

    columns: pa.Table
    row: pa.Array
    rejected: tuple[Rejected, ...]

    @property
    def read(self) -> int:
        return len(self.row) + len(self.rejected)


def count_lines(data: bytes) -> int:
    """Lines below the header that are not blank."""
    return max(0, sum(1 for line in data.split(b"\n") if line.strip()) - 1)


def read_lines(data: bytes, needed: tuple[str, ...]) -> Lines | Rejected:
    """Every line that is not blank.  A header without a needed name refuses the file."""
    lines = [line.rstrip(b"\r") for line in data.removeprefix(_BOM).split(b"\n") if line.strip()]
    if not lines:
        return Rejected("empty_file", "no header")
    first = lines[0].decode("utf-8", "replace")
    header = _split(first) or []
    absent = [name for name in needed if name not in header]
    if absent:
        return Rejected(
            "missing_field",
            f"no column {', '.join(absent)} in the first line, which is: {first[:_MOST_SHOWN]}",
        )
    if len(set(header)) != len(header):
        return Rejected("missing_field", "a column twice")
    values: list[list[str]] = []
    rows: list[int] = []
    bad: list[Rejected] = []
    for row, line in enumerate(lines[1:]):
        cells = _cells(line)
        if cells is None or len(cells) != len(header):
            bad.append(_refused(cells, len(header), row))
        else:
            values.append(cells)
            rows.append(row)
    columns = list(zip(*values, strict=True)) or [()] * len(header)
    arrays = [pa.array(column, pa.string()) for column in columns]
    return Lines(pa.table(arrays, names=header), pa.array(rows, pa.int64()), tuple(bad))


def _cells(line: bytes) -> list[str] | None:
    try:
        return _split(line.decode())
    except UnicodeDecodeError:
        return None


def _split(line: str) -> list[str] | None:
    """Values without their quotes, and without the space around commas; None of what is no CSV at all."""
    if '"' in line:
        try:
            return [value.strip() for value in next(csv.reader([line], skipinitialspace=True), [])]
        except csv.Error:
            return None
    return [value.strip() for value in line.split(",")] if ", " in line or " ," in line else line.split(",")


def _refused(cells: list[str] | None, expected: int, row: int) -> Rejected:
    why = "not UTF-8, or no CSV" if cells is None else f"{len(cells)} values, the header has {expected}"
    return Rejected("malformed", why, row)
