"""What a collector beside a real control plane told, held against what the audit log says was held."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from pipeline.rig.kube.cluster import Kube
from tests.allocation import cluster_truth
from tests.rig import cluster_objects as objects
from tests.waiting import until

SECOND = timedelta(seconds=1.2)
"""Kubernetes writes whole seconds, and writes them down before the API server has its answer."""
RIGHTS = Path(__file__).parents[2] / "deploy" / "allocation-rbac.yaml"
Held = tuple[str, str, str, str]
Row = dict[str, Any]
Span = tuple[datetime, datetime]


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


def truth_of(cluster: Kube, before: int) -> list[cluster_truth.Hold]:
    """At the end of the day nothing is held any more; the log's last line may take a moment."""

    def held() -> list[cluster_truth.Hold]:
        found = cluster_truth.holds(list(cluster.audited())[before:])
        return found if all(h.end is not None for h in found) else []

    return until(held, "the log of the end of the day", 10)


def names_of(cluster: Kube) -> dict[str, str]:
    """driver/pool/device to the vendor's name of it."""
    found = {}
    for one in cluster.request("GET", f"{objects.RESOURCE}/resourceslices")["items"]:
        spec = one["spec"]
        for device in spec.get("devices") or ():
            address = f"{spec['driver']}/{spec['pool']['name']}/{device['name']}"
            uuid = device.get("attributes", {}).get("uuid", {}).get("string")
            found[address] = uuid or address
    return found


def key_of(hold: cluster_truth.Hold, names: dict[str, str]) -> Held:
    return hold.claim_uid, hold.pod_uid, names[hold.device], hold.share


def told_of(rows: list[Row]) -> dict[Held, Row]:
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


def blind_of(gaps: list[Row], kind: str) -> list[Span]:
    return [
        (_naive(g["start"]), _naive(g["end"])) for g in gaps if g["detail"] == kind and g["kind"] != "begins"
    ]


def is_explained(hold: cluster_truth.Hold, row: Row | None, blind: list[Span]) -> bool:
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


def shares_of(
    held: list[cluster_truth.Hold], rows: list[Row], names: dict[str, str], blind: list[Span]
) -> list[tuple[str, dict[str, Fraction], dict[str, Fraction]]]:
    """By claim, after and before each of its changes, whose part of its device is what: held, and told.

    Where all was seen, and not within what whole seconds leave open.
    """
    found = []
    together: dict[tuple[str, str, str], list[cluster_truth.Hold]] = defaultdict(list)
    for hold in held:
        if not hold.admin:
            together[hold.claim_uid, names[hold.device], hold.share].append(hold)
    for (claim, device, share), holds in together.items():
        edges = sorted({t for h in holds for t in (h.start, h.end, h.pod_end) if t is not None})
        spans = [(first + SECOND, last - SECOND) for first, last in pairwise(edges)]
        for at in (at for span in spans if span[0] < span[1] for at in span):
            there = [h for h in holds if h.start <= at < (h.end or at)]
            if any(h.pod_end is not None and h.pod_end <= at for h in there):
                continue  # either may be its end
            if any(start - SECOND < at < end + SECOND for start, end in blind):
                continue
            told = {
                r["consumer_uid"]: Fraction(r["share_units"], r["device_units"])
                for r in rows
                if (r["claim_uid"], r["device"], r["share_id"]) == (claim, device, share)
                and _naive(r["start"]) <= at < _naive(r["end"])
            }
            found.append((claim, {h.pod_uid: _part(h) / len(there) for h in there}, told))
    return found


def _part(hold: cluster_truth.Hold) -> Fraction:
    """Of a card, as the day cuts them: 20 of 80 Gi of the shared one, and slices of 9984 of 40320 Mi."""
    if hold.share:
        return Fraction(20, 80)
    return Fraction(9984, 40320) if "-mig-" in hold.device else Fraction(1)


def _naive(time: datetime) -> datetime:
    return time.replace(tzinfo=None)
