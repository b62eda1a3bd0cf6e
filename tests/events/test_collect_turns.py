"""The runner of live collectors: whatever is cut off where, each turn counts once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from collectors.live.contract import Cursor, Turn, Watch
from collectors.parsed import Parsed, to_table
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.errors import PreflightFailed
from pipeline.events import Message, Rejected
from pipeline.store import Store
from tests.events.cut_door import Cut, CutDoor

MINUTE = 60_000_000
START = 1_790_000_000_000_000 // MINUTE * MINUTE


class Minutes:
    """A source that gives one sample of a GPU a turn, up to `last`."""

    name = "minutes"

    def __init__(self, last: int) -> None:
        self.last = last

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        done = cursor["minute"] if cursor else 0
        for minute in range(done, self.last):
            time = START + minute * MINUTE
            sample = to_table(
                "gpu",
                {
                    "cluster": "c", "node": "n", "device": "GPU-1", "time": [time + MINUTE],
                    "interval_seconds": 60.0, "util_ratio": 0.5,
                },
                1,
            )  # fmt: skip
            rejected = (Rejected("not_finite", "a NaN"),) if minute == 1 else ()
            parsed = Parsed(1 + len(rejected), 1, {"gpu": sample}, rejected=rejected)
            yield Turn(parsed, {"minute": minute + 1}, time + MINUTE)


def _seconds(store: Store) -> float:
    return sum(store.rows("gpu_usage").column("observed_seconds").to_pylist())


@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize("after", [False, True])
def test_a_collector_that_is_cut_off_counts_every_turn_once(tmp_path: Path, at: int, after: bool) -> None:
    """A restart after a crash must neither lose nor double what a GPU did."""
    with Store.open(tmp_path / "ledger") as store:
        door = Ledger(Embedded(store))
        report = Report()
        with State.open(tmp_path / "state") as state, pytest.raises(Cut):
            turns.run("t", Minutes(4), state, CutDoor(door, at, after), report, lambda turn: None)
        with State.open(tmp_path / "state") as state:
            turns.run("t", Minutes(4), state, door, report, lambda turn: report.turn("t", turn))
            assert state.cursor == {"minute": 4}
        assert _seconds(store) == 240.0
        assert store.rows("rejected").column("reason").to_pylist() == ["not_finite"]


def test_a_new_folder_begins_a_new_stream(tmp_path: Path) -> None:
    """Who loses the folder must not have what comes next taken for what was there before."""
    with Store.open(tmp_path / "ledger") as store:
        door = Ledger(Embedded(store))
        for folder in ("one", "two"):
            with State.open(tmp_path / folder) as state:
                turns.run("t", Minutes(2), state, door, Report(), lambda turn: None)
        assert _seconds(store) == 240.0


def test_two_collectors_cannot_share_a_folder(tmp_path: Path) -> None:
    """Two writers of one sequence would each lose what the other sent."""
    with State.open(tmp_path), pytest.raises(PreflightFailed, match="another collector"):
        State.open(tmp_path)


def test_a_stopped_collector_keeps_what_it_could_not_hand_over(tmp_path: Path) -> None:
    """A stop while the broker is away must not lose the turn in hand."""

    class Away:
        def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
            return False

    with State.open(tmp_path) as state:
        turns.run("t", Minutes(3), state, Away(), Report(), lambda turn: None)
    with State.open(tmp_path) as state:
        held = state.pending()
        assert held is not None and len(held.messages) == 1
        assert state.cursor is None


@pytest.mark.parametrize("later", [False, True])
def test_a_turn_that_a_power_cut_brings_back_does_not_skip_the_next(tmp_path: Path, later: bool) -> None:
    """Else what stands in the next turn's messages would never be handed over."""
    message = Message("t", "", 0, 0, 0, {"ce_id": "1"}, b"v")
    with State.open(tmp_path) as state:
        state.hold([message], {"turn": 1})
        assert State.pending(state) == ([message], {"turn": 1})
        written = (tmp_path / "pending.msgpack").read_bytes()
        state.handed_over(state.pending().cursor)
        assert state.pending() is None
        first = {"turn": 2}
        state.hold([message], first)
        state.handed_over(first)
        if later:
            state.hold([message], {"turn": 3})
    (tmp_path / "pending.msgpack").write_bytes(written)
    with State.open(tmp_path) as state:
        assert state.pending() == ([message], {"turn": 2})
        assert (state.cursor, state.sequence) == ({"turn": 2}, 2)


def test_a_turn_that_an_older_version_wrote_down_is_handed_over(tmp_path: Path) -> None:
    """It kept the cursor with the messages; an upgrade must not lose the turn."""
    message = Message("t", "", 0, 0, 0, {"ce_id": "1"}, b"v")
    with State.open(tmp_path):
        written = {"messages": [message], "cursor": {"turn": 1}}
        (tmp_path / "pending.msgpack").write_bytes(msgspec.msgpack.encode(written))
    with State.open(tmp_path) as state:
        assert state.pending() == ([message], {"turn": 1})


def test_a_report_tells_readiness_and_numbers() -> None:
    """Probes must see that a part is away while the rest goes on."""
    report = Report()
    assert report.not_ready()
    report.turn("t", next(Minutes(1).turns(None, report)))
    assert report.not_ready() == []
    report.waits("API server", "connection refused")
    report.notes("pods", "forbidden")
    assert report.not_ready() == ["connection refused"]
    assert report.remarks() == ["without the pods: forbidden"]
    events = report.registry().get_sample_value(
        "driftledger_collect_events_total", {"collector": "t", "type": "gpu"}
    )
    assert events == 1.0
    threading.Timer(0.05, report.stop).start()
    assert report.wait(10)
