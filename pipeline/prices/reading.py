"""A price book's YAML as rows; every wrong key is an error that names it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pipeline.errors import ConfigError
from pipeline.prices.price import MATCH_FIELDS, Price
from pipeline.sections import Section

_CURRENCY = re.compile(r"[A-Z]{3}")
_HIGHEST = Decimal(1_000_000)


def parse(document: object) -> tuple[str, tuple[Price, ...]]:
    """The book's version and its rows; scalars of `document` are text."""
    top = Section("", document)
    version = top.text("version")
    currency = _currency(top, "USD")
    source = top.text("source", "")
    rows = tuple(
        _price(Section(f"prices[{i}]", row), currency, source) for i, row in enumerate(top.sequence("prices"))
    )
    top.done()
    return version, rows


def _price(row: Section, currency: str, source: str) -> Price:
    match = row.section("match", required=False)
    fields = {f: match.text(f, "") for f in MATCH_FIELDS}
    match.done()
    start, end = _time(row, "valid_from"), _time(row, "valid_to")
    if start is not None and end is not None and start >= end:
        raise ConfigError(row.key("valid_to"), f"{end}", "write a time after valid_from")
    price = Price(
        name=row.key("").rstrip("."),
        match=tuple((f, value) for f, value in fields.items() if value),
        gpu_hour=_gpu_hour(row),
        currency=_currency(row, currency),
        valid_from=start,
        valid_to=end,
        source=row.text("source", source),
    )
    row.done()
    return price


def _gpu_hour(row: Section) -> Decimal:
    """gpu_hour, or instance_hour spread evenly over gpu_count."""
    if row.has("gpu_hour") == row.has("instance_hour"):
        raise ConfigError(row.key("gpu_hour"), None, "write either gpu_hour, or instance_hour with gpu_count")
    if row.has("gpu_hour"):
        return _amount(row, "gpu_hour")
    count = row.text("gpu_count", "")
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 1024):
        raise ConfigError(row.key("gpu_count"), count, "write how many GPUs the instance has")
    return _amount(row, "instance_hour") / int(count)


def _amount(row: Section, name: str) -> Decimal:
    text = row.text(name)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= _HIGHEST):
        raise ConfigError(row.key(name), text, f"write an amount from 0 to {_HIGHEST}, such as 2.48")
    return amount


def _currency(row: Section, default: str) -> str:
    currency = row.text("currency", default)
    if not _CURRENCY.fullmatch(currency):
        raise ConfigError(row.key("currency"), currency, "write an ISO 4217 code such as USD")
    return currency


def _time(row: Section, name: str) -> datetime | None:
    text = row.text(name, "")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        remedy = "write a day such as 2026-10-01, or an RFC 3339 time"
        raise ConfigError(row.key(name), text, remedy) from error
    if time.second or time.microsecond:
        raise ConfigError(row.key(name), text, "prices change on whole minutes; leave the seconds out")
    return time
