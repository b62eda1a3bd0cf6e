"""Flux's own kustomize-controller, built from its Go module: minutes the first time, so soak only.

What its source-controller does is played: a GitRepository's status names an archive of the branch, over http.
"""

from __future__ import annotations

import json
import re
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
    go = golang.program(_WHAT)
    source = folder / "source"
    source.mkdir()
    (source / "go.mod").write_text("module flux\n\ngo 1.26.0\n")
    extra = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    found = {}
    for module in (MODULE, SOURCES):
        told = cache.run([go, "mod", "download", "-json", f"{module}@{VERSION}"], cwd=source, extra=extra)
        found[module] = json.loads(told[told.index("{") :])
    # Its own replacements do not hold for those who require it; the one of a folder is not needed.
    lines = Path(found[MODULE]["GoMod"]).read_text()
    replaced = [r for r in re.findall(r"^(?:replace )?\t?(\S+ => \S+ v\S+)$", lines, re.MULTILINE)]
    required = f"require (\n\t{MODULE} {VERSION}\n\t{MODULE}/api {VERSION}\n)"
    parts = ("module flux", "go 1.26.0", *(f"replace {r}" for r in replaced), f"tool {MODULE}", required)
    (source / "go.mod").write_text("\n\n".join(parts) + "\n")
    cache.run([go, "mod", "tidy"], cwd=source, extra=extra)
    program = [go, "build", "-trimpath", "-ldflags", golang.STRIPPED, "-o", str(folder / _PROGRAM), MODULE]
    cache.run(program, cwd=source, extra=extra)
    for module in (MODULE, SOURCES):
        bases = Path(found[module]["Dir"]) / "config" / "crd" / "bases"
        shutil.copytree(bases, folder / "crds", dirs_exist_ok=True)


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
