"""One GPU collector with its folder and ledger, and an exporter that ticks: for tests with a Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collectors.live.catalogue import collector
from collectors.live.contract import Turn
from collectors.live.dcgm.parameters import DcgmSettings
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store
from tests.dcgm.exporter import Exporter, gpu
from tests.waiting import until

FAST = DcgmSettings(
    interval_seconds=0.2, longest_seconds=1.0, settle_seconds=0.3, look_back_seconds=2.0, timeout_seconds=5.0
)


def counted(n: int) -> str:
    """Of Triton, and what a pod of a Deployment sent and used, as cAdvisor and kube-state-metrics tell it."""
    triton = 'model="resnet",version="3"'
    api = 'namespace="ml",pod="api-7f-x"'
    main = f'{api},container="main",id="/kubepods/burstable/abc"'
    return (
        f"nv_inference_request_success{{{triton}}} {n}\nnv_inference_request_failure{{{triton}}} {n}\n"
        f"nv_inference_request_duration_us{{{triton}}} {n * 1_000}\n"
        f'container_network_transmit_bytes_total{{{api},interface="eth0"}} {n * 1_000}\n'
        f"container_cpu_usage_seconds_total{{{main}}} {n / 100}\n"
        f"container_memory_working_set_bytes{{{main}}} 2e9\nmachine_cpu_cores 4\nmachine_memory_bytes 8e9\n"
        f'kube_pod_info{{{api},node="n1",created_by_kind="ReplicaSet",created_by_name="api-7f"}} 1\n'
        'kube_replicaset_owner{namespace="ml",replicaset="api-7f",owner_kind="Deployment",'
        'owner_name="api"} 1\n'
    )


@contextmanager
def ticking(exporter: Exporter, more: Callable[[int], str] = lambda n: "") -> Iterator[None]:
    began, end = time.monotonic(), threading.Event()

    def tell() -> None:
        while not end.wait(0.02):
            past = time.monotonic() - began
            n = int(past * 100)
            served = f'vllm:generation_tokens_total{{model_name="llama"}} {n}\n'
            exporter.text = gpu("GPU-a", past) + served + more(n)

    exporter.text = gpu("GPU-a", 0)
    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


class Cut(Exception):
    """The process ends here."""


class Run:
    """One collector with its folder and its ledger, in a thread that can be ended and begun again."""

    def __init__(self, folder: Path, settings: DcgmSettings) -> None:
        self.folder, self.settings = folder, settings
        self.report = Report()
        self.turns: list[Turn] = []

    @contextmanager
    def __call__(self, cut: Any = None) -> Iterator[Run]:
        self.report = Report()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                with Store.open(self.folder / "ledger") as store, State.open(self.folder / "state") as state:
                    door = Ledger(Embedded(store))
                    source = collector("dcgm", self.settings, "c")
                    turns.run("dcgm", source, state, cut(door) if cut else door, self.report, self._account)
            except BaseException as error:
                failures.append(error)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        try:
            yield self
        finally:
            self.report.stop()
            self.thread.join(20)
            assert not self.thread.is_alive()
        if failures and not isinstance(failures[0], Cut):
            raise failures[0]

    def _account(self, turn: Turn) -> None:
        assert turn.parsed.balanced
        self.turns.append(turn)
        self.report.turn("dcgm", turn)

    def rows(self, fact: str) -> list[dict[str, Any]]:
        with Store.open(self.folder / "ledger", read_only=True) as store:
            found: list[dict[str, Any]] = store.rows(fact).to_pylist()
            return found

    def until(self, what: Any, seconds: float = 20) -> None:
        until(what, "what the test waits for", seconds, self.report.not_ready)

    def events(self) -> list[dict[str, Any]]:
        """Of the turns that it was told are safe."""
        tables = [turn.parsed.events["gpu"] for turn in self.turns if "gpu" in turn.parsed.events]
        return [row for table in tables for row in table.to_pylist()]

    def samples(self) -> int:
        """Of the GPU that ticks."""
        return sum(row["device"] == "GPU-a" for row in self.events())
