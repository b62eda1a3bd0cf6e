"""How long a bad version harms after its verdict: to the patch, to available again, and to verified."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.act.tick import act
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError, Kubernetes, Object
from pipeline.embedded import Embedded
from pipeline.policy.file import parse
from pipeline.policy.rules import VERSION_LABEL
from pipeline.rig.kube.cluster import Kube
from pipeline.store import Store
from tests.act.rig_targets import PLURALS, Workload, client, install, rule_text
from tests.act.rollback_scene import NOW, PARAMETERS, fill, judge
from tests.rig import cluster_objects as objects

pytestmark = pytest.mark.bench
PATCHED_SECONDS = 2.0


class Timed(Kubernetes):
    """Keeps when the API server had answered the patch that changed something."""

    patched = 0.0

    def patch(self, *where: Any, dry_run: bool) -> Object | ApiError:
        answer = super().patch(*where, dry_run=dry_run)
        if not dry_run:
            self.patched = time.monotonic()
        return answer


@pytest.fixture(scope="module")
def lab(kube: Kube) -> Kube:
    kube.start()
    objects.node(kube, "bench-1", "bench-2")
    return kube


@pytest.mark.parametrize("kind", PLURALS)
def test_from_a_verdict_to_a_verified_change(kind: str, lab: Kube, tmp_path: Path, record) -> None:
    """Each step through a real ledger, as `up` does it, with the shipped rights and behind the fence."""
    kube, ns = lab, objects.namespace(lab)
    api = client(install(kube, ns), Timed)
    objects.until(lambda: not isinstance(api.list_all(REPLICA_SETS, ns), ApiError), "the rights to be there")
    made = Workload(kube, ns, kind, "fraud")
    made.create()
    rules = parse(rule_text(made.target, min_count=200))
    watched = TARGETS[kind].watch(api, made.target, VERSION_LABEL)
    assert not isinstance(watched, ApiError) and watched.version == "v1"
    made.roll_out("v2")  # asks for a device that no node has: it never runs
    with Store.open(tmp_path) as store:
        fill(store, 0.9)
        into, clients = Embedded(store), {"rig": api}

        def tick(found, at) -> list[str]:
            how = {"snapshot": at, "parameters": PARAMETERS}
            return [step.state for step in act(store, into, found, rules, clients, NOW, **how)]

        tick([], store.snapshot())  # a process that runs, not one that starts
        found, at = judge.tick(store, NOW, PARAMETERS)
        began = time.monotonic()
        cpu = time.process_time()
        states = tick(found, at)
        cpu = time.process_time() - cpu
        patched = api.patched - began
        assert states[-2:] == ["approved", "executed"], states
        available: list[float] = []

        def over() -> bool:
            """Ticks go on meanwhile: one of them clears the pod that a StatefulSet waits for in vain."""
            if not available and made.progress() == "complete":
                available.append(time.monotonic() - began)
            return "verified" in tick([], at)

        objects.until(over, "the tick that verifies it")
        verified = time.monotonic() - began
    api.close()
    assert made.observed().version == "v1"
    record(
        "verdict to verified",
        kind=kind,
        patched_s=patched,
        available_s=available[0],
        verified_s=verified,
        cpu_s=cpu,
    )
    assert patched <= PATCHED_SECONDS
