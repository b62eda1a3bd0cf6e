"""A real Git repository in a folder, with a manifest on its branch `main`, as a platform team keeps it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FILE = "apps/fraud.yaml"
WHO = {f"GIT_{who}_{what}": "ana@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class GitFolder:
    """Bare, as a server has it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder, self._work = folder / "deploy.git", folder / "work"
        self._git(folder, "init", "-q", "--bare", "-b", "main", str(self.folder))
        self._git(folder, "clone", "-q", str(self.folder), str(self._work))
        self.commit(text, "first")

    def copied(self, folder: Path) -> GitFolder:
        """The repository again, as it is; nobody else commits to it."""
        copy = object.__new__(GitFolder)
        copy.folder = folder / "deploy.git"
        shutil.copytree(self.folder, copy.folder)
        return copy

    def commit(self, text: str, message: str = "another") -> None:
        """By somebody else."""
        work = self._work
        self._git(work, "fetch", "-q")
        if self.commits:
            self._git(work, "reset", "-q", "--hard", "origin/main")
        (work / FILE).parent.mkdir(exist_ok=True)
        (work / FILE).write_text(text)
        self._git(work, "checkout", "-q", "-B", "main")
        self._git(work, "add", ".")
        self._git(work, "commit", "-q", "-m", message)
        self._git(work, "push", "-q", "origin", "main")

    @property
    def commits(self) -> list[str]:
        """Subjects on main, the newest first."""
        told = self._git(self.folder, "log", "--format=%s", "--all", "--")
        return told.splitlines()

    @property
    def head(self) -> str:
        return self._git(self.folder, "rev-parse", "main").strip()

    def show(self, what: str) -> str:
        return self._git(self.folder, "show", what)

    @property
    def text(self) -> str:
        return self.show(f"main:{FILE}")

    def _git(self, where: Path, *arguments: str) -> str:
        env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(where), **WHO}
        done = subprocess.run(
            ["git", *arguments], cwd=where, env=env, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout
