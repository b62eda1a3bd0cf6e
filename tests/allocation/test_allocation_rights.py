"""The allocation collector before a real API server that refuses it something: it says what, and goes on."""

from __future__ import annotations

from pathlib import Path

import requests
import yaml

from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation.held_and_told import (
    RIGHTS,
    Row,
    blind_of,
    caught_up,
    config_of,
    is_explained,
    key_of,
    names_of,
    told_of,
    truth_of,
)
from tests.command import Command
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads
from tests.rig.cluster_day import WHOLE
from tests.waiting import until

MISSING = {("list", "resourceslices"), ("watch", "pods"), ("get", "deployments")}
SAID = ("right to list resourceslices", "right to watch pods", "right to get Deployment of apps/v1")


def test_rights_that_are_missing_are_named_and_taken_up_when_they_are_given(
    cluster: Kube, tmp_path: Path
) -> None:
    """What RBAC refuses must neither stop the bill nor be missing from it once the operator has given it."""
    port, ledger = free_port(), tmp_path / "ledger"
    config = config_of(cluster, tmp_path, port)
    cluster.grant("default", "allocation", _rules(MISSING))
    before = sum(1 for _ in cluster.audited())
    ns = objects.namespace(cluster, {"team": "vision"})
    objects.node(cluster, "n1")
    objects.devices(cluster, "n1", *(objects.device(f"gpu-{n}") for n in range(2)))
    objects.device_class(cluster, "whole", WHOLE)
    objects.template(cluster, ns, "whole", objects.request("whole"))
    names = names_of(cluster)
    workloads.deploy(cluster, ns, "serve", objects.pod_spec(template="whole"), 1)
    ready = f"http://127.0.0.1:{port}/readyz"
    with Command(config, "collect", "allocation", "--store", str(ledger)):
        until(
            lambda: all(part in _asked(ready) for part in SAID), "what is missing", 60, lambda: _asked(ready)
        )
        answer = requests.get(ready, timeout=5)
        for verb, resource in MISSING:
            assert f'cannot {verb} resource "{resource}"' in answer.text, "the server's own words"
        assert answer.text.count("right to") == len(MISSING)
        until(lambda: requests.get(ready, timeout=5).status_code == 200, "the rest to go on")
        objects.pod(cluster, ns, "late", objects.pod_spec(template="whole"))
        objects.until(lambda: "late" in objects.running_pods(cluster, ns), "a pod that is not watched")
        rows = until(lambda: _rows(ledger, 2), "its claim")
        assert {row["workload"] for row in rows} == {"Deployment/serve", "Pod/late"}
        assert {row["device"] for row in rows} == {f"{objects.DRIVER}/n1/gpu-{n}" for n in range(2)}
        cluster.grant("default", "allocation", _rules(set()))
        until(
            lambda: _asked(ready).count("right to") == 0,
            "the rights to be taken up",
            90,
            lambda: _asked(ready),
        )
        assert requests.get(ready, timeout=5).status_code == 200
        caught_up(tmp_path)
        workloads.scale(cluster, ns, "serve", 0)
        objects.delete_pod(cluster, ns, "late")
        objects.until(
            lambda: not any(objects.results(c) for c in objects.claims(cluster, ns)), "both to be freed"
        )
        caught_up(tmp_path)
    with Store.open(ledger, read_only=True) as store:
        rows, gaps = store.rows("allocations").to_pylist(), store.rows("gaps").to_pylist()
    told = told_of(rows)
    truth = {key_of(h, names): h for h in truth_of(cluster, before)}
    assert told.keys() == truth.keys(), "under the names that their slices tell, from the start"
    assert all(is_explained(h, told[k], []) for k, h in truth.items()), "no gap is needed to explain them"
    assert blind_of(gaps, "pods") and not blind_of(gaps, "resourceclaims")


def _rules(missing: set[tuple[str, str]]) -> list[objects.Json]:
    """The rights that we ship, without these."""
    role = next(d for d in yaml.safe_load_all(RIGHTS.read_text()) if d["kind"] == "ClusterRole")
    return [
        {"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": verbs}
        for rule in role["rules"]
        for resource in rule["resources"]
        if (verbs := [verb for verb in rule["verbs"] if (verb, resource) not in missing])
    ]


def _asked(url: str) -> str:
    """What a probe hears; nothing before there is somebody to ask."""
    try:
        return requests.get(url, timeout=5).text
    except requests.ConnectionError:
        return ""


def _rows(ledger: Path, count: int) -> list[Row]:
    """All intervals, once there are so many."""
    with Store.open(ledger, read_only=True) as store:
        rows = store.rows("allocations").to_pylist()
    return rows if len(rows) >= count else []
