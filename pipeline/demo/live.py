"""Live minutes of the demo at speed: traffic, labels, the judge's tick, the policy and the actuator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.finding import Finding
from pipeline import judge
from pipeline.act.events import Taken
from pipeline.act.tick import act
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.batches import messages
from pipeline.demo import samples
from pipeline.demo.models import DemoModel
from pipeline.demo.serving import Serving
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message
from pipeline.policy.rules import Policy

MINUTE = timedelta(minutes=1)
PER_MINUTE = 60
"""Live requests a minute of each model."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one minute brought."""

    now: datetime
    """End of the minute, UTC without zone."""
    version: str
    findings: tuple[Finding, ...]
    taken: tuple[Taken, ...]


@dataclass(slots=True)
class Live:
    """The running cluster; `model` is the one that is rolled out and watched."""

    embedded: Embedded
    model: DemoModel
    others: tuple[DemoModel, ...]
    serving: Serving
    policy: Policy
    clients: Mapping[str, Kubernetes]
    seed: int
    held: tuple[str, datetime]
    """Version that holds the model's devices, and since when."""
    memory: judge.Memory
    waiting: dict[str, pa.Table] = field(default_factory=dict)
    """Labels by model that nobody has given yet."""

    def minutes(self, start: datetime, count: int) -> Iterator[Tick]:
        """Tick after tick; `start` is UTC with zone."""
        for number in range(count):
            yield self.tick(start + number * MINUTE)

    def tick(self, start: datetime) -> Tick:
        """One minute of the cluster, then one tick of the judge and the policy at its end."""
        end, version = start + MINUTE, self.serving.version()
        self.embedded.take(self._messages(start, end, version))
        store, now = self.embedded.store, end.astimezone(UTC).replace(tzinfo=None)
        findings, snapshot = judge.tick(store, now, memory=self.memory)
        taken = act(store, self.embedded, findings, self.policy, self.clients, now, snapshot=snapshot)
        return Tick(now, version, tuple(findings), taken)

    def _messages(self, start: datetime, end: datetime, version: str) -> list[Message]:
        stamp = samples.micros(end)
        batch: list[Message] = []
        for name, source, events in self._events(start, end, version):
            if events.num_rows:
                batch += messages(TYPES[name], events, source=source, sequence=stamp, time=stamp)
        return batch

    def _events(self, start: datetime, end: datetime, version: str) -> Iterator[tuple[str, str, pa.Table]]:
        rng = np.random.default_rng([self.seed, samples.micros(start)])
        if version != self.held[0]:
            yield "allocation", "demo/allocation", samples.rollout(self.model.name, self.held, version, start)
            self.held = (version, start)
        yield "gpu", "demo/dcgm", samples.gpu_samples(start, end, MINUTE, rng)
        yield "flow", "demo/hubble", samples.flows(start, end, MINUTE, rng)
        for model in (self.model, *self.others):
            answering = version if model is self.model else "1"
            inference, labels = samples.predictions(model, answering, start, end, PER_MINUTE, rng)
            yield "inference", f"demo/{model.name}", inference
            yield "label", f"demo/{model.name}/labels", self._known(model.name, labels, end)

    def _known(self, model: str, labels: pa.Table, end: datetime) -> pa.Table:
        """Labels that people have given by now; the others wait."""
        if model in self.waiting:
            labels = pa.concat_tables([self.waiting[model], labels])
        given = pc.less(labels["time"], samples.times(np.array([samples.micros(end)]))[0])
        self.waiting[model] = labels.filter(pc.invert(given))
        return labels.filter(given)
