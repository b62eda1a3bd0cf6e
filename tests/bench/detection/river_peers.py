"""Run by the Python of .venv-detection: River's detectors over streams of single errors.

Arguments: a .npy file of packed bits, a row a stream; then names of PEERS.  Prints, by name, the positions of
the alarms of each stream and the CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import river
from river.drift import ADWIN
from river.drift.binary import HDDMA, HDDMW

PEERS = {
    "ADWIN": lambda: ADWIN(),
    "ADWIN delta 1e-5": lambda: ADWIN(delta=1e-5),
    "HDDM_A": lambda: HDDMA(),
    "HDDM_W": lambda: HDDMW(),
}


def positions(detector, stream) -> list[int]:
    found = []
    for position, error in enumerate(stream):
        detector.update(error)
        if detector.drift_detected:
            found.append(position)
    return found


def main(path: str, names: list[str]) -> None:
    packed = np.load(path)
    answer = {"version": river.__version__}
    for name in names:
        start = time.process_time()
        alarms = [positions(PEERS[name](), np.unpackbits(row).tolist()) for row in packed]
        answer[name] = {"alarms": alarms, "seconds": time.process_time() - start}
    print(json.dumps(answer))


main(sys.argv[1], sys.argv[2:])
