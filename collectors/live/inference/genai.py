"""OpenTelemetry's GenAI conventions: a span is a request to a model, an evaluation result is a label.

Both generations of names are read: `gen_ai.provider.name` and tokens as `input` and `output`, and the older
`prompt` and `completion`; also what vLLM and SGLang add of their own (request id, time to first token).
Prompts and answers are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collectors.live.inference import spans as otlp
from collectors.live.inference.answered import features as answered_features
from collectors.live.inference.found import Found, Row, number, refused, text, whole
from collectors.live.inference.instant import SECOND
from collectors.live.inference.judged import Request, Requests
from collectors.live.inference.rules import Rules
from collectors.live.inference.spans import Attributes, Event, Span
from pipeline.wire.columns import MOST_SECONDS

EVALUATION = "gen_ai.evaluation.result"
_REQUESTS = ("chat", "text_completion", "generate_content", "embeddings")
_IN = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_tokens",
)
UNKNOWN = "unknown"
_WORKLOADS = ("deployment", "statefulset", "daemonset", "job", "cronjob")


def traces(body: bytes, is_json: bool, rules: Rules, known: Requests) -> Found:
    """An ExportTraceServiceRequest.  The unit is a span, or an evaluation among its events."""
    found = Found()
    try:
        for span in otlp.spans(body, is_json):
            _span(span, rules, known, found)
            for event in span.events:
                if event.name == EVALUATION:
                    _evaluation(event, span.attributes, span.id, known, found)
    except otlp.Unreadable as error:
        return refused("malformed", str(error))
    return found


def logs(body: bytes, is_json: bool, known: Requests) -> Found:
    """An ExportLogsServiceRequest.  The unit is a log record; only evaluation results are labels."""
    found = Found()
    try:
        for record in otlp.records(body, is_json):
            if EVALUATION in (record.name, record.attributes.get("event.name")):
                _evaluation(record, {}, "", known, found)
            else:
                found.excluded["not_an_evaluation"] += 1
    except otlp.Unreadable as error:
        return refused("malformed", str(error))
    return found


def _span(span: Span, rules: Rules, known: Requests, found: Found) -> None:
    said = span.attributes
    model, answered = text(said.get("gen_ai.request.model")), text(said.get("gen_ai.response.model"))
    # An agent's or a tool's span counts the tokens of the requests below it once more.
    if not is_request(said) or not (model or answered):
        untold = is_request(said) and _first(said, *_OUT) is not None
        found.excluded["model_not_told" if untold else "not_a_model_request"] += 1
        return
    row: Row = {
        "model": model or answered,
        "model_version": answered or UNKNOWN,
        "prediction_id": text(said.get("gen_ai.response.id"))
        or text(said.get("gen_ai.request.id"))
        or span.id
        or None,
        "time": span.end,
        "latency_seconds": (span.end - span.start) / SECOND,
        "status": "error" if span.failed or text(said.get("error.type")) else "ok",
        "time_to_first_token_seconds": _seconds(said.get("gen_ai.latency.time_to_first_token")),
        "tokens_in": _first(said, *_IN),
        "tokens_out": _first(said, *_OUT),
        "tokens_cached": _first(said, *_CACHED),
        "namespace": text(span.resource.get("k8s.namespace.name")),
        "cluster": text(span.resource.get("k8s.cluster.name")),
        "workload": workload(span.resource),
    }
    told = {name: value for name, value in row.items() if value is not None}
    if id_ := told.get("prediction_id"):
        known.note(Request(told["model"], id_), span.id, id_)
    reasons = _reasons(said.get("gen_ai.response.finish_reasons"))
    found.add("inference", answered_features(told, reasons, rules.of(told["model"])))


def is_request(said: Attributes) -> bool:
    """Whether it is one request to a model; who does not say has made one."""
    return said.get("gen_ai.operation.name", "chat") in _REQUESTS


def _reasons(sent: Any) -> list[Any]:
    """An array of texts; some senders make one text of it."""
    return sent if isinstance(sent, list) else [sent]


def _first(said: Attributes, *names: str) -> int | None:
    return next((tokens for name in names if (tokens := whole(said.get(name))) is not None), None)


def _seconds(sent: Any) -> float | None:
    told = number(sent)
    return told if told is not None and 0 <= told <= MOST_SECONDS else None


def workload(resource: Attributes) -> str | None:
    kinds: Iterable[tuple[str, Any]] = ((kind, resource.get(f"k8s.{kind}.name")) for kind in _WORKLOADS)
    names = {"statefulset": "StatefulSet", "daemonset": "DaemonSet", "cronjob": "CronJob"}
    return next((f"{names.get(k, k.capitalize())}/{name}" for k, name in kinds if text(name)), None)


def _evaluation(event: Event, span: Attributes, span_id: str, known: Requests, found: Found) -> None:
    """A score from 0 to 1 is a score; another one is a value."""
    said = {**span, **event.attributes}
    model = text(said.get("gen_ai.request.model")) or text(said.get("gen_ai.response.model"))
    prediction = text(said.get("gen_ai.response.id")) or span_id
    if (not model or not prediction) and (request := known.of(prediction, event.span_id)) is not None:
        model, prediction = request
    score, label = (
        number(said.get("gen_ai.evaluation.score.value")),
        text(said.get("gen_ai.evaluation.score.label")),
    )
    if not model or not prediction:
        what = "gen_ai.request.model" if not model else "gen_ai.response.id"
        return found.refuse(
            "missing_field", f"an evaluation without {what}, of no request that is known here"
        )
    if score is None and label is None:
        return found.refuse("missing_field", "an evaluation without a score and a label")
    row: Row = {
        "model": model,
        "prediction_id": prediction,
        "label": label,
        "score" if score is not None and 0 <= score <= 1 else "value": score,
        "evaluator": text(said.get("gen_ai.evaluation.name")),
        "time": event.time,
    }
    return found.add("label", {name: value for name, value in row.items() if value is not None})
