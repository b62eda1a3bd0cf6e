"""`driftledger latency`: every measured time has its percentiles, and leaves for other systems unchanged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from detectors import exponential
from pipeline.answers import latency_export
from pipeline.answers.burning import burning
from pipeline.answers.latency import latency
from pipeline.answers.window import Window
from pipeline.cli.reference_made import objectives
from pipeline.errors import ConfigError
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.histogram_readers import from_classic, from_native, from_otel
from tests.detect.judged import reference
from tests.detect.test_answer_models import named
from tests.ledger import START, write

HOUR = Window(START, START + timedelta(hours=1))
HOSTILE = 'fr"aud\\\n'
VALUES = np.random.default_rng(0).lognormal(-2, 1.0, 20_000)


def _bins(model: str, metric: str, values: np.ndarray) -> list[dict[str, object]]:
    key = {"model": model, "model_version": "1", "minute": START + timedelta(minutes=59), "metric": metric}
    found = zip(*np.unique(exponential.index(values), return_counts=True), strict=True)
    return [{**key, "scale": 5, "bucket": int(b), "count": int(n)} for b, n in found]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("lake")) as ledger:
        register(ledger, reference(), START.replace(tzinfo=UTC))
        bins = _bins("fraud", "latency", VALUES) + _bins("fraud", "time_to_first_token", VALUES / 10)
        write(ledger, latency_bins=bins + _bins(HOSTILE, "latency", np.r_[0.0, VALUES[:50]]))
        yield ledger


def test_every_time_has_percentiles_within_the_stated_error(store: Store) -> None:
    """p99.9 is what a person waits for once a day; time to first token is what a chat feels like."""
    rows = {(r["model"], r["metric"]): r for r in named(latency(store, HOUR))}
    for metric, values in (("latency", VALUES), ("time_to_first_token", VALUES / 10)):
        for name, q in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
            exact = np.quantile(values, q, method="inverted_cdf")
            assert rows["fraud", metric][name] == pytest.approx(exact, rel=0.0109)
    assert rows["fraud", "latency"]["requests"] == 20_000


def test_a_burnt_budget_pages_and_no_objective_is_unknown(store: Store) -> None:
    """1 % may take longer than half a second; here about 5 % do, all in the last minute."""
    rows = {(r["model"], r["metric"]): r for r in named(latency(store, HOUR))}
    slow = float((VALUES > 0.5).mean())
    assert rows["fraud", "latency"]["burn_1h"] == pytest.approx(slow / 0.01, rel=0.1)
    assert rows["fraud", "latency"]["alarm"] == ("page" if slow > 0.06 else "ticket")
    assert rows["fraud", "time_to_first_token"]["alarm"] is None
    assert rows[HOSTILE, "latency"]["burn_1h"] is None


def test_what_prometheus_is_told_is_what_the_answer_says(store: Store) -> None:
    """An alarm and the command that explains it must have one figure."""
    row = next(r for r in named(latency(store, HOUR)) if (r["model"], r["metric"]) == ("fraud", "latency"))
    found = burning(store, HOUR.end)
    told = {b.minutes: b.rate for b in found if b[:3] == ("fraud", "1", "latency")}
    assert set(told) == {5, 30, 60, 120, 360, 1_440, 4_320}
    assert (told[60], told[360], told[1_440]) == (row["burn_1h"], row["burn_6h"], row["burn_24h"])


def unmeasured(metric: str, seconds: float) -> float:
    return 1.0


def test_a_chat_is_held_to_its_first_token(tmp_path: Path) -> None:
    """Of an answer that streams the whole takes long by right: what is promised is when it begins."""
    promised = objectives(reference(latency_objective_seconds=None), ["time_to_first_token=0.05"], unmeasured)
    with Store.open(tmp_path) as ledger:
        register(ledger, promised, START.replace(tzinfo=UTC))
        bins = _bins("fraud", "latency", VALUES) + _bins("fraud", "time_to_first_token", VALUES / 10)
        write(ledger, latency_bins=bins)
        assert ledger.references()["fraud"] == promised
        rows = {r["metric"]: r for r in named(latency(ledger, HOUR))}
        told = {(b.metric, b.minutes): b.rate for b in burning(ledger, HOUR.end)}
    first = rows["time_to_first_token"]
    assert first["burn_1h"] == pytest.approx(float((VALUES / 10 > 0.05).mean()) / 0.01, rel=0.1)
    assert (first["objective"], rows["latency"]["objective"]) == (0.05, None)
    assert told["time_to_first_token", 60] == first["burn_1h"] and ("latency", 60) not in told
    for wrong in ("time_to_first_token", "latency=1", "ttft=1", "time_to_first_token=-1"):
        with pytest.raises(ConfigError, match="time_to_first_token=0.5"):
            objectives(promised, [wrong], unmeasured)


def test_all_forms_carry_the_same_histograms(store: Store) -> None:
    """Classic, native and OpenTelemetry, each read by its own library, give back every count."""
    mine = {(m.model, m.metric): m.histogram for m in latency_export.histograms(store, HOUR)}
    natives = [json.loads(line) for line in latency_export.native(store, HOUR).splitlines()]
    metric = {name: metric for metric, name in latency_export.NAMES.items()}
    assert {(n["labels"]["model"], metric[n["name"]]): from_native(n["histogram"]) for n in natives} == mine
    sent = latency_export.otlp(store, HOUR)
    assert len(Parse(sent, ExportMetricsServiceRequest()).resource_metrics[0].scope_metrics[0].metrics) == 3
    points = [
        m["exponentialHistogram"]["dataPoints"][0]
        for m in json.loads(sent)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    ]
    assert [from_otel(p) for p in points] == list(mine.values())
    rows: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for family in text_string_to_metric_families(latency_export.classic(store, HOUR)):
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                key = sample.labels["model"], metric[family.name]
                rows.setdefault(key, []).append((float(sample.labels["le"]), int(sample.value)))
    assert {key: from_classic(of) for key, of in rows.items()} == mine


def test_prometheus_reads_the_classic_form(store: Store, promtool: str) -> None:
    text = latency_export.classic(store, HOUR)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert "parse" not in done.stderr and done.returncode in (0, 3), done.stderr
