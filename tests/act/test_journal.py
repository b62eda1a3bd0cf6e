"""The revision journal: judged good on enough labels, while serving, with no later verdict against it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.facts.control import FINDINGS
from pipeline.policy.file import parse
from pipeline.policy.reading import journal
from pipeline.policy.rules import TRIGGERS
from pipeline.store import Store
from tests.act.deciding import NOW, TEXT, finding
from tests.ledger import write

MINUTE = timedelta(minutes=1)


def served(minute: int, version: str):
    at = NOW - minute * MINUTE
    return {"minute": at, "model": "fraud", "model_version": version, "workload": f"w{minute}", "count": 10}


def verdict(version: str, level: str, ago: int, *, detector="accuracy", count=600):
    """A finding on the hour that ends `ago` minutes before now."""
    end = NOW - ago * MINUTE
    said = finding(
        detector, level, model_version=version, start=end - 60 * MINUTE, end=end, since=None, count=count
    )
    names = ("detector", "model", "model_version", "level")
    return {"time": end, "content": said.to_json(), **{n: getattr(said, n) for n in names}}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("ledger")) as store:
        traffic = {
            "good": (600, 400),
            "few": (500,),
            "gone": (900,),
            "worse": (300,),
            "slow": (290,),
            "drifts": (280,),
        }
        verdicts = [
            verdict("good", "act", 560),
            verdict("good", "ok", 380),
            verdict("good", "stale", 100),
            verdict("few", "ok", 480, count=499),
            verdict("gone", "ok", 10),
            verdict("worse", "ok", 280),
            verdict("worse", "act", 250),
            verdict("slow", "ok", 270),
            verdict("slow", "act", 260, detector="latency_objective"),
            verdict("drifts", "ok", 260),
            verdict("drifts", "act", 250, detector="drift"),
        ]
        write(store, prediction_sums=[served(m, v) for v, minutes in traffic.items() for m in minutes])
        write(store, **{FINDINGS.name: verdicts})
        yield journal(store, "fraud", TRIGGERS, parse(TEXT).rules[0], None, NOW)


def test_only_versions_that_were_right_while_they_served_are_good(known):
    """few: too few labels; gone: judged without traffic; worse and slow: a later verdict against them."""
    assert [s.version for s in known.good_versions()] == ["drifts", "good"]


def test_every_version_that_served_is_in_order_with_its_traffic(known):
    assert [s.version for s in known.served] == ["gone", "good", "few", "worse", "slow", "drifts"]
    good = next(s for s in known.served if s.version == "good")
    assert (good.first, good.last) == (NOW - 600 * MINUTE, NOW - 400 * MINUTE)
    assert (good.predictions, good.good_count) == (20, 600)
    assert (good.good_at, good.bad_at) == (NOW - 380 * MINUTE, NOW - 560 * MINUTE)


def test_without_a_readable_target_there_is_no_revision(known):
    assert known.revision_of("good") is None
