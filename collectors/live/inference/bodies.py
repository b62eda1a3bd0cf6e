"""Which parser reads a request, by its path or by what its CloudEvents say they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from collectors.live.inference import (
    access_log,
    cloudevents,
    genai,
    kserve,
    labels,
    openai,
    own,
    pairs,
    timed,
)
from collectors.live.inference.cloudevents import content_type
from collectors.live.inference.found import Found, refused
from collectors.live.inference.memory import Memory
from collectors.live.inference.peers import METRICS_PATH
from collectors.live.inference.rules import Rules
from pipeline.events import HEAD_BYTES, TYPES, Rejected
from pipeline.wire.cloudevents import ARROW

OWN = {TYPES[name].ce_type: name for name in ("inference", "label")}


class Context(NamedTuple):
    rules: Rules
    now: int
    """Microseconds since 1970 UTC."""


Headers = Mapping[str, str]
_PATHS: dict[str, Callable[[bytes, Headers, Context], Found]] = {
    "/v1/inference": lambda body, headers, context: _own("inference", body, content_type(headers), context),
    "/v1/label": lambda body, headers, context: _own("label", body, content_type(headers), context),
    "/v1/openai": lambda body, headers, context: openai.parse(body, context.rules, context.now),
    "/v1/access-log": lambda body, headers, context: access_log.parse(body),
}
_OTLP: dict[str, Callable[[bytes, bool, Context, Memory], Found]] = {
    "/v1/traces": lambda body, is_json, context, memory: genai.traces(
        body, is_json, context.rules, memory.requests
    ),
    "/v1/logs": lambda body, is_json, context, memory: genai.logs(body, is_json, memory.requests),
    METRICS_PATH: lambda body, is_json, context, memory: timed.parse(body, is_json, memory),
}
EVENTS_PATHS = ("/", "/v1/events")
PATHS = (*_PATHS, *_OTLP, *EVENTS_PATHS)

_NAME_THEIR_ROWS = frozenset({"/v1/openai", "/v1/access-log", *_OTLP})
"""Each of their units has a time and an identity of its own: the same bytes again are a repeat."""


def _is_json(headers: Headers) -> bool:
    return content_type(headers) == "application/json"


def _own(name: str, body: bytes, kind: str, context: Context) -> Found:
    if name == "label" and kind != ARROW:
        return labels.parse(body, context.now)
    return own.parse(name, body, kind, context.rules, context.now)


def parse(path: str, headers: Headers, body: bytes, context: Context, memory: Memory) -> Found:
    """What a request gives; a repeat of an earlier one is excluded.  Names of `headers` in lower case.

    `memory` is what is remembered of earlier requests, and moved on.
    """
    if not body:
        return refused("empty", "a request without a body")
    if cloudevents.is_event(headers):
        found = Found()
        for event in cloudevents.events(headers, body):
            if isinstance(event, Rejected):
                found.rejected.append(event)
            else:
                found.take(_event(event, context, memory))
        return found
    if path in _NAME_THEIR_ROWS and not memory.is_new(path, body):
        return _repeat()
    if (of_otlp := _OTLP.get(path)) is not None:
        return of_otlp(body, _is_json(headers), context, memory)
    of_path = _PATHS.get(path)
    if of_path is None:
        return refused("bad_header", "a request to this path must be a CloudEvent, with a ce-type")
    return of_path(body, headers, context)


def _repeat() -> Found:
    found = Found()
    found.excluded["repeat"] = 1
    return found


def _event(event: cloudevents.Event, context: Context, memory: Memory) -> Found:
    said = event.attributes
    type_, source, id_ = said.get("type", ""), said.get("source", ""), said.get("id", "")
    name = OWN.get(type_)
    if name is None and type_ not in (kserve.REQUEST, kserve.RESPONSE):
        return refused("unknown_type", type_[:HEAD_BYTES])
    # KServe gives a request and its response one id, so the type is part of the identity.
    if id_ and not memory.is_new(source, id_, type_):
        return _repeat()
    if name is not None:
        return _own(name, event.body, said["datacontenttype"], context)
    half = kserve.half(said, event.body, context.rules, context.now)
    if isinstance(half, Rejected):
        return Found(rejected=[half])
    other = memory.pairs.put(half, context.now)
    if other is None:
        memory.waits(half, context.now)
        return Found()
    memory.gone(other)
    return pairs.join(half, other, context.rules)
