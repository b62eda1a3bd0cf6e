"""The simulated API server must keep the rules that the actuator's safety rests on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.actuator.kubernetes import DEPLOYMENTS, REPLICA_SETS, ApiError, Kubernetes
from pipeline.demo.apiserver_faults import Fault
from pipeline.demo.apiserver_patch import PatchRefused, json_patch, merge_patch
from pipeline.kube.connection import Connection
from tests.act.cluster_scene import TOKEN, cluster, template

REVISION = "deployment.kubernetes.io/revision"


def test_the_generation_moves_with_the_spec_and_the_resource_version_with_every_write():
    with cluster("v1") as scene:
        before = scene.deployment["metadata"]
        scene.edit(lambda d: d["metadata"]["annotations"].update(note="x"))
        noted = scene.deployment["metadata"]
        assert noted["generation"] == before["generation"]
        assert int(noted["resourceVersion"]) > int(before["resourceVersion"])
        scene.edit(lambda d: d["spec"].update(replicas=7))
        assert scene.deployment["metadata"]["generation"] == before["generation"] + 1


def test_going_back_gives_the_old_replica_set_a_new_highest_revision():
    """As `kubectl rollout undo` does: `the previous one` of the next undo would be the bad version."""
    with cluster("v1", "v2") as scene:
        kept = {s["metadata"]["annotations"][REVISION]: s for s in scene.client.list_all(REPLICA_SETS, "ml")}
        assert set(kept) == {"1", "2"}
        scene.deploy("v1")
        revisions = {
            s["spec"]["template"]["spec"]["containers"][0]["image"][-2:]: s["metadata"]["annotations"]
            for s in scene.client.list_all(REPLICA_SETS, "ml")
        }
        assert revisions["v1"][REVISION] == "3"
        assert revisions["v1"]["deployment.kubernetes.io/revision-history"] == "1"
        assert revisions["v2"][REVISION] == "2"
        assert scene.deployment["metadata"]["annotations"][REVISION] == "3"


def test_old_revisions_beyond_the_history_limit_are_gone():
    with cluster("v1") as scene:
        scene.edit(lambda d: d["spec"].update(revisionHistoryLimit=1))
        for version in ("v2", "v3", "v4"):
            scene.deploy(version)
        kept = [s["metadata"]["annotations"][REVISION] for s in scene.client.list_all(REPLICA_SETS, "ml")]
        assert sorted(kept) == ["3", "4"]


def test_a_rollout_is_seen_and_completed_only_by_a_tick():
    with cluster("v1") as scene:
        scene.server.apps.deploy("ml", "fraud", template("v2"))
        deployment = scene.deployment
        assert deployment["status"]["observedGeneration"] < deployment["metadata"]["generation"]
        scene.server.tick(complete=False)
        assert scene.deployment["status"]["updatedReplicas"] == 2
        scene.server.tick()
        assert scene.deployment["status"]["updatedReplicas"] == 4


def test_a_failing_test_operation_is_422_and_changes_nothing():
    with cluster("v1") as scene:
        before = scene.deployment
        operations = [
            {"op": "replace", "path": "/spec/replicas", "value": 9},
            {"op": "test", "path": "/metadata/generation", "value": 99},
        ]
        answer = scene.client.patch(DEPLOYMENTS, "ml", "fraud", operations, dry_run=False)
        assert isinstance(answer, ApiError) and answer.fault == "invalid"
        assert scene.deployment == before


def test_a_dry_run_answers_the_result_and_stores_nothing():
    with cluster("v1") as scene:
        before = scene.deployment
        operations = [{"op": "replace", "path": "/spec/replicas", "value": 9}]
        answer = scene.client.patch(DEPLOYMENTS, "ml", "fraud", operations, dry_run=True)
        assert answer["spec"]["replicas"] == 9 and answer["metadata"]["generation"] == 2
        assert scene.deployment == before


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("/metadata/uid", "other", "invalid"),
        ("/spec/selector", {"matchLabels": {"app": "other"}}, "invalid"),
        ("/spec/template/metadata/labels", {}, "invalid"),
        ("/metadata/resourceVersion", "1", "conflict"),
    ],
)
def test_what_the_real_one_refuses_is_refused(path, value, fault):
    with cluster("v1") as scene:
        operations = [{"op": "replace", "path": path, "value": value}]
        answer = scene.client.patch(DEPLOYMENTS, "ml", "fraud", operations, dry_run=False)
        assert isinstance(answer, ApiError) and answer.fault == fault


def test_a_wrong_token_is_401_and_is_not_in_the_words():
    with cluster("v1") as scene:
        stranger = Kubernetes(Connection(scene.server.url, token="wrong-token"))
        answer = stranger.get(DEPLOYMENTS, "ml", "fraud")
        stranger.close()
        assert isinstance(answer, ApiError) and answer.fault == "unauthorized"
        assert "wrong-token" not in answer.words
        assert TOKEN not in repr(Connection(scene.server.url, token=TOKEN))


def test_reviews_and_requests_agree_on_a_denied_right():
    with cluster("v1") as scene:
        scene.server.deny("patch", "deployments")
        assert scene.client.may("patch", DEPLOYMENTS, "ml", "fraud") is False
        assert scene.client.may("get", DEPLOYMENTS, "ml", "fraud") is True
        answer = scene.client.patch(DEPLOYMENTS, "ml", "fraud", [], dry_run=True)
        assert isinstance(answer, ApiError) and answer.fault == "forbidden"


def test_a_timeout_after_success_has_taken_effect():
    with cluster("v1", read_seconds=0.3) as scene:
        scene.server.inject(Fault("timeout_after_success", "patch"))
        operations = [{"op": "replace", "path": "/spec/replicas", "value": 9}]
        answer = scene.client.patch(DEPLOYMENTS, "ml", "fraud", operations, dry_run=False)
        assert isinstance(answer, ApiError) and answer.fault == "timeout"
        assert scene.deployment["spec"]["replicas"] == 9


def test_the_client_reads_every_page_of_a_list():
    with cluster("v1") as scene:
        for i in range(1203):
            scene.server.apps.create("crowd", f"d{i:04}", template("v1"))
        assert len(scene.client.list_all(DEPLOYMENTS, "crowd")) == 1203


def test_a_server_that_is_gone_is_a_value_not_an_exception():
    with cluster("v1") as scene:
        url = scene.server.url
    client = Kubernetes(Connection(url, token=TOKEN), connect_seconds=0.5)
    answer = client.get(DEPLOYMENTS, "ml", "fraud")
    client.close()
    assert isinstance(answer, ApiError) and answer.fault == "unreachable"


KEYS = st.text(alphabet="ab/~", min_size=1, max_size=4)


@given(st.dictionaries(KEYS, st.integers(), min_size=1), st.integers())
def test_any_key_can_be_addressed_and_only_it_changes(document, value):
    key = sorted(document)[0]
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    operations = [
        {"op": "test", "path": path, "value": document[key]},
        {"op": "replace", "path": path, "value": value},
    ]
    assert json_patch(document, operations) == {**document, key: value}


@given(st.dictionaries(KEYS, st.integers()), st.dictionaries(KEYS, st.none() | st.integers()))
def test_a_merge_patch_removes_by_null_and_sets_the_rest(document, patch):
    expected = {k: v for k, v in {**document, **patch}.items() if v is not None}
    assert merge_patch(document, patch) == expected


@pytest.mark.parametrize("operations", [{}, [{"op": "test"}], [{"op": "move", "path": "/a"}], [3], "x"])
def test_a_patch_that_is_none_is_refused(operations):
    with pytest.raises(PatchRefused):
        json_patch({"a": 1}, operations)
