"""What an action changed in money: before it and after it, of the version or namespace that it was about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pipeline.answers.version_cost import of_namespace, of_version
from pipeline.policy.ladders import STEPS
from pipeline.policy.reading import traffic
from pipeline.prices.book import PriceBook
from pipeline.store import Store

SPAN = timedelta(hours=24)
"""Longest stretch that is looked at on each side."""

By = Literal["version", "namespace"]


@dataclass(frozen=True, slots=True)
class Side:
    """One model version or namespace over a window; cost is None where nothing of it has a known price."""

    of: str
    start: datetime
    end: datetime
    cost: Decimal | None

    @property
    def hours(self) -> Decimal:
        return Decimal((self.end - self.start) // timedelta(minutes=1)) / 60

    @property
    def hourly(self) -> Decimal | None:
        return None if self.cost is None or not self.hours else self.cost / self.hours


@dataclass(frozen=True, slots=True)
class Effect:
    before: Side
    after: Side
    currency: str
    by: By = "version"

    @property
    def saved(self) -> Decimal | None:
        """Over the hours after it, against going on as before; negative is dearer, None unknown."""
        if self.before.hourly is None or self.after.hourly is None:
            return None
        return (self.before.hourly - self.after.hourly) * self.after.hours

    @property
    def words(self) -> str:
        """In one sentence."""
        before, after, saved = self.before, self.after, self.saved
        if before.hourly is None or after.hourly is None or saved is None:
            unknown = dict.fromkeys(side.of for side in (before, after) if side.hourly is None)
            return f"not known, no device with a price is known of {' and '.join(unknown)}"
        return (
            f"cost an hour {before.hourly:.2f} {self.currency} before ({before.of}), "
            f"{after.hourly:.2f} {self.currency} after ({after.of}); "
            f"saved in {after.hours:.1f} h: {saved:.2f} {self.currency}"
        )


def effect(store: Store, steps: Sequence[dict[str, Any]], prices: PriceBook, currency: str) -> Effect | None:
    """Of a rollback or a ladder's step that took effect; None for every other action.

    Of a version the one that was left, from its first traffic on, and the one returned to; of a step its
    namespace before it and while it held.  The same ledger gives the same answer.
    """
    done = next((s for s in steps if s["state"] == "executed"), None)
    newest = store.query("newest").column("last")[0].as_py()
    if done is None or newest is None:
        return None
    at = _minute(done["time"])
    ended = next((s["time"] for s in steps if s["state"] == "undone"), newest)
    until = max(min(at + SPAN, _minute(newest), _minute(ended)), at)
    before, after = (at - SPAN, at), (at, until)
    book = prices, currency
    if done["kind"] == "rollback":
        model, versions = done["model"], (done["model_version"], done["to_version"])
        seen = traffic(store, model, versions[0])
        if seen is not None and before[0] < seen[0] < at:
            before = (seen[0], at)
        sides = [
            Side(v, *w, of_version(store, model, v, *w, *book))
            for v, w in zip(versions, (before, after), strict=True)
        ]
        return Effect(sides[0], sides[1], currency)
    if done["kind"] in STEPS and done["kind"] != "notify":
        space = done["cluster"], done["namespace"]
        sides = [Side(space[1], *w, of_namespace(store, *space, *w, *book)) for w in (before, after)]
        return Effect(sides[0], sides[1], currency, "namespace")
    return None


def _minute(time: datetime) -> datetime:
    """Costs are of whole minutes; an action has the second of its clock."""
    return time.replace(second=0, microsecond=0)
