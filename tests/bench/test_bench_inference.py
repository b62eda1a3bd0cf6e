"""Inference events of each form, from a body to a checked table on one core."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.client import PredictionLog
from collectors.live.inference import assembly, bodies
from collectors.live.inference.bodies import Context
from collectors.live.inference.found import Found
from collectors.live.inference.kserve import REQUEST, RESPONSE
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs
from collectors.live.inference.rules import Rules
from pipeline.events import TYPES, Message, decode, encode

pytestmark = pytest.mark.bench
ROWS = 1_000
PASSES = 5
NOW = time.time_ns() // 1_000
TIME = datetime.now(UTC).isoformat()
Post = tuple[str, Mapping[str, str], bytes]


def _pairs() -> list[Post]:
    said = {"ce-source": "s", "ce-time": TIME, "ce-inferenceservicename": "m"}
    asked = {"inputs": [{"name": "x", "shape": [1, 10], "datatype": "FP64", "data": [0.5] * 10}]}
    answer = {"outputs": [{"name": "y", "shape": [1, 1], "datatype": "INT64", "data": [1]}]}
    return [
        ("/", said | {"ce-id": f"{i}", "ce-type": kind}, json.dumps(body | {"id": f"r{i}"}).encode())
        for i in range(ROWS)
        for kind, body in ((REQUEST, asked), (RESPONSE, answer | {"model_name": "m", "model_version": "1"}))
    ]


def _own() -> list[dict[str, object]]:
    features = {f"f{j}": 0.5 + j for j in range(10)}
    row = {"model": "m", "model_version": "1", "time": TIME, "latency_seconds": 0.02, "prediction": "yes"}
    return [row | {"prediction_id": f"p{i}", "score": 0.5, "features": features} for i in range(ROWS)]


def _json() -> list[Post]:
    return [("/v1/inference", {}, json.dumps(_own()).encode())]


def _arrow() -> list[Post]:
    type_ = TYPES["inference"]
    events = decode(Message(type_.topic, "", 0, 0, NOW, {}, json.dumps(_own()).encode())).events
    body = encode(type_, events, source="s", sequence=0, time=NOW).value
    return [("/v1/inference", {"content-type": "application/vnd.apache.arrow.stream"}, body)]


def _access_log() -> list[Post]:
    line = {"gen_ai.request.model": "m", "start_time": TIME, "duration": 12, "response_code": 200}
    lines = [line | {"x-request-id": f"r{i}", "gen_ai.usage.input_tokens": 5} for i in range(ROWS)]
    return [("/v1/access-log", {}, "\n".join(map(json.dumps, lines)).encode())]


FORMS: dict[str, Callable[[], list[Post]]] = {
    "KServe pairs": _pairs, "own JSON": _json, "own Arrow": _arrow, "gateway log": _access_log
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_bodies_become_checked_tables(form: str, tmp_path: Path, record: Callable[..., None]) -> None:
    posts = FORMS[form]()
    seconds = min(_once(posts, tmp_path / str(n)) for n in range(PASSES))
    record("inference bodies", form=form, rows_per_second_per_core=ROWS / seconds)
    assert ROWS / seconds >= 1_000


def _once(posts: Iterable[Post], folder: Path) -> float:
    folder.mkdir()
    memory = Memory(folder, None, Pairs(300, 10**8), 200_000)
    started = time.process_time()
    found = Found()
    for path, headers, body in posts:
        found.take(bodies.parse(path, headers, body, Context(Rules(), NOW), memory))
    parsed = assembly.parsed(found, Rules(), "c", NOW)
    memory.save()
    seconds = time.process_time() - started
    memory.close()
    assert parsed.events["inference"].num_rows == ROWS
    return seconds


def test_a_call_of_the_client_costs_a_model_server_little(record: Callable[..., None]) -> None:
    log = PredictionLog("http://127.0.0.1:9", model="m", version="1", every_seconds=60.0)
    features = {f"f{j}": 0.5 + j for j in range(10)}
    started = time.thread_time()
    for _ in range(ROWS * 10):
        log.predicted("yes", features=features, score=0.5, latency_seconds=0.02)
    seconds = time.thread_time() - started
    log.close(0.0)
    record("inference client", microseconds_per_call=seconds / (ROWS * 10) * 1e6)
    assert seconds / (ROWS * 10) < 1e-3
