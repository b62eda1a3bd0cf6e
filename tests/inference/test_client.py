"""The client in a model server: what it logs arrives once, and it never disturbs who calls it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.client import PredictionLog
from tests.inference.inference_scene import receiving


class Stand:
    """A receiver that answers as it is told, and remembers what came."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.came: list[tuple[str, bytes]] = []
        stand = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stand.came.append((f"{self.headers['ce-source']}#{self.headers['ce-id']}", body))
                self.send_response(stand.answers.pop(0) if stand.answers else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _log(url: str, most_bytes: int = 8_000_000) -> PredictionLog:
    return PredictionLog(url, model="m", version="1", every_seconds=0.02, most_bytes=most_bytes)


def test_a_prediction_and_its_label_reach_the_ledger(tmp_path: Path) -> None:
    """Three lines in a server must be enough to see its accuracy."""
    with receiving(tmp_path) as scene:
        log = _log(scene.url)
        features = {"amount": np.float32(2.5), "n": np.int64(3), "new": True, "gone": float("nan"), "c": "FR"}
        id_ = log.predicted(np.int64(1), features=features, score=0.9, latency_seconds=0.02)
        log.predicted(2.5, prediction_id="second", version="2")
        log.labelled(id_, 0)
        assert log.flush(20)
        predictions = {r["prediction_id"]: r for r in scene.rows("predictions")}
        assert predictions[id_]["prediction"] == "1" and predictions[id_]["model_version"] == "1"
        assert predictions["second"]["predicted_value"] == 2.5
        assert [(r["prediction_id"], r["label"]) for r in scene.rows("labels")] == [(id_, "0")]
        assert (log.sent, sum(log.dropped.values())) == (3, 0)
        log.close()


def test_a_batch_that_is_tried_again_keeps_its_identity(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    """The receiver can only count a repeat once if it knows it as one; an outage is said once."""
    stand.answers = [503, 500]
    log = _log(stand.url)
    log.predicted("yes")
    assert log.flush(20)
    assert len(stand.came) == 3 and len({who for who, _ in stand.came}) == 1
    assert log.sent == 1
    assert [r.getMessage() for r in caplog.records] == [
        f"{stand.url}/v1/events takes no predictions now, so they wait: HTTP Error 503: Service Unavailable"
    ]
    log.close()


def test_labels_between_predictions_do_not_make_a_request_of_each(stand: Stand) -> None:
    """Who labels each answer at once would send three events a second, and lose the rest at the end."""
    log = PredictionLog(stand.url, model="m", version="1", every_seconds=60)
    for n in range(50):
        log.labelled(log.predicted("yes", prediction_id=f"p{n}"), "no")
    assert log.flush(20)
    assert log.sent == 100 and len(stand.came) == 2
    log.close()


def test_a_batch_that_is_refused_is_given_up(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    """One bad batch must not hold up all that come after it, and its author is told why."""
    stand.answers = [400]
    log = _log(stand.url)
    log.predicted("yes")
    assert log.flush(20)
    log.predicted("no")
    assert log.flush(20)
    assert (log.sent, log.dropped["refused"]) == (1, 1)
    assert f"{stand.url}/v1/events answers 400 to predictions" in caplog.text
    log.close()


def test_nothing_raises_into_the_caller_and_memory_is_bounded() -> None:
    """A model must answer also while its log is away or is given nonsense."""
    log = _log("http://127.0.0.1:9", most_bytes=5_000)
    log.predicted(object(), features={"x": [1]}, score=1e999)
    no_features: Any = 7
    log.predicted("a", features=no_features)
    for _ in range(1_000):
        log.predicted("a", features={"x": 1.0})
    assert log.dropped["unreadable"] == 2
    assert log.dropped["full"] > 900
    assert log._waiting.bytes <= 5_000
    started = time.monotonic()
    assert not log.flush(0.1)
    log.close(0.1)
    assert time.monotonic() - started < 2
    log.predicted("a")
    assert log.dropped["closed"] >= 1


def test_an_address_that_is_none_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A host without http:// before it would else end the sending without a word."""
    log = _log("driftledger-inference")
    log.predicted("a")
    assert not log.flush(0.2)
    assert "driftledger-inference/v1/events takes no predictions now" in caplog.text
    log.close(0)


@pytest.mark.parametrize("id_", [np.array([1, 2]), pd.NA, object()])
def test_an_id_that_is_none_does_not_raise(id_: Any) -> None:
    """A frame's column passed by mistake must cost a prediction's log, never its answer."""
    log = _log("http://127.0.0.1:9")
    assert log.predicted("a", prediction_id=id_)
    log.labelled(id_, "b")
    assert log.dropped == {"unreadable": 2}


def test_what_is_logged_while_no_thread_can_be_had_waits_for_one(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of threads, or an interpreter that ends, must not raise into a server that answers."""

    def fails(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    log = _log(stand.url)
    with monkeypatch.context() as limited:
        limited.setattr(threading.Thread, "start", fails)
        log.predicted("a", prediction_id=np.int64(7))
        assert not log.flush(0.01)
    assert log.flush(20)
    assert log.sent == 1 and b'"prediction_id": "7"' in stand.came[0][1]
    log.close()


def test_the_end_of_a_process_sends_what_waits(stand: Stand) -> None:
    """A batch job that ends at once must not lose its last predictions."""
    code = (
        "from collectors.client import PredictionLog\n"
        f"PredictionLog({stand.url!r}, model='m', version='1', every_seconds=60).predicted('yes')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert len(stand.came) == 1


FORKS = """
import os, sys
from collectors.client import PredictionLog
log = PredictionLog(sys.argv[1], model="m", version="1", every_seconds=0.02)
log.predicted("parent")
pid = os.fork()
if pid == 0:
    log.predicted("child")
    os._exit(0 if log.flush(20) and log.sent == 1 else 1)
child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(0 if log.flush(20) and log.sent == 1 and child == 0 else 1)
"""


def test_a_forked_worker_sends_its_own_and_not_its_parents(stand: Stand) -> None:
    """Servers that load the model and then fork workers must neither hang nor send twice."""
    # In a process of its own: this one has threads that a fork would leave out.
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS, stand.url], check=True, timeout=60)
    assert len(stand.came) == 2 and len({who.partition("#")[0] for who, _ in stand.came}) == 2


def test_it_needs_only_the_standard_library() -> None:
    """It is loaded into every model server: pyarrow and Kafka must not come with it."""
    code = "import sys, collectors.client; sys.exit('pyarrow' in sys.modules or 'msgspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
