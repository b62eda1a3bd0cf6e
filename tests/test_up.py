"""`driftledger up`: sources, judge and maintenance in one process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.live.contract import Cursor, Turn, Watch
from collectors.parsed import Parsed, to_table
from pipeline.cli.up import _kinds
from pipeline.collect import run
from pipeline.collect.doors import Ledger
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.events import TYPES
from pipeline.policy.file import parse
from pipeline.policy.rules import Policy
from pipeline.settings.collect import CollectSettings
from pipeline.settings.groups import Settings
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from pipeline.up import jobs
from pipeline.up.policy_file import PolicyFile
from tests.act.deciding import TEXT

NOW = datetime(2026, 11, 1, 12, 0, 30)


class Clocked:
    """A watch that stops after so many waits, at one moment."""

    def __init__(self, waits: int) -> None:
        self.left = waits

    def wait(self, seconds: float) -> bool:
        self.left -= 1
        return self.left < 0

    def now(self) -> int:
        return int(NOW.replace(tzinfo=UTC).timestamp() * 1e6)

    def waits(self, part: str, reason: str) -> None:
        raise AssertionError(f"{part}: {reason}")

    def goes_on(self, *parts: str) -> None: ...

    def notes(self, part: str, reason: str) -> None: ...


def _traffic(store: Store) -> None:
    times = [NOW.replace(tzinfo=UTC) - timedelta(minutes=m, seconds=40) for m in range(10)]
    columns = {
        "cluster": "c", "namespace": "n", "workload": "Deployment/w", "model": "m", "model_version": "1",
        "time": times, "latency_seconds": 0.1, "prediction": "yes", "score": 0.5,
    }  # fmt: skip
    Embedded(store).put(
        TYPES["inference"],
        to_table("inference", columns, 10),
        source="t",
        sequence=0,
        time=Clocked(1).now(),
    )


def test_the_judge_beside_the_collectors_records_what_it_finds(tmp_path: Path) -> None:
    """Who runs all in one process is told of a model without a reference, too."""
    with Store.open(tmp_path) as store:
        _traffic(store)
        jobs.judging(store, Settings().detection, 60, None, {})(Clocked(2))
        found = store.rows("findings").to_pylist()
    assert {row["level"] for row in found} == {"no_reference"}


def test_the_policy_is_read_at_every_tick_and_a_wrong_file_holds_all(tmp_path: Path) -> None:
    """Whoever throws the kill switch at night must not have to restart anything."""
    file, told = tmp_path / "policy.yaml", Told(9)

    def check(policy: Policy) -> None:
        if policy.rules[0].mode == "auto":
            raise ConfigError("rules[0].mode", "auto", "nobody has seen it at work")

    file.write_text(observed := TEXT.replace("mode: auto", "mode: observe"))
    policy = PolicyFile(file, parse(observed), check)
    assert not policy.now(told).kill_switch and policy.now(told) is policy.now(told)
    file.write_text(observed + "kill_switch: true\n")
    assert policy.now(told).kill_switch and len(policy.now(told).rules) == 1 and told.why == []
    for wrong, words in (("rules: [", "policy"), (TEXT, "nobody has seen"), (None, "there is no file")):
        file.unlink() if wrong is None else file.write_text(wrong)
        held = policy.now(told)
        assert held.kill_switch and held.rules == () == held.ladders and words in told.why[-1]
        assert policy.answering(told).kill_switch and policy.answering(told).rules, "who waits is let in"
    file.write_text(observed)
    assert not policy.now(told).kill_switch


def test_who_judges_and_acts_need_not_collect(tmp_path: Path) -> None:
    """The actuator's rights stay out of the processes that read other people's metrics."""
    assert _kinds("none") == [] and _kinds("dcgm, inference") == ["dcgm", "inference"]
    with pytest.raises(ConfigError, match="or none"):
        _kinds("")
    settings = Settings(collect=CollectSettings(state_folder=tmp_path / "state", health_port=0))
    looked = []
    with Store.open(tmp_path / "ledger") as store:
        run.collect([], settings, lambda _: Ledger(Embedded(store)), {"judge": looked.append})
    assert [report.not_ready() for report in looked] == [[]], "a rollout of it would wait for ever"


class Told(Clocked):
    """Keeps why a part waits."""

    def __init__(self, waits: int) -> None:
        super().__init__(waits)
        self.why: list[str] = []

    def waits(self, part: str, reason: str) -> None:
        self.why.append(f"{part}: {reason}")


def test_the_maintenance_beside_the_collectors_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    """A ledger that is filled for months must be merged without a second process."""
    with Store.open(tmp_path) as store:
        _traffic(store)
        before = store.rows("prediction_sums")
        jobs.maintaining(store, MaintenanceSettings())(Clocked(1))
        assert store.rows("prediction_sums") == before


class Failing:
    name = "failing"

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        yield Turn(Parsed(0, 0), {"at": 1}, watch.now())
        raise ZeroDivisionError("a fault")


def test_a_collector_that_fails_ends_the_process_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that silently stops would look like a cluster without GPUs."""
    monkeypatch.setattr(run, "collector", lambda kind, parameters, cluster: Failing())
    settings = Settings(collect=CollectSettings(state_folder=tmp_path / "state", health_port=0))
    with Store.open(tmp_path / "ledger") as store, pytest.raises(ZeroDivisionError):
        run.collect(
            ["store"], settings, lambda _: Ledger(Embedded(store)), {"idle": lambda watch: _until_told(watch)}
        )


def _until_told(watch: Watch) -> None:
    while not watch.wait(0.1):
        pass
