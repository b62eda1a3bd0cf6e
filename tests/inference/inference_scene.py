"""A running inference receiver over a ledger of its own, and what senders post to it."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from collectors.live.inference.collector import Inference, collector
from collectors.live.inference.parameters import InferenceSettings
from pipeline.collect import turns
from pipeline.collect.doors import Door, Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store

QUICK = InferenceSettings(port=0, gather_seconds=0.01)
NOW = datetime.now(UTC).replace(microsecond=0)


class Scene:
    def __init__(self, source: Inference, store: Store, report: Report) -> None:
        self.source, self.store, self.report = source, store, report

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.source.receiver.port}"

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        return post(self.url + path, body, headers)

    def rows(self, fact: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.store.rows(fact).to_pylist()
        return found

    def counted(self, counter: str, **labels: str) -> float:
        name = f"driftledger_collect_{counter}_total"
        found = self.report.registry().get_sample_value(name, {"collector": "inference", **labels})
        return found or 0.0


def post(url: str, body: object, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and content of the answer; `ce_type` and the like become `ce-type`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    request = urllib.request.Request(url, data, named)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            content = error.read()
        return error.code, json.loads(content) if content[:1] == b"{" else {}


@contextmanager
def receiving(
    folder: Path,
    settings: InferenceSettings = QUICK,
    door: Door | None = None,
    store: Store | None = None,
    **changed: Any,
) -> Iterator[Scene]:
    """It listens within; a second time in the same folder it goes on where it was."""
    source, report = collector(replace(settings, **changed), "c"), Report()
    failures: list[BaseException] = []
    with ExitStack() as opened:
        store = store or opened.enter_context(Store.open(folder / "ledger"))
        state = opened.enter_context(State.open(folder / "state"))
        chosen = door or Ledger(Embedded(store))

        def run() -> None:
            try:
                turns.run("inference", source, state, chosen, report, partial(report.turn, "inference"))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            while thread.is_alive() and report.not_ready():
                thread.join(0.01)
            yield Scene(source, store, report)
        finally:
            report.stop()
            thread.join(30)
    if failures:
        raise failures[0]
