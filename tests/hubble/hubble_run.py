"""A Hubble collector that follows relay in a thread, with a folder that outlives it; and flows to serve."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from collectors.live.catalogue import collector
from collectors.live.contract import Turn, Watch
from collectors.live.hubble.parameters import HubbleSettings
from pipeline.collect import turns
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.events import Message
from tests.waiting import until


def flow(number: int, node: str = "n1", *, seconds: float = 0.0) -> bytes:
    """A line of an export file; `seconds` after 2026-09-01T10:00:00Z."""
    time = datetime.fromtimestamp(1_788_256_800 + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {
        "time": time, "uuid": f"u{number}", "verdict": "FORWARDED", "node_name": f"default/{node}",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"}, "traffic_direction": "EGRESS",
        "l4": {"TCP": {"source_port": 1_000 + number, "destination_port": 80, "flags": {"SYN": True}}},
    }  # fmt: skip
    return json.dumps({"flow": told, "node_name": f"default/{node}", "time": time}).encode()


class _Kept:
    """What the runner hands over is safe here: the turns are what the tests look at."""

    def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
        return True

    def close(self) -> None:
        pass


class Run:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.settings = folder, HubbleSettings(poll_seconds=0.05, **settings)
        self.turns: list[Turn] = []
        self.report = Report()

    @contextmanager
    def __call__(self) -> Iterator[Run]:
        self.report = Report()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                with State.open(self.folder) as state:
                    source = collector("hubble", self.settings, "c")
                    turns.run("hubble", source, state, _Kept(), self.report, self._account)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            self.report.stop()
            thread.join(20)
            assert not thread.is_alive()
        if failures:
            raise failures[0]

    def _account(self, turn: Turn) -> None:
        assert turn.parsed.balanced
        self.report.turn("hubble", turn)
        self.turns.append(turn)

    def flows(self) -> pa.Table:
        return pa.concat_tables(self._tables())

    def _tables(self) -> list[pa.Table]:
        return [t.parsed.events["flow"] for t in list(self.turns) if "flow" in t.parsed.events]

    def uuids(self) -> list[str]:
        return sorted(uuid for table in self._tables() for uuid in table.column("uuid").to_pylist())

    def gaps(self) -> list[dict[str, Any]]:
        return [row for t in list(self.turns) for row in t.parsed.gaps.to_pylist()]

    def has(self, *numbers: int) -> None:
        """Waits until these flows came; `uuids` then shows that each came once."""
        wanted = {f"u{n}" for n in numbers}
        until(lambda: wanted <= set(self.uuids()), f"flows {sorted(wanted)}", 30, self._state)

    def _state(self) -> object:
        return self.uuids()[-5:], self.gaps(), self.report.not_ready()
