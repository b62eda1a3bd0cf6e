"""The Go compiler, with which the servers that come as Go modules are built."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import PreflightFailed
from pipeline.rig import cache

_WANTED = "1.26.8"
"""What the servers' modules are built with where the machine's Go is older, as Debian 12's is."""
STRIPPED = "-s -w"


def program(what: str) -> str:
    """Path of a `go` that builds `what`; raises PreflightFailed where there is none and none to fetch."""
    found = cache.tool("go", "golang")
    version = cache.run([found, "env", "GOVERSION"], cwd=Path("/")).strip().removeprefix("go")
    if _numbers(version)[:2] >= _numbers(_WANTED)[:2]:
        return found
    try:
        return _fetched(found, cache.run([found, "env", "GOARCH"], cwd=Path("/")).strip())
    except PreflightFailed as error:
        told = f"{what} needs Go {_WANTED} or newer to build; this is Go {version}, and a newer one"
        raise PreflightFailed(f"{told} could not be fetched: {error}") from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.split(" ")[0])[:3])


@functools.cache
def _fetched(older: str, architecture: str) -> str:
    """A newer Go, which is published as a module that any older one fetches and checks by its sum.

    Go before 1.21 does not know what is special about it: that its programs are programs.
    """
    version = f"v0.0.1-go{_WANTED}.linux-{architecture}"
    folder = Path(_downloaded(older, f"golang.org/toolchain@{version}")["Dir"])
    for one in (*folder.glob("bin/*"), *folder.glob("pkg/tool/*/*")):
        if not os.access(one, os.X_OK):
            one.chmod(0o555)
    return str(folder / "bin" / "go")


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
    found = _downloaded(program(what), f"{path}@{version}")
    return Module(Path(found["Dir"]), Path(found["GoMod"]).read_text())


def _downloaded(go: str, versioned: str) -> dict[str, str]:
    """Where the module cache has it, as go's JSON says after all else that it prints."""
    told = cache.run([go, "mod", "download", "-json", versioned], cwd=Path("/"))
    found: dict[str, str] = json.loads(told[told.index("{") :])
    return found


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
