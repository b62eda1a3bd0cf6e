"""A rollback is proven on labels, and one that did not help is put back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.act.proving import prove
from tests.act.rollback_scene import NOW, life, policy, scene

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "result", "serves"),
    [(0.1, "helped", "v1"), (0.45, "no-change", "v2"), (0.8, "harmed", "v2")],
)
def test_a_rollback_that_did_not_help_is_put_back_after_one_look(tmp_path, error, result, serves):
    """v1 errs after the rollback as v2 did: the fault is not the model's, and waiting changes nothing."""
    with scene(tmp_path) as s:

        def proven(after):
            return [t.state for t in prove(s.store, s.embedded, policy(), s.clients, NOW + after)]

        s.tick()
        s.lab.server.tick()
        assert [t.state for t in s.tick(NOW + MINUTE)] == ["verified"]
        assert proven(130 * MINUTE) == [], "no label has come"
        s.store.append(life(3, "v1", 101, 60, error))
        assert proven(61 * MINUTE) == [], "it is not time"
        steps = proven(130 * MINUTE)
        assert steps == ([] if result == "helped" else ["proposed", "approved", "executed", "undone"])
        assert s.lab.serving() == serves
        (outcome,) = s.store.rows("outcomes").to_pylist()
        assert outcome["state"] == result and "labelled on version v2" in outcome["detail"]
        assert proven(131 * MINUTE) == []
