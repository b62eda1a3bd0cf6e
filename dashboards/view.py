"""What a page looks at: one snapshot of the ledger, a window, and who reads it in which currency and zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from dashboards.recorded import Recorded
from pipeline.answers.window import MINUTE, Window
from pipeline.lake.location import Location
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.settings.groups import Settings


@dataclass(frozen=True)
class View:
    """Every number of a page comes from `snapshot`, so that all of them agree; times are UTC inside."""

    settings: Settings
    ledger: Location
    snapshot: int
    last: datetime
    """The last instant that the ledger speaks of."""
    now: datetime
    window: Window
    before: Window | None
    """What the window is compared with."""
    currency: str
    zone: ZoneInfo
    book: PriceBook
    owners: Ownership

    @cached_property
    def store(self) -> Recorded:
        """The ledger at `snapshot`, opened by the first question of a page for all that it asks."""
        return Recorded.open(self.ledger, snapshot=self.snapshot)

    def close(self) -> None:
        if "store" in self.__dict__:
            self.store.close()

    @property
    def rule(self) -> CostRule:
        return self.settings.cost

    @property
    def window_to_now(self) -> Window:
        """Of what ticks and people say, later than facts: to now, if it reaches to the newest fact."""
        if self.window.end < self.last:
            return self.window
        now = max(self.now, self.last).replace(second=0, microsecond=0)
        return Window(self.window.start, now + MINUTE)

    @property
    def key(self) -> tuple[object, ...]:
        """What an answer depends on beside its question: two views of one key see the same numbers."""
        return (
            str(self.ledger), self.snapshot, self.currency, self.rule, self.owners.version, self.book.version
        )  # fmt: skip
