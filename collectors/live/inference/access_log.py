"""Envoy AI Gateway's access log, JSON: one line a request, or an array of them as log shippers post it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from collectors.live.inference.found import MOST_UNITS, Found, Row, number, refused, text, whole
from collectors.live.inference.instant import micros
from pipeline.wire.columns import MOST_SECONDS

_LINE = msgspec.json.Decoder(dict[str, Any])
_LINES = msgspec.json.Decoder(list[msgspec.Raw])
_UNKNOWN = "unknown"
_FIRST_ERROR = 400
_LONGEST = MOST_SECONDS * 1000
_MODEL = ("gen_ai.request.model", "genai_model_name")
"""The keys are an operator's to choose: those of the gateway's default, and of its guide to access logs."""
_VERSION = ("gen_ai.response.model", "gen_ai.request.model_override", "genai_model_name_override")
"""Where the answer's model is not told, the one that the gateway asked its backend for."""
_IN = ("gen_ai.usage.input_tokens", "genai_tokens_input")
_OUT = ("gen_ai.usage.output_tokens", "genai_tokens_output")
_CACHED = ("gen_ai.usage.cached_input_tokens", "gen_ai.usage.cache_read.input_tokens")
_NOTHING = "-"
"""What Envoy writes for a value that there is not."""


def parse(body: bytes) -> Found:
    """Lines without a model are excluded as no model's traffic.  The unit is a line."""
    found = Found()
    try:
        lines: list[Any] = (
            _LINES.decode(body) if body.lstrip()[:1] == b"[" else [x for x in body.split(b"\n") if x.strip()]
        )
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return refused("malformed", str(error)[:200])
    if len(lines) > MOST_UNITS:
        return refused("too_large", f"{len(lines)} lines, at most {MOST_UNITS}")
    for at, line in enumerate(lines):
        try:
            _line(_LINE.decode(line), at, found)
        except msgspec.ValidationError as error:
            found.refuse("wrong_type", str(error)[:200], at)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            found.refuse("malformed", str(error)[:200], at)
    return found if found.read else refused("empty", "no line in the body")


def _line(line: dict[str, Any], at: int, found: Found) -> None:
    line = {name: value for name, value in line.items() if value != _NOTHING}
    model = _first(text, line, _MODEL)
    version = _first(text, line, _VERSION)
    if model is None and version is None:
        found.excluded["no_model"] += 1
        return
    start, milliseconds = micros(line.get("start_time")), _milliseconds(line.get("duration"))
    if start is None:
        return found.refuse("missing_field", "start_time is no RFC 3339 time", at)
    if milliseconds is not None and not 0 <= milliseconds <= _LONGEST:
        return found.refuse("out_of_range", f"duration is not between 0 and {_LONGEST:g} ms", at)
    code = whole(line.get("response_code"))
    row: Row = {
        "model": model or version,
        "model_version": version or _UNKNOWN,
        "prediction_id": text(line.get("x-request-id")),
        "time": start + round((milliseconds or 0) * 1000),
        "latency_seconds": None if milliseconds is None else milliseconds / 1000,
        # 0 is what Envoy logs where the connection broke before an answer.
        "status": None if code is None else "error" if code >= _FIRST_ERROR or code == 0 else "ok",
        "tokens_in": _first(whole, line, _IN),
        "tokens_out": _first(whole, line, _OUT),
        "tokens_cached": _first(whole, line, _CACHED),
    }
    found.add("inference", {name: value for name, value in row.items() if value is not None})


def _milliseconds(duration: object) -> float | None:
    """A number, or as a text, which every value is that went through OpenTelemetry's log records."""
    told = whole(duration)
    return number(duration) if told is None else float(told)


def _first(read: Callable[[object], Any], line: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((found for name in names if (found := read(line.get(name))) is not None), None)
