"""Clocks an hour off, ahead or behind: what every live collector says of them, and that it stays ready."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from collectors.live.catalogue import collector
from collectors.live.clocks import Clocks
from collectors.live.contract import Turn
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.hubble import relay
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.relay_messages import Response
from collectors.live.inference_topics.collector import Topics
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from tests.dcgm.exporter import Exporter, gpu
from tests.folds.fold_events import events
from tests.hubble.hubble_run import flow
from tests.inference.foreign_topics import Consumer

MINUTE = 60 * 10**6
BEGIN = 1_790_000_000 * 10**6


@dataclass
class Hour:
    """A watch whose clock a test moves on."""

    at: int = BEGIN
    lacking: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def now(self) -> int:
        return self.at

    def wait(self, seconds: float) -> bool:
        return False

    def waits(self, part: str, reason: str) -> None:
        self.waiting[part] = reason

    def notes(self, part: str, reason: str) -> None:
        self.lacking[part] = reason

    def goes_on(self, *parts: str) -> None:
        for part in parts:
            self.waiting.pop(part, None)
            self.lacking.pop(part, None)


def _stamp(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Steps = Callable[[int], None]
"""Lets the source see one event of n1, or of the model n1, with this time."""


def _files(folder: Path, patch: pytest.MonkeyPatch) -> tuple[Any, Steps]:
    file = folder / "events.log"
    file.touch()

    def step(time: int) -> None:
        with file.open("ab") as out:
            out.write(flow(1, seconds=time / 1e6 - 1_788_256_800) + b"\n")

    return collector("hubble", HubbleSettings(files=str(file)), "c"), step


def _relay(folder: Path, patch: pytest.MonkeyPatch) -> tuple[Any, Steps]:
    waiting: list[bytes] = []

    class Stream:
        def __init__(self, *_: Any, **__: Any) -> None:
            self.ended, self.empty, self.error = threading.Event(), True, None

        def answers(self, watch: Any, seconds: float) -> list[bytes]:
            found, waiting[:] = list(waiting), []
            return found

        def close(self) -> None: ...

    def step(time: int) -> None:
        one = Response(node_name="default/n1")
        one.time.seconds, one.time.nanos = divmod(time * 1_000, 10**9)
        one.flow.uuid, one.flow.verdict, one.flow.node_name = f"u{time}", 1, "default/n1"
        one.flow.time.CopyFrom(one.time)
        waiting.append(one.SerializeToString())

    patch.setattr(relay, "Stream", Stream)
    return collector("hubble", HubbleSettings(relay="127.0.0.1:1"), "c"), step


def _topics(folder: Path, patch: pytest.MonkeyPatch) -> tuple[Any, Steps]:
    mapping = folder / "map.yaml"
    mapping.write_text(
        "topics: {scores: {columns: {model: m, model_version: v, prediction_id: id, time: t}}}"
    )
    consumer = Consumer()
    patch.setattr(Topics, "_consumer", lambda self: consumer)

    def step(time: int) -> None:
        consumer.sees(
            "scores", json.dumps({"m": "n1", "v": "1", "id": str(time), "t": _stamp(time)}).encode()
        )

    settings = InferenceTopicsSettings(map_file=str(mapping))
    return collector("inference_topics", settings, "c"), step


SOURCES = [_files, _relay, _topics]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("off", [60, -60, 0])
def test_a_clock_an_hour_off_is_noted_and_what_it_tells_is_taken(
    source: Any, off: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events lie in minutes that nobody looks at: traffic or predictions seem to be missing."""
    made, step = source(tmp_path, monkeypatch)
    watch, told, taken = Hour(), [], 0
    step(watch.at + off * MINUTE)
    turns: Iterator[Turn] = made.turns(None, watch)
    for _ in range(12):
        turn = next(t for t in turns if t.parsed.read)
        taken += sum(table.num_rows for table in turn.parsed.events.values())
        assert not turn.parsed.rejected
        told.append(" ".join(reason for part, reason in watch.lacking.items() if "clock" in part))
        watch.at += MINUTE
        step(watch.at + off * MINUTE)
    turns.close()  # type: ignore[attr-defined]
    assert taken == 12 and watch.waiting == {}, "it is ready all the while"
    first = {60: 0, -60: 10, 0: 12}[off]
    assert [("n1 by 60 min" in text) for text in told] == [False] * first + [True] * (12 - first)
    assert all(("steadily behind" in text) == (off < 0) for text in told[first:])


def _tell(clocks: Clocks, watch: Hour, *minutes_off: float, model: str = "m") -> list[str]:
    """Events of one model at every minute, each so many minutes off; what is noted after each."""
    said = []
    for off in minutes_off:
        time = datetime.fromtimestamp((watch.at + off * MINUTE) / 1e6, UTC)
        clocks.told({"inference": events("inference", {"model": model, "time": time})}, watch.at, watch)
        said.append(" ".join(watch.lacking.values()))
        watch.at += MINUTE
    return said


def _clocks() -> Clocks:
    return Clocks("inference", "model", "tests")


def test_a_backlog_that_is_read_is_no_clock() -> None:
    """After a day away everything is old, and ever less so: who is told of a wrong clock looks in vain."""
    assert not any(_tell(_clocks(), Hour(), *range(-60, -10, 3)))


def test_now_and_then_old_events_among_new_ones_are_no_clock() -> None:
    """Labels, and a recording that somebody posts beside what is live."""
    assert not any(_tell(_clocks(), Hour(), *[-60, 0] * 10))
    clocks, watch = _clocks(), Hour()
    for _ in range(4):  # a job every quarter of an hour
        assert not any(_tell(clocks, watch, -60, -60))
        watch.at += 13 * MINUTE


def test_a_clock_that_is_set_right_is_told_no_more_also_one_that_is_gone() -> None:
    clocks, watch = _clocks(), Hour()
    assert _tell(clocks, watch, *[-60.0] * 12, 0.1)[-2:] != ["", ""] and watch.lacking == {}
    assert _tell(clocks, watch, 60, 60)[-1]
    assert _tell(clocks, watch, *[0.0] * 59, model="other")[-1], "another's right time is no sign"
    assert not _tell(clocks, watch, *[0.0] * 3, model="other")[-1], "nobody of that name is there any more"


def test_a_thousand_names_with_a_wrong_clock_are_all_that_is_remembered() -> None:
    """Names of models are the senders': memory is not theirs to fill, nor the page of readiness."""
    clocks, watch = _clocks(), Hour()
    time = datetime.fromtimestamp((watch.at + 60 * MINUTE) / 1e6, UTC)
    rows = [{"model": f"{n}" + "x" * 500, "time": time} for n in range(2_000)]
    clocks.told({"inference": events("inference", *rows)}, watch.at, watch)
    assert len(clocks._off) == 1_000
    [reason] = watch.lacking.values()
    assert len(reason) < 2_000


def test_an_exporter_with_times_of_its_own_an_hour_behind_is_noted() -> None:
    """Its GPUs are counted in the hour that it tells; an hour ahead, they end now."""
    watch = Hour()
    with Exporter().running() as exporter:
        made = collector("dcgm", DcgmSettings(exporters=exporter.url), "c")
        for off, noted in ((-60, ["-60 min"]), (60, []), (0, [])):
            stamp = f" {(watch.at + off * MINUTE) // 1_000}\n"
            exporter.text = gpu("GPU-a", 0).replace("\n", stamp)
            list(islice(made.turns(None, watch), 1))
            assert ["-60 min" in reason for reason in watch.lacking.values()] == [True for _ in noted]
