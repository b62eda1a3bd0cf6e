"""Messages of every kind for tests of workers, sent to a broker as a producer would."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pipeline.events import TYPES, Message, decode, encode
from tests.generated import NOW, WHEN

TIME = WHEN.isoformat()

_ROWS: dict[str, dict[str, object]] = {
    "device": {"cluster": "c", "node": "n", "device": "g", "start": TIME, "time": TIME, "revision": 1},
    "allocation": {
        "cluster": "c", "device": "g", "consumer_uid": "u", "start": TIME, "time": TIME, "revision": 1,
        "share_units": 1, "device_units": 1,
    },
    "gpu": {
        "cluster": "c", "node": "n", "device": "g", "time": TIME, "interval_seconds": 30, "util_ratio": 0.5,
    },
    "flow": {"cluster": "c", "time": TIME, "verdict": "FORWARDED", "source_workload": "w"},
    "inference": {"model": "m", "model_version": "1", "time": TIME, "latency_seconds": 0.1},
    "label": {"model": "m", "prediction_id": "p", "time": TIME, "label": "yes"},
    "serving": {
        "cluster": "c", "model": "m", "model_version": "1", "time": TIME, "interval_seconds": 30,
        "counter": "requests", "count": 3,
    },
    "action": {"action_id": "a", "time": TIME, "state": "proposed", "kind": "rollback", "cluster": "c"},
    "outcome": {"action_id": "a", "time": TIME, "state": "helped"},
    "revision": {
        "cluster": "c", "namespace": "n", "workload": "Deployment/w", "uid": "u", "generation": 2,
        "template_hash": "h", "time": TIME,
    },
    "alert": {
        "alert_id": "a", "time": TIME, "state": "firing", "detector": "drift", "model": "m",
        "level": "warn",
    },
    "gap": {"cluster": "c", "source": "s", "kind": "lost_events", "start": TIME, "end": TIME, "lost": 2},
    "rejected": {"topic": "files", "partition": 0, "offset": 7, "reason": "malformed", "time": TIME},
}  # fmt: skip


def json_message(name: str, source: str, sequence: int, **changed: object) -> Message:
    """One event of the type, as JSON; `changed` replaces fields."""
    type_ = TYPES[name]
    body = json.dumps([_ROWS[name] | changed]).encode()
    headers = {
        "ce_type": type_.ce_type,
        "ce_source": source,
        "ce_id": f"{source}#{sequence}",
        "ce_sequence": str(sequence),
        "content-type": "application/json",
    }
    return Message(type_.topic, "", 0, 0, NOW, headers, body, source.encode())


def arrow_message(name: str, source: str, sequence: int, **changed: object) -> Message:
    """The same event, as Arrow."""
    events = decode(json_message(name, source, sequence, **changed)).events
    return encode(TYPES[name], events, source=source, sequence=sequence, time=NOW)


def every_type(rounds: int = 1) -> list[Message]:
    """Every type, as JSON from one source and as Arrow from another."""
    return [
        make(name, f"{name}-{form}", sequence)
        for sequence in range(rounds)
        for name in TYPES
        for form, make in (("json", json_message), ("arrow", arrow_message))
    ]


class NoText(str):
    """A name that a C client may give to a header."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


def send(
    bootstrap: str, messages: Iterable[Message], partition: int | None = None, **options: object
) -> None:
    """Return when the broker has all of them, in order; `options` are the producer's."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5, **options)
    try:
        sent = [
            producer.send(
                m.topic, m.value, key=m.key, partition=partition,
                headers=[(name, text.encode()) for name, text in m.headers.items()],
            )
            for m in messages
        ]  # fmt: skip
        for future in sent:
            future.get(30)
    finally:
        producer.close()
