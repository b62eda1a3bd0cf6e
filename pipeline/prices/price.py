"""One row of a price book: what it matches, when it holds, and what a GPU-hour costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pipeline.prices import match as matching
from pipeline.prices.exact import to_nano
from pipeline.prices.match import MATCH_FIELDS, UNKNOWN_CAPACITY, Match, Profile, Rank

__all__ = ["MATCH_FIELDS", "UNKNOWN_CAPACITY", "Kind", "Price", "Profile"]

Kind = Literal["list", "commitment", "on-premises"]
"""A list price can be discounted; a commitment and a machine of one's own cost what they cost."""


@dataclass(frozen=True, slots=True)
class Price:
    """`match` holds only the fields that must be equal; it holds in [valid_from, valid_to), None is open."""

    name: str
    """How an error names the row, for example prices[3]."""
    match: Match
    gpu_hour: Decimal
    """An hour of a GPU; of another resource an hour of a core, a GiB or a load balancer."""
    currency: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    source: str = ""
    kind: Kind = "list"
    arithmetic: str = ""
    """How the GPU-hour follows from what was written; '' where it was written itself."""
    list_gpu_hour: Decimal | None = None
    """Of a commitment: what the same GPU-hour costs without it, where the row says so."""
    bought_gpus: int = 0
    """Of a commitment to a number: how many GPUs it is for; 0 is for all that match."""

    def by_cores(self) -> tuple[Price, Price]:
        """Of a price of cores that is of a whole instance without GPUs: its memory then costs nothing."""
        cores = replace(self, match=(*self.match, ("resource", "cpu")))
        memory = replace(self, match=(*self.match, ("resource", "memory")), gpu_hour=Decimal(0))
        return cores, memory

    @property
    def nano_per_hour(self) -> int:
        """The price in billionths of its currency, rounded half to even."""
        return to_nano(self.gpu_hour)

    def rank(self, profile: Profile) -> Rank | None:
        """How specific the match is; None where a field differs."""
        return matching.rank(self.match, profile)

    def holds_at(self, time: datetime) -> bool:
        return matching.holds_at(self, time)

    def overlaps(self, other: Price) -> bool:
        return matching.overlaps(self, other)

    def identity(self) -> tuple[Match, str, str]:
        """Rows of one identity must not overlap in time; each purchase of a number is one of its own."""
        return matching.same(self.match), self.currency, self.name if self.bought_gpus else ""
