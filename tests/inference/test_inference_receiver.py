"""The inference receiver: what each kind of sender posts is in the ledger when it is answered."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError

import pytest

from collectors.client import PredictionLog
from collectors.live.contract import Watch
from pipeline.collect.doors import Ledger
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError, PreflightFailed
from pipeline.events import TYPES, Message, decode, encode
from pipeline.rig.tls import certificates
from pipeline.store import Store
from tests.inference.inference_scene import NOW, post, receiving
from tests.inference.test_timed_histograms import explicit, export, point
from tests.rigs import absent

TIME = NOW.isoformat()
ROW = {"model": "m", "model_version": "1", "prediction_id": "p1", "time": TIME, "prediction": "yes"}


def test_own_events_and_a_label_are_in_the_ledger_when_they_are_answered(tmp_path: Path) -> None:
    """A sender that heard 200 may forget what it sent."""
    with receiving(tmp_path) as scene:
        assert scene.post("/v1/inference", [ROW | {"latency_seconds": 0.2, "features": {"a": 1}}])[0] == 200
        sums = scene.rows("prediction_sums")
        assert [(r["model"], r["cluster"], r["count"]) for r in sums] == [("m", "c", 1)]
        status, said = scene.post("/v1/label", {"model": "m", "request_id": "p1", "row": 0, "label": "yes"})
        assert (status, said["taken"]) == (200, 1)
        assert [(r["prediction_id"], r["label"]) for r in scene.rows("labels")] == [("p1", "yes")]


def test_labels_come_as_arrow_and_as_events_too_and_a_hostile_one_is_a_row(tmp_path: Path) -> None:
    """Who sends predictions so sends labels so; one of 100 kB neither stops nor fills anything."""
    told = {"model": "m", "time": TIME, "label": "yes"}
    message = Message("driftledger.label", "", 0, 0, int(NOW.timestamp() * 1e6), {},
                      json.dumps(told | {"prediction_id": "arrow"}).encode())  # fmt: skip
    arrow = encode(TYPES["label"], decode(message).events, source="s", sequence=0, time=0).value
    event = {"ce_type": "driftledger.label.v1", "ce_source": "s", "ce_id": "1"}
    hostile = told | {"prediction_id": "hostile", "label": "x" * 100_000}
    with receiving(tmp_path) as scene:
        assert scene.post("/v1/label", arrow, content_type="application/vnd.apache.arrow.stream")[0] == 200
        for _ in range(2):
            assert scene.post("/", told | {"prediction_id": "event"}, **event)[0] == 200
        status, said = scene.post("/v1/label", [hostile, told | {"prediction_id": "after"}])
        assert (status, said["taken"], said["refused"]) == (200, 1, 1)
        assert scene.post("/v1/label", hostile)[0] == 400, "nothing of it was taken"
        held = sorted((r["prediction_id"], r["label"]) for r in scene.rows("labels"))
        assert held == [("after", "yes"), ("arrow", "yes"), ("event", "yes")]
        refused = [(r["reason"], len(r["detail"]) < 1_000) for r in scene.rows("rejected")]
        assert refused == [("text_too_long", True)] * 2
        assert scene.counted("excluded", reason="repeat") == 1


def test_a_prediction_an_hour_ahead_is_taken_and_its_model_noted(tmp_path: Path) -> None:
    """It counts in a minute that nobody looks at yet, until somebody mends that server's clock."""
    early = (datetime.now(UTC) + timedelta(minutes=60, seconds=30)).isoformat()
    with receiving(tmp_path) as scene:
        scene.post("/v1/inference", [ROW | {"time": early}, ROW | {"model": "right", "prediction_id": "p2"}])
        [remark] = [text for text in scene.report.remarks() if "clock" in text]
        assert "m by 60 min" in remark
        assert "right by" not in remark and scene.report.not_ready() == []
        scene.post("/v1/inference", [ROW | {"prediction_id": "p3"}])
        assert not any("clock" in text for text in scene.report.remarks())


def test_a_kserve_pair_is_rows_with_features_latency_and_prediction(tmp_path: Path) -> None:
    """KServe's logger is how most model servers on Kubernetes can be watched without a change."""
    said = {"ce_source": "http://x", "ce_id": "r1", "ce_inferenceservicename": "iris", "ce_namespace": "ns"}
    kind = "org.kubeflow.serving.inference."
    with receiving(tmp_path) as scene:
        asked = {"instances": [[1, 2], [3, 4]]}
        scene.post("/", asked, **said, ce_type=kind + "request", ce_time="2026-01-01T00:00:00Z")
        assert scene.rows("prediction_sums") == []
        answered = {"predictions": [0, 1]}
        scene.post("/", answered, **said, ce_type=kind + "response", ce_time="2026-01-01T00:00:00.5Z")
        scene.post("/", answered, **said, ce_type=kind + "response", ce_time="2026-01-01T00:00:00.5Z")
        (sums,) = scene.rows("prediction_sums")
        assert (sums["model"], sums["count"], float(sums["latency_seconds"])) == ("iris", 2, 1.0)
        ids = {(r["prediction_id"], r["prediction"]) for r in scene.rows("predictions")}
        assert ids == {("r1", "0"), ("r1/1", "1")}
        assert scene.counted("excluded", reason="repeat") == 1


class OneAtATime:
    """The door of two collectors of one process."""

    def __init__(self, store: Store) -> None:
        self._door, self._lock = Ledger(Embedded(store)), threading.Lock()

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        with self._lock:
            return self._door.keep(messages, watch)


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_receivers_side_by_side_join_what_was_sent_to_either(tmp_path: Path) -> None:
    """Behind one Service a request goes to one receiver and its response to another: neither has both."""
    kind = "org.kubeflow.serving.inference."
    ports = [_free(), _free()]
    peers = ",".join(f"http://127.0.0.1:{port}" for port in ports)
    with ExitStack() as opened:
        store = opened.enter_context(Store.open(tmp_path / "ledger"))
        door = OneAtATime(store)
        scenes = [
            opened.enter_context(
                receiving(tmp_path / str(n), door=door, store=store, port=port, peers=peers, peer=n)
            )
            for n, port in enumerate(ports)
        ]
        for n in range(6):
            said = {"ce_source": "http://x", "ce_id": f"r{n}", "ce_inferenceservicename": "iris"}
            for half, body, at in (
                ("request", {"instances": [[n]]}, 0),
                ("response", {"predictions": [n]}, 1),
            ):
                told = {**said, "ce_type": kind + half, "ce_time": f"2026-01-01T00:00:0{at}Z"}
                for _ in range(2):  # and again, to the same one
                    assert scenes[(n // 2 + at) % 2].post("/", body, **told)[0] == 200
        (sums,) = scenes[0].rows("prediction_sums")
        assert (sums["count"], float(sums["latency_seconds"])) == (6, 6.0)
        assert sum(scene.counted("excluded", reason="repeat") for scene in scenes) == 12
        for n in range(3):  # a sum so far, told to each in turn: only who is told all knows the growth
            sums_so_far = export([point(60 * n + 60, explicit([4 * n, 0, 0, 0]), 0)], cumulative=True)
            assert scenes[n % 2].post("/v1/metrics", sums_so_far)[0] == 200
        assert sum(r["count"] for r in scenes[0].rows("latency_counts")) == 8
        first = [r["prediction_id"] for r in scenes[0].rows("predictions")]
        assert sorted(first) == [f"r{n}" for n in range(6)]
    with receiving(tmp_path / "0", peers=peers, port=ports[0]) as alone:
        said = {"ce_source": "http://x", "ce_inferenceservicename": "iris", "ce_type": kind + "request"}
        codes = {alone.post("/", {"instances": [[1]]}, **said, ce_id=f"s{n}")[0] for n in range(16)}
        assert codes == {200, 503}, "a sender is told to come again while the other is away"


NO_USE = [
    ("/v1/inference", b"{"), ("/v1/inference", b"[" * 100_000), ("/v1/label", b"[1,2"),
    ("/v1/openai", b"[null]"), ("/v1/access-log", b"x\n{}\n[]"), ("/v1/traces", b"{\"resourceSpans\":7}"),
    ("/v1/logs", b"[]"), ("/v1/inference", b'[{"model":"m","model_version":"1","time":"x"}]'),
    ("/", b"{}"), ("/v1/events", b"\xff\xfe"),
]  # fmt: skip


def test_a_body_that_is_no_use_is_an_answer_and_a_row(tmp_path: Path) -> None:
    """A wrong sender must be told, must be found in the ledger, and must not stop the others."""
    with receiving(tmp_path) as scene:
        refused = 0
        for path, body in NO_USE:
            status, said = scene.post(path, body)
            assert status == (200 if said["excluded"] else 400), (path, said)
            assert said["taken"] == 0 and said["refused"] >= 1 and said["refusals"][0]["reason"]
            refused += said["refused"]
            assert len(scene.rows("rejected")) == refused
        assert scene.post("/v1/inference", ROW)[0] == 200


def test_limits_are_answers(tmp_path: Path) -> None:
    """A body that is too large, packed too small, or without the token costs nothing but an answer."""
    with receiving(tmp_path, token="secret", max_body_bytes=2_000) as scene:
        right = {"authorization": "Bearer secret"}
        assert scene.post("/v1/inference", ROW)[0] == 401
        assert scene.post("/v1/inference", ROW, authorization="Bearer wrong")[0] == 401
        assert scene.post("/v1/inference", b"x" * 2_001, **right)[0] == 413
        bomb = gzip.compress(b" " * 1_000_000)
        assert scene.post("/v1/inference", bomb, **right, content_encoding="gzip")[0] == 413
        assert scene.post("/v1/inference", b"x", **right, content_encoding="br")[0] == 415
        packed = gzip.compress(json.dumps(ROW).encode())
        assert scene.post("/v1/inference", packed, **right, content_encoding="gzip")[0] == 200
        assert scene.post("/v1/other", ROW, **right)[0] == 404
        assert [r["count"] for r in scene.rows("prediction_sums")] == [1]
        assert scene.report.remarks() == []


def test_https_with_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token and a customer's features must not be readable on the way, nor go to whoever answers there."""
    try:
        made = certificates(tmp_path)
    except PreflightFailed as failure:
        absent(failure)
    pem = str(made.keystore)
    with receiving(tmp_path, cert_file=pem, key_file=pem, token="secret") as scene:
        url = scene.url.replace("http:", "https:")
        monkeypatch.setenv("SSL_CERT_FILE", str(made.cafile))
        with closing(PredictionLog(url, model="m", version="1", token="secret")) as log:
            id_ = log.predicted("yes")
            assert log.flush(20) and log.sent == 1
        assert [r["prediction_id"] for r in scene.rows("predictions")] == [id_]
        assert post(f"{url}/v1/inference", ROW, {})[0] == 401
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
            post(f"{url}/v1/inference", ROW, {})
        with pytest.raises(OSError):
            scene.post("/v1/inference", ROW)
    for wrong in ({"cert_file": pem}, {"cert_file": pem, "key_file": "none"},
                  {"cert_file": pem, "key_file": str(made.cafile)}):  # fmt: skip
        with pytest.raises(ConfigError, match=r"inference\.(cert|key)_file"), receiving(tmp_path, **wrong):
            pass


def test_an_open_door_is_said(tmp_path: Path) -> None:
    """Who listens for the whole network without a token must see it where they look for readiness."""
    with receiving(tmp_path, host="0.0.0.0") as scene:
        assert scene.report.not_ready() == []
        assert "inference.token" in scene.report.remarks()[0]
