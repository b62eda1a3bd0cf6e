"""A seeded stream of events of every kind, in numbered messages of many sources: what no fault may change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from detectors.references import FeatureBins, Reference
from pipeline.events import TYPES, Message, decode, encode

START = datetime(2026, 10, 1, tzinfo=UTC)
MODELS = ("fraud", "churn")
SOURCES = 8
"""Sources of each kind: enough to reach every partition."""

POISON = (b"{", b'[{"model":1}]', b'{"cluster":"c"}')
"""Bodies that no decoder takes; the second and third are whole JSON with a bad row."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows of one message."""

    inference: int = 200
    others: int = 20


def reference(model: str) -> Reference:
    """What a model of the stream is compared with: two features, a score in two bins."""
    return Reference(
        reference=f"{model}@1",
        model=model,
        positive_class="yes",
        features=(
            FeatureBins("amount", (-1.0, 0.0, 1.0), None, (10, 10, 10, 10), 0, 0, 1.0),
            FeatureBins("country", None, ("a", "b"), (10, 20), 0, 0, 1.0),
        ),
        score_edges=(0.5,),
        score_counts=(15, 15),
        calibrator_x=(),
        calibrator_y=(),
        labelled=100,
        errors=5,
        phi_errors=1.0,
        latency_objective_seconds=0.5,
        latency_budget=0.01,
    )


def messages(seed: int, rounds: int, rate: Rate = Rate(), copies: int = 1) -> Iterator[Message]:  # noqa: B008
    """`rounds` messages of every source of every kind; the same seed gives the same messages.

    Every source is an ordered stream; one in fifty messages is poison.  Times move a minute each ten rounds.
    What a round says is said `copies` times, each time under the next sequence: to make other rows for every
    message would take longer than workers take for them.
    """
    rng = np.random.default_rng(seed)
    for turn in range(rounds):
        now = START + timedelta(minutes=turn // 10)
        said = [
            _message(
                kind, number, turn, now,
                rows(rng, number, turn, now, rate.inference if kind == "inference" else rate.others), rng,
            )
            for number in range(SOURCES)
            for kind, rows in _ROWS.items()
        ]  # fmt: skip
        for sequence in range(turn * copies, (turn + 1) * copies):
            yield from (_numbered(message, sequence) for message in said)


def _numbered(message: Message, sequence: int) -> Message:
    identity = {"ce_sequence": str(sequence), "ce_id": f"{message.headers['ce_source']}/{sequence}"}
    return message._replace(headers=message.headers | identity)


def _message(
    kind: str, number: int, sequence: int, now: datetime, rows: list[dict[str, Any]], rng: np.random.Generator
) -> Message:
    type_, source = TYPES[kind], f"{kind}/{number}"
    time = int(now.timestamp() * 1e6)
    body = json.dumps(rows, default=datetime.isoformat).encode()
    if rng.random() < 0.02:
        body = POISON[sequence % len(POISON)]
    headers = {
        "ce_specversion": "1.0",
        "ce_type": type_.ce_type,
        "ce_source": source,
        "ce_id": f"{source}/{sequence}",
        "ce_time": now.isoformat(),
        "ce_sequence": str(sequence),
        "content-type": "application/json",
    }
    message = Message(type_.topic, "", 0, 0, time, headers, body, source.encode())
    if sequence % 2 == 0 or body in POISON:
        return message
    return encode(type_, decode(message).events, source=source, sequence=sequence, time=time)


def _inference(
    rng: np.random.Generator, number: int, sequence: int, now: datetime, count: int
) -> list[dict[str, Any]]:
    amount, score = rng.normal(size=count), rng.random(count)
    wait = rng.lognormal(-2, 0.5, count)
    model, version = MODELS[number % 2], str(1 + number % 3)
    return [
        {
            "cluster": "c", "namespace": "n", "workload": f"Deployment/{model}",
            "model": model, "model_version": version,
            "prediction_id": f"{number}-{sequence}-{row}" if row % 10 == 0 else "",
            "time": now + timedelta(seconds=row % 60), "latency_seconds": float(wait[row]),
            "prediction": "yes" if score[row] > 0.4 else "no", "score": float(score[row]),
            "status": "error" if row % 37 == 0 else "ok",
            "features": {"amount": float(amount[row]), "country": "abz"[row % 3]},
        }
        for row in range(count)
    ]  # fmt: skip


def _label(
    rng: np.random.Generator, number: int, sequence: int, now: datetime, count: int
) -> list[dict[str, Any]]:
    """Truth of the predictions of the round before."""
    return [
        {
            "model": MODELS[number % 2], "prediction_id": f"{number}-{sequence - 1}-{10 * row}",
            "time": now, "label": "yes" if rng.random() < 0.5 else "no", "revision": sequence,
        }
        for row in range(count)
    ]  # fmt: skip


def _gpu(
    rng: np.random.Generator, number: int, sequence: int, now: datetime, count: int
) -> list[dict[str, Any]]:
    return [
        {
            "cluster": "c", "node": f"n{number}", "device": f"GPU-{number}-{row % 8}",
            "time": now + timedelta(seconds=3 * row), "interval_seconds": 3.0,
            "util_ratio": float(rng.integers(0, 11)) / 10, "memory_used_bytes": 1e9, "power_watts": 250.0,
        }
        for row in range(count)
    ]  # fmt: skip


def _flow(
    rng: np.random.Generator, number: int, sequence: int, now: datetime, count: int
) -> list[dict[str, Any]]:
    return [
        {
            "cluster": "c", "time": now + timedelta(seconds=row), "direction": "EGRESS",
            "verdict": "DROPPED" if rng.random() < 0.05 else "FORWARDED", "opens_connection": bool(row % 2),
            "is_reply": False, "source_workload": f"w{number}",
            "destination_ip": ("10.0.0.1", "8.8.8.8")[row % 2],
        }
        for row in range(count)
    ]  # fmt: skip


def _allocation(
    rng: np.random.Generator, number: int, sequence: int, now: datetime, count: int
) -> list[dict[str, Any]]:
    return [
        {
            "cluster": "c", "device": f"GPU-{number}-{row % 8}", "consumer_uid": f"pod-{number}-{row % 8}",
            "start": START, "time": now, "revision": sequence, "share_units": 1, "device_units": 2,
            **({"end": now} if sequence % 7 == 6 else {}),
        }
        for row in range(min(count, 8))
    ]  # fmt: skip


def _device(
    _rng: np.random.Generator, number: int, sequence: int, now: datetime, _count: int
) -> list[dict[str, Any]]:
    return [
        {
            "cluster": "c", "node": f"n{number}", "device": f"GPU-{number}-{row}", "gpu_model": "NVIDIA L4",
            "start": START, "time": now, "revision": sequence,
        }
        for row in range(8)
    ]  # fmt: skip


_ROWS = {
    "device": _device,
    "inference": _inference,
    "label": _label,
    "gpu": _gpu,
    "flow": _flow,
    "allocation": _allocation,
}
