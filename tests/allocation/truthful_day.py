"""A day whose truth, the audit log, is itself held to what the API server says at every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pipeline.rig.kube.cluster import Kube
from tests.allocation import cluster_truth
from tests.rig import cluster_day, cluster_objects
from tests.waiting import until


def lived(cluster: Kube, before: int, away_seconds: float) -> Iterator[str]:
    """The steps of the day, each once the log agrees; a collector compared with a wrong truth would be wrong
    in the same way, and nobody would see it.  `before` is how many lines the log had."""
    for step in cluster_day.live(cluster, away_seconds=away_seconds):
        _agrees(cluster, before, step)
        yield step


def is_a_day(held: list[cluster_truth.Hold]) -> None:
    """It has what a day has, each once: else equal intervals would say little."""
    assert all(h.end is not None and h.start < h.end for h in held)
    assert len({cluster_truth.key(h) for h in held}) == len(held)

    # 3 deployed, 3 rolled out anew, the job's, those drained, 2 scaled up: each pod of its own claim.
    whole = [h for h in held if not h.admin and not h.share and "mig" not in h.device]
    paid = [h for h in whole if h.claim != "pair"]
    assert len({h.pod_uid for h in paid}) == len(paid) >= 3 + 3 + 1 + 1 + 2
    pair = [h for h in held if h.claim == "pair"]
    assert [h.pod for h in sorted(pair, key=lambda h: h.end or h.start)] == ["left", "right"]
    assert len({h.device for h in pair}) == 1
    assert Counter(h.share != "" for h in held if "gpu-c" in h.device) == {True: 6}
    assert {h.pod for h in held if h.admin} == {"watcher"}

    for device in {h.device for h in whole}:
        turns = sorted((h.start, h.end, h.claim_uid) for h in whole if h.device == device)
        for (_, end, claim), (start, _, other) in pairwise(turns):
            assert claim == other or (end is not None and end <= start), device
    # What outlives its pod does so for moments: the controller has to see that the pod is gone.
    late = [(h.end - h.pod_end).total_seconds() for h in held if h.end and h.pod_end]
    assert len(late) == len(held)
    assert max(late) < 15


def _agrees(cluster: Kube, before: int, step: str) -> None:
    """The log says what one listing says, as of that listing's version: what is released since is in neither.

    Only the log's own lines are waited for, which are written after the change can be seen.
    """
    listed = cluster.request("GET", f"{cluster_objects.RESOURCE}/resourceclaims")
    version, named = int(listed["metadata"]["resourceVersion"]), cluster_truth.named_now(listed["items"])

    def open_() -> set[cluster_truth.Key]:
        held = cluster_truth.holds(list(cluster.audited())[before:], version)
        return {cluster_truth.key(h) for h in held if h.end is None}

    until(lambda: open_() == named, f"the log to agree: {step}", 5, lambda: f"{open_() ^ named}")
