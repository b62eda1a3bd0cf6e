"""Workers end the months: one of them at a time, another when it dies, and never twice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from pipeline.lake.lease import MONTH_END
from pipeline.months.closings import closings
from pipeline.rig.kafka import Kafka
from pipeline.store import Store
from tests.months.months_scene import months, usage
from tests.waiting import until
from tests.worker.kafka_messages import json_message
from tests.worker.worker_process import WorkerProcess
from tests.worker.worker_scene import Scene

FEBRUARY, MARCH = datetime(2026, 2, 1), datetime(2026, 3, 1)


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path)


def test_one_worker_ends_the_months_and_another_after_its_death(scene: Scene, tmp_path: Path) -> None:
    """Who runs workers and no `up` still has last month's bill, once, however many workers there are."""
    share, targets = tmp_path / "share", tmp_path / "targets.yaml"
    targets.write_text(f"targets:\n- {{name: share, kind: folder, path: '{share}'}}\n")
    months(scene.lake, 1).close()
    sets = ("closing.schedule_seconds=1", "closing.lease_seconds=10", f"closing.delivery={targets}")
    with scene.worker("w0", sets=sets) as one, scene.worker("w1", sets=sets) as two:
        one.until_ready()
        two.until_ready()
        until(lambda: _ended(scene) == ["2026-01 sending", "2026-01 sent"], "January is handed over")
        owner, other = (one, two) if _owner(one) else (two, one)
        owner.kill()
        with Store.open(scene.lake) as store, store.transaction() as con:
            for name in "ab":
                usage(con, name, FEBRUARY, MARCH)
        scene.send([json_message("gpu", "s", number) for number in range(3)])
        until(lambda: "2026-02 sent" in _ended(scene), "the other hands February over", log=lambda: other.log)
        other.until_taken(1)
        assert other.stop() == 0
    assert _ended(scene) == ["2026-01 sending", "2026-01 sent", "2026-02 sending", "2026-02 sent"]
    with Store.open(scene.lake) as store:
        assert [(c.month.month, c.actor) for c in closings(store)] == [(1, "schedule"), (2, "schedule")]
        with store.transaction() as con:
            assert con.execute(f"SELECT holder FROM {MONTH_END}").fetchall() == [("",)], (
                "it left in good order"
            )
    assert {path.name for path in share.iterdir()} == {"2026-01", "2026-02"}


def _ended(scene: Scene) -> list[str]:
    """What was told of each attempt, in order."""
    order = {"sending": 0, "sent": 1}
    rows = sorted(
        scene.rows("deliveries"), key=lambda r: (r["month"], r["attempt"], order.get(r["state"], 2))
    )
    return [f"{row['month']:%Y-%m} {row['state']}" for row in rows]


def _owner(worker: WorkerProcess) -> bool:
    """Whether that worker is the one that said it closed January."""
    return "2026-01 closed as" in worker.log
