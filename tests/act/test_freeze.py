"""When a freeze ends, whatever became of the note that says so, and the room it makes for one rollback."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.act.events import Taken, publish
from pipeline.act.freezing import room_back
from pipeline.actuator import freeze
from pipeline.actuator.kubernetes import CLAIM_TEMPLATES, RESOURCE_QUOTAS, ApiError
from pipeline.actuator.patching import ANNOTATION
from pipeline.actuator.room import lend, lent_for, take_back
from pipeline.actuator.surge import needs
from pipeline.policy.rules import Target
from tests.act.memory_ledger import MemoryLedger
from tests.act.objects_api import Objects

NOW = datetime(2026, 11, 24, 12)


class Api:
    """A cluster with one freeze."""

    def __init__(self, marks: dict[str, str]) -> None:
        self.marks = {ANNOTATION: "a"} | marks
        self.deleted: list[str] = []

    def get(self, _resource: object, _ns: str, name: str) -> dict | ApiError:
        if name != freeze.NAME:
            return ApiError("not_found", "get", "resourcequotas", name)
        return {"metadata": {"uid": "u", "annotations": self.marks}}

    def delete(self, *where: str) -> dict:
        self.deleted.append(where[-1])
        return {}


@pytest.mark.parametrize(
    ("marks", "over"),
    [
        ({freeze.EXPIRES: "2026-11-24T12:00:01Z"}, False),
        ({freeze.EXPIRES: "2026-11-24T12:00:00Z"}, True),
        ({}, True),
        ({freeze.EXPIRES: "soon"}, True),
        ({freeze.EXPIRES: "2026-11-24T12:00:00+02:00"}, True),
    ],
)
def test_a_freeze_ends_at_its_time_or_when_nobody_can_tell_it(marks: dict[str, str], over: bool) -> None:
    """A mark that somebody removed must neither hold a team for ever nor stop every other action's tick."""
    api = Api(marks)
    step = freeze.thaw(api, "ns", NOW, "a")
    assert (step is not None, api.deleted) == (over, ["u"] if over else [])


def daemons(surge: object, nodes: int = 10) -> dict:
    container = {"name": "m", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    way = {} if surge is None else {"rollingUpdate": {"maxSurge": surge}}
    spec = {"updateStrategy": way, "template": {"spec": {"containers": [container]}}}
    return {"spec": spec, "status": {"desiredNumberScheduled": nodes}}


@pytest.mark.parametrize(("surge", "gpus"), [(None, 0), (0, 0), (1, 2), ("25%", 6)])
def test_a_daemon_set_surges_by_nodes(surge: object, gpus: int) -> None:
    """Under a freeze without room for it, its rollout would never begin."""
    assert needs(daemons(surge), {})["requests.nvidia.com/gpu"] == gpus


def frozen() -> tuple[Objects, dict]:
    api = Objects()
    hard = {"hard": {"requests.nvidia.com/gpu": "3"}}
    api.put(RESOURCE_QUOTAS, "a", freeze.NAME, spec=hard, metadata={"annotations": {ANNOTATION: "f"}})
    return api, {"metadata": {"namespace": "a"}, **daemons(1)}


def test_a_freeze_is_raised_for_one_rollback_and_lowered_after_it() -> None:
    """Whoever took the room meanwhile must not keep a bad version in service; nor may the freeze grow."""
    api, thing = frozen()
    template = thing["spec"]["template"]
    assert lend(api, thing, template, "r") == "the freeze of a is raised for its surge"
    quota = api.get(RESOURCE_QUOTAS, "a", freeze.NAME)
    assert quota["spec"]["hard"] == {"requests.nvidia.com/gpu": "5"} and lent_for(quota) == "r"
    assert lend(api, thing, template, "other") == "" == lend(api, thing, template, "r"), "once"
    assert take_back(api, quota) is None
    back = api.get(RESOURCE_QUOTAS, "a", freeze.NAME)
    assert back["spec"]["hard"] == {"requests.nvidia.com/gpu": "3"} and lent_for(back) == ""
    assert back["metadata"]["annotations"] == {ANNOTATION: "f"}
    assert isinstance(take_back(api, quota), ApiError), "a second one changes nothing"
    assert lend(Objects(), thing, template, "r") == "", "no freeze, no room to make"


def test_a_quota_that_the_api_server_wrote_its_way_is_raised_all_the_same() -> None:
    """It gives 1000 back as 1k, and a rollback must not end with that, nor the whole process."""
    api, thing = frozen()
    api.held["resourcequotas"]["a", freeze.NAME]["spec"]["hard"]["requests.nvidia.com/gpu"] = "1k"
    thing["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "2k"
    assert lend(api, thing, thing["spec"]["template"], "r") == "the freeze of a is raised for its surge"
    hard = api.get(RESOURCE_QUOTAS, "a", freeze.NAME)["spec"]["hard"]
    assert hard == {"requests.nvidia.com/gpu": "3000"}


def test_room_begins_above_what_is_held_where_that_is_more_than_the_freeze_allows() -> None:
    """Pods that came between the plan of a freeze and its quota stay; the rollback must not wait for them."""
    api, thing = frozen()
    api.held["resourcequotas"]["a", freeze.NAME]["status"] = {"used": {"requests.nvidia.com/gpu": "6"}}
    lend(api, thing, thing["spec"]["template"], "r")
    quota = api.get(RESOURCE_QUOTAS, "a", freeze.NAME)
    assert quota["spec"]["hard"] == {"requests.nvidia.com/gpu": "8"}
    assert take_back(api, quota) is None
    assert api.get(RESOURCE_QUOTAS, "a", freeze.NAME)["spec"]["hard"] == {"requests.nvidia.com/gpu": "3"}


CLAIM = "gpu.deviceclass.resource.k8s.io/devices"
SPARING = freeze.Freeze("a", {"requests.nvidia.com/gpu": 3, CLAIM: 2}, ("serving",))


def hard(api: Objects) -> dict[str, str]:
    """Of both quotas."""
    held = api.held["resourcequotas"]
    pods, claims = (held["a", name]["spec"]["hard"] for name in freeze.NAMES)
    assert list(pods) == ["requests.nvidia.com/gpu"] and list(claims) == [CLAIM]
    return pods | claims


def test_a_freeze_that_spares_a_class_is_two_quotas_that_come_and_go_together() -> None:
    """A quota of claims that stayed behind would hold a team for ever, and nobody would know of it."""
    api = Objects()
    assert freeze.freeze(api, SPARING, "f", NOW).state == "executed"
    assert hard(api) == {"requests.nvidia.com/gpu": "3", CLAIM: "2"}
    assert "nothing is sent" in freeze.freeze(api, SPARING, "f", NOW).detail and len(api.writes) == 2
    assert freeze.freeze(api, SPARING, "other", NOW).detail.startswith("frozen_already")
    assert freeze.thaw(api, "a", NOW, "f").detail == "a is given devices again"
    assert not api.held["resourcequotas"] and "already" in freeze.thaw(api, "a", NOW, "f").detail


def test_half_a_freeze_is_neither_called_refused_nor_forgotten() -> None:
    """Called refused, nobody would end the half that is there."""
    api = Objects()
    api.faults = [("create", ""), ("create", "forbidden")]
    assert freeze.freeze(api, SPARING, "f", NOW) is None
    held = api.held["resourcequotas"]
    assert set(held) == {("a", freeze.NAME)}
    api.faults = [("create", "forbidden")]
    assert freeze.freeze(api, SPARING, "f", NOW) is None, "and at the next tick"
    assert freeze.freeze(api, SPARING, "f", NOW).state == "executed" and len(held) == 2
    api.denied = {("delete", "resourcequotas")}
    assert freeze.thaw(api, "a", NOW, "f").state == "failed", "tried again at each tick"
    api.denied = set()
    api.delete(RESOURCE_QUOTAS, "a", freeze.NAME, held["a", freeze.NAME]["metadata"]["uid"])
    assert freeze.thaw(api, "a", NOW, "f").state == "undone" and not held


def test_room_is_made_in_the_quota_of_claims_too() -> None:
    api, thing = Objects(), {"metadata": {"namespace": "a"}, **daemons(1)}
    request = {"requests": [{"exactly": {"deviceClassName": "gpu", "count": 4}}]}
    api.put(CLAIM_TEMPLATES, "a", "t", spec={"spec": {"devices": request}})
    pod = thing["spec"]["template"]["spec"]
    pod["resourceClaims"] = [{"name": "c", "resourceClaimTemplateName": "t"}]
    freeze.freeze(api, SPARING, "f", NOW)
    assert lend(api, thing, thing["spec"]["template"], "r") == "the freeze of a is raised for its surge"
    assert hard(api) == {"requests.nvidia.com/gpu": "5", CLAIM: "6"}
    ledger = MemoryLedger()
    held = Target("lab", "a", "Namespace", "a")
    publish(ledger, Taken("f", "executed", "freeze", "", held, "", "", "", None, "", ""), NOW)
    assert [t.state for t in room_back(ledger, ledger, {"lab": api}, NOW)] == ["verified"]
    assert hard(api) == {"requests.nvidia.com/gpu": "3", CLAIM: "2"}


@pytest.mark.parametrize("state", ["executed", "verified", "failed"])
def test_the_tick_after_a_rollback_takes_the_room_back(state: str) -> None:
    """Also after a crash at any point: the quota itself says for whom it was raised."""
    api, thing = frozen()
    lend(api, thing, thing["spec"]["template"], "r")
    ledger, clients = MemoryLedger(), {"lab": api}
    held, ours = Target("lab", "a", "Namespace", "a"), Target("lab", "a", "DaemonSet", "d")
    publish(ledger, Taken("f", "executed", "freeze", "", held, "", "", "", None, "", ""), NOW)
    for step in ("approved", "executed", state):
        publish(ledger, Taken("r", step, "rollback", "x", ours, "m", "2", "1", None, "", ""), NOW)
    told = [t.state for t in room_back(ledger, ledger, clients, NOW)]
    assert told == ([] if state == "executed" else ["verified"])
    hard = api.get(RESOURCE_QUOTAS, "a", freeze.NAME)["spec"]["hard"]
    assert hard == {"requests.nvidia.com/gpu": "5" if state == "executed" else "3"}
    assert not [*room_back(ledger, ledger, clients, NOW)]
