"""`driftledger backfill` and `driftledger topics` on a real broker."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.broker.connection import admin
from pipeline.broker.parameters import KafkaSettings
from pipeline.broker.topics import MAX_RECORD_BYTES, described, names
from pipeline.cli.app import main
from pipeline.events import TYPES
from pipeline.rig.kafka import Kafka
from pipeline.store import Store
from tests.publish.published import arrived, consumed
from tests.worker.worker_scene import Scene

LABELS = 600


@pytest.fixture
def kafka_settings(broker: Kafka, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """Those that the commands find in the environment."""
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap)
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__PARTITIONS", "2")
    return replace(KafkaSettings(), bootstrap_servers=broker.bootstrap, partitions=2)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out, shown.err


def events_file(folder: Path, *, broken: bool = False) -> Path:
    """CloudEvents of labels, one a line: of one source that numbers them, and of one that does not."""
    lines = []
    for n in range(LABELS):
        data = {"model": "m", "prediction_id": f"p{n}", "label": "yes", "time": "2026-11-20T00:00:00Z"}
        event = {"specversion": "1.0", "type": "driftledger.label.v1", "id": f"e{n}", "data": data}
        event |= {"source": "numbered", "sequence": str(n)} if n % 2 else {"source": "named"}
        lines.append(json.dumps(event))
    file = folder / "labels.jsonl"
    file.write_text("\n".join([*lines, "{"] if broken else lines))
    return file


def test_files_sent_twice_are_in_the_ledger_once(
    broker: Kafka, kafka_settings: KafkaSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is not sure whether a backfill went through runs it again, and workers take it meanwhile."""
    file, scene = events_file(tmp_path), Scene(broker, tmp_path)
    with scene.worker() as worker:
        worker.until_ready()
        code, out, err = run(capsys, "backfill", "events", str(file))
        assert (code, err) == (0, "")
        assert f"read {LABELS} = used {LABELS} + excluded 0 + rejected 0" in out
        assert f"broker: {LABELS} messages" in out and f"{LABELS} acknowledged, 0 rows refused" in out
        code, out, _ = run(capsys, "backfill", "events", str(file), "-o", "json")
        worker.until_taken(2 * LABELS)
        assert worker.stop() == 0
    once = Counter(f"p{n}" for n in range(LABELS))
    assert Counter(row["prediction_id"] for row in scene.rows("labels")) == once
    account = json.loads(out)
    assert code == 0 and account["broker"]["acknowledged"] == LABELS
    assert account["files"][0]["events"] == {"label": LABELS} and account["files"][0]["balanced"]
    assert sum(1 for _ in consumed(kafka_settings)) == 2 * LABELS
    found = arrived(kafka_settings, tmp_path / "ledger")
    assert Counter(found.ids) == once and found.rejected == 0


def test_a_file_that_was_replayed_before_is_not_counted_again(
    kafka_settings: KafkaSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who tries `replay` on a laptop and `backfill` later must not see everything twice."""
    samples = tmp_path / "gpu.jsonl"
    row = {"cluster": "c", "node": "n", "device": "g", "interval_seconds": 30, "util_ratio": 1.0}
    event = {"specversion": "1.0", "type": "driftledger.gpu.v1", "source": "s"}
    lines = [
        json.dumps(
            event | {"id": str(n), "sequence": str(n), "data": row | {"time": f"2026-11-20T00:{n}:00Z"}}
        )
        for n in range(10, 50)
    ]
    samples.write_text("\n".join(lines))
    assert run(capsys, "replay", "events", str(samples), "--store", str(tmp_path / "ledger"))[0] == 0
    assert run(capsys, "backfill", "events", str(samples))[0] == 0
    arrived(kafka_settings, tmp_path / "ledger")
    with Store.open(tmp_path / "ledger", read_only=True) as store:
        assert sum(store.rows("gpu_usage")["samples"].to_pylist()) == len(lines)


def test_what_no_parser_takes_is_sent_as_rejected(
    kafka_settings: KafkaSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7, and the ledger has the line with its reason."""
    code, out, _ = run(capsys, "backfill", "events", str(events_file(tmp_path, broken=True)))
    assert code == 7 and "rejected: malformed 1" in out
    found = arrived(kafka_settings, tmp_path / "ledger")
    assert (len(found.ids), found.rejected) == (LABELS, 1)


def test_without_a_broker_nothing_is_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script must see that its files did not arrive."""
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:2")
    code, out, err = run(capsys, "backfill", "events", str(events_file(tmp_path)))
    assert (code, out) == (5, "") and "nothing listens there" in err
    assert run(capsys, "topics")[0] == 5


def test_topics_are_made_listed_and_found_wrong(
    kafka_settings: KafkaSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator sees before the first event what would lose or double events weeks later."""
    from kafka.admin import ConfigResource, ConfigResourceType

    code, out, _ = run(capsys, "topics")
    assert code == 5 and "missing: driftledger.allocation" in out
    assert f"{len(TYPES)} topics made, 0 were there" in run(capsys, "topics", "create")[1]
    code, out, _ = run(capsys, "topics", "-o", "json")
    rows = json.loads(out)["rows"]
    assert code == 0 and [row["topic"] for row in rows] == names()
    assert {(row["state"], row["partitions"], row["retention"]) for row in rows} == {("ok", 2, "168h")}
    with admin(kafka_settings) as client:
        assert [row["id"] for row in rows] == [topic.id for topic in described(client).values()]
        wrong = {"cleanup.policy": "compact", "max.message.bytes": "1000"}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "driftledger.gpu", wrong)])
        until = time.monotonic() + 10
        while described(client)["driftledger.gpu"].cleanup_policy != "compact" and time.monotonic() < until:
            time.sleep(0.05)
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__RETENTION_HOURS", "200")
    code, out, _ = run(capsys, "topics")
    assert code == 5 and "driftledger.gpu: cleanup.policy is compact; set it to delete" in out
    assert f"max.message.bytes is 1000; set it to {MAX_RECORD_BYTES}" in out
    assert out.count("retention.ms is 604800000") == 1, "one line for all topics that have it"
