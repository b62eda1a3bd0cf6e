"""Built programs and fetched jars in the user's cache folder, each under a hash of what it was made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PreflightFailed


def root() -> Path:
    """`driftledger/rig` in the XDG cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftledger" / "rig"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder that `make` fills; `sources` are the bytes that decide what comes out."""

    name: str
    sources: bytes
    make: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        return root() / f"{self.name}-{hashlib.sha256(self.sources).hexdigest()[:16]}"

    def found(self) -> Path:
        """The filled folder; raises PreflightFailed where it has not been built: this never builds."""
        if not self.folder.is_dir():
            raise PreflightFailed(f"{self.name} has not been fetched yet; run `make rig`")
        return self.folder

    def built(self) -> Path:
        """The folder, filled first where it is not there: by one process, the others wait for it.

        It appears under its name in one step, so a build that was killed leaves nothing half.
        """
        if self.folder.is_dir():
            return self.folder
        root().mkdir(parents=True, exist_ok=True)
        with (root() / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.folder.is_dir():
                self._fill()
        return self.folder

    def _fill(self) -> None:
        for stale in root().glob(f"{self.name}.partial-*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{self.name}.partial-", dir=root()))
        try:
            self.make(partial)
            partial.chmod(0o755)
            partial.rename(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def tool(name: str, package: str) -> str:
    """Path of a program; raises PreflightFailed that names the Debian package it comes in."""
    found = shutil.which(name)
    if found is None:
        raise PreflightFailed(f"{name} is not on the PATH; on Debian: apt-get install {package}")
    return found


def dropped(user: str | None) -> list[str]:
    """Arguments of setpriv with which root becomes `user`."""
    if user is None:
        return []
    entry = pwd.getpwnam(user)
    return [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def run(
    command: Sequence[str], *, cwd: Path, user: str | None = None, extra: Mapping[str, str] | None = None
) -> str:
    """What the command printed; raises PreflightFailed with its last lines where it fails."""
    changed = [tool("setpriv", "util-linux"), *dropped(user), "--"] if user else []
    done = subprocess.run(
        [*changed, *command], cwd=cwd, env={**os.environ, **(extra or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PreflightFailed(
            f"`{' '.join(command[:3])} ...` failed with {done.returncode}:\n{done.stdout[-2000:]}"
        )
    return done.stdout
