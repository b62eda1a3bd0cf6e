"""Flux's own kustomize-controller, built from its Go module: minutes the first time, so soak only.

What its source-controller does is played: a GitRepository's status names an archive of the branch, over http.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from pipeline.rig import cache, golang
from pipeline.rig.processes import Process, free_port

MODULE = "github.com/fluxcd/kustomize-controller"
SOURCES = "github.com/fluxcd/source-controller"
VERSION = "v1.9.0"
"""The last of both that Go 1.26 builds."""
NAMESPACE = "flux-system"
_WHAT = "Flux"
_PROGRAM = "kustomize-controller"


def _build(folder: Path) -> None:
    found = [golang.module(one, VERSION, _WHAT) for one in (MODULE, SOURCES)]
    required = [f"{MODULE} {VERSION}", f"{MODULE}/api {VERSION}"]
    golang.build(MODULE, required, folder / _PROGRAM, _WHAT, golang.replacements(found[0].go_mod))
    for one in found:
        shutil.copytree(one.folder / "config" / "crd" / "bases", folder / "crds", dirs_exist_ok=True)


CONTROLLER = cache.Artifact("flux", f"{MODULE} {VERSION}".encode(), _build)


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of Kustomization and of the sources."""
    return [yaml.safe_load(f.read_text()) for f in sorted((CONTROLLER.built() / "crds").glob("*.yaml"))]


def controller(kubeconfig: Path, log: Path) -> Process:
    """Not started yet; its namespace and the definitions are to be there before it is."""
    port = free_port()
    command = [
        str(CONTROLLER.built() / _PROGRAM), "--enable-leader-election=false", "--watch-all-namespaces=true",
        f"--health-addr=127.0.0.1:{port}", f"--metrics-addr=127.0.0.1:{free_port()}",
    ]  # fmt: skip
    extra = {"KUBECONFIG": str(kubeconfig), "RUNTIME_NAMESPACE": NAMESPACE}
    return Process(command, log=log, port=port, extra=extra)
