"""Where only hours remain: what a question about minutes of that time must say."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.answers.window import Window
from pipeline.store import Store

HOURS_ONLY = (
    "before {until} only hours remain: of an hour that the window cuts, GPU time is shared evenly; all else "
    "counts where the hour's first minute is inside"
)


def until(store: Store) -> datetime:
    """Minutes before this are rolled up to hours; 1970 where none are."""
    found: datetime = store.query("rolled_until").column("until")[0].as_py()
    return found


def notes(store: Store, window: Window) -> tuple[str, ...]:
    """What a reader must know where an edge of the window cuts an hour that has no minutes any more."""
    inside = [t for t in (window.start, window.end) if t.minute]
    if not inside:  # most windows are whole hours, and even a small question takes milliseconds
        return ()
    end = until(store)
    cut = any(t < end for t in inside)
    return (HOURS_ONLY.format(until=f"{end:%Y-%m-%d}"),) if cut else ()


def start_of_hour(time: datetime) -> datetime:
    return time - timedelta(minutes=time.minute)
