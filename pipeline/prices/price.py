"""One row of a price book: what it matches, when it holds, and what a GPU-hour costs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from pipeline.prices.gpu_models import canonical, names

NANO = Decimal("1e-9")

UNKNOWN_CAPACITY = "on-demand"
"""The purchase option of a device whose inventory does not tell it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """All that a price can depend on; '' is unknown."""

    cluster: str = ""
    provider: str = ""
    region: str = ""
    instance_type: str = ""
    gpu_model: str = ""
    mig_profile: str = ""
    capacity_type: str = ""

    def __str__(self) -> str:
        given = [f"{f.name} {value}" for f in fields(self) if (value := getattr(self, f.name))]
        return ", ".join(given) or "a device of which nothing is known"


MATCH_FIELDS = tuple(f.name for f in fields(Profile))


@dataclass(frozen=True, slots=True)
class Price:
    """`match` holds only the fields that must be equal; it holds in [valid_from, valid_to), None is open."""

    name: str
    """How an error names the row, for example prices[3]."""
    match: tuple[tuple[str, str], ...]
    gpu_hour: Decimal
    currency: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    source: str = ""

    @property
    def nano_per_gpu_hour(self) -> int:
        """The price in billionths of its currency, rounded half to even."""
        return int((self.gpu_hour / NANO).to_integral_value(ROUND_HALF_EVEN))

    def rank(self, profile: Profile) -> tuple[int, bool] | None:
        """How specific the match is; None where a field differs."""
        exact_model = True
        for field, wanted in self.match:
            value = getattr(profile, field)
            if field == "gpu_model":
                if canonical(wanted) not in names(value):
                    return None
                exact_model = canonical(wanted) == canonical(value)
            elif wanted.lower() != (value or _unknown(field)).lower():
                return None
        return len(self.match), exact_model

    def holds_at(self, time: datetime) -> bool:
        started = self.valid_from is None or self.valid_from <= time
        return started and (self.valid_to is None or time < self.valid_to)

    def overlaps(self, other: Price) -> bool:
        latest = max(self.valid_from or datetime.min, other.valid_from or datetime.min)
        return latest < min(self.valid_to or datetime.max, other.valid_to or datetime.max)

    def identity(self) -> tuple[tuple[tuple[str, str], ...], str]:
        """Rows of one identity must not overlap in time."""
        same = {f: canonical(v) if f == "gpu_model" else v.lower() for f, v in self.match}
        return tuple(sorted(same.items())), self.currency


def _unknown(field: str) -> str:
    return UNKNOWN_CAPACITY if field == "capacity_type" else ""
