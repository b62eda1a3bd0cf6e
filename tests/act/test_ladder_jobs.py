"""What `up` runs beside the judge for ladders: the election, and Kueue's check answered from the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.act.admission import CONTROLLER
from pipeline.act.climbing import climb
from pipeline.actuator.ladder.reading import CHECKS, WORKLOADS
from pipeline.actuator.lease import Lease, Led, leading
from pipeline.embedded import Embedded
from pipeline.errors import StoreUnavailable
from pipeline.policy.file import parse
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.up import jobs
from tests.act.objects_api import Objects
from tests.act.test_ladder import NS, Scene, known, standing

NOW = datetime(2026, 11, 24, 12)


class Once:
    """A watch under which a job has one turn."""

    def __init__(self, now: datetime = NOW) -> None:
        self.turns, self.at, self.said = 0, now, {}

    def wait(self, seconds: float) -> bool:
        self.turns += 1
        return self.turns > 1

    def now(self) -> int:
        return int(self.at.replace(tzinfo=UTC).timestamp() * 1e6)

    def notes(self, part: str, reason: str) -> None:
        self.said[part] = reason

    def goes_on(self, *parts: str) -> None:
        for part in parts:
            self.said.pop(part, None)


def test_workloads_wait_while_a_step_holds_and_no_longer(tmp_path):
    """Also with the kill switch on: who cannot be undone by a person must not hold up a cluster."""
    api = Objects()
    api.put(CHECKS, "", "driftledger-budget", spec={"controllerName": CONTROLLER}, status={})
    asked = [{"name": "driftledger-budget", "state": "Pending", "message": ""}]
    quota = [{"type": "QuotaReserved", "status": "True"}]

    def answered(store, policy, now=NOW) -> str:
        api.put(WORKLOADS, NS, "w", spec={}, status={"conditions": quota, "admissionChecks": asked})
        jobs.admitting(store, lambda _: policy, {"lab": api})(Once(now))
        return api.held["workloads.kueue.x-k8s.io"][NS, "w"]["status"]["admissionChecks"][0]["state"]

    rules = Scene.policy(type("", (), {"name": "lab"})(), steps="hold_admission")
    with Store.open(tmp_path) as store:
        assert answered(store, rules) == "Ready"
        climb(store, Embedded(store), known(store, rules, {"a": standing()}), {"lab": api})
        assert answered(store, rules) == "Retry"
        assert answered(store, parse(rules.text + "kill_switch: true\n")) == "Ready"
        assert answered(store, rules, NOW + timedelta(hours=12)) == "Ready", "its time is over"


def test_a_spared_class_is_let_in_while_a_step_holds_the_others(tmp_path):
    """What must always grow is not to wait for a budget that research has spent."""
    api = Objects()
    api.put(CHECKS, "", "driftledger-budget", spec={"controllerName": CONTROLLER}, status={})
    asked = [{"name": "driftledger-budget", "state": "Pending", "message": ""}]
    status = {"conditions": [{"type": "QuotaReserved", "status": "True"}], "admissionChecks": asked}
    for name in ("serving", "low", ""):
        ref = {"priorityClassRef": {"name": name}} if name else {}
        api.put(WORKLOADS, NS, f"w-{name}", spec=ref, status=json.loads(json.dumps(status)))
    rules = Scene.policy(type("", (), {"name": "lab"})(), steps="hold_admission")
    with Store.open(tmp_path) as store:
        climb(store, Embedded(store), known(store, rules, {"a": standing()}), {"lab": api})
        jobs.admitting(store, lambda _: rules, {"lab": api})(Once())
    held = api.held["workloads.kueue.x-k8s.io"]
    said = {name: thing["status"]["admissionChecks"][0] for (_, name), thing in held.items()}
    assert {name: one["state"] for name, one in said.items()} == {
        "w-serving": "Ready", "w-low": "Retry", "w-": "Retry",
    }  # fmt: skip
    assert said["w-serving"]["message"] == "class serving is spared"


def test_a_rung_that_the_file_gets_later_is_answered_and_to_the_end(tmp_path):
    """Else its step would count as done while nobody answers Kueue, and who waits would wait for ever."""
    api, steps, answered = Objects(), iter(("freeze", "hold_admission", "freeze")), []

    def rules(_):
        api.put(CHECKS, "", "driftledger-budget", spec={"controllerName": CONTROLLER}, status={})
        return Scene.policy(type("", (), {"name": "lab"})(), steps=next(steps))

    class Turns(Once):
        def wait(self, seconds: float) -> bool:
            if self.turns:
                answered.append(
                    bool(api.held["admissionchecks.kueue.x-k8s.io"]["", "driftledger-budget"]["status"])
                )
            self.turns += 1
            return self.turns > 3

    with Store.open(tmp_path) as store:
        jobs.admitting(store, rules, {"lab": api})(Turns())
    assert answered == [False, True, True]


def test_a_fault_that_is_over_is_told_no_more(tmp_path, monkeypatch):
    """A remark that stays for ever is read no more; the next one would be missed."""
    rules, said = Scene.policy(type("", (), {"name": "lab"})(), steps="hold_admission"), []
    failures = iter(([("Kubernetes Events", "forbidden")], []))
    monkeypatch.setattr(jobs, "tell", lambda *_: next(failures))

    api = Objects()

    class Twice(Once):
        def wait(self, seconds: float) -> bool:
            said.append(set(self.said))
            api.denied = set() if self.turns else {("list", CHECKS.words)}
            self.turns += 1
            return self.turns > 2

    with Store.open(tmp_path) as store:
        jobs.admitting(store, lambda _: rules, {"lab": api})(Twice())
        assert said == [set(), {"admission in lab"}, set()]
        said.clear()
        jobs.judging(store, Settings().detection, 60, lambda _: rules, {"lab": api})(Twice())
        assert said == [set(), {"receiver Kubernetes Events"}, set()]


def test_harm_is_put_right_before_anybody_is_told_and_it_is_told_also_when_that_fails(tmp_path, monkeypatch):
    """A slow receiver held a rollback up; an act that fails must not silence the alert of its harm."""
    order = []

    def act(*_, **__):
        order.append("acted")
        raise StoreUnavailable("the catalog is away")

    monkeypatch.setattr(jobs, "act", act)
    monkeypatch.setattr(jobs, "delivered", lambda *_: order.append("told") or [])
    watch = Once()
    watch.waits = watch.notes
    rules = Scene.policy(type("", (), {"name": "lab"})())
    with Store.open(tmp_path) as store:
        jobs.judging(store, Settings().detection, 60, lambda _: rules, {})(watch)
    assert order == ["acted", "told"] and watch.said == {"judge": "the catalog is away"}


def test_one_of_two_processes_leads_and_the_other_says_who_does():
    api, clock = Objects(), {"now": 0.0}
    first, second = (
        {"lab": Led(api, Lease(api, "d", "a", who=who, clock=lambda: clock["now"]))} for who in ("one", "two")
    )
    watch = Once()
    jobs.electing(first)(Once())
    jobs.electing(second)(watch)
    assert watch.said == {"lease of lab": "one holds the lease"}
    assert (list(leading(first)), list(leading(second))) == (["lab"], [])
    clock["now"] = 25.0
    assert leading(first) == {}, "not renewed in time: it writes nothing, and nobody else does yet"
    clock["now"] = 31.0
    jobs.electing(second)(watch_again := Once())
    assert watch_again.said == {} and list(leading(second)) == ["lab"]


@pytest.mark.parametrize("named", ["driftledger", "/x", "driftledger/"])
def test_a_lease_without_its_namespace_is_named(named):
    from pipeline.cli.cluster_options import _elected
    from pipeline.errors import ConfigError

    with pytest.raises(ConfigError, match=r"up.lease"):
        _elected(Objects(), named)
