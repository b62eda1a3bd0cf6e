"""The Go compiler, with which the servers that come as Go modules are built."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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


class Module(NamedTuple):
    """The sources of one, as the module cache has them."""

    folder: Path
    go_mod: str


def module(path: str, version: str, what: str) -> Module:
    """Fetched where it is not there yet."""
    told = cache.run([program(what), "mod", "download", "-json", f"{path}@{version}"], cwd=Path("/"))
    found = json.loads(told[told.index("{") :])
    return Module(Path(found["Dir"]), Path(found["GoMod"]).read_text())


def build(
    package: str, required: Sequence[str], built: Path, what: str, replaced: Sequence[str] = ()
) -> None:
    """Build a command as the file `built`, for which `go install` refuses: its module has replacements.

    `required` are modules and versions.  A module's own replacements do not hold for those who require it, so
    `replaced` repeats them.
    """
    source = built.with_name(f"{built.name}-source")
    source.mkdir()
    lines = [*(f"require {one}" for one in required), *(f"replace {one}" for one in replaced)]
    (source / "go.mod").write_text("\n".join(["module built", "go 1.26.0", f"tool {package}", *lines, ""]))
    go, extra = program(what), {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    cache.run([go, "mod", "tidy"], cwd=source, extra=extra)
    command = [go, "build", "-trimpath", "-ldflags", STRIPPED, "-o", str(built), package]
    cache.run(command, cwd=source, extra=extra)


def replacements(go_mod: str) -> list[str]:
    """Those of a go.mod that lead to a module, not to a folder."""
    return re.findall(r"^(?:replace )?\t?(\S+(?: v\S+)? => \S+ v\S+)", go_mod, re.MULTILINE)
