"""The docs are true: every command that they name exists, and every command and exit code is named."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import DriftledgerError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[str]:
    """Every line of a shell block in the README that runs driftledger."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if "driftledger" in line]


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_readme_has_these_options(line: str) -> None:
    """A newcomer copies the line; an option that is gone ends the trial."""
    _, name, *arguments = shlex.split(line)
    words = [name]
    if arguments and re.fullmatch(r"[a-z-]+", arguments[0]) and not arguments[0].startswith("-"):
        deeper = CliRunner().invoke(app.app, [name, arguments[0], "--help"])
        words += [arguments[0]] * deeper.output.startswith(f"Usage: driftledger {name} {arguments[0]}")
    text = CliRunner().invoke(app.app, [*words, "--help"]).output
    for option in (a for a in arguments if a.startswith("-")):
        assert re.search(rf"(^|\s|,){re.escape(option)}\b", text), f"{option} is no option of {name}"


def test_every_command_is_in_the_readme() -> None:
    """What is not written down is not found."""
    assert set(re.findall(r"`driftledger ([\w-]+)`", README)) >= set(app.COMMANDS)


def test_every_make_target_of_the_readme_exists() -> None:
    """`make` is the first word of a newcomer."""
    named = set(re.findall(r"(?:`|^)make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= set(re.findall(r"^(\w+):.*##", MAKEFILE, re.MULTILINE))


def test_every_exit_code_of_an_error_is_in_the_readme() -> None:
    """Scripts branch on them."""
    kinds = [DriftledgerError, *DriftledgerError.__subclasses__()]
    assert {f"| {kind.exit_code} |" for kind in kinds} <= set(re.findall(r"^\| \d+ \|", README, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A dead link is where a reader gives up."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if not (page.parent / t).exists()] == []
