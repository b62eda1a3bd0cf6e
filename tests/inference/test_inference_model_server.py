"""A real model server is the source: its own traffic, as KServe's logger sends it, ends as accuracy."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from pipeline.answers.models import models
from pipeline.answers.window import Window
from pipeline.rig.mlserver import ModelServer
from pipeline.store import Store
from tests.command import Command
from tests.inference.inference_scene import post
from tests.rigs import running

TRAIN = """
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=1000).fit(x[::2], y[::2]), sys.argv[1])
"""
KINDS = "org.kubeflow.serving.inference."


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running(lambda folder: ModelServer(folder, train=TRAIN, name="iris", version="3")) as started:
        yield started


def _asked(server: ModelServer, door: str, id_: str, rows: np.ndarray) -> tuple[float, list[int]]:
    """One call, and the two events that KServe's agent logs of it; its latency in seconds and its answers."""
    body = json.dumps({
        "id": id_,
        "inputs": [
            {"name": "x", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
        ],
        "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
    }).encode()  # fmt: skip
    url = f"{server.url}/v2/models/{server.name}/infer"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    start = datetime.now(UTC)
    with urllib.request.urlopen(request, timeout=30) as answer:
        said = answer.read()
    end = datetime.now(UTC)
    attributes = {
        "ce_specversion": "1.0", "ce_source": server.url, "ce_id": f"ce-{id_}", "ce_namespace": "flowers",
        "ce_inferenceservicename": server.name, "ce_component": "predictor", "ce_endpoint": "default",
    }  # fmt: skip
    for kind, half, at in (("request", body, start), ("response", said, end)):
        told = attributes | {"ce_type": f"{KINDS}{kind}", "ce_time": at.isoformat()}
        assert post(door, half, told)[0] == 200
    return (end - start).total_seconds(), json.loads(said)["outputs"][0]["data"]


def _row(store: Store) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0)
    answer = models(store, Window(now - timedelta(minutes=10), now + timedelta(minutes=2)))
    (row,) = answer.rows
    return dict(zip((c.name for c in answer.columns), row, strict=True))


def test_a_real_servers_traffic_becomes_its_latency_and_accuracy(server: ModelServer, tmp_path: Path) -> None:
    """What the product is for: by one command, the ledger's numbers are scikit-learn's and a clock's."""
    x, truth = load_iris(return_X_y=True)
    x, truth = x[1::2][:60], truth[1::2][:60].copy()
    truth[::10] = (truth[::10] + 1) % 3  # some labels disagree with any good model
    config = tmp_path / "up.yaml"
    config.write_text(f"""
store: {{folder: {tmp_path / "ledger"}}}
collect: {{cluster: c, state_folder: {tmp_path / "state"}, health_port: 0}}
up: {{collect: inference, dashboard: false}}
inference: {{port: 0, gather_seconds: 0.01}}
""")
    with Command(config, "up") as up:
        door = up.said(r"inference events are taken on (http://\S+)")
        calls = [_asked(server, door, f"r{i}", x[i * 6 : i * 6 + 6]) for i in range(10)]
        latencies, answers = [seconds for seconds, _ in calls], [n for _, found in calls for n in found]
        labels = [
            {"model": "iris", "request_id": f"r{i // 6}", "row": i % 6, "label": int(label)}
            for i, label in enumerate(truth)
        ]
        assert post(f"{door}/v1/label", labels, {})[1]["taken"] == 60
        assert up.stop() == 0, up.log
    with Store.open(tmp_path / "ledger", read_only=True) as store:
        row = _row(store)
        right = sum(answer == label for answer, label in zip(answers, truth, strict=True))
        assert 40 <= right <= 54
        assert (row["model"], row["model_version"], row["requests"]) == ("iris", "3", 60)
        assert (row["labelled"], row["accuracy"]) == (60, pytest.approx(right / 60))
        assert min(latencies) * 0.95 <= row["latency_p50"] <= max(latencies) * 1.05
        assert {r["confidence"] > 1 / 3 for r in store.rows("predictions").to_pylist()} == {True}
        assert store.rows("rejected").num_rows == 0
