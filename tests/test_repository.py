"""The repository holds nothing of the machine that it was written on, and its requirements are pinned."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / ".ci" / "requirements").glob("*.txt"))
FORBIDDEN = re.compile(
    r"/(?:home|root|Users|work)/\w|--(?:extra-)?index-url\s*[=\s]\s*http|files\.python[h]osted|"
    r"https?://[\w.-]*(?:pyp[i]|python[h]osted)[\w.-]*"
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_file_names_a_machine_or_a_package_index() -> None:
    """Such a line works for its author only."""
    found = []
    for path in tracked():
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in FORBIDDEN.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    """A release that is replaced after the lock was written must not be installed."""
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
    wanted = [e for e in entries if not e.startswith("#")]
    assert wanted
    assert [
        e.splitlines()[0] for e in wanted if not re.match(r"[\w.\[\],-]+==\S+", e) or "sha256:" not in e
    ] == []


def test_what_runs_and_what_tests_agree() -> None:
    """The tests must run against the versions that users get."""

    def pins(name: str) -> dict[str, str]:
        text = (ROOT / ".ci" / "requirements" / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))

    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime
