"""How Prometheus is asked: never for more than is allowed, for less where refused, again when it is back."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate, islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import container_usage
from collectors.dcgm.place import SECOND
from collectors.live.dcgm.collector import FromPrometheus
from collectors.live.dcgm.http_access import Away
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.dcgm.prometheus import Prometheus, Series, TooMuch

START = 1_790_000_000 * SECOND
EVERY = 30 * SECOND
SETTINGS = DcgmSettings("http://127.0.0.1:1", history_seconds=3_600, serving=False)


class Source:
    """An hour of one GPU; it fails as it is told, and refuses what has more than `most` seconds."""

    def __init__(self, failures: Iterable[str], most: float) -> None:
        self.failures, self.most = list(failures), most
        self.asked: list[float] = []

    def now(self) -> int:
        self._fail()
        return START + 3_600 * SECOND

    def samples(self, names: Iterable[str], start: int, end: int) -> list[Series]:
        self._fail()
        self.asked.append((end - start) / SECOND)
        if self.asked[-1] > self.most:
            raise TooMuch("too many samples")
        times = range(START, START + 3_600 * SECOND + 1, EVERY)
        labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "UUID": "GPU-a", "job": "j", "instance": "i"}
        return [Series(labels, [(t, 50.0) for t in times if start < t <= end])]

    def targets(self, names: Iterable[str], start: int, end: int) -> list[dict[str, str]]:
        self._fail()
        return []

    def _fail(self) -> None:
        kind = self.failures.pop(0) if self.failures else ""
        if kind:
            raise {"away": Away, "too much": TooMuch}[kind](kind)


class Clock:
    """Waits for nothing, and not for ever."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.noted: dict[str, str] = {}
        self.waited = self.at = 0

    def wait(self, seconds: float) -> bool:
        self.waited += 1
        return self.waited > 1_000

    def now(self) -> int:
        return self.at

    def waits(self, part: str, reason: str) -> None:
        self.reasons[part] = reason

    def goes_on(self, *parts: str) -> None:
        for part in parts:
            self.reasons.pop(part, None)
            self.noted.pop(part, None)

    def notes(self, part: str, reason: str) -> None:
        self.noted[part] = reason


@pytest.mark.parametrize("cut", [1, 3, 40])
@pytest.mark.parametrize(
    ("failures", "most"),
    [
        ([], 1_000.0),
        ([], 250.0),
        ([], 2.0),
        (["", "away"] * 20, 1_000.0),
        (["too much", "", "", "away"] * 10, 300.0),
    ],
)
def test_whatever_fails_and_wherever_it_is_restarted_an_hour_is_an_hour(
    failures: list[str], most: float, cut: int
) -> None:
    """A second lost or doubled by a retry is a bill that nobody can explain."""
    source, clock = Source(failures, most), Clock()
    collector: Any = FromPrometheus(SETTINGS, "c", source)
    seconds, cursor = 0.0, None
    for _ in range(400):
        if cursor is not None and cursor["until"] >= START + 3_585 * SECOND:
            break
        for turn in islice(collector.turns(cursor, clock), cut):
            cursor = turn.cursor
            assert turn.parsed.balanced and turn.parsed.gaps.num_rows == 0
            for events in turn.parsed.events.values():
                seconds += sum(events.column("interval_seconds").to_pylist())
            if cursor["until"] >= START + 3_585 * SECOND:
                break
    # The last scrape is still settling.
    assert seconds == 3_600 - 30
    assert max(source.asked) <= SETTINGS.chunk_seconds + SETTINGS.look_back_seconds
    assert "Prometheus" not in clock.reasons


@pytest.mark.parametrize(("ours", "said"), [(START, "+60 min"), (START + 7_200 * SECOND, "-60 min")])
def test_a_prometheus_whose_clock_is_an_hour_off_is_read_by_it_and_noted(ours: int, said: str) -> None:
    """Its samples lie in minutes that are still to come, or long past: the page seems to lack an hour."""
    source, clock = Source([], 1_000), Clock()
    collector: Any = FromPrometheus(SETTINGS, "c", source)
    clock.at = ours
    turns = list(islice(collector.turns(None, clock), 12))
    assert turns[-1].cursor["until"] > START + 3_000 * SECOND
    assert [said in reason for reason in clock.noted.values()] == [True]
    clock.at = START + 3_600 * SECOND
    list(islice(collector.turns(None, clock), 1))
    assert not clock.noted


@pytest.mark.parametrize("asked_before", [False, True])
def test_containers_are_read_from_when_they_are_asked_for(asked_before: bool) -> None:
    """They are asked for at few turns: those that do not ask may not move where reading begins."""

    class Ticking(Source):
        """A Prometheus at which fifteen seconds pass between two turns."""

        passed = 0

        def now(self) -> int:
            self.passed += 1
            return START + (600 + 15 * self.passed) * SECOND

        def samples(self, names: Iterable[str], start: int, end: int) -> list[Series]:
            names = tuple(names)
            if names == container_usage.NAMES:
                looks.append((start, end))
            return super().samples(names, start, end)

    source, looks = Ticking([], 1_000), list[tuple[int, int]]()
    settings = replace(SETTINGS, history_seconds=0.0, containers=asked_before)
    collector: Any = FromPrometheus(settings, "c", source)
    *_, turn = islice(collector.turns(None, Clock()), 3)
    began = turn.cursor["until"]
    collector = FromPrometheus(replace(settings, containers=True), "c", source)
    list(islice(collector.turns(turn.cursor, Clock()), 45))
    back = round(settings.look_back_seconds * SECOND)
    assert len(looks) == 2
    assert looks[0][0] <= began and looks[1][0] == looks[0][1] - back


@given(
    st.lists(st.integers(1, 3_000_000), min_size=1, max_size=8),
    st.lists(st.integers(0, 4_000), max_size=30, unique=True),
)
def test_questions_one_after_the_other_have_every_sample_once(steps: list[int], samples: list[int]) -> None:
    """Prometheus 3 leaves out the left edge, and knows whole milliseconds; our edges are microseconds."""
    source = Prometheus(DcgmSettings("http://127.0.0.1:1"))
    at = [START // 1_000 + milliseconds for milliseconds in samples]

    def answer(query: str, parameters: dict[str, str]) -> list[Any]:
        match = re.search(r"\[(\d+)ms]$", query)
        assert match and int(match[1]) > 0, "it refuses a question for no time"
        end = round(float(parameters["time"]) * 1_000)
        found = [[t / 1_000, "1"] for t in sorted(at) if end - int(match[1]) < t <= end]
        return [{"metric": {"__name__": "a"}, "values": found}] if found else []

    source._ask = answer  # type: ignore[method-assign]
    edges = [START - 1, *accumulate(steps, initial=START)]
    got = [
        time
        for since, to in pairwise(edges)
        for series in source.samples(("a",), since, to)
        for time, _ in series.points
    ]
    assert got == [t * 1_000 for t in sorted(at) if t * 1_000 <= edges[-1]]


@pytest.mark.parametrize("status", [429, 502, 504])
def test_a_server_that_is_busy_is_asked_again_at_once(status: int) -> None:
    """A limit of questions a second, or a proxy that restarts, must not make the collector unready."""
    answers = [status, 200]

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "success", "data": {"resultType": "scalar", "result": [1.5, "1.5"]}}'
            self.send_response(answers.pop(0))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        assert Prometheus(DcgmSettings(f"http://127.0.0.1:{server.server_port}")).now() == 1_500_000
    finally:
        server.shutdown()
        server.server_close()
    assert answers == []


def test_a_prometheus_whose_clock_is_set_right_again_lacks_that_hour_and_says_so() -> None:
    """Its time was filled by what it scraped while it was ahead: an hour of use is lost, and not silently."""
    source, clock = Source([], 1_000), Clock()
    now = source.now() - 3_600 * SECOND  # where it ought to be

    def until(cursor: Any, wanted: int, theirs: int) -> tuple[Any, list[Any]]:
        source.now = lambda: theirs  # type: ignore[method-assign]
        made: Any = FromPrometheus(SETTINGS, "c", source)
        clock.waited, told = 900, []
        for turn in made.turns(cursor, clock):
            cursor = turn.cursor
            told += turn.parsed.gaps.to_pylist()
            if cursor["until"] >= wanted:
                break
        return cursor, told

    ahead = now + 3_600 * SECOND
    settled = round(SETTINGS.settle_seconds * SECOND)
    cursor, told = until(None, ahead - settled, ahead)
    assert told == [] and clock.reasons == {}
    for expected in (1, 0):  # the second is after a restart
        cursor, told = until(cursor, ahead, now)
        assert [gap["kind"] for gap in told] == ["clock_set_back"] * expected
        assert "set back: it is 60 min" in " ".join(clock.reasons.values())
        if told:
            [lost] = [gap["end"] - gap["start"] for gap in told]
            assert lost.total_seconds() == 3_600
    cursor, told = until(cursor, ahead, ahead + settled)
    assert told == [] and not any("set back" in reason for reason in clock.reasons.values())


def test_questions_grow_again_after_a_time_of_silence() -> None:
    """A server that hung for minutes must not be asked a second at a time for ever."""
    source, clock = Source(["", "too much"] * 12, 1_000), Clock()
    collector: Any = FromPrometheus(SETTINGS, "c", source)
    list(islice(collector.turns(None, clock), 40))
    assert source.asked[0] < 10 and max(source.asked) > 250
