"""The allocation collector beside a real control plane: its intervals are those of the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from collectors.live.allocation.parameters import AllocationSettings
from pipeline.rig.kube.cluster import Kube
from pipeline.store import Store
from tests import cluster_day, cluster_truth
from tests import cluster_objects as objects
from tests.test_allocation_live import collecting, gaps, merged

SECOND = timedelta(seconds=1.2)
"""The scheduler writes whole seconds, and writes them down before the API server has its answer."""
RIGHTS = Path(__file__).parent.parent / "deploy" / "allocation-rbac.yaml"
RESTARTED = "rolled out anew"
Held = tuple[str, str, str, str]


def test_a_day_of_a_cluster_is_told_as_it_was(cluster: Kube, tmp_path: Path) -> None:
    """Whatever the bill says was held was held, to the second, through rollouts, a drain and restarts."""
    settings = _settings(cluster, tmp_path)
    day = cluster_day.live(cluster)
    began = len(cluster_truth.holds(cluster.audited()))
    names: dict[str, str] = {}
    with Store.open(tmp_path / "ledger") as store:
        with collecting(settings, store, tmp_path) as one:
            for step in day:
                names |= _names(cluster)
                if step == RESTARTED:
                    break
            one.until(lambda rows: len(rows) > 8)
            assert one.report.remarks() == [], "the rights that we ship are enough"
        with collecting(settings, store, tmp_path) as one:
            for _ in day:
                pass
            one.until(lambda rows: all(r["end"] is not None for r in rows))
        told, known = _told(merged(store)), gaps(store)
        blind = [g for g in store.rows("gaps").to_pylist() if g["detail"] == "resourceclaims"]
    truth = {_key(h, names): h for h in cluster_truth.holds(cluster.audited())[began:]}
    missed = [truth[k] for k in truth.keys() - told.keys() if not _unseen(truth[k], blind)]
    assert missed == [] and not told.keys() - truth.keys()
    assert len(told) > len(truth) - 3
    wrong = [(k, h, told[k]) for k, h in truth.items() if k in told and not _same(h, told[k])]
    assert not wrong, wrong[:3]
    assert {kind for kind, _ in known} <= {"restart", "away", "relist"}
    assert ("restart", "resourceclaims") in known


def _settings(cluster: Kube, tmp_path: Path) -> AllocationSettings:
    role = next(d for d in yaml.safe_load_all(RIGHTS.read_text()) if d["kind"] == "ClusterRole")
    objects.namespace(cluster)
    access = cluster.account("default", "allocation")
    cluster.grant("default", "allocation", role["rules"])
    token = tmp_path / "token"
    token.write_text(access.token)
    return AllocationSettings(
        server=access.server, token_file=str(token), ca=str(access.ca), turn_seconds=0.2, beat_seconds=1.0
    )


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


def _told(rows: list[dict[str, Any]]) -> dict[Held, dict[str, Any]]:
    """Intervals of one holder that follow on each other, since shares changed, as one."""
    told: dict[Held, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda r: r["start"]):
        key = (row["claim_uid"], row["consumer_uid"], row["device"], row["share_id"])
        before = told.get(key)
        if before is not None:
            assert before["end"] == row["start"], "a hole, or twice the same time"
            row = row | {"start": before["start"], "start_quality": before["start_quality"]}
        told[key] = row
    return told


def _same(hold: cluster_truth.Hold, row: dict[str, Any]) -> bool:
    start, end = _naive(row["start"]), _naive(row["end"])
    assert hold.end is not None
    began = abs(start - hold.start) < SECOND or row["start_quality"] == "gap"
    ends = [t for t in (hold.end, hold.pod_end) if t is not None]
    if row["end_quality"] == "gap":
        return began and end <= hold.end + SECOND
    return began and any(abs(end - t) < SECOND for t in ends) and row["admin_access"] == hold.admin


def _unseen(hold: cluster_truth.Hold, blind: list[dict[str, Any]]) -> bool:
    """It came and went within a gap that the ledger tells of."""
    assert hold.end is not None
    return any(_naive(g["start"]) <= hold.start and hold.end <= _naive(g["end"]) for g in blind)


def _naive(time: datetime) -> datetime:
    return time.replace(tzinfo=None)
