"""The contract of live collectors, held by every kind of the table: a pure `parse`, and a loop around it."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from collectors.dcgm.timeline import Pace, Scrape
from collectors.exposition import samples
from collectors.live.allocation.fold import Fold
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import _names, kinds
from collectors.live.catalogue import LIVE, collector
from collectors.live.contract import Turn
from collectors.live.dcgm.collector import FromPrometheus
from collectors.live.dcgm.looked import NOTHING, Remembered
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.inference.bodies import Context
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs
from collectors.live.inference.parameters import InferenceSettings
from collectors.live.inference.rules import Rules
from collectors.live.inference_topics import mapping
from collectors.live.inference_topics.collector import Topics
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from collectors.live.kube.news import News
from collectors.parsed import Parsed
from tests.allocation import kube_shapes as k
from tests.allocation.fake_cluster import FakeCluster
from tests.allocation.test_allocation_cases import NOON, news
from tests.dcgm.exporter import gpu
from tests.dcgm.test_dcgm_questions import SETTINGS, Clock, Source
from tests.hubble.hubble_run import flow
from tests.inference.foreign_topics import Consumer

MAP = "topics: {scores: {columns: {model: m, model_version: v, prediction_id: id}}}"
PREDICTION = b'{"m": "a", "v": "1", "id": "p"}'
JSON = {"content-type": "application/json"}
TOLD = b'{"model": "a", "model_version": "1", "prediction_id": "p", "time": "2026-07-02T12:00:00Z"}'


@dataclass(frozen=True)
class Kind:
    """`asks` gives the arguments of one call of `parse`, made anew each time; `loop` what turns it takes."""

    asks: Callable[[Path], tuple[tuple[Any, ...], Mapping[str, Any]]]
    loop: Callable[[Path, pytest.MonkeyPatch], Iterator[Turn]]


def _news(folder: Path) -> Any:
    settings = AllocationSettings()
    fold = Fold("c", _names(settings), None, tuple(kind.name for kind in kinds(settings)))
    told = [news("pods", k.pod("a", limits={"nvidia.com/gpu": "1"}), "listed")]
    synced = [News(kind.name, "synced", None, NOON) for kind in kinds(settings)]
    return ([*told, *synced], fold, NOON + 1_000_000), {}


def _cluster(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turn]:
    server = FakeCluster()
    try:
        source = collector("allocation", AllocationSettings(server=server.url, turn_seconds=0.05), "c")
        yield from source.turns(None, Clock())
    finally:
        server.stop()


def _scrapes(folder: Path) -> Any:
    lines = [samples(gpu("GPU-a", joules).encode())[0] for joules in (0, 30)]
    scrapes = [Scrape((n + 1) * 30_000_000, "n1", of) for n, of in enumerate(lines)]
    asked = NOTHING._replace(gpus=scrapes), Remembered.beginning(0), Pace(30_000_000, 90_000_000, 0)
    return asked, {"until": 60_000_000, "cluster": "c"}


def _prometheus(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turn]:
    source: Any = Source([], 1_000)
    return FromPrometheus(SETTINGS, "c", source).turns(None, Clock())


def _file(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turn]:
    (folder / "events.log").write_bytes(flow(1) + b"\n")
    return collector("hubble", HubbleSettings(files=f"{folder}/events.log"), "c").turns(None, Clock())


def _request(folder: Path) -> Any:
    memory = Memory(folder, None, Pairs(300, 1_000_000), 1_000, NOON)
    return ("/v1/inference", JSON, TOLD, Context(Rules(), NOON), memory), {}


def _receiver(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turn]:
    made: Any = collector("inference", replace(InferenceSettings(), port=0), "c")
    made.keep_in(folder)
    post = SimpleNamespace(path="/v1/inference", headers=JSON, body=lambda: TOLD, answer=lambda *_: None)
    patch.setattr(made.receiver, "gathered", lambda *_: [post])
    watch = Clock()
    watch.at = NOON
    return made.turns(None, watch)  # type: ignore[no-any-return]


def _message(folder: Path) -> Any:
    file = folder / "map.yaml"
    file.write_text(MAP)
    return (PREDICTION, NOON, mapping.load(str(file))["scores"], Rules()), {}


def _topic(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Turn]:
    (folder / "map.yaml").write_text(MAP)
    consumer = Consumer()
    consumer.sees("scores", PREDICTION)
    patch.setattr(Topics, "_consumer", lambda self: consumer)
    settings = InferenceTopicsSettings(map_file=str(folder / "map.yaml"))
    return collector("inference_topics", settings, "c").turns(None, Clock())


KINDS = {
    "allocation": Kind(_news, _cluster),
    "dcgm": Kind(_scrapes, _prometheus),
    "hubble": Kind(lambda folder: ((flow(1) + b"\n",), {"cluster": "c"}), _file),
    "inference": Kind(_request, _receiver),
    "inference_topics": Kind(_message, _topic),
}


def test_every_kind_of_the_table_is_held() -> None:
    assert KINDS.keys() == LIVE.keys()


def _parse(kind: str) -> FunctionType:
    module, _, name = LIVE[kind].parse.partition(":")
    found = getattr(import_module(module), name)
    assert inspect.isfunction(found) and not inspect.isgeneratorfunction(found)
    return found


_alone = {"": False}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _alone[""] and event.split(".")[0] in ("open", "socket", "subprocess", "os", "_thread", "urllib"):
        raise AssertionError(f"parse does {event}")


sys.addaudithook(_hook)


@contextmanager
def alone(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file, network, process or thread, and no clock."""

    def no_clock() -> float:
        raise AssertionError("parse looks at a clock")

    with patch.context() as within:
        for name in ("time", "time_ns", "monotonic", "monotonic_ns"):
            within.setattr(time, name, no_clock)
        _alone[""] = True
        try:
            yield
        finally:
            _alone[""] = False


def _told(answer: Any) -> Any:
    """What `parse` gave, as values that compare; its account is whole."""
    parsed, after = answer if isinstance(answer, tuple) else (answer, None)
    assert parsed.read == parsed.used + sum(parsed.excluded.values()) + len(parsed.rejected) > 0
    if isinstance(parsed, Parsed):
        events = {name: table.to_pylist() for name, table in parsed.events.items()}
        assert parsed.used and events, "the answers that it is asked about have events"
        return events, parsed.excluded, parsed.rejected, parsed.gaps.to_pylist(), after and after.cursor()
    assert parsed.rows or parsed.tables
    return parsed.rows, [(name, table.to_pylist()) for name, table in parsed.tables], parsed.rejected


@pytest.mark.parametrize("kind", LIVE)
def test_parse_is_pure(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test or a replay reads is what the live collector reads, or no fault of it could be found."""
    parse, told = _parse(kind), []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        arguments, named = KINDS[kind].asks(folder)
        call = partial(parse, *arguments, **named)
        # What it imports, it has imported after the first time.
        with alone(monkeypatch) if told else nullcontext():
            answer = call()
        told.append(_told(answer))
        for one in arguments:
            if isinstance(one, Memory):
                one.close()
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("kind", LIVE)
def test_the_loop_goes_through_parse(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the pure function that is tested would not be what runs."""

    def stopped(*arguments: Any, **named: Any) -> None:
        raise LookupError("through parse")

    turns = KINDS[kind].loop(tmp_path, monkeypatch)
    monkeypatch.setattr(_parse(kind), "__code__", stopped.__code__)
    with pytest.raises(LookupError, match="through parse"):
        for _ in turns:
            pass
    turns.close()  # type: ignore[attr-defined]
