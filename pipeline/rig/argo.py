"""The real controller of Argo Rollouts, built from its Go module: minutes the first time, so soak only."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.rig import cache, golang
from pipeline.rig.processes import Process, free_port

MODULE = "github.com/argoproj/argo-rollouts"
VERSION = "v1.8.3"
"""The last that Go 1.26 builds."""
_WHAT = "Argo Rollouts"
_PROGRAM = "rollouts-controller"
_CRDS = "crds"


def _build(folder: Path) -> None:
    found = golang.module(MODULE, VERSION, _WHAT)
    replaced = golang.replacements(found.go_mod)
    package = f"{MODULE}/cmd/{_PROGRAM}"
    golang.build(package, [f"{MODULE} {VERSION}"], folder / _PROGRAM, _WHAT, replaced)
    shutil.copytree(found.folder / "manifests" / "crds", folder / _CRDS)


CONTROLLER = cache.Artifact("argo-rollouts", f"{MODULE} {VERSION}".encode(), _build)


def definitions() -> list[Path]:
    """Its CustomResourceDefinitions, YAML."""
    return sorted(f for f in (CONTROLLER.built() / _CRDS).glob("*.yaml") if f.name != "kustomization.yaml")


def controller(kubeconfig: Path, log: Path) -> Process:
    """Not started yet; the namespace argo-rollouts and the definitions are to be there before it is."""
    port = free_port()
    command = [
        str(CONTROLLER.built() / _PROGRAM), f"--kubeconfig={kubeconfig}", "--leader-elect=false",
        f"--healthzPort={port}", f"--metricsport={free_port()}",
    ]  # fmt: skip
    return Process(command, log=log, port=port)
