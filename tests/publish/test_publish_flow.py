"""The order of messages through every failure, against a broker that loses, delays and dies as it likes."""

from __future__ import annotations

import tempfile
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from collectors.publish.flow import PATIENCE_SECONDS, Flow, Offer
from collectors.publish.spool import Spool, SpoolFull
from pipeline.events import Message
from tests.examples import examples

SOURCES = ("a", "b", "c")
IN_FLIGHT = 5_000
SIZE = 1_000
TIMEOUT = 30.0
SPOOL_BYTES = 60_000

Done = Callable[[Exception | None], None]


def message(source: str, sequence: int) -> Message:
    headers = {"ce_source": source, "ce_sequence": str(sequence)}
    return Message("driftledger.label", "", 0, 0, 0, headers, bytes(SIZE), source.encode())


class Broker:
    """A log per source, in order of arrival; `overtaken` is what the ledger would never take."""

    def __init__(self) -> None:
        self.logs: dict[str, list[int]] = defaultdict(list)
        self.links: list[FakeLink] = []

    def take(self, sent: Message) -> None:
        self.logs[sent.headers["ce_source"]].append(int(sent.headers["ce_sequence"]))

    def overtaken(self) -> list[tuple[str, int]]:
        found = []
        for source, log in self.logs.items():
            highest = -1
            for place, sequence in enumerate(log):
                if sequence < highest and sequence not in log[:place]:
                    found.append((source, sequence))
                highest = max(highest, sequence)
        return found


class FakeLink:
    """As `KafkaLink`: one message of a source on its way, the next when it is acknowledged.

    What was on its way when it was abandoned may still arrive, at any time.
    """

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.queues: dict[str, deque[tuple[Message, Done]]] = defaultdict(deque)
        self.open = True
        broker.links.append(self)

    def send(self, message: Message, done: Done) -> None:
        if self.open:
            self.queues[message.headers["ce_source"]].append((message, done))
        else:
            done(RuntimeError("closed"))

    def arrive(self, source: str, *, answer: bool) -> None:
        if not self.queues[source]:
            return
        sent, done = self.queues[source][0]
        self.broker.take(sent)
        if answer and self.open:
            self.queues[source].popleft()
            done(None)

    def fail(self, source: str) -> None:
        if self.queues[source] and self.open:
            self.abandon()
            for queue in self.queues.values():
                for _, done in queue:
                    done(RuntimeError("refused"))

    def abandon(self) -> None:
        self.open = False
        for source, queue in self.queues.items():
            self.queues[source] = deque(list(queue)[:1])

    def close(self, timeout: float) -> None:
        pass


class Publishing(RuleBasedStateMachine):
    """Sources that read on from their cursor, a flow, a broker; a crash takes everything but the disk."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="driftledger-spool-"))
        self.broker = Broker()
        self.now = 0.0
        self.cursor = dict.fromkeys(SOURCES, 0)
        self.next = dict.fromkeys(SOURCES, 0)
        self.open_flow()

    def open_flow(self) -> None:
        self.flow = Flow(
            Spool.open(self.folder, SPOOL_BYTES),
            in_flight_bytes=IN_FLIGHT,
            delivery_timeout=TIMEOUT,
            settled=lambda life, ticket, error: self.flow.settled(life, ticket, error, self.now),
        )

    @rule(source=st.sampled_from(SOURCES), count=st.sampled_from([1, 3, 12]))
    def put(self, source: str, count: int) -> None:
        for _ in range(count):
            if self.flow.offer(message(source, self.next[source]), self.now, 0.0) is not Offer.taken:
                return
            self.next[source] += 1

    @rule(source=st.sampled_from(SOURCES), count=st.integers(1, 4), answer=st.booleans())
    def arrive(self, source: str, count: int, answer: bool) -> None:
        for _ in range(count if answer else 1):
            if self.broker.links:
                self.broker.links[-1].arrive(source, answer=answer)

    @rule(link=st.integers(2, 4), source=st.sampled_from(SOURCES))
    def arrive_late(self, link: int, source: str) -> None:
        """What an earlier producer had on its way."""
        if link <= len(self.broker.links):
            self.broker.links[-link].arrive(source, answer=True)

    @rule(source=st.sampled_from(SOURCES))
    def fail(self, source: str) -> None:
        if self.broker.links:
            self.broker.links[-1].fail(source)

    @rule()
    def advance(self) -> None:
        self.flow.advance(self.now, 0.0)

    @rule(seconds=st.sampled_from([0.1, PATIENCE_SECONDS, TIMEOUT + 1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.flow.advance(self.now, 0.0)

    @precondition(lambda self: self.flow.link is None)
    @rule()
    def connect(self) -> None:
        self.flow.advance(self.now, 0.0)
        self.flow.connected(FakeLink(self.broker))
        self.flow.advance(self.now, 0.0)

    @rule()
    def flush(self) -> None:
        """What a source does before it stores its cursor."""
        if not self.flow.undelivered:
            self.flow.spool.sync()
            self.cursor = dict(self.next)

    @rule()
    def crash(self) -> None:
        """kill -9: the sources begin again where their cursor is."""
        if self.flow.link is not None:
            self.flow.link.abandon()
        self.flow.spool.close()
        self.next = dict(self.cursor)
        self.open_flow()

    @rule()
    def stop(self) -> None:
        """An orderly end keeps everything, so the sources go on where they were."""
        self.flow.leave(0.0)
        self.flow.spool.close()
        self.cursor = dict(self.next)
        self.open_flow()

    @invariant()
    def nothing_overtakes(self) -> None:
        if hasattr(self, "broker"):
            assert self.broker.overtaken() == []

    @invariant()
    def memory_and_disk_are_bounded(self) -> None:
        if hasattr(self, "flow"):
            assert self.flow.in_flight_bytes <= IN_FLIGHT + SIZE
            assert self.flow.spool.bytes <= SPOOL_BYTES + 3 * IN_FLIGHT

    def teardown(self) -> None:
        """With a broker that works, all arrives: in order, and nothing is left."""
        if not hasattr(self, "flow"):
            return
        for _ in range(400):
            self.flow.advance(self.now, 0.0)
            if self.flow.link is None:
                self.flow.connected(FakeLink(self.broker))
            elif self.flow.empty:
                break
            for source in SOURCES:
                self.broker.links[-1].arrive(source, answer=True)
        assert self.flow.empty and self.flow.spool.bytes == 0
        self.flow.advance(self.now, 0.0)
        assert not self.flow.spooling, "with nothing left to drain, messages go straight to the broker"
        for source in SOURCES:
            assert set(self.broker.logs[source]) >= set(range(self.next[source]))
        assert self.broker.overtaken() == []
        self.flow.spool.close()


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=examples(25), stateful_step_count=60)


class Scene:
    """A flow with one broker, and a source `a`."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker()
        self.flow = Flow(
            Spool.open(folder, SPOOL_BYTES),
            in_flight_bytes=IN_FLIGHT,
            delivery_timeout=TIMEOUT,
            settled=lambda life, ticket, error: self.flow.settled(life, ticket, error, 0.0),
        )
        self.connect()

    def connect(self) -> FakeLink:
        link = FakeLink(self.broker)
        self.flow.connected(link)
        self.flow.advance(0.0, 0.0)
        return link

    def put(self, first: int, last: int, now: float = 0.0, source: str = "a") -> list[Offer]:
        return [self.flow.offer(message(source, n), now, 0.0) for n in range(first, last)]

    def arrive(self, source: str, count: int = 1) -> None:
        for _ in range(count):
            self.broker.links[-1].arrive(source, answer=True)
        self.flow.advance(0.0, 0.0)

    def fail(self) -> None:
        for source in SOURCES:
            self.broker.links[-1].fail(source)
        self.flow.advance(0.0, 0.0)

    def finish(self) -> dict[str, list[int]]:
        """What each source's log holds when all is delivered."""
        if self.flow.link is None:
            self.connect()
        for _ in range(100):
            for source in SOURCES:
                self.arrive(source)
        assert self.flow.empty
        self.flow.spool.close()
        return {source: log for source, log in self.broker.logs.items() if log}


def test_what_was_on_its_way_goes_before_what_was_spooled_behind_it(tmp_path: Path) -> None:
    """The broker hangs, later messages go to the spool, then the producer dies."""
    scene = Scene(tmp_path)
    assert set(scene.put(0, 5)) == {Offer.taken} and scene.put(5, 6) == [Offer.wait]
    assert set(scene.put(5, 9, now=PATIENCE_SECONDS)) == {Offer.taken}
    scene.arrive("a")
    scene.fail()
    assert (scene.flow.in_flight, scene.flow.undelivered, scene.flow.spool.messages) == (0, 0, 8)
    assert scene.finish() == {"a": list(range(9))}


def test_nothing_of_the_spool_is_forgotten_before_it_is_acknowledged(tmp_path: Path) -> None:
    """Sources are acknowledged in any order among each other, and then the producer dies."""
    scene = Scene(tmp_path)
    scene.put(0, 5)
    scene.put(0, 5, now=PATIENCE_SECONDS, source="b")
    scene.put(0, 2, now=PATIENCE_SECONDS, source="c")
    scene.arrive("a", 3)
    scene.arrive("b")
    scene.arrive("a", 2)
    scene.arrive("c")
    scene.fail()
    assert scene.finish() == {"a": list(range(5)), "b": list(range(5)), "c": [0, 1]}


def test_a_producer_that_is_dead_at_birth_keeps_the_order(tmp_path: Path) -> None:
    """It dies between its connection and its first message, with the disk full as well."""
    scene = Scene(tmp_path)
    scene.put(0, 5)
    room, scene.flow.spool.prepend = scene.flow.spool.prepend, _no_room
    scene.fail()
    assert scene.flow.undelivered == 5 and scene.flow.spool_error
    dead = FakeLink(scene.broker)
    dead.abandon()
    scene.flow.connected(dead)
    scene.flow.advance(0.0, 0.0)
    scene.flow.advance(0.0, 0.0)
    assert scene.flow.link is None and scene.flow.undelivered == 5
    scene.flow.spool.prepend = room
    scene.flow.advance(0.0, 0.0)
    assert scene.flow.undelivered == 0
    assert scene.finish() == {"a": list(range(5))}


def _no_room(*_: object) -> None:
    raise SpoolFull("no room")


def test_a_full_spool_stops_the_source_and_takes_it_on_again(tmp_path: Path) -> None:
    """At the limit a source is told to wait; nothing of it is dropped, before or after."""
    scene = Scene(tmp_path)
    scene.put(0, 5)
    offers = scene.put(5, 100, now=PATIENCE_SECONDS)
    taken = 5 + offers.index(Offer.full)
    assert 40 < taken < 70 and set(offers[taken - 5 :]) == {Offer.full}
    assert scene.flow.spool_error == "publish.spool_bytes is reached"
    for _ in range(30):
        scene.arrive("a")
    assert scene.put(taken, taken + 5) == [Offer.taken] * 5
    assert scene.finish() == {"a": list(range(taken + 5))}
