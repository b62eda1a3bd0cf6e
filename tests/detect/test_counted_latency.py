"""Times that servers told by bucket: read as those logged one by one, with their error, and never twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import exponential
from pipeline.answers.latency import latency
from pipeline.answers.models import models
from pipeline.answers.timeline import timeline
from pipeline.answers.window import Window
from pipeline.judge import judge
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import reference
from tests.detect.test_answer_models import by_version, named
from tests.examples import examples
from tests.lake.test_rollup import OLD, rolled
from tests.ledger import START, write

HOUR = Window(START, START + timedelta(hours=1))
CLASSIC = {
    "histogram": "prometheus-classic",
    "metric": "latency",
    "model": "fraud",
    "model_version": "unknown",
}
LES = (0.1, 0.25, 0.5, 1.0, 2.5)


def bucket(above: float, at_most: float, count: int, minute: int = 59, **changed: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=minute)
    bounds = {"above_seconds": above, "at_most_seconds": at_most, "count": count}
    return {**CLASSIC, "minute": at, **bounds, **changed}


def classic(values: np.ndarray, **changed: Any) -> list[dict[str, Any]]:
    counts = np.bincount(np.searchsorted(LES, values), minlength=len(LES) + 1).tolist()
    edges = zip([0.0, *LES], [*LES, math.inf], counts, strict=True)
    return [bucket(low, high, n, **changed) for low, high, n in edges if n]


def logged(values: np.ndarray, minute: int = 59, **changed: Any) -> list[dict[str, Any]]:
    key = {
        "model": "fraud",
        "model_version": "2",
        "minute": START + timedelta(minutes=minute),
        "metric": "latency",
    }
    found = zip(*np.unique(exponential.index(values), return_counts=True), strict=True)
    return [{**key, "scale": 5, "bucket": int(b), "count": int(n), **changed} for b, n in found]


def quantile(q: float, values: np.ndarray) -> float:
    """histogram_quantile of Prometheus (promql/quantile.go): linear within the bucket of rank q n."""
    upto = [int((values <= le).sum()) for le in LES]
    rank = q * len(values)
    i = next((i for i, n in enumerate(upto) if n >= rank), len(LES))
    if i == len(LES):
        return LES[-1]
    low, before = (LES[i - 1], upto[i - 1]) if i else (0.0, 0)
    return low + (LES[i] - low) * (rank - before) / (upto[i] - before)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("lake")) as store:
        register(store, reference(), START.replace(tzinfo=UTC))
        yield store


@pytest.fixture
def store(empty: Store) -> Store:
    clear(empty)
    return empty


def clear(store: Store) -> None:
    with store.transaction() as con:
        for fact in ("latency_counts", "latency_bins"):
            con.execute(f"DELETE FROM {fact}")


def counts(store: Store, window: Window = HOUR) -> dict[str, int]:
    return {
        row["source"]: row["requests"] for row in named(latency(store, window)) if row["metric"] == "latency"
    }


@given(st.lists(st.floats(0.001, 2.4), min_size=1, max_size=200))
@settings(max_examples=examples(5), deadline=None)
def test_percentiles_of_a_classic_histogram_are_those_of_prometheus(empty: Store, drawn: list[float]) -> None:
    """Beside a Grafana panel the page must show the same number, and how wrong it can be."""
    values = np.array(drawn)
    clear(empty)
    write(empty, latency_counts=classic(values))
    (row,) = named(latency(empty, HOUR))
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert row[name] == pytest.approx(quantile(q, values), rel=1e-9)
        true = np.quantile(values, q, method="inverted_cdf")
        assert row["error"] is None or abs(row[name] - true) <= true * row["error"] * (1 + 1e-9)
    assert row["source"] == "prometheus-classic"


def test_an_exponential_histogram_has_our_own_error(store: Store) -> None:
    """A server that measures as finely as we do is as good as its requests logged one by one."""
    values = np.random.default_rng(0).lognormal(-2, 1.0, 20_000)
    bins = logged(values)
    fine = [
        bucket(*exponential.bounds(row["bucket"]), row["count"], histogram="otel-exponential") for row in bins
    ]
    write(store, latency_counts=fine)
    told = named(latency(store, HOUR))[0]
    write(store, latency_bins=[{**row, "model": "other"} for row in bins])
    ours = named(latency(store, HOUR))[1]
    for name in ("p50", "p90", "p95", "p99", "p999", "requests"):
        assert told[name] == pytest.approx(ours[name], rel=1e-12)
    assert told["error"] == pytest.approx(ours["error"]) and told["error"] < 0.0109
    assert (told["source"], ours["source"]) == ("otel-exponential", "requests")


def test_beyond_the_last_bound_the_error_is_unknown(store: Store) -> None:
    """Prometheus says the last bound there; that it may be far more must be seen."""
    write(store, latency_counts=classic(np.full(100, 9.0)))
    (row,) = named(latency(store, HOUR))
    assert (row["p50"], row["error"]) == (2.5, None)


def test_logged_requests_go_before_histograms_of_the_same_model(store: Store) -> None:
    """The same thousand requests, logged and counted, are a thousand; another cluster's are others."""
    values = np.full(1_000, 0.2)
    write(store, latency_bins=logged(values, cluster="a"), latency_counts=classic(values, cluster="a"))
    assert counts(store) == {"requests": 1_000}
    write(store, latency_counts=classic(values, cluster="b"))
    assert counts(store) == {"requests": 1_000, "prometheus-classic": 1_000}
    write(store, latency_bins=logged(values[:1], cluster=""))
    assert counts(store) == {"requests": 1_001}, "events that name no cluster may be of any"


def test_a_team_that_logs_hides_no_times_of_another_team(store: Store) -> None:
    """One model in two namespaces of one cluster: only the first logs, and both are scraped."""
    values = np.full(1_000, 0.2)
    ours, theirs = {"cluster": "a", "namespace": "ours"}, {"cluster": "a", "namespace": "theirs"}
    write(store, latency_bins=logged(values, **ours), latency_counts=classic(values, **ours))
    write(store, latency_counts=classic(values[:300], **theirs))
    assert counts(store) == {"requests": 1_000, "prometheus-classic": 300}
    write(store, latency_bins=logged(values[:1], cluster="a", namespace=""))
    assert counts(store) == {"requests": 1_001}, "requests that name no namespace may be of any"


def test_a_histogram_without_a_namespace_gives_way(store: Store) -> None:
    """A scrape that names no namespace may be of the server whose requests are logged."""
    values = np.full(10, 0.2)
    write(store, latency_bins=logged(values, namespace="ours"), latency_counts=classic(values))
    assert counts(store) == {"requests": 10}


def test_what_a_client_measured_gives_way_to_a_server_elsewhere(store: Store) -> None:
    """Who asks is in another namespace than who serves; the requests are the same."""
    values = np.full(10, 0.2)
    asked = classic(values, histogram="otel-client-explicit", namespace="shop")
    write(store, latency_counts=asked)
    assert counts(store) == {"otel-client-explicit": 10}
    write(store, latency_counts=classic(values, namespace="ml"))
    assert counts(store) == {"prometheus-classic": 10}


def test_of_two_histograms_of_one_model_the_finer_counts(store: Store) -> None:
    """vLLM scraped by Prometheus and by a collector of OpenTelemetry has served once."""
    values = np.full(10, 0.2)
    write(store, latency_counts=classic(values) + classic(values, histogram="prometheus-native"))
    write(store, latency_counts=classic(values, histogram="otel-client-explicit"))
    assert counts(store) == {"prometheus-native": 10}


@given(st.integers(0, 239), st.integers(1, 60), st.integers(0, 239))
@settings(max_examples=examples(5), deadline=None)
def test_a_request_is_not_counted_again_over_the_edge_of_an_hour(
    empty: Store, minute: int, spread: int, other: int
) -> None:
    """Logged at 11:59:59, it is in the histogram of an interval that ends up to an hour later."""
    clear(empty)
    write(empty, latency_bins=logged(np.array([0.2]), minute))
    write(empty, latency_counts=[bucket(0.1, 0.25, 1, minute + spread)])
    whole = Window(START, START + timedelta(hours=6))
    assert counts(empty, whole) == {"requests": 1}
    part = Window(START + timedelta(minutes=other), START + timedelta(hours=6))
    assert counts(empty, part).get("prometheus-classic", 0) == 0, "a window cut anywhere sees the same"


def test_a_server_that_nobody_logs_has_a_row_a_timeline_and_a_verdict(store: Store) -> None:
    """A team that only scrapes vLLM gets its objective judged; what lies astride it proves nothing."""
    slow = [bucket(0.5, 1.0, 50, minute) for minute in range(60)]
    fine = [bucket(0.25, 0.5, 50, minute) for minute in range(60)]
    write(store, latency_counts=slow + fine)
    answer = models(store, HOUR)
    row = by_version(answer)["unknown"]
    assert any(note.startswith("fraud: times come from histograms") for note in answer.notes)
    assert (row["requests"], row["errors"], row["accuracy"]) == (6_000, None, None)
    assert (row["latency_p50"], row["latency_source"]) == (0.5, "prometheus-classic")
    steps = named(timeline(store, HOUR, 60))
    assert {(s["requests"], s["error_rate"]) for s in steps} == {(100, None)}
    assert all(s["latency_p95"] == pytest.approx(row["latency_p95"], rel=1e-12) for s in steps)
    found = {f.detector: f for f in judge(store, HOUR.end) if f.model_version == "unknown"}
    assert found["latency_objective"].level == "act"
    clear(store)
    write(store, latency_counts=[bucket(0.25, 1.0, 100, minute) for minute in range(60)])
    found = {f.detector: f for f in judge(store, HOUR.end)}
    assert found["latency_objective"].level == "ok"
    burnt = named(latency(store, HOUR))[0]
    assert (burnt["burn_1h"], burnt["alarm"]) == (0.0, "ok")
    assert any("100% of the requests lie in the bucket" in note for note in latency(store, HOUR).notes)


def test_hours_answer_as_their_minutes_did(tmp_path: Path) -> None:
    """Maintenance must not decide anew which of two sources counts."""
    values, minutes = np.full(5, 0.2), range(0, 600, 7)
    spans = [Window(START + timedelta(hours=a), START + timedelta(hours=b)) for a, b in ((0, 10), (5, 6))]
    with Store.open(tmp_path) as store:
        told = [row for minute in minutes for row in classic(values, minute=minute)]
        asked = [row for minute in minutes if minute % 240 < 30 for row in logged(values, minute)]
        write(store, latency_counts=told, latency_bins=asked)
        before = [counts(store, span) for span in spans]
        assert rolled(store, START + OLD) > 0
        assert [counts(store, span) for span in spans] == before
        assert before[0].keys() == {"requests", "prometheus-classic"}
