"""A bill's file as lines: exact amounts by day, SKU and resource; a bad row is a value with its reason."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from pipeline.errors import ConfigError, NotFound
from pipeline.reconcile.columns import Columns, normal, recognised

DAY = timedelta(days=1)
_GPU_TYPE = re.compile(
    r"(?:(?<![a-z0-9])(?:p[2-9]|gr?[4-9]|trn\d|inf\d|dl\d)[\w-]*\.(?:\d*x?large|metal)\w*"
    r"|\bStandard_N[CDVG]\w*|\ba[2-9]x?-[a-z]+gpu-[\w-]+|\bg[2-9]-standard-\d+|\b(?:ct|tpu)\d\w*-\w+-\d+t\b)"
)
_TYPE = re.compile(r"[a-z][a-z0-9-]*\.(?:nano|micro|small|medium|\d*x?large|metal)[\w-]*|Standard_\w+")
_MOST = Decimal("1e15")
_NOTHING = (None, "", "NULL")
"""The last is how a database writes a missing text into CSV, as in FOCUS's own samples."""


@dataclass(frozen=True, slots=True)
class Line:
    """`hours` is None where the unit is none of time; `instance_type` '' where no column says it."""

    day: date
    sku: str
    resource: str
    cost: Decimal
    currency: str
    hours: Decimal | None = None
    instance_type: str = ""
    is_gpu: bool = False
    is_usage: bool = True
    is_of_one_day: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    row: int
    """From 1 on, without the heading."""
    reason: str


def read(path: Path, cost_column: str = "") -> Iterator[Line | Refused]:
    """Raises NotFound where there is no file, ConfigError where it is no bill."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    rows = _parquet(path) if _is_parquet(path) else _csv(path)
    try:
        names = next(rows)
        columns = recognised(list(names), str(path))
        if cost_column:
            if normal(cost_column) not in map(normal, names):
                raise ConfigError("--cost-column", cost_column, f"the columns are {', '.join(names)}")
            columns = replace(columns, cost=normal(cost_column))
        for number, row in enumerate(rows, 1):
            yield _line(row, columns, number)
    except (UnicodeDecodeError, csv.Error, ArrowInvalid, EOFError, gzip.BadGzipFile) as error:
        raise ConfigError("--bill", str(path), f"it cannot be read: {error}") from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    """First the heading, as keys."""
    with path.open("rb") as file:
        opened = gzip.open if file.read(2) == b"\x1f\x8b" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        names = next(reader, [])
        yield dict.fromkeys(names)
        keys = [normal(name) for name in names]
        for values in reader:
            if values:
                yield dict(zip(keys, values, strict=False))


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    file = pq.ParquetFile(path)
    yield dict.fromkeys(file.schema_arrow.names)
    for batch in file.iter_batches(8_192):
        for row in batch.to_pylist():
            yield {normal(name): value for name, value in row.items()}


def _line(row: Mapping[str, Any], columns: Columns, number: int) -> Line | Refused:
    try:
        start, end = _time(row.get(columns.start)), _time(row.get(columns.end))
        cost = _amount(row.get(columns.cost))
    except (ValueError, TypeError, InvalidOperation, OverflowError) as error:
        return Refused(number, str(error) or "a value that cannot be read")
    described = " ".join(_text(row, (name,)) for name in columns.described)
    gpu, known = _GPU_TYPE.search(described), _TYPE.search(described)
    kind = _text(row, (columns.kind,)) or columns.usage_kinds[0]
    is_usage = kind in columns.usage_kinds
    return Line(
        start.date(),
        _text(row, columns.sku) if is_usage else kind,
        _text(row, columns.resource),
        cost,
        _text(row, (columns.currency,)),
        _hours(row, columns),
        gpu[0] if gpu else known[0] if known else "",
        gpu is not None,
        is_usage,
        end <= datetime.combine(start.date(), datetime.min.time()) + DAY,
    )


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(value).strip() for name in names if (value := row.get(name)) not in _NOTHING), "")


def _hours(row: Mapping[str, Any], columns: Columns) -> Decimal | None:
    for amount, unit in columns.quantity:
        if _text(row, (unit,)).lower() in ("hrs", "hours", "hour", "hr", "1 hour"):
            try:
                return _amount(row.get(amount))
            except (ValueError, InvalidOperation):
                return None
    return None


def _time(value: Any) -> datetime:
    """ISO 8601, or as BigQuery writes it, with UTC at the end."""
    if not value:
        raise ValueError("a time is missing")
    text = str(value).strip()
    found = value if isinstance(value, datetime) else datetime.fromisoformat(text.removesuffix(" UTC"))
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _amount(value: Any) -> Decimal:
    """Exact; a binary fraction as the shortest decimal that it stands for."""
    if value is None or value == "":
        raise ValueError("the cost or quantity is missing")
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount") from None
    if not found.is_finite() or abs(found) > _MOST:
        raise ValueError(f"{value!r} is no amount")
    return found
