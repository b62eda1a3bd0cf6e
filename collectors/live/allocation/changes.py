"""News of objects into the state of the cluster: what is new, gone, as it was, or was out of sight."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from collectors.live.allocation.account import Account
from collectors.live.allocation.around import Around
from collectors.live.allocation.book import Moment
from collectors.live.allocation.claims import Claim
from collectors.live.allocation.context import Context
from collectors.live.allocation.marks import SUBJECT_OF, Marks
from collectors.live.allocation.meta import Owning
from collectors.live.allocation.pods import Pod
from collectors.live.kube.news import News
from pipeline.events import Rejected
from pipeline.wire.types.control import BEGINS

KINDS = (
    "namespaces", "nodes", "resourceslices", "deviceclasses", "replicasets", "jobs", "pods", "resourceclaims",
)  # fmt: skip


@dataclass(slots=True)
class Changes:
    """What each resource holds, and since when that is known; `account` says what became of each news."""

    context: Context
    marks: Marks
    around: Around
    kinds: tuple[str, ...] = KINDS
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
            self.begun += [news.kind] if news.kind in SUBJECT_OF else []
        else:
            self._gap("restart" if first else "relist", news.kind, since, news.at)
            for subject in self.around.about(news.kind):
                self.marks.dirty[subject] = moment
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
        self.around.changed(news.kind, one, moment, there=True)
        return None

    def _owner(self, one: Owning, moment: Moment) -> str | None:
        """Who was told less before (a right was missing) is told now whose all is."""
        known = self.context.asked.get(one.uid, one.owner)
        self.context.answered(one)
        self.marks.there(one.uid, moment)
        if known != one.owner:
            for kind in ("pods", "resourceclaims"):
                for subject in self.around.about(kind):
                    self.marks.mark(subject, moment)
        return None

    def _gone(self, kind: str, uid: str, moment: Moment) -> str | None:
        if kind == "pods":
            if (pod := self.context.pods.get(uid)) is not None:
                self.context.pod_gone(pod)
                self.marks.mark(("pod", uid), moment)
                return None if pod.holds else "no_device"
        elif kind == "resourceclaims":
            self.context.claims.pop(uid, None)
            self.marks.mark(("claim", uid), moment)
        elif (one := self._known[kind].pop(uid, None)) is not None:
            self.around.changed(kind, one, moment, there=False)
        return None

    def _pod(self, pod: Pod, moment: Moment) -> str | None:
        if self.context.pods.get(pod.uid) == pod:
            return "unchanged"
        new = pod.uid not in self.context.pods
        self.context.put_pod(pod)
        if new:
            self.marks.there(pod.uid, moment)
            self.marks.there(f"{pod.namespace}/{pod.group}", moment)
        if pod.holds:
            self.marks.mark(("pod", pod.uid), moment)
            return None
        return "no_device"

    def _claim(self, claim: Claim, moment: Moment) -> str | None:
        if self.context.claims.get(claim.uid) == claim:
            return "unchanged"
        self.context.claims[claim.uid] = claim
        self.marks.mark(("claim", claim.uid), moment)
        return None if claim.body else "claim_not_allocated"

    def _gap(self, kind: str, resource: str, since: int, until: int) -> None:
        row = {"source": "allocation", "kind": kind, "start": since, "end": max(since, until)}
        self.account.gaps.append(row | {"detail": resource})

    def _uids(self, kind: str) -> set[str]:
        if kind == "pods":
            return set(self.context.pods)
        return set(self.context.claims) if kind == "resourceclaims" else set(self._known[kind])
