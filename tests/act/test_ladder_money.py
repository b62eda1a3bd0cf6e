"""A ladder on the money of a real ledger: what it stands at, who is idle, what a rehearsal and a tick say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.act.standings import Money, climbed, idle_workloads, standings
from pipeline.act.undo import undo
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.budgets import parse as budgets
from pipeline.cli.app import main
from pipeline.embedded import Embedded
from pipeline.explain.effect import effect
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import narrative
from pipeline.explain.page import page
from pipeline.policy.file import parse
from pipeline.prices import PriceBook
from pipeline.store import Store
from tests.act.objects_api import Objects
from tests.cost_rows import allocation, device, ledger, minutes

START, NOON = datetime(2026, 10, 1), datetime(2026, 10, 21, 12)
HOUR = timedelta(hours=1)
MONEY = "budgets: [{name: a, match: {team: team-a}, amount: 480, currency: USD}]\n"
PRICES = "version: one\nprices: [{gpu_hour: 1.00, currency: USD}]\n"
TEXT = """\
version: "1"
ladders:
  - name: money
    budget: a
    cluster: c
    namespaces: [ns]
    mode: MODE
    steps:
      - {step: notify, spent: 50%}
      - {step: freeze, spent: 100%}
"""
Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A dollar an hour: team-a holds two cards; the last eight hours one works and the other does not."""
    where = tmp_path_factory.mktemp("money")
    held = [
        allocation("one", "a", START, None, workload="Deployment/busy", time=NOON),
        allocation("two", "a2", NOON - 7 * HOUR, None, workload="Deployment/idle", time=NOON),
        allocation("three", "a3", NOON - HOUR, None, workload="Deployment/new", time=NOON),
    ]
    cards = [device(name, START, time=NOON) for name in ("one", "two", "three")]
    seen = [
        m
        for name, busy in (("one", 30.0), ("two", 0.0), ("three", 0.0))
        for m in minutes(name, NOON - 8 * HOUR, NOON, busy, active=busy)
    ]
    with ledger(where / "ledger", devices=cards, allocations=held, gpu_usage=seen):
        pass
    (where / "budgets.yaml").write_text(MONEY)
    (where / "prices.yaml").write_text(PRICES)
    yield where


@pytest.fixture
def run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.setenv("DRIFTLEDGER__BUDGETS__FILE", str(folder / "budgets.yaml"))
    monkeypatch.setenv("DRIFTLEDGER__BUDGETS__PRICES", str(folder / "prices.yaml"))

    def call(*words: str, mode: str = "observe", code: int = 0) -> str:
        file = tmp_path / "policy.yaml"
        file.write_text(TEXT.replace("MODE", mode))
        told = [str(file) if w == "FILE" else w for w in words]
        with pytest.raises(SystemExit) as end:
            main(told)
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.out + printed.err
        return printed.out + printed.err

    return call


def test_standings_and_idle_workloads_are_those_of_the_ledger(folder: Path) -> None:
    """A model that is still being loaded uses nothing either: only what was held all the time is idle."""
    ladder = parse(TEXT.replace("MODE", "observe")).ladders[0]
    with Store.open(folder / "ledger", read_only=True) as store:
        money = Money(budgets(MONEY), PriceBook.flat(Decimal(1), "USD"))
        found = standings(store, money, NOON)["a"]
        idle = idle_workloads(store, NOON)(ladder, "ns")
    assert found.spent == Decimal(500) and found.percent("spent") > 104  # 492 hours, 7 and 1
    assert found.as_of == NOON and found.state == "exceeded"
    assert [t.workload for t in idle] == ["Deployment/idle"]


def test_a_ladder_is_linted_rehearsed_and_recorded_before_it_may_act(folder: Path, run: Run) -> None:
    """The first step was due at 240 dollars, on the eleventh day; the second at the end of what is known."""
    at = ("--store", str(folder / "ledger"))
    linted = run("policy", "lint", "FILE")
    assert "money: observe, budget a, c/ns: notify at 50% spent, freeze at 100% spent" in linted
    judged = ("judge", "--policy", "FILE", *at)
    nobody = ("--server", "http://127.0.0.1:9", "--token-file", str(folder / "prices.yaml"))
    asked = (*judged, "--cluster", "c", *nobody)
    assert "nobody has seen ladder money at work" in run(*asked, mode="auto", code=4)
    for year in ("2030", "2020"):
        unknown = ("--from", f"{year}-01-01", "--to", f"{year}-01-09")
        assert "rehearsed over 0 ticks" in run("policy", "replay", "FILE", *unknown, *at, "--record")
    assert "nobody has seen ladder money" in run(*asked, mode="auto", code=4), "no costs were known then"
    span = ("--from", "2026-10-10", "--to", "2026-10-12")
    said: dict[str, Any] = json.loads(run("policy", "replay", "FILE", *span, *at, "-o", "json"))
    (row,) = said["rows"]
    assert (row["workload"], row["time"][:10], row["verdict"]) == ("notify ns", "2026-10-11", "right")
    assert Decimal(row["cost_after"]) == 260, "until what is known"
    assert "kept for money" in run("policy", "replay", "FILE", *span, *at, "--record")
    simulated: dict[str, Any] = json.loads(run("policy", "simulate", "FILE", *at, "-o", "json"))
    assert {r["workload"] for r in simulated["rows"]} == {"notify ns", "freeze ns"}
    told = run(*judged)
    assert "executed" in told and "500.00 of 480.00 USD are spent" in told
    assert "cluster_read: cluster c is not connected" in told


def test_a_step_is_verified_by_what_its_namespace_cost_before_and_meanwhile(tmp_path: Path) -> None:
    """Two cards cost two dollars an hour until one was given back: the hours since then saved one each."""
    taken = NOON - 3 * HOUR + timedelta(seconds=21)
    held = [
        allocation("one", "a", START, None, workload="Deployment/busy", time=NOON),
        allocation("two", "a2", START, NOON - 3 * HOUR, workload="Deployment/idle", time=NOON),
    ]
    cards = [device(name, START, time=NOON) for name in ("one", "two")]
    seen = minutes("one", NOON - 40 * HOUR, NOON, 1.0)
    rules = parse(TEXT.replace("MODE", "auto").replace("freeze", "hold_admission"))
    money = Money(budgets(MONEY), PriceBook.flat(Decimal(1), "USD"))
    with ledger(tmp_path / "ledger", devices=cards, allocations=held, gpu_usage=seen) as store:
        into = Embedded(store)

        def ticked(now: datetime) -> list[tuple[str, str]]:
            return [(t.kind, t.state) for t in climbed(store, into, rules, money, {"c": Objects()}, now)]

        assert ("hold_admission", "executed") in ticked(taken)
        action_id = next(
            r["action_id"] for r in store.query("action_rows", prefix="").to_pylist() if r["kind"] != "notify"
        )
        ticked(taken + timedelta(minutes=1))
        assert not store.rows("outcomes").num_rows, "it holds still"
        steps = list(undo(store, into, action_id, Kubernetes.__new__(Kubernetes), "c", "ana", NOON))
        assert [s.state for s in steps] == ["undone"]
        ticked(NOON + timedelta(minutes=1))
        (told,) = store.rows("outcomes").to_pylist()
        found = explain(store.location, action_id)
        changed = effect(store, found.steps, money.prices, "USD")
    assert (told["action_id"], told["state"]) == (action_id, "helped")
    words = "cost an hour 2.00 USD before (ns), 1.00 USD after (ns); saved in 3.0 h: 3.00 USD"
    assert told["detail"] == words and Decimal(json.loads(told["evidence"])["saved"]) == 3
    assert f"outcome   helped: {words}" in "\n".join(narrative(found, changed))
    assert "Money: measured" in (html := page(found, changed)) and "<th>namespace</th>" in html
