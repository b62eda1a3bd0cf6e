"""OpenAI-style exchanges (vLLM, KServe, gateways): the model, its tokens, never a prompt or an answer."""

from __future__ import annotations

from typing import Any

import msgspec

from collectors.live.inference import answered
from collectors.live.inference.found import MOST_UNITS, Found, Row, number, refused, text, whole
from collectors.live.inference.instant import SECOND, micros
from collectors.live.inference.rules import Rule, Rules

_ASKS = ("messages", "prompt", "input", "documents", "text_1", "queries")
"""What requests ask with: chats, completions, embeddings and answers, rankings, scores."""
_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""What Anthropic's Messages do not count among the `input_tokens`."""
_ITEMS = msgspec.json.Decoder(list[dict[str, Any]])
_ONE = msgspec.json.Decoder(dict[str, Any])
UNKNOWN = "unknown"
_WITHIN = ("response", "message", "delta")
"""Where events of a stream have what is told of the answer."""
_EVENT, _DONE = b"data:", b"[DONE]"


def is_request(sent: dict[str, Any]) -> bool:
    return any(key in sent for key in _ASKS)


def is_response(sent: dict[str, Any]) -> bool:
    return "usage" in sent or "choices" in sent or _failed(sent)


def _failed(sent: dict[str, Any]) -> bool:
    """By an `error`; vLLM before 0.10 answered with one itself."""
    return bool(sent.get("error")) or sent.get("object") == "error"


def response(sent: dict[str, Any], rule: Rule) -> Row:
    """The model that answered is the version; `prompt_tokens` and `input_tokens` mean the same."""
    found: Row = {
        "prediction_id": text(sent.get("id")),
        "model_version": text(sent.get("model")),
        "status": "error" if _failed(sent) else None,
        **_tokens(sent),
    }
    known = {name: value for name, value in found.items() if value is not None}
    choices = [choice for choice in _list(sent.get("choices")) if isinstance(choice, dict)]
    said = [c["message"] for c in choices if isinstance(c.get("message"), dict)]
    refused = any(message.get("refusal") for message in said) or None
    ends = [*(choice.get("finish_reason") for choice in choices), sent.get("stop_reason")]
    return answered.features(known, ends, rule, refused)


def _tokens(sent: dict[str, Any]) -> Row:
    """A ranking, which has no output, may tell the total alone."""
    usage = sent.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details", usage.get("input_tokens_details"))
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get(_BESIDE[0])
    given = usage.get("prompt_tokens", usage.get("input_tokens"))
    made = usage.get("completion_tokens", usage.get("output_tokens"))
    if given is None and made is None and "results" in sent:
        given = usage.get("total_tokens")
    tokens = whole(given)
    if tokens is not None and "prompt_tokens" not in usage:
        tokens += sum(whole(usage.get(name)) or 0 for name in _BESIDE)
    return {"tokens_in": tokens, "tokens_out": whole(made), "tokens_cached": whole(cached)}


def _list(sent: Any) -> list[Any]:
    return sent if isinstance(sent, list) else []


def parse(body: bytes, rules: Rules, now: int) -> Found:
    """`{"request", "response", "time"?, "latency_seconds"?}`, or the response alone; one or an array.

    `time` (RFC 3339) is when the answer was complete; without it the response's `created` or `created_at`,
    else `now`
    (microseconds since 1970 UTC).
    """
    try:
        items = [_ONE.decode(body)] if body.lstrip()[:1] == b"{" else _ITEMS.decode(body)
    except msgspec.ValidationError as error:
        return refused("wrong_type", str(error)[:200])
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return refused("malformed", str(error)[:200])
    if len(items) > MOST_UNITS:
        return refused("too_large", f"{len(items)} exchanges, at most {MOST_UNITS}")
    found = Found()
    for at, item in enumerate(items):
        _exchange(item, at, rules, now, found)
    return found if found.read else refused("empty", "no exchange in the body")


def _exchange(item: dict[str, Any], at: int, rules: Rules, now: int, found: Found) -> None:
    sent, asked = item.get("response", item), item.get("request", {})
    if not isinstance(sent, dict) or not isinstance(asked, dict):
        return found.refuse("wrong_type", "request and response are JSON objects", at)
    if not is_response(sent):
        return found.refuse("unknown_shape", "the response has no choices and no usage", at)
    model = text(asked.get("model")) or text(sent.get("model"))
    time = _time(item, sent, now)
    if model is None or time is None:
        what = "model is missing" if model is None else "time is no RFC 3339 time"
        return found.refuse("missing_field" if model is None else "wrong_type", what, at)
    latency = number(item.get("latency_seconds"))
    row = {"model_version": UNKNOWN} | response(sent, rules.of(model)) | {"model": model, "time": time}
    return found.add("inference", row | ({} if latency is None else {"latency_seconds": latency}))


def _time(item: dict[str, Any], sent: dict[str, Any], now: int) -> int | None:
    if "response" in item and "time" in item:
        return micros(item["time"])
    told = sent.get("created", sent.get("created_at"))
    created = number(told) if (seconds := whole(told)) is None else seconds
    return round(created * SECOND) if created is not None and 0 < created < 2**33 else now


def streamed(body: bytes) -> dict[str, Any] | None:
    """The chunks of a streamed answer (server-sent events) as one response; None where it is none.

    The first says whose it is, a later one how it ended, and the last, if it was asked for, its usage; of
    Anthropic's Messages the first tells the input and a later one the output.
    """
    if not body.lstrip().startswith((_EVENT, b"event:")):
        return None
    found: dict[str, Any] = {}
    told: dict[str, Any] = {}
    ends: list[dict[str, Any]] = []
    for line in body.splitlines():
        chunk = line.strip().removeprefix(_EVENT).strip()
        if not line.strip().startswith(_EVENT) or chunk == _DONE:
            continue
        sent = _ONE.decode(chunk)
        sent = sent | next((sent[name] for name in _WITHIN if isinstance(sent.get(name), dict)), {})
        usage = sent.get("usage")
        told |= usage if isinstance(usage, dict) else {}
        found = {**sent, **found} | {name: sent[name] for name in ("error", "stop_reason") if sent.get(name)}
        choices = [choice for choice in _list(sent.get("choices")) if isinstance(choice, dict)]
        ends += [{"finish_reason": c["finish_reason"]} for c in choices if text(c.get("finish_reason"))]
    return {**found, "choices": ends, "usage": told}
