"""The journal of a target's states: what is kept of each, and what going back to one does not bring back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pipeline.act.watching import watch
from pipeline.actuator.pinning import config_maps, unpinned
from pipeline.answers.revisions import revisions
from pipeline.answers.window import Window
from pipeline.embedded import Embedded
from pipeline.policy.file import parse
from pipeline.policy.journal import SeenState
from pipeline.policy.reading import journal as read
from pipeline.policy.rules import VERSION_LABEL
from pipeline.prices.book import PriceBook
from pipeline.store import Batch, Store
from tests.act.deciding import NOW, STATE, TEXT, decided, journal
from tests.act.memory_cluster import MemoryCluster
from tests.cost_rows import allocation, device, minutes, table
from tests.ledger import START, Life, write

MINUTE = timedelta(minutes=1)
POLICY = parse(TEXT)


def states(store):
    return [
        (r["generation"], r["model_version"], r["number"])
        for r in sorted(store.rows("revisions").to_pylist(), key=lambda r: r["time"])
    ]


def test_each_state_of_a_target_is_recorded_once_from_when_it_was_seen(tmp_path):
    """Also in mode observe and with nobody in trouble, or there is nothing to return to when it matters."""
    api = MemoryCluster()
    target = api.make("Deployment")
    with Store.open(tmp_path) as store:
        into = Embedded(store)
        for minute in range(3):
            watch(store, into, POLICY, {"lab": api}, NOW + minute * MINUTE)
        assert states(store) == [(2, "v2", 2)]
        thing = api.objects[("deployments", target.name)]
        thing["spec"]["template"]["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "limits"}}]
        thing["metadata"]["generation"] = 3
        watch(store, into, POLICY, {"lab": api}, NOW + 3 * MINUTE)
        assert states(store) == [(2, "v2", 2), (3, "v2", 0)]
        api.objects[("configmaps", "limits")] = {"data": {"most": "1"}}
        watch(store, into, POLICY, {"lab": api}, NOW + 4 * MINUTE)
        assert len(states(store)) == 3, "a ConfigMap that changes is a change of the state"
        newest = store.rows("revisions").to_pylist()[-1]["template_hash"]
        known = read(store, "fraud", [], POLICY.rules[0], None, NOW).seen
        assert newest in {s.template_hash for s in known}


def test_a_cluster_that_does_not_answer_is_waited_for_once_a_tick(tmp_path):
    """A policy of a hundred targets must not hold a tick for a hundred time-outs."""
    from pipeline.actuator.kubernetes import ApiError

    class Away:
        asked = 0

        def get(self, *_):
            self.asked += 1
            return ApiError("timeout", "get", "deployments.apps", "no answer")

    second = (
        TEXT.partition("rules:\n")[2].replace("fraud-accuracy", "other").replace("name: fraud}", "name: b}")
    )
    away = Away()
    with Store.open(tmp_path) as store:
        watch(store, Embedded(store), parse(TEXT + second), {"lab": away}, NOW)
        assert states(store) == []
    assert away.asked == 1


def test_what_a_rollback_does_not_bring_back_is_named_in_the_decision():
    loose = replace(STATE.revisions[0], unpinned=("image fraud:latest",))
    state = replace(STATE, revisions=(loose, STATE.revisions[1]), config={"limits": "b", "same": "x"})
    known = replace(journal(target=state), seen=(SeenState("hash-1", {"limits": "a", "same": "x"}),))
    action = decided(known=known)
    assert action.detail.endswith(
        "not restored by that: image fraud:latest, ConfigMap limits, which has changed"
    )
    assert '"not_restored":["image fraud:latest","ConfigMap limits, which has changed"]' in action.evidence
    assert "not restored" not in decided().detail
    unseen = decided(known=journal(target=replace(state, revisions=STATE.revisions)))
    assert unseen.detail.endswith("not restored by that: ConfigMaps, as those of that time are not known")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"containers": [{"image": "fraud:1"}, {"image": "fraud@sha256:ab"}]}, ("image fraud:1",)),
        ({"predictor": {"model": {"storageUri": "s3://m/fraud"}}}, ("model s3://m/fraud",)),
        ({"model": {"uri": "hf://org/fraud"}}, ("model hf://org/fraud",)),
        ({"model": {"uri": "hf://org/fraud:abc123"}}, ()),
        ({"model": {"id": "org/fraud", "source": "huggingface"}}, ("model org/fraud",)),
        (
            {"containers": [{"name": "vllm", "args": ["--model=org/fraud"]}]},
            ("model of container vllm, which names no --revision",),
        ),
        ({"containers": [{"name": "vllm", "args": ["--model=org/fraud", "--revision=abc"]}]}, ()),
    ],
)
def test_tags_and_models_without_a_revision_are_named(content, named):
    assert unpinned(content) == named


def test_the_config_maps_of_a_state_are_found_wherever_it_uses_them():
    environment = [{"valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}]
    container = {"env": environment, "envFrom": [{"configMapRef": {"name": "b"}}]}
    volumes = [{"configMap": {"name": "c"}}, {"projected": {"sources": [{"configMap": {"name": "d"}}]}}]
    assert config_maps({"spec": {"containers": [container], "volumes": volumes}}) == {"a", "b", "c", "d"}


def test_each_state_stands_beside_the_quality_latency_and_cost_of_its_time(tmp_path):
    """Whoever asks which release to return to sees what each was like, and what going back would not undo."""
    api = MemoryCluster()
    api.make("Deployment")
    with Store.open(tmp_path) as store:
        life = Life().serve("v1", 0, 60, error=0.05).serve("v2", 60, 60, error=0.5)
        write(store, **life.facts())
        into = Embedded(store)
        for minute, version in ((0, "v1"), (60, "v2")):
            thing = api.objects[("deployments", "fraud")]
            thing["metadata"]["generation"] += 1
            thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] = version
            watch(store, into, POLICY, {"lab": api}, START + minute * MINUTE)
        end = START + 60 * MINUTE
        card = {
            "devices": [device("one", START)],
            "allocations": [allocation("one", "a", START, end, model="fraud", model_version="v1")],
            "gpu_usage": minutes("one", START, START + 120 * MINUTE, 30.0),
        }
        store.append(Batch({name: table(name, given) for name, given in card.items()}))
        window = Window(START, START + 120 * MINUTE)
        answer = revisions(store, window, PriceBook.flat(Decimal(2), "USD"), "USD")
    names = [c.name for c in answer.columns]
    old, new = (dict(zip(names, row, strict=True)) for row in answer.rows)
    assert (old["model_version"], new["model_version"]) == ("v1", "v2")
    assert old["until"] == new["since"] == START + 60 * MINUTE and new["until"] is None
    assert old["predictions"] and old["labelled"] and old["latency"] is not None
    assert old["error_rate"] < 0.2 < new["error_rate"]
    assert old["cost"] == 2, "an hour of one card"
    assert new["cost"] is None, "no device of it is known: unknown is not zero"
