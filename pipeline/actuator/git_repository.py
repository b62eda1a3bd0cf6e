"""One commit to a branch of a Git repository, through `git` itself: never forced, at most once for an action.

Nothing is checked out and no hook or filter of the repository runs.  What `git` is let in with is that of the
account that runs us; it asks nobody.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

TRAILER = "Driftledger-Action"
SECONDS = 60.0
"""Longest wait for one command."""
DEPTH = 500
"""Newest commits of the branch among which an action's own is looked for."""
WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "driftledger"), ("EMAIL", "driftledger@localhost"))
}
_BASE = "refs/heads/base"
_ASKED_NOBODY = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:https",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_ANOTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""Variables that would lead to another repository than the one named."""
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "http.followRedirects=false", "-c", "gc.auto=0")


class GitFailed(Exception):
    """`git` said no, or nothing in time; the text is its last line."""

    def __init__(self, words: str, *, unanswered: bool = False) -> None:
        super().__init__(words)
        self.unanswered = unanswered
        """Nobody knows whether it took effect."""


class Fetched(NamedTuple):
    """The branch as it is."""

    folder: Path
    address: str
    branch: str
    head: str

    def commit_of(self, action_id: str) -> str:
        """The commit that this action has made there; '' for none."""
        pattern = f"--grep=^{TRAILER}: {action_id}$"
        return _git(self.folder, "log", "-1", "--format=%H", pattern, _BASE).decode().strip()

    def text(self, file: str) -> str:
        """The file's content.  Raises GitFailed where it is no plain file of UTF-8 text."""
        _, sha = self._entry(file)
        try:
            return _git(self.folder, "cat-file", "blob", sha).decode()
        except UnicodeDecodeError as error:
            raise GitFailed(f"{file} is not UTF-8 text") from error

    def pushed(self, file: str, text: str, message: str, time: datetime) -> str:
        """The new commit, once it is the branch's head.  Raises GitFailed, also where the branch has moved.

        The same change of the same head at the same time is the same commit.
        """
        mode, _ = self._entry(file)
        blob = _git(self.folder, "hash-object", "-w", "--stdin", given=text.encode()).decode().strip()
        _git(self.folder, "read-tree", _BASE)
        _git(self.folder, "update-index", "--cacheinfo", f"{mode},{blob},{file}")
        tree = _git(self.folder, "write-tree").decode().strip()
        dated = {
            f"GIT_{who}_DATE": f"{time.isoformat(timespec='seconds')}Z" for who in ("AUTHOR", "COMMITTER")
        }
        commit = _git(
            self.folder,
            "commit-tree",
            tree,
            "-p",
            self.head,
            "-F",
            "-",
            given=message.encode(),
            more=WHO | dated,
        )
        made = commit.decode().strip()
        _git(self.folder, "push", "-q", "--no-force", self.address, f"{made}:refs/heads/{self.branch}")
        return made

    def _entry(self, file: str) -> tuple[str, str]:
        found = _git(self.folder, "ls-tree", "-z", _BASE, "--", file).decode().rstrip("\0")
        mode, _, rest = found.partition(" ")
        if mode not in ("100644", "100755"):
            raise GitFailed(f"{file} is no plain file of branch {self.branch}")
        return mode, rest.split()[1]


@contextmanager
def fetched(address: str, branch: str) -> Iterator[Fetched]:
    """The branch in a folder of its own, gone afterwards.  Raises GitFailed."""
    with tempfile.TemporaryDirectory(prefix="driftledger-git-") as temporary:
        folder = Path(temporary)
        _git(folder, "init", "-q", "--bare", ".")
        place = f"file://{address}" if address.startswith("/") else address
        wanted = f"+refs/heads/{branch}:{_BASE}"
        _git(folder, "fetch", "-q", "--no-tags", f"--depth={DEPTH}", place, wanted)
        yield Fetched(folder, place, branch, _git(folder, "rev-parse", _BASE).decode().strip())


def _git(folder: Path, *arguments: str, given: bytes = b"", more: dict[str, str] | None = None) -> bytes:
    command = ["git", *_SAFE, "-C", str(folder), *arguments]
    told = {name: text for name, text in os.environ.items() if name not in _ANOTHERS}
    told |= _ASKED_NOBODY | {"GIT_INDEX_FILE": str(folder / "index"), "LC_ALL": "C"} | (more or {})
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=SECONDS, env=told, check=False
        )
    except FileNotFoundError as error:
        raise GitFailed("there is no program git here; install it") from error
    except subprocess.TimeoutExpired as error:
        raise GitFailed(f"git {arguments[0]}: no answer in {SECONDS:g} s", unanswered=True) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        told_us = next(
            (line for line in lines if "rejected" in line or line.startswith(("fatal", "error"))), ""
        )
        raise GitFailed(f"git {arguments[0]}: {told_us or (lines[-1] if lines else 'it failed')}")
    return done.stdout
