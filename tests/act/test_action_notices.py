"""Actions are told once to each receiver, as text, and never into the wrong network."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.object_event import EVENTS
from pipeline.alerts import action_delivery, notice
from pipeline.alerts.notice import Notice
from pipeline.errors import ConfigError
from pipeline.outgoing import Undelivered
from pipeline.secret import Secret
from pipeline.settings.alerts import AlertSettings
from tests.act.objects_api import Objects
from tests.alert_receiver import receiving

NOW = datetime(2026, 11, 24, 12)
HOSTILE = "<!channel> [x](https://e.example) *b*\nkind: Pod"
DONE = Notice(
    "a" * 64, "executed", NOW, "freeze", "money", "lab", "team-a", "Namespace/team-a", "", "", "",
    f"held to 3 devices; {HOSTILE}", "{}", "freeze team-a at 100% spent; 120.00 of 100.00 USD are spent",
)  # fmt: skip


def test_a_receiver_is_told_what_was_done_why_and_how_to_put_it_back():
    event = notice.cloud_event(DONE, "https://pages.example/")
    assert (event["id"], event["type"]) == (f"{'a' * 64}/executed", "driftledger.action.v1")
    assert "120.00 of 100.00 USD" in event["data"]["summary"]
    assert event["data"]["command"] == "driftledger actions undo aaaaaaaaaaaa --cluster lab"
    assert event["data"]["link"] == f"https://pages.example/actions?action={'a' * 64}"
    (alert,) = notice.alertmanager(DONE, "")
    assert (
        alert["labels"]["action"] == "a" * 64 and "startsAt" in alert and alert["endsAt"] > alert["startsAt"]
    )
    (over,) = notice.alertmanager(notice.Notice(**{**_fields(), "state": "undone"}), "")
    assert over["endsAt"] == "2026-11-24T12:00:00.000Z" and over["labels"] == alert["labels"]


def test_what_failed_says_why_and_calls_until_it_is_put_back():
    """An Event on the object has one sentence; an alert that resolves by itself wakes nobody."""
    words = "not put back, and tried again at each tick: jobs/train: forbidden"
    failed = notice.Notice(**{**_fields(), "state": "failed", "detail": words})
    assert notice.summary(failed) == f"freeze of lab/team-a/Namespace/team-a failed: {words}"
    (alert,) = notice.alertmanager(failed, "")
    assert alert["endsAt"] > alert["startsAt"] and alert["annotations"]["state"] == "failed"
    assert notice.slack(failed, "")["text"].count("jobs/train") == 1


def _fields() -> dict:
    return {name: getattr(DONE, name) for name in Notice.__slots__}


def test_a_name_from_outside_is_no_mention_and_no_link_in_slack():
    said = notice.slack(DONE, "")
    assert said["blocks"][0]["text"]["type"] == "plain_text"
    assert "<" not in said["text"] and "&lt;!channel&gt;" in said["text"]


def test_an_event_stands_on_the_object_once():
    api = Objects()
    send = action_delivery.to_objects({"lab": api})
    send(DONE)
    send(DONE)
    ((_, made),) = api.held["events.events.k8s.io"].items()
    assert made["regarding"] == {
        "kind": "ResourceQuota", "name": "driftledger-freeze", "namespace": "team-a", "apiVersion": "v1",
    }  # fmt: skip
    assert made["reportingController"] == "driftledger.io/actuator" and len(made["note"].encode()) <= 1024
    api.faults = [("create", "forbidden")]
    with pytest.raises(Undelivered, match="no Event in lab"):
        send(notice.Notice(**{**_fields(), "action_id": "b" * 64}))
    assert EVENTS.words == "events.events.k8s.io"


@pytest.mark.parametrize("kind", TARGETS)
def test_an_event_names_the_very_object_so_that_kubectl_describe_lists_it(kind):
    """It asks for Events by uid, `kubectl events --for` by API version: without them nobody sees it."""
    api, of = Objects(), TARGETS[kind].resource
    api.put(of, "ml", "fraud")
    send = action_delivery.to_objects({"lab": api})
    send(notice.Notice(**{**_fields(), "namespace": "ml", "workload": f"{kind}/fraud"}))
    ((_, made),) = api.held["events.events.k8s.io"].items()
    assert made["regarding"] == {
        "kind": kind, "name": "fraud", "namespace": "ml", "apiVersion": f"{of.group}/{of.version}",
        "uid": "uid-1",
    }  # fmt: skip


def test_slack_and_webhook_stay_out_of_private_networks():
    with pytest.raises(ConfigError, match=r"alerts.slack"):
        action_delivery.receivers(AlertSettings(slack=Secret("http://hooks.example/x")))
    (send,) = action_delivery.receivers(AlertSettings(slack=Secret("https://127.0.0.1:9/secret"))).values()
    with pytest.raises(Undelivered, match="private address") as raised:
        send(DONE)
    assert "secret" not in str(raised.value)


def test_the_told_body_is_json(tmp_path):
    for said in (notice.cloud_event(DONE, ""), notice.alertmanager(DONE, ""), notice.slack(DONE, "")):
        assert json.loads(json.dumps(said, allow_nan=False)) == said


def test_webhook_alertmanager_and_slack_get_an_action_as_they_take_it():
    """Over a real connection: path, identity and body are what each of them reads."""
    with receiving() as receiver:
        chosen = AlertSettings(
            webhook=Secret(f"{receiver.url}/hook"), webhook_token=Secret("t0"), alertmanager=receiver.url,
            slack=Secret(f"{receiver.url}/slack"), allow_private=True,
        )  # fmt: skip
        for send in action_delivery.receivers(chosen).values():
            send(DONE)
    taken = {path: (headers, body) for path, headers, body in receiver.taken}
    assert set(taken) == {"/hook", "/api/v2/alerts", "/slack"}
    headers, event = taken["/hook"]
    assert headers["Authorization"] == "Bearer t0" and headers["Idempotency-Key"] == DONE.alert_id
    assert event["id"] == f"{'a' * 64}/executed" and event["data"]["summary"]
    assert taken["/api/v2/alerts"][1][0]["labels"]["action"] == "a" * 64
    assert taken["/slack"][1]["blocks"][0]["text"]["type"] == "plain_text"
