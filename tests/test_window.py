"""A window names the same half-open span of UTC time for everybody, or says how to write one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.window import Window, parse_window
from pipeline.errors import ConfigError

NOW = datetime(2026, 11, 24, 12, 34, 56, 789)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("7d", "2026-11-17T12:35", "2026-11-24T12:35"),
        ("24h", "2026-11-23T12:35", "2026-11-24T12:35"),
        ("90m", "2026-11-24T11:05", "2026-11-24T12:35"),
        ("1w", "2026-11-17T12:35", "2026-11-24T12:35"),
        ("today", "2026-11-24T00:00", "2026-11-24T12:35"),
        ("yesterday", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("month", "2026-11-01T00:00", "2026-11-24T12:35"),
        ("lastmonth", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("2026-10", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2024-02", "2024-02-01T00:00", "2024-03-01T00:00"),
        ("2026-10-05", "2026-10-05T00:00", "2026-10-06T00:00"),
        ("2026-10-01..2026-11-01", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("2026-10..2026-12", "2026-10-01T00:00", "2026-12-01T00:00"),
        ("2026-10-01T08:00Z..2026-10-01T09:30:00+01:00", "2026-10-01T08:00", "2026-10-01T08:30"),
        ("2026-10-01t08:00:00z..2026-10-02", "2026-10-01T08:00", "2026-10-02T00:00"),
        (" 2026-10-01 .. 2026-10-02 ", "2026-10-01T00:00", "2026-10-02T00:00"),
    ],
)
def test_the_words_that_name_a_window(text: str, start: str, end: str) -> None:
    """A user who asks for October gets October, not a day more on either side."""
    assert parse_window(text, NOW) == Window(at(start), at(end))


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "-7d", "0d", "7y", "2026-13", "2026-02-30", "2026-10-02..2026-10-01", "2026-10-01..",
     "..", "a..b", "2026-10-01..2026-10-01", "2026-10-01T00:00:01Z..2026-10-02", "999999w",
     "20261001..20261002", "2026-10-01..2026-11-01..2026-12-01", "🙂", "next month"],
)  # fmt: skip
def test_a_bad_window_says_what_to_write(text: str) -> None:
    """A typo must not become some other window."""
    with pytest.raises(ConfigError) as error:
        parse_window(text, NOW)
    assert error.value.exit_code == 4
    assert "--window" in str(error.value)
    assert "2026-10-01..2026-11-01" in str(error.value)


def test_now_in_another_zone_is_the_same_instant() -> None:
    """A laptop in Tokyo and a server in UTC see one `today`."""
    tokyo = NOW.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=9)))
    assert parse_window("today", tokyo) == parse_window("today", NOW)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_relative_windows_hold_now_and_join_up(now: datetime) -> None:
    """Yesterday ends where today starts, last month where this one starts; now is inside of today."""
    today, yesterday = parse_window("today", now), parse_window("yesterday", now)
    this, last = parse_window("month", now), parse_window("lastmonth", now)
    assert yesterday.end == today.start
    assert last.end == this.start
    assert today.start <= now < today.end
    assert str(parse_window(str(last), now)) == str(last)


@given(st.text(max_size=30))
def test_any_text_is_a_window_or_a_config_error(text: str) -> None:
    """Nothing a user types may end in a stack trace."""
    try:
        window = parse_window(text, NOW)
    except ConfigError:
        return
    assert window.start < window.end


def test_a_span_back_from_now_can_start_with_a_whole_hour() -> None:
    """Costs that are spread hour by hour are asked for so, and `7d` must not be an error then."""
    now = datetime(2026, 10, 5, 12, 34, 56)
    assert parse_window("2h", now, hours=True) == Window(
        datetime(2026, 10, 5, 10), datetime(2026, 10, 5, 12, 35)
    )
    stated = parse_window("2026-10-05T10:30Z..2026-10-05T12:00Z", now, hours=True)
    assert stated.start == datetime(2026, 10, 5, 10, 30)
