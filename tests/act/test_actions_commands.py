"""`driftledger actions` as a person types it: look, agree, put back, let rest."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

import pytest

from pipeline.cli.app import main
from pipeline.store import Store
from tests.act.cluster_scene import TOKEN, cluster
from tests.act.rollback_scene import NOW, Scene, fill, policy

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
    assert "granted" in typed("mute", "fraud-accuracy", "--hours", "1")


def listed(folder) -> str:
    with Store.open(folder, read_only=True) as store:
        return str(store.query("action_rows", prefix="").to_pylist()[0]["action_id"])
