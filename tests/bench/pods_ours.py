"""Our collector reads the server's pods and their changes; prints its CPU seconds and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time

import requests

from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import collector
from pipeline.cli.lean import without_pandas
from pipeline.collect.report import Report
from tests.bench.pods_server import PODS


def main(url: str) -> None:
    without_pandas()
    source = collector(AllocationSettings(server=url), "bench")
    turns = source.turns(None, Report())
    start = time.process_time()
    read = next(turns).parsed.read
    listed = time.process_time()
    assert read == PODS
    requests.get(f"{url}/go", timeout=5)
    while read < 2 * PODS:
        read += next(turns).parsed.read
    seen = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"list": listed - start, "changes": seen - listed, "peak": peak}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
