"""The allocation collector beside a real control plane: its intervals are those of the audit log."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation import cluster_truth
from tests.allocation.truthful_day import is_a_day, lived
from tests.command import Command
from tests.rig import cluster_objects as objects
from tests.rig.cluster_day import PLUGIN
from tests.waiting import until

SECOND = timedelta(seconds=1.2)
"""Kubernetes writes whole seconds, and writes them down before the API server has its answer."""
RIGHTS = Path(__file__).parents[2] / "deploy" / "allocation-rbac.yaml"
KILLED, STARTED, RESTARTED = "one of two gone", "rolled out anew", "the API server restarted"
Held = tuple[str, str, str, str]
Row = dict[str, Any]
Span = tuple[datetime, datetime]


@pytest.mark.parametrize("away_seconds", [3.0, pytest.param(60.0, marks=pytest.mark.soak)])
def test_a_day_of_a_cluster_is_told_as_it_was(cluster: Kube, tmp_path: Path, away_seconds: float) -> None:
    """Whatever the bill says was held was held, to the second, through rollouts, a drain and restarts."""
    port = free_port()
    config, ledger = config_of(cluster, tmp_path, port), tmp_path / "ledger"
    command = Command(config, "collect", "allocation", "--store", str(ledger))
    before, names = sum(1 for _ in cluster.audited()), {}
    day = lived(cluster, before, away_seconds)
    with command:
        caught_up(tmp_path)
        for step in day:
            names |= _names(cluster)
            if step == KILLED:
                break
        caught_up(tmp_path)
        ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        assert ready.status_code == 200 and "right to" not in ready.text, "the rights that we ship suffice"
    for step in day:
        if step == STARTED:
            break
    with command:
        caught_up(tmp_path)
        with _asked(f"http://127.0.0.1:{port}/readyz") as answers:
            for step in day:
                if step == RESTARTED:
                    caught_up(tmp_path)
        caught_up(tmp_path)
        ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        assert ready.status_code == 200, ready.text
    lost = [text for status, text in answers if status == 503 and "API server" in text]
    assert lost and answers[0][0] == 200, "while the API server was away it was not ready, and said so"
    held = _truth(cluster, before)
    is_a_day(held)
    with Store.open(ledger) as store:
        rows, gaps = store.rows("allocations").to_pylist(), store.rows("gaps").to_pylist()
    told, blind = _told([row for row in rows if row["claim_uid"]]), _blind(gaps, "resourceclaims")
    truth = {_key(h, names): h for h in held}
    assert len(truth) == len(held) and not told.keys() - truth.keys()
    wrong = [k for k, h in truth.items() if not _explained(h, told.get(k), blind)]
    assert not wrong, "\n".join(f"{truth[k]}\n{told.get(k)}" for k in wrong) + f"\nblind: {blind}"
    seen = [told[k] for k in truth if k in told and told[k]["end_quality"] != "gap"]
    assert len(seen) > len(truth) / 2, "a gap must not explain the day away"
    assert all(end - start < timedelta(seconds=40 + away_seconds) for start, end in blind)
    assert {g["kind"] for g in gaps} <= {"begins", "restart", "away", "relist"}
    assert "restart" in {g["kind"] for g in gaps if g["detail"] == "resourceclaims"}
    _of_the_plugin_too(cluster, before, [row for row in rows if not row["claim_uid"]], _blind(gaps, "pods"))


def _of_the_plugin_too(cluster: Kube, before: int, rows: list[Row], blind: list[Span]) -> None:
    """Pods that ask for nvidia.com/gpu are in no claim: the log's bindings and ends are their truth."""
    held = {h.pod_uid: h for h in cluster_truth.plugin_holds(list(cluster.audited())[before:], PLUGIN)}
    assert len(held) == 4, "two pods, rolled out anew"
    told = {consumer: row for (_, consumer, _, _), row in _told(rows).items()}
    assert not told.keys() - held.keys()
    wrong = [uid for uid, h in held.items() if not _explained(h, told.get(uid), blind)]
    assert not wrong, "\n".join(f"{held[uid]}\n{told.get(uid)}" for uid in wrong) + f"\nblind: {blind}"
    assert any(row["end_quality"] != "gap" for row in told.values()), "a gap must not explain all of it away"
    for device in {row["device"] for row in told.values()}:
        turns = sorted((row["start"], row["end"]) for row in told.values() if row["device"] == device)
        assert all(end <= start + SECOND for (_, end), (start, _) in pairwise(turns)), device


def _blind(gaps: list[Row], kind: str) -> list[Span]:
    return [
        (_naive(g["start"]), _naive(g["end"])) for g in gaps if g["detail"] == kind and g["kind"] != "begins"
    ]


@contextmanager
def _asked(url: str) -> Iterator[list[tuple[int, str]]]:
    """What a probe hears ten times a second, while it is entered."""
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            answer = requests.get(url, timeout=5)
            answers.append((answer.status_code, answer.text))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join(10)


def config_of(cluster: Kube, tmp_path: Path, port: int, **allocation: Any) -> Path:
    role = next(d for d in yaml.safe_load_all(RIGHTS.read_text()) if d["kind"] == "ClusterRole")
    objects.namespace(cluster)
    access = cluster.account("default", "allocation")
    cluster.grant("default", "allocation", role["rules"])
    token = tmp_path / "token"
    token.write_text(access.token)
    settings = {
        "collect": {"cluster": "c", "state_folder": str(tmp_path / "state"), "health_port": port},
        "allocation": {
            "server": access.server, "token_file": str(token), "ca": str(access.ca),
            "turn_seconds": 0.2, "beat_seconds": 1.0, **allocation,
        },
    }  # fmt: skip
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings))
    return config


def caught_up(tmp_path: Path) -> None:
    """The collector has kept all that happened until now."""
    now = time.time() + 1

    def seen() -> float:
        found = [json.loads(f.read_text())["cursor"] for f in tmp_path.glob("state/**/cursor.json")]
        return max((c["seen"] / 1e6 for c in found if c), default=0)

    until(lambda: seen() > now, "the collector to catch up", 90, lambda: seen() - now)


def _truth(cluster: Kube, before: int) -> list[cluster_truth.Hold]:
    """At the end of the day nothing is held any more; the log's last line may take a moment."""

    def held() -> list[cluster_truth.Hold]:
        found = cluster_truth.holds(list(cluster.audited())[before:])
        return found if all(h.end is not None for h in found) else []

    return until(held, "the log of the end of the day", 10)


def _names(cluster: Kube) -> dict[str, str]:
    """driver/pool/device to the vendor's name of it."""
    found = {}
    for one in cluster.request("GET", f"{objects.RESOURCE}/resourceslices")["items"]:
        spec = one["spec"]
        for device in spec.get("devices") or ():
            address = f"{spec['driver']}/{spec['pool']['name']}/{device['name']}"
            uuid = device.get("attributes", {}).get("uuid", {}).get("string")
            found[address] = uuid or address
    return found


def _key(hold: cluster_truth.Hold, names: dict[str, str]) -> Held:
    return hold.claim_uid, hold.pod_uid, names[hold.device], hold.share


def _told(rows: list[Row]) -> dict[Held, Row]:
    """Intervals of one holder that follow on each other, since shares changed, as one."""
    told: dict[Held, Row] = {}
    for row in sorted(rows, key=lambda r: r["start"]):
        if row["start"] == row["end"]:
            continue  # under another name, or shares of no time at all
        key = (row["claim_uid"], row["consumer_uid"], row["device"], row["share_id"])
        before = told.get(key)
        if before is not None:
            assert before["end"] == row["start"], "a hole, or twice the same time"
            row = row | {"start": before["start"], "start_quality": before["start_quality"]}
        told[key] = row
    return told


def _explained(hold: cluster_truth.Hold, row: Row | None, blind: list[Span]) -> bool:
    """The same to the second, or the difference lies within one gap that the ledger tells of."""
    assert hold.end is not None

    def unseen(*times: datetime) -> bool:
        return any(start - SECOND < min(times) and max(times) < end + SECOND for start, end in blind)

    if row is None:
        return unseen(hold.start, hold.end)
    if row["end"] is None or row["admin_access"] != hold.admin:
        return False
    start, end = _naive(row["start"]), _naive(row["end"])
    begins = abs(start - hold.start) < SECOND or (row["start_quality"] == "gap" and unseen(start, hold.start))
    ends = [t for t in (hold.end, hold.pod_end) if t is not None]
    stops = any(abs(end - t) < SECOND for t in ends)
    return begins and (stops or (row["end_quality"] == "gap" and unseen(end, hold.end)))


def _naive(time: datetime) -> datetime:
    return time.replace(tzinfo=None)
