"""Each parser of inference events: what senders really write, in both generations, and hostile bodies."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.live.inference import access_log, assembly, bodies, genai, kserve, labels, openai, payload
from collectors.live.inference.bodies import Context
from collectors.live.inference.found import Found
from collectors.live.inference.judged import Request, Requests
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs
from collectors.live.inference.rules import Rules
from pipeline.events import TYPES
from tests.generated import NOW

SECOND = 1_000_000


def rows(found: Found, name: str = "inference") -> list[dict[str, Any]]:
    assert found.rejected == [], found.rejected
    return found.rows[name]


@pytest.mark.parametrize(
    ("sent", "features"),
    [
        ({"instances": [[1, 2.5]]}, {"feature_0": 1.0, "feature_1": 2.5}),
        ({"instances": [{"a": 1, "b": "x", "c": True, "d": None}]}, {"a": 1.0, "b": "x", "c": 1.0}),
        ({"instances": [7]}, {"feature_0": 7.0}),
        ({"instances": [[[1, 2], [3, 4]]]}, {}),
        ({"inputs": [{"name": "x", "shape": [1, 2], "data": [1, 2]}]}, {"x_0": 1, "x_1": 2}),
        ({"inputs": [{"name": "x", "shape": [1, 2], "data": [[1, 2]]}]}, {"x_0": 1, "x_1": 2}),
        ({"inputs": [{"name": "a", "shape": [1], "data": [1]},
                     {"name": "b", "shape": [1, 1], "data": ["x"]}]}, {"a": 1, "b": "x"}),
        ({"inputs": [{"name": "image", "shape": [1, 3, 2, 2], "data": [0] * 12},
                     {"name": "a", "shape": [1], "datatype": "INT64", "data": [1]}]}, {"a": 1}),
        ({"inputs": [{"name": "x", "shape": [2, 2], "data": [1]},
                     {"name": "a", "shape": [1], "datatype": "INT64", "data": [1]}]}, {"a": 1}),
    ],
)  # fmt: skip
def test_features_of_a_request(sent: object, features: object) -> None:
    """Drift is judged on these names and values; an image is no feature, and costs nothing but itself."""
    side = payload.request(json.dumps(sent).encode(), "m", Rules())
    assert [row["features"] for row in side.rows] == [features]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ({"predictions": [1]}, {"prediction": "1"}),
        ({"predictions": ["cat"]}, {"prediction": "cat"}),
        ({"predictions": [True]}, {"prediction": "true"}),
        ({"predictions": [2.5]}, {"predicted_value": 2.5}),
        ({"predictions": [[0.2, 0.8]]}, {"prediction": "1", "confidence": 0.8, "score": 0.8}),
        ({"predictions": [[0.2, 0.3, 0.5]]}, {"prediction": "2", "confidence": 0.5}),
        ({"predictions": [{"label": "cat", "score": 0.7}]}, {"prediction": "cat", "score": 0.7}),
        ({"outputs": [{"name": "y", "shape": [1, 1], "datatype": "INT64", "data": [2]},
                      {"name": "p", "shape": [1, 3], "datatype": "FP64", "data": [0.1, 0.7, 0.2]}]},
         {"prediction": "2", "confidence": 0.7}),
        ({"outputs": [{"name": "p", "shape": [1, 2], "datatype": "FP64", "data": [0.1, 0.9]},
                      {"name": "y", "shape": [1], "datatype": "INT64", "data": [0]}]},
         {"prediction": "0", "confidence": 0.9, "score": 0.9}),
        ({"outputs": [{"name": "y", "shape": [1], "datatype": "BOOL", "data": [True]}]},
         {"prediction": "true"}),
        ({"outputs": [{"name": "y", "shape": [1], "datatype": "FP32", "data": [1.5]}]},
         {"predicted_value": 1.5}),
        ({"predictions": [[5.0, 7.0]]}, {}),
    ],
)  # fmt: skip
def test_answers_of_a_response(sent: object, answer: object) -> None:
    """A class must be written as labels write it, or no accuracy can be counted."""
    assert payload.response(json.dumps(sent).encode(), "m", Rules()).rows == [answer]


def _tensor(name: str, kind: str, shape: list[int], data: bytes) -> tuple[dict[str, object], bytes]:
    told = {"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(data)}}
    return told, data


def _binary(side: str, *tensors: tuple[dict[str, object], bytes]) -> bytes:
    """A body as Triton's client writes it: the JSON, then each tensor's bytes."""
    return json.dumps({side: [told for told, _ in tensors]}).encode() + b"".join(data for _, data in tensors)


def test_values_that_follow_the_json_as_bytes() -> None:
    """Triton's own clients send tensors so: their models would have neither features nor predictions."""
    words = b"".join(len(word).to_bytes(4, "little") + word for word in (b"FR", "é".encode()))
    body = _binary(
        "inputs",
        _tensor("x", "FP32", [2, 2], struct.pack("<4f", 1.5, 2, 3, 4)),
        _tensor("image", "UINT8", [2, 1, 2], b"{}}}"),
        _tensor("country", "BYTES", [2, 1], words),
        _tensor("h", "BF16", [2], struct.pack("<2H", 0x3F80, 0xC000)),
    )
    assert [row["features"] for row in payload.request(body, "m", Rules()).rows] == [
        {"x_0": 1.5, "x_1": 2.0, "country": "FR", "h": 1.0},
        {"x_0": 3.0, "x_1": 4.0, "country": "é", "h": -2.0},
    ]
    answer = _binary("outputs", _tensor("y", "INT64", [2], struct.pack("<2q", 7, -1)))
    assert payload.response(answer, "m", Rules()).rows == [{"prediction": "7"}, {"prediction": "-1"}]


@pytest.mark.parametrize(
    ("kind", "shape", "data"),
    [
        ("FP32", [2], b"1234"), ("FP32", [1], b"12345"), ("NONE", [1], b"12"), ("BYTES", [1], b"\xff\0\0\0a"),
        ("BYTES", [1], b"\1\0\0\0\xff"), ("INT8", [-1], b"12"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_what_they_say_are_refused(kind: str, shape: list[int], data: bytes) -> None:
    """Values of another tensor, or of none, would be drift that never was."""
    whole = _binary("outputs", _tensor("y", kind, shape, data))
    for body in (whole, whole + b"!", whole[:-1]):
        with pytest.raises(payload.Unreadable, match="malformed"):
            payload.response(body, "m", Rules())


def test_tokens_of_an_openai_exchange_in_both_spellings() -> None:
    """Tokens are what such a model costs; a prompt must never be kept."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    response = {"id": "c1", "model": "gpt-x-2026", "created": 1_780_000_000, "choices": [], "usage": usage}
    newer = {"id": "c2", "model": "gpt-x", "usage": {"input_tokens": 1, "output_tokens": 2}}
    exchange = {"request": {"model": "gpt-x", "messages": [{"content": "secret"}]}, "response": response}
    body = json.dumps([exchange | {"latency_seconds": 0.5, "time": "2026-01-01T00:00:00Z"}, newer]).encode()
    first, second = rows(openai.parse(body, Rules(), NOW))
    assert first == {
        "model": "gpt-x", "model_version": "gpt-x-2026", "prediction_id": "c1", "latency_seconds": 0.5,
        "tokens_in": 9, "tokens_out": 3, "tokens_cached": 4, "time": 1_767_225_600 * SECOND,
        "features": {"tokens_in": 9.0, "tokens_out": 3.0},
    }  # fmt: skip
    assert (second["tokens_in"], second["tokens_out"], second["time"]) == (1, 2, NOW)
    assert "secret" not in repr(first)


def test_a_streamed_answer_says_its_tokens_in_its_last_chunk() -> None:
    """Chat is streamed by default, and KServe's logger posts the chunks as they went over the wire."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x-2026", "usage": None}
    chunks = [
        head | {"choices": [{"delta": {"content": "secret"}, "finish_reason": None}]},
        head | {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        head | {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    side = payload.response(body.encode(), "gpt-x", Rules())
    assert (side.common["prediction_id"], side.common["model_version"]) == ("c1", "gpt-x-2026")
    assert (side.common["tokens_in"], side.common["tokens_out"]) == (9, 3)
    [row] = side.rows
    assert row["features"]["finish_reason"] == "stop" and "secret" not in repr(side)
    done = {
        "type": "response.completed",
        "response": {"id": "r1", "model": "m", "usage": {"input_tokens": 4}},
    }
    events = f"event: response.completed\ndata: {json.dumps(done)}\n\n".encode()
    assert payload.response(events, None, Rules()).common["tokens_in"] == 4
    with pytest.raises(payload.Unreadable):
        payload.response(b"data: {half", "gpt-x", Rules())


def test_anthropics_messages_count_what_came_from_the_cache_as_input() -> None:
    """vLLM and gateways serve them too; their `input_tokens` leave out most of a long prompt."""
    usage = {"input_tokens": 12, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 50}
    answer = {"id": "m1", "type": "message", "model": "c-1", "content": [{"text": "secret"}]}
    whole = answer | {"stop_reason": "end_turn", "usage": usage | {"output_tokens": 6}}
    events = [
        {"type": "message_start", "message": answer | {"usage": usage | {"output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "secret"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}},
    ]
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    for body in (json.dumps(whole).encode(), stream.encode()):
        side = payload.response(body, "c", Rules())
        tokens = {"tokens_in": 162, "tokens_out": 6, "tokens_cached": 50}
        assert tokens.items() <= side.common.items() and side.common["model_version"] == "c-1"
        assert side.rows[0]["features"]["finish_reason"] == "end_turn" and "secret" not in repr(side)


def test_rankings_scores_and_the_errors_of_older_servers() -> None:
    for asked in ({"query": "q", "documents": ["a"]}, {"text_1": "a", "text_2": "b"}):
        assert payload.request(json.dumps(asked).encode(), "m", Rules()).rows == [{}]
    ranking = {"id": "r1", "model": "m-1", "results": [{"index": 0}], "usage": {"total_tokens": 5}}
    assert payload.response(json.dumps(ranking).encode(), "m", Rules()).common["tokens_in"] == 5
    failed = {"object": "error", "message": "no such model", "code": 404}
    assert payload.response(json.dumps(failed).encode(), "m", Rules()).common["status"] == "error"


def test_lines_of_envoys_ai_gateway() -> None:
    """The gateway sees every request to every model, and its log is often all there is."""
    line = {
        "gen_ai.request.model": "llama", "gen_ai.response.model": "llama-3",
        "start_time": "2026-01-01T00:00:00Z",
        "duration": 1500, "response_code": 200, "x-request-id": "r", "gen_ai.usage.input_tokens": "7",
        "gen_ai.usage.output_tokens": 8,
    }  # fmt: skip
    failed = line | {"response_code": 0, "duration": 10}
    other = {"start_time": "2026-01-01T00:00:00Z", "response_code": 200}
    lines = [line, failed, other]
    for body in (json.dumps(lines).encode(), "\n".join(map(json.dumps, lines)).encode() + b"\n\n"):
        found = access_log.parse(body)
        good, bad = rows(found)
        assert found.excluded == {"no_model": 1}
        assert (good["latency_seconds"], good["tokens_in"], good["tokens_out"], good["status"]) == (
            1.5,
            7,
            8,
            "ok",
        )
        assert good["time"] == 1_767_225_601_500_000
        assert bad["status"] == "error"
    texts = {name: str(value) for name, value in line.items()}  # as OpenTelemetry's log records carry them
    assert rows(access_log.parse(json.dumps(texts).encode())) == [good]
    nothing = {**line, "gen_ai.response.model": "-", "x-request-id": "-", "duration": "-"}
    (row,) = rows(access_log.parse(json.dumps(nothing).encode()))
    assert row["model_version"] == "unknown" and not {"prediction_id", "latency_seconds"} & row.keys()
    assert [r.reason for r in access_log.parse(json.dumps(line | {"duration": 1e300}).encode()).rejected] == [
        "out_of_range"
    ]


def test_lines_as_the_gateways_guide_writes_them() -> None:
    """Its keys are the ones that operators copy: as no model's traffic all of it would be left out."""
    line = {
        "genai_model_name": "gpt-4o-mini", "genai_model_name_override": None, "genai_tokens_input": 15,
        "genai_tokens_output": 7, "genai_tokens_total": 22, "start_time": "2025-08-30T16:51:37.894Z",
        "duration": 1526, "response_code": 200, "response_flags": "-", "x-request-id": "83b63da3",
    }  # fmt: skip
    mcp = line | {"genai_model_name": None, "genai_tokens_input": None, "mcp_method": "tools/call"}
    other = line | {"genai_model_name_override": "gpt-4o-mini-2024-07-18"}
    found = access_log.parse(json.dumps([line, mcp, other]).encode())
    assert found.excluded == {"no_model": 1}
    assert [(r["model"], r["model_version"], r["tokens_in"], r["tokens_out"]) for r in rows(found)] == [
        ("gpt-4o-mini", "unknown", 15, 7), ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 15, 7),
    ]  # fmt: skip


SPAN: dict[str, object] = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt", "gen_ai.response.model": "gpt-1",
    "gen_ai.response.id": "c1", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 6,
    "gen_ai.usage.cache_read.input_tokens": 2, "gen_ai.response.finish_reasons": ["Length", "stop"],
}  # fmt: skip
OLD: dict[str, object] = {
    "gen_ai.system": "openai", "gen_ai.request.model": "gpt", "gen_ai.usage.prompt_tokens": 5,
    "gen_ai.usage.completion_tokens": 6,
}  # fmt: skip
EVALUATION: dict[str, object] = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.75}


def _attributes(said: dict[str, object]) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in said.items()]


def _value(said: object) -> dict[str, object]:
    if isinstance(said, list):
        return {"arrayValue": {"values": [_value(each) for each in said]}}
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return {kinds[type(said)]: str(said) if isinstance(said, int) else said}


def _export() -> dict[str, Any]:
    start = NOW * 1000
    span = {
        "spanId": "00f067aa0ba902b7",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**9),
    }
    event = {"name": genai.EVALUATION, "timeUnixNano": str(start), "attributes": _attributes(EVALUATION)}
    spans = [
        span | {"attributes": _attributes(SPAN), "events": [event]},
        span | {"attributes": _attributes(OLD), "status": {"code": 2}},
        span | {"attributes": _attributes({"gen_ai.operation.name": "invoke_agent", **OLD})},
        span | {"attributes": _attributes({"http.route": "/"})},
    ]
    resource = {"attributes": _attributes({"k8s.namespace.name": "ns", "k8s.deployment.name": "chat"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def _protobuf(export: dict[str, Any], kind: Any) -> bytes:
    from google.protobuf import json_format

    return bytes(json_format.ParseDict(export, kind()).SerializeToString())


def test_requests_with_hostile_names_are_not_remembered() -> None:
    """Names are the senders': fifty thousand of a megabyte would be all of a receiver's memory."""
    known, long = Requests(), "x" * 100_000
    known.note(Request("m", long), "span-1", long)
    known.note(Request(long, "a"), "span-2", "a")
    known.note(Request("m", "b"), "span-3", long, "b", None)
    assert known.of(long) is known.of("span-1") is known.of("span-2", "a") is None
    assert known.of("span-3") == known.of("b") == Request("m", "b")


def test_genai_spans_mean_the_same_in_protobuf_and_json() -> None:
    """An exporter may be set to either; an agent's span must not count its requests' tokens again."""
    export = _export()
    found = genai.traces(json.dumps(export).encode(), True, Rules(), Requests())
    for span in export["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["spanId"] = "APBnqgupArc="  # protobuf's own JSON has bytes in base64, OTLP's in hex
    assert genai.traces(_protobuf(export, ExportTraceServiceRequest), False, Rules(), Requests()) == found
    new, old = rows(found)
    assert (new["prediction_id"], new["model_version"], new["status"]) == ("c1", "gpt-1", "ok")
    assert (new["tokens_in"], new["tokens_out"], new["tokens_cached"]) == (5, 6, 2)
    assert (new["latency_seconds"], new["namespace"], new["workload"]) == (1.0, "ns", "Deployment/chat")
    assert (old["prediction_id"], old["tokens_in"], old["tokens_out"]) == ("00f067aa0ba902b7", 5, 6)
    assert (old["model_version"], old["status"]) == ("unknown", "error")
    assert found.excluded == {"not_a_model_request": 2}
    (label,) = rows(found, "label")
    assert (label["prediction_id"], label["evaluator"], label["score"]) == ("c1", "relevance", 0.75)


def test_the_spans_of_model_servers_say_more_than_the_conventions() -> None:
    """vLLM calls the answer by its request, tells its first token, and in newer versions not its model."""
    said = {
        "gen_ai.request.id": "cmpl-1", "gen_ai.response.model": "llama", "gen_ai.usage.prompt_tokens": 5,
        "gen_ai.usage.completion_tokens": 6, "gen_ai.usage.cached_tokens": 4,
        "gen_ai.latency.time_to_first_token": 0.25,
    }  # fmt: skip
    times = {"startTimeUnixNano": str(NOW * 1000), "endTimeUnixNano": str(NOW * 1000 + 10**9)}
    untold = {name: value for name, value in said.items() if name != "gen_ai.response.model"}
    spans = [
        {"spanId": "00f067aa0ba902b7", "attributes": _attributes(each), **times} for each in (said, untold)
    ]
    export = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    found = genai.traces(json.dumps(export).encode(), True, Rules(), Requests())
    (row,) = rows(found)
    assert (row["prediction_id"], row["time_to_first_token_seconds"], row["tokens_cached"]) == (
        "cmpl-1",
        0.25,
        4,
    )
    assert found.excluded == {"model_not_told": 1}


@pytest.mark.parametrize(
    ("sent", "reason", "refusal"),
    [
        (["Length", "stop"], "length", "no"),
        (["content_filter"], "content_filter", "yes"),
        ("stop", "stop", "no"),
        ([], None, None),
        ([["nested"], 7], None, None),
        (["x" * 65], None, None),
    ],
)
def test_how_a_span_says_that_its_answer_ended(sent: object, reason: str | None, refusal: str | None) -> None:
    """More answers that are cut off or refused are a model's drift; it is an array of texts."""
    said = {**SPAN, "gen_ai.response.finish_reasons": sent}
    times = {"startTimeUnixNano": str(NOW * 1000), "endTimeUnixNano": str(NOW * 1000 + 10**9)}
    span = {"spanId": "00f067aa0ba902b7", "attributes": _attributes(said), **times}
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    (row,) = rows(genai.traces(json.dumps(export).encode(), True, Rules(), Requests()))
    span["spanId"] = "APBnqgupArc="
    assert rows(genai.traces(_protobuf(export, ExportTraceServiceRequest), False, Rules(), Requests())) == [
        row
    ]
    wanted = {"tokens_in": 5.0, "tokens_out": 6.0, "finish_reason": reason, "refusal": refusal}
    assert row["features"] == {name: value for name, value in wanted.items() if value is not None}


def test_evaluations_as_log_records() -> None:
    """Evaluators run later than the request, and export events instead of spans."""
    said = {"gen_ai.request.model": "gpt", "gen_ai.response.id": "c1", **EVALUATION}
    record = {"eventName": genai.EVALUATION, "timeUnixNano": str(NOW * 1000), "attributes": _attributes(said)}
    lacking = {"eventName": genai.EVALUATION, "attributes": _attributes(EVALUATION)}
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"body": {"stringValue": "x"}}]}]}]}
    found = genai.logs(json.dumps(export).encode(), True, Requests())
    assert genai.logs(_protobuf(export, ExportLogsServiceRequest), False, Requests()) == found
    assert rows(found, "label")[0]["score"] == 0.75
    assert found.excluded == {"not_an_evaluation": 1}
    export["resourceLogs"][0]["scopeLogs"][0]["logRecords"] = [lacking]
    assert [r.reason for r in genai.logs(json.dumps(export).encode(), True, Requests()).rejected] == [
        "missing_field"
    ]


@pytest.mark.parametrize("by", ["span", "response"])
def test_an_evaluation_that_names_no_model_is_of_the_request_that_it_speaks_of(by: str) -> None:
    """The conventions give it none: whole evaluators would be refused, and no answer be judged."""
    known, id_ = Requests(), "00f067aa0ba902b7"
    times = {"startTimeUnixNano": str(NOW * 1000), "endTimeUnixNano": str(NOW * 1000 + 10**9)}
    span = {"spanId": id_, "attributes": _attributes(SPAN), **times}
    record = {
        "eventName": genai.EVALUATION,
        "timeUnixNano": str(NOW * 1000),
        "attributes": _attributes(EVALUATION),
    }
    if by == "span":
        record["spanId"] = id_
    else:
        record["attributes"] = _attributes({**EVALUATION, "gen_ai.response.id": "c1"})
    export = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    assert [r.reason for r in genai.logs(export, True, known).rejected] == ["missing_field"]
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    genai.traces(json.dumps(spans).encode(), True, Rules(), known)
    (label,) = rows(genai.logs(export, True, known), "label")
    assert (label["model"], label["prediction_id"], label["score"]) == ("gpt", "c1", 0.75)
    crowded = Requests(most=1)
    genai.traces(json.dumps(spans).encode(), True, Rules(), crowded)
    assert (crowded.of(id_), crowded.of("c1")) == (None, ("gpt", "c1")), "bounded"


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        ({"prediction_id": "p", "label": "yes"}, {"prediction_id": "p", "label": "yes"}),
        ({"request_id": "r", "row": 0, "label": 1}, {"prediction_id": "r", "label": "1"}),
        ({"request_id": "r", "row": 2, "label": True}, {"prediction_id": "r/2", "label": "true"}),
        ({"prediction_id": "p", "label": 2.5}, {"prediction_id": "p", "value": 2.5}),
        ({"prediction_id": "p", "score": 0.5, "source": "judge"},
         {"prediction_id": "p", "score": 0.5, "evaluator": "judge"}),
        ({"prediction_id": "p", "label": "a", "labelled_at": "2026-01-01T00:00:00Z"},
         {"prediction_id": "p", "label": "a", "time": 1_767_225_600 * SECOND}),
    ],
)  # fmt: skip
def test_forms_of_a_label(sent: dict[str, object], label: dict[str, object]) -> None:
    """Who labels knows one of these names; another class spelling than the prediction's would be an error."""
    found = labels.parse(json.dumps(sent | {"model": "m"}).encode(), NOW)
    assert rows(found, "label") == [{"model": "m", "time": NOW} | label]


def test_an_event_in_one_json_object_is_taken_without_the_type_of_its_data(memory: Memory) -> None:
    """The attribute may be left out where the data is JSON: senders of structured events mostly do."""
    event = {
        "specversion": "1.0", "type": TYPES["label"].ce_type, "source": "s", "id": "1",
        "data": {"model": "m", "prediction_id": "p", "label": "yes"},
    }  # fmt: skip
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
    found = bodies.parse("/", headers, json.dumps(event).encode(), Context(Rules(), NOW), memory)
    assert [(row["prediction_id"], row["label"]) for row in rows(found, "label")] == [("p", "yes")]


def test_a_row_that_is_refused_with_others_is_told_to_who_sent_it() -> None:
    """Bodies of one turn are checked together: a sender must not hear that another's row was taken."""
    good, bad = ({"model": "m", "prediction_id": "p", "label": word} for word in ("yes", "x" * 100_000))
    parts = [labels.parse(json.dumps(sent).encode(), NOW) for sent in ([good], [good, bad], bad, [good, 7])]
    together = Found()
    for part in parts:
        together.take(part)
    parsed = assembly.parsed(together, Rules(), "c", NOW, parts)
    assert [(part.used, len(part.rejected)) for part in parts] == [(1, 0), (1, 1), (0, 1), (1, 1)]
    assert parsed.balanced and (parsed.used, len(parsed.rejected)) == (3, 3)


def test_ids_of_a_batch_are_those_that_a_label_names() -> None:
    """A label of row 0 must find a request of one row and of many."""
    assert [kserve.numbered("r", row) for row in range(3)] == ["r", "r/1", "r/2"]


HOSTILE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**400, "NaN", 2**63, -1, "1" * 30, "\\u0000"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "instances", "inputs", "outputs", "predictions", "name", "shape", "data", "datatype", "id",
            "usage", "choices", "prompt", "prompt_tokens", "created", "request", "response",
            "resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "intValue", "model",
            "gen_ai.request.model", "start_time", "duration", "response_code", "label", "prediction_id",
            "startTimeUnixNano", "latency_seconds", "row", "score",
            "time", "features", "model_version", "prediction", "class", "confidence", "type", "source",
            "specversion", "data_base64",
        ]), inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip
HEADERS = [
    {}, {"content-type": "application/cloudevents+json"},
    {"content-type": "application/cloudevents-batch+json"},
    {"content-type": "application/x-protobuf"}, {"content-type": "application/vnd.apache.arrow.stream"},
    {"ce-type": kserve.REQUEST, "ce-id": "1"}, {"ce-type": kserve.RESPONSE, "ce-id": "1", "ce-time": "x"},
    {"ce-type": kserve.RESPONSE, "ce-id": "2", "ce-metadata": '{"X-Request-Id": [[]]}'},
]  # fmt: skip


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    made = Memory(tmp_path_factory.mktemp("memory"), None, Pairs(60, 100_000), 1_000)
    yield made
    made.close()


@given(sent=HOSTILE, path=st.sampled_from(bodies.PATHS), headers=st.sampled_from(HEADERS), cut=st.booleans())
def test_no_body_is_more_than_a_refusal(
    memory: Memory, sent: Any, path: str, headers: dict[str, str], cut: bool
) -> None:
    """A hostile or broken sender must not end the collector; every unit of it is explained."""
    body = json.dumps(sent).encode()
    body = body[: len(body) // 2] if cut else body
    found = bodies.parse(path, headers, body, Context(Rules(), NOW), memory)
    parsed = assembly.parsed(found, Rules(), "c", NOW)
    assert parsed.balanced
    assert parsed.read == found.read
    for half in memory.pairs.late(NOW):
        memory.gone(half)


@pytest.mark.parametrize("path", bodies.PATHS)
@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 200_000, b'{"instances":[' + b"[1]," * 250_000 + b"[1]]}", b"\0" * 1_000,
     b'{"instances":[{' + b",".join(b'"f%d":1' % i for i in range(60_000)) + b"}]}", b"x\n" * 300_000,
     b'[{"model":NaN}]', b'{"predictions":[1e999]}'],
    ids=["lists", "objects", "rows", "nul", "features", "lines", "nan", "infinite"],
)  # fmt: skip
def test_large_and_deep_bodies_are_bounded(memory: Memory, path: str, body: bytes) -> None:
    """A megabyte of brackets, of lines or of features must not fill memory or the rejected table."""
    for headers in HEADERS:
        found = bodies.parse(path, headers, body, Context(Rules(), NOW), memory)
        assert len(found.rejected) <= 50_000 and found.used <= 50_000


def test_tables_of_any_features_go_together() -> None:
    """Two senders whose features differ in names or types come in one turn."""
    one = pa.table({"model": ["a"], "features": pa.array([{"x": 1.0, "y": 2.0}])})
    two = pa.table({"model": ["b"], "features": pa.array([{"y": "red", "z": None}])})
    three = pa.table({"model": ["c"], "features": pa.array([{}], pa.struct([]))})
    found = assembly.united([one, two, three]).column("features").to_pylist()
    assert found == [
        {"x": 1.0, "y": "2", "z": None}, {"x": None, "y": "red", "z": None},
        {"x": None, "y": None, "z": None},
    ]  # fmt: skip
