"""What an action changed: the error rate of the version left behind against the one returned to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from detectors.intervals import clopper_pearson
from pipeline.act.events import Publisher
from pipeline.answers.truth import accuracy_minutes
from pipeline.canonical import canonical
from pipeline.events import TYPES
from pipeline.store import Store

Result = Literal["helped", "no-change", "harmed", "unknown"]


@dataclass(frozen=True, slots=True)
class Side:
    """Labelled predictions of one version, and the errors among them."""

    model_version: str
    count: int
    errors: int

    @property
    def rate(self) -> float:
        return self.errors / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    result: Result
    before: Side
    after: Side

    @property
    def detail(self) -> str:
        return (
            f"error rate {self.before.rate:.1%} of {self.before.count} labelled on version "
            f"{self.before.model_version}, {self.after.rate:.1%} of {self.after.count} on version "
            f"{self.after.model_version} afterwards"
        )


def measure(
    store: Store, model: str, left: str, returned: str, acted_at: datetime, now: datetime, window: timedelta
) -> Outcome:
    """`left` in the window before the action, `returned` from the action to `now`; UTC without zone.

    Helped or harmed where the 99 % intervals of the two rates (Clopper-Pearson) do not touch.
    """
    before = _side(store, model, left, acted_at - window, acted_at)
    after = _side(store, model, returned, acted_at, now)
    return Outcome(_result(before, after), before, after)


def _side(store: Store, model: str, version: str, start: datetime, end: datetime) -> Side:
    minutes = accuracy_minutes(store, [model], start, end)
    mine = minutes.filter(pc.field("model_version") == version)
    return Side(version, pc.sum(mine["count"]).as_py() or 0, pc.sum(mine["errors"]).as_py() or 0)


def _result(before: Side, after: Side) -> Result:
    if not before.count or not after.count:
        return "unknown"
    old = clopper_pearson(before.errors, before.count, 0.99)
    new = clopper_pearson(after.errors, after.count, 0.99)
    if new.high < old.low:
        return "helped"
    return "harmed" if new.low > old.high else "no-change"


def publish(publisher: Publisher, action_id: str, outcome: Outcome, now: datetime) -> None:
    """What the labels say of it."""
    evidence = canonical({"before": asdict(outcome.before), "after": asdict(outcome.after)})
    tell(publisher, action_id, outcome.result, evidence, outcome.detail, now)


def tell(
    publisher: Publisher, action_id: str, result: Result, evidence: str, detail: str, now: datetime
) -> None:
    """One `outcome` event; measured again at the same time, it is a duplicate."""
    row = {
        "action_id": action_id,
        "time": now.replace(tzinfo=UTC),
        "state": result,
        "evidence": evidence,
        "detail": detail,
    }
    time = (now - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    table = pa.Table.from_pylist([row], schema=TYPES["outcome"].schema)
    publisher.put(TYPES["outcome"], table, source=f"outcomes/{action_id}", sequence=time, time=time)
