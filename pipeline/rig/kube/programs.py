"""The programs of a cluster, built from Go modules: one for etcd and Kubernetes, and KWOK for the nodes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pipeline.rig import cache, golang

VERSION = "1.36.4"
_FILES = ("main.go", "go.mod", "go.sum")
_SOURCES = {name: (files("pipeline.rig.kube") / name).read_bytes() for name in _FILES}
_KWOK = "sigs.k8s.io/kwok"
_KWOK_VERSION = "v0.8.0"
_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
_STAGES_FILE = "stages.yaml"
_WHAT = "the Kubernetes control plane"


def _build_control_plane(folder: Path) -> None:
    go = golang.program(_WHAT)
    source = folder / "source"
    source.mkdir()
    for name, content in _SOURCES.items():
        (source / name).write_bytes(content)
    major, minor, _ = VERSION.split(".")
    told = {"Version": f"v{VERSION}", "Major": major, "Minor": minor}
    stamps = [f"-X k8s.io/component-base/version.git{name}={value}" for name, value in told.items()]
    flags = " ".join([golang.STRIPPED, *stamps])
    cache.run(
        [go, "build", "-trimpath", "-ldflags", flags, "-o", str(folder / "control-plane"), "."],
        cwd=source, extra={"CGO_ENABLED": "0"},
    )  # fmt: skip


def _build_kwok(folder: Path) -> None:
    golang.install(f"{_KWOK}/cmd/kwok@{_KWOK_VERSION}", folder, _WHAT)
    module = golang.module(_KWOK, _KWOK_VERSION, _WHAT).folder
    files_ = [f for name in _STAGES for f in sorted((module / "kustomize" / "stage" / name).glob("*.yaml"))]
    stages = [f.read_text() for f in files_ if f.name != "kustomization.yaml"]
    (folder / _STAGES_FILE).write_text("\n---\n".join(stages))


CONTROL_PLANE = cache.Artifact("kube", b"".join(_SOURCES.values()) + VERSION.encode(), _build_control_plane)
KWOK = cache.Artifact("kwok", f"{_KWOK_VERSION} {_STAGES} in one".encode(), _build_kwok)


def prepare() -> Path:
    """Build both where they are not there yet: minutes the first time."""
    KWOK.built()
    return CONTROL_PLANE.built()


def control_plane() -> str:
    """Path of the program whose first argument says which part it runs."""
    return str(CONTROL_PLANE.found() / "control-plane")


def kwok() -> str:
    return str(KWOK.found() / "kwok")


def stages() -> Path:
    """What KWOK does with nodes and pods: nodes are ready and stay so, pods run at once."""
    return KWOK.found() / _STAGES_FILE
