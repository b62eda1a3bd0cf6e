"""`driftledger actions`, `freeze` and `quotas` as a person types them."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

import pytest

from pipeline.actuator.quotas import LIMIT_RANGES
from pipeline.cli.app import main
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import narrative
from pipeline.explain.page import page
from pipeline.store import Store
from tests.act.cluster_scene import TOKEN, cluster
from tests.act.rollback_scene import NOW, Scene, fill, policy
from tests.act.test_ladder import cluster as devices

MINUTE = timedelta(minutes=1)
PROPOSE = policy("propose")


def test_a_proposal_is_looked_at_agreed_to_and_put_back_by_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pipeline.cli.actions.now", lambda: NOW + MINUTE)
    folder, token = tmp_path / "ledger", tmp_path / "token"
    token.write_text(TOKEN)

    def typed(*words: str, code: int = 0, at=folder) -> str:
        with pytest.raises(SystemExit) as end:
            main(["actions", *words, "--store", str(at)])
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.out + printed.err
        return printed.out + printed.err

    def tick(minute: int) -> list[str]:
        with Store.open(folder) as store:
            return [t.state for t in Scene(store, lab).tick(NOW + minute * MINUTE, rules=PROPOSE)]

    with cluster("v1", "v2") as lab:
        with Store.open(folder) as store:
            fill(store)
        assert tick(0) == ["proposed"]
        assert "proposed" in typed("list", "--window", "2026-11-24")
        (action,) = re.findall(r"approve ([0-9a-f]{12}) --token", shown := typed("show", listed(folder)))
        assert "for approval: roll Deployment/fraud back" in shown and "offered until" in shown
        denied = shutil.copytree(folder, tmp_path / "denied")
        assert "denied by ana: holiday" in typed(
            "deny", action, "--why", "holiday", "--actor", "ana", at=denied
        )
        assert "waits for no approval" in typed("approve", action, "--token", "x", code=3, at=denied)
        assert "prints" in typed("approve", action, "--token", "0" * 24, code=4)
        (key,) = re.findall(r"--token ([0-9a-f]{24})", shown)
        assert f"granted {action}: approved by ana" in typed(
            "approve", action, "--token", key, "--actor", "ana"
        )
        assert tick(2) == ["approved", "executed"] and lab.serving() == "v1"
        assert "waits for no approval" in typed("deny", action, code=3)
        lab.server.tick()
        assert tick(3) == ["verified"]
        reach = ("--cluster", "lab", "--server", lab.server.url, "--token-file", str(token))
        assert "undone" in typed("undo", action, *reach) and lab.serving() == "v2"
        journal = typed("journal", "--window", "2026-11-24", "--gpu-hour-price", "2")
        assert "Deployment/fraud" in journal and "v1" in journal and "v2" in journal
    assert "the ledger know fraud-accuracy" in typed("mute", "fraud-acuracy", "--hours", "1", code=4)
    monkeypatch.setenv("DRIFTLEDGER__UP__POLICY", str(tmp_path / "gone.yaml"))
    assert "granted" in typed("mute", "fraud-accuracy", "--hours", "1"), "a broken file must not keep it on"
    what_a_person_said_is_no_sign_of_tampering(folder, "mute")
    assert re.search(r"granted +mute +- ", typed("list", "--window", "2026-11-24"))


def test_a_namespace_is_frozen_looked_at_and_given_devices_again(tmp_path, capsys, monkeypatch):
    """Without --yes nothing is written; what is written is named, and put back by the same command."""
    api = devices()
    api.close = lambda: None
    api.put(LIMIT_RANGES, "team-a", "most", spec={"limits": [{"type": "Container", "max": {"cpu": "4"}}]})
    monkeypatch.setattr("pipeline.actuator.kubernetes.Kubernetes", lambda connection: api)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    reach = ("--cluster", "lab", "--server", "https://127.0.0.1:9", "--token-file", str(token))

    def typed(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main([*words, *reach])
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.out + printed.err
        return printed.out + printed.err

    freeze = ("freeze", "team-a", "--store", str(tmp_path / "ledger"))
    told = typed(*freeze)
    assert re.search(r"5  requests.nvidia.com/gpu", told) and "nothing is written without --yes" in told
    assert api.writes == []
    assert "executed" in typed(*freeze, "--hours", "2", "--yes")
    assert "frozen_already" in typed(*freeze, "--yes", code=6)
    what_a_person_said_is_no_sign_of_tampering(tmp_path / "ledger", "freeze")
    seen = typed("quotas", "team-a")
    assert "driftledger-freeze" in seen and "requests.nvidia.com/gpu" in seen and "LimitRange" in seen
    assert "undone" in typed(*freeze, "--undo")
    assert not api.held["resourcequotas"]
    typed(*freeze, "--undo", code=6)


def what_a_person_said_is_no_sign_of_tampering(folder, kind: str) -> None:
    """No rule decided it, so there is nothing to compute again; `explain` said that other rules had."""
    with Store.open(folder, read_only=True) as store:
        rows = store.query("action_rows", prefix="").to_pylist()
    found = explain(folder, next(r["action_id"] for r in rows if r["kind"] == kind))
    told = "\n".join(narrative(found))
    assert found.identical and "a person said it, and no rule decided" in told
    assert " of / in /" not in told and "cannot be read" not in told
    assert "person said it" in page(found, None)


def listed(folder) -> str:
    with Store.open(folder, read_only=True) as store:
        return str(store.query("action_rows", prefix="").to_pylist()[0]["action_id"])
