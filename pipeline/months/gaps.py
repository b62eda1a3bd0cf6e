"""What nobody saw of a month, and is too much to be charged without a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.answers.window import Window
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Gap:
    """A cluster that said nothing of any GPU in [start, end)."""

    cluster: str
    start: datetime
    end: datetime

    def __str__(self) -> str:
        minutes = (self.end - self.start).total_seconds() // 60
        start, end = (f"{time:%Y-%m-%d %H:%M}Z" for time in (self.start, self.end))
        return f"{self.cluster} said nothing from {start} to {end} ({minutes:.0f} minutes)"


def gaps(store: Store, month: Window, limits: ClosingSettings) -> list[Gap]:
    """Silences longer than the limit: between facts that the cluster did send, and after its last."""
    rows = store.query("silences", start=month.start, end=month.end, minutes=limits.gap_minutes).to_pylist()
    return [Gap(row["cluster"], row["start"], row["end"]) for row in rows]


def objections(found: list[Gap], completeness: Decimal | None, limits: ClosingSettings) -> tuple[str, ...]:
    """Each a sentence; none where the month is complete enough."""
    said = [str(gap) for gap in found]
    least = Decimal(str(limits.completeness))
    if completeness is not None and completeness < least:
        said.append(f"{completeness:.2%} of the month's GPU time was observed, less than {least:.2%}")
    return tuple(said)
