"""Streams of single errors for River's detectors, which live in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bench.detection.streams import PER_MINUTE, Errors, Floats

PYTHON = Path(os.environ.get("DETECTION_PYTHON", ".venv-detection/bin/python"))
Bits = npt.NDArray[np.uint8]


def bits(rates: Floats, streams: int, rng: np.random.Generator) -> Bits:
    """(S, T x PER_MINUTE) single errors, 0 or 1, at the rate of their minute (T,)."""
    each = np.repeat(rates, PER_MINUTE).astype(np.float32)
    return np.stack([(rng.random(len(each), np.float32) < each).astype(np.uint8) for _ in range(streams)])


def by_minute(of: Bits) -> Errors:
    """The same errors as the ledger keeps them."""
    hits = of.reshape(len(of), -1, PER_MINUTE).sum(axis=2, dtype=np.int64).T
    return Errors(np.full_like(hits, PER_MINUTE), hits)


def alarms(of: Bits, names: list[str]) -> dict[str, list[list[int]]]:
    """By detector: the minutes in which it alarms, of each stream."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bits.npy"
        np.save(path, np.packbits(of, axis=1))
        program = Path(__file__).with_name("river_peers.py")
        command = [str(PYTHON), str(program), str(path), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: [[p // PER_MINUTE for p in s] for s in found[name]["alarms"]] for name in names}
