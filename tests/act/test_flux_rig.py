"""A Deployment that Flux's own controller keeps as Git says: it waits and goes on, or a commit comes."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import yaml

from pipeline.actuator import gitops_owner
from pipeline.policy.rules import VERSION_LABEL
from pipeline.rig import flux
from tests import waiting
from tests.act.deciding import NOW
from tests.act.git_folder import FILE, GitFolder
from tests.act.memory_ledger import MemoryLedger
from tests.act.rig_targets import DEPLOY, install
from tests.act.test_gitops_rig import MINUTE, UNTIL, Lab, Owned
from tests.rig import cluster_objects as objects

pytestmark = pytest.mark.soak

until = partial(waiting.until, seconds=120.0)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OWNER = "Kustomization"


class Flux(Owned):
    """What main says comes to the cluster through Flux; `brought` is what its source-controller does."""

    def manifest(self, version: str) -> str:
        labels = {"app": self.name}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": self.template(version)}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name}, "spec": spec}
        return yaml.safe_dump(body)

    def applied(self, lab: Lab, folder, address: str, served) -> None:
        self.lab, self.owner, self.address, self.served = lab, OWNER, address, served
        self.git = GitFolder(folder, self.manifest("v1"))
        self.asked = 0
        group = "source.toolkit.fluxcd.io"
        self.source = f"/apis/{group}/v1/namespaces/{self.ns}/gitrepositories/deploy"
        body = {"apiVersion": f"{group}/v1", "kind": "GitRepository", "metadata": {"name": "deploy"},
                "spec": {"interval": "1h", "url": "https://git.example/deploy.git"}}  # fmt: skip
        made(self.kube, self.source.rpartition("/")[0], body)
        self.brought()
        spec = {"interval": "1h", "path": "./apps", "prune": False, "targetNamespace": self.ns,
                "sourceRef": {"kind": "GitRepository", "name": "deploy"}}  # fmt: skip
        named = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": OWNER, "metadata": {"name": "fraud"}}
        made(self.kube, lab.path(OWNER).rpartition("/")[0], named | {"spec": spec})

    def brought(self) -> None:
        """The head of main as an archive, and the source's status that names it."""
        text, head = self.git.text.encode(), self.git.head
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            entry = tarfile.TarInfo(FILE)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        name = f"{head}.tar.gz"
        (self.served / name).write_bytes(packed.getvalue())
        artifact = {
            "digest": f"sha256:{hashlib.sha256(packed.getvalue()).hexdigest()}", "path": name,
            "url": f"{self.address}/{name}", "revision": f"main@sha1:{head}",
            "lastUpdateTime": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }  # fmt: skip
        ready = {
            "type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "observedGeneration": 1,
            "lastTransitionTime": artifact["lastUpdateTime"],
        }  # fmt: skip
        status = {"artifact": artifact, "observedGeneration": 1, "conditions": [ready]}
        self.kube.request("PATCH", f"{self.source}/status", {"status": status})

    def reconcile(self) -> str:
        """As `flux reconcile` asks; what it will say once it has."""
        self.asked += 1
        told = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": str(self.asked)}}}
        self.kube.request("PATCH", self.lab.path(OWNER), told)
        return str(self.asked)

    def handled(self, asked: str) -> bool:
        return self.lab.owner(OWNER).get("status", {}).get("lastHandledReconcileAt") == asked


def made(kube, listed: str, body) -> None:
    """A new API is not found at first, and then asks for patience."""

    def taken() -> bool:
        try:
            kube.request("POST", listed, body, or_status=409)
            return True
        except requests.HTTPError as error:
            assert error.response.status_code in (404, 429), error
            return False

    until(taken, listed)


@contextmanager
def archives(folder) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def work(kube, tmp_path_factory):
    """A Deployment that runs v2, as main says."""
    kube.start()
    for body in flux.definitions():
        kube.request("DELETE", f"{CRDS}/{body['metadata']['name']}", or_status=404)
        gone = partial(kube.request, "GET", f"{CRDS}/{body['metadata']['name']}", or_status=404)
        until(lambda gone=gone: gone().get("kind") == "Status", "a definition of other tests to be gone")
        kube.request("POST", CRDS, body)
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": flux.NAMESPACE}}, or_status=409)
    ns = objects.namespace(kube)
    objects.node(kube, "flux-1")
    access = install(kube, ns)
    for one in yaml.safe_load_all((DEPLOY / "actuator-gitops-rbac.yaml").read_text()):
        one["metadata"]["namespace"] = ns
        kind = f"{one['kind'].lower()}s"
        kube.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/{kind}", one)
    folder, served = tmp_path_factory.mktemp("git"), tmp_path_factory.mktemp("archives")
    log = tmp_path_factory.mktemp("flux") / "log"
    controller = flux.controller(kube.kubeconfig, log)
    controller.start()
    lab = Lab(kube, ns, access, folder)
    until(lambda: lab.api.may("patch", gitops_owner.RESOURCES[OWNER], ns, "fraud") is True, "the rights")
    with archives(served) as address:
        work = Flux(kube, ns, "Deployment", "fraud")
        work.log = log
        work.applied(lab, folder, address, served)
        until(lambda: kube.request("GET", work.path, or_status=404).get("spec"), "Flux to make it")
        work.until_complete()
        work.git.commit(work.manifest("v2"), "v2")
        work.brought()
        until(lambda: work.runs == "v2" and work.progress() == "complete", "Flux to roll v2 out")
        yield work
    lab.api.close()
    controller.stop()


def test_flux_puts_a_live_change_back_and_waits_while_it_is_suspended(work):
    """Its own marks name it; without the wait the rollback would not last; after the wait Git holds again."""
    template = work.template("v1")
    work.kube.request("PATCH", work.path, {"spec": {"template": template}})
    asked = work.reconcile()
    until(lambda: work.handled(asked) and work.runs == "v2", "Flux to put it back")
    work.until_complete()
    ledger = MemoryLedger()
    gitops = f"{{owner: {{kind: {OWNER}, namespace: {work.ns}, name: fraud}}, suspend: 4h}}"
    assert work.decide(gitops).gitops is not None, "by the labels that Flux itself has set"
    steps = work.carry_out(ledger, gitops)
    assert [s[1] for s in steps] == ["approved", "executed"] * 2, steps
    work.until_complete()
    asked = work.reconcile()
    until(lambda: work.handled(asked), "Flux to look at it, and to leave it")
    assert "Reconciliation is suspended" in work.log.read_text()
    assert work.tick(ledger, gitops, NOW + MINUTE)[0][:2] == ("rollback", "verified")
    assert work.runs == "v1"
    ended = work.tick(ledger, gitops, UNTIL)
    assert [s[:2] for s in ended] == [("suspend_owner", "undone")], ended
    until(lambda: work.runs == "v2", "Flux to apply what Git says")
    assert "suspend" not in work.lab.owner(OWNER)["spec"]
    work.until_complete()


def test_a_commit_comes_to_the_cluster_through_flux(work):
    """Verified by the object, beside the revision that Flux says it has applied."""
    label = VERSION_LABEL.replace("/", "~1")
    names = (f"/spec/template/metadata/labels/{label}", "/spec/template/spec/containers/0/image")
    fields = ", ".join(f"{{at: {name}}}" for name in names)
    gitops = (
        f"{{owner: {{kind: {OWNER}, namespace: {work.ns}, name: fraud}}, revert: {{"
        f"repository: {work.git.folder}, branch: main, file: {FILE}, fields: [{fields}]}}}}"
    )
    ledger = MemoryLedger()
    steps = work.carry_out(ledger, gitops)
    assert [s[1] for s in steps] == ["approved", "executed"], steps
    work.brought()
    until(lambda: work.runs == "v1", "Flux to bring it")
    work.until_complete()

    def settled():
        return work.tick(ledger, gitops, NOW + MINUTE)

    ((_, state, words),) = until(settled, "the object to be available")
    assert state == "verified" and words.endswith(f"says main@sha1:{work.git.head}")
