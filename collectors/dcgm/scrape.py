"""GPU exporter text (dcgm-exporter of all generations, AMD's and Intel's exporters) to `gpu` events."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from collectors.dcgm.devices import Device, device_of, holder_of, no_device
from collectors.dcgm.metrics import BY_LABEL, MAXIMUM, METRICS, PERCENT_SUSPECTS, Quantity, is_blank
from collectors.dcgm.reading import Counters, Reading
from collectors.dcgm.rows import gpu_rows
from collectors.exposition import Sample, samples
from collectors.parsed import Parsed, to_table
from pipeline.events import Rejected

_EPOCH = datetime(1970, 1, 1)
_LONGEST_NAME = 256


@dataclass(slots=True)
class Scrape:
    """Values by device and quantity, each with the pods that the exporter repeated it under."""

    readings: dict[Device, Reading] = field(default_factory=lambda: defaultdict(Reading))
    rejected: list[Rejected] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)


def parse(
    data: bytes,
    *,
    cluster: str,
    time: datetime,
    interval_seconds: float = 30.0,
    previous: Counters | None = None,
) -> Parsed:
    """One scrape as one event a device.  The unit counted is a sample line; comments are none.

    The text carries no time: `time` (UTC, naive) ends the interval that the values speak of, unless a
    line has its own.  `previous` is `counters` of the scrape one interval earlier; without it
    a counter says nothing about the interval, and its lines are left out.
    """
    lines, malformed = samples(data)
    scrape = read(lines)
    stamps = [s.milliseconds for s in lines if s.milliseconds is not None]
    at = _EPOCH + timedelta(milliseconds=max(stamps)) if stamps and max(stamps) < 2**42 else time
    rows, used = gpu_rows(scrape.readings, previous or {}, scrape.excluded)
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    columns |= {"cluster": cluster, "time": at, "interval_seconds": interval_seconds}
    table = to_table("gpu", columns, len(rows))
    rejected = sorted([*malformed, *scrape.rejected], key=lambda r: r.row or 0)
    return Parsed(len(lines) + len(malformed), used, {"gpu": table}, scrape.excluded, tuple(rejected))


def counters(data: bytes) -> dict[str, dict[str, float]]:
    """Totals since the driver was loaded, by device: what the next scrape's `previous` needs."""
    readings = read(samples(data)[0]).readings
    return {device.device: reading.counters() for device, reading in readings.items()}


def tells_percent(lines: Iterable[Sample]) -> bool:
    """Whether an exporter writes percent under the names of ratios, as with DCGM 4.6: one value above 1."""
    return any(s.name in PERCENT_SUSPECTS and 1.0 < s.value <= 100.0 for s in lines)


def read(lines: Sequence[Sample], percent: bool | None = None) -> Scrape:
    """The values of one scrape by device; `percent` says what is known of the exporter's ratios."""
    scrape = Scrape()
    percent = tells_percent(lines) if percent is None else percent
    for line in lines:
        _take(line, scrape, 0.01 if percent and line.name in PERCENT_SUSPECTS else None)
    return scrape


def _take(line: Sample, scrape: Scrape, scale: float | None) -> None:
    metric = METRICS.get(line.name.removeprefix("amd_"))
    other = "metric_not_used" if metric is None else no_device(line.labels)
    if metric is None or other is not None:
        scrape.excluded[other or ""] += 1
        return
    device = device_of(line.labels)
    if device is None:
        scrape.rejected.append(Rejected("missing_field", f"{line.name}: no label names a device", line.row))
    elif len(device.device) > _LONGEST_NAME:
        detail = f"{line.name} of {device.device[:40]}..."
        scrape.rejected.append(Rejected("text_too_long", detail, line.row))
    elif not math.isfinite(line.value):
        scrape.rejected.append(Rejected("not_finite", f"{line.name} of {device.device}", line.row))
    elif is_blank(line.value):
        scrape.rejected.append(Rejected("blank_value", f"{line.name} of {device.device}", line.row))
    else:
        value = line.value * (metric.scale if scale is None else scale)
        _keep(line, metric.quantity, device, value, scrape)


def _keep(line: Sample, quantity: Quantity, device: Device, value: float, scrape: Scrape) -> None:
    if not 0.0 <= value <= MAXIMUM[quantity]:
        detail = f"{line.name} of {device.device} is {line.value:g}"
        scrape.rejected.append(Rejected("out_of_range", detail, line.row))
        return
    label = BY_LABEL.get(quantity)
    scrape.readings[device].add(quantity, holder_of(line.labels), value, label and line.labels.get(label, ""))
