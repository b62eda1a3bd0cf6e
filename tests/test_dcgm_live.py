"""GPUs from a real Prometheus: what it scraped is what the ledger has, whoever was away meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from collectors.live.catalogue import collector
from collectors.live.contract import Turn
from collectors.live.dcgm.parameters import DcgmSettings
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.rig.prometheus import Prometheus
from pipeline.rig.tls import certificates
from pipeline.secret import Secret
from pipeline.store import Store
from tests.exporter import Exporter, gpu
from tests.rigs import running

FAST = DcgmSettings(
    interval_seconds=0.2, longest_seconds=1.0, settle_seconds=0.3, look_back_seconds=2.0, timeout_seconds=5.0
)
pytestmark = pytest.mark.xdist_group("prometheus")


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """Its counter is the time since the test began, in joules; its GPU is half busy."""
    with Exporter().running() as served, ticking(served):
        yield served


@contextmanager
def ticking(exporter: Exporter) -> Iterator[None]:
    began, end = time.monotonic(), threading.Event()

    def tell() -> None:
        while not end.wait(0.02):
            past = time.monotonic() - began
            served = f'vllm:generation_tokens_total{{model_name="llama"}} {int(past * 100)}\n'
            exporter.text = gpu("GPU-a", past) + served

    exporter.text = gpu("GPU-a", 0)
    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.fixture
def prometheus(exporter: Exporter) -> Iterator[Prometheus]:
    with running(lambda folder: Prometheus(folder, {"exporter-0": exporter.target}, interval=0.2)) as server:
        yield server


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
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.report.not_ready()
            time.sleep(0.05)

    def events(self) -> list[dict[str, Any]]:
        """Of the turns that it was told are safe."""
        tables = [turn.parsed.events["gpu"] for turn in self.turns if "gpu" in turn.parsed.events]
        return [row for table in tables for row in table.to_pylist()]

    def samples(self) -> int:
        return len(self.events())


def scraped(url: str, run: Run) -> list[float]:
    """When Prometheus scraped the GPU, in seconds, between the first and the last that was collected."""
    query = {"query": "DCGM_FI_DEV_GPU_UTIL[10m]"}
    [series] = requests.get(f"{url}/api/v1/query", query, timeout=5).json()["data"]["result"]
    cursor = run.turns[-1].cursor
    until = cursor["devices"]["GPU-a"]["at"] / 1e6
    return [at for at, _ in series["values"] if cursor["since"] / 1e6 < at <= until]


def check(url: str, run: Run) -> None:
    """Counted seconds and gaps are Prometheus's own, to the microsecond; so are samples and joules."""
    times = scraped(url, run)
    steps = [after - before for before, after in pairwise(times)]
    counted = [step for step in steps if step <= run.settings.longest_seconds]
    usage = run.rows("gpu_usage")
    assert sum(float(row["observed_seconds"]) for row in usage) == pytest.approx(sum(counted), abs=1e-5)
    assert sum(row["samples"] for row in usage) == len(counted)
    lost = [(g["end"] - g["start"]).total_seconds() for g in run.rows("gaps")]
    assert lost == pytest.approx([step for step in steps if step > run.settings.longest_seconds])
    # The exporter's joules are seconds, told up to one scrape late.
    assert sum(float(row["energy_joules"]) for row in usage) == pytest.approx(sum(counted), abs=0.4)


def test_prometheus_and_collector_stop_and_start_and_no_second_is_lost_or_doubled(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    """An upgrade of either must not change the bill: what was scraped counts once, the rest is a gap."""
    run = Run(tmp_path, replace(FAST, prometheus_url=prometheus.url))
    with run():
        run.until(lambda: run.samples() > 5)
        assert run.report.not_ready() == []
        prometheus.stop()
        run.until(lambda: any("cannot be reached" in reason for reason in run.report.not_ready()))
        time.sleep(1.2)
        prometheus.start()
        before = run.samples()
        run.until(lambda: run.samples() > before + 5)
        assert run.report.not_ready() == []
    prometheus.kill()
    prometheus.start()
    away = time.monotonic() + 1.5
    run.until(lambda: time.monotonic() > away)
    before = run.samples()
    with run():
        run.until(lambda: run.samples() > before + 12)
    check(prometheus.url, run)
    assert len(run.rows("gaps")) >= 1


def test_a_collector_that_dies_anywhere_counts_every_scrape_once(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    """kill -9 between any two steps: before the turn is written, handed over, or its cursor moved."""

    class Door:
        """Breaks at its second turn, before or after it is in the ledger."""

        def __init__(self, door: Ledger, after: bool) -> None:
            self.door, self.after, self.turns = door, after, 0

        def keep(self, messages: Any, watch: Any) -> bool:
            self.turns += 1
            if self.turns == 2 and not self.after:
                raise Cut
            kept = self.door.keep(messages, watch)
            if self.turns == 2:
                raise Cut
            return kept

    run = Run(tmp_path, replace(FAST, prometheus_url=prometheus.url))
    for after in (True, False, True, False):
        with run(lambda door, after=after: Door(door, after)):
            run.until(lambda: not run.thread.is_alive())
    with run():
        before = run.samples()
        run.until(lambda: run.samples() > before + 3)
    check(prometheus.url, run)


def test_a_gpu_that_nobody_holds_is_not_held_by_its_exporter(tmp_path: Path) -> None:
    """A ServiceMonitor puts the exporter's pod on each line: idle GPUs would be the monitoring team's."""
    with Exporter().running() as exporter:
        held = ',pod="train-0",namespace="ml",container="main"'
        exporter.text = gpu("GPU-a", 0) + gpu("GPU-b", 0, more=held)
        with running(lambda f: Prometheus(f, {"exporter-0": exporter.target}, interval=0.2)) as server:
            run = Run(tmp_path, replace(FAST, prometheus_url=server.url))
            with run():
                run.until(lambda: run.samples() > 4)
    holders = {(row["device"], row["pod"], row["namespace"]) for row in run.events()}
    assert holders == {("GPU-a", None, None), ("GPU-b", "train-0", "ml")}


def test_a_question_that_is_too_large_is_halved(tmp_path: Path, exporter: Exporter) -> None:
    """After an absence the first question may be for more than Prometheus gives: that must not be the end."""
    small = ("--query.max-samples=30",)
    with running(lambda f: Prometheus(f, {"": exporter.target}, interval=0.2, arguments=small)) as server:
        time.sleep(5)
        settings = replace(FAST, prometheus_url=server.url, history_seconds=60.0, look_back_seconds=0.4)
        run = Run(tmp_path, settings)
        with run():
            run.until(lambda: run.samples() > 22)
    usage = run.rows("gpu_usage")
    assert sum(float(row["observed_seconds"]) for row in usage) > 4
    assert run.rows("gaps") == []


def test_a_model_server_s_tokens_come_by_the_same_way(tmp_path: Path, prometheus: Prometheus) -> None:
    """Who has vLLM scraped already needs nothing more to see its tokens beside its GPU's cost."""
    run = Run(tmp_path, replace(FAST, prometheus_url=prometheus.url))
    with run():
        run.until(lambda: run.samples() > 12)
    [series] = requests.get(
        f"{prometheus.url}/api/v1/query", {"query": "vllm:generation_tokens_total[10m]"}, timeout=5
    ).json()["data"]["result"]
    since, until = (run.turns[-1].cursor[name] / 1e6 for name in ("since", "until"))
    values = [float(value) for at, value in series["values"] if since < at <= until]
    counted = [row for row in run.rows("serving_counters") if row["counter"] == "tokens_out"]
    assert sum(row["count"] for row in counted) == values[-1] - values[0] > 0
    assert {(row["model"], row["workload"]) for row in counted} == {("llama", "exporter-0")}


BCRYPT = "$2b$04$.1602BVeOVYtDUgnxf5mVOYVkmkXHhZF8WjVoSgmNn1NBBN6gvQCC"
"""Of the password `the-word`."""
PEM = (("cert", "crt"), ("key", "key"))


def test_tls_and_a_password_that_is_wrong_at_first(tmp_path: Path, exporter: Exporter) -> None:
    """Behind TLS and a password it works; a wrong one is said, and is never shown."""
    made = certificates(tmp_path)
    web = {
        "tls_server_config": {
            "cert_file": str(tmp_path / "server.crt"),
            "key_file": str(tmp_path / "server.key"),
        },
        "basic_auth_users": {"me": BCRYPT},
    }
    with running(lambda f: Prometheus(f, {"": exporter.target}, interval=0.2, web=web)) as server:
        known = replace(FAST, prometheus_url=server.url, username="me", password=Secret("the-word"))
        right = replace(known, ca_file=str(made.cafile))
        for wrong, told in (
            (replace(right, password=Secret("guessed")), "refuses us with 401"),
            (known, "certificate that is not trusted"),
        ):
            run = Run(tmp_path / "wrong", wrong)
            with run():
                run.until(lambda run=run, told=told: any(told in r for r in run.report.not_ready()))
                assert not any("guessed" in reason for reason in run.report.not_ready())
        run = Run(tmp_path / "right", right)
        with run():
            run.until(lambda: run.samples() > 2)


def test_an_exporter_is_read_straight_with_a_token_that_is_rotated(tmp_path: Path) -> None:
    """Without a Prometheus there are still GPUs; a new token counts at once, a lack of it is a gap."""
    token = tmp_path / "token"
    token.write_text("old")
    with Exporter().running() as exporter, ticking(exporter):
        exporter.token = "old"
        settings = replace(FAST, exporters=exporter.url, token_file=str(token))
        run = Run(tmp_path, settings)
        with run():
            run.until(lambda: run.samples() > 4)
            exporter.token = "new"
            run.until(lambda: any("401" in reason for reason in run.report.not_ready()))
            time.sleep(1.2)
            token.write_text("new")
            before = run.samples()
            run.until(lambda: run.samples() > before + 4)
            assert run.report.not_ready() == []
    events, gaps = run.events(), run.rows("gaps")
    lost = sum((gap["end"] - gap["start"]).total_seconds() for gap in gaps)
    wall = (max(e["time"] for e in events) - min(e["time"] for e in events)).total_seconds()
    counted = sum(float(row["observed_seconds"]) for row in run.rows("gpu_usage"))
    assert lost > 1.0 and {gap["kind"] for gap in gaps} == {"not_scraped"}
    assert counted + lost == pytest.approx(wall + events[0]["interval_seconds"], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (DcgmSettings(), "dcgm.prometheus_url"),
        (DcgmSettings("http://127.0.0.1:1", "http://127.0.0.1:2"), "dcgm.prometheus_url"),
        (DcgmSettings("prometheus:9090"), "dcgm.prometheus_url"),
        (DcgmSettings("http://me:word@h:1"), "dcgm.prometheus_url"),
        (DcgmSettings("http://far.example:1", username="u", password=Secret("word")), "dcgm.prometheus_url"),
        (DcgmSettings("http://127.0.0.1:1", token_file="t", username="u"), "dcgm.token_file"),
        (DcgmSettings("http://127.0.0.1:1", ca_file="/nowhere.pem"), "dcgm.ca_file"),
        (DcgmSettings("http://127.0.0.1:1", longest_seconds=1), "dcgm.longest_seconds"),
        (DcgmSettings(exporters="ftp://h"), "dcgm.exporters"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is_shown(settings: DcgmSettings, key: str) -> None:
    """A typing error must be one sentence at the start, not a collector that waits for ever."""
    with pytest.raises(ConfigError, match=key) as error:
        collector("dcgm", settings, "c")
    assert "word" not in str(error.value).replace("password", "")
