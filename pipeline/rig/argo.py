"""The real controller of Argo Rollouts, built from its Go module: minutes the first time, so soak only."""

from __future__ import annotations

import json
import re
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
    go = golang.program(_WHAT)
    source = folder / "source"
    source.mkdir()
    (source / "go.mod").write_text("module argo\n\ngo 1.26.0\n")
    told = json.loads(cache.run([go, "mod", "download", "-json", f"{MODULE}@{VERSION}"], cwd=source))
    # Its own replacements do not hold for those who require it, so they are repeated.
    replaced = re.search(r"^replace \(.*?^\)", Path(told["GoMod"]).read_text(), re.DOTALL | re.MULTILINE)
    parts = (f"tool {MODULE}/cmd/{_PROGRAM}", f"require {MODULE} {VERSION}", replaced[0] if replaced else "")
    (source / "go.mod").write_text("module argo\n\ngo 1.26.0\n\n" + "\n\n".join(parts) + "\n")
    extra = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    cache.run([go, "mod", "tidy"], cwd=source, extra=extra)
    program = [
        go, "build", "-trimpath", "-ldflags", golang.STRIPPED, "-o", str(folder / _PROGRAM),
        f"{MODULE}/cmd/{_PROGRAM}",
    ]  # fmt: skip
    cache.run(program, cwd=source, extra=extra)
    shutil.copytree(Path(told["Dir"]) / "manifests" / "crds", folder / _CRDS)


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
