"""A worker whose ledger's servers go away and come back: it waits, says so, and takes each message once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.events import Message
from pipeline.lake.location import Location
from pipeline.rig.kafka import Kafka
from pipeline.store import Store
from tests.places import bucket
from tests.waiting import until
from tests.worker.kafka_messages import json_message
from tests.worker.worker_scene import Scene


def test_a_database_that_is_away_is_waited_for(
    broker: Kafka, shared: Location, postgres, tmp_path: Path
) -> None:
    """An upgrade of PostgreSQL must cost time, not events, and need nobody to restart the workers."""
    scene = Scene(broker, tmp_path)
    sets = (f"store.catalog={shared.catalog}", f"store.data={shared.data}")
    with scene.worker(sets=sets) as worker:
        scene.send([json_message("label", "s", n, prediction_id=str(n)) for n in range(10)])
        worker.until_taken(10)
        postgres.stop()
        try:
            scene.send([json_message("label", "s", n, prediction_id=str(n)) for n in range(10, 20)])
            until(lambda: not worker.ready(), "it is not ready without its database", log=lambda: worker.log)
            answer = worker.get("/readyz")
            assert answer is not None and "not available" in answer.text
        finally:
            postgres.start()
        worker.until_taken(20)
        until(worker.ready, "it is ready again")
        assert worker.stop() == 0
    with Store.open(shared, read_only=True) as store:
        taken = store.rows("labels").to_pylist()
    assert sorted(int(row["prediction_id"]) for row in taken) == list(range(20))


def labels(sequence: int) -> Message:
    """Fifty labels: more than the catalog keeps in itself, so they are a file in the bucket."""
    one = json_message("label", "s", sequence)
    [row] = json.loads(one.value)
    return one._replace(
        value=json.dumps([row | {"prediction_id": f"{sequence}/{n}"} for n in range(50)]).encode()
    )


def test_a_bucket_that_is_away_is_waited_for(
    broker: Kafka,
    shared: Location,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """An outage of the object storage amid a commit leaves neither a loss nor a row twice."""
    place = Location(shared.folder, shared.catalog, bucket(request, monkeypatch))
    server = request.getfixturevalue("s3")
    scene = Scene(broker, tmp_path)
    with scene.worker(sets=(f"store.catalog={place.catalog}", f"store.data={place.data}")) as worker:
        scene.send([labels(n) for n in range(3)])
        worker.until_taken(3)
        server.stop()
        try:
            scene.send([labels(n) for n in range(3, 6)])
            until(lambda: not worker.ready(), "it is not ready without its bucket", log=lambda: worker.log)
            answer = worker.get("/readyz")
            assert answer is not None and "not available" in answer.text
        finally:
            server.start()
        worker.until_taken(6)
        until(worker.ready, "it is ready again")
        assert worker.stop() == 0
    with Store.open(place, read_only=True) as store:
        taken = store.rows("labels")["prediction_id"].to_pylist()
    assert sorted(taken) == sorted(f"{n}/{k}" for n in range(6) for k in range(50))
