"""The revision journal: judged good on enough labels, while serving, with no later verdict against it."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from detectors.latency_objective import METRIC
from pipeline import offset_gaps
from pipeline.act.rehearsed_journal import Journals
from pipeline.facts.control import FINDINGS
from pipeline.policy.file import parse
from pipeline.policy.reading import journal
from pipeline.policy.rules import TRIGGERS
from pipeline.policy.situation import Trip
from pipeline.store import Store
from pipeline.wire.types.models import HISTOGRAMS
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
def ledger(tmp_path_factory):
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
        yield store


@pytest.fixture(scope="module")
def known(ledger):
    return journal(ledger, "fraud", TRIGGERS, parse(TEXT).rules[0], None, NOW)


def test_a_rehearsal_that_asks_once_for_many_ticks_knows_at_each_what_it_knew(ledger):
    """Else it would act on a verdict or on traffic of later."""
    rule = parse(TEXT).rules[0]
    times = [NOW - ago * MINUTE for ago in (901, 900, 899, 560, 500, 380, 290, 280, 260, 250, 10, 0)]
    all_at_once = Journals(ledger, times)
    alone = [journal(ledger, "fraud", TRIGGERS, rule, None, time) for time in times]
    assert [all_at_once.at(time, "fraud", rule, ()) for time in times] == alone
    assert len({one.served for one in alone}) > 7, "the ticks differ, or nothing was compared"


def test_only_versions_that_were_right_while_they_served_are_good(known):
    """few: too few labels; gone: judged without traffic; worse and slow: a later verdict against them."""
    assert [s.version for s in known.good_versions()] == ["drifts", "good"]


def test_every_version_that_served_is_in_order_with_its_traffic(known):
    assert [s.version for s in known.served] == ["gone", "good", "few", "worse", "slow", "drifts"]
    good = next(s for s in known.served if s.version == "good")
    assert (good.first, good.last) == (NOW - 600 * MINUTE, NOW - 400 * MINUTE)
    assert (good.predictions, good.good_count) == (20, 600)
    assert (good.good_at, good.bad_at) == (NOW - 380 * MINUTE, NOW - 560 * MINUTE)


def test_a_version_without_labels_is_good_by_the_detectors_of_its_rule(tmp_path):
    """A language server has latencies and no labels: else its rule could never act."""
    slow = parse(TEXT.replace("[accuracy]", "[latency_objective]")).rules[0]
    both = parse(TEXT.replace("[accuracy]", "[accuracy, latency_objective]")).rules[0]
    counted = {
        "minute": NOW - 400 * MINUTE, "model": "fraud", "model_version": "served", "metric": METRIC,
        "histogram": HISTOGRAMS[0], "bucket": 1, "count": 900, "above_seconds": 0.1, "at_most_seconds": 0.2,
    }  # fmt: skip
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[served(400, "v1"), served(300, "v2")], latency_counts=[counted])
        found = [verdict(v, "ok", 380, detector="latency_objective") for v in ("v1", "served")]
        write(store, **{FINDINGS.name: [*found, verdict("v2", "ok", 280)]})
        good = journal(store, "fraud", TRIGGERS, slow, None, NOW).good_versions()
        assert {s.version for s in good} == {"v1", "served"}
        assert journal(store, "fraud", TRIGGERS, both, None, NOW).good_versions() == ()
        write(store, **{FINDINGS.name: [verdict("v1", "ok", 370, count=700)]})
        (one,) = journal(store, "fraud", TRIGGERS, both, None, NOW).good_versions()
        assert (one.version, one.good_at, one.good_count) == ("v1", NOW - 380 * MINUTE, 600)


def test_a_state_began_when_it_was_first_seen_after_another_one(tmp_path):
    """Scaling is a new generation of the same state; back and forth begins anew; the first is unknown."""
    rule = parse(TEXT).rules[0]
    seen = {30: "a", 20: "b", 10: "b", 8: "a", 5: "b", 3: "b"}
    with Store.open(tmp_path) as store:
        for ago, state in seen.items():
            row = {
                "time": NOW - ago * MINUTE, "cluster": "lab", "namespace": "ml", "uid": "u",
                "workload": "Deployment/fraud", "generation": ago, "number": 1, "model": "fraud",
                "model_version": state, "template_hash": state, "config": "{}",
            }  # fmt: skip
            write(store, revisions=[row])
            known = journal(store, "fraud", TRIGGERS, rule, None, NOW)
            if ago == 30:
                assert [s.began for s in known.seen] == [None]
    assert {s.template_hash: s.began for s in known.seen} == {"a": None, "b": NOW - 5 * MINUTE}


def test_without_a_readable_target_there_is_no_revision(known):
    assert known.revision_of("good") is None


def test_what_the_broker_lost_of_predictions_and_labels_holds_an_action_back(tmp_path):
    """A model that looks worse while its events are missing must not be rolled back for that."""
    at = int(NOW.replace(tzinfo=UTC).timestamp() * 1e6) - 60_000_000
    [gone] = offset_gaps.rows(
        offset_gaps.lost([offset_gaps.Hole("driftledger.label", "id", 3, 10, 18, at, at)])
    ).to_pylist()
    kept = {"kind": "lost", "start": NOW - 5 * MINUTE, "end": NOW - 2 * MINUTE, "lost": 1}
    others = [("c2", "inference/pod"), ("lab", "dcgm/x"), ("lab", "spool/host/inference")]
    with Store.open(tmp_path) as store:
        rule = parse(TEXT).rules[0]
        assert rule.target.cluster == "lab"
        own = {"cluster": "lab", "source": "inference/pod", **kept}
        write(store, gaps=[gone, own, *({"cluster": c, "source": s, **kept} for c, s in others)])
        told = journal(store, "fraud", TRIGGERS, rule, None, NOW).gaps
    assert [g.words for g in told] == [
        "driftledger.label/3 missed 9 events (offsets_lost)",
        "inference/pod missed 1 events (lost)",
    ]


def test_what_was_lost_while_a_version_was_judged_is_known_to_its_decision(tmp_path):
    """Of a spool that was torn nobody knows what was in it; what was lost before the version came is old."""
    rule = parse(TEXT).rules[0]

    def gap(source, kind, ago, lost, cluster="lab"):
        end = NOW - ago * MINUTE
        return {"cluster": cluster, "source": source, "kind": kind, "start": end - MINUTE, "end": end,
                "lost": lost}  # fmt: skip

    gaps = [gap("label/a", "lost", ago, 4) for ago in (400, 200, 100)]
    gaps += [gap("label/b", "lost", 50, None), gap("label/b", "lost", 40, 2)]
    gaps += [gap("spool/host/x", "spool_torn", 30, None, ""), gap("dcgm/x", "lost", 30, 1)]
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[served(300, "v2"), served(5, "v2")], gaps=gaps)
        trip = Trip("fraud", "v2", (finding(start=NOW - 6 * 1440 * MINUTE),))
        told = journal(store, "fraud", TRIGGERS, rule, None, NOW, [trip]).gaps
        assert journal(store, "fraud", TRIGGERS, rule, None, NOW).gaps == ()
        rehearsed = Journals(store, [NOW - 99 * MINUTE, NOW])
        assert rehearsed.at(NOW, "fraud", rule, [trip]).gaps == told
        assert rehearsed.at(NOW - 99 * MINUTE, "fraud", rule, [trip]).gaps == told[:1]
        assert rehearsed.at(NOW, "fraud", rule, ()).gaps == ()
    assert [(g.source, g.lost) for g in told] == [("label/a", 8), ("label/b", None), ("spool/host/x", None)]
    assert told[0].end == NOW - 100 * MINUTE
