"""A line of a watch is read alike however it is written, and half a line is never taken for a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from collectors.live.kube import answers
from collectors.live.kube.answers import Away, Page
from collectors.live.kube.news import News
from collectors.live.kube.watch import Follower
from tests.allocation import kube_shapes as k
from tests.allocation.allocation_world import KINDS

POD = k.pod("a") | {"metadata": k.pod("a")["metadata"] | {"resourceVersion": "9"}}
WRITTEN = json.dumps({"type": "MODIFIED", "object": POD}, separators=(",", ":")).encode()
"""As the API server writes it."""


@dataclass
class Server:
    said: tuple[bytes, ...]
    closed: bool = False

    def now(self) -> int:
        return 5

    def pages(self, paths: tuple[str, ...], accept: str, *, at_once: bool) -> Iterator[Page]:
        raise AssertionError

    def lines(self, paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        yield from (b"", *self.said)


class Watch:
    """Hears that the parts of the source answer."""

    def goes_on(self, *parts: str) -> None:
        pass


def followed(*said: bytes) -> tuple[list[News], Follower]:
    told: list[News] = []
    follower = Follower(KINDS["pods"], Server(said), told.append, Watch(), version="7")
    follower._watch("7")
    return told, follower


@pytest.mark.parametrize(
    "line",
    [
        WRITTEN + b" \r",
        json.dumps({"type": "MODIFIED", "object": POD}).encode(),
        json.dumps({"object": POD, "type": "MODIFIED"}).encode(),
        WRITTEN[:-1] + b',"later":1}',
    ],
    ids=("blanks behind", "blanks between", "another order", "a field more"),
)
def test_another_writing_is_the_same_change(line: bytes) -> None:
    [one], follower = followed(line)
    assert [one] == followed(WRITTEN)[0] and one.what == "put" and one.value.name == "a"
    assert follower.version == "9"


@pytest.mark.parametrize("cut", [20, 28, 60, len(WRITTEN) - 2, len(WRITTEN) - 1])
def test_half_a_line_is_a_watch_that_broke_off(cut: int) -> None:
    with pytest.raises(Away, match="half a line"):
        followed(WRITTEN[:cut])


def test_a_wrong_shape_is_refused_and_the_watch_goes_on() -> None:
    wrong = WRITTEN.replace(b'"spec":{', b'"spec":7,"was":{', 1)
    refused, good = followed(wrong, WRITTEN)[0]
    assert (refused.what, good.what) == ("refused", "put") and "int" in refused.value


def test_a_last_object_that_tells_no_version_is_a_new_list() -> None:
    told, follower = followed(b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":9}}}')
    assert [one.what for one in told] == ["put"] and follower.version is None


def test_an_event_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that answers a watch with something else may go on for ever without a newline."""
    monkeypatch.setattr(answers, "MAX_LINE_BYTES", 1_000)
    read = 0

    class Endless:
        def iter_content(self, chunk_size: None) -> Iterator[bytes]:
            nonlocal read
            yield b"{}\n"
            while read < 100_000:
                read += 100
                yield b"x" * 100

    events = answers.Server._split(None, Endless())
    assert next(events) == b"{}"
    with pytest.raises(answers.Away, match="more than 1000 bytes"):
        list(events)
    assert read <= 1_100
