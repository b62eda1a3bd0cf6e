"""When a month is closed, what it takes to be closed, and where its statements go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class ClosingSettings:
    grace_days: Annotated[int, Bound(0, 60)] = 3
    """Days after a month's end in which late facts still count in it; then it can be closed."""
    gap_minutes: Annotated[int, Bound(1, 44_640)] = 60
    """A cluster that says nothing of any GPU for longer is a gap that a close must accept by name."""
    node_gap_minutes: Annotated[int, Bound(60, 44_640)] = 1_440
    """The same of one node, which is down now and then; it is found at whole hours."""
    clusters: str = ""
    """Clusters that must be heard, NAME, ..., beside those that the ledger, closed months or the month's
    prices name."""
    silent: str = ""
    """Clusters, or nodes as CLUSTER/NODE, that nothing is expected of from a day (UTC) on, because they are
    retired or never measured: NAME=DATE, ..., where a name may be a pattern."""
    completeness: Annotated[float, Bound(0, 1)] = 0.95
    """Observed share of all GPU time below which a close must be told to accept it."""
    correction_months: Annotated[int, Bound(0, 120)] = 12
    """Closed months before the one at hand that are computed again for what came late; a statement says from
    which month on it looked."""
    currency: str = "USD"
    """ISO 4217 code of the statements."""
    prices: str = ""
    """Price book, YAML or CSV, of the statements; empty: the bundled list prices."""
    terms: str = ""
    """YAML file of the terms of each team: charged or shown, mark-up, tax, GL code; see docs/month-end.md."""
    ledger_columns: str = ""
    """YAML file that names the columns of the lines for a general ledger; empty: the usual ones."""
    delivery: str = ""
    """YAML file of where closed statements go; empty: nowhere."""
    schedule_seconds: Annotated[int, Bound(0, 86_400)] = 0
    """How often `up` and `worker` look whether a month is due for closing and delivery; 0: never, by command
    only."""
    lease_seconds: Annotated[int, Bound(10, 86_400)] = 900
    """Longest that a close or a hand-over may take: of several processes on this schedule one does it, and is
    replaced when it shows no life for so long after its next look."""
