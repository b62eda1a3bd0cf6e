"""The fence alone: an actuator that was given every right of the cluster is refused by each sentence of it.

The requests are the administrator's, in the actuator's name and with the rights of system:masters, so RBAC
refuses nothing.  What its own token may not do by RBAC is tried beside its rollbacks and steps.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.act import gitops_crds, kueue_crds
from tests.act.fence_trials import FOREIGN_CHECK, GROUP, ONE, POD, ROUTE, TRIED, add, on
from tests.act.rig_targets import ACCOUNT, DEPLOY, install, shipped
from tests.act.serving_kinds import BY_NAME
from tests.rig import cluster_objects as objects

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SHUT = "the fence is shut, data.stop is true in ConfigMap driftledger/driftledger-fence"


class Hijacked:
    """Whoever has the actuator's name, and every right."""

    def __init__(self, kube: Any, ns: str) -> None:
        self.kube, self.ns = kube, ns

    def said(self, method: str, path: str, body: Any = None) -> str:
        """What the API server says to it; '' where it would be done."""
        at = path.replace("NS", self.ns)
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        name = f"system:serviceaccount:{ACCOUNT[0]}:{ACCOUNT[1]}"
        headers = {
            "Authorization": f"Bearer {self.kube.admin.token}", "Content-Type": kind,
            "Impersonate-User": name, "Impersonate-Group": "system:masters",
        }  # fmt: skip
        # A connection knows no dry run, and a deletion with a body takes it from there.
        where = f"{self.kube.url}{at}" if "?" in at else f"{self.kube.url}{at}?dryRun=All"
        sent, ca = body and json.dumps(body), str(self.kube.admin.ca)
        answer = requests.request(method, where, data=sent, headers=headers, verify=ca, timeout=30)
        return "" if answer.ok else str(answer.json()["message"])


@pytest.fixture(scope="module")
def hijacked(kube):
    kube.start()
    kueue_crds.install(kube)
    gitops_crds.install(kube)
    route = BY_NAME["HTTPRoute"]
    kube.request("POST", CRDS, route.definition, or_status=409)
    ns = objects.namespace(kube)
    install(kube, ns)
    found = Hijacked(kube, ns)

    def served() -> bool:
        """A kind is there a moment after its definition; until then it is 404, or 429."""
        paths = [root for root, *_ in ONE.values()] + [ROUTE.rpartition("/")[0]]
        try:
            return all(kube.request("GET", path.replace("NS", ns)) for path in paths)
        except requests.HTTPError:
            return False

    objects.until(served, "the kinds to be there")
    metadata = {"annotations": {"driftledger.io/action-id": "a"}, "labels": GROUP}
    for root, version, kind, name, spec in ONE.values():
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
        kube.request("POST", root.replace("NS", ns), body, or_status=409)
    body = route.body("r", "v1")
    body["metadata"]["annotations"]["driftledger.io/action-id"] = "a"
    kube.request("POST", ROUTE.rpartition("/")[0].replace("NS", ns), body)
    status = {"status": {"admissionChecks": [FOREIGN_CHECK[0] | {"state": "Pending"}]}}
    kube.request("PATCH", on("workload", "/status").replace("NS", ns), status)
    objects.until(lambda: found.said("POST", "/api/v1/namespaces/NS/secrets", {"metadata": {"name": "x"}}),
                  "the fence to be up")  # fmt: skip
    return found


def test_each_forbidden_thing_is_refused_by_the_sentence_that_forbids_it(hijacked):
    """An actuator to which somebody gave cluster-admin as well changes no more than the fence says."""
    wrong = []
    for sentence, method, path, body in TRIED:
        body = json.loads(json.dumps(body).replace('"NS"', f'"{hijacked.ns}"'))
        said = hijacked.said(method, path, body)
        if not said.endswith(f"denied request: {sentence}"):
            wrong.append((sentence, method, path, said))
    assert not wrong, "\n".join(map(str, wrong))


def test_what_it_is_for_is_let_through(hijacked):
    """Else the refusals above would show nothing."""
    down = [{"op": "add", "path": "/spec/replicas", "value": 0}]
    assert hijacked.said("PATCH", on("deployment", "/scale"), down) == ""
    assert hijacked.said("PATCH", on("deployment"), add(f"{POD}/containers/0/image", "v1")) == ""
    assert hijacked.said("PATCH", on("job"), add("/spec/suspend", False)) == ""
    assert hijacked.said("PATCH", on("autoscaler"), add("/spec/maxReplicas", 2)) == ""
    weight = add("/spec/rules/0/backendRefs/0/weight", 7)
    assert hijacked.said("PATCH", ROUTE, weight) == ""


def test_every_sentence_of_the_fence_is_tried_and_its_switch_stops_all(hijacked):
    (fence,) = [d for d in shipped("actuator-fence.yaml") if d["kind"] == "ValidatingAdmissionPolicy"]
    sentences = {v["message"] for v in fence["spec"]["validations"]}
    assert sentences - {SHUT} == {sentence for sentence, *_ in TRIED}
    switch = "/api/v1/namespaces/driftledger/configmaps/driftledger-fence"
    down = [{"op": "add", "path": "/spec/replicas", "value": 0}]
    hijacked.kube.request("PATCH", switch, {"data": {"stop": "true"}})
    try:
        shut = lambda: hijacked.said("PATCH", on("deployment", "/scale"), down).endswith(SHUT)  # noqa: E731
        objects.until(shut, "the switch to be seen")
    finally:
        hijacked.kube.request("PATCH", switch, {"data": {"stop": "false"}})
    objects.until(lambda: hijacked.said("PATCH", on("deployment", "/scale"), down) == "", "it to be open")


def test_the_files_are_such_that_a_chart_ships_them_as_they_are():
    """Whole objects, a namespace wherever one belongs, nothing that a template engine would read."""
    spaced = {"RoleBinding", "Role", "ServiceAccount", "ConfigMap"}
    for file in sorted(DEPLOY.glob("*.yaml")):
        assert "{{" not in file.read_text(), file
        for one in shipped(file.name):
            assert one["apiVersion"] and one["kind"] and one["metadata"]["name"], file
            assert one["kind"] not in spaced or one["metadata"].get("namespace"), (file, one["metadata"])
