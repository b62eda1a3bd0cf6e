"""The real controller of Kueue, built from its Go module: minutes the first time, so soak only.

Its webhooks cannot be reached without a cluster network.  So who makes an object writes out what they would
default, and only the version that is stored is used: nothing is converted.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.rig import cache, golang
from pipeline.rig.processes import Process, free_port

MODULE = "sigs.k8s.io/kueue"
VERSION = "v0.19.2"
NAMESPACE = "kueue-system"
SECRET = "kueue-webhook-server-cert"  # noqa: S105  a name
_WHAT = "Kueue"
_CONVERTED = ("localqueues", "clusterqueues", "workloads", "cohorts", "multikueueclusters")


def _build(folder: Path) -> None:
    found = golang.module(MODULE, VERSION, _WHAT)
    golang.build(f"{MODULE}/cmd/kueue", [f"{MODULE} {VERSION}"], folder / "kueue", _WHAT)
    shutil.copytree(found.folder / "config" / "components" / "crd" / "bases", folder / "crds")


CONTROLLER = cache.Artifact("kueue", f"{MODULE} {VERSION}".encode(), _build)


def definitions() -> list[dict[str, Any]]:
    """Its CustomResourceDefinitions; its rotation of certificates wants to see where conversion would go."""
    found = [yaml.safe_load(f.read_text()) for f in sorted((CONTROLLER.built() / "crds").glob("*.yaml"))]
    for one in found:
        if one["spec"]["names"]["plural"] in _CONVERTED:
            where = {"url": "https://127.0.0.1:1/convert"}
            webhook = {"clientConfig": where, "conversionReviewVersions": ["v1"]}
            one["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return found


def objects() -> list[tuple[str, dict[str, Any]]]:
    """What its own manifests make before it starts, each with its path: the webhooks without any rule."""
    made = [
        ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
        (f"/api/v1/namespaces/{NAMESPACE}/secrets", {"metadata": {"name": SECRET}}),
    ]
    for kind in ("validating", "mutating"):
        named = {"metadata": {"name": f"kueue-{kind}-webhook-configuration"}}
        made.append((f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations", named))
    return made


def mounted(secret: Mapping[str, Any], folder: Path) -> bool:
    """The secret as a kubelet would mount it; False while its certificate is not there yet."""
    found = secret.get("data") or {}
    if "tls.crt" not in found:
        return False
    for name, content in found.items():
        (_certificates(folder) / name).write_bytes(base64.b64decode(content))
    return True


def controller(kubeconfig: Path, folder: Path) -> Process:
    """Not started yet; ready once it waits for its certificate.  `objects` and definitions come first."""
    _certificates(folder).mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{port}"},
        "metrics": {"bindAddress": f"127.0.0.1:{free_port()}"},
        "webhook": {"port": free_port(), "certDir": str(_certificates(folder))},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {
            "enable": True, "webhookServiceName": "kueue-webhook-service", "webhookSecretName": SECRET,
        },
        "integrations": {"frameworks": ["batch/job"]},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    command = [
        str(CONTROLLER.built() / "kueue"), f"--config={folder / 'config.yaml'}",
        "--feature-gates=VisibilityOnDemand=false",
    ]  # fmt: skip
    ready = "Waiting for certificate generation"
    return Process(
        command, log=folder / "kueue.log", port=port, ready=ready, extra={"KUBECONFIG": str(kubeconfig)}
    )


def _certificates(folder: Path) -> Path:
    return folder / "certificates"
