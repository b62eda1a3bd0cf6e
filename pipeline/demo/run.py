"""The demo from an empty folder to a verified rollback: a month of past, then live minutes at speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from detectors.reference_build import build
from pipeline import judge
from pipeline.act import outcome
from pipeline.act.outcome import Outcome
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.demo import history, samples
from pipeline.demo.apiserver import ApiServer
from pipeline.demo.cluster import CLUSTER
from pipeline.demo.live import MINUTE, Live, Tick
from pipeline.demo.models import DemoModel, digit_reader, tumour_screen
from pipeline.demo.serving import Serving
from pipeline.embedded import Embedded
from pipeline.explain.explanation import Explanation, explain
from pipeline.kube.connection import Connection
from pipeline.policy.file import parse
from pipeline.registry import register
from pipeline.store import Store

ROLLED_OUT_AFTER = 4
"""Live minutes before somebody rolls version 2 out."""
WATCHED_AFTER = 8
"""Live minutes after the rollback, for its outcome."""
LONGEST = 40
"""Live minutes after which the demo gives up on a rollback."""
DRIFTED = timedelta(hours=6)
"""How long before the live minutes the other model's inputs began to drift."""
REFERENCE_ROWS = 4_000
"""Answers of version 1 that stand for how the model was when it was known to be right."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo showed; `action_id` is '' where nothing was rolled back."""

    action_id: str
    verified: bool
    outcome: Outcome | None
    explanation: Explanation | None

    @property
    def succeeded(self) -> bool:
        """The rollback happened, was verified, and its decision computed again is identical."""
        return self.verified and self.explanation is not None and self.explanation.identical


@dataclass(frozen=True, slots=True)
class Told:
    """What the demo reports while it runs; each is called with what has just happened."""

    began: Callable[[datetime, datetime], None]
    filled: Callable[[datetime], None]
    remembered: Callable[[Store, int], None]
    rolled_out: Callable[[datetime, str], None]
    ticked: Callable[[Tick], None]
    measured: Callable[[Outcome], None]


def run(folder: Path, now: datetime, *, seed: int, days: int, told: Told) -> Result:
    """Fill the empty ledger in `folder` with `days` before `now` (UTC with zone) and act out the rollback."""
    live_from = now.replace(second=0, microsecond=0) - LONGEST * MINUTE
    start = (live_from - timedelta(days=days)).replace(hour=0, minute=0)
    watched, other = tumour_screen(seed), digit_reader(seed, samples.micros(live_from - DRIFTED))
    with Store.open(folder) as store:
        told.began(start, live_from)
        _references(store, (watched, other), start, seed)
        embedded = Embedded(store)
        taken = history.replay(embedded, (watched, other), start, live_from, seed, told.filled)
        memory = _judged(store, live_from)
        told.remembered(store, taken)
        return _live(embedded, watched, other, (start, live_from), seed, told, memory)


def _references(store: Store, models: tuple[DemoModel, ...], start: datetime, seed: int) -> None:
    for model in models:
        inference, labels = samples.reference_rows(model, start, REFERENCE_ROWS, seed)
        reference = build(
            inference,
            labels=labels,
            model=model.name,
            positive_class=model.positive_class,
            latency_objective_seconds=0.2,
            latency_budget=0.01,
        )
        register(store, reference, start)


def _judged(store: Store, moment: datetime) -> judge.Memory:
    """The verdict on version 1 before anything changes: a rollback rests on it, later ticks go on from it."""
    memory = judge.Memory()
    judge.tick(store, moment.astimezone(UTC).replace(tzinfo=None), memory=memory)
    return memory


def _live(
    embedded: Embedded,
    watched: DemoModel,
    other: DemoModel,
    span: tuple[datetime, datetime],
    seed: int,
    told: Told,
    memory: judge.Memory,
) -> Result:
    start, live_from = span
    policy = parse((files("pipeline.demo") / "policy.yaml").read_text(encoding="utf-8"))
    with ApiServer("demo-token") as server:
        client = Kubernetes(Connection(server.url, token="demo-token"))
        serving = Serving(server, watched.name)
        live = Live(
            embedded, watched, (other,), serving, policy, {CLUSTER: client}, seed, ("1", start), memory
        )
        ticks = list(_until_watched(live, serving, live_from, told))
        client.close()
    return _result(embedded, ticks, told)


def _until_watched(live: Live, serving: Serving, live_from: datetime, told: Told) -> Iterator[Tick]:
    """Ticks until the rollback has been watched long enough, or too much time has passed."""
    verified_at: int | None = None
    for number in range(LONGEST):
        moment = live_from + number * MINUTE
        if number == ROLLED_OUT_AFTER:
            serving.roll_out("2")
            told.rolled_out(moment, "2")
        tick = live.tick(moment)
        told.ticked(tick)
        yield tick
        if verified_at is None and any(t.state == "verified" for t in tick.taken):
            verified_at = number
        if verified_at is not None and number - verified_at >= WATCHED_AFTER:
            return


def _result(embedded: Embedded, ticks: list[Tick], told: Told) -> Result:
    steps = [(tick.now, taken) for tick in ticks for taken in tick.taken]
    executed = next(((now, t) for now, t in steps if t.state == "executed"), None)
    if executed is None:
        return Result("", False, None, None)
    acted_at, action = executed
    now = ticks[-1].now
    measured = outcome.measure(
        embedded.store,
        action.model,
        action.model_version,
        action.to_version,
        acted_at,
        now,
        timedelta(hours=1),
    )
    outcome.publish(embedded, action.action_id, measured, now)
    told.measured(measured)
    verified = any(t.state == "verified" and t.action_id == action.action_id for _, t in steps)
    explanation = explain(embedded.store.location, action.action_id)
    return Result(action.action_id, verified, measured, explanation)
