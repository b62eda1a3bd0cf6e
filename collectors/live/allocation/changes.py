"""News of objects into the state of the cluster, and which claims, pods, pools and nodes they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from collectors.live.allocation.account import Account
from collectors.live.allocation.beside import FOLLOWED, HOLDING, Thing
from collectors.live.allocation.book import Moment
from collectors.live.allocation.claims import Claim
from collectors.live.allocation.context import Context
from collectors.live.allocation.meta import Namespace, Owning
from collectors.live.allocation.nodes import Node
from collectors.live.allocation.pods import Pod
from collectors.live.kube.news import News
from pipeline.events import Rejected
from pipeline.wire.types.control import BEGINS

Subject = tuple[str, Any]
"""What is settled together: `claim` and `pod` by uid, `pool` by driver and name, `node` by name; `volume` and
`load_balancer` by uid, and who holds each (HOLDING)."""

KINDS = (
    "namespaces", "nodes", "resourceslices", "deviceclasses", "replicasets", "jobs", "pods", "resourceclaims",
)  # fmt: skip

_HELD = ("nodes", "resourceslices", "pods", "resourceclaims", *FOLLOWED.values())
"""Kinds of which there are intervals."""


@dataclass(slots=True)
class Changes:
    """`about` tells which subjects are open for a kind or a namespace; `dirty` are those to settle anew."""

    context: Context
    about: Callable[[str], Iterable[Subject]]
    kinds: tuple[str, ...] = KINDS
    claims: dict[str, Claim] = field(default_factory=dict)
    dirty: dict[Subject, Moment] = field(default_factory=dict)
    waiting: dict[Any, set[Subject]] = field(default_factory=lambda: defaultdict(set))
    """Subjects that miss an object, by its uid or name, or a device, by its pool."""
    ready: set[str] = field(default_factory=set)
    account: Account = field(default_factory=Account)
    seen: int | None = None
    """Until when the last process saw everything; None if there was none."""
    missed: dict[str, int] = field(default_factory=dict)
    """Kinds that it did not see (it had no right to), and since when."""
    begun: list[str] = field(default_factory=list)
    """Kinds that were listed for the first time by a process that knows of none before it."""
    _known: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    """The reduced objects by kind and uid, but for claims and pods."""
    _listed: dict[str, list[News]] = field(default_factory=lambda: defaultdict(list))
    """A list counts when it is whole: only then is it known what it does not hold."""
    caught_up: set[str] = field(default_factory=set)
    """Kinds that were listed since this process began: of the others it does not know what there is."""

    @property
    def complete(self) -> bool:
        """Every resource was listed, or cannot be."""
        return self.ready.issuperset(self.kinds)

    def take(self, news: News) -> None:
        account = self.account
        if news.what == "listed":
            self._listed[news.kind].append(news)
        elif news.what in ("put", "gone"):
            self._count(news)
        elif news.what == "refused":
            account.read += 1
            account.rejected.append(Rejected("wrong_type", str(news.value)))
        elif news.what == "back":
            self._gap("away", news.kind, news.value, news.at)
        elif news.what == "lacking":
            self.ready.add(news.kind)
        else:
            self._synced(news)

    def left_out(self, dropped: dict[str, tuple[int, int]]) -> None:
        """Changes of which only the last was kept, by kind, from when to when."""
        for kind, (since, until) in dropped.items():
            self._gap("changes_left_out", kind, since, until)
        dropped.clear()

    def begin(self, now: int) -> None:
        """What the ledger has open of these kinds, and is not told now, ended without being seen."""
        for kind in self.begun:
            self._gap(BEGINS, kind, now, now)
        self.begun.clear()

    def _count(self, news: News) -> None:
        self.account.read += 1
        why = self._object(news, Moment(news.at, "observed"))
        if why is None:
            self.account.used += 1
        else:
            self.account.excluded[why] += 1

    def still_missed(self) -> dict[str, int]:
        """Kinds that this process has not seen either."""
        since = {} if self.seen is None else dict.fromkeys(self.kinds, self.seen) | self.missed
        return {kind: time for kind, time in since.items() if kind not in self.caught_up}

    def _synced(self, news: News) -> None:
        """What the list does not hold is gone, and nobody saw when."""
        first = news.kind not in self.caught_up
        since = self.missed.pop(news.kind, self.seen) if first else None
        since = news.value if since is None else since
        moment = Moment(news.at, "observed") if since is None else Moment(min(since, news.at), "gap", news.at)
        listed = self._listed.pop(news.kind, [])
        for one in listed:
            self._count(one)
        for uid in self._uids(news.kind) - {one.value.uid for one in listed}:
            self._gone(news.kind, uid, moment)
        if since is None:
            self.begun += [news.kind] if news.kind in _HELD else []
        else:
            self._gap("restart" if first else "relist", news.kind, since, news.at)
            for subject in self.about(news.kind):
                self.dirty[subject] = moment
        self.ready.add(news.kind)
        self.caught_up.add(news.kind)

    def _object(self, news: News, moment: Moment) -> str | None:
        """Why it is of no concern; None where it is of one."""
        one = news.value
        if news.what == "gone":
            if news.kind == "pods":
                self.context.put_pod(one)
            return self._gone(news.kind, one.uid, moment)
        match news.kind:
            case "owners":
                return self._owner(one, moment)
            case "pods":
                return self._pod(one, moment)
            case "resourceclaims":
                return self._claim(one, moment)
        if self._known[news.kind].get(one.uid) == one:
            return "unchanged"
        self._known[news.kind][one.uid] = one
        self._around(news.kind, one, moment, there=True)
        return None

    def _owner(self, one: Owning, moment: Moment) -> str | None:
        """Who was told less before (a right was missing) is told now whose all is."""
        known = self.context.asked.get(one.uid, one.owner)
        self.context.answered(one)
        self._there(one.uid, moment)
        if known != one.owner:
            for kind in ("pods", "resourceclaims"):
                for subject in self.about(kind):
                    self._mark(subject, moment)
        return None

    def _gone(self, kind: str, uid: str, moment: Moment) -> str | None:
        if kind == "pods":
            if (pod := self.context.pods.get(uid)) is not None:
                self.context.pod_gone(pod)
                self._mark(("pod", uid), moment)
                return None if pod.holds else "no_device"
        elif kind == "resourceclaims":
            self.claims.pop(uid, None)
            self._mark(("claim", uid), moment)
        elif (one := self._known[kind].pop(uid, None)) is not None:
            self._around(kind, one, moment, there=False)
        return None

    def _pod(self, pod: Pod, moment: Moment) -> str | None:
        if self.context.pods.get(pod.uid) == pod:
            return "unchanged"
        new = pod.uid not in self.context.pods
        self.context.put_pod(pod)
        if new:
            self._there(pod.uid, moment)
            self._there(f"{pod.namespace}/{pod.group}", moment)
        if pod.holds:
            self._mark(("pod", pod.uid), moment)
            return None
        return "no_device"

    def _claim(self, claim: Claim, moment: Moment) -> str | None:
        if self.claims.get(claim.uid) == claim:
            return "unchanged"
        self.claims[claim.uid] = claim
        self._mark(("claim", claim.uid), moment)
        return None if claim.body else "claim_not_allocated"

    def _around(self, kind: str, one: Any, moment: Moment, *, there: bool) -> None:
        if kind == "namespaces":
            self._namespace(one, moment, there=there)
        elif kind == "nodes":
            self._node(one, moment, there=there)
        elif kind == "resourceslices":
            pool = self.context.slice_changed(one, there)
            self._mark(("pool", pool), moment)
            self._there(pool, moment)
        elif kind == "deviceclasses":
            for uid in self.context.class_changed(one, there):
                self._mark(("pod", uid), moment)
        elif isinstance(one, Thing):
            self._thing(one, moment, there=there)
        elif there:
            self.context.owning[one.uid] = one
            self._there(one.uid, moment)
        else:
            self.context.owning.pop(one.uid, None)

    def _namespace(self, one: Namespace, moment: Moment, *, there: bool) -> None:
        if not there:
            self.context.namespaces.pop(one.name, None)
            return
        before = self.context.namespaces.get(one.name)
        self.context.namespaces[one.name] = one
        self._there(("namespace", one.name), moment)
        if before is not None and before.labels != one.labels:
            for subject in self.about(f"namespace/{one.name}"):
                self._mark(subject, moment)

    def _thing(self, one: Thing, moment: Moment, *, there: bool) -> None:
        self.context.thing_changed(one, there)
        for subject in (one.resource, HOLDING[one.resource]):
            self._mark((subject, one.uid), moment)

    def _node(self, one: Node, moment: Moment, *, there: bool) -> None:
        if there:
            for uid in self.context.node_changed(one):
                self._mark(("pod", uid), moment)
            self._there(one.name, moment)
        else:
            self.context.nodes.pop(one.name, None)
        self._mark(("node", one.name), moment)
        for pool, devices in self.context.devices.items():
            if any(device.node == one.name for device in devices.values()):
                self._mark(("pool", pool), moment)

    def _there(self, name: Any, moment: Moment) -> None:
        for subject in self.waiting.pop(name, ()):
            self._mark(subject, moment)

    def _mark(self, subject: Subject, moment: Moment) -> None:
        """The first that is known of a change is nearest to it."""
        self.dirty.setdefault(subject, moment)

    def _gap(self, kind: str, resource: str, since: int, until: int) -> None:
        row = {"source": "allocation", "kind": kind, "start": since, "end": max(since, until)}
        self.account.gaps.append(row | {"detail": resource})

    def _uids(self, kind: str) -> set[str]:
        if kind == "pods":
            return set(self.context.pods)
        return set(self.claims) if kind == "resourceclaims" else set(self._known[kind])
