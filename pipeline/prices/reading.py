"""A price book's YAML as rows; every wrong key is an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from pipeline.errors import ConfigError
from pipeline.prices import fields, network
from pipeline.prices.amounts import amount, number, unit
from pipeline.prices.content import Content
from pipeline.prices.discount import Discount
from pipeline.prices.price import Price
from pipeline.prices.rates import Rate
from pipeline.sections import Section

R = TypeVar("R")


def parse(document: object) -> Content:
    """Scalars of `document` are text.

    A row that is wrong is a problem of the content, beside the rows that are right; what is wrong above the
    rows is a ConfigError.
    """
    top = Section("", document)
    version = top.text("version")
    usual = fields.currency(top, "currency", "USD")
    source = top.text("source", "")
    include = tuple(str(name) for name in top.sequence("include")) if top.has("include") else ()
    problems: list[ConfigError] = []

    def rows(name: str, read: Callable[[Section], R]) -> tuple[R, ...]:
        if not top.has(name) and (name != "prices" or include or top.has("network")):
            return ()
        return _rows(top, name, read, problems)

    read = rows("prices", lambda row: _prices(row, usual, source))
    prices = tuple(price for found in read for price in found)
    discounts, rates = rows("discounts", _discount), rows("rates", _rate)
    sent = rows("network", lambda row: network.read(row, usual, source))
    top.done()
    return Content(version, prices, discounts, rates, sent, include=include, problems=tuple(problems))


def _rows(
    top: Section, name: str, read: Callable[[Section], R], problems: list[ConfigError]
) -> tuple[R, ...]:
    found = []
    for i, content in enumerate(top.sequence(name)):
        try:
            row = Section(f"{name}[{i}]", content)
            found.append(read(row))
            row.done()
        except ConfigError as problem:
            problems.append(problem)
    return tuple(found)


def _prices(row: Section, usual_currency: str, source: str) -> tuple[Price, ...]:
    """One, but of an instance without GPUs, whose price is its cores' and whose memory then costs nothing."""
    price = _price(row, usual_currency, source)
    if not row.has("cpu_count"):
        return (price,)
    if row.has("gpu_count") or dict(price.match).get("resource", "gpu") != "gpu":
        remedy = "leave it out: it is for an instance_hour of an instance without GPUs, without a resource"
        raise ConfigError(row.key("cpu_count"), row.text("cpu_count"), remedy)
    return price.by_cores()


def _price(row: Section, usual_currency: str, source: str) -> Price:
    match, (start, end) = fields.match(row), fields.validity(row)
    cost = amount(row) if dict(match).get("resource", "gpu") == "gpu" else unit(row)
    return Price(
        name=row.key("").rstrip("."),
        match=match,
        gpu_hour=cost.gpu_hour,
        currency=fields.currency(row, "currency", usual_currency),
        valid_from=start,
        valid_to=end,
        source=row.text("source", source),
        kind=cost.kind,
        arithmetic=cost.arithmetic,
        list_gpu_hour=cost.list_gpu_hour,
        bought_gpus=cost.bought_gpus,
    )


def _discount(row: Section) -> Discount:
    match, (start, end) = fields.match(row), fields.validity(row)
    percent = number(row, "percent", Decimal(100))
    return Discount(row.key("").rstrip("."), match, percent, start, end, row.text("source", ""))


def _rate(row: Section) -> Rate:
    base, quote = fields.currency(row, "from"), fields.currency(row, "to")
    start = fields.time(row, "valid_from")
    if start is None:
        raise ConfigError(row.key("valid_from"), None, "write the day from which the rate holds")
    rate = number(row, "rate")
    if not rate or base == quote:
        raise ConfigError(row.key("rate"), f"{rate}", "write how much of `to` one unit of `from` is")
    return Rate(row.key("").rstrip("."), base, quote, rate, start, row.text("source", ""))
