"""A page of docs/ from the results of one run: the machine, the command, the numbers."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.recorded import RESULTS

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Measured by `make bench`, which writes this page; every number below is of one machine. Where a bench ran
again that day or the next its quietest run stands, since other work on a machine only ever takes away.
Ratios travel between machines, absolute speeds do not. CPU seconds are the process's own, best of three
where a fold is timed; what is folded here runs on one core. Workers, brokers and databases are processes
beside each other, on all cores of the machine.

"""

NOTES = {
    "inference fold, 20 features": "Messages of 2,500 such events with 20 features, all numbers, or five of "
    "them plain texts of a dozen categories; the bench fails below 1.5 million rows a second where 20 are "
    "folded at once.",
    "inference fold": "Messages of 5,000 events with 10 numeric features, one model, with score, latency and "
    "prediction id, already decoded; all inference folds (latency, features, score, predictions). A busy "
    "worker folds many messages at once; the bench fails under 3 million rows a second of 20. What stands "
    "*with decoding* begins at the messages' bytes.",
    "fold against NannyML": "The same 100,000 rows of 10 features in 20 messages, the least of five rounds "
    "on both sides. A configuration is a number of distances x rows a chunk. NannyML's seconds are its "
    "`calculate` after `fit`, on rows that lie in memory. Ours are those of bins of a minute, from which the "
    "distances of any window follow by query: `folded` from rows that lie in memory too; `1 at once` decodes "
    "and folds each Arrow message alone, `20 at once` decodes each and folds them as one table, as a busy "
    "worker does. 4 x 1000 is nearest to what our bins answer, four distances a minute; the bench fails "
    "where `folded` is under 30 times as fast as 4 x 5000, or 1 at once as 4 x 1000. With fewer distances "
    "and longer chunks NannyML does less work.",
    "evaluate against NannyML": "*figures* are the values that NannyML has of every chunk of the data in its "
    "package, *compared* those that `driftledger evaluate` has too, nine in ten at least or the bench fails; "
    "the others are rates of nothing, which NannyML calls 0. The difference is relative where a figure is "
    "above 1.",
    "publish": "The publisher beside a bare kafka-python producer (idempotent, acks=all) on one real "
    "broker, the same Arrow messages of random features from 8 sources, medians of five rounds in turn; the "
    "bench fails under 0.8 of the bare producer's speed at about 300 KB a message.",
    "worker from broker to lake": "4,000 messages of 5,000 inferences with 10 features, 314 KB each, lz4, "
    "in 8 partitions: read by others that only count or decode them, and by one `driftledger worker` with "
    "its default settings that decodes, folds (latency, features, score, traffic) and commits them with "
    "their offsets; its ledger is then checked to hold every event once. The predictions have no id. Faust "
    "alone reads JSON events, one a message. Starting is not in the seconds. The others end at the last "
    "message, the worker at its last commit.",
    "worker on messages of other sizes": "The same with 1,600 and with 8,000 inferences in a message, into "
    "PostgreSQL: what a message costs beside its rows.",
    "workers that share a log": "The same log into a ledger in PostgreSQL, from the moment at which all "
    "workers have their partitions. The broker and the database run on the same cores.",
    "predictions with an id": "Labels come later and name single predictions, so each that has an id is kept "
    "as a row of its own, beside the folds.",
    "backlog replayed": "10,000 such messages that one worker has never seen, into PostgreSQL; then a round "
    "of `driftledger maintain`. *files* are those that the ledger's newest state consists of.",
    "inference bodies": "A thousand predictions with 10 features, read, joined, remembered and checked; a "
    "pair is two bodies of one row, the others are one body of all.",
    "inference client": "A call of `PredictionLog.predicted` with 10 features, in the caller's own thread.",
    "Hubble JSON decode and fold": "Recorded flows of the samples, repeated; JSON lines to `network_usage`.",
    "Hubble JSON decode and fold, flows of Cilium 1.19": "The same flows with what newer agents tell: "
    "an id, the pods' owners, the node's labels.",
    "Hubble flows by relay": "The same flows as relay's answers, and as lines beside them; without the fold.",
    "official FOCUS validator": "A month with corrections, a credit, mark-up, tax and two currencies, "
    "as FOCUS 1.2; the bench fails where a rule does not pass that docs/month-end.md does not explain.",
    "verdict to verified": "A version that cannot run and errs, on a real Kubernetes control plane with a "
    "real ledger: seconds from the judge's verdict until the API server has taken the patch, until the "
    "object is available again, and until a tick has recorded it as verified, ticks back to back. CPU "
    "seconds are those of the tick that patched, whole. Nodes are KWOK's, which start a pod at once. The "
    "bench fails where the patch takes over 2 seconds.",
    "10,000 pods and 10,000 changes": "A real API server with pods of about 6 KB, one in two with a GPU, "
    "listed in pages of 500, then a change of each by eight writers on the same cores. *driftledger "
    "collect* is the whole process of `driftledger collect allocation` from its open health port on: "
    "intervals, cursor and messages, into its spool since no broker is there, or with `--store` into a "
    "ledger. It makes a turn every two seconds, part of whose cost is the same however few changes came. The "
    "official Python client only keeps node and phase; *plain JSON* is the client without its models. "
    "All four see the same changes. The bench fails where the first is over 2 CPU seconds, 0.2 a "
    "thousand changes or 250 MB.",
    "maintenance": "Commits of 200 rows back to back, with a round of maintenance every 300 and without any; "
    "CPU milliseconds, of a commit the median of the last 100. The settings are those by default, so no past "
    "state is let go: *files* are those of the newest state, *files kept* those on the disk. The bench fails "
    "where a commit with maintenance comes to take half as long again.",
    "kill -9 and again": "A worker is killed with -9 and started again, beside a real broker with "
    "8 partitions: from the start of the process until the 200 messages that were sent meanwhile are in "
    "the ledger; the bench fails where the longest is over 3 seconds.",
    "judge tick of 200 models x 20 features": "A day of minutes, committed hour by hour. The *cold* tick is "
    "the first of a process, as each of `driftledger judge` is; *seconds* are the best of the next six, "
    "as those of `driftledger up`. The bench fails where a later tick needs a CPU second. With labels, "
    "latencies and ten judged segments of each model a minute of all facts comes before each later tick, and "
    "a label of hours ago; there it fails from one too. Seconds are wall time beside whatever else ran.",
    "cost of a month": "30 days of GPUs that ten containers each hold in turn, usage rolled up to hours, by "
    "team; team and model; day and team; device; hour and team: the first question, then any other, then any "
    "other after a commit (`moved`). The bench fails over 1 CPU second at the 95th percentile of the others, "
    "after a commit too (of 50,000 containers not where it is by hour), and up to 10,000 containers over "
    "1 GB (953 MiB), or 1 CPU second by workload, by pod, by day and pod, or of OpenCost's allocations by "
    "pod; the rest is recorded alone.",
    "cost of pods' CPU and memory": "A day of 10,000 pods on 300 nodes whose CPU and memory were measured by "
    "the hour, by team and the method max: the first question, and the same again. The bench fails where "
    "that takes a CPU second.",
    "drift query 24 h x 20 features": "288,000 fact rows of 10 bins, written in 24 commits, as one round of "
    "`driftledger maintain` leaves them; the bench fails from 50 ms at the 95th percentile. It is "
    "asked 40 times: verdicts and losses, to which nothing is added meanwhile, are read at the first.",
    "inference fold with a sample": "100,000 events of 10 numeric features, decoded, through all inference "
    "folds, CPU milliseconds: with a reference that keeps no rows, and with one that keeps 200 an hour.",
    "joint drift of 10 features": "Windows of 1,000 rows in which two of the features have that correlation, "
    "against 5,000 rows with 0.8; each feature alone never changes. *warns* are shares of the windows.",
    "joint drift of a week": "One model version that keeps 200 rows an hour of 10 features.",
    "drift query, 24 files a table": "The same in a ledger that nobody maintains.",
}


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "numpy", "msgspec"))
    return f"{cores()} cores, {model}; Python {platform.python_version()}; {packages}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def section(name: str, note: str, lines: list[dict[str, object]]) -> Iterator[str]:
    columns = list(dict.fromkeys(key for line in lines for key in line))
    yield f"## {name}\n"
    if note:
        yield f"{note}\n"
    yield f"| {' | '.join(c.replace('_', ' ') for c in columns)} |"
    yield f"|{'---|' * len(columns)}"
    for line in lines:
        yield f"| {' | '.join(_value(line.get(c, '')) for c in columns)} |"
    yield ""


def page(results: Path, now: datetime, head: str, notes: Mapping[str, str]) -> str:
    """The head, the day and machine, and a section a name with its note and a row a result."""
    sections: dict[str, list[dict[str, object]]] = defaultdict(list)
    for text in results.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        sections[line.pop("name")].append(line)
    body = [part for name, lines in sections.items() for part in section(name, notes.get(name, ""), lines)]
    return f"{head}{now:%Y-%m-%d}, {machine()}.\n\n" + "\n".join(body)


if __name__ == "__main__":
    PAGE.write_text(page(RESULTS, datetime.now(UTC), HEAD, NOTES), encoding="utf-8")
