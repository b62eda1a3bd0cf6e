"""The page about inference events: every line to copy is run as it stands, against a receiver."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from collectors.live.inference import rules
from collectors.live.inference.parameters import InferenceSettings
from collectors.live.inference_topics import mapping
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
from tests.inference.inference_scene import receiving

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "collectors" / "inference.md").read_text()
ADDRESS = "http://127.0.0.1:9466"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_line_for_a_shell_is_taken(tmp_path: Path) -> None:
    """A first try that fails is often the last one."""
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("no curl on the PATH; on Debian: apt-get install curl")
    with receiving(tmp_path) as scene:
        answers = []
        for block in _blocks("sh"):
            command = block.replace(ADDRESS, scene.url)
            done = subprocess.run(
                ["bash", "-euc", command], capture_output=True, text=True, timeout=60, check=True
            )
            answers += [json.loads(text) for text in re.findall(r"\{.*?\]\}", done.stdout)]
        assert len(answers) == PAGE.count(f"curl -sS {ADDRESS}")
        assert [a["refused"] for a in answers] == [0] * len(answers)
        taken = {(r["model"], r["model_version"]) for r in scene.rows("prediction_sums")}
        assert taken == {("fraud", "7"), ("iris", "3"), ("llama", "llama-3-8b")}
        assert sum(r["count"] for r in scene.rows("prediction_sums")) == 6
        assert {r["prediction_id"] for r in scene.rows("labels")} == {"p-1", "r-1/1"}


def test_the_histogram_of_the_page_about_latency_is_taken(tmp_path: Path) -> None:
    """Whoever copies it must see its fifty requests."""
    (command,) = re.findall(r"```sh\n(curl.*?)```", (DOCS / "latency.md").read_text(), re.DOTALL)
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("no curl on the PATH; on Debian: apt-get install curl")
    with receiving(tmp_path) as scene:
        command = command.replace(ADDRESS, scene.url)
        subprocess.run(["bash", "-euc", command], capture_output=True, timeout=60, check=True)
        rows = scene.rows("latency_counts")
        assert {(r["model"], r["model_version"], r["namespace"]) for r in rows} == {
            ("llama", "llama-3-8b", "ml")
        }
        assert sum(r["count"] for r in rows) == 50


def test_the_lines_for_python_are_taken(tmp_path: Path) -> None:
    """These three lines are all that a model server's owner will read."""
    (code,) = _blocks("python")
    with receiving(tmp_path) as scene:
        names: dict[str, object] = {}
        exec(compile(code.replace(ADDRESS, scene.url), "inference.md", "exec"), names)
        log = names["log"]
        assert log.flush(20)
        log.close()
        assert [r["prediction_id"] for r in scene.rows("labels")] == [names["id"]]
        assert [r["score"] for r in scene.rows("predictions")] == [0.93]


def test_the_files_of_the_page_are_read(tmp_path: Path) -> None:
    """A rule that is copied and then refused keeps nothing back."""
    _, _, rule, map_ = _blocks("yaml")
    path = tmp_path / "file.yaml"
    path.write_text(rule)
    found = rules.load(str(path)).of("fraud")
    assert found.features({"amt": 1, "country": 2, "ssn": 3, "age": 4}) == {"amount": 1, "age": 4}
    path.write_text(map_)
    assert set(mapping.load(str(path))) == {"scores", "truths"}


def test_every_setting_is_named() -> None:
    """What is not written down is not found."""
    for group in (InferenceSettings, InferenceTopicsSettings):
        assert [f.name for f in fields(group) if f.name not in PAGE] == []
