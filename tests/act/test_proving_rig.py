"""A rollback by two signals on a real control plane, and what the metric says of it afterwards.

The rule is one as it is written without more: mode auto, and the two signals that it asks for, error
rates by labels and times of requests.
"""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from pipeline import judge
from pipeline.act.proving import prove
from pipeline.act.tick import act
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError
from pipeline.embedded import Embedded
from pipeline.policy.file import parse
from pipeline.policy.rules import VERSION_LABEL
from pipeline.store import Store
from tests.act.rig_targets import Workload, client, install, rule_text
from tests.act.rollback_scene import NOW, PARAMETERS, fill, life
from tests.rig import cluster_objects as objects

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """v1 was judged good by both; v2 errs, and takes nine tenths of a second."""
    folder = tmp_path_factory.mktemp("ledger") / "filled"
    with Store.open(folder) as store:
        fill(store, 0.9)
    return folder


@pytest.fixture(scope="module")
def lab(kube):
    kube.start()
    ns = objects.namespace(kube)
    objects.node(kube, "proof-1")
    api = client(install(kube, ns))
    objects.until(lambda: not isinstance(api.list_all(REPLICA_SETS, ns), ApiError), "the rights to be there")
    yield kube, ns, api
    api.close()


@pytest.mark.parametrize(("result", "error", "seconds"), [("helped", 0.1, 0.1), ("no-change", 0.45, 0.9)])
def test_what_did_not_help_by_the_metric_is_put_back_and_what_did_stays(
    lab, filled, tmp_path, result, error, seconds
):
    """v1 does as badly after the rollback: the fault is not the version's, and v2 serves again."""
    kube, ns, api = lab
    made = Workload(kube, ns, "Deployment", f"proof-{result}")
    made.create()
    rules = parse(rule_text(made.target, min_count=200))
    assert rules.rules[0].signals == 2, "as it is by default"
    assert not isinstance(TARGETS["Deployment"].watch(api, made.target, VERSION_LABEL), ApiError)
    made.roll_out("v2")
    shutil.copytree(filled, tmp_path / "ledger")
    with Store.open(tmp_path / "ledger") as store:
        into, clients = Embedded(store), {"rig": api}

        def ticked(found, at, now):
            how = {"snapshot": at, "parameters": PARAMETERS}
            return [step.state for step in act(store, into, found, rules, clients, now, **how)]

        found, at = judge.tick(store, NOW, PARAMETERS)
        assert ticked(found, at, NOW) == ["proposed", "approved", "executed"]
        objects.until(lambda: "verified" in ticked([], at, NOW + MINUTE), "v1 to be available")
        store.append(life(3, "v1", 101, 60, error, seconds))
        generation = made.thing["metadata"]["generation"]
        later = NOW + 130 * MINUTE
        steps = [t.state for t in prove(store, into, rules, clients, later)]
        (outcome,) = store.rows("outcomes").to_pylist()
        assert outcome["state"] == result, outcome
        label = made.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL]
        if result == "helped":
            assert (steps, label, made.thing["metadata"]["generation"]) == ([], "v1", generation)
            return
        assert steps == ["proposed", "approved", "executed", "undone"]
        assert (label, made.thing["metadata"]["generation"]) == ("v2", generation + 1)
        assert made.observed().version == "v2"
        found, at = judge.tick(store, later, PARAMETERS)
        assert "executed" not in ticked(found, at, later), "and it is not done again"
