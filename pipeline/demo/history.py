"""Thirty days of the demo's past, handed to the embedded runner a few days at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from pipeline.batches import messages
from pipeline.demo import samples
from pipeline.demo.models import DemoModel
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message

PER_MINUTE = 2
"""Requests a minute of each model in the past."""

_STEP = timedelta(days=3)
_SAMPLE = timedelta(minutes=5)
_FLOW = timedelta(minutes=30)


def replay(
    embedded: Embedded,
    models: tuple[DemoModel, ...],
    start: datetime,
    end: datetime,
    seed: int,
    progress: Callable[[datetime], None],
) -> int:
    """Fill the ledger with [start, end); returns the events taken.  The same seed gives the same ledger."""
    taken = 0
    for number, (a, b) in enumerate(spans(start, end)):
        rng = np.random.default_rng([seed, number])
        batch: list[Message] = []
        for name, source, events in _events(models, a, b, a == start, rng):
            stamp = samples.micros(b)
            batch += messages(TYPES[name], events, source=source, sequence=number, time=stamp)
        taken += sum(embedded.take(batch).events.values())
        progress(b)
    return taken


def spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) in pieces of a few days, so that memory stays small."""
    while start < end:
        following = min(start + _STEP, end)
        yield start, following
        start = following


def _events(
    models: tuple[DemoModel, ...], start: datetime, end: datetime, first: bool, rng: np.random.Generator
) -> Iterator[tuple[str, str, pa.Table]]:
    """(event type, source, rows) of one span."""
    if first:
        yield "device", "demo/inventory", samples.devices(start)
        yield "allocation", "demo/allocation", samples.allocations(start, {m.name: "1" for m in models})
    yield "gpu", "demo/dcgm", samples.gpu_samples(start, end, _SAMPLE, rng)
    yield "flow", "demo/hubble", samples.flows(start, end, _FLOW, rng)
    for model in models:
        inference, labels = samples.predictions(model, "1", start, end, PER_MINUTE, rng)
        yield "inference", f"demo/{model.name}", inference
        yield "label", f"demo/{model.name}/labels", labels
