"""What a GPU-hour costs, from the forms of a price: GPU, instance, commitment, machine; or another unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import NamedTuple

from pipeline.errors import ConfigError
from pipeline.prices.exact import HOURS_PER_YEAR, over, plus, times
from pipeline.prices.price import Kind
from pipeline.sections import Section

HIGHEST = Decimal(1_000_000)
HIGHEST_CAPITAL = Decimal(1_000_000_000)
_DIGITS = 40
_FORMS = ("gpu_hour", "instance_hour", "commitment", "on_premises")
_UNIT_FORMS = ("unit_hour", "unit_month")
_BESIDE = ("match", "gpu_count", "cpu_count", "currency", "valid_from", "valid_to", "source")


class Amount(NamedTuple):
    """`gpu_hour` is what an hour of the unit costs: a GPU, or a core, a GiB, a load balancer."""

    gpu_hour: Decimal
    kind: Kind
    arithmetic: str
    list_gpu_hour: Decimal | None = None
    bought_gpus: int = 0


def amount(row: Section) -> Amount:
    """ConfigError unless exactly one form is written, and whole."""
    _slip(row, _FORMS)
    if sum(row.has(form) for form in _FORMS) != 1:
        remedy = (
            "write either gpu_hour, or instance_hour with gpu_count (cpu_count where it has no GPUs), "
            "or commitment, or on_premises"
        )
        raise ConfigError(row.key("gpu_hour"), None, remedy)
    if row.has("gpu_hour"):
        return Amount(number(row, "gpu_hour"), "list", "")
    if row.has("instance_hour") and row.has("cpu_count"):
        cores = gpu_count(row, "cpu_count", "cores the instance has")
        return of_cores(number(row, "instance_hour"), cores)
    if row.has("instance_hour"):
        return instance(number(row, "instance_hour"), gpu_count(row))
    if row.has("commitment"):
        return _commitment(row.section("commitment"))
    return _on_premises(row.section("on_premises"))


def unit(row: Section) -> Amount:
    """What an hour of a core, of a GiB or of a load balancer costs; a month is a twelfth of a year."""
    _slip(row, _UNIT_FORMS)
    if sum(row.has(form) for form in _UNIT_FORMS) != 1:
        raise ConfigError(
            row.key("unit_hour"), None, "write either unit_hour or unit_month, for a core or a GiB"
        )
    if row.has("unit_hour"):
        return Amount(number(row, "unit_hour"), "list", "")
    month = number(row, "unit_month")
    return Amount(over(month, HOURS_PER_YEAR // 12), "list", f"{month:f} a month / {HOURS_PER_YEAR // 12} h")


def _slip(row: Section, forms: Sequence[str]) -> None:
    """ConfigError for a key that is no form but was meant as one, which else would only be missed."""
    others = [name for name in row.names() if name not in (*_BESIDE, *_FORMS, *_UNIT_FORMS)]
    if others and not any(row.has(form) for form in forms):
        near = get_close_matches(others[0], forms, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"a price is one of {', '.join(forms)}"
        raise ConfigError(row.key(others[0]), others[0], f"this key is unknown; {remedy}")


def instance(hour: Decimal, gpus: int) -> Amount:
    """An instance's price, spread evenly over its GPUs."""
    return Amount(over(hour, gpus), "list", f"{hour:f} an instance-hour / {gpus} GPUs")


def of_cores(hour: Decimal, cores: int) -> Amount:
    """The price of an instance without GPUs, spread evenly over its cores; its memory is in it."""
    return Amount(over(hour, cores), "list", f"{hour:f} an instance-hour / {cores} cores")


def _commitment(form: Section) -> Amount:
    """What was paid at once is spread over every hour of the term; beside it the price of each hour.

    `bought` says of how many instances; all amounts are of one.
    """
    upfront, hour = number(form, "upfront", HIGHEST_CAPITAL, "0"), number(form, "hour", HIGHEST, "0")
    years, gpus = _years(form), gpu_count(form)
    stated = over(number(form, "list_hour"), gpus) if form.has("list_hour") else None
    bought = gpus * gpu_count(form, "bought", "instances were bought") if form.has("bought") else 0
    form.done()
    total = plus(over(upfront, times(years, Decimal(HOURS_PER_YEAR))), hour)
    words = f"({upfront:f} upfront / ({years:f} years × {HOURS_PER_YEAR} h) + {hour:f} an hour) / {gpus} GPUs"
    words += f", for {bought} GPUs" if bought else ""
    return Amount(over(total, gpus), "commitment", words, stated, bought)


def _on_premises(form: Section) -> Amount:
    """Straight-line depreciation, electricity at the meter of the building, and all other costs of a year."""
    capex, years = number(form, "capex", HIGHEST_CAPITAL), _years(form)
    watts, kwh = number(form, "watts", HIGHEST, "0"), number(form, "kwh", HIGHEST, "0")
    pue = number(form, "pue", Decimal(10), "1")
    if pue < 1:
        remedy = "write the power of the building / that of its machines, at least 1"
        raise ConfigError(form.key("pue"), f"{pue}", remedy)
    other, gpus = number(form, "other_per_year", HIGHEST_CAPITAL, "0"), gpu_count(form)
    form.done()
    power = times(times(over(watts, 1000), pue), kwh)
    yearly = over(other, HOURS_PER_YEAR)
    hour = plus(plus(over(capex, times(years, Decimal(HOURS_PER_YEAR))), power), yearly)
    words = (
        f"({capex:f} / ({years:f} years × {HOURS_PER_YEAR} h) + {watts:f} W / 1000 × PUE {pue:f}"
        f" × {kwh:f} a kWh + {other:f} / {HOURS_PER_YEAR} h) / {gpus} GPUs"
    )
    return Amount(over(hour, gpus), "on-premises", words)


def _years(form: Section) -> Decimal:
    years = number(form, "years", Decimal(50))
    if not years:
        raise ConfigError(form.key("years"), "0", "write over how many years it is spread, such as 3")
    return years


def gpu_count(row: Section, name: str = "gpu_count", what: str = "GPUs the instance has") -> int:
    count = row.text(name, "")
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 4096):
        raise ConfigError(row.key(name), count, f"write how many {what}")
    return int(count)


def number(row: Section, name: str, highest: Decimal = HIGHEST, default: str | None = None) -> Decimal:
    """A plain decimal from 0 to `highest`, of at most 40 digits so that later products stay exact."""
    return parse(row.text(name, default), row.key(name), highest)


def parse(text: str, key: str, highest: Decimal = HIGHEST) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found <= highest):
        raise ConfigError(key, text, f"write an amount from 0 to {highest}, such as 2.48")
    _, digits, exponent = found.as_tuple()
    if len(digits) > _DIGITS or (isinstance(exponent, int) and exponent < -_DIGITS):
        raise ConfigError(key, text, f"write at most {_DIGITS} digits")
    return found
