"""However events arrive (split, reordered, twice, replayed, through a crash) the ledger is the same."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.references import FeatureBins, Reference
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message
from pipeline.facts.catalogue import FACTS
from pipeline.ingest import Ingest
from pipeline.registry import register
from pipeline.store import Store
from tests.examples import examples

ROOT = Path(__file__).parents[2]
NOW = 1_790_000_000_000_000
WHEN = datetime.fromtimestamp(NOW / 1e6, UTC)

REFERENCE = Reference(
    reference="m@1",
    model="m",
    positive_class="yes",
    features=(
        FeatureBins("x", (0.0, 1.0), None, (10, 10, 10), 0, 0, 1.0),
        FeatureBins("c", None, ("a", "b"), (10, 20), 0, 0, 1.0),
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
    sample_rows=2,
)

_TIMES = st.integers(0, 600).map(lambda s: (WHEN - timedelta(seconds=s)).isoformat())
_TENTHS = st.integers(0, 10).map(lambda n: n / 10)

_GPU = st.fixed_dictionaries(
    {
        "cluster": st.just("c"),
        "node": st.sampled_from(["n1", "n2"]),
        "device": st.sampled_from(["g1", "g2"]),
        "time": _TIMES,
        "interval_seconds": st.sampled_from([7, 30, 57, 90.5]),
    },
    optional={"util_ratio": _TENTHS, "memory_used_bytes": st.sampled_from([0, 1e9]), "power_watts": _TENTHS},
)
_INFERENCE = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "other"]), "model_version": st.sampled_from(["1", "2"]), "time": _TIMES},
    optional={
        "prediction_id": st.sampled_from(["p1", "p2", "p3"]),
        "latency_seconds": _TENTHS,
        "score": _TENTHS,
        "prediction": st.sampled_from(["yes", "no"]),
        "status": st.sampled_from(["ok", "error"]),
        "features": st.fixed_dictionaries(
            {},
            optional={
                "x": st.one_of(_TENTHS, st.sampled_from(["0.5", "text"])),
                "c": st.sampled_from(["a", "z", 1.0]),
            },
        ),
    },
)
_LABEL = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "prediction_id": st.sampled_from(["p1", "p2", "p3", "p4"]),
        "time": _TIMES,
        "label": st.sampled_from(["yes", "no"]),
    },
    optional={"revision": st.integers(0, 2)},
)
_ALLOCATION = st.fixed_dictionaries(
    {
        "cluster": st.just("c"),
        "device": st.sampled_from(["g1", "g2"]),
        "consumer_uid": st.sampled_from(["u1", "u2"]),
        "start": st.just((WHEN - timedelta(hours=1)).isoformat()),
        "time": _TIMES,
        "revision": st.integers(0, 3),
    },
    optional={"end": st.just(WHEN.isoformat()), "share_units": st.integers(1, 2), "device_units": st.just(2)},
)
_FLOW = st.fixed_dictionaries(
    {"cluster": st.just("c"), "time": _TIMES, "verdict": st.sampled_from(["FORWARDED", "DROPPED"])},
    optional={
        "direction": st.sampled_from(["INGRESS", "EGRESS"]),
        "opens_connection": st.booleans(),
        "is_reply": st.booleans(),
        "destination_ip": st.sampled_from(["10.0.0.1", "8.8.8.8"]),
        "source_workload": st.sampled_from(["w1", "w2"]),
    },
)
_BAD = st.sampled_from([b"{", b'[{"model":1}]', b"", b'{"cluster":"c"}'])
_FEW = {
    "string": st.sampled_from(["a", "b"]),
    "int": st.integers(0, 3),
    "float": _TENTHS,
    "bool": st.booleans(),
    "time": _TIMES,
}


def _few(type_):
    """Valid rows of a type with so few values that rows meet each other's keys and revisions."""
    row = {
        c.name: st.sampled_from(c.choices) if c.choices else st.just(WHEN.isoformat()) if c.name == "end"
        else _FEW[c.kind]
        for c in type_.columns
    }  # fmt: skip
    required = {c.name for c in type_.columns if c.required}
    return st.fixed_dictionaries(
        {name: row[name] for name in row if name in required},
        optional={name: row[name] for name in row if name not in required},
    )


_OWN = {"gpu": _GPU, "inference": _INFERENCE, "label": _LABEL, "allocation": _ALLOCATION, "flow": _FLOW}
_ROWS = {name: _few(type_) for name, type_ in TYPES.items() if name not in _OWN} | _OWN


def _body(name):
    rows = st.lists(_ROWS[name], min_size=1, max_size=3).map(lambda r: json.dumps(r).encode())
    return st.one_of(rows, rows, rows, _BAD)


TOUCHED = [name for name in FACTS if name not in ("references", "reference_samples", "findings")]
"""Tables that these events can reach."""

_STREAMS = st.lists(
    st.sampled_from(sorted(_ROWS)).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(_body(n), min_size=1, max_size=3))
    ),
    min_size=1,
    max_size=4,
)
"""Ordered streams: each is one source with one key, a topic and its bodies."""


def _messages(streams, order) -> list[Message]:
    """The log after the producers' streams were interleaved: `order` says whose message comes next."""
    waiting = [
        [(f"s{i}", name, seq, body) for seq, body in enumerate(bodies)]
        for i, (name, bodies) in enumerate(streams)
    ]
    offsets: dict[str, int] = {}
    log = []
    while any(waiting):
        ready = [w for w in waiting if w]
        source, name, sequence, body = ready[order.pop() % len(ready) if order else 0].pop(0)
        topic = TYPES[name].topic
        headers = {"ce_type": TYPES[name].ce_type, "ce_source": source, "ce_sequence": str(sequence)}
        offset = offsets[topic] = offsets.get(topic, -1) + 1
        log.append(Message(topic, f"id-{topic}", 0, offset, NOW, headers, body))
    return log


def _ledger(folder: Path) -> dict[str, list[tuple]]:
    """Every merged row of every table; where a refused message stood in its log is no part of the facts."""
    with Store.open(folder) as store, store.steady():
        tables = {name: store.rows(name).to_pylist() for name in TOUCHED}
    for row in tables["rejected"]:
        row["offset"] = None
    return {name: sorted(map(repr, rows)) for name, rows in tables.items()}


@cache
def _prepared() -> Path:
    """A ledger that knows the reference; copied, since to make one takes longer than to fill it."""
    folder = Path(mkdtemp(prefix="driftledger-laws-"))
    with Store.open(folder) as store:
        register(store, REFERENCE, WHEN)
    return folder


def _prepare(folder: Path) -> None:
    copytree(_prepared(), folder, dirs_exist_ok=True)


def _fill(folder: Path, log: list[Message], cuts: list[int], *, ahead: bool = False) -> None:
    """The log in parts; `ahead`: all are folded before the first is committed."""
    _prepare(folder)
    with Store.open(folder) as store:
        ingest = Ingest(store)
        ends = [0, *sorted(c % (len(log) + 1) for c in cuts), len(log)]
        parts = [log[start:end] for start, end in pairwise(ends)]
        folds = [ingest.ahead(part) if ahead else None for part in parts]
        for part, fold in zip(parts, folds, strict=True):
            ingest.step(part, fold)


_SLOW = settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.too_slow])
_ORDER = st.lists(st.integers(0, 10), max_size=12)
_CUTS = st.lists(st.integers(0, 20), max_size=4)


@_SLOW
@given(_STREAMS, _ORDER, _ORDER, _CUTS, st.data())
def test_splits_order_across_keys_duplicates_and_replays_change_nothing(
    tmp_path_factory, streams, one, other, cuts, data
):
    plain, hard = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("hard")
    _fill(plain, _messages(streams, list(one)), [])
    log = _messages(streams, list(other))
    _fill(hard, log, cuts, ahead=data.draw(st.booleans()))
    again = data.draw(st.lists(st.sampled_from(log), max_size=6))
    with Store.open(hard) as store:
        for replay in (again, log):
            ingest = Ingest(store)
            step = ingest.step(replay, ingest.ahead(replay))
            assert step.taken == 0 and step.duplicates == len(replay)
    assert _ledger(hard) == _ledger(plain)


def test_what_was_folded_too_early_is_folded_again(tmp_path):
    """A reference that came meanwhile, a message that another worker took: the early fold is not true."""
    log = example_log()
    _fill(tmp_path / "plain", log, [])
    with Store.open(tmp_path / "early") as store:
        ingest = Ingest(store)
        early = ingest.ahead(log)
        register(store, REFERENCE, WHEN)
        ingest.reload()
        assert ingest.step(log[:1]).taken == 1
        step = ingest.step(log, early)
        assert (step.taken, step.duplicates) == (len(log) - 1, 1)
    assert _ledger(tmp_path / "early") == _ledger(tmp_path / "plain")


@_SLOW
@given(_STREAMS, _ORDER)
def test_a_message_that_a_producer_sends_again_at_a_new_offset_counts_once(tmp_path_factory, streams, order):
    once, twice = tmp_path_factory.mktemp("once"), tmp_path_factory.mktemp("twice")
    log = _messages(streams, list(order))
    _fill(once, log, [])
    last = {m.topic: m.offset for m in log}
    resent = []
    for message in log:
        last[message.topic] += 1
        resent.append(message._replace(offset=last[message.topic]))
    _fill(twice, log + resent, [len(log)])
    assert _ledger(twice) == _ledger(once)


class Stop(Exception):
    """Stands for the end of the process at a named point."""


POINTS = ("decoded", "folded", "begun", "facts_written", "watermark_written", "committed")


@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_STREAMS, _ORDER, st.lists(st.sampled_from(POINTS), min_size=1, max_size=3))
def test_a_crash_at_any_named_point_and_a_replay_change_nothing(tmp_path_factory, streams, order, points):
    plain, crashed = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("crashed")
    log = _messages(streams, list(order))
    _fill(plain, log, [])
    _prepare(crashed)
    for point in points:
        _crash(crashed, log[: len(log) // 2 + 1], point)
    _crash(crashed, log, points[0])
    with Store.open(crashed) as store:
        Ingest(store).step(log)
    assert _ledger(crashed) == _ledger(plain)


def _crash(folder: Path, log: list[Message], point: str) -> None:
    def stop(reached: str) -> None:
        if reached == point:
            raise Stop

    with Store.open(folder) as store:
        try:
            Ingest(store, stop).step(log)
        except Stop:
            return


_KILLED = """
import os, pickle, signal
from pathlib import Path
from pipeline.ingest import Ingest
from pipeline.store import Store
def kill(point):
    if point == {point!r}:
        os.kill(os.getpid(), signal.SIGKILL)
Ingest(Store.open({folder!r}), kill).step(pickle.loads(Path({log!r}).read_bytes()))
"""


def example_log() -> list[Message]:
    gpu = {
        "cluster": "c",
        "node": "n",
        "device": "g",
        "time": WHEN.isoformat(),
        "interval_seconds": 90,
        "util_ratio": 0.5,
    }
    return _messages([("gpu", [json.dumps([gpu] * 2).encode()] * 3), ("label", [b"{"])], [])


@cache
def _plain() -> dict[str, list[tuple]]:
    """What the example's ledger is without any fault."""
    folder = Path(mkdtemp(prefix="driftledger-laws-"))
    _fill(folder, example_log(), [])
    return _ledger(folder)


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_at_each_named_point_then_a_replay_leaves_the_same_ledger(tmp_path, point):
    log = tmp_path / "log"
    log.write_bytes(pickle.dumps(example_log()))
    _prepare(tmp_path / "killed")
    code = _KILLED.format(point=point, folder=str(tmp_path / "killed"), log=str(log))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    with Store.open(tmp_path / "killed") as store:
        Ingest(store).step(example_log())
    assert _ledger(tmp_path / "killed") == _plain()


def test_the_steps_account_is_complete(tmp_path):
    with Store.open(tmp_path) as store:
        step = Ingest(store).step(example_log() * 2)
        assert (step.taken, step.duplicates) == (4, 4)
        assert step.events == {"gpu": 6} and step.rejected == {"malformed": 1}
        assert store.rows("rejected").num_rows == 1


def test_two_processes_may_put_into_one_embedded_ledger(tmp_path):
    with Store.open(tmp_path) as one, Store.open(tmp_path) as two:
        rows = pa.table(
            {
                "cluster": ["c"],
                "node": ["n"],
                "device": ["g"],
                "time": pa.array([NOW], pa.timestamp("us", "UTC")),
                "interval_seconds": [30.0],
                "util_ratio": [1.0],
            }
        )
        first, second = Embedded(one), Embedded(two)
        for sequence in range(3):
            first.put(TYPES["gpu"], rows, source="a", sequence=sequence, time=NOW)
            second.put(TYPES["gpu"], rows, source="b", sequence=sequence, time=NOW)
            second.put(TYPES["gpu"], rows, source="a", sequence=sequence, time=NOW)
        assert sum(one.rows("gpu_usage")["samples"].to_pylist()) == 6


def test_a_batch_larger_than_a_message_is_cut_and_sent_again_without_doubling(tmp_path):
    count = 60_000
    ids = pa.array([f"a-rather-long-prediction-id-{i}" for i in range(count)])
    rows = pa.table(
        {
            "model": pa.array(["m"] * count),
            "model_version": pa.array(["1"] * count),
            "prediction_id": ids,
            "time": pa.array([NOW] * count, pa.timestamp("us", "UTC")),
        }
    )
    with Store.open(tmp_path) as store:
        embedded = Embedded(store)
        for _ in range(2):
            embedded.put(TYPES["inference"], rows, source="a", sequence=1, time=NOW)
        assert store.rows("predictions").num_rows == count
        assert sum(store.rows("prediction_sums")["count"].to_pylist()) == count


def test_events_folded_a_few_at_a_time_give_the_same_ledger(tmp_path, monkeypatch):
    """A large transaction is folded in parts to bound its memory: the parts must add up."""
    _fill(tmp_path / "at_once", example_log(), [])
    monkeypatch.setattr("pipeline.folding._TOGETHER_BYTES", 1)
    _fill(tmp_path / "in_parts", example_log(), [])
    assert _ledger(tmp_path / "in_parts") == _ledger(tmp_path / "at_once")
