"""The Go compiler, with which the servers that come as Go modules are built."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PreflightFailed
from pipeline.rig import cache

_OLDEST = (1, 21)
"""The oldest Go that says clearly which Go a module wants, or fetches it; Debian 12's is older."""
STRIPPED = "-s -w"


def program(what: str) -> str:
    """Path of `go`; raises PreflightFailed where there is none or it is too old to build `what`."""
    go = cache.tool("go", "golang")
    version = cache.run([go, "env", "GOVERSION"], cwd=Path("/")).strip().removeprefix("go")
    if tuple(int(n) for n in version.split(" ")[0].split(".")[:2] if n.isdigit()) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise PreflightFailed(f"{what} needs Go {needed} or newer to build; this is Go {version}")
    return go


def install(package: str, folder: Path, what: str) -> None:
    """Build `module/path@version` into `folder`."""
    extra = {"GOBIN": str(folder), "CGO_ENABLED": "0"}
    go = program(what)
    cache.run([go, "install", "-trimpath", "-ldflags", STRIPPED, package], cwd=folder, extra=extra)
