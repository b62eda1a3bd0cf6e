"""`make rig` runs it: fetch and build what the servers need, so that no test does."""

from __future__ import annotations

import os
import sys

from pipeline.errors import PreflightFailed
from pipeline.rig import hubble, kafka, mlserver, postgres, prometheus, s3
from pipeline.rig.kube import programs as kube


def main() -> int:
    """Exit code 5 where something cannot be had and CI=true; elsewhere its tests will be skipped."""
    failed = 0
    for name, prepare in (
        ("kafka", kafka.prepare),
        ("s3", s3.GATEWAY.built),
        ("postgres", postgres.programs),
        ("prometheus", prometheus.program),
        ("kube", kube.prepare),
        ("hubble", hubble.PROGRAMS.built),
        ("mlserver", mlserver.ENVIRONMENT.built),
    ):
        try:
            print(f"{name}: {prepare()}")
        except PreflightFailed as error:
            failed += 1
            print(f"{name}: its tests will be skipped: {error}", file=sys.stderr)
    return PreflightFailed.exit_code if failed and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
