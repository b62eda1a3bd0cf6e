"""Pairs of requests and responses: whatever the order, repeats and restarts, each exchange counts once."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors.live.inference import bodies, kserve
from collectors.live.inference.bodies import Context
from collectors.live.inference.found import Found
from collectors.live.inference.kserve import Half
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs, join, unpaired
from collectors.live.inference.rules import Rules
from tests.generated import NOW

SECOND = 1_000_000
FOREVER = 1e6


def _headers(exchange: int, is_request: bool) -> dict[str, str]:
    return {
        "ce-type": kserve.REQUEST if is_request else kserve.RESPONSE,
        "ce-id": f"x{exchange}",
        "ce-source": "http://server",
        "ce-inferenceservicename": "m",
        "ce-time": f"2026-01-01T00:00:0{0 if is_request else 1}Z",
    }


def _read(memory: Memory, exchange: int, is_request: bool) -> Found:
    body = {"instances": [[exchange]]} if is_request else {"predictions": [exchange]}
    context = Context(Rules(), NOW)
    return bodies.parse("/", _headers(exchange, is_request), json.dumps(body).encode(), context, memory)


class Crashing:
    """Turns of a receiver that ends at any time, and senders that send again what was not answered."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cursor = folder, None
        self.kept: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        self.memory = Memory(self.folder, self.cursor, Pairs(FOREVER, 10**9), 10_000)
        self.unanswered: list[tuple[int, bool]] = []
        self.turn: Counter[str] = Counter()

    def send(self, half: tuple[int, bool]) -> None:
        self.unanswered.append(half)
        found = _read(self.memory, *half)
        self.turn.update(row["prediction_id"] for row in found.rows.get("inference", ()))

    def end_turn(self, crash: str) -> None:
        """none; before: the turn was not written down; after: it was, and nobody was answered."""
        again = self.unanswered
        cursor = self.memory.save()
        if crash != "before":
            self.cursor = cursor
            self.kept += self.turn
        if crash == "none":
            self.unanswered, self.turn = [], Counter()
            return
        self.memory.close()
        self.start()
        for half in again:
            self.send(half)


HALVES = st.tuples(st.integers(0, 4), st.booleans())
STEPS = st.lists(HALVES | st.sampled_from(["none", "before", "after"]), max_size=30)


@given(steps=STEPS)
def test_each_exchange_counts_once_through_any_order_repeat_and_crash(steps: list[object]) -> None:
    """A receiver that is killed at any moment must neither lose a prediction nor double it."""
    with tempfile.TemporaryDirectory() as name:
        receiver = Crashing(Path(name))
        sent: set[tuple[int, bool]] = set()
        for step in steps:
            if isinstance(step, tuple):
                sent.add(step)
                receiver.send(step)
            else:
                receiver.end_turn(str(step))
        receiver.end_turn("none")
        whole = {f"x{k}": 1 for k in range(5) if (k, True) in sent and (k, False) in sent}
        assert receiver.kept == whole
        waiting = {(int(w.half.id[1:]), w.half.is_request) for w in receiver.memory.pairs.waiting()}
        assert waiting == {half for half in sent if (half[0], not half[1]) not in sent}
        receiver.memory.close()


def test_a_file_that_has_grown_is_written_anew_and_means_the_same(tmp_path: Path) -> None:
    """The memory must not grow with all that ever came, and a crash may come while it is written anew."""
    memory = Memory(tmp_path, None, Pairs(FOREVER, 10**9), 3_000)
    _read(memory, 7, True)
    cursor = before = memory.save()
    turn = 0
    while cursor["file"] == 0:
        for k in range(3_000):
            memory.is_new(f"{turn}-{k}")
        before, cursor, turn = cursor, memory.save(), turn + 1
        assert turn < 500
    memory.close()
    assert cursor["bytes"] < before["bytes"] / 10
    again = Memory(tmp_path, cursor, Pairs(FOREVER, 10**9), 3_000)
    assert [w.half.id for w in again.pairs.waiting()] == ["x7"]
    assert [f.name for f in tmp_path.glob("memory-*")] == ["memory-1.jsonl"]
    again.close()


def test_a_rewrite_that_was_not_kept_is_no_harm(tmp_path: Path) -> None:
    """A crash between writing anew and keeping the turn must find the old file as it was."""
    memory = Memory(tmp_path, None, Pairs(FOREVER, 10**9), 3_000)
    _read(memory, 7, True)
    before = memory.save()
    memory.is_new("later")
    memory._rewrite()
    memory.close()
    again = Memory(tmp_path, before, Pairs(FOREVER, 10**9), 3_000)
    assert [w.half.id for w in again.pairs.waiting()] == ["x7"]
    assert again.is_new("later")
    again.close()


@given(
    halves=st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.integers(0, 40)), max_size=60),
    most=st.integers(0, 2_000),
    wait=st.integers(1, 20),
)
def test_what_waits_is_bounded_in_bytes_and_time_and_all_of_it_is_accounted_for(
    halves: list[tuple[int, bool, int]], most: int, wait: int
) -> None:
    """A server that never answers must not fill the collector's memory, and no half may vanish unseen."""
    pairs = Pairs(wait, most)
    now = joined = late = replaced = 0
    for exchange, is_request, pause in halves:
        now += pause * SECOND
        half = Half("s", str(exchange), is_request, now, {"model": "m"}, [{"prediction": "1"}])
        known = {(w.half.id, w.half.is_request) for w in pairs.waiting()}
        other = pairs.put(half, now)
        if other is not None:
            joined += 2
            found = join(half, other, Rules())
            assert found.used == 1
        replaced += (half.id, is_request) in known
        gone = pairs.late(now)
        late += len(gone)
        assert all(unpaired(g, Rules()).excluded.total() == 1 for g in gone)
        assert pairs.bytes <= most
        assert all(now - w.since < wait * SECOND for w in pairs.waiting())
    assert joined + late + replaced + len(pairs) == len(halves)
    assert (pairs.bytes == 0) == (len(pairs) == 0)


def test_a_half_alone_is_said_and_a_response_still_counts() -> None:
    """Logging only responses is a mode of KServe's logger: its predictions must not be lost."""
    request = Half("s", "1", True, 0, {}, [{}, {}])
    response = Half("s", "2", False, 5, {"model": "m"}, [{"prediction": "1"}])
    assert unpaired(request, Rules()).excluded == {"response_missing": 2}
    found = unpaired(response, Rules())
    assert found.excluded == {"request_missing": 1}
    assert found.rows["inference"][0]["prediction_id"] == "2"
    assert "latency_seconds" not in found.rows["inference"][0]


def test_an_exchange_whose_rows_differ_in_number_is_refused() -> None:
    """Features of one row beside the answer to another would be a drift, and an accuracy, of nothing."""
    request = Half("s", "1", True, 0, {}, [{"features": {"a": 1.0}}, {"features": {"a": 2.0}}])
    response = Half("s", "1", False, 5, {"model": "m"}, [{"prediction": "1"}])
    found = join(request, response, Rules())
    assert [(r.reason, r.detail) for r in found.rejected] == [
        ("row_count_differs", "2 rows asked, 1 answered")
    ]
    assert not found.rows


def test_an_answer_that_is_no_prediction_is_an_exchange_all_the_same() -> None:
    """A model of embeddings or masks has requests, features and a latency too: it was refused whole."""
    asked = {"inputs": [{"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1.5, 2.5]}]}
    hidden = {"name": "y", "shape": [2, 2, 1], "datatype": "FP32", "data": [1.0, 2.0, 3.0, 4.0]}
    sides = ((True, asked), (False, {"outputs": [hidden, hidden | {"shape": [10**9, 1, 1]}]}))
    halves = [kserve.half(_headers_of(n), json.dumps(body).encode(), Rules(), NOW) for n, body in sides]
    found = join(*halves, Rules())
    assert [row["features"] for row in found.rows["inference"]] == [{"x": 1.5}, {"x": 2.5}]
    assert all(row["latency_seconds"] == 1.0 for row in found.rows["inference"])


def _headers_of(is_request: bool) -> dict[str, str]:
    return {name.removeprefix("ce-"): value for name, value in _headers(1, is_request).items()}


def test_a_response_before_its_request_has_no_latency_and_says_so() -> None:
    """A clock that jumps must not become a latency, and must not cost the prediction."""
    request = Half("s", "1", True, 3_600 * SECOND, {}, [{"features": {"a": 1.0}}])
    response = Half("s", "1", False, 0, {"model": "m"}, [{"prediction": "1"}])
    found = join(response, request, Rules())
    assert "latency_seconds" not in found.rows["inference"][0]
    assert [r.reason for r in found.rejected] == ["out_of_range"]
