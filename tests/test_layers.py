"""The layers of docs/architecture.md: imports only point down, and the pure packages stay pure."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "collectors": {"pipeline.events", "pipeline.wire", "pipeline.errors"}
    | {"numpy", "pyarrow", "msgspec", "yaml"},
    "collectors.publish": {"pipeline.events", "pipeline.batches", "pipeline.broker", "pipeline.errors"}
    | {"pipeline.bounds", "pyarrow", "msgspec", "kafka"},
    "collectors.live": {"collectors.parsed", "collectors.publish", "pipeline.events", "pipeline.wire"}
    | {"pipeline.errors", "pipeline.bounds", "pipeline.secret", "numpy", "pyarrow", "msgspec"},
    "collectors.live.kube": {"collectors.live.contract", "pipeline.kube", "pipeline.errors"}
    | {"msgspec", "requests"},
    "collectors.live.allocation": {"collectors", "pipeline.kube", "pipeline.events", "pipeline.wire"}
    | {"pipeline.errors", "pipeline.bounds", "pyarrow", "msgspec"},
    "collectors.live.inference": {"collectors.live.contract", "collectors.live.clocks"}
    | {"collectors.parsed", "pipeline.events"}
    | {"collectors.histogram", "collectors.histogram_growth", "collectors.serving_metrics"}
    | {"pipeline.wire", "pipeline.errors", "pipeline.bounds", "pipeline.secret", "pipeline.sections"}
    | {"pipeline.yaml_file", "pyarrow", "msgspec", "starlette", "uvicorn", "google", "opentelemetry"},
    "collectors.live.inference_topics": {"collectors.live.contract", "collectors.live.inference"}
    | {"collectors.live.clocks"}
    | {"collectors.parsed", "pipeline.broker", "pipeline.errors", "pipeline.bounds", "pipeline.secret"}
    | {"pipeline.events", "pipeline.wire", "pipeline.sections", "pipeline.yaml_file"}
    | {"pyarrow", "msgspec", "kafka"},
    "collectors.live.dcgm": {"collectors.live.contract", "collectors.live.clocks"}
    | {"collectors.parsed", "collectors.exposition"}
    | {"collectors.dcgm.metrics", "collectors.dcgm.place", "collectors.dcgm.series", "pipeline.errors"}
    | {"collectors.serving_counters", "collectors.serving_metrics", "pipeline.bounds"}
    | {"collectors.counter_growth", "collectors.dcgm.timeline", "collectors.network"}
    | {"collectors.container_usage"}
    | {"pipeline.secret", "requests", "urllib3", "prometheus_api_client"},
    "collectors.live.hubble": {"collectors.live.contract", "collectors.live.clocks"}
    | {"collectors.parsed", "collectors.hubble.flows"}
    | {"collectors.hubble.lines", "collectors.hubble.times", "pipeline.errors", "pipeline.bounds"}
    | {"pipeline.events", "pyarrow", "msgspec", "grpc", "google"},
    "detectors": {"pipeline.facts", "pipeline.events", "pipeline.wire", "pipeline.bounds"}
    | {"numpy", "pyarrow", "scipy", "sklearn", "threadpoolctl"},
}  # fmt: skip
"""What a package may import beside itself and the standard library."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    packages = ("pipeline", "collectors", "detectors", "reports", "dashboards")
    return grimp.build_graph(*packages, include_external_packages=True)


def test_imports_only_point_down() -> None:
    """A lower part that knows an upper one can no longer be tested or replaced alone."""
    # As a process of its own: the command switches off every logger that exists where it runs.
    lint = Path(sys.executable).with_name("lint-imports")
    command = [str(lint), "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", ALLOWED)
def test_pure_packages_import_only_what_is_allowed(package: str, graph: grimp.ImportGraph) -> None:
    """A fold that opens a file, or a parser that asks a broker, would no longer be the same on replay."""
    for module in {package} | graph.find_descendants(package):
        if _rule(module) != package:
            continue
        foreign = {
            name
            for name in graph.find_modules_directly_imported_by(module)
            if _rule(name) != package and name.split(".")[0] not in sys.stdlib_module_names
        }
        stray = {n for n in foreign if not any(n == a or n.startswith(a + ".") for a in ALLOWED[package])}
        assert not stray, f"{module} imports {', '.join(sorted(stray))}"


def _rule(module: str) -> str | None:
    """The nearest package whose imports are listed."""
    matching = [package for package in ALLOWED if module == package or module.startswith(package + ".")]
    return max(matching, key=len, default=None)


def test_every_module_of_the_pipeline_has_a_layer(graph: grimp.ImportGraph) -> None:
    """A module that no layer names would be held by no rule."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["id"] == "layers")
    named = {module.strip(" ()") for layer in layers for module in layer.replace("|", ":").split(":")}
    assert graph.find_children("pipeline") - named == set()


def test_the_table_of_the_layers_is_the_tree(graph: grimp.ImportGraph) -> None:
    """Who looks for the place of a change reads it there: every part, and none that is gone."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Layers")[2].partition("To add one thing")[0]
    firsts = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    named = re.findall(r"`(pipeline[/.]\w+)`", firsts)
    assert {name.replace("/", ".") for name in named} == graph.find_children("pipeline")
    folders = [name for name in named if (ROOT / name.replace(".", "/")).is_dir()]
    assert folders == [name for name in named if "/" in name], "a folder is written with /, a file with ."


@pytest.mark.parametrize("package", ["pipeline", "collectors", "detectors", "reports", "dashboards"])
def test_the_packages_themselves_are_empty(package: str) -> None:
    """`import pipeline.errors` must not load the rest of the product."""
    assert (ROOT / package / "__init__.py").read_text().strip() == ""
