"""The cluster's state into intervals: what each claim and each pod holds, and what there is to hold.

Pure; meant to give the same intervals wherever the news are cut into turns, and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.live.allocation import named
from collectors.live.allocation.account import Account
from collectors.live.allocation.around import Around
from collectors.live.allocation.beside import FOLLOWED, HOLDING
from collectors.live.allocation.book import Moment, Row
from collectors.live.allocation.changes import KINDS, Changes
from collectors.live.allocation.context import Context, Names
from collectors.live.allocation.early import Early
from collectors.live.allocation.holding import Holding
from collectors.live.allocation.marks import KIND_OF, SUBJECT_OF, Marks
from collectors.live.allocation.output import parsed
from collectors.live.kube.news import News
from collectors.parsed import Parsed

_ORDER = ("pool", "claim", "pod", *FOLLOWED, *HOLDING.values(), "node")
"""Claims need the devices of their pools; nodes are told the devices that pods have."""

_CHANGES = ("listed", "synced", "put", "gone")
_LEDGER_KEY = ("device", "share_id", "claim_uid", "consumer_uid", "container", "start")


def parse(news: Iterable[News], fold: Fold, now: int) -> Parsed:
    """What was told since the last time as events; `fold` is what is remembered, and moved on.

    The unit counted is an object as it was told.  `now`, microseconds since 1970 UTC, is not before any of
    them.  Nothing is said before every resource was listed once.
    """
    fold.take(news)
    return fold.settle(now) if fold.changes.complete else Parsed(0, 0)


class Fold:
    """`take` news, `settle` now and then, `kept` is what goes on after a restart."""

    def __init__(
        self,
        cluster: str,
        names: Names,
        kept: Mapping[str, Any] | None = None,
        kinds: tuple[str, ...] = KINDS,
    ) -> None:
        self.cluster = cluster
        self.context = Context(names)
        self._marks = Marks()
        self.holding = Holding(self.context, self._marks)
        around = Around(self.context, self._marks, self.holding.about)
        self.changes = Changes(self.context, self._marks, around, kinds)
        self._names: News | None = None
        self._told: dict[str, dict[tuple[Any, ...], Row]] = {"allocation": {}, "device": {}}
        """The newest row of each of the ledger's keys since the last turn: they have one revision."""
        self._revision = 0
        self._early = Early()
        """Changes to what was listed, while other resources are not: nothing can be settled until then."""
        if kept is not None:
            self._restore(kept)

    def _restore(self, kept: Mapping[str, Any]) -> None:
        self.changes.seen, self.changes.missed = kept["seen"], dict(kept.get("missed", {}))
        self._revision = kept["revision"]
        self.context.same.update(kept.get("same", {}))
        self.holding.restore(kept)

    def kept(self, seen: int) -> dict[str, Any]:
        """For a cursor; `seen` is until when everything was seen, microseconds."""
        return {
            "seen": seen,
            "missed": self.changes.still_missed(),
            "revision": self._revision,
            "same": dict(self.context.same),
            "allocations": self.holding.allocations.kept(),
            "inventory": self.holding.inventory.kept(),
        }

    def take(self, news: Iterable[News]) -> None:
        for one in news:
            if not self.changes.complete and one.kind in self.changes.ready and one.what in _CHANGES:
                self._early.add(one)
                continue
            self._take(one)
            if self._early.waiting and self.changes.complete:
                for waited in self._early.taken():
                    self._take(waited)
                self.changes.left_out(self._early.dropped)

    def _take(self, one: News) -> None:
        if one.kind == named.KIND:
            self._names = one
            return
        subject = (SUBJECT_OF.get(one.kind), getattr(one.value, "uid", None))
        again = one.what in ("put", "gone") and subject in self._marks.dirty
        if again or one.what == "synced" or one.kind == "namespaces":
            self._settle()  # what came and went within one turn was held all the same
        self.changes.take(one)

    def _learn(self) -> None:
        """Names that exporters tell may come before the pods that have them."""
        if self._names is not None and self.changes.complete:
            for uid in named.learn(self.context, self._names.value):
                self._marks.dirty.setdefault(("pod", uid), Moment(self._names.at, "observed"))
            self._names = None

    def settle(self, now: int) -> Parsed:
        """Events of all that changed since the last time; nothing before every resource was listed."""
        self._learn()
        self._settle()
        if self.changes.complete:
            self.changes.begin(now)
        account, self.changes.account = self.changes.account, Account()
        rows = {event: list(told.values()) for event, told in self._told.items()}
        self._told = {"allocation": {}, "device": {}}
        self._revision = max(self._revision + 1, now)
        return parsed(rows, account, cluster=self.cluster, now=now, revision=self._revision)

    def _settle(self) -> None:
        if not self.changes.complete:
            return
        for kind in _ORDER:
            for subject in [s for s in self._marks.dirty if s[0] == kind]:
                moment = self._marks.dirty.pop(subject)
                if KIND_OF[kind] not in self.changes.caught_up:
                    continue  # it is as it was before this process, until its kind is listed again
                event, told = self.holding.settle(subject, moment, self.changes.account)
                for row in told:
                    self._told[event][tuple(row.get(name) for name in _LEDGER_KEY)] = row

    def beat(self, now: int) -> Parsed:
        """One open interval again, as seen now: how far the cluster is known moves on."""
        event, row = "allocation", next(self.holding.allocations.rows(), None)
        if row is None:
            event, row = "device", next(self.holding.inventory.rows(), None)
        self._revision = max(self._revision + 1, now)
        rows = {event: [row]} if row is not None else {}
        return parsed(rows, Account(), cluster=self.cluster, now=now, revision=self._revision)
