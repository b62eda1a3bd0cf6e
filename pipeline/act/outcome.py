"""What an action changed, by its rule's detectors: the version left behind against the one returned to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from detectors import accuracy, latency_objective, segment_accuracy
from detectors.intervals import Interval, clopper_pearson, clopper_pearson_upper
from detectors.parameters import Parameters
from pipeline.act.events import Publisher
from pipeline.answers.truth import accuracy_minutes, in_time, judged
from pipeline.answers.window import Window
from pipeline.canonical import canonical
from pipeline.events import TYPES
from pipeline.store import Store

Result = Literal["helped", "no-change", "harmed", "unknown"]

CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class Side:
    """Labelled predictions of one version and the errors among them, or timed requests and the slow ones."""

    model_version: str
    count: int
    hits: int

    @property
    def rate(self) -> float:
        return self.hits / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Compared:
    """The two versions by one detector."""

    detector: str
    before: Side
    after: Side

    @property
    def count(self) -> int:
        """The smaller of the two."""
        return min(self.before.count, self.after.count)

    @property
    def result(self) -> Result:
        if not self.count:
            return "unknown"
        old, new = (_interval(self.detector, side) for side in (self.before, self.after))
        if new.high < old.low:
            return "helped"
        return "harmed" if new.low > old.high else "no-change"

    @property
    def detail(self) -> str:
        rate, of = _WORDS[self.detector]
        return (
            f"{rate} {self.before.rate:.1%} of {self.before.count} {of} on version "
            f"{self.before.model_version}, {self.after.rate:.1%} of {self.after.count} on version "
            f"{self.after.model_version} afterwards"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    compared: tuple[Compared, ...]
    """By each detector of the rule."""
    min_count: int = 1
    """Fewest events of each version that count."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Detectors for which too few events have come."""
        return tuple(c.detector for c in self.compared if c.count < self.min_count)

    @property
    def result(self) -> Result:
        """Harmed by one is harmed; else helped by one is helped."""
        known = [c.result for c in self.compared if c.detector not in self.missing]
        ranked: tuple[Result, ...] = ("harmed", "helped", "no-change")
        return next((result for result in ranked if result in known), "unknown")

    @property
    def detail(self) -> str:
        words = "; ".join(c.detail for c in self.compared)
        return f"{words}; too few by {' and '.join(self.missing)}" if self.missing else words


def measure(
    store: Store,
    model: str,
    left: str,
    returned: str,
    acted_at: datetime,
    now: datetime,
    window: timedelta,
    detectors: Sequence[str] = (accuracy.NAME,),
    min_count: int = 1,
) -> Outcome:
    """`left` in the window before the action, `returned` from the action to `now`; UTC without zone.

    Helped or harmed where the 99 % intervals of the two rates (Clopper-Pearson) do not touch; slow requests
    come in bursts, so their counts are divided by the judge's overdispersion first.
    """
    spans = (left, acted_at - window, acted_at), (returned, acted_at, now)
    sides = {name: of for name, of in _SIDES.items() if name in detectors}
    if segment_accuracy.NAME in detectors:
        sides[segment_accuracy.NAME] = partial(_errors_in, _worse(store, model, *spans[0]))
    compared = (Compared(name, *(sides[name](store, model, *span) for span in spans)) for name in detectors)
    return Outcome(tuple(compared), min_count)


def _errors(store: Store, model: str, version: str, start: datetime, end: datetime) -> Side:
    minutes = accuracy_minutes(store, [model], start, end)
    mine = minutes.filter(pc.field("model_version") == version)
    return Side(version, pc.sum(mine["count"]).as_py() or 0, pc.sum(mine["errors"]).as_py() or 0)


def _worse(store: Store, model: str, version: str, start: datetime, end: datetime) -> frozenset[str]:
    """Segments in which the version surely erred more than the reference tolerates; all where none is."""
    found = _by_segment(store, model, version, start, end)
    reference = store.references().get(model)
    known = {one.segment: one for one in reference.segment_labels} if reference else {}
    parameters = Parameters()
    worse = {
        name
        for name, (labelled, errors) in found.items()
        if name in known
        and labelled
        and clopper_pearson(errors, labelled, CONFIDENCE).low
        > segment_accuracy.tolerated(known[name], parameters)
    }
    return frozenset(worse or found)


def _errors_in(
    segments: frozenset[str], store: Store, model: str, version: str, start: datetime, end: datetime
) -> Side:
    found = _by_segment(store, model, version, start, end)
    labelled, errors = (sum(of[at] for name, of in found.items() if name in segments) for at in (0, 1))
    return Side(version, labelled, errors)


def _by_segment(
    store: Store, model: str, version: str, start: datetime, end: datetime
) -> dict[str, tuple[int, int]]:
    """(labelled, errors) of the predictions of each segment."""
    rows = judged(store, "segment_outcomes", store.references(), [model], start, end).to_pylist()
    return {r["segment"]: (r["labelled"], r["errors"]) for r in rows if r["model_version"] == version}


def _slow(metric: str, store: Store, model: str, version: str, start: datetime, end: datetime) -> Side:
    reference = store.references().get(model)
    known = in_time(store, [reference], Window(start, end), metric) if reference and start < end else {}
    timed, over, _ = known.get((model, version), (0, 0, 0))
    return Side(version, timed, over)


_SIDES: dict[str, Callable[[Store, str, str, datetime, datetime], Side]] = {
    accuracy.NAME: _errors,
    **{name: partial(_slow, metric) for metric, name in latency_objective.NAMES.items()},
}
_WORDS = {
    accuracy.NAME: ("error rate", "labelled"),
    segment_accuracy.NAME: ("error rate of the segments that were worse", "labelled"),
    latency_objective.NAME: ("slower than the objective", "timed"),
    latency_objective.NAMES["time_to_first_token"]: ("first token later than the objective", "timed"),
    latency_objective.NAMES["time_per_output_token"]: ("tokens slower than the objective", "timed"),
}


def _interval(detector: str, side: Side) -> Interval:
    if detector in (accuracy.NAME, segment_accuracy.NAME):
        return clopper_pearson(side.hits, side.count, CONFIDENCE)
    phi, tail = Parameters().latency_phi, 1 - (1 - CONFIDENCE) / 2
    hits, count = side.hits / phi, side.count / phi
    return Interval(
        1 - clopper_pearson_upper(count - hits, count, tail), clopper_pearson_upper(hits, count, tail)
    )


def publish(publisher: Publisher, action_id: str, outcome: Outcome, now: datetime) -> None:
    """What labels and latencies say of it."""
    tell(publisher, action_id, outcome.result, evidence(outcome), outcome.detail, now)


def evidence(outcome: Outcome) -> str:
    """What is kept of it; a month's statement reads from it what a rollback saved."""
    return canonical({"compared": [asdict(c) for c in outcome.compared]})


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
