"""A person's word: yes to one plan until a time, no for good, rest for a rule, and back to what was."""

from __future__ import annotations

import getpass
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards import persons
from pipeline import judge
from pipeline.act.approvals import approve, deny, lapsed, mute, offer
from pipeline.act.events import Taken, publish
from pipeline.act.tick import act
from pipeline.act.undo import undo
from pipeline.canonical import canonical
from pipeline.errors import ConfigError, NotFound
from pipeline.explain.explanation import explain
from pipeline.settings.dashboard import DashboardSettings
from pipeline.store import Store
from tests.act.cluster_scene import TARGET, cluster
from tests.act.memory_ledger import MemoryLedger
from tests.act.rollback_scene import NOW, PARAMETERS, Scene, fill, policy
from tests.pages.test_pages import opened

MINUTE = timedelta(minutes=1)
PROPOSE = policy("propose")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A ledger and its verdicts, made once: judging is most of the time."""
    folder = tmp_path_factory.mktemp("judged")
    with Store.open(folder) as store:
        fill(store)
        found, _ = judge.tick(store, NOW, PARAMETERS)
    return folder, found


@pytest.fixture
def s(judged, tmp_path):
    folder, found = judged
    shutil.copytree(folder, tmp_path / "ledger")
    with Store.open(tmp_path / "ledger") as store, cluster("v1", "v2") as lab:
        yield Acting(store, lab, found)


class Acting(Scene):
    def __init__(self, store, lab, found) -> None:
        super().__init__(store, lab)
        self.found = found

    def tick(self, now=NOW, *, rules=None):
        given = (self.store, self.embedded, self.found, rules or policy(), self.clients, now)
        return act(*given, parameters=PARAMETERS)


def tick(s, minutes: int, rules=PROPOSE):
    return [t.state for t in s.tick(NOW + minutes * MINUTE, rules=rules)]


def proposed(s):
    (taken,) = s.tick(rules=PROPOSE)
    return taken.action_id, offer(s.store, taken.action_id)


def test_an_approved_plan_is_carried_out_once(s):
    action_id, waiting = proposed(s)
    approve(s.store, s.embedded, action_id, waiting.token, "ana", NOW + MINUTE)
    assert tick(s, 2) == ["approved", "executed"]
    assert s.lab.serving() == "v1"
    s.lab.server.tick()
    assert tick(s, 3) == ["verified"] and tick(s, 4) == []
    assert s.lab.asked("patch") == 1


def test_a_wrong_token_or_one_that_is_late_approves_nothing(s):
    action_id, waiting = proposed(s)
    with pytest.raises(ConfigError, match="token"):
        approve(s.store, s.embedded, action_id, "0" * 24, "ana", NOW)
    with pytest.raises(ConfigError, match="offer ended"):
        approve(s.store, s.embedded, action_id, waiting.token, "ana", waiting.expires)
    assert tick(s, 1) == [] and s.lab.asked("patch") == 0
    told = [
        (r["kind"], r["state"], r["detail"])
        for r in s.store.query("action_parts", action_id=action_id).to_pylist()
    ]
    assert [t[:2] for t in told] == [("approval", "refused")] * 2
    assert "by ana" in told[0][2] and "another plan" in told[0][2] and "the offer ended" in told[1][2]
    assert offer(s.store, action_id).token == waiting.token, "a wrong guess takes the offer from nobody"


def test_an_approval_that_ran_out_sends_nothing_and_says_so_once(s):
    """Agreed to in the evening, and no tick until the next day: what was true then is not now."""
    action_id, waiting = proposed(s)
    approve(s.store, s.embedded, action_id, waiting.token, "ana", NOW)
    late = (waiting.expires - NOW) // MINUTE
    assert tick(s, late) == ["refused", "refused"], "the approval, and the verdict that is old by now"
    assert tick(s, late + 1) == [] and s.lab.asked("patch") == 0
    happened = [step["detail"] for step in explain(s.store.location, action_id).happened]
    assert (
        "approval by ana refused: its time was over before a tick could carry it out; nothing was sent"
        in happened
    )


@pytest.mark.parametrize("denied", [False, True])
def test_a_no_after_a_yes_is_the_last_word(denied):
    """Days later the ledger must not say that nobody came in time, where a person took it back."""
    ledger = MemoryLedger()
    said = canonical({"plan": "p", "expires": NOW + MINUTE, "by": "ana"})
    given = Taken("a", "granted", "rollback", "r", TARGET, "m", "2", "1", None, said, "")
    publish(ledger, given._replace(state="proposed", evidence=""), NOW)
    publish(ledger, given, NOW)
    if denied:
        publish(ledger, given._replace(state="denied", evidence=""), NOW)
    told = [t.state for t in lapsed(ledger, ledger, NOW + MINUTE)]
    assert told == ([] if denied else ["refused"])


def test_an_approval_is_of_one_plan_and_not_of_the_next(s):
    """Somebody scales the Deployment after the yes: the patch that was agreed to is no longer the one."""
    action_id, waiting = proposed(s)
    approve(s.store, s.embedded, action_id, waiting.token, "ana", NOW)
    s.lab.edit(lambda d: d["spec"].update(replicas=6))
    s.lab.server.tick()
    assert tick(s, 1) == ["proposed"]
    assert offer(s.store, action_id).token != waiting.token
    assert s.lab.asked("patch") == 0


def test_what_was_denied_stays_undone(s):
    action_id, waiting = proposed(s)
    deny(s.store, s.embedded, action_id, "ana", "holiday", NOW)
    assert tick(s, 1) == []
    with pytest.raises(NotFound):
        approve(s.store, s.embedded, action_id, waiting.token, "ana", NOW)


def test_a_muted_rule_rests_until_its_time(s):
    with pytest.raises(ConfigError, match="name a rule"):
        mute(s.embedded, " ", timedelta(hours=1), "ana", NOW)
    mute(s.embedded, "fraud-accuracy", timedelta(hours=1), "ana", NOW)
    (taken,) = s.tick(NOW, rules=policy())
    assert taken.state == "refused" and taken.detail.startswith("not_muted")
    mute(s.embedded, "fraud-accuracy", timedelta(0), "ana", NOW + MINUTE)
    assert tick(s, 2, policy()) == ["proposed", "approved", "executed"]


def test_undo_restores_what_was_and_no_rule_does_it_again(s):
    before = s.lab.deployment["spec"]
    (first, *_) = s.tick()
    s.lab.server.tick()
    s.tick(NOW + MINUTE)
    back = undo(s.store, s.embedded, first.action_id, s.lab.client, "lab", "ana", NOW + 2 * MINUTE)
    assert [t.state for t in back] == ["proposed", "approved", "executed", "undone"]
    assert s.lab.deployment["spec"] == before
    s.lab.server.tick()
    assert tick(s, 3)[0] == "verified"
    (refused,) = s.tick(NOW + 4 * MINUTE)
    assert refused.detail.startswith("no_ping_pong") and s.lab.serving() == "v2"


def test_undo_does_not_overwrite_a_later_change(s):
    (first, *_) = s.tick()
    s.lab.server.tick()
    s.lab.deploy("v3")
    with pytest.raises(ConfigError, match="changed after"):
        list(undo(s.store, s.embedded, first.action_id, s.lab.client, "lab", "ana", NOW + MINUTE))
    assert s.lab.serving() == "v3"


def test_the_inbox_shows_what_waits_its_evidence_and_the_line_that_approves_it(s, monkeypatch):
    """Who is called sees the proposal that waits without a click; without the right there is no button."""
    action_id, waiting = proposed(s)
    monkeypatch.setattr(persons, "clock", lambda: NOW + 2 * MINUTE)
    page = opened("actions", Path(s.store.location.folder), monkeypatch, window="24h")
    assert any(action_id[:8] in frame.value.to_string() for frame in page.dataframe), page.info
    assert f"Offered to a person: {action_id[:12]}" in [info.value for info in page.info]
    told = "\n".join(block.value for block in page.code)
    assert waiting.token in told and "passed  kill_switch" in told and "identical, byte for byte" in told
    assert "completeness" not in " ".join(text.value for text in page.text)
    assert not [b for b in page.button if b.label in ("Approve this plan", "Deny for good", "Undo")]
    monkeypatch.setattr(persons, "clock", lambda: waiting.expires)
    told = "\n".join(block.value for block in page.run().code)
    assert waiting.token not in told and any("The offer ended at" in text.value for text in page.text)


def test_those_who_may_approve_and_undo_on_the_page(s, monkeypatch):
    """The page writes a person's word; the next tick, which has the rights, carries it out."""
    action_id, _ = proposed(s)
    monkeypatch.setenv("DRIFTLEDGER__DASHBOARD__APPROVERS", f"ana, {getpass.getuser()}")
    folder = Path(s.store.location.folder)

    def pressed(label: str):
        page = opened("actions", folder, monkeypatch, window="24h", action=action_id)
        next(b for b in page.button if b.label == label).click().run()
        assert not page.exception
        return page

    monkeypatch.setattr(persons, "clock", lambda: NOW + 2 * MINUTE)
    pressed("Approve this plan")
    assert tick(s, 3) == ["approved", "executed"]
    s.lab.server.tick()
    assert tick(s, 4) == ["verified"]
    monkeypatch.setattr(persons, "clock", lambda: NOW + 5 * MINUTE)
    page = pressed("Undo")
    assert s.lab.serving() == "v1", "the page has no rights in the cluster"
    assert any("undo asked by" in text.value and "next tick" in text.value for text in page.text)
    assert not [b for b in page.button if b.label == "Undo"], "asked once is enough"
    done = tick(s, 6)
    assert done[:4] == ["proposed", "approved", "executed", "undone"] and s.lab.serving() == "v2"
    assert not {"undone", "executed"} & set(tick(s, 7, policy("observe"))), "it is done once"


def test_a_no_on_the_page_is_for_good_and_keeps_its_reason(s, monkeypatch):
    """Who presses Deny must not find the same proposal there again a minute later."""
    action_id, _ = proposed(s)
    monkeypatch.setenv("DRIFTLEDGER__DASHBOARD__APPROVERS", getpass.getuser())
    monkeypatch.setattr(persons, "clock", lambda: NOW + 2 * MINUTE)
    page = opened("actions", Path(s.store.location.folder), monkeypatch, window="24h", action=action_id)
    next(t for t in page.text_input if t.label == "Reason of a no").set_value("v1 leaks memory").run()
    next(b for b in page.button if b.label == "Deny for good").click().run()
    assert not page.exception
    assert not [b for b in page.button if b.label == "Approve this plan"]
    (row,) = s.store.query("action_state", action_id=action_id, state="denied").to_pylist()
    assert row["detail"] == f"denied by {getpass.getuser()}: v1 leaks memory"
    assert tick(s, 3) == [] and s.lab.serving() == "v2"


def test_who_reads_is_told_by_the_proxy_or_is_the_user_of_this_machine():
    """A page that others can reach must not take every reader for the user who started it."""
    me = getpass.getuser()
    assert persons.may(DashboardSettings(approvers=me)) == me
    assert persons.may(DashboardSettings(approvers="")) == ""
    assert persons.may(DashboardSettings(approvers=me, host="0.0.0.0")) == ""  # noqa: S104
    assert persons.may(DashboardSettings(approvers=me, user_header="X-Forwarded-User")) == ""
