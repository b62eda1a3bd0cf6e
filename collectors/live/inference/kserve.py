"""KServe's request logger: two CloudEvents with one id, which together are the rows of one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from collectors.live.inference import payload
from collectors.live.inference.found import Row, text
from collectors.live.inference.instant import SECOND, micros
from collectors.live.inference.rules import ANY, Rules
from pipeline.events import Rejected

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
UNKNOWN = "unknown"


class Half(msgspec.Struct, frozen=True):
    """A request or a response, reduced to what may leave; `time` in microseconds since 1970 UTC."""

    source: str
    id: str
    is_request: bool
    time: int
    common: dict[str, Any]
    rows: list[dict[str, Any]]


def half(attributes: Mapping[str, str], body: bytes, rules: Rules, now: int) -> Half | Rejected:
    """One event of type REQUEST or RESPONSE; `attributes` without the prefix `ce-`."""
    if not attributes.get("id"):
        return Rejected("bad_header", "a KServe event without an id")
    time = micros(attributes["time"]) if "time" in attributes else now
    if time is None:
        return Rejected("bad_header", "ce-time is no RFC 3339 time")
    model, is_request = attributes.get("inferenceservicename"), attributes.get("type") == REQUEST
    try:
        side = (payload.request if is_request else payload.response)(body, model, rules)
    except payload.Unreadable as error:
        reason, detail = error.args
        return Rejected(reason, f"{'request' if is_request else 'response'}: {detail}")
    rule = rules.of(side.common.get("model"))
    common = side.common | rule.visible(_common(attributes, model))
    return Half(attributes.get("source", ""), attributes["id"], is_request, time, common, side.rows)


def _common(attributes: Mapping[str, str], model: str | None) -> Row:
    found = {
        "prediction_id": _request_id(attributes.get("metadata", "")),
        "namespace": attributes.get("namespace"),
        "workload": f"InferenceService/{model}" if model else None,
    }
    return {name: value for name, value in found.items() if value}


def _request_id(metadata: str) -> str | None:
    """The caller's x-request-id, where the logger was told to pass it on."""
    try:
        headers = msgspec.json.decode(metadata) if metadata else {}
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if not isinstance(headers, dict):
        return None
    value = next((v for k, v in headers.items() if k.lower() == "x-request-id"), None)
    return text(value[0] if isinstance(value, list) and value else value)


def joined(request: Half, response: Half, rules: Rules) -> list[Row] | Rejected:
    """A row for each prediction, with the request's features and the time between the two.

    Only now the model may be known, of a half that did not say it: what waited is held against its rule.
    """
    if request.rows and len(request.rows) != len(response.rows):
        detail = f"{len(request.rows)} rows asked, {len(response.rows)} answered"
        return Rejected("row_count_differs", detail)
    model = response.common.get("model") or request.common.get("model")
    asked = _reduced(request, model, rules) or [{} for _ in response.rows]
    answered = _reduced(response, model, rules)
    common = {"model_version": UNKNOWN, "prediction_id": response.id} | request.common | response.common
    seconds = (response.time - request.time) / SECOND
    latency = {"latency_seconds": seconds} if seconds >= 0 else {}
    return [
        common | question | answer | latency | _place(common, at, response.time)
        for at, (question, answer) in enumerate(zip(asked, answered, strict=True))
    ]


def _reduced(half: Half, model: str | None, rules: Rules) -> list[Row]:
    """Its rows by the rule of the model that the event is counted for; it waited reduced by its own."""
    waited, rule = rules.of(half.common.get("model")), rules.of(model or ANY)
    if waited == rule:
        return half.rows
    if "model" in half.common:  # of another model: what its values by place are, this rule cannot say
        return [{name: value for name, value in row.items() if name != "features"} for row in half.rows]
    return [
        row | {"features": rule.features(row["features"])} if "features" in row else row for row in half.rows
    ]


def alone(response: Half, rules: Rules) -> list[Row]:
    """What a response says without its request: no features, no latency."""
    common = {"model_version": UNKNOWN, "prediction_id": response.id} | response.common
    rows = _reduced(response, common.get("model"), rules)
    return [common | answer | _place(common, at, response.time) for at, answer in enumerate(rows)]


def _place(common: Row, at: int, time: int) -> Row:
    return {"prediction_id": numbered(common["prediction_id"], at), "time": time}


def numbered(request_id: str, row: int) -> str:
    """Identity of a row of a request: the first has the request's own, the next /1, /2."""
    return f"{request_id}/{row}" if row else request_id
