"""What the demo prints: what happened, why, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from detectors.finding import Finding
from pipeline.act.outcome import Outcome
from pipeline.answers.cost import cost
from pipeline.answers.drift import drift
from pipeline.answers.window import Window
from pipeline.demo.live import Tick
from pipeline.demo.run import Result, Told
from pipeline.explain.narrative import narrative
from pipeline.store import Store

Say = Callable[[str], None]


@dataclass(slots=True)
class Story:
    """Tells the demo line by line through `say`; `progress` gets the share of the past that is filled."""

    say: Say
    progress: Callable[[float], None]
    began_at: float = field(default_factory=time.monotonic)
    span: tuple[datetime, datetime] | None = None
    levels: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def told(self) -> Told:
        return Told(self.began, self.filled, self.remembered, self.rolled_out, self.ticked, self.measured)

    def began(self, start: datetime, end: datetime) -> None:
        self.span = (start, end)
        self.say("Cluster demo: 3 teams, 5 GPUs (whole, MIG, time-sliced, DRA-shared), 2 scikit-learn models")
        self.say(f"Filling the ledger with {(end - start).days} days, {start:%Y-%m-%d} to {end:%Y-%m-%d}")

    def filled(self, until: datetime) -> None:
        assert self.span is not None  # began comes first
        start, end = self.span
        self.progress((until - start) / (end - start))

    def remembered(self, store: Store, taken: int) -> None:
        self.say(f"{taken:,} events folded in {time.monotonic() - self.began_at:.1f} s")
        self.say("")
        self._cost(store)
        self._drift(store)
        self.say("Live minutes, at speed:")

    def _cost(self, store: Store) -> None:
        """What the month cost, by team, largest first."""
        answer = cost(store)
        self.say("Spend by team, at list prices            total USD   held idle USD   GPU-hours")
        names = [c.name for c in answer.columns]
        for row in filter(None, (*answer.rows, answer.total)):
            found = dict(zip(names, row, strict=True))
            self.say(
                f"  {found['team'] or 'total':<36} {found['total_cost']:>12,.2f} "
                f"{found['workload_idle_cost']:>15,.2f} {found['allocated_gpu_hours']:>11,.1f}"
            )
        self.say("")

    def _drift(self, store: Store) -> None:
        """Inputs that moved in the last hours; drift explains and never acts."""
        assert self.span is not None  # began comes first
        end = self.span[1].replace(tzinfo=None)
        answer = drift(store, Window(end - timedelta(hours=6), end))
        self.say("Inputs that moved most in six hours        PSI    level")
        for found in answer.named()[:3]:
            self.say(
                f"  {found['model']}: {found['feature']!s:<24} {found['psi']:>6.2f}    {found['psi_level']}"
            )
        self.say("")

    def rolled_out(self, moment: datetime, version: str) -> None:
        self.say(f"  {moment:%H:%M}  someone rolls out tumour-screen version {version}")

    def ticked(self, tick: Tick) -> None:
        for finding in tick.findings:
            self._level(tick, finding)
        for taken in tick.taken:
            self.say(f"  {tick.now:%H:%M}  action {taken.action_id[:12]}  {taken.state}: {taken.detail}")

    def _level(self, tick: Tick, finding: Finding) -> None:
        """A verdict is told when it changes and matters."""
        key = (finding.detector, finding.model, finding.model_version)
        before = self.levels.get(key)
        self.levels[key] = finding.level
        if finding.level != before and (finding.level in ("warn", "act") or before in ("warn", "act")):
            self.say(
                f"  {tick.now:%H:%M}  {finding.detector} of {finding.model} {finding.model_version}: "
                f"{finding.level} ({finding.count} events, evidence {finding.log_evidence:.1f} nats, "
                f"acts at {finding.log_act:.1f})"
            )

    def measured(self, outcome: Outcome) -> None:
        self.say(f"  outcome: {outcome.result}; {outcome.detail}")

    def end(self, result: Result) -> None:
        self.say("")
        if result.explanation is None:
            self.say("No rollback happened.")
            return
        for line in narrative(result.explanation):
            self.say(line)
        self.say("")
        self.say(f"Done after {time.monotonic() - self.began_at:.1f} s.")
