"""Speed of the folds on one core, with rows as `ingest.step` hands them over: several messages at once."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from detectors.folds import FOLDS
from detectors.reference_build import build
from pipeline.events import TYPES, Message, decode, encode
from tests.bench import batches

MESSAGES = 60
ROUNDS = 7
TAKEN_TOGETHER = (1, 20)
"""Messages that one step folds: a lone one, and what a busy worker takes."""

pytestmark = pytest.mark.bench


def _best_rows_per_second(name: str, tables: list[pa.Table], references) -> float:
    """CPU time of all folds of the type, the best round of several; the first warms up."""
    seconds = min(_once(name, tables, references) for _ in range(ROUNDS))
    return sum(t.num_rows for t in tables) / seconds


def _once(name: str, tables: list[pa.Table], references) -> float:
    start = time.process_time()
    for table in tables:
        for fold in FOLDS[name]:
            fold(table, references)
    return time.process_time() - start


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    rng = np.random.default_rng(1)
    return _messages([batches.inference(rng, i) for i in range(MESSAGES)])


def _messages(sent: list[pa.Table]) -> list[Message]:
    return [
        encode(TYPES["inference"], t, source="s", sequence=i, time=batches.START) for i, t in enumerate(sent)
    ]


def _decoded(messages: list[Message]) -> list[pa.Table]:
    return [decode(message).events for message in messages]


def _labels(events: pa.Table) -> pa.Table:
    """Truth that the score overstates, so that the reference has a calibrator."""
    score = events["score"].to_numpy()
    truth = np.where(np.random.default_rng(2).random(len(score)) < score**2, "yes", "no")
    return pa.table({"prediction_id": events["prediction_id"], "label": truth})


def _flows(batch: int) -> pa.Table:
    """One message's worth of flows between 60 workloads and 4,000 addresses, as a collector decodes them."""
    rng = np.random.default_rng(batch)
    rows = batches.ROWS
    moments = batches.START + np.sort(rng.integers(0, 300_000_000, rows))
    drawn = {
        "source_workload": [f"Deployment/w{i}" for i in rng.integers(0, 60, rows)],
        "source_namespace": rng.choice(["a", "b", "c"], rows),
        "destination_ip": [f"10.0.{i // 256}.{i % 256}" for i in rng.integers(0, 4_000, rows)],
        "source_zone": rng.choice(["z1", "z2"], rows),
        "destination_zone": rng.choice(["z1", "z2"], rows),
        "direction": rng.choice(["INGRESS", "EGRESS"], rows),
        "verdict": rng.choice(["FORWARDED", "DROPPED"], rows, p=[0.98, 0.02]),
        "cluster": ["c"] * rows,
    }
    texts = {name: pa.array(values).dictionary_encode() for name, values in drawn.items()}
    flags = {name: rng.random(rows) < 0.3 for name in ("is_reply", "opens_connection")}
    sent = pa.table({**texts, **flags, "time": pa.array(moments, pa.timestamp("us", "UTC"))})
    message = encode(TYPES["flow"], sent, source="s", sequence=batch, time=batches.START)
    return decode(message).events


def test_inference_batches_fold_at_three_million_rows_a_second(messages, record):
    """Ten features, a score, a latency and a prediction id a row; all inference folds together."""
    inference = _decoded(messages)
    known = {"m": build(inference[0], _labels(inference[0]), model="m", positive_class="yes")}
    assert known["m"].calibrator_x
    found = {}
    for together in TAKEN_TOGETHER:
        tables = [pa.concat_tables(inference[i : i + together]) for i in range(0, MESSAGES, together)]
        found[together] = _best_rows_per_second("inference", tables, known)
        with_decoding = min(_from_messages(messages, together, known) for _ in range(ROUNDS))
        record(
            "inference fold", messages_at_once=together, rows_per_second=found[together],
            rows_per_second_with_decoding=MESSAGES * batches.ROWS / with_decoding,
        )  # fmt: skip
    assert found[TAKEN_TOGETHER[-1]] >= 3e6


def _from_messages(messages: list[Message], together: int, references) -> float:
    start = time.process_time()
    for first in range(0, len(messages), together):
        table = pa.concat_tables(_decoded(messages[first : first + together]))
        for fold in FOLDS["inference"]:
            fold(table, references)
    return time.process_time() - start


@pytest.mark.parametrize(("kind", "texts"), [("numeric", 0), ("5 of them categories", 5)])
def test_twenty_features_fold_at_one_and_a_half_million_rows_a_second(record, kind, texts):
    """All inference folds: latency, twenty features and the score by their bins, the prediction as a row."""
    rng = np.random.default_rng(3)
    wide = [batches.inference(rng, i, 20 - texts, texts) for i in range(MESSAGES)]
    decoded = _decoded(_messages([half for t in wide for half in (t.slice(0, 2_500), t.slice(2_500))]))
    known = {"m": build(decoded[0], _labels(decoded[0]), model="m", positive_class="yes")}
    assert len(known["m"].features) == 20 and known["m"].calibrator_x
    found = {}
    for together in TAKEN_TOGETHER:
        tables = [pa.concat_tables(decoded[i : i + together]) for i in range(0, len(decoded), together)]
        found[together] = _best_rows_per_second("inference", tables, known)
        record(
            "inference fold, 20 features", features=kind, messages_at_once=together,
            rows_per_second=found[together],
        )  # fmt: skip
    assert found[TAKEN_TOGETHER[-1]] >= 1.5e6


def test_flows_fold_at_a_million_rows_a_second(record):
    flows = [_flows(i) for i in range(MESSAGES)]
    found = {}
    for together in TAKEN_TOGETHER:
        tables = [pa.concat_tables(flows[i : i + together]) for i in range(0, MESSAGES, together)]
        found[together] = _best_rows_per_second("flow", tables, {})
        record("flow fold", messages_at_once=together, rows_per_second=found[together])
    assert found[TAKEN_TOGETHER[-1]] >= 1e6
