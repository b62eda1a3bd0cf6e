"""The programs of a control plane, built from Go modules: one for etcd and all of Kubernetes, and KWOK."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from pipeline.errors import PreflightFailed
from pipeline.rig import cache

VERSION = "1.36.4"
_FILES = ("main.go", "go.mod", "go.sum")
_SOURCES = {name: (files("pipeline.rig.kube") / name).read_bytes() for name in _FILES}
_KWOK = "sigs.k8s.io/kwok"
_KWOK_VERSION = "v0.8.0"
_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
_GO = (1, 26)
_STRIPPED = "-s -w"


def _go(folder: Path) -> str:
    go = cache.tool("go", "golang")
    version = cache.run([go, "env", "GOVERSION"], cwd=folder).strip().removeprefix("go")
    if tuple(int(n) for n in version.split(".")[:2] if n.isdigit()) < _GO:
        raise PreflightFailed(f"Kubernetes needs Go 1.26 or newer to build; this is Go {version}")
    return go


def _build_control_plane(folder: Path) -> None:
    go = _go(folder)
    source = folder / "source"
    source.mkdir()
    for name, content in _SOURCES.items():
        (source / name).write_bytes(content)
    stamp = "-X k8s.io/component-base/version.git"
    major, minor, _ = VERSION.split(".")
    flags = f"{_STRIPPED} {stamp}Version=v{VERSION} {stamp}Major={major} {stamp}Minor={minor}"
    cache.run(
        [go, "build", "-trimpath", "-ldflags", flags, "-o", str(folder / "control-plane"), "."],
        cwd=source, extra={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
    )  # fmt: skip


def _build_kwok(folder: Path) -> None:
    go, module = _go(folder), f"{_KWOK}@{_KWOK_VERSION}"
    extra = {"GOBIN": str(folder), "CGO_ENABLED": "0"}
    cache.run(
        [go, "install", "-trimpath", "-ldflags", _STRIPPED, f"{_KWOK}/cmd/kwok@{_KWOK_VERSION}"],
        cwd=folder, extra=extra,
    )  # fmt: skip
    found = Path(json.loads(cache.run([go, "mod", "download", "-json", module], cwd=folder))["Dir"])
    for name in _STAGES:
        parts = sorted((found / "kustomize" / "stage" / name).glob("*.yaml"))
        stages = [p.read_text() for p in parts if p.name != "kustomization.yaml"]
        (folder / f"{name.replace('/', '-')}.yaml").write_text("\n---\n".join(stages))


CONTROL_PLANE = cache.Artifact("kube", b"".join(_SOURCES.values()) + VERSION.encode(), _build_control_plane)
KWOK = cache.Artifact("kwok", f"{_KWOK_VERSION} {_STAGES}".encode(), _build_kwok)


def prepare() -> Path:
    """Build both where they are not there yet: minutes the first time."""
    KWOK.built()
    return CONTROL_PLANE.built()


def stages() -> str:
    """What KWOK does with nodes and pods: nodes are ready and stay so, pods run at once."""
    return "\n---\n".join((KWOK.found() / f"{name.replace('/', '-')}.yaml").read_text() for name in _STAGES)
