"""How GPUs' sources are reached: TLS, passwords, tokens, straight exporters, and settings that cannot be."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from collectors.dcgm.series import Series
from collectors.live.catalogue import collector
from collectors.live.dcgm.parameters import DcgmSettings
from pipeline.collect.report import Report
from pipeline.errors import ConfigError
from pipeline.rig.prometheus import Prometheus
from pipeline.rig.tls import certificates
from pipeline.secret import Secret
from tests.dcgm.dcgm_run import FAST, Run, ticking
from tests.dcgm.exporter import Exporter, gpu
from tests.rigs import running

pytestmark = pytest.mark.xdist_group("prometheus")


BCRYPT = "$2b$04$.1602BVeOVYtDUgnxf5mVOYVkmkXHhZF8WjVoSgmNn1NBBN6gvQCC"
"""Of the password `the-word`."""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Prometheus, DcgmSettings]]:
    """A Prometheus behind TLS and a password that gives 30 samples an answer, and how it is reached."""
    made = certificates(tmp_path)
    pem = {"cert_file": str(tmp_path / "server.crt"), "key_file": str(tmp_path / "server.key")}
    web = {"tls_server_config": pem, "basic_auth_users": {"me": BCRYPT}}
    small = ("--query.max-samples=30",)
    with Exporter().running() as exporter, ticking(exporter):
        targets = {"": exporter.target}
        with running(lambda f: Prometheus(f, targets, interval=0.2, web=web, arguments=small)) as server:
            known = replace(FAST, prometheus_url=server.url, username="me", password=Secret("the-word"))
            yield server, replace(known, ca_file=str(made.cafile))


def test_a_guarded_prometheus_that_gives_little_at_a_time(
    tmp_path: Path, guarded: tuple[Prometheus, DcgmSettings]
) -> None:
    """A wrong password or certificate is said, never shown; too large a question is halved."""
    server, right = guarded
    for wrong, told in (
        (replace(right, password=Secret("guessed")), "refuses us with 401"),
        (replace(right, ca_file=""), "certificate that is not trusted"),
    ):
        run = Run(tmp_path / "wrong", wrong)
        with run():
            run.until(lambda run=run, told=told: any(told in r for r in run.report.not_ready()))
            assert not any("guessed" in reason for reason in run.report.not_ready())
    time.sleep(6)  # in which more is scraped than one answer holds
    run = Run(tmp_path / "right", replace(right, history_seconds=60.0))
    with run():
        run.until(lambda: run.samples() > 15)
    assert sum(float(row["observed_seconds"]) for row in run.rows("gpu_usage")) > 2.5


EVERY, SAMPLES = 0.5, 11_500


def _recorded(folder: Path, begin: float) -> None:
    """The data of a server that scraped one GPU for long: its power, and joules that the driver counts."""
    labels = 'UUID="GPU-a",Hostname="n1",job="gpu",instance="n1:9400"'
    told = {
        "DCGM_FI_DEV_POWER_USAGE": lambda n: 100,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": lambda n: n * 50_000,
    }
    lines = [
        f"{name}{{{labels}}} {value(n)} {begin + n * EVERY:.3f}\n"
        for name, value in told.items()
        for n in range(SAMPLES)
    ]
    file = folder / "recorded.txt"
    file.write_text("".join([*lines, "# EOF\n"]))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "data")]
    subprocess.run(command, check=True, capture_output=True)


class Asked:
    """The source, and how many samples of a series each of its answers had."""

    def __init__(self, source: Any) -> None:
        self.source, self.answers = source, [0]
        self.now, self.targets = source.now, source.targets

    def samples(self, names: Iterable[str], start: int, end: int) -> list[Series]:
        found: list[Series] = self.source.samples(names, start, end)
        self.answers += [len(series.points) for series in found]
        return found


@pytest.mark.parametrize("allowed", [50_000_000, 5_000])
def test_what_is_long_past_is_caught_up_whatever_a_server_allows_in_one_answer(
    allowed: int, tmp_path: Path, promtool: str
) -> None:
    """query_range gives 11,000 points of a series; raw samples have the bound of the server's memory.

    Both are met: over 11,000 samples in one answer, or parts that are smaller, and each second counts once.
    """
    begin = time.time() - SAMPLES * EVERY - 30
    end = begin + (SAMPLES - 1) * EVERY

    def make(folder: Path) -> Prometheus:
        folder.mkdir()
        _recorded(folder, begin)
        return Prometheus(folder, {}, arguments=(f"--query.max-samples={allowed}",))

    with running(make) as server:
        asked = {"query": "DCGM_FI_DEV_POWER_USAGE", "start": begin, "end": end, "step": EVERY}
        refused = requests.get(f"{server.url}/api/v1/query_range", asked, timeout=20)
        assert refused.status_code == 400 and "11,000 points" in refused.text
        settings = DcgmSettings(
            server.url, interval_seconds=EVERY, longest_seconds=4 * EVERY, settle_seconds=0, serving=False,
            history_seconds=SAMPLES * EVERY + 60, chunk_seconds=10_000,
        )  # fmt: skip
        collected: Any = collector("dcgm", settings, "c")
        collected.source = source = Asked(collected.source)
        seconds = joules = 0.0
        for turn in collected.turns(None, Report()):
            assert turn.parsed.balanced and turn.parsed.gaps.num_rows == 0 and not turn.parsed.rejected
            for gpus in turn.parsed.events.values():
                seconds += sum(gpus.column("interval_seconds").to_pylist())
                joules += sum(gpus.column("energy_joules").to_pylist())
            if turn.cursor["until"] > end * 1e6:
                break
    assert seconds == pytest.approx((SAMPLES - 1) * EVERY, abs=1e-3)
    assert joules == pytest.approx(100 * seconds, abs=0.1)
    assert (max(source.answers) > 11_000) if allowed > SAMPLES else (0 < max(source.answers) <= allowed)


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
            run.until(lambda: run.report.not_ready() == [])
    events, gaps = run.events(), run.rows("gaps")
    lost = sum((gap["end"] - gap["start"]).total_seconds() for gap in gaps)
    wall = (max(e["time"] for e in events) - min(e["time"] for e in events)).total_seconds()
    counted = sum(float(row["observed_seconds"]) for row in run.rows("gpu_usage"))
    assert lost > 1.0 and {gap["kind"] for gap in gaps} == {"not_scraped"}
    assert counted + lost == pytest.approx(wall + events[0]["interval_seconds"], abs=1e-5)


def test_hostile_labels_and_values_are_rows_in_the_ledger(tmp_path: Path) -> None:
    """A label of 100 kB or a NaN on one GPU must not hide its neighbours, nor be a key of every fact."""
    with Exporter().running() as exporter:
        hostile = gpu("GPU-b", 0, more=f',pod="{"x" * 100_000}",namespace="ml",container="c"')
        blank = 'DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="n1"} 9223372036854775794\n'
        nothing = gpu("GPU-c", 0, busy=float("nan"))
        exporter.text = gpu("GPU-a", 0) + hostile + nothing + blank
        run = Run(tmp_path, replace(FAST, exporters=exporter.url))
        with run():
            run.until(lambda: run.samples() > 2)
    assert {row["reason"] for row in run.rows("rejected")} == {"not_finite", "blank_value", "text_too_long"}
    assert {row["device"] for row in run.rows("gpu_usage")} == {"GPU-a", "GPU-c"}


def test_exporters_that_are_down_do_not_delay_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three nodes that are down, 30 s each until they timed out, would be a gap for all the others."""
    urls = [f"http://node-{n}.invalid:9400/metrics" for n in range(4)]
    made: Any = collector("dcgm", DcgmSettings(exporters=",".join(urls)), "c")
    all_at_once = threading.Barrier(len(urls), timeout=20)

    def get(url: str, **_: Any) -> None:
        all_at_once.wait()
        raise requests.ConnectTimeout

    monkeypatch.setattr(made._session, "get", get)
    lacking: dict[str, str | None] = {}
    assert made.scrapes(lambda: 0, lacking.__setitem__) == []
    assert lacking == {url: f"{url} does not answer in time" for url in urls}


@pytest.mark.parametrize("promised", [True, False])
def test_an_answer_that_is_broken_off_is_not_read(tmp_path: Path, promised: bool) -> None:
    """Of 1234 joules the first two digits are a number too: half a line must not become one."""
    with Exporter().running() as exporter:
        exporter.text = gpu("GPU-a", 1234)[:-6]
        exporter.longer = 6 if promised else None
        run = Run(tmp_path, replace(FAST, exporters=exporter.url))
        with run():
            run.until(lambda: bool(run.report.not_ready()))
            run.until(lambda: any(exporter.target in reason for reason in run.report.not_ready()))
        assert run.turns == []


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
        (DcgmSettings(exporters="http://127.0.0.1:1/metrics", network=True), "dcgm.network"),
        (DcgmSettings(exporters="http://127.0.0.1:1/metrics", containers=True), "dcgm.containers"),
        (DcgmSettings(exporters="ftp://h"), "dcgm.exporters"),
        (DcgmSettings(exporters=" , "), "dcgm.exporters"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is_shown(settings: DcgmSettings, key: str) -> None:
    """A typing error must be one sentence at the start, not a collector that waits for ever."""
    with pytest.raises(ConfigError, match=key) as error:
        collector("dcgm", settings, "c")
    assert "word" not in str(error.value).replace("password", "")
