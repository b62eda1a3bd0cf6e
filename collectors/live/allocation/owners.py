"""What controls the owners that nobody follows (a Deployment, a Rollout, a RayCluster): asked for one by one.

An owner is asked for once, as its controller hardly ever changes.  One that this account may not get has
nothing above it as far as is known; it is asked for again, soon at first and then once a minute.  References
are written by whoever makes a pod: one that is not answered (a server behind the API server is away), or can
never be (what it names cannot be got), stands behind the others, and holds up none of them.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from collectors.live.allocation.meta import PARTIAL_ONE, Owner, Owning, controller
from collectors.live.contract import Watch
from collectors.live.kube.answers import Absent, Away, Forbidden, Gone, Refused
from collectors.live.kube.news import News
from collectors.live.kube.watch import RETRY_SECONDS

KIND = "owners"
_PART = "owners of workloads"
_SHOWN = 100
_PATIENCE_SECONDS = 0.5
_PAUSE_SECONDS = 2.0
_FIRST_RETRY_SECONDS = 4.0


class _Resource(msgspec.Struct):
    name: str = ""
    kind: str = ""
    namespaced: bool = True


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


_RESOURCES = msgspec.json.Decoder(_Resources)


class Gets(Protocol):
    """What is asked of an API server; `answers.Server` is one."""

    closed: bool

    def now(self) -> int: ...
    def one(self, path: str, accept: str) -> bytes: ...


@dataclass(slots=True)
class Asker:
    """`ask` from any thread; `run` on one of its own puts the answers until the server is closed."""

    server: Gets
    put: Callable[[News], None]
    watch: Watch
    _asked: queue.Queue[tuple[str, Owner]] = field(default_factory=queue.Queue)
    _pending: set[str] = field(default_factory=set)
    _refused: dict[str, tuple[str, Owner]] = field(default_factory=dict)
    _unanswered: set[str] = field(default_factory=set)
    _resources: dict[str, dict[str, _Resource]] = field(default_factory=dict)

    def ask(self, unknown: Mapping[str, tuple[str, Owner]]) -> None:
        for uid, one in unknown.items():
            if uid not in self._pending:
                self._pending.add(uid)
                self._asked.put(one)

    def run(self) -> None:
        asked, pause = self.watch.now(), _FIRST_RETRY_SECONDS
        while not self.server.closed:
            try:
                self._answer(*self._asked.get(timeout=_PATIENCE_SECONDS))
            except queue.Empty:
                if not self._refused:
                    asked, pause = self.watch.now(), _FIRST_RETRY_SECONDS
                elif self.watch.now() - asked > pause * 1e6:
                    self._ask_again()
                    asked, pause = self.watch.now(), min(2 * pause, RETRY_SECONDS)

    def _ask_again(self) -> None:
        """One of those that were refused, and all of them where that one is told now."""
        refused, self._refused = self._refused, {}
        uid = next(iter(refused))
        self._answer(*refused.pop(uid))
        if uid in self._refused:
            self._refused |= refused
        for one in () if uid in self._refused else refused.values():
            self._asked.put(one)

    def _answer(self, namespace: str, one: Owner) -> None:
        try:
            above = self._above(namespace, one)
        except Away as away:
            self._unanswered.add(one.uid)
            self.watch.notes(_PART, str(away))
            if not self.watch.wait(_PAUSE_SECONDS):
                self._asked.put((namespace, one))
            return
        self._unanswered.discard(one.uid)
        if not self._unanswered:
            self.watch.goes_on(_PART)
        self.put(News(KIND, "put", Owning(one.uid, above), self.server.now()))
        self._pending.discard(one.uid)

    def _above(self, namespace: str, one: Owner) -> Owner | None:
        """None where nothing controls it, it is gone, or this account may not read it: that is said."""
        part = f"right to get {one.kind[:_SHOWN]} of {one.api[:_SHOWN]}"
        try:
            if (resource := self._resource(one)) is None:
                return None
            root = _root(one.api) + (f"/namespaces/{namespace}" if resource.namespaced else "")
            uid, above = controller(self.server.one(f"{root}/{resource.name}/{one.name}", PARTIAL_ONE))
        except Forbidden as lack:
            self.watch.notes(part, str(lack))
            self._refused[one.uid] = (namespace, one)
            return None
        except (Absent, Gone, Refused, msgspec.DecodeError):
            return None
        self.watch.goes_on(part)
        return above if uid == one.uid else None

    def _resource(self, one: Owner) -> _Resource | None:
        """How the server calls objects of this kind, which a reference does not say."""
        if one.kind not in self._resources.get(one.api, {}):
            found = _RESOURCES.decode(self.server.one(_root(one.api), "application/json")).resources or []
            self._resources[one.api] = {r.kind: r for r in reversed(found) if "/" not in r.name}
        return self._resources[one.api].get(one.kind)


def _root(api: str) -> str:
    return f"/apis/{api}" if "/" in api else f"/api/{api}"
