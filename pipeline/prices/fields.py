"""The parts that rows of every kind share: match, currency, and the time in which they hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pipeline.errors import ConfigError
from pipeline.prices.match import MATCH_FIELDS, Match
from pipeline.sections import Section

_CURRENCY = re.compile(r"[A-Z]{3}")


def match(row: Section) -> Match:
    section = row.section("match", required=False)
    fields = {f: section.text(f, "") for f in MATCH_FIELDS}
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
    text = row.text(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        remedy = "write a day such as 2026-10-01, or an RFC 3339 time"
        raise ConfigError(row.key(name), text, remedy) from error
    if found.second or found.microsecond:
        raise ConfigError(row.key(name), text, "prices change on whole minutes; leave the seconds out")
    return found
