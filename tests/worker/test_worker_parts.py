"""The parts of a worker alone: what is read ahead, what did not come, what is said in the log."""

from __future__ import annotations

import asyncio
import logging
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mode.utils.queues import FlowControlEvent

from pipeline.broker.failures import BrokerRefused, BrokerUnavailable
from pipeline.errors import StaleWatermark
from pipeline.health.logs import JsonLines, Lines, Seldom
from pipeline.health.server import HealthServer
from pipeline.ingest import Ingest
from pipeline.lake.watermarks import NOTHING, Advance, Watermark
from pipeline.offset_gaps import LOST, TRUNCATED, Hole
from pipeline.repair.topic import _bridged
from pipeline.step import Step
from pipeline.store import Batch, Store
from pipeline.wire.limits import MAX_MESSAGE_BYTES
from pipeline.worker import missing, topic_log
from pipeline.worker.application import Application, Consumer
from pipeline.worker.broker_view import First, Partition, Span
from pipeline.worker.buffer import Buffer
from pipeline.worker.intake import Intake, TopicRecreated
from pipeline.worker.message import message
from pipeline.worker.patience import Patience
from pipeline.worker.report import Report
from pipeline.worker.stopping import Stopping
from pipeline.worker.taking import Full, parts
from pipeline.worker.watch import Watch


def event(size: int) -> Any:
    return SimpleNamespace(
        message=SimpleNamespace(topic="t", partition=0, value=b"x" * size, key=b"", headers=())
    )


def test_a_buffer_is_full_by_bytes_or_by_messages() -> None:
    """A few large messages must fill it as many small ones do, or memory has no bound."""

    async def fill() -> None:
        control = FlowControlEvent(initially_suspended=False)
        buffer = Buffer(4, max_bytes=1_000, flow_control=control, clear_on_resume=True)
        buffer.put_nowait(event(600))
        assert not buffer.full()
        buffer.put_nowait(event(500))
        assert buffer.full() and buffer.bytes == 1_100
        waiting = asyncio.ensure_future(buffer.put(event(10)))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(buffer.get_nowait().message.value) == 600
        await waiting
        assert (buffer.messages, buffer.bytes) == (2, 510)
        buffer.clear()
        assert (buffer.messages, buffer.bytes, buffer.full()) == (0, 0, False)

    asyncio.run(fill())


def test_a_take_is_full_by_bytes_or_by_messages_and_the_next_begins_anew() -> None:
    """A thousand messages of a megabyte would not fit into memory; a thousand small ones are one commit."""
    stream = SimpleNamespace(current_event=event(400_000))
    full = Full(stream, 5, MAX_MESSAGE_BYTES + 1_000_000)
    assert [count >= full for count in (1, 2, 3)] == [False, False, True]
    assert [count >= full for count in (1, 2, 3)] == [False, False, True]
    stream.current_event = event(10)
    assert [count >= full for count in (1, 2, 3, 4, 5)] == [False, False, False, False, True]
    stream.current_event = event(200_000)
    least = Full(stream, 100, 1_100_000)  # the smallest setting there is takes more than one too
    assert [count >= least for count in (1, 2, 3)] == [False, False, True]


def test_a_take_is_cut_by_bytes() -> None:
    """Two hundred messages of a megabyte in one transaction would not fit into memory."""
    cut = [[len(e.message.value) for e in part] for part in parts([event(n) for n in (3, 4, 9, 1, 1)], 8)]
    assert cut == [[3, 4], [9], [1, 1]]


class Broker:
    """A log that begins at 10, ends at 20, and holds a message at 18 and 19 only."""

    def spans(self, partitions: Collection[Partition]) -> dict[Partition, Span]:
        return dict.fromkeys(partitions, Span(10, 20))

    def next_offset(self, topic: str, partition: int, offset: int) -> int:
        return max(offset, 18)


@pytest.mark.parametrize(
    ("first", "last", "lost"),
    [(5, 9, 5), (5, 17, 5), (12, 17, 0), (9, 9, 1)],
    ids=["deleted", "deleted, then empty", "empty", "one"],
)
def test_a_hole_is_lost_as_far_as_the_log_begins_after_it(first: int, last: int, lost: int) -> None:
    """A transaction's marker takes an offset and is no loss; what retention took away is."""
    gaps = missing.judge([Hole("t", "id", 0, first, last, 1, 2)], Broker())
    assert [(g.kind, g.lost) for g in gaps] == ([(LOST, lost)] if lost else [])


def test_what_the_broker_still_has_is_never_a_loss() -> None:
    """A fault of the reader must lead to reading again, not to a gap."""
    with pytest.raises(missing.Skipped, match="the broker has 18"):
        missing.judge([Hole("t", "id", 0, 12, 18, 1, 2)], Broker())


def test_a_partition_is_compared_with_the_ledger_when_it_is_assigned() -> None:
    """The ways in which a log and a ledger do not fit, and the usual one."""

    def found(taken: int, after: int | None) -> tuple[str, int | None, int] | None:
        first = None if after is None else First(after, 7)
        gap = missing.at_start(("t", 0), "id", taken, Span(10, 20), first, 1)
        return gap and (gap[0].kind, gap[0].lost, gap[1])

    assert found(15, after=16) is None
    assert found(15, after=None) is None
    assert found(19, after=None) is None
    assert found(-1, after=10) == (LOST, 10, 10)
    assert found(6, after=10) == (LOST, 3, 10)
    assert found(20, after=None) == (TRUNCATED, None, 20)
    assert found(25, after=14) == (TRUNCATED, None, 14)
    assert found(15, after=12) == (TRUNCATED, None, 12), "it grew past what was taken"
    assert found(15, after=21) is None, "it grew meanwhile"


def test_a_replay_waits_for_a_new_leader_before_a_log_has_lost_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a replay during a change of leaders records a loss that never was and reads all of it again."""
    monkeypatch.setattr(missing, "_TRUNCATED_SECONDS", 0.0)
    ends = iter((8, 20))
    view = SimpleNamespace(spans=lambda ps: dict.fromkeys(ps, Span(0, next(ends))), first_after=lambda _: {})
    with Store.open(tmp_path) as store:
        store.append(Batch({}, (Advance("id", 0, NOTHING, 9, {}, topic="t"),)))
        ingest = Ingest(store)
        assert _bridged(store, ingest, view, {("t", 0): "id"}) == (Counter(), {("t", 0): Span(0, 20)})
        assert store.rows("gaps").num_rows == 0 and ingest.watermark("id", 0).offset == 9


def test_a_message_without_key_headers_or_body_is_one() -> None:
    """What a foreign producer leaves out must not stop the worker."""
    found = SimpleNamespace(
        topic="t", partition=1, offset=2, timestamp=1.234, headers=[("a", None), ("b", b"\xff")],
        value=None, key=None,
    )  # fmt: skip
    made = message(SimpleNamespace(message=found), "id")
    assert (made.timestamp, made.value, made.key) == (1_234_000, b"", b"")
    assert made.headers == {"a": "", "b": "\ufffd"}


def test_a_library_repeats_itself_in_vain() -> None:
    """A broker that is away must not fill the disk with forty lines a second."""
    now = [0.0]
    seldom = Seldom(lambda: now[0])

    def line(name: str, count: int, form: str = "no broker, try %d") -> logging.LogRecord:
        return logging.LogRecord(name, logging.WARNING, "", 0, form, (count,) if "%" in form else (), None)

    passed = [seldom.filter(line("aiokafka", n)) for n in range(40)]
    assert passed == [True] + [False] * 39
    own = [line("kafka", n, f"<Task at {id(now) + n:#x}> ran for {n / 7:.3f}s") for n in range(40)]
    assert [seldom.filter(one) for one in own] == [True] + [False] * 39
    now[0] = 31.0
    record = line("aiokafka", 40)
    assert seldom.filter(record)
    assert '"no broker, try 40 (and 39 times before)"' in JsonLines(traces=False).format(record)
    assert all(seldom.filter(line("driftledger.worker", n)) for n in range(3))


def test_an_error_is_said_once() -> None:
    """A sentence that stands twice in a line is read as two errors."""
    error = ValueError("the port is taken")

    def said(text: str) -> str:
        record = logging.LogRecord("l", logging.ERROR, "", 0, text, (), (ValueError, error, None))
        return Lines(traces=False).format(record).partition("l: ")[2]

    assert said("the port is taken") == "the port is taken"
    assert said("a task failed") == "a task failed: the port is taken"


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_readiness_names_what_is_waited_for_and_health_only_what_waiting_cannot_mend() -> None:
    """A restart does not bring a broker back; and a worker that is beyond repair must be restarted."""
    report = Report(clock=lambda: 100.0)
    server = HealthServer(report, "127.0.0.1", 0, "worker.health_port")
    server.start()
    try:
        assert get(server.port, "/readyz") == (503, "it is starting\n")
        part, age = ("t", 0), 'driftledger_watermark_age_seconds{partition="0",topic="t"}'
        report.assigned({part: Watermark(4)}, {part: Span(0, 9)})
        assert age not in get(server.port, "/metrics")[1], "what is not known must not look like no lag"
        report.measured({part: Span(0, 9)}, {part: First(5, 80_000_000)})
        assert f"{age} 20.0" in get(server.port, "/metrics")[1]
        report.assigned({part: Watermark(4, newest=70_000_000)}, {part: Span(0, 9)})
        assert f"{age} 30.0" in get(server.port, "/metrics")[1], "a worker that is stuck after its start"
        assert get(server.port, "/readyz") == (200, "ok\n")
        report.waits("broker", str(BrokerUnavailable("no broker answers")))
        assert get(server.port, "/readyz") == (503, "no broker answers\n")
        assert get(server.port, "/healthz") == (200, "ok\n")
        report.goes_on("broker", "ledger")
        report.moved(part, Watermark(6, newest=90_000_000))
        text = get(server.port, "/metrics")[1]
        assert 'driftledger_lag_messages{partition="0",topic="t"} 2.0' in text
        assert f"{age} 10.0" in text
        assert "driftledger_ready 1.0" in text
        report.breaks("the end")
        assert get(server.port, "/healthz") == (503, "the end\n")
        assert get(server.port, "/elsewhere")[0] == 404
    finally:
        server.stop()


def test_who_finds_the_broker_again_says_nothing_of_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start both are waited for at once: a worker without its ledger must not call itself ready."""
    monkeypatch.setattr("pipeline.worker.patience._AGAIN_SECONDS", 0.0)
    report = Report()
    report.goes_on("start")
    report.waits("ledger", "no ledger")
    tries = iter([BrokerUnavailable("no broker answers"), None])

    def act() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "there"

    assert Patience(report, Stopping()).until_there(act) == "there"
    assert list(report.not_ready()) == ["no ledger"]


def test_what_is_read_ahead_is_shown(tmp_path: Path) -> None:
    """Whoever sets the buffer's bounds looks here whether they are reached."""
    report = Report()
    settings: Any = SimpleNamespace(
        worker=SimpleNamespace(check_seconds=0), publish=SimpleNamespace(spool_folder=tmp_path),
        kafka=SimpleNamespace(partitions=1),
    )  # fmt: skip
    app: Any = SimpleNamespace(buffered=lambda: (3, 700))
    watch = Watch(settings, app, Broker(), {}, None, report, lambda: True)

    async def look() -> None:
        running = asyncio.ensure_future(watch.run())
        while report.metrics.buffer_bytes._value.get() == 0:
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(look())
    assert (report.metrics.buffer_messages._value.get(), report.metrics.buffer_bytes._value.get()) == (3, 700)


def test_a_replay_that_takes_the_same_offsets_does_not_end_a_worker() -> None:
    """It commits first, time and again, until it has caught up."""
    intake: Any = object.__new__(Intake)
    lost = iter([*[StaleWatermark("a replay took it over")] * 20, None])

    def commit(*_: object) -> Step:
        if (error := next(lost)) is not None:
            raise error
        return Step(stored=1)

    intake._fresh, intake._ingest = True, SimpleNamespace(reload=lambda: None)
    intake._patience = Patience(Report(), Stopping())
    intake._commit, intake.check_topics, intake._check_logs = commit, lambda _: None, lambda _: None
    assert intake.step([], lambda *_: True, None).stored == 1


def test_a_topic_that_is_gone_is_told_once(tmp_path: Path) -> None:
    """Two that see the same deletion must not page somebody twice, or count what was unread twice."""
    with Store.open(tmp_path / "ledger") as store:
        topic_log.settle(store, {"t": "one"}, 0)
        assert [gap.lost for gap in topic_log.close(store, "t", "one", {0: 3}, 1)] == [3]
        assert topic_log.close(store, "t", "one", {0: 3}, 2) == []
        assert store.rows("gaps").num_rows == 1


def test_a_topic_that_goes_away_between_two_questions_was_deleted(tmp_path: Path) -> None:
    """The broker only says that it may not be seen, which sends people to look for missing rights."""

    class Gone:
        ids = [{"t": "id"}, {}]

        def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
            return self.ids.pop(0)

        def spans(self, partitions: Collection[Partition]) -> dict[Partition, Span]:
            raise BrokerRefused("a topic is missing or may not be seen")

    report = Report()
    with Store.open(tmp_path) as store:
        patience = Patience(report, Stopping())
        broker: Any = Gone()
        intake = Intake(store, broker, {"t": "id"}, report, lambda _: None, patience)
        with pytest.raises(TopicRecreated, match="somebody deleted it"):
            intake.start_positions([("t", 0)])
        broker.ids = [{"t": "id"}, {"t": "id"}]
        with pytest.raises(BrokerRefused):
            intake.start_positions([("t", 0)])


def test_whoever_watches_tells_a_deleted_topic_as_deleted_too(tmp_path: Path) -> None:
    """Another code would say that a right is missing, and whoever starts workers would not start it again."""

    class Gone:
        def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
            return {"t": "id"}

        def spans(self, partitions: Collection[Partition]) -> dict[Partition, Span]:
            raise BrokerRefused("a topic is missing or may not be seen")

    report = Report()
    report.moved(("t", 0), Watermark(3))
    settings: Any = SimpleNamespace(
        worker=SimpleNamespace(check_seconds=0), publish=SimpleNamespace(spool_folder=tmp_path),
        kafka=SimpleNamespace(partitions=1),
    )  # fmt: skip
    app: Any = SimpleNamespace(buffered=lambda: (0, 0))
    gone: list[BaseException] = [TopicRecreated("somebody deleted it")]

    async def check(topics: Collection[str]) -> None:
        if gone:
            raise gone.pop()

    view: Any = Gone()
    watch = Watch(settings, app, view, {"t": "id"}, check, report, lambda: True)
    with pytest.raises(TopicRecreated):
        asyncio.run(watch.run())
    with pytest.raises(BrokerRefused):
        asyncio.run(watch.run())


@pytest.mark.parametrize("at_rest", [True, False])
def test_messages_that_came_to_nobody_are_read_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_rest: bool
) -> None:
    """A rebalance that loses what was just read leaves a partition unread until somebody sends to it; and
    what a producer took back waits for ever."""
    monkeypatch.setattr("pipeline.worker.watch._STILL_SECONDS", 0.0)
    looks, sought = 0, 0

    class Log(Broker):
        def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
            return {"t": "id"}

        def first_after(self, marks: Any) -> dict[Partition, First]:
            return {("t", 0): First(18, 1)}

        def unread(self, group: str, partitions: Collection[Partition]) -> set[Partition]:
            nonlocal looks
            looks += 1
            return set()

    async def read_again() -> None:
        nonlocal sought
        sought += 1

    report = Report()
    report.moved(("t", 0), Watermark(17))
    settings: Any = SimpleNamespace(
        worker=SimpleNamespace(check_seconds=0, group="g"),
        publish=SimpleNamespace(spool_folder=tmp_path),
        kafka=SimpleNamespace(partitions=1),
    )
    app: Any = SimpleNamespace(buffered=lambda: (0, 0), read_again=read_again)
    view: Any = Log()

    async def look() -> None:
        running = asyncio.ensure_future(
            Watch(settings, app, view, {"t": "id"}, None, report, lambda: at_rest).run()
        )
        while looks < 5:
            assert not running.done(), running.exception()
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(asyncio.wait_for(look(), 10))
    assert sought == (1 if at_rest else 0)


@pytest.mark.parametrize("rebalance", [False, True])
def test_nothing_is_read_while_positions_are_taken_up(rebalance: bool) -> None:
    """Faust empties the buffer when it resumes: messages that were read since would be gone for good; and who
    resumes amid a rebalance reads partitions that may be another's."""
    seen = list[bool]()
    consumer: Any = object.__new__(Consumer)
    consumer._read_offset, consumer._committed_offset = {}, {}
    consumer.can_resume_flow, consumer.suspend_flow = asyncio.Event(), asyncio.Event()
    app: Any = SimpleNamespace(rebalancing=False, consumer=consumer)

    async def seek() -> dict[Any, int]:
        seen.append(consumer.flow_active)
        app.rebalancing = rebalance
        return {}

    consumer.seek_to_committed = seek
    asyncio.run(Application.read_again(app))
    assert (seen, consumer.flow_active) == ([False], not rebalance)
