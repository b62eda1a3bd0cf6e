"""How the ledger is kept small and quick while it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    every_seconds: Annotated[int, Bound(1, 86_400)] = 300
    """Pause between two rounds: at a commit a second 300 small files a table, which a round merges."""
    lease_seconds: Annotated[int, Bound(10, 86_400)] = 900
    """Longest that one step may take: a maintainer that shows no life for so long is replaced."""
    snapshot_hours: Annotated[int, Bound(1, 87_600)] = 24
    """Past states that can be read whole: longer than a report runs or a decision waits for its worker."""
    verdict_days: Annotated[int, Bound(1, 3_650)] = 30
    """Days in which a verdict can be computed again; those of decisions and closed months always can."""
    rollup_days: Annotated[int, Bound(2, 36_500)] = 35
    """Age in days at which minutes become hours: a month can be closed from its minutes."""
    sample_days: Annotated[int, Bound(1, 3_650)] = 35
    """Age in days at which rows kept of features are deleted: they are raw values."""
    grace_hours: Annotated[int, Bound(1, 8_760)] = 1
    """Hours that a replaced file stays for those who still read it; a day more with a SQLite catalog."""
    orphan_hours: Annotated[int, Bound(1, 8_760)] = 24
    """Age at which a file that no commit knows is deleted: longer than any transaction takes."""
