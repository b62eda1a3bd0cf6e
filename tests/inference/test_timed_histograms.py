"""Histograms of times by OTLP: what servers counted reaches the ledger once, and leaves it unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collectors.live.inference import assembly, rules, timed
from collectors.live.inference import memory as memory_file
from collectors.live.inference.found import Found
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs
from detectors import serving
from detectors.histogram_forms import Histogram, of_cells, to_otel
from pipeline.answers import latency_export
from pipeline.answers.latency import latency
from pipeline.answers.window import Window
from pipeline.store import Batch, Store
from tests.detect.histogram_readers import from_otel
from tests.detect.test_answer_models import named
from tests.examples import examples
from tests.inference.inference_scene import NOW, post, receiving


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A new folder each time."""
    return lambda: tmp_path_factory.mktemp("memory")


START = int(NOW.timestamp()) - 3_600
DURATION = "gen_ai.server.request.duration"
MODEL = {"gen_ai.request.model": "llama", "gen_ai.response.model": "llama-3-8b"}


def attributes(of: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in of.items()]


def point(second: int, content: dict[str, Any], since: int | None = None, **said: str) -> dict[str, Any]:
    """Told at `second` after START, counting since."""
    times = {"startTimeUnixNano": since, "timeUnixNano": second}
    nanoseconds = {k: str((START + s) * 10**9) for k, s in times.items() if s is not None}
    return {"attributes": attributes({**MODEL, **said}), **nanoseconds, **content}


def explicit(counts: list[int], bounds: tuple[float, ...] = (0.1, 0.5, 1.0)) -> dict[str, Any]:
    return {
        "explicitBounds": list(bounds),
        "bucketCounts": [str(n) for n in counts],
        "count": str(sum(counts)),
    }


def export(
    points: list[dict[str, Any]], *, cumulative: bool = False, name: str = DURATION, unit: str = "s"
) -> dict[str, Any]:
    kind = "exponentialHistogram" if points and "scale" in points[0] else "histogram"
    data = {"aggregationTemporality": 2 if cumulative else 1, "dataPoints": points}
    resource = {"attributes": attributes({"k8s.namespace.name": "ml", "k8s.deployment.name": "chat"})}
    metrics = [{"name": name, "unit": unit, kind: data}]
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}


@contextmanager
def memory(folder: Path, cursor: dict[str, Any] | None = None, second: int | None = None) -> Iterator[Memory]:
    """A new one begins at `second` after START, where that is known."""
    folder.mkdir(exist_ok=True)
    began = 0 if second is None else (START + second) * 1_000_000
    known = Memory(folder, cursor, Pairs(60, 1_000), 10_000, began)
    try:
        yield known
    finally:
        known.close()


def parsed(sent: dict[str, Any], known: Memory) -> Found:
    return timed.parse(json.dumps(sent).encode(), True, known)


def events(found: Found) -> pa.Table | None:
    now = int(NOW.timestamp() * 1e6)
    return assembly.parsed(found, rules.Rules(), "c", now).events.get("serving")


def taken(sent: dict[str, Any], known: Memory) -> list[dict[str, Any]]:
    table = events(parsed(sent, known))
    return [] if table is None else list(table.to_pylist())


def held(rows: list[dict[str, Any]]) -> dict[tuple[float, float | None], int]:
    sums: dict[tuple[float, float | None], int] = {}
    for row in rows:
        key = row["bucket_above_seconds"], row["bucket_at_most_seconds"]
        sums[key] = sums.get(key, 0) + row["count"]
    return sums


def test_a_point_becomes_buckets_with_who_and_how(tmp_path: Path) -> None:
    """JSON and protobuf mean the same; the model that answered is the version, as for spans."""
    sent = export([point(60, explicit([1, 0, 2, 3]), 0)])
    with memory(tmp_path / "a") as known:
        found = parsed(sent, known)
    rows = events(found).to_pylist()
    assert held(rows) == {(0.0, 0.1): 1, (0.5, 1.0): 2, (1.0, None): 3}
    assert {(r["model"], r["model_version"], r["namespace"], r["workload"], r["cluster"]) for r in rows} == {
        ("llama", "llama-3-8b", "ml", "Deployment/chat", "c")
    }
    assert {(r["counter"], r["histogram"], r["interval_seconds"]) for r in rows} == {
        ("latency", "otel-explicit", 60.0)
    }
    body = json_format.ParseDict(sent, ExportMetricsServiceRequest()).SerializeToString()
    client = export([point(60, explicit([1, 0, 0, 0]), 0)], name="gen_ai.client.operation.duration")
    milliseconds = export([point(60, explicit([0, 4], (100.0,)), 0)], unit="ms")
    with memory(tmp_path / "b") as known:
        assert timed.parse(body, False, known) == found
        assert taken(client, known)[0]["histogram"] == "otel-client-explicit"
    with memory(tmp_path / "c") as known:
        assert held(taken(milliseconds, known)) == {(0.1, None): 4}


steps = st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=8)


BOUNDS = [(0.0, 0.1), (0.1, 0.5), (0.5, 1.0), (1.0, None)]


@given(steps, st.randoms(use_true_random=False))
@settings(max_examples=examples(25), deadline=None)
def test_deltas_count_once_in_any_order_and_batch(make: Any, sent: list[list[int]], random: Any) -> None:
    """A collector that tries again puts the same points into other requests, late and twice."""
    points = [point(60 * i + 60, explicit(counts), 60 * i) for i, counts in enumerate(sent)]
    again = [*points, *random.sample(points, random.randint(0, len(points)))]
    random.shuffle(again)
    rows = []
    with memory(make()) as known:
        while again:
            cut = random.randint(1, len(again))
            rows += taken(export(again[:cut]), known)
            again = again[cut:]
    wanted = [sum(counts[i] for counts in sent) for i in range(4)]
    assert held(rows) == {edges: n for edges, n in zip(BOUNDS, wanted, strict=True) if n}


@given(steps, st.sets(st.integers(1, 7)), st.randoms(use_true_random=False))
@settings(max_examples=examples(25), deadline=None)
def test_what_only_grows_counts_by_its_growth(
    make: Any, sent: list[list[int]], restarts: set[int], random: Any
) -> None:
    """Points are lost, repeated or late, server and receiver start again: each request counts once."""
    total, since, wanted, kept = [0] * 4, 0, [0] * 4, []
    for i, counts in enumerate([[0] * 4, *sent]):
        if i in restarts:
            total, since = [0] * 4, 60 * i
        total = [a + b for a, b in zip(total, counts, strict=True)]
        wanted = [a + b for a, b in zip(wanted, counts, strict=True)]
        # What a server had counted before it ended must have been told; the rest may be lost, or come twice.
        must_come = i in (0, len(sent)) or i + 1 in restarts
        times = 1 if must_come else random.randint(0, 2)
        kept += [point(60 * i + 60, explicit(total), since)] * times
    late = [each for each in kept[:-1] if random.random() < 0.3]
    folder, rows, cursor, left = make(), [], None, [*kept, *late]
    while left:
        with memory(folder, cursor) as known:
            for _ in range(random.randint(1, len(left))):
                rows += taken(export([left.pop(0)], cumulative=True), known)
            cursor = known.save()
    assert held(rows) == {edges: n for edges, n in zip(BOUNDS, wanted, strict=True) if n}


def test_a_server_that_starts_after_the_receiver_counts_from_its_first_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod of a minute's life must not be lost; one that was forgotten must not be counted again."""
    first = export([point(120, explicit([5, 0, 0, 0]), 60)], cumulative=True)
    older = export([point(120, explicit([5, 0, 0, 0]), 10, pod="b")], cumulative=True)
    with memory(tmp_path, second=30) as known:
        assert held(taken(first, known)) == {(0.0, 0.1): 5}
        assert taken(first, known) == taken(older, known) == [], "told already; began before we did"
        cursor = known.save()
    with memory(tmp_path, cursor, second=500) as known:
        later = point(180, explicit([2, 0, 0, 0]), 130, pod="c")
        assert held(taken(export([later], cumulative=True), known)) == {(0.0, 0.1): 2}, (
            "it knows its beginning"
        )
        monkeypatch.setattr(memory_file, "_MOST_SERIES", 1)
        taken(export([point(200, explicit([1, 0, 0, 0]), 190, pod="d")], cumulative=True), known)
        again = export([point(240, explicit([9, 0, 0, 0]), 130, pod="c")], cumulative=True)
        assert taken(again, known) == [], "forgotten, so only an interval begins"


def test_a_histogram_that_halves_its_resolution_goes_on(tmp_path: Path) -> None:
    """An SDK with 160 buckets does so when a slow request comes: nothing may be counted again."""
    fine, coarse = of_cells(4, {0: 3, 1: 2, 40: 1}), of_cells(3, {0: 6, 20: 2})
    with memory(tmp_path) as known:
        taken(export([point(60, to_otel(fine), 0)], cumulative=True), known)
        rows = taken(export([point(120, to_otel(coarse), 0)], cumulative=True), known)
    assert sorted(held(rows).values()) == [1, 1]


cells = st.dictionaries(st.integers(-300, 300), st.integers(1, 1_000), min_size=1, max_size=30)


@given(st.builds(of_cells, st.integers(0, 5), cells, st.integers(0, 3)))
@settings(max_examples=examples(2), deadline=None)
def test_what_came_by_otlp_leaves_by_otlp_unchanged(make: Any, of: Histogram) -> None:
    """In through the receiver's parser, folded, asked for and out: every bucket as it was."""
    folder = make()
    with memory(folder) as known:
        facts = serving.fold(events(parsed(export([point(60, to_otel(of), 0)]), known)), {})
    window = Window(*(datetime.fromtimestamp(START + s, UTC).replace(tzinfo=None) for s in (-60, 180)))
    with Store.open(folder / "lake") as store:
        store.append(Batch(facts))
        out = json.loads(latency_export.otlp(store, window))["resourceMetrics"][0]["scopeMetrics"][0]
        assert from_otel(out["metrics"][0]["exponentialHistogram"]["dataPoints"][0]) == of
        (row,) = named(latency(store, window))
        assert (row["source"], row["requests"]) == ("otel-exponential", of.count)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"explicitBounds": [0.5, 0.1, 1.0]}, "malformed"),
        ({"explicitBounds": ["NaN", 1.0, 2.0]}, "malformed"),
        ({"bucketCounts": ["1"]}, "malformed"),
        ({"bucketCounts": ["-1", "0", "0", "0"]}, "malformed"),
        ({"scale": 40}, "malformed"),
        ({"scale": 3, "negative": {"offset": 0, "bucketCounts": ["1"]}}, "malformed"),
        ({"attributes": []}, "missing_field"),
        ({"timeUnixNano": "0"}, "missing_field"),
        ({"startTimeUnixNano": "0"}, "missing_field"),
    ],
)
def test_what_is_no_histogram_of_a_models_times_is_refused(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    """The rest of the export counts, and the ledger says why this did not."""
    good, bad = (point(second, explicit([1, 1, 1, 1]), 0) for second in (60, 120))
    with memory(tmp_path) as known:
        found = parsed(export([bad | changed]), known)
        assert [r.reason for r in found.rejected] == [reason] and not found.rows
        assert len(taken(export([good]), known)) == 4


def test_what_is_left_out_has_a_name(tmp_path: Path) -> None:
    """Hours at once cannot be told apart from the requests that were logged in one of them."""
    content = explicit([1, 0, 0, 0])
    agent = {"gen_ai.operation.name": "invoke_agent"}
    first = export([point(60, content, 0)], cumulative=True)
    sent = {
        "interval_over_an_hour": export([point(7_200, content, 0)]),
        "not_a_model_request": export([point(60, content, 0, **agent)]),
        "metric_not_used": export([point(60, content, 0)], name="http.server.request.duration"),
        "begins_an_interval": first,
        "late": first,
    }
    with memory(tmp_path) as known:
        for name, each in sent.items():
            assert dict(parsed(each, known).excluded) == {name: 1}
        unit = parsed(export([point(60, content, 0)], unit="By"), known)
        assert [r.reason for r in unit.rejected] == ["unknown_value"]


def test_the_receiver_takes_metrics_beside_requests_and_the_requests_count(tmp_path: Path) -> None:
    """Alone the histogram speaks; once the same model's requests are logged, they do."""
    end = NOW.replace(tzinfo=None, second=0) + timedelta(minutes=1)
    window = Window(end - timedelta(hours=3), end)
    with receiving(tmp_path) as scene:
        sent = export([point(60, explicit([5, 3, 1, 1]), 0)])
        status, said = scene.post("/v1/metrics", sent)
        assert (status, said["taken"], said["refused"]) == (200, 4, 0)
        assert scene.post("/v1/metrics", sent)[1]["excluded"] == {"repeat": 1}
        (row,) = named(latency(scene.store, window))
        assert (row["model_version"], row["source"], row["requests"]) == ("llama-3-8b", "otel-explicit", 10)
        logged = {"model": "llama", "model_version": "8b", "latency_seconds": 0.3}
        time = datetime.fromtimestamp(START + 30, UTC).isoformat()
        assert scene.post("/v1/inference", [logged | {"time": time}] * 10)[0] == 200
        (row,) = named(latency(scene.store, window))
        assert (row["model_version"], row["source"], row["requests"]) == ("8b", "requests", 10)
        assert scene.post("/v1/metrics", b"{")[0] == 400
        assert post(scene.url + "/v1/metrics", b"\x00", {"content-type": "application/x-protobuf"})[0] == 400
