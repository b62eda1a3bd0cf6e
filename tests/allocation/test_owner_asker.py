"""Owners are asked for one by one; what one tenant writes into a reference holds up nobody else's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from collectors.live.allocation.meta import Owner
from collectors.live.allocation.owners import Asker
from collectors.live.kube.answers import Absent, Away, Refused
from collectors.live.kube.news import News

DEPLOYMENT = Owner("Deployment", "api", "uid-api", "apps/v1")
METRICS = Owner("PodMetrics", "x", "uid-x", "metrics.k8s.io/v1beta1")


@dataclass
class Server:
    """It knows Deployments; to the rest it answers as told."""

    answer: type[Exception]
    closed: bool = False
    asked: list[str] = field(default_factory=list)

    def now(self) -> int:
        return 0

    def one(self, path: str, accept: str) -> bytes:
        self.asked.append(path)
        assert len(self.asked) < 50
        if path == "/apis/apps/v1":
            return b'{"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": true}]}'
        if path.startswith("/apis/apps/v1/"):
            owner = {"kind": "Bundle", "name": "b", "uid": "uid-b", "apiVersion": "v1", "controller": True}
            return json.dumps({"metadata": {"uid": "uid-api", "ownerReferences": [owner]}}).encode()
        raise self.answer("HTTP 503: no server behind it")


@dataclass
class Watch:
    noted: dict[str, str] = field(default_factory=dict)

    def now(self) -> int:
        return 0

    def wait(self, seconds: float) -> bool:
        return False

    def waits(self, part: str, reason: str) -> None: ...

    def notes(self, part: str, reason: str) -> None:
        self.noted[part] = reason

    def goes_on(self, *parts: str) -> None:
        for part in parts:
            self.noted.pop(part, None)


@pytest.mark.parametrize("answer", [Away, Refused, Absent])
def test_a_reference_that_nobody_answers_holds_up_no_other(answer: type[Exception]) -> None:
    """Else every bill would stand under ReplicaSets, by one pod with an owner in an API that is down."""
    server, watch, told = Server(answer), Watch(), dict[str, Owner | None]()

    def put(news: News) -> None:
        told[news.value.uid] = news.value.owner
        server.closed = len(told) == (1 if answer is Away else 2)

    asker = Asker(server, put, watch)
    asker.ask({"a": ("ml", METRICS), "b": ("ml", DEPLOYMENT)})
    asker.run()
    assert told["uid-api"] == Owner("Bundle", "b", "uid-b", "v1")
    if answer is Away:
        assert list(watch.noted) == ["owners of workloads"], "it is said, and asked for again"
        assert asker._asked.get_nowait() == ("ml", METRICS)
    else:
        assert told["uid-x"] is None and watch.noted == {}
