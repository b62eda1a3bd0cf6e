"""The pages: where they are served and how much they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    host: str = "127.0.0.1"
    """Address to listen on; the pages have no login yet, so only this machine by default."""
    port: Annotated[int, Bound(0, 65_535)] = 8501
    """TCP port; 0 picks a free one, which is printed."""
    points: Annotated[int, Bound(10, 2_000)] = 200
    """Most points of a line in a chart: more are noise to the eye, and slow in a browser."""
    stale_minutes: int = 60
    """Minutes without a new fact after which a page says that it is stale."""
    approvers: str = ""
    """Who may approve, deny and undo on the pages: names with commas between; empty: nobody."""
    user_header: str = ""
    """HTTP header in which a proxy that logs people in says who reads; only behind one that always sets it.
    Empty: the reader is the user of this machine, if the pages are served to this machine alone."""
    prices: str = ""
    """Price book of the pages, YAML or CSV; empty: the bundled list prices."""
