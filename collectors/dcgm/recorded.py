"""Files that hold scrapes with their times: answers of Prometheus' HTTP API, and text whose lines have times.

Answers of /api/v1/query and /api/v1/query_range: https://prometheus.io/docs/prometheus/latest/querying/api/,
or their `data.result` alone, which is what clients hand over.
Text with times: what `promtool tsdb dump-openmetrics` and /federate write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from collectors.dcgm.place import Place, Seen
from collectors.dcgm.scrape import read
from collectors.dcgm.series import Series, scrapes_of
from collectors.dcgm.timeline import Pace, Scrape, advance
from collectors.exposition import Sample, first_has_time, samples
from collectors.json_lines import values
from collectors.parsed import Parsed
from pipeline.events import Rejected

_SECOND = 1_000_000
_LONGEST_INTERVALS = 3
_MOST_MICROSECONDS = 2**52
"""The year 2112: a time beyond is none, and would not be exact as a float."""
_TARGET = ("job", "instance", "Hostname", "hostname")
_WORTH_KNOWING = 200
_EXPORTERS = ("dcgm-exporter", "metrics-exporter", "xpumanager")


def tells_times(data: bytes) -> bool:
    """Whether content is of these: an answer, or text whose first sample line has a time."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or first_has_time(data)


def scrapes(data: bytes) -> list[Scrape]:
    """Scrapes by time and exporter; a line without a time has the latest of the others.

    What is refused stands in a scrape of no target, at the time of the first.
    """
    if not first_has_time(data):
        return _answered(data)
    lines, refused = samples(data)
    late = [line for line in lines if abs(line.milliseconds or 0) * 1_000 >= _MOST_MICROSECONDS]
    refused += [Rejected("malformed", f"{line.name}: no time within reason", line.row) for line in late]
    lines = [line for line in lines if abs(line.milliseconds or 0) * 1_000 < _MOST_MICROSECONDS]
    latest = max((line.milliseconds or 0 for line in lines), default=0)
    found: dict[tuple[int, str], list[Sample]] = defaultdict(list)
    for line in lines:
        target = "/".join(line.labels[name] for name in _TARGET if line.labels.get(name))
        time = latest if line.milliseconds is None else line.milliseconds
        found[(time * 1_000, target)].append(line)
    return _with_refused([Scrape(time, target, of) for (time, target), of in found.items()], refused)


def parse(recorded: Iterable[Scrape], *, cluster: str, interval_seconds: float) -> Parsed:
    """One event a device and scrape, as from a live collector.  The unit counted is a sample.

    A scrape speaks of the time since the one before, so the first of a device only begins an interval.
    What is longer than three intervals is a gap; the interval is `interval_seconds`, or the shortest time
    between two scrapes of an exporter where that is longer.  Where a device has one scrape alone, it speaks
    of `interval_seconds`.
    """
    recorded = list(recorded)
    interval = round(interval_seconds * _SECOND)
    spacing = max(interval, _shortest(recorded))
    pace = Pace(spacing, _LONGEST_INTERVALS * spacing, look_back=0)
    place = Place.beginning(-_MOST_MICROSECONDS)
    place.devices = {device: Seen(time - interval, "", {}) for device, time in _once(recorded)}
    parsed, _ = advance(recorded, place, pace, until=_MOST_MICROSECONDS, cluster=cluster)
    return parsed


def _shortest(recorded: Iterable[Scrape]) -> int:
    """Microseconds between two scrapes of one exporter, the least there is; 0 where none has two."""
    times: dict[str, set[int]] = defaultdict(set)
    for scrape in recorded:
        times[scrape.target].add(scrape.time)
    ordered = (sorted(of) for of in times.values())
    return min((after - before for of in ordered for before, after in pairwise(of)), default=0)


def _once(recorded: Iterable[Scrape]) -> Iterator[tuple[str, int]]:
    """Devices with one scrape alone, and its time."""
    times: dict[str, set[int]] = defaultdict(set)
    for scrape in recorded:
        for device in read(scrape.lines).readings:
            times[device.device].add(scrape.time)
    return ((device, next(iter(of))) for device, of in times.items() if len(of) == 1)


def _answered(data: bytes) -> list[Scrape]:
    refused: list[Rejected] = []
    results = (one for answer in _answers(data, refused) for one in _result(answer, refused))
    series = list(_series(results, refused))
    own = [each.labels for each in series if _is_exporters_own(each.labels)]
    return _with_refused(scrapes_of(series, own), refused)


def _answers(data: bytes, refused: list[Rejected]) -> Iterator[Any]:
    """One answer, or several one after the other, as of a curl for each metric."""
    try:
        for answer, _ in values(data.decode("utf-8-sig")):
            yield answer
    except (ValueError, RecursionError) as error:
        refused.append(Rejected("malformed", f"no answer of Prometheus: {error}"[:_WORTH_KNOWING], 0))


def _result(answer: Any, refused: list[Rejected]) -> list[Any]:
    if isinstance(answer, list):
        return answer
    found = answer.get("data") if isinstance(answer, dict) else None
    result = found.get("result") if isinstance(found, dict) else None
    if isinstance(result, list):
        return result
    said = answer.get("error") or answer.get("status") if isinstance(answer, dict) else None
    says = f"; it says {said}" if said else ": wanted is what /api/v1/query or query_range gave"
    why = f"no data.result of an answer of Prometheus{says}"
    refused.append(Rejected("malformed", why[:_WORTH_KNOWING], 0))
    return []


def _series(result: Iterable[Any], refused: list[Rejected]) -> Iterator[Series]:
    for row, one in enumerate(result):
        labels = one.get("metric") if isinstance(one, dict) else None
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            refused.append(Rejected("malformed", "a result without the labels of a metric", row))
            continue
        told = one.get("values", [one["value"]] if "value" in one else [])
        points = []
        for point in told if isinstance(told, list) else [told]:
            taken = _point(point)
            if taken is None:
                name = f"{labels.get('__name__', 'a metric')}: {point}"
                refused.append(Rejected("malformed", f"no [time, value] in {name}"[:_WORTH_KNOWING], row))
            else:
                points.append(taken)
        yield Series(labels, points)


def _point(point: Any) -> tuple[int, float] | None:
    try:
        seconds, value = point
        time = round(float(seconds) * 1_000) * 1_000
        return (time, float(value)) if abs(time) < _MOST_MICROSECONDS else None
    except (TypeError, ValueError, OverflowError):
        return None


def _is_exporters_own(labels: dict[str, str]) -> bool:
    """Whether `pod` is the exporter's: the Prometheus operator writes a target's own pod on every line.

    Pods of a DaemonSet begin with the name of its service or PodMonitor; others are told by their own.
    """
    pod = labels.get("pod", "")
    names = [labels[name].rpartition("/")[2] for name in ("service", "job") if labels.get(name)]
    return any(pod.startswith(f"{name}-") for name in names) or any(word in pod for word in _EXPORTERS)


def _with_refused(found: list[Scrape], refused: list[Rejected]) -> list[Scrape]:
    first = min((scrape.time for scrape in found), default=0)
    return [Scrape(first, "", [], tuple(refused)), *found] if refused else found
