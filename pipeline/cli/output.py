"""An answer as text: a table for people, json, yaml and csv for programs, all with as-of and completeness."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TextIO, TypeVar

from rich.cells import cell_len

from pipeline.answers.answer import Answer, Column, Value, to_json
from pipeline.answers.cells import complete, people, safe_text
from pipeline.answers.files import write_csv

T = TypeVar("T")


class Output(StrEnum):
    """The values of `-o`."""

    table = "table"
    wide = "wide"
    json = "json"
    yaml = "yaml"
    csv = "csv"


def render(answer: Answer, output: Output, stream: TextIO) -> None:
    """Write the answer; only `table` and `wide` round, and only on a terminal is anything styled."""
    _WRITERS[output](answer, stream)


def _json(answer: Answer, stream: TextIO) -> None:
    json.dump(to_json(answer), stream, indent=2, ensure_ascii=False, allow_nan=False)
    stream.write("\n")


def _yaml(answer: Answer, stream: TextIO) -> None:
    import yaml

    yaml.safe_dump(to_json(answer), stream, sort_keys=False, allow_unicode=True)


def _table(answer: Answer, stream: TextIO) -> None:
    _people(answer, [not c.wide for c in answer.columns], stream)


def _wide(answer: Answer, stream: TextIO) -> None:
    _people(answer, [True] * len(answer.columns), stream)


_WRITERS: dict[Output, Callable[[Answer, TextIO], None]] = {
    Output.table: _table,
    Output.wide: _wide,
    Output.json: _json,
    Output.yaml: _yaml,
    Output.csv: write_csv,
}


def _people(answer: Answer, shown: list[bool], stream: TextIO) -> None:
    columns = _pick(answer.columns, shown)
    rows = [_cells(columns, _pick(row, shown)) for row in answer.rows]
    if rows and answer.total is not None:
        total = _cells(columns, _pick(answer.total, shown))
        rows.append([total[0] if answer.total[0] else "TOTAL", *total[1:]])
    if rows:
        _grid(columns, rows, stream)
    else:
        stream.write("nothing in this window\n" if answer.window else "nothing found\n")
    for line in footer(answer):
        stream.write(line + "\n")


def _pick(values: Iterable[T], shown: list[bool]) -> list[T]:
    return [value for value, show in zip(values, shown, strict=True) if show]


def _cells(columns: list[Column], row: Iterable[Value]) -> list[str]:
    return [people(c.kind, value) for c, value in zip(columns, row, strict=True)]


def _grid(columns: list[Column], rows: list[list[str]], stream: TextIO) -> None:
    titles = [title(c) for c in columns]
    widths = [max(map(_width, column)) for column in zip(titles, *rows, strict=True)]
    left = [c.kind in ("text", "identity", "flag", "time") for c in columns]
    head = _line(titles, widths, left)
    stream.write((f"\x1b[1m{head}\x1b[0m" if styled(stream) else head) + "\n")
    stream.writelines(_line(row, widths, left) + "\n" for row in rows)


def _width(cell: str) -> int:
    return len(cell) if cell.isascii() else cell_len(cell)


def _line(cells: list[str], widths: list[int], left: list[bool]) -> str:
    padding = [" " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
    aligned = zip(cells, padding, left, strict=True)
    return "  ".join(c + p if to_left else p + c for c, p, to_left in aligned).rstrip()


def title(column: Column) -> str:
    """The column's heading, with its unit unless the name says it."""
    unit = f" ({column.unit})" if column.unit and column.unit.lower() not in column.name.split("_") else ""
    return column.name.upper() + unit


def styled(stream: TextIO) -> bool:
    """Whether bold may be used: a terminal, and NO_COLOR (no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def footer(answer: Answer) -> list[str]:
    """What a reader must know of the numbers, a line each."""
    lines = [_reach(answer)] if answer.window or answer.as_of else []
    lines += [f"- {safe_text(note)}" for note in answer.notes]
    return ["", *lines] if lines else []


def _reach(answer: Answer) -> str:
    parts = [f"as of {people('time', answer.as_of)}" if answer.as_of else "no data yet"]
    if answer.window:
        parts.append(f"window {answer.window}")
    return " | ".join(p for p in (*parts, complete(answer)) if p)
