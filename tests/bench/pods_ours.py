"""Our collector reads the server's pods and their changes; prints its CPU seconds."""

from __future__ import annotations

import json
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
    print(json.dumps({"list": listed - start, "changes": seen - listed}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
