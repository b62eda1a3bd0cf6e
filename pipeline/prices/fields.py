"""The parts that rows of every kind share: match, currency, and the time in which they hold."""

from __future__ import annotations

import re
from datetime import datetime

from pipeline.errors import ConfigError
from pipeline.prices.match import MATCH_FIELDS, Match
from pipeline.sections import Section
from pipeline.wire.types.cost import RESOURCES

_CURRENCY = re.compile(r"[A-Z]{3}")


def match(row: Section) -> Match:
    section = row.section("match", required=False)
    fields = {f: section.text(f, "") for f in MATCH_FIELDS}
    if fields["resource"] and fields["resource"] not in RESOURCES:
        raise ConfigError(section.key("resource"), fields["resource"], f"write one of {', '.join(RESOURCES)}")
    section.done()
    return tuple((f, value) for f, value in fields.items() if value)


def validity(
    row: Section, start: str = "valid_from", end: str = "valid_to"
) -> tuple[datetime | None, datetime | None]:
    """ConfigError where the row would end before it begins."""
    begins, ends = time(row, start), time(row, end)
    if begins is not None and ends is not None and begins >= ends:
        raise ConfigError(row.key(end), f"{ends}", f"write a time after {start}")
    return begins, ends


def currency(row: Section, name: str, default: str | None = None) -> str:
    code = row.text(name, default)
    if not _CURRENCY.fullmatch(code):
        raise ConfigError(row.key(name), code, "write an ISO 4217 code such as USD")
    return code


def time(row: Section, name: str) -> datetime | None:
    """UTC, naive; None where the row names none."""
    found = row.time(name)
    if found is not None and (found.second or found.microsecond):
        raise ConfigError(row.key(name), f"{found}", "prices change on whole minutes; leave the seconds out")
    return found
