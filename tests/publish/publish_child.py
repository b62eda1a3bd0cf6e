"""A collector as a process of its own, to be killed: it puts labels from its cursor on, and stores that.

Arguments: bootstrap servers, spool folder, cursor file, number of sequences, sources with commas.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from collectors.publish.parameters import PublishSettings
from collectors.publish.publisher import Publisher
from pipeline.broker.parameters import KafkaSettings
from tests.publish.published import LABEL, TIME, labels

EVERY = 20
"""Sequences between two cursors."""


def main(bootstrap: str, spool: str, cursor: str, count: str, sources: str) -> None:
    kafka = replace(KafkaSettings(), bootstrap_servers=bootstrap)
    publish = replace(PublishSettings(), spool_folder=Path(spool), delivery_timeout_seconds=2.0)
    stored = Path(cursor)
    first = int(stored.read_text()) if stored.exists() else 0
    with Publisher.open(kafka, publish) as publisher:
        print("up", flush=True)
        for sequence in range(first, int(count)):
            for source in sources.split(","):
                rows = labels(source, sequence, padding=2_000)
                publisher.put(LABEL, rows, source=source, sequence=sequence, time=TIME)
            if sequence % EVERY == EVERY - 1:
                assert publisher.flush(60)
                new = stored.with_suffix(".new")
                new.write_text(str(sequence + 1))
                new.rename(stored)
        assert publisher.delivered(60)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
