"""When a freeze ends, whatever became of the note that says so, and the room it makes for one rollback."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.act.events import Taken, publish
from pipeline.act.freezing import room_back
from pipeline.actuator import freeze
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError
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

    def get(self, *_: object) -> dict:
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
