"""Messages decoded in one go: nobody can tell that they were not decoded one by one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from pipeline import decoding, folding
from pipeline.events import TYPES, Message, decode, encode

TIME = 1_793_000_000_000_000
DAY = 86_400 * 1_000_000
TYPE = TYPES["inference"]


def _message(number: int, *, time: int = TIME, **columns: list[Any]) -> Message:
    rows: dict[str, Any] = {"model": ["m", "n"], "model_version": ["1", "1"], "latency_seconds": [0.5, 0.25]}
    rows |= {"time": pa.array([time, time], pa.timestamp("us", "UTC")), **columns}
    events = pa.table(rows | {"features": [{"a": float(number), "b": 1.0}] * 2})
    message = encode(TYPE, events, source="s", sequence=number, time=TIME, body="arrow")
    return message._replace(timestamp=TIME, offset=number)


def _broken(message: Message) -> Message:
    return message._replace(value=message.value[:-40])


CASES = {
    "all good": [_message(n) for n in range(5)],
    "one row refused": [_message(0), _message(1, latency_seconds=[-1.0, 0.25]), _message(2)],
    "too far in the future": [_message(0), _message(1, time=TIME + 2 * DAY), _message(2)],
    "good only beside its own message": [
        _message(0)._replace(timestamp=TIME - 5 * DAY),
        _message(1, time=TIME + DAY // 2),
        _message(2),
    ],
    "another layout between": [_message(0), _message(1, score=[0.5, 0.75]), _message(2), _message(3)],
    "texts of no dictionary": [_message(0), _message(1, prediction=["x", None]), _message(2)],
    "a text that may not be": [_message(n, model=["m", f"nul\0{n}"]) for n in range(2)],
    "a body cut off": [_message(0), _broken(_message(1)), _message(2)],
    "no number": [
        _message(0), _message(1)._replace(headers=_message(1).headers | {"ce_sequence": "x"}), _message(2),
    ],
    "JSON between": [
        _message(0),
        _message(1)._replace(headers=_message(1).headers | {"content-type": "application/json"}),
        _message(2),
    ],
    "none": [],
}  # fmt: skip


@pytest.mark.parametrize("messages", CASES.values(), ids=CASES)
def test_each_message_yields_what_it_yields_alone(messages):
    """A bad row beside good messages would be refused with them, or be let in."""
    runs = list(decoding.decoded(messages))
    assert [m for run in runs for m in run.messages] == messages
    for run in runs:
        if len(run.messages) == 1 and run.decoded.type is None:
            assert run.decoded.rejected[0].reason == "bad_header"
            continue
        alone = [decode(message) for message in run.messages]
        assert run.decoded.rejected == tuple(r for one in alone for r in one.rejected)
        together = [row for one in alone for row in one.events.to_pylist()]
        assert run.decoded.events.to_pylist() == together
        assert all(one.events.schema == run.decoded.events.schema for one in alone)


def test_good_messages_of_one_layout_are_decoded_at_once():
    """One by one costs twice as much."""
    assert [len(run.messages) for run in decoding.decoded(CASES["all good"])] == [5]
    assert [len(run.messages) for run in decoding.decoded(CASES["another layout between"])] == [1, 1, 2]


def test_small_messages_that_unpack_to_much_are_decoded_and_folded_a_few_at_a_time(monkeypatch):
    """A megabyte of such messages would fill a worker's memory, though each alone is within its bounds."""
    message = _message(0)
    unpacked = decode(message).events.nbytes
    monkeypatch.setattr(decoding, "MAX_EXPANDED_BYTES", 3 * unpacked)
    monkeypatch.setattr(folding, "MAX_EXPANDED_BYTES", 3 * unpacked)
    messages = [message._replace(offset=n) for n in range(20)]
    runs = list(decoding.decoded(messages))
    assert 1 < max(len(run.messages) for run in runs) < 20
    waited: list[int] = []
    fold = folding._Folding.fold
    monkeypatch.setattr(
        folding._Folding, "fold", lambda self: waited.append(self.waiting_bytes) or fold(self)
    )
    assert folding.fold(messages, {}).step.events == {"inference": 40}
    assert max(waited) <= 3 * unpacked + max(run.decoded.events.nbytes for run in runs)
