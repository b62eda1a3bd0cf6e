"""What a command took at most of memory, and of processor time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# A process's ru_maxrss begins at what its parent had: so the parent is a small one.
_BETWEEN = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.stdout, spent.ru_utime + spent.ru_stime, spent.ru_maxrss * 1024]))
"""


class Spent(NamedTuple):
    stdout: str
    cpu_seconds: float
    peak_rss_bytes: int


def spent(command: Sequence[str]) -> Spent:
    """Raises CalledProcessError where the command fails."""
    between = [sys.executable, "-c", _BETWEEN, *command]
    done = subprocess.run(between, check=True, capture_output=True, text=True)
    return Spent(*json.loads(done.stdout))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process that runs, to the hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_bytes(pid: int) -> int:
    """The most memory that a process that runs has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
