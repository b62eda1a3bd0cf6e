"""The allocation collector beside a real control plane: its intervals are those of the audit log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation import cluster_truth
from tests.allocation.held_and_told import (
    SECOND,
    Row,
    Span,
    blind_of,
    caught_up,
    config_of,
    is_explained,
    key_of,
    names_of,
    shares_of,
    told_of,
    truth_of,
)
from tests.allocation.truthful_day import is_a_day, lived
from tests.command import Command
from tests.rig.cluster_day import PLUGIN

SHARED, KILLED = "two pods of one claim", "one of two gone"
STARTED, RESTARTED = "rolled out anew", "the API server restarted"


@pytest.mark.parametrize("away_seconds", [3.0, pytest.param(60.0, marks=pytest.mark.soak)])
def test_a_day_of_a_cluster_is_told_as_it_was(cluster: Kube, tmp_path: Path, away_seconds: float) -> None:
    """Whatever the bill says was held was held, to the second, through rollouts, a drain and restarts."""
    port = free_port()
    config, ledger = config_of(cluster, tmp_path, port), tmp_path / "ledger"
    command = Command(config, "collect", "allocation", "--store", str(ledger))
    before, names = sum(1 for _ in cluster.audited()), {}
    day = lived(cluster, before, away_seconds)
    with command:
        caught_up(tmp_path)
        for step in day:
            names |= names_of(cluster)
            if step == SHARED:
                for _ in range(2):  # they hold it together for seconds
                    caught_up(tmp_path)
            if step == KILLED:
                break
        caught_up(tmp_path)
        ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        assert ready.status_code == 200 and "right to" not in ready.text, "the rights that we ship suffice"
    for step in day:
        if step == STARTED:
            break
    with command:
        caught_up(tmp_path)
        with _asked(f"http://127.0.0.1:{port}/readyz") as answers:
            for step in day:
                if step == RESTARTED:
                    caught_up(tmp_path)
        caught_up(tmp_path)
        ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        assert ready.status_code == 200, ready.text
    lost = [text for status, text in answers if status == 503 and "API server" in text]
    assert lost and answers[0][0] == 200, "while the API server was away it was not ready, and said so"
    held = truth_of(cluster, before)
    is_a_day(held)
    with Store.open(ledger) as store:
        rows, gaps = store.rows("allocations").to_pylist(), store.rows("gaps").to_pylist()
    told, blind = told_of([row for row in rows if row["claim_uid"]]), blind_of(gaps, "resourceclaims")
    truth = {key_of(h, names): h for h in held}
    assert len(truth) == len(held) and not told.keys() - truth.keys()
    wrong = [k for k, h in truth.items() if not is_explained(h, told.get(k), blind)]
    assert not wrong, "\n".join(f"{truth[k]}\n{told.get(k)}" for k in wrong) + f"\nblind: {blind}"
    seen = [told[k] for k in truth if k in told and told[k]["end_quality"] != "gap"]
    assert len(seen) > len(truth) / 2, "a gap must not explain the day away"
    shares = shares_of(held, [row for row in rows if row["claim_uid"]], names, blind)
    assert [one for one in shares if one[1] != one[2]] == [], "of devices that are shared"
    parts = {part for _, parts, _ in shares for part in parts.values()}
    assert parts == {Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(9984, 40320)}, "each was looked at"
    assert all(end - start < timedelta(seconds=40 + away_seconds) for start, end in blind)
    assert {g["kind"] for g in gaps} <= {"begins", "restart", "away", "relist"}
    assert "restart" in {g["kind"] for g in gaps if g["detail"] == "resourceclaims"}
    _of_the_plugin_too(cluster, before, [row for row in rows if not row["claim_uid"]], blind_of(gaps, "pods"))


def _of_the_plugin_too(cluster: Kube, before: int, rows: list[Row], blind: list[Span]) -> None:
    """Pods that ask for nvidia.com/gpu are in no claim: the log's bindings and ends are their truth."""
    held = {h.pod_uid: h for h in cluster_truth.plugin_holds(list(cluster.audited())[before:], PLUGIN)}
    assert len(held) == 4, "two pods, rolled out anew"
    told = {consumer: row for (_, consumer, _, _), row in told_of(rows).items()}
    assert not told.keys() - held.keys()
    wrong = [uid for uid, h in held.items() if not is_explained(h, told.get(uid), blind)]
    assert not wrong, "\n".join(f"{held[uid]}\n{told.get(uid)}" for uid in wrong) + f"\nblind: {blind}"
    assert any(row["end_quality"] != "gap" for row in told.values()), "a gap must not explain all of it away"
    for device in {row["device"] for row in told.values()}:
        turns = sorted((row["start"], row["end"]) for row in told.values() if row["device"] == device)
        assert all(end <= start + SECOND for (_, end), (start, _) in pairwise(turns)), device


@contextmanager
def _asked(url: str) -> Iterator[list[tuple[int, str]]]:
    """What a probe hears ten times a second, while it is entered."""
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            answer = requests.get(url, timeout=5)
            answers.append((answer.status_code, answer.text))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join(10)
