"""The wheel of this tree in an environment that has what the runtime's lock names, and nothing else."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / ".ci" / "requirements" / "runtime.txt"
OURS = "driftledger"
PACKAGES = ("pipeline", "collectors", "detectors", "reports", "dashboards")
_BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def installed(folder: Path) -> Path:
    """Build the wheel, install it in a new environment in `folder`; the command's path.

    The locked packages are links to those that the tests run with, so that nothing is fetched or compiled.
    """
    wheel = _wheel(folder)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    asked = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    _link(Path(asked.stdout.strip()))
    uv = Path(sys.executable).with_name("uv")
    install = [str(uv), "pip", "install", "--quiet", "--offline", "--no-cache", "--no-deps"]
    subprocess.run([*install, "--python", str(python), str(wheel)], check=True)
    return environment / "bin" / OURS


def _wheel(folder: Path) -> Path:
    """Built from a copy: setuptools keeps its work beside the source, and would pack what is left of it."""
    source, out = folder / "source", folder / "dist"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out.mkdir()
    subprocess.run([sys.executable, "-c", _BUILD, str(out)], cwd=source, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def _link(into: Path) -> None:
    """Every locked distribution; of a folder that others share each part alone."""
    site = Path(sysconfig.get_path("purelib"))
    locked = set(re.findall(r"^([\w.-]+)", LOCK.read_text(), re.MULTILINE))
    files = []
    for found in distributions(path=[str(site)]):
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        files += [(name, tuple(parts)) for parts in _files(found)]
    _link_level(site, into, files, locked)


def _link_level(
    site: Path, into: Path, files: Sequence[tuple[str, tuple[str, ...]]], locked: set[str]
) -> None:
    """Files are each with its distribution's name, and its path within `site`."""
    below: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for owner, (first, *rest) in files:
        below[first].append((owner, tuple(rest)))
    for name, found in below.items():
        owners = {owner for owner, _ in found}
        if len(owners) == 1 and owners <= locked:
            (into / name).symlink_to(site / name)
        elif owners & locked and all(rest for _, rest in found):
            (into / name).mkdir()
            _link_level(site / name, into / name, found, locked)


def _files(found: Distribution) -> list[list[str]]:
    """Paths of its files, without commands and what it puts elsewhere."""
    record = csv.reader((found.read_text("RECORD") or "").splitlines())
    return [row[0].split("/") for row in record if not row[0].startswith(("../", "/"))]
