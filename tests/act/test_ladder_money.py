"""A ladder on the money of a real ledger: what it stands at, who is idle, what a rehearsal and a tick say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.act.standings import climbed
from pipeline.act.undo import undo
from pipeline.actuator.kubernetes import DEPLOYMENTS, Kubernetes
from pipeline.actuator.ladder.reading import PRIORITY_CLASSES
from pipeline.answers.standings import Money, idle_workloads, standings
from pipeline.budgets import parse as budgets
from pipeline.cli.app import main
from pipeline.embedded import Embedded
from pipeline.explain.effect import effect
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import narrative
from pipeline.explain.page import page
from pipeline.policy.file import parse
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from tests.act.objects_api import Objects
from tests.cost_rows import allocation, device, ledger, minutes, table

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
        idle = idle_workloads(store, ladder, "ns", NOON)
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
    assert {Decimal(r["cost_per_day"]) for r in simulated["rows"]} == {32}, "24, 7 and 1 hours in a day"
    assert "now: 0 actions, 2 steps of ladders" in simulated["notes"]
    assert any(
        n.startswith("so far, ladder money: rehearsed over 2 ticks") and "precision 100%" in n
        for n in simulated["notes"]
    ), simulated["notes"]
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


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Who was idle went to zero, after a notice of the same tick; costs came later."""
    where = tmp_path_factory.mktemp("again")
    held = [
        allocation("one", "a", START, None, workload="Deployment/busy", time=NOON),
        allocation("two", "a2", NOON - 7 * HOUR, None, workload="Deployment/idle", time=NOON),
    ]
    cards = [device(name, START, time=NOON) for name in ("one", "two")]
    seen = [
        m
        for name, busy in (("one", 30.0), ("two", 0.0))
        for m in minutes(name, NOON - 8 * HOUR, NOON, busy, active=busy)
    ]
    api = Objects()
    api.put(DEPLOYMENTS, "ns", "idle", spec={"replicas": 2})
    api.put(PRIORITY_CLASSES, "", "usual", value=1)
    api.held["deployments.apps/scale"] = api.held["deployments.apps"]
    rules = parse(TEXT.replace("MODE", "auto").replace("freeze", "scale_idle"))
    money = Money(budgets(MONEY), PriceBook.flat(Decimal(1), "USD"))
    with ledger(where, devices=cards, allocations=held, gpu_usage=seen) as store:
        taken = climbed(store, Embedded(store), rules, money, {"c": api}, NOON)
        assert ("scale_idle", "executed") in [(t.kind, t.state) for t in taken]
        later = minutes("one", NOON, NOON + HOUR, 30.0, active=30.0)
        store.append(Batch({"gpu_usage": table("gpu_usage", later)}))
    return where, next(t.action_id for t in taken if t.kind == "scale_idle")


def test_a_step_is_computed_again_from_the_ledger_whatever_came_later(scaled: tuple[Path, str]) -> None:
    """Whoever is asked why work went down must not rest on what the one who took it down wrote."""
    found = explain(*scaled)
    assert found.identical, found.differences
    evidence = json.loads(found.recorded)
    assert evidence["ladder"]["idle"] == ["Deployment/idle"] and len(evidence["begun"]) == 1
    assert Decimal(evidence["budgets"][0]["spent"]) == 499
    words = "\n".join(narrative(found))
    assert "Costs were counted by prices 1 USD a GPU-hour, rule allocation/idle-none/shared-none" in words
    shown = page(found, None)
    assert "Costs were counted by prices 1 USD" in shown and "<th>age</th>" in shown
    assert "The ledger has of Deployment/idle that it held GPUs all the time" in shown


FORGED = {
    "a budget that was not spent": ("499", "599", "budgets[0].spent"),
    "a workload that was not idle": ('"name":"idle"', '"name":"busy"', "decision.plan.scalings"),
    "one that the ledger counts as idle": ('"idle":["Deployment/idle"', '"idle":["x"', "ladder.idle[0]"),
    "a mute that nobody gave": ('"muted":{}', '"muted":{"money":"2026-10-30T00:00:00Z"}', "muted.money"),
    "other prices": ('"prices":"1 USD', '"prices":"2 USD', "money.prices"),
    "inputs that were not kept": ('"sha256":"', '"sha256":"0', "is not in the ledger"),
    "no inputs": ('"money":{', '"other":{', "nothing is recorded of what its costs were counted by"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_evidence_that_says_what_the_ledger_does_not_is_found_out(
    scaled: tuple[Path, str], forged: str
) -> None:
    """All of it fits but the ledger."""
    old, new, told = FORGED[forged]
    with changed(scaled, "actions", "evidence", old, new):
        found = explain(*scaled)
    assert not found.identical and told in "\n".join(found.differences), found.differences


def test_a_step_that_the_tick_is_said_to_have_begun_is_in_the_ledger(scaled: tuple[Path, str]) -> None:
    """Else a limit that nothing had reached would explain why a step was not taken."""
    (begun,) = json.loads(explain(*scaled).recorded)["begun"]
    with changed(scaled, "actions", "evidence", begun, "f" * 64):
        found = explain(*scaled)
    assert not found.identical and "history" in "\n".join(found.differences), found.differences


def test_what_costs_were_counted_by_is_found_out_too(scaled: tuple[Path, str]) -> None:
    with changed(scaled, "counted_by", "content", '"amount":"480"', '"amount":"960"'):
        found = explain(*scaled)
    assert not found.identical and "was changed in the ledger" in found.differences[0]


@contextmanager
def changed(of: tuple[Path, str], fact: str, column: str, old: str, new: str) -> Iterator[None]:
    """Behind the ledger's back, in the step's decision or in what it was counted by, and put back after."""
    which = f"action_id = '{of[1]}' AND state = 'proposed'" if fact == "actions" else "true"
    with Store.open(of[0]) as store, store.transaction() as con:
        (kept,) = con.execute(f"SELECT {column} FROM {fact} WHERE {which}").fetchall()[0]
        assert old in kept, kept
        con.execute(f"UPDATE {fact} SET {column} = ? WHERE {which}", [kept.replace(old, new)])
    yield
    with Store.open(of[0]) as store, store.transaction() as con:
        con.execute(f"UPDATE {fact} SET {column} = ? WHERE {which}", [kept])
