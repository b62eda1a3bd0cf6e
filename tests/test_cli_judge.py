"""From a user's own files to one rollback, by commands alone: reference, replay, judge, explain."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.policy_file import parse
from tests.cluster_scene import TOKEN, cluster

START = datetime(2026, 11, 20, tzinfo=UTC)
PAGE = (Path(__file__).parent.parent / "docs" / "judging.md").read_text(encoding="utf-8")
POLICY = re.search(r"```yaml\n(.*?)```", PAGE, re.S).group(1)


def events(version: str, first: int, minutes: int, error: float, seed: int) -> str:
    """Predictions and their labels, ten a minute, as lines of CloudEvents."""
    rng = np.random.default_rng(seed)
    lines = []
    for minute in range(first, first + minutes):
        when = (START + timedelta(minutes=minute, seconds=30)).isoformat()
        ids = [f"{version}-{minute}-{i}" for i in range(10)]
        truth = rng.choice(["fraud", "honest"], 10)
        said = np.where(rng.random(10) < error, np.where(truth == "fraud", "honest", "fraud"), truth)
        rows = zip(ids, said, rng.random(10), rng.normal(size=10), truth, strict=True)
        predictions, labels = [], []
        for name, answer, score, amount, right in rows:
            known = {"model": "fraud", "prediction_id": name, "time": when}
            said_of = {"model_version": version, "prediction": str(answer), "score": float(score)}
            predictions.append(
                known | said_of | {"latency_seconds": 0.05, "features": {"amount": float(amount)}}
            )
            labels.append(known | {"label": str(right)})
        for kind, data in (("inference", predictions), ("label", labels)):
            place = {"id": f"{minute}", "source": f"{kind}/{version}", "sequence": f"{1_000 + minute}"}
            about = {"specversion": "1.0", "type": f"driftledger.{kind}.v1", "data": data}
            lines.append(json.dumps(place | about))
    return "\n".join(lines) + "\n"


def driftledger(*arguments: str | Path, code: int = 0) -> str:
    command = [str(Path(sys.executable).parent / "driftledger"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two hours of version v1 as it should be, judged; then forty minutes of v2, which errs."""
    folder = tmp_path / "ledger"
    (tmp_path / "good.jsonl").write_text(events("v0", -300, 200, 0.05, 1))
    (tmp_path / "v1.jsonl").write_text(events("v1", 0, 120, 0.05, 2))
    (tmp_path / "v2.jsonl").write_text(events("v2", 120, 40, 0.4, 3))
    made = driftledger("reference", "create", "fraud", tmp_path / "good.jsonl", "--positive-class", "fraud",
                       "--store", folder)  # fmt: skip
    assert "2,000 predictions of fraud" in made
    driftledger("replay", "events", tmp_path / "v1.jsonl", "--store", folder)
    driftledger("judge", "--store", folder)
    driftledger("replay", "events", tmp_path / "v2.jsonl", "--store", folder)
    return folder


def test_a_worse_version_is_found_rolled_back_once_and_explained(ledger: Path, tmp_path: Path) -> None:
    """What a user types on the page docs/judging.md, with a cluster that runs v2."""
    (tmp_path / "policy.yaml").write_text(POLICY.replace("mode: observe", "mode: auto"))
    with cluster("v1", "v2") as lab:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        acting = ("judge", "--store", ledger, "--policy", tmp_path / "policy.yaml", "--cluster", "lab",
                  "--server", lab.server.url, "--token-file", token)  # fmt: skip
        first = driftledger(*acting, code=6)
        driftledger(*acting, code=6)
        patches = [a for a in lab.server.audit if a.verb == "patch" and not a.dry_run]
    assert len(patches) == 1
    action = re.search(r"executed ([0-9a-f]{12})", first).group(1)
    assert "identical, byte for byte" in driftledger("explain", action, "--store", ledger)


def test_without_a_policy_nothing_is_asked_and_the_finding_sets_the_exit_code(ledger: Path) -> None:
    answer = json.loads(driftledger("judge", "--store", ledger, "-o", "json", code=6))
    levels = {(r["model_version"], r["detector"]): r["level"] for r in answer["rows"]}
    assert levels["v2", "accuracy"] == "act" and levels["v1", "accuracy"] != "act"
    assert "not ISO 8601" in driftledger("judge", "--store", ledger, "--at", "soon", code=2)


def test_a_reference_is_made_once_and_its_mistakes_are_sentences(ledger: Path, tmp_path: Path) -> None:
    again = driftledger("reference", "create", "fraud", tmp_path / "good.jsonl", "--positive-class", "fraud",
                        "--store", ledger)  # fmt: skip
    assert "already, with the same content" in again
    listed = json.loads(driftledger("reference", "list", "--store", ledger, "-o", "json"))
    assert [(r["model"], r["labelled"]) for r in listed["rows"]] == [("fraud", 2_000)]
    driftledger("reference", "create", "nobody", tmp_path / "good.jsonl", "--store", ledger, code=3)
    driftledger("reference", "create", "fraud", tmp_path / "good.jsonl", "--positive-class", "x",
                "--store", ledger, code=4)  # fmt: skip


def test_the_policy_on_the_page_is_one() -> None:
    policy = parse(POLICY)
    assert [(r.name, r.mode) for r in policy.rules] == [("fraud-accuracy", "observe")]
