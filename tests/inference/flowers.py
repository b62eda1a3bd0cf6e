"""A real model server with a scikit-learn model, what its clients ask, and what KServe's agent logs of it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

from pipeline.rig.mlserver import ModelServer
from tests.inference.inference_scene import post

ROWS, ROWS_OF_A_CALL = 60, 6
_TRAIN = """
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=1000).fit(x[::2], y[::2]), sys.argv[1])
"""
_KINDS = "org.kubeflow.serving.inference."


def server(folder: Path) -> ModelServer:
    """The model iris, version 3, which has seen half of the flowers."""
    return ModelServer(folder, train=_TRAIN, name="iris", version="3")


@dataclass
class Asked:
    """What the model's clients saw: seconds of each call by their clock, and how many rows were right."""

    seconds: list[float] = field(default_factory=list)
    right: int = 0


def ask(server: ModelServer, door: str, namespace: str) -> Asked:
    """60 flowers that the model has not seen, in ten calls, each logged to `door`; then their labels."""
    x, truth = load_iris(return_X_y=True)
    x, truth = x[1::2][:ROWS], truth[1::2][:ROWS].copy()
    truth[::10] = (truth[::10] + 1) % 3  # some labels disagree with any good model
    asked, labels = Asked(), []
    for n in range(ROWS // ROWS_OF_A_CALL):
        part = slice(n * ROWS_OF_A_CALL, (n + 1) * ROWS_OF_A_CALL)
        answers = _call(server, door, namespace, f"r{n}", x[part], asked)
        asked.right += sum(answer == label for answer, label in zip(answers, truth[part], strict=True))
        labels += [
            {"model": server.name, "request_id": f"r{n}", "row": row, "label": int(label)}
            for row, label in enumerate(truth[part])
        ]
    assert post(f"{door}/v1/label", labels, {})[1]["taken"] == ROWS
    return asked


def _call(
    server: ModelServer, door: str, namespace: str, id_: str, rows: np.ndarray, asked: Asked
) -> list[int]:
    """One call, and the two events that KServe's agent logs of it; the model's answers."""
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
    asked.seconds.append((end - start).total_seconds())
    attributes = {
        "ce_specversion": "1.0", "ce_source": server.url, "ce_id": f"ce-{id_}", "ce_namespace": namespace,
        "ce_inferenceservicename": server.name, "ce_component": "predictor", "ce_endpoint": "default",
    }  # fmt: skip
    for kind, half, at in (("request", body, start), ("response", said, end)):
        told = attributes | {"ce_type": f"{_KINDS}{kind}", "ce_time": at.isoformat()}
        assert post(door, half, told)[0] == 200
    found: list[int] = json.loads(said)["outputs"][0]["data"]
    return found
