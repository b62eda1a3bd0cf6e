"""Reduction at the edge: chosen features under their names; what is sensitive never leaves the collector."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from collectors.client import PredictionLog
from collectors.live.contract import Watch
from collectors.live.inference import rules
from pipeline.errors import ConfigError, NotFound
from pipeline.events import TYPES, Message, decode, encode
from tests.inference.inference_scene import NOW, receiving

CANARY = "4111-SECRET"
NUMBER = 987_654_321.125
RULES = """
models:
  "*":
    sensitive: [ssn]
  fraud:
    model: fraud-scores
    version: 7
    columns: [amount, card, age]
    rename: {amt: amount, years: age}
    keep: [amount, age, card]
    sensitive: [card, score, namespace]
  llm:
    keep: [finish_reason, tokens_in]
    sensitive: [tokens_in]
"""
OTHER = "not-among-the-kept"
TOKENS = 424_242


class Kept:
    """A door that keeps every byte that leaves."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        self.messages += messages
        return True

    def rows(self, name: str) -> list[dict[str, object]]:
        tables = [decode(m).events for m in self.messages if m.topic == f"driftledger.{name}"]
        return [row for table in tables for row in table.to_pylist()]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


def _bodies() -> list[tuple[str, bytes, dict[str, str]]]:
    """Each way in, with the canary in every place where a feature, a score or a text can be."""
    said = {"model": "fraud", "model_version": "unknown", "time": NOW.isoformat(), "score": 0.123456789}
    own = said | {"features": {"amt": 5, "card": CANARY, "ssn": CANARY, "other": CANARY, "years": 7}}
    arrow = decode(
        Message("driftledger.inference", "", 0, 0, int(NOW.timestamp() * 1e6), {}, json.dumps(own).encode())
    ).events
    message = encode(TYPES["inference"], arrow, source="s", sequence=0, time=0)
    pair = {"ce-source": "s", "ce-id": "1", "ce-inferenceservicename": "fraud", "ce-time": NOW.isoformat()}
    kinds = "org.kubeflow.serving.inference."
    v1 = json.dumps({"instances": [[5, CANARY, 7]]}).encode()
    v2 = {"inputs": [{"name": "amt", "shape": [1], "datatype": "FP32", "data": [5]},
                     {"name": "card", "shape": [1], "datatype": "BYTES", "data": [CANARY]},
                     {"name": "years", "shape": [1], "datatype": "FP32", "data": [7]}]}  # fmt: skip
    answer = json.dumps({"predictions": [[0.2, 0.8]]}).encode()
    chat = {"request": {"model": "fraud", "messages": [{"content": CANARY}]},
            "response": {"model": "f", "usage": {}, "choices": [{"text": CANARY}]}}  # fmt: skip
    unnamed = {"ce-source": "s", "ce-id": "3", "ce-type": kinds + "request"}
    return [
        ("/v1/inference", json.dumps(own).encode(), {}),
        ("/v1/inference", message.value, {"content-type": "application/vnd.apache.arrow.stream"}),
        ("/", v1, pair | {"ce-type": kinds + "request"}),
        ("/", answer, pair | {"ce-type": kinds + "response"}),
        ("/", json.dumps(v2).encode(), pair | {"ce-id": "2", "ce-type": kinds + "request"}),
        ("/", answer, pair | {"ce-id": "2", "ce-type": kinds + "response"}),
        ("/", json.dumps({"instances": [{"ssn": CANARY, "card": CANARY}]}).encode(), unnamed),
        ("/v1/openai", json.dumps(chat).encode(), {}),
        *_halves(),
        *_answers_of_a_language_model(),
        # Refused: the canary where a number or an object is wanted.
        ("/v1/inference", json.dumps(own | {"score": CANARY}).encode(), {}),
        ("/v1/inference", json.dumps(own | {"time": CANARY}).encode(), {}),
        ("/v1/inference", json.dumps(own | {"features": {"card": [CANARY]}}).encode(), {}),
        ("/v1/inference", json.dumps(own).encode()[:-9], {}),
        ("/", json.dumps({"inputs": CANARY}).encode(), pair | {"ce-id": "4", "ce-type": kinds + "request"}),
        ("/v1/label", json.dumps({"model": "fraud", "label": [CANARY]}).encode(), {}),
        ("/v1/access-log", json.dumps({"gen_ai.request.model": "m", "start_time": CANARY}).encode(), {}),
        ("/v1/traces", json.dumps({"resourceSpans": CANARY}).encode(), {}),
        ("/v1/inference", _wrong_arrow(), {"content-type": "application/vnd.apache.arrow.stream"}),
    ]


def _halves() -> list[tuple[str, bytes, dict[str, str]]]:
    """KServe's pairs whose model is said twice, late or by the answer alone; and one that waits for ever."""
    kinds = "org.kubeflow.serving.inference."
    named = {"ce-inferenceservicename": "fraud", "ce-namespace": CANARY}
    row = {"amt": 5, "card": CANARY, "years": 7, "other": OTHER}
    twice = {"model": "x", "instances": [row]}
    wide = {"inputs": [{"name": "card", "shape": [1, 2], "datatype": "BYTES", "data": [CANARY, "-"]}]}
    three = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "BYTES", "data": [CANARY, *"123"]}]}
    late = {"model_name": "fraud", "predictions": [[0.2, 0.8]]}
    asked: list[tuple[str, object, dict[str, str]]] = [
        ("twice", twice, named), ("wide", wide, named), ("width", three, named),
        ("late", {"instances": [row]}, {}), ("place", {"instances": [[5, CANARY, 7]]}, {}),
        ("other", twice, {}),
    ]  # fmt: skip
    found = []
    for id_, body, of in asked:
        said = {"ce-source": "s", "ce-id": id_, "ce-time": NOW.isoformat()} | of
        found.append(("/", json.dumps(body).encode(), said | {"ce-type": kinds + "request"}))
        found.append(("/", json.dumps(late).encode(), said | {"ce-type": kinds + "response"}))
    waits = {"ce-source": "s", "ce-id": "waits", "ce-type": kinds + "request"}
    return [*found, ("/", json.dumps(twice).encode(), waits | named)]


def _answers_of_a_language_model() -> list[tuple[str, bytes, dict[str, str]]]:
    answer = {"model": "llama", "usage": {"prompt_tokens": TOKENS, "completion_tokens": 3},
              "choices": [{"finish_reason": "stop"}]}  # fmt: skip
    said = {"gen_ai.request.model": "llm", "gen_ai.usage.input_tokens": str(TOKENS)}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
    attributes += [{"key": "gen_ai.response.finish_reasons", "value": {"stringValue": "stop"}}]
    moment = str(int(NOW.timestamp()) * 1_000_000_000)
    span = {"startTimeUnixNano": moment, "endTimeUnixNano": moment, "attributes": attributes}
    event = {"ce-source": "s", "ce-id": "llm", "ce-inferenceservicename": "llm", "ce-time": NOW.isoformat(),
             "ce-type": "org.kubeflow.serving.inference.response"}  # fmt: skip
    asked = event | {"ce-type": "org.kubeflow.serving.inference.request"}
    return [
        ("/v1/openai", json.dumps({"request": {"model": "llm"}, "response": answer}).encode(), {}),
        ("/v1/traces", json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode(), {}),
        ("/", json.dumps(answer).encode(), event),
        ("/", json.dumps({"model": "llama", "messages": []}).encode(), asked),
    ]


def _wrong_arrow() -> bytes:
    """A column of our own that Arrow refuses in words that quote the value."""
    table = pa.table({"model": ["fraud"], "tokens_in": [NUMBER]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_what_is_sensitive_never_leaves(tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture) -> None:
    """A card number in a ledger, a broker, a log or on the collector's disk is a breach."""
    kept = Kept()
    caplog.set_level(logging.DEBUG)
    with receiving(tmp_path, door=kept, rules_file=file) as scene:
        answers = [scene.post(path, body, **headers) for path, body, headers in _bodies()]
        log = PredictionLog(scene.url, model="fraud", version="unknown")
        log.predicted("yes", features={"card": CANARY, "amt": 5, "years": 7}, score=0.123456789)
        assert log.flush(20)
        log.close()
    assert sum(status == 400 for status, _ in answers) >= 8
    left = b"".join(m.value + repr(m.headers).encode() for m in kept.messages) + repr(answers).encode()
    on_disk = b"".join(p.read_bytes() for p in (tmp_path / "state").rglob("*") if p.is_file())
    assert OTHER.encode() not in left
    for text in (CANARY, "0.123456789", "987654321", str(TOKENS)):
        assert text.encode() not in left
        assert text.encode() not in on_disk
        assert text not in caplog.text
    everything = kept.rows("inference")
    told = [row["features"] for row in everything if row["model"] == "llm"]
    assert told == [{"finish_reason": "stop"}] * 3
    rows = [row for row in everything if row["model"] != "llm"]
    assert {row["score"] for row in rows} == {None}
    assert [row["features"] for row in rows if row["features"]] == [{"amount": 5.0, "age": 7.0}] * 8
    assert {(row["model"], row["model_version"]) for row in rows} == {
        ("fraud-scores", "7"),
        ("fraud-scores", "f"),
    }


def test_an_event_that_no_model_is_told_of_is_held_against_all_that_is_sensitive_and_the_rule_for_others(
    tmp_path: Path,
) -> None:
    """Its model is the one that "*" names: what that one keeps is kept, under its names."""
    path = tmp_path / "rules.yaml"
    path.write_text("models: {'*': {model: m, keep: [a], rename: {b: a}}, x: {sensitive: [card], keep: [c]}}")
    found = rules.load(str(path))
    assert found.features(None, {"b": 1, "c": 2, "card": 3}) == {"a": 1}
    assert found.features("x", {"b": 1, "c": 2, "card": 3}) == {"c": 2}


def test_where_a_model_is_not_known_yet_everything_sensitive_is_left_out(file: str) -> None:
    """A request that does not say its model may be of the one whose card numbers must not leave."""
    found = rules.load(file).of(None)
    assert found.features({"card": 1, "ssn": 2, "a": 3}) == {"a": 3}


def test_what_is_sensitive_under_its_new_name_does_not_leave_under_its_old_one(tmp_path: Path) -> None:
    """Who writes the rules knows the names that they gave; the server sends its own."""
    path = tmp_path / "rules.yaml"
    path.write_text("models: {m: {columns: [pan, a], rename: {pan: card}, sensitive: [card]}, other: {}}")
    found = rules.load(str(path))
    for model in ("m", None):
        assert found.of(model).features({"pan": 1, "card": 2, "a": 3}) == {"a": 3}
    assert found.of("m").by_place(3, "feature") is None, "nobody knows at which place it is"


@pytest.mark.parametrize(
    "text",
    ["models: 7", "models: {m: {kep: [a]}}", "models: {m: {keep: a}}", "models: {m: {rename: {a: c, b: c}}}",
     "models: {m: {sensitive: [[a]]}}", "rules: {}", "models: {m: {version: }}"],
)  # fmt: skip
def test_wrong_rules_are_an_error_before_anything_is_taken(tmp_path: Path, text: str) -> None:
    """A slip in `sensitive` that passed unseen would let out what must stay."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        rules.load(str(path))
    with pytest.raises(NotFound):
        rules.load(str(tmp_path / "none.yaml"))
