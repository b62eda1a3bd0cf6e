"""Budgets of a YAML file: whose costs, how much in a month or quarter, and from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.sections import Section
from pipeline.wire import labels

MATCHED = ("team", "cost_centre", "environment", "namespace", "workload", "model", "model_version", "cluster")
"""Dimensions of costs that a budget can be about, beside label.NAME and annotation.NAME."""
_THRESHOLDS = (Decimal(50), Decimal(80), Decimal(100))


@dataclass(frozen=True, slots=True)
class Budget:
    name: str
    match: tuple[tuple[str, str], ...]
    """Dimension and pattern (* and ?); all must hold.  Empty is every cost."""
    amount: Decimal
    currency: str
    period: Literal["month", "quarter"] = "month"
    valid_from: date = date.min
    valid_to: date = date.max
    """The first day on which it holds no more."""
    thresholds: tuple[Decimal, ...] = _THRESHOLDS
    """Per cent of the amount, rising."""

    def span(self, day: date) -> tuple[date, date]:
        """First day of the period that holds `day`, and of the next."""
        months = 1 if self.period == "month" else 3
        start = date(day.year, day.month - (day.month - 1) % months, 1)
        end = start
        for _ in range(months):
            end = (end + timedelta(days=31)).replace(day=1)
        return start, end

    def covers(self, line: Mapping[str, object]) -> bool:
        """Whether the cost of this line is the budget's."""
        return all(fnmatchcase(str(line[d]), pattern) for d, pattern in self.match)


def load(path: str | Path) -> tuple[Budget, ...]:
    """NotFound where there is no such file; ConfigError names the key that is wrong."""
    return parse(yaml_file.read_text(path))


def parse(text: str) -> tuple[Budget, ...]:
    top = Section("", yaml_file.document(text, as_text=True))
    found = [_budget(Section(f"budgets[{i}]", row)) for i, row in enumerate(top.sequence("budgets"))]
    top.done()
    for i, one in enumerate(found):
        for other in found[:i]:
            if one.name == other.name and one.valid_from < other.valid_to and other.valid_from < one.valid_to:
                remedy = "two budgets of this name hold on the same day; end one with valid_to"
                raise ConfigError(f"budgets[{i}].name", one.name, remedy)
    return tuple(found)


def _budget(row: Section) -> Budget:
    match = row.section("match", required=False)
    known = (*MATCHED, *(name for name in match.names() if labels.is_one(name)))
    patterns = tuple((d, match.text(d)) for d in known if match.has(d))
    for dimension in known:
        match.text(dimension, "")
    match.done()
    period: Literal["month", "quarter"] = (
        "quarter" if row.choice("period", ("month", "quarter"), "month") == "quarter" else "month"
    )
    start, end = row.day("valid_from", date.min), row.day("valid_to", date.max)
    if start >= end:
        raise ConfigError(row.key("valid_to"), f"{end}", "write a day after valid_from")
    currency = row.text("currency", "USD")
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ConfigError(row.key("currency"), currency, "write an ISO 4217 code such as USD")
    name, amount = row.text("name"), _number(row.key("amount"), row.text("amount"))
    limits = (
        tuple(_number(row.key("thresholds"), t) for t in row.sequence("thresholds"))
        if row.has("thresholds")
        else _THRESHOLDS
    )
    if list(limits) != sorted(set(limits)):
        raise ConfigError(row.key("thresholds"), ", ".join(map(str, limits)), "write rising per cents")
    row.done()
    return Budget(name, patterns, amount, currency, period, start, end, limits)


def _number(key: str, text: object) -> Decimal:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount < Decimal(10) ** 15):
        raise ConfigError(key, text, "write a number above 0, such as 12000.00")
    return amount
