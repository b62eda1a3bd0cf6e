"""A server that answers at once but gives nothing is asked after a pause each time, and ever less often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from collectors.live.kube import answers
from collectors.live.kube.answers import Away, Gone, ListMeta, Page
from collectors.live.kube.news import News
from collectors.live.kube.watch import Follower, Kind

SECOND = 1_000_000
BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}'


@dataclass
class Server:
    """It breaks off in one way, whatever is asked; time goes on by waiting alone."""

    how: str
    clock: int = 1_790_000_000 * SECOND
    closed: bool = False
    lists: list[bool] = field(default_factory=list)
    """Of each list: whether it was asked for in one piece."""

    def now(self) -> int:
        return self.clock

    def pages(self, paths: tuple[str, ...], accept: str, *, at_once: bool) -> Iterator[Page]:
        self.lists.append(at_once)
        yield Page(ListMeta("7", "more"), [])
        if self.how == "forgets its lists":
            if at_once:
                raise Away("no answer in time")
            raise Gone("too old to go on with")

    def lines(self, paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        yield b""
        if self.how == "knows no version":
            raise Gone("too old")
        if self.how == "speaks":
            yield BOOKMARK


@dataclass
class Watch:
    server: Server
    paused: list[float] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def now(self) -> int:
        return self.server.clock

    def wait(self, seconds: float) -> bool:
        self.paused.append(seconds)
        self.server.clock += round(seconds * SECOND)
        return len(self.paused) > 12

    def waits(self, part: str, reason: str) -> None:
        self.reasons[part] = reason

    def goes_on(self, *parts: str) -> None: ...
    def notes(self, part: str, reason: str) -> None: ...


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("knows no version", "too old"), ("forgets its lists", "too old to go on"),
        ("ends its watches", "as soon as it begins"),
    ],
)  # fmt: skip
def test_a_server_that_refuses_at_once_is_asked_ever_less_often(how: str, said: str) -> None:
    """An API server in trouble would be asked thousands of times a second by each resource's thread."""
    server = Server(how)
    watch = Watch(server)
    told: list[News] = []
    Follower(Kind("pods", ("/pods",), bytes), server, told.append, watch).run()
    assert len(server.lists) <= len(watch.paused)
    assert watch.paused[0] < 0.5 and 20 < watch.paused[-1] < 40
    assert said in " ".join(watch.reasons.values())
    if how == "forgets its lists":
        assert server.lists == [False, True] * 6 + [False], "pages again, where one piece is too much"
        assert told == []
    else:
        assert not any(server.lists)


def test_a_watch_that_ends_after_a_word_is_opened_again_at_once() -> None:
    """Servers end each watch now and then: that is no failure, and nothing may be late for it."""
    server = Server("speaks")
    watch = Watch(server)

    def put(news: News) -> None: ...

    opened = server.lines

    def lines(paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        if version == "8":
            server.closed = True
        return opened(paths, version, accept)

    server.lines = lines
    Follower(Kind("pods", ("/pods",), bytes), server, put, watch).run()
    assert watch.paused == [] and server.lists == [False]


@pytest.mark.parametrize(("quiet_seconds", "unseen"), [(60, 60), (600, 0)])
def test_a_watch_that_died_unnoticed_saw_nothing_since_its_last_word(quiet_seconds: int, unseen: int) -> None:
    """A connection that a firewall dropped looks quiet: what ended meanwhile would seem to end only then."""
    server = Server("speaks")
    begun, opened, told = server.clock, server.lines, list[News]()

    def lines(paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        yield from opened(paths, version, accept)
        if version == "8":
            server.closed = True
            return
        server.clock += quiet_seconds * SECOND
        raise Away("the connection was reset")

    server.lines = lines
    Follower(Kind("pods", ("/pods",), bytes), server, told.append, Watch(server)).run()
    [back] = [news for news in told if news.what == "back"]
    assert back.value == begun + unseen * SECOND and back.at >= begun + quiet_seconds * SECOND


def test_what_comes_one_by_one_is_read_together_and_what_comes_alone_at_once(monkeypatch) -> None:
    """A busy cluster must not wake the collector for each change, nor a quiet one be told late."""
    clock, came = [0.0], [5.0, *(10 + n / 50 for n in range(50)), 20.0]

    def chunks() -> Iterator[bytes]:
        for number, time in enumerate(came):
            clock[0] = max(clock[0], time)
            yield b"%d" % number

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(answers.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(answers.time, "sleep", sleep)
    read = [(int(chunk), clock[0]) for chunk in answers._gathering(chunks())]
    assert [number for number, _ in read] == list(range(len(came)))
    late = [at - time for (_, at), time in zip(read, came, strict=True)]
    assert late[0] == late[1] == late[-1] == 0.0 and max(late) <= answers.GATHER_SECONDS + 1e-9
    assert len({round(at, 6) for _, at in read}) <= 3 + 1.0 / answers.GATHER_SECONDS
