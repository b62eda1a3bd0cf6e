"""What every page is asked for: window, comparison, currency and time zone; all of it in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from pipeline.answers.window import Window, parse_window
from pipeline.errors import ConfigError

SPANS = ("1h", "6h", "24h", "7d", "30d", "month", "lastmonth")
ZONES = ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Asia/Kolkata",
         "Asia/Shanghai", "Asia/Tokyo")  # fmt: skip
COMPARED = BEFORE, WEEK, NOTHING = "period before", "week before", "nothing"
RANGE = "range"
"""Key of the exact window; a page that lets its reader select a span of time writes it."""

MOVED = "moved"
"""Set where a page has written RANGE: the bar above the page must be drawn anew."""


@dataclass(frozen=True)
class Choice:
    """The reader's words, as they stand in the address."""

    span: str
    exact: str
    compare: str
    currency: str
    zone: str
    wrong: tuple[ConfigError, ...] = ()
    """What the address asked for that there is not."""


class Spans(NamedTuple):
    window: Window
    before: Window | None
    problem: ConfigError | None


def ask(currencies: tuple[str, ...], *, compares: bool) -> Choice:
    """The bar above every page; what a page compares with is asked where it does."""
    compare = NOTHING
    asked = {"window": SPANS, "currency": currencies, **({"compare": COMPARED} if compares else {})}
    for key, known in asked.items():
        _note(key, known)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.segmented_control(
            "Window", SPANS, default="24h", key="window", bind="query-params", required=True,
            on_change=_chosen, args=("window",),
        )  # fmt: skip
        exact = st.text_input(
            "or exactly (UTC)",
            key=RANGE,
            bind="query-params",
            placeholder="2026-10-01..2026-10-08",
            width=260,
            help="START..END, a day or a month; it goes before the choice on the left. Empty it to go back.",
        )
        if compares:
            compare = st.selectbox(
                "Compare with", COMPARED, key="compare", bind="query-params", width=160,
                on_change=_chosen, args=("compare",),
            )  # fmt: skip
        currency = st.selectbox(
            "Currency", currencies, key="currency", bind="query-params", width=110,
            on_change=_chosen, args=("currency",),
        )  # fmt: skip
        zone = st.selectbox(
            "Time zone", ZONES, key="zone", bind="query-params", accept_new_options=True, width=190
        )
    wrong = [_wrong(key, known) for key, known in asked.items() if _noted(key) in st.session_state]
    return Choice(str(span or "24h"), exact or "", compare, currency, str(zone), tuple(wrong))


def _note(key: str, known: tuple[str, ...]) -> None:
    """Keep what the address asks for and there is not: the control below takes it out of the address.

    A window in the words of --window becomes the exact one.
    """
    text = st.query_params.get(key, "")
    if not text or text in known:
        return
    if key == "window" and not st.query_params.get(RANGE) and _is_window(text):
        st.session_state[RANGE] = text
    else:
        st.session_state[_noted(key)] = text


def _is_window(text: str) -> bool:
    try:
        parse_window(text, datetime(2026, 1, 1))
    except ConfigError:
        return False
    return True


def _noted(key: str) -> str:
    return f"wrong {key}"


def _chosen(key: str) -> None:
    """The reader has chosen: what the address said is past."""
    st.session_state.pop(_noted(key), None)


def _wrong(key: str, known: tuple[str, ...]) -> ConfigError:
    beside = f", or {RANGE}=2026-10-01..2026-10-08" if key == "window" else ""
    shown = "24h" if key == "window" else known[0]
    remedy = f"{shown} is shown instead; write {key}= one of {', '.join(known)}{beside}"
    return ConfigError(f"{key} in the address", st.session_state[_noted(key)], remedy)


def spans(choice: Choice, last: datetime, *, hours: bool = False) -> Spans:
    """The window that ends with the ledger's last minute: one that stopped is shown up to where it stopped.

    With `hours` the window starts with a whole hour, as costs that are spread do.
    """
    last -= timedelta(microseconds=1)
    problem = None
    try:
        found = parse_window(choice.exact or choice.span, last)
    except ConfigError as error:
        problem, found = error, parse_window(choice.span, last)
    if hours:
        found = found.from_whole_hour()
    return Spans(found, _before(found, choice.compare), problem)


def _before(window: Window, compare: str) -> Window | None:
    back = {BEFORE: window.end - window.start, WEEK: timedelta(weeks=1)}.get(compare)
    if back is None or window.start - datetime.min < back:  # no calendar reaches so far back
        return None
    return Window(window.start - back, window.end - back)


def zone(name: str) -> ZoneInfo | None:
    """None where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def move(start: datetime, end: datetime, *, hours: bool = False) -> None:
    """Make [start, end), UTC without a zone and widened to whole minutes or hours, every page's window."""
    unit = timedelta(hours=1) if hours else timedelta(minutes=1)
    first = start - (start - datetime.min) % unit
    last = end + (datetime.min - end) % unit
    st.session_state[RANGE] = f"{first:%Y-%m-%dT%H:%MZ}..{max(last, first + unit):%Y-%m-%dT%H:%MZ}"
    st.session_state[MOVED] = True
